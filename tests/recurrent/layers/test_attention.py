"""Attention: numbers and gradients beside NumPy float64, both routes, decoding, what a Keras layer must do.

The oracle follows Luong et al. 2015 (arXiv 1508.04025, eqs. 5, 7, 8, section 3.3) and Bahdanau et al. 2015 (arXiv
1409.0473, eqs. 5, 6, A.1.2) one row and one step at a time, and reads real steps alone.
"""

import itertools
import os
import re
import subprocess
import sys
from importlib.util import find_spec

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from places import ROOT

import gru_tf
from gru_tf import AttentionCell, AttentionDecoder, decoding
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.layers import fused_sequence

BATCH, WRITTEN, READ, INPUT, WIDTH, UNITS = 3, 4, 5, 2, 3, 3  # WIDTH of the memory is UNITS, as the score "dot" asks
REAL_READ = np.arange(READ) < np.array([[READ], [2], [0]])  # the last row has no real step
REAL_WRITTEN = np.arange(WRITTEN) < np.array([[WRITTEN], [1], [3]])
EVERY = {"return_state": True, "return_alignments": True}


def data(seed=0, dtype="float64"):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(BATCH, WRITTEN, INPUT)).astype(dtype), rng.normal(size=(BATCH, READ, WIDTH)).astype(dtype)


def randomised(layer, seed=1, scale=0.7):
    """The layer, built, with random weights; a decoder or a cell."""
    if not layer.built:
        layer.build((BATCH, WRITTEN, INPUT), (BATCH, READ, WIDTH))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(scale=scale, size=w.shape) if "float" in w.dtype else w for w in layer.weights])
    return layer


def weights_of(layer):
    """Name → float64 array."""
    return {variable.path.rpartition("/")[2]: np.array(variable, "float64") for variable in layer.weights}


def parts_of(layer):
    """The weights of an attention by the names of the papers; those that it does not have are None."""
    attention = layer.attention
    of = {"W_q": attention.query, "W_k": attention.keys, "W_c": attention.attended}
    parts = {name: None if part is None else weights_of(part)["kernel"] for name, part in of.items()}
    return {**parts, "g": weights_of(attention.attention).get("scale", np.array(1.0))}


# --------------------------------------------------------------------------------------------------------- the oracle


def alignments_of(s, h, parts, score, wrong=""):
    """a(i) of one query s (H,) and the real steps h (S', W)."""
    if score == "dot":
        scores = np.array([parts["g"] * (s @ h_i) for h_i in h])
    elif score == "general":  # sᵀ W_a h_i
        kernel = parts["W_k"].T if wrong == "W_a transposed" else parts["W_k"]
        scores = np.array([parts["g"] * (s @ (h_i @ kernel)) for h_i in h])
    else:  # vᵀ tanh(W_a s + U_a h_i), where v is the scale of Keras' layer
        inner = [s @ parts["W_q"] + h_i @ parts["W_k"] for h_i in h]
        scores = np.array([parts["g"] @ (x if wrong == "no tanh in the score" else np.tanh(x)) for x in inner])
    if wrong == "g left out":
        scores = scores / parts["g"]
    shares = np.exp(scores - scores.max()) if len(scores) else scores
    return shares / shares.sum() if len(shares) else shares


def attended(s, shares, h, parts, wrong=""):
    """(output, what is fed) of one step."""
    context = shares @ h if len(h) else np.zeros(h.shape[1])
    joined = np.concatenate([s, context] if wrong == "[s; c]" else [context, s])
    if parts["W_c"] is None:
        return joined, context
    output = joined @ parts["W_c"] if wrong == "no tanh" else np.tanh(joined @ parts["W_c"])
    return output, context if wrong == "c is fed" else output


def by_paper(
    spec,
    cell_weights,
    parts,
    x,
    memory,
    start=None,
    score="general",
    input_feeding=False,
    attend_first=False,
    masked=True,
    wrong="",
):
    """Outputs (batch, T, A), alignments (batch, T, S), last states of a decoder of one cell, zeros at padded steps."""
    results = []
    for row in range(len(x)):
        h = memory[row][REAL_READ[row]] if masked and wrong != "padding is read" else memory[row]
        states = [np.zeros((1, UNITS)) for _ in spec.states] if start is None else [s[row : row + 1] for s in start]
        fed, outputs, alignments = None, [], []
        for t in range(x.shape[1]):
            inputs, first = x[row, t], None
            if input_feeding:
                size = WIDTH if parts["W_c"] is None else parts["W_c"].shape[1]
                fed = np.zeros(size) if fed is None or wrong == "nothing is fed" else fed
                inputs = np.concatenate([inputs, fed])
            if attend_first:  # Bahdanau: c_t of s_{t−1} goes into step t
                first = alignments_of(states[0][0], h, parts, score, wrong)
                inputs = np.concatenate([inputs, first @ h if len(h) else np.zeros(WIDTH)])
            new = spec.step(inputs[None], states, cell_weights)
            asked = states if wrong == "asks with the state before" else new
            shares = alignments_of(asked[0][0], h, parts, score, wrong) if first is None or wrong == "c anew" else first
            output, feeding = attended(new[0][0], shares, h, parts, wrong)
            real = not masked or REAL_WRITTEN[row, t]
            if real:
                states, fed = new, feeding
            share = np.zeros(READ)
            share[: len(shares)] = shares
            outputs.append(output * real)
            alignments.append(share * real)
        results.append((np.array(outputs), np.array(alignments), [s[0] for s in states], fed))
    outputs, alignments, states, fed = zip(*results, strict=True)
    last = [np.array(s) for s in zip(*states, strict=True)]
    return np.array(outputs), np.array(alignments), [*last, np.array(fed)] if input_feeding else last


