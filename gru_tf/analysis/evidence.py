"""What the results of an experiment say, task by task and over all tasks: pure, from results alone.

Tables, reports, dashboards and recommendations show this and compute nothing of their own.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gru_tf.analysis.course import Family, family
from gru_tf.analysis.guards import Mark, marks_of
from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.statistics.across import Ranks, interquartile_mean, ranks
from gru_tf.analysis.statistics.equivalence import SHARE
from gru_tf.analysis.statistics.means import one_sample
from gru_tf.analysis.statistics.ratios import ratio
from gru_tf.analysis.statistics.signed_ranks import FRIEDMAN, SignedRanks, signed_ranks
from gru_tf.analysis.statistics.unpaired import SampleComparison
from gru_tf.analysis.table import Row, baseline_rows, by_pair, rows
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.ranges import used
from gru_tf.experiment.result import RunResult, sign
from gru_tf.experiment.specs import Range
from gru_tf.experiment.timing import Timings

VerdictWord = Literal["better", "equivalent", "unreliable", "inconclusive", "withheld"]


@dataclass(frozen=True)
class CellEvidence:
    """One cell on one task.

    Args:
        row: its line of the table: sizes, interval, times.
        tests: seed → test metric of each finished seed.
        scores: seed → (test − chance) / (solved − chance).
        training_seconds: seed → wall time of all training epochs.
        marks: what speaks against its result being the best that it can do.
    """

    row: Row
    tests: dict[int, float]
    scores: dict[int, float]
    training_seconds: dict[int, float]
    marks: tuple[Mark, ...] = ()

    @property
    def cell(self) -> str:
        """Its label."""
        return self.row.cell

    @property
    def tested(self) -> int:
        """Finished seeds with a finite test metric."""
        return sum(map(math.isfinite, self.tests.values()))

    @property
    def untested(self) -> int:
        """Finished seeds without a test metric: they are in no mean and no test."""
        return self.row.seeds - len(self.tests)

    @property
    def solves(self) -> bool:
        """Whether its mean is nearer to a perfect score than the margin of equivalence, of a perplexity never."""
        return self.row.score is not None and self.row.score > 1 - SHARE and self.row.metric != "perplexity"

    @property
    def beats_chance(self) -> bool | None:
        """Whether the whole interval is better than the baseline; None where there is no interval.

        Where each seed has a split of its own, that of the score, which is measured from the same split's baseline.
        """
        if self.row.overlap:
            low = one_sample(list(self.scores.values()), overlap=self.row.overlap).interval().low
            return None if math.isnan(low) else low > 0
        test, chance = self.row.test, self.row.chance
        if test is None or chance is None or math.isnan(test.low):
            return None
        return test.low > chance if self.row.direction == "max" else test.high < chance

    @property
    def mean_beats_chance(self) -> bool | None:
        """Whether the mean is better than the baseline; None where either is not known."""
        test, chance = self.row.test, self.row.chance
        if test is None or chance is None or math.isnan(test.mean) or math.isnan(chance):
            return None
        return sign(self.row.direction) * (test.mean - chance) > 0


@dataclass(frozen=True)
class TaskEvidence:
    """All cells on one task.

    Args:
        task, title: its label, and what tables call it.
        metric, direction: of the test split, "" where no run has finished.
        chance: the baseline's metric.
        cells: in the experiment's order.
        pairs: every two cells, a difference above 0 being for the first whichever way the metric goes; corrected for all
            that the experiment tests: cells, baselines, tasks and claims.
        against: every cell with every baseline, likewise.
        margin: difference within which two of them are equivalent; None where it is not known.
        baselines: models without a recurrent network that were fitted to it, each with a single value, or where each seed
            has a split of its own, with the mean of theirs.
        first_look: replicates at which comparisons begin, while there are fewer; None where they have begun.
    """

    task: str
    title: str
    metric: str
    direction: str
    chance: float | None
    cells: tuple[CellEvidence, ...]
    pairs: tuple[SampleComparison, ...]
    against: tuple[SampleComparison, ...] = ()
    margin: float | None = None
    baselines: tuple[CellEvidence, ...] = ()
    first_look: int | None = None

    @property
    def best_baseline(self) -> CellEvidence | None:
        """The one with the best metric; None where none has one."""
        known = [model for model in self.baselines if model.row.oriented is not None]
        return max(known, key=lambda model: model.row.oriented or 0.0, default=None)

    def is_ahead(self, model: CellEvidence) -> bool | None:
        """Whether a baseline's metric is better than the best cell's mean; None where either is not known."""
        own, best = model.row.oriented, self.cell(self.best).row.oriented if self.best else None
        return None if own is None or best is None else own > best

    def pair(self, first: str, second: str) -> SampleComparison | None:
        """What is known of two cells, or of a cell and a baseline; None where they were not compared."""
        names = {first, second}
        known = (pair for pair in (*self.pairs, *self.against) if {pair.first, pair.second} == names)
        return next((pair.seen_from(first) for pair in known), None)

    def withheld(self, pair: SampleComparison) -> str:
        """The one because of whose marks a verdict is not given; "" where it is, or there is none.

        Of a significant difference the one that would be worse, which might not be if it were tuned or trained to its end;
        of an equivalence either, but for one that is nearer to a perfect score than the margin: it has nothing to gain.
        """
        names = [pair.first, pair.second] if pair.equivalent else [pair.first if pair.better == pair.second else pair.second]
        if not pair.equivalent and pair.better is None:
            return ""
        marked = [cell for cell in self.cells if cell.marks and not (pair.equivalent and cell.solves)]
        return next((name for name in names if name in {cell.cell for cell in marked}), "")

    def verdict(self, pair: SampleComparison) -> VerdictWord:
        """On one of its pairs: "better", "equivalent", "unreliable", "inconclusive", or "withheld"."""
        return "withheld" if self.withheld(pair) else pair.verdict

    def better(self, pair: SampleComparison) -> str | None:
        """The one of a pair that is better; None where neither is, or the verdict is withheld."""
        return None if self.withheld(pair) else pair.better

    def cell(self, label: str) -> CellEvidence:
        """The one of this label; KeyError where there is none."""
        return {cell.cell: cell for cell in self.cells}[label]

    @property
    def best(self) -> str | None:
        """The cell with the best mean; None where no run has finished."""
        means = {cell.cell: mean for cell in self.cells if (mean := cell.row.oriented) is not None}
        return max(means, key=lambda cell: means[cell]) if means else None

    @property
    def inconclusive(self) -> tuple[str, ...]:
        """The cells that the best one is not significantly better than."""
        own = [pair.seen_from(self.best) for pair in self.pairs if self.best and self.best in (pair.first, pair.second)]
        return tuple(pair.second for pair in own if self.better(pair) != self.best)

    @property
    def timed(self) -> bool:
        """Whether it has a timing phase."""
        return self.cells[0].row.timing is not None

    def step_ratio(self, first: str, second: str | None) -> Interval | None:
        """How many times as long a training step of the first takes, by the timing phase; None where either has no time."""
        timing = self.cells[0].row.timing
        networks = timing.timed if timing else {}
        if first not in networks or second not in networks:
            return None
        return ratio(networks[first].train_ms, networks[second].train_ms)

    @property
    def quickest(self) -> str | None:
        """The cell with the shortest training step, by its median; None where fewer than two cells were timed.

        That is, timed side by side: steps of the training itself, on a machine that runs share, are not compared.
        """
        timed = {cell.cell: cell.row.step_ms for cell in self.cells if cell.row.step_ms is not None} if self.timed else {}
        return min(timed, key=lambda cell: timed[cell]) if len(timed) > 1 else None

    @property
    def as_quick(self) -> tuple[str, ...]:
        """The cells that are not surely slower than the quickest, by the interval of the ratio of their step times."""
        ratios = {c.cell: self.step_ratio(c.cell, self.quickest) for c in self.cells if self.quickest != c.cell}
        return tuple(cell for cell, times in ratios.items() if times is not None and not times.low > 1)


@dataclass(frozen=True)
class Evidence:
    """What an experiment shows so far.

    Args:
        experiment: the question.
        tasks: in the experiment's order.
        ranks: of the cells over ten tasks or more; None for fewer, or where a cell has no score on one of them.
        signed: every two cells by signed ranks over the tasks, for fewer than ten of them; () for one.
        family: all tests of the experiment.
        middle: cell → interquartile mean of its normalised scores over all tasks and seeds; a failed seed counts as 0. A
            cell whose seeds have not all ended, or of which none has a score, is not in it; none is where seeds draw splits.
        failures: (task title, cell, what) of every trial and seed that diverged or failed.
        missing: (task title, cell, seeds that are not finished).
        untested: (task title, cell, finished seeds without a test metric).
        timings: task label → its timing phase; None without one.
    """

    experiment: Experiment
    tasks: tuple[TaskEvidence, ...]
    ranks: Ranks | None
    signed: tuple[SignedRanks, ...]
    family: Family
    middle: dict[str, Interval]
    failures: tuple[tuple[str, str, str], ...]
    missing: tuple[tuple[str, str, int], ...]
    untested: tuple[tuple[str, str, int], ...] = ()
    timings: Timings | None = None

    def task(self, label: str) -> TaskEvidence:
        """The one of this label or title; KeyError where there is none."""
        named = {task.title: task for task in self.tasks} | {task.task: task for task in self.tasks}
        return named[label]


def gather(experiment: Experiment, results: Iterable[RunResult], timings: Timings | None = None) -> Evidence:
    """The evidence of an experiment's results, also of one that is not finished, or of which every run failed."""
    results = list(results)
    tested = family(experiment, results)
    table = rows(experiment, results, timings, tested.course)
    of, drawn = by_pair(results), used(experiment, results)
    cells = [
        tuple(_cell(experiment, row, of.get((row.task, row.cell), []), drawn[task]) for row in table if row.task == task)
        for task in _tasks(table)
    ]
    models = [CellEvidence(row, {}, {}, {}) for row in baseline_rows(experiment, results, table)]
    others = [tuple(model for model in models if model.row.task == task[0].row.task) for task in cells]
    tasks = tuple(_task(tested, number, *both) for number, both in enumerate(zip(cells, others, strict=True)))
    return Evidence(
        experiment=experiment,
        tasks=tasks,
        ranks=_ranks(tasks),
        signed=_signed(tasks),
        family=tested,
        middle=_middle(tasks, of),
        failures=tuple((row.title, row.cell, what) for row in table for what in row.failures),
        missing=tuple((row.title, row.cell, row.wanted - row.seeds) for row in table if row.seeds < row.wanted),
        untested=tuple((c.row.title, c.cell, c.untested) for task in cells for c in task if c.untested),
        timings=timings,
    )


