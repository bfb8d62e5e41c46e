"""How much of the 5 % each look at growing data may use, and the p-value that holds after several looks.

A test that is repeated whenever data have been added, at 5 % each time, is wrong more often than in 5 %: five looks after 5,
8, 13, 21 and 34 replicates in 15 %. K. K. G. Lan and D. L. DeMets (Discrete sequential boundaries for clinical trials,
Biometrika 70, 1983) let a function say how much of the level is spent by each share of the data; what the later looks may
spend follows from the normal process that the test statistics are (P. Armitage and others, Repeated significance tests on
accumulating data, 1969). A t test enters by its p-value (C. Jennison and B. W. Turnbull, Group sequential methods, 2000,
§3.3), not by t, which at five replicates is far from normal. From look to look such p-values hang together less than those
of a known spread do: as if each look had three replicates fewer, for the variance of t is (n − 1) / (n − 3). Without that,
a paired test of no difference rejects in 5.4 % in place of 5.

The default is Pocock's kind, which lets the first look decide what is plain: most differences between networks are large
beside the spread of replicates. O'Brien and Fleming's kind spends 0.000001 % at 5 replicates of 34, and 0.06 % by 13:
next to nothing is decided early, which a trial on patients may want and a comparison of networks does not.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

import numpy as np

LEVEL = 0.05
LOOKS = (5, 8, 13, 21, 34)  # Fibonacci's: each adds about 60 %, so that no look comes long after it could have decided
NODES = 96  # of the quadrature over the process, which gives the published bounds to their last digit
FEWER = 3  # replicates that a t test's estimate of the spread costs each look, see above
SMALLEST, POINTS = 1e-8, 121  # of the table of levels, between which logarithms are interpolated: within 0.01 %
FARTHEST = 38.0  # deviations, beyond which a normal distribution's tail is no number
Spending = Literal["pocock", "obrien-fleming"]


def looks_until(at_most: int) -> tuple[int, ...]:
    """Replicates after which a comparison is looked at, the last after `at_most`.

    Raises:
        ValueError: for fewer than two replicates, of which nothing can be tested.
    """
    if at_most < 2:
        raise ValueError(f"looks_until: expected at least two replicates. Received: {at_most}")
    return (*(look for look in LOOKS if look < at_most), at_most)


def spent(share: float, level: float = LEVEL, spending: Spending = "pocock") -> float:
    """What may have been spent of the level when this share of all replicates is there, from 0 at 0 to `level` at 1.

    Lan and DeMets' α ln(1 + (e − 1) t), whose bounds are much like Pocock's; and, much like O'Brien and Fleming's,
    2 − 2 Φ(z / √t) on either side, where z is passed with probability α/4.

    Raises:
        ValueError: where the share is not within 0 and 1, or the function is no other than these two.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"spent: expected a share within 0 and 1. Received: {share}")
    if spending == "pocock":
        return level * math.log1p((math.e - 1) * share)
    if spending != "obrien-fleming":
        raise ValueError(f"spent: expected 'pocock' or 'obrien-fleming'. Received: {spending!r}")
    from scipy.special import ndtr, ndtri

    return float(4 * ndtr(ndtri(level / 4) / math.sqrt(share))) if share > 0 else 0.0


@lru_cache(maxsize=4096)
def nominal_levels(
    looks: tuple[int, ...] = LOOKS, level: float = LEVEL, spending: Spending = "pocock", fewer: int = FEWER
) -> tuple[float, ...]:
    """The two-sided p-value at or below which each look rejects, so that all together do so wrongly in `level`.

    Args:
        looks: replicates of each.
        level: of all together.
        spending: how it is spent.
        fewer: replicates that each look counts less for in the process; 0 for statistics that are normal.

    Raises:
        ValueError: where the looks do not grow, or the first of several has no more than `fewer` replicates.
    """
    if not looks or looks[0] < 1 or any(a >= b for a, b in pairwise(looks)):
        raise ValueError(f"nominal_levels: expected growing numbers of replicates. Received: {looks}")
    if len(looks) > 1 and looks[0] <= fewer:
        raise ValueError(f"nominal_levels: expected a first look after more than {fewer} replicates. Received: {looks}")
    from scipy.special import ndtr

    budget = np.diff([0.0, *(spent(look / looks[-1], level, spending) for look in looks)])
    shares = [(look - fewer) / (looks[-1] - fewer) for look in looks] if len(looks) > 1 else [1.0]
    bounds: list[float] = []
    points, density = np.zeros(1), np.ones(1)  # the process where it has not been stopped: where, and its weight there
    for step, share, part in zip(np.diff([0.0, *shares]), shares, budget, strict=True):
        edge = _edge(points, density, math.sqrt(step), part)
        bounds.append(float(2 * ndtr(-edge / math.sqrt(share))))
        points, density = _continued(points, density, math.sqrt(step), edge)
    return tuple(bounds)


