"""A saved model loads in a process that imported nothing of this project but its name."""

import inspect
import os
import pkgutil
import subprocess
import sys
from importlib import import_module

import keras
import numpy as np
import pytest
from places import ROOT

import gru_tf.recurrent
from gru_tf import GRU, LSTM, AttentionDecoder, SimpleRNN, stacked
from gru_tf.recurrent import saved_models
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.layers.hard_sigmoid import keras2_hard_sigmoid

LOADING = """
import sys
{first}
from pathlib import Path
import keras, numpy as np
ours = [name for name in sys.modules if name.startswith(("gru_tf.recurrent.cells.", "gru_tf.recurrent.layers"))]
assert "{allowed}" in ours or not ours, ours
folder = Path(sys.argv[1])
for file in sorted(folder.glob("*.keras")):
    outputs = keras.saving.load_model(file)(np.load(folder / "x.npy"))
    np.testing.assert_allclose(outputs, np.load(file.with_suffix(".npy")), rtol=0, atol=1e-6, err_msg=file.stem)
    print("loaded", file.stem)
"""
FIRST = {
    "import gru_tf": ("import gru_tf; assert 'keras' not in sys.modules", ""),
    "from gru_tf import GRUCell": ("from gru_tf import GRUCell", "gru_tf.recurrent.cells.gru"),
}


def load(folder, first, allowed=""):
    command = [sys.executable, "-c", LOADING.format(first=first, allowed=allowed), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One model of each cell, of each public layer, and of layers in layers."""
    folder = tmp_path_factory.mktemp("models")
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    np.save(folder / "x.npy", x)
    layers = {f"cell-{name}": keras.layers.RNN(CELLS.find(name).build(3)) for name in CELLS.names()}
    layers |= {f"fastest-{name}": CELLS.find(name).layer(3, {}) for name in CELLS.names()}
    layers["gru"] = GRU(3, convention="write")
    layers["lstm"], layers["simple-rnn"] = LSTM(3), SimpleRNN(3)
    layers["bidirectional"] = keras.layers.Bidirectional(GRU(3))
    layers["stack"] = stacked("janet", [3, 2], bidirectional=True, residual=True)
    layers["hard-sigmoid"] = keras.layers.LSTM(3, recurrent_activation=keras2_hard_sigmoid)
    layers["stack-of-a-cell"] = stacked(CELLS.find("mgu").build(1), [3, 2])
    for name, layer in layers.items():
        model = keras.Sequential([keras.Input((None, 4)), layer])
        model.save(folder / f"{name}.keras")
        np.save(folder / f"{name}.npy", model(x))
    sequence = keras.Input((None, 4))
    model = keras.Model(sequence, AttentionDecoder(GRU(3), input_feeding=True)(sequence, memory=sequence))
    model.save(folder / "attention.keras")
    np.save(folder / "attention.npy", model(x))
    return folder


@pytest.mark.parametrize("first", FIRST)
def test_models_load(folder, first):
    done = load(folder, *FIRST[first])
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("loaded") == len(list(folder.glob("*.keras"))) > 2 * len(CELLS.names())


def test_without_the_import_they_do_not(tmp_path):
    """What the tests above show is not so by itself."""
    config = keras.saving.serialize_keras_object(GRU(3))
    code = f"import keras; keras.saving.deserialize_keras_object({config!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Could not locate class 'GRU'" in done.stderr


def every_module():
    for module in pkgutil.walk_packages(gru_tf.recurrent.__path__, gru_tf.recurrent.__name__ + "."):
        yield import_module(module.name)


def registered(kind):
    """Name → object of everything of this kind that our modules register when they are imported."""
    list(every_module())
    ours = {name: value for name, value in keras.saving.get_custom_objects().items() if name.startswith("gru_tf>")}
    return {name: value for name, value in ours.items() if kind(value)}


def test_every_registered_class_has_its_stand_in():
    classes = registered(inspect.isclass)
    assert set(saved_models.stand_ins()) == set(classes) >= {"gru_tf>GRU", "gru_tf>GRUCell", "gru_tf>RecurrentStack"}
    for name, stand_in in saved_models.stand_ins().items():
        assert getattr(import_module(stand_in.module), stand_in.name) is classes[name]
        assert stand_in.module == classes[name].__module__, "the module that registers it"


def test_every_registered_function_has_its_stand_in():
    functions = registered(inspect.isfunction)
    assert set(saved_models.functions()) == set(functions)
    for name, stand_in in saved_models.functions().items():
        assert getattr(import_module(stand_in.module), stand_in.name) is functions[name]
    assert functions["gru_tf>keras2_hard_sigmoid"] is keras2_hard_sigmoid


def test_a_class_without_a_row_in_the_table_is_noticed(monkeypatch):
    monkeypatch.delitem(saved_models.CLASSES, "MGUCell")
    assert set(registered(inspect.isclass)) - set(saved_models.stand_ins()) == {"gru_tf>MGUCell"}


def test_a_function_s_stand_in_is_saved_and_loaded_as_the_function_is():
    name = "gru_tf>keras2_hard_sigmoid"
    custom = keras.saving.get_custom_objects()
    custom.pop(name)
    try:
        saved_models.announce(keras)
        stand_in = custom[name]
        assert stand_in is not keras2_hard_sigmoid
        assert keras.activations.serialize(stand_in) == keras.activations.serialize(keras2_hard_sigmoid)
        assert keras.activations.deserialize(keras.activations.serialize(stand_in)) is stand_in
        np.testing.assert_array_equal(stand_in(np.float32([-9, 0, 1, 9])), np.float32([0, 0.5, 0.7, 1]))
    finally:
        custom[name] = keras2_hard_sigmoid


def test_classes_that_are_registered_stay():
    list(every_module())
    before = dict(keras.saving.get_custom_objects())
    saved_models.announce(keras)
    assert keras.saving.get_custom_objects() == before


def test_a_stand_in_gives_way_to_its_class():
    stand_in = saved_models.StandIn("gru_tf.recurrent.layers.gru", "GRU")
    layer = stand_in.from_config(GRU(3, convention="write").get_config())
    assert type(layer) is GRU
    assert layer.convention == "write"
