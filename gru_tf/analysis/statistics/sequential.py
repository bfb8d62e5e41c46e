"""Replicates until it is known: what has been decided at which look, from the scores alone.

After 5, 8, 13, 21 and 34 replicates every open pair of cells, cells and baselines, and every claim is tested by all scores
so far. The test's p-value becomes one that holds after several looks (`spending.py`), and Holm's procedure corrects it for
everything that is asked on all tasks. What was decided is not tested again, so it stays decided (what is better may still
turn out to be equivalent, as fewer are left to correct for), and a p-value of 5 % at the last look is what it would be
without looks. That this controls the family-wise error at whatever look one stops is shown by W. Maurer and F. Bretz,
Multiple testing in group sequential trials using graphical approaches, 2013, §3.

A cell of which nothing is open any longer is dropped: it needs no further replicate, and its pairs keep their p-values.
Where replicates draw splits of the same data none is dropped before the others: means over different splits say nothing of
one another. All of this follows from the scores in the order of the replicates; a coordinator that starts again decides the
same. All tasks take their looks together, for a decision on one changes what Holm's procedure asks of the others.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from gru_tf.analysis.statistics.paired import LEVEL, holm
from gru_tf.analysis.statistics.spending import Spending, level_of, looks_until, one_sided_sequential_p
from gru_tf.analysis.statistics.unpaired import SampleComparison, TaskSamples

Compare = Callable[[TaskSamples, str, str, int], SampleComparison]
Keep = Literal["pairs", "best"]


@dataclass(frozen=True)
class FurtherTest:
    """Another hypothesis of the same family, such as a claim.

    Args:
        p_values: two-sided, by look, each from the replicates up to it; looks that are not there yet are left out.
        differences: by look, what they are of; where it turns round, a small p-value of before does not count. Empty where
            that is not known.
        cells: (task's number, cell) of those that need further replicates until it is decided.
    """

    p_values: Sequence[float]
    cells: Sequence[tuple[int, str]] = ()
    differences: Sequence[float] = ()


@dataclass(frozen=True)
class PairDecision:
    """What is known of two cells, or a cell and a baseline, on one task.

    Args:
        task: its number.
        comparison: by the last look that tested it, with sequential p-values in `p_holm` and `p_equivalent_holm`: the
            smallest overall level at which it would have been decided by now, with everything that was asked.
        look: replicates after which it was decided; None while it is open.
        better: the one that is; None where neither is, or they are equivalent.
        equivalent: whether both are the same within the margin.
    """

    task: int
    comparison: SampleComparison
    look: int | None = None
    better: str | None = None
    equivalent: bool = False

    @property
    def verdict(self) -> Literal["better", "equivalent", "inconclusive"]:
        """In a word."""
        return "better" if self.better else "equivalent" if self.equivalent else "inconclusive"


@dataclass(frozen=True)
class Course:
    """Where an experiment stands.

    Args:
        looks: replicates of the looks that have been taken.
        decisions: of every pair of every task, in the order of `TaskSamples.pairs`.
        further: sequential p-value of each further test, corrected; NaN where nothing could be tested.
        running: for each task the cells that need more replicates.
        wanted: replicates up to which they should be run next; None where nothing is open, or all looks have been taken.
        used: for each task cell → replicates at the last look that it was run for; before the first look those that every
            cell, and every baseline that is fitted split by split, has on every task: they are in means, and nothing is
            tested by them.
    """

    looks: tuple[int, ...]
    decisions: tuple[PairDecision, ...]
    further: tuple[float, ...]
    running: tuple[tuple[str, ...], ...]
    wanted: int | None
    used: tuple[Mapping[str, int], ...] = ()


@dataclass
class _Asked:
    """One hypothesis while the looks go by: its smallest sequential p-values, and which way the difference lay there."""

    task: int
    pair: tuple[str, str]
    comparison: SampleComparison | None = None
    p: float = math.nan
    p_equivalent: float = math.nan
    better: str | None = None
    look: int | None = None
    equivalent: bool = False


def follow(
    tasks: Sequence[TaskSamples],
    at_most: int = 34,
    further: Sequence[FurtherTest] = (),
    keep: Keep = "pairs",
    spending: Spending = "pocock",
    level: float = LEVEL,
    compare: Compare = TaskSamples.compare,
) -> Course:
    """Take every look for which the scores are there.

    Args:
        tasks: scores of each in the order of the replicates; a replicate that failed is NaN, or −inf, and has its place.
            What a cell has beyond the look at which it was dropped is not looked at.
        at_most: replicates of the last look.
        further: what else is asked.
        keep: until when a cell is run: "pairs", until each pair of it is decided; "best", it is dropped besides when
            another cell is significantly better, which leaves the order among those that lost open.
        spending: of the level over the looks.
        level: of the whole family.
        compare: how a pair is tested by the first replicates.
    """
    looks = looks_until(at_most)
    asked = [_Asked(number, pair) for number, task in enumerate(tasks) for pair in task.pairs()]
    claims = [math.nan] * len(further)
    running = [tuple(task.scores) for task in tasks]
    used = [dict.fromkeys(task.scores, 0) for task in tasks]
    done: list[int] = []
    for look, replicates in enumerate(looks):
        if not any(running) or not _there(tasks, running, replicates):
            break
        done.append(replicates)
        for counts, cells in zip(used, running, strict=True):
            counts.update(dict.fromkeys(cells, replicates))
        for one in asked:
            if _is_open(one, running[one.task], tasks[one.task]):
                _take(one, compare(tasks[one.task], *one.pair, replicates), look, looks, spending)
        claims = [_claim(p, test, look, looks, spending) for p, test in zip(claims, further, strict=True)]
        _decide(asked, claims, _equivalent(asked, tasks), replicates, level)
        open_claims = [test for p, test in zip(_family(asked, claims)[1], further, strict=True) if not p <= level]
        running = [_still(number, task, asked, open_claims, running[number], keep) for number, task in enumerate(tasks)]
    whole = 0 if done else _whole(tasks)
    if whole:
        used = [dict.fromkeys(task.scores, whole) for task in tasks]
    p_values, corrected = _family(asked, claims)
    equivalent = _equivalent(asked, tasks)
    wanted = next((look for look in looks if look > max(done, default=0)), None) if any(running) else None
    return Course(
        looks=tuple(done),
        decisions=tuple(
            _decision(one, p, same, tasks, whole) for one, p, same in zip(asked, p_values, equivalent, strict=True)
        ),
        further=tuple(corrected),
        running=tuple(running) if wanted else tuple(() for _ in tasks),
        wanted=wanted,
        used=tuple(used),
    )


def _there(tasks: Sequence[TaskSamples], running: Sequence[Sequence[str]], replicates: int) -> bool:
    """Whether every cell that goes on has so many replicates, and every baseline that it is compared with split by split."""
    needed = [
        scores
        for task, cells in zip(tasks, running, strict=True)
        for scores in (*(task.scores[cell] for cell in cells), *(task.baselines.values() if cells else ()))
    ]
    return all(len(scores) >= replicates for scores in needed)


def _whole(tasks: Sequence[TaskSamples]) -> int:
    """Replicates that are there of every cell, and of every baseline with a score by replicate, on every task."""
    return min(len(scores) for task in tasks for scores in (*task.scores.values(), *task.baselines.values()))


def _is_open(one: _Asked, running: Sequence[str], task: TaskSamples) -> bool:
    """Whether it is tested at this look: not decided, and neither cell dropped, of which there is nothing new."""
    return one.look is None and all(name in running for name in one.pair if name in task.scores)


def _take(one: _Asked, comparison: SampleComparison, look: int, looks: tuple[int, ...], spending: Spending) -> None:
    """Add a look to what is known of a pair.

    A small p-value of an earlier look does not count where the difference has turned round since, nor an equivalence of
    before a failure.
    """
    p, mean = level_of(comparison.p, look, looks, spending), comparison.difference.mean
    ahead = None if not mean else comparison.first if mean > 0 else comparison.second
    if not p >= one.p or (ahead and one.better and ahead != one.better):  # smaller, the first, or what speaks against it
        one.p, one.better = p, ahead
    equivalent = one_sided_sequential_p(comparison.p_equivalent, look, looks, spending)
    one.comparison = comparison
    one.p_equivalent = math.nan if comparison.unreliable else float(np.fmin(one.p_equivalent, equivalent))


def _claim(p: float, test: FurtherTest, look: int, looks: tuple[int, ...], spending: Spending) -> float:
    new = level_of(test.p_values[look] if look < len(test.p_values) else math.nan, look, looks, spending)
    turned = 0 < look < len(test.differences) and test.differences[look] * test.differences[look - 1] < 0
    return new if turned else float(np.fmin(p, new))


def _family(asked: Sequence[_Asked], claims: Sequence[float]) -> tuple[list[float], list[float]]:
    """Holm's corrected p-values of the pairs, and of the further tests."""
    corrected = _corrected([*(one.p for one in asked), *claims])
    return corrected[: len(asked)], corrected[len(asked) :]


def _corrected(p_values: Sequence[float]) -> list[float]:
    """Holm's; what could not be tested yet is of the family, or the first decisions would be made at too large a level."""
    corrected = holm([1.0 if math.isnan(p) else p for p in p_values])
    return [math.nan if math.isnan(p) else value for p, value in zip(p_values, corrected, strict=True)]


def _equivalent(asked: Sequence[_Asked], tasks: Sequence[TaskSamples]) -> list[float]:
    """Holm's corrected p-values of equivalence, of the tasks that have a margin."""
    corrected = iter(_corrected([one.p_equivalent for one in asked if tasks[one.task].margin is not None]))
    return [math.nan if tasks[one.task].margin is None else next(corrected) for one in asked]


def _decide(
    asked: Sequence[_Asked], claims: Sequence[float], equivalents: Sequence[float], replicates: int, level: float
) -> None:
    """Mark what this look decides. An equivalence may still be of what lost before: fewer are then left to correct for."""
    p_values, _ = _family(asked, claims)
    for one, p, equivalent in zip(asked, p_values, equivalents, strict=True):
        one.equivalent = equivalent <= level
        if one.look is None and (one.equivalent or (p <= level and one.better)):
            one.look = replicates


def _still(
    number: int,
    task: TaskSamples,
    asked: Sequence[_Asked],
    open_claims: Sequence[FurtherTest],
    running: Sequence[str],
    keep: Keep,
) -> tuple[str, ...]:
    """The cells of this task that need another replicate."""
    here = [one for one in asked if one.task == number]
    better = [one for one in here if one.look and not one.equivalent]
    lost = {name for one in better for name in one.pair if name != one.better and one.better in task.scores}
    kept = [cell for cell in running if keep == "pairs" or cell not in lost]
    open_pairs = [one for one in here if _is_open(one, kept, task)]
    needed = {name for one in open_pairs for name in one.pair}
    needed |= {cell for test in open_claims for where, cell in test.cells if where == number}
    if task.overlap and needed & set(task.scores):
        return tuple(running)
    return tuple(cell for cell in running if cell in needed)


def _decision(one: _Asked, p: float, equivalent: float, tasks: Sequence[TaskSamples], whole: int) -> PairDecision:
    comparison = one.comparison
    if comparison is None:  # no look has been taken: the difference as far as it goes, and no test of it
        comparison = replace(tasks[one.task].compare(*one.pair, whole), p=math.nan, p_equivalent=math.nan)
    comparison = replace(comparison, p_holm=p, p_equivalent_holm=equivalent)
    better = one.better if one.look and not one.equivalent else None
    return PairDecision(one.task, comparison, one.look, better, one.equivalent)
