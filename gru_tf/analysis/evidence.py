"""What the results of an experiment say, task by task and over all tasks: pure, from results alone.

Tables, reports, dashboards and recommendations show this and compute nothing of their own.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gru_tf.analysis.statistics import Interval, PairedComparison, compare_tasks
from gru_tf.analysis.statistics.across import Ranks, interquartile_mean, ranks
from gru_tf.analysis.statistics.power import seeds_needed
from gru_tf.analysis.statistics.ratios import ratio
from gru_tf.analysis.table import Row, baseline_rows, by_pair, rows
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult, sign
from gru_tf.experiment.timing import Timings


@dataclass(frozen=True)
class CellEvidence:
    """One cell on one task.

    Args:
        row: its line of the table: sizes, interval, times.
        tests: seed → test metric of each finished seed.
        scores: seed → (test − chance) / (solved − chance).
        steps: seed → milliseconds of a training step; empty where the task has a timing phase, whose times count instead.
        training_seconds: seed → wall time of all training epochs.
    """

    row: Row
    tests: dict[int, float]
    scores: dict[int, float]
    steps: dict[int, float]
    training_seconds: dict[int, float]

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
    def beats_chance(self) -> bool | None:
        """Whether the whole interval is better than the baseline; None where there is no interval."""
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
            pairs on all tasks of the experiment.
        baselines: models without a recurrent network that were fitted to it, each with a single value.
        needed: for each pair the seeds in all that would be needed; None where it is significant, or not known.
    """

    task: str
    title: str
    metric: str
    direction: str
    chance: float | None
    cells: tuple[CellEvidence, ...]
    pairs: tuple[PairedComparison, ...]
    needed: tuple[int | None, ...]
    baselines: tuple[CellEvidence, ...] = ()

    @property
    def best_baseline(self) -> CellEvidence | None:
        """The one with the best metric; None where none has one."""
        known = [model for model in self.baselines if model.row.oriented is not None]
        return max(known, key=lambda model: model.row.oriented or 0.0, default=None)

    def is_ahead(self, model: CellEvidence) -> bool | None:
        """Whether a baseline's metric is better than the best cell's mean; None where either is not known."""
        own, best = model.row.oriented, self.cell(self.best).row.oriented if self.best else None
        return None if own is None or best is None else own > best

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
        return tuple(pair.second for pair in own if pair.better != self.best)

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
        """The cell with the shortest training step, by its median; None where fewer than two cells were timed."""
        timed = {cell.cell: cell.row.step_ms for cell in self.cells if cell.row.step_ms is not None}
        return min(timed, key=lambda cell: timed[cell]) if len(timed) > 1 else None

    @property
    def as_quick(self) -> tuple[str, ...]:
        """The cells that are not surely slower than the quickest.

        By the interval of the ratio of their step times, where the task has a timing phase; else those that at some seed
        took no longer for a step than the quickest did at the same seed.
        """
        if self.timed:
            ratios = {c.cell: self.step_ratio(c.cell, self.quickest) for c in self.cells if self.quickest != c.cell}
            return tuple(cell for cell, times in ratios.items() if times is not None and not times.low > 1)
        own = self.cell(self.quickest).steps if self.quickest else {}
        others = (cell for cell in self.cells if cell.cell != self.quickest)
        return tuple(c.cell for c in others if any(c.steps[seed] <= own[seed] for seed in own.keys() & c.steps.keys()))


