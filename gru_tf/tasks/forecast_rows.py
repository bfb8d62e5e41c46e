"""The rows behind the windows of a forecast, for models that read a series from its beginning and not window by window."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gru_tf.foundation.array import Array


@dataclass(frozen=True)
class ForecastRows:
    """The targets of all series of a task, one series after another, each in order of time.

    Args:
        rows: (rows, targets) on the scale of the network's targets, which are the rows themselves or, where `relative`,
            their differences from the row before the forecast.
        firsts: (rows,) the first row of the series of each row.
        training: (rows,) whether a row is one to train on.
        starts: split → (N,) the first row to forecast of each window, in the order of the split's examples.
        horizon: rows to forecast.
        season: rows after which a season repeats; 0 where none is stated.
        regular: whether each row follows the one before it by the same time.
        relative: whether targets are differences from the row before the forecast.
        mean, deviation: (rows, targets) by which the file's numbers were standardised; the same for all rows of a series.
    """

    rows: Array
    firsts: Array
    training: Array
    starts: Mapping[str, Array]
    horizon: int
    season: int
    regular: bool
    relative: bool
    mean: Array
    deviation: Array

    def in_units(self) -> Array:
        """(rows, targets) float64: the file's numbers."""
        return np.asarray(self.rows.astype(np.float64) * self.deviation + self.mean)

    def on_scale(self, values: Array, starts: Array) -> Array:
        """Forecasts (N, horizon, targets) in the file's units, from these rows on, on the scale of the rows."""
        before = starts - 1
        return np.asarray((values - self.mean[before][:, None]) / self.deviation[before][:, None])
