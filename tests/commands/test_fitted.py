"""Terminals of 40 to 120 columns: every number of a table and of an answer can be read back."""

import io
import re
from dataclasses import replace

import pytest
from made_evidence import experiment, results
from made_rows import ROW
from made_rows import experiment as one_task
from made_timing import phase, timings
from rich.console import Console

from gru_tf.analysis import table_text
from gru_tf.analysis.answer import answer
from gru_tf.analysis.evidence import gather
from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.table import Row
from gru_tf.commands import screen

WIDTHS = (40, 60, 72, 80, 120)
WIDE = (  # names, exponents and failures as long as they come
    replace(ROW, cell="gru(convention=write, reset_after=False)", test=Interval(-1.234567e-5, -9.1e-5, 6.5e-5)),
    replace(
        ROW, cell="janet(longest=100)", parameters=1_234_567, units=1_024, test=Interval(123_456.0, 98_765.0, 148_147.0)
    ),
    replace(
        ROW,
        cell="bag_of_words",
        baseline=True,
        units=None,
        parameters=2_345_678,
        step_ms=None,
        test=Interval(0.75, 0.75, 0.75),
    ),
    replace(ROW, cell="rnn", failures=("seed 0 diverged", "seed 2 diverged"), seeds=1, step_ms=1234.5, chance=1.5e-7),
)


def printed(*shown: object, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(*shown, sep="\n")
    return console.file.getvalue().splitlines()


def close(text: str) -> str:
    """Without what layout adds: blanks, rules, dots between entries."""
    return re.sub(r"[\s─·]", "", text)


def read_back(lines: list[str], block: list[Row]) -> None:
    """Every number of every row stands there whole, after those before it; a "–" may be left out, a name in parts."""
    text, place = close("".join(lines)), 0
    for name, *entries in table_text.lines(block)[1:]:
        assert all(part in text for part in re.findall(r"\w+", name)), f"{name} is missing or cut"
        for entry in map(close, entries):
            if entry == "–":
                continue
            assert entry in text[place:], f"{entry} is missing or cut"
            place = text.index(entry, place) + len(entry)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_number_of_the_widest_table_is_cut_or_broken(width: int) -> None:
    (table,) = screen.tables(one_task(), list(WIDE))
    lines = printed(table, width=width)
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines)
    read_back(lines, list(WIDE))
    whole = " ".join(lines)
    for row in WIDE:
        for number in re.findall(r"[\d.,]*\d", " ".join(table_text.cells(row)[1:])):
            assert number in whole, "no number goes over two lines"


def test_the_check_finds_a_table_that_is_cut() -> None:
    (table,) = screen.tables(one_task(), list(WIDE))
    with pytest.raises(AssertionError, match="is missing or cut"):
        read_back([line[:50] for line in printed(table, width=120)], list(WIDE))


def test_a_narrow_terminal_shows_rows_below_one_another() -> None:
    (table,) = screen.tables(one_task(), [ROW])
    assert [line.rstrip() for line in printed(table, width=60)] == [
        "digits: test accuracy ↑",
        "gru",
        "  units 57 · parameters 12,094",
        "  mean [95 % interval] 0.912 [0.853, 0.971] · baseline 0.075",
        "  ms/step 12.34 · seeds 3/3",
    ]
    wide = printed(table, width=80)
    assert wide[1].split()[:3] == ["cell", "units", "parameters"]


@pytest.mark.parametrize("width", WIDTHS)
def test_the_words_of_an_answer_come_in_their_order(width: int) -> None:
    one = experiment(tasks=[{"adding": {"length": 30}}, "digits"][1:])
    lines = answer(gather(one, results(one), timings(phase(one))))
    text = "".join(printed(screen.answer(lines), width=width))
    words = [word for line in lines for word in line.text.split()]
    assert text.split() == [*lines[0].task.split(), *words] or re.sub(r"\s", "", text) == re.sub(
        r"\s", "", lines[0].task + lines[0].text
    )
    assert max(map(len, printed(screen.answer(lines), width=width))) <= width
