"""Recurrent weights that are orthogonal gate by gate at the start."""

import random

import keras
import numpy as np
import pytest
from keras import ops

import gru_tf
from gru_tf.training.network import initial_values

H = 24


def numbers(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32")).astype("float64")


def singular_values(kernel, gates):
    """Of each gate's matrix, (gates, the smaller of its sizes)."""
    return np.array([np.linalg.svd(block, compute_uv=False) for block in np.split(numbers(kernel), gates, axis=1)])


@pytest.mark.parametrize("gates", [1, 3, 4])
def test_each_gate_has_an_orthogonal_matrix_of_its_own(gates):
    kernel = gru_tf.OrthogonalByGate(gain=1.5, seed=2)((H, gates * H))
    assert kernel.shape == (H, gates * H)
    np.testing.assert_allclose(singular_values(kernel, gates), 1.5, rtol=0, atol=1e-5)
    blocks = np.split(numbers(kernel), gates, axis=1)
    assert all(np.abs(blocks[0] - other).max() > 0.1 for other in blocks[1:])


def test_keras_makes_one_matrix_of_all_gates_whose_parts_shrink_states():
    """Why: the mean of the squares of a part's singular values is 1/G exactly, as all G parts make orthonormal rows."""
    values = singular_values(keras.initializers.Orthogonal(seed=2)((H, 4 * H)), 4)
    assert values.min() < 0.2
    assert 0.4 < np.sqrt((values**2).mean()) < 0.6


@pytest.mark.parametrize("layer", [keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN, gru_tf.LSTM, gru_tf.GRU])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_layers_of_keras_and_of_this_project_take_it(layer, dtype):
    made = layer(H, recurrent_initializer=gru_tf.OrthogonalByGate(seed=3), dtype=dtype)
    made.build((None, 5, 2))
    kernel = made.cell.recurrent_kernel
    assert keras.backend.standardize_dtype(kernel.dtype) == dtype
    values = singular_values(kernel, kernel.shape[1] // H)
    np.testing.assert_allclose(values, 1, rtol=0, atol=0.02 if dtype == "bfloat16" else 1e-5)
    again = layer.from_config(made.get_config())
    again.build((None, 5, 2))
    np.testing.assert_array_equal(numbers(again.cell.recurrent_kernel), numbers(kernel))


@pytest.mark.parametrize("projection", [3, 6, 30])
def test_with_a_projection_each_gate_s_matrix_is_as_orthogonal_as_it_can_be(projection):
    """Of (6, 48) rows alone do not tell 4 gates of 12 from 8 of 6."""
    cell = gru_tf.LSTMCell(12, projection=projection, recurrent_initializer=gru_tf.OrthogonalByGate(seed=3))
    cell.build((None, 2))
    assert cell.recurrent_kernel.shape == (projection, 48)
    values = singular_values(cell.recurrent_kernel, 4)
    assert values.shape == (4, min(projection, 12))
    np.testing.assert_allclose(values, 1, rtol=0, atol=1e-5)


def test_a_configuration_makes_an_equal_initializer():
    initializer = gru_tf.OrthogonalByGate(gain=0.5, seed=7)
    again = keras.initializers.deserialize(keras.initializers.serialize(initializer))
    assert type(again) is gru_tf.OrthogonalByGate
    np.testing.assert_array_equal(again((3, 9)), initializer((3, 9)))
    other = gru_tf.OrthogonalByGate(gain=0.5, seed=8)
    assert np.abs(numbers(other((3, 9))) - numbers(again((3, 9)))).max() > 0.1
    assert again.get_config() == {"gain": 0.5, "seed": 7}


@pytest.mark.parametrize("shape", [(3,), (3, 10), (9, 3), (3, 3, 9), (0, 0)])
def test_shapes_that_are_not_blocks_are_refused(shape):
    with pytest.raises(ValueError, match=r"^OrthogonalByGate: expected `shape` to be \(H, G·H\), a square matrix for each"):
        gru_tf.OrthogonalByGate()(shape)


@pytest.mark.parametrize("gain", ["1", None, True])
def test_a_gain_is_a_number(gain):
    with pytest.raises(ValueError, match=f"^OrthogonalByGate: expected `gain` to be a number. Received: gain={gain!r}$"):
        gru_tf.OrthogonalByGate(gain=gain)


@pytest.mark.parametrize(
    "layer",
    [
        gru_tf.LSTM,
        keras.layers.GRU,
        lambda n, **o: gru_tf.LSTM(n, projection=2, **o),
        lambda n, **o: gru_tf.LSTM(n, projection=9, **o),
    ],
)
def test_experiments_draw_the_same_matrices_whatever_the_processor(layer):
    """Their own orthogonalisation, in float64, differs from Keras' by rounding alone."""
    random.seed(3)
    made = layer(6, recurrent_initializer=gru_tf.OrthogonalByGate(gain=1.5))
    model = keras.Sequential([keras.Input((None, 2)), made])
    before = numbers(made.cell.recurrent_kernel)
    made.cell.recurrent_kernel.assign(ops.zeros_like(made.cell.recurrent_kernel))
    initial_values.hold(model)
    np.testing.assert_allclose(numbers(made.cell.recurrent_kernel), before, rtol=0, atol=1e-5)
