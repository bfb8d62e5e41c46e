"""Every layout of recurrent weights: what its owner computes, round trips exact to the bit, every mutation noticed.

The owners are in `owners`: Keras' layers and Keras 2's converter, cuDNN by its documentation, PyTorch, ONNX Runtime and
ONNX's reference evaluator, TensorFlow 1's kernels and cells, and texts.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from itertools import combinations, product

import numpy as np
import owners
import pytest
import tensorflow as tf
from scipy.special import expit as sigmoid

from gru_tf.recurrent.gates import GATES, LAYOUTS, Layout, convert, from_layer, layout, read
from gru_tf.recurrent.gates.layouts import CONVENTIONS

BATCH, TIMESTEPS = 4, 3
FLOAT64, FLOAT32 = 1e-12, 1e-5
MOVED = 1e-3  # far beyond both: what a comparison cannot miss


def normal(seed, *shape):
    """The same numbers at each call, all of which float32 holds exactly."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32").astype("float64")


def settled(known):
    """A layout in every convention and with every reset that it leaves open; one of a GRU alone leaves any."""
    conventions = (known.convention,) if known.convention or known.cell != "gru" else CONVENTIONS
    resets = (known.reset_after,) if known.reset_after is not None or known.cell != "gru" else (True, False)
    return [replace(known, convention=c, reset_after=r) for c, r in product(conventions, resets)]


def called(known):
    """A test's name."""
    open_ = LAYOUTS[known.name]
    convention = f"-{known.convention}" if known.convention != open_.convention else ""
    reset = f"-{'after' if known.reset_after else 'before'}" if known.reset_after != open_.reset_after else ""
    return f"{known.name}{convention}{reset}"


ALL = [meant for known in LAYOUTS.values() for meant in settled(known)]
every_layout = pytest.mark.parametrize("known", ALL, ids=called)


def sizes(known):
    """Features and units: apart, alike, and such that the kernels of all gates together are square."""
    return [(3, 5), (4, 4), (3 * len(GATES[known.cell]), 3)]


def filled(known, features=3, units=5, dtype="float64", biases=True):
    """Random arrays that lie as the layout says."""
    return {
        packed.name: normal([7, i], *packed.shape(features, units)).astype(dtype)
        for i, packed in enumerate(known.arrays)
        if biases or not packed.holds_biases
    }


def given(known, features, units):
    """Inputs (batch, T, I) and first states, each (batch, H)."""
    states = [normal([9, n], BATCH, units) for n in range(owners.STATES[known.cell])]
    return normal(8, BATCH, TIMESTEPS, features), states


def by_blocks(gates, x, states):
    """The equations of `gru_tf.recurrent.gates` with canonical blocks: what the names W, U, b and c mean."""
    w = dict.fromkeys((f"{letter}_{g}" for letter in "bc" for g in GATES[gates.cell]), 0.0) | dict(gates.blocks)

    def whole(g, x_t, h):
        return x_t @ w[f"W_{g}"] + w[f"b_{g}"] + h @ w[f"U_{g}"] + w[f"c_{g}"]

    def step(x_t, now):
        h = now[0]
        if gates.cell == "rnn":
            return [np.tanh(whole("h", x_t, h))]
        if gates.cell == "lstm":
            i, f, o = (sigmoid(whole(g, x_t, h)) for g in "ifo")
            c = f * now[1] + i * np.tanh(whole("c", x_t, h))
            return [o * np.tanh(c), c]
        z, r = sigmoid(whole("z", x_t, h)), sigmoid(whole("r", x_t, h))
        if gates.reset_after:
            candidate = np.tanh(x_t @ w["W_h"] + w["b_h"] + r * (h @ w["U_h"] + w["c_h"]))
        else:
            candidate = np.tanh(whole("h", x_t, r * h))
        return [owners.new_state(z, h, candidate, gates.convention)]

    return owners.over_time(step, x, states)


