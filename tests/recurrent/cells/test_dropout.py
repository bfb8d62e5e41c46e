"""Zoneout, weight dropout, and masks of cells used by hand: which numbers are dropped, when they change, and by how much."""

import os
import subprocess
import sys
from itertools import pairwise

import keras
import numpy as np
import pytest
import tensorflow as tf
from places import ROOT

import gru_tf
from gru_tf.recurrent.cells import CELLS, OF_ANY

BATCH, STEPS, FEATURES, UNITS = 4, 6, 3, 50
NAMES = [name for name in CELLS.names() if set(OF_ANY) <= set(CELLS.find(name).options)]


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def built(cell):
    if not cell.built:
        cell.build((None, FEATURES))
    cell.set_weights([normal([1, i], *w.shape) * 0.5 if "float" in w.dtype else w for i, w in enumerate(cell.weights)])
    return cell


def states_of(cell):
    return [tf.constant(normal([2, i], BATCH, size)) for i, size in enumerate(keras.tree.flatten(cell.state_size))]


# --- zoneout ---


@pytest.mark.parametrize("name", NAMES)
def test_in_training_each_number_of_a_state_is_kept_or_new(name):
    rate, spec = 0.3, CELLS.find(name)
    cell, plain = built(spec.build(UNITS, zoneout=rate, seed=1)), built(spec.build(UNITS))
    x, states = normal(3, BATCH, FEATURES), states_of(cell)
    after = [[np.array(s) for s in cell(x, states, training=True)[1]] for _ in range(20)]
    new = [np.array(s) for s in plain(x, states)[1]]
    for n, old in enumerate(states):
        kept = np.array([draw[n] == np.array(old) for draw in after])
        assert all(((draw[n] == np.array(old)) | (draw[n] == new[n])).all() for draw in after)
        assert abs(kept.mean() - rate) < 0.03, "of 4,000 draws, with a standard deviation of 0.007"
        assert not (kept[0] == kept[1]).all(), "each step has a mask of its own"


@pytest.mark.parametrize("name", NAMES)
def test_at_inference_the_share_stands_for_the_mask(name):
    """Its mean over many draws, too."""
    rate, spec = 0.3, CELLS.find(name)
    cell, plain = built(spec.build(UNITS, zoneout=rate, seed=1)), built(spec.build(UNITS))
    x, states = normal(3, BATCH, FEATURES), states_of(cell)
    for old, new, mixed in zip(states, plain(x, states)[1], cell(x, states)[1], strict=True):
        np.testing.assert_allclose(mixed, rate * np.array(old) + (1 - rate) * np.array(new), rtol=0, atol=1e-6)


@pytest.mark.parametrize("layer", [gru_tf.RNN, keras.layers.RNN])
def test_in_a_layer_masks_differ_from_step_to_step_and_from_call_to_call(layer):
    """A cell whose step gives ones from any state: what is below one was kept from the zeros of the start."""

    class Ones(gru_tf.RNNCell):
        def step(self, x, states, training=False):
            return [keras.ops.ones_like(states[0])]

    over_time = layer(Ones(UNITS, zoneout=0.5, seed=1), return_sequences=True)
    x = normal(3, BATCH, STEPS, FEATURES)
    for call in (over_time, tf.function(over_time)):
        one, other = (np.array(call(x, training=True)) for _ in range(2))
        assert (one != other).any()
        begun = np.diff(np.concatenate([np.zeros_like(one[:, :1]), one], 1), axis=1)  # 1 at the step that first wrote
        counts = begun.sum((0, 2)) / (BATCH * UNITS)
        np.testing.assert_allclose(counts[:4], 0.5 ** np.arange(1, 5), atol=0.12)


def test_each_cell_of_a_stack_zones_out_as_it_would_alone():
    options = {"zoneout": 0.5, "dropout": 0.3, "recurrent_dropout": 0.2, "seed": 3}
    first, second = gru_tf.LSTMCell(4, zoneout=0.2, seed=2), gru_tf.GRUCell(UNITS, **options)
    x = tf.constant(normal(3, BATCH, STEPS, FEATURES))
    stack = gru_tf.RNN([first, second], return_sequences=True, return_state=True)
    stack.build(x.shape)
    layers = [gru_tf.RNN(type(cell).from_config(cell.get_config()), return_sequences=True) for cell in (first, second)]
    between = x
    for cell, layer in zip((first, second), layers, strict=True):
        layer.build(between.shape)
        layer.cell.set_weights(cell.get_weights())
        between = layer(between, training=True)
    outputs, *_ = stack(x, training=True)
    np.testing.assert_allclose(outputs, between, rtol=0, atol=1e-6)
    assert np.abs(outputs - stack(x)[0]).max() > 0.02


ON_JAX = """
import keras, numpy as np
import gru_tf
assert keras.backend.backend() == "jax"

class Ones(gru_tf.RNNCell):
    def step(self, x, states, training=False):
        return [keras.ops.ones_like(states[0])]

x = np.zeros((8, 6, 3), "float32")
y = np.array(gru_tf.RNN(Ones(50, zoneout=0.5, seed=1), return_sequences=True)(x, training=True))
new = np.diff(np.concatenate([np.zeros_like(y[:, :1]), y], 1), axis=1).mean((0, 2))
np.testing.assert_allclose(new[:4], 0.5 ** np.arange(1, 5), atol=0.1)
try:
    keras.layers.RNN(Ones(50, zoneout=0.5, seed=1))(x, training=True)
except ValueError as error:
    assert "expected gru_tf.RNN around a cell with zoneout" in str(error), error
    print("refused")
stack = gru_tf.RNN([gru_tf.LSTMCell(3, zoneout=0.1), Ones(50, zoneout=0.5, seed=1)], return_sequences=True)
np.testing.assert_array_equal(y, stack(x, training=True))
layer = gru_tf.GRU(5, weight_dropout=0.5, recurrent_dropout=0.2, zoneout=0.1, seed=1)
one, other = np.array(layer(x + 1, training=True)), np.array(layer(x + 1, training=True))
assert (one != other).any()
"""


