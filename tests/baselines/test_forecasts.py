"""Naive forecasts and exponential smoothing, against plain Python and statsmodels' own forecasts."""

from collections.abc import Callable
from typing import Any

import naive
import numpy as np
import own_files
import pytest

from gru_tf.baselines.baseline import BASELINES, ModelInputs, TrainingData
from gru_tf.baselines.fitting import fit, why_not
from gru_tf.baselines.forecasts.ets import side_by_side
from gru_tf.tasks import Task
from gru_tf.tasks.forecasting.airline import Airline
from gru_tf.tasks.forecasting.sunspots import Sunspots
from gru_tf.tasks.own.forecast import OwnForecast

SHOP = {"path": own_files.path("shop.csv"), "target": ["sales"], "time": "day", "season": 7}
SHOPS = {"path": own_files.path("shops.parquet"), "target": ["sales", "visits"], "time": "day", "group": "shop", "season": 5}
PUBLISHED = [Airline(horizon=14), Airline(relative=False), Sunspots(horizon=140)]
OWN = [OwnForecast(**SHOP, window=5, horizon=9), OwnForecast(**SHOPS, window=10, horizon=3, relative=False)]


def predicted(name: str, task: Task) -> Any:
    splits = task.splits(np.random.default_rng(0))
    return fit(name, task, splits, 0).model.predict(ModelInputs.of_split(splits, "test", task.forecast_rows()))


@pytest.mark.parametrize("task", [*PUBLISHED, *OWN], ids=lambda task: type(task).__name__)
def test_naive_forecasts_are_those_of_plain_python(task: Task, needs_files: Callable[[Task], None]) -> None:
    needs_files(task)
    by_hand = naive.own_forecasts(task) if isinstance(task, OwnForecast) else naive.forecasts(task)
    assert np.allclose(predicted("naive", task), by_hand["last value"], atol=1e-5)
    assert np.allclose(predicted("seasonal_naive", task), by_hand["seasonal naive"], atol=1e-5)


SETTINGS = [(trend, season) for trend in ("none", "linear", "damped") for season in ("none", "add", "mul")]


@pytest.mark.parametrize(("trend", "season"), SETTINGS)
def test_smoothing_forecasts_as_statsmodels_does_from_every_start(trend: str, season: str) -> None:
    """A model of the rows before each start, with the parameters of the training rows."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    task = OwnForecast(**SHOP, window=5, horizon=9, relative=False)
    rows, splits = task.forecast_rows(), task.splits(np.random.default_rng(0))
    model: Any = BASELINES.find("ets").fit(
        task.signature, TrainingData(splits.train, rows), {"trend": trend, "season": season}, 0
    )
    forecast = model.predict(ModelInputs.of_split(splits, "test", rows)) * rows.deviation[0] + rows.mean[0]
    series = side_by_side(rows)[0][:, 0]
    options: dict[str, Any] = {"trend": None if trend == "none" else "add", "damped_trend": trend == "damped"}
    options |= {"seasonal": season, "seasonal_periods": 7} if season != "none" else {}
    known = ETSModel(series[rows.training], initialization_method="heuristic", **options)
    fitted = known.fit(disp=False)
    known_states: dict[str, Any] = {"initialization_method": "known", "initial_level": known.initial_level}
    known_states |= {} if trend == "none" else {"initial_trend": known.initial_trend}
    known_states |= {} if season == "none" else {"initial_seasonal": known.initial_seasonal}
    for place in (0, 30, len(splits.test) - 1):
        before = ETSModel(series[: rows.starts["test"][place]], **options, **known_states)
        assert np.allclose(before.smooth(fitted.params).forecast(9), forecast[place], rtol=1e-6)


def test_each_series_and_target_has_parameters_of_its_own() -> None:
    task = OwnForecast(**SHOPS, window=10, horizon=3)
    splits = task.splits(np.random.default_rng(0))
    model: Any = fit("ets", task, splits, 0).model
    values, firsts = side_by_side(task.forecast_rows())
    assert values.shape == (150, 6)
    assert len(firsts) == 3
    assert len(set(model.smoothing.level)) == 6
    assert model.size >= 12


def test_a_season_is_tried_where_there_is_one() -> None:
    def seasons(task: Task) -> set[Any]:
        splits = task.splits(np.random.default_rng(0))
        return {each["season"] for each in BASELINES.find("ets").grid(task.signature, TrainingData.of_task(task, splits))}

    assert seasons(OwnForecast(**SHOP, window=5)) == {"none", "add", "mul"}
    assert seasons(OwnForecast(**SHOPS, window=10)) == {"none", "add"}  # a random walk, which is below 0 at times
    assert seasons(OwnForecast(**{**SHOP, "season": 0}, window=5)) == {"none"}
    assert seasons(OwnForecast(**{**SHOP, "season": 100}, window=5)) == {"none"}  # training is shorter than three


def test_what_is_too_much_or_too_little_to_smooth_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    task = OwnForecast(**SHOPS, window=10)
    splits = task.splits(np.random.default_rng(0))
    assert why_not("ets", task, splits) == ""
    for name, value, reason in (
        ("MOST", 5, "6 series and targets, each of which needs a model; at most 5 are fitted"),
        ("LONGEST", 149, "a series has 150 rows, which are smoothed one by one; at most 149 are"),
        ("LEAST", 40, "a series has 38 training rows; at least 40 are needed"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(f"gru_tf.baselines.forecasts.ets.{name}", value)
            assert why_not("ets", task, splits) == reason


def test_rows_of_irregular_times_have_no_season(tmp_path: Any) -> None:
    import pandas

    frame = pandas.read_csv(own_files.path("shop.csv"))
    frame.drop(index=[40, 41, 42]).to_csv(tmp_path / "gaps.csv", index=False)
    task = OwnForecast(**{**SHOP, "path": str(tmp_path / "gaps.csv")}, window=5)
    splits = task.splits(np.random.default_rng(0))
    assert why_not("seasonal_naive", task, splits) == (
        "the times of the rows have gaps, so a season is not a number of rows"
    )
    grid = BASELINES.find("ets").grid(task.signature, TrainingData.of_task(task, splits))
    assert {each["season"] for each in grid} == {"none"}
    frame.loc[60, "sales"] = np.nan
    frame.to_csv(tmp_path / "dropped.csv", index=False)
    dropped = OwnForecast(**{**SHOP, "path": str(tmp_path / "dropped.csv")}, window=5, missing="drop")
    assert not dropped.forecast_rows().regular
