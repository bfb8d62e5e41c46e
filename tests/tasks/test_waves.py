"""Waves: Géron's series and numbers, expectations against samples, windows by hand, models of the last step's forecast."""

from typing import Any

import numpy as np
import pytest
from baseline_predictions import draw

from gru_tf.baselines import fitting
from gru_tf.tasks.forecasting import waves
from gru_tf.tasks.forecasting.waves import Waves, constant_errors

SMALL = {"examples": 300, "validation_examples": 50, "test_examples": 60}


@pytest.mark.parametrize(("horizon", "naive"), [(1, 0.020211), (10, 0.256974)])
def test_the_series_are_those_of_the_book(horizon: int, naive: float) -> None:
    """Drawn by the book's generator and seed, the last value has the error that its notebook prints on validation."""
    series = waves.draw(np.random.RandomState(42), 10_000, 50 + horizon)[7000:9000]  # type: ignore[arg-type]
    error = np.mean(np.square(series[:, 50:] - series[:, 49:50], dtype=np.float64))
    assert error == pytest.approx(naive, abs=1e-6)


def test_the_equation_step_by_step() -> None:
    series = waves.draw(np.random.default_rng(3), 4, 7)
    rng = np.random.default_rng(3)
    f1, f2, o1, o2 = rng.random((4, 4, 1))
    noise = rng.random((4, 7))
    for row in range(4):
        for step in range(7):
            t = step / 6
            value = 0.5 * np.sin((t - o1[row, 0]) * (f1[row, 0] * 10 + 10))
            value += 0.2 * np.sin((t - o2[row, 0]) * (f2[row, 0] * 20 + 20)) + 0.1 * (noise[row, step] - 0.5)
            assert series[row, step] == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize(("length", "horizon"), [(50, 1), (50, 10), (5, 3)])
def test_expected_errors_are_those_of_a_large_sample(length: int, horizon: int) -> None:
    series = waves.draw(np.random.default_rng(0), 200_000, length + horizon).astype(float)
    ahead, errors = series[:, length:], constant_errors(length, horizon)
    for name, predicted in (("last value", series[:, length - 1 : length]), ("mean of all series", ahead.mean(0))):
        each = np.square(ahead - predicted).mean(1)
        assert errors[name] == pytest.approx(each.mean(), abs=4 * each.std() / np.sqrt(len(each)))


@pytest.mark.parametrize(("length", "horizon"), [(8, 1), (20, 2)])
def test_expected_errors_over_all_steps_are_those_of_a_large_sample(length: int, horizon: int) -> None:
    series = waves.draw(np.random.default_rng(1), 200_000, length + horizon).astype(float)
    errors = constant_errors(length, horizon, 1)
    mean, each = series.mean(0), {"last value": [], "mean of all series": []}  # type: ignore[var-annotated]
    for step in range(1, length + 1):
        ahead = series[:, step : step + horizon]
        each["last value"].append(np.square(ahead - series[:, step - 1 : step]).mean(1))
        each["mean of all series"].append(np.square(ahead - mean[step : step + horizon]).mean(1))
    wide = {}
    for name, values in each.items():
        whole = np.mean(values, axis=0)
        wide[name] = 4 * whole.std() / np.sqrt(len(whole))
        assert errors[name] == pytest.approx(whole.mean(), abs=wide[name])
    alone = constant_errors(length, horizon)["last value"]
    assert abs(errors["last value"] - alone) > wide["last value"], "the last step alone has another error"


def test_all_steps_are_scored_only_where_all_have_targets() -> None:
    task = Waves(horizon=2, targets="every", scores="every")
    assert task.signature.scored == "all"
    assert task.baselines == (), "they forecast after the last step alone"
    with pytest.raises(ValueError, match="expected targets = every"):
        Waves(scores="every")


def test_the_baseline_is_the_better_of_the_two() -> None:
    assert Waves().metric.trivial == "last value"
    assert Waves(horizon=10).metric.trivial == "mean of all series"


def test_windows_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {"examples": 1, "validation_examples": 1, "test_examples": 1}
    monkeypatch.setattr(
        waves, "draw", lambda rng, count, steps: np.arange(count * steps, dtype=np.float32).reshape(count, -1)
    )
    last = draw(Waves(length=4, horizon=2, **counts)).validation
    assert last.inputs[0, :, 0].tolist() == [6, 7, 8, 9]
    assert last.targets.tolist() == [[10, 11]]
    every = draw(Waves(length=4, horizon=2, targets="every", **counts)).validation
    assert every.inputs[0, :, 0].tolist() == [6, 7, 8, 9]
    assert every.targets[0].tolist() == [[7, 8], [8, 9], [9, 10], [10, 11]]


def test_a_seed_draws_the_same_series_for_both_kinds_of_targets() -> None:
    last, every = (draw(Waves.model_validate({"horizon": 3, "targets": kind, **SMALL})).test for kind in ("last", "every"))
    assert np.array_equal(last.inputs, every.inputs)
    assert np.array_equal(last.targets, every.targets[:, -1])


@pytest.mark.parametrize("horizon", [1, 10])
@pytest.mark.parametrize("targets", ["last", "every"])
def test_naive_and_ridge_are_scored_at_the_last_step(horizon: int, targets: Any) -> None:
    task = Waves(horizon=horizon, targets=targets, **SMALL).for_baselines()
    splits = draw(task)
    naive = fitting.fit("naive", task, splits, 0)
    test = splits.test
    assert naive.test == pytest.approx(np.mean(np.square(test.targets - test.inputs[:, -1], dtype=np.float64)), rel=1e-6)
    columns = [np.c_[part.inputs[..., 0], np.ones(len(part))].astype(float) for part in (splits.train, test)]
    weights = np.linalg.lstsq(columns[0], splits.train.targets.astype(float), rcond=None)[0]
    linear = np.mean(np.square(columns[1] @ weights - test.targets))
    assert 0.5 * linear < fitting.fit("ridge", task, splits, 0).test < 1.2 * linear  # a penalty helps where data are few


def test_a_forecast_that_knows_the_waves_has_the_error_of_the_noise() -> None:
    rng = np.random.default_rng(0)
    noisy = waves.draw(rng, 5000, 60)
    again = np.random.default_rng(0)
    again.random((4, 5000, 1))
    clean = noisy - 0.1 * (again.random((5000, 60)) - 0.5)
    assert np.mean(np.square(noisy[:, 50:] - clean[:, 50:])) == pytest.approx(0.01 / 12, rel=0.02)
