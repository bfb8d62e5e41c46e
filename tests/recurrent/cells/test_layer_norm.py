"""Layer-normalised cells: the paper's equations written out, in NumPy and by PyTorch's function; where sources differ."""

import keras
import numpy as np
import pytest
from keras import ops

import gru_tf
from gru_tf.recurrent.cells import CELLS
from gru_tf.training import diagnostics

BATCH, FEATURES, UNITS = 4, 3, 5
CLOSE = {"rtol": 0, "atol": 1e-10}
CELL = {"gru": gru_tf.LayerNormGRUCell, "lstm": gru_tf.LayerNormLSTMCell, "rnn": gru_tf.LayerNormRNNCell}


def weighted(kind, seed=1, **options):
    """A float64 cell with random weights, and these by name."""
    cell = CELL[kind](UNITS, dtype="float64", **options)
    cell.build((None, FEATURES))
    rng = np.random.default_rng(seed)
    weights = {w.name: rng.normal(size=w.shape) for w in cell.weights}
    cell.set_weights(list(weights.values()))
    return cell, weights


def arrays(*sizes, seed=2):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(BATCH, size)) for size in sizes]


def numbers(values):
    return [ops.convert_to_numpy(value) for value in values]


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def ln(a, gain, epsilon=1e-5):
    """Of each row, one number after the other."""
    rows = []
    for row in a:
        mean = sum(row) / len(row)
        variance = sum((value - mean) ** 2 for value in row) / len(row)
        rows.append([(value - mean) / (variance + epsilon) ** 0.5 for value in row])
    return np.array(rows) * gain


def cut(a, ends):
    return np.split(a, ends, axis=-1)


def by_groups(a, gain, ends, norm=ln):
    """LN of each part between the ends, with its part of the gain."""
    return np.concatenate([norm(part, g) for part, g in zip(cut(a, ends), np.split(gain, ends), strict=True)], axis=-1)


def lstm(w, x, h, c, ends=(), norm=ln, carry=False):
    """Eqs. 20 to 22; blocks i, f, c, o."""
    of_state = by_groups(h @ w["recurrent_kernel"], w["state_gain"], list(ends), norm)
    of_input = by_groups(x @ w["kernel"], w["input_gain"], list(ends), norm)
    i, f, g, o = np.split(of_state + of_input + w["bias"], 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    read = norm(c, w["cell_gain"]) + w["cell_shift"]
    return [sigmoid(o) * np.tanh(read), read if carry else c]


def gru(w, x, h, ends=(2 * UNITS,), norm=ln, write=True):
    """The supplement's GRU, where z writes the candidate; blocks z, r, h."""
    of_input = by_groups(x @ w["kernel"], w["input_gain"], list(ends), norm) + w["bias"][0]
    of_state = by_groups(h @ w["recurrent_kernel"], w["state_gain"], list(ends), norm) + w["bias"][1]
    x_z, x_r, x_h = np.split(of_input, 3, axis=-1)
    h_z, h_r, h_h = np.split(of_state, 3, axis=-1)
    z = sigmoid(x_z + h_z)
    candidate = np.tanh(x_h + sigmoid(x_r + h_r) * h_h)
    return [(1 - z) * h + z * candidate] if write else [z * h + (1 - z) * candidate]


def rnn(w, x, h, norm=ln):
    """Eq. 4."""
    return [np.tanh(norm(x @ w["kernel"] + h @ w["recurrent_kernel"], w["gain"]) + w["bias"])]


GATES = [UNITS, 2 * UNITS, 3 * UNITS]
FORMS = [
    ("lstm", {}, lstm),
    ("lstm", {"statistics": "gate"}, lambda w, x, h, c, **o: lstm(w, x, h, c, GATES, **o)),
    ("lstm", {"carry_normalized": True}, lambda w, x, h, c, **o: lstm(w, x, h, c, carry=True, **o)),
    ("gru", {"convention": "write"}, lambda w, x, h, _, **o: gru(w, x, h, **o)),
    ("gru", {}, lambda w, x, h, _, **o: gru(w, x, h, write=False, **o)),
    ("gru", {"statistics": "gate"}, lambda w, x, h, _, **o: gru(w, x, h, GATES[:2], write=False, **o)),
    ("gru", {"statistics": "all"}, lambda w, x, h, _, **o: gru(w, x, h, (), write=False, **o)),
    ("rnn", {}, lambda w, x, h, _, **o: rnn(w, x, h, **o)),
]
every_form = pytest.mark.parametrize(("kind", "options", "equation"), FORMS, ids=[f"{k}{o or ''}" for k, o, _ in FORMS])


def one_step(cell, x, states):
    return numbers(cell(x, list(states))[1])


@every_form
def test_one_step_is_the_paper_s_equation(kind, options, equation):
    cell, weights = weighted(kind, **options)
    x, h, c = arrays(FEATURES, UNITS, UNITS)
    given = [h, c][: len(cell.states)]
    for own, expected in zip(one_step(cell, x, given), equation(weights, x, h, c), strict=True):
        np.testing.assert_allclose(own, expected, **CLOSE)


def test_the_forms_are_different_functions():
    x, h, c = arrays(FEATURES, UNITS, UNITS)
    for kind, epsilon in (("lstm", 1e-3), ("gru", 1e-3)):
        outputs = []
        for options in [{"epsilon": epsilon}, *(o for k, o, _ in FORMS if k == kind and "carry_normalized" not in o)]:
            cell, _ = weighted(kind, **options)
            outputs.append(one_step(cell, x, [h, c][: len(cell.states)])[0])
        for n, one in enumerate(outputs):
            assert all(np.abs(one - other).max() > 1e-5 for other in outputs[:n])


@pytest.mark.torch
@every_form
def test_one_step_is_that_of_pytorch_s_function(kind, options, equation):
    torch = pytest.importorskip("torch")

    def norm(values, gain):
        a, weight = torch.from_numpy(values), torch.from_numpy(gain)
        return torch.nn.functional.layer_norm(a, a.shape[-1:], weight, eps=1e-5).numpy()

    cell, weights = weighted(kind, **options)
    x, h, c = arrays(FEATURES, UNITS, UNITS)
    expected = equation(weights, x, h, c, norm=norm)
    for own, other in zip(one_step(cell, x, [h, c][: len(cell.states)]), expected, strict=True):
        np.testing.assert_allclose(own, other, **CLOSE)


@pytest.mark.parametrize("kind", CELL)
def test_the_scale_of_the_kernels_does_not_matter(kind):
    """What normalisation is for; the plain cell's output moves."""
    x, *states = arrays(FEATURES, UNITS, UNITS)
    outputs = []
    for scale in (1.0, 1000.0):
        cell, weights = weighted(kind)
        cell.set_weights([scale * w if "kernel" in name else w for name, w in weights.items()])
        outputs.append(one_step(cell, x, states[: len(cell.states)])[0])
    np.testing.assert_allclose(*outputs, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", CELL)
@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_sums_of_equal_numbers_become_zero(kind, dtype):
    """Zero states, as at the start, and inputs: variance 0. Values and gradients are numbers."""
    import tensorflow as tf

    layer = gru_tf.RNN(CELL[kind](UNITS, dtype=dtype), dtype=dtype)
    x = tf.Variable(np.zeros((BATCH, 3, FEATURES), "float32"))
    with tf.GradientTape() as tape:
        out = layer(x)
        total = tf.reduce_sum(tf.cast(out, "float32"))
    assert np.isfinite(out).all()
    assert all(np.isfinite(g).all() for g in tape.gradient(total, [x, *layer.trainable_weights]))


def test_statistics_are_taken_in_float32():
    """Numbers whose squares float16 does not hold, about a mean that it would round."""
    cell = gru_tf.LayerNormRNNCell(2, dtype="float16", kernel_initializer="ones", activation="linear")
    cell.build((None, 2))
    cell.kernel.assign([[1, 0], [0, 1]])
    (out,) = one_step(cell, np.array([[3000.0, 3002.0]], "float16"), [np.zeros((1, 2), "float16")])
    np.testing.assert_allclose(out, [[-1, 1]], rtol=0, atol=1e-3)


@pytest.mark.parametrize("kind", CELL)
def test_one_unit_is_refused(kind):
    with pytest.raises(ValueError, match="expected `units` to be at least 2, as one number less its mean is 0. Received"):
        CELL[kind](1).build((None, FEATURES))


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("lstm", {"epsilon": 0}, "`epsilon` to be a number above 0. Received: epsilon=0"),
        ("rnn", {"epsilon": float("nan")}, "`epsilon` to be a number above 0. Received: epsilon=nan"),
        ("lstm", {"statistics": "all"}, "`statistics` to be 'product' or 'gate'. Received: statistics='all'"),
        ("lstm", {"carry_normalized": 1}, "`carry_normalized` to be True or False. Received: carry_normalized=1"),
        ("gru", {"reset_after": False}, "`reset_after` to be left out, as each product is normalised"),
    ],
)
def test_what_is_refused(kind, options, expected):
    with pytest.raises(ValueError, match=f"^{CELL[kind].__name__}: expected {expected}"):
        CELL[kind](UNITS, **options)


