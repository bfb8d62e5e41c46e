"""An imported model computes by the fused kernels here, and is saved as one of ordinary Keras layers."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import keras
import numpy as np
import pytest

import gru_tf
from gru_tf.interchange import importing
from gru_tf.recurrent import kernels
from gru_tf.recurrent.kernel_path import find_path

pytestmark = pytest.mark.skipif(bool(kernels.why_not()), reason=kernels.why_not() or "-")

FEATURES, UNITS = 3, 4
CLOSE = {"rtol": 0, "atol": 2e-6}
ALONE = """
import json, sys
from pathlib import Path
sys.modules["gru_tf"] = None  # cannot be imported
import keras, numpy as np
said = {}
for file in Path(sys.argv[1]).glob("*.keras"):
    try:
        said[file.stem] = keras.saving.load_model(file)(np.load(file.with_suffix(".npy"))).numpy().tolist()
    except Exception as error:
        said[file.stem] = repr(error)
print(json.dumps(said))
"""


def model_of(kind):
    inputs = keras.Input((None, FEATURES), name="sequence")
    y = keras.layers.Bidirectional(kind(UNITS, return_sequences=True))(inputs)
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(kind(UNITS, return_sequences=True)(y)))


def through_a_keras_file(model, folder):
    model.save(folder / "source.keras")
    return importing.import_model(folder / "source.keras")


def through_a_file_of_another_framework(model, folder):
    gru_tf.export_model(model, folder / "source.safetensors")
    return gru_tf.import_model(folder / "source.safetensors", prefix="rnn", verify=False)


RNN, LSTM, GRU = keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU
CASES = {f"keras file, {kind.__name__}": (through_a_keras_file, kind) for kind in (RNN, LSTM, GRU)}
CASES |= {f"another framework, {kind.__name__}": (through_a_file_of_another_framework, kind) for kind in (LSTM, GRU)}
POSSIBLE = {name: case for name, case in CASES.items() if find_spec("safetensors") or "another" not in name}


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Case → the imported model, inputs, outputs by Keras' own loop, and what one process without this project gives.

    Where it cannot load a model, it gives the error.
    """
    folder, made = tmp_path_factory.mktemp("saved"), {}
    for name, (through, kind) in POSSIBLE.items():
        model, x = model_of(kind), np.random.default_rng(1).normal(size=(2, 5, FEATURES)).astype("float32")
        expected = np.array(model(x))
        assert find_path(model.layers[-2]).name == "while-loop"
        imported = through(model, tmp_path_factory.mktemp("source"))
        imported.save(folder / f"{name}.keras")
        np.save(folder / f"{name}.npy", x)
        made[name] = (imported, x, expected)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", ALONE, str(folder)]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    return {name: (*made[name], said[name]) for name in POSSIBLE}


@pytest.mark.parametrize("case", CASES)
def test_it_is_fast_here_ordinary_in_a_file_and_right_in_both(case, cases):
    if case not in POSSIBLE:
        pytest.skip("safetensors is not installed")
    model, x, expected, elsewhere = cases[case]
    recurrent = [layer for layer in model.layers if hasattr(layer, "cell") or hasattr(layer, "forward_layer")]
    assert len(recurrent) == 2
    for layer in recurrent:
        inner = getattr(layer, "forward_layer", layer)
        assert type(inner) in (RNN, LSTM, GRU)
        assert find_path(layer).name == "fused cpu"
    np.testing.assert_allclose(model(x), expected, **CLOSE)
    assert not isinstance(elsewhere, str), elsewhere
    np.testing.assert_allclose(elsewhere, expected, **CLOSE)
