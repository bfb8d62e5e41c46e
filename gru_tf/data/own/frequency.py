"""The regular step of a series' times: which rule they follow, where steps are missing, and which times come next."""

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from gru_tf.data.own.calendar_rules import MONDAY, DayOfMonth, Days, Elapsed, HalfMonths, Months
from gru_tf.data.own.local_time import DAY, MOMENTS, local, nominal, utc
from gru_tf.data.own.weekly_slots import Slots, weekly
from gru_tf.foundation.array import Array

REGULAR = 0.5  # of the steps are equally long, else there is no regular one
VOTE = 10  # steps of a series from which it counts as much as another
BUSINESS: tuple[DayOfMonth, ...] = ("start", "end", "business end", "business start")
DIGITS = 9  # of a step of numbers
SECOND = 10**9  # nanoseconds
HALF_MONTH = (12 * DAY, 18 * DAY)  # between which half a month lies


class Frequency(BaseModel):
    """A regular step.

    Args:
        rule: by which times follow each other; days and longer steps, and hours of the week, are counted on the clocks of
            the zone, shorter steps in hours that pass.
        zone: of the times; None where they have none, or are numbers.
        clock: time of day of most rows, in nanoseconds, for days whose clocks skip it.
        gaps: places where one step or more are missing.
    """

    model_config = ConfigDict(frozen=True)

    rule: Annotated[Elapsed | Days | Months | HalfMonths | Slots, Field(discriminator="kind")]
    zone: str | None = None
    clock: int | None = None
    gaps: int = 0

    @property
    def words(self) -> str:
        """The step in words, e.g. "1 h", "business day" or "month end"."""
        return self.rule.words

    @property
    def monthly(self) -> bool:
        """Whether a step is a month, or several."""
        return isinstance(self.rule, Months)

    def after(self, moment: Any, count: int) -> Array:
        """(count,) the times that follow a moment, both in UTC where there is a zone."""
        if isinstance(self.rule, Elapsed):
            return self.rule.after(moment, count)
        time = nominal(np.array([moment], MOMENTS), self.zone, self.clock)[0]
        return utc(self.rule.after(time, count), self.zone)

    def breaks(self, times: Array, series: Array) -> Array:
        """(rows,) whether one step or more are missing before a row of the same series, or the step is none of the rule."""
        return np.append(False, _same(series) & (self._steps(times) != 1))

    def _steps(self, times: Array) -> Array:
        elapsed = isinstance(self.rule, Elapsed)
        return self.rule.steps(times if elapsed else nominal(times, self.zone, self.clock))


BY_ROWS = Frequency(rule=Elapsed(step=1.0, numbers=True))  # of rows without times


def estimate(times: Array, series: Array, zone: str | None = None) -> Frequency | None:
    """The step that most rows keep to the row before in most series; None where there is none.

    A step that is missing leaves one that is twice as long on the same calendar. Of two rules that fit alike, months come
    before days, and days before hours.

    Args:
        times: (rows,) datetime64[ns], in UTC where there is a zone, or numbers; rising within a series.
        series: (rows,) number of the series; its rows follow each other.
        zone: of the times.
    """
    same = _same(series)
    if not same.any():
        return None
    lengths = np.bincount(series[1:][same], minlength=int(series.max()) + 1)
    weights = 1 / np.maximum(lengths, VOTE)[series[1:][same]]
    best, best_share = None, 0.0
    clock = None if times.dtype.kind != "M" else _clock(local(times, zone))
    for candidate in _candidates(times, same, weights, zone, clock):
        share = weights[candidate._steps(times)[same] == 1].sum() / weights.sum()
        if share > best_share + 1e-9:
            best, best_share = candidate, share
    best = best if best_share >= REGULAR else None
    best = best and best.model_copy(update={"gaps": int(best.breaks(times, series).sum())})
    if clock is not None and (best is None or best.gaps):
        return _or_weekly(best, times, series, zone, clock)
    return best


def other_steps(frequency: Frequency, times: Array, series: Array) -> Array:
    """The numbers of the series, of three rows and more, that keep another step, or none."""
    count = int(series.max()) + 1
    rows, breaks = (
        np.bincount(series, minlength=count),
        np.bincount(series[frequency.breaks(times, series)], minlength=count),
    )
    return np.flatnonzero((rows > 2) & (breaks > (1 - REGULAR) * (rows - 1)))