@dataclass(frozen=True)
class Evidence:
    """What an experiment shows so far.

    Args:
        experiment: the question.
        tasks: in the experiment's order.
        ranks: of the cells over the tasks; None for one task, or where a cell has no score on one of them.
        middle: cell → interquartile mean of its normalised scores over all tasks and seeds; a failed seed counts as 0. A
            cell whose seeds have not all ended, or of which none has a score, is not in it.
        failures: (task title, cell, what) of every trial and seed that diverged or failed.
        missing: (task title, cell, seeds that are not finished).
        untested: (task title, cell, finished seeds without a test metric).
        timings: task label → its timing phase; None without one.
    """

    experiment: Experiment
    tasks: tuple[TaskEvidence, ...]
    ranks: Ranks | None
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
    table = rows(experiment, results, timings)
    of = by_pair(results)
    cells = [tuple(_cell(row, of.get((row.task, row.cell), [])) for row in table if row.task == t) for t in _tasks(table)]
    scores = [_scores(task, experiment.seeds) for task in cells]
    pairs = compare_tasks(scores)
    models = [CellEvidence(row, {}, {}, {}, {}) for row in baseline_rows(experiment, results)]
    others = [tuple(model for model in models if model.row.task == task[0].row.task) for task in cells]
    tasks = tuple(map(_task, cells, scores, pairs, others))
    return Evidence(
        experiment=experiment,
        tasks=tasks,
        ranks=_ranks(tasks),
        middle=_middle(tasks, of, len(experiment.seeds)),
        failures=tuple((row.title, row.cell, what) for row in table for what in row.failures),
        missing=tuple((row.title, row.cell, row.wanted - row.seeds) for row in table if row.seeds < row.wanted),
        untested=tuple((c.row.title, c.cell, c.untested) for task in cells for c in task if c.untested),
        timings=timings,
    )


def _tasks(table: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.task for row in table))


def _scores(cells: Sequence[CellEvidence], seeds: Sequence[int]) -> dict[str, list[float]]:
    """Cell → its test metric at each seed, larger is better; NaN where the seed did not finish."""
    return {c.cell: [sign(c.row.direction) * c.tests.get(seed, math.nan) for seed in seeds] for c in cells if c.tests}


def _task(
    cells: tuple[CellEvidence, ...],
    scores: Mapping[str, Sequence[float]],
    pairs: Sequence[PairedComparison],
    baselines: tuple[CellEvidence, ...],
) -> TaskEvidence:
    first = next((c.row for c in cells if c.row.metric), cells[0].row)
    return TaskEvidence(
        task=first.task,
        title=first.title,
        metric=first.metric,
        direction=first.direction,
        chance=first.chance,
        cells=cells,
        pairs=tuple(pairs),
        needed=tuple(None if p.significant else _needed(scores[p.first], scores[p.second], p.comparisons) for p in pairs),
        baselines=baselines,
    )


def _cell(row: Row, results: Sequence[RunResult]) -> CellEvidence:
    finals = [result for result in results if result.is_finished_final and result.test is not None]
    tests = {result.run.seed: result.test for result in finals if result.test is not None}
    scores = {result.run.seed: result.score for result in finals if result.score is not None}
    speeds = {result.run.seed: result.speed for result in finals if result.speed is not None}
    steps = {seed: speed.step_ms for seed, speed in speeds.items()} if row.timing is None else {}
    return CellEvidence(row, tests, scores, steps, {seed: speed.train_seconds for seed, speed in speeds.items()})


def _needed(first: Sequence[float], second: Sequence[float], comparisons: int) -> int | None:
    difference = [a - b for a, b in zip(first, second, strict=True) if math.isfinite(a - b)]
    return seeds_needed(difference, comparisons)


def _ranks(tasks: Sequence[TaskEvidence]) -> Ranks | None:
    means = [[cell.row.oriented for cell in task.cells] for task in tasks]
    if len(tasks) < 2 or len(tasks[0].cells) < 2 or any(mean is None for row in means for mean in row):
        return None
    return ranks(means, [cell.cell for cell in tasks[0].cells])


def _middle(
    tasks: Sequence[TaskEvidence], of: Mapping[tuple[str, str], Sequence[RunResult]], seeds: int
) -> dict[str, Interval]:
    """Of the cells whose final seeds have all ended: what is still to come is no zero, and fewer tasks are other tasks."""
    by_cell: dict[str, list[list[float]]] = {}
    for task in tasks:
        for cell in task.cells:
            ended = {result.run.seed for result in of.get((task.task, cell.cell), []) if result.run.purpose == "final"}
            if len(ended) == seeds:  # one that diverged or failed learned nothing: 0, the baseline's score
                scores = list(cell.scores.values())
                by_cell.setdefault(cell.cell, []).append(scores + [0.0] * (seeds - len(scores)))
    whole = {cell: scores for cell, scores in by_cell.items() if len(scores) == len(tasks)}
    known = {cell.cell for task in tasks for cell in task.cells if cell.scores}
    return {cell: interquartile_mean(scores).within(-math.inf, 1.0) for cell, scores in whole.items() if cell in known}
