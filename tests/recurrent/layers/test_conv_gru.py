"""`gru_tf.ConvGRU1D`, `ConvGRU2D` and `ConvGRU3D` against their equations written out, and against ConvLSTM's contract."""

import inspect
import itertools
import re
import unittest
import warnings
from importlib import import_module
from unittest.mock import patch

import keras
import keras.src.layers
import numpy as np
import pytest
import tensorflow as tf

from gru_tf import GRU, ConvGRU1D, ConvGRU2D, ConvGRU3D
from gru_tf.recurrent.layers.conv_gru_cell import ConvGRUCell

BATCH, STEPS, CHANNELS, FILTERS = 2, 3, 2, 3
LAYERS = {1: ConvGRU1D, 2: ConvGRU2D, 3: ConvGRU3D}
SIZES = {1: (6,), 2: (5, 4), 3: (3, 4, 3)}
EXACT = {"rtol": 0, "atol": 1e-13}
FORMS = [(after, convention) for after in (False, True) for convention in ("keep", "write")]
MASKS = {
    "right-padded": [[1, 1, 0], [1, 0, 0]],
    "left-padded": [[0, 1, 1], [0, 0, 1]],
    "gaps and an empty row": [[1, 0, 1], [0, 0, 0]],
}
CASES = {
    "kernel of 2": (1, {"kernel_size": 2}),
    "same, strides of 3": (1, {"kernel_size": 4, "strides": 3, "padding": "same"}),
    "dilated": (1, {"kernel_size": 3, "dilation_rate": 2}),
    "dilated, same": (1, {"kernel_size": 3, "dilation_rate": 2, "padding": "SAME", "reset_after": True}),
    "2 by 3": (2, {"kernel_size": (2, 3), "use_bias": False}),
    "2 by 3, same": (2, {"kernel_size": (2, 3), "padding": "same", "convention": "write"}),
    "strides, valid": (2, {"kernel_size": 3, "strides": (2, 1), "reset_after": True}),
    "strides, same": (2, {"kernel_size": (3, 2), "strides": (2, 3), "padding": "same"}),
    "dilated one way": (2, {"kernel_size": 2, "dilation_rate": (1, 2), "reset_after": True, "convention": "write"}),
    "other functions": (2, {"kernel_size": 2, "activation": "softsign", "recurrent_activation": "hard_sigmoid"}),
    "volumes": (3, {"kernel_size": 2}),
    "volumes, strides, same": (3, {"kernel_size": (2, 3, 1), "strides": (1, 2, 2), "padding": "same", "reset_after": True}),
    "volumes, dilated": (3, {"kernel_size": 2, "dilation_rate": (1, 2, 1), "convention": "write"}),
}
FUNCTIONS = {
    "tanh": np.tanh,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "softsign": lambda a: a / (1 + abs(a)),
    "hard_sigmoid": lambda a: np.clip(a / 6 + 0.5, 0, 1),
}


# --- the equations, written out ---


