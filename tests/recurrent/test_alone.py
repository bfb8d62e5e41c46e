"""`recurrent` stands alone: layers are built, trained, saved and loaded where no room but `foundation` can be imported."""

import subprocess
import sys
from pathlib import Path

import pytest

import gru_tf

ROOMS = {path.name for path in Path(gru_tf.__file__).parent.iterdir() if (path / "__init__.py").is_file()}
REFUSED = sorted({f"gru_tf.{room}" for room in ROOMS - {"foundation", "recurrent"}} | {"mlflow", "keras_tuner"})

REFUSING = f"""
import sys
from importlib.abc import MetaPathFinder

class Refusing(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if any(name == refused or name.startswith(refused + ".") for refused in {REFUSED}):
            raise ImportError("refused: " + name)

sys.meta_path.insert(0, Refusing())
"""

TRAINING = """
import sys
import keras
import numpy as np
import gru_tf

keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(64, 5, 3)).astype("float32")
y = x.sum((1, 2), keepdims=True)[:, 0]
model = gru_tf.stacked("gru", [4, 4], residual=True, layer_norm=True, dropout=0.1, features=3, outputs=1)
model.compile("adam", "mse")
before = [weight.numpy() for weight in model.trainable_weights]
losses = model.fit(x, y, epochs=5, verbose=0).history["loss"]
assert losses[-1] < losses[0]
assert all((weight.numpy() != old).any() for weight, old in zip(model.trainable_weights, before))
model.save(sys.argv[1])
np.save(sys.argv[1] + ".npy", model.predict(x, verbose=0))
"""

LOADING = """
import sys
import gru_tf
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(64, 5, 3)).astype("float32")
model = keras.saving.load_model(sys.argv[1])
np.testing.assert_array_equal(model.predict(x, verbose=0), np.load(sys.argv[1] + ".npy"))
"""

MODULES = """
import pkgutil
from importlib import import_module
import gru_tf.recurrent

for module in pkgutil.walk_packages(gru_tf.recurrent.__path__, "gru_tf.recurrent."):
    import_module(module.name)
"""


def alone(program: str, *arguments: str) -> tuple[int, str]:
    """(exit status, stderr) of a program in a process that is refused everything else."""
    command = [sys.executable, "-c", REFUSING + program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_a_stack_is_trained_saved_and_loaded(tmp_path: Path) -> None:
    for program in (TRAINING, LOADING):
        status, stderr = alone(program, str(tmp_path / "model.keras"))
        assert status == 0, stderr


def test_every_module_is_imported() -> None:
    status, stderr = alone(MODULES)
    assert status == 0, stderr


@pytest.mark.parametrize("use", ["gru_tf.run", "gru_tf.compare", "gru_tf.import_model", "gru_tf.Experiment"])
def test_what_needs_other_rooms_is_refused(use: str) -> None:
    """The tests above can fail."""
    status, stderr = alone(f"import gru_tf\n{use}")
    assert status == 1
    assert "ImportError: refused: gru_tf." in stderr


@pytest.mark.parametrize("name", REFUSED)
def test_each_of_them_is_refused(name: str) -> None:
    status, stderr = alone(f"import {name}")
    assert status == 1
    assert f"ImportError: refused: {name}" in stderr
