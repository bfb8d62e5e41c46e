"""Gradients of every cell and option, in float64, against central differences: inputs, states and weights.

A new file in gru_tf/recurrent/cells is picked up by itself. Each case is computed by `gru_tf.RNN` over the cell and by the
fused layer where there is one, over several steps, from random states, with a mask with holes, while training with the
options that draw masks: the layer is called as a function of its variables, its seed among them, so that each call draws
the same.
"""

import conformance
import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import FEATURES, UNITS
from keras import ops

from gru_tf.recurrent import kernels, linear_scan
from gru_tf.recurrent.cells import CELLS, OF_ANY, around
from gru_tf.recurrent.cells.gru import GRUCell
from gru_tf.recurrent.layers.rnn import RNN

BATCH, STEPS = 2, 5
MASK = np.array([[1, 0, 1, 1, 0], [0, 1, 1, 0, 1]], bool)
STEP = 1e-4  # of the differences, whose error is of the order of its fourth power
WORST = 1e-8  # of the difference, as a share of the largest gradient


def options_of(spec):
    """The defaults, each other value alone, and the last values of all options together."""
    defaults = {name: spec.examples(name)[0] for name in spec.options}
    alone = [{name: value} for name in spec.options for value in spec.examples(name)[1:]]
    together = {name: spec.examples(name)[-1] for name in spec.options}
    if together.get("state_gates") is False:  # an SRU then has no recurrent kernel to drop
        together = {name: value for name, value in together.items() if name not in OF_ANY}
    if "longest" in together:  # it draws the bias of the forget gate, which is then not given
        together.pop("forget_bias", None)
    return [defaults, *alone, *([together] if len(alone) > 1 else [])]


def case(name, options, later):
    words = "-".join([name, *(f"{k}={v}" for k, v in options.items())])
    return pytest.param(CELLS.find(name), options, id=words, marks=pytest.mark.slow if later else ())


CASES = [case(name, options, later) for name in CELLS.names() for later, options in enumerate(options_of(CELLS.find(name)))]


# --- what the check is made of ---


def layers_of(spec, options, **more):
    """By name: `gru_tf.RNN` over the cell, and the fused layer where there is one."""
    common = {"return_sequences": True, "return_state": True, "dtype": "float64", "seed": 4, **more}
    found = {"RNN": around(RNN, spec.build, UNITS, **options, **common)}
    if spec.has_fused(options):
        found["fused"] = spec.layer(UNITS, options, **common)
    return found


def differentiable(layer, states):
    """A point, and a scalar function of it: the inputs, states and weights of the layer, one after the other."""
    keras.utils.set_random_seed(0)
    layer.build((BATCH, STEPS, FEATURES))
    rng = np.random.default_rng(5)
    weights = [rng.normal(scale=0.5, size=w.shape) + np.array(w) for w in layer.trainable_variables]
    parts = [rng.normal(size=(BATCH, STEPS, FEATURES)), *states, *weights]
    shapes, sizes = [part.shape for part in parts], [part.size for part in parts]
    names = ["inputs", *(f"state {n}" for n in range(len(states))), *(w.path for w in layer.trainable_variables)]
    places = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    fixed = [tf.constant(variable.value) for variable in layer.non_trainable_variables]

    def function(point):
        x, *rest = (tf.reshape(part, shape) for part, shape in zip(tf.split(point, sizes), shapes, strict=True))
        call = {"initial_state": rest[: len(states)], "mask": tf.constant(MASK), "training": True}
        outputs, _ = layer.stateless_call(rest[len(states) :], fixed, x, **call)
        shares = (np.random.default_rng([6, n]).normal(size=v.shape) for n, v in enumerate(outputs))
        return tf.add_n([tf.reduce_sum(share * value) for share, value in zip(shares, outputs, strict=True)])

    return np.concatenate([np.ravel(part) for part in parts]), function, dict(zip(names, places, strict=True))


def automatic(function, point):
    """The gradient as TensorFlow has it, in a graph."""

    @tf.function(autograph=False)
    def gradient(at):
        with tf.GradientTape() as tape:
            tape.watch(at)
            value = function(at)
        return tape.gradient(value, at)

    return gradient(tf.constant(point)).numpy()


def differences(function, point):
    """The gradient by central differences of two steps, extrapolated: [8 (f(h) − f(−h)) − (f(2h) − f(−2h))] / 12h."""
    shifts = [STEP * k * np.eye(len(point)) for k in (1, -1, 2, -2)]

    @tf.function(autograph=False)
    def values(points):
        return tf.map_fn(function, points)

    near, _near, far, _far = np.split(values(tf.constant(np.concatenate([point + shift for shift in shifts]))).numpy(), 4)
    return (8 * (near - _near) - (far - _far)) / (12 * STEP)


