"""Weights of a GRU in every layout: the same function, round trips exact to the bit, losses refused.

What is compared with: the equations of a text with concatenated matrices, written out below; the GRU cell's step in
NumPy; Keras' own cells; TensorFlow's GRUBlockCell.
"""

from dataclasses import replace
from itertools import product

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit as sigmoid

from gru_tf.recurrent import gates
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.cells.gru import GRUCell
from gru_tf.recurrent.cells.janet import JANETCell
from gru_tf.recurrent.gates import GATES, LAYOUTS, GateWeights, Layout, Packed, convert, from_layer, layout, load, read

BATCH, FEATURES, UNITS = 4, 3, 5
FLOAT64 = 1e-12
FLOAT32 = 1e-5
MOVED = 1e-3  # far beyond both: what a comparison cannot miss
FORMS = list(product(("keep", "write"), (True, False)))
ROWS, COLUMNS = "concatenated", "concatenated_columns"


def normal(seed, *shape):
    """The same numbers at each call, all of which float32 holds exactly."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32").astype("float64")


X, H = normal(1, BATCH, FEATURES), normal(2, BATCH, UNITS)


def concatenated(biases=True):
    """Weights as a text gives them: matrices (H + I, H) over [h, x], one bias a gate."""
    matrices = {f"W_{g}": normal([3, i], UNITS + FEATURES, UNITS) for i, g in enumerate("zrh")}
    return matrices | ({f"b_{g}": normal([4, i], UNITS) for i, g in enumerate("zrh")} if biases else {})


def by_text(weights, convention, reset_after):
    """One step with a text's weights, as the text has it: a product with [h, x] for each gate."""
    bias = {g: weights.get(f"b_{g}", 0.0) for g in "zrh"}
    z, r = (sigmoid(np.concatenate([H, X], axis=1) @ weights[f"W_{g}"] + bias[g]) for g in "zr")
    w = weights["W_h"]
    if reset_after:
        candidate = np.tanh(X @ w[UNITS:] + bias["h"] + r * (H @ w[:UNITS]))
    else:
        candidate = np.tanh(np.concatenate([r * H, X], axis=1) @ w + bias["h"])
    return z * H + (1 - z) * candidate if convention == "keep" else (1 - z) * H + z * candidate


def by_numpy(weights, convention, reset_after):
    """One step of `gru_tf.recurrent.cells.gru` in NumPy with Keras' arrays."""
    rows = (2, 3 * UNITS) if reset_after else (3 * UNITS,)
    weights = {"bias": np.zeros(rows), **weights}
    return CELLS.find("gru").step(X, [H], weights, reset_after=reset_after, convention=convention)[0]


def by_keras(cell):
    """One step of a Keras cell."""
    return cell(tf.constant(X, cell.compute_dtype), [tf.constant(H, cell.compute_dtype)])[1][0].numpy()


def built(kind, seed=None, **options):
    """A cell in float64 with its weights, random ones where a seed is given."""
    cell = kind(UNITS, **{"dtype": "float64", **options})
    cell.build((None, FEATURES))
    if seed is not None:
        cell.set_weights([normal([seed, i], *w.shape) for i, w in enumerate(cell.weights)])
    return cell


def same_bits(one, other):
    """Whether two sets of arrays are equal to the bit, signs of zeros and types included."""
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].dtype == other[name].dtype
        assert one[name].shape == other[name].shape
        assert one[name].tobytes() == other[name].tobytes(), name
    return True


def own(convention, reset_after):
    """The layout of a `gru_tf.GRUCell`."""
    return layout("keras" if reset_after else "keras_reset_before", convention)


# --- the function computed stays the same ---


@pytest.mark.parametrize(("convention", "reset_after"), FORMS)
@pytest.mark.parametrize("target", ["keep", "write"])
@pytest.mark.parametrize("biases", [True, False])
def test_a_texts_weights_compute_the_texts_function(convention, reset_after, target, biases):
    expected = by_text(concatenated(biases), convention, reset_after)
    text = layout(ROWS, convention, reset_after)
    arrays = convert(concatenated(biases), text, own(target, reset_after))
    np.testing.assert_allclose(by_numpy(arrays, target, reset_after), expected, rtol=0, atol=FLOAT64)
    for use_bias in (True, False) if not biases else (True,):
        cell = built(GRUCell, seed=9, reset_after=reset_after, convention=target, use_bias=use_bias)
        load(cell, read(concatenated(biases), text))
        np.testing.assert_allclose(by_keras(cell), expected, rtol=0, atol=FLOAT64)


