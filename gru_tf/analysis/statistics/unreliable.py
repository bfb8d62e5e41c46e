"""Cells that sometimes fail: scores in two modes, the rate of success, and what stands in place of a mean.

A recurrent network may learn a task at nine seeds and nothing at the tenth. Its mean is then of two kinds of runs and like
neither; a t test of five replicates, of which none happened to fail, calls it better than a steady cell of the same mean in
59 % of experiments.

A cell is called unreliable where both hold. Some score lies below half-way between the baseline and the median of the better
mode. And the scores lie in two groups: the largest ratio of the sum of squares between two groups to that within them, over
all places to part the sorted scores, is one that normal samples of as many scores exceed in 1 % of cases (L. Engelman and
J. A. Hartigan, Percentage points of a test for clusters, JASA 64, 1969; their limits are for many scores, so the percentage
points here are simulated). So at most 1 % of cells whose scores are normal are called so, however far they scatter. A run
that diverged, −inf, is a failure whatever the others are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from gru_tf.analysis.statistics.across import interquartile_mean
from gru_tf.analysis.statistics.elementary import fair_coin_quantile, wilson_interval
from gru_tf.analysis.statistics.intervals import Interval

LEVEL = 0.05
GROUPS = 0.01  # of normal samples that are called two groups
FEWEST = 3  # scores that can be two groups: of two, each is a group
SAMPLES = 20_000


@dataclass(frozen=True)
class Modes:
    """Whether scores lie in two modes, and what describes them if so.

    Args:
        unreliable: whether they do.
        successes: scores at or above the threshold.
        runs: how many there are.
        threshold: half-way between the baseline and the median of the better mode.
        p: share of normal samples that lie in two groups as clearly; NaN for fewer than three scores.
        rate: of success, with Wilson's interval.
        median: of all scores, with its interval.
        middle: interquartile mean, with its interval.
    """

    unreliable: bool
    successes: int
    runs: int
    threshold: float
    p: float
    rate: Interval
    median: Interval
    middle: Interval

    @property
    def failure_bound(self) -> float:
        """The failure rate that is not exceeded, with 95 % confidence."""
        return failure_bound(self.runs - self.successes, self.runs)


def modes_of(scores: Sequence[float], chance: float) -> Modes:
    """Whether a cell fails at some replicates of a task, and how often.

    Args:
        scores: by replicate, larger is better; −inf of a run that diverged, NaN where there is none, which is left out.
        chance: the baseline's score, on the same scale.
    """
    values = np.sort([score for score in scores if not math.isnan(score)])
    threshold, p = threshold_of(values.tolist(), chance)
    successes = int((values >= threshold).sum())
    return Modes(
        unreliable=_fails(values, threshold, p),
        successes=successes,
        runs=len(values),
        threshold=threshold,
        p=p,
        rate=success_rate(successes, len(values)),
        median=median_interval(values.tolist()),
        middle=_middle(values),
    )


def is_unreliable(scores: Sequence[float], chance: float) -> bool:
    """`modes_of(…).unreliable` by itself."""
    values = np.sort([score for score in scores if not math.isnan(score)])
    return _fails(values, *threshold_of(values.tolist(), chance))


def _fails(values: Any, threshold: float, p: float) -> bool:
    return bool(len(values)) and bool(values[0] == -math.inf or (p <= GROUPS and values[0] < threshold))


def threshold_of(scores: Sequence[float], chance: float) -> tuple[float, float]:
    """(Half-way between the baseline and the median of the better of two groups, share of normal samples so divided).

    Scores that are not finite are in neither group; (NaN, NaN) where none is finite.
    """
    values = np.sort([score for score in scores if math.isfinite(score)])
    if not len(values):
        return math.nan, math.nan
    if len(values) < FEWEST or values[0] == values[-1]:
        return (chance + float(np.median(values))) / 2, 1.0 if len(values) >= FEWEST else math.nan
    ratios = _between_over_within(values[None])[0]
    better = values[int(np.argmax(ratios)) + 1 :]
    p = (np.count_nonzero(_simulated(len(values)) >= ratios.max()) + 1) / (SAMPLES + 1)
    return (chance + float(np.median(better))) / 2, float(p)


def _between_over_within(values: Any) -> Any:
    """(samples, n − 1) ratio of the squares between to those within two groups, parted after each of the sorted values."""
    n = values.shape[1]
    size = np.arange(1, n)
    centred = values - values.mean(1, keepdims=True)
    first = np.cumsum(centred, axis=1)[:, :-1]
    between = first**2 * n / (size * (n - size))
    total = (centred**2).sum(1, keepdims=True)
    return between / np.maximum(total - between, 1e-12 * total)  # groups without spread are as clear as rounding allows


@lru_cache(maxsize=64)
def _simulated(n: int) -> Any:
    """The largest ratio of normal samples of n values; their mean and deviation make no difference."""
    normal = np.sort(np.random.default_rng(n).normal(size=(SAMPLES, n)), axis=1)
    return _between_over_within(normal).max(1)


def _middle(values: Any) -> Interval:
    finite = values[np.isfinite(values)].tolist()
    return interquartile_mean([finite]) if len(finite) == len(values) > 0 else Interval(math.nan, math.nan, math.nan)


# --- rates ---


def success_rate(successes: int, runs: int, confidence: float = 0.95) -> Interval:
    """Share of successes with the score interval of E. B. Wilson (Probable inference, JASA 22, 1927), within 0 and 1.

    NaN for no run.

    Raises:
        ValueError: where there are more successes than runs, or fewer than none.
    """
    if not 0 <= successes <= runs:
        raise ValueError(f"success_rate: expected 0 to {runs} successes. Received: {successes}")
    if runs == 0:
        return Interval(math.nan, math.nan, math.nan)
    return Interval(successes / runs, *wilson_interval(successes, runs, confidence))


def rate_difference(first: tuple[int, int], second: tuple[int, int]) -> Interval:
    """Difference of two rates, (successes, runs) each, with an interval from Wilson's of both.

    R. G. Newcombe, Interval estimation for the difference between independent proportions, 1998, method 10.
    """
    a, b = success_rate(*first), success_rate(*second)
    low = math.hypot(a.mean - a.low, b.high - b.mean)
    high = math.hypot(a.high - a.mean, b.mean - b.low)
    return Interval(a.mean - b.mean, a.mean - b.mean - low, a.mean - b.mean + high)


def rates_test(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Two-sided p-value of two rates, (successes, runs) each, being the same: R. A. Fisher's exact test (1934).

    NaN where one has no run.
    """
    if not first[1] or not second[1]:
        return math.nan
    from scipy.stats import fisher_exact

    return float(fisher_exact([[wins, runs - wins] for wins, runs in (first, second)]).pvalue)