def apart(one, other):
    """The largest difference of any state."""
    return max(np.abs(a - b).max() for a, b in zip(one, other, strict=True))


# --- each owner computes the function that its arrays are read as ---

torch = pytest.mark.torch
OWNERS = {
    "keras": [(owners.keras_layer("gru"), FLOAT64)],
    "keras_reset_before": [(owners.keras_layer("gru"), FLOAT64)],
    "keras_lstm": [(owners.keras_layer("lstm"), FLOAT64)],
    "keras_rnn": [(owners.keras_layer("rnn"), FLOAT64)],
    "legacy_cudnn_gru": [(owners.legacy_cudnn("gru"), FLOAT64)],
    "legacy_cudnn_lstm": [(owners.legacy_cudnn("lstm"), FLOAT64)],
    **{f"cudnn_{cell}": [(owners.cudnn_parameters(cell), FLOAT64)] for cell in GATES},
    **{f"pytorch_{cell}": [(owners.pytorch(cell), FLOAT64)] for cell in GATES},
    **{f"onnx_{c}": [(owners.onnx_node(c, True), FLOAT32), (owners.onnx_node(c, False), FLOAT64)] for c in GATES},
    "tf1_gru": [(owners.gru_block, FLOAT32), (owners.rnn_cell("GRUCell"), FLOAT64)],
    "tf1_lstm": [
        (owners.lstm_block, FLOAT32),
        (owners.block_lstm, FLOAT32),
        (owners.rnn_cell("BasicLSTMCell", forget_bias=0.0), FLOAT64),
        (owners.rnn_cell("LSTMCell", forget_bias=0.0), FLOAT64),
    ],
    "tf1_rnn": [(owners.rnn_cell("BasicRNNCell"), FLOAT64)],
    "concatenated": [(owners.text(columns=False), FLOAT64)],
    "concatenated_columns": [(owners.text(columns=True), FLOAT64)],
    "derivation": [(owners.six_matrices, FLOAT64)],
}
OWNED = [
    pytest.param(meant, owner, within, id=f"{called(meant)}-{n}", marks=[torch] if name.startswith("pytorch") else [])
    for name, known in LAYOUTS.items()
    for meant in settled(known)
    for n, (owner, within) in enumerate(OWNERS[name])
]


@pytest.mark.parametrize(("known", "owner", "within"), OWNED)
def test_the_owner_computes_the_same_with_what_is_read_and_written(known, owner, within):
    if known.name.startswith("pytorch"):
        pytest.importorskip("torch")
    for features, units in sizes(known)[:2]:
        arrays, (x, states) = filled(known, features, units), given(known, features, units)
        gates = read(arrays, known, units)
        expected = owner(arrays, known.convention, known.reset_after, x, states)
        assert apart(by_blocks(gates, x, states), expected) < within
        if known.cell == "gru":  # from the other convention's blocks, as a model of that convention gives them
            other = gates.in_convention(next(c for c in CONVENTIONS if c != known.convention))
            assert apart(by_blocks(other, x, states), expected) < FLOAT64 + within
            again = other.write(known)
            assert apart(owner(again, known.convention, known.reset_after, x, states), expected) == 0


def test_every_layout_has_an_owner():
    assert OWNERS.keys() == LAYOUTS.keys()


