"""Two cells on one task at equal seeds: is one better, by how much, and is that significant?

Both saw the same data in the same order at each seed, so their differences are what is tested. All pairs of cells on all
tasks of an experiment are compared at once, with Holm's correction (S. Holm, A simple sequentially rejective multiple test
procedure, 1979): with no difference anywhere, the probability that any pair is called significant stays below 5 %.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, product
from typing import Any

import numpy as np

from gru_tf.analysis.statistics.elementary import average_ranks
from gru_tf.analysis.statistics.intervals import Interval, interval

LEVEL = 0.05
EXACT = 16  # pairs up to which all sign changes are tried: 65,536
DRAWS = 20_000  # of random ones above


@dataclass(frozen=True)
class PairedComparison:
    """What is known of first − second; a p-value is NaN where it cannot be computed.

    Args:
        first, second: whose scores.
        seeds: pairs of finite scores.
        difference: mean of first − second with its interval.
        t, permutation, wilcoxon: two-sided p-values of Student's paired test, of all changes of sign, of signed ranks.
        t_holm, permutation_holm, wilcoxon_holm: the same, corrected for all pairs that were compared.
        effect: mean difference in standard deviations of the differences, with Hedges' correction for few seeds.
        improvement: probability that the first has the larger score at a seed of its own: P(first > second) + P(equal) / 2.
        comparisons: how many pairs were compared.
    """

    first: str
    second: str
    seeds: int
    difference: Interval
    t: float
    permutation: float
    wilcoxon: float
    effect: float
    improvement: float
    t_holm: float = math.nan
    permutation_holm: float = math.nan
    wilcoxon_holm: float = math.nan
    comparisons: int = 1

    @property
    def reachable(self) -> bool:
        """Whether so many seeds allow the permutation test to reach the level at all: two of 2ⁿ changes of sign."""
        return 2.0 ** (1 - self.seeds) * self.comparisons <= LEVEL

    @property
    def significant(self) -> bool:
        """Whether the difference is significant by Student's test, and by the permutation test where that can be.

        With too few seeds for the latter, all differences must have one sign, which is its smallest p-value.
        """
        if not self.t_holm <= LEVEL:
            return False
        return self.permutation_holm <= LEVEL if self.reachable else self.permutation <= 2.0 ** (1 - self.seeds)

    @property
    def p(self) -> float:
        """The corrected p-value that `significant` goes by: the larger of both tests', or Student's alone."""
        return max(self.t_holm, self.permutation_holm) if self.reachable else self.t_holm

    def seen_from(self, name: str) -> "PairedComparison":
        """The same with the one of this name first."""
        if name == self.first:
            return self
        mean, low, high = (-bound for bound in self.difference)
        return replace(
            self,
            first=self.second,
            second=self.first,
            difference=Interval(mean, high, low),
            effect=-self.effect,
            improvement=1 - self.improvement,
        )

    @property
    def better(self) -> str | None:
        """The one with the larger score where that is significant; None where it is not."""
        if not self.significant:
            return None
        return self.first if self.difference.mean > 0 else self.second


def compare(
    first: Sequence[float], second: Sequence[float], names: tuple[str, str] = ("first", "second")
) -> PairedComparison:
    """Compare two cells at equal seeds, nothing corrected.

    Args:
        first: (seeds,) scores, larger is better; NaN where a seed did not finish: its pair is left out.
        second: the same of the other.
        names: whose.

    Raises:
        ValueError: where they are not equally many.
    """
    if len(first) != len(second):
        raise ValueError(f"compare: expected scores at the same seeds. Received: {len(first)} and {len(second)}")
    a, b = np.asarray(first, float), np.asarray(second, float)
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    difference = a - b
    return PairedComparison(
        first=names[0],
        second=names[1],
        seeds=len(a),
        difference=interval(difference.tolist()) if len(a) else Interval(math.nan, math.nan, math.nan),
        t=t_test(difference),
        permutation=permutation_test(difference),
        wilcoxon=wilcoxon_test(difference),
        effect=effect_size(difference),
        improvement=probability_of_improvement(a, b),
    )


def compare_all(scores: Mapping[str, Sequence[float]]) -> list[PairedComparison]:
    """Every pair of cells on one task, corrected for one another by Holm's procedure.

    Args:
        scores: cell → (seeds,) scores, larger is better; NaN where a seed did not finish.
    """
    return compare_tasks([scores])[0]


def compare_tasks(tasks: Sequence[Mapping[str, Sequence[float]]]) -> list[list[PairedComparison]]:
    """Every pair of cells on each of several tasks, all corrected for one another.

    Were each task corrected by itself, one experiment of six tasks in four would find a difference that is not there.

    Args:
        tasks: for each task cell → (seeds,) scores, larger is better; NaN where a seed did not finish.
    """
    comparisons = [[compare(scores[a], scores[b], (a, b)) for a, b in combinations(scores, 2)] for scores in tasks]
    corrected = iter(correct([comparison for task in comparisons for comparison in task]))
    return [[next(corrected) for _ in task] for task in comparisons]


def correct(comparisons: Sequence[PairedComparison]) -> list[PairedComparison]:
    """These comparisons, corrected for one another by Holm's procedure; one that could not be tested counts as none."""
    t, permutation, wilcoxon = (holm([getattr(c, test) for c in comparisons]) for test in ("t", "permutation", "wilcoxon"))
    family = sum(math.isfinite(c.t) for c in comparisons)
    return [
        replace(c, comparisons=family or 1, t_holm=t[i], permutation_holm=permutation[i], wilcoxon_holm=wilcoxon[i])
        for i, c in enumerate(comparisons)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's corrected p-values, in their order: below α for all that can be refused with a family-wise error of α.

    A NaN, a test that could not be made, stays NaN and counts as none of the family.
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]  # NaN last
    corrected = np.full(len(p), np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return [float(value) for value in corrected]


def t_test(difference: Any) -> float:
    """Two-sided p-value of Student's paired test (Student 1908): how often a mean this far from 0 comes about where it is 0.

    NaN for fewer than two differences, or one that is not finite. Where all n are the same, as shares of few examples can
    be, there is no t: 1 where all are 0, else 2^(1−n), the exact test over their signs.
    """
    difference = np.asarray(difference, float)
    n = len(difference)
    if n < 2 or not np.all(np.isfinite(difference)):
        return math.nan
    mean, deviation = float(np.mean(difference)), float(np.std(difference, ddof=1))
    if deviation <= 1e-12 * abs(mean):
        return 1.0 if mean == 0 else 2.0 ** (1 - n)
    from scipy.special import stdtr

    return float(2 * stdtr(n - 1, -abs(mean) / deviation * math.sqrt(n)))


def permutation_test(difference: Any, seed: int = 0) -> float:
    """Two-sided p-value of the mean over all changes of sign (Fisher 1935, §21); NaN for no difference.

    All 2ⁿ of them up to 16 pairs, 20,000 random ones above, the observed one counted with them.
    """
    difference = np.asarray(difference, float)
    n = len(difference)
    if n == 0:
        return math.nan
    signs = _every(n) if n <= EXACT else _drawn(n, seed)
    sums, observed = np.abs(signs @ difference), abs(difference.sum())
    extreme = int((sums >= observed - 1e-9 * np.abs(difference).sum()).sum())
    return extreme / len(sums) if n <= EXACT else (extreme + 1) / (len(sums) + 1)


@lru_cache(maxsize=EXACT)
def _every(pairs: int) -> Any:
    """(2ⁿ, n) all changes of sign."""
    return np.array(list(product((1, -1), repeat=pairs)), float)


@lru_cache(maxsize=4)  # all pairs of an experiment ask for the same ones
def _drawn(pairs: int, seed: int) -> Any:
    """(DRAWS, n) random changes of sign."""
    return np.random.default_rng(seed).choice((1.0, -1.0), (DRAWS, pairs))


def wilcoxon_test(difference: Any) -> float:
    """Two-sided p-value of Wilcoxon's signed ranks (1945), zeros left out; NaN where nothing else is there.

    Up to 16 pairs over all changes of sign, so exact with ties too; SciPy's above.
    """
    difference = np.asarray(difference, float)
    difference = difference[difference != 0]
    if not len(difference):
        return math.nan
    if len(difference) <= EXACT:
        return permutation_test(np.sign(difference) * average_ranks(np.abs(difference)))
    from scipy.stats import wilcoxon

    return float(wilcoxon(difference).pvalue)


def effect_size(difference: Any) -> float:
    """Cohen's d of paired differences with Hedges' factor 1 − 3 / (4(n − 1) − 1); NaN where there is no spread.

    NaN for two differences as well: the factor is then 0, whatever the differences are.
    """
    n = len(difference)
    if n < 3 or np.ptp(difference) == 0:
        return math.nan
    return float(np.mean(difference) / np.std(difference, ddof=1) * (1 - 3 / (4 * (n - 1) - 1)))


def probability_of_improvement(first: Any, second: Any) -> float:
    """P(first > second) + P(equal) / 2 over all pairs of runs (Agarwal and others 2021, arXiv 2108.13264); NaN for none."""
    if len(first) == 0 or len(second) == 0:
        return math.nan
    a, b = np.asarray(first, float)[:, None], np.asarray(second, float)[None]
    return float(np.mean((a > b) + (a == b) / 2))
