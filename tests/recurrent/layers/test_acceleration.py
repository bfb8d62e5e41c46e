"""Keras' own layers by the fused kernels, in this process alone: the numbers, what stays Keras', and what is left alone."""

import copy
import os
import subprocess
import sys
from unittest.mock import patch

import keras
import numpy as np
import pytest
import tensorflow as tf

from gru_tf import portable
from gru_tf.recurrent import kernels
from gru_tf.recurrent.kernel_path import find_path
from gru_tf.recurrent.kernels import operations
from gru_tf.recurrent.layers.acceleration import accelerate

pytestmark = pytest.mark.skipif(bool(kernels.why_not()), reason=kernels.why_not() or "-")

BATCH, STEPS, FEATURES, UNITS = 3, 5, 4, 6
CLOSE = {"rtol": 0, "atol": 2e-6}
MASK = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 1, 0], [0, 0, 1, 0, 0]], bool)
KINDS = [keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU]


def x():
    return np.random.default_rng(1).normal(size=(BATCH, STEPS, FEATURES)).astype("float32")


def model_of(kind, **options):
    """A model of two layers of a kind, the second in both directions."""
    inputs, mask = keras.Input((None, FEATURES), name="sequence"), keras.Input((None,), dtype="bool", name="mask")
    y = kind(UNITS, return_sequences=True, name="first", **options)(inputs, mask=mask)
    y = keras.layers.Bidirectional(kind(UNITS, name="second"))(y, mask=mask)
    model = keras.Model([inputs, mask], keras.layers.Dense(2)(y))
    rng = np.random.default_rng(2)
    model.set_weights([rng.normal(scale=0.5, size=w.shape) if "float" in w.dtype else w for w in model.weights])
    return model


@pytest.fixture
def used():
    """Counts the calls of the kernels."""
    with patch.object(operations, "sequence", side_effect=operations.sequence) as counted:
        yield counted


@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_are_keras_own_and_the_layers_stay_keras_own(kind, used):
    model, plain = (model_of(kind, dropout=0.3, seed=1) for _ in range(2))
    expected = [np.array(plain([x(), MASK], training=training)) for training in (False, True)]
    assert not used.called
    assert accelerate(model) is model
    assert type(model.get_layer("first")) is kind
    np.testing.assert_allclose(model([x(), MASK]), expected[0], **CLOSE)
    np.testing.assert_allclose(model([x(), MASK], training=True), expected[1], **CLOSE)
    assert used.call_count == 6
    assert find_path(model.get_layer("first")).name == find_path(model.layers[3]).name == "fused cpu"
    with portable():
        np.testing.assert_allclose(model([x(), MASK]), expected[0], **CLOSE)
    assert used.call_count == 6


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_computes_with_its_own_weights(kind):
    layer = accelerate(kind(UNITS))
    layer.build((BATCH, STEPS, FEATURES))
    before = np.array(layer(x()))
    other = copy.deepcopy(layer)
    other.set_weights([w + 0.5 for w in layer.get_weights()])
    assert np.abs(other(x()) - before).max() > 1e-2
    np.testing.assert_array_equal(layer(x()), before)


ALONE = """
import sys
sys.modules["gru_tf"] = None  # cannot be imported
import keras, numpy as np
model = keras.saving.load_model(sys.argv[1])
outputs = model([np.load(sys.argv[2]), np.load(sys.argv[3])])
np.testing.assert_allclose(outputs, np.load(sys.argv[4]), rtol=0, atol=2e-6)
print([type(layer).__module__ for layer in model.layers])
"""


def test_it_is_saved_as_a_model_of_ordinary_layers(tmp_path):
    models = [accelerate(model_of(kind)) for kind in KINDS]
    for n, model in enumerate(models):
        again = keras.models.clone_model(model)
        again.set_weights(model.get_weights())
        np.testing.assert_allclose(again([x(), MASK]), model([x(), MASK]), **CLOSE)
        assert find_path(again.get_layer("first")).name == "while-loop"
        assert again.get_config() == model.get_config()
        model.save(tmp_path / f"{n}.keras")
    arrays = {"x": x(), "mask": MASK, "y": models[1]([x(), MASK])}
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    files = [str(tmp_path / name) for name in ("1.keras", "x.npy", "mask.npy", "y.npy")]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *files], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "gru_tf" not in done.stdout


class Halved(keras.layers.GRU):
    def inner_loop(self, sequences, initial_state, mask, training=False):
        last, outputs, states = super().inner_loop(sequences, initial_state, mask, training)
        return 0.5 * last, 0.5 * outputs, states


def test_subclasses_and_other_layers_are_left_alone(used):
    for layer in (Halved(UNITS), keras.layers.RNN(keras.layers.GRUCell(UNITS)), keras.layers.GRU(UNITS, activation="relu")):
        plain = np.array(layer(x()))
        np.testing.assert_array_equal(accelerate(layer)(x()), plain)
    assert not used.called


def test_gradients_and_training():
    fast, slow = accelerate(model_of(keras.layers.LSTM)), model_of(keras.layers.LSTM)
    for model in (fast, slow):
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.fit([x(), MASK], np.ones((BATCH, 2)), epochs=3, verbose=0)
    for a, b in zip(fast.get_weights(), slow.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)
    graph = tf.function(fast).get_concrete_function(
        [tf.TensorSpec((None, None, FEATURES)), tf.TensorSpec((None, None), "bool")]
    )
    assert sum(node.op == "GruTfSequence" for node in graph.graph.as_graph_def().node) == 3
