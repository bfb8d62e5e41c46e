"""Published numbers beside ours, each with a verdict and the tag that says where it comes from; pure, from results alone."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from gru_tf.analysis import published_verdict
from gru_tf.analysis.published_intervals import of_others
from gru_tf.analysis.published_verdict import PublishedVerdict
from gru_tf.analysis.scores import bounded, examples_of
from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.statistics.prediction import prediction_interval
from gru_tf.analysis.statistics.scales import scale_of
from gru_tf.analysis.statistics.unreliable import median_interval
from gru_tf.analysis.table import Row, baseline_rows, rows
from gru_tf.analysis.wording import interval
from gru_tf.experiment.claim import named
from gru_tf.experiment.experiment import Experiment, draws_data
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice, Published
from gru_tf.experiment.specs.published import known_as
from gru_tf.foundation.catalogues import BASELINES

TAGS = {
    "read": "read in the source",
    "quoted": "quoted in another text",
    "recalled": "recalled, as commonly cited",
    "computed": "computed from the same data by other code",
}


@dataclass(frozen=True)
class Beside:
    """One published number and ours.

    Args:
        published: number, tag and source.
        task, title, cell: labels, and what tables call the task; the cell may be a baseline.
        metric: of both; "" where neither the experiment nor a run says it.
        ours: of the finished seeds what the number is of its runs, the mean, the median or the best, with the 95 % interval
            of a mean or a median; None while there is none.
        direction: of the metric: "max" where more is better, else "min".
        values: ours of each finished seed.
        lost: seeds that diverged or failed, which are in no number of ours.
        smaller: what the experiment runs smaller than the paper; None where nothing is.
        recorded: the metrics that runs have, where none has this one.
        overlap: of the splits that seeds draw, as in `Row`; 0 where they draw none.
        fitted: "" of a cell; "once" of a baseline of data that are the same for each seed, else "each seed".
        left_out: why a baseline has no number, in words; "" where it has one, or was not fitted yet.
    """

    published: Published
    task: str
    title: str
    cell: str
    metric: str
    ours: Interval | None
    direction: str = "min"
    values: tuple[float, ...] = ()
    lost: int = 0
    smaller: str | None = None
    recorded: tuple[str, ...] = ()
    overlap: float = 0.0
    fitted: Literal["", "once", "each seed"] = ""
    left_out: str = ""

    @property
    def ours_text(self) -> str:
        """Ours as a table has it: with its interval; a best has none, however many seeds it is of."""
        if self.ours is None:
            return "–"
        if self.fitted == "once":
            return f"{self.ours.mean:.5g}"
        if self.published.statistic == "best":
            return f"best of {len(self.values)}: {self.ours.mean:.4g}"
        return interval(self.ours)

    @property
    def difference(self) -> float | None:
        """Ours − theirs."""
        return None if self.ours is None else self.ours.mean - self.published.value

    @property
    def tag(self) -> str:
        """The tag as a table has it, with a mark where the protocol is known to be another: "read, differs"."""
        return f"{self.published.tag}, differs" if self.published.differs else self.published.tag

    @property
    def source(self) -> str:
        """The paper, and how its protocol differs."""
        differs = f"; their protocol: {self.published.differs}" if self.published.differs else ""
        return f"{self.published.source}{differs}"

    @property
    def provenance(self) -> str:
        """The tag in words, the source, and how its protocol differs."""
        return f"{TAGS[self.published.tag]}; {self.source}"

    @property
    def theirs(self) -> Interval:
        """Their number with all that it may be by how it is printed, and by its own uncertainty."""
        return of_others(self.published)

    @property
    def predicted(self) -> Interval | None:
        """Where the mean of as many further runs of ours as theirs is of would lie, 95 %; None where that is not known.

        Nor is it where each seed has a split of its own: what is known of these is not what others split.
        """
        runs = self.published.runs
        if runs is None or self.published.statistic != "mean" or len(self.values) < 2 or self.overlap:
            return None
        return prediction_interval(self.values, runs, scale_of(known_as(self.metric), self.values))

    @property
    def verdict(self) -> PublishedVerdict:
        """Whether theirs is reproduced, see `gru_tf.analysis.published_verdict`."""
        return published_verdict.verdict(self)


def beside(experiment: Experiment, results: Iterable[RunResult]) -> tuple[Beside, ...]:
    """Each published number of an experiment with ours, in their order."""
    if not experiment.published:
        return ()
    results = list(results)
    cells = rows(experiment, results)
    every = [*baseline_rows(experiment, results, cells), *cells]
    table = {(row.task, row.cell): row for row in reversed(every)}  # of several alike the first
    return tuple(_beside(number, experiment, table, results) for number in experiment.published)


def _beside(
    number: Published, experiment: Experiment, table: dict[tuple[str, str], Row], results: Sequence[RunResult]
) -> Beside:
    task, is_baseline = named(number.task, experiment.tasks, "task"), number.cell.strip() in BASELINES.names()
    cell = Choice(name=number.cell.strip()) if is_baseline else named(number.cell, experiment.cells, "cell")
    fitted: Literal["", "once", "each seed"] = ("each seed" if draws_data(task) else "once") if is_baseline else ""
    row = table.get((task.label, cell.label))
    if row is None:  # a baseline that was not fitted
        metric, direction = number.metric or "", number.is_better("max")
        return Beside(
            number, task.label, task.title, cell.label, metric, None, direction, smaller=experiment.smaller, fitted=fitted
        )
    counted = set(experiment.seeds[: row.wanted])
    ended = [r for r in results if r.run.purpose == ("baseline" if is_baseline else "final")]
    own = [r for r in ended if (r.run.task.label, r.run.cell.label) == (row.task, row.cell)]
    own = own[:1] if fitted == "once" else [r for r in own if r.run.seed in counted]
    finals = [r for r in own if r.status == "finished"]
    metric = number.metric or row.metric
    values = [value for r in finals if (value := value_of(r, metric)) is not None]
    known = dict.fromkeys(name for r in finals for name in (r.metric, *r.more))
    examples = examples_of(finals) if metric == row.metric else None  # those of a further split are not known
    return Beside(
        published=number,
        task=task.label,
        title=task.title,
        cell=cell.label,
        metric=metric,
        ours=_ours(number, metric, values, examples, row),
        direction=number.is_better(row.direction),
        values=tuple(values),
        lost=len(own) - len(finals),
        smaller=experiment.smaller,
        recorded=() if values else tuple(known),
        overlap=row.overlap,
        fitted=fitted,
        left_out=row.failures[0] if row.left_out else "",
    )


def value_of(result: RunResult, metric: str) -> float | None:
    """Of a run's own metric, or one that is recorded beside it; None where it has none of this name."""
    return result.test if metric == result.metric else result.more.get(metric)


def _ours(number: Published, metric: str, values: list[float], examples: float | None, row: Row) -> Interval | None:
    """What the number is of its runs, of our values: mean, median or best."""
    if not values:
        return None
    if number.statistic == "mean":
        return row.test if metric == row.metric else bounded(known_as(metric), values, examples, row.overlap)
    if number.statistic == "median":
        return median_interval(values)
    best = max(values) if number.is_better(row.direction) == "max" else min(values)
    return Interval(best, math.nan, math.nan)
