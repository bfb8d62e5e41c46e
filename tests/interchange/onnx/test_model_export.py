"""Whole Keras models as ONNX files: run by onnxruntime, and compared with Keras' own predictions; or refused in words.

Batch sizes and lengths here are others than those with which the export itself verifies a file.
"""

import sys
from functools import partial

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers, ops
from networks import examples

import gru_tf
from gru_tf.interchange.onnx.export import registry
from gru_tf.recurrent.layers.hard_sigmoid import keras2_hard_sigmoid
from gru_tf.recurrent.layers.reverse_time import ReverseTime

F, T, B, TOKENS = 3, 9, 5, 7
WITHIN = 1e-5
MOVED = 1e-3  # far beyond
LOOPS = {"Loop", "Scan", "If", "SequenceMap"}


def filled(model, seed=0):
    """With random numbers for all weights: zero biases would hide a bias that is lost."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "seed_generator" not in weight.path:
            values = rng.normal(scale=0.5, size=weight.shape)
            weight.assign(np.abs(values) + 0.3 if "variance" in weight.path else values)
    return model


def sequential(*stack, steps=None, features=F):
    return filled(keras.Sequential([keras.Input((steps, features), name="x"), *stack]))


def of_tokens(*stack):
    return filled(keras.Sequential([keras.Input((None,), dtype="int32", name="tokens"), *stack]))


def random_input(spec, batch=B, steps=T, seed=1):
    rng, shape = np.random.default_rng(seed), (batch, *(steps if n is None else n for n in spec.shape[1:]))
    return (
        rng.integers(1, TOKENS, shape).astype("int32") if "int" in spec.dtype else rng.normal(size=shape).astype("float32")
    )


def in_onnxruntime(path, inputs):
    """Outputs by name; tokens are int64 in the file."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    feed = {name: value.astype("int64") if value.dtype == np.int32 else value for name, value in inputs.items()}
    names = [output.name for output in session.get_outputs()]
    if session.get_inputs()[0].name == "input":  # a plain stack, whose states follow
        feed, names = {"input": next(iter(feed.values()))}, names[:1]
    return dict(zip(names, session.run(names, feed), strict=True))


def predicted(model, inputs):
    """By Keras' compiled prediction: by name where the model has a dict of outputs, else as a flat list."""
    structure = getattr(model, "_functional", None) or model
    arrays = keras.tree.pack_sequence_as(structure._inputs_struct, list(inputs.values()))
    outputs = model.predict(arrays, verbose=0)
    return outputs if isinstance(outputs, dict) else keras.tree.flatten(outputs)


def check(model, path, inputs=None):
    """Export the model, run the file on inputs of other sizes, and compare; returns the outputs by name."""
    line = gru_tf.export_model(model, path, overwrite=True)
    assert line.startswith(f"verified by onnxruntime {onnxruntime.__version__}: outputs"), line
    inputs = inputs or {spec.name: random_input(spec) for spec in model.inputs}
    received = in_onnxruntime(path, inputs)
    expected = predicted(model, inputs)
    assert len(received) == len(expected)
    expected = expected if isinstance(expected, dict) else dict(zip(received, expected, strict=True))
    for name, own in received.items():
        other = np.asarray(expected[name])
        assert own.shape == other.shape, name
        np.testing.assert_allclose(own, other, rtol=0, atol=WITHIN * max(1, np.abs(other).max(initial=0)), err_msg=name)
    return received


def operators(path):
    return [node.op_type for node in onnx.load(path).graph.node]


# --- one kind of layer each ---

ACTIVATIONS = [*sorted(set(registry.LAYERS[1].functions.NAMED)), keras2_hard_sigmoid]


def each(made):
    """A model of one input with an output of each layer by its name, which failures name."""
    x = keras.Input((None, F), name="x")
    return filled(keras.Model(x, {name: layer()(x) for name, layer in made.items()}))


def test_dense_layers_with_any_activation(tmp_path):
    names = [getattr(activation, "__name__", activation) for activation in ACTIVATIONS]
    made = {name: partial(layers.Dense, 4, activation=one) for name, one in zip(names, ACTIVATIONS, strict=True)}
    received = check(each(made), tmp_path / "m.onnx")
    assert len(received) == len(names) > 20
    assert len({one.tobytes() for one in received.values()}) == len(names)  # no two of them are the same


POINTWISE = {
    "gelu by its approximation": lambda: layers.Activation(keras.ops.gelu),
    "relu with everything": lambda: layers.ReLU(1.0, 0.1, 0.2),
    "relu up to a number": lambda: layers.ReLU(0.5),
    "leaky relu": lambda: layers.LeakyReLU(0.1),
    "elu": lambda: layers.ELU(0.5),
    "prelu": lambda: layers.PReLU(shared_axes=[1]),
    "softmax over time": lambda: layers.Softmax(axis=1),
    "activation that is a layer": lambda: layers.Dense(4, activation=layers.LeakyReLU(0.3)),
    "dropout": lambda: layers.SpatialDropout1D(0.5),
    "noise": lambda: layers.GaussianNoise(1.0),
    "regularization": lambda: layers.ActivityRegularization(0.1),
    "rescaling": lambda: layers.Rescaling([0.5, 2.0, 3.0], 1.0),
    "standardisation": lambda: layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[2.0, 3.0, 0.0]),
    "standardisation undone": lambda: layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[2.0, 3.0, 1.0], invert=True),
    "layer normalization": lambda: layers.LayerNormalization(epsilon=0.1),
    "layer normalization without scale": lambda: layers.LayerNormalization(scale=False),
    "batch normalization": lambda: layers.BatchNormalization(epsilon=0.1),
    "batch normalization without centre": lambda: layers.BatchNormalization(center=False),
    "root mean square": lambda: layers.RMSNormalization(epsilon=0.1),
    "groups": lambda: layers.GroupNormalization(3, epsilon=0.1),
    "one group": lambda: layers.GroupNormalization(1, center=False),
    "unit length": layers.UnitNormalization,
    "each step": lambda: layers.TimeDistributed(layers.Dense(4, activation="tanh")),
}
OVER_TIME = {
    "valid convolution": lambda: layers.Conv1D(4, 3),
    "same convolution": lambda: layers.Conv1D(4, 4, padding="same", activation="relu"),
    "causal and dilated": lambda: layers.Conv1D(4, 3, dilation_rate=2, padding="causal"),
    "same and dilated": lambda: layers.Conv1D(4, 2, dilation_rate=3, padding="same", use_bias=False),
    "strided": lambda: layers.Conv1D(4, 3, strides=2),
    "strided, same": lambda: layers.Conv1D(4, 4, strides=3, padding="same"),
    "strided, causal": lambda: layers.Conv1D(4, 3, strides=2, padding="causal"),
    "grouped": lambda: layers.Conv1D(6, 2, groups=3),
    "depthwise": lambda: layers.DepthwiseConv1D(3, padding="same", depth_multiplier=2),
    "separable": lambda: layers.SeparableConv1D(4, 3, padding="same", depth_multiplier=2, activation="relu"),
    "largest of two": lambda: layers.MaxPooling1D(2),
    "largest, same": lambda: layers.MaxPooling1D(3, 2, padding="same"),
    "mean, same": lambda: layers.AveragePooling1D(3, 2, padding="same"),
    "mean": lambda: layers.AveragePooling1D(2, 1),
    "mean over time": layers.GlobalAveragePooling1D,
    "largest over time": lambda: layers.GlobalMaxPooling1D(keepdims=True),
    "cropping": lambda: layers.Cropping1D((1, 2)),
    "padding": lambda: layers.ZeroPadding1D((1, 2)),
    "upsampling": lambda: layers.UpSampling1D(3),
    "reversed": ReverseTime,
}


