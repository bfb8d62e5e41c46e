"""From new rows of a user's series to their last windows, encoded as those of training were."""

from typing import Any

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns, missing_values, timestamps
from gru_tf.tasks import Array
from gru_tf.tasks.own._encoded_series import ForecastSeries
from gru_tf.tasks.own._missing_values import with_typical
from gru_tf.tasks.own._options import ForecastOptions
from gru_tf.tasks.own._table_rows import row_numbers

WHERE = "the data"  # what messages call them


def last_windows(options: ForecastOptions, about: ForecastSeries, frame: Any) -> tuple[Array, list[tuple[Any, Any]]]:
    """((series, window, columns) float32 of the last rows of each series, (group, last time) of each).

    Raises:
        UserError: naming row and column where the frame is not as in training.
    """
    frame, times, series, names = _sorted_rows(options, frame.reset_index(drop=True))
    if options.missing == "mean":
        frame = with_typical(frame, options.inputs, about.fill)
    elif options.missing == "drop":
        whole = ~columns.missing(frame, options.inputs).any(1)
        frame, times, series = frame[whole], times[whole], series[whole]
    frame = missing_values.complete(frame, options.inputs, options.missing, WHERE, series=series)
    rows = about.encoding.apply(frame, WHERE)
    windows, ends = [], []
    for number in sorted(range(len(names)), key=lambda number: names[number]):
        places = np.flatnonzero(series == number)
        if len(places) < options.window:
            which = f" of {options.group} '{names[number]}'" if options.group is not None else ""
            raise DatasetError(f"{WHERE}: expected at least {options.window} rows{which}, a window. Received: {len(places)}")
        windows.append(rows[places[-options.window :]])
        ends.append((frame[options.group].iloc[places[-1]] if options.group is not None else "", times[places[-1]]))
    return np.stack(windows), ends


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
