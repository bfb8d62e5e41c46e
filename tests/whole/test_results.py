"""Every folder of experiments/results is of its experiment's file, and its files agree; the page of them is fresh."""

import json
import re
from pathlib import Path

import pytest
import record_checks
import site_sources
from made_results import experiment, result
from places import ROOT

from gru_tf.analysis import recorded
from gru_tf.analysis.recorded.paths import without_paths
from gru_tf.analysis.results import Results
from gru_tf.experiment import files, yaml_file
from gru_tf.foundation.errors import UserError

RECORDED = sorted(path for path in (ROOT / "experiments" / "results").glob("*") if path.is_dir())
published = site_sources.module("pages.published")


@pytest.mark.parametrize("folder", RECORDED, ids=lambda folder: folder.name)
def test_what_is_recorded_is_of_its_experiment_and_agrees(folder):
    record_checks.check(folder, yaml_file.load(yaml_file.locate(folder.name)))
    assert record_checks.facts(folder / "record.json")["command"].startswith("gru-tf run ")


def test_the_page_of_published_numbers_is_that_of_the_records():
    assert published.PAGE.read_text(encoding="utf-8") == published.page(), "PYTHONPATH=docs python -m pages.published"


# --- a record made by hand ---

NUMBERS = [
    {"task": "adding", "cell": "gru", "value": 0.05, "tag": "read", "source": "A 2015", "runs": 1},
    {"task": "adding", "cell": "lstm", "metric": "longer_mse", "value": 0.9, "tag": "recalled", "source": "B | C"},
    {"task": "digits", "cell": "gru", "value": 0.9, "tag": "read", "source": "A 2015", "statistic": "best", "runs": 10},
]
WORDS = {"protocol": "As they did.", "not_followed": ["The batch size."], "smaller": "300 of 100,000_sequences"}
PLACE = {
    "device": "A processor",
    "threads": 1,
    "commit": "abc",
    "versions": {"python": "3", "tensorflow": "2", "keras": "3"},
}
HISTORY = {"train_loss": [0.5, 0.4], "validation_loss": [0.6, 0.7]}
FAILURE = "OSError: /home/somebody/data/some file.txt and C:\\Users\\Somebody\\x.csv: no such file"


def runs_of(one, shift=0.0, lost=True):
    """Final runs of two tasks and two cells, the last seed of the last cell failed."""
    made = []
    for task, cell, place in ((t, c, p) for t in (0, 1) for c in (0, 1) for p in range(len(one.seeds))):
        common = {"started": 1e9 + place, "environment": PLACE, "seconds": 1.5, "test_examples": 50, "history": HISTORY}
        if lost and (task, cell, place) == (1, 1, len(one.seeds) - 1):
            made.append(result(one, task, cell, one.seeds[place], status="failed", error=FAILURE, test=None, **common))
            continue
        test = (0.1, 0.8)[task] + 0.02 * cell + 0.01 * place + shift
        metric = {"metric": "mse", "direction": "min", "chance": 0.2} if task == 0 else ACCURACY
        score = (0.2 - test) / 0.2 if task == 0 else (test - 0.1) / 0.9
        more = {"longer_mse": 2 * test} if task == 0 else {}
        made.append(result(one, task, cell, one.seeds[place], test=test, score=score, more=more, **common, **metric))
    return tuple(made)


ACCURACY = {"metric": "accuracy", "direction": "max", "chance": 0.1}


def made(seeds=4, **fields):
    return experiment(seeds=seeds, baselines=False, published=NUMBERS, claims=["gru.score > lstm.score"], **WORDS, **fields)


@pytest.fixture
def one():
    return made()


@pytest.fixture
def folder(one, tmp_path):
    """Its record, with a second run."""
    again = made(seeds=[10, 11, 12])
    further = Results(again, runs_of(again, shift=0.001))
    recorded.write(recorded.expect_whole(Results(one, runs_of(one)), one), tmp_path, further)
    return tmp_path / "mine"


def test_a_record_agrees_with_itself(one, folder):
    record_checks.check(folder, one)


def test_the_losses_that_the_store_keeps_apart_are_recorded(one, tmp_path):
    """Those of a store, as it reads results without them."""
    runs = runs_of(one)

    class Kept:
        def loss_histories(self, results):
            return {r.run.fingerprint: {"train_loss": [3.0, 2.0, 1.0], "validation_loss": [4.0, 3.0, 5.0]} for r in results}

    bare = tuple(r.model_copy(update={"history": {}, "best_epoch": 1}) for r in runs)
    recorded.write(Results(one, bare, record=Kept()), tmp_path)
    row = record_checks.lines(tmp_path / "mine" / "runs.csv")[0]
    losses = ("epochs", "train_loss", "validation_loss", "last_train_loss", "last_validation_loss")
    assert [float(row[name]) for name in losses] == [3, 2.0, 3.0, 1.0, 5.0]
    recorded.write(Results(one, bare), tmp_path)
    with pytest.raises(AssertionError, match="runs without their losses"):
        record_checks.check(tmp_path / "mine", one)


