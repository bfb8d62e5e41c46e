"""Gradients that are cut every k steps, against back-propagation written out in NumPy and an explicit tape, step by step."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from gru_tf import suite
from gru_tf.experiment.experiment import Experiment, Run
from gru_tf.experiment.specs import ModelSpec, TrainingSpec
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.layers import recurrent
from gru_tf.tasks import Signature
from gru_tf.training import trainer
from gru_tf.training.batches import BatchPlan
from gru_tf.training.network import truncation

STEPS, ROWS, FEATURES, UNITS, CUT = 11, 4, 3, 5, 4  # 11 = 4 + 4 + 3: the last part is shorter
PER_STEP = Signature(STEPS, FEATURES, 2, "class", per_step=True)
CELLS_AND_PATHS = [
    *((cell, {}, "stock") for cell in ("gru", "lstm", "rnn", "min_gru", "lru")),
    ("gru", {}, "custom"),
    *(
        pytest.param(cell, options, "stock", marks=pytest.mark.slow)
        for cell, options in (("min_lstm", {}), ("qrnn", {}), ("sru", {}), ("mgu", {}), ("mlstm", {}))
    ),
    pytest.param("lstm", {}, "custom", marks=pytest.mark.slow),
    pytest.param("lstm", {"peepholes": True}, "stock", marks=pytest.mark.slow),
    pytest.param("gru", {"reset_after": False}, "stock", marks=pytest.mark.slow),
]


def network(cell: str = "gru", options: Any = None, implementation: str = "stock", layers: int = 2) -> Any:
    """Two layers, dropout with a rate of 0 between them, and a head at every step."""
    keras.utils.set_random_seed(7)
    x = inputs = keras.Input((None, FEATURES))
    for _ in range(layers):
        x = recurrent(CELLS.find(cell), UNITS, options or {}, implementation, return_sequences=True)(x)
        x = keras.layers.Dropout(0.0)(x)
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    rng = np.random.default_rng(1)
    model.set_weights([w + rng.normal(0, 0.3, w.shape).astype("float32") for w in model.get_weights()])
    return model


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(2)
    return rng.normal(size=(ROWS, STEPS, FEATURES)).astype("float32"), rng.normal(size=(ROWS, STEPS, 2)).astype("float32")


def gradients(forward: Any, model: Any) -> tuple[Any, list[Any]]:
    """Outputs, and the gradients of Σ output · factor."""
    x, factors = data()
    with tf.GradientTape() as tape:
        outputs = forward(tf.constant(x))
        total = tf.reduce_sum(outputs * factors)
    made = tape.gradient(total, [v.value for v in model.trainable_variables])
    return np.asarray(outputs), [np.asarray(tf.convert_to_tensor(g)) for g in made]


def step_by_step(model: Any, cut: int) -> Any:
    """The same network, all layers one step at a time, each state without a gradient at every `cut`-th boundary."""
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.RNN)]
    head = model.layers[-1]

    def forward(x: Any) -> Any:
        states = [None] * len(layers)
        outputs = []
        for t in range(STEPS):
            h = x[:, t : t + 1]
            for place, layer in enumerate(layers):
                layer.return_state = True
                h, *states[place] = layer(h, initial_state=states[place], training=True)
                layer.return_state = False
            if (t + 1) % cut == 0:
                states = [[tf.stop_gradient(s) for s in own] for own in states]
            outputs.append(head(h))
        return tf.concat(outputs, 1)

    return forward


def assert_close(one: list[Any], two: list[Any]) -> None:
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4 * max(1e-3, np.abs(b).max()))


@pytest.mark.parametrize(("cell", "options", "implementation"), CELLS_AND_PATHS)
def test_gradients_are_those_of_an_explicit_tape(cell, options, implementation):
    model = network(cell, options, implementation)
    outputs, cut = gradients(lambda x: truncation.forward(model, x, CUT), model)
    expected, by_hand = gradients(step_by_step(model, CUT), model)
    whole_outputs, whole = gradients(lambda x: model(x, training=True), model)
    np.testing.assert_allclose(outputs, expected, atol=2e-5)
    np.testing.assert_allclose(outputs, whole_outputs, atol=2e-5)
    assert_close(cut, by_hand)
    with pytest.raises(AssertionError):
        assert_close(cut, whole)
    with pytest.raises(AssertionError):
        assert_close(cut, gradients(step_by_step(model, CUT + 1), model)[1])


def in_numpy(weights: list[Any], x: Any, factors: Any, cut: int) -> tuple[Any, list[Any]]:
    """h¹_t = tanh(W¹ x_t + U¹ h¹_{t−1} + b¹), h² of h¹ likewise, o_t = V h²_t + c, in float64; gradients of Σ o · factor.

    Back-propagation from the last step to the first; at a boundary what comes from the step behind it is dropped.
    """
    w1, u1, b1, w2, u2, b2, v, c = (np.asarray(w, np.float64) for w in weights)
    one, two = [np.zeros((ROWS, UNITS))], [np.zeros((ROWS, UNITS))]
    for t in range(STEPS):
        one.append(np.tanh(x[:, t] @ w1 + one[-1] @ u1 + b1))
        two.append(np.tanh(one[-1] @ w2 + two[-1] @ u2 + b2))
    outputs = np.stack([h @ v + c for h in two[1:]], 1)
    grads = [np.zeros_like(w) for w in (w1, u1, b1, w2, u2, b2, v, c)]
    d1 = d2 = np.zeros((ROWS, UNITS))
    for t in reversed(range(STEPS)):
        if (t + 1) % cut == 0:
            d1 = d2 = np.zeros((ROWS, UNITS))
        grads[6] += two[t + 1].T @ factors[:, t]
        grads[7] += factors[:, t].sum(0)
        a2 = (d2 + factors[:, t] @ v.T) * (1 - two[t + 1] ** 2)
        a1 = (d1 + a2 @ w2.T) * (1 - one[t + 1] ** 2)
        for place, below, before, a in ((3, one[t + 1], two[t], a2), (0, x[:, t], one[t], a1)):
            grads[place] += below.T @ a
            grads[place + 1] += before.T @ a
            grads[place + 2] += a.sum(0)
        d1, d2 = a1 @ u1.T, a2 @ u2.T
    return outputs, grads


@pytest.mark.parametrize("cut", [1, 2, 4, 10, 11, 50])
def test_gradients_are_those_of_back_propagation_in_float64(cut):
    model = network("rnn")
    x, factors = data()
    outputs, made = gradients(lambda x: truncation.forward(model, x, cut), model)
    expected, grads = in_numpy(model.get_weights(), x.astype(np.float64), factors, cut)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert_close(made, grads)
    with pytest.raises(AssertionError):
        assert_close(made, in_numpy(model.get_weights(), x, factors, 3)[1])


def run_of(cell: str = "gru", **training: Any) -> Run:
    task = {"parity": {"length": 6, "running": True, "longer": 1, "examples": 8}}
    task["parity"] |= {"validation_examples": 8, "test_examples": 8}
    recipe = {"batch_size": 8, "epochs": 1, "optimizer": "sgd", "learning_rate": 1.0, "clip_norm": None, "jit": False}
    return Run.model_validate(
        {
            "purpose": "trial",
            "task": task,
            "cell": cell,
            "seed": 3,
            "model": {"units": 4, "layers": 2},
            "training": recipe | training,
        }
    )


@pytest.mark.parametrize(
    ("cell", "path"), [("lstm", "fused cpu"), pytest.param("min_gru", "parallel scan", marks=pytest.mark.slow)]
)
def test_a_step_of_training_follows_the_cut_gradient(cell, path):
    """Gradient descent at a rate of 1: the weights fall by the gradient of the mean cross-entropy."""
    prepared = trainer.prepare(run_of(cell, truncate=2))
    steps, splits = prepared.steps, prepared.splits
    before = steps.weights()
    with tf.GradientTape() as tape:
        outputs = truncation.forward(steps.model, tf.constant(splits.train.inputs, tf.float32), 2)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(splits.train.targets, outputs)
        mean = tf.reduce_mean(losses)
    expected = tape.gradient(mean, [v.value for v in steps.model.trainable_variables])
    stretch = np.arange(8, dtype="int32")[None]
    plan = BatchPlan(stretch, np.ones_like(stretch, "float32"), np.zeros(1, "int32"))
    steps.train(prepared.data["train"], plan, np.ones(1, "float32"))
    moved = [b - a for a, b in zip(steps.weights(), before, strict=True)]
    assert_close(moved, [np.asarray(g) for g in expected])
    if path != "fused cpu" or steps.kernel_path == path:  # a machine without the kernels has another
        assert path in steps.kernel_path
    untouched = trainer.prepare(run_of(cell)).steps
    assert untouched is not steps, "another step is compiled for it"


def test_cut_at_the_end_is_not_cut():
    results = [trainer.train(run_of(epochs=2, **more)).history for more in ({}, {"truncate": 6}, {"truncate": 2})]
    for name in results[0]:
        np.testing.assert_allclose(results[0][name], results[1][name], rtol=1e-6)
    assert results[0]["validation_loss"] != results[2]["validation_loss"]


REFUSED: list[tuple[dict[str, Any], dict[str, Any], Any, str]] = [
    ({"bidirectional": True}, {}, PER_STEP, "model.bidirectional"),
    ({}, {"recurrent_dropout": 0.1}, PER_STEP, "recurrent_dropout"),
    ({}, {"zoneout": 0.1}, PER_STEP, "zoneout"),
    ({}, {}, Signature(STEPS, FEATURES, 2, "class"), "one target a sequence"),
    ({}, {}, Signature(STEPS, FEATURES, 2, "class", per_step=True, carried=True), "'timesteps'"),
    ({}, {}, Signature(STEPS, FEATURES, 2, "class", decoded=4), "decoder"),
]


@pytest.mark.parametrize(("model", "options", "signature", "words"), REFUSED)
def test_cutting_where_it_means_nothing_is_refused(model, options, signature, words):
    spec = ModelSpec(units=3, **model)
    with pytest.raises(UserError, match=words):
        truncation.check(TrainingSpec(truncate=3), spec, options, signature)
    truncation.check(TrainingSpec(), spec, options, signature)


def test_a_model_without_recurrence_is_refused():
    inputs = keras.Input((None, FEATURES))
    with pytest.raises(ValueError, match="recurrent layers"):
        truncation.forward(keras.Model(inputs, keras.layers.Dense(2)(inputs)), tf.zeros((1, STEPS, FEATURES)), 2)


def test_a_search_that_cuts_where_nothing_can_be_cut_is_refused_before_its_trials():
    content = {"name": "q", "question": "?", "tasks": ["adding"], "cells": ["gru"], "model": {"units": 3}}
    for values in ([None, 5], {"low": 2, "high": 5}):
        search = {"trials": 2, "space": {"truncate": values}}
        with pytest.raises(
            UserError, match=r"^q: .*, gru: training\.truncate: received \d, expected null: this task has one"
        ):
            suite.check(Experiment(**content, search=search))
    content |= {"tasks": ["copy_memory"], "training": {"truncate": 5}}
    search = {"trials": 2, "space": {"bidirectional": [False, True]}}
    with pytest.raises(UserError, match=r"training\.truncate: received 5, expected null beside model\.bidirectional"):
        suite.check(Experiment(**content, search=search))
