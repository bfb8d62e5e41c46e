"""Every cell in gru_tf/recurrent/cells, with every combination of its options, does what a cell must do.

A new file there is picked up by itself. Checks that hold on every backend are in tests/support/conformance.py, those of
TensorFlow's graphs are here. Each is a plain function of a CellSpec and its options, so that the last section can apply
it to broken cells and show that it is able to fail.
"""

import os
import subprocess
import sys
from dataclasses import replace
from unittest.mock import patch

import conformance
import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import (
    BATCH,
    FEATURES,
    FLOAT32,
    STEPS,
    UNITS,
    by_hand,
    by_numpy,
    check_described,
    check_forms,
    check_gate_values,
    check_low_rank,
    check_mutations,
    check_numpy,
    check_padding,
    check_parameters,
    check_quantised,
    check_saved,
    combinations_of,
    keras_cell,
    layers,
    near,
    random_weights,
    rnn,
    sequence,
    sequential,
    start_states,
    swapped,
)
from keras import ops
from places import ROOT

import gru_tf
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent import kernels
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.cells.gru import GRUCell
from gru_tf.recurrent.cells.min_gru import MinGRUCell
from gru_tf.recurrent.layers.chunked_mlstm import ChunkedMLSTM
from gru_tf.recurrent.layers.parallel_rnn import ParallelRNN
from gru_tf.recurrent.layers.rnn import RNN
from gru_tf.recurrent.linear_scan import BLOCK

FUSED = ("rnn", "lstm", "gru", "gru_reset_before")  # cells with a fused CPU kernel
CASES = [pytest.param(spec, options, id=name) for spec, options, name in conformance.CASES]


@pytest.fixture(autouse=True, scope="module")
def full_float32():
    """TensorFloat-32, on by default on a GPU, keeps ten bits of each product: too few for these comparisons."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    yield
    tf.config.experimental.enable_tensor_float_32_execution(before)


# --- what the checks are made of ---


def graph_of(layer, steps=STEPS):
    """The graph that the layer traces to."""
    return tf.function(layer).get_concrete_function(tf.TensorSpec((BATCH, steps, FEATURES))).graph


def operations(layer):
    """Types of the operations in the graph that the layer traces to."""
    return {operation.type for operation in graph_of(layer).get_operations()}


def uses_cudnn(layer):
    """Whether the traced layer holds the cuDNN operation."""
    return any(name.startswith("CudnnRNN") for name in operations(layer))


def uses_kernel(layer):
    """Whether the traced layer holds a fused CPU kernel."""
    return any(name.startswith("GruTf") for name in operations(layer))


def depth(layer, steps):
    """Length of the longest chain of operations in the layer's graph, of which none may be a loop or a call."""
    found = {}
    for operation in graph_of(layer, steps).get_operations():  # in an order in which they can be executed
        assert not operation.type.startswith(("While", "StatelessWhile", "StatelessIf", "If")), operation.type
        found[operation.name] = 1 + max((found[i.op.name] for i in operation.inputs), default=0)
    return max(found.values())


# --- the checks that need TensorFlow ---


def check_gradients(spec, options):
    """Every number in every weight has a finite, non-zero gradient.

    Over several steps, and from a state other than zero: there a GRU's reset gate has nothing to reset, and to an sLSTM the
    bias of its input gate, which weighs all that it has read alike, makes no difference. Of many sequences: a rectifier is
    shut in some.
    """
    layer, rng = rnn(spec, options, random_weights(spec, options)), np.random.default_rng(1)
    x, *states = (
        tf.constant(rng.normal(size=(64, *shape)).astype("float32"))
        for shape in ((5, FEATURES), *((size,) for size in spec.state_sizes(UNITS, options)))
    )
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(layer(x, initial_state=states)))
    for weight, gradient in zip(layer.trainable_weights, tape.gradient(loss, layer.trainable_weights), strict=True):
        assert gradient is not None, f"{weight.name}: no gradient"
        assert np.isfinite(gradient).all(), f"{weight.name}: gradient not finite"
        assert (gradient.numpy() != 0).all(), f"{weight.name}: gradient zero somewhere"


def check_mixed_precision(spec, options):
    """float32 variables, float16 outputs, near the float32 numbers."""
    weights, x, states = random_weights(spec, options), sequence(), start_states(spec, options)
    cell = keras_cell(spec, options, weights, dtype="mixed_float16")
    assert {w.dtype for w in cell.weights} == {"float32"}
    actual = by_hand(cell, x, states)
    assert {values.dtype for values in actual} == {np.dtype(np.float16)}
    for one, other in zip(actual, by_numpy(spec, options, weights, x, states), strict=True):
        near(one, other, 2e-2)