def test_what_was_run_smaller_is_the_first_line_and_failed_runs_are_counted(folder):
    text = (folder / "README.md").read_text()
    assert text.startswith("**Smaller than published:** 300 of 100,000_sequences\n")
    assert "- 1 of 16 runs diverged or failed; the table counts them.\n" in text
    assert "digits, lstm: seed 3 failed: OSError: some file.txt and x.csv: no such file" in text
    assert "16 final, 0 trials, 0 baselines): 15 finished, 0 diverged, 1 failed" in text
    assert "worse, within our spread, smaller" not in text
    assert re.search(
        r"\| gru \| accuracy \| 0.9 \| 10 \| read \| best of 4: 0.83 \| 4 \| worse, best of 4, not tested", text
    )
    assert "24.0 s of all runs together" in text
    assert not list(folder.glob(".writing-*"))


def test_an_experiment_at_full_size_begins_with_its_name(tmp_path):
    whole = made().but(smaller=None)
    recorded.write(Results(whole, runs_of(whole)), tmp_path)
    assert (tmp_path / "mine" / "README.md").read_text().startswith("# mine\n")
    record_checks.check(tmp_path / "mine", whole)


def test_what_is_not_whole_is_refused_in_one_line(one):
    missing = [r for r in runs_of(one) if r.run.seed != 2 or r.run.cell.label == "lstm"]
    with pytest.raises(UserError) as refused:
        recorded.expect_whole(Results(one, tuple(missing)), one)
    first = "mine: 2 runs are missing: adding, gru, seed 2, digits, gru, seed 2."
    assert str(refused.value) == f"{first} 'gru-tf run mine' goes on with them"
    fitted = made().but(baselines=True)
    with pytest.raises(UserError, match="missing: .*baseline"):
        recorded.expect_whole(Results(fitted, runs_of(fitted)), fitted)
    with pytest.raises(UserError, match="the store has another definition"):
        recorded.expect_whole(Results(one, runs_of(one)), made(model={"units": 5}))


def test_words_of_the_file_are_newer_than_those_of_the_store(one, tmp_path):
    newer = one.but(protocol="As they did, said better.", published=())
    whole = recorded.expect_whole(Results(one, runs_of(one)), newer)
    assert whole.experiment.protocol == "As they did, said better."
    recorded.write(whole, tmp_path)
    record_checks.check(tmp_path / "mine", newer)


def test_a_second_run_is_of_other_seeds_and_nothing_else(one, folder):
    first = Results(one, runs_of(one))
    for other, message in (
        (made(seeds=[3, 4]), "expected none of the seeds of mine. Received: 3"),
        (made(seeds=[8, 9], model={"units": 5}), "with other seeds, nothing else"),
    ):
        with pytest.raises(UserError, match=message):
            recorded.compare(first, Results(other, runs_of(other)))
    text = (folder / "second.md").read_text()
    assert "Of 4 means, 4 lie inside of the 95 % interval that the first run states; 3.5 were to be expected." in text
    far = made(seeds=[10, 11, 12])
    recorded.write(first, folder.parent, Results(far, runs_of(far, shift=0.05)))
    record_checks.check(folder, one)
    assert "Of 4 means, 0 lie inside" in (folder / "second.md").read_text()


def unreliable(one, failing):
    """Runs of which gru on adding fails at some seeds: near to the baseline's 0.2, where the others have about 0.01."""
    last = max(failing, default=0)
    return tuple(
        r
        if (r.run.task.label, r.run.cell.label) != ("adding", "gru")
        else r.model_copy(update={"test": 0.01 + r.run.seed / 1e5 + 0.19 * (r.run.seed in failing), "score": None})
        if r.run.seed != last
        else r.model_copy(update={"status": "diverged", "test": None, "score": None})
        for r in runs_of(one, lost=False)
    )


def test_of_a_cell_that_sometimes_fails_medians_are_compared(tmp_path):
    one, again = made(seeds=10), made(seeds=list(range(100, 111)))
    first, second = unreliable(one, {1, 3, 4, 8}), unreliable(again, {100, 102})
    recorded.write(Results(one, first), tmp_path, Results(again, second))
    record_checks.check(tmp_path / "mine", one)
    row, other = record_checks.lines(tmp_path / "mine" / "second.csv")[:2]
    assert (row["cell"], row["statistic"], other["statistic"]) == ("gru", "median", "mean")
    scores = sorted([0.01 + s / 1e5 for s in (0, 2, 5, 6, 7, 9)] + [0.2 + s / 1e5 for s in (1, 3, 4)] + [float("inf")])
    assert [float(row[f"first_{name}"]) for name in ("mean", "low", "high")] == pytest.approx(
        [(scores[4] + scores[5]) / 2, scores[1], scores[8]]
    )
    assert float(row["second_mean"]) == pytest.approx(0.01 + 107 / 1e5), "of 11, one fails and one diverged"
    assert (row["first_seeds"], row["second_seeds"], row["inside"]) == ("10", "11", "True")
    text = (tmp_path / "mine" / "second.md").read_text()
    assert "Of a cell that is unreliable in the first run its median stands there" in text
    assert "| adding | gru | median 0.0" in text


