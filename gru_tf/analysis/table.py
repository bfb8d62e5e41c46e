"""The answer as a table: one row a (task, cell), from results alone."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gru_tf.analysis.course import course
from gru_tf.analysis.scores import bounded, examples_of, oriented
from gru_tf.analysis.statistics import Interval
from gru_tf.analysis.statistics.sequential import Course
from gru_tf.analysis.statistics.unreliable import Modes, modes_of
from gru_tf.experiment.experiment import Experiment, draws_data, overlap_of
from gru_tf.experiment.result import RunResult, sign
from gru_tf.experiment.specs import Choice
from gru_tf.experiment.timing import Timing, Timings
from gru_tf.tasks.task import BASELINE_ORDER

LEFT_OUT = "left out: "
FIRST = 5  # replicates before the first look
Stands = dict[tuple[str, str], tuple[int, bool]]  # task, cell → replicates up to its last look, whether it needs more


@dataclass(frozen=True)
class Row:
    """One (task, cell).

    Args:
        task, cell: labels.
        title: of the task, what tables call it.
        units, parameters, recurrent_parameters: size of the final network; None while there is none.
        metric: name of the task's metric; direction: "max" or "min".
        test: mean and 95 % interval over the finished seeds, inside of what the metric can be; None while there is none.
        chance: the baseline's metric, its mean over seeds.
        score: mean of (test − chance) / (solved − chance).
        step_ms: median training step, in milliseconds: of the timing phase where the task has one, else over seeds.
        compile_seconds: median over seeds.
        kernel_path: what executed the recurrence.
        settings: what the search chose.
        seeds: finished seeds; wanted: seeds that the experiment names, or replicates up to the cell's last look; before the
            first look those that are whole in every cell and baseline, or all of that look where none is yet.
        failures: trials and seeds that diverged or failed, each in a few words.
        predict_ms: median batch without updates, like `step_ms`.
        peak_memory_mb: of the process that trained, median over seeds; model_bytes: of the saved model, likewise.
        timing: the phase in which the task's networks were timed; None where there was none.
        modes: of the scores, larger being better: how often the cell learned, and whether it sometimes fails; None while no
            seed has ended, of a baseline, and where each seed has a split of its own.
        cut: after how many of how many trials a search was ended for lack of time; None where none was.
        open: whether another look would need more replicates of it: nothing was decided, and the time was up, or they are
            still to come.
        baseline: whether it is a model without a recurrent network, whose name `cell` is; fitted once, to no seed, or where
            each seed has data or a split of its own, at each.
        overlap: of these splits, which is in the interval; 0 where there are none.
        more: further metric on the test split → its mean over the finished seeds.
        parts: what test examples are divided by ("series", "step", "class") → name of each → metric → mean over seeds.
    """

    task: str
    title: str
    cell: str
    units: int | None
    parameters: int | None
    recurrent_parameters: int | None
    metric: str
    direction: str
    test: Interval | None
    chance: float | None
    score: float | None
    step_ms: float | None
    compile_seconds: float | None
    kernel_path: str
    settings: dict[str, object]
    seeds: int
    wanted: int
    failures: tuple[str, ...]
    predict_ms: float | None = None
    peak_memory_mb: float | None = None
    model_bytes: float | None = None
    timing: Timing | None = None
    modes: Modes | None = None
    cut: tuple[int, int] | None = None
    open: bool = False
    baseline: bool = False
    overlap: float = 0.0
    more: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)

    @property
    def left_out(self) -> bool:
        """Whether it is a model that the task's data do not allow; `failures` says why."""
        return self.baseline and self.test is None and any(LEFT_OUT in text for text in self.failures)

    @property
    def fitted_once(self) -> bool:
        """Whether it is a baseline of data that are the same for each seed: no seed changes its value."""
        return self.baseline and not self.overlap and self.wanted == 1

    @property
    def unreliable(self) -> bool:
        """Whether the cell sometimes fails: its mean is then of two kinds of runs, and like neither."""
        return self.modes is not None and self.modes.unreliable

    @property
    def middle(self) -> Interval | None:
        """What describes the scores: the mean, or of a cell that sometimes fails the median."""
        return self.median if self.is_median else self.test

    @property
    def is_median(self) -> bool:
        """Whether the middle is a median: of a cell that sometimes fails, unless half of its runs or more diverged."""
        return self.unreliable and self.median is not None and math.isfinite(self.median.mean)

    @property
    def median(self) -> Interval | None:
        """Of the test metric, with its interval, runs that diverged among them; None where `modes` is."""
        if self.modes is None:
            return None
        median = self.modes.median
        return median if self.direction == "max" else Interval(-median.mean, -median.high, -median.low)

    @property
    def oriented(self) -> float | None:
        """The middle, turned so that the larger one is the better; None where there is none, or it is not finite."""
        middle = self.middle
        if middle is None or not math.isfinite(middle.mean):
            return None
        return sign(self.direction) * middle.mean


