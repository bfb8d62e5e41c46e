"""Whole experiments simulated from a table of real runs: would a second one say the same, and is what it says so?

A table has the validation and test score of every cell, with every configuration, at every seed. A replicate draws some
configurations, takes for each cell the one that is best on validation at a seed, and the test score of that at another
(X. Bouthillier and others, Accounting for variance in machine learning benchmarks, 2021, arXiv 2103.03098). The truth is of
all such replicates, and of what an experiment speaks of: of a cell that it never saw fail the mean of those that learn, for
beside it stands how often it may fail; of one that it calls unreliable the median, the rate, and the mean with failures.
Two protocols are compared:

* replicates: each with a search of its own, looked at until decided, as `gru_tf.analysis.statistics.sequential` has it;
* one search: all seeds use what one search chose, compared in pairs at equal seeds, as was usual before.

Only arrays and the statistics themselves are used: no network is trained, and nothing is asked of a store.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal

import numpy as np

from gru_tf.analysis.statistics import compare_tasks
from gru_tf.analysis.statistics.intervals import Interval, mean_interval
from gru_tf.analysis.statistics.scales import growing, scale_of, scaled_interval
from gru_tf.analysis.statistics.sequential import Keep, PairDecision, follow
from gru_tf.analysis.statistics.unpaired import SampleComparison, TaskSamples
from gru_tf.analysis.statistics.unreliable import median_interval, threshold_of

MOST = 34
TRUTHS = 20_000  # replicates whose mean is taken for the truth
MODES = 1_000  # of these, which say where learning begins
Answer = int | None  # 1, −1: the first, the second is better; 0: equivalent; None: inconclusive
Pair = tuple[int, str, str]
What = Literal[
    "learned", "mean", "median", "rate"
]  # mean of the replicates that learn, of all, median of all, share that learns
Centres = Mapping[str, Mapping[What, float]]


@dataclass(frozen=True)
class RunTable:
    """Real runs of one task, larger scores are better.

    Args:
        title: of the task.
        cells: their names.
        validation, test: (cells, configurations, seeds) scores; −inf on validation of a run that diverged.
        chance: score of the baseline that failures are measured by.
        margin: within which two means are equivalent.
        metric, direction, examples: of the scale of intervals and tests; see `scales.scale_of`.
        failing: cell → share of its final runs that fail, scoring as the baseline, give or take a hundredth of its distance
            from 1; added to what the table holds.
        paired: whether a seed draws the task's data, so that replicates of two cells are pairs.
    """

    title: str
    cells: tuple[str, ...]
    validation: Any
    test: Any
    chance: float
    margin: float
    metric: str = "accuracy"
    direction: Literal["max", "min"] = "max"
    examples: float | None = None
    failing: Mapping[str, float] = field(default_factory=dict)
    paired: bool = False


@dataclass(frozen=True)
class Outcome:
    """What one simulated experiment says.

    Args:
        answers: (task, first, second) → its answer.
        spoken_of: (task, first, second) → what the answer is about, "learned" where it is not here.
        interval_of: what intervals of cells are about that are not called unreliable.
        intervals: (task, cell) → the mean with its interval, the median of those that were called unreliable.
        unreliable: (task, cell) of those that were called so.
        replicates: for each task those of a cell, averaged over cells.
    """

    answers: Mapping[Pair, Answer]
    intervals: Mapping[tuple[int, str], Interval]
    unreliable: frozenset[tuple[int, str]]
    replicates: tuple[float, ...]
    spoken_of: Mapping[Pair, What] = field(default_factory=dict)
    interval_of: What = "learned"


def replicates(table: RunTable, count: int, draws: int, rng: np.random.Generator, searches: int | None = None) -> Any:
    """(cells, count) test scores of replicates; all of them from `searches` searches in place of one each where given."""
    cells, configurations, seeds = table.validation.shape
    number = searches or count
    drawn = np.argsort(rng.random((number, configurations)), axis=1)[:, :draws]  # the same of all cells
    searched = rng.integers(seeds, size=number)
    chosen = np.argmax(table.validation[:, drawn, searched[:, None]], axis=2)  # (cells, searches)
    best = np.take_along_axis(drawn[None], chosen[:, :, None], axis=2)[:, :, 0]
    of = np.arange(count) % number
    final = (searched[of] + rng.integers(1, seeds, size=count)) % seeds  # another than the search's
    scores = table.test[np.arange(cells)[:, None], best[:, of], final]
    for cell, share in table.failing.items():
        place = table.cells.index(cell)
        fails = rng.random(count) < share
        near = table.chance + 0.01 * (1 - table.chance) * rng.normal(size=count)
        scores[place] = np.where(fails, near, scores[place])
    return scores


def truths(table: RunTable, draws: int, seed: int = 0) -> dict[str, dict[What, float]]:
    """What is true of each cell over all replicates."""
    scores = replicates(table, TRUTHS, draws, np.random.default_rng(seed))
    return {cell: _truth(row, table.chance) for cell, row in zip(table.cells, scores, strict=True)}


def _truth(scores: Any, chance: float) -> dict[What, float]:
    few = np.random.default_rng(0).choice(scores, MODES, replace=False)
    learned = scores >= threshold_of(few.tolist(), chance)[0]
    return {
        "learned": float(scores[learned].mean()),
        "mean": float(scores.mean()),
        "median": float(np.median(scores)),
        "rate": float(learned.mean()),
    }


def until_decided(
    tables: Sequence[RunTable], draws: int, rng: np.random.Generator, at_most: int = MOST, keep: Keep = "pairs"
) -> Outcome:
    """One experiment of replicates that are tuned anew."""
    samples = [_samples(table, replicates(table, at_most, draws, rng)) for table in tables]
    course = follow(samples, at_most, keep=keep)
    used = {(number, cell): 0 for number, task in enumerate(samples) for cell in task.scores}
    for one in course.decisions:
        for cell, count in zip((one.comparison.first, one.comparison.second), one.comparison.counts, strict=True):
            used[one.task, cell] = max(used[one.task, cell], count)
    failing = frozenset((i, cell) for (i, cell), count in used.items() if cell in samples[i].unreliable(count))
    return Outcome(
        answers={(one.task, one.comparison.first, one.comparison.second): _answer(one) for one in course.decisions},
        intervals={
            place: _interval(tables[place[0]], samples[place[0]].scores[place[1]][:count], place in failing)
            for place, count in used.items()
        },
        unreliable=failing,
        replicates=tuple(float(np.mean([used[i, cell] for cell in task.scores])) for i, task in enumerate(samples)),
        spoken_of={
            (one.task, one.comparison.first, one.comparison.second): _what(one.comparison) for one in course.decisions
        },
    )


def _what(comparison: SampleComparison) -> What:
    return "rate" if comparison.test == "rates" else "mean" if comparison.unreliable else "learned"


def _answer(one: PairDecision) -> Answer:
    return (1 if one.better == one.comparison.first else -1) if one.better else 0 if one.equivalent else None


def _samples(table: RunTable, scores: Any) -> TaskSamples:
    return TaskSamples(
        scores={cell: row.tolist() for cell, row in zip(table.cells, scores, strict=True)},
        paired=table.paired,
        chance=table.chance,
        margin=table.margin,
        transform=growing(scale_of(table.metric, np.abs(scores).ravel(), table.examples), table.direction),
    )


def _interval(table: RunTable, scores: Sequence[float], unreliable: bool) -> Interval:
    if unreliable:
        return median_interval(scores)
    sign = 1.0 if table.direction == "max" else -1.0
    values = [sign * score for score in scores]
    mean, low, high = scaled_interval(values, scale_of(table.metric, values, table.examples))
    return Interval(mean, low, high) if sign > 0 else Interval(-mean, -high, -low)


def one_search(tables: Sequence[RunTable], draws: int, rng: np.random.Generator, seeds: int = 5) -> Outcome:
    """One experiment of a single search, and seeds that are compared in pairs."""
    scores = [dict(zip(t.cells, replicates(t, seeds, draws, rng, searches=1).tolist(), strict=True)) for t in tables]
    answers: dict[Pair, Answer] = {}
    for number, comparisons in enumerate(compare_tasks(scores)):
        for one in comparisons:
            answers[number, one.first, one.second] = None if one.better is None else 1 if one.better == one.first else -1
    places = {(number, cell): values for number, task in enumerate(scores) for cell, values in task.items()}
    intervals = {place: mean_interval(values) for place, values in places.items()}
    means: dict[Pair, What] = dict.fromkeys(answers, "mean")  # of all seeds: of failures it knows nothing
    return Outcome(answers, intervals, frozenset(), tuple(float(seeds) for _ in tables), means, "mean")


@dataclass(frozen=True)
class Reliability:
    """What many simulated experiments come to; shares are NaN where nothing of the kind happened.

    Args:
        decided: share of pairs that are.
        same: share of pairs decided in both of two experiments that have the same verdict in both.
        same_or_open: the same of pairs that are decided in either of the two.
        all_same: share of two experiments with the same verdict on every pair, inconclusive ones counted.
        wrong: share of experiments with a verdict that contradicts what is true of what it speaks of.
        wrong_of_all: with one that contradicts the means of all replicates, failures among them, whatever it speaks of.
        coverage: share of intervals that hold what they are of.
        unreliable: share of failing cells that were called so; and of the others.
        replicates: of a cell, for each task.
    """

    decided: float
    same: float
    same_or_open: float
    all_same: float
    wrong: float
    wrong_of_all: float
    coverage: float
    unreliable: tuple[float, float]
    replicates: tuple[float, ...]


def reliability(tables: Sequence[RunTable], outcomes: Sequence[Outcome], draws: int) -> Reliability:
    """Compare simulated experiments with the truth, and the first of every two with the second.

    A verdict of better is wrong where the other mean, or rate, is the larger; one of equivalence where the means are a
    margin apart.
    """
    centres = [truths(table, draws) for table in tables]
    pairs = [(number, *both) for number, table in enumerate(tables) for both in combinations(table.cells, 2)]
    twice = list(zip(outcomes[::2], outcomes[1::2], strict=False))
    both = [(a.answers[p], b.answers[p]) for a, b in twice for p in pairs]
    return Reliability(
        decided=_mean([one.answers[p] is not None for one in outcomes for p in pairs]),
        same=_mean([a == b for a, b in both if a is not None and b is not None]),
        same_or_open=_mean([a == b for a, b in both if a is not None or b is not None]),
        all_same=_mean([a.answers == b.answers for a, b in twice]),
        wrong=_mean([any(_wrong(one, pair, centres, tables) for pair in pairs) for one in outcomes]),
        wrong_of_all=_mean([any(_wrong(one, pair, centres, tables, "mean") for pair in pairs) for one in outcomes]),
        coverage=_mean([_held(one, where, centres) for one in outcomes for where in one.intervals]),
        unreliable=_called(tables, outcomes),
        replicates=tuple(_mean([one.replicates[i] for one in outcomes]) for i in range(len(tables))),
    )


def _held(one: Outcome, where: tuple[int, str], centres: Sequence[Centres]) -> bool:
    what: What = "median" if where in one.unreliable else one.interval_of
    return not one.intervals[where].excludes(centres[where[0]][where[1]][what])


def _called(tables: Sequence[RunTable], outcomes: Sequence[Outcome]) -> tuple[float, float]:
    """Share of failing cells that were called unreliable, and of the others."""
    rates: dict[bool, list[float]] = {True: [], False: []}
    for number, table in enumerate(tables):
        for cell in table.cells:
            rates[cell in table.failing].append(_mean([(number, cell) in one.unreliable for one in outcomes]))
    return _mean(rates[True]), _mean(rates[False])


def _mean(values: Sequence[Any]) -> float:
    return float(np.mean(values)) if values else math.nan


def _wrong(
    one: Outcome, pair: Pair, centres: Sequence[Centres], tables: Sequence[RunTable], what: What | None = None
) -> bool:
    (number, first, second), answer, what = pair, one.answers[pair], what or one.spoken_of.get(pair, "learned")
    difference = centres[number][first][what] - centres[number][second][what]
    if answer == 0:
        return abs(difference) >= tables[number].margin
    return answer is not None and answer * difference <= 0
