"""The regular step of a series' times: how long it is, where steps are missing, and which times come next."""

from typing import Any, NamedTuple

import numpy as np

from gru_tf.foundation.array import Array

REGULAR = 0.5  # of the steps are equally long, else there is no regular one
UNITS = {"month": "datetime64[M]", "time": "datetime64[ns]"}


class Frequency(NamedTuple):
    """A regular step.

    Args:
        unit: "month" (calendar months, on the same day of each), "time" (nanoseconds) or "number".
        step: in that unit.
        gaps: places where one step or more are missing.
    """

    unit: str
    step: float
    gaps: int

    @property
    def words(self) -> str:
        """The step in words, e.g. "1 h"."""
        if self.unit != "time":
            return f"{self.step:g} month{'s' * (self.step != 1)}" if self.unit == "month" else f"{self.step:g}"
        for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
            if self.step % (size * 10**9) == 0:
                return f"{self.step / size / 10**9:g} {name}"
        return f"{self.step / 1e9:g} s"

    def after(self, moment: Any, count: int) -> Array:
        """(count,) the times that follow a moment."""
        ahead = np.arange(1, count + 1) * int(self.step) if self.unit != "number" else np.arange(1, count + 1) * self.step
        if self.unit != "month":
            return np.asarray(moment + ahead.astype("timedelta64[ns]" if self.unit == "time" else float))
        month = moment.astype("datetime64[M]")
        within = moment - month.astype("datetime64[ns]")
        return np.asarray((month + ahead).astype("datetime64[ns]") + within)


def estimate(times: Array, series: Array) -> Frequency | None:
    """The step that most rows keep to the row before in their series; None where there is none.

    Args:
        times: (rows,) datetime64[ns] or numbers, rising within a series.
        series: (rows,) number of the series; its rows follow each other.
    """
    same = series[1:] == series[:-1]
    unit, counted = _counted(times)
    steps = (counted[1:] - counted[:-1])[same]
    if not len(steps):
        return None
    values, counts = np.unique(steps, return_counts=True)
    step = values[counts.argmax()]
    if counts.max() < REGULAR * len(steps):
        return None
    return Frequency(unit, float(step), int((steps > step * 1.5).sum()))


def _counted(times: Array) -> tuple[str, Array]:
    """Times as numbers: months where all lie on the same day and time of one, else nanoseconds."""
    if times.dtype.kind != "M":
        return "number", times
    months = times.astype("datetime64[M]")
    if len(np.unique(times[:1000] - months[:1000].astype("datetime64[ns]"))) == 1:  # the first ones alone, as most are not
        within = times - months.astype("datetime64[ns]")
        if (within == within[0]).all() and (months[1:] != months[:-1]).any():
            return "month", months.astype(np.int64)
    return "time", times.astype(np.int64)
