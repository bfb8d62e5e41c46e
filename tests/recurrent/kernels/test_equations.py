"""The equations that the kernels are compared with are right: central differences in long double, and Keras' layers."""

from dataclasses import replace
from itertools import product

import keras
import numpy as np
import pytest
import tensorflow as tf
from core_checks import CELLS, FLAGS, MASKS, Equations, differences, made, name_of, results
from keras_masks import one_rule
from sequence_equations import Arrays, Layer, forward, gradient

SHAPE = (5, 4, 3, 4)
CHOICES = [
    replace(layer, **dict(zip(FLAGS, flags, strict=True)))
    for layer, flags in product(CELLS, product((False, True), repeat=len(FLAGS)))
]
STEP = np.longdouble(1e-6)


def loss(case, arrays, d_last):
    """A number that changes with the result as the case says."""
    last, outputs, states = forward(case.layer, arrays)
    return (last * d_last).sum() + (outputs * case.d_outputs).sum() + sum(map(np.vdot, states, case.d_states))


def by_differences(case, arrays, d_last):
    """∂loss by every number of every array."""
    found = {}
    for name, array in arrays.named().items():
        found[name] = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            sides = []
            for sign in (1, -1):
                moved = array.copy()
                moved[place] += sign * STEP
                sides.append(loss(case, arrays.with_named(arrays.named() | {name: moved}), d_last))
            found[name][place] = (sides[0] - sides[1]) / (2 * STEP)
    return found


@pytest.mark.parametrize(("mask", "bias"), [("none", False), ("gaps", True)])
@pytest.mark.parametrize("layer", CHOICES, ids=name_of)
def test_gradients_are_central_differences(layer, mask, bias):
    case = made(layer, (3, 4, 2, 2), mask, bias, "float64")
    d_last = np.random.default_rng(4).normal(size=(3, 2))
    exact = case.arrays.astype("longdouble")
    expected = by_differences(case, exact, d_last)
    actual = gradient(layer, exact, case.d_outputs, case.d_states, d_last).named()
    assert actual.keys() == expected.keys()
    for name, theirs in expected.items():
        np.testing.assert_allclose(actual[name], theirs, rtol=0, atol=1e-9, err_msg=name)


def keras_layer(layer, arrays):
    """Keras' layer of the same function; of the convention "write" by negating the update gate's weights."""
    kind = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM}.get(layer.cell, keras.layers.GRU)
    options = {name: getattr(layer, name) for name in FLAGS}
    if kind is keras.layers.GRU:
        options["reset_after"] = layer.cell == "gru"
    if kind is not keras.layers.SimpleRNN:
        options["use_cudnn"] = False
    units = arrays.states[0].shape[1]
    made_layer = kind(units, use_bias=arrays.bias is not None, return_state=True, dtype="float64", **options)
    made_layer.build(arrays.inputs.shape)
    weights = [w for w in (arrays.kernel, arrays.recurrent_kernel, arrays.bias) if w is not None]
    made_layer.set_weights([w * signs(layer, units) for w in weights])
    return made_layer


def signs(layer, units):
    """What the weights of Keras' layer are multiplied by: σ(−a) = 1 − σ(a)."""
    return np.repeat([-1.0, 1.0, 1.0], units) if layer.convention == "write" else 1.0


def by_keras(case):
    """As `results`, by Keras' layer: a loop in TensorFlow, in float64, under this project's rule of masked steps."""
    layer, arrays = case.layer, case.arrays
    model, units = keras_layer(layer, arrays), arrays.states[0].shape[1]
    given = [tf.constant(a) for a in (arrays.inputs, *arrays.states)]
    with tf.GradientTape() as tape:
        tape.watch(given)
        with one_rule():
            outputs, *states = model(given[0], initial_state=given[1:], mask=arrays.mask)
    upstream = [tf.constant(d) for d in (case.d_outputs if layer.return_sequences else case.d_outputs[:, 0], *case.d_states)]
    derived = tape.gradient([outputs, *states], [*given, *model.trainable_weights], upstream, unconnected_gradients="zero")
    inputs, *rest = (array.numpy() for array in derived)
    weights = [w * signs(layer, units) for w in rest[len(states) :]]
    outputs = outputs.numpy() if layer.return_sequences else outputs.numpy()[:, None]
    found = {"last": outputs[:, -1], "outputs": outputs} | {f"state {n}": s.numpy() for n, s in enumerate(states)}
    return found | {f"gradient by {n}": a for n, a in Arrays(inputs, rest[: len(states)], *weights).named().items()}


# every two values of two flags meet
@pytest.mark.parametrize("flags", [(0, 0, 0), (1, 1, 0), (0, 1, 1), (1, 0, 1)])
@pytest.mark.parametrize("layer", CELLS, ids=name_of)
def test_results_and_gradients_are_those_of_keras(layer, flags):
    layer = replace(layer, **dict(zip(FLAGS, map(bool, flags), strict=True)))
    for mask in ("none", "gaps", "all masked"):
        case = made(layer, SHAPE, mask, bias=mask != "none", dtype="float64")
        apart = differences(by_keras(case), results(Equations, case))
        assert max(apart.values()) < 1e-12, f"{mask}: {apart}"


@pytest.mark.parametrize("mask", MASKS)
def test_masks_of_every_form_are_those_of_keras(mask):
    for layer in (Layer("lstm"), Layer("gru", go_backwards=True)):
        case = made(layer, SHAPE, mask, dtype="float64")
        assert max(differences(by_keras(case), results(Equations, case)).values()) < 1e-12


def test_strong_weights_are_those_of_keras():
    for layer in CELLS:
        case = made(layer, SHAPE, "gaps", dtype="float64", strength=20)
        assert max(differences(by_keras(case), results(Equations, case)).values()) < 1e-10
