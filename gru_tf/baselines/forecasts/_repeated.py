"""Forecasts that repeat earlier rows, and the way from forecast rows to a network's targets."""

from dataclasses import dataclass

import numpy as np

from gru_tf.baselines.baseline import FittedBaseline, ModelInputs
from gru_tf.foundation.array import Array
from gru_tf.tasks import ForecastRows


def of_forecast(inputs: ModelInputs) -> tuple[ForecastRows, Array]:
    """The rows and the starts of inputs that are those of a forecast; ValueError for others."""
    if inputs.rows is None or inputs.starts is None:
        raise ValueError("expected the rows of a forecast and the starts of its windows. Received: none")
    return inputs.rows, inputs.starts


def as_targets(rows: ForecastRows, starts: Array, forecast: Array) -> Array:
    """(N, horizon · targets) from forecasts (N, horizon, targets) on the scale of the rows."""
    values = np.asarray(forecast, np.float64)
    if rows.relative:
        values = values - rows.rows[starts - 1][:, None].astype(np.float64)
    return values.reshape(len(starts), -1)


@dataclass(frozen=True)
class Repeated(FittedBaseline):
    """Repeats the last rows before a forecast.

    Args:
        season: how many; the last alone where the series begins after them.
    """

    season: int
    size: int = 0

    def predict(self, inputs: ModelInputs) -> Array:
        """(N, horizon · targets)."""
        rows, starts = of_forecast(inputs)
        at = starts[:, None]
        before = at - self.season + np.arange(rows.horizon) % self.season
        source = np.where(before >= rows.firsts[starts - 1][:, None], before, at - 1)
        return as_targets(rows, starts, rows.rows[source])
