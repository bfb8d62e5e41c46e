"""Masks with initial states, on every path: one rule, that of tests/support/sequence_equations.py in NumPy float64.

Also: what stands in masked steps reaches nothing, masks of outputs, ragged tensors, states that are carried.
"""

import os
import subprocess
import sys
from itertools import product

import keras
import numpy as np
import pytest
import sequence_equations as equations
import tensorflow as tf
from keras.layers import Masking
from places import ROOT
from sequence_equations import Arrays

import gru_tf
from gru_tf import GRU, LSTM, RNN, Bidirectional, RecurrentStack, SimpleRNN, portable
from gru_tf.recurrent.cells import CELLS

BATCH, STEPS, FEATURES, UNITS = 4, 5, 3, 4
MASKS = {
    "right-padded": [[1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [1, 1, 1, 1, 1], [1, 1, 0, 0, 0]],
    "left-padded": [[0, 0, 1, 1, 1], [0, 1, 1, 1, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 1]],
    "gaps": [[0, 1, 0, 1, 0], [1, 0, 0, 0, 1], [0, 0, 0, 0, 0], [1, 1, 0, 1, 1]],
}
FORMS = [
    dict(zip(("return_sequences", "go_backwards", "zero_output_for_mask"), flags, strict=True))
    for flags in product((False, True), repeat=3)
]
LAYERS = {
    "GRU": (GRU, "gru", {}),
    "GRU, write": (GRU, "gru", {"convention": "write"}),
    "GRU, reset before": (GRU, "gru, reset before", {"reset_after": False}),
    "LSTM": (LSTM, "lstm", {}),
    "SimpleRNN": (SimpleRNN, "rnn", {}),
}
PATHS = ("kernel", "loop", "unrolled", "RNN over the cell")


def numbers(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def weighted(layer):
    layer.build((BATCH, STEPS, FEATURES))
    layer.set_weights([numbers([3, i], *w.shape) * 0.6 if "float" in w.dtype else w for i, w in enumerate(layer.weights)])
    return layer


def by_equations(layer, cell, mask, states):
    """(output, outputs, last states) by NumPy; the layer's own weights."""
    named = [np.array(w, "float64") for w in layer.cell.weights[:3]]
    arrays = Arrays(numbers(1, BATCH, STEPS, FEATURES), states, *named, mask=np.array(mask, bool))
    options = {name: getattr(layer, name) for name in ("return_sequences", "go_backwards", "zero_output_for_mask")}
    kind = equations.Layer(cell, convention=getattr(layer.cell, "convention", "keep"), **options)
    return equations.forward(kind, arrays)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", LAYERS)
def test_outputs_and_states_are_those_of_the_equations_on_every_path(name, path):
    make, cell, own = LAYERS[name]
    for form, mask in product(FORMS, MASKS):
        layer = make(UNITS, dtype="float64", return_state=True, unroll=path == "unrolled", **own, **form)
        layer = weighted(RNN(layer.cell, return_state=True, dtype="float64", **form) if "RNN" in path else layer)
        states = [numbers([2, n], BATCH, UNITS) for n, _ in enumerate(layer.state_size)]
        call = {"mask": tf.constant(MASKS[mask]), "initial_state": [tf.constant(state) for state in states]}
        inputs = np.where(np.array(MASKS[mask], bool)[..., None], numbers(1, BATCH, STEPS, FEATURES), np.nan)
        if path == "loop":
            with portable():
                outputs, *after = layer(inputs, **call)
        else:
            outputs, *after = layer(inputs, **call)
        expected = by_equations(layer, cell, MASKS[mask], states)
        wanted = expected.outputs if layer.return_sequences else expected.last
        np.testing.assert_allclose(outputs, wanted, rtol=0, atol=1e-12, err_msg=f"{mask} {form}")
        for one, other in zip(after, expected.states, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-12, err_msg=f"{mask} {form}")


def every_layer():
    """A layer of each cell, fused or scanned where it can be, and step by step."""
    for name in CELLS.names():
        spec = CELLS.find(name)
        yield f"{name}, fastest", lambda spec=spec, **o: spec.layer(UNITS, {}, **o)
        yield f"{name}, by step", lambda spec=spec, **o: RNN(spec.build(UNITS, dtype=o.get("dtype")), **o)


EVERY = dict(every_layer())


@pytest.mark.parametrize("name", EVERY)
def test_a_sequence_in_two_parts_is_the_sequence_as_a_whole_wherever_it_is_cut(name):
    """What stands before a row's first real step of the second part is the state, or the whole would show the cut."""
    layer = weighted(EVERY[name](return_sequences=True, return_state=True))
    x, mask = numbers(1, BATCH, STEPS, FEATURES).astype("float32"), np.array(MASKS["gaps"], bool)
    outputs, *after = layer(x, mask=tf.constant(mask))
    for cut in (1, 3):
        first, *between = layer(x[:, :cut], mask=tf.constant(mask[:, :cut]))
        second, *last = layer(x[:, cut:], mask=tf.constant(mask[:, cut:]), initial_state=between)
        np.testing.assert_allclose(np.concatenate([first, second], 1), outputs, rtol=0, atol=2e-6)
        for one, other in zip(last, after, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", EVERY)
def test_what_is_no_number_in_masked_steps_reaches_neither_outputs_nor_gradients(name):
    mask = np.array(MASKS["gaps"], bool)
    layer = weighted(EVERY[name](return_sequences=True))
    outcomes = []
    for filler in (0.0, np.nan, np.inf):
        x = tf.constant(np.where(mask[..., None], numbers(1, BATCH, STEPS, FEATURES), filler).astype("float32"))
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, mask=tf.constant(mask))
            total = tf.reduce_sum(outputs**2)
        outcomes.append([outputs, *tape.gradient(total, [x, *(w.value for w in layer.trainable_weights)])])
    for other in outcomes[1:]:
        for one, same in zip(outcomes[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_after_go_backwards_the_mask_is_turned_with_the_steps():
    mask = np.array(MASKS["right-padded"], bool)
    x = np.where(mask[..., None], numbers(1, BATCH, STEPS, FEATURES), 0).astype("float32")
    model = keras.Sequential([Masking(), weighted(GRU(UNITS, return_sequences=True, go_backwards=True)), GRU(2)])
    outputs = model(x)
    for row, length in enumerate(mask.sum(1)):
        alone = model.layers[2](model.layers[1](x[row : row + 1, :length]))
        np.testing.assert_allclose(outputs[row], alone[0], rtol=0, atol=1e-6)
    theirs = keras.layers.GRU(UNITS, return_sequences=True, go_backwards=True)
    assert np.array_equal(theirs.compute_mask(x, mask), mask), "Keras' own is not turned: this is what the layer mends"


@pytest.mark.parametrize("layer", [GRU, LSTM, SimpleRNN, lambda u, **o: RNN([gru_tf.GRUCell(3), gru_tf.LSTMCell(u)], **o)])
def test_ragged_tensors_are_read_as_padded_sequences_and_their_mask(layer):
    x, lengths = numbers(1, BATCH, STEPS, FEATURES).astype("float32"), [3, 0, 5, 1]
    ragged = tf.RaggedTensor.from_tensor(x, lengths)
    mask = tf.sequence_mask(lengths, STEPS)
    for options in ({}, {"return_sequences": True}):
        one = layer(UNITS, **options)
        np.testing.assert_allclose(one(ragged), one(x, mask=mask), rtol=0, atol=1e-6)
        np.testing.assert_allclose(tf.function(one)(ragged), one(x, mask=mask), rtol=0, atol=1e-6)
    both = Bidirectional(layer(UNITS, return_sequences=True))
    np.testing.assert_allclose(both(ragged), both(x, mask=mask), rtol=0, atol=1e-6)
    assert np.array_equal(both(ragged)._keras_mask, mask)
    assert not hasattr(keras.layers.Bidirectional(layer(UNITS, return_sequences=True))(ragged), "_keras_mask"), "mended"
    stack = RecurrentStack("gru", [UNITS, 2], residual=True)
    np.testing.assert_allclose(stack(ragged), stack(x, mask=mask), rtol=0, atol=1e-6)


def test_a_ragged_tensor_with_a_mask_beside_it_or_ragged_elsewhere_is_refused():
    ragged = tf.RaggedTensor.from_tensor(numbers(1, BATCH, STEPS, FEATURES), [3, 0, 5, 1])
    with pytest.raises(ValueError, match="Expected no mask beside a ragged tensor"):
        GRU(UNITS)(ragged, mask=np.ones((BATCH, STEPS), bool))
    deep = tf.ragged.constant([[[[1.0], [2.0]], [[3.0]]], [[[4.0]]]], ragged_rank=2)
    with pytest.raises(ValueError, match="ragged in time alone"):
        RNN(gru_tf.GRUCell(UNITS)).call(deep)


def test_states_of_a_list_of_cells_are_carried_and_reset():
    layer = RNN([gru_tf.GRUCell(3), gru_tf.LSTMCell(UNITS)], stateful=True)
    x = numbers(1, BATCH, STEPS, FEATURES).astype("float32")
    first = np.array(layer(x))
    assert np.abs(layer(x) - first).max() > 1e-4
    layer.reset_state()
    np.testing.assert_array_equal(layer(x), first)
    stock = keras.layers.RNN([gru_tf.GRUCell(3), gru_tf.LSTMCell(UNITS)], stateful=True)
    stock(x)
    with pytest.raises(AttributeError):  # what the layer mends
        stock.reset_state()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("make", [GRU, LSTM, SimpleRNN])
def test_half_precision_begins_with_an_orthogonal_kernel(make, dtype):
    layer = make(8, dtype=dtype, recurrent_initializer=keras.initializers.Orthogonal(seed=1))
    layer.build((BATCH, STEPS, FEATURES))
    kernel = np.array(layer.cell.recurrent_kernel, "float32")
    np.testing.assert_allclose(kernel @ kernel.T, np.eye(8), atol=0.02)
    assert layer(numbers(1, BATCH, STEPS, FEATURES)).dtype == dtype


# --- shapes that would be broadcast ---

WRONG = [
    ({"mask": np.ones((BATCH, 1), bool)}, r"expected `mask` of shape \(batch, timesteps\) = \(4, 5\). Received: .*\(4, 1\)"),
    ({"mask": np.ones((1, STEPS), bool)}, r"expected `mask` .* = \(4, 5\). Received: shape=\(1, 5\)"),
    ({"initial_state": [np.zeros((1, UNITS), "f")]}, r"expected `initial_state` of shape .*\(4, 4\). Received: .*\(1, 4\)"),
    ({"initial_state": [np.zeros((BATCH, 1), "f")]}, r"expected `initial_state` of shape .*\(4, 4\). Received: .*\(4, 1\)"),
]


@pytest.mark.parametrize(("call", "words"), WRONG)
@pytest.mark.parametrize("cell", ["gru", "janet", "min_gru"])
def test_states_and_masks_of_a_wrong_shape_are_refused_by_layers_scans_and_stacks(cell, call, words):
    x = numbers(1, BATCH, STEPS, FEATURES).astype("float32")
    spec = CELLS.find(cell)
    for layer in (spec.layer(UNITS, {}), RNN(spec.build(UNITS)), RecurrentStack(cell, UNITS)):
        with pytest.raises(ValueError, match=words):
            layer(x, **call)
    if "mask" in call:
        with pytest.raises(ValueError, match=words):
            Bidirectional(spec.layer(UNITS, {}))(x, **call)


def test_a_mask_is_turned_round_where_both_directions_are():
    mask = np.array(MASKS["left-padded"], bool)
    first, second = (GRU(UNITS, return_sequences=True, go_backwards=backwards) for backwards in (True, False))
    both = Bidirectional(first, backward_layer=second)
    x = numbers(1, BATCH, STEPS, FEATURES).astype("float32")
    outputs = both(x, mask=tf.constant(mask))
    np.testing.assert_array_equal(outputs[..., :UNITS], both.forward_layer(x, mask=tf.constant(mask)))
    np.testing.assert_array_equal(both.compute_mask(x, tf.constant(mask)), mask[:, ::-1])
    usual = Bidirectional(GRU(UNITS, return_sequences=True))
    np.testing.assert_array_equal(usual.compute_mask(x, tf.constant(mask)), mask)


class Field(keras.layers.Layer):
    """A cell whose state is a field, (batch, 2, 3), of which its output is the sum over the rows."""

    state_size, output_size = [(2, 3)], 3

    def get_initial_state(self, batch_size=None):
        return [keras.ops.zeros((batch_size, 2, 3))]

    def call(self, x, states):
        h = states[0] + keras.ops.reshape(keras.ops.sum(x, axis=-1), (-1, 1, 1))
        return keras.ops.sum(h, axis=1), [h]


def test_states_of_other_shapes_are_the_cell_s_own():
    x, mask = numbers(1, BATCH, STEPS, FEATURES).astype("float32"), np.array(MASKS["gaps"], bool)
    states = [numbers(2, BATCH, 2, 3).astype("float32")]
    output, state = RNN(Field(), return_state=True)(x, mask=mask, initial_state=states)
    expected = states[0] + (x.sum(axis=-1) * mask).sum(axis=1)[:, None, None]
    np.testing.assert_allclose(state, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(output[mask.any(axis=1)], expected.sum(axis=1)[mask.any(axis=1)], rtol=0, atol=1e-5)


@pytest.mark.parametrize("make", [GRU, LSTM, SimpleRNN])
def test_sequences_without_a_step_are_refused(make):
    for layer in (make(UNITS), make(UNITS, unroll=True), RecurrentStack("min_gru", UNITS)):
        with pytest.raises(ValueError, match=r"expected `sequences` of at least one step. Received: shape=\(4, 0, 3\)"):
            layer(np.zeros((BATCH, 0, FEATURES), "float32"))


# --- on JAX ---

ON_JAX = """
import os, sys
import numpy as np, keras
from gru_tf import RNN, GRU, LSTM
from gru_tf.recurrent.cells import CELLS
assert keras.backend.backend() == "jax"
x, mask = np.load(sys.argv[1]), np.load(sys.argv[2])
file = np.load(sys.argv[3])
for key in file.files:
    name, form, way = key.split("|")
    spec = CELLS.find(name)
    options = {"return_sequences": True, "go_backwards": "b" in form, "zero_output_for_mask": "z" in form}
    options["unroll"] = "u" in form
    layer = spec.layer(4, {}, **options) if way == "fastest" else RNN(spec.build(4), **options)
    layer.build(x.shape)
    rng = [np.random.default_rng([3, i]) for i, _ in enumerate(layer.weights)]
    layer.set_weights([r.normal(size=w.shape) * 0.6 if "float" in w.dtype else w for r, w in zip(rng, layer.weights)])
    states = [np.random.default_rng([2, n]).uniform(0.2, 1, (len(x), s)).astype("f") for n, s in enumerate(layer.state_size)]
    y = keras.ops.convert_to_numpy(layer(x, mask=keras.ops.convert_to_tensor(mask), initial_state=states))
    np.testing.assert_allclose(y, file[key], rtol=0, atol=1e-5, err_msg=key)
    print("same", key)
"""


@pytest.mark.slow
def test_the_rule_is_the_same_on_jax(tmp_path):
    if not (ROOT / ".jax" / "jax").is_dir():
        pytest.skip("JAX is not installed: make test puts it in .jax")
    x, mask = numbers(1, BATCH, STEPS, FEATURES).astype("float32"), np.array(MASKS["gaps"], bool)
    results = {}
    for name, form, way in product(CELLS.names(), ("", "b", "z", "u"), ("fastest", "by step")):
        spec = CELLS.find(name)
        options = {"return_sequences": True, "go_backwards": "b" in form, "zero_output_for_mask": "z" in form}
        options |= {"unroll": "u" in form}
        layer = weighted(spec.layer(UNITS, {}, **options) if way == "fastest" else RNN(spec.build(UNITS), **options))
        states = [
            np.random.default_rng([2, n]).uniform(0.2, 1, (BATCH, s)).astype("f") for n, s in enumerate(layer.state_size)
        ]
        results[f"{name}|{form}|{way}"] = layer(x, mask=tf.constant(mask), initial_state=states)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "mask.npy", mask)
    np.savez(tmp_path / "y.npz", **results)
    files = [str(tmp_path / name) for name in ("x.npy", "mask.npy", "y.npz")]
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / ".jax")])}
    done = subprocess.run(
        [sys.executable, "-c", ON_JAX, *files], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("same") == len(results)
