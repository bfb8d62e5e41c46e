"""What a cell must do on any of Keras' backends: imports no backend, and each check is a plain function.

`tests/whole/test_every_cell.py` runs these checks in TensorFlow and adds those that only it can answer;
`tests/backends/test_cells.py` runs them wherever `KERAS_BACKEND` says.
"""

from itertools import combinations, product
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import pytest
from keras import ops

from gru_tf.recurrent.cells import CELLS, OF_ANY
from gru_tf.recurrent.cells._lora import KERNELS
from gru_tf.recurrent.layers.rnn import RNN

BATCH, STEPS, FEATURES, UNITS = 4, 7, 3, 6  # units that two heads share
FLOAT32 = 1e-5  # a few hundred float32 roundings of numbers near one
FLOAT64 = 1e-12
MOVED = 1e-3  # a hundred times FLOAT32: what the comparisons cannot miss


def combinations_of(spec):
    """Every combination of up to two own options, of more each alone and all together; then those that any cell has.

    The defaults come first.
    """
    own = [name for name in spec.options if name not in OF_ANY]
    defaults = {name: spec.examples(name)[0] for name in own}
    if len(own) <= 2:
        found = [dict(zip(own, values, strict=True)) for values in product(*map(spec.examples, own))]
    else:
        found = [defaults, *({**defaults, name: value} for name in own for value in spec.examples(name)[1:])]
        found.append({name: spec.examples(name)[-1] for name in own} | {other: defaults[other] for _, other in spec.apart})
    every = {name: spec.examples(name)[-1] for name in spec.options if name in OF_ANY}
    return [*found, {**defaults, **every}] if every else found


# (name, options, id) of every cell with every combination of its options
CASES = [
    (CELLS.find(name), options, "-".join([name, *(f"{k}={v}" for k, v in options.items())]))
    for name in CELLS.names()
    for options in combinations_of(CELLS.find(name))
]


def extremes():
    """Those of a cell by its defaults, by all of its own options, and by those of any cell."""
    for name in CELLS.names():
        cases = [case for case in CASES if case[0].name == name]
        yield from {label: (spec, options, label) for spec, options, label in (cases[0], *cases[-2:])}.values()


EXTREMES = list(extremes())


# --- what the checks are made of ---


def sequence(steps=STEPS):
    """Inputs (batch, time, features), the same at each call."""
    return np.random.default_rng(1).normal(size=(BATCH, steps, FEATURES)).astype("float32")


def random_states(spec, options):
    """A state other than zero: from zero a GRU's reset gate would not show; a normaliser `n` is what divides, above zero."""
    sizes = spec.state_sizes(UNITS, options)
    states = [np.random.default_rng([2, i]).normal(size=(BATCH, size)).astype("float32") for i, size in enumerate(sizes)]
    return [
        np.abs(state) + 0.5 if name == "n" else state for name, state in zip(spec.state_names(options), states, strict=True)
    ]


def start_states(spec, options):
    """Where a layer starts."""
    cell = spec.build(UNITS, **options)
    return [ops.convert_to_numpy(state) for state in keras.tree.flatten(cell.get_initial_state(BATCH))]


def random_weights(spec, options):
    """A float64 array for each weight, biases included, whose values float32 holds exactly."""
    rng = np.random.default_rng(3)
    cell = spec.build(UNITS, **options)
    cell.build((None, FEATURES))
    return {w.name: rng.normal(scale=0.7, size=w.shape).astype("float32").astype("float64") for w in cell.weights}


def with_weights(layer, weights, shape):
    """The layer or cell, built for inputs of this shape and given the weights by name."""
    layer.build(shape)
    layer.set_weights([weights[w.name] for w in layer.weights])
    return layer


def keras_cell(spec, options, weights, **cell_options):
    """The cell with these weights."""
    return with_weights(spec.build(UNITS, **options, **cell_options), weights, (None, FEATURES))


def rnn(spec, options, weights, **layer_options):
    """`gru_tf.RNN` around the cell with these weights."""
    layer = RNN(spec.build(UNITS, **options), **layer_options)
    return with_weights(layer, weights, (None, STEPS, FEATURES))


def layers(spec, options, weights, **layer_options):
    """Every layer that owns time for this cell: `gru_tf.RNN` and the fused layer where there is one."""
    found = [rnn(spec, options, weights, **layer_options)]
    if spec.has_fused(options):
        found.append(with_weights(spec.layer(UNITS, options, **layer_options), weights, (None, STEPS, FEATURES)))
    return found


