"""Ranges that mend themselves: where the best values of a cell lie at the end of a range, all cells of the task go further.

It is decided when all trials of the first replicates are there, before any network is trained with what they chose: where
the best value lies within 10 % of the range's end in at least half of the replicates of any cell, the range is widened by a
step to that side. Each replicate then has further trials, the same for all cells, that are drawn from the added part alone
and lie as densely there as the others do in the rest; what it chooses is the best of all of them. A second step may follow.
Later replicates are drawn from the same ranges. All of it follows from the trials in the store, so that a coordinator that
starts again widens the same. Where half of an experiment's time is used before, the ranges stay as they are by then: final
seeds begin, and once the store has one of a task, its ranges are widened no further than its trials in the store show.
"""

import copy
import math
from collections.abc import Iterable, Mapping, Sequence

from gru_tf.analysis.statistics.tuning import HALF, range_end
from gru_tf.experiment import ranges
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Range, SearchSpec, is_integer

Chosen = Mapping[str, Sequence[RunResult | None]]  # cell → the best trial of each replicate; None where none finished


class TaskRanges:
    """The ranges that all searches of one task draw from.

    Args:
        search: of the experiment; None where nothing is tuned.

    Attributes:
        added: the searches in added parts, in the order of the steps; the seed of their draws is still to be set.
        settled: whether the ranges stay as they are.
    """

    def __init__(self, search: SearchSpec | None):
        self.axes = search.wideable if search else {}
        self.search, self.added, self.settled = search, list[SearchSpec](), not self.axes
        self.steps = {name: {"low": 0, "high": 0} for name in self.axes}
        self.rounds = 0

    def decide(self, chosen: Chosen) -> list[str]:
        """Widen what is too narrow, or settle; returns what was widened, and for which cells, in words."""
        ends = {(name, side): self._cells_at(name, side, chosen) for name in self.axes for side in ("low", "high")}
        words = [self._widen(*end, cells) for end, cells in ends.items() if cells and self.rounds < ranges.STEPS]
        self.rounds += 1
        self.settled = not any(words)
        return [text for text in words if text]

    def settle(self) -> None:
        """Leave the ranges as they are by now."""
        self.settled = True

    def widened(self, chosen: Chosen) -> "TaskRanges":
        """What `decide` would make of them; these stay as they are."""
        other = copy.deepcopy(self)
        other.decide(chosen)
        return other

    def _range(self, name: str) -> Range:
        return ranges.widened(name, self.axes[name], **self.steps[name])

    def _cells_at(self, name: str, side: str, chosen: Chosen) -> list[str]:
        """The cells that choose values at this end in half of their replicates."""
        axis = self._range(name)
        at_end = {cell: sum(_lies_at(one, name, axis, side) for one in best) for cell, best in chosen.items()}
        return [cell for cell, count in at_end.items() if count >= HALF * len(chosen[cell])]

    def _widen(self, name: str, side: str, cells: Iterable[str]) -> str:
        """Go a step further; "" where there is no room."""
        before = self._range(name)
        self.steps[name][side] += 1
        after = self._range(name)
        if after == before:
            return ""
        part = _part(name, before, after, side)
        self.added.append(self._drawing(name, part, before, after))
        way = "down" if side == "low" else "up"
        return f"{name} is drawn {way} to {getattr(after, side):.3g}: the best values of {', '.join(cells)} lay at the end"

    def _drawing(self, name: str, part: Range | tuple[int], before: Range, after: Range) -> SearchSpec:
        """A search in the added part, the other axes as wide as they are by now, as dense as the trials so far."""
        assert self.search is not None  # noqa: S101, it has axes
        axes = {other: self._range(other) for other in self.axes if other != name} | {name: part}
        trials = sum(one.trials or 0 for one in (self.search, *self.added))
        share = _width(after) / _width(before) - 1
        space = self.search.space.model_copy(update=axes)
        return self.search.model_copy(update={"space": space, "trials": max(1, round(trials * share))})


def _lies_at(best: RunResult | None, name: str, axis: Range, side: str) -> bool:
    if best is None:
        return False
    value = min(max(ranges.value_of(best, name), axis.low), axis.high)  # drawn at the very end, it may lie a bit beyond
    return range_end(value, axis.low, axis.high, axis.sampling == "log") == side


def _part(name: str, before: Range, after: Range, side: str) -> Range | tuple[int]:
    """What was added; of whole numbers those that are new, which may be one."""
    low, high = (after.low, before.low) if side == "low" else (before.high, after.high)
    if is_integer(name):
        low, high = (low, high - 1) if side == "low" else (low + 1, high)
        if low == high:
            return (int(low),)
    return Range(low=low, high=high, sampling=after.sampling)


def _width(axis: Range) -> float:
    """As its trials are spread."""
    return math.log(axis.high / axis.low) if axis.sampling == "log" else axis.high - axis.low
