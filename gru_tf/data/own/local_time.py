"""Moments in UTC as the clocks of a zone show them, and back; clocks that are set forward or back counted in.

A day whose first hour is skipped, as once a year in São Paulo until 2018, begins at one o'clock: its `nominal` time is
still midnight, so that daily times remain daily.
"""

import re
from typing import Any
from zoneinfo import available_timezones

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import did_you_mean

DAY = 86_400 * 10**9  # nanoseconds, as all lengths of time in these modules
MOMENTS = "datetime64[ns]"
FIXED = re.compile(r"[+-]\d{2}:\d{2}")
# whose clocks are set at different moments: to tell whether a local time that comes twice is the hour of a clock change
CLOCKS = (
    *("Europe/Berlin", "Europe/London", "Europe/Helsinki", "America/New_York", "America/Santiago", "America/Sao_Paulo"),
    *("Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland", "Africa/Casablanca", "Asia/Tehran", "Asia/Jerusalem"),
)


def local(moments: Array, zone: str | None) -> Array:
    """The local times of moments in UTC, both datetime64[ns]; the moments themselves where there is no zone."""
    import pandas

    if zone is None:
        return moments
    index = pandas.DatetimeIndex(moments).tz_localize("UTC").tz_convert(zone)
    return _plain(index.tz_localize(None))


def utc(times: Array, zone: str | None) -> Array:
    """The moments of local times: of an hour that comes twice the first one, of a skipped one what follows it."""
    if zone is None:
        return times
    return _moments(times, zone, np.ones(len(times), bool))[0]


def nominal(moments: Array, zone: str | None, clock: int | None) -> Array:
    """As `local`, but `clock` (time of day) where it was skipped on that day and the moment is the first after it."""
    times = local(moments, zone)
    if zone is None or clock is None:
        return times
    before = local(moments - np.timedelta64(1, "ns"), zone)
    usual = times.astype("datetime64[D]").astype(MOMENTS) + np.timedelta64(clock, "ns")
    skipped = (usual > before) & (usual < times) & (times - before > np.timedelta64(1, "ns"))
    return np.where(skipped, usual, times)


def localised(times: Array, zone: str, order: Array) -> tuple[Array, Array]:
    """Local times of a file as moments in UTC, and whether each was skipped by its clocks.

    Args:
        times: (rows,) datetime64[ns].
        zone: whose clocks they were.
        order: (rows,) which of several equal times of a series a row is, from 0: of an hour that comes twice, the first is
            that before clocks are set back.

    Returns:
        ((rows,) datetime64[ns], (rows,) bool); midnight counts as skipped nowhere, as it stands for the whole day.
    """
    moments, skipped = _moments(times, zone, order == 0)
    return moments, skipped & (times != times.astype("datetime64[D]"))


def _moments(times: Array, zone: str, first: Array) -> tuple[Array, Array]:
    """((rows,) moments of local times, the first of two where `first`, (rows,) whether it was skipped)."""
    import pandas

    index = pandas.DatetimeIndex(times).tz_localize(zone, ambiguous=first, nonexistent="NaT")
    moments = np.array(_plain(index.tz_convert("UTC").tz_localize(None)))
    skipped = np.asarray(index.isna()) & ~np.isnat(times)
    for place in np.flatnonzero(skipped):  # pandas 3.1 shifts forward by an hour where clocks are set by half an hour
        moments[place] = _first_after(times[place], zone)
    return moments, skipped


def _first_after(time: Any, zone: str) -> Any:
    """The first moment, to the second, whose local time is past one that clocks skip."""
    offset = local(np.array([time - np.timedelta64(1, "D")]), zone)[0] - (time - np.timedelta64(1, "D"))
    low, high = (time - offset + np.timedelta64(days, "D") for days in (-1, 1))
    while high - low > np.timedelta64(1, "s"):
        middle = low + (high - low) // 2
        low, high = (low, middle) if local(np.array([middle]), zone)[0] > time else (middle, high)
    return high.astype("datetime64[s]").astype(MOMENTS)


def wrong_zone(zone: str) -> str:
    """What is wrong with the name of a zone, in words; "" where there is nothing."""
    if FIXED.fullmatch(zone) or zone in available_timezones():
        return ""
    near = did_you_mean(zone, available_timezones())
    return f"received '{zone}', expected a zone such as Europe/Berlin, or an offset from UTC such as +01:00.{near}"


def set_back(time: Any) -> str | None:
    """A zone whose clocks showed this local time twice; None where no usual one did."""
    import pandas

    for zone in CLOCKS:
        stamp = pandas.Timestamp(time)
        early, late = (stamp.tz_localize(zone, ambiguous=first, nonexistent="shift_forward") for first in (True, False))
        if early != late:
            return zone
    return None


def set_forward(before: Any, after: Any) -> str | None:
    """A zone whose clocks skipped all between two local times; None where no usual one did."""
    import pandas

    for zone in CLOCKS:
        first, last = (
            pandas.Timestamp(time).tz_localize(zone, ambiguous=True, nonexistent="NaT") for time in (before, after)
        )
        if first is pandas.NaT or last is pandas.NaT:
            continue
        if first.utcoffset() < last.utcoffset():
            return zone
    return None


def name_of(zone: Any) -> str:
    """A zone of a pandas column as text from which pandas makes it again: "Europe/Berlin", "+01:00"."""
    name = str(zone)
    return name.removeprefix("UTC") if name[:3] == "UTC" and len(name) > len("UTC") else name


def _plain(index: Any) -> Array:
    return np.asarray(index.to_numpy(), MOMENTS)
