"""A mean with its 95 % interval: Student's t for a few seeds, the bootstrap for many."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

ENOUGH = 40  # values from which a bootstrap keeps its level; below, it is too narrow, see tests/analysis/statistics
RESAMPLES = 9_999
Statistic = Callable[..., Any]


class Interval(NamedTuple):
    """A mean with its 95 % confidence interval; the bounds are NaN for one value, or one that is not finite."""

    mean: float
    low: float
    high: float

    def within(self, least: float, most: float) -> "Interval":
        """The part of it in which the mean can lie, e.g. [0, 1] of an accuracy; its confidence stays what it was."""
        return Interval(self.mean, max(self.low, least), min(self.high, most))

    def excludes(self, value: float) -> bool:
        """Whether `value` lies outside; never true without bounds."""
        return value < self.low or value > self.high


def interval(values: Sequence[float], confidence: float = 0.95, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """The interval that keeps its level at this number of values: Student's t below 40, BCa bootstrap from there on.

    Raises:
        ValueError: where there is no value.
    """
    if len(values) < ENOUGH or not all(map(math.isfinite, values)) or len(set(values)) == 1:
        return mean_interval(values, confidence)
    return bootstrap_interval(values, confidence, seed=seed, resamples=resamples)


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Mean and Student-t interval of independent values, one a seed.

    The t interval is the one that keeps its level at three to five seeds, where a bootstrap is too narrow.

    Raises:
        ValueError: where there is no value.
    """
    if len(values) == 0:
        raise ValueError("mean_interval: expected at least one value. Received: none")
    mean = float(np.mean(values))
    if len(values) == 1 or not math.isfinite(mean):
        return Interval(mean, math.nan, math.nan)
    from scipy.special import stdtrit

    half = stdtrit(len(values) - 1, 0.5 + confidence / 2) * np.std(values, ddof=1) / math.sqrt(len(values))
    return Interval(mean, float(mean - half), float(mean + half))


def bootstrap_interval(
    values: Sequence[float],
    confidence: float = 0.95,
    method: Literal["BCa", "percentile"] = "BCa",
    statistic: Statistic = np.mean,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """A statistic and its bootstrap interval (Efron 1987, Better bootstrap confidence intervals), by SciPy.

    Args:
        values: independent values.
        confidence: of the interval.
        method: "BCa" (bias-corrected and accelerated) or "percentile".
        statistic: of an array along its `axis`.
        seed: of the resampling: the same values and seed give the same interval.
        resamples: how many.

    Raises:
        ValueError: for fewer than two values, or one that is not finite.
    """
    if len(values) < 2 or not all(map(math.isfinite, values)):
        raise ValueError(f"bootstrap_interval: expected at least two finite values. Received: {list(values)[:5]}")
    middle = float(statistic(np.asarray(values, float), axis=0))
    if len(set(values)) == 1:  # no resample differs: SciPy would warn and give NaN
        return Interval(middle, middle, middle)
    from scipy.stats import bootstrap

    bounds = bootstrap(
        (np.asarray(values, float),),
        statistic,
        confidence_level=confidence,
        method=method,
        n_resamples=resamples,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(middle, float(bounds.low), float(bounds.high))
