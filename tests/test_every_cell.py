"""Every cell in gru_tf/cells, with every combination of its options, does what a cell must do.

A new file in gru_tf/cells is picked up by itself. Each check is a plain function of a CellSpec and its options, so
that the last section can apply it to broken cells and show that it is able to fail.
"""

import os
import subprocess
import sys
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from gru_tf.cells import CELLS
from gru_tf.cells.gru import GRUCell
from gru_tf.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
BATCH, STEPS, FEATURES, UNITS = 4, 7, 3, 5
FLOAT32 = 1e-5  # a few hundred float32 roundings of numbers near one
FLOAT64 = 1e-12
MOVED = 1e-3  # a hundred times FLOAT32: what the comparisons cannot miss


def combinations_of(spec):
    """Every combination of the cell's options, the defaults first."""
    return [dict(zip(spec.options, values, strict=True)) for values in product(*spec.options.values())]


CASES = [
    pytest.param(CELLS.find(name), options, id="-".join([name, *(f"{k}={v}" for k, v in options.items())]))
    for name in CELLS.names()
    for options in combinations_of(CELLS.find(name))
]


@pytest.fixture(autouse=True, scope="module")
def full_float32():
    """TensorFloat-32, on by default on a GPU, keeps ten bits of each product: too few for these comparisons."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    yield
    tf.config.experimental.enable_tensor_float_32_execution(before)


# --- what the checks are made of ---


def sequence():
    """Inputs (batch, time, features), the same at each call."""
    return np.random.default_rng(1).normal(size=(BATCH, STEPS, FEATURES)).astype("float32")


def random_states(spec):
    """A state other than zero: from zero a GRU's reset gate would not show."""
    return [np.random.default_rng([2, i]).normal(size=(BATCH, UNITS)).astype("float32") for i, _ in enumerate(spec.states)]


def zero_states(spec):
    """Where `keras.layers.RNN` starts."""
    return [np.zeros((BATCH, UNITS), "float32") for _ in spec.states]


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
    """`keras.layers.RNN` around the cell with these weights."""
    layer = keras.layers.RNN(spec.build(UNITS, **options), **layer_options)
    return with_weights(layer, weights, (None, STEPS, FEATURES))


def has_fused(spec, options):
    """Whether Keras has a stock layer with these options."""
    return spec.fused is not None and not any(v in spec.unfused.get(k, ()) for k, v in options.items())


def layers(spec, options, weights, **layer_options):
    """Every layer that owns time for this cell: `keras.layers.RNN` and the stock layer where there is one."""
    found = [rnn(spec, options, weights, **layer_options)]
    if has_fused(spec, options):
        found.append(with_weights(spec.layer(UNITS, options, **layer_options), weights, (None, STEPS, FEATURES)))
    return found


def by_numpy(spec, options, weights, x, states):
    """All states of all steps by the NumPy equation: (time, state, batch, units)."""
    trajectory = []
    states = [s.astype("float64") for s in states]
    for x_t in np.swapaxes(x.astype("float64"), 0, 1):
        states = spec.step(x_t, states, weights, **options)
        trajectory.append(states)
    return np.array(trajectory)


def by_hand(cell, x, states):
    """All states of all steps of the Keras cell in a Python loop: (time, state, batch, units)."""
    trajectory = []
    states = [tf.constant(s, cell.compute_dtype) for s in states]
    for x_t in tf.unstack(tf.constant(x, cell.compute_dtype), axis=1):
        out, states = cell(x_t, states)
        np.testing.assert_array_equal(out, states[0], err_msg="the first state is the output")
        trajectory.append([s.numpy() for s in states])
    return np.array(trajectory)


def swapped(array, a, b, blocks):
    """The array with two blocks of its last axis exchanged."""
    order = list(range(blocks))
    order[a], order[b] = b, a
    parts = np.split(array, blocks, axis=-1)
    return np.concatenate([parts[i] for i in order], axis=-1)


def mutations(spec, weights):
    """What a wrong reading of the weights would do to them, by name; only what the cell has can be mutated."""
    found = {}
    bias = weights.get("bias")
    for a, b in combinations(range(len(spec.gates)), 2):
        pair = f"{spec.gates[a]} and {spec.gates[b]}"
        found[f"gates {pair} permuted"] = {n: swapped(w, a, b, len(spec.gates)) for n, w in weights.items()}
        if bias is not None:
            found[f"biases {pair} swapped"] = {**weights, "bias": swapped(bias, a, b, len(spec.gates))}
    if bias is not None:
        found["biases zeroed"] = {**weights, "bias": 0 * bias}
        if bias.ndim == 2:
            found["bias rows swapped"] = {**weights, "bias": bias[::-1]}
    if "recurrent_kernel" in weights:
        found["recurrent kernel zeroed"] = {**weights, "recurrent_kernel": 0 * weights["recurrent_kernel"]}
    return found


