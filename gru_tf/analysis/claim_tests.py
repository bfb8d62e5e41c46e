"""The two sides of a measured claim at every replicate, and the test of their difference.

On one task, two cells are compared as in the table: by Welch's test, in pairs where the task draws its data from the seed,
by rates where one of them sometimes fails. Over several tasks the mean of the differences is tested; its error is that of
every task's, with the degrees of freedom of F. E. Satterthwaite (An approximate distribution of estimates of variance
components, 1946).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gru_tf.analysis.statistics.means import NOTHING, MeanTest, in_pairs, one_sample, welch
from gru_tf.analysis.statistics.unpaired import SampleComparison, TaskSamples
from gru_tf.experiment import claim
from gru_tf.experiment.claim import Claim, Quantity
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult, sign

MEASURED: dict[str, Callable[[RunResult], float | None]] = {
    "score": lambda r: r.score,
    "test": lambda r: r.test,
    "chance": lambda r: r.chance,
}


@dataclass(frozen=True)
class OnTask:
    """A claim on one task.

    Args:
        number: of the task, in the experiment's order.
        left, right: values by replicate, NaN where there is none; a single one of a number.
        samples: of the task.
        direction: of its metric.
    """

    number: int
    left: tuple[float, ...]
    right: tuple[float, ...]
    samples: TaskSamples
    direction: str

    def test(self, constant: bool, replicates: int | None = None) -> MeanTest:
        """Of left − right, by the first `replicates`."""
        a, b = self.left[:replicates], self.right[:replicates]
        if constant:
            return one_sample(a, b[0] if b else math.nan, self.samples.overlap)
        return in_pairs(a, b, self.samples.overlap) if self.samples.paired else welch(a, b)


@dataclass(frozen=True)
class ClaimTest:
    """A measured claim with what its test needs.

    Args:
        claim: which.
        on: each task that it is about.
    """

    claim: Claim
    on: tuple[OnTask, ...]

    @property
    def cells(self) -> tuple[tuple[int, str], ...]:
        """(number of the task, cell) of those whose replicates it needs."""
        names = [side.cell for side in (self.claim.left, self.claim.right) if isinstance(side, Quantity)]
        return tuple((task.number, name) for task in self.on for name in dict.fromkeys(names))

    def mean(self, replicates: int | None = None) -> MeanTest:
        """Of left − right, averaged over tasks, in the claim's own units."""
        constant = not isinstance(self.claim.right, Quantity)
        return _averaged([task.test(constant, replicates) for task in self.on])

    def pair(self, replicates: int | None = None) -> SampleComparison | None:
        """The comparison that it amounts to: of two cells' results on one task; None for any other."""
        left, right = self.claim.left, self.claim.right
        if len(self.on) > 1 or not isinstance(right, Quantity) or left.cell == right.cell:
            return None
        if left.name != right.name or left.name not in ("score", "test"):
            return None
        pair = self.on[0].samples.compare(left.cell, right.cell, replicates)
        return None if math.isnan(pair.p) else pair

    def p(self, replicates: int | None = None) -> float:
        """Two-sided p-value, uncorrected."""
        pair = self.pair(replicates)
        return self.mean(replicates).p() if pair is None else pair.p

    def difference(self, replicates: int | None = None) -> float:
        """What is tested: left − right, of the means or of the rates."""
        pair = self.pair(replicates)
        if pair is None or pair.test != "rates":
            return self.mean(replicates).mean
        turned = 1.0 if self.claim.left.name == "score" else sign(self.on[0].direction)
        return turned * pair.difference.mean

    def holds(self) -> bool:
        """Whether the difference, as far as it goes, is as claimed."""
        return self.claim.holds(self.difference(), 0.0)

    def unreliable(self) -> list[tuple[int, str]]:
        """Those of `cells` that sometimes fail."""
        failing = {task.number: task.samples.unreliable() for task in self.on}
        return [(number, cell) for number, cell in self.cells if cell in failing[number]]


def claim_tests(experiment: Experiment, results: Iterable[RunResult], samples: Sequence[TaskSamples]) -> list[ClaimTest]:
    """Those of the experiment's claims that are about scores and metrics, in their order."""
    claims = [claim.parse(text, experiment.cells, experiment.tasks) for text in experiment.claims]
    runs = [r for r in results if r.run.purpose == "final"]
    known = {(r.run.task.label, r.run.cell.label, r.run.seed): r for r in runs}
    places = {task.label: number for number, task in enumerate(experiment.tasks)}
    directions = {r.run.task.label: r.direction for r in runs if r.status == "finished"}
    return [
        ClaimTest(
            one,
            tuple(
                OnTask(
                    places[task],
                    _values(one.left, task, known, experiment.seeds),
                    _values(one.right, task, known, experiment.seeds),
                    samples[places[task]],
                    directions.get(task, "max"),
                )
                for task in one.tasks
            ),
        )
        for one in claims
        if one.left.kind in ("a score", "a metric")
    ]


def _values(
    side: Quantity | float, task: str, known: Mapping[tuple[str, str, int], RunResult], seeds: Sequence[int]
) -> tuple[float, ...]:
    if not isinstance(side, Quantity):
        return (float(side),)
    runs = [known.get((task, side.cell, seed)) for seed in seeds]
    values = [MEASURED[side.name](run) if run is not None and run.status == "finished" else None for run in runs]
    return tuple(math.nan if value is None else float(value) for value in values)


def _averaged(tests: Sequence[MeanTest]) -> MeanTest:
    """The mean of independent estimates; NaN where one of them has none."""
    if len(tests) == 1:
        return tests[0]
    if not tests or any(math.isnan(test.mean) for test in tests):
        return NOTHING
    mean, count = math.fsum(test.mean for test in tests) / len(tests), len(tests)
    if any(not math.isfinite(test.error) for test in tests):
        return MeanTest(mean, math.nan, math.nan, math.nan)
    squares = [(test.error / count) ** 2 for test in tests]
    least = min(2 * math.prod(test.least / 2 for test in tests), 1.0)
    spread = sum(square**2 / test.freedom for square, test in zip(squares, tests, strict=True) if square > 0)
    freedom = sum(squares) ** 2 / spread if spread > 0 else math.nan
    return MeanTest(mean, math.sqrt(sum(squares)), freedom, least)