FORMS = [  # (cell, layer, options)
    ("lstm", gru_tf.LSTM, {"score": "general", "scaled": True}),
    ("lstm", gru_tf.LSTM, {"score": "general", "input_feeding": True, "units": 4}),
    ("gru", gru_tf.GRU, {"score": "dot", "scaled": True, "input_feeding": True}),
    ("gru", gru_tf.GRU, {"score": "dot", "attention_layer": False}),
    ("gru", gru_tf.GRU, {"score": "additive", "units": 4}),
    ("lstm", gru_tf.LSTM, {"score": "additive", "attention_layer": False, "input_feeding": True, "units": 2}),
    ("gru", gru_tf.GRU, {"score": "additive", "attend_first": True, "units": 4}),
    ("lstm", gru_tf.LSTM, {"score": "general", "attend_first": True, "attention_layer": False}),
]
BY_STEPS = ("score", "input_feeding", "attend_first")
NAMES = ["-".join([cell, *(f"{k}={v}" for k, v in options.items())]) for cell, _, options in FORMS]
each_form = pytest.mark.parametrize(("name", "layer", "options"), FORMS, ids=NAMES)


def expected_of(decoder, name, options, x, memory, start=None, **more):
    kept = {key: value for key, value in options.items() if key in BY_STEPS}
    return by_paper(CELLS.find(name), weights_of(decoder.layers[0]), parts_of(decoder), x, memory, start, **kept, **more)


def in_float64(layer, options, **more):
    return randomised(AttentionDecoder(layer(UNITS, dtype="float64"), dtype="float64", **options, **more))


@each_form
@pytest.mark.parametrize("masked", [True, False])
def test_numbers_follow_from_the_papers(name, layer, options, masked):
    decoder, (x, memory) = in_float64(layer, options, **EVERY), data()
    start = [np.random.default_rng(i).normal(size=(BATCH, UNITS)) for i in range(len(CELLS.find(name).states))]
    masks = {"sequences_mask": tf.constant(REAL_WRITTEN), "memory_mask": tf.constant(REAL_READ)} if masked else {}
    outputs, alignments, *states = decoder(x, memory, start, **masks)
    expected = expected_of(decoder, name, options, x, memory, start, masked=masked)
    for actual, right in zip([outputs, alignments, *states], [*expected[:2], *expected[2]], strict=True):
        np.testing.assert_allclose(actual, right, rtol=0, atol=1e-12)
    assert np.array(alignments)[0].std(-1).max() > 0.005, "attends to all alike: the comparison could not fail"


MUTATIONS = {
    "W_a transposed": 1,
    "padding is read": 1,
    "[s; c]": 1,
    "no tanh": 1,
    "asks with the state before": 1,
    "nothing is fed": 1,
    "c is fed": 2,
    "g left out": 0,
    "no tanh in the score": 4,
    "c anew": 6,
}


@pytest.mark.parametrize("wrong", MUTATIONS)
def test_a_wrong_equation_is_noticed(wrong):
    name, layer, options = FORMS[MUTATIONS[wrong]]
    decoder, (x, memory) = in_float64(layer, options), data()
    outputs = decoder(x, memory, None, tf.constant(REAL_WRITTEN), tf.constant(REAL_READ))
    other = expected_of(decoder, name, options, x, memory, wrong=wrong)[0]
    assert np.abs(outputs - other).max() > 1e-3


def differences(function, array, step=1e-3):
    """Central differences of fourth order of a scalar function, with respect to the array, which is moved in place."""
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        value, at = array[index], []
        for factor in (-2, -1, 1, 2):
            array[index] = value + factor * step
            at.append(function())
        array[index] = value
        gradient[index] = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * step)
    return gradient


@each_form
def test_gradients_are_those_of_central_differences(name, layer, options):
    """Of all weights, inputs and the initial state, against differences of the oracle; padding has none."""
    decoder, (x, memory) = in_float64(layer, options), data()
    spec, rng = CELLS.find(name), np.random.default_rng(5)
    start = [rng.normal(size=(BATCH, UNITS)) for _ in spec.states]
    upstream = rng.normal(size=(BATCH, WRITTEN, decoder.compute_output_shape(x.shape, memory.shape)[-1]))
    tensors = [tf.constant(array) for array in (x, memory, *start)]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        outputs = decoder(*tensors[:2], tensors[2:], tf.constant(REAL_WRITTEN), tf.constant(REAL_READ))
        loss = tf.reduce_sum(outputs * upstream)
    variables = list(decoder.trainable_weights)
    gradients = tape.gradient(loss, [*tensors, *variables])
    cell, parts = weights_of(decoder.layers[0]), parts_of(decoder)
    kept = {key: value for key, value in options.items() if key in BY_STEPS}

    def function():
        return float((by_paper(spec, cell, parts, x, memory, start, **kept)[0] * upstream).sum())

    assert function() == pytest.approx(float(loss), rel=1e-12)
    arrays = [x, memory, *start, *cell.values(), *(p for p in parts.values() if p is not None and p.ndim)]
    own = [*tensors, *decoder.layers[0].trainable_weights]
    attention = decoder.attention
    own += [part.kernel for part in (attention.query, attention.keys, attention.attended) if part is not None]
    scale = getattr(attention.attention, "scale", None)
    if scale is not None:
        own.append(scale)
        arrays = [a for a in arrays if a is not parts["g"]] + [parts["g"]]
    assert {id(v) for v in own[len(tensors) :]} == {id(v) for v in variables}
    by_id = {id(v): g for v, g in zip([*tensors, *variables], gradients, strict=True)}
    for array, variable in zip(arrays, own, strict=True):
        expected, actual = differences(function, array), np.array(by_id[id(variable)])
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-8 * np.abs(expected).max())
        assert np.abs(expected).max() > 1e-3
    assert np.all(np.array(gradients[1])[~REAL_READ] == 0)


# -------------------------------------------------------------------------------------------------- both routes, loops

STACKS = {
    "LSTM": lambda: gru_tf.LSTM(UNITS),
    "GRU over Keras' LSTM": lambda: [keras.layers.LSTM(5), gru_tf.GRU(UNITS, convention="write")],
    "a cell": lambda: gru_tf.MGUCell(UNITS),
    "RNN of two cells": lambda: keras.layers.RNN([keras.layers.LSTMCell(4), gru_tf.GRUCell(UNITS)]),
    "a parallel scan": lambda: CELLS.find("min_gru").layer(UNITS, {}),
}


