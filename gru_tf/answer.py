"""The answer of an experiment in two sentences: what was found and how sure that is; the trivial answer, cost, and gaps.

"Settled" is said of nothing but pairs of cells that `gru_tf.evidence` holds to be settled.
"""

import math
from collections import Counter
from collections.abc import Sequence

from gru_tf.evidence import CellEvidence, Evidence, TaskEvidence
from gru_tf.statistics import Comparison
from gru_tf.statistics.across import Ranks
from gru_tf.statistics.paired import LEVEL
from gru_tf.table import Row, interval, p_value
from gru_tf.wording import listed

FEW = 3  # tasks that are told one by one
LONGEST = 160  # characters of a failure's reason


def answer(evidence: Evidence) -> tuple[str, str]:
    """What was found, with its certainty; and what it is worth: against the trivial answer, in time, and what is missing.

    A table stands beside it and has every pair and every seed: up to `FEW` tasks get a clause each, more are counted.
    """
    tested = [task for task in evidence.tasks if task.best is not None]
    if not tested:
        return _nothing(evidence)
    if len(evidence.tasks) <= FEW:
        first, worth = _each(evidence.tasks, tested), [_trivial(tested)]
    else:
        first, worth = _many(evidence, tested), [_trivial_of_many(evidence, tested)]
    fastest = _fastest(tested[0]) if len(evidence.tasks) == 1 else _fastest_of_many(tested)
    second = "; ".join(filter(None, [*worth, fastest, _gaps(evidence)]))
    return f"{first}.", f"{second[:1].upper()}{second[1:]}."


def _nothing(evidence: Evidence) -> tuple[str, str]:
    wanted = sum(cell.row.wanted for task in evidence.tasks for cell in task.cells)
    runs = f"{wanted:,} final {'run is' if wanted == 1 else 'runs are'}"
    if len(evidence.missing) < sum(len(task.cells) for task in evidence.tasks):
        return (
            "Nothing is known: no finished run has a finite test metric.",
            f"So nothing can be set against the trivial answer; {runs} without a number.",
        )
    if not evidence.failures:
        return (
            "Nothing is known yet: no final run has finished.",
            f"{runs} to come, and the trivial answer will stand beside them.",
        )
    task, cell, what = evidence.failures[0]
    count = len(evidence.failures)
    return (
        f"Nothing is known: no final run has finished, and {count:,} {'run' if count == 1 else 'runs'} diverged or failed.",
        f"The first of them is {cell} on {task}, {_cut(what)}.",
    )


# --- up to a few tasks ---


def _each(tasks: Sequence[TaskEvidence], tested: Sequence[TaskEvidence]) -> str:
    """A clause a task, and how many seeds would settle what is open in all of them.

    Where a best mean is of fewer seeds than were asked for, those come first: no further ones are foretold.
    """
    over = [_seeds(task) for task in tested]
    alone = all(count.startswith("one") for count in over)
    said = [_clause(*of, alone) for of in zip(tested, over, ["", *over[:-1]], strict=True)]
    if alone:
        doubt = "one seed settles nothing" if any(map(_open, tested)) else ""
    else:
        doubt = "" if any(" of " in count for count in over) else _needed(tested)
    nothing = [task.title for task in tasks if task.best is None]
    gap = f"on {listed(nothing)} nothing has finished" if nothing else ""
    told = "; ".join(filter(None, [*said, doubt, gap]))
    return f"{told[:1].upper()}{told[1:]}"


def _seeds(task: TaskEvidence) -> str:
    """Of how many seeds the best mean is: "5", or "2 of 5" where that is fewer than were asked for; 1 is "one"."""
    counts = [task.cell(cell).tested for cell in _equal(task)]
    least, most, wanted = min(counts), max(counts), task.cells[0].row.wanted
    known = f"{least} to {most}" if least < most else "one" if most == 1 else str(most)
    return known if least == wanted else f"{known} of {wanted}"


def _clause(task: TaskEvidence, count: str, before: str, alone: bool) -> str:
    """What a task shows, with its number of seeds where the clause before it has not said the same.

    A clause that says so makes room for that: what "test" and "seeds" are is known from the first one.
    """
    one = count.startswith("one")
    said = _one(task, alone, one)
    if count == before:
        return said
    how = "with" if one else "over"
    if before:
        return f"{how} {'' if ' of ' in count else 'all '}{count} {said.replace(' test ', ' ', 1)}"
    return f"{how} {count} {'seed' if count == 'one' else 'seeds'} {said}"


def _one(task: TaskEvidence, alone: bool, single: bool) -> str:
    """The best cell, its interval, and against whom that is settled.

    Args:
        task: some cell of which has finished.
        alone: whether the answer speaks of one seed, so that what this settles needs no word here.
        single: whether this clause is said to be of one seed, so that its number needs no mark.
    """
    best = task.cell(task.best or "")
    if len(task.cells) == 1:
        shown = _shown(best, single)
        return f"{best.cell} has a test {task.metric} of {shown} on {task.title}, compared with no other cell"
    equal = _equal(task)
    certainty = _certainty(task, alone)
    if len(equal) > 1:
        mean = _shown(best, single).partition(" ")[0]
        rest = certainty if len(equal) < len(task.cells) else "which settles nothing between them"
        said = f"{listed(equal)} have the same test {task.metric} on {task.title}, {mean}"
    else:
        rest, said = certainty, f"{best.cell} has the best test {task.metric} on {task.title}, {_shown(best, single)}"
    return ", ".join(filter(None, [said, rest]))


