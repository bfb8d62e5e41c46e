"""The answer for several tasks: they are counted."""

import math
from collections import Counter
from collections.abc import Sequence

from gru_tf.analysis.answer.seeds import Seeds
from gru_tf.analysis.evidence import Evidence, TaskEvidence
from gru_tf.analysis.statistics.across import Ranks
from gru_tf.analysis.wording import listed, p_value


def found(evidence: Evidence, tested: Sequence[TaskEvidence]) -> str:
    """On how many tasks each cell has the best mean, on how many that is settled, and the mean ranks."""
    cells = [cell.cell for cell in evidence.tasks[0].cells]
    if len(cells) == 1:
        return f"On {len(tested)} of {len(evidence.tasks)} tasks {cells[0]} has finished; it was compared with no other cell"
    wins = {cell: sum(task.best == cell for task in tested) for cell in cells}
    won = [f"{cell} on {count}" for cell, count in sorted(wins.items(), key=lambda item: -item[1]) if count]
    settled = [task for task in tested if task.pairs and not task.inconclusive and len(task.cells) > 1]
    sure = (
        f"against every other cell that is settled on {len(settled)} of them"
        if settled
        else "on none of them is that settled"
    )
    best = f"Of {len(evidence.tasks)} tasks the best mean is that of {listed(won)}{_from_fewer(tested)}, and {sure}"
    return f"{best}; {_ranked(evidence.ranks)}"


def _from_fewer(tested: Sequence[TaskEvidence]) -> str:
    """On how many tasks the best mean is of fewer seeds than were asked for."""
    fewer = [seeds for seeds in map(Seeds.from_task, tested) if seeds.fewer]
    if not fewer:
        return ""
    of = f"{fewer[0]} seeds" if len(set(fewer)) == 1 else f"fewer than {fewer[0].wanted} seeds"
    return f" (on {len(fewer)} from {of})"


def _ranked(known: Ranks | None) -> str:
    if known is None:
        return "mean ranks are not known, for some cell has no score on some task"
    order = sorted(zip(known.mean, known.cells, strict=True))
    friedman = "" if math.isnan(known.p) else f" (Friedman {p_value(known.p)})"
    return f"mean ranks are {listed([f'{cell} {mean:.2f}' for mean, cell in order])}{friedman}"


def trivial(evidence: Evidence, tested: Sequence[TaskEvidence]) -> str:
    """On how many tasks each cell beats the trivial answer by its whole interval."""
    done = "" if len(tested) == len(evidence.tasks) else " with a result"
    beats: dict[str, int] = {}
    for task in tested:
        for cell in task.cells:
            beats[cell.cell] = beats.get(cell.cell, 0) + bool(cell.beats_chance)
    if min(beats.values()) == len(tested) > 1 and len(beats) > 1:
        return f"the trivial answer is beaten by the whole interval of every cell on all {len(tested)} tasks{done}"
    told = listed([f"{cell} on {count}" for cell, count in sorted(beats.items(), key=lambda item: -item[1])])
    return f"the trivial answer is beaten by the whole interval of {told} of {len(tested)} tasks{done}"


def fastest(tested: Sequence[TaskEvidence]) -> str:
    """On how many tasks each cell has the shortest training step, by its median."""
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
