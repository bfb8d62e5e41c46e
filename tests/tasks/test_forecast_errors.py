"""Errors of forecasts against scikit-learn and against loops written out; intervals against the coverage they promise."""

import math

import numpy as np
import pytest
from sklearn import metrics

from gru_tf.tasks._forecast_errors import Forecasts, naive_scale, radii, values_of

RNG = np.random.default_rng(7)


def made(windows: int = 40, horizon: int = 3, targets: int = 1) -> Forecasts:
    truth = RNG.uniform(5, 50, (windows, horizon, targets))
    predicted = truth + RNG.standard_normal(truth.shape)
    series = np.arange(windows) % 4
    scale = np.array([[1.0], [2.0], [4.0], [8.0]])[series] * np.ones((1, targets))
    return Forecasts(truth, predicted, scale, 3 * scale, series, tuple("abcd"))


def test_the_worked_example_of_the_docstring() -> None:
    truth, predicted = np.array([10.0, 20.0]).reshape(2, 1, 1), np.array([11.0, 16.0]).reshape(2, 1, 1)
    one = Forecasts(truth, predicted, np.full((2, 1), 2.0), np.full((2, 1), 2.0), np.zeros(2, int))
    errors = one.errors()
    assert errors["mae"] == 2.5
    assert errors["rmse"] == pytest.approx(math.sqrt(8.5))
    assert errors["mape"] == pytest.approx(15.0)
    assert errors["smape"] == pytest.approx((200 / 21 + 800 / 36) / 2)
    assert errors["mase"] == 1.25


def test_errors_are_those_of_scikit_learn() -> None:
    forecasts = made()
    errors = forecasts.errors()
    truth, predicted = forecasts.truth.ravel(), forecasts.predicted.ravel()
    assert errors["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, predicted))
    assert errors["mae"] == pytest.approx(metrics.mean_absolute_error(truth, predicted))
    assert errors["mape"] == pytest.approx(100 * metrics.mean_absolute_percentage_error(truth, predicted))
    off = np.abs(forecasts.truth - forecasts.predicted)
    by_hand = [off[n, h, 0] / forecasts.scale[n, 0] for n in range(40) for h in range(3)]
    assert errors["mase"] == pytest.approx(sum(by_hand) / len(by_hand))


def test_a_percentage_of_zero_is_left_out_and_so_is_a_scale_of_nothing() -> None:
    forecasts = made()
    forecasts.truth[3, 1, 0] = 0.0
    assert "mape" not in forecasts.errors()
    assert "smape" in forecasts.errors()
    without = Forecasts(forecasts.truth, forecasts.predicted, np.full((40, 1), np.nan), forecasts.unit, forecasts.series)
    assert "mase" not in without.errors()


def test_squares_of_several_targets_are_counted_in_the_spread_of_each() -> None:
    forecasts = made(targets=2)
    errors = forecasts.errors()
    standardised = (forecasts.predicted - forecasts.truth) / forecasts.unit[:, None]
    assert "rmse" not in errors
    assert errors["mse"] == pytest.approx(np.mean(standardised**2))
    assert errors["mae"] == pytest.approx(np.mean(np.abs(standardised)))


def test_parts_put_together_are_the_whole() -> None:
    forecasts = made()
    parts = [forecasts.part(np.arange(40)[part]).terms() for part in (slice(0, 13), slice(13, 40))]
    assert values_of(*parts) == pytest.approx(forecasts.errors())


def test_by_series_and_by_step() -> None:
    forecasts = made()
    by_series, by_step = forecasts.by_series(), forecasts.by_step()
    assert list(by_series) == ["a", "b", "c", "d"]
    own = forecasts.series == 2
    assert by_series["c"]["mae"] == pytest.approx(np.abs(forecasts.predicted - forecasts.truth)[own].mean())
    assert list(by_step) == ["1", "2", "3"]
    assert by_step["2"]["mae"] == pytest.approx(np.abs(forecasts.predicted - forecasts.truth)[:, 1].mean())
    assert made(horizon=1).by_step() == {}


@pytest.mark.parametrize("season", [0, 4])
def test_the_naive_scale_by_a_loop(season: int) -> None:
    rows = RNG.standard_normal((30, 2)).cumsum(0)
    firsts = np.repeat([0, 18], [18, 12])
    training = np.array([*[True] * 14, *[False] * 4, *[True] * 9, *[False] * 3])
    scale = naive_scale(rows, firsts, training, season)
    lag = season or 1
    for first, trained in ((0, 14), (18, 9)):
        for target in range(2):
            steps = [abs(rows[first + t, target] - rows[first + t - lag, target]) for t in range(lag, trained)]
            assert scale[first, target] == pytest.approx(sum(steps) / len(steps))


def test_the_naive_scale_of_a_constant_series_is_not_defined() -> None:
    scale = naive_scale(np.ones((10, 1)), np.zeros(10, int), np.ones(10, bool), 0)
    assert np.isnan(scale).all()


@pytest.mark.parametrize("coverage", [80, 95])
@pytest.mark.parametrize("name", ["normal", "heavy tails", "skewed", "two kinds", "uniform"])
def test_intervals_cover_what_they_promise(coverage: int, name: str) -> None:
    draw = {
        "normal": lambda n: RNG.standard_normal((n, 2)),
        "heavy tails": lambda n: RNG.standard_t(2, (n, 2)),
        "skewed": lambda n: RNG.exponential(1.0, (n, 2)) - 1,
        "two kinds": lambda n: RNG.standard_normal((n, 2)) * RNG.choice([1, 10], (n, 1)),
        "uniform": lambda n: RNG.uniform(-1, 1, (n, 2)),
    }[name]
    half = radii(draw(2_000), coverage)
    assert 100 * np.mean(np.abs(draw(20_000)) <= half) == pytest.approx(coverage, abs=3)


def test_an_interval_needs_enough_errors() -> None:
    errors = np.arange(1.0, 20)[:, None]
    assert radii(errors, 95) == 19  # the largest of 19
    assert np.isinf(radii(errors[:18], 95)).all()
    assert radii(errors, 80) == 16
