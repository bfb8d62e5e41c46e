"""Layers on the fused CPU kernels against themselves without them, and against Keras' own: numbers and all gradients.

`portable` keeps the kernels away; that a kernel computes in the first place is asserted, not assumed.
"""

import os
import subprocess
import sys
from contextlib import nullcontext
from functools import partial
from unittest.mock import patch

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras_masks import one_rule
from places import ROOT

from gru_tf import GRU, LSTM, SimpleRNN, portable, stacked
from gru_tf.recurrent import kernels
from gru_tf.recurrent.kernels import operations

pytestmark = pytest.mark.skipif(bool(kernels.why_not()), reason=kernels.why_not() or "-")

BATCH, STEPS, FEATURES, UNITS = 4, 5, 3, 7
CLOSE = 4e-6  # float32: sums of a few dozen numbers near one, relative to the largest of them; the loop alone has 1e-6
CLOSE_64 = 1e-13
MASKS = {
    "none": None,
    "right-padded": [[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0], [1, 1, 1, 0, 0]],
    "left-padded": [[1, 1, 1, 1, 1], [0, 0, 1, 1, 1], [0, 0, 0, 0, 1], [0, 1, 1, 1, 1]],
    "gaps": [[1, 0, 1, 1, 0], [0, 1, 0, 1, 1], [1, 0, 0, 0, 1], [1, 0, 1, 0, 1]],
    "empty row": [[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 0, 0]],
}
LAYERS = {
    "SimpleRNN": (SimpleRNN, keras.layers.SimpleRNN),
    "LSTM": (LSTM, keras.layers.LSTM),
    "GRU": (GRU, keras.layers.GRU),
    "GRU, reset before": (partial(GRU, reset_after=False), partial(keras.layers.GRU, reset_after=False)),
    "GRU, write": (partial(GRU, convention="write"), None),
    "GRU, write, reset before": (partial(GRU, convention="write", reset_after=False), None),
}
FORMS = [
    {},
    {"return_sequences": True, "return_state": True},
    {"return_sequences": True, "return_state": True, "go_backwards": True},
    {"return_sequences": True, "zero_output_for_mask": True},
    {"return_state": True, "use_bias": False},
    {"return_sequences": True, "dtype": "float64"},
    {"return_sequences": True, "dropout": 0.5, "seed": 4},
]


@pytest.fixture
def under_one_rule():
    """For what stands before a row's first real step."""
    with one_rule():
        yield


