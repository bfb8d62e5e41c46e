"""A forecaster of a series in scikit-learn's way."""

import math
from typing import Any, Literal, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from gru_tf.foundation.errors import UserError, counted, shown
from gru_tf.tasks import Array, Examples, Signature
from gru_tf.tasks._forecast_errors import radii
from gru_tf.tasks._windows import cut
from gru_tf.tasks.own._scaling import of_rows
from gru_tf.training.estimators._network import NetworkEstimator
from gru_tf.training.estimators._series import Series, continued, read, step_of
from gru_tf.training.estimators._training import Weighted

# name → how rows are scaled, and how the network scales each window
SCALINGS = {
    "standard": ("series", "none"),
    "robust": ("robust", "none"),
    "window": ("series", "standard"),
    "window-robust": ("series", "robust"),
    None: (None, "none"),
}


class Forecaster(NetworkEstimator):
    """One recurrent network that forecasts the next rows of a series from the rows before, with scikit-learn's interface.

    A series is an array (rows,), or (rows, targets) of several that are forecast together, or a pandas series or frame,
    whose index of times, periods or whole numbers the forecasts continue.

    Args:
        cell, units, parameters, options, layers, bidirectional, dropout,
            epochs, batch_size, learning_rate, random_state: as of `SequenceClassifier`.
        horizon: rows to forecast, all at once.
        window: rows that the network reads; None for two seasons, or without a season for twice the horizon, at least 10.
        season: rows after which the series repeats, such as 12 for months; 0 for none. It is the default of `window`, and
            `score` compares with the seasonal naive forecast.
        relative: whether the network predicts changes from the last row that it reads; for a level that moves.
        patience: epochs without a lower validation loss before training stops; None to train all epochs.
        validation_fraction: share of the rows, the last ones, that choose the epoch and whose errors make intervals; 0 to
            train on all, without intervals.
        scaling: "standard" (mean and deviation of the rows to train on), "robust" (median and quartiles); "window" and
            "window-robust": also each window by itself, for a spread that moves; None for numbers as they are.

    Attributes:
        history_: "train_loss" and "validation_loss", mean squared errors of the scaled rows, by epoch.
        window_: rows that the network reads.
        validation_errors_: (windows, horizon, targets) forecasts less values of the rows held out, in units of the series.

    Further attributes are `n_iter_`, `best_epoch_`, `units_`, `parameters_` and `model_`, as of `SequenceClassifier`.

    Example:
        >>> model = gru_tf.Forecaster("gru", horizon=12, season=12).fit(passengers)
        >>> model.predict(coverage=0.8)
    """

    def __init__(
        self,
        cell: str = "gru",
        *,
        horizon: int = 1,
        window: int | None = None,
        season: int = 0,
        relative: bool = True,
        units: int = 32,
        parameters: int | None = None,
        options: dict[str, Any] | None = None,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        epochs: int = 200,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        patience: int | None = 20,
        validation_fraction: float = 0.2,
        scaling: Literal["standard", "robust", "window", "window-robust"] | None = "standard",
        random_state: Any = None,
    ):
        self.cell = cell
        self.horizon = horizon
        self.window = window
        self.season = season
        self.relative = relative
        self.units = units
        self.parameters = parameters
        self.options = options
        self.layers = layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.scaling = scaling
        self.random_state = random_state

    def fit(self, series: Any, y: None = None) -> Self:
        """Train on the windows of a series.

        Args:
            series: (rows,) or (rows, targets), in order of time.
            y: not read; scikit-learn's pipelines and searches pass it.

        Raises:
            UserError: for a parameter that is not possible, too few rows, a missing value, and times that are not regular.
        """
        scaling, in_network = self._expect_scaling(SCALINGS)
        given, run = read(series), self._run(self._seed(), in_network)
        self.window_ = self._expect_rows(given)
        self._step = None if given.index is None else step_of(given.index)
        split = len(given.values) - self._held_out(len(given.values))
        targets = given.values.shape[1]
        self._centre, self._spread = np.zeros(targets), np.ones(targets)
        if scaling is not None:
            self._centre, spread = of_rows(scaling, given.values[:split])
            self._spread = np.where(spread > 0, spread, 1.0)
        kept = max(self.window_, int(self.season))
        index = None if given.index is None else given.index[-kept:]
        self._recent = Series(given.values[-kept:], given.names, index, given.flat)
        signature = Signature(self.window_, targets, int(self.horizon) * targets, "value", continued=tuple(range(targets)))
        rows, last = self._scaled(given.values), len(given.values) - self.horizon
        training = self._examples(rows, np.arange(self.window_, split - self.horizon + 1))
        validation = self._examples(rows, np.arange(split, last + 1)) if split < len(rows) else None
        self._train(run, signature, _alike(training), None if validation is None else _alike(validation))
        self.validation_errors_ = np.zeros((0, self.horizon, targets))
        if validation is not None:
            errors = self._by_step(self._network.outputs(np.asarray(validation.inputs), validation.lengths))
            self.validation_errors_ = (errors - self._by_step(np.asarray(validation.targets))) * self._spread
        return self

    def predict(self, series: Any = None, *, coverage: float | None = None) -> Any:
        """The next `horizon` rows.

        Args:
            series: the rows before them, at least a window, of the targets of `fit`; None for those of `fit`.
            coverage: the share of values, such as 0.8, that intervals around the forecast are to cover, by split conformal
                prediction from `validation_errors_`; a whole number of percent. None for no intervals.

        Returns:
            An array (horizon,) or (horizon, targets), or a pandas series or frame, as `fit` had. With `coverage` a last axis
            of the array has forecast, low and high; a frame has the columns NAME, NAME_low_80 and NAME_high_80.

        Raises:
            ValueError: before `fit`, scikit-learn's `NotFittedError`.
            UserError: where there are fewer rows than a window, other targets, or too few errors for the coverage.
        """
        check_is_fitted(self)
        before = self._recent if series is None else self._expect_like(read(series))
        forecast = self._forecasts(before.values, np.array([len(before.values)]))[0]
        index = None if before.index is None else continued(before.index, self.horizon, self._step)
        if coverage is None:
            return before.answer(forecast, index)
        return before.with_intervals(forecast, self._radii(coverage), index, round(100 * coverage))

    def score(self, series: Any, y: None = None) -> float:
        """Skill on the rows that follow those of `fit`: 1 − mean absolute error / that of the naive forecast.

        It is 1 where all forecasts are right, and 0 where they are no better than the last season's values, or without a
        season than the last value. Each row from which `horizon` rows follow is forecast from the rows before it, those of
        `fit` among them. Of several targets it is the mean.

        Args:
            series: (rows,) or (rows, targets), at least `horizon` rows, that follow those of `fit`.
            y: not read.

        Raises:
            ValueError: before `fit`, scikit-learn's `NotFittedError`.
            UserError: for other targets, and fewer rows than the horizon.
        """
        check_is_fitted(self)
        following = self._expect_targets(read(series)).values
        if len(following) < self.horizon:
            raise UserError(f"score: expected at least {self.horizon} rows, the horizon. Received: {len(following)}")
        rows = np.concatenate([self._recent.values, following])
        starts = np.arange(len(self._recent.values), len(rows) - self.horizon + 1)
        ahead = np.arange(self.horizon)
        truth = rows[starts[:, None] + ahead]
        season = int(self.season)
        naive = rows[starts[:, None] - season + ahead % season] if season else rows[starts - 1][:, None]
        errors = np.abs(self._forecasts(rows, starts) - truth).mean((0, 1))
        naive_errors = np.abs(naive - truth).mean((0, 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            skill = np.where(naive_errors > 0, 1 - errors / naive_errors, np.where(errors > 0, 0.0, 1.0))
        return float(skill.mean())

    def _forecasts(self, values: Array, starts: Array) -> Array:
        """(N, horizon, targets) in units, from the rows before each start."""
        rows = self._scaled(values)
        inputs = np.stack([rows[start - self.window_ : start] for start in starts])
        last = inputs[:, -1:].astype(np.float64) if self.relative else 0.0
        inputs = inputs - inputs[:, -1:] if self.relative else inputs
        outputs = self._network.outputs(inputs, np.full(len(inputs), self.window_))
        return np.asarray((self._by_step(outputs) + last) * self._spread + self._centre)

    def _scaled(self, values: Array) -> Array:
        return np.asarray((values - self._centre) / self._spread, np.float32)

    def _by_step(self, outputs: Array) -> Array:
        return outputs.reshape(len(outputs), self.horizon, -1).astype(np.float64)

    def _examples(self, rows: Array, starts: Array) -> Examples:
        targets = range(rows.shape[1])
        return cut(rows, starts, self.window_, self.horizon, targets, targets if self.relative else ())

    def _radii(self, coverage: float) -> Array:
        """(horizon, targets) half the width of the intervals."""
        percent = 100 * coverage
        if not 0 < coverage < 1 or not math.isclose(percent, round(percent)):
            raise UserError(f"coverage: received {shown(coverage)}, expected a whole number of percent, such as 0.8")
        radius = radii(self.validation_errors_, round(percent))
        if not np.isfinite(radius).all():
            count = len(self.validation_errors_)
            most = f"at most {math.floor(100 * count / (count + 1)) / 100:g} with {count} windows held out"
            raise UserError(f"coverage: received {coverage:g}, expected {most}; a larger validation_fraction has more")
        return radius

    def _expect_rows(self, given: Series) -> int:
        """The window; UserError where a count is none, or where rows are too few for training and validation."""
        for name, least in (("horizon", 1), ("season", 0), ("window", 1)):
            value = getattr(self, name)
            whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
            if not (value is None and name == "window") and (not whole or value < least):
                raise UserError(f"Forecaster: {name}: received {shown(value)}, expected a whole number of at least {least}")
        window = int(self.window or 2 * self.season or max(10, 2 * self.horizon))
        rows = len(given.values)
        training = rows - self._held_out(rows)
        if training < window + self.horizon:
            size = f"a window of {window} and a horizon of {self.horizon}"
            needed = f"at least {window + self.horizon} rows to train on for {size}"
            raise UserError(f"the series: expected {needed}. Received: {rows}, of which {training} to train on")
        return window

    def _held_out(self, rows: int) -> int:
        """Rows that validate: a share, at least a horizon; 0 for none."""
        share = self._expect_share()
        return max(round(share * rows), self.horizon) if share else 0

    def _expect_targets(self, given: Series) -> Series:
        known = self._recent
        others = given.names is not None and known.names is not None and given.names != known.names
        if others or given.values.shape[1] != known.values.shape[1]:
            expected, received = (each.names or counted(each.values.shape[1], "target") for each in (known, given))
            raise UserError(f"the series: expected {expected}. Received: {received}")
        return given

    def _expect_like(self, given: Series) -> Series:
        self._expect_targets(given)
        if len(given.values) < self.window_:
            raise UserError(f"the series: expected at least {self.window_} rows, a window. Received: {len(given.values)}")
        return given


def _alike(examples: Examples) -> Weighted:
    return Weighted(examples, np.ones(len(examples), np.float32))