@pytest.mark.parametrize("made", [POINTWISE, OVER_TIME], ids=["pointwise", "over time"])
def test_every_layer_that_is_not_recurrent(made, tmp_path):
    assert set(check(each(made), tmp_path / "m.onnx")) == set(made)


def test_layers_of_fixed_lengths(tmp_path):
    flat = [layers.Flatten(), layers.Dense(6), layers.Reshape((2, 3)), layers.Permute((2, 1)), layers.Flatten()]
    check(sequential(layers.GRU(2, return_sequences=True), *flat, layers.RepeatVector(4), steps=6), tmp_path / "m.onnx")


def test_layers_with_two_axes_of_time(tmp_path):
    inner = keras.Sequential([keras.Input((4, F)), layers.Conv1D(3, 2), layers.BatchNormalization(), layers.GRU(3)])
    model = filled(
        keras.Sequential([keras.Input((None, 4, F)), layers.TimeDistributed(inner), layers.GRU(2), layers.ReLU()])
    )
    check(model, tmp_path / "m.onnx")


# --- recurrent layers ---

ONE_WAY = {
    "gru": lambda **how: layers.GRU(4, **how),
    "gru, reset before": lambda **how: layers.GRU(4, reset_after=False, **how),
    "gru without biases": lambda **how: layers.GRU(4, use_bias=False, **how),
    "lstm": lambda **how: layers.LSTM(4, **how),
    "lstm of Keras 2": lambda **how: layers.LSTM(4, recurrent_activation=keras2_hard_sigmoid, **how),
    "gru of Keras 3's hard sigmoid": lambda **how: layers.GRU(4, recurrent_activation="hard_sigmoid", **how),
    "rnn": lambda **how: layers.SimpleRNN(4, activation="relu", **how),
    "own gru that writes": lambda **how: gru_tf.GRU(4, convention="write", **how),
    "own lstm": lambda **how: gru_tf.LSTM(4, **how),
    "own rnn": lambda **how: gru_tf.SimpleRNN(4, **how),
    "cell": lambda **how: layers.RNN(layers.LSTMCell(4), **how),
    "two cells": lambda **how: layers.RNN([layers.GRUCell(4), layers.LSTMCell(3)], **how),
}
WAYS = [{}, {"return_sequences": True}, {"go_backwards": True}, {"go_backwards": True, "return_sequences": True}]


def head():
    return layers.Dense(2, activation="softmax")


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS, ids=lambda way: ", ".join(way) or "last")
def test_every_recurrent_layer(way, tmp_path):
    check(each({name: partial(layer, **way) for name, layer in ONE_WAY.items()}), tmp_path / "m.onnx")
    names = operators(tmp_path / "m.onnx")
    assert sum(name in ("GRU", "LSTM", "RNN") for name in names) == len(ONE_WAY) + 1  # two cells are two
    assert not LOOPS & set(names)


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("merge", ["concat", "sum", "ave", "mul", None])
def test_both_directions_with_their_states(merge, every, tmp_path):
    x = keras.Input((None, F), name="x")
    both = layers.Bidirectional(layers.LSTM(4, return_sequences=every, return_state=True), merge_mode=merge)
    outputs = both(x)
    model = filled(keras.Model(x, [layers.Activation("relu")(each) for each in outputs]))
    assert len(check(model, tmp_path / "m.onnx")) == (6 if merge is None else 5)
    assert operators(tmp_path / "m.onnx").count("LSTM") == 1


def test_directions_that_are_not_alike_are_two_nodes(tmp_path):
    both = layers.Bidirectional(
        layers.GRU(4, return_sequences=True), backward_layer=layers.LSTM(4, go_backwards=True, return_sequences=True)
    )
    check(sequential(both, head()), tmp_path / "m.onnx")
    assert {"GRU", "LSTM"} <= set(operators(tmp_path / "m.onnx"))