def by_numpy(spec, options, weights, x, states):
    """Each state at all steps by the NumPy equation: (time, batch, its size)."""
    trajectory = []
    states = [s.astype("float64") for s in states]
    for x_t in np.swapaxes(x.astype("float64"), 0, 1):
        states = spec.new_states(x_t, states, weights, options)
        trajectory.append(states)
    return [np.array(series) for series in zip(*trajectory, strict=True)]


def by_hand(cell, x, states):
    """Each state at all steps of the Keras cell in a Python loop: (time, batch, its size)."""
    trajectory = []
    states = [ops.convert_to_tensor(s, cell.compute_dtype) for s in states]
    for x_t in ops.unstack(ops.convert_to_tensor(x, cell.compute_dtype), axis=1):
        out, states = cell(x_t, states)
        np.testing.assert_array_equal(*map(ops.convert_to_numpy, (out, states[0])), err_msg="the first state is the output")
        trajectory.append([ops.convert_to_numpy(s) for s in states])
    return [np.array(series) for series in zip(*trajectory, strict=True)]


def numbers(layer, *arguments, **named):
    """What the layer gives, in NumPy."""
    return keras.tree.map_structure(ops.convert_to_numpy, layer(*arguments, **named))


def near(actual, expected, tolerance, name=""):
    """Asserts that they agree, to the tolerance where numbers are at most one.

    A greater number may be a quotient, as an mLSTM's outputs are: one that is x times as large has a divisor with x times
    the relative error.
    """
    actual, expected = np.asarray(actual, "float64"), np.asarray(expected, "float64")
    worst = np.max(np.abs(actual - expected) / np.maximum(1, np.abs(expected)) ** 2)
    assert worst <= tolerance, f"{name}: {worst:.1e} off"


