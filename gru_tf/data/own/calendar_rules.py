"""Rules by which times follow each other: after a fixed time, by days, by months or by half months.

A rule counts how many steps lie between two times, so that a time that is missing is two steps from its neighbour, and
continues from a time. Fixed times (`Elapsed`) are counted on moments or numbers, all others on local times. Days and hours
of the week are in `gru_tf.data.own.weekly_slots`.
"""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from gru_tf.data.own.local_time import DAY, MOMENTS
from gru_tf.foundation.array import Array

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
MONDAY = 3  # days from 1970-01-01, a Thursday, back to a Monday
LENGTHS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
PERIODS = {1: "month", 3: "quarter", 12: "year"}
ORDINALS = ("first", "second", "third", "fourth", "fifth")
DayOfMonth = Literal["start", "end", "business start", "business end", "day", "weekday"]


def length(time: float) -> str:
    """Nanoseconds in words, e.g. "1 h"."""
    for seconds, unit in LENGTHS:
        if time % (seconds * 10**9) == 0:
            return f"{time / seconds / 10**9:g} {unit}"
    return f"{time / 1e9:g} s"


class CalendarRule(BaseModel):
    """A rule, as JSON can hold it."""

    model_config = ConfigDict(frozen=True)


class Elapsed(CalendarRule):
    """A fixed time between moments, in nanoseconds, or a fixed difference of numbers."""

    kind: Literal["elapsed"] = "elapsed"
    step: float
    numbers: bool = False

    @property
    def words(self) -> str:
        """E.g. "1 h"."""
        return f"{self.step:g}" if self.numbers else length(self.step)

    @property
    def offset(self) -> str:
        """The name that pandas has for it."""
        amount, _, unit = length(self.step).partition(" ")
        return "" if self.numbers or "." in amount else _multiple(int(amount), unit.replace("d", "D"))

    def steps(self, times: Array) -> Array:
        """(rows - 1,) steps from each time to the next."""
        between = times[1:] - times[:-1]
        if self.numbers:
            return np.round(between / self.step, 6)
        return np.asarray(between.astype(np.int64) / self.step)

    def after(self, time: Array, count: int) -> Array:
        """(count,) the times that follow."""
        ahead = np.arange(1, count + 1)
        return np.asarray(time + (ahead * self.step if self.numbers else (ahead * int(self.step)).astype("timedelta64[ns]")))