def operations(layer):
    """Types of the operations in the graph that the layer traces to."""
    traced = tf.function(layer).get_concrete_function(tf.TensorSpec((BATCH, STEPS, FEATURES)))
    return {operation.type for operation in traced.graph.get_operations()}


def uses_cudnn(layer):
    """Whether the traced layer holds the cuDNN operation."""
    return any(name.startswith("CudnnRNN") for name in operations(layer))


# --- the checks ---


def check_described(spec, options):
    """What the CellSpec says of the cell is what the cell is."""
    cell = spec.build(UNITS, **options)
    assert spec.name in CELLS.names()
    assert (tuple(cell.gates), tuple(cell.states)) == (spec.gates, spec.states)
    assert spec.reference
    spec.check(options)
    defaults = spec.build(UNITS).get_config()
    assert {name: values[0] for name, values in spec.options.items()} == {name: defaults[name] for name in spec.options}


def check_numpy(spec, options):
    """Keras equals NumPy over all steps, from a random state, in float32 and in float64."""
    weights, x, states = random_weights(spec, options), sequence(), random_states(spec)
    expected = by_numpy(spec, options, weights, x, states)
    for dtype, tolerance in (("float32", FLOAT32), ("float64", FLOAT64)):
        actual = by_hand(keras_cell(spec, options, weights, dtype=dtype), x, states)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance)


def check_mutations(spec, options):
    """The comparison with NumPy is sharp: each mutation of the weights moves the output far beyond its tolerance."""
    weights, x, states = random_weights(spec, options), sequence(), random_states(spec)
    original = by_hand(keras_cell(spec, options, weights), x, states)
    for name, mutated in mutations(spec, weights).items():
        moved = np.abs(by_hand(keras_cell(spec, options, mutated), x, states) - original)[:, 0].max()
        assert moved > MOVED, f"{name}: moves the output by {moved:.1e} only"


def check_forms(spec, options):
    """The loop by hand, `keras.layers.RNN`, the unrolled RNN and the stock layer give the same outputs at all steps."""
    weights, x = random_weights(spec, options), sequence()
    expected = np.swapaxes(by_hand(keras_cell(spec, options, weights), x, zero_states(spec))[:, 0], 0, 1)
    unrolled = rnn(spec, options, weights, return_sequences=True, unroll=True)
    for layer in (unrolled, *layers(spec, options, weights, return_sequences=True)):
        np.testing.assert_allclose(layer(x), expected, rtol=0, atol=FLOAT32, err_msg=layer.name)


def check_padding(spec, options):
    """The final states of a right-padded sequence are those of the sequence alone, whatever the padding holds."""
    lengths = [1, 3, 6, STEPS]
    mask = np.arange(STEPS) < np.array(lengths)[:, None]
    x = np.where(mask[..., None], sequence(), 9.0).astype("float32")
    for layer in layers(spec, options, random_weights(spec, options), return_state=True):
        padded = layer(x, mask=tf.constant(mask))
        for row, length in enumerate(lengths):
            for state, alone in zip(padded, layer(x[row : row + 1, :length]), strict=True):
                np.testing.assert_allclose(state[row], alone[0], rtol=0, atol=FLOAT32, err_msg=f"{layer.name}, {length}")


def check_parameters(spec, options):
    """`parameters()` counts the weights of the cell and of the stock layer."""
    for features, units in ((1, 1), (3, 5), (7, 2), (10, 64)):
        cell = spec.build(units, **options)
        cell.build((None, features))
        assert spec.parameters(features, units, **options) == cell.count_params()
        if has_fused(spec, options):
            layer = spec.layer(units, options)
            layer.build((None, STEPS, features))
            assert spec.parameters(features, units, **options) == layer.count_params()


def check_saved(spec, options):
    """A saved model comes back with the same options and outputs, and its class is registered for loading."""
    model = sequential(spec, options)
    cell = model.layers[0].cell
    registered = keras.saving.get_registered_object(keras.saving.get_registered_name(type(cell)))
    assert registered is type(cell), f"{type(cell).__name__} is not registered with Keras"
    with TemporaryDirectory() as folder:
        model.save(Path(folder, "model.keras"))
        loaded = keras.saving.load_model(Path(folder, "model.keras"))
    np.testing.assert_allclose(loaded(sequence()), model(sequence()), rtol=0, atol=FLOAT32)
    assert loaded.layers[0].cell.get_config() == cell.get_config()


