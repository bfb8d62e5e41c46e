"""What the terminal shows: nothing cut at 80 columns, digits that the interval supports, names shown as they are."""

import io
import math
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from made_rows import ROW, experiment
from rich.console import Console

from gru_tf.analysis.published import Beside
from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.table import Row
from gru_tf.analysis.verdicts import Verdict
from gru_tf.analysis.wording import interval
from gru_tf.commands import entries, output, screen
from gru_tf.experiment.specs import Published
from gru_tf.training.network.budget import Size

NAN = math.nan


def rendered(*shown: Any, width: int = 80, **options: Any) -> str:
    """What a console of this width prints."""
    console = Console(file=io.StringIO(), width=width, **options)
    for part in shown:
        console.print(part)
    return console.file.getvalue()


def table_of(*found: Row, width: int = 80, **fields: Any) -> str:
    """The tables of these rows as printed."""
    return rendered(*screen.tables(experiment(**fields), found), width=width)


def words_of(row: Row) -> list[str]:
    """The words of a row's line in the table."""
    (line,) = [line for line in table_of(row).splitlines() if line.startswith(f"{row.cell} ")]
    return line.split()


# --- tables ---

QUICKSTART = [
    replace(ROW, cell="rnn", units=101, parameters=12_029, test=Interval(0.6713, 0.5211, 0.8215), step_ms=101.42),
    replace(ROW, cell="lstm", units=49, parameters=10_496, failures=("a trial failed: no", "seed 1 failed: no")),
    ROW,
    *(
        replace(
            ROW,
            task="adding(length=30)",
            title="adding(length=30)",
            cell=cell,
            metric="mse",
            direction="min",
            test=test,
            chance=1 / 6,
        )
        for cell, test in (
            ("rnn", Interval(0.1665, 0.1641, 0.1689)),
            ("lstm", Interval(3.721e-5, 1.13e-6, 7.329e-5)),
            ("gru", Interval(0.000412, -0.000181, 0.001005)),
        )
    ),
]
LARGE = [
    replace(ROW, parameters=12_345_678, units=1024, step_ms=1234.56, test=Interval(11.0931, 10.9841, 11.2021)),
    replace(ROW, parameters=13_000_000, units=1024, test=Interval(-123.4, -1234.5, 987.6), seeds=10, wanted=10),
    replace(ROW, step_ms=1234.56, test=Interval(11.0931, 11.0881, 11.0981)),
]


@pytest.mark.parametrize("found", [QUICKSTART, LARGE], ids=["quickstart", "large"])
def test_a_table_fits_in_80_columns_without_a_cut(found):
    text = table_of(*found)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    for row in found:
        cells = (row.cell, f"{row.units:,}", f"{row.parameters:,}", screen.interval(row.test), f"{row.step_ms:.2f}")
        assert any(all(cell in line for cell in cells) for line in text.splitlines()), row


@pytest.mark.parametrize("label", ["gru(reset_after=False)", "gru(convention=write, reset_after=False)"])
def test_a_long_label_is_folded_and_no_number_cut(label):
    lines = table_of(replace(ROW, cell=label), width=79).splitlines()[3:]
    assert max(map(len, lines)) <= 79
    assert lines[0].split()[-8:] == words_of(ROW)[1:]
    folded = "".join([lines[0].split()[0], *(line.strip() for line in lines[1:])])
    assert folded.replace(" ", "") == label.replace(" ", "")


def test_the_look_for_a_cut_is_able_to_fail():
    cut = "\n".join(line[:40] for line in table_of(*QUICKSTART).splitlines())
    assert not all(screen.interval(row.test) in cut for row in QUICKSTART)


def test_a_line_says_what_the_row_says():
    assert words_of(ROW) == ["gru", "57", "12,094", "0.912", "[0.853,", "0.971]", "0.075", "12.34", "3/3"]
    partial = replace(ROW, seeds=1, test=Interval(0.9123, NAN, NAN), failures=("seed 1 failed: a", "seed 2 failed: b"))
    assert words_of(partial)[3:6] == ["0.912", "[one", "seed]"]
    assert words_of(partial)[-2:] == ["1/3", "2"]


BASELINE = replace(
    ROW, cell="seasonal_naive", baseline=True, units=None, step_ms=None, test=Interval(42.0, NAN, NAN), seeds=1, wanted=1
)


