"""What is particular to each cell: weights that interchange with Keras' own cells, and the properties of the gates."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gru_tf.cells import CELLS
from gru_tf.cells.gru import GRUCell
from gru_tf.cells.lstm import LSTMCell
from gru_tf.cells.rnn import RNNCell
from gru_tf.errors import UserError

BATCH, FEATURES, UNITS = 4, 3, 5
SATURATED = 1e3  # σ(±1000) is 1 and 0 exactly in float32

STOCK = [
    pytest.param(lambda **o: GRUCell(UNITS, **o), lambda **o: keras.layers.GRUCell(UNITS, **o), id="gru-after"),
    pytest.param(
        lambda **o: GRUCell(UNITS, reset_after=False, **o),
        lambda **o: keras.layers.GRUCell(UNITS, reset_after=False, **o),
        id="gru-before",
    ),
    pytest.param(lambda **o: LSTMCell(UNITS, **o), lambda **o: keras.layers.LSTMCell(UNITS, **o), id="lstm"),
    pytest.param(lambda **o: RNNCell(UNITS, **o), lambda **o: keras.layers.SimpleRNNCell(UNITS, **o), id="rnn"),
]
RESETS = pytest.mark.parametrize("reset_after", [True, False], ids=["after", "before"])


def normal(seed, *shape):
    """float32 numbers, the same at each call."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def built(cell, seed=None):
    """The cell with its weights, random ones where a seed is given."""
    cell.build((None, FEATURES))
    if seed is not None:
        cell.set_weights([normal([seed, i], *w.shape) for i, w in enumerate(cell.weights)])
    return cell


def step(cell, x, h):
    """The state of a cell with a single state after one step."""
    _, states = cell(tf.constant(x), [tf.constant(h)])
    return states[0].numpy()


def with_gate(cell, gate, bias):
    """The cell with the bias of one gate set so far out that the gate is 0 or 1 exactly."""
    values = cell.bias.numpy()
    block = cell.gates.index(gate)
    np.atleast_2d(values)[0, block * UNITS : (block + 1) * UNITS] = bias
    cell.bias.assign(values)
    return cell


def gru(reset_after, convention="keep", seed=0):
    """A GRU with random weights."""
    return built(GRUCell(UNITS, reset_after=reset_after, convention=convention), seed)


def candidate(cell, x, h, r):
    """The candidate by its equation in NumPy, with the reset gate given."""
    kernel, recurrent, bias = (w.numpy() for w in cell.weights)
    w_h, u_h, b = kernel[:, -UNITS:], recurrent[:, -UNITS:], np.atleast_2d(bias)[:, -UNITS:]
    if cell.reset_after:
        return np.tanh(x @ w_h + b[0] + r * (h @ u_h + b[1]))
    return np.tanh(x @ w_h + (r * h) @ u_h + b[0])


# --- the stock cells ---


@pytest.mark.parametrize(("own", "stock"), STOCK)
@pytest.mark.parametrize("use_bias", [True, False])
def test_weights_interchange_with_the_stock_cell_both_ways(own, stock, use_bias):
    for giver, taker in ((own, stock), (stock, own)):
        given, taken = built(giver(use_bias=use_bias), seed=1), built(taker(use_bias=use_bias))
        taken.set_weights(given.get_weights())
        states = [tf.constant(normal([2, i], BATCH, UNITS)) for i, _ in enumerate(given.get_initial_state(BATCH))]
        for one, other in zip(
            *(tf.nest.flatten(c(normal(3, BATCH, FEATURES), states)) for c in (given, taken)), strict=True
        ):
            np.testing.assert_allclose(other, one, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("own", "stock"), STOCK)