def _tasks(table: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.task for row in table))


def _task(tested: Family, number: int, cells: tuple[CellEvidence, ...], baselines: tuple[CellEvidence, ...]) -> TaskEvidence:
    first = next((c.row for c in cells if c.row.metric), cells[0].row)
    labels, samples = {cell.cell for cell in cells}, tested.samples[number]
    known = [pair for pair in tested.pairs[number] if all(pair.counts)]
    return TaskEvidence(
        task=first.task,
        title=first.title,
        metric=first.metric,
        direction=first.direction,
        chance=first.chance,
        cells=cells,
        pairs=tuple(pair for pair in known if pair.second in labels),
        against=tuple(pair for pair in known if pair.second not in labels),
        margin=samples.margin,
        baselines=baselines,
        first_look=tested.course.wanted if tested.course and not tested.course.looks else None,
    )


def _cell(experiment: Experiment, row: Row, results: Sequence[RunResult], drawn: Mapping[str, Range]) -> CellEvidence:
    counted = set(experiment.seeds[: row.wanted])
    ended = [result for result in results if result.is_finished_final and result.run.seed in counted]
    finals = [result for result in ended if result.test is not None]
    tests = {result.run.seed: result.test for result in finals if result.test is not None}
    scores = {result.run.seed: result.score for result in finals if result.score is not None}
    seconds = {result.run.seed: result.speed.train_seconds for result in finals if result.speed is not None}
    return CellEvidence(row, tests, scores, seconds, marks_of(experiment, ended, drawn))


