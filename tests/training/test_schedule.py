"""The learning rate of each step, against Keras' schedules; what a training makes of it, against an eager Keras loop."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.specs import TrainingSpec
from gru_tf.foundation.errors import UserError
from gru_tf.suite.tuning import RecurrentHyperModel
from gru_tf.tasks import Examples
from gru_tf.training import checkpoints, trainer
from gru_tf.training.compiled_steps import CompiledSteps
from gru_tf.training.feeding import DeviceData
from gru_tf.training.schedule import rates

EPOCHS, STEPS, RATE = 4, 9, 0.03
SCHEDULES = [(warmup, decay) for warmup in (0.0, 0.25) for decay in ("none", "linear", "cosine")]
SMALL = {"adding": {"longer": 1, "length": 5, "examples": 90, "validation_examples": 20, "test_examples": 30}}


def recipe(warmup: float, decay: Any, **more: Any) -> TrainingSpec:
    return TrainingSpec(epochs=EPOCHS, learning_rate=RATE, warmup=warmup, decay=decay, **more)


def by_keras(warmup: float, decay: str) -> Any:
    """Step → rate, by the schedules of Keras; a warm-up alone is a line."""
    warm = round(warmup * EPOCHS * STEPS)
    left = EPOCHS * STEPS - warm
    if decay == "cosine" and warm:
        return keras.optimizers.schedules.CosineDecay(0.0, left, warmup_target=RATE, warmup_steps=warm)
    if decay == "cosine":
        return keras.optimizers.schedules.CosineDecay(RATE, left)
    after = keras.optimizers.schedules.PolynomialDecay(RATE, left, 0.0 if decay == "linear" else RATE)
    return lambda step: RATE * step / warm if step < warm else after(step - warm)


@pytest.mark.parametrize(("warmup", "decay"), SCHEDULES)
def test_rates_are_those_of_keras(warmup, decay):
    made = np.concatenate([rates(recipe(warmup, decay), epoch, STEPS) for epoch in range(EPOCHS)])
    expected = np.array([float(by_keras(warmup, decay)(step)) for step in range(EPOCHS * STEPS)])
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-9)
    if (warmup, decay) != (0.0, "none"):
        assert np.abs(np.roll(made, 1) - expected).max() > 1e-3, "a step late shows"


def test_a_schedule_begins_at_zero_reaches_its_rate_once_and_ends_near_zero():
    made = np.concatenate([rates(recipe(0.25, "cosine"), epoch, STEPS) for epoch in range(EPOCHS)])
    assert made.dtype == np.float32
    assert made[0] == 0
    assert np.flatnonzero(made == np.float32(RATE)).tolist() == [STEPS]
    assert 0 < made[-1] < RATE / 100
    assert np.all(np.diff(made[: STEPS + 1]) > 0)
    assert np.all(np.diff(made[STEPS:]) < 0)


# --- a training ---


def run_of(cell: str = "gru", seed: int = 3, purpose: str = "trial", **training: Any) -> Run:
    return Run.model_validate(
        {
            "purpose": purpose,
            "task": SMALL,
            "cell": cell,
            "seed": seed,
            "model": {"units": 3},
            "training": {"epochs": EPOCHS, "batch_size": 10, "learning_rate": RATE, "jit": False, **training},
        }
    )


class Eager:
    """The same network and steps by stock Keras, with a schedule of its own."""

    def __init__(self, run: Run, weights: list[Any], schedule: Any):
        layer = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM}[run.cell.name]
        self.model = keras.Sequential([keras.Input((None, 2)), layer(3), keras.layers.Dense(1)])
        self.model.set_weights(weights)
        kind = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}[run.training.optimizer]
        self.optimizer = kind(schedule, global_clipnorm=run.training.clip_norm)

    def train(self, examples: Examples, order: Any) -> None:
        for rows in order:
            with tf.GradientTape() as tape:
                mean = tf.reduce_mean(
                    keras.losses.mean_squared_error(examples.targets[rows], self.model(examples.inputs[rows]))
                )
            gradients = tape.gradient(mean, self.model.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))


class Seen:
    """What each pass with updates was given, and the weights before the first."""

    def __init__(self, monkeypatch: Any):
        self.orders: list[Any] = []
        self.start: list[Any] = []
        own = CompiledSteps.train

        def train(steps: CompiledSteps, data: DeviceData, plan: Any, rates: Any = None) -> float:
            if rates is not None:  # not to compile
                self.start = self.start or steps.weights()
                self.orders.append(plan.order)
            return own(steps, data, plan, rates)

        monkeypatch.setattr(CompiledSteps, "train", train)


def last_weights(run: Run) -> list[Any]:
    trainer.train(run)
    return next(reversed(trainer._compiled.values())).weights()


CASES = [("gru", "adam", False), ("lstm", "sgd", False), ("gru", "adam", True)]


@pytest.mark.parametrize(("cell", "optimizer", "jit"), CASES)
def test_a_training_is_that_of_an_eager_keras_loop_with_the_same_schedule(cell, optimizer, jit, monkeypatch):
    seen = Seen(monkeypatch)
    run = run_of(cell, optimizer=optimizer, warmup=0.25, decay="cosine", jit=jit)
    weights = last_weights(run)
    examples = trainer.prepare(run).splits.train
    steps = EPOCHS * len(seen.orders[0])
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - round(steps / 4), warmup_target=RATE, warmup_steps=round(steps / 4)
    )
    distances = []
    for each in (schedule, RATE):
        eager = Eager(run, seen.start, each)
        for order in seen.orders:
            eager.train(examples, order)
        pairs = zip(weights, eager.model.get_weights(), strict=True)
        distances.append(max(float(np.abs(a - b).max()) for a, b in pairs))
    assert distances[0] < 1e-4
    assert distances[1] > 1e-2, "the constant rate leads elsewhere"


def test_an_interrupted_run_continues_its_schedule_to_the_same_bits(tmp_path, monkeypatch):
    run = run_of(warmup=0.25, decay="linear")
    whole = trainer.train(run)
    own, passes = CompiledSteps.train, []

    def stop(self, *arguments):
        passes.append(arguments)
        if len(passes) == 3:
            raise KeyboardInterrupt
        return own(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(CompiledSteps, "train", stop)
        with pytest.raises(KeyboardInterrupt):
            trainer.train(run, tmp_path, checkpoint_seconds=0)
    assert list(tmp_path.glob("*.checkpoint"))
    assert trainer.train(run, tmp_path).history == whole.history


def test_a_longer_run_continues_a_shorter_one_only_without_a_schedule(tmp_path):
    plain, falling = run_of(), run_of(decay="cosine")
    paths = [
        checkpoints.path(run.but(training=run.training.but(epochs=epochs)), tmp_path)
        for run in (plain, falling)
        for epochs in (2, 4)
    ]
    assert paths[0] == paths[1]
    assert len(set(paths)) == 3


def test_a_model_for_any_tuner_refuses_what_it_could_not_follow():
    from gru_tf.experiment.experiment import Experiment

    content = {"name": "q", "question": "?", "tasks": ["adding"], "cells": ["gru"], "model": {"units": 3}}
    search = {"trials": 2, "space": {"learning_rate": [0.1, 0.2]}}
    for change in (
        {"training": {"decay": "cosine"}, "search": search},
        {"search": {"trials": 2, "space": {"decay": ["linear"]}}},
    ):
        experiment = Experiment.model_validate(content | change)
        with pytest.raises(UserError, match=r"^q: expected no schedule of the learning rate: .* Received: decay$"):
            RecurrentHyperModel(experiment, "adding", "gru")
    assert RecurrentHyperModel(Experiment.model_validate(content | {"search": search}), "adding", "gru")