def failure_bound(failures: int, runs: int, confidence: float = 0.95) -> float:
    """The rate of failure that is not exceeded, with this confidence: C. J. Clopper and E. S. Pearson's bound (1934).

    1 − 0.05^(1/n) where none of n failed: 45 % where none of five did. 1 for no run.
    """
    if failures >= runs:
        return 1.0
    from scipy.special import betaincinv

    return float(betaincinv(failures + 1, runs - failures, confidence))


def median_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Median and the closest pair of order statistics that holds it with this confidence, whatever the distribution.

    W. R. Thompson, On confidence ranges for the median, 1936. Five values have no such pair, for all five lie on one side
    in 6 % of cases: the bounds are NaN for fewer than six. −inf counts as a value; NaN has to be left out before.
    """
    ordered = np.sort(values)
    n = len(ordered)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan)
    middle = ordered[(n - 1) // 2 : n // 2 + 1]
    median = float(middle.mean()) if np.isfinite(middle).all() else float(middle[0])
    skipped = beside_median(n, confidence)
    if skipped < 0:
        return Interval(median, math.nan, math.nan)
    return Interval(median, float(ordered[skipped]), float(ordered[n - 1 - skipped]))


def beside_median(count: int, confidence: float = 0.95) -> int:
    """How many of so many sorted values lie on either side of the interval of their median; −1 where it has none."""
    return fair_coin_quantile((1 - confidence) / 2, count)
