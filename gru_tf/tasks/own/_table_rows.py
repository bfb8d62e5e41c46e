"""The rows of a user's table of series: read and checked, with the series, the part and the time of each."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns, files, missing_values, timestamps
from gru_tf.data.own.origins import UNUSED, by_origin
from gru_tf.data.own.splits import TEST, by_time
from gru_tf.tasks import Array
from gru_tf.tasks.own._options import ForecastOptions


@dataclass(frozen=True)
class Rows:
    """Rows of one series or many.

    Args:
        frame: targets, covariates and group, without the column of times.
        times: (rows,) the time of each; its number within its series where there is no column of times.
        series: (rows,) int32 number of its series.
        part: (rows,) int8, as in `gru_tf.data.own.splits`.
    """

    frame: Any
    times: Array
    series: Array
    part: Array

    def select(self, places: Array) -> Self:
        """Those at these places, in this order, or those of a mask."""
        return type(self)(self.frame.iloc[places], self.times[places], self.series[places], self.part[places])


def read_rows(options: ForecastOptions, where: str) -> Rows:
    """The rows of both files, in the order of the files; without those after the test part of a draw.

    Raises:
        DatasetError: naming file, row and column where these are not as the options say.
    """
    import pandas

    tables = [_checked(options, files.read_table(path, options.columns), path) for path in options.paths]
    frame, times = tables[0]
    if len(tables) == 1:
        series = _series_numbers(options, frame, where)
        times = row_numbers(series) if times is None else times
        part = by_origin(times, options.validation, options.test, options.draw, where)
        rows = Rows(frame, times, series, part)
        return rows.select(part != UNUSED) if options.draw else rows
    first = len(frame)
    if times is not None:
        _expect_later(options, tables)
        times = np.concatenate([times, tables[1][1]])
    frame = pandas.concat([table for table, _ in tables], ignore_index=True)
    series = _series_numbers(options, frame, where)
    times = row_numbers(series) if times is None else times
    part = np.full(len(frame), TEST, np.int8)
    part[:first] = by_time(times[:first], options.validation, 0, where)
    return Rows(frame, times, series, part)


def _checked(options: ForecastOptions, frame: Any, where: str) -> tuple[Any, Array | None]:
    """One file's columns, checked and converted, and its times."""
    times = timestamps.times(frame, options.time, where, options.group) if options.time is not None else None
    for name in options.target:
        frame[name] = columns.numbers(frame, name, where)
    if options.missing == "refuse":
        missing_values.complete(frame, options.inputs, "refuse", where)
    return frame if options.time is None else frame.drop(columns=options.time), times


def _expect_later(options: ForecastOptions, tables: list[tuple[Any, Any]]) -> None:
    """Raise DatasetError unless the second file's rows are all later than the first's."""
    (_, before), (frame, after) = tables
    if before.dtype != after.dtype:
        raise DatasetError(
            f"{options.test_path}: column '{options.time}': expected times as in {options.path}. Received: another kind"
        )
    if (early := after <= before.max()).any():
        row = columns.row(options.test_path or "", frame.index[int(early.argmax())])
        raise DatasetError(
            f"{options.test_path}: {row}, column '{options.time}': expected a time after the last of {options.path},"
            f" {timestamps.moment(before.max())}. Received: {timestamps.moment(after[early.argmax()])}"
        )


def _series_numbers(options: ForecastOptions, frame: Any, where: str) -> Array:
    """(rows,) int32 number of the series of each row."""
    if options.group is None:
        return np.zeros(len(frame), np.int32)
    return columns.groups(frame, options.group, where)[0]


def row_numbers(series: Array) -> Array:
    """(rows,) number of each row within its series: its time where there is no column of times."""
    order = np.argsort(series, kind="stable")
    numbers = np.empty(len(series), np.int64)
    numbers[order] = np.arange(len(series)) - first_rows(series[order])
    return numbers


def sorted_order(times: Array, series: Array) -> Array | None:
    """The order by series, then time; None where the rows already have it."""
    rising = (series[1:] > series[:-1]) | ((series[1:] == series[:-1]) & (times[1:] > times[:-1]))
    return None if rising.all() else np.lexsort((times, series))


def first_rows(series: Array) -> Array:
    """(rows,) the first row of the series of each row; series follow each other."""
    firsts = np.flatnonzero(np.concatenate([[True], series[1:] != series[:-1]]))
    return np.repeat(firsts, np.diff(np.append(firsts, len(series))))