def numbers(seed, *shape, dtype="float32"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def weighted(make, **options):
    """The layer with the same random weights for the same shapes."""
    layer = make(UNITS, **options)
    layer.build((BATCH, STEPS, FEATURES))
    layer.set_weights([numbers([3, i], *w.shape) * 0.6 if "float" in w.dtype else w for i, w in enumerate(layer.weights)])
    return layer


def call_of(layer, mask="none"):
    """Arguments of a training call: inputs, a mask, and initial states other than zero."""
    dtype = layer.compute_dtype
    states = [tf.constant(numbers([2, n], BATCH, UNITS, dtype=dtype)) for n, _ in enumerate(layer.state_size)]
    chosen = None if MASKS[mask] is None else tf.constant(np.array(MASKS[mask], bool))
    return tf.constant(numbers(1, BATCH, STEPS, FEATURES, dtype=dtype)), states, chosen


def outcome(layer, mask="none", training=True, compiled=False):
    """Outputs, states, and the gradients by inputs, initial states and weights, of a loss that weighs each number apart."""
    x, states, chosen = call_of(layer, mask)

    def everything(x, states):
        with tf.GradientTape() as tape:
            tape.watch([x, *states])
            values = keras.tree.flatten(layer(x, initial_state=states, mask=chosen, training=training))
            total = tf.add_n([tf.reduce_sum(v * v * _weights(v)) for v in values])
        by = [x, *states, *(w.value for w in layer.trainable_weights)]
        return values, tape.gradient(total, by, unconnected_gradients="zero")

    run = tf.function(everything, autograph=False) if compiled else everything
    values, gradients = run(x, states)
    return [np.array(v) for v in (*values, *gradients)]


def _weights(values):
    count = int(np.prod(values.shape))
    return tf.reshape(tf.cast(tf.linspace(0.5, 1.5, count), values.dtype), values.shape)


def assert_close(actual, expected, close=CLOSE):
    assert len(actual) == len(expected)
    for place, (a, b) in enumerate(zip(actual, expected, strict=True)):
        scale = max(1.0, np.abs(b).max())  # gradients add up over the steps
        np.testing.assert_allclose(a / scale, b / scale, rtol=0, atol=close, err_msg=f"array {place}")


@pytest.fixture
def used():
    """Counts the calls of the kernels."""
    with patch.object(operations, "sequence", side_effect=operations.sequence) as counted:
        yield counted


@pytest.mark.usefixtures("under_one_rule")
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", LAYERS)
def test_outputs_states_and_gradients_are_those_without_the_kernel_and_keras_own(name, mask, used):
    ours, theirs = LAYERS[name]
    for options in FORMS:
        close = CLOSE_64 if options.get("dtype") == "float64" else CLOSE
        used.reset_mock()
        actual = outcome(weighted(ours, **options), mask)
        assert used.call_count == 1, options
        with portable():
            expected = outcome(weighted(ours, **options), mask)
        assert used.call_count == 1, options
        assert_close(actual, expected, close)
        if theirs is not None:
            assert_close(actual, outcome(weighted(theirs, **options), mask), close)


@pytest.mark.parametrize("name", LAYERS)
def test_the_comparison_sees_a_lost_mask_and_a_lost_gradient(name):
    layer = weighted(LAYERS[name][0], return_sequences=True, return_state=True)
    expected = outcome(layer, "gaps")
    with pytest.raises(AssertionError):
        assert_close(outcome(layer, "left-padded"), expected)
    sequence = operations.sequence

    def cut(cell, inputs, states, kernel, recurrent_kernel, *others, **options):
        return sequence(cell, inputs, states, kernel, tf.stop_gradient(recurrent_kernel), *others, **options)

    with patch.object(operations, "sequence", cut), pytest.raises(AssertionError):
        assert_close(outcome(layer, "gaps"), expected)


@pytest.mark.parametrize("name", LAYERS)
def test_compiled_and_in_inference_the_same_numbers_to_the_bit(name):
    for mask in ("none", "gaps"):
        layer = weighted(LAYERS[name][0], return_sequences=True, return_state=True)
        expected = outcome(layer, mask)
        for how in ({"compiled": True}, {"training": False}, {"training": False, "compiled": True}):
            for a, b in zip(outcome(layer, mask, **how), expected, strict=True):
                np.testing.assert_array_equal(a, b, err_msg=str(how))


def second_derivatives(layer, mask="none"):
    """Gradients, by inputs, states and weights, of the gradient's squared length."""
    x, states, chosen = call_of(layer, mask)
    weights = [w.value for w in layer.trainable_weights]
    with tf.GradientTape() as outer:
        outer.watch([x, *states])
        with tf.GradientTape() as inner:
            inner.watch([x, *states])
            values = keras.tree.flatten(layer(x, initial_state=states, mask=chosen, training=True))
            total = tf.add_n([tf.reduce_sum(v**3) for v in values])
        first = inner.gradient(total, [x, *states, *weights])
        length = tf.add_n([tf.reduce_sum(g * g) for g in first])
    return [np.array(g) for g in outer.gradient(length, [x, *states, *weights])]


@pytest.mark.parametrize("mask", ["none", "gaps"])
@pytest.mark.parametrize("name", LAYERS)
def test_second_derivatives(name, mask, used):
    layer = weighted(LAYERS[name][0], return_sequences=True, return_state=True, dtype="float64")
    actual = second_derivatives(layer, mask)
    assert used.called
    with portable():
        expected = second_derivatives(layer, mask)
    assert max(np.abs(e).max() for e in expected) > 1
    assert_close(actual, expected, 1e-12)


@pytest.mark.parametrize("name", LAYERS)
def test_the_matrix_of_all_derivatives(name):
    layer = weighted(LAYERS[name][0])
    x, states, _ = call_of(layer)
    found = []
    for context in (nullcontext(), portable()):
        with context, tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, initial_state=states)
        found.append(tape.jacobian(y, x).numpy())
    assert found[0].shape == (BATCH, UNITS, BATCH, STEPS, FEATURES)
    assert_close(found[:1], found[1:])