def _same(series: Array) -> Array:
    return np.asarray(series[1:] == series[:-1])


def _clock(times: Array) -> int:
    """The most frequent time of day."""
    return int(_mode((times - times.astype("datetime64[D]")).astype(np.int64), np.ones(len(times))))


def _mode(values: Array, weights: Array) -> Any:
    """The value with the most weight, the least of equals; whole numbers that are near each other need no sorting."""
    if values.dtype.kind == "i":
        low, unit = values.min(), SECOND if (values % SECOND == 0).all() else 1
        if (values.max() - low) // unit <= len(values) + DAY // SECOND:
            return low + unit * np.bincount((values - low) // unit, weights=weights).argmax()
    different, numbers = np.unique(values, return_inverse=True)
    return different[np.bincount(numbers, weights=weights).argmax()]


def _candidates(times: Array, same: Array, weights: Array, zone: str | None, clock: int | None) -> Iterator[Frequency]:
    """In the order of preference."""
    if clock is None:
        between = (times[1:] - times[:-1])[same]
        middle = float(np.median(between))
        digits = DIGITS - int(np.ceil(np.log10(middle))) if middle > 0 else 0  # 0.3 − 0.2 is as long as 0.2 − 0.1
        if (step := float(_mode(np.round(between, digits), weights))) > 0:
            yield Frequency(rule=Elapsed(step=step, numbers=True))
        return
    wall = nominal(times, zone, clock)
    whole = int(_mode((wall[1:] - wall[:-1]).astype(np.int64)[same], weights))
    months = wall.astype("datetime64[M]")
    count = int(_mode((months[1:] - months[:-1]).astype(np.int64)[same], weights))
    if count > 0:
        for rule in _monthly(wall, months, count):
            yield Frequency(rule=rule, zone=zone, clock=clock)
    if HALF_MONTH[0] < whole < HALF_MONTH[1]:
        for ends in (False, True):
            yield Frequency(rule=HalfMonths(ends=ends), zone=zone, clock=clock)
    if whole > 0 and whole % DAY == 0:
        days = whole // DAY
        weekdays = (wall.astype("datetime64[D]").astype(np.int64) + MONDAY) % 7
        weekday = int(_mode(weekdays, np.ones(len(wall)))) if days % 7 == 0 else None
        yield Frequency(rule=Days(count=days, weekday=weekday), zone=zone, clock=clock)
    step = int(_mode((times[1:] - times[:-1]).astype(np.int64)[same], weights))
    if step > 0:
        yield Frequency(rule=Elapsed(step=step), zone=zone)


def _monthly(times: Array, months: Array, count: int) -> Iterator[Months]:
    """The days of a month that most times may lie on."""
    days = times.astype("datetime64[D]")
    phase = int(_mode(months.astype(np.int64) % count, np.ones(len(months))))
    for day in BUSINESS:
        yield Months(count=count, day=day, phase=phase)
    numbers = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    number = int(_mode(numbers, np.ones(len(numbers))))
    number = int(numbers.max()) if number >= 28 else number
    yield Months(count=count, day="day", number=number, phase=phase)
    weekday = int(_mode((days.astype(np.int64) + MONDAY) % 7, np.ones(len(days))))
    which = int(_mode((numbers - 1) // 7 + 1, np.ones(len(days))))
    for place in dict.fromkeys((which, -1)):
        yield Months(count=count, day="weekday", number=place, weekday=weekday, phase=phase)


def _or_weekly(best: Frequency | None, times: Array, series: Array, zone: str | None, clock: int) -> Frequency | None:
    """Days and hours of the week, where they leave fewer gaps; else the best of the other rules."""
    wall = nominal(times, zone, clock)
    rule = weekly(wall, series)
    if rule is None:
        return best
    slots = Frequency(rule=rule, zone=zone, clock=clock)
    breaks = int(slots.breaks(times, series).sum())
    most = int(_same(series).sum() * (1 - REGULAR)) if best is None else best.gaps - 1
    return slots.model_copy(update={"gaps": breaks}) if breaks <= most else best
