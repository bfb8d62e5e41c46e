"""How many seeds would be needed to decide an inconclusive comparison."""

import math
from typing import Any

import numpy as np

LEVEL = 0.05
POWER = 0.8
SPREADS = 4_096  # points of a distribution that a mean is taken over
MOST = 10_000  # seeds; a difference that needs more is none that anybody would measure


def seeds_needed(difference: Any, comparisons: int = 1, power: float = POWER) -> int | None:
    """Seeds with which Student's paired test finds a difference of this size four times in five.

    What was seen is taken for the truth: its mean and its deviation. The level is shared among all comparisons (Holm's
    first step). The power is exact, by the noncentral t distribution (J. Cohen, Statistical power analysis, 1988, ch. 2).

    Args:
        difference: (seeds,) differences so far, at least two of them and not all equal.
        comparisons: how many pairs are compared at once.
        power: share of experiments that are to find it.

    Returns:
        Seeds in all, or None where more than 10,000 would be needed, or too little is known to say.
    """
    difference = np.asarray(difference, float)
    if len(difference) < 2 or np.ptp(difference) == 0 or not np.all(np.isfinite(difference)):
        return None
    effect = abs(float(np.mean(difference))) / float(np.std(difference, ddof=1))
    return seeds_for(effect, LEVEL / comparisons, power)


def seeds_for(effect: float, level: float = LEVEL, power: float = POWER) -> int | None:
    """The fewest pairs whose paired t test at `level` has `power` for an effect in deviations; None above 10,000."""
    if effect <= 0 or power_of(effect, MOST, level) < power:
        return None
    low, high = 1, 2
    while power_of(effect, high, level) < power:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(effect, middle, level) >= power else (middle, high)
    return high


def power_of(effect: float, seeds: int, level: float = LEVEL) -> float:
    """Probability that a two-sided paired t test at `level` finds `effect` with so many pairs."""
    from scipy.special import nctdtr, stdtrit

    free, shift = seeds - 1, effect * math.sqrt(seeds)
    edge = float(stdtrit(free, 1 - level / 2))
    power = float(1 - nctdtr(free, shift, edge) + nctdtr(free, shift, -edge))
    return power if math.isfinite(power) else _power_over_spreads(free, shift, edge)


def _power_over_spreads(free: int, shift: float, edge: float) -> float:
    """The same as a mean over the deviation's distribution, where SciPy's function of a large shift is no number."""
    from scipy.special import gammaincinv, ndtr

    shares = (np.arange(SPREADS) + 0.5) / SPREADS
    spread = np.sqrt(2 * gammaincinv(free / 2, shares) / free)
    return float(np.mean(ndtr(shift - edge * spread) + ndtr(-shift - edge * spread)))