def test_the_longest_name_of_a_baseline_is_not_folded():
    assert "seasonal_naive" in table_of(ROW, BASELINE)


def test_a_model_that_the_data_do_not_allow_is_in_the_notes_alone():
    out = replace(BASELINE, cell="rocket", test=None, failures=("left out: sequences of 8 steps are shorter than a kernel",))
    text = table_of(ROW, BASELINE, out)
    assert "rocket" not in text
    assert "failed" not in text
    notes = list(screen.notes(experiment(), (ROW, out)))
    assert f"{ROW.title}, rocket: left out: sequences of 8 steps are shorter than a kernel" in notes
    broken = replace(out, failures=("baseline diverged: expected a finite score",))
    assert "rocket" in table_of(ROW, BASELINE, broken)


def test_a_row_without_results_is_dashes():
    nothing = dict.fromkeys(("units", "parameters", "recurrent_parameters", "test", "chance", "score", "step_ms"))
    empty = replace(ROW, **nothing, metric="", seeds=0)
    assert words_of(empty) == ["gru", "–", "–", "–", "–", "–", "0/3"]
    text = table_of(empty, replace(empty, cell="lstm"))
    assert "test" not in text, "no metric is known"


def test_a_table_for_each_task_with_its_metric():
    text = table_of(*QUICKSTART)
    assert [text.count(title) for title in ("digits: test accuracy ↑", "adding(length=30): test mse ↓")] == [1, 1]
    assert text.index("digits: ") < text.index("adding(length=30)")


LABELS = ["adding(length=50)", "gru(a=[bold], b=[/])", "gru(x=[red]y[/red])", "[link=z]", "a\\[b]", "gru(:smile:)"]


@pytest.mark.parametrize("label", LABELS)
def test_labels_are_shown_as_they_are(label):
    text = table_of(replace(ROW, title=label, cell="gru"), width=120)
    assert label in text
    text = table_of(replace(ROW, cell=label), width=120)
    assert label in text


@pytest.mark.parametrize("label", LABELS[:4])
def test_sizes_are_shown_as_they_are(label):
    one = experiment()
    task, cell = (choice.model_copy(update={"name": label}) for choice in (one.tasks[0], one.cells[0]))
    text = rendered(*screen.sizes(one, [(task, cell, Size(57, 12_094, 11_514))]), width=160)
    assert text.count(label) == 2
    assert all(number in text for number in ("57", "12,094", "11,514", "12,000 parameters, head included"))


def test_a_terminal_breaks_no_word_of_what_stands_under_the_table(monkeypatch):
    """In a pipe each note is a line."""
    found = SimpleNamespace(experiment=experiment(), earlier=3)
    notes = list(screen.notes(found.experiment, [ROW], found.earlier))
    assert max(map(len, notes)) > 70
    for terminal in (True, False):
        console = Console(file=io.StringIO(), width=60, force_terminal=terminal)
        monkeypatch.setattr(output, "console", console)
        output.show(found, [ROW])
        lines = re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue()).splitlines()
        told = " ".join(" ".join(lines).split()) if terminal else lines
        assert all(note in told for note in notes)
        assert (max(map(len, lines)) <= 60) is terminal


def test_only_the_best_mean_and_its_cell_are_bold():
    (table,) = screen.tables(experiment(), [replace(ROW, cell="rnn", test=Interval(0.5, 0.4, 0.6)), ROW])
    text = rendered(table, force_terminal=True, color_system="standard", no_color=False)
    (line,) = (line for line in text.splitlines() if ROW.cell in line)
    bold = re.findall(r"\x1b\[1m([^\x1b]*)", line)
    assert [" ".join(part.split()) for part in bold if part.strip()] == [ROW.cell, interval(ROW.test)]


def test_a_long_name_is_cut_where_an_option_begins():
    for name, parts in {
        "gru(convention=write)": ["gru(convention=write)"],
        "gru_reset_before(convention=write)": ["gru_reset_before(", "  convention=write)"],
        "gru(a=(1, 2), convention=write)": ["gru(", "  a=(1, 2),", "  convention=write)"],
        "recurrent_activation='hard_sigmoid'": ["recurrent_activation=", "  'hard_sigmoid'"],
        "any cell with implementation: custom": ["any cell with implementation: custom"],
        "XLA asked for, jit_compile=True": ["XLA asked for, jit_compile=True"],
    }.items():
        assert screen.in_parts(name).splitlines() == parts
        table = table_of(replace(ROW, cell=name), width=100)
        assert all(word in table for part in parts for word in part.split())


