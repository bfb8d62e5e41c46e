"""New rows of a user's series, encoded as those of training were, and their last windows."""

from typing import Any, NamedTuple

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns, missing_values, timestamps
from gru_tf.tasks import Array
from gru_tf.tasks.own._encoded_series import ForecastSeries
from gru_tf.tasks.own._missing_values import with_typical
from gru_tf.tasks.own._options import ForecastOptions
from gru_tf.tasks.own._table_rows import row_numbers

WHERE = "the data"  # what messages call them


class NewRows(NamedTuple):
    """New rows of one series or many, series by series in the order of their names, each in order of time.

    Args:
        frame: the rows.
        values: (rows, columns) float32, encoded as those of training.
        times: (rows,) the time of each; its number within its series where there is no column of times.
        ends: (series,) the row after the last of each series; names: of each.
    """

    frame: Any
    values: Array
    times: Array
    ends: Array
    names: tuple[str, ...]


def new_rows(options: ForecastOptions, about: ForecastSeries, frame: Any) -> NewRows:
    """The rows of a frame.

    Raises:
        UserError: naming row and column where the frame is not as in training, and a series with fewer rows than a window.
    """
    frame, times, series, names = _sorted_rows(options, frame.reset_index(drop=True))
    if options.missing == "mean":
        frame = with_typical(frame, options.inputs, about.fill)
    elif options.missing == "drop":
        whole = ~columns.missing(frame, options.inputs).any(1)
        frame, times, series = frame[whole], times[whole], series[whole]
    frame = missing_values.complete(frame, options.inputs, options.missing, WHERE, series=series)
    values = about.encoding.apply(frame, WHERE)
    numbers = sorted(range(len(names)), key=lambda number: names[number])
    places = [np.flatnonzero(series == number) for number in numbers]
    for number, own in zip(numbers, places, strict=True):
        if len(own) < options.window:
            which = f" of {options.group} '{names[number]}'" if options.group is not None else ""
            raise DatasetError(f"{WHERE}: expected at least {options.window} rows{which}, a window. Received: {len(own)}")
    order = np.concatenate(places)
    ends = np.cumsum([len(own) for own in places])
    return NewRows(frame.iloc[order], values[order], times[order], ends, tuple(names[number] for number in numbers))


def last_windows(options: ForecastOptions, about: ForecastSeries, frame: Any) -> tuple[Array, list[tuple[Any, Any]]]:
    """((series, window, columns) float32 of the last rows of each series, (group, last time) of each).

    Raises:
        UserError: as `new_rows`.
    """
    new = new_rows(options, about, frame)
    windows = np.stack([new.values[end - options.window : end] for end in new.ends])
    groups = [new.frame[options.group].iloc[end - 1] if options.group is not None else "" for end in new.ends]
    return windows, list(zip(groups, new.times[new.ends - 1], strict=True))


def _sorted_rows(options: ForecastOptions, frame: Any) -> tuple[Any, Array, Array, list[str]]:
    """The rows by series, then time; their times, the number of the series of each, and the names of the series."""
    columns.have(frame, options.columns, WHERE)
    if not len(frame):
        raise DatasetError(f"{WHERE}: expected at least {options.window} rows, a window. Received: none")
    times = timestamps.times(frame, options.time, WHERE, options.group) if options.time is not None else None
    series, names = np.zeros(len(frame), np.int32), [""]
    if options.group is not None:
        series, names = columns.groups(frame, options.group, WHERE)
    times = row_numbers(series) if times is None else times
    order = np.lexsort((times, series))
    frame, times, series = frame.iloc[order], times[order], series[order]
    numbers = {name: columns.numbers(frame, name, WHERE) for name in options.target}
    return frame.assign(**numbers), times, series, names
