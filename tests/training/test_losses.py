"""Losses by test example: those of NumPy in float64 from the saved model; their mean is the metric, in each kind of task."""

import json
import math

import keras
import numpy as np
import pytest
from made_splits import Made

from gru_tf.experiment import losses
from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import RunResult
from gru_tf.tasks import Examples, Metric, Signature, Splits, create
from gru_tf.training import trainer

ROUNDING = 1e-5  # float32 beside float64
MOVED = 1e-3


def own_sequences(folder):
    """Trips of 2 to 9 steps, one of two classes each."""
    rng = np.random.default_rng(0)
    lines = ["trip,speed,by"]
    for trip in range(60):
        by, mean = (("foot", 5.0), ("tram", 7.0))[trip % 2]
        lines += [f"{trip},{rng.normal(mean, 2):.3f},{by}" for _ in range(int(rng.integers(2, 10)))]
    file = folder / "trips.csv"
    file.write_text("\n".join(lines) + "\n")
    return {"sequences": {"path": str(file), "label": "by", "id": "trip"}}


def own_values(folder):
    """The same with a number in place of the class."""
    text = (folder / "trips.csv").read_text() if own_sequences(folder) else ""
    (folder / "weights.csv").write_text(text.replace("foot", "61.5").replace("tram", "74"))
    return {"sequences": {"path": str(folder / "weights.csv"), "label": "by", "id": "trip", "kind": "value"}}


def own_forecast(folder):
    rows = np.arange(150)
    values = 0.1 * rows + 3 * np.sin(rows / 2) + np.random.default_rng(0).normal(size=150)
    (folder / "series.csv").write_text("value\n" + "\n".join(f"{value:.6f}" for value in values) + "\n")
    return {"forecast": {"path": str(folder / "series.csv"), "target": ["value"], "window": 8, "horizon": 2}}


TASKS = {
    "classes": lambda _: {"digits": {"reading": "rows"}},
    "classes of sequences of different lengths": own_sequences,
    "values": own_values,
    "forecasts": own_forecast,
    "notes": lambda _: {"polyphonic": {"collection": "jsb_chorales"}},
    "a text, carried on": lambda _: {"tiny_shakespeare": {"timesteps": 100, "train_tokens": 20_000}},
    "ETT": lambda _: {"ett": {"window": 24, "horizon": 3}},
}


def run_of(task, purpose="final", cell="gru", **more):
    training = {"epochs": 1, "jit": False, "batch_size": 32}
    run = {"purpose": purpose, "task": task, "cell": cell, "seed": 0, "model": {"units": 4}, "training": training}
    return Run.model_validate(run | more)


def terms(task, examples, outputs):
    """(N,) sums over targets and their numbers, in NumPy alone."""
    signature, targets, outputs = task.signature, np.asarray(examples.targets), np.asarray(outputs, np.float64)
    if signature.target == "value":
        return np.square(outputs - targets).mean(1), np.ones(len(targets))
    if task.metric.name == "accuracy":
        return (outputs.argmax(-1) == targets).astype(float), np.ones(len(targets))
    real = np.arange(targets.shape[1]) < examples.lengths[:, None]
    if signature.target == "binary":
        each = (np.logaddexp(0, outputs) - outputs * targets).sum(-1)
    else:
        likely = outputs - outputs.max(-1, keepdims=True)
        likely -= np.log(np.exp(likely).sum(-1, keepdims=True))
        each = -np.take_along_axis(likely, np.maximum(targets, 0)[..., None].astype(int), -1)[..., 0]
        real &= targets >= 0
    return np.where(real, each, 0).sum(1), real.sum(1)


def outputs_of(model, task, examples):
    inputs = np.asarray(examples.inputs)
    fed = [inputs.astype("int32" if task.signature.tokens else "float32")]
    if len(model.inputs) > 1:
        fed.append(np.arange(inputs.shape[1]) < examples.lengths[:, None])
    return model.predict(fed if len(fed) > 1 else fed[0], verbose=0)


