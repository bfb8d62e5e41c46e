"""The wall time of runs, as their results tell it: in how many seconds at least one of them was going on.

Runs that went on at once, in several workers, count once; pauses between two calls of the same command do not count, nor
what a killed worker had trained in vain. So the time is the same whenever it is asked for, and survives every restart.
"""

import math
from collections.abc import Iterable

from gru_tf.experiment.result import RunResult


def wall_time(results: Iterable[RunResult]) -> float:
    """Seconds covered by the intervals from `started` to `started + seconds` of these results."""
    total, covered = 0.0, -math.inf
    for start, end in sorted((result.started, result.started + result.seconds) for result in results):
        total += max(0.0, end - max(start, covered))
        covered = max(covered, end)
    return total
