"""How weights of a cell begin, and the IRNN: the options `forget_bias`, `recurrent_start` and `activation` of cells."""

import keras
import numpy as np
import pytest

import gru_tf
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.cells.lstm import LSTMCell
from gru_tf.recurrent.cells.rnn import RNNCell
from gru_tf.recurrent.kernel_path import find_path

UNITS, FEATURES = 4, 3
RELU = {"activation": "relu", "recurrent_start": "identity"}
X = np.random.default_rng(0).normal(size=(2, 7, FEATURES)).astype("float32")


@pytest.mark.parametrize("make", [LSTMCell, gru_tf.LSTM])
@pytest.mark.parametrize("bias", [0.0, 1.0, 2.5, -1])
def test_the_forget_gate_begins_at_its_bias_alone(make, bias):
    made = make(UNITS, forget_bias=bias)
    made.build((None, FEATURES) if make is LSTMCell else (None, 7, FEATURES))
    began = next(w for w in made.weights if w.name == "bias").numpy()
    np.testing.assert_array_equal(began, np.repeat([0, bias, 0, 0], UNITS).astype("float32"))
    again = type(made).from_config(made.get_config())
    assert getattr(again, "cell", again).forget_bias == bias
    assert ("forget_bias" in made.get_config()) == (bias != 1)


@pytest.mark.parametrize("others", [{"use_bias": False}, {"unit_forget_bias": False}, {"longest": 9}])
def test_a_bias_that_something_else_sets_is_refused(others):
    with pytest.raises(ValueError, match=r"^LSTMCell: expected `forget_bias` to be 1 with use_bias=False, unit_forget"):
        LSTMCell(UNITS, forget_bias=0.0, **others)
    LSTMCell(UNITS, **others)


def test_an_experiment_names_one_of_them():
    spec = CELLS.find("lstm")
    for value in (0, 0.0, -1.5):
        spec.check({"forget_bias": value})
    for value in ("0", True, float("nan")):
        with pytest.raises(UserError, match=r"^lstm\.forget_bias: received .*expected one of 1\.0, a number"):
            spec.check({"forget_bias": value})
    with pytest.raises(UserError, match=r"^lstm\.forget_bias: received 0, expected it to be left out beside longest"):
        spec.check({"forget_bias": 0, "longest": 9})


def by_hand(weights, x, activation):
    kernel, recurrent, bias = (w.astype("float64") for w in weights)
    h = np.zeros((len(x), UNITS))
    for t in range(x.shape[1]):
        h = activation(x[:, t] @ kernel + h @ recurrent + bias)
    return h


def test_an_irnn_is_its_equation_and_keras_simple_rnn():
    layer = gru_tf.SimpleRNN(UNITS, bias_initializer="normal", **RELU)
    stock = keras.layers.SimpleRNN(UNITS, activation="relu", recurrent_initializer="identity")
    for one in (layer, stock):
        one.build((None, 7, FEATURES))
    stock.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer.get_weights()[1], np.eye(UNITS))
    expected = by_hand(layer.get_weights(), X, lambda a: np.maximum(a, 0))
    np.testing.assert_allclose(layer(X), expected, atol=1e-5)
    np.testing.assert_allclose(stock(X), expected, atol=1e-5)
    assert np.abs(by_hand(layer.get_weights(), X, np.tanh) - expected).max() > 0.1
    assert find_path(layer, gpu=False, jit=False).why_not_fused == "activation is relu, not tanh"


def test_its_catalogue_entry_computes_and_saves_it(tmp_path):
    spec = CELLS.find("rnn")
    layer = spec.layer(UNITS, RELU)
    model = keras.Sequential([keras.Input((None, FEATURES)), layer])
    expected = by_hand(model.get_weights(), X, lambda a: np.maximum(a, 0))
    np.testing.assert_allclose(model(X), expected, atol=1e-5)
    model.save(tmp_path / "irnn.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "irnn.keras")(X), model(X))
    values = spec.step(
        X[:, 0],
        [np.zeros((2, UNITS))],
        dict(zip(("kernel", "recurrent_kernel", "bias"), model.get_weights(), strict=True)),
        **RELU,
    )
    np.testing.assert_allclose(values[0], layer.cell(X[:, 0], np.zeros((2, UNITS), "float32"))[0], atol=1e-6)


def test_what_u_begins_as_is_said_once():
    with pytest.raises(ValueError, match=r"^RNNCell: expected `recurrent_initializer` to be left out with recurrent_start"):
        RNNCell(UNITS, recurrent_start="identity", recurrent_initializer="zeros")
    with pytest.raises(ValueError, match=r"^RNNCell: expected `recurrent_start` to be 'orthogonal' or 'identity'"):
        RNNCell(UNITS, recurrent_start="eye")
    assert RNNCell.from_config(RNNCell(UNITS, recurrent_start="identity").get_config()).recurrent_start == "identity"
