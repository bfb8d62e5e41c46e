"""Whole Keras models with weights that multiply rounding errors, compared with a source that computes in float32 alone."""

import keras
import numpy as np
import pytest

from gru_tf.foundation.errors import UserError
from gru_tf.interchange.verification import verify_model

SCALE = 4.0  # of U's entries, in units of 1/√H: a chaotic network


def chaotic():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, 3))
    layer = keras.layers.SimpleRNN(64, return_sequences=True)
    x = layer(inputs)
    model = keras.Model(inputs, [keras.layers.Dense(2, activation="softplus")(x), x])
    rng = np.random.default_rng(0)
    layer.set_weights([rng.normal(size=(3, 64)), rng.normal(size=(64, 64)) * SCALE / 8, rng.normal(size=64)])
    return model


class InNumPy:
    """The model's equations in float32, with sums in NumPy's order."""

    def __init__(self, model, error=0.0):
        self.weights, self.error = [w.astype("float32") for w in model.get_weights()], np.float32(error)

    def __call__(self, inputs):
        w, u, b, v, c = self.weights
        h, steps = np.zeros((len(inputs), 64), "float32"), []
        for t in range(inputs.shape[1]):
            h = np.tanh(inputs[:, t] @ w + (h @ u + b) + self.error)
            steps.append(h)
        every = np.stack(steps, axis=1)
        return np.logaddexp(np.float32(0), every @ v + c), [every]


def test_chaotic_models_are_judged_by_their_own_float64():
    model = chaotic()
    verified = verify_model(model, InNumPy(model), by="NumPy")
    assert verified.largest > 1e-4
    assert verified.rounding.startswith("rounding in float32, which these weights amplify: NumPy ")
    assert "from the model in float64, the model " in str(verified)


def test_another_function_is_noticed():
    model = chaotic()
    with pytest.raises(UserError, match="not the same"):
        verify_model(model, InNumPy(model, error=1e-2), by="NumPy")
