"""What all outputs of a model on a split show beside the score: further metrics, their parts, prediction intervals."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict

from gru_tf.foundation.array import Array

LARGEST = 20_000_000  # outputs of a split that are held at once
Parts = Mapping[str, Mapping[str, Mapping[str, float]]]
Bounds = Mapping[int, tuple[Array, Array]]  # coverage in percent → lower and upper ends, (N, outputs) each


class SampleForecast(BaseModel):
    """The last rows of one series with their forecasts, for people to look at.

    Args:
        series: its name, "" where there is one; target: of which column.
        times: of the rows, ISO 8601 or numbers; truth, forecast: in the units of the data.
        low, high: of the prediction interval; empty where there is none. coverage: in percent.
        horizon: rows that were forecast at once: the first of each so many is one step ahead.
    """

    model_config = ConfigDict(frozen=True)

    series: str
    target: str
    times: tuple[str | float, ...]
    truth: tuple[float, ...]
    forecast: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    coverage: int = 0
    horizon: int = 1


@dataclass(frozen=True)
class Evaluation:
    """Of one model on the test split.

    Args:
        values: metric → value, of all test examples; those that are not defined on these data are left out.
        parts: what the examples are divided by ("series", "step", "class") → each part's name → metric → value.
        radii: coverage in percent → (outputs,) half the width of a prediction interval, on the scale of the outputs; of
            learned quantiles what is added at both ends, which may be negative.
        sample_forecasts: forecasts to look at.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    parts: Parts = field(default_factory=dict)
    radii: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    sample_forecasts: tuple[SampleForecast, ...] = ()


@dataclass(frozen=True)
class Tally:
    """What a network has achieved on each example of a split.

    Args:
        sums: (N,) of each example the sum, over its targets, of what the metric is the mean of: of right classes where
            that is "accuracy".
        targets: (N,) how many targets it has.
    """

    sums: Array
    targets: Array

    def mean(self, chosen: Array) -> float:
        """The mean over all targets of the chosen examples, of which the metric is `Metric.value`."""
        return float(np.sum(self.sums[chosen], dtype=np.float64) / np.sum(self.targets[chosen], dtype=np.float64))


@dataclass(frozen=True)
class Outputs:
    """A model's outputs.

    Args:
        validation: (N, outputs) on the validation split, None where there is none; test: the same on the test split.
            Medians where a network has learned quantiles.
        validation_bounds, test_bounds: coverage in percent → (N, outputs) the lower and the upper quantile, of such a
            network; None of any other model.
    """

    validation: Array | None
    test: Array
    validation_bounds: Bounds | None = None
    test_bounds: Bounds | None = None
