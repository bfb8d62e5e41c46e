"""What is particular to each cell: weights that interchange with Keras' own cells, and the properties of the gates."""

import re
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from gru_tf.foundation.errors import UserError
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.cells.gru import GRUCell
from gru_tf.recurrent.cells.lstm import LSTMCell
from gru_tf.recurrent.cells.rnn import RNNCell
from gru_tf.recurrent.layers.rnn import RNN

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
    states = [tf.constant(normal([2, i], BATCH, size)) for i, size in enumerate(spec.state_sizes(UNITS, {}))]
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


def test_a_cell_without_gates_has_no_activation_of_gates():
    assert RNNCell.from_config(RNNCell(UNITS, "relu").get_config()).activation is keras.activations.relu
    with pytest.raises(ValueError, match=r"RNNCell: expected `recurrent_activation` to be left out.*'hard_sigmoid'"):
        RNNCell(UNITS, recurrent_activation="hard_sigmoid")


def test_an_unknown_convention_is_refused():
    with pytest.raises(ValueError, match="expected `convention` to be 'keep' or 'write'") as refused:
        GRUCell(UNITS, convention="foo")
    assert str(refused.value).endswith("Received: convention='foo'")


ANY = "recurrent_dropout, weight_dropout, zoneout"
WRONG_OPTIONS = [
    (
        "gru",
        {"reset": True},
        f"gru.reset: no such option. Did you mean 'reset_after'? Options: reset_after, convention, longest, {ANY}",
    ),
    (
        "gru",
        {"zebra": True},
        f"gru.zebra: no such option. Options: reset_after, convention, longest, {ANY}",
    ),
    ("rnn", {"zebra": True}, f"rnn.zebra: no such option. Options: activation, recurrent_start, {ANY}"),
    ("gru", {"convention": "foo"}, "gru.convention: received 'foo', expected one of 'keep', 'write'"),
    ("gru", {"reset_after": 1}, "gru.reset_after: received 1, expected one of True, False"),
    ("gru", {"zoneout": 1.0}, "gru.zoneout: received 1.0, expected one of 0.0, a number between 0 and 1"),
    ("min_gru", {"zoneout": 0.1}, "min_gru.zoneout: no such option. Options: none"),
    ("gru", {"reset_after": "True"}, "gru.reset_after: received 'True', expected one of True, False"),
]


@pytest.mark.parametrize(("name", "options", "message"), WRONG_OPTIONS)
def test_wrong_options_are_refused_by_the_check_and_by_the_layer(name, options, message):
    spec = CELLS.find(name)
    for refuse in (spec.check, lambda options: spec.layer(UNITS, options)):
        with pytest.raises(UserError) as refused:
            refuse(options)
        assert str(refused.value) == message


def test_a_form_without_a_fused_layer_is_an_rnn_around_the_cell():
    spec = replace(CELLS.find("gru"), unfused={"convention": ("write",)})
    layer = spec.layer(UNITS, {"convention": "write"}, return_sequences=True, dropout=0.1, dtype="float64")
    assert type(layer) is RNN
    assert layer.return_sequences
    assert (layer.cell.convention, layer.cell.dropout, layer.cell.dtype, layer.dtype) == ("write", 0.1, "float64", "float64")


# --- dropout ---


DROPPING = [
    {"dropout": 0.4},
    {"recurrent_dropout": 0.3},
    {"dropout": 0.4, "recurrent_dropout": 0.3},
    {"dropout": 0.4, "implementation": 1},
]


def over_time(cell, seed=1):
    """An RNN layer over the cell, with random weights."""
    layer = keras.layers.RNN(cell, return_sequences=True)
    layer.build((BATCH, 6, FEATURES))
    layer.set_weights([normal([seed, i], *w.shape) for i, w in enumerate(layer.weights)])
    return layer