@pytest.mark.parametrize("kind", TASKS)
def test_they_are_those_of_the_saved_model_and_their_mean_is_the_metric(kind, tmp_path, needs_files):
    choice = TASKS[kind](tmp_path)
    run = run_of(choice)
    task = create(run.task.name, run.task.options)
    needs_files(task)
    result = trainer.train(run, tmp_path)
    test = task.splits(np.random.default_rng(0)).test
    held = losses.array(result.losses)
    assert held.dtype == np.float32
    assert len(held) == result.losses_kept == len(test)
    mean = held.mean(dtype=np.float64)
    assert task.metric.value(mean) == pytest.approx(result.test, rel=1e-6)
    assert task.metric.value(mean + MOVED) != pytest.approx(result.test, rel=1e-6)
    if task.signature.carried:  # the saved model begins each part without a state
        return
    sums, targets = terms(task, test, outputs_of(keras.models.load_model(result.model_file), task, test))
    expected = sums * len(test) / targets.sum()
    np.testing.assert_allclose(held, expected, rtol=ROUNDING, atol=ROUNDING)
    assert np.abs(held[::-1] - expected).max() > MOVED, "in another order they are others"


@pytest.mark.parametrize(("kind", "baseline"), [("classes", "logistic"), ("forecasts", "ridge"), ("forecasts", "ets")])
def test_those_of_a_baseline_too(kind, baseline, tmp_path):
    run = run_of(TASKS[kind](tmp_path), "baseline", baseline)
    result = trainer.attempt(run)
    task = create(run.task.name, run.task.options)
    held = losses.array(result.losses)
    assert len(held) == result.losses_kept == len(task.splits(np.random.default_rng(0)).test)
    assert task.metric.value(held.mean(dtype=np.float64)) == pytest.approx(result.test, rel=1e-6)


def test_examples_of_more_targets_count_by_them():
    """The mean of 0.5 over 2 targets and 2 over 6 is (1 + 12) / 8, not 1.25."""
    shapes = Signature(timesteps=6, features=1, outputs=2, target="class", per_step=True)
    one = Examples.unpadded(np.zeros((2, 6, 1)), np.zeros((2, 6), np.int32))
    task = Made(shapes=shapes, scored_by=Metric("nll", "min", 1, 0), data=Splits(one, one, one))
    held = losses.array(losses.kept(task, np.array([1.0, 12.0]), np.array([2.0, 6.0])))
    assert held.tolist() == [2 * 1.0 / 8, 2 * 12.0 / 8]
    assert held.mean() == (1 + 12) / 8


def test_none_are_kept_where_each_seed_draws_the_test_set_nor_of_trials(tmp_path):
    adding = {"adding": {"length": 4, "examples": 64, "validation_examples": 16, "test_examples": 16, "longer": 1}}
    drawn, trial = trainer.train(run_of(adding)), trainer.train(run_of(own_forecast(tmp_path), "trial"))
    assert (drawn.losses, drawn.losses_kept, trial.losses, trial.losses_kept) == (b"", 0, b"", 0)
    assert drawn.test is not None


def test_why_none_are_kept():
    task = create("digits", {"reading": "rows"})
    assert losses.why_not(task, losses.MOST) == ""
    assert losses.why_not(task, losses.MOST + 1) == "there are more than 100,000 test examples"
    assert losses.kept(task, np.ones(losses.MOST + 1), np.ones(losses.MOST + 1)) == b""
    assert "seed" in losses.why_not(create("parity", {}), 10)
    one = Examples.unpadded(np.zeros((2, 6, 1)), np.zeros(2, np.int32))
    written = Made(
        shapes=Signature(timesteps=6, features=1, outputs=2, target="class"),
        scored_by=Metric("bleu", "max", 0, 100),
        data=Splits(one, one, one),
    )
    assert "bleu" in losses.why_not(written, 10)


def test_a_result_keeps_them_through_its_journal(tmp_path):
    result = trainer.attempt(run_of(own_forecast(tmp_path), "baseline", "ridge"))
    text = result.model_dump_json()
    again = RunResult.model_validate_json(text)
    assert again.losses == result.losses
    assert again == result
    older = {name: value for name, value in json.loads(text).items() if not name.startswith("losses")}
    before = RunResult.model_validate(older, strict=False)
    assert (before.losses, before.losses_kept) == (b"", 0)


def test_an_infinite_loss_is_kept_as_it_is(tmp_path):
    task = create("digits", {"reading": "rows"})
    held = losses.array(losses.kept(task, np.array([1.0, math.inf]), np.ones(2)))
    assert held.tolist() == [1.0, math.inf]