@pytest.mark.parametrize("reset_after", [True, False])
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("convention", ["keep", "write"])
def test_stock_and_custom_cells_interchange(reset_after, use_bias, convention):
    options = {"reset_after": reset_after, "use_bias": use_bias}
    stock = built(keras.layers.GRUCell, seed=5, **options)
    custom = built(GRUCell, convention=convention, **options)
    load(custom, from_layer(stock))
    np.testing.assert_allclose(by_keras(custom), by_keras(stock), rtol=0, atol=FLOAT64)
    back = built(keras.layers.GRUCell, **options)
    load(back, from_layer(custom))
    for one, other in zip(back.get_weights(), stock.get_weights(), strict=True):
        assert one.tobytes() == other.tobytes()
    if convention == "keep":  # the same arrays, not only the same function
        for one, other in zip(custom.get_weights(), stock.get_weights(), strict=True):
            assert one.tobytes() == other.tobytes()


def test_layers_interchange_as_their_cells_do():
    stock = keras.layers.GRU(UNITS, return_sequences=True)
    custom = keras.layers.RNN(GRUCell(UNITS, convention="write"), return_sequences=True)
    x = normal(6, BATCH, 7, FEATURES).astype("float32")
    for layer in (stock, custom):
        layer.build(x.shape)
    stock.set_weights([normal([5, i], *w.shape) for i, w in enumerate(stock.weights)])
    load(custom, from_layer(stock))
    np.testing.assert_allclose(custom(x), stock(x), rtol=0, atol=FLOAT32)


def test_the_matrices_of_the_derivation_are_those_of_a_text_cut_in_two():
    text = layout(COLUMNS, "write", reset_after=False)
    columns = {name: w.T for name, w in concatenated(biases=False).items()}
    seven = convert(columns, text, "derivation")
    for g in "zrh":
        np.testing.assert_array_equal(seven[f"W_{g}h"], columns[f"W_{g}"][:, :UNITS])
        np.testing.assert_array_equal(seven[f"W_{g}x"], columns[f"W_{g}"][:, UNITS:])
    assert list(seven) == ["W_zx", "W_zh", "W_rx", "W_rh", "W_hx", "W_hh"]


def test_one_bias_stands_for_two_but_within_the_reset():
    cell = built(GRUCell, seed=7)
    bias = cell.bias.numpy()
    with pytest.raises(ValueError, match="expected c_h = 0, for with reset_after=True it acts through the reset gate"):
        from_layer(cell).with_one_bias()
    bias[1, -UNITS:] = 0
    cell.bias.assign(bias)
    text = from_layer(cell).with_one_bias().write(ROWS)
    np.testing.assert_allclose(by_text(text, "keep", reset_after=True), by_keras(cell), rtol=0, atol=FLOAT64)


def test_before_the_product_one_bias_stands_for_two_in_the_candidate_too():
    blocks = dict(read(concatenated(), layout(ROWS, "keep", reset_after=False)).blocks)
    halves = {f"c_{g}": normal([8, i], UNITS) for i, g in enumerate("zrh")}
    two = GateWeights({**blocks, **halves}, "keep", reset_after=False)
    merged = two.with_one_bias()
    for g in "zrh":
        np.testing.assert_array_equal(merged.blocks[f"b_{g}"], blocks[f"b_{g}"] + halves[f"c_{g}"])
    assert not [name for name in merged.blocks if name.startswith("c")]
    alone = GateWeights({name: b for name, b in {**blocks, **halves}.items() if name[0] != "b"}, "keep", reset_after=False)
    np.testing.assert_array_equal(alone.with_one_bias().blocks["b_r"], halves["c_r"])


# --- round trips ---


