"""The findings of a call of `gru-tf speed`: measurements by case, and the exponents of their growth."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from gru_tf.experiment.specs import Choice
from gru_tf.machine.speed.cases import Case
from gru_tf.machine.speed.measurement import Failure, Measurement
from gru_tf.machine.speed.spec import Axis, SpeedSpec


@dataclass(frozen=True)
class Power:
    """time ∝ size^exponent, with the exponent's standard error."""

    exponent: float
    error: float

    def __str__(self) -> str:
        return f"{self.exponent:.2f} ± {self.error:.2f}"


def fit(sizes: Sequence[float], times: Sequence[float]) -> Power:
    """Slope of log time over log size by least squares, its standard error from the residuals.

    An exponent below that of the arithmetic means a cost that does not grow; the error is that of the fit, not the timing.

    Raises:
        ValueError: for fewer than three different sizes, which leave no residual.
    """
    if len(set(sizes)) < 3:
        raise ValueError(f"expected at least three sizes. Received: {sorted(set(sizes))}")
    slope, covariance = np.polyfit(np.log(sizes), np.log(times), 1, cov=True)
    return Power(float(slope[0]), math.sqrt(max(0.0, float(covariance[0, 0]))))


class SpeedFindings(BaseModel):
    """What was to be measured, and the results.

    Args:
        spec: what was to be measured.
        rate: floating-point operations a second of a matrix product, measured in the same process.
        machine: versions, commit, device, threads.
        measurements: of the cases that could be timed; failures: of those that could not.
    """

    model_config = ConfigDict(frozen=True)

    spec: SpeedSpec
    rate: float
    machine: dict[str, Any]
    measurements: tuple[Measurement, ...] = ()
    failures: tuple[Failure, ...] = ()

    def select(self, cases: Iterable[Case]) -> list[Measurement]:
        """The measurements of these cases, in their order, without those that failed or were not measured."""
        by_key = {m.case.key: m for m in self.measurements}
        return [by_key[case.key] for case in cases if case.key in by_key]

    def growth(self, axis: Axis, cell: Choice) -> list[Measurement]:
        """A cell's measurements along one axis, smallest first."""
        return self.select(self.spec.growth(axis, cell))

    def power(self, axis: Axis, cell: Choice) -> Power | None:
        """The fitted exponent along one axis; None with fewer than three sizes."""
        points = self.growth(axis, cell)
        sizes = [getattr(m.case, axis) for m in points]
        return fit(sizes, [m.median_ms for m in points]) if len(set(sizes)) >= 3 else None