def sequential(spec, options):
    """A model with the cell in it and random weights."""
    layer = keras.layers.RNN(spec.build(UNITS, **options), return_sequences=True)
    model = keras.Sequential([keras.Input((None, FEATURES)), layer])
    with_weights(layer, random_weights(spec, options), (None, None, FEATURES))
    return model


def check_gradients(spec, options):
    """Every number in every weight has a finite, non-zero gradient.

    Over several steps: in the first one the state is zero and a GRU's reset gate has nothing to reset.
    """
    layer = rnn(spec, options, random_weights(spec, options))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(layer(sequence()[:, :5])))
    for weight, gradient in zip(layer.trainable_weights, tape.gradient(loss, layer.trainable_weights), strict=True):
        assert gradient is not None, f"{weight.name}: no gradient"
        assert np.isfinite(gradient).all(), f"{weight.name}: gradient not finite"
        assert (gradient.numpy() != 0).all(), f"{weight.name}: gradient zero somewhere"


def check_mixed_precision(spec, options):
    """float32 variables, float16 outputs, near the float32 numbers."""
    weights, x, states = random_weights(spec, options), sequence(), zero_states(spec)
    cell = keras_cell(spec, options, weights, dtype="mixed_float16")
    assert {w.dtype for w in cell.weights} == {"float32"}
    actual = by_hand(cell, x, states)
    assert actual.dtype == np.float16
    np.testing.assert_allclose(actual, by_numpy(spec, options, weights, x, states), rtol=0, atol=2e-2)


def check_xla(spec, options):
    """Compiled by XLA the layer gives the same numbers."""
    layer = rnn(spec, options, random_weights(spec, options), return_sequences=True)
    compiled = tf.function(layer, jit_compile=True)
    np.testing.assert_allclose(compiled(tf.constant(sequence())), layer(sequence()), rtol=0, atol=FLOAT32)


def check_fast_path(spec, options):
    """The stock layer is Keras' own, and takes cuDNN where Keras can: told of a GPU, its graph holds the operation."""
    if not has_fused(spec, options):
        with pytest.raises(UserError, match="use implementation: custom"):
            spec.layer(UNITS, options)
        return
    with patch.object(tf.config, "list_logical_devices", return_value=["GPU:0"]):
        layer = spec.layer(UNITS, options)
        assert type(layer) is getattr(keras.layers, type(layer).__name__, None), f"{layer.name} is not a stock layer"
        assert type(layer) is not keras.layers.RNN
        assert uses_cudnn(layer) == cudnn_possible(layer)


def cudnn_possible(layer):
    """cuDNN computes the LSTM and the GRU with the reset after the product; Keras never sends it a SimpleRNN."""
    return isinstance(layer, keras.layers.LSTM) or (isinstance(layer, keras.layers.GRU) and layer.reset_after)


CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize(("spec", "options"), CASES)
def test_cell(spec, options, check):
    check(spec, options)


LOADING = """
import sys
from importlib import import_module
from pathlib import Path
import keras, numpy as np
x = np.load(Path(sys.argv[1], "x.npy"))
for file in sorted(Path(sys.argv[1]).glob("*.keras")):
    import_module("gru_tf.cells." + file.stem.partition("-")[0])
    outputs = keras.saving.load_model(file)(x)
    np.testing.assert_allclose(outputs, np.load(file.with_suffix(".npy")), rtol=0, atol=1e-5, err_msg=file.stem)
    print("loaded", file.stem)
"""


def test_saved_models_load_in_a_new_process_that_imports_the_cell_alone(tmp_path):
    np.save(tmp_path / "x.npy", sequence())
    for case in CASES:
        model = sequential(*case.values)
        model.save(tmp_path / f"{case.id}.keras")
        np.save(tmp_path / f"{case.id}.npy", model(sequence()))
    command = [sys.executable, "-c", LOADING, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("loaded") == len(CASES)


@pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="needs a GPU: cuDNN runs nowhere else")
@pytest.mark.parametrize(("spec", "options"), CASES)
def test_on_a_gpu_the_stock_layer_runs_on_cudnn_and_agrees(spec, options):
    if not has_fused(spec, options):
        pytest.skip("Keras has no stock layer with these options")
    weights = random_weights(spec, options)
    own, stock = layers(spec, options, weights, return_sequences=True)
    assert uses_cudnn(stock) == cudnn_possible(stock)
    assert not uses_cudnn(own)
    np.testing.assert_allclose(stock(sequence()), own(sequence()), rtol=0, atol=FLOAT32)