def check_xla(spec, options):
    """Compiled by XLA the layers give the same numbers; what cuDNN computes is kept from XLA."""
    for layer in layers(spec, options, random_weights(spec, options), return_sequences=True):
        if not uses_cudnn(layer):
            compiled = tf.function(layer, jit_compile=True)
            near(compiled(tf.constant(sequence())), layer(sequence()), FLOAT32)


def check_fast_path(spec, options):
    """The layer is the fastest there is: this project's, with its kernel or cuDNN, or a scan; else an RNN over the cell."""
    fused = spec.name in FUSED and spec.has_fused(options)
    assert uses_kernel(spec.layer(UNITS, options)) == (fused and not kernels.why_not())
    with patch.object(tf.config, "list_logical_devices", return_value=["GPU:0"]):  # told of a GPU, Keras asks for cuDNN
        layer = spec.layer(UNITS, options)
        layer.build((BATCH, STEPS, FEATURES))
        if not spec.has_fused(options):
            assert type(layer) is RNN, f"{layer.name} is not said to be fused"
        elif type(layer) is ParallelRNN:
            assert_scanned(layer)
        elif type(layer) is ChunkedMLSTM:
            assert depth(layer, 256) < depth(layer, 128) + 128, "as many operations as there are more steps"
        else:
            assert type(layer) in (gru_tf.GRU, gru_tf.LSTM, gru_tf.SimpleRNN), f"{layer.name} is not one of our layers"
        assert uses_cudnn(layer) == cudnn_possible(layer)


def assert_scanned(layer):
    """Without a loop, and each level of blocks adds the same few operations to the longest chain of them."""
    short, longer = depth(layer, BLOCK**2), depth(layer, BLOCK**3)
    assert longer - short < BLOCK**3 - BLOCK**2, "as many operations, one after the other, as there are more steps"
    assert depth(layer, BLOCK**4) - longer == longer - short


def cudnn_possible(layer):
    """cuDNN computes the LSTM and the GRU with the reset after the product; Keras never sends it a SimpleRNN."""
    return isinstance(layer, keras.layers.LSTM) or (isinstance(layer, keras.layers.GRU) and layer.reset_after)


CHECKS = list({value: None for name, value in list(globals().items()) if name.startswith("check_")})


# what takes long and depends on no single option: by the defaults, all of a cell's own options, and those of any cell
LONG = (check_saved, check_xla, check_mixed_precision, check_quantised, check_low_rank)


def all_cases():
    """(spec, options, check) of every cell."""
    ends = {label for *_, label in conformance.EXTREMES}
    for spec, options, label in conformance.CASES:
        for check in CHECKS:
            if label in ends or check not in LONG:
                yield pytest.param(spec, options, check, id=f"{label}-{check.__name__.removeprefix('check_')}")


@pytest.mark.parametrize(("spec", "options", "check"), list(all_cases()))
def test_cell(spec, options, check):
    check(spec, options)


LOADING = """
import sys
from importlib import import_module
from pathlib import Path
import keras, numpy as np
x = np.load(Path(sys.argv[1], "x.npy"))
for file in sorted(Path(sys.argv[1]).glob("*.keras")):
    import_module("gru_tf.recurrent.cells." + file.stem.partition("-")[0])
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
    if not spec.has_fused(options):
        pytest.skip("there is no fused layer with these options")
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
    return GRU.step(x, states, {name: swapped(w, 0, 1, (1, 1, 1)) for name, w in weights.items()}, **options)


class Forgetful(GRUCell):
    """Its state never reaches the next step."""

    def step(self, x, states, training=False):
        return super().step(x, [0 * states[0]], training)


class Detached(GRUCell):
    """No gradient reaches its recurrent kernel."""

    def step(self, x, states, training=False):
        kernel = self.recurrent_kernel
        self.recurrent_kernel = ops.stop_gradient(kernel)
        new = super().step(x, states, training)
        self.recurrent_kernel = kernel
        return new


class Unrounded(GRUCell):
    """Its kernels are integers, its states are not."""

    def operand(self, name):
        return super().operand(name).floats()


class Unadapted(GRUCell):
    """Computes without LoRA's product."""

    def low_rank(self, name):
        return None