@pytest.mark.parametrize("forget_bias", [1.0, 0.5])
def test_a_forget_bias_added_at_run_time_becomes_a_weight(forget_bias):
    known = LAYOUTS["tf1_lstm"]
    arrays, (x, states) = filled(known), given(known, 3, 5)
    expected = owners.rnn_cell("BasicLSTMCell", forget_bias=forget_bias)(arrays, None, None, x, states)
    gates = read(arrays, known)
    assert apart(by_blocks(gates.with_forget_bias(forget_bias), x, states), expected) < FLOAT64
    assert apart(by_blocks(gates, x, states), expected) > MOVED


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_legacy_cudnn_files_are_converted_to_the_bit_as_keras_2_does(cell):
    legacy, stock = f"legacy_cudnn_{cell}", "keras" if cell == "gru" else f"keras_{cell}"
    arrays = filled(LAYOUTS[legacy], dtype="float32")
    layer = owners.KERAS[cell](5)
    expected = owners.keras_2_converter()(layer, list(arrays.values()))
    gates = read(arrays, legacy)
    written = (gates if cell == "gru" else gates.with_one_bias()).write(stock)
    for array, theirs in zip(written.values(), expected, strict=True):
        np.testing.assert_array_equal(array, theirs)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_keras_hands_cudnn_the_parameters_that_are_written(cell, monkeypatch):
    rnn = import_module("keras.src.backend.tensorflow.rnn")

    class HandedOver(Exception):  # noqa: N818
        pass

    def hand_over(params, **_):
        raise HandedOver(params.numpy())

    monkeypatch.setattr(tf.raw_ops, "CudnnRNNV3", hand_over)
    monkeypatch.setattr(tf.sysconfig, "get_build_info", lambda: {"is_cuda_build": True, "is_rocm_build": False})
    layer = owners.KERAS[cell](5, dtype="float64")
    layer.build((BATCH, TIMESTEPS, 3))
    layer.set_weights([normal([3, i], *w.shape) for i, w in enumerate(layer.weights)])
    known = LAYOUTS["keras" if cell == "gru" else "keras_lstm"]
    x, states = given(known, 3, 5)
    call = getattr(rnn, f"_cudnn_{cell}")
    with pytest.raises(HandedOver) as handed:
        call(tf.constant(x), *map(tf.constant, states), *layer.get_weights(), None, False, False, True)
    (theirs,) = handed.value.args
    gates = from_layer(layer)
    if cell == "lstm":  # Keras puts its one bias beside the state
        gates = replace(gates, blocks={name.replace("b_", "c_"): block for name, block in gates.blocks.items()})
    np.testing.assert_array_equal(gates.write(f"cudnn_{cell}")["parameters"], theirs)


# --- round trips ---


def holds(target, name):
    """Whether a layout has a place for a block."""
    return any(name in packed.blocks for packed in target.arrays)


PAIRS = [(a, b) for a, b in product(ALL, ALL) if a.cell == b.cell and a.reset_after == b.reset_after]


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=called)
def test_there_and_back_is_exact_to_the_bit(source, target):
    for (features, units), dtype in product(sizes(source), ("float32", "float64")):
        whole = filled(source, features, units, dtype)
        next(iter(whole.values())).flat[:2] = 0.0, -0.0  # signs that negating must give back
        held = emptied(whole, source, target, units)
        if any(np.any(whole[name] != held[name]) for name in whole):
            with pytest.raises(ValueError, match=f"= 0, for layout '{target.name}' .*has no place for it"):
                convert(whole, source, target, units)
        kernels = {packed.name: held[packed.name] for packed in source.arrays if not packed.holds_biases}
        expected = held if any(name[0] in "bc" for packed in target.arrays for name in packed.blocks) else kernels
        assert same_bits(there_and_back(held, source, target, units), expected)
        back = there_and_back(kernels, source, target, units)
        assert same_bits({name: back[name] for name in kernels}, kernels)
        assert not any(np.any(back[name]) for name in back.keys() - kernels.keys())
        if not any(packed.flat for packed in target.arrays):  # one vector always has biases in it, zeros
            assert back.keys() == kernels.keys()


def emptied(whole, source, target, units):
    """Arrays of a source with zero for every block that a target has no place for."""
    gates = read(whole, source, units)
    blocks = {name: block if holds(target, name) else 0 * abs(block) for name, block in gates.blocks.items()}
    return replace(gates, blocks=blocks).write(source, biases=True)


def there_and_back(arrays, source, target, units):
    return convert(convert(arrays, source, target, units), target, source, units)