@pytest.mark.parametrize("way", [{}, {"input_feeding": True}, {"attend_first": True}], ids=str)
@pytest.mark.parametrize("stack", STACKS)
def test_step_by_step_is_all_at_once(stack, way):
    decoder = randomised(AttentionDecoder(STACKS[stack](), score="additive", **way, **EVERY))
    x, memory = data(dtype="float32")
    mask = tf.constant(REAL_READ)
    outputs, alignments, *last = decoder(x, memory, memory_mask=mask)
    states, remembered = decoder.get_initial_state(BATCH), decoder.remember(memory, mask)
    for t in range(WRITTEN):
        output, shares, states = decoder.step(x[:, t], states, remembered)
        np.testing.assert_allclose(output, outputs[:, t], rtol=0, atol=1e-6)
        np.testing.assert_allclose(shares, alignments[:, t], rtol=0, atol=1e-6)
    for after, state in zip(states, last, strict=True):
        np.testing.assert_allclose(after, state, rtol=0, atol=1e-6)
    half, _, *between = decoder(x[:, :2], memory, memory_mask=mask)
    rest, *_ = decoder(x[:, 2:], memory, between, memory_mask=mask)
    np.testing.assert_allclose(ops.concatenate([half, rest], axis=1), outputs, rtol=0, atol=1e-6)


def test_a_memory_may_be_remembered_before_the_first_step():
    x, memory = data(dtype="float32")
    decoder, cell = AttentionDecoder(gru_tf.GRU(UNITS), "additive"), AttentionCell(gru_tf.GRUCell(UNITS), "additive")
    remembered = decoder.remember(memory), cell.remember(memory)
    output, _ = cell(x[:, 0], [np.zeros((BATCH, UNITS), "float32")], remembered[1])
    cell_weights = {"query", "keys", "attention", "attended"}
    for layer in (decoder, cell):
        assert (decoder(x, memory) if layer is decoder else output).shape[-1] == UNITS
        assert len(layer.attention.weights) == len(cell_weights)
    np.testing.assert_array_equal(decoder.remember(memory)[0], remembered[0][0])


def test_the_fused_kernel_runs_the_recurrence_where_nothing_is_fed(monkeypatch):
    computed, (x, memory) = [], data(dtype="float32")
    compute = fused_sequence.compute
    monkeypatch.setattr(fused_sequence, "compute", lambda *a: computed.append(a) or compute(*a))
    for way, count in (({}, 1), ({"input_feeding": True}, 0), ({"attend_first": True}, 0)):
        computed.clear()
        layer = gru_tf.LSTM(UNITS)
        AttentionDecoder(layer, **way)(x, memory)
        assert len(computed) == (count if layer.kernel_path(gpu=False).name.startswith("fused") else 0)


def test_a_graph_of_unknown_lengths_gives_the_same():
    decoder, (x, memory) = randomised(AttentionDecoder(gru_tf.GRU(UNITS), input_feeding=True)), data(dtype="float32")
    signature = [tf.TensorSpec((None, None, INPUT)), tf.TensorSpec((None, None, WIDTH)), tf.TensorSpec((None, None), "bool")]
    graph = tf.function(lambda x, m, real: decoder(x, m, memory_mask=real), signature)
    for length in (1, WRITTEN):
        eager = decoder(x[:, :length], memory, memory_mask=tf.constant(REAL_READ))
        np.testing.assert_allclose(graph(x[:, :length], memory, REAL_READ), eager, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("score", "way"), [("general", "input_feeding"), ("dot", "input_feeding"), ("additive", "attend_first")]
)
def test_the_cell_in_a_loop_is_the_decoder(score, way):
    cells = [gru_tf.LSTMCell(4), keras.layers.GRUCell(UNITS)]
    cell = AttentionCell(cells, score, **{way: True}, return_alignments=True)
    cell.build((BATCH, INPUT), memory_shape=(BATCH, READ, WIDTH))
    cell = randomised(cell)
    layers = [keras.layers.RNN(inner) for inner in cell.cell.cells]
    decoder = randomised(AttentionDecoder(layers, score, **{way: True}, **EVERY))
    x, memory = data(dtype="float32")
    remembered, states, outputs = cell.remember(memory, tf.constant(REAL_READ)), cell.get_initial_state(BATCH), []
    assert [state.shape[1] for state in states] == cell.state_size == [4, 4, UNITS, UNITS][: 3 + (way == "input_feeding")]
    decoder.set_weights([*cell.cell.get_weights(), *cell.attention.get_weights()])
    for t in range(WRITTEN):
        (output, _), states = cell(x[:, t], states, remembered)
        outputs.append(output)
    expected, alignments, *last = decoder(x, memory, memory_mask=tf.constant(REAL_READ))
    np.testing.assert_allclose(tf.stack(outputs, 1), expected, rtol=0, atol=1e-6)
    assert len(last) == len(states)
    (output, shares), _ = cell(x[:, 0], cell.get_initial_state(BATCH), remembered)
    assert output.shape[1] == cell.output_size
    np.testing.assert_allclose(shares, alignments[:, 0], rtol=0, atol=1e-6)

    @tf.function
    def in_a_graph(x):
        def body(t, states, written):
            (output, _), states = cell(x[:, t], states, remembered)
            return t + 1, states, written.write(t, output)

        begin = (0, cell.get_initial_state(BATCH), tf.TensorArray("float32", WRITTEN))
        return tf.transpose(tf.while_loop(lambda t, *_: t < WRITTEN, body, begin)[2].stack(), (1, 0, 2))

    np.testing.assert_allclose(in_a_graph(tf.constant(x)), expected, rtol=0, atol=1e-6)


# ---------------------------------------------------------------------------------------------------------------- masks


def test_what_padding_holds_has_no_effect_and_a_row_without_a_real_step_has_no_context():
    decoder = randomised(AttentionDecoder(gru_tf.LSTM(UNITS), attention_layer=False, return_alignments=True))
    x, memory = data(dtype="float32")
    damaged = tf.Variable(np.where(REAL_READ[..., None], memory, np.nan).astype("float32"))
    mask = tf.constant(REAL_READ)
    with tf.GradientTape() as tape:
        outputs, alignments = decoder(x, damaged, memory_mask=mask)
        loss = tf.reduce_sum(outputs**2)
    for actual, right in zip((outputs, alignments), decoder(x, memory, memory_mask=mask), strict=True):
        np.testing.assert_array_equal(actual, right)
    assert np.all(np.array(outputs)[2, :, :WIDTH] == 0)
    assert np.all(np.array(alignments)[2] == 0)
    np.testing.assert_allclose(np.array(alignments)[:2].sum(-1), 1, atol=1e-6)
    gradients = tape.gradient(loss, [damaged, *decoder.trainable_weights])
    assert all(np.isfinite(g).all() for g in gradients)
    assert np.any(gradients[0][0])


