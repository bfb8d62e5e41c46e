"""A column of times as moments: dates in one of the usual forms, or numbers; with a zone or without; each there and once."""

import functools
import re
from typing import Any

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own.columns import absent, at, groups, numbers, row, unlike
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import shown

FIRST, LAST = np.datetime64("1678"), np.datetime64("2262")  # years that 64 bits of nanoseconds hold
DATES = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d/%m/%y", "%m/%d/%y")
WORDS = (
    ("%d", "day"),
    ("%m", "month"),
    ("%Y", "year"),
    ("%y", "year"),
    *((clock, "time") for clock in ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")),
)
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")


def times(frame: Any, name: str, where: str, group: str | None = None) -> Array:
    """(rows,) the moments of a column: datetime64[ns] of dates, in UTC where they have a zone; float64 of numbers.

    Text is read as ISO 8601 ("2016-07-01 13:00"), else as the one of the usual forms that fits every row.

    Args:
        frame: with the column.
        name: of the column.
        where: what messages call the file.
        group: the column of independent series, in which the same moment may come again.

    Raises:
        DatasetError: naming row and column where a time is missing or cannot be read, some have a zone and some have not,
            day and month are ambiguous, or a moment comes twice in a group (both rows).
    """
    moments = _moments(frame, name, where)
    if moments.dtype.kind == "M":
        outside = (moments < FIRST) | (moments >= LAST)
        if outside.any():
            raise unlike(frame, name, where, int(outside.argmax()), f"a time from {FIRST} to {LAST}")
        moments = moments.astype("datetime64[ns]")
    _once(frame, name, where, moments, group)
    return moments


def _moments(frame: Any, name: str, where: str) -> Array:
    """The moments of a column, in the resolution that they are read with."""
    import pandas

    column = frame[name]
    gone = absent(column)
    if gone.any():
        raise DatasetError(f"{at(frame, name, where, int(gone.argmax()))}: expected a time. Received: nothing")
    if pandas.api.types.is_bool_dtype(column.dtype):
        raise unlike(frame, name, where, 0, "a time")
    if pandas.api.types.is_numeric_dtype(column.dtype):
        return _calendar(numbers(frame, name, where))
    if pandas.api.types.is_datetime64_any_dtype(column.dtype):
        return _utc(column)
    return _read_times(frame, name, where)


def _calendar(values: Array) -> Array:
    """Dates where all numbers are such as 20160701; else the numbers."""
    import pandas

    if len(values) == 0 or not ((values >= 10**7) & (values < 10**8) & (values == np.round(values))).all():
        return values
    dates = pandas.to_datetime(pandas.Series(values.astype(np.int64).astype(str)), format="%Y%m%d", errors="coerce")
    return values if dates.isna().any() else _utc(dates)


def _utc(column: Any) -> Array:
    zone = getattr(column.dtype, "tz", None)
    plain = column.dt.tz_convert("UTC").dt.tz_localize(None) if zone else column
    moments: Array = plain.to_numpy()
    return moments


def _read_times(frame: Any, name: str, where: str) -> Array:
    import pandas

    text = frame[name].astype("str").str.strip()
    zoned = text.str.contains(r"\d(?:Z|[+-]\d{2}:?\d{2})$", regex=True).to_numpy()
    if zoned.any() and not zoned.all():
        place = int((zoned != zoned[0]).argmax())
        raise unlike(frame, name, where, place, f"a time {'with' if zoned[0] else 'without'} a zone, as in the first row")
    iso = pandas.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
    if iso.notna().all():
        return _utc(iso)
    fitting = {form: moments for form in _forms() if (moments := _as(text, form)) is not None}
    read = list(fitting.values())
    if not read:
        raise unlike(frame, name, where, _odd(text, iso), "a time such as 2016-07-01 or 2016-07-01 13:00, as in other rows")
    if any(not np.array_equal(read[0], other) for other in read[1:]):
        forms = " or ".join(functools.reduce(lambda form, word: form.replace(*word), WORDS, form) for form in fitting)
        raise unlike(frame, name, where, 0, f"a time that can be read in one way, such as 2016-07-01, not as {forms}")
    return read[0]


def _forms() -> list[str]:
    return [date + clock for date in DATES for clock in CLOCKS]


def _as(text: Any, form: str) -> Array | None:
    """The moments by one form; None where a row has another."""
    import pandas

    if pandas.to_datetime(text.iloc[:1], format=form, errors="coerce").isna().any():
        return None
    moments = pandas.to_datetime(text, format=form, errors="coerce")
    return None if moments.isna().any() else _utc(moments)


def _odd(text: Any, iso: Any) -> int:
    """The first row that no form reads that reads the most rows."""
    import pandas

    read = [iso, *(pandas.to_datetime(text, format=form, errors="coerce") for form in _forms())]
    best = max(read, key=lambda moments: int(moments.notna().sum()))
    return int(best.isna().to_numpy().argmax())


def _once(frame: Any, name: str, where: str, moments: Array, group: str | None) -> None:
    """No moment twice in a group."""
    if group is None and len(moments) > 1 and (moments[1:] > moments[:-1]).all():
        return
    keys = groups(frame, group, where)[0] if group is not None else np.zeros(len(moments), np.int32)
    order = np.lexsort((moments, keys))
    equal = (moments[order][1:] == moments[order][:-1]) & (keys[order][1:] == keys[order][:-1])
    if equal.any():
        first, second = sorted(order[[equal.argmax(), equal.argmax() + 1]])
        of = f" of the same '{group}'" if group is not None else ""
        hint = "" if group else "; for several series, set group to the column that identifies them"
        raise DatasetError(
            f"{at(frame, name, where, second)}: expected each time once{of}. Received:"
            f" {shown(str(frame[name].iloc[second]))}, as in {row(where, frame.index[first])}{hint}"
        )


def moment(value: Any) -> str:
    """A moment in words, without the zeros after its seconds."""
    return re.sub(r"\.?0+$", "", str(value)).replace("T", " ") if isinstance(value, np.datetime64) else str(value)