def same_bits(one, other):
    """Whether two sets of arrays are equal to the bit, signs of zeros and types included."""
    assert one.keys() == other.keys()
    for name in one:
        assert (one[name].dtype, one[name].shape) == (other[name].dtype, other[name].shape)
        assert one[name].tobytes() == other[name].tobytes(), name
    return True


@pytest.mark.parametrize("cell", GATES)
def test_layouts_of_other_cells_and_resets_are_refused(cell):
    gates = [read(filled(known), known, 5) for known in ALL if known.cell == cell]
    for found, target in product(gates, ALL):
        if (target.cell, target.reset_after) != (found.cell, found.reset_after):
            with pytest.raises(ValueError, match=f"^gates: expected weights (of cell '{target.cell}'|with reset_after=)"):
                found.write(target)


# --- every mutation is noticed ---


def renamed(known, names):
    """The layout with blocks taken for others, all at once."""
    arrays = (replace(p, rows=tuple(tuple(names.get(b, b) for b in row) for row in p.rows)) for p in known.arrays)
    return replace(known, arrays=tuple(arrays))


def exchanged(known, pairs):
    return renamed(known, {**dict(pairs), **{b: a for a, b in pairs}})


def with_array(known, number, **changes):
    arrays = (replace(packed, **changes) if n == number else packed for n, packed in enumerate(known.arrays))
    return replace(known, arrays=tuple(arrays))


def misreadings(known, square) -> Iterator[tuple[str, Layout]]:
    """What one can get wrong in a layout, each by a name."""
    gates = GATES[known.cell]
    for one, other in combinations(gates, 2):
        yield f"gates {one} and {other}", exchanged(known, [(f"{x}_{one}", f"{x}_{other}") for x in "WUbc"])
        for letter in "WUbc":
            yield f"{letter}_{one} and {letter}_{other}", exchanged(known, [(f"{letter}_{one}", f"{letter}_{other}")])
    yield "W and U", exchanged(known, [(f"W_{g}", f"U_{g}") for g in gates])
    yield "b and c", exchanged(known, [(f"b_{g}", f"c_{g}") for g in gates])
    for g in gates:
        yield f"b_{g} and c_{g}", exchanged(known, [(f"b_{g}", f"c_{g}")])
        if square:
            yield f"W_{g} and U_{g}", exchanged(known, [(f"W_{g}", f"U_{g}")])
    for n, packed in enumerate(known.arrays):
        if not packed.holds_biases:
            yield f"{packed.name} flat", with_array(known, n, flat=not packed.flat)
        if len(packed.rows) > 1:
            yield f"{packed.name} upside down", with_array(known, n, rows=packed.rows[::-1])
        if not packed.holds_biases and not packed.flat:
            yield f"{packed.name} transposed", with_array(known, n, transposed=not packed.transposed)
            yield f"{packed.name} folded", with_array(known, n, folded=not packed.folded)
    for (n, one), (m, other) in combinations(enumerate(known.arrays), 2):
        yield f"{one.name} and {other.name}", with_array(with_array(known, n, name=other.name), m, name=one.name)
    if known.cell == "gru":
        yield "convention", replace(known, convention=next(c for c in CONVENTIONS if c != known.convention))
        yield "reset", replace(known, reset_after=not known.reset_after)


def spoilings(known, arrays, units) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """What can be wrong with the arrays themselves."""
    for name, array in arrays.items():
        yield f"{name} missing", {other: a for other, a in arrays.items() if other != name}
        yield f"{name} transposed in the file", arrays | {name: array.T}
        yield f"{name} cut", arrays | {name: array[:-1]}
    kernels = {packed.name: arrays[packed.name] for packed in known.arrays if not packed.holds_biases}
    if kernels.keys() != arrays.keys():
        yield "biases missing", kernels
    gates = read(arrays, known, units)
    for name, block in gates.blocks.items():
        changed = {"negated": -block, "zero": 0 * block}
        if name[0] == "U":
            changed["transposed"] = block.T
        for what, wrong in changed.items():
            yield f"{name} {what}", replace(gates, blocks={**gates.blocks, name: wrong}).write(known, biases=True)