def _equal(task: TaskEvidence) -> list[str]:
    """The cells with the best mean."""
    means = {cell.cell: cell.row.test.mean for cell in task.cells if cell.row.test}
    return [cell for cell, mean in means.items() if mean == means[task.best or ""]]


def _own(task: TaskEvidence) -> list[Comparison]:
    """The best cell against each that has another mean."""
    own = [pair.seen_from(task.best or "") for pair in task.pairs if task.best in (pair.first, pair.second)]
    return [pair for pair in own if pair.second not in _equal(task)]


def _open(task: TaskEvidence) -> list[Comparison]:
    return [pair for pair in _own(task) if pair.better != task.best]


def _certainty(task: TaskEvidence, alone: bool) -> str:
    """Against whom the best mean is settled: "settled against rnn (p = 0.003), not against lstm (p = 0.2)".

    Nothing where the answer speaks of one seed, of which it says once that this settles nothing.
    """
    own = _own(task)
    if not own:
        return "not settled: no other cell has finished"
    if alone:
        return ""
    settled = [pair for pair in own if pair.better == task.best]
    no = "not against" if settled else "not settled against"
    groups = (
        ("settled against", "and", settled),
        (no, "or", [pair for pair in own if not pair.settled and not math.isnan(pair.p)]),
        ("worse at equal seeds than", "and", [pair for pair in own if pair.better == pair.second]),
    )
    parts = [f"{what} {_others(pairs, word)} ({_p(pairs)}{_doubt(pairs)})" for what, word, pairs in groups if pairs]
    unknown = [pair for pair in own if math.isnan(pair.p)]
    if unknown:
        parts.append(f"{no} {_others(unknown, 'or')} (too few seeds in common)")
    return ", ".join(parts)


def _others(pairs: Sequence[Comparison], word: str) -> str:
    return listed([pair.second for pair in pairs], word)


def _p(pairs: Sequence[Comparison]) -> str:
    """All of their p-values: "p = 0.021", "p = 0.021 to 0.13", "p up to 0.021"."""
    low, high = (p_value(end(pair.p for pair in pairs)) for end in (min, max))
    if low == high:
        return low
    return f"p up to {high.removeprefix('p = ')}" if "<" in low else f"{low} to {high.removeprefix('p = ')}"


def _doubt(pairs: Sequence[Comparison]) -> str:
    """What speaks against a difference whose p-value alone would settle it."""
    return ", but seeds disagree" if any(pair.p <= LEVEL and not pair.settled for pair in pairs) else ""


def _needed(tasks: Sequence[TaskEvidence]) -> str:
    """How many seeds would settle each best cell against the others, where that can be said."""
    open_ = [(pair, dict(zip(map(_names, task.pairs), task.needed, strict=True))) for task in tasks for pair in _open(task)]
    wanted = [needed[_names(pair)] for pair, needed in open_]
    told = [count for count, (pair, _) in zip(wanted, open_, strict=True) if count is not None and count > pair.seeds]
    if not told:
        return ""
    what = "it" if len(open_) == 1 else "all" if len(told) == len(open_) else f"{len(told)} of these {len(open_)}"
    return f"about {max(told):,} seeds would settle {what}"


def _names(pair: Comparison) -> frozenset[str]:
    return frozenset((pair.first, pair.second))


def _trivial(tasks: Sequence[TaskEvidence]) -> str:
    """By which cells' whole interval it is beaten; with one seed, by which cells' number."""
    known = [task for task in tasks if task.chance is not None]
    if not known:
        return "the trivial answer's metric is not known"
    alike = len({_by(task) for task in known}) == 1
    told = [("" if alike else f"{_by(task)} ") + _beaten(task, named=len(tasks) > 1) for task in known]
    return " ".join(["the trivial answer is beaten", *([_by(known[0])] if alike else []), listed(told)])


def _without_interval(task: TaskEvidence) -> bool:
    return all(cell.beats_chance is None for cell in task.cells)


def _by(task: TaskEvidence) -> str:
    return "by the one seed" if _without_interval(task) else "by the whole interval"


def _beaten(task: TaskEvidence, named: bool) -> str:
    """Whose: "of lstm and gru alone on adding (0.167)"; "every cell" is said where all have finished."""
    tested = [cell for cell in task.cells if cell.row.test is not None]
    better = [cell.cell for cell in tested if (_mean_beats(cell.row) if _without_interval(task) else cell.beats_chance)]
    if not better:
        who = "no cell"
    elif len(better) == len(task.cells) > 1:
        who = "every cell"
    else:
        who = listed(better) + (" alone" if len(better) < len(tested) else "")
    return f"of {who}{f' on {task.title}' if named else ''} ({task.chance:.3g})"


