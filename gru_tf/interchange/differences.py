"""What the difference of two computations is, and the result where it is small enough.

The difference of an output or a state is max|a − b| / max|b|, with b from the source and both maxima over all batches. It
is relative to the largest value, so that small numbers hide no error and a value that happens to be near zero causes none.
Where b is zero throughout it is the absolute difference. A number that is not finite on either side differs by infinity.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, several

TOLERANCE = 1e-5


@dataclass(frozen=True)
class Verified:
    """The result of a comparison in which a model computes the same as its source.

    Args:
        largest: the largest difference.
        where: its place: output or state, and batch.
        cases: batches that were compared.
        by: what computed the source's side.
        states: whether states were compared, too.
        left_out: recurrent layers whose states could not be compared.
        scope: what was compared, in a phrase; "" for all that the file computes.
        uncovered: phrases on what the comparison does not detect.
        rounding: phrase on float32, where the numbers were compared in float64.
    """

    largest: float
    where: str
    cases: int
    by: str
    states: bool = True
    left_out: tuple[str, ...] = ()
    scope: str = ""
    uncovered: tuple[str, ...] = ()
    rounding: str = ""

    def record(self) -> dict[str, Any]:
        """The fields as JSON returns them."""
        return asdict(self) | {"left_out": list(self.left_out), "uncovered": list(self.uncovered)}

    def __str__(self) -> str:
        """In a line."""
        what = "outputs and states" if self.states else "outputs"
        batches = "a batch" if self.cases == 1 else f"{self.cases} batches"
        left_out = f"; the states of {several(self.left_out)} were not compared" if self.left_out else ""
        line = f"verified by {self.by}: {what} of {batches} differ by at most {self.largest:.1e} ({self.where}){left_out}"
        return f"{line}{self.rounding and f'; {self.rounding}'}{coverage(self.scope, self.uncovered)}"


def coverage(scope: str, uncovered: Sequence[str], *, compared: bool = True) -> str:
    """The end of a line on an import: what of the file is meant, and what is not known.

    Args:
        scope: what was read, in a phrase; "" for all.
        uncovered: phrases on what the file does not record, and what was left out.
        compared: whether it was compared with the source.
    """
    meant, unknown = ("compared", "not covered") if compared else ("read as", "not known")
    line = f"; {meant}: {scope}" if scope else ""
    return f"{line}; {unknown}: {', '.join(uncovered)}" if uncovered else line


class Differences:
    """The largest difference of each output and state over all batches."""

    def __init__(self) -> None:
        self.largest: dict[str, tuple[float, str]] = {}
        self.scales: dict[str, float] = {}
        self.overflow = ""  # place of the source's first number that is not finite

    def add(self, name: str, own: Any, other: Array, where: str) -> None:
        """Compare one batch's arrays; raises UserError where their shapes differ."""
        own = np.asarray(own)
        if not self.overflow and not np.all(np.isfinite(other)):
            self.overflow = f"{name}, {where}"
        if own.shape != other.shape:
            raise UserError(f"{name}, {where}: expected the source's shape {other.shape}. Received: {own.shape}")
        with np.errstate(invalid="ignore"):
            difference = float(np.max(np.abs(own.astype(np.float64) - other), initial=0.0))
        difference = difference if np.isfinite(difference) else np.inf
        if name not in self.largest or difference > self.largest[name][0]:
            self.largest[name] = difference, where
        self.scales[name] = max(self.scales.get(name, 0.0), float(np.max(np.abs(other), initial=0.0)))

    def worst(self, counts: Callable[[str], bool] = bool) -> tuple[float, str]:
        """The largest relative difference of those whose names count, and its place; 0 where none does."""
        relative = {name: each / (self.scales[name] or 1.0) for name, (each, _) in self.largest.items() if counts(name)}
        if not relative:
            return 0.0, ""
        name = max(relative, key=relative.__getitem__)
        return relative[name], f"{name}, {self.largest[name][1]}"

    def judged(self, by: str, tolerance: float, cases: int, *, source: str = "") -> Verified:
        """The result; raises UserError where the largest difference is above the tolerance.

        Args:
            by: what computed the other side.
            tolerance: the largest difference that passes.
            cases: batches that were compared.
            source: what the numbers should be those of, if not `by`.
        """
        if self.overflow:
            expected = f"expected finite numbers of {source or by}, to compare with"
            why = f"nan or infinite ones in {self.overflow}, as where sums with large weights overflow"
            raise UserError(f"{expected}. Received: {why}")
        largest, where = self.worst()
        if not largest <= tolerance:
            raise self.different(largest, where, source or by, tolerance)
        return Verified(largest, where, cases, by, states=len(self.largest) > 1)

    def different(self, largest: float, where: str, by: str, tolerance: float) -> UserError:
        """The message on a difference that is too large, at that place."""
        expected = f"expected what {by} gives, within {tolerance:g}"
        return UserError(f"not the same: {expected}. Received: a difference of {largest:.3g} in {where}")
