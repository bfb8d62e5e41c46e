"""Runs of networks that learn quantiles: coverage where noise changes with the input, and all that reads their outputs."""

import math
from functools import cache
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pandas as pd
import pytest

from gru_tf.experiment import losses
from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.yaml_file import validate
from gru_tf.interchange import exporting, importing
from gru_tf.suite.tuning import RecurrentHyperModel
from gru_tf.tasks import create
from gru_tf.training import timing, trainer

LEVELS = (0.5, 0.1, 0.9, 0.025, 0.975)
COVERAGES = (80, 95)


def sequences(folder: Path, count: int = 6000) -> dict[str, Any]:
    """The mean of a sequence, with noise twelve times as large where its last mark is 1."""
    rng = np.random.default_rng(4)
    values, marks = rng.normal(size=(count, 5)), rng.integers(0, 2, (count, 5))
    y = values.mean(1) + np.where(marks[:, -1] == 1, 3.0, 0.25) * rng.normal(size=count)
    np.savez(folder / "values.npz", X=np.stack([values, marks], axis=2).astype("float32"), y=y)
    return {"sequences": {"path": str(folder / "values.npz"), "kind": "value"}}


def series(folder: Path, rows: int = 6000) -> dict[str, Any]:
    """An autoregression whose noise is twelve times as large in busy rows, which are known ahead."""
    rng = np.random.default_rng(5)
    busy = rng.integers(0, 2, rows)
    noise, load = np.where(busy == 1, 3.0, 0.25) * rng.normal(size=rows), np.zeros(rows)
    for row in range(1, rows):
        load[row] = 0.5 * load[row - 1] + noise[row]
    pd.DataFrame({"load": load, "busy": busy}).to_csv(folder / "load.csv", index=False)
    columns = {"target": ["load"], "covariates": ["busy"], "known": ["busy"]}
    return {"forecast": {"path": str(folder / "load.csv"), "window": 4, "relative": False, "season": 0, **columns}}


TASKS = {"sequences": sequences, "series": series}