def best_of(*found: Row) -> list[str]:
    """Which cells' lines are bold."""
    text = rendered(*screen.tables(experiment(), found), force_terminal=True, color_system="standard", no_color=False)
    lines = [line for line in text.splitlines() if any(row.cell in line for row in found)]
    return [row.cell for row in found for line in lines if row.cell in line and "\x1b[1m" in line]


def scored(cell: str, mean: float, direction: str = "max") -> Row:
    """A row with this mean."""
    return replace(ROW, cell=cell, test=Interval(mean, mean - 0.1, mean + 0.1), direction=direction)


def test_the_best_mean_is_bold_whatever_better_means():
    assert best_of(scored("rnn", 0.5), scored("lstm", 0.9), scored("gru", 0.7)) == ["lstm"]
    assert best_of(*(scored(cell, mean, "min") for cell, mean in (("rnn", 0.5), ("lstm", 0.9)))) == ["rnn"]
    assert best_of(scored("rnn", 0.5)) == [], "nothing to be better than"
    assert best_of(scored("rnn", 0.5), replace(ROW, cell="lstm", test=None), scored("gru", 0.4)) == ["rnn"]


@pytest.mark.parametrize("direction", ["max", "min"])
def test_a_mean_that_is_no_number_is_never_the_best(direction):
    found = [scored(cell, mean, direction) for cell, mean in (("rnn", NAN), ("lstm", 0.5), ("gru", 0.5))]
    assert best_of(*found) == ["lstm"]


# --- intervals ---


@pytest.mark.parametrize(
    ("bounds", "shown"),
    [
        ((0.9123, 0.8534, 0.9712), "0.912 [0.853, 0.971]"),
        ((0.9123, 0.4123, 1.4123), "0.91 [0.41, 1.41]"),
        ((8.5432, 8.5417, 8.5447), "8.5432 [8.5417, 8.5447]"),
        ((11.093, 10.984, 11.202), "11.09 [10.98, 11.20]"),
        ((123.4, -876.6, 1123.4), "123 [-877, 1123]"),
        ((0.25, 0.25, 0.25), "0.250 [0.250, 0.250]"),
        ((0.0, 0.0, 0.0), "0.000 [0.000, 0.000]"),
        ((3.7e-5, 1.1e-5, 6.3e-5), "3.7 [1.1, 6.3]·10⁻⁵"),
        ((-3.7e-5, -6.3e-5, -1.1e-5), "-3.7 [-6.3, -1.1]·10⁻⁵"),
        ((0.01, 0.005, 0.015), "0.0100 [0.0050, 0.0150]"),
        ((-2.8e-17, -0.0225, 0.0225), "0.000 [-0.022, 0.022]"),
        ((0.0, -2e-5, 2e-5), "0.0 [-2.0, 2.0]·10⁻⁵"),
        ((0.5, NAN, NAN), "0.5 [one seed]"),
        ((3.721e-5, NAN, NAN), "3.72·10⁻⁵ [one seed]"),
        ((NAN, NAN, NAN), "nan [no interval]"),
        ((math.inf, NAN, NAN), "inf [no interval]"),
    ],
)
def test_an_interval_has_the_digits_that_its_width_supports(bounds, shown):
    assert screen.interval(Interval(*bounds)) == shown


@pytest.mark.parametrize("exponent", range(-12, 7))
@pytest.mark.parametrize("relative", [1e-3, 0.03, 0.5])
def test_what_an_interval_shows_is_what_it_is(exponent, relative):
    """Read back, each of the three numbers is right to a tenth of the interval's half-width."""
    mean = 3.21987 * 10.0**exponent
    given = Interval(mean, mean * (1 - relative), mean * (1 + relative))
    text, _, power = screen.interval(given).partition("·10")
    scale = 10.0 ** int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)
    read = [scale * float(number) for number in text.replace("[", "").replace("]", "").replace(",", "").split()]
    assert read == pytest.approx(given, abs=max(0.1 * relative * abs(mean), 0.5 * scale * (exponent > 0)))


# --- notes ---


