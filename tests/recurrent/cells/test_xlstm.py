"""sLSTM and mLSTM: the paper's equations without a stabiliser, numbers out of range, and the mLSTM chunk by chunk."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import gru_tf
from gru_tf.recurrent.cells import CELLS, _exponential
from gru_tf.recurrent.layers import chunked_mlstm
from gru_tf.recurrent.layers.chunked_mlstm import ChunkedMLSTM
from gru_tf.recurrent.sigmoid import sigmoid

BATCH, STEPS, FEATURES, UNITS = 3, 7, 2, 4
FORGETS = {"sigmoid": sigmoid, "exp": np.exp}
CELL_CLASSES = {"slstm": gru_tf.SLSTMCell, "mlstm": gru_tf.MLSTMCell}
both = pytest.mark.parametrize("name", CELL_CLASSES)
every_form = pytest.mark.parametrize(("forget", "heads"), [("sigmoid", 1), ("sigmoid", 2), ("exp", 2)])


def sequence(steps=STEPS):
    return np.random.default_rng(1).normal(size=(BATCH, steps, FEATURES))


def weighted(layer, seed=3, scale=0.7, steps=STEPS):
    """The layer, built, with random weights."""
    layer.build((BATCH, steps, FEATURES))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(scale=scale, size=w.shape) for w in layer.weights])
    return layer


def over(name, kind=gru_tf.RNN, dtype="float64", seed=3, scale=0.7, cell=None, **options):
    """A layer of random weights over the cell."""
    cell = CELL_CLASSES[name](UNITS, dtype=dtype, **(cell or {}))
    return weighted(kind(cell, dtype=dtype, **options), seed, scale)


# --- the equations without a stabiliser, in NumPy float64 ---


def slstm_of_the_paper(x, weights, forget, heads):
    """Equations 8 to 14 over x (batch, T, I) from an empty memory; returns h at all steps."""
    kernel, recurrent, bias = weights
    d = UNITS // heads
    whole = np.zeros((UNITS, 4, UNITS))  # the block-diagonal matrices
    for a in range(heads):
        at = slice(a * d, (a + 1) * d)
        whole[at, :, at] = recurrent[at].reshape(d, 4, d)
    h = c = n = np.zeros((len(x), UNITS))
    outputs = []
    for x_t in np.swapaxes(x, 0, 1):
        a_i, a_f, a_z, a_o = np.split(x_t @ kernel + bias + h @ whole.reshape(UNITS, -1), 4, axis=-1)
        i, f = np.exp(a_i), FORGETS[forget](a_f)
        c, n = f * c + i * np.tanh(a_z), f * n + i
        h = sigmoid(a_o) * c / n
        outputs.append(h)
    return np.stack(outputs, axis=1)


def mlstm_of_the_paper(x, weights, forget, heads):
    """Equations 19 to 27, row by row and head by head."""
    kernel, bias = weights
    d = UNITS // heads
    outputs = np.zeros((*x.shape[:2], UNITS))
    for row, steps in enumerate(x):
        for head in range(heads):
            at, c, n = slice(head * d, (head + 1) * d), np.zeros((d, d)), np.zeros(d)
            for t, x_t in enumerate(steps):
                a = x_t @ kernel + bias
                q, k, v, a_o = (block[at] for block in np.split(a[: 4 * UNITS], 4))
                i, f = np.exp(a[4 * UNITS + head]), FORGETS[forget](a[4 * UNITS + heads + head])
                c, n = f * c + i * np.outer(v, k / np.sqrt(d)), f * n + i * k / np.sqrt(d)
                outputs[row, t, at] = sigmoid(a_o) * (c @ q) / max(abs(n @ q), 1)
    return outputs


PAPER = {"slstm": slstm_of_the_paper, "mlstm": mlstm_of_the_paper}


@both
@every_form
def test_with_a_stabiliser_the_outputs_are_those_without(name, forget, heads):
    layer = over(name, cell={"forget": forget, "heads": heads}, return_sequences=True)
    expected = PAPER[name](sequence(), layer.get_weights(), forget, heads)
    np.testing.assert_allclose(layer(sequence()), expected, rtol=0, atol=1e-12)
    other = PAPER[name](sequence(), layer.get_weights(), "exp" if forget == "sigmoid" else "sigmoid", heads)
    assert np.abs(layer(sequence()) - other).max() > 1e-2


def test_one_step_of_slstm_by_hand():
    """x = 1 with weights ln 2, ln 3, 0.5, 0 of i, f = exp, z, o; before it c = 1, n = 2 in the measure m = 0.

    c = 3·1 + 2·tanh 0.5 = 3.924234,  n = 3·2 + 2 = 8,  h = ½·c/n = 0.245265;  m = max(ln 3 + 0, ln 2) = ln 3
    """
    cell = gru_tf.SLSTMCell(1, forget="exp")
    cell.build((None, 1))
    cell.set_weights([np.array([[np.log(2), np.log(3), 0.5, 0]]), np.zeros((1, 4)), np.zeros(4)])
    h, (_, c, n, m) = cell(tf.constant([[1.0]]), [tf.constant([[value]]) for value in (0.0, 1.0, 2.0, 0.0)])
    np.testing.assert_allclose([h, c, n, m], np.reshape([0.245265, 3.924234 / 3, 8 / 3, np.log(3)], (4, 1, 1)), atol=1e-6)


def test_one_step_of_mlstm_by_hand():
    """x = 1; q = 2, k = 3, v = 5, o = ½, i = 2, f = σ(0) = ½; before it C = 4, n = 1 in the measure m = 0.

    C = ½·4 + 2·5·3 = 32,  n = ½·1 + 2·3 = 6.5,  h = ½·32·2 / max(6.5·2, 1) = 2.461538;  m = max(ln ½, ln 2) = ln 2
    """
    cell = gru_tf.MLSTMCell(1)
    cell.build((None, 1))
    cell.set_weights([np.array([[2, 3, 5, 0, np.log(2), 0]]), np.zeros(6)])
    h, (_, c, n, m) = cell(tf.constant([[1.0]]), [tf.constant([[value]]) for value in (0.0, 4.0, 1.0, 0.0)])
    np.testing.assert_allclose([h, c, n, m], np.reshape([2.461538, 16, 3.25, np.log(2)], (4, 1, 1)), atol=1e-6)


# --- what m is: a measure, which the output does not show ---


@both
def test_in_an_empty_memory_m_does_not_matter(name):
    layer = over(name, return_sequences=True)
    states = layer.get_initial_state(BATCH)
    assert all(not np.any(state) for state in states)
    for m in (-500.0, 3.0, 500.0):
        outputs = layer(sequence(), initial_state=[*states[:3], states[3] + m])
        np.testing.assert_allclose(outputs, layer(sequence()), rtol=0, atol=1e-14)


@both
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("a_i", [-300.0, 300.0])
@pytest.mark.parametrize("a_f", [-300.0, 300.0])
def test_gates_out_of_range_leave_numbers_and_gradients_finite_and_right(name, dtype, a_i, a_f):
    """Where i is constant an sLSTM does not see it; an mLSTM reads nothing with i = 0, and with i = ∞ a mean of values."""
    layer = over(name, dtype=dtype, return_sequences=True, cell={"forget": "sigmoid"})
    kernel, *recurrent, bias = layer.get_weights()
    widths = np.repeat(layer.cell.gates, layer.cell.widths)
    for gate, value in (("i", a_i), ("f", a_f)):
        kernel[:, widths == gate], bias[widths == gate] = 0, value
    layer.set_weights([kernel, *(0 * r for r in recurrent), bias])
    x = tf.constant(sequence(), dtype)
    with tf.GradientTape() as tape:
        outputs = layer(x)
        loss = tf.reduce_sum(outputs**2)
    assert all(np.isfinite(gradient).all() for gradient in tape.gradient(loss, layer.trainable_weights))
    a = np.array(x, "float64") @ kernel + bias
    blocks = {gate: a[..., widths == gate] for gate in layer.cell.gates}
    kept = np.tril(np.ones((STEPS, STEPS))) if a_f > 0 else np.eye(STEPS)  # what is in the memory at each step
    if name == "slstm":
        expected = sigmoid(blocks["o"]) * np.einsum("ts,bsh->bth", kept, np.tanh(blocks["c"])) / kept.sum(axis=1)[:, None]
    else:
        scores = kept * np.einsum("bth,bsh->bts", blocks["q"], blocks["k"]) / np.sqrt(UNITS)
        read = np.einsum("bts,bsh->bth", scores, blocks["v"]) / np.abs(scores.sum(axis=-1, keepdims=True))
        expected = sigmoid(blocks["o"]) * read if a_i > 0 else np.zeros_like(read)
    largest = np.abs(expected).max()
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=max(1, largest**2) * (1e-5 if dtype == "float32" else 1e-11))


def test_an_input_far_below_an_empty_memorys_m_is_not_lost():
    """In float32 exp(−300) is zero, and c / n would be 0 / 0, if m were max(log f + 0, −300)."""
    layer = over("slstm", dtype="float32", scale=0.0)
    kernel, recurrent, bias = layer.get_weights()
    bias[:UNITS], bias[2 * UNITS : 3 * UNITS] = -300, 0.5
    layer.set_weights([kernel, recurrent, bias])
    np.testing.assert_allclose(layer(sequence()[:, :1]), np.full((BATCH, UNITS), 0.5 * np.tanh(0.5)), atol=1e-7)


def test_the_bias_of_an_slstms_input_gate_weighs_all_alike():
    layer = over("slstm", return_sequences=True)
    before = layer(sequence())
    kernel, recurrent, bias = layer.get_weights()
    layer.set_weights([kernel, recurrent, bias + np.repeat([7.0, 0, 0, 0], UNITS)])
    np.testing.assert_allclose(layer(sequence()), before, rtol=0, atol=1e-14)


# --- gradients ---


def slopes(layer, x, states):
    """The gradients of a sum over the outputs with regard to weights and initial states."""
    with tf.GradientTape() as tape:
        tape.watch(states)
        loss = tf.reduce_sum(tf.sin(layer(x, initial_state=states)))
    wanted = [*layer.trainable_weights, *states]
    return tape.gradient(loss, wanted, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def start(name, heads):
    """A memory in which something is stored."""
    sizes = CELLS.find(name).state_sizes(UNITS, {"heads": heads})
    states = [np.random.default_rng([2, at]).normal(size=(BATCH, size)) for at, size in enumerate(sizes)]
    return [tf.constant(np.abs(state) + 0.5 if at == 2 else state) for at, state in enumerate(states)]


@both
@pytest.mark.parametrize("forget", FORGETS)
def test_gradients_are_central_differences(name, forget):
    """Of fourth order, (8·(f₁ − f₋₁) − (f₂ − f₋₂)) / 12ε: an mLSTM's quotients bend."""
    layer, states = over(name, cell={"forget": forget, "heads": 2}, return_sequences=True), start(name, 2)
    x, epsilon, rng = tf.constant(sequence(4)), 1e-4, np.random.default_rng(4)
    actual, weights = slopes(layer, x, states), layer.get_weights()
    loss = tf.function(lambda states: tf.reduce_sum(tf.sin(layer(x, initial_state=states))))
    for at, (value, gradient) in enumerate(zip([*weights, *states], actual, strict=True)):
        for place in rng.choice(np.size(value), min(4, np.size(value)), replace=False):
            by_step = {}
            for steps in (-2, -1, 1, 2):
                values = [np.array(v) for v in (*weights, *states)]
                values[at].flat[place] += steps * epsilon
                layer.set_weights(values[: len(weights)])
                by_step[steps] = float(loss([tf.constant(v) for v in values[len(weights) :]]))
            slope = (8 * (by_step[1] - by_step[-1]) - (by_step[2] - by_step[-2])) / (12 * epsilon)
            assert np.array(gradient).flat[place] == pytest.approx(slope, abs=1e-8), (at, place)


