"""Forecasts of one long series: a window of it is the input, its next steps are the targets.

A window is cut at every step. Its targets are the `horizon` rows after it, and it belongs to the split in which all of
them lie; its inputs may reach back into the rows before that split, never forward, so no target is among the inputs of an
earlier split and no test row is used before the test. Inputs and targets are standardised by the mean and deviation of
the training rows alone.

Worked example, window=3, horizon=2, rows 0 to 9, of which 0–5 train, 6–7 validate and 8–9 test:

    train        0 1 2 → 3 4      1 2 3 → 4 5
    validation   3 4 5 → 6 7
    test         5 6 7 → 8 9
"""

import math
from abc import abstractmethod
from functools import cache
from typing import Any, NamedTuple, Self

import numpy as np
from pydantic import model_validator

from gru_tf.data import array_cache
from gru_tf.data.datasets import DataFile, locate
from gru_tf.data.own import csv_numbers
from gru_tf.tasks import FORECAST_BASELINES, Array, Count, Examples, ForecastRows, Metric, Signature, Splits, Task
from gru_tf.tasks._baselines import best_naive, naive_errors
from gru_tf.tasks._windows import cut


class Borders(NamedTuple):
    """The rows 0 to `train` − 1 train, up to `validation` − 1 validate, up to `test` − 1 test."""

    train: int
    validation: int
    test: int


class Forecast(Task):
    """A forecast of the next `horizon` steps of a series from a window of the last ones.

    Args:
        window: steps of input.
        horizon: steps to forecast, all at once.
        relative: whether a window's last values are subtracted from its inputs and targets, so that the network predicts
            the change; the error of a forecast is the same either way. For a series that leaves its training range.
    """

    window: Count
    horizon: Count
    relative: bool = False

    @property
    @abstractmethod
    def file(self) -> DataFile:
        """Where the series comes from."""

    @property
    @abstractmethod
    def borders(self) -> Borders:
        """Which rows train, validate and test; known without the data."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns of the inputs."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns to forecast, by default all of `columns`."""
        return self.columns

    @property
    @abstractmethod
    def time(self) -> str:
        """The column of times."""

    @property
    @abstractmethod
    def season(self) -> int:
        """Steps of the seasonal naive forecast: 12 months, 24 hours."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        borders = self.borders
        if self.window + self.horizon > borders.train:
            raise ValueError(
                f"received a window of {self.window} and a horizon of {self.horizon} steps, expected at most"
                f" {borders.train:,} together: the training rows."
            )
        tested = borders.test - borders.validation
        least = min(borders.validation - borders.train, tested) if self._validates else tested
        if self.horizon > least:
            raise ValueError(f"received a horizon of {self.horizon} steps, expected at most {least:,}: the shortest split.")
        return self

    @property
    def signature(self) -> Signature:
        """`window` steps of the columns; `horizon` values of each target, step by step."""
        return Signature(
            timesteps=self.window,
            features=len(self.columns),
            outputs=self.horizon * len(self.targets),
            target="value",
            continued=tuple(self._target_places()),
        )

    def splits(self, rng: np.random.Generator) -> Splits:
        """Inputs (N, window, columns) and targets (N, horizon · targets) float32; `rng` is not used.

        Windows overlap. Where they are not `relative`, the inputs are a read-only view of one array of the series, so
        they take its memory once, not `window` times.

        Raises:
            DatasetError: where the file is damaged or unavailable.
        """
        parts = self._parts()
        return Splits(
            train=self._cut(*parts["train"]),
            validation=self._cut(*parts["validation"]) if self._validates else None,
            test=self._cut(*parts["test"]),
        )

    @property
    def _validates(self) -> bool:
        """Whether there is a validation split."""
        return self.borders.validation > self.borders.train

    def _parts(self) -> dict[str, tuple[int, int]]:
        """Split → (the first row of a target, the row after the last)."""
        borders = self.borders
        return {
            "train": (self.window, borders.train),
            "validation": (borders.train, borders.validation),
            "test": (borders.validation, borders.test),
        }

    def naive_scores(self) -> dict[str, float]:
        """The metric on the test split of the two naive forecasts.

        "last value" repeats the last row of the window; "seasonal naive" repeats the last `season` rows before the
        forecast, which may lie before the window.

        Raises:
            DatasetError: where the file is damaged or unavailable.
        """
        starts = self._starts(*self._parts()["test"])
        errors = naive_errors(self._standardised()[:, self._target_places()], starts, self.horizon, self.season)
        return {name: self._error(errors[name]) for name in ("last value", "seasonal naive")}

    @property
    def baselines(self) -> tuple[str, ...]:
        """Those of forecasts."""
        return FORECAST_BASELINES

    def forecast_rows(self) -> ForecastRows:
        """The forecast columns of all rows up to the end of the test split.

        Raises:
            DatasetError: where the file is damaged or unavailable.
        """
        borders, places = self.borders, self._target_places()
        mean, deviation = self._scale(_rows(self.file, self.time, self.columns))
        rows = self._standardised()[:, places]
        return ForecastRows(
            rows=rows,
            firsts=np.zeros(len(rows), np.int64),
            training=np.arange(len(rows)) < borders.train,
            starts={split: self._starts(*part) for split, part in self._parts().items()},
            horizon=self.horizon,
            season=self.season,
            regular=True,
            relative=self.relative,
            mean=np.broadcast_to(mean[places], rows.shape),
            deviation=np.broadcast_to(deviation[places], rows.shape),
        )

    def checksums(self) -> dict[str, str]:
        """Path and sha256 of the series' file."""
        return {self.file.path: self.file.sha256}

    @abstractmethod
    def _error(self, mse: float) -> float:
        """The metric, from the mean squared error on the standardised scale."""

    def _target_places(self) -> list[int]:
        return [self.columns.index(name) for name in self.targets]

    def _standardised(self) -> Array:
        """All rows up to the end of the test split (rows, columns) float32."""
        rows = _rows(self.file, self.time, self.columns)[: self.borders.test]
        mean, deviation = self._scale(rows)
        standardised: Array = ((rows - mean) / deviation).astype(np.float32)
        return standardised

    def _scale(self, rows: Array) -> tuple[Array, Array]:
        """What is subtracted from each column, and what it is divided by: mean and deviation of the training rows."""
        return _scale(rows, self.borders.train)

    def _starts(self, first: int, end: int) -> Array:
        """The rows that the windows of `_cut` start at."""
        return np.arange(first, end - self.horizon + 1)

    def _cut(self, first: int, end: int) -> Examples:
        """The windows whose targets are the rows from `first` on and before `end`."""
        starts = self._starts(first, end)
        relative = range(len(self.columns)) if self.relative else ()
        return cut(self._standardised(), starts, self.window, self.horizon, self._target_places(), relative)


