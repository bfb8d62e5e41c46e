"""Four elementary statistics that every table needs, equal to SciPy's to the bit.

Importing `scipy.stats` takes longer than all else that a table of results takes; `scipy.special` does not.
"""

import math
from typing import Any

import numpy as np


def average_ranks(values: Any) -> Any:
    """(n,) ranks from 1, ties sharing their mean rank: `scipy.stats.rankdata`."""
    _, places, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((last - counts + 1 + last) / 2)[places.reshape(-1)]


def trimmed_mean(values: Any, share: float, axis: int = 0) -> Any:
    """Mean along an axis without this share of the values at either end: `scipy.stats.trim_mean`."""
    count = np.shape(values)[axis]
    cut = int(share * count)
    sorted_ends = np.partition(values, (cut, count - cut - 1), axis)
    return np.mean(sorted_ends[(slice(None),) * axis + (slice(cut, count - cut),)], axis=axis)


def wilson_interval(successes: int, runs: int, confidence: float) -> tuple[float, float]:
    """Bounds of a rate, `scipy.stats.binomtest(…).proportion_ci(method="wilson")`.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    from scipy.special import ndtri

    rate, z = successes / runs, float(ndtri(0.5 + 0.5 * confidence))
    doubled = 2 * (runs + z**2)
    centre = (2 * runs * rate + z**2) / doubled
    half = z / doubled * math.sqrt(4 * runs * rate * (1 - rate) + z**2)
    return 0.0 if successes == 0 else centre - half, 1.0 if successes == runs else centre + half


def fair_coin_quantile(tail: float, tosses: int) -> int:
    """The most heads whose probability, with all that are fewer, is at most `tail`; −1 where none is: by whole numbers."""
    heads, ways = 0, 1
    while ways / 2**tosses <= tail and heads <= tosses:
        heads += 1
        ways += math.comb(tosses, heads)
    return heads - 1