# --- in every form that a Keras layer is used in ---


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU", "GRU, write, reset before"])
def test_a_model_of_unknown_batch_and_length_trains_as_without_the_kernel(name, used):
    losses = []
    for context in (nullcontext(), portable()):
        inputs, mask = keras.Input((None, FEATURES)), keras.Input((None,), dtype="bool")
        first = weighted(LAYERS[name][0], return_sequences=True, dropout=0.2, seed=2)
        second = LAYERS[name][0](UNITS, recurrent_initializer="identity", kernel_initializer="ones")
        model = keras.Model([inputs, mask], second(first(inputs, mask=mask), mask=mask))
        assert model.output_shape == (None, UNITS)
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
        used.reset_mock()
        with context:
            data = [numbers(1, BATCH, STEPS, FEATURES), np.array(MASKS["gaps"], bool)]
            losses.append(model.fit(data, numbers(5, BATCH, UNITS), batch_size=2, epochs=3, shuffle=False, verbose=0))
            predicted = model.predict([data[0][:, :3], data[1][:, :3]], verbose=0)
        assert used.called == (not losses[1:])
        losses[-1] = [*losses[-1].history["loss"], *predicted.ravel()]
    np.testing.assert_allclose(*losses, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_stateful_bidirectional_and_time_distributed(name, used):
    make = LAYERS[name][0]
    found = []
    for context in (nullcontext(), portable()):
        with context:
            used.reset_mock()
            stateful = weighted(make, stateful=True)
            values = [stateful(numbers(n, BATCH, STEPS, FEATURES)) for n in (1, 2)]
            stateful.reset_state()
            values.append(stateful(numbers(1, BATCH, STEPS, FEATURES)))
            both = keras.layers.Bidirectional(make(UNITS, return_sequences=True, return_state=True))
            both.build((BATCH, STEPS, FEATURES))
            both.set_weights([numbers([3, n], *w.shape) * 0.6 for n, w in enumerate(both.weights)])
            values += both(numbers(1, BATCH, STEPS, FEATURES), mask=tf.constant(np.array(MASKS["right-padded"], bool)))
            each = keras.layers.TimeDistributed(weighted(make))
            values.append(each(numbers(4, 2, 3, STEPS, FEATURES)))
            found.append([np.array(v) for v in values])
            assert (used.call_count == 0) == bool(found[1:])
    assert_close(*found)
    np.testing.assert_array_equal(found[0][0], found[0][2])


def test_a_stack_computes_by_the_kernels(used):
    stack = stacked("lstm", [4, 3], bidirectional=True, residual=True, layer_norm=True)
    x = numbers(1, BATCH, STEPS, FEATURES)
    actual = stack(x)
    assert used.call_count == 4
    with portable():
        np.testing.assert_allclose(actual, stack(x), rtol=0, atol=2e-5)
    assert [path.name for path in stack.kernel_path()] == ["fused cpu"] * 2


@pytest.mark.parametrize("name", LAYERS)
def test_an_empty_batch_and_one_step(name):
    layer = weighted(LAYERS[name][0], return_sequences=True, return_state=True)
    none = [tuple(a.shape) for a in layer(numbers(1, 0, STEPS, FEATURES))]
    assert none == [(0, STEPS, UNITS)] + [(0, UNITS)] * (len(none) - 1)
    for shape in ((1, 1, FEATURES), (BATCH, 1, FEATURES)):
        actual = layer(numbers(1, *shape))
        with portable():
            expected = layer(numbers(1, *shape))
        for a, b in zip(actual, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=CLOSE)


# --- XLA ---


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_under_xla_the_loop_computes(name, used):
    layer = weighted(LAYERS[name][0], return_sequences=True)
    x = tf.constant(numbers(1, BATCH, STEPS, FEATURES))
    expected = np.array(layer(x))
    used.reset_mock()
    inner = tf.function(layer, autograph=False)
    for compiled in (tf.function(layer, jit_compile=True), tf.function(inner, jit_compile=True)):
        np.testing.assert_allclose(compiled(x), expected, rtol=0, atol=1e-5)
    assert not used.called
    model = keras.Sequential([keras.Input((STEPS, FEATURES)), LAYERS[name][0](2)])
    model.compile("sgd", "mse", jit_compile=True)
    used.reset_mock()
    model.fit(x, numbers(2, BATCH, 2), verbose=0)
    assert not used.called
    np.testing.assert_array_equal(tf.function(layer)(x), expected)


# --- where there is no kernel ---


WITHOUT = """
import sys
from pathlib import Path
import gru_tf, keras, numpy as np
folder, why = Path(sys.argv[1]), sys.argv[2]
x = np.load(folder / "x.npy")
for file in sorted(folder.glob("*.keras")):
    model = keras.saving.load_model(file)
    layer = model.layers[0]
    assert layer.kernel_path().why_not_fused == why, layer.kernel_path()
    np.testing.assert_allclose(model(x), np.load(file.with_suffix(".npy")), rtol=0, atol=2e-6, err_msg=file.stem)
    model.compile("sgd", "mse", run_eagerly=True)
    before = model.get_weights()
    model.fit(x, np.zeros(layer.compute_output_shape(x.shape), "float32"), verbose=0)
    assert any(np.abs(a - b).max() > 1e-4 for a, b in zip(model.get_weights(), before))
    print("loaded", type(layer).__name__)
"""


def test_a_saved_model_loads_runs_and_trains_where_there_is_no_kernel(tmp_path, used):
    x = numbers(1, BATCH, STEPS, FEATURES)
    np.save(tmp_path / "x.npy", x)
    for number, (make, _) in enumerate(LAYERS.values()):
        model = keras.Sequential([keras.Input((None, FEATURES)), make(UNITS)])
        np.save(tmp_path / f"{number}.npy", model(x))
        model.save(tmp_path / f"{number}.keras")
    assert used.call_count >= len(LAYERS)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRU_TF_KERNELS": "off"}
    command = [sys.executable, "-c", WITHOUT, str(tmp_path), "GRU_TF_KERNELS=off"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("loaded") == len(LAYERS)


def test_where_the_operations_do_not_load_a_layer_computes_as_keras_does(monkeypatch):
    monkeypatch.setattr(operations, "why_not", lambda: "TensorFlow cannot load the operations: a bad file")
    layer = GRU(UNITS)
    assert layer(numbers(1, BATCH, STEPS, FEATURES)).shape == (BATCH, UNITS)
    assert str(layer.kernel_path()).endswith("; TensorFlow cannot load the operations: a bad file)")