SAME = {  # one bias counts for both, but within the reset of a GRU
    "lstm": {"b and c", *(f"b_{g} and c_{g}" for g in "ifco"), "bias_ih and bias_hh"},
    "rnn": {"b and c", "b_h and c_h", "bias_ih and bias_hh"},
    "gru, reset before": {"b and c", *(f"b_{g} and c_{g}" for g in "zrh")},
    "gru, reset after": {"b_z and c_z", "b_r and c_r"},
}


def kind(known):
    return known.cell + {True: ", reset after", False: ", reset before", None: ""}[known.reset_after]


def outcomes(known, features, units, wrong=misreadings, spoilt=spoilings):
    """Name → how far the states move with it; None where it is refused. What changes nothing at all is left out."""
    arrays, (x, states) = filled(known, features, units), given(known, features, units)
    right = by_blocks(read(arrays, known, units), x, states)
    trials = [
        *((name, partial(read, arrays, other, units)) for name, other in wrong(known, features == units) if other != known),
        *((name, partial(read, o, known, units)) for name, o in spoilt(known, arrays, units) if not _equal(o, arrays)),
    ]
    found = {}
    for name, trial in trials:
        gates = unless_refused(trial)
        # an input kernel alone says how many features there are, and may say another number
        fits = gates is not None and (gates.features, gates.units) == (features, units)
        found[name] = apart(by_blocks(gates, x, states), right) if fits else None
    return found


def unless_refused(trial):
    """What a call gives; None where `gates` refuses it."""
    try:
        return trial()
    except ValueError as refused:
        if not str(refused).startswith("gates: "):
            raise
        return None


def _equal(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@every_layout
def test_every_mutation_is_noticed(known):
    for features, units in sizes(known):
        found = outcomes(known, features, units)
        same = {name for name, moved in found.items() if moved is not None and moved < FLOAT64}
        unclear = {name: moved for name, moved in found.items() if moved is not None and FLOAT64 <= moved <= MOVED}
        assert not unclear
        assert same == SAME[kind(known)] & found.keys()
        assert len(found) > 5 * len(GATES[known.cell])


@every_layout
def test_every_mutation_of_what_is_written_is_noticed(known):
    features, units = sizes(known)[1]
    gates, (x, states) = read(filled(known, features, units), known, units), given(known, features, units)
    for name, other in misreadings(known, square=True):
        if other == known or name in SAME[kind(known)]:
            continue
        written = unless_refused(partial(gates.write, other))
        again = written and unless_refused(partial(read, {p.name: written[p.name] for p in known.arrays}, known, units))
        assert not again or apart(by_blocks(again, x, states), by_blocks(gates, x, states)) > MOVED, name


def test_what_counts_as_the_same_was_met_in_every_case():
    met = {case: set() for case in SAME}
    for known in ALL:
        met[kind(known)] |= outcomes(known, 4, 4).keys()
    assert all(names <= met[case] for case, names in SAME.items())


def test_a_mutation_that_nothing_notices_is_reported():
    known = layout("keras", "keep")
    found = outcomes(known, 3, 5, lambda *_: [("nothing", replace(known, reference="as it was"))], lambda *_: [])
    assert found == {"nothing": 0}


def test_an_owner_notices_what_the_equations_notice():
    known = LAYOUTS["keras"]
    wrong = exchanged(known, [(f"{letter}_z", f"{letter}_r") for letter in "WUbc"])
    arrays, (x, states) = filled(known), given(known, 3, 5)
    swapped = read(arrays, wrong).write(known)
    expected = owners.keras_layer("gru")(arrays, "keep", True, x, states)
    assert apart(owners.keras_layer("gru")(swapped, "keep", True, x, states), expected) > MOVED