@pytest.mark.parametrize("kind", CELL)
def test_a_configuration_keeps_all_options(kind):
    options = {"epsilon": 1e-3, "gain_initializer": keras.initializers.Constant(0.1), "use_bias": False}
    options |= {"lstm": {"carry_normalized": True, "peepholes": True, "projection": 2}}.get(kind, {})
    cell = CELL[kind](UNITS, **options)
    again = type(cell).from_config(cell.get_config())
    assert again.get_config() == cell.get_config()
    again.build((None, FEATURES))
    gains = [w for w in again.weights if "gain" in w.name]
    assert gains
    assert all((ops.convert_to_numpy(w) == np.float32(0.1)).all() for w in gains)
    assert not [w.name for w in again.weights if "bias" in w.name or "shift" in w.name]


@pytest.mark.parametrize("kind", CELL)
def test_diagnostics_follow_the_cell_and_refuse_another_function(kind):
    layer = gru_tf.RNN(CELL[kind](UNITS, use_bias=False), return_sequences=True)
    x = np.random.default_rng(3).normal(size=(2, 4, FEATURES)).astype("float32")
    outputs = ops.convert_to_numpy(layer(x))
    (followed,) = diagnostics.gates(layer, x)
    np.testing.assert_allclose(followed.states["h"], outputs, rtol=0, atol=1e-5)
    other = gru_tf.RNN(CELL[kind](UNITS, epsilon=1e-3))
    with pytest.raises(ValueError, match=r"expected epsilon=1e-05, which the equation has. Received: epsilon=0.001"):
        diagnostics.gates(other, x)


def test_the_least_number_of_units_is_that_of_the_catalogue():
    for name in CELLS.names():
        spec = CELLS.find(name)
        spec.build(spec.least_units).build((None, FEATURES))
        if spec.least_units > 1:
            with pytest.raises(ValueError, match="`units`"):
                spec.build(spec.least_units - 1).build((None, FEATURES))
