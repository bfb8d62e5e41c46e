"""What a model's forecasts of a user's series show: errors of every kind, by series and by step ahead, and intervals.

An interval is as wide as the errors on the validation split ask for, on the scale of each series, so that a series of small
numbers has a narrow one; where a network has learned quantiles, these are its ends, corrected on the validation split
(`gru_tf.tasks.prediction_intervals`). Its coverage is the share of test values inside.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from gru_tf.data.own import local_time
from gru_tf.tasks import Array, Evaluation, Outputs
from gru_tf.tasks._forecast_errors import Forecasts
from gru_tf.tasks.evaluation import Bounds, SampleForecast
from gru_tf.tasks.own._encoded_series import ForecastSeries
from gru_tf.tasks.own._options import ForecastOptions
from gru_tf.tasks.own._scaling import SeriesScales
from gru_tf.tasks.prediction_intervals import calibrated

Arrays = Mapping[str, Array]
SHOWN, ROWS = 4, 120  # series, and of each the last rows, that are kept to be looked at


def evaluation(options: ForecastOptions, about: ForecastSeries, arrays: Arrays, outputs: Outputs) -> Evaluation:
    """Of outputs on validation and test split.

    Args:
        options: of the task.
        about: what is known of its series.
        arrays: as `encode` gives them.
        outputs: of the model.
    """
    tested = forecasts(options, about, arrays, "test", outputs.test)
    intervals = calibrated(outputs, partial(errors, options, arrays))
    parts = {"series": tested.by_series(), "step": tested.by_step()}
    return Evaluation(
        values={**tested.errors(), **intervals.covered},
        parts={kind: each for kind, each in parts.items() if each},
        radii=intervals.radii,
        sample_forecasts=tuple(_sample_forecasts(options, about, arrays, tested, intervals.narrowest)),
    )


def _sample_forecasts(
    options: ForecastOptions, about: ForecastSeries, arrays: Arrays, tested: Forecasts, ends: Bounds
) -> Iterator[SampleForecast]:
    """The last test rows of a few series, from the one with the smallest spread to that with the largest.

    Windows follow each other without a row in two of them, so that a row's forecast is 1 to `horizon` steps ahead.
    """
    spread, starts = tested.unit[:, 0], np.asarray(arrays["test"])
    numbers = np.unique(tested.series)
    by_spread = numbers[np.argsort([spread[tested.series == number][0] for number in numbers], kind="stable")]
    places = np.unique(np.linspace(0, len(by_spread) - 1, min(SHOWN, len(by_spread))).round().astype(int))
    for number in by_spread[places]:
        own = np.flatnonzero(tested.series == number)
        behind = own[(starts[own[-1]] - starts[own]) % options.horizon == 0][-max(1, ROWS // options.horizon) :]
        rows = (starts[behind][:, None] + np.arange(options.horizon)).ravel()
        truth, shape = tested.truth[behind, :, 0], (len(behind), options.horizon, -1)
        by_coverage = {
            coverage: [truth + each[behind].reshape(shape)[..., 0] * spread[own[0]] for each in both]
            for coverage, both in ends.items()
        }
        coverage, (low, high) = next(iter(by_coverage.items()), (0, ((), ())))
        yield SampleForecast(
            series=str(tested.names[number]),
            target=options.target[0],
            times=tuple(_time(moment) for moment in _local(about, np.asarray(arrays["times"])[rows])),
            truth=_flat(truth),
            forecast=_flat(tested.predicted[behind, :, 0]),
            low=_flat(low),
            high=_flat(high),
            coverage=coverage,
            horizon=options.horizon,
        )


def _flat(values: Any) -> tuple[float, ...]:
    return tuple(map(float, np.ravel(values)))


def _local(about: ForecastSeries, times: Array) -> Array:
    """Times as the file has them, in its zone."""
    return local_time.local(times, about.times.zone) if about.times is not None else times


def _time(moment: Any) -> str | float:
    return str(moment.astype("datetime64[s]")) if isinstance(moment, np.datetime64) else float(moment)


def errors(options: ForecastOptions, arrays: Arrays, split: str, outputs: Array) -> Array:
    """(N, outputs) float64, on the scale of the outputs."""
    targets = len(options.target)
    starts = np.asarray(arrays[split])[:, None]
    truth = np.asarray(arrays["rows"][starts + np.arange(options.horizon), :targets], np.float64)
    if options.relative:
        truth = truth - arrays["rows"][starts - 1, :targets]
    return np.asarray(outputs, np.float64) - truth.reshape(np.shape(outputs))


def forecasts(options: ForecastOptions, about: ForecastSeries, arrays: Arrays, split: str, outputs: Array) -> Forecasts:
    """Forecasts of a split beside what came, in the units of the file."""
    targets = len(options.target)
    starts, firsts = np.asarray(arrays[split]), np.asarray(arrays["firsts"])
    series = np.searchsorted(np.unique(firsts), firsts[starts - 1])
    scale = SeriesScales.of_arrays(arrays)
    spread, centre = (each[series][:, None] for each in (scale.spreads, scale.centres))
    rows = np.asarray(arrays["rows"][starts[:, None] + np.arange(options.horizon), :targets], np.float64)
    truth = rows * spread + centre
    off = errors(options, arrays, split, outputs).reshape(truth.shape) * spread
    steps = np.asarray(arrays["naive_scale"])[series]
    return Forecasts(truth, truth + off, steps, scale.spreads[series], series, about.groups or ("",))
