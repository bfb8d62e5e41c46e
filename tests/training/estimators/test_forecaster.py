"""The forecaster beside the seasons that it is to find, and beside NumPy's intervals."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

import gru_tf

UNNAMED = pd.DatetimeIndex(list(pd.date_range("2020", periods=60, freq="h")))  # which notes no frequency
QUICK = {"units": 8, "epochs": 3, "random_state": 0}
LEARNS = {"horizon": 7, "season": 7, "learning_rate": 0.01, "random_state": 0}


def weekly(rows, noise=0.0, seed=0):
    """Sums of two weekly waves about 50, with noise."""
    t, rng = np.arange(rows), np.random.default_rng(seed)
    wave = 10 * np.sin(2 * np.pi * t / 7) + 4 * np.cos(4 * np.pi * t / 7)
    return 50 + wave + noise * rng.normal(size=rows)


@pytest.fixture(scope="module")
def fitted():
    """On 400 days of noisy weeks."""
    days = pd.Series(weekly(400, 1.0), pd.date_range("2024-01-01", periods=400, freq="D"), name="load")
    return gru_tf.Forecaster(**LEARNS).fit(days), days


def test_the_forecast_is_near_the_season(fitted):
    model, days = fitted
    truth = weekly(407)[400:]
    forecast = model.predict()
    assert np.abs(forecast - truth).mean() < 1.0
    assert np.abs(days.mean() - truth).mean() > 5
    assert forecast.name == "load"
    pd.testing.assert_index_equal(forecast.index, pd.date_range("2025-02-04", periods=7, freq="D"))


def test_the_score_is_the_skill_that_numpy_computes(fitted):
    model, days = fitted
    after = pd.Series(weekly(430, 1.0, seed=0)[400:], pd.date_range(days.index[-1], periods=31, freq="D")[1:], name="load")
    rows = np.concatenate([days, after])
    errors, naive = [], []
    for start in range(400, 430 - 7 + 1):
        truth = rows[start : start + 7]
        forecast = model.predict(pd.Series(rows[:start], pd.date_range("2024-01-01", periods=start), name="load"))
        errors.append(np.abs(forecast - truth).mean())
        naive.append(np.abs(rows[start - 7 : start] - truth).mean())
    skill = 1 - np.mean(errors) / np.mean(naive)
    assert model.score(after) == pytest.approx(skill, abs=1e-5)
    assert 0 < skill < 0.5


def test_intervals_are_numpys_quantiles_of_the_errors_on_the_rows_held_out(fitted):
    model, days = fitted
    values, split = days.to_numpy(), 320
    errors = []
    for start in range(split, 400 - 7 + 1):
        before = pd.Series(values[:start], days.index[:start], name="load")
        errors.append(np.abs(model.predict(before) - values[start : start + 7]))
    place = math.ceil(0.8 * (len(errors) + 1))
    radius = np.sort(np.array(errors), axis=0)[place - 1]
    frame = model.predict(coverage=0.8)
    assert list(frame.columns) == ["load", "load_low_80", "load_high_80"]
    np.testing.assert_allclose(frame["load_high_80"] - frame["load"], radius, rtol=1e-4)
    np.testing.assert_allclose(frame["load"] - frame["load_low_80"], radius, rtol=1e-4)
    wider = model.predict(coverage=0.95)
    assert (wider["load_high_95"] - wider["load"] > radius).all()


def test_intervals_cover_about_what_they_are_to_cover():
    rows = weekly(900, 1.0, seed=3)
    model = gru_tf.Forecaster(**LEARNS, validation_fraction=0.3).fit(rows[:600])
    ends = np.stack([model.predict(rows[:start], coverage=0.8) for start in range(600, 893)])
    truth = np.lib.stride_tricks.sliding_window_view(rows[600:], 7)[: len(ends)]
    covered = ((ends[..., 1] <= truth) & (truth <= ends[..., 2])).mean()
    assert 0.72 < covered < 0.88


def test_the_level_of_a_rising_series_is_followed():
    rows = np.arange(200.0) + weekly(200)
    ahead = np.arange(200.0, 207.0) + weekly(207)[200:]
    assert np.abs(gru_tf.Forecaster(**LEARNS).fit(rows).predict() - ahead).mean() < 2.0
    absolute = gru_tf.Forecaster(**LEARNS, relative=False)
    assert np.abs(absolute.fit(rows).predict() - ahead).mean() > 4.0
    assert np.abs(absolute.fit(weekly(200)).predict() - weekly(207)[200:]).mean() < 2.0


def test_rows_held_out_are_not_trained_on():
    """Others in their place change the validation loss alone."""
    rows, others = weekly(100), np.append(weekly(80), np.full(20, 70.0))
    one, two = (gru_tf.Forecaster(**QUICK, horizon=2).fit(each).history_ for each in (rows, others))
    assert one["train_loss"] == two["train_loss"]
    assert one["validation_loss"] != two["validation_loss"]


@pytest.mark.parametrize("scaling", ["standard", "robust", "window", "window-robust", None])
def test_every_scaling_answers_in_the_units_of_the_series(scaling):
    rows = weekly(150)
    centred = (rows - 50) / 5 if scaling is None else rows
    forecast = gru_tf.Forecaster(**LEARNS | {"epochs": 60}, scaling=scaling).fit(centred).predict()
    truth = weekly(157)[150:]
    assert np.abs(forecast * (5 if scaling is None else 1) + (50 if scaling is None else 0) - truth).mean() < 3


def test_several_targets_and_a_frame():
    frame = pd.DataFrame({"a": weekly(200), "b": 1000 - weekly(200)}, pd.period_range("2000-01", periods=200, freq="M"))
    model = gru_tf.Forecaster(**LEARNS).fit(frame)
    forecast = model.predict(frame[:100], coverage=0.5)
    assert list(forecast.columns) == ["a", "a_low_50", "a_high_50", "b", "b_low_50", "b_high_50"]
    assert forecast.index.equals(pd.period_range("2008-05", periods=7, freq="M"))
    assert np.abs(forecast["a"] - weekly(107)[100:]).mean() < 3
    assert np.abs(forecast["b"] - (1000 - weekly(107)[100:])).mean() < 3
    assert model.predict(frame.to_numpy()).shape == (7, 2)
    with pytest.raises(gru_tf.UserError, match=r"expected \('a', 'b'\). Received: \('b', 'a'\)"):
        model.predict(frame[["b", "a"]])


def test_an_array_gives_an_array():
    model = gru_tf.Forecaster(**QUICK, horizon=3).fit(weekly(80))
    assert model.window_ == 10
    assert model.predict().shape == (3,)
    assert model.predict(coverage=0.5).shape == (3, 3)
    np.testing.assert_array_equal(model.predict(weekly(80)), model.predict())
    assert not np.array_equal(model.predict(weekly(79)), model.predict())


@pytest.mark.parametrize(
    ("index", "following"),
    [
        (pd.date_range("2020-01-31", periods=60, freq="ME"), pd.date_range("2025-01-31", periods=2, freq="ME")),
        (UNNAMED, pd.date_range("2020-01-03 12:00", periods=2, freq="h")),
        (pd.RangeIndex(0, 120, 2), pd.RangeIndex(120, 124, 2)),
        (pd.Index(range(1900, 1960), name="year"), pd.RangeIndex(1960, 1962, name="year")),
        (pd.timedelta_range("0s", periods=60, freq="s"), pd.timedelta_range("60s", periods=2, freq="s")),
    ],
    ids=["months", "hours", "steps", "years", "seconds"],
)
def test_the_index_is_continued(index, following):
    forecast = gru_tf.Forecaster(**QUICK, horizon=2).fit(pd.Series(weekly(60), index)).predict()
    pd.testing.assert_index_equal(forecast.index, following, check_names=True)


def test_two_rows_take_the_frequency_of_training():
    two = pd.Series([50.0, 51.0], pd.DatetimeIndex(["2030-01-01 00:00", "2030-01-01 01:00"]))
    model = gru_tf.Forecaster(**QUICK, window=2).fit(pd.Series(weekly(60), UNNAMED))
    assert list(model.predict(two).index) == [pd.Timestamp("2030-01-01 02:00")]
    with pytest.raises(gru_tf.UserError, match="expected at least 3 times, which show their frequency. Received: 2"):
        model.fit(weekly(60)).predict(two)


def test_pickles_clones_and_seeds(fitted):
    model, days = fitted
    again = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(again.predict(coverage=0.8), model.predict(coverage=0.8))
    copy = clone(model)
    with pytest.raises(NotFittedError):
        copy.predict()
    pd.testing.assert_series_equal(copy.fit(days).predict(), model.predict())
    assert not clone(model).set_params(random_state=1).fit(days).predict().equals(model.predict())


def test_a_search_over_origins():
    search = GridSearchCV(gru_tf.Forecaster(**LEARNS), {"epochs": [1, 60]}, cv=TimeSeriesSplit(2, test_size=20))
    rows = weekly(200, 0.5)
    assert search.fit(rows).best_params_ == {"epochs": 60}
    assert search.predict(rows).shape == (7,)


def test_without_rows_held_out_all_train_and_there_are_no_intervals():
    model = gru_tf.Forecaster(**QUICK, validation_fraction=0, patience=None).fit(weekly(60))
    assert list(model.history_) == ["train_loss"]
    with pytest.raises(gru_tf.UserError, match="coverage: received 0.8, expected at most 0 with 0 windows held out"):
        model.predict(coverage=0.8)


@pytest.mark.parametrize(
    ("options", "series", "message"),
    [
        ({"horizon": 0}, weekly(60), "Forecaster: horizon: received 0, expected a whole number of at least 1"),
        ({"season": 1.5}, weekly(60), "Forecaster: season: received 1.5, expected a whole number of at least 0"),
        ({"scaling": "windows"}, weekly(60), "Forecaster: scaling: received 'windows', expected one of"),
        ({"window": 50}, weekly(60), "at least 51 rows to train on for a window of 50 and a horizon of 1. Received: 60, of"),
        ({}, np.append(weekly(60), np.nan), "the series: expected finite numbers. Received: NaN or infinity in row 60"),
        ({}, np.zeros((3, 3, 3)), "the series: expected numbers (rows,) or (rows, targets). Received: the shape (3, 3, 3)"),
        ({}, pd.Series(weekly(60), pd.date_range("2024", periods=60)[::-1]), "expected an index in order, each entry once"),
        (
            {},
            pd.Series(weekly(60), UNNAMED[:30].append(UNNAMED[30:] + pd.Timedelta("1h"))),
            "expected an index without gaps",
        ),
        (
            {},
            pd.Series(weekly(60), [f"row {n}" for n in range(60)]),
            "expected an index of times or whole numbers. Received: 'row 0'",
        ),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, (str, dict)) else "",
)
def test_a_mistake_is_named_at_fit(options, series, message):
    with pytest.raises(gru_tf.UserError) as refused:
        gru_tf.Forecaster(**QUICK | options).fit(series)
    assert message in str(refused.value)


@pytest.mark.parametrize("coverage", [0, 1, 80, 0.805])
def test_a_coverage_is_a_share_in_whole_percent(coverage, fitted):
    with pytest.raises(gru_tf.UserError, match=f"coverage: received {coverage}, expected a whole number of percent"):
        fitted[0].predict(coverage=coverage)


def test_too_few_rows_to_predict_from_or_to_score(fitted):
    model, days = fitted
    with pytest.raises(gru_tf.UserError, match="expected at least 14 rows, a window. Received: 13"):
        model.predict(days[:13])
    with pytest.raises(gru_tf.UserError, match="score: expected at least 7 rows, the horizon. Received: 6"):
        model.score(days[:6])
