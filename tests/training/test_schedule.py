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
from gru_tf.training.schedule import falls, rates

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

        def train(steps: CompiledSteps, data: DeviceData, plan: Any, rates: Any = None, *forced: Any) -> float:
            if rates is not None:  # not to compile
                self.start = self.start or steps.weights()
                self.orders.append(plan.order)
            return own(steps, data, plan, rates, *forced)

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


def test_such_a_model_begins_as_the_experiment_says_and_what_keras_cannot_do_is_refused():
    import keras_tuner

    from gru_tf.experiment.experiment import Experiment

    content = {"name": "q", "question": "?", "tasks": ["adding"], "cells": ["gru"], "model": {"units": 3}}
    content |= {"search": {"trials": 2, "space": {"learning_rate": [0.1, 0.2]}}}
    model = {"units": 3, "initial": "uniform", "initial_scale": 0.01}
    tuned = RecurrentHyperModel(Experiment.model_validate(content | {"model": model}), "adding", "gru")
    keras.utils.set_random_seed(1)
    one, other = (tuned.build(keras_tuner.HyperParameters()).get_weights() for _ in range(2))
    keras.utils.set_random_seed(1)
    same = tuned.build(keras_tuner.HyperParameters()).get_weights()
    assert all(0 < np.abs(weight).max() <= 0.01 for weight in one)
    assert all((a == b).all() and (a != c).any() for a, b, c in zip(one, same, other, strict=True))
    for training in ({"stop_at": 0.0}, {"monitor": "loss"}, {"select": "last"}):
        (name,) = training
        with pytest.raises(UserError, match=rf"^q: expected none of training\.{name}: "):
            RecurrentHyperModel(Experiment.model_validate(content | {"training": training}), "adding", "gru")
    words = {"tasks": ["imdb"], "model": {"units": 3, "embedding_dropout": 0.1}}
    with pytest.raises(UserError, match=r"^q: expected none of model\.embedding_dropout: "):
        RecurrentHyperModel(Experiment.model_validate(content | words), "imdb", "gru")


# --- by epochs ---

EVERY, FACTOR = 2, 0.5
LONG = 9  # epochs


def by_epochs(decay: str, **more: Any) -> TrainingSpec:
    return TrainingSpec(
        epochs=LONG, learning_rate=RATE, decay=decay, **{"decay_every": EVERY, "decay_factor": FACTOR, **more}
    )


def all_rates(training: TrainingSpec, steps: int = STEPS) -> Any:
    return np.concatenate([rates(training, epoch, steps) for epoch in range(training.epochs)])


@pytest.mark.parametrize(("decay", "staircase"), [("step", True), ("exponential", False)])
def test_a_decay_by_epochs_is_keras_exponential_decay(decay, staircase):
    schedule, other = (
        keras.optimizers.schedules.ExponentialDecay(RATE, EVERY * STEPS, FACTOR, staircase=which)
        for which in (staircase, not staircase)
    )
    made = all_rates(by_epochs(decay))
    expected, wrong = (np.array([float(one(step)) for step in range(LONG * STEPS)]) for one in (schedule, other))
    np.testing.assert_allclose(made, expected, rtol=1e-5)
    assert np.abs(made - wrong).max() > 1e-3


def test_a_start_moves_the_decay():
    keras_decay = keras.optimizers.schedules.ExponentialDecay(RATE, EVERY * STEPS, FACTOR)
    made = all_rates(by_epochs("exponential", decay_start=3))
    begin = 3 * STEPS
    np.testing.assert_allclose(made, [float(keras_decay(max(0, s - begin))) for s in range(LONG * STEPS)], rtol=1e-5)
    line = all_rates(TrainingSpec(epochs=LONG, learning_rate=RATE, decay="linear", decay_start=3))
    falling = keras.optimizers.schedules.PolynomialDecay(RATE, (LONG - 3) * STEPS, 0.0)
    np.testing.assert_allclose(line, [float(falling(max(0, s - begin))) for s in range(LONG * STEPS)], rtol=1e-4, atol=1e-9)


def test_zaremba_s_small_model_is_keras_piecewise_constant():
    """2014, §4.1: learning rate 1, 13 epochs, after 4 of them halved each."""
    recipe = {"optimizer": "sgd", "learning_rate": 1.0, "epochs": 13, "clip_norm": 5.0, "clip": "global"}
    training = TrainingSpec(**recipe, decay="step", decay_start=4, decay_every=1, decay_factor=0.5)
    made = all_rates(training, 1)
    assert made.tolist() == [1.0] * 4 + [0.5**k for k in range(1, 10)]
    last_steps = [(epoch + 1) * STEPS - 1 for epoch in range(3, 12)]
    keras_rates = keras.optimizers.schedules.PiecewiseConstantDecay(last_steps, [0.5**k for k in range(10)])
    np.testing.assert_allclose(all_rates(training), [float(keras_rates(step)) for step in range(13 * STEPS)], rtol=1e-6)