def swapped(array, a, b, widths):
    """The array with two blocks of its last axis exchanged; the axis is cut in the ratio of the widths.

    A bias may be of the last gates alone.
    """
    suffixes = [n for n in range(len(widths)) if sum(widths[n:]) == array.shape[-1]]
    first = suffixes[0] if array.ndim == 1 and suffixes else 0
    if min(a, b) < first:
        return array
    a, b, widths = a - first, b - first, widths[first:]
    order = list(range(len(widths)))
    order[a], order[b] = b, a
    parts = np.split(array, np.cumsum(widths)[:-1] * array.shape[-1] // sum(widths), axis=-1)
    return np.concatenate([parts[i] for i in order], axis=-1)


BY_GATE = ("kernel", "recurrent_kernel", "bias")  # weights with a block of columns for each gate
DEAF = ("recurrent_kernel", "peephole_kernel")  # through which gates see the state


def mutations(spec, options, weights):
    """What a wrong reading of the weights would do to them, by name; only what the cell has can be mutated."""
    found = {}
    bias, gates, widths = weights.get("bias"), spec.gate_names(options), spec.build(UNITS, **options).widths
    for a, b in combinations(range(len(gates)), 2):
        if widths[a] != widths[b]:
            continue
        pair = f"{gates[a]} and {gates[b]}"
        found[f"gates {pair} permuted"] = {n: swapped(w, a, b, widths) if n in BY_GATE else w for n, w in weights.items()}
        if bias is not None and swapped(bias, a, b, widths) is not bias:
            found[f"biases {pair} swapped"] = {**weights, "bias": swapped(bias, a, b, widths)}
    if bias is not None:
        found["biases zeroed"] = {**weights, "bias": 0 * bias}
        if bias.ndim == 2:
            found["bias rows swapped"] = {**weights, "bias": bias[::-1]}
    if "recurrent_kernel" in weights:
        found["recurrent kernel zeroed"] = {**weights, "recurrent_kernel": 0 * weights["recurrent_kernel"]}
    return found


def sequential(spec, options, layer=None):
    """A model with the cell in it, or with a layer over the cell, and random weights."""
    layer = layer or RNN(spec.build(UNITS, **options), return_sequences=True)
    model = keras.Sequential([keras.Input((None, FEATURES)), layer])
    with_weights(layer, random_weights(spec, options), (None, None, FEATURES))
    return model


def _named(value):
    """What an option is called: a function, of activation, by its name."""
    return value.__name__ if callable(value) else value


# --- the checks ---


def check_described(spec, options):
    """What the CellSpec says of the cell is what the cell is."""
    cell = spec.build(UNITS, **options)
    assert spec.name in CELLS.names()
    assert (tuple(cell.gates), tuple(cell.states)) == (spec.gate_names(options), spec.state_names(options))
    assert spec.reference
    spec.check(options)
    defaults = spec.build(UNITS)
    assert {name: values[0] for name, values in spec.options.items()} == {
        n: _named(getattr(defaults, n)) for n in spec.options
    }
    assert tuple(keras.tree.flatten(cell.state_size)) == spec.state_sizes(UNITS, options)
    assert cell.output_size == spec.state_sizes(UNITS, options)[0]


def check_numpy(spec, options):
    """Keras equals NumPy over all steps, from a random state, in float32 and, where the backend has it, in float64."""
    weights, x, states = random_weights(spec, options), sequence(), random_states(spec, options)
    expected = by_numpy(spec, options, weights, x, states)
    for dtype, tolerance in (("float32", FLOAT32), ("float64", FLOAT64)):
        if dtype == "float64" and keras.backend.backend() == "jax":
            continue  # without its global switch JAX makes float32 of it
        actual = by_hand(keras_cell(spec, options, weights, dtype=dtype), x, states)
        for name, one, other in zip(spec.state_names(options), actual, expected, strict=True):
            near(one, other, tolerance, name)


def check_mutations(spec, options):
    """The comparison with NumPy is sharp: each mutation of the weights moves the output far beyond its tolerance."""
    weights, x, states = random_weights(spec, options), sequence(), random_states(spec, options)
    original = by_hand(keras_cell(spec, options, weights), x, states)[0]
    for name, mutated in mutations(spec, options, weights).items():
        moved = np.abs(by_hand(keras_cell(spec, options, mutated), x, states)[0] - original).max()
        assert moved > MOVED, f"{name}: moves the output by {moved:.1e} only"


def check_gate_values(spec, options):
    """A step is what its gates' values make of the state, and `kept` is how far a state that nothing reads comes through."""
    weights, x, states = random_weights(spec, options), sequence()[:, 0].astype("float64"), random_states(spec, options)
    states = [s.astype("float64") for s in states]
    values = spec.values(x, states, weights, options)
    assert tuple(sorted(values)) == tuple(sorted(spec.gate_names(options)))
    assert {v.shape for v in values.values()} == {(BATCH, spec.state_sizes(UNITS, options)[spec.memory_at(options)])}
    if spec.kept is None:
        return
    # with the recurrent kernel at zero the gates do not move with the state
    deaf = {n: 0 * w if n in DEAF else w for n, w in weights.items()}
    at = spec.memory_at(options)
    further = [state + (n == at) for n, state in enumerate(states)]
    share = spec.kept_share(spec.values(x, states, deaf, options), options)
    if share is None:
        return
    of = spec.remembered or (lambda states: states[at])
    moved = of(spec.new_states(x, further, deaf, options)) - of(spec.new_states(x, states, deaf, options))
    np.testing.assert_allclose(share, moved / (of(further) - of(states)), rtol=0, atol=FLOAT64)
    assert ((share > 0) & (share < 1)).all()


def check_forms(spec, options):
    """The loop by hand, `gru_tf.RNN`, the unrolled RNN and the fused layer give the same outputs at all steps."""
    weights, x = random_weights(spec, options), sequence()
    expected = np.swapaxes(by_hand(keras_cell(spec, options, weights), x, start_states(spec, options))[0], 0, 1)
    unrolled = rnn(spec, options, weights, return_sequences=True, unroll=True)
    for layer in (unrolled, *layers(spec, options, weights, return_sequences=True)):
        near(numbers(layer, x), expected, FLOAT32, layer.name)


def check_padding(spec, options):
    """The final states of a right-padded sequence are those of the sequence alone, whatever the padding holds."""
    lengths = [1, 3, 6, STEPS]
    mask = np.arange(STEPS) < np.array(lengths)[:, None]
    x = np.where(mask[..., None], sequence(), 9.0).astype("float32")
    for layer in layers(spec, options, random_weights(spec, options), return_state=True):
        padded = numbers(layer, x, mask=ops.convert_to_tensor(mask))
        for row, length in enumerate(lengths):
            for state, alone in zip(padded, numbers(layer, x[row : row + 1, :length]), strict=True):
                near(state[row], alone[0], FLOAT32, f"{layer.name}, {length}")


def check_parameters(spec, options):
    """`parameters()` counts the weights of the cell and of the fused layer."""
    for features, units in ((1, spec.least_units), (3, 5), (7, 2), (10, 64)):
        size = units * spec.step_of_units(options)
        cell = spec.build(size, **options)
        cell.build((None, features))
        assert spec.count(features, size, options) == cell.count_params()
        layer = spec.layer(size, options)
        layer.build((None, STEPS, features))
        assert spec.count(features, size, options) == layer.count_params()


def check_saved(spec, options):
    """Saved models come back with the same options and outputs, and the cell's class is registered for loading."""
    cell = spec.build(UNITS, **options)
    registered = keras.saving.get_registered_object(keras.saving.get_registered_name(type(cell)))
    assert registered is type(cell), f"{type(cell).__name__} is not registered with Keras"
    for layer in (None, spec.layer(UNITS, options, return_sequences=True)):
        model = sequential(spec, options, layer)
        with TemporaryDirectory() as folder:
            model.save(Path(folder, "model.keras"))
            loaded = keras.saving.load_model(Path(folder, "model.keras"))
        np.testing.assert_allclose(numbers(loaded, sequence()), numbers(model, sequence()), rtol=0, atol=FLOAT32)
        assert type(loaded.layers[0]) is type(model.layers[0])
        assert loaded.layers[0].cell.get_config() == model.layers[0].cell.get_config()


class Rounded(np.ndarray):
    """A kernel whose product with rows is that of eight-bit integers, from the equations of `cells/_quantized.py`."""

    axis = 0  # one scale a column; None for one of all numbers

    def __rmatmul__(self, rows):
        def integers(values, axis):
            values = values.astype("float32")
            scale = np.float32(127) / (np.abs(values).max(axis, keepdims=True) + np.float32(1e-7))
            return np.clip(np.round(values * scale), -127, 127).astype("int64"), scale.astype("float64")

        (r, t), (q, s) = integers(np.asarray(rows), -1), integers(np.asarray(self), self.axis)
        return (r @ q) / (t * s)


class RoundedByTensor(Rounded):
    """The mutation: one scale for all columns."""

    axis = None


def rounded(weights, kind=Rounded):
    """The weights, the kernels as integers."""
    return {name: array.view(kind) if name in KERNELS else array for name, array in weights.items()}


NOT_ADAPTED = ("indrnn", "lru", "qrnn", "sru")  # whose kernels are not one matrix each


def check_quantised(spec, options):
    """After `quantize` each step is the equation with products of integers, and the fastest layer computes the same."""
    weights = random_weights(spec, options)
    cell = keras_cell(spec, options, weights)
    if spec.name in NOT_ADAPTED:
        with pytest.raises(NotImplementedError, match=f"{type(cell).__name__}: quantize expected "):
            cell.quantize("int8")
        return
    if spec.name == "slstm" and options.get("heads", 1) > 1:
        with pytest.raises(NotImplementedError, match="expected `heads` to be 1"):
            cell.quantize("int8")
        return
    cell.quantize("int8")
    assert all(w.dtype == "int8" for w in cell.weights if w.name in KERNELS)
    x, states = sequence()[:, :1], random_states(spec, options)
    received = by_hand(cell, x, states)
    for state, expected in zip(received, by_numpy(spec, options, rounded(weights), x, states), strict=True):
        near(state, expected, FLOAT32)
    mutated = by_numpy(spec, options, rounded(weights, RoundedByTensor), x, states)
    apart = [np.abs(state - other).max() for state, other in zip(received, mutated, strict=True)]
    assert max(apart) > 10 * FLOAT32, "one scale for all columns"
    if spec.has_fused(options):
        layer = with_weights(spec.layer(UNITS, options, return_sequences=True), weights, (None, STEPS, FEATURES))
        layer.cell.quantize("int8")
        by_steps = by_hand(cell, sequence(), start_states(spec, options))[0]
        near(numbers(layer, sequence()), np.swapaxes(by_steps, 0, 1), FLOAT32)


def check_low_rank(spec, options):
    """With LoRA it is the equation with W + α/r A B, in the cell and in the fastest layer."""
    weights, rng, start = random_weights(spec, options), np.random.default_rng(5), start_states(spec, options)
    if spec.name in NOT_ADAPTED:
        cell = keras_cell(spec, options, weights)
        with pytest.raises(ValueError, match=f"{type(cell).__name__}: LoRA expected "):
            cell.enable_lora(2)
        return
    for layer in layers(spec, options, weights, return_sequences=True):
        cell, adapted = layer.cell, dict(weights)
        cell.enable_lora(2, lora_alpha=3)
        for name in cell.own_kernels():
            factors = [getattr(cell, f"lora_{name}_{letter}") for letter in "ab"]
            for factor in factors:
                factor.assign(rng.normal(size=factor.shape).astype("float32"))
            a, b = (ops.convert_to_numpy(factor).astype("float64") for factor in factors)
            adapted[name] = weights[name] + 1.5 * a @ b
        expected = by_numpy(spec, options, adapted, sequence(), start)[0]
        near(numbers(layer, sequence()), np.swapaxes(expected, 0, 1), FLOAT32)
        assert np.abs(expected - by_numpy(spec, options, weights, sequence(), start)[0]).max() > MOVED
        trained = {w.name for w in layer.trainable_weights}
        assert trained == {w.name for w in layer.weights if w.trainable} - set(cell.own_kernels())
        assert {f"lora_{name}_{letter}" for name in cell.own_kernels() for letter in "ab"} <= trained


CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]
