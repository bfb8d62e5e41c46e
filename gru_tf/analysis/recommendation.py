"""What the results of an experiment advise, in words: which cell, how sure, at what cost, against the trivial answer, where.

The rule, for an experiment of one task:

1. Cells are compared in pairs at equal seeds, where data and order are the same: the mean difference with its 95 % Student-t
   interval, and a paired t-test with Holm's correction over all pairs. `statistics.paired` says when a difference counts as
   settled: below 0.05, where the signs of the differences do not speak against it.
2. A cell that is settled to be worse than another is out; so is one whose interval does not exclude the trivial answer where
   another's does, and one whose mean lies outside the interval of the best mean that is left: few seeds may leave a large
   difference unsettled. With one seed nothing is settled, and the best mean stays alone.
3. Of those left, which cannot be told apart, one that trains faster is recommended, else the best mean. Times are noisy
   where runs share a machine: a cell counts as faster if its slowest seed has a shorter step than the other's fastest.
4. Where no cell's mean is better than the trivial answer, that is recommended.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gru_tf.analysis.statistics import Comparison, compare_all
from gru_tf.analysis.table import Row, interval, p_value, rows
from gru_tf.analysis.wording import listed
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult

TINY = 1e-4  # a difference below this is shown with a power of ten


@dataclass(frozen=True)
class Recommendation:
    """The advice.

    Args:
        cell: label of the recommended cell; None where the trivial answer is better, or no run has finished.
        nearest: the cell that comes nearest to the trivial answer where that is recommended, else `cell`.
        settled: whether every other cell is settled to be worse.
        lines: (heading, text), in the order in which they are read.
    """

    cell: str | None
    nearest: str | None
    settled: bool
    lines: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "\n".join(f"{heading}: {text}" for heading, text in self.lines)


def recommend(
    experiment: Experiment, results: Iterable[RunResult], trivial: str, models: Mapping[str, str] | None = None
) -> Recommendation:
    """The advice of an experiment's results.

    Args:
        experiment: of one task.
        results: its runs; more of them, and trials, are passed over.
        trivial: what the trivial answer is, in words.
        models: cell → where its trained model is, in words.

    Raises:
        ValueError: for an experiment of several tasks.
    """
    if len(experiment.tasks) != 1:
        raise ValueError(f"recommend: expected an experiment of one task. Received: {len(experiment.tasks)} tasks")
    results = list(results)
    table = {row.cell: row for row in rows(experiment, results)}
    tests = {cell: _tests(results, cell) for cell in table}
    tested = {cell: row for cell, row in table.items() if tests[cell] and row.test and math.isfinite(row.test.mean)}
    unfinished = _unfinished(table.values())
    if not tested:
        why = unfinished or "no run has ended yet."
        return Recommendation(None, None, False, (("Recommended", "nothing: no run has finished."), ("Why", why)))
    pairs = comparisons({cell: tests[cell] for cell in tested}, next(iter(tested.values())).direction)
    left = _left(tested, pairs)
    steps = {cell: _step_times(results, cell) for cell in left}
    pick = _cheapest(left, tested, steps)
    trained = _training_seconds(results, pick)
    best = _better_than_chance(tested.values())
    lines = [
        ("Recommended", _recommended(tested[pick]) if best else _trivial_instead(tested[pick], trivial)),
        ("How sure", " ".join(filter(None, [_certainty(pick, left, tested, pairs), unfinished]))),
        ("Cost", _costs(tested[pick], tested.values(), trained)),
        ("Against the trivial answer", _against(tested[pick], trivial)),
        ("Trained model", (models or {}).get(pick, "none in the store.")),
    ]
    settled = all(
        pair.settled and pair.seen_from(pick).difference.mean > 0 for pair in pairs if pick in (pair.first, pair.second)
    )
    return Recommendation(pick if best else None, pick, settled and bool(pairs), tuple(line for line in lines if line[1]))


def comparisons(tests: Mapping[str, Mapping[int, float]], direction: str) -> list[Comparison]:
    """Every two cells at the seeds that both have; a difference above 0 is for the first, whichever way the metric goes.

    Args:
        tests: cell → seed → test metric.
        direction: "max" or "min", which of it is better.
    """
    sign, seeds = 1 if direction == "max" else -1, sorted({seed for found in tests.values() for seed in found})
    return compare_all({cell: [sign * found.get(seed, math.nan) for seed in seeds] for cell, found in tests.items()})


def _tests(results: Iterable[RunResult], cell: str) -> dict[int, float]:
    return {r.run.seed: r.test for r in _finals(results, cell) if r.test is not None and math.isfinite(r.test)}


def _finals(results: Iterable[RunResult], cell: str) -> Iterable[RunResult]:
    return (r for r in results if r.run.purpose == "final" and r.status == "finished" and r.run.cell.label == cell)


def _left(tested: Mapping[str, Row], pairs: Sequence[Comparison]) -> list[str]:
    """The cells that can be recommended, by steps 2 and 4 of the rule."""
    best = max(tested, key=lambda cell: _oriented(tested[cell]))
    if not any(math.isfinite(pair.t_holm) for pair in pairs):
        return [best]
    worse = {pair.second if pair.difference.mean > 0 else pair.first for pair in pairs if pair.settled}
    left = [cell for cell in tested if cell not in worse] or [best]
    for stands in (_excludes_chance, _better):
        left = [cell for cell in left if stands(tested[cell])] or left
    best = max(left, key=lambda cell: _oriented(tested[cell]))
    return [cell for cell in left if cell == best or _within(tested[cell], tested[best])]


def _oriented(row: Row) -> float:
    """The mean, larger where it is better."""
    mean = row.test.mean if row.test else math.nan
    return mean if row.direction == "max" else -mean


def _within(row: Row, best: Row) -> bool:
    """Whether a mean lies in another's interval."""
    assert row.test is not None and best.test is not None  # noqa: S101, PT018, only of cells that were tested
    return best.test.low <= row.test.mean <= best.test.high


