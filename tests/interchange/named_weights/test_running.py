"""The comparison of weights alone with TF-Keras, where its functions differ from those of Keras 3."""

import keras
import numpy as np
import pytest

import gru_tf


@pytest.mark.parametrize("gate", ["hard_sigmoid", "hard_tanh"])
def test_both_directions_are_compared_with_functions_of_keras_3(tmp_path, gate):
    """Of these, TF-Keras has another function, and none."""
    pytest.importorskip("tf_keras")
    keras.backend.clear_session()
    layer = keras.layers.LSTM(5, return_sequences=True, recurrent_activation=gate)
    model = keras.Sequential([keras.Input((None, 4)), keras.layers.Bidirectional(layer)])
    model.save_weights(tmp_path / "model.weights.h5")
    x = np.random.default_rng(1).normal(size=(2, 6, 4)).astype("float32")
    imported = gru_tf.import_model(tmp_path / "model.weights.h5", recurrent_activation=gate, verify=True)
    np.testing.assert_allclose(imported(x), model(x), atol=1e-5)