def test_a_warm_up_comes_before_the_falls():
    training = by_epochs("step", warmup=0.4)
    warm = round(0.4 * LONG * STEPS)
    plain = all_rates(by_epochs("step"))
    expected = plain * np.minimum(1.0, np.arange(LONG * STEPS) / warm)
    np.testing.assert_allclose(all_rates(training), expected, rtol=1e-6)
    later = all_rates(by_epochs("exponential", warmup=0.4))
    np.testing.assert_allclose(later[warm:], RATE * FACTOR ** (np.arange(LONG * STEPS - warm) / (EVERY * STEPS)), rtol=1e-6)


# --- on a plateau ---


class OnlyALearningRate:
    """What Keras' callback looks at of a model."""

    def __init__(self):
        self.optimizer = keras.optimizers.SGD(RATE)
        self.metrics: list[Any] = []
        self.compiled = True


def by_callback(values: Any, direction: str, patience: int) -> list[float]:
    """The learning rate of each epoch by `ReduceLROnPlateau`, the one before the first value included."""
    callback = keras.callbacks.ReduceLROnPlateau("val", FACTOR, patience, mode=direction, min_delta=0.0)
    model = OnlyALearningRate()
    callback.set_model(model)
    callback.on_train_begin()
    seen = [RATE]
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"val": value})
        seen.append(float(model.optimizer.learning_rate.numpy()))
    return seen


@pytest.mark.parametrize("direction", ["min", "max"])
@pytest.mark.parametrize("patience", [1, 2, 3])
def test_falls_on_a_plateau_are_those_of_keras_callback(direction, patience):
    rng = np.random.default_rng(patience)
    values = [float(v) for v in rng.integers(0, 12, 40)] + [3.0] * 5 + [-1.0, 13.0] + [5.0] * 4  # ties too
    training = TrainingSpec(epochs=60, learning_rate=RATE, decay="plateau", decay_every=patience, decay_factor=FACTOR)
    made = [
        float(rates(training, epoch, 2, falls(training, values[:epoch], direction))[1]) for epoch in range(len(values) + 1)
    ]
    np.testing.assert_allclose(made, by_callback(values, direction, patience), rtol=1e-5)
    assert len(set(made)) > 5
    other = by_callback(values, direction, patience + 1)
    assert np.abs(np.array(made) - other).max() > 1e-3, "an epoch more of patience shows"


def test_a_plateau_is_never_silently_constant():
    with pytest.raises(ValueError, match=r"^rates: expected `falls`"):
        rates(by_epochs("plateau"), 1, STEPS)


def test_an_interrupted_run_goes_on_at_the_rate_of_its_plateau(tmp_path, monkeypatch):
    """The falls, and so the bits, are those of a run that was not interrupted."""
    run = run_of(
        decay="plateau", decay_every=1, decay_factor=0.3, epochs=8, learning_rate=0.3, optimizer="sgd", patience=None
    )
    given: list[Any] = []
    own = CompiledSteps.train

    def train(self, data, order, rates=None, *forced):
        if rates is not None:
            given.append(float(rates[-1]))
        if len(given) == stop_at:
            raise KeyboardInterrupt
        return own(self, data, order, rates, *forced)

    monkeypatch.setattr(CompiledSteps, "train", train)
    stop_at = -1
    whole = trainer.train(run)
    values = whole.history[f"validation_{whole.metric}"]
    wanted = [falls(run.training, values[:epoch], whole.direction) for epoch in range(8)]
    np.testing.assert_allclose(given, [0.3 * 0.3**n for n in wanted], rtol=1e-6)
    assert wanted[6] > 0, "it falls before the interruption"
    assert wanted[-1] > wanted[6], "and after it"
    uninterrupted = given.copy()
    given.clear()
    stop_at = 7
    with pytest.raises(KeyboardInterrupt):
        trainer.train(run, tmp_path, checkpoint_seconds=0)
    given.clear()
    stop_at = -1
    assert trainer.train(run, tmp_path).history == whole.history
    assert given == uninterrupted[6:]


def test_a_longer_run_continues_a_shorter_one_where_the_schedule_goes_by_epochs(tmp_path):
    for decay in ("step", "exponential", "plateau"):
        run = run_of(decay=decay, decay_every=1, decay_factor=0.5)
        paths = {checkpoints.path(run.but(training=run.training.but(epochs=epochs)), tmp_path) for epochs in (2, 4)}
        assert len(paths) == 1
        run = run_of(decay=decay, decay_every=1, decay_factor=0.5, warmup=0.1)
        paths = {checkpoints.path(run.but(training=run.training.but(epochs=epochs)), tmp_path) for epochs in (2, 4)}
        assert len(paths) == 2, "a warm-up is a share of all steps"
