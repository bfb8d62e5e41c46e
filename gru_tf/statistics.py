"""Statistics of scores over seeds: pure functions on arrays."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """A mean with its 95 % confidence interval; the bounds are NaN for one value, or one that is not finite."""

    mean: float
    low: float
    high: float


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


def paired_p(differences: Sequence[float]) -> float:
    """Two-sided p of Student's paired t-test: how often a mean this far from 0 would come about where there is none.

    Args:
        differences: one a seed, of two candidates at that seed.

    Returns:
        NaN for fewer than two differences, or one that is not finite. Where all n are the same, as shares of few examples
        can be, there is no t: 1 where all are 0, else 2^(1−n), the exact test over their signs.
    """
    if len(differences) < 2 or not all(map(math.isfinite, differences)):
        return math.nan
    mean, deviation = float(np.mean(differences)), float(np.std(differences, ddof=1))
    if deviation == 0:
        return 1.0 if mean == 0 else 2.0 ** (1 - len(differences))
    from scipy.special import stdtr

    return float(2 * stdtr(len(differences) - 1, -abs(mean) / deviation * math.sqrt(len(differences))))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p values, in the order given: below α for all that can be refused with a family-wise error of α.

    S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979. A NaN, a
    test that could not be made, stays NaN and counts as none of the family.
    """
    adjusted = [math.nan] * len(p_values)
    order = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    largest = 0.0
    for rank, (p, place) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p))
        adjusted[place] = largest
    return adjusted
