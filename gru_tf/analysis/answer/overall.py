"""The line of all tasks together, where there are several: they are counted."""

import math
from collections import Counter
from collections.abc import Sequence

from gru_tf.analysis.answer import beside
from gru_tf.analysis.answer.seeds import Seeds, equal
from gru_tf.analysis.evidence import Evidence, TaskEvidence
from gru_tf.analysis.statistics.signed_ranks import SignedRanks
from gru_tf.analysis.wording import cell_name, listed, p_value


def verdict(evidence: Evidence, tested: Sequence[TaskEvidence]) -> str:
    """On how many tasks each cell has the best mean, and on how many it beats every other."""
    cells = [cell.cell for cell in evidence.tasks[0].cells]
    if len(cells) == 1:
        return f"{cell_name(cells[0])} has finished on {len(tested)}; no other cell to compare"
    ties = [task for task in tested if len(equal(task)) > 1]
    wins = {cell: sum(task.best == cell for task in tested if task not in ties) for cell in cells}
    order = sorted(((cell, count) for cell, count in wins.items() if count), key=lambda item: -item[1])
    won = ", ".join(
        f"{cell_name(cell)}{'' if place else ' has the best mean'} on {count}" for place, (cell, count) in enumerate(order)
    )
    tied = f"the best mean is shared on {len(ties)}" if ties else ""
    won = ", ".join(filter(None, [won, tied]))
    clear = sum(_clear(task) for task in tested if task not in ties)
    return f"{won}{_from_fewer(tested)}; the best beats every other cell on {clear or 'none'}"


def _clear(task: TaskEvidence) -> bool:
    """Whether the leader beats every other cell; not where another has no result."""
    return bool(task.pairs) and not task.inconclusive and all(cell.tested for cell in task.cells)


def rest(evidence: Evidence, tested: Sequence[TaskEvidence]) -> list[str]:
    """Ranks or signed ranks over the tasks; the models without a recurrent network, the baseline and the costs, counted."""
    ranked = _ranked(evidence) if len(evidence.tasks[0].cells) > 1 else ""
    return [ranked, beside.others(tested), baseline(evidence, tested), fastest(tested)]


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
        return f"mean ranks {', '.join(f'{cell_name(cell)} {mean:.2f}' for mean, cell in order)}{friedman}"
    if not evidence.signed:
        return "no mean ranks: some cell has no score on some task"
    return f"over all tasks, {_signed(evidence.signed)}"


def _signed(pairs: Sequence[SignedRanks]) -> str:
    better = [pair for pair in pairs if pair.better]
    if better:
        named = [
            f"{cell_name(pair.better)} beats {cell_name(pair.second if pair.better == pair.first else pair.first)}"
            for pair in better
            if pair.better
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
        return f"all clearly beat the baseline on all {len(tested)} tasks{done}"
    if not max(beats.values()):
        return f"no cell clearly beats the baseline on any of {len(tested)} tasks{done}"
    cells = ", ".join(f"{cell_name(cell)} on {count}" for cell, count in sorted(beats.items(), key=lambda item: -item[1]))
    return f"the baseline is clearly beaten by {cells} of {len(tested)} tasks{done}"


def fastest(tested: Sequence[TaskEvidence]) -> str:
    """On how many tasks each cell has the shortest training step, by its median."""
    timed = [task for task in tested if task.quickest is not None]
    if not timed:
        return ""
    wins = Counter(task.quickest for task in timed)
    if len(wins) == 1 and len(timed) == len(tested):
        return f"{cell_name(timed[0].quickest or '')} trains fastest on all {len(timed)} tasks{_clearly(timed)}"
    cells = ", ".join(f"{cell_name(cell or '')} on {count}" for cell, count in wins.most_common())
    return f"fastest to train: {cells} of {len(timed)} tasks{_clearly(timed)}"


def _clearly(timed: Sequence[TaskEvidence]) -> str:
    """On how many of the tasks that step was surely shorter; "" where on all."""
    sure = sum(not task.as_quick for task in timed)
    if sure == len(timed):
        return ""
    return f", clearly on {'one task' if sure == 1 else f'{sure} tasks'}" if sure else ", but not clearly"