@pytest.mark.parametrize("way", [{}, {"input_feeding": True}, {"attend_first": True}], ids=str)
def test_what_padded_steps_of_the_written_hold_has_no_effect(way):
    decoder = randomised(AttentionDecoder(keras.layers.LSTM(UNITS), **way))
    x, memory = data(dtype="float32")
    mask = tf.constant(REAL_WRITTEN)
    damaged = tf.Variable(np.where(REAL_WRITTEN[..., None], x, np.nan).astype("float32"))
    with tf.GradientTape() as tape:
        outputs = decoder(damaged, memory, sequences_mask=mask)
    np.testing.assert_array_equal(outputs, decoder(x, memory, sequences_mask=mask))
    assert np.all(np.array(outputs)[~REAL_WRITTEN] == 0)
    assert all(np.isfinite(g).all() for g in tape.gradient(outputs, [damaged, *decoder.trainable_weights]))


def test_in_float16_a_row_without_a_real_step_has_numbers():
    """Keras subtracts 65504 from masked scores, and −65504 − 20 is −∞ in float16."""
    decoder = AttentionDecoder(gru_tf.GRU(UNITS), "additive", units=40, return_alignments=True, dtype="float16")
    x, memory = data(dtype="float32")
    randomised(decoder)
    for part, value in ((decoder.attention.query, 9.0), (decoder.attention.attention, -1.0)):
        part.set_weights([np.full(w.shape, value) for w in part.weights])
    decoder.layers[0].cell.bias.assign(np.ones(decoder.layers[0].cell.bias.shape))
    outputs, alignments = (np.array(a, "float32") for a in decoder(x, memory, memory_mask=tf.constant(REAL_READ)))
    assert np.isfinite(outputs).all()
    assert np.all(alignments[2] == 0)
    np.testing.assert_allclose(alignments[:2].sum(-1), 1, atol=1e-2)


def test_a_mask_that_comes_with_the_memory_is_remembered():
    tokens = np.array([[1, 2, 3, 0, 0], [4, 5, 0, 0, 0], [1, 2, 3, 4, 5]])
    memory = gru_tf.GRU(WIDTH, return_sequences=True)(keras.layers.Embedding(7, 4, mask_zero=True)(tokens))
    decoder, (x, _) = randomised(AttentionDecoder(gru_tf.GRU(UNITS))), data(dtype="float32")
    output, _ = decoder.step(x[:, 0], decoder.get_initial_state(BATCH), decoder.remember(memory))
    np.testing.assert_allclose(output, decoder(x, memory)[:, 0], rtol=0, atol=1e-6)
    cell = AttentionCell(gru_tf.GRUCell(UNITS))
    cell.build((BATCH, INPUT), memory_shape=(BATCH, READ, WIDTH))
    np.testing.assert_array_equal(cell.remember(memory)[2], tokens > 0)
    given = decoder.remember(memory, tf.ones_like(tokens, bool))
    assert np.all(given[2]), "a mask that is given comes first"


def test_zoneout_and_dropout_in_both_routes():
    """A state that zones out almost always stays; half of the time, it does so at some steps and not at others."""
    x, memory = data(dtype="float32")
    for way in ({}, {"input_feeding": True}, {"attend_first": True}):
        for share in (0.5, 1 - 1e-9):
            decoder = AttentionDecoder([gru_tf.LSTM(2), gru_tf.GRU(UNITS, zoneout=share, seed=1)], **way, **EVERY)
            start = [np.ones((BATCH, size), "float32") for size in (2, 2, UNITS)]
            _, _, *states = randomised(decoder)(x, memory, start, training=True)
            kept = np.array(states[2]) == 1
            assert kept.all() if share > 0.5 else not kept.all()
        decoder = randomised(AttentionDecoder(gru_tf.GRU(UNITS, dropout=0.5), **way))
        first, second, third = (np.array(decoder(x, memory, training=mode)) for mode in (True, True, False))
        assert np.abs(first - second).max() > 1e-3 < np.abs(second - third).max()


def translator(**options):
    """Tokens in, tokens out: a whole network, with masks that come from its embeddings."""
    read, before = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="int32")
    embedded = keras.layers.Embedding(7, 4, mask_zero=True)(read)
    sequence, *states = gru_tf.LSTM(UNITS, return_sequences=True, return_state=True)(embedded)
    written = keras.layers.Embedding(6, INPUT, mask_zero=True)(before)
    decoder = AttentionDecoder(gru_tf.LSTM(UNITS), name="decoder", **options)
    attended = decoder(written, memory=sequence, initial_state=states)
    return keras.Model([read, before], keras.layers.Dense(6, name="head")(attended))


TOKENS = np.array([[1, 2, 3, 0], [4, 5, 6, 2]]), np.array([[1, 3, 2], [5, 0, 0]])


@pytest.mark.parametrize("input_feeding", [False, True])
def test_masks_come_from_the_embeddings(input_feeding):
    model = translator(input_feeding=input_feeding)
    model.set_weights([np.random.default_rng(3).normal(size=w.shape) for w in model.weights])
    whole = np.array(model(TOKENS))
    alone = np.array(model([TOKENS[0][:1, :3], TOKENS[1][:1]]))
    np.testing.assert_allclose(whole[:1], alone, rtol=0, atol=1e-5)
    head = np.array(model.get_layer("head").bias)
    np.testing.assert_allclose(whole[1, 1:], np.broadcast_to(head, (2, 6)), rtol=0, atol=1e-6)
    assert whole.shape == (2, 3, 6)
    assert model.get_layer("decoder").output._keras_mask is not None


