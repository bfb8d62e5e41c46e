"""Which cell the evidence of one task recommends: the rule, without words.

1. Cells are compared by `statistics.unpaired`: the difference of their means with its 95 % interval, and Welch's test, or a
   paired one where the task draws its data from the seed, with Holm's correction for everything that the experiment tests. A
   difference is significant below 0.05. A cell that sometimes fails is compared by how often it learns.
2. A cell that another is better than is out, but not one that is equivalent to it; so is one whose interval does not exclude
   the baseline where another's does, and one whose mean lies outside the interval of the best mean that is left: few seeds
   may leave a large difference inconclusive. With one seed, or before the
   first look, nothing is significant, and the best mean stays alone.
3. Of those left, of which none is better than another, one that trains faster is recommended, else the best mean.
   A cell is faster where the 95 % interval of the ratio of step times lies below 1, by the phase in which the networks were
   timed side by side; without one no times are compared, for runs share a machine.
4. Where no cell's mean is better than the baseline, the baseline is recommended.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gru_tf.analysis.evidence import CellEvidence, TaskEvidence
from gru_tf.analysis.statistics.unpaired import SampleComparison


@dataclass(frozen=True)
class Selection:
    """What the rule selects.

    Args:
        cell: the selected cell; where the baseline is recommended, the one that comes nearest to it.
        candidates: labels of the cells of which none is better than another, or by too little to matter, `cell` among them.
        best: label of the candidate with the best mean.
        tested: label → each cell with a finite mean.
        pairs: `cell` against each other tested cell, `cell` first, in the evidence's order.
        baseline: whether the baseline is recommended.
    """

    cell: CellEvidence
    candidates: tuple[str, ...]
    best: str
    tested: Mapping[str, CellEvidence]
    pairs: tuple[SampleComparison, ...]
    baseline: bool

    @property
    def significant(self) -> bool:
        """Whether every other cell is significantly worse."""
        return bool(self.pairs) and all(pair.better == self.cell.cell for pair in self.pairs)


def select(task: TaskEvidence) -> Selection | None:
    """The selection on a task; None where no cell has a finite mean."""
    tested = {cell.cell: cell for cell in task.cells if cell.row.oriented is not None}
    if not tested:
        return None
    pairs = [pair for pair in task.pairs if {pair.first, pair.second} <= tested.keys()]
    candidates = _candidates(tested, pairs)
    best = _best(candidates, tested)
    pick = _timed(task, candidates, best)
    return Selection(
        cell=tested[pick],
        candidates=tuple(candidates),
        best=best,
        tested=tested,
        pairs=tuple(pair.seen_from(pick) for pair in pairs if pick in (pair.first, pair.second)),
        baseline=all(cell.mean_beats_chance is False for cell in tested.values()),
    )


def _candidates(tested: Mapping[str, CellEvidence], pairs: Sequence[SampleComparison]) -> list[str]:
    """The cells that can be recommended, by steps 2 and 4 of the rule."""
    if not any(math.isfinite(pair.p_holm) for pair in pairs):
        return [_best(tested, tested)]
    worse = {pair.second if pair.better == pair.first else pair.first for pair in pairs if pair.better}
    left = [label for label in tested if label not in worse] or [_best(tested, tested)]
    left = [label for label in left if tested[label].beats_chance] or left
    left = [label for label in left if tested[label].mean_beats_chance is not False] or left
    best = _best(left, tested)
    return [label for label in left if label == best or _within(tested[label], tested[best])]


def _best(labels: Sequence[str] | Mapping[str, CellEvidence], tested: Mapping[str, CellEvidence]) -> str:
    """The one with the best mean, the first of equals."""
    return max(labels, key=lambda label: tested[label].row.oriented or 0.0)


def _within(cell: CellEvidence, best: CellEvidence) -> bool:
    """Whether a mean lies in another's interval."""
    mean, interval = cell.row.middle, best.row.test
    return mean is not None and interval is not None and interval.low <= mean.mean <= interval.high


def _timed(task: TaskEvidence, candidates: Sequence[str], best: str) -> str:
    """The fastest of those that are surely faster than the best mean, by the timing phase; the best mean without one."""
    ratios = {label: times for label in candidates if label != best and (times := task.step_ratio(label, best))}
    faster = [label for label, times in ratios.items() if times.high < 1]
    return min(faster, key=lambda label: ratios[label].mean, default=best)