STACKS = {
    "residual": {"residual": True},
    "residual and normalised": {"residual": True, "layer_norm": True, "bidirectional": True},
    "every step": {"layer_norm": True, "return_sequences": True},
    "with states": {"residual": True, "return_state": True, "bidirectional": True},
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("how", STACKS.values(), ids=STACKS)
def test_stacks(how, masked, tmp_path):
    spec = keras.Input((None,), dtype="int32", name="x") if masked else keras.Input((None, F), name="x")
    x = layers.Embedding(TOKENS, F, mask_zero=True)(spec) if masked else spec
    outputs = gru_tf.RecurrentStack("gru", [4, 4], dropout=0.5, **how)(x)
    outputs = list(outputs) if how.get("return_state") else [outputs]
    model = filled(keras.Model(spec, [layers.Dense(2, activation="tanh")(outputs[0]), *outputs[1:]]))
    check(model, tmp_path / "m.onnx", {"x": GAPS} if masked else None)


# --- masks ---

GAPS = np.array([[3, 1, 4, 1, 5], [2, 6, 0, 0, 0], [0, 0, 5, 3, 5], [0, 2, 0, 0, 4], [0, 0, 0, 0, 0]], "int32")
MASKED = {
    "last": lambda: layers.GRU(4),
    "every step": lambda: layers.GRU(4, return_sequences=True),
    "zeros": lambda: layers.LSTM(4, return_sequences=True, zero_output_for_mask=True),
    "zeros at the end": lambda: layers.GRU(4, zero_output_for_mask=True),
    "backwards": lambda: layers.LSTM(4, go_backwards=True, return_sequences=True),
    "backwards, zeros at the end": lambda: layers.SimpleRNN(4, go_backwards=True, zero_output_for_mask=True),
    "both": lambda: layers.Bidirectional(layers.GRU(4, return_sequences=True)),
    "both, last": lambda: layers.Bidirectional(layers.LSTM(4)),
    "own": lambda: gru_tf.GRU(4, return_sequences=True),
    "own, over a cell": lambda: gru_tf.RNN(gru_tf.LSTMCell(4), return_sequences=True, go_backwards=True),
    "own, two cells": lambda: gru_tf.RNN([gru_tf.GRUCell(4), gru_tf.LSTMCell(3)], return_sequences=True),
    "own, both": lambda: gru_tf.Bidirectional(gru_tf.SimpleRNN(4, return_sequences=True)),
    "two cells": lambda: layers.RNN([layers.GRUCell(4), layers.LSTMCell(3)], return_sequences=True),
}


def masked(mask_zero):
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(TOKENS, F, mask_zero=mask_zero)(tokens)
    return filled(keras.Model(tokens, {name: layer()(x) for name, layer in MASKED.items()}))


def test_masks_of_any_form_even_of_no_real_step(tmp_path):
    received = check(masked(True), tmp_path / "m.onnx", {"tokens": GAPS})
    without = predicted(masked(False), {"tokens": GAPS})
    for name, own in received.items():
        assert np.abs(own - without[name]).max() > MOVED, name  # the test can fail


def test_a_mask_by_steps_of_one_value_and_the_mean_over_the_others(tmp_path):
    x = np.random.default_rng(0).normal(size=(3, 6, F)).astype("float32")
    x[0, 2:4], x[1, :3] = -1, -1
    x[2, 5, 0] = -1  # one feature alone does not make it
    check(sequential(layers.Masking(-1.0), layers.GRU(4, return_sequences=True), head()), tmp_path / "m.onnx", {"x": x})
    means = sequential(layers.Masking(-1.0), layers.GlobalAveragePooling1D(), head())
    check(means, tmp_path / "m.onnx", {"x": x})


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("make", [gru_tf.LSTM, layers.LSTM])
def test_before_the_first_real_step_stands_what_the_layer_has_there(make, every, tmp_path):
    """The initial state in this project's layers, zeros in Keras' own on TensorFlow."""
    tokens, mask = keras.Input((None,), dtype="int32", name="tokens"), keras.Input((None,), dtype="bool", name="mask")
    h, c = keras.Input((4,), name="h"), keras.Input((4,), name="c")
    outputs = make(4, return_sequences=every)(layers.Embedding(TOKENS, F)(tokens), initial_state=[h, c], mask=mask)
    states = [np.random.default_rng(n).normal(size=(5, 4)).astype("float32") for n in range(2)]
    inputs = {"tokens": GAPS, "mask": GAPS != 0, "h": states[0], "c": states[1]}
    (received,) = check(filled(keras.Model([tokens, mask, h, c], outputs)), tmp_path / "m.onnx", inputs).values()
    np.testing.assert_array_equal(received[4, 0] if every else received[4], states[0][4] * (make is gru_tf.LSTM))


def test_each_direction_has_before_its_first_real_step_what_its_layer_has_there(tmp_path):
    tokens, mask = keras.Input((None,), dtype="int32", name="tokens"), keras.Input((None,), dtype="bool", name="mask")
    states = [keras.Input((4,), name=name) for name in ("forward", "backward")]
    both = layers.Bidirectional(gru_tf.GRU(4), backward_layer=layers.GRU(4, go_backwards=True))
    outputs = both(layers.Embedding(TOKENS, F)(tokens), initial_state=states, mask=mask)
    first = [np.random.default_rng(n).normal(size=(5, 4)).astype("float32") for n in range(2)]
    inputs = {"tokens": GAPS, "mask": GAPS != 0, "forward": first[0], "backward": first[1]}
    (received,) = check(filled(keras.Model([tokens, mask, *states], outputs)), tmp_path / "m.onnx", inputs).values()
    np.testing.assert_array_equal(received[4], [*first[0][4], *np.zeros(4)])


def test_initial_states_of_a_masked_layer_stay_where_no_step_is_real(tmp_path):
    tokens, mask = keras.Input((None,), dtype="int32", name="tokens"), keras.Input((None,), dtype="bool", name="mask")
    h, c = keras.Input((4,), name="h"), keras.Input((4,), name="c")
    x = layers.Embedding(TOKENS, F)(tokens)
    outputs = layers.LSTM(4, return_state=True)(x, initial_state=[h, c], mask=mask)
    model = filled(keras.Model([tokens, mask, h, c], outputs))
    states = [np.random.default_rng(n).normal(size=(5, 4)).astype("float32") for n in range(2)]
    inputs = {"tokens": GAPS, "mask": GAPS != 0, "h": states[0], "c": states[1]}
    _, after_h, after_c = check(model, tmp_path / "m.onnx", inputs).values()
    np.testing.assert_array_equal(after_h[4], states[0][4])
    np.testing.assert_array_equal(after_c[4], states[1][4])


# --- graphs ---


def encoder_decoder(mask_zero=False, one_output=False):
    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    encoded, *states = layers.Bidirectional(layers.GRU(4, return_sequences=True, return_state=True))(
        layers.Embedding(TOKENS, F, mask_zero=mask_zero)(source)
    )
    embedded = layers.Embedding(TOKENS, F, mask_zero=mask_zero)(target)
    decoded = layers.GRU(8, return_sequences=True)(embedded, initial_state=layers.Concatenate()(states))
    ways = [layers.Attention(), layers.Attention(use_scale=True, score_mode="concat"), layers.AdditiveAttention()]
    x = layers.Concatenate()([decoded, *(attention([decoded, encoded]) for attention in ways)])
    x = layers.Dense(TOKENS, activation="softmax", name="words")(x)
    return filled(keras.Model([source, target], x if one_output else [x, *states]))


@pytest.mark.parametrize("mask_zero", [False, True])
def test_an_encoder_and_a_decoder_of_unequal_lengths(mask_zero, tmp_path):
    model = encoder_decoder(mask_zero)
    source, target = (random_input(spec, steps=steps) for spec, steps in zip(model.inputs, (6, 11), strict=True))
    source[1, 4:], source[2, :2] = 0, 0
    received = check(model, tmp_path / "m.onnx", {"source": source, "target": target})
    assert received["words"].shape == (B, 11, TOKENS)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("how", [{}, {"value_dim": 3, "output_shape": 4, "use_bias": False}], ids=["plain", "other widths"])
def test_attention_with_several_heads(how, causal, tmp_path):
    x, y = keras.Input((None, F), name="x"), keras.Input((None, 4), name="y")
    one = layers.MultiHeadAttention(2, 5, **how)(layers.GRU(3, return_sequences=True)(x), y, use_causal_mask=causal)
    two = layers.MultiHeadAttention(2, 5)(x, x, return_attention_scores=True)
    model = filled(keras.Model([x, y], [one, *two]))
    check(model, tmp_path / "m.onnx", {"x": random_input(x, steps=4), "y": random_input(y, steps=7)})


def test_causal_attention_with_its_scores(tmp_path):
    x, y = keras.Input((None, F), name="x"), keras.Input((None, F), name="y")
    outputs = layers.Attention()([x, y], use_causal_mask=True, return_attention_scores=True)
    model = keras.Model([x, y], list(outputs))
    check(model, tmp_path / "m.onnx", {"x": random_input(x, steps=4), "y": random_input(y, steps=7)})


def test_residual_sums_and_everything_that_joins(tmp_path):
    x, vector = keras.Input((None, F), name="x"), keras.Input((F,), name="vector")
    inner = keras.Sequential([keras.Input((None, F)), layers.Conv1D(F, 2, padding="same", activation="relu")], name="inner")
    y = layers.Add()([inner(x), x])
    y = layers.Add()([inner(y), y, vector])  # the same weights once more
    joined = [kind()([x, y]) for kind in (layers.Average, layers.Maximum, layers.Minimum, layers.Subtract, layers.Multiply)]
    products = [
        layers.Dot(axes=2)([x, y]),
        layers.Dot(axes=-1, normalize=True)([x, y]),
        layers.Dot(axes=(2, 1))([x, vector]),
        layers.Dot(axes=1)([vector, layers.GlobalMaxPooling1D()(y)]),
    ]
    model = filled(keras.Model({"x": x, "vector": vector}, [*joined, *products, layers.Concatenate(axis=1)([x, y])]))
    check(model, tmp_path / "m.onnx", {"vector": random_input(vector), "x": random_input(x)})
    stored = [array.name for array in onnx.load(tmp_path / "m.onnx").graph.initializer]
    assert sum(name.endswith("/kernel") for name in stored) == 1


def test_operations_of_keras_ops(tmp_path):
    x = keras.Input((None, F), name="x")
    h = layers.GRU(F, return_sequences=True)(x)
    outputs = {
        "last": h[:, -1],
        "last but one": h[:, -2:-1],
        "backwards": h[:, ::-2],
        "a place": h[..., 1],
        "new axis": h[:, :, None, 1:],
        "arithmetic": (2 * h - x) / (ops.abs(x) + 1.5) ** 2,
        "from a number": 1.0 - h,
        "with an array": h * np.array([1.0, 2.0, 3.0], "float32"),
        "mean and largest": ops.mean(h, axis=1) - ops.max(x, axis=-2),
        "deviation": ops.std(x, axis=[1, 2], keepdims=True),
        "variance": ops.var(x, axis=-1),
        "root": ops.sqrt(ops.sum(ops.square(x), axis=1)),
        "which": ops.where(ops.logical_and(h > 0, x <= 0.5), h, -h),
        "any": ops.any(x > 1.5, axis=1),
        "all": ops.all(x > -1.5, axis=-1, keepdims=True),
        "joined": ops.concatenate([h, ops.flip(x, axis=1)], axis=1),
        "stacked": ops.stack([x, h], axis=2),
        "split": ops.split(h, [1], axis=-1)[1],
        "product": ops.matmul(h, ops.transpose(x, (0, 2, 1))),
        "sums of products": ops.einsum("btf,bsf->bts", h, x),
        "reshaped": ops.reshape(h[:, -1], (-1, F, 1)),
        "taken": ops.take(h, [0, 2], axis=-1),
        "clipped": ops.clip(x, -0.5, 0.5),
        "expanded": ops.squeeze(ops.expand_dims(ops.expand_dims(h, 1), -1), 1),
        "functions": ops.gelu(x)
        + ops.silu(x)
        + ops.softmax(x, axis=1)
        + ops.log_sigmoid(x)
        + ops.erf(x)
        + ops.leaky_relu(x),
        "halves": ops.glu(ops.concatenate([x, h], axis=-1)),
        "of Keras": keras.activations.relu(x, negative_slope=0.1, max_value=1.0),
        "place": ops.argmax(x, axis=1),
        "least place": ops.argmin(x, axis=-1, keepdims=True),
        "sums so far": ops.cumsum(x, axis=1),
        "logarithm of sums": ops.logsumexp(x, axis=1, keepdims=True),
        "one hot": ops.one_hot(ops.cast(3 * x, "int32"), 3, axis=1),
        "ones": ops.ones_like(h) - ops.zeros_like(h),
    }
    assert set(check(filled(keras.Model(x, outputs)), tmp_path / "m.onnx")) == set(outputs)


def whole_numbers(dtype):
    """From the lowest to the highest of the type, and some next to each other beyond what float32 tells apart."""
    rng, most = np.random.default_rng(0), np.iinfo(dtype).max
    x = rng.integers(-most - 1, most, (B, 4, F), dtype=dtype, endpoint=True)
    x[0, :3, 0] = most, -most - 1, most - 1
    x[1] = most // 64 + rng.integers(2, size=(4, F))
    x[2] = rng.integers(-9, 9, (4, F))
    return x


ARITHMETIC = {
    "sum": lambda n: n + n,
    "difference": lambda n: n[:, :-1] - n[:, 1:],
    "product": lambda n: n * (n + 3),
    "with a constant": lambda n: 1_000_003 * n,
    "square": ops.square,
    "third power": lambda n: ops.power(n, 3),
    "power of 0": lambda n: n**0,
    "less than none": lambda n: -n,
    "absolute": ops.abs,
    "sign": ops.sign,
    "sum over time": lambda n: ops.sum(n, axis=1),
    "sum of all": lambda n: ops.sum(n, axis=(1, 2), keepdims=True) + ops.sum(n),
    "sums so far": lambda n: ops.cumsum(n, axis=1),
    "largest": lambda n: ops.maximum(ops.max(n, axis=1), ops.min(n + 1, axis=1)),
    "relu": ops.relu,
    "clipped": lambda n: ops.clip(n + n, -5, 7),
    "chosen": lambda n: ops.where(n > n + 1, n, 0),
    "first of the largest": lambda n: ops.argmax(n, axis=1),
    "first of the least": lambda n: ops.argmin(n, axis=-1, keepdims=True),
    "layers": lambda n: layers.Concatenate()([layers.Add()([n, n]), layers.Multiply()([n, n]), layers.Subtract()([n, -n])]),
    "as fractions": lambda n: ops.cast(n + n, "float32") / 2.0**31,
}


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_whole_numbers_begin_again_where_those_of_keras_do(dtype, tmp_path):
    n = keras.Input((4, F), dtype=dtype, name="n")
    model = keras.Model(n, {name: made(n) for name, made in ARITHMETIC.items()})
    gru_tf.export_model(model, tmp_path / "m.onnx")
    inputs = {"n": whole_numbers(dtype)}
    received, expected = in_onnxruntime(tmp_path / "m.onnx", inputs), model(inputs["n"], training=False)
    assert set(received) == set(ARITHMETIC)
    for name, own in received.items():
        other = keras.ops.convert_to_numpy(expected[name])
        assert other.dtype == ("float32" if name == "as fractions" else dtype if "first of" not in name else "int32"), name
        np.testing.assert_array_equal(own, other, err_msg=name)


def test_numbers_converted_to_others_are_those_of_keras(tmp_path):
    x, n = keras.Input((None, F), name="x"), keras.Input((None, F), dtype="int64", name="n")
    model = keras.Model([x, n], [ops.cast(x, "int32"), ops.cast(n, "int32"), ops.cast(ops.cast(n, "float32"), "int32")])
    gru_tf.export_model(model, tmp_path / "m.onnx")
    inputs = {"x": 1e9 * random_input(x), "n": whole_numbers("int64")}
    assert np.abs(inputs["x"]).max() > 2**31
    for own, other in zip(in_onnxruntime(tmp_path / "m.onnx", inputs).values(), model(list(inputs.values())), strict=True):
        np.testing.assert_array_equal(own, other)


def test_numbers_of_a_table_and_joined_tokens(tmp_path):
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    table = np.arange(TOKENS * 2, dtype="float32").reshape(TOKENS, 2)
    joined = layers.Concatenate()([tokens, tokens])
    model = keras.Model(tokens, [ops.take(table, tokens, axis=0), layers.GRU(3)(layers.Embedding(TOKENS, 2)(joined))])
    check(filled(model), tmp_path / "m.onnx")


def test_single_numbers_have_no_axes(tmp_path):
    x, n = keras.Input((None, F), name="x"), keras.Input((None, F), dtype="int32", name="n")
    outputs = {
        "last step": ops.take(x, -1, axis=1),
        "first feature": ops.take(x, 0, axis=-1),
        "some features": ops.take(x, [-1, 0], axis=-1),
        "sum of all": ops.sum(n) + 1,
        "largest of all": 2 * ops.max(n) - ops.min(n),
        "scaled attention": layers.Attention(use_scale=True)([x, x]),
    }
    received = check(filled(keras.Model([x, n], outputs)), tmp_path / "m.onnx")
    assert received["last step"].shape == (B, F)
    assert received["first feature"].shape == (B, T)
    assert received["sum of all"].shape == ()


def test_functions_of_positive_numbers(tmp_path):
    x = keras.Input((None, F), name="x")
    model = keras.Model(x, [ops.log(x) + ops.sqrt(x), ops.log1p(x), ops.rsqrt(x)])
    check(model, tmp_path / "m.onnx", {"x": np.abs(random_input(x)) + 0.1})
    never = keras.Model(x, ops.log(-ops.abs(x)))
    with pytest.raises(gru_tf.UserError, match="computes for random inputs. Received: numbers that are not finite"):
        gru_tf.export_model(never, tmp_path / "never.onnx")
    assert not (tmp_path / "never.onnx").exists()


def test_a_length_that_leaves_no_steps_is_not_compared(tmp_path):
    x = keras.Input((None, F), name="x")
    shorter = layers.AveragePooling1D(2, 1)(x)
    check(filled(keras.Model(x, [shorter, layers.Conv1D(F, 1)(shorter)])), tmp_path / "m.onnx")


def test_quantiles_of_a_window(tmp_path):
    x = keras.Input((8, F), name="x")
    outputs = [ops.quantile(x, 0.3, axis=1, keepdims=True), ops.median(x, axis=1), ops.quantile(x, 1.0, axis=1)]
    check(keras.Model(x, outputs), tmp_path / "m.onnx")


def test_names_and_shapes_of_inputs_and_outputs(tmp_path):
    check(encoder_decoder(), tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    inputs = {value.name: (value.type, value.shape) for value in session.get_inputs()}
    assert inputs == {
        "source": ("tensor(int64)", ["batch", "source_axis_1"]),
        "target": ("tensor(int64)", ["batch", "target_axis_1"]),
    }
    first, *states = (value.name for value in session.get_outputs())
    assert first == "words"
    assert len(set(states)) == 2  # both of one layer
    check(sequential(layers.GRU(4), head()), tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    assert [(value.name, value.shape) for value in session.get_inputs()] == [("x", ["batch", "time", F])]
    assert [(value.name, value.shape) for value in session.get_outputs()] == [("output", ["batch", 2])]


def test_a_batch_of_fixed_size(tmp_path):
    model = keras.Sequential([keras.Input((None, F), batch_size=2, name="x"), layers.GRU(4), head()])
    check(filled(model), tmp_path / "m.onnx", {"x": random_input(model.inputs[0], batch=2)})


def test_an_input_that_is_an_output_and_numbers_that_are_tokens(tmp_path):
    tokens = keras.Input((None,), name="tokens")  # float32, as in Keras 1
    model = filled(keras.Model(tokens, [tokens, layers.Embedding(TOKENS, 2)(tokens)]))
    received = check(model, tmp_path / "m.onnx", {"tokens": GAPS.astype("float32")})
    assert "tokens" not in received


def test_several_cells_with_their_states(tmp_path):
    x = keras.Input((None, F), name="x")
    states = [keras.Input((4,), name="a"), keras.Input((3,), name="b"), keras.Input((3,), name="c")]
    layer = layers.RNN([layers.GRUCell(4), layers.LSTMCell(3)], return_state=True)
    output, after, (h, c) = layer(x, initial_state=[states[0], states[1:]])
    check(filled(keras.Model([x, *states], [output, after, h, c])), tmp_path / "m.onnx")


@pytest.mark.parametrize("first", [0, 1])
def test_a_stack_with_an_initial_state_is_no_plain_one(first, tmp_path):
    x, state = keras.Input((None, F), name="x"), keras.Input((4,), name="state")
    inputs = [x, state] if first else [state, x]
    model = filled(keras.Model(inputs, layers.GRU(4)(x, initial_state=state)))
    check(model, tmp_path / "m.onnx")
    with pytest.raises(gru_tf.UserError, match="expected one input, and a mask. Received: (x, state|state, x)"):
        gru_tf.export_model(model, tmp_path / "m.pt")


def test_tokens_of_three_axes(tmp_path):
    inner = [layers.TimeDistributed(layers.GRU(3)), layers.GRU(3)]
    model = keras.Sequential([keras.Input((4, 5), dtype="int32", name="x"), layers.Embedding(TOKENS, 3), *inner])
    check(filled(model), tmp_path / "m.onnx")


# --- what stays as it was ---


def test_a_plain_stack_is_written_as_before(tmp_path):
    model = of_tokens(layers.Embedding(TOKENS, F, mask_zero=True), layers.GRU(4), layers.Dense(2))
    gru_tf.export_model(model, tmp_path / "m.onnx", initial=True)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    assert [value.name for value in session.get_inputs()] == ["input", "lengths", "initial_layer0_forward_h"]
    assert [value.name for value in session.get_outputs()] == ["output", "layer0_forward_h"]


def test_a_plain_stack_of_keras_2(tmp_path):
    """Whose hard sigmoid Keras 3 does not find by its name."""
    model = sequential(layers.LSTM(4, recurrent_activation=keras2_hard_sigmoid), layers.Dense(2))
    check(model, tmp_path / "m.onnx")
    with pytest.raises(gru_tf.UserError, match="one of Keras' activations, such as tanh. Received: keras2_hard_sigmoid"):
        gru_tf.export_model(model, tmp_path / "m.pt")
    assert not (tmp_path / "m.pt").exists()


def test_the_model_is_left_as_it_was(tmp_path):
    model = encoder_decoder(mask_zero=True)
    nodes = [(len(layer._inbound_nodes), len(layer._outbound_nodes)) for layer in model.layers]
    operations = [(len(each._inbound_nodes), len(each._outbound_nodes)) for each in model.operations]
    before, weights = model.get_config(), [weight.numpy() for weight in model.weights]
    check(model, tmp_path / "m.onnx")
    assert [(len(layer._inbound_nodes), len(layer._outbound_nodes)) for layer in model.layers] == nodes
    assert [(len(each._inbound_nodes), len(each._outbound_nodes)) for each in model.operations] == operations
    assert model.get_config() == before
    assert not any("symbolic_call" in vars(layer) for layer in model._flatten_layers())
    for weight, own in zip(model.weights, weights, strict=True):
        np.testing.assert_array_equal(weight, own)


def test_a_saved_model_file_is_exported_too(tmp_path):
    model = sequential(layers.Conv1D(4, 3, padding="causal", activation="relu"), layers.GRU(4), head())
    model.save(tmp_path / "m.keras")
    gru_tf.export_model(tmp_path / "m.keras", tmp_path / "m.onnx")
    x = random_input(model.inputs[0])
    (name,) = (value.name for value in onnxruntime.InferenceSession(tmp_path / "m.onnx").get_inputs())
    own = in_onnxruntime(tmp_path / "m.onnx", {name: x})["output"]
    np.testing.assert_allclose(own, model.predict(x, verbose=0), rtol=0, atol=WITHIN)


# --- refusals ---


class Halved(layers.Dense):
    """Called a dense layer by its base class, and another function."""

    def call(self, inputs, training=None):
        return super().call(inputs, training) / 2


class Program(keras.Model):
    """A model whose layers are called by code."""

    def call(self, inputs):
        return inputs * 2


def my_activation(x):
    return x * 3


def of(layer):
    return lambda: sequential(layer(), layers.Dense(2, activation="tanh"))


def fixed_batch():
    stack = [layers.GRU(4, stateful=True), layers.Dense(2, activation="tanh")]
    return filled(keras.Sequential([keras.Input((4, F), batch_size=2), *stack]))


def masked_heads():
    x = layers.Embedding(TOKENS, F, mask_zero=True)(tokens := keras.Input((None,), dtype="int32", name="x"))
    return keras.Model(tokens, layers.MultiHeadAttention(2, 3)(x, x))


def of_whole_numbers(made):
    return lambda: keras.Model(n := keras.Input((None, F), dtype="int32", name="n"), made(n))


def text():
    return keras.Model(x := keras.Input((1,), dtype="string", name="x"), layers.Identity()(x))


REFUSED = {
    "subclass": (of(lambda: Halved(3)), r"Halved 'halved\w*': may compute something else than Dense, its base class"),
    "stateful": (fixed_batch, r"GRU 'gru\w*': stateful=True keeps states from call to call"),
    "activation": (
        of(lambda: layers.Dense(2, activation=my_activation)),
        r"Dense '\w+': the activation my_activation, which",
    ),
    "gate": (
        of(lambda: layers.GRU(2, recurrent_activation=my_activation)),
        r"GRU '\w+': the activation my_activation, which ONNX",
    ),
    "gate that ONNX lacks": (
        of(lambda: layers.GRU(2, activation="gelu")),
        r"GRU '\w+': the activation gelu; a recurrent node of ONNX has one of tanh, ",
    ),
    "cell": (of(lambda: layers.RNN(gru_tf.MGUCell(3))), r"RNN '\w+': expected a cell that ONNX has: .* Received: MGUCell"),
    "zoneout": (
        of(lambda: gru_tf.GRU(3, zoneout=0.5)),
        r"GRU '\w+': zoneout=0.5, which this export has no node for",
    ),
    "one of several cells": (
        of(lambda: layers.RNN([layers.GRUCell(3), gru_tf.MGUCell(3)])),
        r"RNN '\w+': expected a cell that ONNX has: .* Received: MGUCell",
    ),
    "lambda": (
        of(lambda: layers.Lambda(my_activation, output_shape=lambda shape: shape)),
        r"Received: Lambda '\w+'\. A SavedModel",
    ),
    "half precision": (of(lambda: layers.GRU(3, dtype="float16")), r"computes in float16"),
    "scaling by variance": (
        of(lambda: layers.LayerNormalization(rms_scaling=True)),
        r"LayerNormalization '\w+': rms_scaling=True",
    ),
    "inside": (
        of(lambda: layers.TimeDistributed(Halved(3))),
        r"TimeDistributed '\w+': with Halved '\w+': may compute something else",
    ),
    "masked heads": (
        masked_heads,
        r"MultiHeadAttention '\w+': under a mask \(query_mask, value_mask\), as of Masking or mask_zero=True",
    ),
    "operation": (lambda: keras.Model(x := keras.Input((4, F)), ops.argsort(x, axis=1)), r"Received: Argsort 'argsort\w*'"),
    "whole numbers up to a fraction": (
        of_whole_numbers(lambda n: ops.clip(n, -2.5, 7.5)),
        r"Clip '\w+': Keras does not compute it from such inputs \(.*got 7.5 of type 'float'",
    ),
    "fractions' function of whole numbers": (
        of_whole_numbers(ops.relu6),
        r"Relu6 '\w+': gives whole numbers, which float32 would round; cast them first: `ops.cast\(x, 'float32'\)`",
    ),
    "matrices of whole numbers": (
        of_whole_numbers(lambda n: ops.matmul(n, ops.transpose(n, (0, 2, 1)))),
        r"Matmul '\w+': gives whole numbers, which float32 would round",
    ),
    "product of whole numbers": (
        of_whole_numbers(lambda n: ops.prod(n, axis=1)),
        r"Prod '\w+': the product of whole numbers; cast them first",
    ),
    "another type than declared": (
        of_whole_numbers(ops.leaky_relu),
        r"LeakyRelu '\w+': declares int32 but computes float32 from whole numbers; cast them first",
    ),
    "layer of whole numbers": (
        of_whole_numbers(layers.GlobalMaxPooling1D()),
        r"GlobalMaxPooling1D '\w+': gives whole numbers, which float32 would round",
    ),
    "mean of whole numbers": (
        of_whole_numbers(lambda n: layers.Average()([n, n])),
        r"Average '\w+': the mean of whole numbers; cast them first",
    ),
    "not computed from whole numbers": (
        of_whole_numbers(lambda n: ops.logsumexp(n, axis=1)),
        r"Logsumexp '\w+': Keras does not compute it from such inputs \(.*int32 not in list",
    ),
    "power by whole numbers": (of_whole_numbers(lambda n: ops.power(2, n)), "a power of whole numbers with an exponent"),
    "largest truth value": (of_whole_numbers(lambda n: ops.max(n > 0, axis=1)), r"Max '\w+': truth values, not numbers"),
    "text": (text, r"Received: input 'x': string"),
    "program": (lambda: built(Program()), "expected a functional or sequential Keras model. Received: Program"),
}


def built(model):
    model(np.zeros((1, 2), "float32"))
    return model


@pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`")
@pytest.mark.parametrize(("model", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_written_is_refused_by_name(model, words, tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"older")
    with pytest.raises(gru_tf.UserError, match=words) as refusal:
        gru_tf.export_model(model(), tmp_path / "m.onnx", overwrite=True)
    assert "\n" not in str(refusal.value)
    assert (tmp_path / "m.onnx").read_bytes() == b"older"
    assert [each.name for each in tmp_path.iterdir()] == ["m.onnx"]


class Broken(layers.Dropout):
    """Fails by an error of its own once it gets numbers."""

    error: type[Exception] = RuntimeError

    def call(self, inputs, training=False):
        if not isinstance(inputs, keras.KerasTensor) and hasattr(inputs, "numpy"):
            raise self.error("no\nnumbers")
        return inputs


@pytest.mark.parametrize("error", [TypeError, AttributeError, OverflowError, AssertionError])
def test_a_model_that_keras_itself_cannot_compute_is_refused_in_one_line(error, tmp_path, monkeypatch):
    monkeypatch.setattr(Broken, "error", error)
    monkeypatch.setitem(registry.WRITERS, Broken, registry.WRITERS[layers.Dropout])
    words = rf"m\.onnx: expected a model that Keras computes for random inputs\. Received: {error.__name__}: .*no numbers"
    with pytest.raises(gru_tf.UserError, match=words) as refusal:
        gru_tf.export_model(sequential(Broken(0.5), head()), tmp_path / "m.onnx")
    assert "\n" not in str(refusal.value)
    assert not list(tmp_path.iterdir())


def test_everything_in_the_way_is_named_at_once(tmp_path):
    model = sequential(
        layers.Lambda(my_activation, name="first", output_shape=lambda shape: shape),
        layers.Dense(F, activation=my_activation, name="second"),
        layers.LSTM(F, return_sequences=True, activation="gelu", name="third"),
        keras.Sequential([keras.Input((None, F)), Halved(2, name="fourth")]),
        layers.Dense(2),
    )
    with pytest.raises(gru_tf.UserError) as refusal:
        gru_tf.export_model(model, tmp_path / "m.onnx")
    named = [name for name in ("first", "second", "third", "fourth") if f"'{name}'" in str(refusal.value)]
    assert named == ["first", "second", "third", "fourth"]
    assert "Dense 'dense" not in str(refusal.value)  # which is in nobody's way
    assert not list(tmp_path.iterdir())


def test_states_as_inputs_are_for_plain_stacks(tmp_path):
    with pytest.raises(gru_tf.UserError, match=r"m\.onnx: `initial=True`: expected recurrent layers with"):
        gru_tf.export_model(sequential(layers.GRU(4), head()), tmp_path / "m.onnx", initial=True)
    assert not list(tmp_path.iterdir())


def test_a_file_that_answers_otherwise_is_not_written(tmp_path, monkeypatch):
    right = registry.WRITERS[layers.Conv1D]
    monkeypatch.setitem(
        registry.WRITERS, layers.Conv1D, lambda graph, call: graph.op("Mul", right(graph, call), graph.constant(1.0001))
    )
    words = r"onnxruntime .*: not the same: expected what Keras gives, within 1e-05\. Received: a difference of .* in output"
    with pytest.raises(gru_tf.UserError, match=words):
        gru_tf.export_model(sequential(layers.Conv1D(4, 3, padding="same"), layers.GRU(3)), tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_without_onnxruntime_it_is_written_and_said_to_be_unverified(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    line = gru_tf.export_model(sequential(layers.GRU(4), head()), tmp_path / "m.onnx")
    assert line == "not verified: onnxruntime is not installed (pip install 'gru-tf[interchange]')"
    assert (tmp_path / "m.onnx").is_file()


FRONT = {
    "softmax": lambda: sequential(layers.GRU(4), head(), steps=6),
    "convolution": lambda: sequential(layers.Conv1D(4, 3, activation="relu"), layers.LSTM(4), layers.Dense(2), steps=6),
    "encoder and decoder": lambda: encoder_decoder(one_output=True),
}


@pytest.mark.slow
@pytest.mark.parametrize("model", FRONT.values(), ids=FRONT)
def test_other_formats_of_the_same_models(model, tmp_path):
    made = model()
    assert gru_tf.export_model(made, tmp_path / "m.onnx").startswith("verified by onnxruntime")
    assert gru_tf.export_model(made, tmp_path / "folder").startswith("verified by TensorFlow")
    assert gru_tf.export_model(made, tmp_path / "m.tflite", timesteps=6).startswith("verified by LiteRT")
    for name in ("m.pt", "m.safetensors"):
        with pytest.raises(
            gru_tf.UserError, match=r"expected .*linear dense layers?[,.].* Received: |expected one input, and a mask"
        ):
            gru_tf.export_model(made, tmp_path / name)
        assert not (tmp_path / name).exists()


# --- any model ---

SEQUENCES = [*POINTWISE.values(), *OVER_TIME.values()]
RECURRENT = [*ONE_WAY.values()]


def any_model(draw):
    """Functional models of three to seven calls, each on any of the values before it."""
    source = keras.Input((None, F), name="x")
    values = [source, layers.Dense(F)(source)]
    for _ in range(draw(st.integers(3, 7))):
        sequences = [value for value in values if len(value.shape) == 3 and value.shape[-1] is not None]
        x = draw(st.sampled_from(sequences))
        kind = draw(st.sampled_from(["layer", "recurrent", "both", "join", "operation"]))
        if kind == "layer":
            values.append(draw(st.sampled_from(SEQUENCES))()(layers.Conv1D(F, 1)(x)))
        elif kind == "recurrent":
            values.append(draw(st.sampled_from(RECURRENT))(**draw(st.sampled_from(WAYS)))(x))
        elif kind == "both":
            mode, every = draw(st.sampled_from(["concat", "sum", "mul"])), draw(st.booleans())
            layer = draw(st.sampled_from([layers.GRU, layers.LSTM, layers.SimpleRNN]))
            values.append(layers.Bidirectional(layer(2, return_sequences=every), merge_mode=mode)(x))
        elif kind == "join":
            layer = draw(st.sampled_from([layers.Add, layers.Multiply, layers.Maximum, layers.Attention, layers.Subtract]))
            other = draw(st.sampled_from([layers.ReLU(), layers.Dropout(0.5), layers.LayerNormalization(), ReverseTime()]))
            values.append(layer()([x, other(x)]))
        else:
            operation = draw(
                st.sampled_from(
                    [
                        lambda x: x[:, -1],
                        lambda x: 0.5 * x + 1,
                        lambda x: ops.mean(x, axis=1),
                        lambda x: x[:, ::-1],
                        ops.tanh,
                    ]
                )
            )
            values.append(operation(x))
    outputs = draw(st.lists(st.sampled_from(values[1:]), min_size=1, max_size=2, unique_by=id))
    if draw(st.booleans()):
        outputs[0] = layers.Dense(2, activation="softmax")(outputs[0])
    return filled(keras.Model(source, outputs), draw(st.integers(0, 99)))


@pytest.mark.slow
@given(data=st.data())
@examples(30)
def test_any_model_is_the_same_or_refused(data, tmp_path_factory):
    model = any_model(data.draw)
    path = tmp_path_factory.mktemp("any") / "m.onnx"
    try:
        check(model, path)
    except gru_tf.UserError:
        assert not path.exists()
        raise  # none of these layers is unknown