@pytest.mark.parametrize(("own", "stock"), STOCK)
@pytest.mark.parametrize("rates", DROPPING, ids="-".join)
def test_dropout_draws_the_masks_of_the_stock_cell(own, stock, rates, request):
    if "rnn" in request.node.callspec.id:  # its stock cell has one gate and no such choice
        rates = {name: value for name, value in rates.items() if name != "implementation"}
    mine, theirs = over_time(own(seed=7, **rates)), over_time(stock(seed=7, **rates))
    x, runs = normal(3, BATCH, 6, FEATURES), []
    for _ in range(2):
        runs.append(mine(x, training=True).numpy())
        np.testing.assert_allclose(runs[-1], theirs(x, training=True), rtol=0, atol=1e-6)
    assert np.abs(runs[0] - runs[1]).max() > 1e-3, "the next sequence has masks of its own"
    np.testing.assert_allclose(mine(x, training=False), theirs(x), rtol=0, atol=1e-6)
    assert np.abs(mine(x) - runs[0]).max() > 1e-3
    assert np.abs(over_time(own(seed=8, **rates))(x, training=True) - runs[0]).max() > 1e-3


@pytest.mark.parametrize("name", CELLS.names())
def test_a_mask_is_drawn_once_a_sequence_and_only_in_training(name):
    """With inputs and gates alike at each step, all that could differ between two steps is the mask."""
    cell = over_time(CELLS.find(name).build(UNITS, dropout=0.5, seed=3)).cell
    x, start = np.ones((BATCH, FEATURES), "float32"), cell.get_initial_state(BATCH)
    kept, again = (cell(x, start, training=True)[0].numpy() for _ in range(2))
    np.testing.assert_array_equal(kept, again)
    cell.reset_dropout_mask()
    assert np.abs(cell(x, start, training=True)[0] - kept).max() > 1e-3
    np.testing.assert_array_equal(cell(x, start)[0], built(CELLS.find(name).build(UNITS), seed=1)(x, start)[0])


@pytest.mark.parametrize("received", [7.0, 1.0, 1, -0.1, float("nan"), True, "0.1", None, [0.1]])
@pytest.mark.parametrize("option", ["dropout", "recurrent_dropout"])
def test_a_dropout_rate_is_a_share_below_one(option, received):
    for build in (GRUCell, LSTMCell, RNNCell):
        with pytest.raises(
            ValueError, match=rf"expected `{option}` to be a number from 0 to below 1. Received: {option}="
        ) as refused:
            build(UNITS, **{option: received})
        assert str(refused.value).endswith(f"{option}={received!r}")


@pytest.mark.parametrize(
    ("option", "received"), [("seed", 1.5), ("seed", True), ("implementation", 3), ("implementation", "1")]
)
def test_other_wrong_arguments_are_refused(option, received):
    with pytest.raises(ValueError, match=rf"^GRUCell: expected `{option}` to be .* Received: {option}={received!r}$"):
        GRUCell(UNITS, **{option: received})


@pytest.mark.parametrize("name", ["min_gru", "min_lstm"])
@pytest.mark.parametrize(
    "option", [{"recurrent_dropout": 0.1}, {"recurrent_regularizer": "l2"}, {"recurrent_constraint": "nonneg"}]
)
def test_what_concerns_a_recurrent_kernel_is_refused_where_there_is_none(name, option):
    with pytest.raises(ValueError, match=r"to be left out, as this cell has no recurrent kernel. Received: recurrent_"):
        CELLS.find(name).build(UNITS, **option)


# --- states given by hand ---


WRONG_STATES = [
    ("gru", [(4, 5), (4, 5)], "expected `states` to be 1 of shape (4, 5): h. Received: 2"),
    ("lstm", [(4, 5)], "expected `states` to be 2 of shape (4, 5): h, c. Received: 1"),
    ("lstm", [(4, 5), (4, 6)], "expected state `c` to be of shape (4, 5). Received: shape=(4, 6)"),
    ("gru", [(1, 5)], "expected state `h` to be of shape (4, 5). Received: shape=(1, 5)"),
    ("min_gru", [(5,)], "expected state `h` to be of shape (4, 5). Received: shape=(5,)"),
]