# --- shown able to fail ---

GRU = CELLS.find("gru")


def shrunken_step(x, states, weights, **options):
    return [0.99 * h for h in GRU.step(x, states, weights, **options)]


def reordered_step(x, states, weights, **options):
    return GRU.step(x, states, {name: swapped(w, 0, 1, 3) for name, w in weights.items()}, **options)


class Forgetful(GRUCell):
    """Its state never reaches the next step."""

    def step(self, x, states):
        return super().step(x, [0 * states[0]])


class Detached(GRUCell):
    """No gradient reaches its recurrent kernel."""

    def step(self, x, states):
        kernel = self.recurrent_kernel
        self.recurrent_kernel = ops.stop_gradient(kernel)
        new = super().step(x, states)
        self.recurrent_kernel = kernel
        return new


class NotANumber(GRUCell):
    """Its values are right and their gradient is infinity times zero."""

    def step(self, x, states):
        return [h + ops.sqrt(ops.relu(-ops.abs(h))) for h in super().step(x, states)]


class Widening(GRUCell):
    """Computes in float32 whatever the policy says."""

    def step(self, x, states):
        return [ops.cast(h, "float32") for h in super().step(x, states)]


class Interpreted(GRUCell):
    """Leaves the graph for Python, where no compiler can follow."""

    def step(self, x, states):
        return [ops.reshape(tf.numpy_function(np.copy, [h], h.dtype), h.shape) for h in super().step(x, states)]


@keras.saving.register_keras_serializable(package="broken")
class OptionLost(GRUCell):
    """Does not save one of its options."""

    def get_config(self):
        return {name: value for name, value in super().get_config().items() if name != "convention"}


class Unmasked(keras.layers.GRU):
    """Reads the padding."""

    def call(self, sequences, initial_state=None, mask=None, training=False):
        return super().call(sequences, initial_state=initial_state, training=training)


def other_convention(units, reset_after, convention, **options):
    return keras.layers.RNN(GRUCell(units, reset_after, "write"), **options)


def slow_layer(units, reset_after, convention, **options):
    return keras.layers.GRU(units, reset_after=reset_after, unroll=True, **options)


BROKEN = [
    ("unknown name", check_described, {"name": "grue"}, {}, AssertionError),
    ("wrong gate names", check_described, {"gates": ("r", "z", "h")}, {}, AssertionError),
    ("wrong default", check_described, {"options": {**GRU.options, "convention": ("write", "keep")}}, {}, AssertionError),
    ("option not offered", check_described, {}, {"reset_after": "after"}, UserError),
    ("wrong equation", check_numpy, {"step": shrunken_step}, {}, AssertionError),
    ("wrong gate order", check_numpy, {"step": reordered_step}, {}, AssertionError),
    ("state not read", check_mutations, {"build": Forgetful}, {}, AssertionError),
    ("layer of another function", check_forms, {"fused": other_convention}, {}, AssertionError),
    ("mask ignored", check_padding, {"fused": lambda units, convention, **o: Unmasked(units, **o)}, {}, AssertionError),
    ("wrong count", check_parameters, {"parameters": lambda i, h, **o: 3 * h * (i + h + 1)}, {}, AssertionError),
    ("not registered", check_saved, {"build": Forgetful}, {}, AssertionError),
    ("option not saved", check_saved, {"build": OptionLost}, {"convention": "write"}, AssertionError),
    ("gradient blocked", check_gradients, {"build": Detached}, {}, AssertionError),
    ("gradient not a number", check_gradients, {"build": NotANumber}, {}, AssertionError),
    ("precision ignored", check_mixed_precision, {"build": Widening}, {}, AssertionError),
    ("not compilable", check_xla, {"build": Interpreted}, {}, tf.errors.OpError),
    ("not a stock layer", check_fast_path, {"fused": other_convention}, {}, AssertionError),
    ("layer that cannot use cuDNN", check_fast_path, {"fused": slow_layer}, {}, AssertionError),
]


@pytest.mark.parametrize(("check", "fault", "options", "error"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_a_broken_cell_fails(check, fault, options, error):
    defaults = combinations_of(GRU)[0]
    with pytest.raises(error):
        check(replace(GRU, **fault), {**defaults, **options})


def test_every_check_is_shown_able_to_fail():
    assert {check for _, check, *_ in BROKEN} == set(CHECKS)
