"""Errors of forecasts as the field counts them, over all windows and by series and step.

With y the value, ŷ its forecast and q the mean absolute error of the naive forecast on the training rows of a series:

    mae = mean |y − ŷ|       rmse = √mean (y − ŷ)²       mape = 100 · mean |y − ŷ| / |y|
    smape = 200 · mean |y − ŷ| / (|y| + |ŷ|)             mase = mean |y − ŷ| / q

R. J. Hyndman and A. B. Koehler, Another look at measures of forecast accuracy, 2006 (mase); S. Makridakis and others, The M4
competition, 2020 (smape). The naive forecast of q is the seasonal one where there is a season. A percentage is undefined
where a value is 0, and mase where a series never changes from one season to the next.

Worked example: y = 10, 20; ŷ = 11, 16; q = 2: mae 2.5, rmse 2.92, mape 15, smape 15.9, mase 1.25.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gru_tf.foundation.array import Array

MOST_SERIES = 100  # of which each is listed
COVERAGES = (80, 95)  # of prediction intervals, in percent


Terms = Mapping[str, tuple[float, int]]


def values_of(*terms: Terms) -> dict[str, float]:
    """Metric → value of windows whose terms were summed in parts; without those that are not defined."""
    values = {}
    for name in terms[0]:
        total, count = (sum(numbers) for numbers in zip(*(part[name] for part in terms), strict=True))
        if count and math.isfinite(total):
            values[name] = math.sqrt(total / count) if name == "rmse" else total / count
    return values


@dataclass(frozen=True)
class Forecasts:
    """Forecasts beside what came.

    Args:
        truth, predicted: (N, horizon, targets) in the units of the data.
        scale: (N, targets) q of each window's series; NaN where it is not defined.
        unit: (N, targets) the spread of each window's series. Of several targets, which have units of their own, squared
            and absolute errors are counted in it.
        series: (N,) number of the series of each window.
        names: of the series.
    """

    truth: Array
    predicted: Array
    scale: Array
    unit: Array
    series: Array
    names: Sequence[str] = ("",)

    def part(self, windows: Array, steps: slice = slice(None)) -> "Forecasts":
        """Some windows, or some steps of them."""
        truth, predicted = self.truth[windows][:, steps], self.predicted[windows][:, steps]
        of_windows = (self.scale[windows], self.unit[windows], self.series[windows])
        return Forecasts(truth, predicted, *of_windows, self.names)

    def errors(self) -> dict[str, float]:
        """Metric → value; without those that are not defined."""
        return values_of(self.terms())

    def terms(self) -> Terms:
        """Metric → what it is the mean of, summed, and how many there are of it."""
        error, size = np.abs(self.predicted - self.truth), np.abs(self.truth)
        sums = size + np.abs(self.predicted)
        counted = error if error.shape[2] == 1 else error / self.unit[:, None]
        known = np.isfinite(self.scale).all(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = {
                "rmse" if error.shape[2] == 1 else "mse": np.square(counted),
                "mae": counted,
                "mape": np.where(size > 0, 100 * error / size, np.nan),
                "smape": np.where(sums > 0, 200 * error / sums, 0.0),
                "mase": error[known] / self.scale[known][:, None],
            }
        return {name: (float(each.sum()), each.size) for name, each in terms.items()}

    def by_series(self) -> dict[str, dict[str, float]]:
        """Series → its errors; empty where there is one, or where there are too many to list."""
        numbers = np.unique(self.series)
        if not 1 < len(numbers) <= MOST_SERIES:
            return {}
        return {str(self.names[number]): self.part(np.flatnonzero(self.series == number)).errors() for number in numbers}

    def by_step(self) -> dict[str, dict[str, float]]:
        """Step ahead, from 1 → its errors; empty where there is one."""
        every, horizon = np.arange(len(self.truth)), self.truth.shape[1]
        if horizon == 1:
            return {}
        return {str(step + 1): self.part(every, slice(step, step + 1)).errors() for step in range(horizon)}


def naive_scale(rows: Array, firsts: Array, training: Array, season: int) -> Array:
    """(rows, targets) q of the series of each row, from the rows to train on; NaN where it is 0 or there are too few.

    Args:
        rows: (rows, targets) in the units of the data, series by series.
        firsts: (rows,) the first row of the series of each.
        training: (rows,) whether it is one to train on.
        season: rows; 0 or 1 for the last value. Where a series' training is no longer than a season, the last value counts.
    """
    scale = np.full(rows.shape, np.nan)
    begins = np.unique(firsts)
    for first, end in zip(begins, np.append(begins[1:], len(rows)), strict=True):
        known = rows[first:end][training[first:end]].astype(np.float64)
        lag = season if 1 < season < len(known) else 1
        if len(known) > lag:
            q = np.abs(known[lag:] - known[:-lag]).mean(0)
            scale[first:end] = np.where(q > 0, q, np.nan)
    return scale


def radii(errors: Array, coverage: int) -> Array:
    """Half the width of an interval that covers so many percent, by split conformal prediction.

    The ⌈(n + 1) · coverage⌉-th smallest absolute error of n on the validation split (V. Vovk and others, 2005; J. Lei and
    others, 2018, Theorem 2.2); infinite where n is too small for it.

    Args:
        errors: (N, outputs) of the validation split.
        coverage: in percent.
    """
    return conformal(np.abs(errors), coverage)


def conformal(scores: Array, coverage: int) -> Array:
    """(outputs,) the ⌈(n + 1) · coverage⌉-th smallest of n scores of each output; infinite where n is too small for it.

    Args:
        scores: (N, outputs) of the validation split, larger where an interval fits worse.
        coverage: in percent.
    """
    count = len(scores)
    place = -(-(count + 1) * coverage // 100)
    if place > count:
        return np.full(scores.shape[1:], np.inf)
    return np.asarray(np.sort(scores, axis=0)[place - 1])
