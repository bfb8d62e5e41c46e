"""How the rows of a table follow each other: what a step is, a month or an hour, and the season that goes with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gru_tf.data.own import columns, files, frequency, timestamps
from gru_tf.data.own.calendar_rules import Days, Elapsed, HalfMonths, Months
from gru_tf.data.own.frequency import Frequency
from gru_tf.data.own.weekly_slots import WORKDAYS, Slots
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError

SECOND = 10**9
HOUR = 3600 * SECOND
DAY = 24 * HOUR
UNITS = {  # nanoseconds of a step → its name, the steps of a season
    SECOND: ("second", 60),
    60 * SECOND: ("minute", 60),
    300 * SECOND: ("5 minutes", 288),
    600 * SECOND: ("10 minutes", 144),
    900 * SECOND: ("quarter of an hour", 96),
    1800 * SECOND: ("half an hour", 48),
    HOUR: ("hour", 24),
    DAY: ("day", 7),
    7 * DAY: ("week", 52),
}
MONTHS = {1: ("month", 12), 3: ("quarter", 4), 12: ("year", 0)}
UNKNOWN = ("step", 0)
BUSINESS_DAY = "business day"
SEASONS = 4  # with fewer of them a series shows no season


@dataclass(frozen=True)
class Steps:
    """The steps of a table of series.

    Args:
        unit: what a step is, "step" where it is not known.
        season: steps of a season; 0 for none.
        rows: in all; series: independent ones; typical: rows of the median one of them.
        repeated: whether a time occurs twice in a series.
        why: why there is no season, or "".
        step: of the times, where it is more than `unit` says, e.g. "month end"; "" where they have no regular one.
    """

    unit: str
    season: int
    rows: int
    series: int
    typical: int
    repeated: bool = False
    why: str = ""
    step: str = ""


def steps_of(
    path: str, time: str | Sequence[str] | None, group: str | None, target: str, reading: Mapping[str, Any] | None = None
) -> Steps:
    """The steps of a table, from the columns of times and groups alone.

    Args:
        path: of the table.
        time: its column of times, or columns; None where it has none.
        group: its column of series.
        target: a column, whose rows are counted where there are no times.
        reading: how times are read, as `timestamps.read` takes it.

    Raises:
        UserError: where these cannot be read.
    """
    names = () if time is None else (time,) if isinstance(time, str) else tuple(time)
    frame = files.read_table(path, list(dict.fromkeys([*(names or (target,)), *((group,) if group else ())])))
    keys = columns.groups(frame, group, path)[0] if group else np.zeros(len(frame), np.int32)
    sizes = np.bincount(keys)
    plain = Steps("step", 0, len(frame), len(sizes), int(np.median(sizes)), why="no times")
    if not names:
        return plain
    moments, zone, repeated = _times(frame, names, path, group, reading or {})
    if repeated:
        return replace(plain, repeated=True)
    order = np.lexsort((moments, keys))
    step = frequency.estimate(moments[order], keys[order], zone)
    if not np.issubdtype(moments.dtype, np.datetime64):
        return replace(plain, why="times are numbers")
    unit, season = _unit(step)
    plain = replace(plain, unit=unit, step=_beyond(unit, step))
    if season and plain.typical < SEASONS * season:
        return replace(plain, why=f"fewer than {SEASONS} seasons of {count(season, unit)}")
    unusual = "the interval between times is none of the usual ones"
    why = "" if season else unusual if unit == "step" else f"none is known for steps of one {unit}"
    return replace(plain, season=season, why=why)


def _times(
    frame: Any, names: tuple[str, ...], path: str, group: str | None, reading: Mapping[str, Any]
) -> tuple[Array, str | None, bool]:
    """The times, their zone, and whether one comes twice in a series."""
    try:
        moments, form = timestamps.read(frame, names, path, group, **reading)
    except timestamps.ClocksSetBackError:
        raise
    except UserError:
        # the task refuses a time that comes twice: here each row is a group of its own; other mistakes are raised again
        timestamps.read(frame.assign(**{"": np.arange(len(frame))}), names, path, "", **reading)
        return np.zeros(0), None, True
    return moments, form.zone, False


def _beyond(unit: str, step: Frequency | None) -> str:
    """A step in words, where these say more than its unit."""
    if step is None:
        return ""
    first = isinstance(step.rule, Months) and step.rule.day == "start"
    usual = first or isinstance(step.rule, Elapsed | Days) or unit == BUSINESS_DAY
    return "" if usual and unit != UNKNOWN[0] else step.words


def _unit(step: Frequency | None) -> tuple[str, int]:
    """Name and season of a step."""
    match step.rule if step is not None else None:
        case Elapsed(step=length, numbers=False):
            return UNITS.get(int(length), UNKNOWN)
        case Days(count=days):
            return UNITS.get(days * DAY, UNKNOWN)
        case Months(count=months):
            return MONTHS.get(months, UNKNOWN)
        case HalfMonths():
            return "half a month", 24
        case Slots() as slots:
            return _weekly(slots)
    return UNKNOWN


def _weekly(slots: Slots) -> tuple[str, int]:
    """A week of days; of times of day a day, where all days have as many, else a week."""
    if slots.per_day == 1:
        return (BUSINESS_DAY if slots.weekdays == WORKDAYS else "day"), len(slots.open)
    unit = UNITS.get(slots.base, UNKNOWN)[0]
    adjacent = any(later - earlier == 1 for earlier, later in zip(slots.open, slots.open[1:], strict=False))
    return (unit if adjacent else "step"), slots.times_of_day or len(slots.open)


def count(number: int, unit: str) -> str:
    """Steps in words, e.g. "1 month", "24 months" or "48 × half an hour"."""
    plain = " " not in unit or unit == BUSINESS_DAY
    if number == 1:
        return f"1 {unit}" if plain else unit
    return f"{number} {unit}s" if plain else f"{number} × {unit}"
