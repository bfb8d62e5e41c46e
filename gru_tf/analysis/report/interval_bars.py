"""The intervals that a table draws beside its numbers: the scale of a task, and where on it each cell's lies."""

import math
from dataclasses import dataclass
from typing import Self

from gru_tf.analysis.evidence import CellEvidence, TaskEvidence
from gru_tf.analysis.wording import SUPERSCRIPTS

BAR = 100.0  # width of the scale, in units of its own
MANY = 30.0  # times between the smallest and the largest error from which a scale is logarithmic, as those of figures
FAR = 1.0  # chance that lies farther from all intervals than they are wide is not on their scale


@dataclass(frozen=True)
class Scale:
    """From which to which value a task's intervals are drawn; in logarithms where errors span decades."""

    least: float
    most: float
    logarithmic: bool = False

    @classmethod
    def from_task(cls, task: TaskEvidence) -> Self | None:
        """All intervals and chance; without chance where it would press them together; None without a finite mean."""
        tests = [bound for cell in task.cells if cell.row.middle for bound in cell.row.middle]
        values = [value for value in tests if math.isfinite(value)]
        if not values:
            return None
        least, most = min(values), max(values)
        chance = task.chance if task.chance is not None and math.isfinite(task.chance) else least
        if max(least - chance, chance - most) <= FAR * (most - least) or least == most:
            least, most = min(least, chance), max(most, chance)
        return cls(least, most, task.direction == "min" and 0 < least < most / MANY)

    @property
    def ends(self) -> tuple[str, str]:
        """Both values in a few digits, enough to differ; ("", "") where they are one."""
        for digits in range(3, 18):
            if (both := (_short(self.least, digits), _short(self.most, digits)))[0] != both[1]:
                return both
        return "", ""

    def place(self, value: float) -> float:
        """Where a value lies, an end where it lies beyond."""
        if not self.most > self.least:
            return BAR / 2
        least, most, at = self.least, self.most, min(max(value, self.least), self.most)
        if self.logarithmic:
            least, most, at = math.log(least), math.log(most), math.log(at)
        return round(BAR * (at - least) / (most - least), 1)

    def holds(self, value: float) -> bool:
        """Whether the value lies on it."""
        return self.least <= value <= self.most


@dataclass(frozen=True)
class Bar:
    """An interval drawn in a line of the table, on the scale of its task; all in per cent of its width.

    Args:
        low, mean, high: of the interval; chance: None without one, 0 or 100 where it lies beyond the scale.
        beyond: whether it does.
    """

    low: float
    mean: float
    high: float
    chance: float | None
    beyond: bool

    @classmethod
    def on_scale(cls, scale: Scale, task: TaskEvidence, cell: CellEvidence) -> Self | None:
        """A cell's on its task's scale; None without a finite mean."""
        test = cell.row.middle
        if test is None or not math.isfinite(test.mean):
            return None
        low, high = (test.mean, test.mean) if math.isnan(test.low) else (test.low, test.high)
        chance = task.chance if task.chance is not None and math.isfinite(task.chance) else None
        beyond = chance is not None and not scale.holds(chance)
        at = None if chance is None else scale.place(chance)
        return cls(scale.place(low), scale.place(test.mean), scale.place(high), at, beyond)


def _short(value: float, digits: int) -> str:
    """So many significant digits, whole numbers whole, e.g. "0.839", "1264", "3.89·10⁻⁵"."""
    if 1000 <= abs(value) < 1e6:
        return f"{value:.{max(0, digits - len(str(int(abs(value)))))}f}"
    mantissa, _, power = f"{value:.{digits}g}".partition("e")
    return f"{mantissa}·10{str(int(power)).translate(SUPERSCRIPTS)}" if power else mantissa
