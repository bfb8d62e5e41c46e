"""Options of the LSTM and the GRU: peepholes, projection, chronological initial values."""

import keras
import numpy as np
import pytest
from keras import ops

import gru_tf
from gru_tf.recurrent import gates
from gru_tf.recurrent.cells import CELLS

BATCH, STEPS, FEATURES, UNITS, WIDTH = 3, 6, 4, 5, 2
CLOSE = {"rtol": 0, "atol": 1e-10}


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def weighted(layer, seed=1):
    """The layer, built, with random weights, and these by name."""
    layer.build((BATCH, STEPS, FEATURES))
    rng = np.random.default_rng(seed)
    weights = {w.name: rng.normal(size=w.shape) for w in layer.weights}
    layer.set_weights(list(weights.values()))
    return layer, weights


def sequence():
    return np.random.default_rng(2).normal(size=(BATCH, STEPS, FEATURES))


def by_equations(w, x, peepholes, projection):
    """Every output, by Graves 2013, eqs. 7 to 11, and Sak et al. 2014, eq. 6, unit by unit where it is a diagonal."""
    h, c, outputs = np.zeros((BATCH, projection or UNITS)), np.zeros((BATCH, UNITS)), []
    p = w["peephole_kernel"] if peepholes else np.zeros((3, UNITS))
    blocks = {gate: slice(n * UNITS, (n + 1) * UNITS) for n, gate in enumerate("ifco")}
    for t in range(STEPS):
        a = {g: x[:, t] @ w["kernel"][:, b] + h @ w["recurrent_kernel"][:, b] + w["bias"][b] for g, b in blocks.items()}
        i = sigmoid(a["i"] + c @ np.diag(p[0]))
        f = sigmoid(a["f"] + c @ np.diag(p[1]))
        c = f * c + i * np.tanh(a["c"])
        h = sigmoid(a["o"] + c @ np.diag(p[2])) * np.tanh(c)
        h = h @ w["projection_kernel"] if projection else h
        outputs.append(h)
    return np.stack(outputs, axis=1), h, c


@pytest.mark.parametrize("peepholes", [False, True])
@pytest.mark.parametrize("projection", [None, WIDTH, UNITS + 1])
def test_the_layer_computes_the_equations(peepholes, projection):
    options = {"peepholes": peepholes, "projection": projection, "return_sequences": True, "return_state": True}
    layer, weights = weighted(gru_tf.LSTM(UNITS, dtype="float64", **options))
    results = layer(sequence())
    for own, expected in zip(results, by_equations(weights, sequence(), peepholes, projection), strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(own), expected, **CLOSE)
    assert layer.compute_output_shape((BATCH, STEPS, FEATURES)) == tuple(tuple(each.shape) for each in results)
    again = type(layer).from_config(layer.get_config())
    again.build((BATCH, STEPS, FEATURES))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(sequence())[0], results[0])


@pytest.mark.torch
def test_a_projected_layer_is_pytorch_s():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.LSTM(FEATURES, UNITS, proj_size=WIDTH, batch_first=True, dtype=torch.float64)
    own = gru_tf.LSTM(UNITS, projection=WIDTH, return_sequences=True, dtype="float64")
    own.build((BATCH, STEPS, FEATURES))
    w = {name: tensor.detach().numpy() for name, tensor in theirs.named_parameters()}
    bias = w["bias_ih_l0"] + w["bias_hh_l0"]
    own.set_weights([w["weight_ih_l0"].T, w["weight_hh_l0"].T, bias, w["weight_hr_l0"].T])  # both in the order i, f, c, o
    expected = theirs(torch.from_numpy(sequence()))[0].detach().numpy()
    np.testing.assert_allclose(own(sequence()), expected, **CLOSE)


@pytest.mark.parametrize("options", [{"peepholes": True}, {"projection": WIDTH}])
def test_no_kernel_computes_them_and_the_words_say_so(options):
    ((name, value),) = options.items()
    path = gru_tf.LSTM(UNITS, **options).kernel_path(gpu=True)
    assert path.name.endswith("while-loop")
    assert path.why_not_cudnn == f"{name}={value}, cuDNN has none"
    assert (
        f"{name}={value}, the fused kernels have none" == gru_tf.LSTM(UNITS, **options).kernel_path(gpu=False).why_not_fused
    )


def test_new_weights_have_values_of_their_own():
    """An initializer without a seed gives the same numbers each time it is called."""
    cell = gru_tf.LSTMCell(UNITS, peepholes=True, projection=3, kernel_initializer="random_normal")
    cell.build((None, 3))
    kernel, peephole, projection = cell.kernel.numpy(), cell.peephole_kernel.numpy(), cell.projection_kernel.numpy()
    assert np.abs(kernel.ravel()[: peephole.size] - peephole.ravel()).min() > 0
    assert not np.array_equal(peephole.ravel(), projection.ravel())