def convolved(x, kernel, strides, padding, dilation):
    """Each pixel of the output as the sum over the kernel's places; x (batch, S…, C), kernel (k…, C, G)."""
    axes = list(zip(x.shape[1:-1], kernel.shape[:-2], strides, dilation, strict=True))
    covered = [1 + d * (k - 1) for _, k, _, d in axes]
    if padding == "same":
        sizes = [-(-n // s) for n, _, s, _ in axes]
        missing = [max((m - 1) * s + c - n, 0) for m, c, (n, _, s, _) in zip(sizes, covered, axes, strict=True)]
        x = np.pad(x, [(0, 0), *((m // 2, m - m // 2) for m in missing), (0, 0)])
    else:
        sizes = [(n - c) // s + 1 for c, (n, _, s, _) in zip(covered, axes, strict=True)]
    outputs = np.zeros((len(x), *sizes, kernel.shape[-1]))
    for pixel in np.ndindex(*sizes):
        for place in np.ndindex(*kernel.shape[:-2]):
            at = tuple(p * s + k * d for p, s, k, d in zip(pixel, strides, place, dilation, strict=True))
            outputs[(slice(None), *pixel)] += x[(slice(None), *at)] @ kernel[place]
    return outputs


def step_by_numpy(layer, weights, x, h, dropped=(1, 1, 1), dropped_state=(1, 1, 1)):
    """One step in float64, each gate by itself; the weights' blocks are z, r, h."""
    once = (1,) * layer.rank
    kernels, recurrent = np.split(weights[0], 3, axis=-1), np.split(weights[1], 3, axis=-1)
    rows = np.atleast_2d(weights[2]) if layer.use_bias else np.zeros((2, 3 * FILTERS))
    biases, others = np.split(rows[0], 3), np.split(rows[-1] if layer.reset_after else 0 * rows[0], 3)
    inner, gate = FUNCTIONS[layer.activation.__name__], FUNCTIONS[layer.recurrent_activation.__name__]

    def of_input(n):
        return convolved(x * dropped[n], kernels[n], layer.strides, layer.padding, layer.dilation_rate) + biases[n]

    def of_state(n, values):
        return convolved(values * dropped_state[n], recurrent[n], once, "same", once) + others[n]

    z, r = (gate(of_input(n) + of_state(n, h)) for n in (0, 1))
    candidate = inner(of_input(2) + (r * of_state(2, h) if layer.reset_after else of_state(2, r * h)))
    return z * h + (1 - z) * candidate if layer.convention == "keep" else (1 - z) * h + z * candidate


def by_numpy(layer, x, weights, mask=None, state=None):
    """(outputs of all steps, last state), in the order of reading; a masked step keeps the state, which is its output."""
    mask = np.ones(x.shape[:2], bool) if mask is None else mask
    h = np.zeros((len(x), *layer.cell.state_shapes[0])) if state is None else state
    outputs = []
    for t in reversed(range(x.shape[1])) if layer.go_backwards else range(x.shape[1]):
        real = mask[:, t].reshape((-1, *[1] * (layer.rank + 1)))
        h = np.where(real, step_by_numpy(layer, weights, np.where(real, x[:, t], 0), h), h)
        outputs.append(np.where(real, h, 0) if layer.zero_output_for_mask else h)
    return np.stack(outputs, 1), h


# --- what the tests are made of ---


def sequence(rank, **sizes):
    shape = {"batch": BATCH, "steps": STEPS, **sizes}
    return np.random.default_rng(1).normal(size=(shape["batch"], shape["steps"], *SIZES[rank], CHANNELS))


def made(rank, kernel_size=2, dtype="float64", **options):
    """A layer with random weights, and the weights."""
    layer = LAYERS[rank](FILTERS, kernel_size, dtype=dtype, **options)
    shape = sequence(rank).shape
    layer.build(shape if layer.data_format == "channels_last" else (*shape[:2], CHANNELS, *shape[2:-1]))
    rng = np.random.default_rng(2)
    weights = [rng.normal(scale=0.7, size=w.shape) for w in layer.trainable_weights]
    layer.set_weights([*weights, *[w.numpy() for w in layer.non_trainable_weights]])
    return layer, weights


def state_of(layer, batch=BATCH):
    return np.random.default_rng(3).normal(size=(batch, *layer.cell.state_shapes[0]))


def of_any_size(layer):
    """What a graph is traced with for sequences and masks of any batch and length."""
    shape = (None, None, *SIZES[layer.rank], CHANNELS)
    return [tf.TensorSpec(shape, "float64"), tf.TensorSpec((None, None), "bool")]


def check_numbers(layer, weights, **call):
    expected, last = by_numpy(layer, sequence(layer.rank), weights, **call)
    names = {"state": "initial_state", "mask": "mask"}
    outputs, state = layer(sequence(layer.rank), **{names[name]: tf.constant(value) for name, value in call.items()})
    np.testing.assert_allclose(outputs, expected, **EXACT)
    np.testing.assert_allclose(state, last, **EXACT)


ALL = {"return_sequences": True, "return_state": True}


# --- the equations ---


@pytest.mark.parametrize("name", CASES)
def test_numbers(name):
    rank, options = CASES[name]
    layer, weights = made(rank, **options, **ALL)
    check_numbers(layer, weights)
    check_numbers(layer, weights, state=state_of(layer))


@pytest.mark.parametrize(("reset_after", "convention"), FORMS)
def test_with_kernels_of_one_each_pixel_has_a_gru(reset_after, convention):
    layer, weights = made(2, 1, reset_after=reset_after, convention=convention, return_sequences=True)
    gru = GRU(FILTERS, reset_after=reset_after, convention=convention, return_sequences=True, dtype="float64")
    gru.build((None, None, CHANNELS))
    gru.set_weights([weights[0][0, 0], weights[1][0, 0], weights[2]])
    outputs = layer(sequence(2)).numpy()
    for row, column in np.ndindex(*SIZES[2]):
        np.testing.assert_allclose(outputs[:, :, row, column], gru(sequence(2)[:, :, row, column]), **EXACT)


def test_the_conventions_are_one_function_with_the_gate_s_weights_negated():
    keep, weights = made(1)
    write, _ = made(1, convention="write")
    write.set_weights([w * np.repeat([-1, 1, 1], FILTERS) for w in weights])
    np.testing.assert_allclose(write(sequence(1)), keep(sequence(1)), **EXACT)


@pytest.mark.parametrize(("reset_after", "rank"), [(False, 1), (True, 2), (False, 3)])
def test_parameters(reset_after, rank):
    layer, _ = made(rank, (2, 3, 1)[:rank], reset_after=reset_after)
    k = np.prod(layer.kernel_size)
    assert layer.count_params() == 3 * FILTERS * (k * (CHANNELS + FILTERS) + (2 if reset_after else 1))


def of_order_four(function, values, h=1e-3):
    """The derivative by each of the values, by central differences of five points."""
    slopes = np.zeros_like(values)
    for at in np.ndindex(*values.shape):
        moved = []
        for factor in (-2, -1, 1, 2):
            other = values.copy()
            other[at] += factor * h
            moved.append(function(other))
        slopes[at] = (moved[0] - 8 * moved[1] + 8 * moved[2] - moved[3]) / (12 * h)
    return slopes


@pytest.mark.parametrize(
    ("rank", "reset_after", "convention", "unroll"), [(1, False, "keep", True), (2, True, "write", False)]
)
def test_gradients(rank, reset_after, convention, unroll):
    """Of weights, inputs and initial state, against differences of the equations in NumPy."""
    layer, weights = made(
        rank, reset_after=reset_after, convention=convention, padding="same", strides=2, unroll=unroll, **ALL
    )
    mask = np.array([[1, 0, 1]], bool)
    values = [*weights, sequence(rank, batch=1), state_of(layer, batch=1)]

    def loss(kernel, recurrent, bias, x, h):
        outputs, last = by_numpy(layer, x, [kernel, recurrent, bias], mask, h)
        return np.sum(outputs**3) + np.sum(last**2)

    x, h = tf.Variable(values[3]), tf.Variable(values[4])
    with tf.GradientTape() as tape:
        outputs, last = layer(x, initial_state=h, mask=mask)
        total = tf.reduce_sum(outputs**3) + tf.reduce_sum(last**2)
    assert abs(total - loss(*values)) < 1e-12
    for n, gradient in enumerate(tape.gradient(total, [*layer.trainable_weights, x, h])):
        slopes = of_order_four(lambda value, n=n: loss(*values[:n], value, *values[n + 1 :]), values[n])
        assert np.max(np.abs(gradient - slopes)) <= 1e-8 * np.max(np.abs(slopes)), n


# --- masks, order of reading, states ---


@pytest.mark.parametrize("options", [{}, {"go_backwards": True}, {"zero_output_for_mask": True}, {"unroll": True}], ids=str)
@pytest.mark.parametrize("name", MASKS)
def test_a_masked_step_keeps_the_state(name, options):
    mask = np.array(MASKS[name], bool)
    layer, weights = made(1, **options, **ALL)
    check_numbers(layer, weights, mask=mask)
    check_numbers(layer, weights, mask=mask, state=state_of(layer))


def test_what_is_masked_reaches_neither_outputs_nor_gradients():
    mask = np.array([[1, 0, 1], [0, 0, 1]], bool)
    layer, _ = made(2, return_sequences=True)
    x = np.where(mask[..., None, None, None], sequence(2), np.nan)
    variable = tf.Variable(x)
    with tf.GradientTape() as tape:
        outputs = layer(variable, mask=mask)
        total = tf.reduce_sum(outputs**2)
    np.testing.assert_array_equal(outputs, layer(np.nan_to_num(x, nan=7), mask=mask))
    *gradients, of_x = tape.gradient(total, [*layer.trainable_weights, variable])
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert np.array_equal(np.any(of_x, axis=(2, 3, 4)), mask)


def test_the_mask_of_outputs_in_reverse_order_is_in_reverse_order():
    mask = tf.constant(np.array(MASKS["right-padded"], bool))
    for backwards in (False, True):
        expected = mask[:, ::-1] if backwards else mask
        output_mask = LAYERS[1](2, 3, return_sequences=True, go_backwards=backwards).compute_mask(None, mask)
        np.testing.assert_array_equal(output_mask, expected)
        with_state = LAYERS[1](2, 3, **ALL, go_backwards=backwards).compute_mask(None, mask)
        np.testing.assert_array_equal(with_state[0], expected)
        assert with_state[1] is None
    assert LAYERS[1](2, 3).compute_mask(None, mask) is None
    assert LAYERS[1](2, 3, return_sequences=True).compute_mask(None, None) is None


@pytest.mark.parametrize("rank", LAYERS)
@pytest.mark.parametrize("options", [{}, {"dropout": 0.3, "recurrent_dropout": 0.4, "seed": 1, "strides": 2}], ids=str)
def test_channels_first_is_the_same_with_the_axis_moved(rank, options):
    last, weights = made(rank, **options, **ALL)
    first, _ = made(rank, data_format="channels_first", **options, **ALL)
    np.testing.assert_array_equal(first.trainable_weights[0], weights[0])
    x, state, mask = sequence(rank), state_of(last), np.array(MASKS["left-padded"], bool)
    expected = last(x, initial_state=state, mask=mask, training=True)
    moved = np.moveaxis(x, -1, 2), np.moveaxis(state, -1, 1)
    outputs, after = first(moved[0], initial_state=moved[1], mask=mask, training=True)
    np.testing.assert_allclose(np.moveaxis(outputs, 2, -1), expected[0], **EXACT)
    np.testing.assert_allclose(np.moveaxis(after, 1, -1), expected[1], **EXACT)
    assert [outputs.shape, after.shape] == list(map(tuple, first.compute_output_shape(moved[0].shape)))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_stateful(data_format):
    """The state goes on from batch to batch, until it is reset, where strides make it smaller than an image as well."""
    options = {"strides": 2, "data_format": data_format, "return_sequences": True}
    stateful, _ = made(2, stateful=True, **options)
    whole, _ = made(2, **options)
    x = sequence(2) if data_format == "channels_last" else np.moveaxis(sequence(2), -1, 2)
    expected = whole(x)
    for _ in range(2):
        np.testing.assert_allclose(stateful(x[:, :1]), expected[:, :1], **EXACT)
        np.testing.assert_allclose(stateful(x[:, 1:]), expected[:, 1:], **EXACT)
        assert np.any(stateful.states[0])
        stateful.reset_state()
    with pytest.raises(ValueError, match="batch size"):
        stateful(x[:1])


def test_dropout():
    """Each gate has masks of its own, for the input and for the state; the state's are used before the reset gate too."""
    layer, weights = made(2, dropout=0.5, recurrent_dropout=0.5, padding="same")
    x, h = sequence(2)[:, 0], state_of(layer)
    masks, of_state = layer.cell.get_dropout_mask(tf.constant(x)), layer.cell.get_recurrent_dropout_mask(tf.constant(h))
    for drawn in (np.array(masks), np.array(of_state)):
        assert drawn.shape[0] == 3
        assert set(np.unique(drawn)) == {0, 2}
        assert not np.array_equal(drawn[0], drawn[1])
    new, _ = layer.cell(tf.constant(x), [tf.constant(h)], training=True)
    np.testing.assert_allclose(new, step_by_numpy(layer, weights, x, h, np.array(masks), np.array(of_state)), **EXACT)
    assert len(made(2, dropout=0.5)[0].cell.get_dropout_mask(tf.constant(x))) == 3
    new, _ = layer.cell(tf.constant(x), [tf.constant(h)])
    np.testing.assert_allclose(new, step_by_numpy(layer, weights, x, h), **EXACT)


# --- the contract of ConvLSTM ---


@pytest.mark.parametrize("rank", LAYERS)
def test_keras_own_tests_of_conv_lstm_pass_with_its_class_replaced(rank):
    """All but the numbers of an LSTM."""
    name = f"ConvLSTM{rank}D"
    tests = import_module(f"keras.src.layers.rnn.conv_lstm{rank}d_test")
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(getattr(tests, f"{name}Test"))
    wanted = [test for test in suite if not test.id().endswith("test_correctness")]
    result = unittest.TestResult()
    with (
        patch.object(keras.src.layers, name, LAYERS[rank]),
        patch.object(ConvGRUCell, "step", autospec=True, side_effect=ConvGRUCell.step) as step,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # theirs, of their training loop
        unittest.TestSuite(wanted).run(result)
    assert result.failures + result.errors == []
    assert result.testsRun >= 2
    assert step.call_count >= 20


@pytest.mark.parametrize("rank", LAYERS)
def test_the_constructor_is_conv_lstm_s_and_the_choice_of_a_gru(rank):
    theirs = inspect.signature(getattr(keras.layers, f"ConvLSTM{rank}D").__init__).parameters
    ours = inspect.signature(LAYERS[rank].__init__).parameters
    own = {"unroll", "reset_after", "convention"}
    assert [name for name in ours if name not in own] == [name for name in theirs if name != "unit_forget_bias"]
    assert {name: ours[name].default for name in ours if name not in own} == {
        name: p.default for name, p in theirs.items() if name != "unit_forget_bias"
    }
    layer = LAYERS[rank](2, 3)
    for name in keras.layers.ConvLSTM2D(2, 3).get_config().keys() - {"unit_forget_bias", "dtype"}:
        assert getattr(layer, name) is not NotImplemented


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("rank", LAYERS)
def test_shapes_are_those_of_conv_lstm(rank, data_format):
    theirs = getattr(keras.layers, f"ConvLSTM{rank}D")
    shape = (None, 4, *(7, 8, 9)[:rank], 9)
    for size, (strides, rate), padding, whole in itertools.product(
        (1, 4), ((1, 1), (2, 1), (3, 1), (1, 2)), ("valid", "same"), (False, True)
    ):
        options = {"strides": strides, "dilation_rate": rate, "padding": padding, "return_sequences": whole}
        options |= {"kernel_size": (size, *[3] * (rank - 1)), "data_format": data_format, "return_state": True}
        expected, *states = theirs(FILTERS, **options).compute_output_shape(shape)
        assert LAYERS[rank](FILTERS, **options).compute_output_shape(shape) == (expected, states[0])


OTHER_VALUES = {
    "filters": 4,
    "kernel_size": (2, 3),
    "strides": (1, 2),
    "padding": "same",
    "data_format": "channels_first",
    "activation": "relu",
    "recurrent_activation": "hard_sigmoid",
    "use_bias": False,
    "kernel_initializer": "he_normal",
    "recurrent_initializer": "glorot_normal",
    "bias_initializer": "ones",
    "kernel_regularizer": "l1",
    "recurrent_regularizer": "l2",
    "bias_regularizer": "l1",
    "activity_regularizer": "l2",
    "kernel_constraint": "non_neg",
    "recurrent_constraint": "unit_norm",
    "bias_constraint": "max_norm",
    "dropout": 0.1,
    "recurrent_dropout": 0.2,
    "seed": 3,
    "return_sequences": True,
    "return_state": True,
    "go_backwards": True,
    "stateful": True,
    "unroll": True,
    "reset_after": True,
    "convention": "write",
    "zero_output_for_mask": True,
    "trainable": False,
    "name": "another",
}


def test_the_configuration_keeps_every_argument():
    default, layer = ConvGRU2D(2, 2), ConvGRU2D(**OTHER_VALUES)
    config, before = layer.get_config(), default.get_config()
    again = ConvGRU2D.from_config(config)
    assert again.get_config() == config
    assert again.cell.trainable is False
    unchanged = {name for name in config if config[name] == before[name]}
    assert unchanged == {"dtype", "dilation_rate"}
    assert ConvGRU2D.from_config(ConvGRU2D(2, 3, dilation_rate=2).get_config()).dilation_rate == (2, 2)
    assert set(config) == {*OTHER_VALUES, "dtype", "dilation_rate"}
    parameters = set(inspect.signature(ConvGRU2D.__init__).parameters) - {"self", "kwargs"}
    assert parameters <= set(config)


def test_regularizers_constraints_and_losses():
    layer, _ = made(1, kernel_regularizer="l2", recurrent_regularizer="l1", bias_regularizer="l2", activity_regularizer="l2")
    layer(sequence(1))
    assert len(layer.losses) == 4
    constrained, _ = made(1, kernel_constraint="non_neg")
    assert [w.constraint is not None for w in constrained.weights] == [True, False, False]


def test_both_directions():
    one, _ = made(1, return_sequences=True)
    both = keras.layers.Bidirectional(one, dtype="float64")
    mask = np.array(MASKS["gaps and an empty row"], bool)
    both.build(sequence(1).shape)
    weights = [np.random.default_rng(n).normal(size=w.shape) for n, w in enumerate(both.weights)]
    both.set_weights(weights)
    one.zero_output_for_mask = True  # as Keras has it in a bidirectional layer
    forward, _ = by_numpy(one, sequence(1), weights[:3], mask)
    backward, _ = by_numpy(one, sequence(1)[:, ::-1], weights[3:], mask[:, ::-1])
    np.testing.assert_allclose(both(sequence(1), mask=mask), np.concatenate([forward, backward[:, ::-1]], -1), **EXACT)


def test_in_time_distributed():
    layer, weights = made(1)
    x = np.stack([sequence(1), 2 * sequence(1)], axis=1)
    outputs = keras.layers.TimeDistributed(layer, dtype="float64")(x)
    for n in range(2):
        np.testing.assert_allclose(outputs[:, n], by_numpy(layer, x[:, n], weights)[1], **EXACT)


@pytest.mark.parametrize("options", [{}, {"go_backwards": True, "padding": "same"}], ids=str)
def test_a_length_that_is_not_known(options):
    layer, weights = made(2, **options, **ALL)
    x, mask = keras.Input((None, *SIZES[2], CHANNELS), dtype="float64"), keras.Input((None,), dtype="bool")
    symbols = layer(x, mask=mask)
    assert symbols[0].shape == (None, None, *layer.cell.state_shapes[0])
    model = keras.Model([x, mask], symbols)
    call = tf.function(lambda x, mask: model([x, mask]), input_signature=of_any_size(layer))
    for steps in (1, 4):
        numbers = sequence(2, steps=steps)
        padded = np.arange(steps) % 3 != np.array([[1], [0]])
        outputs, state = call(numbers, padded)
        expected, last = by_numpy(layer, numbers, weights, padded)
        np.testing.assert_allclose(outputs, expected, **EXACT)
        np.testing.assert_allclose(state, last, **EXACT)


def test_compiled_by_xla():
    layer, _ = made(2, dtype="float32", return_sequences=True)
    x, mask = tf.constant(sequence(2), "float32"), tf.constant(np.array(MASKS["left-padded"], bool))
    compiled = tf.function(lambda x: layer(x, mask=mask), jit_compile=True)(x)
    np.testing.assert_allclose(compiled, layer(x, mask=mask), rtol=0, atol=2e-6)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float16", "bfloat16"])
def test_half_precision(policy):
    layer, weights = made(2, dtype=policy)
    outputs = layer(sequence(2))
    assert outputs.dtype == policy.removeprefix("mixed_")
    assert {w.dtype for w in layer.weights} == {"float32" if "mixed" in policy else policy}
    np.testing.assert_allclose(tf.cast(outputs, "float64"), by_numpy(layer, sequence(2), weights)[1], rtol=0, atol=0.05)


# --- refused ---

IMPOSSIBLE = {
    "filters": [0, -1, 2.0, True, None, "2"],
    "kernel_size": [0, (3,), (3, 3, 3), (3.0, 3.0), (2, 0), "3", None, True],
    "strides": [0, (1, -1), 1.5],
    "dilation_rate": [0, (1, 2, 1)],
    "padding": ["causal", None, ["same"]],
    "data_format": ["NHWC", 1],
    "convention": ["forget"],
    "dropout": [1.0, -0.1],
    "recurrent_dropout": [2],
    "seed": [1.5],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in IMPOSSIBLE.items() for value in values])
def test_impossible_arguments_are_refused(name, value):
    with pytest.raises(ValueError, match=f"expected `{name}` to be"):
        ConvGRU2D(**{"filters": 2, "kernel_size": 3, name: value})


def test_numbers_of_numpy_are_taken():
    layer = ConvGRU2D(np.int64(2), np.int32(3), strides=np.array([1, 2]), dilation_rate=(np.int8(1), 1))
    config = layer.get_config()
    assert (config["filters"], config["kernel_size"], config["strides"]) == (2, (3, 3), (1, 2))
    assert {type(v) for v in (config["filters"], *config["kernel_size"], *config["strides"])} == {int}


STATE = (BATCH, 4, 3, FILTERS)


@pytest.mark.parametrize(
    ("call", "received"),
    [
        ({"initial_state": np.zeros((BATCH, 1, 1, FILTERS))}, r"\(2, 1, 1, 3\)"),
        ({"initial_state": np.zeros((1, *STATE[1:]))}, r"\(1, 4, 3, 3\)"),
        ({"initial_state": np.zeros((*STATE[:3], 2 * FILTERS))}, r"\(2, 4, 3, 6\)"),
        ({"initial_state": [np.zeros(STATE)] * 2}, r"\(2, 4, 3, 3\), \(2, 4, 3, 3\)"),
        ({"mask": np.ones((BATCH, STEPS, 5, 4), bool)}, r"\(2, 3, 5, 4\)"),
        ({"mask": np.ones((BATCH, 1), bool)}, r"\(2, 1\)"),
        ({"mask": np.ones((1, STEPS), bool)}, r"\(1, 3\)"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_states_and_masks_of_another_shape_are_refused(call, received):
    layer, _ = made(2)
    expected = {"initial_state": STATE, "mask": f"(batch, timesteps) = {(BATCH, STEPS)}"}[next(iter(call))]
    message = re.escape(f"ConvGRU2D: expected `{next(iter(call))}` of shape {expected}. Received: shape=")
    with pytest.raises(ValueError, match=message + received):
        layer(sequence(2), **call)


def test_a_mask_of_pixels_is_refused():
    """`keras.layers.Masking` makes one of images; Keras' ConvLSTM takes it for what it may be."""
    with pytest.raises(ValueError, match=r"expected `mask` of shape .*= \(2, 3\). Received: shape=\(2, 3, 5, 4\)"):
        made(2)[0](keras.layers.Masking(dtype="float64")(sequence(2)))


def test_sequences_that_no_kernel_fits_are_refused():
    with pytest.raises(
        ValueError, match=r"ConvGRU2D: expected `sequences` to have known .* covers. Received: shape=\(2, 3, 5, 4, 2\)"
    ):
        ConvGRU2D(2, (2, 5))(sequence(2))
    with pytest.raises(ValueError, match=r"expected `sequences` to have known .*Received: shape=\(None, 3, None, 4, 2\)"):
        ConvGRU2D(2, 2)(keras.Input((3, None, 4, 2)))
    with pytest.raises(ValueError, match="incompatible with the layer"):
        made(2)[0](sequence(2)[:, :, 1:])
    with pytest.raises(ValueError, match="not compatible with `dilation_rate > 1`. Received: strides=2, dilation_rate=3"):
        ConvGRU1D(2, 2, strides=2, dilation_rate=3)
    with pytest.raises(ValueError, match="ConvGRU1D: expected `built` to be True"):
        ConvGRU1D(2, 2).get_initial_state(1)
    with pytest.raises(ValueError, match="batch size must be static"):
        ConvGRU1D(2, 2, stateful=True)(keras.Input((3, 4, 2)))


# --- shown able to fail ---


def other_order(cell, values):
    z, r, h = np.split(np.arange(3 * FILTERS), 3)
    return tf.split(tf.gather(values, [*r, *z, *h], axis=-1), 3, axis=-1)


def flipped(cell, x, training=False):
    return keras.ops.conv(x, cell.kernel[::-1], padding="same", data_format="channels_last") + cell.input_bias()


MUTATIONS = {
    "gates in another order": lambda layer: {"split": other_order},
    "kernel turned round": lambda layer: {"from_input": flipped},
    "the reset gate does nothing": lambda layer: {
        "product": staticmethod(lambda v, k, m=(): 0 * ConvGRUCell.product(v, k, m))
    },
    "the state's bias is the input's": lambda layer: {"input_bias": lambda cell: cell.bias[1]},
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutated_equation_is_noticed(name):
    layer, weights = made(1, 3, padding="same", reset_after=True, **ALL)
    check_numbers(layer, weights)
    layer.cell.__class__ = type("Mutated", (ConvGRUCell,), MUTATIONS[name](layer))
    with pytest.raises(AssertionError):
        check_numbers(layer, weights)


@pytest.mark.parametrize(
    ("name", "value"),
    [("convention", "write"), ("dilation_rate", (1,)), ("strides", (1,)), ("activation", tf.nn.relu)],
)
def test_an_argument_that_is_not_read_is_noticed(name, value):
    options = {"strides": 2} if name == "strides" else {"dilation_rate": 2}
    layer, weights = made(1, 3, padding="same", **options, **ALL)
    expected, _ = by_numpy(layer, sequence(1), weights)
    setattr(layer.cell, name, value)
    with pytest.raises((AssertionError, ValueError, tf.errors.InvalidArgumentError)):
        np.testing.assert_allclose(layer(sequence(1))[0], expected, **EXACT)


def test_a_mask_that_is_not_read_is_noticed():
    layer, weights = made(1, **ALL)
    inner = layer.inner_loop
    layer.inner_loop = lambda sequences, initial_state, mask, training=False: inner(sequences, initial_state, None, training)
    with pytest.raises(AssertionError):
        check_numbers(layer, weights, mask=np.array(MASKS["left-padded"], bool))
