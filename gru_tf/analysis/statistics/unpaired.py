"""Two independent samples of scores: is one mean larger, by how much, and is that significant?

Where every replicate draws its own initial values, order and search, and all see the same fixed data, replicate 3 of one
cell has no more in common with replicate 3 of another than with replicate 4. Welch's test (B. L. Welch, The generalization
of "Student's" problem when several different population variances are involved, Biometrika 34, 1947) then finds more than a
paired one, which has half as many degrees of freedom. Pairs are right where the task draws its data from the seed: that is
a property of the task, and never decided from the correlation that was observed. A deterministic baseline is a constant.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np

from gru_tf.analysis.statistics.intervals import Interval
from gru_tf.analysis.statistics.paired import LEVEL, effect_size, holm, probability_of_improvement

ROUNDING = 1e-12  # a spread below this share of the values is what rounding leaves of none


@dataclass(frozen=True)
class MeanTest:
    """A mean, or a difference of means, with what a t test of it needs; NaN where there are too few values.

    Args:
        mean: the estimate.
        error: its standard error; 0 where no value differs from the others of its sample.
        freedom: degrees of freedom.
        least: the smallest two-sided p-value of an exact permutation test of so many values. It stands in where there is no
            spread, as with shares of few examples: t would be infinite, and p = 0 more than five values can say.
    """

    mean: float
    error: float
    freedom: float
    least: float

    def p(self, null: float = 0.0) -> float:
        """Two-sided p-value of the mean being `null`."""
        return min(2 * min(self.p_below(null), self.p_above(null)), 1.0) if math.isfinite(self.error) else math.nan

    def p_below(self, bound: float) -> float:
        """One-sided p-value against a mean of `bound` or more: small where the mean lies below."""
        if not math.isfinite(self.error):
            return math.nan
        if self.error == 0:
            near = abs(self.mean - bound) <= ROUNDING * max(abs(self.mean), abs(bound))
            return 0.5 if near else self.least / 2 if self.mean < bound else 1 - self.least / 2
        from scipy.special import stdtr

        return float(stdtr(self.freedom, (self.mean - bound) / self.error))

    def p_above(self, bound: float) -> float:
        """One-sided p-value against a mean of `bound` or less: small where the mean lies above."""
        return replace(self, mean=-self.mean).p_below(-bound)

    def interval(self, confidence: float = 0.95) -> Interval:
        """The mean with its interval, without width where there is no spread, without bounds where there are too few."""
        if not math.isfinite(self.error):
            return Interval(self.mean, math.nan, math.nan)
        if self.error == 0:
            return Interval(self.mean, self.mean, self.mean)
        from scipy.special import stdtrit

        half = float(stdtrit(self.freedom, 0.5 + confidence / 2)) * self.error
        return Interval(self.mean, self.mean - half, self.mean + half)


NOTHING = MeanTest(math.nan, math.nan, math.nan, math.nan)


def welch(first: Sequence[float], second: Sequence[float]) -> MeanTest:
    """Difference of the means of two independent samples, by Welch's test; values that are not finite are left out.

    The degrees of freedom are Welch's and Satterthwaite's: (a + b)² / (a² / (n − 1) + b² / (m − 1)), where a and b are the
    samples' variances over their numbers of values. No bounds and no p-value where a sample has one value.
    """
    a, b = _finite(first), _finite(second)
    if not len(a) or not len(b):
        return NOTHING
    mean = _rounded(float(a.mean() - b.mean()), float(a.mean()))
    if min(len(a), len(b)) < 2:
        return MeanTest(mean, math.nan, math.nan, math.nan)
    parts = [_variance(x) / len(x) for x in (a, b)]
    least = min(2 / math.comb(len(a) + len(b), len(a)), 1.0)
    if sum(parts) == 0:
        return MeanTest(mean, 0.0, math.nan, least)
    shares = [part / sum(parts) for part in parts]  # of which the square does not underflow
    freedom = 1 / sum(share**2 / (len(x) - 1) for share, x in zip(shares, (a, b), strict=True))
    return MeanTest(mean, math.sqrt(sum(parts)), freedom, least)


def one_sample(values: Sequence[float], constant: float = 0.0) -> MeanTest:
    """Mean of `values` − `constant`, by Student's test; the constant has no error, e.g. a deterministic baseline's score.

    Values that are not finite are left out; no bounds and no p-value for one value.
    """
    a = _finite(values)
    if not len(a) or not math.isfinite(constant):
        return NOTHING
    mean = _rounded(float(a.mean()) - constant, constant)
    if len(a) < 2:
        return MeanTest(mean, math.nan, math.nan, math.nan)
    error = math.sqrt(_variance(a) / len(a))
    return MeanTest(mean, error, len(a) - 1.0, 2.0 ** (1 - len(a)))


def in_pairs(first: Sequence[float], second: Sequence[float]) -> MeanTest:
    """Mean difference of pairs, by Student's test; a pair with a value that is not finite is left out.

    Raises:
        ValueError: where they are not equally many.
    """
    if len(first) != len(second):
        raise ValueError(f"in_pairs: expected scores at the same seeds. Received: {len(first)} and {len(second)}")
    return one_sample((np.asarray(first, float) - np.asarray(second, float)).tolist())


def _finite(values: Sequence[float]) -> Any:
    array = np.asarray(values, float)
    return array[np.isfinite(array)]


def _rounded(difference: float, size: float) -> float:
    """The difference of two numbers of that size; 0 where only rounding tells them from one another."""
    return 0.0 if abs(difference) <= ROUNDING * abs(size) else difference


def _variance(values: Any) -> float:
    """Unbiased; 0 where only rounding tells the values from one another."""
    deviation = float(np.std(values, ddof=1))
    return 0.0 if deviation <= ROUNDING * float(np.max(np.abs(values))) else deviation**2


# --- comparisons, and families of them ---


@dataclass(frozen=True)
class SampleComparison:
    """What is known of first − second; NaN where it cannot be computed.

    Args:
        first, second: whose scores.
        counts: finite scores of each; of a constant 1.
        difference: of the means, with its 95 % interval.
        p: two-sided, of the test that `test` names.
        effect: difference in standard deviations, the root of the mean of both variances, with Hedges' correction for few
            values (M. Delacre and others, Why Hedges' g*s based on the non-pooled standard deviation should be reported
            with Welch's t-test, 2021).
        improvement: probability that a score of the first is larger than one of the second, equal ones by half.
        test: how they were compared.
        p_holm: corrected for everything that was tested together.
        comparisons: how much that was.
    """

    first: str
    second: str
    counts: tuple[int, int]
    difference: Interval
    p: float
    effect: float
    improvement: float
    test: Literal["welch", "paired", "constant"] = "welch"
    p_holm: float = math.nan
    comparisons: int = 1

    @property
    def significant(self) -> bool:
        """Whether the corrected p-value is at most 5 %; never where there is none."""
        return self.p_holm <= LEVEL

    @property
    def better(self) -> str | None:
        """The one with the larger mean where that is significant; None where it is not."""
        if not self.significant or self.difference.mean == 0:
            return None
        return self.first if self.difference.mean > 0 else self.second

    def seen_from(self, name: str) -> "SampleComparison":
        """The same with the one of this name first.

        Raises:
            ValueError: where it is neither's name.
        """
        if name not in (self.first, self.second):
            raise ValueError(f"seen_from: expected {self.first!r} or {self.second!r}. Received: {name!r}")
        if name == self.first:
            return self
        mean, low, high = (-bound for bound in self.difference)
        return replace(
            self,
            first=self.second,
            second=self.first,
            counts=self.counts[::-1],
            difference=Interval(mean, high, low),
            effect=-self.effect,
            improvement=1 - self.improvement,
        )


@dataclass(frozen=True)
class TaskSamples:
    """The scores of one task, larger is better.

    Args:
        scores: cell → its scores by replicate; NaN where one has none.
        constants: deterministic baseline → its score.
        paired: whether the task draws its data from the seed, so that replicates of two cells are pairs.
    """

    scores: Mapping[str, Sequence[float]]
    constants: Mapping[str, float] = field(default_factory=dict)
    paired: bool = False

    def pairs(self) -> list[tuple[str, str]]:
        """Every two cells, then every cell with every baseline; two baselines need no test."""
        return [*combinations(self.scores, 2), *((cell, name) for cell in self.scores for name in self.constants)]

    def compare(self, first: str, second: str, replicates: int | None = None) -> SampleComparison:
        """One of `pairs`, by the first `replicates` of each cell where a number is given."""
        a = self.scores[first][:replicates]
        if second in self.constants:
            return compare_with_constant(a, self.constants[second], (first, second))
        return compare_samples(a, self.scores[second][:replicates], (first, second), self.paired)


def compare_samples(
    first: Sequence[float],
    second: Sequence[float],
    names: tuple[str, str] = ("first", "second"),
    paired: bool = False,
) -> SampleComparison:
    """Compare two cells, nothing corrected.

    Args:
        first: scores by replicate, larger is better; those that are not finite are left out.
        second: the same of the other; as many where `paired`.
        names: whose.
        paired: whether the task draws its data from the seed, so that replicates of both are pairs.

    Raises:
        ValueError: where pairs are asked for, and there are not equally many.
    """
    test = in_pairs(first, second) if paired else welch(first, second)
    a, b = np.asarray(first, float), np.asarray(second, float)
    if paired:
        both = np.isfinite(a) & np.isfinite(b)
        a, b = a[both], b[both]
    a, b = _finite(a), _finite(b)
    effect = effect_size(a - b) if paired else standardised(a, b)
    counts, better = (len(a), len(b)), probability_of_improvement(a, b)
    return SampleComparison(*names, counts, test.interval(), test.p(), effect, better, "paired" if paired else "welch")


def compare_with_constant(
    values: Sequence[float], constant: float, names: tuple[str, str] = ("first", "second")
) -> SampleComparison:
    """Compare a cell with a score that has no spread, e.g. of a deterministic baseline; nothing corrected."""
    test, a = one_sample(values, constant), _finite(values)
    better = probability_of_improvement(a, _finite([constant]))
    effect = effect_size(a - constant) if test.error > 0 else math.nan
    return SampleComparison(*names, (len(a), 1), test.interval(), test.p(), effect, better, "constant")


def compare_family(
    tasks: Sequence[TaskSamples], further: Sequence[float] = ()
) -> tuple[list[list[SampleComparison]], list[float]]:
    """Every pair on every task, and further p-values such as those of claims, all corrected together by Holm's procedure.

    Were each task, or the claims, corrected by themselves, one experiment in several would find a difference that is not
    there.

    Args:
        tasks: scores of each.
        further: p-values of what else is asked; NaN where a test could not be made.

    Returns:
        The comparisons of each task, in the order of `TaskSamples.pairs`, and the further p-values, corrected.
    """
    comparisons = [[task.compare(*pair) for pair in task.pairs()] for task in tasks]
    flat = [one.p for task in comparisons for one in task] + list(further)
    family, corrected = sum(map(math.isfinite, flat)), iter(holm(flat))
    done = [[replace(one, p_holm=next(corrected), comparisons=family or 1) for one in task] for task in comparisons]
    return done, list(corrected)


def standardised(first: Any, second: Any) -> float:
    """Hedges' g*s of two samples with variances of their own; NaN without spread, or for fewer than two values in one."""
    sizes = [len(first), len(second)]
    if min(sizes) < 2:
        return math.nan
    a, b = _variance(first), _variance(second)
    if a + b == 0:
        return math.nan
    freedom = (a + b) ** 2 / (a**2 / (sizes[0] - 1) + b**2 / (sizes[1] - 1))
    return float(np.mean(first) - np.mean(second)) / math.sqrt((a + b) / 2) * (1 - 3 / (4 * freedom - 1))
