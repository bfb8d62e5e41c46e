"""A series as users give it, an array or a pandas one, and forecasts in the same form with the index continued."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gru_tf.foundation.errors import UserError, one_line, shown
from gru_tf.tasks import Array

OF_TIME = (pd.DatetimeIndex, pd.TimedeltaIndex)


@dataclass(frozen=True)
class Series:
    """Rows in order of time.

    Args:
        values: (rows, targets) float64.
        names: of the columns of a pandas frame, or of the series; None of an array.
        index: of the rows; None of an array.
        flat: whether it was given without an axis of targets.
    """

    values: Array
    names: tuple[Any, ...] | None
    index: Any
    flat: bool

    def answer(self, forecast: Array, index: Any) -> Any:
        """A forecast (horizon, targets) in the form of the series, with this index."""
        if self.names is None:
            return forecast[:, 0] if self.flat else forecast
        if self.flat:
            return pd.Series(forecast[:, 0], index=index, name=self.names[0])
        return pd.DataFrame(forecast, index=index, columns=list(self.names))

    def with_intervals(self, forecast: Array, radius: Array, index: Any, percent: int) -> Any:
        """The forecast, its low and its high end, of half the width `radius` (horizon, targets).

        Of an array they are on a last axis; a frame has a column of each, with NAME, NAME_low_80 and NAME_high_80.
        """
        ends = np.stack([forecast, forecast - radius, forecast + radius], axis=-1)
        if self.names is None:
            return ends[:, 0] if self.flat else ends
        names = ["forecast" if name is None else name for name in self.names]
        columns = [f"{name}{end}" for name in names for end in ("", f"_low_{percent}", f"_high_{percent}")]
        return pd.DataFrame(ends.reshape(len(ends), -1), index=index, columns=columns)


def read(series: Any) -> Series:
    """An array (rows,) or (rows, targets), or a pandas series or frame.

    Raises:
        UserError: for what is no series of finite numbers, naming the first row that is not.
    """
    pandas = isinstance(series, (pd.Series, pd.DataFrame))
    try:
        values = np.asarray(series, np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"the series: expected numbers (rows,) or (rows, targets). Received: {one_line(error)}") from error
    flat = values.ndim == 1
    values = values[:, None] if flat else values
    if values.ndim != 2 or not values.size:
        raise UserError(f"the series: expected numbers (rows,) or (rows, targets). Received: the shape {np.shape(series)}")
    wrong = np.flatnonzero(~np.isfinite(values).all(1))
    if len(wrong):
        place = series.index[wrong[0]] if pandas else wrong[0]
        raise UserError(f"the series: expected finite numbers. Received: NaN or infinity in row {place}")
    if not pandas:
        return Series(values, None, None, flat)
    return Series(values, (series.name,) if flat else tuple(series.columns), series.index, flat)


def continued(index: Any, steps: int, known: Any) -> Any:
    """The next `steps` entries of a pandas index.

    Args:
        index: of the rows before.
        steps: how many.
        known: the step of the series in training, for an index too short to show its own; None where there was none.

    Raises:
        UserError: as `step_of`, and where no step is known of times.
    """
    step = step_of(index)
    step = known if step is None and known is not None else step
    if isinstance(index, pd.PeriodIndex):
        return pd.period_range(index[-1] + 1, periods=steps, name=index.name)
    if isinstance(index, OF_TIME):
        if step is None:
            raise UserError(f"the series: expected at least 3 times, which show their frequency. Received: {len(index)}")
        kind = pd.date_range if isinstance(index, pd.DatetimeIndex) else pd.timedelta_range
        return kind(index[-1], periods=steps + 1, freq=step, name=index.name)[1:]
    step = step or 1
    return pd.RangeIndex(index[-1] + step, index[-1] + step * (steps + 1), step, name=index.name)


def step_of(index: Any) -> Any:
    """From one entry of an index to the next: the frequency of times, or the distance of whole numbers.

    It is None where there are too few entries to show it.

    Raises:
        UserError: for another index, for one that is not in order, and for steps of several lengths.
    """
    times, numbers = isinstance(index, (*OF_TIME, pd.PeriodIndex)), pd.api.types.is_integer_dtype(index.dtype)
    if not times and not numbers:
        raise UserError(f"the series: expected an index of times or whole numbers. Received: {shown(index[0])}, …")
    if not (index.is_monotonic_increasing and index.is_unique):
        raise UserError("the series: expected an index in order, each entry once; sort_index() orders it. Received: another")
    if isinstance(index, OF_TIME):
        step = type(index)(index, freq="infer").freq
        regular = step is not None or len(index) < 3
    else:
        steps = np.unique(np.diff(index.asi8 if times else index))
        step, regular = steps[0] if len(steps) else None, len(steps) < 2
    if not regular:
        gaps = "asfreq() fills gaps in times with missing values. Received: steps of several lengths"
        raise UserError(f"the series: expected an index without gaps; {gaps}")
    return step
