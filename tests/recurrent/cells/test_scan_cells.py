"""SRU, QRNN, IndRNN and LRU: what is particular to each, and what a scan of them must do beyond test_parallel.py."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest

from gru_tf import IndRNNCell, LRUCell, QRNNCell, SRUCell
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.cells.indrnn import MaximumMagnitude
from gru_tf.recurrent.layers.parallel_rnn import ParallelRNN
from gru_tf.recurrent.layers.rnn import RNN
from gru_tf.recurrent.real_steps import RealSteps

BATCH, STEPS, FEATURES, UNITS = 4, 9, 3, 5
HOLES = np.array([[1, 0, 0, 1, 1, 0, 1, 0, 1], [0, 0, 1, 0, 1, 1, 1, 0, 0], [1] * 9, [0] * 9], bool)


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def weighted(layer, features=FEATURES, seed=3):
    """The layer or cell, built, with random weights."""
    layer.build((BATCH, STEPS, features) if isinstance(layer, keras.layers.RNN) else (BATCH, features))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(scale=0.7, size=w.shape) for w in layer.weights])
    return layer


def of_one(cell, *arrays):
    """A cell of one unit and one feature with these weights."""
    cell.build((None, 1))
    cell.set_weights([np.array(a, "float32") for a in arrays])
    return cell


def stepped(cell, x, *states):
    """The states of a cell of one unit after one step, in a row."""
    _, new = cell(tf.constant([[x]], "float32"), [tf.constant([np.ravel(s)], "float32") for s in states])
    return np.concatenate([np.ravel(s) for s in new])


# --- one step by hand ---


def test_one_step_of_sru_by_hand():
    """x = 2, c = 0.5; W = 1, W_f = −1, W_r = 0.5, v_f = 4, v_r = 2, b_f = 0, b_r = −1; I = H, so the highway is x itself.

    f = σ(−2 + 4·0.5) = 0.5,  c' = 0.5·0.5 + 0.5·2 = 1.25;  r = σ(1 + 2·0.5 − 1) = σ(1) = 0.731059
    h' = 0.731059·1.25 + 0.268941·2 = 1.451705;  with α = √3: 0.913823 + 0.268941·3.464102 = 1.845463
    without v: f = σ(−2) = 0.119203, c' = 0.059601 + 0.880797·2 = 1.821196; r = σ(0), h' = 0.910598 + 1 = 1.910598
    """
    weights = [[1.0, -1.0, 0.5]], [4.0, 2.0], [0.0, -1.0]
    assert_allclose(stepped(of_one(SRUCell(1), *weights), 2, 9, 0.5), [1.451705, 1.25], atol=2e-6)
    assert_allclose(stepped(of_one(SRUCell(1, rescale=True), *weights), 2, 9, 0.5), [1.845463, 1.25], atol=2e-6)
    plain = of_one(SRUCell(1, state_gates=False), weights[0], weights[2])
    assert_allclose(stepped(plain, 2, 9, 0.5), [1.910598, 1.821196], atol=2e-6)


def test_one_step_of_qrnn_by_hand():
    """x = 2, c = 0.5, k = 2; W^2 = (0.5, −1, 0, 1) for c, f, o, i, and earlier inputs left p = (0, 2, 0, −2).

    c̃ = tanh(1) = 0.761594, f = σ(−2 + 2) = 0.5, o = σ(0) = 0.5, i = σ(2 − 2) = 0.5
    fo: c' = 0.25 + 0.380797 = 0.630797, h' = 0.315398; f: h' = 0.630797; ifo with p_i = 0: i = σ(2) = 0.880797,
    c' = 0.25 + 0.670810 = 0.920810, h' = 0.460405.  W^1 = (1, 2, 3, 4): p' = (2, 4, 6, 8)
    """
    old, new = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.5, -1.0, 0.0, 1.0])

    def after(pooling, *states):
        gates = 1 + len(pooling)
        cell = of_one(QRNNCell(1, pooling), [old[None, :gates], new[None, :gates]], np.zeros(gates))
        return stepped(cell, 2, *states)

    assert_allclose(after("fo", 9, 0.5, [0, 2, 0]), [0.315398, 0.630797, 2, 4, 6], atol=2e-6)
    assert_allclose(after("f", 0.5, [0, 2]), [0.630797, 2, 4], atol=2e-6)
    assert_allclose(after("ifo", 9, 0.5, [0, 2, 0, -2]), [0.315398, 0.630797, 2, 4, 6, 8], atol=2e-6)
    assert_allclose(after("ifo", 9, 0.5, [0, 2, 0, 0]), [0.460405, 0.920810, 2, 4, 6, 8], atol=2e-6)


def test_one_step_of_indrnn_by_hand():
    """x = 2, h = 0.5: 1.5·2 − 3·0.5 + 0.25 = 1.75; with b = −2 the rectifier is shut, and tanh(−0.5) = −0.462117."""
    for bias, activation, expected in ((0.25, "relu", 1.75), (-2.0, "relu", 0.0), (-2.0, "tanh", -0.462117)):
        cell = of_one(IndRNNCell(1, activation=activation), [[1.5]], [-3.0], [bias])
        assert_allclose(stepped(cell, 2, 0.5), [expected], atol=2e-6)


def test_one_step_of_lru_by_hand():
    """x = 2, s = 0.5 + i; λ = ½ e^{iπ/2} = i/2, e^γ = ½, B = 1 − 2i, C = 3 + i, D = 4.

    λ s = −½ + i/4,  e^γ B x = 1 − 2i,  s' = 0.5 − 1.75i;  Re(C s') = 1.5 + 1.75 = 3.25,  h' = 3.25 + 8 = 11.25
    """
    nu, theta, gamma = np.log(np.log(2)), np.log(np.pi / 2), np.log(0.5)
    cell = of_one(LRUCell(1), [nu], [theta], [gamma], [[1.0, -2.0]], [[3.0], [1.0]], [[4.0]])
    assert_allclose(stepped(cell, 2, 9, 0.5, 1), [11.25, 0.5, -1.75], atol=2e-6)


# --- the parallel scan: forms and options that test_parallel.py does not have ---

SCANNED = {
    "qrnn f 1": lambda: QRNNCell(UNITS, "f", 1),
    "qrnn f 3": lambda: QRNNCell(UNITS, "f", 3),
    "qrnn fo 2": lambda: QRNNCell(UNITS),
    "qrnn ifo 4": lambda: QRNNCell(UNITS, "ifo", 4),
    "lru": lambda: LRUCell(UNITS, state_units=2, activation="tanh"),
    "sru": lambda: SRUCell(UNITS, state_gates=False, activation="tanh"),
    "sru rescaled": lambda: SRUCell(FEATURES, state_gates=False, rescale=True),
}
OPTIONS = [{}, {"go_backwards": True}, {"zero_output_for_mask": True}]


def starts(cell):
    return [tf.constant(normal([7, n], BATCH, size)) for n, size in enumerate(cell.state_sizes)]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("make", SCANNED.values(), ids=SCANNED)
def test_all_states_and_outputs_are_those_of_the_loop(make, options):
    """From initial states, with masks that have holes, begin late, and are empty."""
    scan, loop = (weighted(kind(make(), return_sequences=True, return_state=True, **options)) for kind in (ParallelRNN, RNN))
    x, mask = normal(1, BATCH, STEPS, FEATURES), tf.constant(HOLES)
    given = {"initial_state": starts(scan.cell)}
    for call in ({}, given, {"mask": mask}, {**given, "mask": mask}):
        for one, other in zip(scan(x, **call), loop(x, **call), strict=True):
            assert_allclose(one, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("make", SCANNED.values(), ids=SCANNED)
def test_gradients_are_those_of_the_loop_also_with_holes(make):
    results = []
    for kind in (ParallelRNN, RNN):
        layer, x, first = weighted(kind(make(), return_sequences=True)), tf.constant(normal(1, BATCH, STEPS, FEATURES)), None
        first = starts(layer.cell)
        with tf.GradientTape() as tape:
            tape.watch([x, *first])
            loss = tf.reduce_sum(layer(x, initial_state=first, mask=tf.constant(HOLES)) ** 2)
        weights = [w.value for w in layer.trainable_weights]
        results.append(tape.gradient(loss, [x, *first, *weights], unconnected_gradients="zero"))
    for one, other in zip(*results, strict=True):
        assert_allclose(one, other, rtol=0, atol=1e-5 * max(1, np.abs(other).max()))
    assert all(np.abs(g).max() > 1e-3 for g in results[0][1 + len(first) :])


@pytest.mark.parametrize("name", ["qrnn f 3", "lru"])
@pytest.mark.parametrize("jit", [False, True])
def test_holes_in_a_length_that_only_the_running_graph_knows(name, jit):
    scan, loop = (weighted(kind(SCANNED[name](), return_sequences=True)) for kind in (ParallelRNN, RNN))
    signature = [tf.TensorSpec((None, None, FEATURES)), tf.TensorSpec((None, None), "bool")]
    traced = tf.function(lambda x, mask: scan(x, mask=mask), input_signature=signature, jit_compile=jit)
    for length in (1, 2, STEPS):
        x, mask = normal(1, BATCH, length, FEATURES), tf.constant(HOLES[:, :length])
        assert_allclose(traced(x, mask), loop(x, mask=mask), rtol=0, atol=1e-5)


def test_real_steps_are_found_for_any_mask():
    values, first = normal(1, BATCH, STEPS, 2), normal(2, BATCH, 2)
    steps = RealSteps(tf.constant(HOLES))
    for row, real in enumerate(HOLES):
        last, before = first[row], []
        for t in range(STEPS):
            before.append(last)
            last = values[row, t] if real[t] else last
            assert_array_equal(steps.carried(tf.constant(values), tf.constant(first))[row, t], last)
        assert_array_equal(steps.before(tf.constant(values), tf.constant(first))[row], before)


def test_a_cell_whose_gates_see_its_state_is_not_scanned():
    with pytest.raises(ValueError, match=r"^ParallelRNN: expected `cell` to be linear .* a SRUCell with state_gates=True$"):
        ParallelRNN(SRUCell(UNITS))
    assert type(CELLS.find("sru").layer(UNITS, {})) is RNN
    assert type(CELLS.find("sru").layer(UNITS, {"state_gates": False})) is ParallelRNN


# --- SRU ---


def test_sru_without_state_gates_is_that_of_zero_v():
    full, plain = weighted(SRUCell(UNITS)), weighted(SRUCell(UNITS, state_gates=False))
    full.set_weights(
        [w if n.name != "recurrent_kernel" else 0 * w for n, w in zip(full.weights, full.get_weights(), strict=True)]
    )
    plain.set_weights([w.numpy() for w in full.weights if w.name != "recurrent_kernel"])
    x, states = normal(1, BATCH, FEATURES), starts(full)
    for one, other in zip(full(x, states)[1], plain(x, states)[1], strict=True):
        assert_allclose(one, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("features", "matrices"), [(FEATURES, 4), (UNITS, 3)])
@pytest.mark.parametrize("state_gates", [True, False])
def test_sru_has_a_fourth_matrix_only_where_its_highway_needs_one(features, matrices, state_gates):
    cell = SRUCell(UNITS, state_gates=state_gates)
    cell.build((None, features))
    expected = matrices * features * UNITS + (4 if state_gates else 2) * UNITS
    assert cell.count_params() == CELLS.find("sru").count(features, UNITS, {"state_gates": state_gates}) == expected


def test_sru_starts_with_the_paper_s_variances():
    cell = SRUCell(400, recurrent_initializer=None)
    cell.build((None, 200))
    kernel, highway, v, bias = (w.numpy() for w in cell.weights)
    assert_allclose([200 * kernel.var(), 200 * highway.var(), v.var()], [1, 1, 0.5], rtol=0.1)
    assert_array_equal(bias, 0)


def test_dropout_leaves_the_highway_of_sru_alone():
    """With the reset gate shut the output is the highway: x itself, or what a matrix reads of a dropped-out x."""
    for features in (UNITS, FEATURES):
        cell = weighted(SRUCell(UNITS, dropout=0.5, seed=1), features)
        of = {w.name: w for w in cell.weights}
        of["kernel"].assign(0 * of["kernel"])
        of["recurrent_kernel"].assign(0 * of["recurrent_kernel"])
        of["bias"].assign(np.repeat([0.0, -1e3], UNITS))
        x = normal(1, BATCH, features)
        moved = np.abs(cell(x, starts(cell), training=True)[0] - cell(x, starts(cell))[0]).max()
        assert moved == 0 if features == UNITS else moved > 1e-2


@pytest.mark.parametrize(("option", "received"), [("state_gates", 1), ("rescale", "yes")])
def test_options_of_sru_are_truth_values(option, received):
    with pytest.raises(
        ValueError, match=f"^SRUCell: expected `{option}` to be True or False. Received: {option}={received!r}"
    ):
        SRUCell(UNITS, **{option: received})
    with pytest.raises(ValueError, match="expected `zoneout` to be left out, as this cell has no recurrent kernel"):
        SRUCell(UNITS, state_gates=False, zoneout=0.1)


# --- QRNN ---


@pytest.mark.parametrize("window", [1, 2, 3])
def test_the_gates_of_qrnn_are_a_causal_convolution(window):
    """Of Keras' own layer with the same weights; the pooling after it in NumPy."""
    layer = weighted(ParallelRNN(QRNNCell(UNITS, "ifo", window), return_sequences=True))
    x = normal(1, BATCH, STEPS, FEATURES)
    convolution = keras.layers.Conv1D(4 * UNITS, window, padding="causal")
    convolution.build(x.shape)
    convolution.set_weights(layer.get_weights())
    z, f, o, i = np.split(convolution(x).numpy().astype("float64"), 4, axis=-1)
    f, o, i, c = 1 / (1 + np.exp(-f)), 1 / (1 + np.exp(-o)), 1 / (1 + np.exp(-i)), np.zeros((BATCH, UNITS))
    for t in range(STEPS):
        c = f[:, t] * c + i[:, t] * np.tanh(z[:, t])
        assert_allclose(layer(x)[:, t], o[:, t] * c, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", [RNN, ParallelRNN])
def test_the_window_of_qrnn_is_of_real_steps(kind):
    """A sequence with holes is the sequence of its real steps, whatever the holes hold; zeros in them are not that."""
    layer = weighted(kind(QRNNCell(UNITS, window=3)))
    x = np.where(HOLES[..., None], normal(1, BATCH, STEPS, FEATURES), 0)
    masked = layer(np.where(HOLES[..., None], x, np.nan), mask=tf.constant(HOLES))
    for row in range(3):
        assert_allclose(masked[row], layer(x[row : row + 1, HOLES[row]])[0], rtol=0, atol=1e-6)
    assert np.abs(masked[0] - layer(x)[0]).max() > 1e-2


@pytest.mark.parametrize("kind", [RNN, ParallelRNN])
def test_a_sequence_in_two_parts_is_the_sequence_also_within_a_window(kind):
    layer = weighted(kind(QRNNCell(UNITS, window=4), return_sequences=True, return_state=True))
    x = normal(1, BATCH, STEPS, FEATURES)
    whole, *last = layer(x)
    for cut in (1, 2, 7):
        first, *states = layer(x[:, :cut])
        second, *end = layer(x[:, cut:], initial_state=states)
        for one, other in zip((np.concatenate([first, second], 1), *end), (whole, *last), strict=True):
            assert_allclose(one, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("option", "received"), [("pooling", "of"), ("window", 0), ("window", 1.5), ("window", True)])
def test_wrong_options_of_qrnn_are_refused(option, received):
    with pytest.raises(ValueError, match=f"^QRNNCell: expected `{option}` to be .* Received: {option}={received!r}$"):
        QRNNCell(UNITS, **{option: received})


# --- IndRNN ---


@pytest.mark.parametrize(("longest", "limit"), [(None, 1.0), (1, 2.0), (10, 2**0.1)])
def test_recurrent_weights_of_indrnn_start_evenly_up_to_their_limit(longest, limit):
    cell = IndRNNCell(5000, longest)
    cell.build((None, 1))
    u = cell.recurrent_kernel.numpy() / limit
    assert kstest(u, "uniform").pvalue > 1e-3
    assert kstest(u / 1.1, "uniform").pvalue < 1e-9, "another limit shows"


@pytest.mark.parametrize("longest", [None, 4])
def test_training_keeps_them_within_it(longest):
    layer = RNN(IndRNNCell(UNITS, longest))
    model = keras.Sequential([keras.Input((STEPS, FEATURES)), layer])
    model.compile(keras.optimizers.SGD(3.0), "mse", jit_compile=False)
    layer.cell.bias.assign(np.ones(UNITS))
    model.fit(np.abs(normal(1, BATCH, STEPS, FEATURES)), 100 * np.ones((BATCH, UNITS)), verbose=0)
    largest = np.abs(layer.cell.recurrent_kernel).max()
    assert largest > 3 if longest is None else largest == np.float32(2**0.25)


def test_a_limit_is_a_positive_number_and_saved():
    assert MaximumMagnitude.from_config(MaximumMagnitude(0.5).get_config()).limit == 0.5
    assert_array_equal(MaximumMagnitude(0.5)(tf.constant([-1.0, 0.25, 2.0])), [-0.5, 0.25, 0.5])
    for received in (0, -1, "1", True, None):
        with pytest.raises(ValueError, match="MaximumMagnitude: expected `limit` to be a number above 0. Received: limit="):
            MaximumMagnitude(received)
    with pytest.raises(ValueError, match="IndRNNCell: expected `longest` to be None or a whole number from 1 to 1,000,000"):
        IndRNNCell(UNITS, longest=0)


# --- LRU ---


def eigenvalues(cell):
    return np.exp(-np.exp(cell.nu.numpy().astype("float64")) + 1j * np.exp(cell.theta.numpy().astype("float64")))


def test_eigenvalues_of_lru_start_evenly_on_their_ring_and_states_at_variance_one():
    keras.utils.set_random_seed(1)
    cell = LRUCell(5000, r_min=0.4, r_max=0.9, max_phase=0.3)
    cell.build((None, 1))
    radius, phase = np.abs(eigenvalues(cell)), np.angle(eigenvalues(cell))
    assert 0.4 <= radius.min() < radius.max() <= 0.9
    assert kstest((radius**2 - 0.16) / (0.81 - 0.16), "uniform").pvalue > 1e-3  # even on the area of the ring
    assert kstest((radius - 0.4) / 0.5, "uniform").pvalue < 1e-9, "evenly on the radius is something else"
    assert kstest(phase / 0.3, "uniform").pvalue > 1e-3
    assert_allclose(np.exp(cell.gamma.numpy()), np.sqrt(1 - radius**2), rtol=1e-4)
    assert abs(np.corrcoef(radius, phase)[0, 1]) < 0.05


def test_lru_starts_so_also_where_fit_builds_the_model():
    layer = ParallelRNN(LRUCell(UNITS, r_min=0.9, r_max=0.99))
    model = keras.Sequential([layer])
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=False)
    model.fit(normal(1, BATCH, STEPS, FEATURES), normal(2, BATCH, UNITS), verbose=0)
    radius = np.abs(eigenvalues(layer.cell))
    assert 0.9 <= radius.min() < radius.max() <= 0.99
    assert_allclose(np.exp(layer.cell.gamma.numpy()), np.sqrt(1 - radius**2), rtol=1e-4)