def _edge(points: Any, density: Any, deviation: float, part: float) -> float:
    """The value of the process that it passes, on either side, with probability `part` at its next step."""
    from scipy.optimize import brentq
    from scipy.special import ndtr

    def beyond(edge: float) -> float:
        return float(density @ (ndtr((points - edge) / deviation) + ndtr((-points - edge) / deviation))) - part

    return 0.0 if beyond(0.0) <= 0 else float(brentq(beyond, 0.0, FARTHEST, xtol=1e-10, rtol=1e-12))


def _continued(points: Any, density: Any, deviation: float, edge: float) -> tuple[Any, Any]:
    """The process one step later, within the edges, by Gauss and Legendre's quadrature."""
    nodes, weights = _quadrature(NODES)
    later = nodes * edge
    steps = np.exp(-0.5 * ((later[:, None] - points) / deviation) ** 2) / (math.sqrt(2 * math.pi) * deviation)
    return later, weights * edge * (steps @ density)


@lru_cache(maxsize=4)
def _quadrature(nodes: int) -> tuple[Any, Any]:
    return np.polynomial.legendre.leggauss(nodes)


def sequential_p(p_values: Sequence[float], looks: tuple[int, ...] = LOOKS, spending: Spending = "pocock") -> list[float]:
    """The p-value after each look: the smallest level at which the test would have rejected by now.

    It is at most α exactly where some look's own p-value was at or below its `nominal_levels` at α, so with no difference
    it falls to α or below, at whatever look one stops, in α of all cases; it never grows from look to look (Q. Liu and
    K. M. Anderson, On adaptive extensions of group sequential trials for clinical investigations, JASA 103, 2008).

    Args:
        p_values: two-sided, of the looks so far, each from all data by then; NaN where nothing could be tested.
        looks: replicates of all looks that are planned.
        spending: how the level is spent.

    Returns:
        As many p-values; NaN until something could be tested.

    Raises:
        ValueError: where there are more p-values than looks.
    """
    if len(p_values) > len(looks):
        raise ValueError(f"sequential_p: expected at most {len(looks)} looks. Received: {len(p_values)}")
    corrected, smallest = [], math.nan
    for look, p in enumerate(p_values):
        smallest = float(np.fmin(smallest, level_of(p, look, looks, spending)))
        corrected.append(smallest)
    return corrected


def one_sided_sequential_p(p: float, look: int, looks: tuple[int, ...] = LOOKS, spending: Spending = "pocock") -> float:
    """`level_of` of a one-sided p-value: half of a two-sided test's level lies on each side."""
    return min(level_of(min(2 * p, 1.0), look, looks, spending) / 2, 1.0) if p <= 0.5 else p


def level_of(p: float, look: int, looks: tuple[int, ...] = LOOKS, spending: Spending = "pocock") -> float:
    """The level of which `p` is the nominal level at this look, the first being 0; NaN for NaN."""
    if not 0 <= p <= 1:
        return math.nan
    levels, nominal = _table(looks, spending)
    if p == 0 or p == 1:
        return p
    at = math.log(p)
    if at <= nominal[look][0]:  # on, along the table's first step
        slope = (levels[1] - levels[0]) / (nominal[look][1] - nominal[look][0])
        return math.exp(levels[0] + (at - nominal[look][0]) * slope)
    return math.exp(float(np.interp(at, nominal[look], levels)))


@lru_cache(maxsize=64)
def _table(looks: tuple[int, ...], spending: Spending) -> tuple[Any, Any]:
    """Logarithms of levels, and of the nominal levels of each look (looks, levels) that belong to them."""
    levels = np.geomspace(SMALLEST, 1.0, POINTS)
    nominal = np.array([nominal_levels(looks, float(level), spending) for level in levels]).T
    return np.log(levels), np.log(np.maximum.accumulate(nominal, axis=1))
