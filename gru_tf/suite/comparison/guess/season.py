"""How the rows of a table follow each other: what a step is, a month or an hour, and the season that goes with it."""

from dataclasses import dataclass, replace

import numpy as np

from gru_tf.data.own import columns, files, timestamps
from gru_tf.foundation.errors import UserError

HOUR = 3600.0
DAY = 24 * HOUR
UNITS = (  # seconds of a step from … to …, its name, the steps of a season
    (1.0, 1.0, "second", 60),
    (60.0, 60.0, "minute", 60),
    (300.0, 300.0, "5 minutes", 288),
    (600.0, 600.0, "10 minutes", 144),
    (900.0, 900.0, "quarter of an hour", 96),
    (1800.0, 1800.0, "half an hour", 48),
    (HOUR, HOUR, "hour", 24),
    (DAY, DAY, "day", 7),
    (7 * DAY, 7 * DAY, "week", 52),
    (28 * DAY, 31 * DAY, "month", 12),
    (90 * DAY, 92 * DAY, "quarter", 4),
    (365 * DAY, 366 * DAY, "year", 0),
)
WORKDAYS = 5
SEASONS = 4  # with fewer of them a series shows no season


@dataclass(frozen=True)
class Steps:
    """The steps of a table of series.

    Args:
        unit: what a step is, "step" where it is not known.
        season: steps of a season; 0 for none.
        rows: in all; series: independent ones; shortest: rows of the shortest of them.
        repeated: whether a time occurs twice in a series.
        why: why there is no season, or "".
    """

    unit: str
    season: int
    rows: int
    series: int
    shortest: int
    repeated: bool = False
    why: str = ""


def steps_of(path: str, time: str | None, group: str | None, target: str) -> Steps:
    """The steps of a table, from the columns of times and groups alone.

    Raises:
        UserError: where these cannot be read.
    """
    frame = files.read_table(path, list(dict.fromkeys(name for name in (time or target, group) if name)))
    keys = columns.groups(frame, group, path)[0] if group else np.zeros(len(frame), np.int32)
    sizes = np.bincount(keys)
    plain = Steps("step", 0, len(frame), len(sizes), int(sizes.min()), why="no times")
    if time is None:
        return plain
    try:
        moments = timestamps.times(frame, time, path, group)
    except UserError:
        # the task refuses a time that occurs twice: here each row is a group of its own; other mistakes are raised again
        moments = timestamps.times(frame.assign(**{"": np.arange(len(frame))}), time, path, group="")
    order = np.lexsort((moments, keys))
    within = np.diff(keys[order]) == 0
    between = np.diff(moments[order])[within]
    repeated = bool((between == between.dtype.type(0)).any())
    if not np.issubdtype(moments.dtype, np.datetime64):
        return replace(plain, repeated=repeated, why="times are numbers")
    seconds = between.astype("timedelta64[s]").astype(float)
    unit, season = _unit(seconds[seconds > 0])
    if (
        unit == "day" and not np.isin(moments.astype("datetime64[D]").view("int64") % 7, (2, 3)).any()
    ):  # day 0 was a Thursday
        season = WORKDAYS
    if season and plain.shortest < SEASONS * season:
        return replace(plain, unit=unit, repeated=repeated, why=f"fewer than {SEASONS} seasons of {count(season, unit)}")
    unusual = "the interval between times is none of the usual ones"
    why = "" if season else unusual if unit == "step" else f"none is known for steps of one {unit}"
    return replace(plain, unit=unit, season=season, repeated=repeated, why=why)


def _unit(seconds: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> tuple[str, int]:
    """Name and season of the median step."""
    middle = float(np.median(seconds)) if len(seconds) else 0.0
    return next(((unit, season) for low, high, unit, season in UNITS if low <= middle <= high), ("step", 0))


def count(number: int, unit: str) -> str:
    """Steps in words, e.g. "1 month", "24 months" or "48 × half an hour"."""
    if number == 1:
        return f"1 {unit}" if " " not in unit else unit
    return f"{number} {unit}s" if " " not in unit else f"{number} × {unit}"
