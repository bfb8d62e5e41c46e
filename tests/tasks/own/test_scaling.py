"""Series on a scale of their own: what becomes of their numbers, and of a network that reads them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gru_tf.foundation.errors import UserError
from gru_tf.tasks import create
from gru_tf.tasks.own.forecast import OwnForecast

DAYS, WEEK = 120, 7


def shops(folder: Path, levels: tuple[float, ...] = (25.0, 40.0, 9_800.0)) -> tuple[Path, pd.DataFrame]:
    """Sales of shops of different size, by day, each with a weekly season."""
    rng, dates = np.random.default_rng(3), pd.date_range("2021-01-01", periods=DAYS)
    parts = []
    for number, level in enumerate(levels):
        season = 1 + 0.3 * np.sin(2 * np.pi * np.arange(DAYS) / WEEK + number)
        sales = level * season * (1 + 0.05 * rng.standard_normal(DAYS))
        parts.append(pd.DataFrame({"date": dates, "shop": f"s{number}", "sales": sales}))
    frame = pd.concat(parts)
    frame.to_csv(folder / "shops.csv", index=False)
    return folder / "shops.csv", frame


def task(path: Path, **options: object) -> OwnForecast:
    chosen = {"target": ("sales",), "time": "date", "group": "shop", "window": 14, "season": WEEK}
    made = create("forecast", {"path": str(path), **chosen, **options})
    assert isinstance(made, OwnForecast)
    return made


def training_days(frame: pd.DataFrame, shop: str) -> np.ndarray:
    return frame[frame.shop == shop].sales.to_numpy()[: DAYS - 18 - 24]  # without 15 % and 20 % of the days


@pytest.mark.parametrize("relative", [True, False])
def test_each_series_is_standardised_by_its_own_training(tmp_path: Path, relative: bool) -> None:
    path, frame = shops(tmp_path)
    own = task(path, scale="series", relative=relative)
    splits = own.splits(np.random.default_rng(0))
    of_first = splits.train.inputs[0]
    known = training_days(frame, "s0")
    expected = (frame.sales.to_numpy()[:14] - known.mean()) / known.std()
    expected = expected - expected[-1] if relative else expected
    np.testing.assert_allclose(of_first[:, 0], expected, atol=1e-5)


def test_the_encodings_say_by_what_each_series_is_standardised(tmp_path: Path) -> None:
    path, frame = shops(tmp_path)
    encodings = task(path, scale="series").encodings()
    for shop in ("s0", "s1", "s2"):
        known = training_days(frame, shop)
        assert encodings["scales"][shop]["sales"] == pytest.approx({"mean": known.mean(), "deviation": known.std()})
    assert encodings["outputs"] == [{"target": "sales", "ahead": 1}], "the table's scale is not theirs"
    assert "scales" not in task(path).encodings()
    assert task(path, covariates=("weekday",)).encodings()["read_ahead"][0] == "weekday=Mon"


def test_robust_is_by_median_and_quartiles(tmp_path: Path) -> None:
    path, frame = shops(tmp_path)
    own = task(path, scale="robust", relative=False)
    known = training_days(frame, "s2")
    first, middle, third = np.quantile(known, [0.25, 0.5, 0.75])
    arrays = own.arrays()
    assert arrays["centres"][2, 0] == pytest.approx(middle)
    assert arrays["spreads"][2, 0] == pytest.approx((third - first) / 1.3489795003921634)


@pytest.mark.parametrize("scale", ["table", "series", "robust"])
@pytest.mark.parametrize("relative", [True, False])
def test_right_outputs_have_no_error_and_are_answered_in_units(tmp_path: Path, scale: str, relative: bool) -> None:
    path, frame = shops(tmp_path)
    own = task(path, scale=scale, relative=relative, measure="mase")
    splits = own.splits(np.random.default_rng(0))
    errors = own.measured("test", splits.test.targets)
    assert errors["rmse"] == pytest.approx(0, abs=0.05)  # of float32
    zero = np.zeros((3, 1), np.float32)
    answer = own.answer(zero, frame)
    last = frame.groupby("shop").sales.last()
    centre = own.arrays()["centres"][:, 0]
    np.testing.assert_allclose(answer.sales, last if relative else centre, rtol=1e-5)


def test_a_new_series_is_scaled_by_its_own_rows(tmp_path: Path) -> None:
    path, frame = shops(tmp_path)
    own = task(path, scale="series", relative=False)
    new = frame[frame.shop == "s0"].assign(shop="new", sales=lambda rows: 1e6 * rows.sales)
    inputs = own.prepare(new).inputs
    values = new.sales.to_numpy()
    np.testing.assert_allclose(inputs[0, :, 0], ((values - values.mean()) / values.std())[-14:], atol=1e-5)
    assert own.answer(np.zeros((1, 1)), new).sales[0] == pytest.approx(values.mean())


def test_a_series_that_begins_after_training_is_scaled_by_its_first_window(tmp_path: Path) -> None:
    _, frame = shops(tmp_path)
    late = frame[(frame.shop == "s1") & (frame.date > frame.date.max() - pd.Timedelta(days=30))].assign(shop="late")
    pd.concat([frame, late]).to_csv(tmp_path / "late.csv", index=False)
    arrays = task(tmp_path / "late.csv", scale="series").arrays()
    first = late.sales.to_numpy()[:14]
    assert arrays["centres"][3, 0] == pytest.approx(first.mean())
    assert arrays["spreads"][3, 0] == pytest.approx(first.std())


def test_naive_forecasts_are_scored_by_every_measure(tmp_path: Path) -> None:
    path, frame = shops(tmp_path)
    own = task(path, scale="series", measure="mase")
    errors = []
    for shop in ("s0", "s1", "s2"):
        values, known = frame[frame.shop == shop].sales.to_numpy(), training_days(frame, shop)
        q = np.abs(known[WEEK:] - known[:-WEEK]).mean()
        errors += [abs(values[t] - values[t - WEEK]) / q for t in range(DAYS - 24, DAYS)]
    assert own.naive_scores()["seasonal naive"] == pytest.approx(np.mean(errors))
    assert own.metric.name == "mase"
    assert own.metric.chance == min(own.naive_scores().values())


def test_a_measure_that_is_not_defined_is_refused(tmp_path: Path) -> None:
    path, frame = shops(tmp_path)
    frame.loc[frame.date == frame.date.max(), "sales"] = 0.0
    frame.to_csv(path, index=False)
    with pytest.raises(UserError, match="measure: received mape"):
        _ = task(path, measure="mape").metric


@pytest.mark.parametrize("measure", ["rmse", "mae", "smape", "mase"])
def test_baselines_are_chosen_and_tested_by_the_measure(tmp_path: Path, measure: str) -> None:
    from gru_tf.baselines import fitting

    path, _ = shops(tmp_path)
    own = task(path, scale="series", measure=measure)
    splits = own.splits(np.random.default_rng(0))
    fitted = fitting.fit("seasonal_naive", own, splits, 0)
    assert fitted.test == pytest.approx(own.naive_scores()["seasonal naive"], rel=1e-5)
    assert set(fitted.evaluation.parts["series"]) == {"s0", "s1", "s2"}


def test_small_series_are_forecast_beside_large_ones(tmp_path: Path) -> None:
    """With one scale for all, forecasts of the small shops are off by many times what last week's value is off by."""
    from gru_tf.experiment.experiment import Experiment
    from gru_tf.training import trainer

    path, _ = shops(tmp_path, (25.0, 26.0, 27.0, 9_800.0))
    behind = {}
    for scale in ("series", "table"):
        options = {"path": str(path), "target": ["sales"], "time": "date", "group": "shop", "window": 14, "season": WEEK}
        content = {
            "name": "shops",
            "question": "?",
            "tasks": [{"forecast": {**options, "scale": scale, "measure": "mase", "relative": False}}],
            "cells": ["gru"],
            "seeds": 1,
            "model": {"units": 16},
            "training": {"epochs": 25, "learning_rate": 0.005},
        }
        (run,) = Experiment.model_validate(content).runs()
        result = trainer.train(run)
        behind[scale] = max(result.parts["series"][shop]["mase"] for shop in ("s0", "s1", "s2"))
    assert behind["series"] < 1.3
    assert behind["table"] > 3 * behind["series"]