def test_notes_say_how_to_read_the_table():
    text = "\n".join(screen.notes(experiment(), [ROW]))
    assert "At an equal budget of 12,000 parameters, head included." in text
    assert "interval over 3 seeds" in text
    assert "tuned" not in text
    searched = experiment(
        search={"trials": 4, "shared": True, "space": {"learning_rate": [0.1], "units": None, "clip_norm": [1.0]}}
    )
    assert "4 random trials over learning_rate, clip_norm, on validation only." in "\n".join(screen.notes(searched, [ROW]))
    assert "units" in next(iter(screen.notes(experiment(model={"units": 9}), [ROW])))


def test_one_seed_has_no_interval_to_explain():
    assert "Student" not in "\n".join(screen.notes(experiment(seeds=1), [replace(ROW, wanted=1, seeds=1)]))


def test_notes_name_every_failure_and_every_missing_seed():
    short = replace(ROW, seeds=1, failures=("seed 1 diverged: the loss", "a trial failed: no"))
    found = list(screen.notes(experiment(), [ROW, short]))
    assert found[-3:] == [
        "digits, gru: 1 of 3 seeds finished.",
        "digits, gru: seed 1 diverged: the loss",
        "digits, gru: a trial failed: no",
    ]
    assert sum("digits, gru" in line for line in found) == 3


# --- claims and published numbers ---

VERDICTS = (
    Verdict("gru.parameters < lstm.parameters", "contradicted", None, None, "11,957 against 11,926 on adding(length=30)."),
    Verdict(
        "gru.seconds_per_step < lstm.seconds_per_step", "inconclusive", None, None, "nothing is known [bold]yet[/bold]."
    ),
    Verdict("gru(reset_after=False).score > rnn.score", "supported", Interval(0.8, 0.7, 0.9), 0.01, "difference 0.8. " * 9),
)


def test_each_claim_has_its_verdict_and_reason():
    text = rendered(*screen.verdicts(VERDICTS))
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    words = " ".join(text.split())
    for one in VERDICTS:
        assert f"{one.verdict} {one.text} {one.why.strip()}" in words
    assert "Measured claims are corrected (Holm) together with all pairs of cells, baselines and tasks; 95 %" in words
    assert "Measured" not in rendered(*screen.verdicts(VERDICTS[:2])), "counts are exact"
    assert list(screen.verdicts(())) == []


def test_published_numbers_stand_beside_ours_with_their_tags():
    fields = {"task": "digits", "metric": "nll", "source": "A paper [1], by a and b"}
    numbers = [
        Published(cell=c, value=v, tag=t, differs=d, **fields)
        for c, v, t, d in (("rnn", 9.1, "recalled", None), ("gru", 8.54, "quoted", "36 units, no test split"))
    ]
    ours = (Interval(8.846, 8.833, 8.86), None)
    found = [Beside(n, "digits", "digits", n.cell, "nll", own) for n, own in zip(numbers, ours, strict=True)]
    text = rendered(*screen.published(found))
    lines = [line.split() for line in text.splitlines()]
    assert ["rnn", "nll", "9.1", "recalled", "8.846", "[8.833,", "8.860]", "-0.254"] in lines
    assert ["gru", "nll", "8.54", "quoted,", "differs", "–", "–"] in lines
    assert "rnn 9.1: recalled, as commonly cited; A paper [1], by a and b" in text
    told = "gru 8.54: quoted in another text; A paper [1], by a and b; their protocol: 36 units, no test split"
    assert told in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80
    assert list(screen.published(())) == []


def test_entries():
    text = rendered(entries.grid([("adding", "Add [two] numbers.", "length: 50"), ("digits", "Read.", "")]))
    assert [line.split(None, 1) for line in map(str.strip, text.splitlines())] == [
        ["adding", "Add [two] numbers."],
        ["length:", "50"],
        ["digits", "Read."],
    ]


@pytest.mark.parametrize(("earlier", "words"), [(0, None), (1, "1 run of"), (1200, "1,200 runs of")])
def test_runs_of_earlier_definitions_are_not_passed_over_in_silence(earlier, words):
    lines = [line for line in screen.notes(experiment(), [ROW], earlier) if line.startswith("Not shown: ")]
    assert lines == ([] if words is None else [f"Not shown: {words} earlier definitions of mine, kept in the store."])


def test_on_a_narrow_terminal_no_blank_line_parts_a_claim_from_its_evidence():
    console = Console(width=50, record=True)
    console.print(*screen.verdicts(VERDICTS), sep="\n")
    lines = console.export_text().splitlines()
    assert "supported" in "".join(lines)
    assert all(line.strip() for line in lines)