@pytest.mark.parametrize(("convention", "reset_after"), FORMS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("form", [ROWS, COLUMNS])
def test_there_and_back_is_exact_to_the_bit(form, convention, reset_after, dtype, biases):
    there = {name: w.astype(dtype) for name, w in concatenated(biases).items()}
    if form == COLUMNS:
        there = {name: np.ascontiguousarray(w.T) for name, w in there.items()}
    there["W_z"][0, :2] = 0.0, -0.0  # a sign that negating must give back
    text = layout(form, convention, reset_after)
    for target in [own(other, reset_after) for other in ("keep", "write")]:
        assert same_bits(convert(convert(there, text, target), target, text), there)


@pytest.mark.parametrize("convention", ["keep", "write"])
def test_a_cells_two_biases_survive_the_other_convention_to_the_bit(convention):
    cell = built(GRUCell, seed=5, convention=convention)
    weights = {w.name: w.numpy() for w in cell.weights}
    other = {"keep": "write", "write": "keep"}[convention]
    there = from_layer(cell).write(layout("keras", other))
    sign = np.repeat([-1.0, 1.0, 1.0], UNITS)
    for name in weights:
        np.testing.assert_array_equal(there[name], weights[name] * sign)
    assert same_bits(convert(there, layout("keras", other), layout("keras", convention)), weights)


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_is_whole_and_comes_back_from_a_list_too(name):
    known = LAYOUTS[name]
    blocks = [block for packed in known.arrays for row in packed.rows for block in row]
    assert len(blocks) == len(set(blocks))
    assert {f"{letter}_{gate}" for letter in "WU" for gate in GATES[known.cell]} <= set(blocks)
    assert known.reference
    arrays = {packed.name: normal([7, i], *packed.shape(FEATURES, UNITS)) for i, packed in enumerate(known.arrays)}
    settled = known
    if known.cell == "gru":
        settled = replace(known, convention=known.convention or "keep", reset_after=bool(known.reset_after))
    assert same_bits(read(arrays, settled, UNITS).write(settled), arrays)
    assert same_bits(read(list(arrays.values()), settled, UNITS).write(settled), arrays)


def test_what_is_read_and_written_shares_no_memory_with_what_was_given():
    arrays = concatenated()
    before = {name: w.copy() for name, w in arrays.items()}
    text = layout(ROWS, "write", reset_after=False)
    found = read(arrays, text)
    for written in found.write(text).values():
        written[...] = 1
    for block in found.blocks.values():
        block[...] = 1
    assert same_bits(arrays, before)


def test_whole_numbers_become_floating_ones():
    ones = {name: np.ones(w.shape, "uint8") for name, w in concatenated().items()}
    kernel = convert(ones, layout(ROWS, "write", reset_after=False), "keras_reset_before")["kernel"]
    np.testing.assert_array_equal(kernel, np.repeat([-1.0, 1.0, 1.0], UNITS) * np.ones((FEATURES, 1)))


# --- a foreign layout is data ---

TF1 = Layout(
    "tf1",
    (
        Packed("gates_kernel", (("W_r", "W_z"), ("U_r", "U_z"))),
        Packed("candidate_kernel", (("W_h",), ("U_h",))),
        Packed("gates_bias", (("b_r", "b_z"),)),
        Packed("candidate_bias", (("b_h",),)),
    ),
    "keep",
    False,
    "tf.raw_ops.GRUBlockCell",
)


def test_a_foreign_layout_is_an_entry_and_computes_the_same():
    cell = built(GRUCell, seed=5, reset_after=False, convention="write")
    arrays = {name: array.astype("float32") for name, array in from_layer(cell).write(TF1).items()}
    names = {"gates_kernel": "w_ru", "candidate_kernel": "w_c", "gates_bias": "b_ru", "candidate_bias": "b_c"}
    given = {names[name]: tf.constant(array) for name, array in arrays.items()}
    *_, h = tf.raw_ops.GRUBlockCell(x=tf.constant(X, "float32"), h_prev=tf.constant(H, "float32"), **given)
    np.testing.assert_allclose(h, by_keras(cell), rtol=0, atol=FLOAT32)


# --- shown able to fail ---


def renamed(known, **names):
    """The layout with blocks taken for others, all at once."""
    arrays = [
        replace(packed, rows=tuple(tuple(names.get(block, block) for block in row) for row in packed.rows))
        for packed in known.arrays
    ]
    return replace(known, arrays=tuple(arrays))


def swapped(known, one, other):
    """The layout with two gates' blocks, matrices and biases, exchanged."""
    pairs = {f"{letter}_{one}": f"{letter}_{other}" for letter in "WUbc"}
    return renamed(known, **pairs, **{b: a for a, b in pairs.items()})


def upside_down(known):
    """The layout with x rows first."""
    arrays = [replace(packed, rows=packed.rows[::-1]) for packed in known.arrays]
    return replace(known, arrays=tuple(arrays))


TEXT = layout(ROWS, "write", reset_after=False)
WRONG = {
    "gates z and r permuted": swapped(TEXT, "z", "r"),
    "gates z and h permuted": swapped(TEXT, "z", "h"),
    "gates r and h permuted": swapped(TEXT, "r", "h"),
    "sign not flipped": replace(TEXT, convention="keep"),
    "biases z and r swapped": renamed(TEXT, b_z="b_r", b_r="b_z"),
    "biases z and h swapped": renamed(TEXT, b_z="b_h", b_h="b_z"),
    "biases r and h swapped": renamed(TEXT, b_r="b_h", b_h="b_r"),
}


def moved_by(source, weights=None):
    """How far a wrong reading of a text moves what a cell in "keep" computes."""
    given = concatenated() if weights is None else weights
    cell = built(GRUCell, reset_after=False)
    load(cell, read(given, source))
    return np.abs(by_keras(cell) - by_text(concatenated(), "write", reset_after=False)).max()


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_reading_is_noticed(wrong):
    assert moved_by(TEXT) < FLOAT64
    assert moved_by(wrong) > MOVED


def test_rows_of_h_and_x_swapped_are_noticed():
    turned = {name: np.roll(w, FEATURES, axis=0) if w.ndim == 2 else w for name, w in concatenated().items()}
    assert moved_by(TEXT, turned) > MOVED
    # a layout with x first reads them right
    assert moved_by(upside_down(TEXT), turned) < FLOAT64


def test_biases_dropped_or_swapped_between_input_and_state_are_noticed():
    assert moved_by(TEXT, concatenated(biases=False)) > MOVED
    cell, other = built(GRUCell, seed=5), built(GRUCell)
    load(other, read(from_layer(cell).write("keras"), swapped_rows()))
    assert np.abs(by_keras(other) - by_keras(cell)).max() > MOVED


def swapped_rows():
    """Keras' layout with the state's bias above the input's."""
    known = LAYOUTS["keras"]
    return replace(known, arrays=(*known.arrays[:2], replace(known.arrays[2], rows=known.arrays[2].rows[::-1])))


@pytest.mark.parametrize("letter", "WUbc")
def test_every_block_of_the_update_gate_must_change_its_sign(letter):
    weights = from_layer(built(GRUCell, seed=5))
    right = weights.in_convention("write")
    blocks = {**right.blocks, f"{letter}_z": weights.blocks[f"{letter}_z"]}
    expected = by_numpy(weights.write("keras"), "keep", reset_after=True)
    for trial, same in ((right, True), (replace(right, blocks=blocks), False)):
        actual = by_numpy(trial.write(layout("keras", "write")), "write", reset_after=True)
        assert (np.abs(actual - expected).max() < FLOAT64) == same


# --- what is refused ---


def message(call, *args, **options):
    """What a refused call says."""
    with pytest.raises(ValueError, match="^(gates|GateWeights): ") as refused:
        call(*args, **options)
    return str(refused.value)


def with_array(name, array, biases=True):
    return {**concatenated(biases), name: array}


SHAPES = [
    (with_array("W_z", np.zeros((5, 8))), "expected W_z of shape (H + I, H). Received: shape (5, 8)"),
    (with_array("W_z", np.zeros(8)), "expected W_z of shape (H + I, H). Received: shape (8,)"),
    (with_array("W_z", np.zeros((0, 0))), "expected W_z of shape (H + I, H). Received: shape (0, 0)"),
    (
        with_array("W_r", np.zeros((9, 5))),
        "expected W_r of shape (H + I, H) = (8, 5), with I = 3 and H = 5 by W_z. Received: shape (9, 5)",
    ),
    (
        with_array("b_h", np.zeros((1, 5))),
        "expected b_h of shape (H,) = (5,), with I = 3 and H = 5 by W_z. Received: shape (1, 5)",
    ),
]


@pytest.mark.parametrize(("weights", "expected"), SHAPES)
def test_a_wrong_shape_is_refused(weights, expected):
    assert message(read, weights, TEXT) == f"gates: {expected}"


KERAS_SHAPES = [
    ("keras", [(3, 14), (5, 15), (2, 15)], "kernel of shape (I, 3H). Received: shape (3, 14)"),
    ("keras", [(3, 15), (15, 5), (2, 15)], "recurrent_kernel of shape (H, 3H) = (5, 15), with I = 3 and H = 5 by kernel."),
    ("keras", [(3, 15), (5, 15), (15,)], "bias of shape (2, 3H) = (2, 15), with I = 3 and H = 5 by kernel."),
    ("keras_reset_before", [(3, 15), (5, 15), (2, 15)], "bias of shape (3H,) = (15,), with I = 3 and H = 5 by kernel."),
    (COLUMNS, [(8, 5)] * 3, "W_z of shape (H, H + I). Received: shape (8, 5)"),
    ("derivation", [(5, 3), (3, 5), *[(5, 3), (5, 5)] * 2], "W_zh of shape (H, H) = (5, 5), with I = 3 and H = 5 by W_zx."),
]


@pytest.mark.parametrize(("name", "shapes", "expected"), KERAS_SHAPES)
def test_a_wrong_shape_is_refused_in_every_layout(name, shapes, expected):
    known = replace(LAYOUTS[name], convention="keep", reset_after=True)
    assert message(read, [np.zeros(shape) for shape in shapes], known).startswith(f"gates: expected {expected}")


def test_missing_and_unknown_arrays_are_refused():
    all_or_no_biases = "gates: expected W_z, W_r, W_h, b_z, b_r, b_h, or W_z, W_r, W_h in layout 'concatenated'. Received: "
    weights = concatenated()
    del weights["b_r"]
    assert message(read, weights, TEXT) == all_or_no_biases + "W_z, W_r, W_h, b_z, b_h"
    unknown = {**concatenated(biases=False), "W_o": np.zeros((1, 5))}
    assert message(read, unknown, TEXT) == all_or_no_biases + "W_z, W_r, W_h, W_o"
    assert message(read, [np.zeros((8, 5))] * 4, TEXT) == all_or_no_biases + "4 arrays"
    expected = "gates: expected W_zx, W_zh, W_rx, W_rh, W_hx, W_hh in layout 'derivation'. Received: 1 arrays"
    assert message(read, [np.zeros((8, 5))], "derivation") == expected


def test_a_text_must_say_its_convention_and_reset():
    for known in (ROWS, layout(ROWS, "write"), layout(ROWS, reset_after=True)):
        assert "expected a convention and a reset with layout 'concatenated', such as layout(" in message(
            read, concatenated(), known
        )


def test_an_open_target_keeps_the_convention_of_the_weights():
    assert same_bits(from_layer(_loaded("write")).write(ROWS), concatenated())


def _loaded(convention):
    cell = built(GRUCell, reset_after=False, convention=convention)
    load(cell, read(concatenated(), TEXT))
    return cell


def test_unknown_layouts_conventions_and_resets_are_refused():
    near = message(layout, "concatenate")
    assert near.endswith("tf1_rnn. Did you mean 'concatenated'? Received: name='concatenate'")
    assert message(layout, ROWS, "kept").endswith(
        "expected `convention` to be 'keep' or 'write'. Received: convention='kept'"
    )
    assert message(layout, "keras", reset_after=False) == (
        "gates: expected reset_after=True in layout 'keras'. Received: False"
    )
    assert "Received: convention=None" in message(from_layer(built(GRUCell, seed=1)).in_convention, None)
    assert message(GateWeights, {"W_z": X}, "keep", True) == (
        "GateWeights: expected blocks W_z, W_r, W_h, U_z, U_r, U_h. Received: W_z"
    )


@pytest.mark.parametrize("reset_after", [True, False])
def test_reset_before_and_after_never_become_each_other(reset_after):
    found = read(concatenated(), layout(ROWS, "keep", reset_after))
    cell = built(GRUCell, seed=5, reset_after=not reset_after)
    before = cell.get_weights()
    refused = (
        f"gates: expected weights with reset_after={not reset_after}, for reset before and after are different functions"
        f" and no weights of the one compute the other. Received: reset_after={reset_after}"
    )
    assert message(load, cell, found) == refused
    assert message(found.write, own("keep", not reset_after)) == refused
    for one, other in zip(before, cell.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_bias_without_a_place_is_refused_and_a_zero_one_is_not():
    cell = built(GRUCell, seed=5)
    assert "expected c_" in message(from_layer(cell).write, ROWS)
    assert "has no place for it. Received: c_" in message(from_layer(cell).write, ROWS)
    bias = cell.bias.numpy()
    bias[1] = 0
    cell.bias.assign(bias)
    text = from_layer(cell).write(ROWS)
    np.testing.assert_allclose(by_text(text, "keep", reset_after=True), by_keras(cell), rtol=0, atol=FLOAT64)
    without = built(GRUCell, seed=5, use_bias=False)
    assert "layout 'keras' without biases has no place for it" in message(load, without, from_layer(cell))
    cell.bias.assign(0 * bias)
    load(without, from_layer(cell))
    np.testing.assert_allclose(by_keras(without), by_keras(cell), rtol=0, atol=FLOAT64)


def test_biases_are_written_where_the_caller_wants_them():
    found = read(concatenated(biases=False), TEXT)
    assert list(found.write(TEXT)) == ["W_z", "W_r", "W_h"]
    assert same_bits(
        found.write(TEXT, biases=True), {**concatenated(biases=False), **{f"b_{g}": np.zeros(UNITS) for g in "zrh"}}
    )


def test_what_is_no_gru_or_has_no_weights_is_refused():
    assert "expected a GRU, LSTM or plain RNN cell, or a layer with one. Received: <JANETCell" in message(
        from_layer, JANETCell(UNITS)
    )
    assert "expected a cell with weights; build it first" in message(from_layer, GRUCell(UNITS))
    assert "expected a cell with weights" in message(from_layer, keras.layers.GRU(UNITS))


@pytest.mark.parametrize(("activation", "symmetric"), [("sigmoid", True), ("hard_sigmoid", True), ("softsign", False)])
def test_the_other_convention_needs_gates_that_are_symmetric(activation, symmetric):
    keep, write = (built(GRUCell, seed=5, convention=c, recurrent_activation=activation) for c in ("keep", "write"))
    if symmetric:
        load(write, from_layer(keep))
        np.testing.assert_allclose(by_keras(write), by_keras(keep), rtol=0, atol=FLOAT64)
    else:
        assert message(load, write, from_layer(keep)).endswith("Received: convention='keep', recurrent_activation=softsign")
        load(built(GRUCell, recurrent_activation=activation), from_layer(keep))  # nothing to convert


def test_weights_of_another_size_are_refused_and_leave_the_cell_as_it_was():
    cell = built(GRUCell, seed=5)
    before = cell.get_weights()
    bigger = keras.layers.GRUCell(UNITS + 1)
    bigger.build((None, FEATURES))
    assert message(load, cell, from_layer(bigger)) == (
        "gates: expected kernel of shape (3, 15). Received: weights for shape (3, 18)"
    )
    for one, other in zip(before, cell.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_public_name_is_there():
    assert all(getattr(gates, name).__doc__ or isinstance(getattr(gates, name), dict) for name in gates.__all__)


def test_former_names_stay():
    from gru_tf.recurrent import gates

    assert gates.of is from_layer
    assert gates.Gates is GateWeights