def test_weights_start_as_in_the_stock_cell(own, stock):
    seeded = {
        "kernel_initializer": keras.initializers.GlorotUniform(seed=1),
        "recurrent_initializer": keras.initializers.Orthogonal(seed=2),
    }
    for mine, theirs in zip(built(own(**seeded)).weights, built(stock(**seeded)).weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


@pytest.mark.parametrize(("unit_forget_bias", "start"), [(True, 1.0), (False, 0.0)])
def test_the_forget_bias_starts_where_it_is_told(unit_forget_bias, start):
    bias = built(LSTMCell(UNITS, unit_forget_bias=unit_forget_bias)).bias.numpy().reshape(4, UNITS)
    np.testing.assert_array_equal(bias, np.array([0, start, 0, 0])[:, None] * np.ones(UNITS))


def test_the_forget_bias_is_one_also_where_fit_builds_the_model():
    cell = LSTMCell(UNITS)
    model = keras.Sequential([keras.layers.RNN(cell), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse")
    model.fit(normal(1, BATCH, 2, FEATURES), normal(2, BATCH, 1), verbose=0)
    np.testing.assert_array_equal(cell.bias.numpy().reshape(4, UNITS)[1], np.ones(UNITS))


# --- the four forms of the GRU ---


@RESETS
def test_keep_and_write_are_one_function_under_negated_update_weights(reset_after):
    keep, write = gru(reset_after, "keep"), gru(reset_after, "write", seed=None)
    sign = np.repeat([-1.0, 1.0, 1.0], UNITS).astype("float32")
    write.set_weights([w * sign for w in keep.get_weights()])
    x, h = normal(1, BATCH, FEATURES), normal(2, BATCH, UNITS)
    np.testing.assert_allclose(step(write, x, h), step(keep, x, h), rtol=0, atol=1e-6)


@RESETS
def test_keep_and_write_differ_under_the_same_weights(reset_after):
    x, h = normal(1, BATCH, FEATURES), normal(2, BATCH, UNITS)
    assert np.abs(step(gru(reset_after, "keep"), x, h) - step(gru(reset_after, "write"), x, h)).max() > 1e-3


def test_reset_after_and_before_are_different_functions():
    after, before = gru(True), gru(False)
    kernel, recurrent, bias = after.get_weights()
    after.set_weights([kernel, recurrent, bias * [[1.0], [0.0]]])
    before.set_weights([kernel, recurrent, bias[0]])
    x, h = normal(1, BATCH, FEATURES), normal(2, BATCH, UNITS)
    assert np.abs(step(after, x, h) - step(before, x, h)).max() > 1e-3
    # both compute the gates alike: with the reset gate open nothing is left between them
    np.testing.assert_allclose(
        step(with_gate(after, "r", SATURATED), x, h), step(with_gate(before, "r", SATURATED), x, h), rtol=0, atol=1e-5
    )


@RESETS
def test_a_closed_reset_gate_leaves_the_candidate_to_the_input_alone(reset_after):
    cell = with_gate(with_gate(gru(reset_after, "write"), "r", -SATURATED), "z", SATURATED)
    x, h, other = normal(1, BATCH, FEATURES), normal(2, BATCH, UNITS), normal(3, BATCH, UNITS)
    np.testing.assert_array_equal(step(cell, x, h), step(cell, x, other))
    np.testing.assert_allclose(step(cell, x, h), candidate(cell, x, h, 0.0), rtol=0, atol=1e-6)


@RESETS
def test_an_open_reset_gate_makes_the_candidate_a_plain_recurrence(reset_after):
    cell = with_gate(with_gate(gru(reset_after, "write"), "r", SATURATED), "z", SATURATED)
    kernel, recurrent, bias = (w[..., -UNITS:] for w in cell.get_weights())
    plain = built(RNNCell(UNITS))
    plain.set_weights([kernel, recurrent, np.atleast_2d(bias).sum(axis=0)])
    x, h = normal(1, BATCH, FEATURES), normal(2, BATCH, UNITS)
    np.testing.assert_allclose(step(cell, x, h), step(plain, x, h), rtol=0, atol=1e-6)


@RESETS
@pytest.mark.parametrize(("convention", "keeps"), [("keep", SATURATED), ("write", -SATURATED)])
def test_the_update_gate_at_its_ends_keeps_the_state_or_writes_the_candidate_exactly(reset_after, convention, keeps):
    x, h = normal(1, BATCH, FEATURES), normal(2, BATCH, UNITS)
    keeping = with_gate(gru(reset_after, convention), "z", keeps)
    np.testing.assert_array_equal(step(keeping, x, h), h)
    writing = with_gate(with_gate(gru(reset_after, convention), "z", -keeps), "r", SATURATED)
    np.testing.assert_allclose(step(writing, x, h), candidate(writing, x, h, 1.0), rtol=0, atol=1e-6)
    # exactly: with the reset gate closed as well, nothing of the old state is left
    closed = with_gate(writing, "r", -SATURATED)
    np.testing.assert_array_equal(step(closed, x, h), step(closed, x, normal(3, BATCH, UNITS)))


@pytest.mark.parametrize("name", CELLS.names())
def test_the_output_of_every_step_is_the_first_state(name):
    spec = CELLS.find(name)
    cell = built(spec.build(UNITS), seed=1)
    states = [tf.constant(normal([2, i], BATCH, UNITS)) for i, _ in enumerate(spec.states)]
    for t in range(3):
        out, states = cell(normal([3, t], BATCH, FEATURES), states)
        np.testing.assert_array_equal(out, states[0])


@RESETS
@pytest.mark.parametrize("convention", ["keep", "write"])
def test_one_step_by_hand(reset_after, convention):
    """One unit, one feature: x = 2, h = 0.5, and weights that make every pre-activation a round number.

    update:    1·2 + 2·0.5 − 1 = 2 + 1 − 1 = 2                 z = σ(2)  = 0.880797
    reset:    −1·2 + 4·0.5 + 0 = −2 + 2    = 0                 r = σ(0)  = 0.5
    candidate, after:   0.5·2 − 1 + 0.5·(2·0.5 + 1) = 0 + 1    = 1      h̃ = tanh(1)   = 0.761594
    candidate, before:  0.5·2 − 1 + 2·(0.5·0.5)     = 0 + 0.5  = 0.5    h̃ = tanh(0.5) = 0.462117
    keep:   z·h + (1 − z)·h̃ = 0.440399 + 0.119203·h̃           = 0.531183 (after), 0.495484 (before)
    write:  (1 − z)·h + z·h̃ = 0.059601 + 0.880797·h̃           = 0.730411 (after), 0.466633 (before)
    """
    cell = GRUCell(1, reset_after=reset_after, convention=convention)
    cell.build((None, 1))
    bias = [[-1.0, 0.0, -1.0], [0.0, 0.0, 1.0]] if reset_after else [-1.0, 0.0, -1.0]
    cell.set_weights([np.array([[1.0, -1.0, 0.5]]), np.array([[2.0, 4.0, 2.0]]), np.array(bias)])
    out = step(cell, np.array([[2.0]], "float32"), np.array([[0.5]], "float32"))
    expected = {
        (True, "keep"): 0.531183,
        (False, "keep"): 0.495484,
        (True, "write"): 0.730411,
        (False, "write"): 0.466633,
    }
    np.testing.assert_allclose(out, expected[reset_after, convention], rtol=0, atol=2e-6)


# --- what is refused ---


@pytest.mark.parametrize("units", [0, -1, 1.5, True, "8", None])
@pytest.mark.parametrize("name", CELLS.names())
def test_units_are_a_positive_integer(name, units):
    with pytest.raises(ValueError, match=f"expected `units` to be a positive integer. Received: units={units!r}"):
        CELLS.find(name).build(units)


def test_an_unknown_convention_is_refused():
    with pytest.raises(ValueError, match="expected `convention` to be 'keep' or 'write'") as refused:
        GRUCell(UNITS, convention="foo")
    assert str(refused.value).endswith("Received: convention='foo'")


WRONG_OPTIONS = [
    ("gru", {"reset": True}, "gru.reset: no such option. Did you mean 'reset_after'? Options: reset_after, convention"),
    ("gru", {"zebra": True}, "gru.zebra: no such option. Options: reset_after, convention"),
    ("rnn", {"reset_after": True}, "rnn.reset_after: no such option. Options: none"),
    ("gru", {"convention": "foo"}, "gru.convention: received 'foo', expected one of 'keep', 'write'"),
    ("gru", {"reset_after": 1}, "gru.reset_after: received 1, expected one of True, False"),
    ("gru", {"reset_after": "True"}, "gru.reset_after: received 'True', expected one of True, False"),
]


@pytest.mark.parametrize(("name", "options", "message"), WRONG_OPTIONS)
def test_wrong_options_are_refused_by_the_check_and_by_the_layer(name, options, message):
    spec = CELLS.find(name)
    for refuse in (spec.check, lambda options: spec.layer(UNITS, options)):
        with pytest.raises(UserError) as refused:
            refuse(options)
        assert str(refused.value) == message


def test_a_form_without_a_stock_layer_is_refused():
    expected = "^gru: Keras has no stock layer with convention='write'; use implementation: custom$"
    with pytest.raises(UserError, match=expected):
        CELLS.find("gru").layer(UNITS, {"convention": "write"})
