"""Pairs of cells over several tasks by Wilcoxon's signed ranks, which do not depend on who else was compared.

Friedman's test and Nemenyi's critical difference rank all cells on each task: whether two of them differ then depends on the
third, and a cell added to the comparison may turn the answer (A. Benavoli, G. Corani and F. Mangili, Should we really use
post-hoc tests based on mean-ranks?, JMLR 17, 2016). Below ten tasks their χ² is a poor approximation besides (J. Demšar,
JMLR 7, 2006, §3.2.2). Each pair is tested by itself here, exactly, and Holm's procedure corrects for the number of pairs.

Five tasks cannot decide anything: with all five differences of one sign p is 1/16. Six are the fewest for one pair, seven
for three.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from gru_tf.analysis.statistics.paired import LEVEL, holm, wilcoxon_test

FRIEDMAN = 10  # tasks from which mean ranks are tested


@dataclass(frozen=True)
class SignedRanks:
    """Two cells over the tasks on which both have a score.

    Args:
        first, second: whose scores.
        wins, losses: tasks on which the first has the larger score, and the smaller.
        median: of first − second over tasks; NaN without a task.
        p: two-sided, of Wilcoxon's signed ranks, equal scores left out; NaN where all are equal.
        p_holm: corrected for all pairs.
        least: the smallest `p_holm` that so many tasks and pairs allow.
    """

    first: str
    second: str
    wins: int
    losses: int
    median: float
    p: float
    p_holm: float
    least: float

    @property
    def better(self) -> str | None:
        """The one with the larger scores where that is significant."""
        if not self.p_holm <= LEVEL:
            return None
        return self.first if self.median > 0 or (self.median == 0 and self.wins > self.losses) else self.second

    @property
    def reachable(self) -> bool:
        """Whether so many tasks could have decided anything."""
        return self.least <= LEVEL


def signed_ranks(scores: Any, cells: Sequence[str]) -> list[SignedRanks]:
    """Every two cells, over the tasks.

    Args:
        scores: (tasks, cells) mean normalised scores, larger is better: sizes of differences are ranked over the tasks, so
            they have to be on one scale. NaN where a cell has none.
        cells: their names.

    Raises:
        ValueError: where the shape is another one.
    """
    table = np.asarray(scores, float)
    if table.ndim != 2 or table.shape[1] != len(cells):
        raise ValueError(f"signed_ranks: expected scores (tasks, {len(cells)}). Received: {table.shape}")
    pairs = list(combinations(range(len(cells)), 2))
    differences = [(table[:, a] - table[:, b]) for a, b in pairs]
    differences = [values[np.isfinite(values)] for values in differences]
    p_values = [wilcoxon_test(values) for values in differences]
    family = sum(map(math.isfinite, p_values))
    return [
        SignedRanks(
            first=cells[a],
            second=cells[b],
            wins=int((values > 0).sum()),
            losses=int((values < 0).sum()),
            median=float(np.median(values)) if len(values) else math.nan,
            p=p,
            p_holm=corrected,
            least=min(2.0 ** (1 - np.count_nonzero(values)) * max(family, 1), 1.0),
        )
        for (a, b), values, p, corrected in zip(pairs, differences, p_values, holm(p_values), strict=True)
    ]