class Days(CalendarRule):
    """Every day or every few days, at the same time of day; weeks are seven days from a weekday.

    Args:
        count: days of a step.
        weekday: of the times, from 0 for Monday, where the step is a number of weeks.
    """

    kind: Literal["days"] = "days"
    count: int
    weekday: int | None = None

    @property
    def words(self) -> str:
        """E.g. "1 d", "week (Mon)"."""
        if self.weekday is None:
            return f"{self.count} d"
        weeks = self.count // 7
        return f"{'week' if weeks == 1 else f'{weeks} weeks'} ({DAYS[self.weekday]})"

    @property
    def offset(self) -> str:
        """The name that pandas has for it."""
        if self.weekday is None:
            return _multiple(self.count, "D")
        return _multiple(self.count // 7, f"W-{DAYS[self.weekday].upper()}")

    def steps(self, times: Array) -> Array:
        """(rows - 1,) steps from each time to the next."""
        return np.asarray((times[1:] - times[:-1]).astype(np.int64) / (self.count * DAY))

    def after(self, time: Array, count: int) -> Array:
        """(count,) the times that follow."""
        return np.asarray(time + (np.arange(1, count + 1) * (self.count * DAY)).astype("timedelta64[ns]"))


class Months(CalendarRule):
    """Every month, or every few, on one day of it: quarters are three months, years twelve.

    Args:
        count: months of a step.
        day: which day; "day" and "weekday" as the others say.
        number: the day of the month, its last one where the month is shorter; or which of the weekdays, from 1, -1 for the
            last.
        weekday: from 0 for Monday.
        phase: month (from 0 for January) of one of the times, modulo `count`.
    """

    kind: Literal["months"] = "months"
    count: int
    day: DayOfMonth
    number: int = 0
    weekday: int = 0
    phase: int = 0

    @property
    def words(self) -> str:
        """E.g. "month end", "quarter start", "month (day 15)", "month (third Fri)"."""
        period = PERIODS.get(self.count, f"{self.count} months")
        if self.day == "day":
            return f"{period} (day {self.number})"
        if self.day == "weekday":
            which = "last" if self.number < 0 else ORDINALS[self.number - 1]
            return f"{period} ({which} {DAYS[self.weekday]})"
        business = " (business day)" if "business" in self.day else ""
        return f"{period} {self.day.removeprefix('business ')}{business}"

    @property
    def offset(self) -> str:
        """The name that pandas has for it; "" for a day of the month, which it has as DateOffset(months=…)."""
        if self.day == "day":
            return ""
        if self.day == "weekday":
            week = f"WOM-{self.number}{DAYS[self.weekday].upper()}"
            return _multiple(self.count, f"LWOM-{DAYS[self.weekday].upper()}" if self.number < 0 else week)
        letters = ("B" if "business" in self.day else "", "E" if self.day.endswith("end") else "S")
        for months, letter in ((12, "Y"), (3, "Q")):
            if self.count % months == 0:
                month = self.phase % months + (12 - months if letters[1] == "E" else 0)
                return _multiple(self.count // months, f"{letters[0]}{letter}{letters[1]}-{MONTHS[month]}")
        return _multiple(self.count, f"{letters[0]}M{letters[1]}")

    def days(self, months: Array) -> Array:
        """(n,) datetime64[D], the rule's day of each month (datetime64[M])."""
        first, last = months.astype("datetime64[D]"), (months + 1).astype("datetime64[D]") - 1
        match self.day:
            case "start":
                return np.asarray(first)
            case "end":
                return np.asarray(last)
            case "business start":
                return np.asarray(np.busday_offset(first, 0, roll="forward"))
            case "business end":
                return np.asarray(np.busday_offset(last, 0, roll="backward"))
            case "day":
                return np.asarray(np.minimum(first + (self.number - 1), last))
        if self.number < 0:
            return np.asarray(last - (_weekday(last) - self.weekday) % 7)
        return np.asarray(first + (self.weekday - _weekday(first)) % 7 + 7 * (self.number - 1))

    def steps(self, times: Array) -> Array:
        """(rows - 1,) steps from each time to the next, NaN where one of the two is on another day."""
        months = times.astype("datetime64[M]")
        between = (months[1:] - months[:-1]).astype(np.int64) / self.count
        fits = self.days(months) == times.astype("datetime64[D]")
        return np.where(fits[1:] & fits[:-1], between, np.nan)

    def after(self, time: Array, count: int) -> Array:
        """(count,) the times that follow, at the same time of day."""
        day = time.astype("datetime64[D]")
        months = day.astype("datetime64[M]") + np.arange(1, count + 1) * self.count
        return np.asarray(self.days(months).astype(MOMENTS) + (time - day.astype(MOMENTS)))


class HalfMonths(CalendarRule):
    """Twice a month: on the 1st and the 15th, or on the 15th and the last."""

    kind: Literal["half months"] = "half months"
    ends: bool

    @property
    def words(self) -> str:
        """Both days."""
        return "half a month (days 15 and last)" if self.ends else "half a month (days 1 and 15)"

    @property
    def offset(self) -> str:
        """The name that pandas has for it."""
        return "SME-15" if self.ends else "SMS-15"

    def _days(self, halves: Array) -> Array:
        months = (halves // 2).astype("datetime64[M]")
        first = months.astype("datetime64[D]")
        middle, last = first + 14, (months + 1).astype("datetime64[D]") - 1
        early, late = (middle, last) if self.ends else (first, middle)
        return np.where(halves % 2 == 0, early, late)

    def _halves(self, times: Array) -> Array:
        """(rows,) half months since 1970 that have begun."""
        months, days = times.astype("datetime64[M]"), times.astype("datetime64[D]")
        day = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
        last = days == (months + 1).astype("datetime64[D]") - 1
        begun = (day >= 15).astype(np.int64) + last - 1 if self.ends else (day >= 15).astype(np.int64)
        return np.asarray(2 * months.astype(np.int64) + begun)

    def steps(self, times: Array) -> Array:
        """(rows - 1,) steps from each time to the next, NaN where one of the two is on another day."""
        halves = self._halves(times)
        fits = self._days(halves) == times.astype("datetime64[D]")
        return np.where(fits[1:] & fits[:-1], halves[1:] - halves[:-1], np.nan)

    def after(self, time: Array, count: int) -> Array:
        """(count,) the times that follow, at the same time of day."""
        halves = self._halves(np.atleast_1d(time)) + np.arange(1, count + 1)
        return np.asarray(self._days(halves).astype(MOMENTS) + (time - time.astype("datetime64[D]").astype(MOMENTS)))


def _multiple(count: int, name: str) -> str:
    return f"{count}{name}" if count > 1 else name


def _weekday(days: Array) -> Array:
    return np.asarray((days.astype(np.int64) + MONDAY) % 7)
