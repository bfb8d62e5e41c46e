"""The answer for several tasks: they are counted."""

import math
from collections import Counter
from collections.abc import Sequence

from gru_tf.analysis.answer.seeds import Seeds
from gru_tf.analysis.evidence import Evidence, TaskEvidence
from gru_tf.analysis.statistics.signed_ranks import SignedRanks
from gru_tf.analysis.wording import listed, p_value


def finding(evidence: Evidence, tested: Sequence[TaskEvidence]) -> str:
    """On how many tasks each cell has the best mean, on how many significantly, and the mean ranks."""
    cells = [cell.cell for cell in evidence.tasks[0].cells]
    if len(cells) == 1:
        on = f"On {len(tested)} of {len(evidence.tasks)} tasks"
        return f"{on} {cells[0]} has finished; there is no other cell to compare it with"
    wins = {cell: sum(task.best == cell for task in tested) for cell in cells}
    (first, most), *others = sorted(((cell, count) for cell, count in wins.items() if count), key=lambda item: -item[1])
    won = listed([f"{first} has the best mean on {most}", *(f"{cell} on {count}" for cell, count in others)])
    clear = sum(bool(task.pairs) and not task.inconclusive and len(task.cells) > 1 for task in tested)
    significant = f"significantly better than every other cell on {clear or 'none'} of them"
    return f"Of {len(evidence.tasks)} tasks, {won}{_from_fewer(tested)}, {significant}; {_ranked(evidence)}"


def _from_fewer(tested: Sequence[TaskEvidence]) -> str:
    """On how many tasks the best mean is of fewer seeds than were asked for."""
    fewer = [seeds for seeds in map(Seeds.from_task, tested) if seeds.fewer]
    if not fewer:
        return ""
    of = f"{fewer[0]} seeds" if len(set(fewer)) == 1 else f"fewer than {fewer[0].wanted} seeds"
    return f" (on {len(fewer)} from {of})"


def _ranked(evidence: Evidence) -> str:
    """Cells over the tasks: mean ranks with Friedman's test of ten tasks or more, signed ranks of every two of fewer."""
    known = evidence.ranks
    if known is not None:
        order = sorted(zip(known.mean, known.cells, strict=True))
        friedman = "" if math.isnan(known.p) else f" (Friedman {p_value(known.p)})"
        return f"mean ranks are {listed([f'{cell} {mean:.2f}' for mean, cell in order])}{friedman}"
    if not evidence.signed:
        return "no mean ranks: some cell has no score on some task"
    return f"over all tasks, {_signed(evidence.signed)}"


def _signed(pairs: Sequence[SignedRanks]) -> str:
    better = [pair for pair in pairs if pair.better]
    if better:
        named = [
            f"{pair.better} is better than {pair.second if pair.better == pair.first else pair.first}" for pair in better
        ]
        return f"{listed(named)} ({p_value(max(pair.p_holm for pair in better))})"
    reachable = any(pair.reachable for pair in pairs)
    return "no cell is significantly better" if reachable else "so few tasks cannot show that a cell is better"


def baseline(evidence: Evidence, tested: Sequence[TaskEvidence]) -> str:
    """On how many tasks each cell beats the baseline by its whole interval."""
    done = "" if len(tested) == len(evidence.tasks) else " with a result"
    beats: dict[str, int] = {}
    for task in tested:
        for cell in task.cells:
            beats[cell.cell] = beats.get(cell.cell, 0) + bool(cell.beats_chance)
    if min(beats.values()) == len(tested) > 1 and len(beats) > 1:
        return f"every cell clearly beats the baseline on all {len(tested)} tasks{done}"
    if not max(beats.values()):
        return f"no cell clearly beats the baseline on any of {len(tested)} tasks{done}"
    cells = listed([f"{cell} on {count}" for cell, count in sorted(beats.items(), key=lambda item: -item[1])])
    return f"the baseline is clearly beaten by {cells} of {len(tested)} tasks{done}"


def fastest(tested: Sequence[TaskEvidence]) -> str:
    """On how many tasks each cell has the shortest training step, by its median."""
    timed = [task for task in tested if task.quickest is not None]
    if not timed:
        return ""
    wins = Counter(task.quickest for task in timed)
    if len(wins) == 1 and len(timed) == len(tested):
        on = {1: "", 2: " on both tasks"}.get(len(timed), f" on all {len(timed)} tasks")
        return f"{timed[0].quickest} has the shortest training step{on}{_clearly(timed)}"
    cells = listed([f"{cell} on {count}" for cell, count in wins.most_common()])
    return f"the training step is shortest with {cells} of {len(timed)} tasks{_clearly(timed)}"


def _clearly(timed: Sequence[TaskEvidence]) -> str:
    """On how many of the tasks that step was surely shorter; "" where on all."""
    sure = sum(not task.as_quick for task in timed)
    if sure == len(timed):
        return ""
    return f", clearly on {'one task' if sure == 1 else f'{sure} tasks'}" if sure else ", but not clearly"
