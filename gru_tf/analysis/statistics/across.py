"""Many tasks: normalised scores and ranks, with the tests that belong to them.

Ranks after J. Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 7, 2006; interquartile mean
and its stratified bootstrap after R. Agarwal and others, Deep reinforcement learning at the edge of the statistical
precipice, 2021 (arXiv 2108.13264).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gru_tf.analysis.statistics.elementary import trimmed_mean
from gru_tf.analysis.statistics.intervals import Interval

LEVEL = 0.05
RESAMPLES = 2_000


@dataclass(frozen=True)
class Ranks:
    """Cells by their rank on each task, 1 for the best.

    Args:
        cells: whose.
        mean: mean rank of each.
        tasks: how many tasks.
        chi_square, p: Friedman's statistic and its p-value; NaN for fewer than three cells or two tasks.
        critical_difference: of mean ranks by Nemenyi's test at 5 %: closer ranks do not differ significantly.
    """

    cells: tuple[str, ...]
    mean: tuple[float, ...]
    tasks: int
    chi_square: float
    p: float
    critical_difference: float

    def cliques(self) -> list[tuple[str, ...]]:
        """The largest groups of cells, from the best rank on, within which no two differ significantly."""
        order = np.argsort(self.mean, kind="stable")
        groups: list[tuple[int, int]] = []
        for first in range(len(order)):
            last = max(i for i in range(len(order)) if self._near(order[first], order[i]))
            if last > first and not any(last <= end for _, end in groups):
                groups.append((first, last))
        return [tuple(self.cells[i] for i in order[first : last + 1]) for first, last in groups]

    def _near(self, a: int, b: int) -> bool:
        return abs(self.mean[a] - self.mean[b]) <= self.critical_difference


def ranks(scores: Any, cells: Sequence[str]) -> Ranks:
    """Mean ranks of cells over tasks, Friedman's test and Nemenyi's critical difference.

    Args:
        scores: (tasks, cells), larger is better; a cell without a score on a task (NaN) has the last rank there.
        cells: their names.

    Raises:
        ValueError: where the shape is another one.
    """
    scores = np.asarray(scores, float)
    if scores.ndim != 2 or scores.shape[1] != len(cells) or not len(scores):
        raise ValueError(f"ranks: expected scores (tasks, {len(cells)}). Received: {scores.shape}")
    from scipy.stats import rankdata

    placed = rankdata(-np.where(np.isnan(scores), -np.inf, scores), axis=1)
    tasks, count = placed.shape
    chi_square, p = _friedman(placed)
    return Ranks(
        cells=tuple(cells),
        mean=tuple(float(m) for m in placed.mean(0)),
        tasks=tasks,
        chi_square=chi_square,
        p=p,
        critical_difference=critical_difference(count, tasks),
    )


def _friedman(placed: Any) -> tuple[float, float]:
    tasks, count = placed.shape
    if count < 3 or tasks < 2 or np.all(np.ptp(placed, axis=1) == 0):
        return math.nan, math.nan
    from scipy.stats import friedmanchisquare

    test = friedmanchisquare(*placed.T)
    return float(test.statistic), float(test.pvalue)


def critical_difference(cells: int, tasks: int, level: float = LEVEL) -> float:
    """Nemenyi's: q sqrt(k(k + 1) / 6N), q the studentised range's quantile over √2 (Demšar 2006, §3.2.2)."""
    if cells < 2:
        return math.nan
    from scipy.stats import studentized_range

    q = studentized_range.ppf(1 - level, cells, np.inf) / math.sqrt(2)
    return float(q * math.sqrt(cells * (cells + 1) / (6 * tasks)))


def interquartile_mean(scores: Sequence[Sequence[float]], seed: int = 0) -> Interval:
    """Mean of the middle half of all runs of one cell, and its 95 % interval by a bootstrap within each task.

    A plain bootstrap of five runs a task holds the truth in 89 of 100: what it draws is spread too little, by a factor of
    √((n − 1) / n), and its quantiles know nothing of how uncertain that spread is. Both are made good, the second by
    Student's t in place of the normal distribution, with half of all degrees of freedom, for half of the runs carry the
    mean (T. Hesterberg, What teachers should know about the bootstrap, 2015, arXiv 1411.5279).

    Args:
        scores: for each task the normalised scores of its runs; a run without one has to be counted as 0 before.
        seed: of the resampling.

    Raises:
        ValueError: where there is no run.
    """
    tasks = [np.asarray(runs, float) for runs in scores if len(runs)]
    if not tasks:
        raise ValueError("interquartile_mean: expected at least one run. Received: none")
    middle = float(trimmed_mean(np.concatenate(tasks), 0.25))
    rng = np.random.default_rng(seed)
    if all(len(runs) == 1 for runs in tasks):
        return Interval(middle, math.nan, math.nan)
    drawn = trimmed_mean(np.concatenate([_redrawn(runs, rng) for runs in tasks], axis=1), 0.25, axis=1)
    tail = _tail(sum(len(runs) - 1 for runs in tasks) / 2)
    low, high = np.quantile(drawn, (tail, 1 - tail))
    return Interval(middle, float(low), float(high))


def _redrawn(runs: Any, rng: np.random.Generator) -> Any:
    """(RESAMPLES, runs) draws with replacement, spread about their mean as an unbiased variance is."""
    n = len(runs)
    drawn = runs[rng.integers(n, size=(RESAMPLES, n))]
    return runs.mean() + (drawn - runs.mean()) * math.sqrt(n / max(n - 1, 1))


def _tail(freedom: float) -> float:
    """The share of a normal distribution beyond the point that Student's t exceeds in `LEVEL` / 2 of all cases."""
    from scipy.special import ndtr, stdtrit

    return float(ndtr(stdtrit(freedom, LEVEL / 2)))