@pytest.mark.parametrize(("name", "shapes", "message"), WRONG_STATES)
def test_wrong_states_are_refused_before_they_are_broadcast(name, shapes, message):
    cell = built(CELLS.find(name).build(UNITS), seed=1)
    with pytest.raises(ValueError, match=re.escape(f"{type(cell).__name__}: {message}")):
        cell(normal(1, BATCH, FEATURES), [tf.zeros(shape) for shape in shapes])


def test_wrong_initial_states_of_a_layer_are_refused_by_the_cell():
    layer = keras.layers.RNN(GRUCell(UNITS))
    with pytest.raises(ValueError, match=r"expected state `h` to be of shape \(4, 5\). Received: shape=\(4, 6\)"):
        layer(normal(1, BATCH, 2, FEATURES), initial_state=[tf.zeros((BATCH, UNITS + 1))])


@pytest.mark.parametrize("name", CELLS.names())
def test_a_configuration_makes_an_equal_cell(name):
    options = {"dropout": 0.1, "seed": 3, "implementation": 1, "kernel_regularizer": "l1", "use_bias": False}
    if CELLS.find(name).build(UNITS).recurrent:
        options |= {"recurrent_dropout": 0.2, "recurrent_regularizer": "l2", "recurrent_constraint": "unit_norm"}
    config = CELLS.find(name).build(UNITS, activation="relu", **options).get_config()
    again = type(CELLS.find(name).build(UNITS)).from_config(config)
    assert again.get_config() == config
    plain = {option: value for option, value in options.items() if not isinstance(value, str)}
    assert {option: getattr(again, option) for option in plain} == plain
    assert again.activation is keras.activations.relu


# --- in Keras' own GRU layer ---


class OwnGRU(keras.layers.GRU):
    """Keras' layer with this project's cell in it."""

    def __init__(self, units, **options):
        super().__init__(units, **options)
        self.cell = GRUCell(units, **options)


@pytest.mark.parametrize("options", [{}, {"reset_after": False}, {"dropout": 0.3, "seed": 1}, {"recurrent_dropout": 0.3}])
def test_a_stock_gru_layer_runs_on_the_own_cell(options):
    options = {"seed": 2, **options}
    own, stock = OwnGRU(UNITS, **options), keras.layers.GRU(UNITS, **options)
    for layer in (own, stock):
        layer.build((BATCH, 6, FEATURES))
        layer.set_weights([normal([1, i], *w.shape) for i, w in enumerate(layer.weights)])
    x = normal(3, BATCH, 6, FEATURES)
    for training in (False, True):
        np.testing.assert_allclose(own(x, training=training), stock(x, training=training), rtol=0, atol=1e-6)
    mine, theirs = own.get_config(), stock.get_config()
    assert {**mine, "name": ""} == {**theirs, "name": ""}


def described(value):
    """What two objects that do the same have in common."""
    if hasattr(value, "shape"):
        return tuple(value.shape)
    if hasattr(value, "get_config"):
        return type(value), {name: v for name, v in value.get_config().items() if name != "name"}
    return value if isinstance(value, (bool, int, float, str, tuple, type(None))) or callable(value) else type(value)


@pytest.mark.parametrize("options", [{}, {"reset_after": False, "use_bias": False}, {"recurrent_dropout": 0.3, "seed": 4}])
def test_the_cell_has_every_attribute_of_the_stock_cell(options):
    own, stock = built(GRUCell(UNITS, name="one", **options)), built(keras.layers.GRUCell(UNITS, name="one", **options))
    names = [name for name in vars(stock) if not name.startswith("_") and name not in ("build", "quantize")]
    assert {"activation", "recurrent_initializer", "kernel", "reset_after", "seed_generator", "seed"} <= set(names)
    assert {n: described(getattr(own, n)) for n in names} == {n: described(getattr(stock, n)) for n in names}
    mine, theirs = own.get_config(), stock.get_config()
    assert {name: mine[name] for name in theirs} == theirs
    assert [s.shape for s in own.get_initial_state(3)] == [s.shape for s in stock.get_initial_state(3)]


