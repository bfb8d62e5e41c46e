"""Optimisers with parameters of their own, AdamW and clipping by value, against Keras' own and against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from eager_loop import AGREE, SIGNATURES, Reference, compiled_for, distance, examples_of, order_of, run_of

from gru_tf.experiment.specs import TrainingSpec
from gru_tf.training import optimizers
from gru_tf.training.compiled_steps import shape_of
from gru_tf.training.network.resolution import resolve_run
from gru_tf.training.summation import clip_values

RECIPES = [
    {"optimizer": "sgd", "momentum": 0.9},
    {"optimizer": "sgd", "momentum": 0.8, "nesterov": True},
    {"optimizer": "adam", "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-2},
    {"optimizer": "rmsprop", "rho": 0.5, "epsilon": 1e-2},
    {"optimizer": "rmsprop", "momentum": 0.9, "centered": True, "epsilon": 1e-3},
]
KINDS = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop, "sgd": keras.optimizers.SGD}


def reference_of(run, start, optimizer):
    """The eager loop of stock layers, by this optimiser."""
    reference = Reference(run, start, None)
    reference.optimizer = optimizer
    return reference


def by_default(recipe):
    return KINDS[recipe["optimizer"]]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: " ".join(map(str, recipe.values())))
def test_an_epoch_is_that_of_keras_optimiser_with_the_same_parameters(recipe):
    optimizer, parameters = recipe["optimizer"], {name: v for name, v in recipe.items() if name != "optimizer"}
    run, examples = run_of("class", optimizer, learning_rate=0.05, **parameters), examples_of("class")
    steps, data, start = compiled_for(run, examples, test=False)
    order = order_of("class", examples)
    same, other = (reference_of(run, start, KINDS[optimizer](0.05, **given)) for given in (parameters, {}))
    for _ in range(2):  # momentum is nothing in the first step
        steps.train(data, order)
        for each in (same, other):
            each.train(examples, order)
    assert distance(steps.weights(), same.model.get_weights()) < AGREE
    assert distance(steps.weights(), other.model.get_weights()) > 1e-2, "Keras' defaults lead elsewhere"


def test_other_parameters_are_other_compiled_steps_and_the_defaults_are_one():
    def shape(**recipe):
        run = run_of("class", **recipe)
        return shape_of(run, resolve_run(run, SIGNATURES["class"]), (), (5,))

    assert shape(optimizer="sgd") == shape(optimizer="sgd", momentum=0.0)
    shapes = [shape(**recipe) for recipe in (*RECIPES, {"optimizer": "sgd"}, {"optimizer": "sgd", "momentum": 0.5})]
    assert len(set(map(str, shapes))) == len(shapes)
    clipped = [shape(clip_norm=None, clip_value=value) for value in (None, 0.1, 0.2)]
    assert clipped[0] != clipped[1] == clipped[2], "a value is a variable"


# --- AdamW ---


def test_adam_with_weight_decay_is_keras_adamw_that_spares_biases():
    run, examples = run_of("class", "adam", weight_decay=0.2, epsilon=1e-3), examples_of("class")
    steps, data, start = compiled_for(run, examples, test=False)
    order = order_of("class", examples)
    adamw = keras.optimizers.AdamW(run.training.learning_rate, weight_decay=0.2, epsilon=1e-3)
    adamw.exclude_from_weight_decay(var_names=["bias"])
    by_keras = reference_of(run, start, adamw)
    wholly = reference_of(run, start, keras.optimizers.AdamW(run.training.learning_rate, weight_decay=0.2, epsilon=1e-3))
    by_keras.train(examples, order)
    wholly.train(examples, order)
    steps.train(data, order)
    assert distance(steps.weights(), by_keras.model.get_weights()) < AGREE
    assert distance(by_keras.model.get_weights()[:2], wholly.model.get_weights()[:2]) < AGREE
    many = run_of("class", "adam", weight_decay=0.9, epsilon=1e-3)
    assert optimizers.parameters(many.training) == {"epsilon": 1e-3}


def adamw(weights, gradients, rate, decay, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Loshchilov and Hutter 2019, algorithm 2, in float64; Keras' ε stands beside √v before its correction."""
    m, v = np.zeros_like(weights), np.zeros_like(weights)
    for t, g in enumerate(gradients, 1):
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g * g
        step = rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (np.sqrt(v) + epsilon)
        weights = weights - rate * decay * weights - step
    return weights


def test_the_update_is_that_of_the_equation():
    """On a loss whose gradients are given: the kernel decays, the bias does not."""
    rng = np.random.default_rng(2)
    gradients = rng.normal(size=(5, 3, 2))
    optimizer = optimizers.whole(TrainingSpec(learning_rate=0.1, weight_decay=0.3, clip_norm=None, beta_2=0.9))
    start = rng.normal(size=(3, 2))
    kernel, bias = (keras.Variable(start.astype("float32"), name=name) for name in ("kernel", "bias"))
    optimizer.build([kernel, bias])
    for gradient in gradients.astype("float32"):
        optimizer.apply([tf.constant(gradient)] * 2)
    for variable, decay in ((kernel, 0.3), (bias, 0.0)):
        np.testing.assert_allclose(variable.numpy(), adamw(start, gradients, 0.1, decay, beta_2=0.9), rtol=2e-5, atol=2e-6)
    assert np.abs(kernel.numpy() - bias.numpy()).max() > 0.02


# --- clipping by value ---


def test_values_are_clipped_as_numpy_clips_them():
    rng = np.random.default_rng(3)
    gradients = [rng.normal(size=shape).astype("float32") for shape in ((4, 3), (7,))]
    clipped = clip_values([*map(tf.constant, gradients), None], 0.5)
    for made, given in zip(clipped[:2], gradients, strict=True):
        np.testing.assert_array_equal(made.numpy(), np.clip(given, -0.5, 0.5))
        assert np.abs(given).max() > 0.5
    assert clipped[2] is None


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_an_epoch_with_clipped_values_is_that_of_keras_clipvalue(optimizer):
    run = run_of("class", optimizer, clip_value=0.01, epsilon=1e-2 if optimizer == "adam" else None)
    examples = examples_of("class")
    steps, data, start = compiled_for(run, examples, test=False)
    order, rate = order_of("class", examples), run.training.learning_rate
    more = optimizers.parameters(run.training)
    same, without = (reference_of(run, start, KINDS[optimizer](rate, **more, **clip)) for clip in ({"clipvalue": 0.01}, {}))
    steps.train(data, order)
    for each in (same, without):
        each.train(examples, order)
    assert distance(steps.weights(), same.model.get_weights()) < AGREE
    assert distance(steps.weights(), without.model.get_weights()) > 1e-3


# --- a model that is saved ---


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: " ".join(map(str, recipe.values())))
def test_a_saved_model_goes_on_with_the_same_parameters(recipe, tmp_path):
    training = TrainingSpec(**recipe, weight_decay=0.1, clip_norm=None, clip_value=0.25)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(optimizers.whole(training), "mse")
    x, y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    parameters = {name: v for name, v in recipe.items() if name != "optimizer"}
    config = loaded.optimizer.get_config()
    assert {name: config[name] for name in parameters} == parameters
    assert (config["clipvalue"], config["weight_decay"]) == (0.25, 0.1)
    for each in (model, loaded):
        each.fit(x, y, verbose=0)
    assert distance(model.get_weights(), loaded.get_weights()) == 0
