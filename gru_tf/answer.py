"""The answer of an experiment in two sentences: what was found and how sure that is; the trivial answer, cost, and gaps.

"Settled" is said of nothing but pairs of cells that `gru_tf.evidence` holds to be settled.
"""

import math
from collections.abc import Sequence

from gru_tf.evidence import CellEvidence, Evidence, TaskEvidence
from gru_tf.statistics import Comparison
from gru_tf.statistics.across import Ranks
from gru_tf.table import Row, interval, p_value

FEW = 3  # tasks that are told one by one
LONGEST = 160  # characters of a failure's reason


def answer(evidence: Evidence) -> tuple[str, str]:
    """What was found, with its certainty; and what it is worth: against the trivial answer, in time, and what is missing."""
    tested = [task for task in evidence.tasks if task.best is not None]
    if not tested:
        return _nothing(evidence)
    if len(evidence.tasks) == 1:
        first, worth = _one(tested[0]), [_trivial(tested[0]), _fastest(tested[0])]
    else:
        few = len(evidence.tasks) <= FEW
        first = _each(evidence.tasks) if few else _many(evidence, tested)
        worth = [_trivial_of_many(tested, named=few), _fastest_of_many(tested)]
    second = "; ".join(filter(None, [*worth, _gaps(evidence)]))
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


# --- one task ---


def _one(task: TaskEvidence) -> str:
    best = task.cell(task.best or "")
    if len(task.cells) == 1:
        return f"On {task.title} {best.cell} has a test {task.metric} of {_shown(best)}; it was compared with no other cell"
    equal = _equal(task, best)
    if len(equal) > 1:
        others = f": {_certainty(task, equal)}" if len(equal) < len(task.cells) else ", which settles nothing between them"
        mean = _shown(best).partition(" ")[0]
        return f"On {task.title} {_listed(equal)} have the same test {task.metric}, {mean}{_over(best)}{others}"
    return f"On {task.title} {best.cell} has the best test {task.metric}, {_shown(best)}: {_certainty(task, equal)}"


def _equal(task: TaskEvidence, best: CellEvidence) -> list[str]:
    """The cells with the best mean."""
    return [c.cell for c in task.cells if c.row.test and best.row.test and c.row.test.mean == best.row.test.mean]


def _certainty(task: TaskEvidence, equal: Sequence[str]) -> str:
    """Of the best cell against those that have another mean: "settled against rnn (p = 0.003), not settled against …"."""
    own = [pair.seen_from(task.best or "") for pair in task.pairs if task.best in (pair.first, pair.second)]
    own = [pair for pair in own if pair.second not in equal]
    if not own:
        return "not settled: no other cell has finished"
    settled = [f"{pair.second} ({p_value(pair.p)})" for pair in own if pair.better == task.best]
    needed = dict(zip(((p.first, p.second) for p in task.pairs), task.needed, strict=True))
    open_ = [
        f"{pair.second}{_doubt(pair, needed.get((pair.first, pair.second), needed.get((pair.second, pair.first))))}"
        for pair in own
        if pair.better != task.best
    ]
    if open_ and all(pair.seeds == 1 for pair in own):
        return "not settled: one seed settles nothing"
    doubt = f"not settled against {_listed(open_, 'or')}" if open_ else ""
    return ", ".join(filter(None, [f"settled against {_listed(settled)}" if settled else "", doubt]))


def _doubt(pair: Comparison, needed: int | None) -> str:
    if math.isnan(pair.p):
        return " (too few seeds that both finished)"
    more = f"; about {needed:,} seeds would settle it" if needed is not None and needed > pair.seeds else ""
    return f" ({p_value(pair.p)}{more})"


def _trivial(task: TaskEvidence) -> str:
    if task.chance is None:
        return "the trivial answer's metric is not known"
    return f"the trivial answer has {task.chance:.3g}: {_beaten(task)}"


