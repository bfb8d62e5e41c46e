"""What a folder of experiments/results must hold, and that its files agree with one another and with the experiment."""

import csv
import json
import math
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gru_tf.analysis.formats.markup import escaped
from gru_tf.analysis.published import beside
from gru_tf.analysis.recorded.paths import ABSOLUTE
from gru_tf.analysis.scores import bounded
from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.statistics.prediction import median_inside, share_inside
from gru_tf.analysis.statistics.unreliable import beside_median
from gru_tf.analysis.wording import interval
from gru_tf.experiment.experiment import Experiment, overlap_of
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice

FILES = {"README.md", "record.json", "table.csv", "runs.csv", "figure.svg"}
AGAIN = {"second.md", "second.csv", "second.json"}
Lines = list[dict[str, str]]


def lines(file: Path) -> Lines:
    """The rows of a CSV."""
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


def facts(file: Path) -> dict[str, Any]:
    """What is in a file of JSON."""
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def number(text: str) -> float:
    """A number of a CSV; NaN for nothing."""
    return float(text) if text else math.nan


def check(folder: Path, experiment: Experiment) -> None:
    """All checks."""
    check_files(folder, experiment)
    check_definition(folder, experiment)
    runs = lines(folder / "runs.csv")
    check_circumstances(facts(folder / "record.json"), runs)
    check_whole(runs, experiment)
    check_table(lines(folder / "table.csv"), runs, experiment)
    check_readme((folder / "README.md").read_text(encoding="utf-8"), lines(folder / "table.csv"))
    check_published(folder, experiment)
    check_comparisons(folder, experiment)
    if (folder / "second.csv").is_file():
        check_second(folder, experiment)


def check_files(folder: Path, experiment: Experiment) -> None:
    """Nothing is missing, nothing else is there, the figure is small, and no text has a path of a machine."""
    names = {file.name for file in folder.iterdir()}
    expected = FILES | {f"{part}.csv" for part in ("published", "claims") if getattr(experiment, part)}
    if len(experiment.cells) > 1 or (folder / "pairs.csv").is_file():  # of one cell and no model without a network, none
        expected.add("pairs.csv")
    assert expected <= names <= expected | AGAIN
    assert not names & AGAIN or names >= AGAIN
    assert (folder / "figure.svg").stat().st_size < 200_000
    for name in names:
        paths = [match[0] for match in ABSOLUTE.finditer((folder / name).read_text(encoding="utf-8"))]
        # what a figure names are dictionaries of SVG, behind their scheme
        assert not paths, f"{name}: a path of a machine: {paths[0]}"


def check_definition(folder: Path, experiment: Experiment) -> None:
    """The record is of what the experiment's file says now."""
    known = facts(folder / "record.json")
    assert known["name"] == folder.name == experiment.name
    assert known["fingerprint"] == experiment.fingerprint, "the file has changed: run and record it again"
    for field in ("question", "smaller", "protocol"):
        assert known[field] == getattr(experiment, field), f"{field} has changed: record it again"
    assert known["not_followed"] == list(experiment.not_followed)
    first, *_ = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    smaller = f"**Smaller than published:** {escaped(experiment.smaller)}" if experiment.smaller else f"# {experiment.name}"
    assert first.replace("\\", "") == smaller.replace("\\", "")


def check_circumstances(known: dict[str, Any], runs: Lines) -> None:
    """Seconds are those of the runs; machine, versions, commit and days are there."""
    seconds = known["seconds"]
    assert seconds["runs"] == round(sum(number(run["seconds"]) for run in runs), 1)
    training = sum(number(run["training_seconds"]) for run in runs if run["training_seconds"])
    assert seconds["training"] == round(training, 1)
    assert 0 < seconds["wall"] <= seconds["runs"] + 0.1
    assert known["runs"]["all"] == len(runs) > 0
    for status in ("finished", "diverged", "failed"):
        assert known["runs"][status] == sum(run["status"] == status for run in runs)
    assert {"device", "python", "tensorflow", "keras"} <= known["machine"].keys()
    assert all(known["machine"].values())
    assert known["days"] == [f(run["started"][:10] for run in runs) for f in (min, max)]
    assert "commit" in known


