"""The layers work in a Keras environment: with keras, tensorflow, numpy and what these three require, and nothing else.

`pip install --no-deps gru-tf` into such an environment is what the documentation names. Every other package that is
installed here is kept from being imported, by the distributions' own lists of modules and requirements.
"""

import re
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from places import ROOT

FEW = ("keras", "tensorflow", "numpy")
CORE = [
    canonicalize_name(Requirement(line).name)
    for line in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
]


def required(names):
    """Distributions of these names with all that they require here, without extras."""
    waiting, known = list(names), set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in known:
            known.add(name)
            requirements = map(Requirement, metadata.requires(name) or ())
            waiting += [r.name for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]
    return known


ALLOWED = required(FEW)
OWNERS = {module: set(map(canonicalize_name, names)) for module, names in metadata.packages_distributions().items()}
BLOCKED = sorted(module for module, owners in OWNERS.items() if not owners & ALLOWED and "gru-tf" not in owners)

BLOCKING = f"""
import sys
from importlib.abc import MetaPathFinder

class Blocking(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {BLOCKED}:
            raise ModuleNotFoundError("blocked: " + name, name=name)

sys.meta_path.insert(0, Blocking())
"""

MODELS = """
import keras
import numpy as np
import gru_tf

def models():
    yield "GRU", keras.Sequential([keras.Input((6, 3)), gru_tf.GRU(4, convention="write"), keras.layers.Dense(1)])
    yield "LSTM", keras.Sequential([keras.Input((6, 3)), gru_tf.LSTM(4), keras.layers.Dense(1)])
    yield "SimpleRNN", keras.Sequential([keras.Input((6, 3)), gru_tf.SimpleRNN(4), keras.layers.Dense(1)])
    cell = keras.layers.RNN(gru_tf.GRUCell(4, reset_after=False))
    yield "GRUCell", keras.Sequential([keras.Input((6, 3)), cell, keras.layers.Dense(1)])
    yield "stacked", gru_tf.stacked("gru", [4, 4], residual=True, layer_norm=True, features=3, outputs=1)
    yield "minLSTM", gru_tf.stacked("min_lstm", [4], features=3, outputs=1)

x = np.random.default_rng(0).normal(size=(16, 6, 3)).astype("float32")
y = x.sum((1, 2))[:, None]
"""

TRAINING = """
from pathlib import Path

for name, model in models():
    model.compile("adam", "mse", jit_compile=False)  # XLA would take seconds for each
    before = [np.array(weight) for weight in model.trainable_weights]
    model.fit(x, y, epochs=1, verbose=0)
    assert all((np.array(weight) != old).any() for weight, old in zip(model.trainable_weights, before)), name
    model.save(Path(sys.argv[1], name + ".keras"))
    np.save(Path(sys.argv[1], name + ".npy"), model.predict(x, verbose=0))
"""

LOADING = """
from pathlib import Path

for name, _ in models():
    model = keras.saving.load_model(Path(sys.argv[1], name + ".keras"))
    np.testing.assert_array_equal(model.predict(x, verbose=0), np.load(Path(sys.argv[1], name + ".npy")), name)
"""

GATES = """
layer = gru_tf.GRU(4, reset_after=False)
layer.build((None, 6, 3))
print(layer.kernel_path().name)
text = gru_tf.gates.layout("concatenated", convention="write", reset_after=False)
weights = gru_tf.gates.from_layer(layer)
blocks = weights.with_one_bias().write(text)
other = gru_tf.GRU(4, reset_after=False)
other.build((None, 6, 3))
gru_tf.gates.load(other, gru_tf.gates.read(blocks, text))
np.testing.assert_array_equal(other(x), layer(x))
steps = gru_tf.derivation.forward(gru_tf.derivation.initial(3, 4, 2, np.random.default_rng(0)), x.transpose(1, 2, 0))
assert steps[-1].h.shape == (4, 16)
"""


def in_it(program, *arguments):
    """(exit status, stderr) of a program in a process without the blocked packages."""
    command = [sys.executable, "-c", BLOCKING + program, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_layers_cells_and_stacks_are_trained_saved_and_loaded(tmp_path):
    for program in (TRAINING, LOADING):
        status, stderr = in_it(MODELS + program, tmp_path)
        assert status == 0, stderr
    assert len(list(tmp_path.glob("*.keras"))) == 6


def test_weights_are_converted_gate_by_gate():
    status, stderr = in_it(MODELS + GATES)
    assert status == 0, stderr


def test_nearly_all_dependencies_of_the_package_are_blocked():
    """That the tests above say something: what is left are the three, and what they require themselves."""
    left = sorted(name for name in CORE if name in ALLOWED and name != "tensorboard")  # which TensorFlow 2.20 requires
    assert left == ["keras", "ml-dtypes", "numpy", "rich", "tensorflow", "wrapt"]
    assert len(CORE) - len(left) >= 17
    for name in set(CORE) - set(ALLOWED):
        modules = [module for module, owners in OWNERS.items() if name in owners]
        assert modules, name
        assert set(modules) <= set(BLOCKED), name


@pytest.mark.parametrize("use", ["gru_tf.run", "gru_tf.Experiment", "import pandas", "import sklearn", "import mlflow"])
def test_what_needs_more_is_refused(use):
    status, stderr = in_it(f"import gru_tf\n{use}")
    assert status == 1
    assert re.search(r"ModuleNotFoundError: blocked: \w+", stderr)