def run_of(task: dict[str, Any], quantiles: bool = True, epochs: int = 20, **more: Any) -> Run:
    training = {"epochs": epochs, "batch_size": 64, "learning_rate": 0.01, "jit": False}
    run = {"purpose": "final", "task": task, "cell": "gru", "seed": 0, "training": training}
    return Run.model_validate({**run, "model": {"units": 8, "quantiles": quantiles}, **more})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Of a kind of task and whether quantiles are learned: the result, the task, the outputs of its saved model."""
    folder = tmp_path_factory.mktemp("quantiles")

    @cache
    def of(kind: str, quantiles: bool) -> tuple[RunResult, Any, np.ndarray]:
        result = trainer.train(run_of(TASKS[kind](folder), quantiles), folder)
        assert result.status == "finished", result.error
        task = create(result.run.task.name, result.run.task.options)
        inputs = task.splits(np.random.default_rng(0)).test.inputs
        model = keras.models.load_model(result.model_file)
        return result, task, model.predict(np.asarray(inputs), verbose=0).astype("float64")

    return of


def ends(result: RunResult, outputs: np.ndarray, coverage: int) -> np.ndarray:
    """(N, 2) of the interval of the one output of each example, one after the other."""
    both = []
    for row in outputs:
        lowest, low, high, highest = sorted(row[1:]) if result.run.model.quantiles else [row[0]] * 4
        low, high = low - result.radii["80"][0], high + result.radii["80"][0]
        if coverage == 95:
            low, high = min(low, lowest - result.radii["95"][0]), max(high, highest + result.radii["95"][0])
        both.append((min(low, row[0]), max(high, row[0])))
    return np.array(both)


def halves(task: Any) -> np.ndarray:
    """(N,) whether the noise of a test example is the larger one."""
    test = task.splits(np.random.default_rng(0)).test
    marks = np.asarray(test.inputs)[:, -1]
    return marks[:, -1] > 0.5 if task.predicted == ("y",) else marks[:, -1] > 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", TASKS)
def test_intervals_cover_what_they_promise_in_quiet_and_in_noise(kind: str, trained: Any) -> None:
    share: dict[tuple[bool, int], list[float]] = {}
    for quantiles in (True, False):
        result, task, outputs = trained(kind, quantiles)
        truth, noisy = np.asarray(task.splits(np.random.default_rng(0)).test.targets, "float64"), halves(task)
        assert 0.4 < noisy.mean() < 0.6
        for coverage in COVERAGES:
            low, high = ends(result, outputs, coverage).T
            held = (low <= truth[:, 0]) & (truth[:, 0] <= high)
            assert result.more[f"coverage_{coverage}"] == pytest.approx(held.mean(), abs=2e-3)
            assert 100 * held.mean() == pytest.approx(coverage, abs=3)
            share[quantiles, coverage] = [100 * held[part].mean() for part in (~noisy, noisy)]
    for coverage in COVERAGES:
        for learned, of_one_width in zip(share[True, coverage], share[False, coverage], strict=True):
            assert abs(learned - coverage) < abs(of_one_width - coverage)
            assert learned == pytest.approx(coverage, abs=5)
    quiet, noise = share[False, 80]
    assert (quiet > 99, noise < 70) == (True, True), "of one width they are too wide here and too narrow there"


@pytest.mark.slow
@pytest.mark.parametrize("kind", TASKS)
def test_losses_and_metric_are_the_medians(kind: str, trained: Any) -> None:
    result, task, outputs = trained(kind, True)
    truth = np.asarray(task.splits(np.random.default_rng(0)).test.targets, "float64")
    assert outputs.shape == (len(truth), 5)
    squared = np.square(outputs[:, :1] - truth)[:, 0]
    np.testing.assert_allclose(losses.array(result.losses), squared, rtol=1e-4, atol=1e-6)
    assert result.test == pytest.approx(task.metric.scale * math.sqrt(squared.mean()), rel=1e-5)
    off = truth - outputs.reshape(len(truth), 5)
    others = np.mean([np.maximum(level * off[:, b], (level - 1) * off[:, b]) for b, level in enumerate(LEVELS)])
    assert min(result.history["validation_loss"]) == pytest.approx(others, rel=0.1), "the loss is that of all levels"
    assert result.history["validation_loss"][0] < squared.mean()


@pytest.mark.slow
def test_what_is_drawn_of_a_forecast_has_ends_that_vary(trained: Any) -> None:
    result, task, outputs = trained("series", True)
    (sample,) = result.sample_forecasts
    count, scale = len(sample.truth), task.encodings()["outputs"][0]
    low, high = ends(result, outputs, 80).T
    for values, output in ((sample.forecast, outputs[:, 0]), (sample.low, low), (sample.high, high)):
        expected = output[-count:] * scale["deviation"] + scale["mean"]
        np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-4)
    widths = np.array(sample.high) - np.array(sample.low)
    assert widths.max() > 5 * widths.min()
    assert (sample.coverage, sample.horizon) == (80, 1)


# --- what else reads the outputs, on few rows ---


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("small")
    return {"sequences": sequences(folder, 240), "series": series(folder, 260)}


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("refit", [False, True])
def test_a_run_is_the_same_again_and_after_each_checkpoint(kind: str, refit: bool, small: Any, tmp_path: Path) -> None:
    run = run_of(small[kind], epochs=3)
    run = run.but(training=run.training.but(refit=refit))
    first, again = trainer.train(run), trainer.train(run, tmp_path, checkpoint_seconds=0)
    for name in ("history", "test", "more", "radii", "losses", "sample_forecasts"):
        assert getattr(first, name) == getattr(again, name), name
    assert RunResult.model_validate_json(first.model_dump_json()).radii == first.radii
    assert first.run.fingerprint != run_of(small[kind], quantiles=False, epochs=3).fingerprint


@pytest.mark.parametrize("measure", ["mape", "mae"])
def test_a_metric_of_all_outputs_reads_the_medians(measure: str, small: Any, tmp_path: Path) -> None:
    ((name, options),) = small["series"].items()
    run = run_of({name: {**options, "measure": measure, "scale": "series"}}, epochs=2)
    result = trainer.train(run, tmp_path)
    task = create(run.task.name, run.task.options)
    test, scale = task.splits(np.random.default_rng(0)).test, task.encodings()["scales"][""]["load"]
    outputs = keras.models.load_model(result.model_file).predict(np.asarray(test.inputs), verbose=0)[:, :1]
    truth, told = (np.asarray(each, "float64") * scale["deviation"] + scale["mean"] for each in (test.targets, outputs))
    by_hand = np.abs(told - truth).mean() if measure == "mae" else 100 * np.mean(np.abs((told - truth) / truth))
    assert result.test == pytest.approx(by_hand, rel=1e-4)


def test_on_more_outputs_than_are_held_there_are_no_intervals(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(small["series"], epochs=1)
    task = create(run.task.name, run.task.options)
    splits = task.splits(np.random.default_rng(0))
    most = max(len(splits.validation), len(splits.test))
    monkeypatch.setattr("gru_tf.tasks.task.LARGEST", most)
    assert trainer.train(run).radii != {}, "as a network of one level has them, whose intervals nobody asked for"
    monkeypatch.setattr("gru_tf.tasks.task.LARGEST", most - 1)
    assert trainer.train(run).radii == {}
    assert trainer.train(run_of(small["series"], quantiles=False, epochs=1)).radii == {}


def test_diagnostics_are_of_the_loss_that_it_minimises(small: Any) -> None:
    result = trainer.train(run_of(small["series"], epochs=1, diagnostics=["gradients", "saturation"]))
    assert result.status == "finished", result.error
    assert result.diagnostics is not None
    (before,), (after,) = result.diagnostics.before, result.diagnostics.after
    for reading in (before, after):
        assert np.isfinite(reading.gradients["state"].median).all()
        assert max(reading.gradients["state"].median) > 0


def test_networks_are_timed_with_all_their_blocks(small: Any) -> None:
    run = run_of(small["series"], epochs=1)
    measured = timing.measure([run], seconds=0.0, steps=2).networks["gru"]
    assert measured.error == ""
    assert measured.parameters == trainer.train(run).parameters
    plain = run_of(small["series"], quantiles=False, epochs=1)
    assert measured.parameters - trainer.train(plain).parameters == 4 * 9, "four more outputs of eight units and a bias"


def test_the_hyper_model_minimises_the_same_loss_and_scores_medians(small: Any) -> None:
    content = {
        "name": "quantiles",
        "question": "?",
        "tasks": [small["sequences"]],
        "cells": ["gru"],
        "seeds": 1,
        "model": {"units": 4, "quantiles": True},
        "training": {"epochs": 1},
        "search": {"trials": 1, "space": {"learning_rate": [0.01]}},
    }
    experiment = validate(content, "quantiles.yaml")
    (task,) = experiment.tasks
    model = RecurrentHyperModel(experiment, task.label, "gru").build(keras_tuner.HyperParameters())
    test = create(task.name, task.options).splits(np.random.default_rng(0)).test
    inputs, targets = np.asarray(test.inputs), np.asarray(test.targets)
    outputs = model.predict(inputs, verbose=0).astype("float64")
    loss, metric = model.evaluate(inputs, targets, batch_size=len(inputs), verbose=0)
    off = targets - outputs
    ours = np.mean([np.maximum(level * off[:, b], (level - 1) * off[:, b]) for b, level in enumerate(LEVELS)])
    assert loss == pytest.approx(ours, rel=1e-5)
    of_task = create(task.name, task.options).metric
    assert of_task.name == "rmse"
    assert metric == pytest.approx(of_task.value(np.square(off[:, 0]).mean()), rel=1e-5)


def test_a_file_of_layers_carries_all_blocks(small: Any, tmp_path: Path) -> None:
    result = trainer.train(run_of(small["sequences"], epochs=1), tmp_path)
    file = tmp_path / "network.onnx"
    assert exporting.export_model(Path(result.model_file), file).startswith("verified by")
    x = np.random.default_rng(0).normal(size=(3, 5, 2)).astype("float32")
    expected = keras.models.load_model(result.model_file)(x)
    assert expected.shape == (3, 5)
    np.testing.assert_allclose(importing.import_file(file).model(x), expected, atol=1e-5)
