"""Everything that an experiment tests, as one family: cells, baselines, tasks and claims, corrected together.

With a fixed number of seeds there is one look, when they have ended, or as far as they have. With `replicates: {until:
decided}` there are several; see `gru_tf.analysis.statistics.sequential`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gru_tf.analysis.claim_tests import ClaimTest, claim_tests
from gru_tf.analysis.samples import task_samples
from gru_tf.analysis.statistics.sequential import Course, FurtherTest, follow
from gru_tf.analysis.statistics.spending import looks_until
from gru_tf.analysis.statistics.unpaired import SampleComparison, TaskSamples, compare_family
from gru_tf.experiment.claim import Quantity
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult


@dataclass(frozen=True)
class Family:
    """What was tested, and what came of it.

    Args:
        samples: of each task.
        pairs: of each task, in the order of `TaskSamples.pairs`, with corrected p-values.
        claims: each that is measured, with its corrected p-value.
        course: where an experiment stands that runs replicates until it is decided; None with a fixed number of seeds.
    """

    samples: tuple[TaskSamples, ...]
    pairs: tuple[tuple[SampleComparison, ...], ...]
    claims: tuple[tuple[ClaimTest, float], ...]
    course: Course | None = None


def family(experiment: Experiment, results: Iterable[RunResult]) -> Family:
    """All tests of an experiment, also of one that is not finished."""
    results = list(results)
    samples = task_samples(experiment, results)
    claims = claim_tests(experiment, results, samples)
    if experiment.replicates is None:
        pairs, further = compare_family(samples, [one.p() for one in claims])
        return Family(tuple(samples), tuple(map(tuple, pairs)), tuple(zip(claims, further, strict=True)))
    course = _followed(experiment, samples, claims)
    by_task = [tuple(d.comparison for d in course.decisions if d.task == number) for number in range(len(samples))]
    seen = tuple(_until(task, used) for task, used in zip(samples, course.used, strict=True))
    counted = (_counted(one, seen, course) for one in claims)
    return Family(seen, tuple(by_task), tuple(zip(counted, course.further, strict=True)), course)


def course(experiment: Experiment, results: Iterable[RunResult]) -> Course:
    """Where an experiment stands that runs replicates until it is decided.

    Raises:
        ValueError: for one with a fixed number of seeds.
    """
    if experiment.replicates is None:
        raise ValueError(f"course: expected an experiment with 'replicates'. Received: {experiment.name}")
    results = list(results)
    samples = task_samples(experiment, results)
    return _followed(experiment, samples, claim_tests(experiment, results, samples))


def _followed(experiment: Experiment, samples: Sequence[TaskSamples], claims: Sequence[ClaimTest]) -> Course:
    assert experiment.replicates is not None  # noqa: S101, both callers asked
    at_most = experiment.replicates.at_most
    known = max((len(scores) for task in samples for scores in task.scores.values()), default=0)
    looks = [look for look in looks_until(at_most) if look <= known]
    further = [
        FurtherTest([one.p(look) for look in looks], one.cells, [one.difference(look) for look in looks]) for one in claims
    ]
    return follow(samples, at_most, further, keep="best")


def _until(task: TaskSamples, used: Mapping[str, int]) -> TaskSamples:
    """The samples up to each cell's last look: a replicate beyond it was started for nothing, or is not complete."""
    most = max(used.values(), default=0)
    return replace(
        task,
        scores={cell: scores[: used[cell]] for cell, scores in task.scores.items()},
        baselines={name: scores[:most] for name, scores in task.baselines.items()},
    )


def _counted(one: ClaimTest, samples: Sequence[TaskSamples], course: Course) -> ClaimTest:
    """A claim's test by the same replicates as everything else."""

    def sided(values: tuple[float, ...], side: Quantity | float, task: int) -> tuple[float, ...]:
        return values[: course.used[task][side.cell]] if isinstance(side, Quantity) else values

    on = (
        replace(
            each,
            left=sided(each.left, one.claim.left, each.number),
            right=sided(each.right, one.claim.right, each.number),
            samples=samples[each.number],
        )
        for each in one.on
    )
    return replace(one, on=tuple(on))