def _beaten(task: TaskEvidence) -> str:
    """Who is better than the trivial answer, over the whole interval; of one seed, whose number is."""
    tested = [cell for cell in task.cells if cell.row.test is not None]
    if all(cell.beats_chance is None for cell in tested):
        better = [cell.cell for cell in tested if _mean_beats(cell.row)]
        return f"{_listed(better)} {_are(better)} better at the one seed" if better else "no cell is better"
    sure = [cell.cell for cell in tested if cell.beats_chance]
    doubtful = [cell.cell for cell in tested if not cell.beats_chance]
    if not sure:
        return "no cell is shown to be better"
    rest = f", {_listed(doubtful)} {_are(doubtful)} not shown to be" if doubtful else ""
    return f"{_listed(sure)} {_are(sure)} better over the whole interval{rest}"


def _mean_beats(row: Row) -> bool:
    if row.test is None or row.chance is None:
        return False
    return row.test.mean > row.chance if row.direction == "max" else row.test.mean < row.chance


def _fastest(task: TaskEvidence) -> str:
    steps = {cell.cell: cell.row.step_ms for cell in task.cells if cell.row.step_ms is not None}
    if len(steps) < 2:
        return ""
    first, *others = sorted(steps, key=lambda cell: steps[cell])
    ratios = ", ".join(f"{cell} {steps[cell] / steps[first]:.1f} times that" for cell in others)
    return f"a training step is shortest with {first}, {steps[first]:.3g} ms ({ratios})"


# --- several tasks ---


def _each(tasks: Sequence[TaskEvidence]) -> str:
    said = [_one(task) if task.best else f"On {task.title} nothing has finished" for task in tasks]
    return "; ".join([said[0], *(f"o{text[1:]}" for text in said[1:])])


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
    best = f"Of {len(evidence.tasks)} tasks the best mean is that of {_listed(won)}, and {sure}"
    return f"{best}; {_ranked(evidence.ranks)}"


def _ranked(found: Ranks | None) -> str:
    if found is None:
        return "mean ranks are not known, for some cell has no score on some task"
    order = sorted(zip(found.mean, found.cells, strict=True))
    friedman = "" if math.isnan(found.p) else f" (Friedman {p_value(found.p)})"
    return f"mean ranks are {_listed([f'{cell} {mean:.2f}' for mean, cell in order])}{friedman}"


def _trivial_of_many(tested: Sequence[TaskEvidence], named: bool) -> str:
    if named:
        chances = [f"{task.chance:.3g} on {task.title}" for task in tested if task.chance is not None]
        beaten = [f"on {task.title} {_beaten(task)}" for task in tested if task.chance is not None]
        return f"the trivial answer has {_listed(chances)}: {'; '.join(beaten)}" if chances else ""
    beats: dict[str, int] = {}
    for task in tested:
        for cell in task.cells:
            beats[cell.cell] = beats.get(cell.cell, 0) + bool(cell.beats_chance)
    told = _listed([f"{cell} on {count}" for cell, count in sorted(beats.items(), key=lambda item: -item[1])])
    return f"the trivial answer is beaten by the whole interval of {told} of {len(tested)} tasks"


def _fastest_of_many(tested: Sequence[TaskEvidence]) -> str:
    fastest: dict[str, int] = {}
    timed = [{c.cell: c.row.step_ms for c in task.cells if c.row.step_ms is not None} for task in tested]
    timed = [steps for steps in timed if len(steps) > 1]
    for steps in timed:
        first = min(steps, key=lambda cell: steps[cell])
        fastest[first] = fastest.get(first, 0) + 1
    told = [f"{cell} on {count}" for cell, count in sorted(fastest.items(), key=lambda item: -item[1])]
    return f"a training step is shortest with {_listed(told)} of {len(timed)} tasks" if told else ""


# --- what is missing ---


def _gaps(evidence: Evidence) -> str:
    wanted = sum(cell.row.wanted for task in evidence.tasks for cell in task.cells)
    missing = sum(count for *_, count in evidence.missing)
    return f"{missing:,} of {wanted:,} seeds have not finished" if missing else ""


# --- words ---


def _shown(cell: CellEvidence) -> str:
    if cell.row.test is None:
        return "–"
    return f"{interval(cell.row.test) if cell.row.seeds > 1 else f'{cell.row.test.mean:.3g}'}{_over(cell)}"


def _over(cell: CellEvidence) -> str:
    return f" over {cell.row.seeds} seeds" if cell.row.seeds > 1 else " with one seed"


def _listed(names: Sequence[str], word: str = "and") -> str:
    return f" {word} ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _cut(text: str) -> str:
    text = text.rstrip(".")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
