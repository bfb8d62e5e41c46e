"""A t test of a mean, of pairs, or of two independent samples, as an estimate with its error and degrees of freedom.

From these three follow the p-value, the interval and the test of equivalence alike. Where no value differs from another, t
would be infinite and p = 0, more than a few values can say; an exact permutation test takes its place.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gru_tf.analysis.statistics.intervals import Interval

ROUNDING = 1e-12  # a spread below this share of the values is what rounding leaves of none


@dataclass(frozen=True)
class MeanTest:
    """A mean, or a difference of means, with what a t test of it needs; NaN where there are too few values.

    Args:
        mean: the estimate.
        error: its standard error; 0 where no value differs from the others of its sample.
        freedom: degrees of freedom.
        least: the smallest two-sided p-value of an exact permutation test of so many values, which stands in where there
            is no spread, as there may be none of shares of few examples.
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

    B. L. Welch, The generalization of "Student's" problem when several different population variances are involved, 1947.
    The degrees of freedom are Welch's and Satterthwaite's: (a + b)² / (a² / (n − 1) + b² / (m − 1)), where a and b are the
    samples' variances over their numbers of values. No bounds and no p-value where a sample has one value.
    """
    a, b = finite(first), finite(second)
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


def one_sample(values: Sequence[float], constant: float = 0.0, overlap: float = 0.0) -> MeanTest:
    """Mean of `values` − `constant`, by Student's test; the constant has no error, e.g. a deterministic baseline's score.

    Values that are not finite are left out; no bounds and no p-value for one value.

    Args:
        values: independent, or each of a split of the same data.
        constant: to be compared with.
        overlap: examples to test on for each one to train on, of such splits: the corrected resampled t test. The variance
            of the mean is then (1 / n + overlap) s² in place of s² / n (C. Nadeau and Y. Bengio, Inference for the
            generalization error, 2003, §5.1): with many splits it does not go to 0, for all are of the same data.

    Raises:
        ValueError: where the overlap is below 0.
    """
    if overlap < 0:
        raise ValueError(f"one_sample: expected an overlap of 0 or more. Received: {overlap:g}")
    a = finite(values)
    if not len(a) or not math.isfinite(constant):
        return NOTHING
    mean = _rounded(float(a.mean()) - constant, constant)
    if len(a) < 2:
        return MeanTest(mean, math.nan, math.nan, math.nan)
    error = math.sqrt(_variance(a) * (1 / len(a) + overlap)) if overlap else math.sqrt(_variance(a) / len(a))
    return MeanTest(mean, error, len(a) - 1.0, 2.0 ** (1 - len(a)))


def in_pairs(first: Sequence[float], second: Sequence[float], overlap: float = 0.0) -> MeanTest:
    """Mean difference of pairs, by Student's test; a pair with a value that is not finite is left out.

    `overlap` is as of `one_sample`.

    Raises:
        ValueError: where they are not equally many.
    """
    if len(first) != len(second):
        raise ValueError(f"in_pairs: expected scores at the same seeds. Received: {len(first)} and {len(second)}")
    with np.errstate(invalid="ignore"):  # two that diverged: −inf less −inf is no number, and left out
        return one_sample((np.asarray(first, float) - np.asarray(second, float)).tolist(), overlap=overlap)


def finite(values: Sequence[float]) -> Any:
    """The values that are finite, as an array."""
    array = np.asarray(values, float)
    return array[np.isfinite(array)]


def _rounded(difference: float, size: float) -> float:
    """The difference of two numbers of that size; 0 where only rounding tells them from one another."""
    return 0.0 if abs(difference) <= ROUNDING * abs(size) else difference


def _variance(values: Any) -> float:
    """Unbiased; 0 where only rounding tells the values from one another."""
    deviation = float(np.std(values, ddof=1))
    return 0.0 if deviation <= ROUNDING * float(np.max(np.abs(values))) else deviation**2


def standardised(first: Any, second: Any) -> float:
    """Hedges' g*s of two samples with variances of their own; NaN without spread, or for fewer than two values in one.

    M. Delacre and others, Why Hedges' g*s based on the non-pooled standard deviation should be reported with Welch's t-test,
    2021. Its factor for few values is taken as 1 − 3 / (4f − 1), f being Welch's degrees of freedom for equal counts.
    """
    sizes = [len(first), len(second)]
    if min(sizes) < 2:
        return math.nan
    a, b = _variance(first), _variance(second)
    if a + b == 0:
        return math.nan
    freedom = (a + b) ** 2 / (a**2 / (sizes[0] - 1) + b**2 / (sizes[1] - 1))
    return float(np.mean(first) - np.mean(second)) / math.sqrt((a + b) / 2) * (1 - 3 / (4 * freedom - 1))
