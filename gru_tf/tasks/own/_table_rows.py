"""The rows of a user's table of series: read and checked, with the series, the part and the time of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns, files, local_time, missing_values, timestamps
from gru_tf.data.own.calendar_features import FEATURES, features
from gru_tf.data.own.origins import by_cutoff, by_origin
from gru_tf.data.own.splits import TEST, UNUSED, by_time
from gru_tf.data.own.time_form import TimeForm
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
        form: how the file writes its times; None without a column of times.
        calendar: the covariates that are made of the times.
    """

    frame: Any
    times: Array
    series: Array
    part: Array
    form: TimeForm | None = None
    calendar: tuple[str, ...] = ()

    def select(self, places: Array) -> Self:
        """Those at these places, in this order, or those of a mask."""
        chosen = (self.frame.iloc[places], self.times[places], self.series[places], self.part[places])
        return type(self)(*chosen, self.form, self.calendar)


def read_rows(options: ForecastOptions, where: str) -> Rows:
    """The rows of both files, in the order of the files; without those after the test part of a draw.

    Raises:
        DatasetError: naming file, row and column where these are not as the options say.
    """
    import pandas

    calendar = _calendar(options)
    names = [name for name in options.columns if name not in calendar]
    tables = [_checked(options, files.read_table(path, names), path, calendar) for path in options.paths]
    frame, times, form = tables[0]
    if len(tables) == 1:
        series = _series_numbers(options, frame, where)
        times = row_numbers(series) if times is None else times
        shares = options.validation, options.test
        if options.backtest:
            part = by_cutoff(times, *shares, options.backtest, options.draw % options.backtest, where)
        else:
            part = by_origin(times, *shares, options.draw, where)
        rows = Rows(frame, times, series, part, form, calendar)
        return rows.select(part != UNUSED) if options.draw else rows
    first = len(frame)
    if times is not None:
        _expect_later(options, tables)
        times = np.concatenate([times, tables[1][1]])
    frame = pandas.concat([table for table, *_ in tables], ignore_index=True)
    series = _series_numbers(options, frame, where)
    times = row_numbers(series) if times is None else times
    part = np.full(len(frame), TEST, np.int8)
    part[:first] = by_time(times[:first], options.validation, 0, where)
    return Rows(frame, times, series, part, form, calendar)


def _calendar(options: ForecastOptions) -> tuple[str, ...]:
    """The covariates that are made of the times, as the file has no column of that name."""
    wanted = [name for name in options.covariates if name in FEATURES]
    there = files.column_names(options.path) if wanted and options.time is not None else wanted
    return tuple(name for name in wanted if name not in there)


def with_calendar(frame: Any, times: Array, zone: str | None, calendar: Sequence[str], where: str) -> Any:
    """The frame with these columns, made of its times.

    Raises:
        DatasetError: where the times are numbers.
    """
    if not calendar:
        return frame
    if times.dtype.kind != "M":
        raise DatasetError(f"{where}: expected dates to make the covariate '{calendar[0]}' of. Received: times as numbers")
    made = features(local_time.local(times, zone))
    return frame.assign(**{name: made[name] for name in calendar})


def _checked(
    options: ForecastOptions, frame: Any, where: str, calendar: Sequence[str]
) -> tuple[Any, Array | None, TimeForm | None]:
    """One file's columns, checked and converted, its times, and how it writes them."""
    times, form = None, None
    if options.time is not None:
        times, form = timestamps.read(frame, options.times, where, options.group, order=options.dates, zone=options.zone)
        frame = with_calendar(frame, times, form.zone, calendar, where)
    for name in options.target:
        frame[name] = columns.numbers(frame, name, where)
    if options.missing == "refuse":
        missing_values.complete(frame, options.inputs, "refuse", where)
    return frame.drop(columns=list(options.times)), times, form


def _expect_later(options: ForecastOptions, tables: Sequence[tuple[Any, Any, Any]]) -> None:
    """Raise DatasetError unless the second file's rows are all later than the first's."""
    (_, before, form), (frame, after, later) = tables
    if before.dtype != after.dtype or (form.zone is None) != (later.zone is None):
        raise DatasetError(
            f"{options.test_path}: column {form.words}: expected times as in {options.path}. Received: another kind"
        )
    if (early := after <= before.max()).any():
        row = columns.row(options.test_path or "", frame.index[int(early.argmax())])
        raise DatasetError(
            f"{options.test_path}: {row}, column {form.words}: expected a time after the last of {options.path},"
            f" {_moment(before.max(), form)}. Received: {_moment(after[early.argmax()], later)}"
        )


def _moment(time: Any, form: TimeForm) -> str:
    """In words, as the clocks of its zone show it."""
    return timestamps.moment(local_time.local(np.array([time]), form.zone)[0])


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
