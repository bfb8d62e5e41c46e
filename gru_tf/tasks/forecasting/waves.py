"""Waves: forecast the sum of two sine waves and noise, each series of frequencies and offsets of its own.

    x(t) = 0.5 sin((t − o₁)(10 f₁ + 10)) + 0.2 sin((t − o₂)(20 f₂ + 20)) + 0.1 (u − 0.5)

with f₁, f₂, o₁, o₂ drawn for a series and u for each of its steps, all uniformly from [0, 1]; `length` + `horizon` steps
lie evenly from t = 0 to 1. No forecast has an error below that of the noise, 0.01 / 12 = 0.00083.

Worked example, length=4, horizon=2, a series of the six values 0 to 5:

    inputs 0 1 2 3    targets "last": 4 5    targets "every", a row a step: 1 2, 2 3, 3 4, 4 5
"""

import sys
from functools import cache
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import model_validator

from gru_tf.tasks import Array, Count, Examples, ForecastRows, Metric, Signature, Splits, Task

NODES = 96  # of a quadrature; the waves have at most 13 periods of their square in [0, 1]
WAVES = ((0.5, 10, 10), (0.2, 20, 20))  # amplitude, and the frequency f · second + third
NOISE = 0.1


class Waves(Task):
    """Forecast the next steps of a series that was never seen.

    Géron has 7,000 series to train, 2,000 to validate and 1,000 to test, of 50 steps. He forecasts one step, or ten: all at
    the last step, or the next ten at every step, for more gradients; of these he prints the error of the last step's and
    that over all steps, 0.0238 for LSTM and GRU.

    Args:
        length: steps to read.
        horizon: steps to forecast.
        targets: "last" for one forecast, after the last step; "every" for one after each step, in training.
        scores: "last" for the error of the forecast after the last step alone, so that the training loss of `targets: every`
            is of other targets than the validation loss; "every" for that of all of them, after each step, which needs
            `targets: every`.
        examples: series to train on.
        validation_examples: series to validate on.
        test_examples: series to test on.
    """

    question: ClassVar[str] = "How does a sum of two waves and noise go on?"
    reference: ClassVar[str] = (
        "A. Géron, Hands-On Machine Learning with Scikit-Learn, Keras, and TensorFlow, 2nd edition, O'Reilly, 2019, ch. 15"
    )
    licence: ClassVar[str] = "none needed: drawn from the seed"

    length: Count = 50
    horizon: Count = 1
    targets: Literal["last", "every"] = "last"
    scores: Literal["last", "every"] = "last"
    examples: Count = 7000
    validation_examples: Count = 2000
    test_examples: Count = 1000

    @model_validator(mode="after")
    def _scored_where_trained(self) -> Self:
        if self.scores == "every" and self.targets == "last":
            raise ValueError("received scores = every with targets = last, expected targets = every as well")
        return self

    @property
    def draws_data(self) -> bool:
        """True: frequencies, offsets and noise are drawn from the seed."""
        return True

    @property
    def signature(self) -> Signature:
        """`length` steps of one number; `horizon` values, once or at every step."""
        if self.targets == "last":
            return Signature(self.length, features=1, outputs=self.horizon, target="value", continued=(0,))
        scored: Literal["last", "all"] = "last" if self.scores == "last" else "all"
        return Signature(
            self.length, features=1, outputs=self.horizon, target="value", per_step=True, causal=True, scored=scored
        )

    @property
    def metric(self) -> Metric:
        """Mean squared error of the forecasts that count; the baseline is the better of two that know no series.

        These are the last value, and the mean of all series at each step: for one step the first is better, 0.0206, for ten
        the second, 0.144, where the last value has 0.262. Both are expectations, computed by quadrature. Of the series that
        Géron's program draws (NumPy's RandomState 42), the last value has 0.0202 and 0.257 on his 2,000 to validate.
        """
        errors = constant_errors(self.length, self.horizon, 1 if self.scores == "every" else self.length)
        trivial = min(errors, key=lambda name: errors[name])
        return Metric("mse", "min", chance=errors[trivial], solved=0.0, also=("mae",), trivial=trivial)

    @property
    def baselines(self) -> tuple[str, ...]:
        """The last value, and models of the whole window; none where forecasts after a part of it count too."""
        return ("naive", "ridge", "boosting") if self.scores == "last" else ()

    def for_baselines(self) -> "Waves":
        """With the one forecast that is scored."""
        return self.model_copy(update={"targets": "last"})

    def splits(self, rng: np.random.Generator) -> Splits:
        """Fresh series from `rng`: inputs (N, T, 1), targets (N, horizon) or (N, T, horizon), all float32."""
        counts = (self.examples, self.validation_examples, self.test_examples)
        series = draw(rng, sum(counts), self.length + self.horizon)
        train, validation, test = (self._posed(part) for part in np.split(series, np.cumsum(counts)[:-1]))
        return Splits(train, validation, test)

    @property
    def most_fresh(self) -> int:
        """As many as fit the memory: of real numbers no two series are equal."""
        return sys.maxsize

    def fresh(self, rng: np.random.Generator, count: int, splits: Splits) -> Examples:
        """`count` series like those of training."""
        return self._posed(draw(rng, count, self.length + self.horizon))

    def _posed(self, series: Array) -> Examples:
        """Inputs and targets of series (N, length + horizon)."""
        inputs = np.ascontiguousarray(series[:, : self.length, None])
        if self.targets == "last":
            return Examples.unpadded(inputs, np.ascontiguousarray(series[:, self.length :]))
        ahead = np.lib.stride_tricks.sliding_window_view(series[:, 1:], self.horizon, axis=1)
        return Examples.unpadded(inputs, np.ascontiguousarray(ahead))

    def rows_of(self, splits: Splits) -> ForecastRows:
        """The series of all splits, one after another, `length` + `horizon` rows each."""
        parts = {name: getattr(splits, name) for name in ("train", "validation", "test")}
        whole = [(part.inputs[..., 0], part.targets.reshape(len(part), -1)[:, -self.horizon :]) for part in parts.values()]
        rows = np.concatenate([np.concatenate(pair, axis=1) for pair in whole]).reshape(-1, 1)
        steps = self.length + self.horizon
        starts = np.split(np.arange(len(rows) // steps) * steps + self.length, np.cumsum([*map(len, parts.values())])[:-1])
        return ForecastRows(
            rows=rows,
            firsts=np.arange(len(rows)) // steps * steps,
            training=np.arange(len(rows)) < len(parts["train"]) * steps,
            starts=dict(zip(parts, starts, strict=True)),
            horizon=self.horizon,
            season=0,
            regular=True,
            relative=False,
            mean=np.zeros(rows.shape),
            deviation=np.ones(rows.shape),
        )


def draw(rng: np.random.Generator, count: int, steps: int) -> Array:
    """(count, steps) float32 series."""
    first, second, first_offset, second_offset = rng.random((4, count, 1))
    time = np.linspace(0, 1, steps)
    series = sum(
        amplitude * np.sin((time - offset) * (frequency * width + least))
        for (amplitude, width, least), frequency, offset in zip(
            WAVES, (first, second), (first_offset, second_offset), strict=True
        )
    )
    noisy: Array = (series + NOISE * (rng.random((count, steps)) - 0.5)).astype(np.float32)
    return noisy


@cache
def constant_errors(length: int, horizon: int, first: int | None = None) -> dict[str, float]:
    """The expected squared error of two that know no series: the last value, and the mean of all series at each step.

    Args:
        length: steps to read.
        horizon: steps to forecast.
        first: the step after which the first forecast is that counts; the mean is over all from there to the last. The last
            alone if None.
    """
    time = np.linspace(0, 1, length + horizon)
    errors = [_errors_after(time[step - 1 : step + horizon]) for step in range(first or length, length + 1)]
    return {name: float(np.mean([error[name] for error in errors])) for name in errors[0]}


def _errors_after(time: Array) -> dict[str, float]:
    """The same of the forecast after the first of these times.

    The two waves and the noise are independent, so that the second moment of their sum follows from those of each.
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    nodes, weights = (nodes + 1) / 2, weights / 2
    step, moments, means = np.zeros(len(time) - 1), np.zeros(len(time)), []
    for amplitude, width, least in WAVES:
        angles = (time[:, None, None] - nodes) * (nodes[:, None] * width + least)  # step, frequency, offset
        wave = amplitude * np.sin(angles)
        means.append(wave @ weights @ weights)
        moments = moments + np.square(wave) @ weights @ weights
        step = step + np.square(wave[1:] - wave[0]) @ weights @ weights
    noise = NOISE**2 / 12
    changes = [mean[1:] - mean[0] for mean in means]
    last_value = step + 2 * changes[0] * changes[1] + 2 * noise
    mean = (moments - np.square(means[0]) - np.square(means[1]) + noise)[1:]
    return {"last value": float(np.mean(last_value)), "mean of all series": float(np.mean(mean))}


TASK = Waves
