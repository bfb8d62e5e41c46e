"""An imported model computes by the fused kernels here, and is saved as one of ordinary Keras layers."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import gru_tf
from gru_tf.interchange import importing
from gru_tf.recurrent import kernels
from gru_tf.recurrent.kernel_path import find_path

pytestmark = pytest.mark.skipif(bool(kernels.why_not()), reason=kernels.why_not() or "-")

FEATURES, UNITS = 3, 4
ALONE = """
import sys
sys.modules["gru_tf"] = None  # cannot be imported
import keras, numpy as np
model = keras.saving.load_model(sys.argv[1])
np.testing.assert_allclose(model(np.load(sys.argv[2])), np.load(sys.argv[3]), rtol=0, atol=2e-6)
"""


def model_of(kind):
    inputs = keras.Input((None, FEATURES), name="sequence")
    y = keras.layers.Bidirectional(kind(UNITS, return_sequences=True))(inputs)
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(kind(UNITS, return_sequences=True)(y)))


def check(model, x, expected, tmp_path):
    """Fast here, ordinary in a file, and right in both."""
    recurrent = [layer for layer in model.layers if hasattr(layer, "cell") or hasattr(layer, "forward_layer")]
    assert len(recurrent) == 2
    for layer in recurrent:
        inner = getattr(layer, "forward_layer", layer)
        assert type(inner) in (keras.layers.GRU, keras.layers.LSTM, keras.layers.SimpleRNN)
        assert find_path(layer).name == "fused cpu"
    np.testing.assert_allclose(model(x), expected, rtol=0, atol=2e-6)
    files = [tmp_path / name for name in ("saved.keras", "x.npy", "y.npy")]
    model.save(files[0])
    np.save(files[1], x)
    np.save(files[2], expected)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", ALONE, *map(str, files)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", [keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU])
def test_a_keras_file(kind, tmp_path):
    model = model_of(kind)
    model.save(tmp_path / "source.keras")
    x = np.random.default_rng(1).normal(size=(2, 5, FEATURES)).astype("float32")
    expected = np.array(model(x))  # by Keras' own loop
    assert find_path(model.layers[-2]).name == "while-loop"
    check(importing.import_model(tmp_path / "source.keras"), x, expected, tmp_path)


@pytest.mark.parametrize("kind", [keras.layers.LSTM, keras.layers.GRU])
def test_a_file_of_another_framework(kind, tmp_path):
    pytest.importorskip("safetensors")
    model = model_of(kind)
    gru_tf.export_model(model, tmp_path / "source.safetensors")
    x = np.random.default_rng(1).normal(size=(2, 5, FEATURES)).astype("float32")
    check(gru_tf.import_model(tmp_path / "source.safetensors", prefix="rnn", verify=False), x, np.array(model(x)), tmp_path)