@pytest.mark.slow
def test_on_jax_too_where_keras_own_loop_would_give_every_step_one_mask():
    if not (ROOT / ".jax" / "jax").is_dir():
        pytest.skip("JAX is not installed: make test puts it in .jax")
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / ".jax")])}
    done = subprocess.run([sys.executable, "-c", ON_JAX], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "refused" in done.stdout


# --- weight dropout ---


@pytest.mark.parametrize("make", [gru_tf.GRU, gru_tf.LSTM, gru_tf.SimpleRNN])
def test_weight_dropout_is_the_layer_with_some_recurrent_weights_at_zero_and_the_others_scaled_up(make, monkeypatch):
    rate = 0.4
    layer, plain = make(UNITS, weight_dropout=rate, seed=1, return_sequences=True), make(UNITS, return_sequences=True)
    x = normal(3, BATCH, STEPS, FEATURES)
    for one in (layer, plain):
        one.build(x.shape)
        built(one.cell)
    kernel = np.array(plain.cell.recurrent_kernel)
    masks = []
    draw = type(layer.cell)._draw_weight_mask
    monkeypatch.setattr(type(layer.cell), "_draw_weight_mask", lambda *a: masks.append(draw(*a)) or masks[-1])
    for n in range(2):
        outputs = np.array(layer(x, training=True))
        assert len(masks) == n + 1, "one a call"
        plain.cell.recurrent_kernel.assign(kernel * np.array(masks[-1]))
        np.testing.assert_allclose(outputs, plain(x), rtol=0, atol=2e-6)
        assert abs((np.array(masks[-1]) == 0).mean() - rate) < 0.03
        np.testing.assert_allclose(np.unique(masks[-1]), [0, 1 / (1 - rate)], rtol=1e-6)
    assert (np.array(masks[0]) != np.array(masks[1])).any()
    plain.cell.recurrent_kernel.assign(kernel)
    np.testing.assert_array_equal(layer(x), plain(x))


# --- cells by hand ---


def sequence_by_hand(cell, x):
    states = cell.get_initial_state(BATCH)
    outputs = []
    for t in range(x.shape[1]):
        output, states = cell(x[:, t], states, training=True)
        outputs.append(output)
    return tf.stack(outputs, 1)


RATES = {"dropout": 0.3, "recurrent_dropout": 0.4, "weight_dropout": 0.2}


@pytest.mark.parametrize("rates", [RATES, {"dropout": 0.5}, {"recurrent_dropout": 0.5}, {"weight_dropout": 0.5}], ids=str)
def test_by_hand_a_sequence_has_its_masks_also_inside_a_compiled_step(rates):
    """A mask that was drawn before is a constant of the graph in Keras' cells, for ever."""
    cell = built(gru_tf.LSTMCell(UNITS, seed=1, **rates))
    one = tf.function(lambda x, states: cell(x, states, training=True))
    x, start = normal(3, BATCH, FEATURES), states_of(cell)
    results = []
    for _ in range(3):
        first = np.array(one(x, start)[0])
        np.testing.assert_array_equal(one(x, start)[0], first, err_msg="one sequence, one mask")
        np.testing.assert_allclose(cell(x, start, training=True)[0], first, rtol=0, atol=1e-6, err_msg="eager as compiled")
        results.append(first)
        cell.reset_dropout_mask()
        cell.reset_recurrent_dropout_mask()
    assert all((one != other).any() for one, other in pairwise(results))


def test_by_hand_a_whole_sequence_in_a_graph_is_the_eager_one():
    x = tf.constant(normal(3, BATCH, STEPS, FEATURES))
    eager, compiled = (built(gru_tf.GRUCell(UNITS, seed=1, **RATES)) for _ in range(2))
    run = tf.function(lambda x: sequence_by_hand(compiled, x))
    for _ in range(2):
        np.testing.assert_allclose(run(x), sequence_by_hand(eager, x), rtol=0, atol=1e-5)
        for cell in (eager, compiled):
            cell.reset_dropout_mask()
            cell.reset_recurrent_dropout_mask()


def test_keras_own_cell_freezes_its_mask_which_is_what_this_mends():
    cell = keras.layers.LSTMCell(UNITS, dropout=0.5, seed=1)
    x, start = normal(3, BATCH, FEATURES), cell.get_initial_state(BATCH)
    cell(x, start, training=True)
    one = tf.function(lambda x, states: cell(x, states, training=True))
    first = np.array(one(x, start)[0])
    cell.reset_dropout_mask()
    np.testing.assert_array_equal(one(x, start)[0], first)


@pytest.mark.parametrize("name", NAMES)
def test_rates_are_shares_and_go_round(name):
    spec = CELLS.find(name)
    for option in ("weight_dropout", "zoneout"):
        with pytest.raises(
            ValueError, match=f"expected `{option}` to be a number from 0 to below 1. Received: {option}=1.0"
        ):
            spec.build(UNITS, **{option: 1.0})
        cell = spec.build(UNITS, **{option: 0.25})
        assert getattr(type(cell).from_config(cell.get_config()), option) == 0.25
        assert option not in spec.build(UNITS).get_config(), "files of before these options load where they are unknown"
    for name in ("min_gru", "min_lstm"):
        with pytest.raises(ValueError, match="expected `zoneout` to be left out, as this cell has no recurrent kernel"):
            CELLS.find(name).build(UNITS, zoneout=0.1)