# --------------------------------------------------------------------------------------- what a Keras layer must do


@pytest.mark.parametrize("options", [options for _, _, options in FORMS], ids=NAMES)
def test_the_configuration_makes_the_layer_again(options):
    made = [
        AttentionDecoder([gru_tf.LSTM(4), keras.layers.GRUCell(UNITS)], name="one", **options, **EVERY),
        AttentionCell(keras.layers.LSTMCell(UNITS), name="one", **options, return_alignments=True),
    ]
    for layer in made:
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
        assert {key: getattr(again.attention, key) for key in options} == options
    x, memory = data(dtype="float32")
    outputs = [randomised(layer)(x, memory) for layer in (made[0], AttentionDecoder.from_config(made[0].get_config()))]
    for first, second in zip(*outputs, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("options", [{}, {"input_feeding": True, "score": "additive", "units": 5}])
def test_a_saved_model_gives_the_same(options, tmp_path):
    model = translator(**options)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(TOKENS), model(TOKENS))


def test_all_parts_are_built_with_the_layer():
    """Keras refuses to quantise a model with a part that is not."""
    decoder = randomised(AttentionDecoder(gru_tf.GRU(UNITS), input_feeding=True))
    assert [part.name for part in decoder._flatten_layers() if not part.built] == []
    cell = AttentionCell(gru_tf.GRUCell(UNITS))
    cell.build((BATCH, INPUT), memory_shape=(BATCH, READ, WIDTH))
    assert [part.name for part in cell.attention._flatten_layers() if not part.built] == []


@pytest.mark.parametrize("score", ["general", "additive"])
@pytest.mark.parametrize("change", ["int8", "lora"])
def test_dense_layers_that_are_quantised_or_have_lora_load_again(change, score, tmp_path):
    inputs = keras.Input((None, INPUT)), keras.Input((None, WIDTH))
    decoder = AttentionDecoder(gru_tf.GRU(UNITS), score)
    model = keras.Model(inputs, decoder(*inputs))
    randomised(decoder)
    dense = [part for part in model._flatten_layers() if isinstance(part, keras.layers.Dense)]
    for part in dense:
        part.quantize("int8") if change == "int8" else part.enable_lora(1, lora_alpha=3)
    for weight in model.weights:
        if "lora" in weight.name:
            weight.assign(np.full(weight.shape, 0.3))
    x, right = data(dtype="float32"), model(data(dtype="float32"))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(x), right, rtol=0, atol=1e-6)
    assert len(loaded.trainable_weights) == len(model.trainable_weights)
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy(x), right)
    cell = AttentionCell(gru_tf.GRUCell(UNITS), score)
    cell.build((BATCH, INPUT), memory_shape=(BATCH, READ, WIDTH))
    cell.attention.keys.quantize("int8") if change == "int8" else cell.attention.keys.enable_lora(1, lora_alpha=3)
    again = AttentionCell.from_config(cell.get_config())
    again.build((BATCH, INPUT), memory_shape=(BATCH, READ, WIDTH))
    assert [w.name for w in again.attention.keys.weights] == [w.name for w in cell.attention.keys.weights]
    assert again.attention.keys.lora_alpha == cell.attention.keys.lora_alpha


@pytest.mark.parametrize("options", [options for _, _, options in FORMS], ids=NAMES)
def test_shapes_are_those_announced(options):
    x, memory = data(dtype="float32")
    for returned in ({}, EVERY):
        decoder = AttentionDecoder([gru_tf.GRU(2), gru_tf.LSTM(UNITS)], **options, **returned)
        symbols = keras.tree.flatten(decoder(keras.Input((None, INPUT)), keras.Input((None, WIDTH))))
        outputs = keras.tree.flatten(decoder(x, memory))
        announced = decoder.compute_output_shape(x.shape, memory.shape)
        assert [tuple(o.shape) for o in outputs] == [tuple(s) for s in (announced if returned else [announced])]
        assert len(symbols) == len(outputs)
        for symbol, output in zip(symbols, outputs, strict=True):
            pairs = zip(symbol.shape, output.shape, strict=True)
            assert all(a in (None, b) for a, b in pairs)
            assert symbol.dtype == output.dtype.name


@pytest.mark.parametrize("input_feeding", [False, True])
def test_mixed_precision(input_feeding):
    x, memory = data(dtype="float32")
    options = {"score": "additive", "input_feeding": input_feeding, "attend_first": not input_feeding, **EVERY}
    single = randomised(AttentionDecoder(gru_tf.LSTM(UNITS), **options))
    half = AttentionDecoder(gru_tf.LSTM(UNITS, dtype="mixed_bfloat16"), dtype="mixed_bfloat16", **options)
    randomised(half)
    assert {w.dtype for w in half.trainable_weights} == {"float32"}
    results = half(x, memory, memory_mask=tf.constant(REAL_READ))
    for actual, right in zip(results, single(x, memory, memory_mask=tf.constant(REAL_READ)), strict=True):
        assert actual.dtype == tf.bfloat16
        np.testing.assert_allclose(tf.cast(actual, "float32"), right, rtol=0, atol=0.08)
    output, _, states = half.step(tf.constant(x[:, 0]), half.get_initial_state(BATCH), half.remember(memory))
    assert {output.dtype, *(state.dtype for state in states)} == {tf.bfloat16}