# --- JANET and MGU ---


def with_weights(cell, *arrays):
    """A cell of one unit and one feature with these weights."""
    cell.build((None, 1))
    cell.set_weights([np.array(a, "float32") for a in arrays])
    return cell


def test_one_step_of_janet_by_hand():
    """x = 2, h = 0.5; s = 1·2 + 2·0.5 − 1 = 2, candidate = tanh(0.5·2 + 2·0.5 − 1) = tanh(1).

    σ(2)·0.5 + (1 − σ(1))·tanh(1) = 0.880797·0.5 + 0.268941·0.761594 = 0.440399 + 0.204824 = 0.645223
    """
    cell = with_weights(CELLS.find("janet").build(1), [[1.0, 0.5]], [[2.0, 2.0]], [-1.0, -1.0])
    np.testing.assert_allclose(step(cell, np.array([[2.0]], "float32"), np.array([[0.5]], "float32")), 0.645223, atol=2e-6)


def test_one_step_of_mgu_by_hand():
    """x = 2, h = 0.5; f = σ(−1·2 + 4·0.5) = σ(0) = 0.5, candidate = tanh(0.5·2 − 0.5 + 2·(0.5·0.5)) = tanh(1).

    (1 − 0.5)·0.5 + 0.5·0.761594 = 0.630797
    """
    cell = with_weights(CELLS.find("mgu").build(1), [[-1.0, 0.5]], [[4.0, 2.0]], [0.0, -0.5])
    np.testing.assert_allclose(step(cell, np.array([[2.0]], "float32"), np.array([[0.5]], "float32")), 0.630797, atol=2e-6)


def test_mgu_is_a_gru_whose_two_gates_are_the_same():
    mgu = built(CELLS.find("mgu").build(UNITS), seed=1)
    gru_like = built(GRUCell(UNITS, reset_after=False, convention="write"))
    gru_like.set_weights([np.concatenate([w[..., :UNITS], w], axis=-1) for w in mgu.get_weights()])
    x, h = normal(1, BATCH, FEATURES), normal(2, BATCH, UNITS)
    np.testing.assert_allclose(step(mgu, x, h), step(gru_like, x, h), rtol=0, atol=1e-6)


def test_the_named_reset_before_is_the_gru_of_that_form():
    for convention in ("keep", "write"):
        named = built(CELLS.find("gru_reset_before").build(UNITS, convention=convention), seed=1)
        plain = gru(False, convention, seed=1)
        x, h = normal(1, BATCH, FEATURES), normal(2, BATCH, UNITS)
        np.testing.assert_array_equal(step(named, x, h), step(plain, x, h))
        assert "reset_after" not in named.get_config()


def forget_biases(longest, units=20_000):
    """What a JANET's forget gates start at, and its candidates; the same at each call."""
    keras.utils.set_random_seed(0)
    cell = CELLS.find("janet").build(units, longest=longest, kernel_initializer="zeros", recurrent_initializer="zeros")
    return np.split(np.array(cell.initial_bias((2 * units,), "float32")), 2)


def test_chronological_initialisation_draws_lengths_evenly():
    from scipy.stats import kstest, uniform

    forget, candidate = forget_biases(100)
    assert kstest(np.exp(forget), uniform(1, 98).cdf).pvalue > 1e-3  # u ~ U(1, 99), b = log u
    assert kstest(np.exp(forget), uniform(1, 88).cdf).pvalue < 1e-9, "another T_max shows"
    np.testing.assert_array_equal(candidate, 0)
    np.testing.assert_array_equal(np.concatenate(forget_biases(None)), 0)


