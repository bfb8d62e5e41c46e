"""The ratio of two series of times that were measured in turns, with an interval that allows for slow drifts.

Times of neighbouring rounds are alike: another program runs for a while, a processor warms up. Treated as independent they
promise too much. Means of blocks of consecutive rounds are nearly independent where a block is longer than what its rounds
share (non-overlapping batch means; Law and Kelton 1984, doi 10.1287/opre.32.6.1221), and logarithms make a ratio a
difference that is as large upwards as downwards.
"""

import math
from collections.abc import Sequence

import numpy as np

BLOCKS = 10  # at most: fewer make the interval wide, more make them short


def log_ratio(first: Sequence[float], second: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Mean of log(first / second), and half the length of its Student-t interval over block means.

    The rounds that fill no block are the first ones, which are the nearest to a cold start.

    Args:
        first: (R,) times above 0.
        second: (R,) the same, those of one round in the same place.
        confidence: of the interval.

    Returns:
        The mean over the rounds of all blocks; half the interval, NaN for one round.

    Raises:
        ValueError: for no round, series of different lengths, or a time that is not above 0.
    """
    if len(first) != len(second) or not len(first):
        raise ValueError(
            f"log_ratio: expected as many times of both, at least one. Received: {len(first)} and {len(second)}"
        )
    for time in (*first, *second):
        if not 0 < time < math.inf:
            raise ValueError(f"log_ratio: expected finite times above 0. Received: {time:g}")
    blocks = min(BLOCKS, len(first))
    rounds = blocks * (len(first) // blocks)
    logarithms = np.log(np.asarray(first, float) / np.asarray(second, float))[-rounds:]
    means = logarithms.reshape(blocks, -1).mean(1)
    if blocks == 1:
        return float(means[0]), math.nan
    from scipy.special import stdtrit

    half = stdtrit(blocks - 1, 0.5 + confidence / 2) * means.std(ddof=1) / math.sqrt(blocks)
    return float(means.mean()), float(half)
