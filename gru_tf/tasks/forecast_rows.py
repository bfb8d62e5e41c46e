"""The rows behind the windows of a forecast, for models that read a series from its beginning and not window by window."""

from collections.abc import Mapping
from dataclasses import dataclass

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
        mean, deviation: (targets,) by which the file's numbers were standardised.
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
