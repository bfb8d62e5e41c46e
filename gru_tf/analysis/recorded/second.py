"""A second run of an experiment by other seeds: does it fall inside of the intervals that the first one stated?

The 95 % interval of a mean says where the mean of all runs is, not where that of some other runs will be: this scatters as
well. Of as many new seeds as there were first ones, of normal scores, it lies inside in 83.4 % of cases where they are many,
in 90.7 % where they are three; `share_inside` says how often. Inside of the prediction interval it lies in 95 %.

Of a cell that sometimes fails, the first run states a median and its interval, and the median of the second is held against
those, by intervals that need no distribution (`median_inside`).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gru_tf.analysis.evidence import CellEvidence, TaskEvidence
from gru_tf.analysis.formats import markup
from gru_tf.analysis.recorded.csv_tables import Line
from gru_tf.analysis.results import Results
from gru_tf.analysis.scores import examples_of
from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.statistics.prediction import median_inside, median_prediction, prediction_interval, share_inside
from gru_tf.analysis.statistics.scales import scale_of
from gru_tf.analysis.statistics.unreliable import beside_median
from gru_tf.analysis.wording import interval
from gru_tf.experiment.result import RunResult, sign
from gru_tf.foundation.errors import UserError, several

HEADINGS = ("task", "cell", "first [95 % interval]", "second", "inside", "expected", "prediction interval", "inside of it")

PAGE = """# {name}, run again with other seeds

Seeds {seeds}, none of which the [first run](README.md) has; all else is the same.

Of {count} means, {inside} lie inside of the 95 % interval that the first run states; {expected} were to be expected. The
interval says where the mean of all runs is, and the mean of a few new ones scatters about that as well: it lies inside less
often than in 95 % of cases, as the column *expected* says for so many seeds (83 % where they are many, as many in both).
{predicted} lie inside of the prediction interval, which allows for that; {most} were to be expected. Cells that share a
task's data are not independent of one another.{medians}

{table}

{runs} runs, {seconds} s of all together, {day}, commit {commit}.
"""


MEDIANS = """

