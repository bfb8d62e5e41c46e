"""How many times as long one network takes as another, with its 95 % interval; of one task at a time.

Ratios of several tasks are never pooled: a cell may be faster on one task and slower on another, and the mean would show
neither.
"""

import math
from collections.abc import Sequence

from gru_tf.analysis.statistics.intervals import Interval
from gru_tf.foundation.block_interval import log_ratio


def ratio(first: Sequence[float], second: Sequence[float]) -> Interval:
    """The geometric mean of first / second, and the 95 % interval of `gru_tf.foundation.block_interval`.

    Args:
        first: (R,) times above 0.
        second: (R,) the same, those of one round in the same place.

    Raises:
        ValueError: for no round, series of different lengths, or a time that is not above 0.
    """
    mean, half = log_ratio(first, second)
    return Interval(math.exp(mean), math.exp(mean - half), math.exp(mean + half))