def check_whole(runs: Lines, experiment: Experiment) -> None:
    """Every seed of every cell has ended, unless they are replicates, which end when it is decided."""
    ended = {(run["task"], run["cell"], int(run["seed"])) for run in runs if run["purpose"] == "final"}
    trained = [run for run in runs if run["purpose"] != "baseline" and run["status"] == "finished"]
    lossless = [run for run in trained if not run["epochs"] or math.isnan(number(run["train_loss"]))]
    assert not lossless, f"runs without their losses: {lossless[:1]}"
    if experiment.replicates is None:
        assert ended == {(t.label, c.label, seed) for t, c in experiment.pairs() for seed in experiment.seeds}


def check_table(table: Lines, runs: Lines, experiment: Experiment) -> None:
    """Mean, interval and counts of each row follow from the runs."""
    overlaps = {task.label: overlap_of(task) for task in experiment.tasks}
    cells = [row for row in table if row["baseline"] == "False"]
    assert [(row["task"], row["cell"]) for row in cells] == [(t.label, c.label) for t, c in experiment.pairs()]
    for row in table:
        purpose = "baseline" if row["baseline"] == "True" else "final"
        own = [r for r in runs if (r["task"], r["cell"], r["purpose"]) == (row["task"], row["cell"], purpose)]
        tests = [number(run["test"]) for run in own if run["status"] == "finished" and run["test"]]
        assert int(row["seeds"]) == max(len(tests), int(purpose == "baseline"))
        assert bool(tests) == bool(row["mean"])
        if tests:
            assert math.isclose(number(row["mean"]), statistics.fmean(tests), rel_tol=1e-9)
            examples = next((float(run["test_examples"]) for run in own if run["test_examples"]), None)
            expected = bounded(row["metric"], tests, examples, overlaps[row["task"]])
            for name, bound in zip(("low", "high"), expected[1:], strict=True):
                assert math.isclose(number(row[name]), bound, rel_tol=1e-9) or (not row[name] and math.isnan(bound))