class SmallSeries(Forecast):
    """A forecast of one column, scored by the root of the mean squared error in the units of the file."""

    def _error(self, mse: float) -> float:
        return math.sqrt(mse) * self._deviation()

    def _deviation(self) -> float:
        rows = _rows(self.file, self.time, self.columns)
        return float(self._scale(rows)[1][0])

    @property
    def metric(self) -> Metric:
        """Root mean squared error over all windows and steps of the test split, in the units of the file.

        The baseline is the better of the last value and the seasonal naive forecast; `naive_scores` returns both.

        Raises:
            DatasetError: where the file is damaged or unavailable.
        """
        errors = naive_metrics(self)
        best, trivial = best_naive(errors, self.season)
        return Metric("rmse", "min", errors[best], 0.0, scale=self._deviation(), also=("mae",), trivial=trivial)


def _scale(rows: Array, train: int) -> tuple[Array, Array]:
    """Mean and deviation of each column over the training rows."""
    return rows[:train].mean(0), rows[:train].std(0)


def _rows(file: DataFile, time: str, columns: tuple[str, ...]) -> Array:
    """(rows, columns) float64, mapped from the cache."""
    names = ["time", time, *columns]
    checksums = [file.sha256, *names]
    stem = file.path.rpartition("/")[2].partition(".")[0]

    def parse() -> dict[str, Any]:
        return {"rows": csv_numbers.read(locate(file), time, columns)}

    return array_cache.load(stem, checksums, csv_numbers.VERSION, parse)["rows"]


@cache
def naive_metrics(task: Forecast) -> dict[str, float]:
    """The `naive_scores` of a task, which is frozen, computed once: each run of an experiment reads them."""
    return task.naive_scores()
