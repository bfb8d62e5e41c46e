"""The times of a table's rows as moments: in one column or several, with a zone or without; each there and once."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import csv_lines, csv_table, local_time, time_columns
from gru_tf.data.own.columns import at, groups, row, unlike
from gru_tf.data.own.date_texts import OFFSET, AmbiguousDatesError, DateOrder
from gru_tf.data.own.time_form import TimeForm
from gru_tf.data.own.time_values import column_values, zone_of
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import shown
from gru_tf.foundation.option_spelling import spelled

FIRST, LAST = np.datetime64("1678"), np.datetime64("2262")  # years that 64 bits of nanoseconds hold
FEW = 0.01  # of the times come twice where clocks are set back


class ClocksSetBackError(DatasetError):
    """A few times come twice in a series, all in an hour that clocks show twice."""


class Timestamps(NamedTuple):
    """The times of a table.

    Args:
        values: (rows,) datetime64[ns] of dates, in UTC where they have a zone; float64 of numbers.
        form: how the table writes them.
    """

    values: Array
    form: TimeForm


def times(frame: Any, name: str, where: str, group: str | None = None, order: DateOrder | None = None) -> Array:
    """(rows,) the moments of one column, as `read` has them, for data without options on times."""
    return _read(frame, (name,), where, group, order, None, None).values


def read(
    frame: Any,
    names: Sequence[str],
    where: str,
    group: str | None = None,
    *,
    order: DateOrder | None = None,
    zone: str | None = None,
    known: TimeForm | None = None,
) -> Timestamps:
    """The times of the rows, and how they are written.

    Text is read as ISO 8601 ("2016-07-01 13:00"), else as the one of the usual forms that fits every row.

    Args:
        frame: with the columns.
        names: the column of times, or the columns of their parts, e.g. a date and an hour.
        where: what messages call the file.
        group: the column of independent series, in which the same moment may come again.
        order: what comes first in dates of numbers; None where each date must show it.
        zone: whose clocks they are; None: as they are written, or without one.
        known: the form of training, of which new rows must be.

    Raises:
        DatasetError: naming row and column where a time is missing or cannot be read, some have a zone and some have not,
            day and month are ambiguous, or a moment comes twice in a group (both rows).
    """
    try:
        return _read(frame, names, where, group, order, zone, known)
    except AmbiguousDatesError as error:
        raise AmbiguousDatesError(f"{error}; set {spelled('dates')} to day-first or month-first") from error
    except ClocksSetBackError as error:
        raise ClocksSetBackError(f"{error}; set {spelled('zone')} to that of the times") from error


def _read(
    frame: Any,
    names: Sequence[str],
    where: str,
    group: str | None,
    order: DateOrder | None,
    zone: str | None,
    known: TimeForm | None,
) -> Timestamps:
    form = "" if known is None else known.form
    if len(names) == 1:
        column = column_values(frame, names[0], where, order, form)
        moments, offsets = column.values, column.offsets or _offsets(frame[names[0]], names[0], where)
        own_zone = zone_of(offsets) or column.zone
        read_form = TimeForm(columns=tuple(names), form=column.form, offsets=offsets)
    else:
        joined = time_columns.join(frame, names, where, order, form)
        moments, own_zone = joined.values, None
        from_one = joined.from_one or (known is not None and known.from_one)
        read_form = TimeForm(columns=tuple(names), parts=joined.parts, form=joined.form, from_one=from_one)
    if known is not None:
        _expect_zone_as(known, zone, own_zone, frame, where)
    read_form = read_form.model_copy(update={"zone": zone or own_zone, "written": own_zone is not None})
    if moments.dtype.kind == "M":
        outside = (moments < FIRST) | (moments >= LAST)
        if outside.any():
            raise unlike(frame, names[0], where, int(outside.argmax()), f"a time from {FIRST} to {LAST}")
        moments = moments.astype(local_time.MOMENTS)
        if zone is not None and own_zone is None:
            moments = _localised(frame, read_form, where, moments, group)
    elif zone is not None:
        raise unlike(frame, names[0], where, 0, f"a date, of which {zone} is the zone")
    _once(frame, read_form, where, moments, group)
    return Timestamps(moments, read_form)


def _offsets(column: Any, name: str, where: str) -> tuple[str, ...]:
    """The different offsets from UTC with which a CSV has times that were read as UTC; () of other files."""
    if str(getattr(column.dtype, "tz", None)) != "UTC" or not where.lower().endswith(csv_lines.SUFFIXES):
        return ()
    if not Path(where).is_file():
        return ()
    return tuple(csv_table.texts(Path(where), name).str.strip().str.extract(OFFSET, expand=False).dropna().unique())


def _expect_zone_as(known: TimeForm, zone: str | None, own: str | None, frame: Any, where: str) -> None:
    """Raise DatasetError where new rows have a zone and those of training have none, or the other way round."""
    if known.written == (own is not None) or (zone is not None):
        return
    have = f"with a zone, as in training ({known.zone})" if known.written else "without a zone, as in training"
    raise unlike(frame, known.columns[0], where, 0, f"a time {have}")


def _localised(frame: Any, form: TimeForm, where: str, times: Array, group: str | None) -> Array:
    """Local times as moments in UTC; of two equal ones of a group, the first is that before clocks are set back."""
    assert form.zone is not None  # noqa: S101, who calls has one
    keys = _keys(frame, group, where, len(times))
    moments, skipped = local_time.localised(times, form.zone, _repeats(times, keys))
    if skipped.any():
        place = int(skipped.argmax())
        raise unlike(frame, form.columns[-1], where, place, f"a time that the clocks of {form.zone} show, not one skipped")
    return moments


def _keys(frame: Any, group: str | None, where: str, count: int) -> Array:
    return groups(frame, group, where)[0] if group is not None else np.zeros(count, np.int32)


def _repeats(times: Array, keys: Array) -> Array:
    """(rows,) which of the equal times of its group each is, in the order of the rows; from behind where times fall."""
    same = keys[1:] == keys[:-1]
    falling = (times[1:] < times[:-1])[same].sum() > (times[1:] > times[:-1])[same].sum()
    rows = np.arange(len(times))
    order = np.lexsort((-rows if falling else rows, times, keys))
    new = np.append(True, (times[order][1:] != times[order][:-1]) | (keys[order][1:] != keys[order][:-1]))
    places = np.arange(len(times)) - np.maximum.accumulate(np.where(new, np.arange(len(times)), 0))
    repeats = np.empty(len(times), np.int64)
    repeats[order] = places
    return repeats


def _once(frame: Any, form: TimeForm, where: str, moments: Array, group: str | None) -> None:
    """No moment twice in a group."""
    if group is None and len(moments) > 1 and (moments[1:] > moments[:-1]).all():
        return
    keys = _keys(frame, group, where, len(moments))
    order = np.lexsort((moments, keys))
    equal = (moments[order][1:] == moments[order][:-1]) & (keys[order][1:] == keys[order][:-1])
    if not equal.any():
        return
    first, second = sorted(order[[equal.argmax(), equal.argmax() + 1]])
    name, belongs = form.columns[-1], f" of the same '{group}'" if group is not None else ""
    received = ", ".join(shown(str(frame[column].iloc[second])) for column in form.columns)
    message = f"expected each time once{belongs}. Received: {received}, as in {row(where, frame.index[first])}"
    message = f"{at(frame, name, where, second)}: {message}"
    if form.zone is None and (zone := _clocks_set_back(moments[order][1:][equal], len(moments))):
        why = f"the hour that comes twice when clocks are set back (in {zone}, for one)"
        raise ClocksSetBackError(f"{message}, {why}")
    raise DatasetError(
        message + ("" if group else f"; for several series, set {spelled('group')} to the column that identifies them")
    )


def _clocks_set_back(twice: Array, count: int) -> str | None:
    """A zone whose clocks show all of these times twice; None where there is none, or they are many of all."""
    if twice.dtype.kind != "M" or len(twice) > max(4, FEW * count) or (twice == twice.astype("datetime64[D]")).all():
        return None
    zones = {local_time.set_back(time) for time in np.unique(twice)}
    return next(iter(zones)) if len(zones) == 1 else None


def moment(value: Any) -> str:
    """A moment in words, without the zeros after its seconds."""
    return re.sub(r"\.?0+$", "", str(value)).replace("T", " ") if isinstance(value, np.datetime64) else str(value)