Of a cell that is unreliable in the first run its median stands there, and the second run's median beside it. Of an even
number of runs, somewhat more medians are to be expected inside than *expected* says."""


@dataclass(frozen=True)
class Again:
    """A cell on a task, by the first seeds and by the second ones.

    Args:
        task, title, cell: labels, and what tables call the task.
        first: mean and interval of the first seeds; second: of the second ones; medians of a cell that is unreliable by
            the first.
        counts: finished seeds of both; of medians, those that diverged too.
        predicted: where the second mean or median was to be expected, 95 %.
        expected: in which share of cases it lies inside of the first interval, if nothing but the seeds differs.
        is_median: whether medians are compared.
    """

    task: str
    title: str
    cell: str
    first: Interval
    second: Interval
    counts: tuple[int, int]
    predicted: Interval
    expected: float
    is_median: bool

    @property
    def is_inside(self) -> bool:
        """Whether the second mean lies inside of the first interval."""
        return self.first.low <= self.second.mean <= self.first.high

    @property
    def is_predicted(self) -> bool:
        """Whether it lies inside of the prediction interval."""
        return self.predicted.low <= self.second.mean <= self.predicted.high


def compare(first: Results, second: Results) -> list[Again]:
    """Every (task, cell) that has an interval by the first seeds and a mean by the second ones.

    Raises:
        UserError: one line, where the second is another experiment, not only of other seeds, or has some of the same ones.
    """
    _expect_other_seeds(first, second)
    tasks = zip(first.evidence.tasks, second.evidence.tasks, strict=True)
    again = [one for pair in tasks for one in _of_task(first.runs, *pair)]
    if not again:
        raise UserError(f"{first.experiment.name}: no cell has an interval by its seeds, and a mean by the second ones")
    return again


def _expect_other_seeds(first: Results, second: Results) -> None:
    one, other = first.experiment, second.experiment
    same = ("name", "question", "seeds", "diagnostics", "baselines")
    if one.replicates or other.replicates:
        raise UserError(f"{one.name}: expected seeds in both, not 'replicates', which run until they decide")
    if one.but(**{name: getattr(other, name) for name in same}).fingerprint != other.fingerprint:
        raise UserError(f"{other.name}: expected {one.name} with other seeds, nothing else. Received: another definition")
    shared = sorted(set(one.seeds) & set(other.seeds))
    if shared:
        raise UserError(
            f"{other.name}: expected none of the seeds of {one.name}. Received: {several(list(map(str, shared)))}"
        )


def _of_task(runs: Sequence[RunResult], first: TaskEvidence, second: TaskEvidence) -> Iterator[Again]:
    for one, other in zip(first.cells, second.cells, strict=True):
        compared = _medians(one, other) if one.row.is_median else _means(runs, one, other)
        stated = compared.get("first")
        if not stated or not compared["second"] or not stated.low <= stated.high:
            continue
        if one.row.overlap:
            raise UserError(f"{first.title}: each seed has a split of its own, which no interval of others is about")
        yield Again(task=first.task, title=first.title, cell=one.cell, is_median=one.row.is_median, **compared)


def _means(runs: Sequence[RunResult], one: CellEvidence, other: CellEvidence) -> dict[str, Any]:
    """Of a cell that is not unreliable by the first seeds; empty where one of both has no mean."""
    if one.row.test is None or not other.tested:
        return {}
    return {
        "first": one.row.test,
        "second": other.row.test,
        "counts": (one.tested, other.tested),
        "predicted": _predicted(runs, one, other.tested),
        "expected": share_inside(one.tested, other.tested),
    }


def _medians(one: CellEvidence, other: CellEvidence) -> dict[str, Any]:
    """Of a cell whose median the first run states; a run that diverged is worse than any other. Empty without a second."""
    if one.row.modes is None or other.row.modes is None:
        return {}
    first, second = one.row.modes.runs, other.row.modes.runs
    turn = sign(one.row.direction)
    scores = [turn * value for value in one.tests.values() if math.isfinite(value)]
    median, low, high = median_prediction([-math.inf] * (first - len(scores)) + scores, second)
    return {
        "first": one.row.middle,
        "second": other.row.median,
        "counts": (first, second),
        "predicted": Interval(median, low, high) if turn > 0 else Interval(-median, -high, -low),
        "expected": median_inside(first, second, beside_median(first)),
    }


def _predicted(runs: Sequence[RunResult], cell: CellEvidence, count: int) -> Interval:
    """Where the mean of so many further seeds is to be expected; without a spread to go by, what the interval says."""
    assert cell.row.test is not None  # noqa: S101, of a cell that has one
    values = list(cell.tests.values())
    if len(set(values)) == 1:
        return cell.row.test
    pair = cell.row.task, cell.row.cell
    own = [r for r in runs if (r.run.task.label, r.run.cell.label) == pair and r.run.seed in cell.tests]
    examples = examples_of(r for r in own if r.is_finished_final)
    return prediction_interval(values, count, scale_of(cell.row.metric, values, examples))


def lines(again: Sequence[Again], seeds: Sequence[int]) -> list[Line]:
    """A row for each as CSV has it."""
    return [
        {
            "task": one.task,
            "cell": one.cell,
            "first_mean": one.first.mean,
            "first_low": one.first.low,
            "first_high": one.first.high,
            "first_seeds": one.counts[0],
            "second_mean": one.second.mean,
            "second_low": one.second.low,
            "second_high": one.second.high,
            "second_seeds": one.counts[1],
            "statistic": "median" if one.is_median else "mean",
            "inside": one.is_inside,
            "expected": one.expected,
            "predicted_low": one.predicted.low,
            "predicted_high": one.predicted.high,
            "predicted": one.is_predicted,
            "seeds": " ".join(map(str, seeds)),
        }
        for one in again
    ]


def page(again: Sequence[Again], name: str, facts: dict[str, Any]) -> str:
    """`second.md`: every cell, how many lie inside, and how many were to be expected there."""
    rows = ([*map(markup.escaped, _entries(one))] for one in again)
    return PAGE.format(
        name=markup.escaped(name),
        seeds=", ".join(map(str, facts["seeds"])),
        count=len(again),
        inside=sum(one.is_inside for one in again),
        expected=f"{sum(one.expected for one in again):.1f}",
        predicted=sum(one.is_predicted for one in again),
        most=f"{0.95 * len(again):.1f}",
        medians=MEDIANS if any(one.is_median for one in again) else "",
        table=markup.pipes([list(HEADINGS), *rows]),
        runs=f"{facts['runs']['all']:,}",
        seconds=f"{facts['seconds']['runs']:,.1f}",
        day=facts["days"][0],
        commit=facts["commit"] or "not known",
    )


def _entries(one: Again) -> Iterator[str]:
    word = "median " if one.is_median else ""
    yield from (one.title, one.cell, word + interval(one.first), word + _stated(one.second, one.is_median))
    yield "yes" if one.is_inside else "no"
    yield from (f"{one.expected:.0%}", _bounds(one.predicted), "yes" if one.is_predicted else "no")


def _stated(value: Interval, is_median: bool) -> str:
    """With its interval, which a median of few runs does not have."""
    return f"{value.mean:.3g}" if is_median and math.isnan(value.low) else interval(value)


def _bounds(value: Interval) -> str:
    return interval(value).partition(" ")[2] or "–"
