"""Files of whole models in HDF5 that lost the model's config: their weights are read as weights alone."""

import h5py
import keras
import numpy as np
import pytest
from refusals import refused

import gru_tf
from gru_tf.interchange import importing

FEATURES = 4


def _library(name):
    return keras if name == "keras" else pytest.importorskip("tf_keras")


def _saved(library, path, middle):
    """A compiled model's file without its config, and the model."""
    library.backend.clear_session()
    layers = library.layers
    inputs = library.Input((None, FEATURES))
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(inputs)
    x = middle(layers, layers.GRU(5, return_sequences=True)(x))
    model = library.Model(inputs, layers.Dense(2)(layers.Dropout(0.2)(x)))
    model.compile("adam", "mse")
    model.fit(np.ones((2, 3, FEATURES)), np.ones((2, 3, 2)), verbose=0)  # for arrays of the optimizer
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.5, array.shape) for array in model.get_weights()])
    model.save(path)
    with h5py.File(path, "a") as file:
        del file.attrs["model_config"]
        assert "optimizer_weights" in file
    return model


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("name", ["keras", "tf_keras"])
def test_weights_of_a_whole_model_without_config_are_read(tmp_path, name):
    path = tmp_path / "model.h5"
    model = _saved(_library(name), path, lambda _, x: x)
    x = np.random.default_rng(2).normal(size=(2, 6, FEATURES)).astype("float32")
    imported = importing.import_file(path)
    np.testing.assert_allclose(imported.model(x), model(x), atol=1e-5)
    functions = "functions and layers without weights" if name == "keras" else "functions outside layers"
    assert any(text.startswith(functions) for text in imported.uncovered)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_gates_without_a_config_are_those_of_keras_3(tmp_path):
    """Keras 3's hard sigmoid is another than Keras 2's."""
    path = tmp_path / "model.h5"
    _saved(keras, path, lambda layers, x: layers.Activation("relu")(x))
    refused(lambda: gru_tf.import_model(path), "activation", "between")
    imported = importing.import_file(path, between=["none", "relu"], recurrent_activation="hard_sigmoid", verify=False)
    assert imported.network.layers[0].recurrent_activation == "hard_sigmoid"


def test_a_link_to_another_file_is_not_followed(tmp_path):
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file["model_weights"] = h5py.ExternalLink("other.h5", "/model_weights")
    refused(lambda: gru_tf.import_model(path), "expected members of the file itself", "ExternalLink")
