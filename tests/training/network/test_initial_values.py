"""Orthogonal initial values: Keras' own but for roundings, from the same draws; nothing else of a network changes."""

import random

import keras
import numpy as np
import pytest

import gru_tf
from gru_tf.training.network import initial_values


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (5, 3), (62, 186), (107, 107), (100, 33)])
def test_as_keras_has_them(shape):
    ours = initial_values.orthogonal(shape, seed=4, gain=1.5)
    expected = keras.ops.convert_to_numpy(keras.initializers.Orthogonal(gain=1.5, seed=4)(shape))
    assert ours.dtype == expected.dtype
    np.testing.assert_allclose(ours, expected, rtol=0, atol=2e-5)  # a square matrix of normal numbers may be near singular
    short = (ours if shape[0] < shape[1] else ours.T).astype("float64") / 1.5
    np.testing.assert_allclose(short @ short.T, np.eye(min(shape)), rtol=0, atol=3e-7)


@pytest.mark.parametrize("layer", [gru_tf.LSTM, gru_tf.GRU, gru_tf.SimpleRNN, lambda n: keras.layers.RNN(gru_tf.MGUCell(n))])
def test_only_the_recurrent_kernels_change(layer):
    def network():
        random.seed(3)
        recurrent = keras.layers.Bidirectional(layer(6))
        return keras.Sequential([keras.Input((None, 2)), recurrent, keras.layers.Dense(2)])

    held, keras_s = network(), network()
    initial_values.hold(held)
    names = [weight.path for weight in held.weights]
    assert sum("recurrent_kernel" in name for name in names) == 2
    for name, ours, theirs in zip(names, held.get_weights(), keras_s.get_weights(), strict=True):
        if "recurrent_kernel" in name:
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
        else:
            np.testing.assert_array_equal(ours, theirs)


def test_another_initializer_is_left_alone():
    layer = gru_tf.GRU(3, recurrent_initializer="ones")
    model = keras.Sequential([keras.Input((None, 2)), layer])
    initial_values.hold(model)
    np.testing.assert_array_equal(layer.get_weights()[1], np.ones((3, 9)))
