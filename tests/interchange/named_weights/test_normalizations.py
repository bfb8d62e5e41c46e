"""Normalizations with a scale alone or a shift alone: read where arrays have names, refused where they are numbered."""

import keras
import numpy as np
import pytest
from refusals import refused

import gru_tf
from gru_tf.interchange import importing

UNITS = 5


def _model(library, kind, options):
    library.backend.clear_session()
    layers = library.layers
    recurrent = layers.GRU(UNITS, return_sequences=True)
    norm = getattr(layers, kind)(**options)
    model = library.Sequential([library.Input((None, 4)), recurrent, norm, layers.Dense(2)])
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.3, 1, array.shape) for array in model.get_weights()])
    return model


@pytest.mark.parametrize("kind", ["LayerNormalization", "BatchNormalization"])
@pytest.mark.parametrize("options", [{"scale": False}, {"center": False}])
def test_numbered_arrays_are_refused_with_a_way_that_works(tmp_path, kind, options):
    model = _model(keras, kind, options)
    model.save_weights(tmp_path / "model.weights.h5")
    advice = "np.savez(FILE, **{w.path: w.numpy() for w in model.weights})"
    refused(lambda: gru_tf.import_model(tmp_path / "model.weights.h5"), "gamma and beta", "one of the two", advice)
    again = _model(keras, kind, options)
    again.load_weights(tmp_path / "model.weights.h5")
    np.savez(tmp_path / "weights.npz", **{w.path: w.numpy() for w in again.weights})
    x = np.random.default_rng(2).normal(size=(2, 6, 4)).astype("float32")
    np.testing.assert_allclose(gru_tf.import_model(tmp_path / "weights.npz", verify=True)(x), model(x), atol=1e-5)


@pytest.mark.parametrize("kind", ["LayerNormalization", "BatchNormalization"])
@pytest.mark.parametrize("options", [{"scale": False}, {"center": False}])
def test_named_arrays_of_hdf5_are_read(tmp_path, kind, options):
    model = _model(pytest.importorskip("tf_keras"), kind, options)
    model.save_weights(tmp_path / "model.h5")
    x = np.random.default_rng(2).normal(size=(2, 6, 4)).astype("float32")
    np.testing.assert_allclose(gru_tf.import_model(tmp_path / "model.h5", verify=True)(x), model(x), atol=1e-5)


def test_a_lone_array_by_position_that_may_be_a_bias_is_named(tmp_path):
    """A dense layer without a bias and a normalization with a scale alone have the arrays of a dense layer with a bias."""
    keras.backend.clear_session()
    layers, path = keras.layers, tmp_path / "weights.npz"
    recurrent = layers.GRU(UNITS, return_sequences=True, use_bias=False)
    inputs = keras.Input((None, 4))
    plain = keras.Sequential([inputs, recurrent, layers.Dense(2, use_bias=False)])
    normalized = keras.Sequential([inputs, *plain.layers, layers.LayerNormalization(center=False)])
    biased = keras.Sequential([inputs, recurrent, layers.Dense(2)])
    biased.set_weights(normalized.get_weights())
    np.savez(path, *normalized.get_weights())
    imported = importing.import_file(path, reset_after=True)
    x = np.random.default_rng(2).normal(size=(2, 6, 4)).astype("float32")
    np.testing.assert_allclose(imported.model(x), biased(x), atol=1e-5)
    assert np.abs(np.asarray(imported.model(x)) - np.asarray(normalized(x))).max() > 1e-2
    phrase = "biases, which could be the only array of a normalization behind a layer without one"
    assert phrase in imported.uncovered
    np.savez(path, *plain.get_weights())
    assert phrase not in importing.import_file(path, reset_after=True).uncovered