@both
def test_the_outputs_gradient_is_the_same_where_m_counts_as_a_constant(name, monkeypatch):
    states = [*start(name, 2)[:3], tf.zeros_like(start(name, 2)[3])]
    expected = slopes(over(name, cell={"heads": 2}, return_sequences=True), tf.constant(sequence()), states)
    with_gradient = _exponential.stabilised

    def without(a_i, log_f, m, empty, state_dtype):
        new = ops.stop_gradient(with_gradient(a_i, log_f, m, empty, state_dtype)[2])
        return ops.exp(a_i - new), ops.exp(log_f + m - new), new

    monkeypatch.setattr(f"gru_tf.recurrent.cells.{name}.stabilised", without)
    actual = slopes(over(name, cell={"heads": 2}, return_sequences=True), tf.constant(sequence()), states)
    for one, other in zip(actual[:-1], expected[:-1], strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


# --- arguments ---

REFUSED = [
    ({"heads": 3}, "expected `heads` to be a divisor of units=4. Received: heads=3"),
    ({"heads": True}, "expected `heads` to be a divisor of units=4. Received: heads=True"),
    ({"forget": "tanh"}, "expected `forget` to be 'sigmoid' or 'exp'. Received: forget='tanh'"),
    ({"zoneout": 0.1}, "expected `zoneout` to be left out, as "),
]


@both
@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_what_a_cell_cannot_do_is_refused(name, options, message):
    with pytest.raises(ValueError, match=f"^{CELL_CLASSES[name].__name__}: ") as refused:
        CELL_CLASSES[name](UNITS, **options)
    assert message in str(refused.value)


def test_with_a_mask_for_each_gate_each_block_has_its_own():
    cell = weighted(gru_tf.RNN(gru_tf.MLSTMCell(UNITS, dropout=0.5, implementation=1, seed=5, use_bias=False))).cell
    x, kernel = sequence()[:, 0].astype("float32"), np.array(cell.kernel)
    masks = [np.array(mask) for mask in cell.input_masks(tf.constant(x), True)]
    blocks = np.split(kernel, np.cumsum(cell.widths)[:-1], axis=-1)
    expected = np.concatenate([x * mask @ block for mask, block in zip(masks, blocks, strict=True)], axis=-1)
    np.testing.assert_allclose(cell.from_input(tf.constant(x), training=True), expected, rtol=0, atol=1e-6)
    assert len({mask.tobytes() for mask in masks}) > 1


@both
def test_forget_gates_begin_at_3_to_6(name):
    cells = [CELL_CLASSES[name](UNITS, heads=2, forget=forget) for forget in FORGETS]
    for cell, forget in zip(cells, FORGETS, strict=True):
        cell.build((None, FEATURES))
        by_gate = np.repeat(cell.gates, cell.widths)
        bias = np.array(cell.bias)
        expected = {"slstm": [3, 6, 3, 6], "mlstm": [3, 6]}[name]
        np.testing.assert_allclose(bias[by_gate == "f"], expected if forget == "sigmoid" else np.zeros(len(expected)))
        assert not bias[by_gate != "f"].any()


@pytest.mark.parametrize("rate", [{"recurrent_dropout": 0.5}, {"weight_dropout": 0.5}, {"dropout": 0.5}])
def test_what_is_dropped_of_heads_is_dropped_by_unit_and_gate(rate):
    """With heads of one unit the recurrent kernel is a diagonal, and the masked products can be written out."""
    cell = gru_tf.SLSTMCell(UNITS, heads=UNITS, seed=5, dtype="float64", **rate)
    weighted_cell = weighted(gru_tf.RNN(cell, dtype="float64")).cell
    h, x = np.random.default_rng(6).normal(size=(BATCH, UNITS)), sequence()[:, 0]
    dropped = np.array(weighted_cell.from_state(tf.constant(h), training=True))
    kernel, masks = np.array(weighted_cell.state_kernel(True)), weighted_cell.state_masks(tf.constant(h), True)
    masks = [np.array(mask) for mask in masks] or [np.ones_like(h)] * 4
    expected = np.concatenate([h * masks[gate] * kernel[:, gate] for gate in range(4)], axis=-1)
    np.testing.assert_allclose(dropped, expected, rtol=0, atol=1e-14)
    plain = np.array(weighted_cell.from_state(tf.constant(h)))
    assert np.any(dropped != plain) == ("dropout" not in rate)
    assert np.any(weighted_cell.from_input(x, training=True) != weighted_cell.from_input(x)) == ("dropout" in rate)


# --- chunk by chunk ---

MASKS = {
    "none": None,
    "right-padded": np.arange(STEPS) < np.array([1, 3, STEPS])[:, None],
    "left-padded": np.arange(STEPS) >= np.array([1, 5, STEPS - 1])[:, None],
    "gaps and an empty row": np.array([[1, 0, 1, 1, 0, 0, 1], [0, 0, 1, 0, 0, 1, 0], [0] * 7], bool),
}
STARTS = {"zero": None, "full": start("mlstm", 2), "without keys": [s * (at != 2) for at, s in enumerate(start("mlstm", 2))]}
OPTIONS = [
    {"return_sequences": True},
    {"return_sequences": True, "go_backwards": True},
    {"return_sequences": True, "zero_output_for_mask": True},
    {},
]


@pytest.fixture
def short(monkeypatch):
    """Chunks of up to three steps."""
    monkeypatch.setattr(chunked_mlstm, "CHUNK", 3)


def chunked_and_stepwise(cell=None, **options):
    return [over("mlstm", kind, cell={"heads": 2, **(cell or {})}, **options) for kind in (ChunkedMLSTM, gru_tf.RNN)]


def same(one, other, tolerance=1e-12):
    for a, b in zip(keras.tree.flatten(one), keras.tree.flatten(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "last")
@pytest.mark.parametrize("mask", MASKS)
def test_chunks_return_all_that_steps_return(options, mask, short):
    x = sequence()
    x[:, :2] = 0  # without a bias nothing is stored of them
    for cell in ({}, {"forget": "exp", "use_bias": False}):
        chunked, stepwise = chunked_and_stepwise(cell, return_state=True, **options)
        for states in STARTS.values():
            call = {"initial_state": states, "mask": None if MASKS[mask] is None else tf.constant(MASKS[mask])}
            same(chunked(x, **call), stepwise(x, **call))


def test_chunks_have_the_gradients_of_steps(short):
    chunked, stepwise = chunked_and_stepwise(return_sequences=True)
    x = tf.constant(sequence())
    for states in (start("mlstm", 2), list(chunked.get_initial_state(BATCH))):
        same(slopes(chunked, x, states), slopes(stepwise, x, states), 1e-11)


def test_more_chunks_than_are_written_out_and_steps_that_only_the_graph_knows(short, monkeypatch):
    chunked, stepwise = chunked_and_stepwise(return_sequences=True, return_state=True)
    unknown = tf.function(chunked, input_signature=[tf.TensorSpec((None, None, FEATURES), "float64")])
    same(unknown(sequence()), stepwise(sequence()))
    same(unknown(sequence(5)), stepwise(sequence(5)))
    monkeypatch.setattr(chunked_mlstm, "UNROLLED", 1)
    same(chunked(sequence()), stepwise(sequence()))


def test_chunks_drop_what_steps_drop_and_go_on_where_they_ended(short):
    chunked, stepwise = chunked_and_stepwise({"dropout": 0.4, "seed": 7}, return_sequences=True)
    same(chunked(sequence(), training=True), stepwise(sequence(), training=True))
    chunked, stepwise = chunked_and_stepwise(stateful=True)
    same([chunked(sequence()) for _ in range(2)], [stepwise(sequence()) for _ in range(2)])


@pytest.mark.parametrize(("dtype", "tolerance"), [("mixed_float16", 2e-2), ("mixed_bfloat16", 2e-1)])
def test_chunks_in_half_precision(dtype, tolerance, short):
    chunked, _ = chunked_and_stepwise(dtype=dtype, return_sequences=True)
    _, stepwise = chunked_and_stepwise(return_sequences=True)
    outputs = chunked(sequence())
    assert outputs.dtype == dtype.removeprefix("mixed_")
    same(tf.cast(outputs, "float64"), stepwise(sequence()), tolerance * max(1, np.abs(stepwise(sequence())).max() ** 2))


def test_chunks_are_of_an_mlstm_alone():
    with pytest.raises(ValueError, match=r"^ChunkedMLSTM: expected `cell` to be an MLSTMCell\. Received: cell=<GRUCell"):
        ChunkedMLSTM(gru_tf.GRUCell(3))