def test_weights_that_a_plain_layout_has_no_place_for_are_refused():
    for options, extra in (({"peepholes": True}, "peephole_kernel"), ({"projection": 2}, "projection_kernel")):
        layer, _ = weighted(gru_tf.LSTM(UNITS, **options))
        with pytest.raises(ValueError, match=f"expected a cell with the weights of a plain lstm alone. Received: {extra}"):
            gates.from_layer(layer)
    layer, _ = weighted(gru_tf.RNN(gru_tf.LayerNormGRUCell(UNITS)))
    with pytest.raises(ValueError, match="the weights of a plain gru alone. Received: input_gain, state_gain"):
        gates.from_layer(layer)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"peepholes": 1}, "`peepholes` to be True or False. Received: peepholes=1"),
        ({"projection": 0}, "`projection` to be None or a whole number from 1 to 1,000,000. Received: projection=0"),
        ({"projection": True}, "`projection` to be None or a whole number"),
        ({"longest": 2}, "`longest` to be None or a whole number from 3 to 1,000,000. Received: longest=2"),
        ({"longest": 9, "use_bias": False}, "`longest` to be None with use_bias=False. Received: longest=9"),
    ],
)
def test_what_is_refused(options, expected):
    with pytest.raises(ValueError, match=f"^LSTMCell: expected {expected}"):
        gru_tf.LSTM(UNITS, **options)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_stack_has_the_widths_of_its_cells(bidirectional):
    options = {"projection": WIDTH, "peepholes": True}
    stack = gru_tf.RecurrentStack(
        "lstm", [UNITS, UNITS], options, bidirectional=bidirectional, residual=True, layer_norm=True, return_state=True
    )
    x = sequence().astype("float32")
    mask = np.arange(STEPS) < np.array([[2], [STEPS], [4]])
    out, *states = stack(x, mask=mask)
    width = WIDTH * (1 + bidirectional)
    assert out.shape == (BATCH, width)
    assert [state.shape[1] for state in states] == [WIDTH, UNITS] * 2 * (1 + bidirectional)
    assert [tuple(s) for s in stack.compute_output_shape(x.shape)] == [tuple(each.shape) for each in (out, *states)]
    again = stack(x, mask=mask, initial_state=[ops.zeros_like(state) for state in states])
    np.testing.assert_allclose(again[0], out, rtol=0, atol=1e-6)


# --- chronological initial values ---


def initial_bias(layer):
    layer.build((None, STEPS, FEATURES))
    return ops.convert_to_numpy(layer.cell.bias)


def uniform(lengths, longest):
    """Whether the numbers look like draws of U(1, longest − 1): Kolmogorov and Smirnov's distance, 1.95 / √n at 0.1 %."""
    lengths = np.sort(lengths)
    expected = (lengths - 1) / (longest - 2)
    return np.abs(expected - np.arange(len(lengths)) / len(lengths)).max() < 1.95 / len(lengths) ** 0.5


def test_an_lstm_begins_with_memories_of_all_lengths():
    keras.utils.set_random_seed(1)
    i, f, c, o = np.split(initial_bias(gru_tf.LSTM(400, longest=50)), 4)
    np.testing.assert_array_equal(i, -f)
    assert uniform(np.exp(f), 50)
    assert not uniform(np.exp(f), 100)
    assert not c.any()
    assert not o.any()


@pytest.mark.parametrize("convention", ["keep", "write"])
@pytest.mark.parametrize("reset_after", [True, False])
def test_a_gru_begins_with_memories_of_all_lengths(convention, reset_after):
    keras.utils.set_random_seed(1)
    bias = initial_bias(gru_tf.GRU(400, longest=50, convention=convention, reset_after=reset_after))
    assert bias.shape == ((2, 1200) if reset_after else (1200,))
    first, rest = (bias[0], bias[1]) if reset_after else (bias, np.zeros(1))
    assert not rest.any()
    assert not first[400:].any()
    sign = 1 if convention == "keep" else -1
    assert uniform(np.exp(sign * first[:400]), 50)


def test_both_conventions_keep_the_same_share_at_the_start():
    shares = []
    for convention in ("keep", "write"):
        keras.utils.set_random_seed(2)
        spec, options = CELLS.find("gru"), {"convention": convention, "longest": 30}
        cell = spec.build(UNITS, **options)
        cell.build((None, FEATURES))
        weights = {w.name: ops.convert_to_numpy(w).astype("float64") for w in cell.weights}
        zeros = np.zeros((1, FEATURES)), [np.zeros((1, UNITS))]
        shares.append(spec.kept_share(spec.values(*zeros, weights, options), options))
    np.testing.assert_allclose(*shares, rtol=0, atol=1e-7)
    assert ((shares[0] > 0.5) & (shares[0] < 1)).all(), "u / (1 + u) with u above 1"


@pytest.mark.parametrize("layer", [gru_tf.GRU, gru_tf.LSTM])
def test_initial_values_leave_the_path_and_are_in_the_configuration(layer):
    assert layer(UNITS, longest=9).kernel_path() == layer(UNITS).kernel_path()
    assert layer.from_config(layer(UNITS, longest=9).get_config()).cell.longest == 9
    assert "longest" not in layer(UNITS).get_config()