def test_chronological_biases_are_there_also_where_fit_builds_the_model_and_follow_the_seed():
    found = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        cell = CELLS.find("janet").build(UNITS, longest=50)
        model = keras.Sequential([keras.layers.RNN(cell), keras.layers.Dense(1)])
        model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse", jit_compile=False)
        model.fit(normal(1, BATCH, 2, FEATURES), normal(2, BATCH, 1), verbose=0)
        found.append(cell.bias.numpy()[:UNITS])
    assert ((found[0] >= 0) & (found[0] <= np.log(49))).all()
    assert len(set(found[0])) == UNITS
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[0] != found[2]).all()


@pytest.mark.parametrize("longest", [2, 0, -5, 2.5, True, "10"])
def test_a_longest_dependency_is_a_whole_number_that_leaves_a_choice(longest):
    expected = r"^JANETCell: expected `longest` to be None or a whole number from 3 to 1,000,000. Received: longest="
    with pytest.raises(ValueError, match=expected):
        CELLS.find("janet").build(UNITS, longest=longest)
    with pytest.raises(
        UserError, match=r"^janet.longest: received .*, expected one of None, a whole number from 3 to 1,000,000$"
    ):
        CELLS.find("janet").layer(UNITS, {"longest": longest})


def test_chronological_initialisation_needs_a_bias():
    with pytest.raises(ValueError, match="expected `longest` to be None with use_bias=False. Received: longest=9"):
        CELLS.find("janet").build(UNITS, longest=9, use_bias=False)


# --- minGRU and minLSTM ---


def test_one_step_of_min_gru_by_hand():
    """x = 2, h = −0.5, which a positive candidate never makes: z = σ(1·2 − 2) = 0.5, candidate g(0.5·2) = 1.5.

    0.5·(−0.5) + 0.5·1.5 = 0.5; and with the candidate's weight negated g(−1) = σ(−1) = 0.268941: −0.115529
    """
    for weight, expected in ((0.5, 0.5), (-0.5, -0.115529)):
        cell = with_weights(CELLS.find("min_gru").build(1), [[1.0, weight]], [-2.0, 0.0])
        found = step(cell, np.array([[2.0]], "float32"), np.array([[-0.5]], "float32"))
        np.testing.assert_allclose(found, expected, atol=2e-6)


def test_one_step_of_min_lstm_by_hand():
    """x = 2, h = 4; f = σ(2) = 0.880797, i = σ(0) = 0.5, f' = 0.637890; candidate g(1) = 1.5.

    0.637890·4 + 0.362110·1.5 = 3.094725
    """
    cell = with_weights(CELLS.find("min_lstm").build(1), [[1.0, 0.0, 0.5]], [0.0, 0.0, 0.0])
    found = step(cell, np.array([[2.0]], "float32"), np.array([[4.0]], "float32"))
    np.testing.assert_allclose(found, 3.094725, atol=2e-6)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_min_lstm_divides_gates_that_are_both_too_small_for_the_type(dtype):
    """f = σ(−300), i = σ(−301): neither is a float32, but f / (f + i) = σ(1) = 0.731059."""
    cell = CELLS.find("min_lstm").build(1, dtype=dtype)
    cell = with_weights(cell, [[0.0, 0.0, 0.0]], [-300.0, -301.0, 0.0])
    found = cell(tf.zeros((1, 1), dtype), [tf.ones((1, 1), dtype)])[0].numpy()
    np.testing.assert_allclose(found, 0.731059 + 0.268941 * 0.5, rtol=1e-3 if dtype == "float16" else 1e-6)


def test_min_lstm_needs_the_logistic_function():
    with pytest.raises(ValueError, match="expected `recurrent_activation` to be 'sigmoid'. Received: .*='hard_sigmoid'"):
        CELLS.find("min_lstm").build(UNITS, recurrent_activation="hard_sigmoid")
