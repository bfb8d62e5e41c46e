"""What naive forecasts of a user's series score on the test split: the baseline of every metric."""

from collections.abc import Iterator

import numpy as np

from gru_tf.tasks import Array
from gru_tf.tasks._baselines import naive_rows
from gru_tf.tasks._forecast_errors import Forecasts, Terms, values_of
from gru_tf.tasks.own._options import ForecastOptions

CHUNK = 1 << 16  # windows at once, of which only sums are wanted


def naive(
    options: ForecastOptions, values: Array, firsts: Array, starts: Array, centre: Array, scale: Array, unit: Array
) -> dict[str, dict[str, float]]:
    """Naive forecast → metric → its value, of "last value", "seasonal naive" where there is a season, and "training mean".

    Args:
        options: horizon and season.
        values: (rows, targets) in their units, series by series.
        firsts: (rows,) the first row of the series of each.
        starts: (N,) first row to forecast of each window of the test split.
        centre: (rows, targets) the constant forecast.
        scale: (rows, targets), and
        unit: the same, see `Forecasts`.
    """
    parts: dict[str, list[Terms]] = {}
    for first in range(0, len(starts), CHUNK):
        at = starts[first : first + CHUNK]
        truth = values[at[:, None] + np.arange(options.horizon)]
        for name, forecast in _forecasts(options, values, firsts, at, centre):
            forecasts = Forecasts(truth, forecast, scale[at - 1], unit[at - 1], firsts[at - 1])
            parts.setdefault(name, []).append(forecasts.terms())
    return {name: values_of(*terms) for name, terms in parts.items()}


def _forecasts(
    options: ForecastOptions, values: Array, firsts: Array, starts: Array, centre: Array
) -> Iterator[tuple[str, Array]]:
    """(name, (N, horizon, targets)) of each."""
    sources = naive_rows(starts, options.horizon, options.season, firsts[starts - 1])
    yield from ((name, values[rows]) for name, rows in sources.items())
    yield "training mean", centre[sources["last value"]]
