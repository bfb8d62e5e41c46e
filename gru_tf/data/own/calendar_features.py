"""Inputs that are made of times, and so are known of the future as well: the hour, the weekday and the month.

Hour and month are a sine and a cosine, so that 23:00 is next to 00:00, and weekdays are seven categories, as Sundays are no
more like Saturdays than like Mondays (R. J. Hyndman and G. Athanasopoulos, Forecasting: Principles and Practice, 3rd
edition, 2021, section 7.4: dummy variables for short seasons, Fourier terms for long ones).
"""

from typing import Any

import numpy as np

from gru_tf.data.own.calendar_rules import DAYS, MONDAY
from gru_tf.data.own.encoding import EncodedColumn
from gru_tf.data.own.local_time import DAY
from gru_tf.foundation.array import Array

FEATURES = {
    "hour": EncodedColumn(name="hour", kind="cycle", period=24, calendar=True),
    "weekday": EncodedColumn(name="weekday", kind="category", categories=DAYS, calendar=True),
    "month": EncodedColumn(name="month", kind="cycle", period=12, calendar=True),
}


def features(times: Array) -> dict[str, Any]:
    """Name → (rows,) of each of `FEATURES`, of local times (datetime64[ns]): hours and months from 0, weekdays by name."""
    days, months = times.astype("datetime64[D]"), times.astype("datetime64[M]")
    within = (days - months.astype("datetime64[D]")).astype(float)
    length = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(float)
    return {
        "hour": (times - days.astype(times.dtype)).astype(np.int64) / (DAY // 24),
        "weekday": np.array(DAYS)[(days.astype(np.int64) + MONDAY) % 7],
        "month": months.astype(np.int64) % 12 + within / length,
    }