def rows(
    experiment: Experiment,
    results: Iterable[RunResult],
    timings: Timings | None = None,
    known: Course | None = None,
) -> list[Row]:
    """The table of an experiment, in its order of tasks and cells; also of one that is not finished.

    Where a task has a timing phase, its times are those of the phase alone: a cell that is not in it has none. `known` is
    where an experiment with `replicates` stands, where the caller knows it already.
    """
    results = list(results)
    of, by_task, stands = by_pair(results), timings or {}, _stands(experiment, results, known)
    return [
        _row(experiment, task, cell, of.get((task.label, cell.label), []), by_task.get(task.label), stands)
        for task, cell in experiment.pairs()
    ]


def _stands(experiment: Experiment, results: list[RunResult], known: Course | None) -> Stands:
    """Where each cell stands whose replicates are run until it is decided; empty with a fixed number of seeds."""
    if experiment.replicates is None:
        return {}
    known = known or course(experiment, results)
    first = min(FIRST, experiment.replicates.at_most)
    return {
        (task.label, cell): (count or first, cell in running)
        for task, counts, running in zip(experiment.tasks, known.used, known.running, strict=True)
        for cell, count in counts.items()
    }


def baseline_rows(experiment: Experiment, results: Iterable[RunResult], cells: Sequence[Row] = ()) -> list[Row]:
    """A row for each baseline that was fitted, or could not be, in the order of tasks.

    Args:
        experiment: the question.
        results: its runs.
        cells: the rows of its cells: where each seed has data or a split of its own, a baseline has as many as they.
    """
    fitted = by_pair(r for r in results if r.run.purpose == "baseline")
    table: list[Row] = []
    for task in experiment.tasks:
        overlap, drawn = overlap_of(task), draws_data(task)
        wanted = max((row.wanted for row in cells if row.task == task.label), default=None)
        seeds = experiment.seeds[:wanted] if drawn else ()
        own = [runs for (label, _), runs in fitted.items() if label == task.label]
        for runs in sorted(own, key=lambda runs: baseline_place(runs[0].run.cell.name)):
            table += [_drawn_row(runs, seeds, overlap)] if drawn else map(_baseline_row, runs)
    return table


def _drawn_row(runs: Sequence[RunResult], seeds: Sequence[int], overlap: float) -> Row:
    """Of a baseline that was fitted at these seeds: the mean of its metric, and the rest of the first of them."""
    counted = sorted((r for r in runs if r.run.seed in seeds), key=lambda r: seeds.index(r.run.seed)) or list(runs)
    tested = [r for r in counted if r.test is not None]
    first = tested[0] if tested else counted[0]
    known = [(r.run.seed, text) for r in counted for text in _baseline_row(r).failures]
    values = [r.test for r in tested if r.test is not None]
    return replace(
        _baseline_row(first),
        test=bounded(first.metric, values, examples_of(tested), overlap) if values else None,
        chance=_mean([r.chance for r in tested if r.chance is not None]),
        score=_mean([r.score for r in tested if r.score is not None]),
        seeds=len(tested),
        wanted=len(seeds),
        failures=tuple(f"seed {seed}: {text}" for seed, text in known),
        overlap=overlap,
        more=_means(r.more for r in tested),
        parts=_parts(tested),
    )


def baseline_place(name: str) -> int:
    """Where a baseline stands among others; one of another version of this package comes last."""
    return BASELINE_ORDER.index(name) if name in BASELINE_ORDER else len(BASELINE_ORDER)


