"""Times in several columns, such as "date" and "hour" or "year" and "quarter": which columns are parts, joined and split."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own.columns import absent, at, numbers, unlike
from gru_tf.data.own.date_texts import DateOrder, written
from gru_tf.data.own.local_time import DAY, MOMENTS
from gru_tf.data.own.time_values import column_values
from gru_tf.foundation.array import Array

Part = Literal["date", "clock", "year", "quarter", "month", "day", "hour", "minute", "second"]
NAMES: dict[Part, tuple[str, ...]] = {
    "year": ("year", "yr", "yyyy"),
    "quarter": ("quarter", "qtr", "q"),
    "month": ("month", "mon", "mnth", "mm"),
    "day": ("day", "dd", "mday", "day_of_month", "dayofmonth"),
    "hour": ("hour", "hr", "h", "hours", "hh"),
    "minute": ("minute", "min", "minutes", "mi"),
    "second": ("second", "sec", "seconds"),
}
CLOCK_NAMES = ("time", "clock", "time_of_day", "hour", "hr", "h", "hours", "hh")
RANGES = {"quarter": (1, 4), "month": (1, 12), "day": (1, 31), "hour": (0, 24), "minute": (0, 59), "second": (0, 59)}
YEARS = (1678, 2261)
LENGTHS = {"hour": DAY // 24, "minute": DAY // (24 * 60), "second": 10**9}
CLOCK = re.compile(r"\d{1,2}[:.]\d{2}([:.]\d{2})?( ?[AaPp][Mm])?")


class JoinedTimes(NamedTuple):
    """Times of several columns.

    Args:
        values: (rows,) datetime64[ns], local.
        parts: of each column.
        form: of the dates, as `gru_tf.data.own.date_texts` has it.
        from_one: whether hours are counted to 24, which is midnight.
    """

    values: Array
    parts: tuple[Part, ...]
    form: str
    from_one: bool


def parts_of(frame: Any, names: Sequence[str]) -> tuple[Part, ...] | None:
    """What each column is a part of a time of; None where one is none, or they make no time together."""
    parts = tuple(part for name in names if (part := _part(frame[name], name)) is not None)
    if len(set(parts)) < len(names):
        return None
    kinds = set(parts)
    days = "date" in kinds or {"year", "quarter"} <= kinds or {"year", "month"} <= kinds
    clocks = kinds & {"clock", "hour", "minute", "second"}
    whole = "date" in kinds or "day" in kinds or not clocks
    alone = not ("date" in kinds and kinds & {"year", "quarter", "month", "day"}) and not {"quarter", "month"} <= kinds
    hours = not (kinds & {"minute", "second"}) or "hour" in kinds
    return parts if days and whole and alone and hours and not {"clock", "hour"} <= kinds else None


def recognised(frame: Any) -> tuple[str, ...]:
    """The columns whose names and values say that they make the times of the rows together; () where none do.

    A date and an hour do where dates come again and the two together come again less often.
    """
    names = {str(name).strip().lower(): str(name) for name in frame.columns}
    called = {part: [names[name] for name in options if name in names] for part, options in NAMES.items()}
    dates = [name for name in map(str, frame.columns) if _part(frame[name], name) == "date" and _holds_days(frame, name)]
    clocks = [names[name] for name in CLOCK_NAMES if name in names]
    if len(dates) == 1 and clocks:
        joined = (dates[0], clocks[0], *(called["minute"][:1] if clocks[0] in called["hour"] else ()))
        fewer = frame.duplicated(list(joined)).sum() < frame.duplicated([dates[0]]).sum()
        return joined if fewer and _make_times(frame, joined) else ()
    if dates or not called["year"]:
        return ()
    within = ("quarter",) if not called["month"] else ("month", *(("day", "hour", "minute") if called["day"] else ()))
    joined = (called["year"][0], *(called[part][0] for part in within if called[part]))
    return joined if len(joined) > 1 and _make_times(frame, joined) else ()


def join(frame: Any, names: Sequence[str], where: str, order: DateOrder | None = None, form: str = "") -> JoinedTimes:
    """The times of rows whose parts are in these columns.

    Raises:
        DatasetError: where a column is no part of a time, or naming row and column where a value is none.
    """
    for name in names:
        if (gone := absent(frame[name])).any():
            raise DatasetError(f"{at(frame, name, where, int(gone.argmax()))}: expected a part of a time. Received: nothing")
    parts = parts_of(frame, names)
    if parts is None:
        expected = "a date and an hour, or year, quarter, month, day, hour and minute by name"
        raise DatasetError(f"{where}: columns {_listed(names)}: expected the parts of a time, {expected}")
    columns = dict(zip(parts, names, strict=True))
    whole = {part: _whole(frame, name, where, part) for part, name in columns.items() if part not in ("date", "clock")}
    if "date" in columns:
        days, form = _dates(frame, columns["date"], where, order, form)
    else:
        days, form = _days(frame, columns.get("day", names[-1]), where, whole), ""
    times = days + sum(whole[part] * LENGTHS[part] for part in LENGTHS if part in whole)
    if "clock" in columns:
        times = times + _clock(frame, columns["clock"], where)
    hours = whole.get("hour")
    from_one = hours is not None and int(hours.max()) == 24
    return JoinedTimes(np.asarray(times, MOMENTS), parts, form, from_one)


def _dates(frame: Any, name: str, where: str, order: DateOrder | None, form: str) -> tuple[Array, str]:
    """(the dates of a column, the form of their text)."""
    read = column_values(frame, name, where, order, form)
    if read.values.dtype.kind != "M" or read.zone is not None:
        raise unlike(frame, name, where, 0, "a date, without a zone where the hour is in another column")
    return read.values.astype(MOMENTS), read.form


def _days(frame: Any, name: str, where: str, whole: Mapping[Part, Array]) -> Array:
    """The days of years, months or quarters, and days, 1 where there are none; `name` is the column that an error names."""
    import pandas

    months = whole["quarter"] * 3 - 2 if "quarter" in whole else whole["month"]
    given = {"year": whole["year"], "month": months, "day": whole.get("day", np.ones(len(frame), np.int64))}
    dates = pandas.to_datetime(pandas.DataFrame(given), errors="coerce")
    if dates.isna().any():
        raise unlike(frame, name, where, int(dates.isna().to_numpy().argmax()), "a day that the month has")
    return np.asarray(dates.to_numpy(), MOMENTS)


def split(times: Any, names: Sequence[str], parts: Sequence[str], from_one: bool, form: str = "") -> dict[str, Any]:
    """Times (a pandas column, local) as the values of each column, as the file has them."""
    days = times.dt.normalize()
    if from_one:
        midnight = times == days
        days = days.where(~midnight, days - np.timedelta64(1, "D"))
    hours = times.dt.hour.where(~((times.dt.hour == 0) & from_one), 24)
    values = {part: getattr(days.dt, part) for part in ("year", "quarter", "month", "day")}
    values |= {
        "date": written(days, form),
        "clock": times.dt.time,
        "hour": hours,
        "minute": times.dt.minute,
        "second": times.dt.second,
    }
    return {name: values[part].to_numpy() for name, part in zip(names, parts, strict=True)}


def _part(column: Any, name: str) -> Part | None:
    import pandas

    called = next((part for part, names in NAMES.items() if str(name).strip().lower() in names), None)
    if pandas.api.types.is_bool_dtype(column.dtype):
        return None
    if pandas.api.types.is_numeric_dtype(column.dtype):
        values = pandas.to_numeric(column.dropna())
        if len(values) and (values >= 10**7).all():
            return "date"
        return called or ("hour" if len(values) and values.between(0, 24).all() and (values % 1 == 0).all() else None)
    if pandas.api.types.is_datetime64_any_dtype(column.dtype):
        return "date"
    texts = column.dropna().astype("str").str.strip()
    return "clock" if len(texts) and texts.str.fullmatch(CLOCK).all() else "date"


def _holds_days(frame: Any, name: str) -> bool:
    return any(_are_days(frame, name, order) for order in get_args(DateOrder))


def _are_days(frame: Any, name: str, order: DateOrder) -> bool:
    """Whether a column holds dates without a time of day."""
    try:
        values = column_values(frame.dropna(subset=[name]).head(100), name, "", order).values
    except DatasetError:
        return False
    return values.dtype.kind == "M" and bool((values == values.astype("datetime64[D]")).all())


def _make_times(frame: Any, names: Sequence[str]) -> bool:
    """Whether each row has a time in these columns, with days first or months first."""
    return any(_joins(frame, names, order) for order in get_args(DateOrder))


def _joins(frame: Any, names: Sequence[str], order: DateOrder) -> bool:
    try:
        join(frame, names, "", order)
    except DatasetError:
        return False
    return True


def _whole(frame: Any, name: str, where: str, part: str) -> Array:
    """Whole numbers in the range of a part."""
    values = numbers(frame, name, where)
    low, high = RANGES.get(part, YEARS)
    wrong = (values != np.round(values)) | (values < low) | (values > high)
    if wrong.any():
        raise unlike(
            frame, name, where, int(wrong.argmax()), f"{'an' if part == 'hour' else 'a'} {part} from {low} to {high}"
        )
    return np.asarray(values.astype(np.int64))


def _clock(frame: Any, name: str, where: str) -> Array:
    """(rows,) timedelta64[ns] since midnight."""
    import pandas

    texts = frame[name].astype("str").str.strip().str.replace(".", ":", regex=False)
    for form in ("%H:%M:%S", "%H:%M", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p", "%H:%M:%S:%f"):
        times = pandas.to_datetime(texts, format=form, errors="coerce")
        if times.notna().all():
            return np.asarray((times - times.dt.normalize()).to_numpy(), "timedelta64[ns]")
    times = pandas.to_datetime(texts, format="%H:%M:%S", errors="coerce")
    raise unlike(frame, name, where, int(times.isna().to_numpy().argmax()), "a time of day such as 13:00")


def _listed(names: Sequence[str]) -> str:
    return " and ".join(f"'{name}'" for name in names)
