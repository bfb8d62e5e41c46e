"""The wall time of runs, as their results tell it: in how many seconds at least one of them was going on.

Runs that went on at once, in several workers, count once; pauses between two calls of the same command do not count, nor
what a killed worker had trained in vain. So the time is the same whenever it is asked for, and survives every restart.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping

from gru_tf.experiment.result import RunResult


def wall_time(results: Iterable[RunResult]) -> float:
    """Seconds covered by the intervals from `started` to `started + seconds` of these results."""
    return covered((result.started, result.started + result.seconds) for result in results)


def covered(intervals: Iterable[tuple[float, float]]) -> float:
    """Seconds that lie in at least one of these intervals (start, end)."""
    return sum(end - start for start, end in united(intervals))


def united(intervals: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Their union as intervals (start, end) that do not touch, the earliest first."""
    union: list[tuple[float, float]] = []
    for start, end in sorted(intervals):
        if union and start <= union[-1][1]:
            union[-1] = union[-1][0], max(union[-1][1], end)
        else:
            union.append((start, end))
    return union


def wall_time_of_more(results: Collection[RunResult], more: Mapping[tuple[str, str], int]) -> float:
    """Seconds that further replicates will take, if they take as long as those so far, and as many runs go on at once.

    Args:
        results: of the runs so far; a trial is one of its (task, cell)'s replicates, so leave out those that all share.
        more: labels of task and cell → further replicates, of a cell, or a baseline, that has some.
    """
    spent: defaultdict[tuple[str, str], float] = defaultdict(float)
    replicates = Counter[tuple[str, str]]()
    for result in results:
        pair = result.run.task.label, result.run.cell.label
        spent[pair] += result.seconds
        replicates[pair] += result.run.purpose != "trial"
    whole = wall_time(results)
    at_once = sum(result.seconds for result in results) / whole if whole else 1.0
    return sum(spent[pair] / max(replicates[pair], 1) * count for pair, count in more.items() if count) / at_once