def errors_of(layer, states):
    """Part → largest difference between the two gradients, as a share of the largest gradient of all."""
    point, function, parts = differentiable(layer, states)
    one, other = automatic(function, point), differences(function, point)
    assert all(np.abs(other[places]).max() > 0 for places in parts.values()), "nothing is without a gradient"
    largest = np.abs(other).max()
    return {name: float(np.abs(one - other)[places].max() / largest) for name, places in parts.items()}


def check_gradients(layer, states):
    """No part's gradient is off by more than the bound."""
    off = {name: error for name, error in errors_of(layer, states).items() if not error <= WORST}  # what is no number too
    assert not off, f"{layer.name}: off by these shares of the largest gradient: {off}"


def states_of(spec, options):
    return [state[:BATCH].astype("float64") for state in conformance.random_states(spec, options)]


# --- every cell ---


@pytest.mark.parametrize(("spec", "options"), CASES)
def test_gradients_are_those_of_central_differences(spec, options):
    for layer in layers_of(spec, options).values():
        check_gradients(layer, states_of(spec, options))


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS.names())
def test_gradients_with_dropped_inputs(name):
    """By a mask that all gates share, and by one for each gate."""
    spec = CELLS.find(name)
    for more in ({}, {"implementation": 1})[: len(spec.gates)]:
        for layer in layers_of(spec, {}, dropout=0.3, **more).values():
            check_gradients(layer, states_of(spec, {}))


@pytest.mark.skipif(bool(kernels.why_not() or tf.config.list_physical_devices("GPU")), reason="no kernel computes here")
def test_what_is_fused_is_computed_by_kernels_and_the_scan():
    """Float64 and masks do not lead elsewhere."""
    for name, part in (("gru", "GruTf"), ("lstm", "GruTf"), ("rnn", "GruTf"), ("min_gru", linear_scan.SCOPE)):
        spec = CELLS.find(name)
        point, function, _ = differentiable(layers_of(spec, {})["fused"], states_of(spec, {}))
        graph = tf.function(function, autograph=False).get_concrete_function(tf.TensorSpec(point.shape, "float64")).graph
        assert any(operation.type.startswith(part) or part in operation.name for operation in graph.get_operations())


# --- shown able to fail ---


class Deaf(GRUCell):
    """The gradient through what the update gate keeps is missing."""

    def step(self, x, states, training=False):
        new = super().step(x, states, training)[0]
        return [ops.stop_gradient(new - states[0]) + states[0]]


class OffByALittle(GRUCell):
    """The gradient of the products with the state is too large by a millionth."""

    def from_state(self, h, training=False, gates=()):
        return _off(super().from_state(h, training, gates))


@tf.custom_gradient
def _off(values):
    return tf.identity(values), lambda upstream: upstream * (1 + 1e-6)


@pytest.mark.parametrize("cell", [Deaf, OffByALittle], ids=lambda cell: cell.__name__)
def test_a_wrong_gradient_of_a_cell_is_noticed(cell):
    spec = CELLS.find("gru")
    layer = RNN(cell(UNITS, dtype="float64"), return_sequences=True, return_state=True, dtype="float64")
    with pytest.raises(AssertionError, match="off by these shares"):
        check_gradients(layer, states_of(spec, {}))


@pytest.mark.parametrize("wrong", ["sign", "step"])
def test_a_wrong_gradient_of_the_scan_is_noticed(wrong, monkeypatch):
    """The adjoint with another sign, or beside the state of its own step instead of the one before."""

    @tf.custom_gradient
    def recurrence(a, b):
        (h,) = linear_scan._solve((a,), (b,), 1)

        def gradient(upstream):
            (adjoint,) = linear_scan._solve((linear_scan._shifted(a, -1),), (upstream,), -1)
            return (-adjoint * linear_scan._shifted(h, 1) if wrong == "sign" else adjoint * h), adjoint

        return h, gradient

    spec = CELLS.find("min_lstm")
    check_gradients(layers_of(spec, {})["fused"], states_of(spec, {}))
    monkeypatch.setattr(linear_scan, "_real", recurrence)
    with pytest.raises(AssertionError, match="off by these shares"):
        check_gradients(layers_of(spec, {})["fused"], states_of(spec, {}))


def test_masks_that_are_drawn_anew_are_noticed(monkeypatch):
    """The layer's seed is held; with another one at each call the differences are of other functions."""
    spec = CELLS.find("gru")
    layer = layers_of(spec, {"zoneout": 0.25})["RNN"]
    check_gradients(layer, states_of(spec, {}))
    anew = lambda self, batch, steps, width: tf.random.uniform((batch, steps, width), dtype="float64")  # noqa: E731
    monkeypatch.setattr(type(layer.cell), "sequence_noise", anew)
    with pytest.raises(AssertionError, match="off by these shares"):
        check_gradients(layer, states_of(spec, {}))