def _baseline_row(result: RunResult) -> Row:
    run = result.run
    failed = (f"baseline {result.status}: {result.error}",) if result.status != "finished" else ()
    return Row(
        task=run.task.label,
        title=run.task.title,
        cell=run.cell.label,
        units=None,
        parameters=result.parameters,
        recurrent_parameters=None,
        metric=result.metric,
        direction=result.direction,
        test=bounded(result.metric, [result.test]) if result.test is not None else None,
        chance=result.chance,
        score=result.score,
        step_ms=None,
        compile_seconds=None,
        kernel_path="",
        settings=dict(result.fitted.settings) if result.fitted else {},
        seeds=1,
        wanted=1,
        failures=failed or ((result.warning,) if result.warning else ()),
        peak_memory_mb=result.peak_memory_mb,
        model_bytes=result.model_bytes,
        baseline=True,
        more=result.more,
        parts=result.parts,
    )


def by_pair(results: Iterable[RunResult]) -> dict[tuple[str, str], list[RunResult]]:
    """Labels of task and cell → their results, in the order given."""
    runs: dict[tuple[str, str], list[RunResult]] = {}
    for result in results:
        runs.setdefault((result.run.task.label, result.run.cell.label), []).append(result)
    return runs


def _row(
    experiment: Experiment,
    task: Choice,
    cell: Choice,
    results: list[RunResult],
    timing: Timing | None,
    stands: Stands,
) -> Row:
    wanted, is_open = stands.get((task.label, cell.label), (len(experiment.seeds), False))
    counted = set(experiment.seeds[:wanted])
    ended = [r for r in results if r.run.purpose == "final" and r.run.seed in counted]
    finals = [r for r in ended if r.status == "finished"]
    tested = [r.test for r in finals if r.test is not None]
    speeds = [r.speed for r in finals if r.speed is not None]
    first = finals[0] if finals else None
    searched = experiment.search.axes if experiment.search else {}
    network = timing.timed.get(cell.label) if timing else None
    overlap = overlap_of(task)
    settings = {**dict(first.run.model), **dict(first.run.training)} if first else {}
    return Row(
        task=task.label,
        title=task.title,
        cell=cell.label,
        units=first.units if first else None,
        parameters=first.parameters if first else None,
        recurrent_parameters=first.recurrent_parameters if first else None,
        metric=first.metric if first else "",
        direction=first.direction if first else "max",
        test=bounded(first.metric, tested, examples_of(finals), overlap) if first and tested else None,
        chance=_mean([r.chance for r in finals if r.chance is not None]),
        score=_mean([r.score for r in finals if r.score is not None]),
        step_ms=network.step_ms if network else None if timing else _median(s.step_ms for s in speeds),
        compile_seconds=_median(s.compile_seconds for s in speeds),
        kernel_path=first.kernel_path if first else "",
        settings={name: settings[name] for name in searched if name in settings},
        seeds=len(finals),
        wanted=wanted,
        failures=tuple(f"{_what(r)} {r.status}: {r.error}" for r in results if r.status != "finished"),
        predict_ms=network.batch_ms if network else None if timing else _median(s.predict_ms for s in speeds),
        peak_memory_mb=_median(r.peak_memory_mb for r in finals),
        model_bytes=_median(r.model_bytes for r in finals),
        timing=timing,
        modes=None if overlap else _modes(ended),  # a hard split is no failure
        cut=next((r.run.cut_search for r in ended if r.run.cut_search), None),
        open=is_open,
        overlap=overlap,
        more=_means(r.more for r in finals),
        parts=_parts(finals),
    )


def _means(values: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Name → mean of those that have it."""
    known: dict[str, list[float]] = {}
    for each in values:
        for name, value in each.items():
            known.setdefault(name, []).append(value)
    return {name: statistics.fmean(each) for name, each in known.items()}


def _parts(results: Sequence[RunResult]) -> dict[str, dict[str, dict[str, float]]]:
    """The means of the parts of several results."""
    kinds = dict.fromkeys(kind for r in results for kind in r.parts)
    names = {kind: dict.fromkeys(name for r in results for name in r.parts.get(kind, {})) for kind in kinds}
    return {
        kind: {name: _means(r.parts[kind][name] for r in results if name in r.parts.get(kind, {})) for name in names[kind]}
        for kind in kinds
    }


def _modes(ended: list[RunResult]) -> Modes | None:
    """By the scores and the baseline's; None where either is not known."""
    scores = [oriented(r) for r in ended]
    chances = [sign(r.direction) * r.chance for r in ended if r.chance is not None and math.isfinite(r.chance)]
    if not chances or all(map(math.isnan, scores)):
        return None
    return modes_of(scores, sum(chances) / len(chances))


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _mean(values: list[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _what(result: RunResult) -> str:
    return f"seed {result.run.seed}" if result.run.purpose == "final" else "a trial"