def check_readme(text: str, table: Lines) -> None:
    """Each row of the table stands in the README: its mean and interval, its size, its seeds."""
    rows = iter([line.replace("*", "").strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")])
    for row in table:
        if not row["mean"]:
            continue
        line = next(r for r in rows if r[0].replace("\\", "") == row["cell"])  # in their order
        assert any(entry in line for entry in _shown(row)), f"{row['task']}, {row['cell']}: not {line[3]}"
        assert line[2] == f"{int(row['parameters']):,}"
        assert row["baseline"] == "True" or line[6] == f"{row['seeds']}/{row['wanted']}"


def _shown(row: dict[str, str]) -> Iterable[str]:
    """What a table may have of it: mean and interval, a median, or the one value of a baseline."""
    mean, low, high = (number(row[name]) for name in ("mean", "low", "high"))
    if row["median"]:
        median = Interval(*(number(row[name]) for name in ("median", "median_low", "median_high")))
        yield f"median {f'{median.mean:.3g}' if math.isnan(median.low) else interval(median)}"
    elif row["baseline"] == "True" and not row["low"]:
        yield f"{mean:.3g}"
    else:
        yield interval(Interval(mean, low, high))


def check_published(folder: Path, experiment: Experiment) -> None:
    """The verdicts are those that the runs give, by the numbers that the experiment's file has now."""
    if not experiment.published:
        return
    recorded = lines(folder / "published.csv")
    compared = beside(experiment, results_of(lines(folder / "runs.csv"), experiment))
    text = (folder / "README.md").read_text(encoding="utf-8").replace("\\", "")
    assert len(recorded) == len(compared)
    for row, one in zip(recorded, compared, strict=True):
        assert (row["task"], row["cell"], row["metric"]) == (one.task, one.cell, one.metric)
        assert (row["published"], row["source"]) == (one.published.printed, one.published.source)
        verdict = f"{row['verdict']}, {row['marks']}" if row["marks"] else row["verdict"]
        assert verdict == str(one.verdict)
        assert row["why"] == one.verdict.why
        assert f"- {one.cell} {one.published.printed}: {one.verdict}. {one.verdict.why}" in text
        for name, value in zip(("ours", "low", "high"), one.ours or (math.nan,) * 3, strict=True):
            assert math.isclose(number(row[name]), value, rel_tol=1e-9) or (not row[name] and math.isnan(value))


def results_of(runs: Lines, experiment: Experiment) -> list[RunResult]:
    """The final runs and the baselines, as far as they are recorded."""
    tasks, cells = ({choice.label: choice for choice in choices} for choices in (experiment.tasks, experiment.cells))
    made = []
    for run in runs:
        if run["purpose"] == "trial":
            continue
        more = {name.removeprefix("test "): float(v) for name, v in run.items() if name.startswith("test ") and v}
        optional = {name: float(run[name]) for name in ("test", "score", "chance") if run[name]}
        direction = "max" if _is_more_better(run) else "min"
        known = {"status": run["status"], "metric": run["metric"], "direction": direction, "more": more, **optional}
        if run["test_examples"]:
            known["test_examples"] = int(run["test_examples"])
        cell = cells[run["cell"]] if run["purpose"] == "final" else Choice(name=run["cell"])
        whole = experiment.run(tasks[run["task"]], cell, int(run["seed"]), run["purpose"])
        made.append(RunResult(run=whole, started=0.0, seconds=number(run["seconds"]), **known))
    return made


def _is_more_better(run: dict[str, str]) -> bool:
    """By the score, which grows with what is better."""
    if not run["test"] or not run["score"] or not run["chance"]:
        return False
    return (float(run["test"]) > float(run["chance"])) == (float(run["score"]) > 0)


def check_comparisons(folder: Path, experiment: Experiment) -> None:
    """Differences are those of the means of the table, verdicts follow from the p-values, claims are the experiment's."""
    table = {(row["task"], row["cell"]): row for row in lines(folder / "table.csv")}
    for pair in lines(folder / "pairs.csv") if (folder / "pairs.csv").is_file() else ():
        sides = [table[pair["task"], pair[side]] for side in ("first", "second")]
        larger = max((1, -1), key=lambda sign: sign * (1 if sides[0]["direction"] == "max" else -1))
        is_plain = not any(row["median"] or row["failures"] != "0" for row in sides)
        if pair["difference"] and pair["test"] != "rates" and is_plain:
            means = [number(row["mean"]) for row in sides]
            difference = larger * (means[0] - means[1])
            assert math.isclose(number(pair["difference"]), difference, rel_tol=1e-6, abs_tol=1e-9), pair
        if pair["verdict"] == "better":
            assert number(pair["p_holm"]) <= 0.05
            assert pair["better"] == pair["first" if number(pair["difference"]) > 0 else "second"]
        else:
            assert not pair["better"]
        if pair["verdict"] == "inconclusive" and pair["p_holm"]:
            assert number(pair["p_holm"]) > 0.05
        if pair["verdict"] == "equivalent":
            assert number(pair["p_equivalent_holm"]) <= 0.05
        if pair["p"]:
            assert number(pair["p"]) <= number(pair["p_holm"]) <= 1
    if experiment.claims:
        text = (folder / "README.md").read_text(encoding="utf-8")
        claims = lines(folder / "claims.csv")
        assert [row["claim"] for row in claims] == list(experiment.claims)
        assert all(f"- **{row['verdict']}**: `{row['claim']}`" in text for row in claims)


def check_second(folder: Path, experiment: Experiment) -> None:
    """A second run is beside the numbers of this record, by other seeds, and counts what lies inside as it is."""
    table = {(row["task"], row["cell"]): row for row in lines(folder / "table.csv")}
    further, again = facts(folder / "second.json"), lines(folder / "second.csv")
    assert not set(further["seeds"]) & set(experiment.seeds)
    assert again
    for row in again:
        first = table[row["task"], row["cell"]]
        stated = ("median", "median_low", "median_high") if first["median"] else ("mean", "low", "high")
        assert row["statistic"] == stated[0]
        assert [row[f"first_{name}"] for name in ("mean", "low", "high")] == [first[name] for name in stated]
        mean, low, high = (number(row[name]) for name in ("second_mean", "first_low", "first_high"))
        assert (row["inside"] == "True") == (low <= mean <= high)
        assert (row["predicted"] == "True") == (number(row["predicted_low"]) <= mean <= number(row["predicted_high"]))
        counts = int(row["first_seeds"]), int(row["second_seeds"])
        expected = median_inside(*counts, beside_median(counts[0])) if first["median"] else share_inside(*counts)
        assert math.isclose(number(row["expected"]), expected, rel_tol=1e-9)
        assert row["seeds"] == " ".join(map(str, further["seeds"]))
    inside, count = sum(row["inside"] == "True" for row in again), len(again)
    text = (folder / "second.md").read_text(encoding="utf-8")
    assert f"Of {count} means, {inside} lie inside" in text
