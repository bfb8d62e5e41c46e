"""Covariates that are known in advance, such as holidays, prices and the calendar: a window reads them ahead.

Each row of a window holds them of the row that comes `horizon` rows later, so that its last rows hold those of all rows that
are forecast.

Worked example, window=4, horizon=2, known: holiday. The window of rows 1 to 4, from which rows 5 and 6 are forecast:

    row        1 2 3 4 5 6
    holiday    a b c d e f
    load       1 2 3 4      reads load 1 2 3 4 and holiday c d e f
"""

from typing import Any

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns
from gru_tf.data.own.encoding import Encoding
from gru_tf.tasks import Array
from gru_tf.tasks.own._options import ForecastOptions


def ahead(options: ForecastOptions, encoding: Encoding, regular: bool) -> Encoding:
    """The columns that are read ahead: those that are known, and those of the calendar where times have a regular step."""
    return Encoding(columns=tuple(c for c in encoding.columns if c.name in options.known or (c.calendar and regular)))


def places(encoding: Encoding, part: Encoding) -> Array:
    """The places of the inputs of some columns among all."""
    names = {name for column in part.columns for name in column.names}
    return np.flatnonzero([name in names for name in encoding.names])


def read_ahead(rows: Array, firsts: Array, inputs: Array, horizon: int) -> None:
    """Put into each row these inputs of the row so many later, in place; 0 where its series ends before.

    Args:
        rows: (rows, inputs) encoded, series by series.
        firsts: (rows,) the first row of the series of each.
        inputs: places of those that are read ahead.
        horizon: how many rows.
    """
    if not len(inputs):
        return
    later = np.zeros((len(rows), len(inputs)), rows.dtype)
    within = np.flatnonzero(firsts[:-horizon] == firsts[horizon:])
    later[within] = rows[within + horizon][:, inputs]
    rows[:, inputs] = later


def future_rows(options: ForecastOptions, frame: Any, series: Array, where: str) -> Array:
    """(rows,) whether a new row is to be forecast: at the end of its series, without targets; none unless some are known.

    Args:
        options: of the task.
        frame: new rows, series by series, in order of time.
        series: (rows,) number of the series of each.
        where: what messages call the data.

    Raises:
        DatasetError: where a series has fewer of them than are forecast; of more, the first are used.
    """
    future = np.zeros(len(frame), bool)
    if not options.known:
        return future
    empty = np.asarray(columns.missing(frame, list(options.target)).all(1))
    for number in np.unique(series):
        own = np.flatnonzero(series == number)
        count = int(np.argmin(empty[own][::-1])) if not empty[own].all() else len(own)
        if count < options.horizon:
            name = f" of {options.group} '{frame[options.group].iloc[own[0]]}'" if options.group is not None else ""
            known = ", ".join(options.known)
            raise DatasetError(
                f"{where}: expected {options.horizon} rows{name} after the last known one, with {known} and without"
                f" {', '.join(options.target)}. Received: {count}"
            )
        future[own[len(own) - count :]] = True
    return future
