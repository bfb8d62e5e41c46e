"""The final scores of an experiment as samples for its tests: of each task those of every cell, and of every baseline.

Whether replicates of two cells are pairs is a property of the task, `draws_data`, and never decided from the scores. Where
it is so, a baseline has a score by replicate as well; results of older versions, which fitted it once, have a constant.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from gru_tf.analysis.scores import examples_of, oriented
from gru_tf.analysis.statistics.equivalence import SHARE, margin_of
from gru_tf.analysis.statistics.scales import KINDS, growing, scale_of
from gru_tf.analysis.statistics.unpaired import TaskSamples
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult, sign
from gru_tf.experiment.specs import Choice
from gru_tf.tasks import create


def task_samples(experiment: Experiment, results: Iterable[RunResult]) -> list[TaskSamples]:
    """The samples of every task, in the experiment's order.

    A score is the test metric, turned so that larger is better. It is NaN of a seed that did not finish, −inf of one that
    diverged. Where seeds draw splits of the same data, a hard split is no failure to learn, and rates over splits that
    overlap are not independent: failures are not asked for, and a run that diverged has the score of its split's baseline.
    Where replicates are run until it is decided, those that are still to come have no place; else they are NaN.
    """
    by_task: dict[str, list[RunResult]] = {task.label: [] for task in experiment.tasks}
    for result in results:
        by_task.get(result.run.task.label, []).append(result)
    return [_samples(experiment, task, by_task[task.label]) for task in experiment.tasks]


def _samples(experiment: Experiment, task: Choice, results: Sequence[RunResult]) -> TaskSamples:
    finals = [r for r in results if r.run.purpose == "final"]
    own, others = create(task.name, task.options), [r for r in results if r.run.purpose == "baseline"]
    instead = _chances(results) if own.overlap else {}
    scores = {
        cell.label: _by_seed(experiment, [r for r in finals if r.run.cell == cell], instead) for cell in experiment.cells
    }
    fitted = [r for r in others if math.isfinite(oriented(r))]
    by_name = {r.run.cell.label: [other for other in others if other.run.cell == r.run.cell] for r in fitted}
    drawn = {name for name, runs in by_name.items() if own.overlap or (own.draws_data and len(runs) > 1)}
    constants = {r.run.cell.label: oriented(r) for r in fitted if r.run.cell.label not in drawn}
    baselines = {name: _by_seed(experiment, runs, {}) for name, runs in by_name.items() if name in drawn}
    tested = [r for r in [*finals, *fitted] if r.test is not None and math.isfinite(r.test)]
    if not tested:
        return TaskSamples(scores, constants, own.draws_data, overlap=own.overlap)
    first, values = tested[0], [r.test for r in tested if r.test is not None]
    chances = [r.chance for r in tested if r.chance is not None and math.isfinite(r.chance)]
    chance = sum(chances) / len(chances) if chances else None
    return TaskSamples(
        scores=scores,
        constants=constants,
        paired=own.draws_data,
        baselines=baselines,
        overlap=own.overlap,
        chance=None if chance is None or own.overlap else sign(first.direction) * chance,
        margin=_margin(first.metric, tested, chance),
        transform=growing(scale_of(first.metric, values, examples_of(tested) or 1.0), first.direction),
    )


def _chances(results: Sequence[RunResult]) -> dict[int, float]:
    """Seed → score of the naive baseline on its split."""
    return {r.run.seed: sign(r.direction) * r.chance for r in results if r.chance is not None and math.isfinite(r.chance)}


def _by_seed(experiment: Experiment, finals: Sequence[RunResult], instead: Mapping[int, float]) -> list[float]:
    """The scores in the order of the seeds; of runs that diverged what stands in their place, where there is such."""
    known = {r.run.seed: oriented(r) for r in finals}
    known = {seed: instead.get(seed, score) if score == -math.inf else score for seed, score in known.items()}
    if experiment.replicates is None:
        return [known.get(seed, math.nan) for seed in experiment.seeds]
    ended = next((place for place, seed in enumerate(experiment.seeds) if seed not in known), len(experiment.seeds))
    return [known[seed] for seed in experiment.seeds[:ended]]


def _margin(metric: str, tested: Sequence[RunResult], chance: float | None) -> float | None:
    """1 % of the way from the baseline to a perfect score, which the runs' scores know; None where they do not.

    Perplexities: of the way between the logarithms, at the middle of what was measured.
    """
    ways = [
        (r.test - r.chance) / r.score for r in tested if r.score and r.test is not None and r.chance and r.test != r.chance
    ]
    if chance is None or not ways:
        return None
    solved = chance + median(ways)
    if KINDS.get(metric, ("plain",))[0] == "loglog":
        nats = margin_of(chance, max(solved, 1.0), logarithm=True, share=SHARE)
        return _given(median([r.test for r in tested if r.test is not None]) * math.expm1(nats))
    return _given(margin_of(chance, solved))


def _given(margin: float) -> float | None:
    return margin if math.isfinite(margin) and margin > 0 else None