def _better(row: Row) -> bool:
    """Whether the mean is better than the trivial answer."""
    chance = row.chance if row.chance is not None else math.nan
    return not _oriented(row) <= (chance if row.direction == "max" else -chance)


def _excludes_chance(row: Row) -> bool:
    """Whether the whole interval is better than the trivial answer."""
    if row.chance is None or row.test is None:
        return False
    return row.test.low > row.chance if row.direction == "max" else row.test.high < row.chance


def _better_than_chance(tested: Iterable[Row]) -> bool:
    return any(_better(row) for row in tested)


def _cheapest(left: Sequence[str], tested: Mapping[str, Row], steps: Mapping[str, Sequence[float]]) -> str:
    """The fastest of the cells that train faster than the best mean at every seed; the best mean where there is none."""
    best = max(left, key=lambda cell: _oriented(tested[cell]))
    if not steps[best]:
        return best
    faster = [cell for cell in left if steps[cell] and max(steps[cell]) < min(steps[best])]
    return min(faster, key=lambda cell: max(steps[cell]), default=best)


def _step_times(results: Iterable[RunResult], cell: str) -> list[float]:
    """Milliseconds of a training step, of each final seed."""
    return [r.speed.step_ms for r in _finals(results, cell) if r.speed is not None]


def _training_seconds(results: Iterable[RunResult], cell: str) -> float | None:
    seconds = sorted(r.speed.train_seconds for r in _finals(results, cell) if r.speed is not None)
    return seconds[len(seconds) // 2] if seconds else None


def _recommended(row: Row) -> str:
    return f"{row.cell} with {row.units:,} units: test {row.metric} {_shown(row)}."


def _trivial_instead(row: Row, trivial: str) -> str:
    return (
        f"none of the cells, but {trivial}: its test {row.metric} is {row.chance:.4g}, and no cell does better."
        f" {row.cell} has {_shown(row)}."
    )


def _shown(row: Row) -> str:
    assert row.test is not None  # noqa: S101, only of cells that were tested
    return interval(row.test)


def _certainty(pick: str, left: Sequence[str], tested: Mapping[str, Row], pairs: Sequence[Comparison]) -> str:
    """Whether it is settled, the differences with their intervals, and why this one of those that are not told apart."""
    own = sorted((p.seen_from(pick) for p in pairs if pick in (p.first, p.second)), key=lambda p: p.difference.mean)
    if not own:
        return f"{pick} alone was compared with nothing."
    if not any(math.isfinite(pair.t_holm) for pair in own):
        one = "one seed was compared" if max(pair.seeds for pair in own) == 1 else "no two cells share two seeds"
        return f"not settled: {one}, and another may turn the order round; more seeds would tell."
    open_ = [pair.second for pair in own if not pair.settled]
    seeds = {pair.seeds for pair in own}
    over = f"over {seeds.pop()} paired seeds" if len(seeds) == 1 else "over the seeds that both finished"
    metric = tested[pick].metric
    verdict = f"settled against {listed([p.second for p in own if p.settled])}" if len(open_) < len(own) else ""
    doubt = f"not settled against {listed(open_)}" if open_ else ""
    told = ", and ".join(_difference(pair) for pair in own)
    text = f"{', '.join(filter(None, [verdict, doubt]))}: {over} its {metric} is {told} (paired t-tests, Holm)."
    if len(left) > 1:
        best = max(left, key=lambda cell: _oriented(tested[cell]))
        tied = [cell for cell in left if cell != pick and _oriented(tested[cell]) == _oriented(tested[pick])]
        too = f", as {listed(tied)} {'have' if len(tied) > 1 else 'has'} too" if tied else ""
        why = f"has the best mean{too}, and none trains surely faster" if pick == best else "trains faster at every seed"
        names = listed([pick, *(cell for cell in left if cell != pick)])
        text += f" Of {names}, which cannot be told apart, {pick} {why}."
    return text + (" More seeds would tell more." if open_ else "")


def _difference(pair: Comparison) -> str:
    mean = pair.difference.mean
    if math.isnan(mean):
        return f"not comparable with {pair.second}'s"
    if mean == 0:
        return f"equal to {pair.second}'s"
    seen = pair if mean > 0 else pair.seen_from(pair.second)
    by = interval(seen.difference, TINY)
    return f"{'better' if mean > 0 else 'worse'} than {pair.second}'s by {by}, {p_value(pair.t_holm)}"


def _costs(row: Row, tested: Iterable[Row], seconds: float | None) -> str:
    parts = [f"{row.parameters:,} parameters"] if row.parameters is not None else []
    if row.step_ms is not None:
        others = [r for r in tested if r.cell != row.cell and r.step_ms is not None]
        ratios = ", ".join(f"{r.cell} {r.step_ms / row.step_ms:.2g} times that" for r in others if r.step_ms is not None)
        parts.append(f"{row.step_ms:.3g} ms a training step" + (f" ({ratios})" if ratios else ""))
    if seconds is not None:
        parts.append(f"{seconds:.2g} s of training a seed" if seconds < 10 else f"{seconds:,.0f} s of training a seed")
    return f"{', '.join(parts)}." if parts else ""


def _against(row: Row, trivial: str) -> str:
    if row.chance is None or row.test is None:
        return ""
    if row.test.low == row.test.high == row.chance:
        return f"{trivial}: {row.metric} {row.chance:.4g}. {row.cell} has the same at every seed."
    if not math.isfinite(row.test.low):
        sure = "one seed, no interval"
    elif row.test.low <= row.chance <= row.test.high:
        sure = "but not surely, as its interval reaches it"
    else:
        sure = "its interval excludes it"
    verdict = "better" if _better(row) else "no better"
    return f"{trivial}: {row.metric} {row.chance:.4g}. {row.cell} is {verdict}; {sure}."


def _unfinished(table: Iterable[Row]) -> str:
    short = [f"{row.cell} {row.wanted - row.seeds} of {row.wanted}" for row in table if row.seeds < row.wanted]
    return f"Seeds that did not finish: {', '.join(short)}." if short else ""