@pytest.mark.parametrize("input_feeding", [False, True])
def test_a_network_learns_to_copy(input_feeding):
    """Every other word of what it reads, which it can find by attention alone; with dropout, in a compiled step."""
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, 6, (128, 4))
    read, before = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="int32")
    sequence = gru_tf.GRU(24, return_sequences=True)(keras.layers.Embedding(6, 12)(read))
    decoder = AttentionDecoder(keras.layers.GRU(24, dropout=0.05), input_feeding=input_feeding)
    logits = keras.layers.Dense(6)(decoder(keras.layers.Embedding(6, 12)(before), sequence))
    model = keras.Model([read, before], logits)
    model.compile(keras.optimizers.Adam(0.02), keras.losses.SparseCategoricalCrossentropy(True), jit_compile=False)
    losses = model.fit([tokens, np.pad(tokens[:, :-1], ((0, 0), (1, 0)))], tokens, 32, 12, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


REFUSED = [
    (lambda: AttentionDecoder([]), "expected `layers` to be recurrent layers or cells, the first of them at least"),
    (lambda: AttentionDecoder(keras.layers.Dropout(0.1)), "expected `layers` to be recurrent layers or cells"),
    (lambda: AttentionDecoder("lstm"), "expected `layers` to be recurrent layers or cells. Received: layers='lstm'"),
    (lambda: AttentionDecoder(keras.layers.Bidirectional(gru_tf.GRU(2))), "recurrent layers in one direction"),
    (lambda: AttentionDecoder([gru_tf.RecurrentStack("gru", 2)]), "recurrent layers in one direction"),
    (lambda: AttentionDecoder(keras.layers.ConvLSTM1D(2, 3)), "recurrent layers over vectors, not images"),
    (lambda: AttentionDecoder(gru_tf.GRU(2, go_backwards=True)), "neither backward nor stateful"),
    (lambda: AttentionDecoder(gru_tf.GRU(2, stateful=True)), "neither backward nor stateful"),
    (lambda: AttentionDecoder(built_before()), "return_sequences=True, return_state=True where they are used already"),
    (lambda: AttentionDecoder(gru_tf.GRU(2), "cosine"), "expected `score` to be 'general', 'dot' or 'additive'"),
    (lambda: AttentionDecoder(gru_tf.GRU(2), units=0), "expected `units` to be a positive integer or None"),
    (lambda: AttentionDecoder(gru_tf.GRU(2), units=4, attention_layer=False), "None where nothing has them"),
    (lambda: AttentionDecoder(gru_tf.GRU(2), "additive", scaled=True), "False with the additive score"),
    (lambda: AttentionDecoder([gru_tf.GRU(2), keras.layers.Dropout(0.1)], input_feeding=True), "recurrent ones alone"),
    (lambda: AttentionDecoder([gru_tf.GRU(2), keras.layers.Dense(3)])(*data()), "to end with the width of the last"),
    (
        lambda: AttentionDecoder(gru_tf.GRU(2), "dot")(*data()),
        r"`memory` to be of shape (batch, steps, 2) for the score 'dot'",
    ),
    (lambda: AttentionDecoder(gru_tf.GRU(2))(data()[0], data()[1][:, 0]), "expected `memory` to be of shape"),
    (lambda: made()(tf.RaggedTensor.from_tensor(data()[0], lengths=[1, 2, 3]), data()[1]), "`sequences` to be padded"),
    (lambda: made()(*data(), memory_mask=np.ones((BATCH, 9), bool)), "`memory_mask` of shape (batch, steps) = (3, 5)"),
    (lambda: made()(*data(), sequences_mask=np.ones((BATCH, 9), bool)), "`sequences_mask` of shape (batch, steps) = (3, 4)"),
    (lambda: made()(*data(), [np.zeros((BATCH, 2))]), "expected `initial_state` to be 2 arrays of shape (batch, units)"),
    (lambda: made()(*data(), [np.zeros((BATCH, 5))] * 2), "expected `initial_state` to be 2 arrays"),
    (
        lambda: made().step(data()[0][:, 0], [], made().remember(data()[1])),
        "expected `states` to be 2 arrays of widths [3, 3]",
    ),
    (lambda: made().remember(np.zeros((3, 4))), "expected `memory` of shape (batch, steps, width). Received: shape=(3, 4)"),
    (lambda: AttentionDecoder(gru_tf.GRU(2), input_feeding=True).get_initial_state(2), "built before its initial state"),
    (
        lambda: AttentionDecoder(gru_tf.GRU(2), input_feeding=True, attend_first=True),
        "`attend_first` to be False with input",
    ),
    (
        lambda: AttentionCell(Sideways(2), attend_first=True),
        "`attend_first` to be False for a cell whose first state, of width 2",
    ),
    (lambda: AttentionCell(gru_tf.GRU(2)), "AttentionCell: expected `cell` to be a Keras cell or a list of them"),
    (lambda: AttentionDecoder(AttentionCell(gru_tf.GRUCell(2))), "AttentionDecoder: expected `cell` to be a Keras cell or"),
    (lambda: AttentionCell(AttentionCell(gru_tf.GRUCell(2))), "none that attends itself"),
    (lambda: keras.layers.RNN(AttentionCell(gru_tf.GRUCell(2)))(data()[0]), "AttentionCell: expected `memory"),
    (
        lambda: made()(data()[0], data()[1][:1]),
        "expected `memory` to be of as many rows as `sequences`, 3. Received: memory",
    ),
    (
        lambda: made().step(data()[0][:, 0], [np.zeros((BATCH, UNITS))] * 2, made().remember(data()[1][:1])),
        "expected `memory` to be of as many rows as `inputs`, 3",
    ),
    (
        lambda: made().step(data()[0][:, 0], [np.zeros((1, UNITS))] * 2, made().remember(data()[1])),
        "expected `states` to be of as many rows as `inputs`, 3",
    ),
    (lambda: AttentionDecoder(gru_tf.GRU(2), dtype="int8_from_float32"), "`dtype` to be a policy without quantisation"),
    (lambda: AttentionCell(gru_tf.GRUCell(2), dtype="int8_from_float32"), "`dtype` to be a policy without quantisation"),
    (lambda: cell_step(1, BATCH), "AttentionCell: expected `states` to be of as many rows as `inputs`, 3. Received"),
    (lambda: cell_step(BATCH, 1), "AttentionCell: expected `memory` to be of as many rows as `inputs`, 3. Received"),
    (
        lambda: AttentionDecoder(gru_tf.GRU(2, activity_regularizer="l2"), input_feeding=True),
        "expected `layers` to be without activity_regularizer",
    ),
    (lambda: decoding.greedy(None, [], [], 3), "greedy: expected `states` to be one array"),
    (lambda: decoding.greedy(None, [np.zeros((2, 1))], [np.zeros((3, 1))], 3), "`memory` to be arrays with as many rows"),
    (lambda: decoding.greedy(None, [np.zeros((2, 1)), np.zeros((3, 1))], [], 3), "`states` to be arrays with as many rows"),
    (
        lambda: decoding.greedy(lambda t, s, m: (np.zeros((1, 1, 4)), s), [np.zeros((1, 1))], [], 3),
        "expected `step` to be a function whose logits are (rows, tokens). Received: step=(1, 1, 4)",
    ),
    (
        lambda: decoding.beam(lambda t, s, m: (np.zeros((2, 4)), []), [np.zeros((1, 1))], [], 3, 2),
        "expected `step` to be a function that returns 1 states",
    ),
    (
        lambda: decoding.beam(None, [np.zeros((1, 1))], [], 3, 2, float("nan")),
        "beam: expected `alpha` to be a finite number",
    ),
    (
        lambda: decoding.sample(None, [np.zeros((1, 1))], [], 3, temperature=1e-40),
        "expected `temperature` to be a number above 0",
    ),
    (lambda: decoding.greedy(None, [np.zeros((1, 1))], [], 0), "expected `longest` to be a positive integer"),
    (lambda: decoding.beam(None, [np.zeros((1, 1))], [], 3, 0), "expected `width` to be a positive integer"),
    (
        lambda: decoding.sample(None, [np.zeros((1, 1))], [], 3, temperature=0),
        "expected `temperature` to be a number above 0",
    ),
]


class Sideways(keras.layers.GRUCell):
    """A cell whose output is not its state."""

    def __init__(self, units):
        super().__init__(units)
        self.output_size = units + 1


def built_before():
    layer = gru_tf.GRU(2)
    layer.build((None, None, 4))
    return layer


def cell_step(states, memory):
    cell = AttentionCell(keras.layers.GRUCell(UNITS))
    cell.build((BATCH, INPUT), memory_shape=(BATCH, READ, WIDTH))
    return cell(data()[0][:, 0], [np.zeros((states, UNITS))], cell.remember(data()[1][:memory]))


def made():
    return randomised(AttentionDecoder(gru_tf.LSTM(UNITS)))


@pytest.mark.parametrize(("ask", "words"), REFUSED, ids=[words[:50] for _, words in REFUSED])
def test_refused_in_words(ask, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        ask()


# ------------------------------------------------------------------------------------------------------------ decoding

VOCABULARY, LONGEST, BEGIN = 4, 3, 3


class Writer:
    """A decoder over a vocabulary of four, END 0, with random weights; `step` is what decoding asks for."""

    def __init__(self, seed=0, scale=1.5, **options):
        self.embedding, self.head = keras.layers.Embedding(VOCABULARY, INPUT), keras.layers.Dense(VOCABULARY)
        self.decoder = randomised(AttentionDecoder(gru_tf.GRU(UNITS), **options), seed, scale)
        rng = np.random.default_rng(seed)
        self.memory = rng.normal(size=(BATCH, READ, WIDTH)).astype("float32")
        for layer, width in ((self.embedding, None), (self.head, UNITS)):
            layer.build((None, width))
            layer.set_weights([rng.normal(scale=scale, size=w.shape) for w in layer.weights])
        self.mask = tf.constant(REAL_READ)

    def step(self, tokens, states, memory):
        attended, states = self.decoder.step(self.embedding(tokens), states, memory)
        return self.head(attended), states

    def start(self):
        return self.decoder.get_initial_state(BATCH), self.decoder.remember(self.memory, self.mask)

    def logp(self, words):
        """Log-probabilities of what follows these words in each row, by the layer over all steps, float64."""
        x = self.embedding(np.array([[BEGIN, *words]] * BATCH))
        logits = np.array(self.head(self.decoder(x, self.memory, memory_mask=self.mask))[:, -1], "float64")
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


@pytest.mark.parametrize("options", [{}, {"input_feeding": True, "score": "additive"}, {"attend_first": True}])
def test_greedy_decoding_is_argmax_by_hand(options):
    writer = Writer(**options)
    written = np.array(decoding.greedy(writer.step, *writer.start(), LONGEST, begin=BEGIN))
    for row in range(BATCH):
        words = []
        while len(words) < LONGEST and 0 not in words:
            words.append(int(writer.logp(words)[row].argmax()))
        assert written[row].tolist() == [*words, *[0] * (LONGEST - len(words))]
    assert len(np.unique(written, axis=0)) > 1, "the same answer to everything that is read"


def every_sequence():
    words = range(1, VOCABULARY)
    for n in range(LONGEST):
        yield from ((*before, 0) for before in itertools.product(words, repeat=n))
    yield from itertools.product(words, repeat=LONGEST)


def test_a_wide_beam_finds_the_best_of_all_sequences():
    writer, alpha = Writer(seed=2, input_feeding=True), 1.0
    written, scores = decoding.beam(writer.step, *writer.start(), LONGEST, VOCABULARY**LONGEST, alpha, begin=BEGIN)
    prefixes = {words[:n] for words in every_sequence() for n in range(len(words))}
    logp = {words: writer.logp(words) for words in prefixes}
    for row in range(BATCH):

        def score(words, row=row):
            return sum(logp[words[:n]][row, word] for n, word in enumerate(words)) / ((5 + len(words)) / 6) ** alpha

        best = max(every_sequence(), key=score)
        assert np.array(written)[row].tolist() == [*best, *[0] * (LONGEST - len(best))]
        assert float(scores[row]) == pytest.approx(score(best), rel=1e-5)


def fixed(logits):
    """A step with the same logits always, of one row for each draw."""
    return lambda tokens, states, memory: (ops.zeros_like(states[0]) + logits, states)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_tokens_are_drawn_with_their_probabilities(temperature):
    logits, rows, steps = np.array([-9e9, 0.3, 1.0, -1.2, -np.inf], "float32"), 4000, 3
    states = [np.zeros((rows, 5), "float32")]
    drawn = np.array(decoding.sample(fixed(logits), states, [], steps, temperature=temperature, seed=3))
    expected = np.exp(logits.astype("float64") / temperature)
    expected /= expected.sum()
    for t in range(steps):
        counts = np.bincount(drawn[:, t], minlength=5)
        assert counts[0] == counts[4] == 0
        chi_square = ((counts - rows * expected)[1:4] ** 2 / (rows * expected)[1:4]).sum()
        assert chi_square < 13.8  # 0.999 of two degrees of freedom
    both = [np.corrcoef(drawn[:, i] == 2, drawn[:, j] == 2)[0, 1] for i, j in ((0, 1), (1, 2))]
    assert np.abs(both).max() < 0.06, "one number for several steps"


def test_states_of_any_shape_and_type_are_carried():
    """Of one number a row, of images, and wider than what the network computes in."""
    logits = np.array([[0.0, 1.0, 3.0, 2.0], [5.0, 0.0, 0.0, 0.0], [0.0, 4.0, 0.0, 0.0], [0.0] * 3 + [9.0]], "float32")

    def step(tokens, states, memory):
        return ops.take(logits, tokens, axis=0), [states[0] + 1, ops.cast(states[1], "float16") + 1]

    for shape in ((2,), (2, 3, 2)):
        states = [np.zeros(shape, "int32"), np.zeros((2, 1), "float32")]
        for graph in (False, True):
            run = tf.function(decoding.greedy) if graph else decoding.greedy
            assert np.array(run(step, states, [], 3, begin=3)).tolist() == [[3, 3, 3]] * 2
            written, _ = (tf.function(decoding.beam) if graph else decoding.beam)(step, states, [], 3, 2, begin=0)
            assert np.array(written).tolist() == [[2, 1, 0]] * 2
    assert np.array(decoding.sample(step, states, [], 2, begin=0, temperature=1e-30)).tolist() == [[2, 1]] * 2


def test_a_seed_draws_the_same_and_a_low_temperature_is_greedy():
    writer = Writer(input_feeding=True)

    def drawn(**options):
        return np.array(decoding.sample(writer.step, *writer.start(), 20, begin=BEGIN, **options)).tolist()

    assert drawn(seed=1) == drawn(seed=1)
    generator = keras.random.SeedGenerator(5)
    assert len({str(drawn(seed=seed)) for seed in (1, 2, generator, generator)}) == 4
    assert (
        drawn(seed=1, temperature=1e-4) == np.array(decoding.greedy(writer.step, *writer.start(), 20, begin=BEGIN)).tolist()
    )


# -------------------------------------------------------------------------------------------------------- other backends

ELSEWHERE = """
import sys
from pathlib import Path
import gru_tf, keras, numpy as np
from gru_tf import decoding
from keras import ops
assert keras.backend.backend() == sys.argv[2]
folder, x = Path(sys.argv[1]), np.load(Path(sys.argv[1], "x.npz"))
for file in sorted(folder.glob("*.keras")):
    model, right = keras.saving.load_model(file), np.load(file.with_suffix(".npz"))
    decoder = model.get_layer("decoder")
    mask = ops.convert_to_tensor(x["mask"])
    named = {"memory_mask": mask, "sequences_mask": ops.convert_to_tensor(x["written"])}
    for actual, expected in zip(decoder(x["x"], x["memory"], **named), [right[f"arr_{i}"] for i in range(len(right))]):
        np.testing.assert_allclose(ops.convert_to_numpy(actual), expected, rtol=0, atol=1e-5, err_msg=file.stem)
    table = ops.convert_to_tensor(x["table"])
    def step(tokens, states, memory):
        attended, _, states = decoder.step(ops.take(table, tokens, axis=0), states, memory)
        return attended, states
    start = decoder.get_initial_state(3), decoder.remember(ops.convert_to_tensor(x["memory"]), mask)
    written = ops.convert_to_numpy(decoding.greedy(step, *start, 4, end=2))
    assert np.array_equal(written, ops.convert_to_numpy(decoding.beam(step, *start, 4, 1, end=2)[0]))
    assert ops.convert_to_numpy(decoding.sample(step, *start, 4, end=2, seed=1)).shape == (3, 4)
    layer = gru_tf.GRU(3, dropout=0.2, recurrent_dropout=0.2, zoneout=0.1)
    trained = gru_tf.AttentionDecoder(layer, input_feeding=file.stem == "1", attend_first=file.stem == "2")
    inputs = keras.Input((None, 2)), keras.Input((None, 3))
    model = keras.Model(inputs, trained(*inputs))
    model.compile("adam", "mse")
    losses = model.fit([x["x"], x["memory"]], np.zeros((3, 4, 3)), epochs=3, verbose=0).history["loss"]
    assert np.isfinite(losses).all() and losses[0] != losses[1]
    print("same", file.stem)
"""
FORMS_ELSEWHERE = [{}, {"input_feeding": True, "score": "additive"}, {"attend_first": True, "score": "dot"}]
BACKENDS = {"jax": pytest.mark.slow, "torch": pytest.mark.torch}


@pytest.mark.parametrize("backend", [pytest.param(name, marks=mark) for name, mark in BACKENDS.items()])
def test_same_numbers_on_another_backend(backend, tmp_path):
    apart = ROOT / ".jax"
    if not (find_spec(backend) or (apart / backend).is_dir()):
        pytest.skip(f"{backend} is not installed")
    x, memory = data(dtype="float32")
    table = np.random.default_rng(0).normal(size=(UNITS, INPUT)).astype("float32")
    np.savez(tmp_path / "x.npz", x=x, memory=memory, mask=REAL_READ, written=REAL_WRITTEN, table=table)
    for n, options in enumerate(FORMS_ELSEWHERE):
        inputs = keras.Input((None, INPUT)), keras.Input((None, WIDTH))
        decoder = AttentionDecoder([gru_tf.LSTM(4), gru_tf.GRU(UNITS)], name="decoder", **options, **EVERY)
        model = keras.Model(inputs, decoder(*inputs))
        randomised(decoder)
        model.save(tmp_path / f"{n}.keras")
        masks = {"sequences_mask": tf.constant(REAL_WRITTEN), "memory_mask": tf.constant(REAL_READ)}
        np.savez(tmp_path / f"{n}.npz", *map(np.array, decoder(x, memory, **masks)))
    path = os.pathsep.join([str(ROOT), *sys.path[1:], str(apart)])
    command = [sys.executable, "-c", ELSEWHERE, str(tmp_path), backend]
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("same") == len(FORMS_ELSEWHERE)