def _mean_beats(row: Row) -> bool:
    if row.test is None or row.chance is None:
        return False
    return row.test.mean > row.chance if row.direction == "max" else row.test.mean < row.chance


def _fastest(task: TaskEvidence) -> str:
    """The cell with the shortest step and how much longer the others' are, each by its median."""
    steps = {cell.cell: cell.row.step_ms for cell in task.cells if cell.row.step_ms is not None}
    if task.quickest is None:
        return ""
    first, *others = sorted(steps, key=lambda cell: steps[cell])
    ratios = ", ".join(f"{cell} {steps[cell] / steps[first]:.1f}" for cell in others)
    close = task.as_quick
    doubt = f"; {'' if len(close) == len(others) else f'{listed(close)} '}not always" if close else ""
    return f"a training step is shortest with {first}, {steps[first]:.3g} ms ({ratios} times that{doubt})"


# --- several tasks ---


def _many(evidence: Evidence, tested: Sequence[TaskEvidence]) -> str:
    cells = [cell.cell for cell in evidence.tasks[0].cells]
    if len(cells) == 1:
        return f"On {len(tested)} of {len(evidence.tasks)} tasks {cells[0]} has finished; it was compared with no other cell"
    wins = {cell: sum(task.best == cell for task in tested) for cell in cells}
    won = [f"{cell} on {count}" for cell, count in sorted(wins.items(), key=lambda item: -item[1]) if count]
    settled = [task for task in tested if task.pairs and not task.unsettled and len(task.cells) > 1]
    sure = (
        f"against every other cell that is settled on {len(settled)} of them"
        if settled
        else "on none of them is that settled"
    )
    best = f"Of {len(evidence.tasks)} tasks the best mean is that of {listed(won)}{_from_fewer(tested)}, and {sure}"
    return f"{best}; {_ranked(evidence.ranks)}"


def _from_fewer(tested: Sequence[TaskEvidence]) -> str:
    """On how many tasks the best mean is of fewer seeds than were asked for."""
    fewer = [count for count in map(_seeds, tested) if " of " in count]
    if not fewer:
        return ""
    of = f"{fewer[0]} seeds" if len(set(fewer)) == 1 else f"fewer than {tested[0].cells[0].row.wanted} seeds"
    return f" (on {len(fewer)} from {of})"


def _ranked(found: Ranks | None) -> str:
    if found is None:
        return "mean ranks are not known, for some cell has no score on some task"
    order = sorted(zip(found.mean, found.cells, strict=True))
    friedman = "" if math.isnan(found.p) else f" (Friedman {p_value(found.p)})"
    return f"mean ranks are {listed([f'{cell} {mean:.2f}' for mean, cell in order])}{friedman}"


def _trivial_of_many(evidence: Evidence, tested: Sequence[TaskEvidence]) -> str:
    done = "" if len(tested) == len(evidence.tasks) else " with a result"
    beats: dict[str, int] = {}
    for task in tested:
        for cell in task.cells:
            beats[cell.cell] = beats.get(cell.cell, 0) + bool(cell.beats_chance)
    if min(beats.values()) == len(tested) > 1 and len(beats) > 1:
        return f"the trivial answer is beaten by the whole interval of every cell on all {len(tested)} tasks{done}"
    told = listed([f"{cell} on {count}" for cell, count in sorted(beats.items(), key=lambda item: -item[1])])
    return f"the trivial answer is beaten by the whole interval of {told} of {len(tested)} tasks{done}"


def _fastest_of_many(tested: Sequence[TaskEvidence]) -> str:
    timed = [task for task in tested if task.quickest is not None]
    if not timed:
        return ""
    wins = Counter(task.quickest for task in timed)
    if len(wins) == 1 and len(timed) == len(tested):
        on = {1: "", 2: " on both"}.get(len(timed), f" on all {len(timed)}")
        return f"a training step is shortest with {timed[0].quickest}{on}{_at_every_seed(timed)}"
    told = listed([f"{cell} on {count}" for cell, count in wins.most_common()])
    return f"a training step is shortest with {told} of {len(timed)} tasks{_at_every_seed(timed)}"


def _at_every_seed(timed: Sequence[TaskEvidence]) -> str:
    """On how many of the tasks that step was shorter at every seed, "always"; nothing where on all."""
    sure = sum(not task.as_quick for task in timed)
    if sure == len(timed):
        return ""
    return f", always on {sure} of them" if sure else ", though not always"


# --- what is missing ---


def _gaps(evidence: Evidence) -> str:
    wanted = sum(cell.row.wanted for task in evidence.tasks for cell in task.cells)
    missing = sum(count for *_, count in evidence.missing)
    return f"{missing:,} of {wanted:,} seeds have not finished" if missing else ""


# --- words ---


def _shown(cell: CellEvidence, single: bool) -> str:
    if cell.row.test is None:
        return "–"
    return f"{cell.row.test.mean:.3g}" if single else interval(cell.row.test)


def _cut(text: str) -> str:
    text = text.rstrip(".")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