@pytest.mark.parametrize("ring", [{"r_min": 1.0}, {"r_max": 0.0}, {}])
def test_the_ends_of_the_ring_are_finite(ring):
    cell = LRUCell(2000, **ring)
    cell.build((None, 1))
    assert all(np.isfinite(w).all() for w in cell.get_weights())
    assert (np.abs(eigenvalues(cell)) < 1).all()


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_does_not_change_how_long_a_scanned_lru_remembers(dtype):
    """|λ| = 0.998, in bfloat16 1 or 0.996: after 300 steps 0.998^300 = 0.548 is left, of the others 1 or 0.300."""
    layer = ParallelRNN(LRUCell(1, dtype=dtype), dtype=dtype)
    layer.build((1, 300, 1))
    nu = np.log(-np.log(0.998))
    layer.set_weights([np.array(a) for a in ([nu], [-20.0], [0.0], [[1.0, 0.0]], [[1.0], [0.0]], [[0.0]])])
    x = np.zeros((1, 300, 1), "float32")
    left = float(layer(x, initial_state=[tf.zeros((1, 1)), tf.ones((1, 1)), tf.zeros((1, 1))])[0, 0])
    assert left == pytest.approx(0.548, abs=0.02)


WRONG = [
    ({"use_bias": True}, "`use_bias` to be False, as this cell has no bias. Received: use_bias=True"),
    ({"r_min": 0.9, "r_max": 0.5}, "`r_min` to be a number from 0 to r_max=0.5. Received: r_min=0.9"),
    ({"r_max": 1.5}, "`r_max` to be a number from 0 to 1. Received: r_max=1.5"),
    ({"max_phase": 0}, "`max_phase` to be a number above 0, to 2π. Received: max_phase=0"),
    ({"state_units": 0}, "`state_units` to be None or a whole number from 1 to 1,000,000. Received: state_units=0"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_wrong_options_of_lru_are_refused(options, message):
    with pytest.raises(ValueError, match=f"^LRUCell: expected {re.escape(message)}$"):
        LRUCell(UNITS, **options)
