"""Layers over time, stock and custom, and dropout whose rate is a variable."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gru_tf import GRU, LSTM, RNN, GRUCell, SimpleRNN
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.layers import recurrent
from gru_tf.recurrent.layers.chunked_mlstm import ChunkedMLSTM
from gru_tf.recurrent.layers.parallel_rnn import ParallelRNN
from gru_tf.recurrent.layers.reverse_time import ReverseTime
from gru_tf.recurrent.layers.variable_dropout import VariableDropout

BATCH, STEPS, FEATURES, UNITS = 3, 5, 2, 4
ONES = np.ones((200, 500), "float32")
STOCK = [name for name in CELLS.names() if CELLS.find(name).has_fused({})]


def x():
    return np.random.default_rng(0).normal(size=(BATCH, STEPS, FEATURES)).astype("float32")


def dropout(rate, seed=(7, 0)):
    """A built layer that begins at this seed."""
    layer = VariableDropout(rate)
    layer.seed_generator.state.assign(seed)
    return layer


# --- recurrent ---


@pytest.mark.parametrize("name", CELLS.names())
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
def test_output_shape(name, bidirectional, sequences):
    layer = recurrent(CELLS.find(name), UNITS, {}, "custom", bidirectional, return_sequences=sequences)
    width = 2 * UNITS if bidirectional else UNITS
    assert layer(x()).shape == ((BATCH, STEPS, width) if sequences else (BATCH, width))


@pytest.mark.parametrize("name", STOCK)
def test_stock_is_this_project_s_layer_or_a_scan_and_custom_is_an_rnn_around_the_cell(name):
    spec = CELLS.find(name)
    stock = recurrent(spec, UNITS, {})
    custom = recurrent(spec, UNITS, {}, "custom")
    assert type(stock) in (SimpleRNN, LSTM, GRU, ParallelRNN, ChunkedMLSTM)
    assert type(custom) is RNN
    assert type(custom.cell).__module__ == f"gru_tf.recurrent.cells.{name}"


@pytest.mark.parametrize("implementation", ["stock", "custom"])
def test_options_reach_the_cell(implementation):
    layer = recurrent(CELLS.find("gru"), UNITS, {"reset_after": False}, implementation)
    layer.build((None, STEPS, FEATURES))
    assert layer.count_params() == 3 * UNITS * (FEATURES + UNITS + 1)


def test_the_backward_half_is_a_forward_layer_on_the_reversed_sequence():
    both = recurrent(CELLS.find("gru"), UNITS, {}, "custom", bidirectional=True, return_sequences=True)
    outputs = both(x()).numpy()
    alone = recurrent(CELLS.find("gru"), UNITS, {}, "custom", return_sequences=True)
    alone.build(x().shape)
    alone.set_weights(both.backward_layer.get_weights())
    expected = alone(x()[:, ::-1]).numpy()[:, ::-1]
    np.testing.assert_allclose(outputs[..., UNITS:], expected, atol=1e-6)
    assert np.abs(outputs[..., :UNITS] - expected).max() > 1e-2, "the forward half has weights of its own"


@pytest.mark.parametrize("name", sorted(set(CELLS.names()) - set(STOCK)))
def test_without_a_faster_layer_stock_is_an_rnn_around_the_cell(name):
    layer = recurrent(CELLS.find(name), UNITS, {})
    assert type(layer) is RNN
    assert type(layer.cell).__module__ == f"gru_tf.recurrent.cells.{name}"


def test_both_conventions_have_a_fast_layer_and_an_unknown_one_is_refused():
    layer = recurrent(CELLS.find("gru"), UNITS, {"convention": "write"})
    assert type(layer) is GRU
    assert layer.convention == "write"
    with pytest.raises(UserError, match=r"^gru\.convention: received 'rite', expected one of 'keep', 'write'$"):
        recurrent(CELLS.find("gru"), UNITS, {"convention": "rite"})


ORDINARY = {
    "rnn": ({}, keras.layers.SimpleRNN),
    "lstm": ({}, keras.layers.LSTM),
    "gru": ({}, keras.layers.GRU),
    "gru, write": ({"convention": "write"}, GRU),
    "gru_reset_before": ({}, keras.layers.GRU),
    "gru_reset_before, write": ({"convention": "write"}, GRU),
    "min_gru": ({}, ParallelRNN),
    "mgu": ({}, RNN),
}


@pytest.mark.parametrize(("name", "options", "kind"), [(n.split(",")[0], *v) for n, v in ORDINARY.items()], ids=ORDINARY)
def test_an_ordinary_layer_is_keras_own_with_the_same_initial_weights(name, options, kind):
    layers = []
    for ordinary in (True, False):
        keras.utils.set_random_seed(5)
        layers.append(recurrent(CELLS.find(name), UNITS, options, bidirectional=True, ordinary=ordinary))
        layers[-1].build((None, STEPS, FEATURES))
        layers.append(recurrent(CELLS.find(name), UNITS, options, ordinary=ordinary))  # as many random numbers were drawn
        layers[-1].build((None, STEPS, FEATURES))
    own, own_after, fast, fast_after = layers
    assert type(own_after) is type(own.forward_layer) is kind
    for one, other in ((own, fast), (own_after, fast_after)):
        assert [w.name for w in one.weights] == [w.name for w in other.weights]
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(own(x()), fast(x()), rtol=0, atol=1e-6)


def test_a_custom_layer_is_never_ordinary():
    layer = recurrent(CELLS.find("gru"), UNITS, {}, "custom", ordinary=True)
    assert type(layer) is RNN
    assert type(layer.cell) is GRUCell


def test_an_unknown_option_is_refused():
    for implementation in ("stock", "custom"):
        with pytest.raises(UserError, match=r"gru.conventoin: no such option. Did you mean 'convention'"):
            recurrent(CELLS.find("gru"), UNITS, {"conventoin": "write"}, implementation)


def test_the_policy_reaches_wrapper_layer_and_cell():
    for implementation in ("stock", "custom"):
        layer = recurrent(CELLS.find("gru"), UNITS, {}, implementation, bidirectional=True, dtype="mixed_bfloat16")
        assert layer(x()).dtype == "bfloat16"
        assert layer.forward_layer.cell.compute_dtype == "bfloat16"


# --- dropout ---


def test_no_dropout_at_rate_0_nor_in_inference():
    np.testing.assert_array_equal(dropout(0.0)(ONES, training=True), ONES)
    np.testing.assert_array_equal(dropout(0.9)(ONES, training=False), ONES)
    np.testing.assert_array_equal(dropout(0.9)(ONES), ONES)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_the_share_dropped_is_the_rate_and_the_rest_is_scaled(rate):
    out = dropout(rate)(ONES, training=True).numpy()
    deviation = np.sqrt(rate * (1 - rate) / ONES.size)
    assert abs(np.mean(out == 0) - rate) < 4 * deviation
    np.testing.assert_allclose(out[out != 0], 1 / (1 - rate), rtol=1e-6)


def counts(layer, axis):
    """How many values are kept in each row or column: binomial where drops are independent."""
    return (layer(ONES, training=True).numpy() != 0).sum(axis)


@pytest.mark.parametrize("axis", [0, 1])
def test_distributed_as_keras_dropout(axis):
    from scipy.stats import ks_2samp

    ours, keras_own = counts(dropout(0.3), axis), counts(keras.layers.Dropout(0.3, seed=1), axis)
    assert ks_2samp(ours, keras_own).pvalue > 1e-3
    assert ks_2samp(ours, counts(dropout(0.4), axis)).pvalue < 1e-9, "another rate shows"


def test_gradient_passes_through_what_is_kept_alone():
    values = tf.constant(ONES[:4, :50])
    with tf.GradientTape() as tape:
        tape.watch(values)
        out = dropout(0.5)(values, training=True)
    np.testing.assert_array_equal(tape.gradient(out, values), np.where(out.numpy() != 0, 2.0, 0.0))


def masks(seed, count=4):
    layer = dropout(0.5, seed)
    return [layer(ONES[:2, :50], training=True).numpy() for _ in range(count)]


def test_a_seed_repeats_its_masks_and_every_step_has_a_new_one():
    first = masks((7, 0))
    np.testing.assert_array_equal(first, masks((7, 0)))
    for other in (masks((8, 0)), masks((7, 1 << 24)), first[1:]):
        assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=False))


def test_the_rate_is_read_at_each_call_of_a_compiled_function():
    layer = dropout(0.1)
    compiled = tf.function(lambda: layer(ONES, training=True), jit_compile=True)
    shares = []
    for rate in (0.1, 0.6, 0.0):
        layer.rate.assign(rate)
        shares.append(np.mean(compiled().numpy() == 0))
    assert compiled.experimental_get_tracing_count() == 1
    np.testing.assert_allclose(shares, [0.1, 0.6, 0.0], atol=0.01)


def test_the_rate_is_not_trained():
    layer = dropout(0.5)
    assert layer.trainable_variables == []


# --- turned round ---


def test_time_is_turned_round_with_its_mask(tmp_path):
    mask = np.arange(STEPS) < np.array([[5], [2], [3]])
    inputs = [keras.Input((None, FEATURES)), keras.Input((None,), dtype="bool")]
    back = keras.layers.GRU(UNITS, return_sequences=True, go_backwards=True)
    model = keras.Model(inputs, ReverseTime()(back(inputs[0], mask=inputs[1])))
    model.save(tmp_path / "model.keras")
    found = np.asarray(keras.saving.load_model(tmp_path / "model.keras")([x(), mask]))
    for row, length in enumerate(mask.sum(axis=1)):
        alone = np.asarray(back(x()[row : row + 1, :length]))[0, ::-1]  # of the real steps alone
        np.testing.assert_allclose(found[row, :length], alone, rtol=0, atol=1e-6)
    turned = ReverseTime().compute_mask(None, keras.ops.convert_to_tensor(mask))
    np.testing.assert_array_equal(turned, mask[:, ::-1])
    assert ReverseTime().compute_mask(None) is None