def _ranks(tasks: Sequence[TaskEvidence]) -> Ranks | None:
    means = [[cell.row.oriented for cell in task.cells] for task in tasks]
    if len(tasks) < FRIEDMAN or len(tasks[0].cells) < 2 or any(mean is None for row in means for mean in row):
        return None
    return ranks(means, [cell.cell for cell in tasks[0].cells])


def _signed(tasks: Sequence[TaskEvidence]) -> tuple[SignedRanks, ...]:
    """By mean normalised scores, which are on one scale; a cell without one on a task is not counted there."""
    if not 1 < len(tasks) < FRIEDMAN or len(tasks[0].cells) < 2:
        return ()
    scores = [[math.nan if cell.row.score is None else cell.row.score for cell in task.cells] for task in tasks]
    return tuple(signed_ranks(scores, [cell.cell for cell in tasks[0].cells]))


def _middle(tasks: Sequence[TaskEvidence], of: Mapping[tuple[str, str], Sequence[RunResult]]) -> dict[str, Interval]:
    """Of the cells whose final seeds have all ended: what is still to come is no zero, and fewer tasks are other tasks.

    Of none where seeds draw splits of the same data: the bootstrap takes replicates as independent.
    """
    if any(cell.row.overlap for task in tasks for cell in task.cells):
        return {}
    by_cell: dict[str, list[list[float]]] = {}
    for task in tasks:
        for cell in task.cells:
            ended = {result.run.seed for result in of.get((task.task, cell.cell), []) if result.run.purpose == "final"}
            seeds = cell.row.wanted
            if len(ended) >= seeds:  # one that diverged or failed learned nothing: 0, the baseline's score
                scores = list(cell.scores.values())
                by_cell.setdefault(cell.cell, []).append(scores + [0.0] * (seeds - len(scores)))
    whole = {cell: scores for cell, scores in by_cell.items() if len(scores) == len(tasks)}
    known = {cell.cell for task in tasks for cell in task.cells if cell.scores}
    return {cell: interquartile_mean(scores).within(-math.inf, 1.0) for cell, scores in whole.items() if cell in known}
