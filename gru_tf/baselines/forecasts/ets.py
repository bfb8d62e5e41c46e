"""Exponential smoothing with additive errors: a level, a trend and a season, updated by each row's error.

With ŷ_t the forecast of row t by the rows before it and e_t = y_t − ŷ_t:

    ŷ_t = l_{t−1} + φ b_{t−1} + s_{t−m}          or  (l_{t−1} + φ b_{t−1}) · s_{t−m}
    l_t = l_{t−1} + φ b_{t−1} + α e_t                … α e_t / s_{t−m}
    b_t = φ b_{t−1} + β e_t                          … β e_t / s_{t−m}
    s_t = s_{t−m} + γ e_t                            … γ e_t / l_t (Holt and Winters)

φ is 1 for a linear trend, below for a damped one.

    ŷ_{t+h} = l_t + (φ + … + φ^h) b_t + s_{t+h−m(k+1)}, k = ⌊(h−1)/m⌋

α, β, γ and φ are those of the highest likelihood on the training rows of each series and target. With them fixed, the states
are carried on to the start of each forecast. Other columns than the targets are not read. A multiplicative season is tried
in the file's units where all training rows are above 0. Where the task states no season, training is shorter than three of
them, or times have gaps, so that a season is not a number of rows, no season is tried.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gru_tf.baselines.baseline import Baseline, FittedBaseline, ModelInputs, Settings, TrainingData
from gru_tf.baselines.forecasts._repeated import as_targets, of_forecast
from gru_tf.foundation.array import Array
from gru_tf.tasks import ForecastRows, Signature

LEAST = 20  # training rows of a series
SEASONS = 3  # in training, for a season to be tried
MOST = 50  # series times targets
LONGEST = 50_000  # rows of a series, which are smoothed one by one
TRENDS = ("none", "linear", "damped")
READ = 4000  # training rows of a series by which parameters are chosen, the last ones
READ_IN_ALL = 40_000


@dataclass(frozen=True)
class Smoothing:
    """The parameters and first states of S series of one target each.

    Args:
        season: "none", "add" or "mul"; m: its rows, 1 for none.
        alpha, beta, gamma, phi: (S,).
        level, trend: (S,) before the first row.
        seasonal: (m, S) of the m rows before the first.
    """

    season: str
    m: int
    alpha: Array
    beta: Array
    gamma: Array
    phi: Array
    level: Array
    trend: Array
    seasonal: Array

    def states(self, rows: Array) -> tuple[Array, Array, Array]:
        """Levels and trends (T + 1, S) before each of the rows (T, S) and after the last, seasons (m + T, S)."""
        count = len(rows)
        levels, trends = np.empty((2, count + 1, rows.shape[1]))
        seasons = np.concatenate([self.seasonal, np.empty_like(rows)])
        level, trend = levels[0], trends[0] = self.level, self.trend
        for t in range(count):
            damped = self.phi * trend
            base, season = level + damped, seasons[t]
            if self.season == "mul":
                error = rows[t] - base * season
                by_season = error / season
            else:
                error = by_season = rows[t] - base - season
            level = levels[t + 1] = base + self.alpha * by_season
            trend = trends[t + 1] = damped + self.beta * by_season
            seasons[self.m + t] = season + self.gamma * (error / level if self.season == "mul" else error)
        return levels, trends, seasons

    def forecast(self, rows: Array, starts: Array, series: Array, horizon: int) -> Array:
        """(N, horizon) of the rows from each start on, by those before it.

        Args:
            rows: (T, S).
            starts: (N,) row of each.
            series: (N,) column of each.
            horizon: rows to forecast.
        """
        levels, trends, seasons = self.states(rows)
        phi = self.phi[series][:, None]
        damped = np.cumsum(phi ** np.arange(1, horizon + 1), axis=1)
        base = levels[starts, series][:, None] + damped * trends[starts, series][:, None]
        repeated = seasons[starts[:, None] + np.arange(horizon) % self.m, series[:, None]]
        forecast: Array = base * repeated if self.season == "mul" else base + repeated
        return forecast


@dataclass(frozen=True)
class FittedEts(FittedBaseline):
    """Smoothing of all series and targets.

    Args:
        smoothing: of the columns of `side_by_side`.
        size: parameters and first states.
    """

    smoothing: Smoothing
    size: int

    def predict(self, inputs: ModelInputs) -> Array:
        """(N, horizon · targets)."""
        rows, starts = of_forecast(inputs)
        targets = rows.rows.shape[1]
        values, firsts = side_by_side(rows)
        series = np.searchsorted(firsts, starts - 1, side="right") - 1
        # what comes after the last start is not read
        last = int((starts - firsts[series]).max())
        forecast = np.empty((len(starts), rows.horizon, targets))
        for target in range(targets):
            columns = series * targets + target
            forecast[..., target] = self.smoothing.forecast(values[:last], starts - firsts[series], columns, rows.horizon)
        return as_targets(rows, starts, rows.on_scale(forecast, starts))


class Ets(Baseline):
    """Exponential smoothing by statsmodels, a model for each series and target."""

    reference: ClassVar[str] = (
        "R. J. Hyndman, A. B. Koehler, J. K. Ord, R. D. Snyder, Forecasting with Exponential Smoothing, 2008"
    )

    def grid(self, signature: Signature, training: TrainingData) -> tuple[Settings, ...]:
        """No trend, a linear or a damped one; no season, an additive or, where there can be one, a multiplicative one."""
        seasons = ["none"]
        rows = training.rows
        if rows is not None and _has_season(rows):
            seasons += ["add", "mul"] if (rows.in_units()[rows.training] > 0).all() else ["add"]
        return tuple({"trend": trend, "season": season} for season in seasons for trend in TRENDS)

    def fit(self, signature: Signature, training: TrainingData, settings: Settings, seed: int) -> FittedEts:
        """Parameters by the likelihood of the last training rows of each series."""
        assert training.rows is not None  # noqa: S101, `why_not` says so
        rows, season = training.rows, str(settings["season"])
        values, firsts = side_by_side(rows)
        lengths = np.add.reduceat(rows.training.astype(np.int64), firsts)
        m, targets = (rows.season if season != "none" else 1), rows.rows.shape[1]
        read = max(min(READ, READ_IN_ALL // values.shape[1]), (SEASONS + 1) * m)
        fits = [
            _parameters(values[: lengths[column // targets], column], str(settings["trend"]), season, m, read)
            for column in range(values.shape[1])
        ]
        alpha, beta, gamma, phi, level, trend = np.array([numbers for numbers, _ in fits]).T
        seasonal = np.array([first for _, first in fits]).T
        smoothing = Smoothing(season, m, alpha, beta, gamma, phi, level, trend, seasonal)
        each = 2 + {"none": 0, "linear": 2, "damped": 3}[str(settings["trend"])] + (1 + m) * (season != "none")
        return FittedEts(smoothing, size=each * values.shape[1])

    def why_not(self, signature: Signature, training: TrainingData) -> str:
        """Where there are too many series, or too many or too few rows in one."""
        rows = training.rows
        if rows is None:
            return "the task is no forecast of a series"
        firsts = np.unique(rows.firsts)
        if (count := len(firsts) * rows.rows.shape[1]) > MOST:
            return f"{count:,} series and targets, each of which needs a model; at most {MOST} are fitted"
        longest = int(np.diff(np.append(firsts, len(rows.firsts))).max())
        if longest > LONGEST:
            return f"a series has {longest:,} rows, which are smoothed one by one; at most {LONGEST:,} are"
        least = int(np.add.reduceat(rows.training.astype(np.int64), firsts).min())
        return "" if least >= LEAST else f"a series has {least} training rows; at least {LEAST} are needed"


def side_by_side(rows: ForecastRows) -> tuple[Array, Array]:
    """All series in the file's units, (longest, series · targets), and their first rows.

    Shorter ones are followed by their last row.
    """
    firsts = np.unique(rows.firsts)
    ends = np.append(firsts[1:], len(rows.rows))
    place = np.minimum(firsts + np.arange((ends - firsts).max())[:, None], ends - 1)
    return rows.in_units()[place].reshape(len(place), -1), firsts


def _has_season(rows: ForecastRows) -> bool:
    firsts = np.unique(rows.firsts)
    shortest = int(np.add.reduceat(rows.training.astype(np.int64), firsts).min())
    return rows.regular and rows.season > 1 and shortest >= SEASONS * rows.season


def _parameters(rows: Array, trend: str, season: str, m: int, read: int) -> tuple[list[float], Array]:
    """α, β, γ, φ by the last rows of one series; its first level, first trend and first seasons (m,)."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    if rows.min() == rows.max():  # nothing to learn, and no likelihood
        return [1.0, 0.0, 0.0, 0.0, float(rows[0]), 0.0], np.full(m, 1.0 if season == "mul" else 0.0)
    options: dict[str, Any] = {
        "error": "add",
        "trend": None if trend == "none" else "add",
        "damped_trend": trend == "damped",
    }
    options |= {"seasonal": season, "seasonal_periods": m} if season != "none" else {}
    whole = ETSModel(rows, initialization_method="heuristic", **options)
    part = whole if len(rows) <= read else ETSModel(rows[-read:], initialization_method="heuristic", **options)
    result = part.fit(disp=False)
    values = dict(zip(result.param_names, result.params, strict=True))
    if trend == "linear":
        values["damping_trend"] = 1.0
    slope = 0.0 if trend == "none" else float(whole.initial_trend)
    seasonal = np.asarray(whole.initial_seasonal) if season != "none" else np.full(m, 0.0)
    names = ("smoothing_level", "smoothing_trend", "smoothing_seasonal", "damping_trend")
    return [*(float(values.get(name, 0.0)) for name in names), float(whole.initial_level), slope], seasonal


BASELINE = Ets()