def test_a_second_run_stays_beside_the_same_runs_only(one, folder):
    before = (folder / "second.csv").read_text()
    recorded.write(Results(one, runs_of(one)), folder.parent)
    assert (folder / "second.csv").read_text() == before
    assert "(second.md)" in (folder / "README.md").read_text()
    with pytest.raises(UserError, match=r"second.md is about other runs than these"):
        recorded.write(Results(one, runs_of(one, shift=0.01)), folder.parent)
    assert (folder / "second.csv").read_text() == before


def test_the_page_counts_verdicts_and_compute(one, folder):
    page = published.page(folder.parent)
    assert "3 numbers, from 1 recorded experiment: " in page
    assert "| [mine](../../experiments/results/mine) | adding, gru: mse | 0.05 (read; a single run) | 0.115 [" in page
    assert "| smaller |" in page
    assert "best of 4: 0.83" in page
    assert "B \\| C" in page
    assert "In all 28 runs, 42 s (0.0 hours)" in page, "those of the second run as well"
    assert "| [mine](../../experiments/results/mine) | 4 | 4 | 3.5 | 4 | 3.8 |" in page
    assert published.page(folder / "nothing") == published.NOTHING


def test_size_in_words():
    assert published.size({"smaller": None, "not_followed": []}) == "full protocol"
    assert published.size({"smaller": None, "not_followed": ["a"]}) == "full protocol but for 1 point"
    assert published.size({"smaller": "half", "not_followed": ["a"]}) == "smaller"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/work/here/x.py failed", "x.py failed"),
        ("at ~/data/a.csv", "at a.csv"),
        ("'C:\\Users\\me\\a.csv'", "'a.csv'"),
        ("0.386/0.405 and 7,000/2,000/1,000", None),
        ("see https://x.org/a/b.html, or ett/ETTh1.csv", None),
        ("either/or; m/s; n / 2", None),
    ],
)
def test_paths_of_a_machine_are_cut(text, expected):
    assert without_paths(text) == (expected or text)


# --- the checks are able to fail ---


def replace(name, old, new, count=1):
    def change(folder):
        text = (folder / name).read_text()
        assert re.search(old, text), f"{name} has no {old}"
        (folder / name).write_text(re.sub(old, new, text, count=count))

    return change


def with_fact(name, value):
    def change(folder):
        known = json.loads((folder / "record.json").read_text())
        (folder / "record.json").write_text(json.dumps(known | {name: value}))

    return change


SPOILT = {
    "another definition": with_fact("fingerprint", "0123456789abcdef"),
    "another protocol": with_fact("protocol", "As we did."),
    "no machine": with_fact("machine", {}),
    "no seconds": with_fact("seconds", {"wall": 0.0, "runs": 0.0, "training": 0.0}),
    "a mean of the table": replace("table.csv", r"0\.11", "0.12"),
    "a score of a run": replace("runs.csv", r"finished,mse,0\.1,", "finished,mse,0.09,"),
    "a run that is left out": replace("runs.csv", r"\nadding,gru,final,1.*", ""),
    "an interval of the README": replace("README.md", r"\*\*0\.115 \[", "**0.105 ["),
    "a size in the README": replace("README.md", r"\*\*93\*\*", "**94**"),
    "the first line": replace("README.md", r"300 of", "3,000 of"),
    "a verdict": replace("published.csv", r"worse", "reproduced"),
    "a published number": replace("published.csv", r"0\.05", "0.06"),
    "a comparison": replace("pairs.csv", r"(?m)^(adding,gru,lstm,\w*,\w*,)-?[\d.e-]+", r"\g<1>0.5"),
    "a claim": replace("claims.csv", r"supported|contradicted|inconclusive", "proven"),
    "a path": replace("README.md", r"## Run", "## Run on /home/somebody/x"),
    "a large figure": replace("figure.svg", r"</svg>", "</svg>" + " " * 200_000),
    "a second mean": replace("second.csv", r"(?m)^(adding,gru,)0\.1\d+", r"\g<1>0.2"),
    "a count of the second": replace("second.md", r"4 lie inside", "3 lie inside"),
    "a file that is missing": lambda folder: (folder / "runs.csv").unlink(),
    "a file that is no part of it": lambda folder: (folder / "notes.txt").write_text("x"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_record_that_does_not_agree_is_noticed(one, folder, what):
    SPOILT[what](folder)
    with pytest.raises((AssertionError, StopIteration)):
        record_checks.check(folder, one)


def test_a_page_of_other_records_is_noticed(folder):
    assert published.page(folder.parent) != published.page()


def test_an_address_is_behind_its_group(monkeypatch, tmp_path):
    from gru_tf.analysis.recorded.facts import place_of

    place = Path("experiments/published/waves.yaml")
    monkeypatch.setattr(files, "groups", lambda: {"": {"mine": Path("mine.yaml")}, "published": {"waves": place}})
    assert [place_of(name) for name in ("waves", "mine", "other")] == [
        ("published/waves", place),
        ("mine", Path("mine.yaml")),
        ("other", None),
    ]
