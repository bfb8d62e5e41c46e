"""Times on the same days and at the same hours every week: business days, office hours, three times a day.

Business days are Monday to Friday: holidays are times that are missing.
"""

from typing import Literal

import numpy as np

from gru_tf.data.own.calendar_rules import DAYS, MONDAY, CalendarRule, length
from gru_tf.data.own.local_time import DAY, MOMENTS
from gru_tf.foundation.array import Array

WORKDAYS = (0, 1, 2, 3, 4)
FILLED = 0.5  # share of the weeks in which a slot has a time, for it to be one of the calendar
OUTSIDE = 0.05  # of the times, at most, may lie in other slots
LEAST_WEEKS = 2  # that a series must span to show which days have times; one where no weekend has any
LEAST_DAYS = 3  # that it must span to show which hours have times
SHORTEST = 60 * 10**9  # nanoseconds of a slot
UNLIKELY = 0.05  # that a slot of the calendar has lost all of its times
NAMED = 6  # times in words, at most
COMMON = 0.02  # share of the steps that counts for the length of a slot


class Slots(CalendarRule):
    """The same days and hours every week: business days, office hours, three times a day.

    Args:
        base: nanoseconds of a slot, a part of a day.
        phase: of the times in their slot, in nanoseconds.
        open: numbers of the slots of the week that have times, from Monday's first, rising.
    """

    kind: Literal["slots"] = "slots"
    base: int
    phase: int
    open: tuple[int, ...]

    @property
    def per_day(self) -> int:
        """Slots of a day, with and without times."""
        return DAY // self.base

    @property
    def weekdays(self) -> tuple[int, ...]:
        """Those that have times, from 0 for Monday."""
        return tuple(sorted({slot // self.per_day for slot in self.open}))

    @property
    def times_of_day(self) -> int | None:
        """How many times a day has, on all days that have any; None where they differ."""
        counts = {sum(slot // self.per_day == day for slot in self.open) for day in self.weekdays}
        return counts.pop() if len(counts) == 1 else None

    @property
    def words(self) -> str:
        """E.g. "business day", "1 d (Mon to Sat)", "1 h (Mon to Fri, 09:00 to 17:00)", "6 h (by the clock)"."""
        days = "" if len(self.weekdays) == len(DAYS) else _days(self.weekdays)
        if self.per_day == 1:
            return "business day" if self.weekdays == WORKDAYS else f"1 d ({days})"
        clocks = [[slot % self.per_day for slot in self.open if slot // self.per_day == day] for day in self.weekdays]
        if any(other != clocks[0] for other in clocks):
            return f"{length(self.base)} (at {len(self.open)} times of the week)"
        if len(clocks[0]) == self.per_day:
            return f"{length(self.base)} ({days or 'by the clock'})"
        hours = _stretch([self._clock(slot) for slot in clocks[0]], clocks[0])
        return f"{length(self.base)} ({', '.join(filter(None, (days, hours)))})"

    @property
    def offset(self) -> str:
        """The name that pandas has for it; "" where it has a class only, such as CustomBusinessHour."""
        return "B" if self.per_day == 1 and self.weekdays == WORKDAYS else ""

    def _clock(self, slot: int) -> str:
        minutes = (slot * self.base + self.phase) // (60 * 10**9)
        return f"{minutes // 60:02}:{minutes % 60:02}"

    def positions(self, times: Array) -> tuple[Array, Array]:
        """((rows,) number of the last open slot that has begun, (rows,) whether it is that of the time)."""
        count, open_slots = 7 * self.per_day, np.array(self.open)
        since = times.astype(np.int64) - self.phase
        slots = since // self.base + MONDAY * self.per_day
        weeks, slot = slots // count, slots % count
        rank = np.searchsorted(open_slots, slot, "right") - 1
        fits = (since % self.base == 0) & (open_slots[rank] == slot)
        return np.asarray(weeks * len(self.open) + rank), np.asarray(fits)

    def steps(self, times: Array) -> Array:
        """(rows - 1,) steps from each time to the next, NaN where one of the two has no open slot."""
        places, fits = self.positions(times)
        return np.where(fits[1:] & fits[:-1], places[1:] - places[:-1], np.nan)

    def after(self, time: Array, count: int) -> Array:
        """(count,) the times that follow."""
        places = self.positions(np.atleast_1d(time))[0] + np.arange(1, count + 1)
        slots = places // len(self.open) * (7 * self.per_day) + np.array(self.open)[places % len(self.open)]
        return np.asarray(((slots - MONDAY * self.per_day) * self.base + self.phase).astype(MOMENTS))


def _days(numbers: tuple[int, ...]) -> str:
    """Weekdays in words, from the first after one that is missing: "Mon to Sat", "Sun to Thu"."""
    begins = next((day for day in numbers if (day - 1) % 7 not in numbers), 0)
    turned = sorted(numbers, key=lambda day: (day - begins) % 7)
    return _stretch([DAYS[day] for day in turned], [(day - begins) % 7 for day in turned])


def _stretch(names: list[str], numbers: list[int]) -> str:
    """The first and the last of neighbours; else all, or of many how many."""
    if len(names) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{names[0]} to {names[-1]}"
    return ", ".join(names) if len(names) <= NAMED else f"at {len(names)} times"


def weekly(times: Array, series: Array) -> Slots | None:
    """The days and hours of the week that most times of a table lie on; None where they show none.

    Args:
        times: (rows,) local, datetime64[ns], rising within a series.
        series: (rows,) number of the series; its rows follow each other.
    """
    same = series[1:] == series[:-1]
    steps, counts = np.unique((times[1:] - times[:-1]).astype(np.int64)[same], return_counts=True)
    base = int(np.gcd.reduce(np.append(steps[counts >= COMMON * counts.sum()], DAY)))
    if base < SHORTEST:
        return None
    since = times.astype(np.int64)
    phases, counts = np.unique(since % base, return_counts=True)
    phase, per_day = int(phases[counts.argmax()]), DAY // base
    slots = (since - phase) // base + MONDAY * per_day
    ends = np.append(np.flatnonzero(~same), len(times) - 1)
    begins = np.append(0, ends[:-1] + 1)
    spans = (slots[ends] - slots[begins] + 1) / per_day
    typical, workdays = np.median(spans), not (slots // per_day % 7 > max(WORKDAYS)).any()
    length_of_cycle = 7 if typical >= 7 * LEAST_WEEKS or (workdays and typical >= 7) else 1
    cycles = spans.sum() / length_of_cycle
    if length_of_cycle == 1 and cycles < LEAST_DAYS:
        return None
    filled = np.bincount(slots % (length_of_cycle * per_day), minlength=length_of_cycle * per_day) / cycles
    used = np.tile(filled >= FILLED, 7 // length_of_cycle)
    if not used.any() or (~used[slots % (7 * per_day)]).mean() > OUTSIDE:
        return None
    by_chance = (1 - min(1.0, float(filled[filled >= FILLED].mean()))) ** cycles  # that all of a slot's times are missing
    if by_chance * len(filled) > UNLIKELY:
        return None
    return Slots(base=base, phase=phase, open=tuple(np.flatnonzero(used).tolist()))
