"""One column of times as moments or numbers, whatever it holds: dates, text, dates as numbers such as 20160701."""

from typing import Any, NamedTuple

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import date_texts
from gru_tf.data.own.columns import absent, at, numbers, unlike
from gru_tf.data.own.date_texts import DateOrder
from gru_tf.data.own.local_time import name_of
from gru_tf.foundation.array import Array


class ColumnValues(NamedTuple):
    """Times of one column.

    Args:
        values: (rows,) datetime64, in UTC where they have a zone; float64 where they are numbers.
        zone: of the column; None without one.
        offsets: the different offsets from UTC of text; () of other columns.
        form: of text, as `gru_tf.data.own.date_texts` has it.
    """

    values: Array
    zone: str | None = None
    offsets: tuple[str, ...] = ()
    form: str = ""


def column_values(frame: Any, name: str, where: str, order: DateOrder | None = None, form: str = "") -> ColumnValues:
    """The times of a column, in the resolution that they are read with.

    Args:
        frame: with the column.
        name: of the column.
        where: what messages call the file.
        order: of day and month in text; None where each date must show it.
        form: of text, that of training.

    Raises:
        DatasetError: naming row and column where a time is missing or cannot be read.
    """
    import pandas

    column = frame[name]
    gone = absent(column)
    if gone.any():
        raise DatasetError(f"{at(frame, name, where, int(gone.argmax()))}: expected a time. Received: nothing")
    if pandas.api.types.is_bool_dtype(column.dtype):
        raise unlike(frame, name, where, 0, "a time")
    if pandas.api.types.is_numeric_dtype(column.dtype):
        return ColumnValues(_calendar(numbers(frame, name, where)))
    if pandas.api.types.is_datetime64_any_dtype(column.dtype):
        zone = getattr(column.dtype, "tz", None)
        plain = column.dt.tz_convert("UTC").dt.tz_localize(None) if zone else column
        return ColumnValues(plain.to_numpy(), name_of(zone) if zone else None)
    read = date_texts.read(frame, name, where, order, form)
    return ColumnValues(read.values, zone_of(read.offsets), read.offsets, read.form)


def zone_of(offsets: tuple[str, ...]) -> str | None:
    """The zone of text with these offsets: the only one, or UTC where they change; None without any."""
    if not offsets:
        return None
    same = {"UTC" if offset in ("Z", "+00:00", "+0000", "-00:00") else f"{offset[:3]}:{offset[-2:]}" for offset in offsets}
    return same.pop() if len(same) == 1 else "UTC"


def _calendar(values: Array) -> Array:
    """Dates where all numbers are such as 20160701; else the numbers."""
    import pandas

    if len(values) == 0 or not ((values >= 10**7) & (values < 10**8) & (values == np.round(values))).all():
        return values
    dates = pandas.to_datetime(pandas.Series(values.astype(np.int64).astype(str)), format="%Y%m%d", errors="coerce")
    return values if dates.isna().any() else np.asarray(dates.to_numpy())