class NotANumber(GRUCell):
    """Its values are right and their gradient is infinity times zero."""

    def step(self, x, states, training=False):
        return [h + ops.sqrt(ops.relu(-ops.abs(h))) for h in super().step(x, states, training)]


class Widening(GRUCell):
    """Computes in float32 whatever the policy says."""

    def step(self, x, states, training=False):
        return [ops.cast(h, "float32") for h in super().step(x, states, training)]


class Interpreted(GRUCell):
    """Leaves the graph for Python, where no compiler can follow."""

    def step(self, x, states, training=False):
        return [ops.reshape(tf.numpy_function(np.copy, [h], h.dtype), h.shape) for h in super().step(x, states, training)]


@keras.saving.register_keras_serializable(package="broken")
class OptionLost(GRUCell):
    """Does not save one of its options."""

    def get_config(self):
        return {name: value for name, value in super().get_config().items() if name != "convention"}


class Unmasked(keras.layers.GRU):
    """Reads the padding."""

    def call(self, sequences, initial_state=None, mask=None, training=False):
        return super().call(sequences, initial_state=initial_state, training=training)


def other_convention(units, reset_after, convention, longest, **options):
    return keras.layers.RNN(GRUCell(units, reset_after, "write"), **options)


def slow_layer(units, reset_after, convention, longest, **options):
    return keras.layers.GRU(units, reset_after=reset_after, unroll=True, **options)


class StepByStep(ParallelRNN):
    """Takes one step after the other."""

    def inner_loop(self, *arguments, **named):
        return keras.layers.RNN.inner_loop(self, *arguments, **named)


def unrolled_scan(units, **options):
    return ParallelRNN(MinGRUCell(units), unroll=True)


def other_share(values, **options):
    return 1 - GRU.kept(values, **options)


BROKEN = [
    ("unknown name", check_described, {"name": "grue"}, {}, AssertionError),
    ("wrong gate names", check_described, {"gates": ("r", "z", "h")}, {}, AssertionError),
    ("wrong default", check_described, {"options": {**GRU.options, "convention": ("write", "keep")}}, {}, AssertionError),
    ("option not offered", check_described, {}, {"reset_after": "after"}, UserError),
    ("wrong equation", check_numpy, {"step": shrunken_step}, {}, AssertionError),
    ("wrong gate order", check_numpy, {"step": reordered_step}, {}, AssertionError),
    ("state not read", check_mutations, {"build": Forgetful}, {}, AssertionError),
    ("keeps what it forgets", check_gate_values, {"kept": other_share}, {}, AssertionError),
    ("layer of another function", check_forms, {"fused": other_convention}, {}, AssertionError),
    (
        "mask ignored",
        check_padding,
        {"fused": lambda units, convention, longest, **o: Unmasked(units, **o)},
        {},
        AssertionError,
    ),
    ("wrong count", check_parameters, {"parameters": lambda i, h, **o: 3 * h * (i + h + 1)}, {}, AssertionError),
    ("not registered", check_saved, {"build": Forgetful}, {}, AssertionError),
    ("option not saved", check_saved, {"build": OptionLost}, {"convention": "write"}, AssertionError),
    ("gradient blocked", check_gradients, {"build": Detached}, {}, AssertionError),
    ("gradient not a number", check_gradients, {"build": NotANumber}, {}, AssertionError),
    ("precision ignored", check_mixed_precision, {"build": Widening}, {}, AssertionError),
    ("states not rounded", check_quantised, {"build": Unrounded}, {}, AssertionError),
    ("LoRA ignored", check_low_rank, {"build": Unadapted}, {}, AssertionError),
    ("not compilable", check_xla, {"build": Interpreted}, {}, tf.errors.OpError),
    ("not a stock layer", check_fast_path, {"fused": other_convention}, {}, AssertionError),
    ("layer that cannot use cuDNN", check_fast_path, {"fused": slow_layer}, {}, AssertionError),
    ("unrolled, not scanned", check_fast_path, {"fused": unrolled_scan}, {}, AssertionError),
    ("unscanned subclass", check_fast_path, {"fused": lambda u, **o: StepByStep(MinGRUCell(u))}, {}, AssertionError),
]


@pytest.mark.parametrize(("check", "fault", "options", "error"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_a_broken_cell_fails(check, fault, options, error):
    defaults = combinations_of(GRU)[0]
    with pytest.raises(error):
        check(replace(GRU, **fault), {**defaults, **options})


def test_every_check_is_shown_able_to_fail():
    assert {check for _, check, *_ in BROKEN} == set(CHECKS)
