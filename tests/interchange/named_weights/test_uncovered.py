"""What weights alone do not record and a model nevertheless computes with: named in the result of the import."""

import keras
import numpy as np
import pytest

from gru_tf.interchange import importing

FEATURES, UNITS = 3, 4


def _library(form):
    return pytest.importorskip("tf_keras") if form == "model.h5" else keras


def _chained(library, initial):
    """Two GRUs of which the second starts at the first one's final state, or at zeros; and the same random weights."""
    library.backend.clear_session()
    inputs = library.Input((None, FEATURES))
    first, state = library.layers.GRU(UNITS, return_sequences=True, return_state=True)(inputs)
    second = library.layers.GRU(UNITS, return_sequences=True)(first, initial_state=state if initial else None)
    model = library.Model(inputs, second)
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(0, 0.5, array.shape) for array in model.get_weights()])
    return model


@pytest.mark.parametrize("form", ["model.h5", "model.weights.h5"])
def test_an_initial_state_that_no_file_records_is_named(tmp_path, form):
    library = _library(form)
    model = _chained(library, True)
    model.save_weights(tmp_path / form)
    imported = importing.import_file(tmp_path / form, verify=False)
    x = np.random.default_rng(4).normal(size=(2, 5, FEATURES)).astype("float32")
    own = np.asarray(imported.model(x))
    assert np.abs(own - np.asarray(model(x))).max() > 1e-2
    np.testing.assert_allclose(own, _chained(library, False)(x), atol=1e-5)
    named = " ".join(imported.uncovered)
    assert "initial states, such as final states of another layer, which are taken for zeros" in named
    assert ("functions outside layers" if form == "model.h5" else "functions and layers without weights") in named


def test_a_first_matrix_without_a_bias_is_named_and_may_be_a_dense_layer(tmp_path):
    keras.backend.clear_session()
    layers, path = keras.layers, tmp_path / "weights.npz"
    recurrent = layers.GRU(UNITS, return_sequences=True)
    model = keras.Sequential([layers.Dense(5, use_bias=False), recurrent, layers.Dense(2)])
    x = np.random.default_rng(4).normal(size=(2, 6, FEATURES)).astype("float32")
    expected = np.asarray(model(x))
    np.savez(path, *model.get_weights())
    (phrase,) = (text for text in importing.import_file(path).uncovered if "arr_0" in text)
    assert "taken for an embedding" in phrase
    assert "`order='dense,gru,dense_1'`" in phrase
    imported = importing.import_file(path, order="dense,gru,dense_1")
    assert not any("arr_0" in text for text in imported.uncovered)
    np.testing.assert_allclose(imported.model(x), expected, atol=1e-5)
    embedded = keras.Sequential([layers.Embedding(FEATURES, 5, weights=[model.get_weights()[0]]), *model.layers[1:]])
    tokens = np.array([[0, 2, 1, 1]])
    np.testing.assert_allclose(importing.import_file(path).model(tokens), embedded(tokens), atol=1e-5)


@pytest.mark.parametrize("form", ["weights.npz", "model.weights.h5"])
def test_a_hard_sigmoid_of_an_unknown_keras_is_named(tmp_path, form):
    """Keras 2 writes these files, too, and has another function of this name."""
    tf_keras = pytest.importorskip("tf_keras")
    tf_keras.backend.clear_session()
    model = tf_keras.Sequential([tf_keras.layers.GRU(UNITS, return_sequences=True, recurrent_activation="hard_sigmoid")])
    x = np.random.default_rng(4).normal(0, 2, (2, 6, FEATURES)).astype("float32")
    expected = np.asarray(model(x))
    path = tmp_path / form
    if form == "weights.npz":
        np.savez(path, **{weight.name: weight.numpy() for weight in model.weights})
    else:
        model.save_weights(path)
    phrase = "is taken for that of Keras 3 (keras2_hard_sigmoid for that of Keras 2)"
    other = importing.import_file(path, recurrent_activation="hard_sigmoid")
    assert any(phrase in text for text in other.uncovered)
    assert np.abs(np.asarray(other.model(x)) - expected).max() > 1e-3
    own = importing.import_file(path, recurrent_activation="keras2_hard_sigmoid")
    assert not any(phrase in text for text in own.uncovered)
    np.testing.assert_allclose(own.model(x), expected, atol=1e-5)
