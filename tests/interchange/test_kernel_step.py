"""Streaming by the fused kernels: which models take them, and the numbers of Keras' loop over the same cells."""

import sys
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

import gru_tf
from gru_tf.interchange.streaming import Streaming
from gru_tf.recurrent import kernels
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.cells.gru import GRUCell
from gru_tf.recurrent.cells.lstm import LSTMCell

T, I, O = 7, 3, 2  # noqa: E741, the letters of every docstring
TOLERANCES = {"float32": 1e-6, "float64": 1e-12}
MOVED = 1e-3  # far beyond both
pytestmark = pytest.mark.skipif(bool(kernels.why_not()), reason=kernels.why_not())

# name → a cell of H units; keras.layers.RNN runs each step by step, without any kernel
OURS = {
    "rnn": CELLS.find("rnn").build,
    "lstm": CELLS.find("lstm").build,
    "gru": GRUCell,
    "gru, write": lambda units, **options: GRUCell(units, convention="write", **options),
    "gru, reset before": lambda units, **options: GRUCell(units, reset_after=False, **options),
    "gru_reset_before, write": lambda units, **options: CELLS.find("gru_reset_before").build(
        units, convention="write", **options
    ),
}
KERAS = {
    "SimpleRNNCell": keras.layers.SimpleRNNCell,
    "LSTMCell": keras.layers.LSTMCell,
    "GRUCell": keras.layers.GRUCell,
    "GRUCell, reset before": lambda units, **options: keras.layers.GRUCell(units, reset_after=False, **options),
}


def filled(model, seed=0):
    """With random numbers for all weights: zero biases would hide a bias that is lost."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.dtype != "uint32":  # a dropout's seed
            weight.assign(rng.normal(scale=0.5, size=weight.shape))
    return model


def line(*layers, features=I, dtype="float32"):
    return filled(keras.Sequential([keras.Input((None, features), dtype=dtype), *layers]))


def rnn(cell):
    return keras.layers.RNN(cell, return_sequences=True, dtype=cell.dtype_policy)


def sequence(*shape):
    return np.random.default_rng(7).normal(size=shape)


def check(model, x, atol, batch=None):
    """Streamed by the kernels, and equal to the model for the whole sequences x (batch, T, …)."""
    streaming = Streaming(model, batch)
    assert streaming.kernel_path == "fused cpu"
    steps = [streaming.step(x[:, t] if batch else x[0, t]) for t in range(T)]
    expected = np.asarray(model(x))
    assert steps[0].dtype == expected.dtype
    np.testing.assert_allclose(np.stack(steps, axis=-2), expected if batch else expected[0], rtol=0, atol=atol)


@pytest.mark.parametrize("batch", [None, 3])
@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", OURS | KERAS)
def test_every_cell_in_a_stack(name, dtype, biases, batch):
    make = (OURS | KERAS)[name]
    cells = [make(units, use_bias=biases, dtype=dtype, dropout=0.2) for units in (4, 9)]
    model = line(*map(rnn, cells), keras.layers.Dense(O, dtype=dtype), dtype=dtype)
    check(model, sequence(batch or 1, T, I).astype(dtype), TOLERANCES[dtype], batch)


@pytest.mark.parametrize("layer", [keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU, gru_tf.GRU])
def test_layers_of_different_cells_in_a_model_without_a_head(layer):
    model = line(rnn(keras.layers.LSTMCell(4)), layer(6, return_sequences=True), rnn(GRUCell(5)))
    check(model, sequence(2, T, I).astype("float32"), TOLERANCES["float32"], batch=2)


@pytest.mark.parametrize("batch", [None, 2])
@pytest.mark.parametrize("activation", ["linear", "tanh", "sigmoid", "relu", "softmax"])
@pytest.mark.parametrize("dtype", TOLERANCES)
def test_everything_around_the_cells(activation, dtype, batch):
    layers = [
        keras.layers.Rescaling([0.1, 2, 3], offset=0.5, dtype=dtype),
        keras.layers.Dense(4, use_bias=False, dtype=dtype),
        rnn(GRUCell(6, dtype=dtype)),
        keras.layers.Dropout(0.5, dtype=dtype),
        keras.layers.LayerNormalization(epsilon=0.01, dtype=dtype),
        keras.layers.Activation(activation, dtype=dtype),
        keras.layers.LayerNormalization(center=False, scale=False, dtype=dtype),
        keras.layers.Dense(5, activation=activation, dtype=dtype),
        keras.layers.Rescaling(3, dtype=dtype),
    ]
    atol = 10 * TOLERANCES[dtype]  # outputs up to 9, after norms that divide by what is small
    check(line(*layers, dtype=dtype), sequence(batch or 1, T, I).astype(dtype), atol, batch)


@pytest.mark.parametrize("batch", [None, 3])
def test_tokens(batch):
    inputs = keras.Input((None,), dtype="int32")
    x = rnn(keras.layers.LSTMCell(5))(keras.layers.Embedding(11, I)(inputs))
    model = filled(keras.Model(inputs, keras.layers.Dense(11, activation="softmax")(x)))
    check(model, np.random.default_rng(1).integers(0, 11, size=(batch or 1, T)), TOLERANCES["float32"], batch)


def test_one_step_is_that_of_the_compiled_function_and_states_go_from_one_to_the_other(monkeypatch):
    model, x = line(rnn(GRUCell(4)), rnn(keras.layers.LSTMCell(5)), keras.layers.Dense(O)), sequence(2, T, I)
    fused = Streaming(model, batch=2)
    monkeypatch.setenv("GRU_TF_KERNELS", "off")
    compiled = Streaming(model, batch=2)
    assert compiled.kernel_path == "tensorflow: GRU_TF_KERNELS=off"
    for t in range(T):
        np.testing.assert_allclose(fused.step(x[:, t]), compiled.step(x[:, t]), rtol=0, atol=1e-6)
        assert list(fused.state) == list(compiled.state)
        for name, state in compiled.state.items():
            assert fused.state[name].dtype == state.dtype
            np.testing.assert_allclose(fused.state[name], state, rtol=0, atol=1e-6)
        fused.state, compiled.state = compiled.state, fused.state


@pytest.mark.parametrize("features", [1, 3])
def test_inputs_of_every_kind_are_taken_as_before(features):
    model = line(rnn(GRUCell(4)), features=features)
    streaming, x = Streaming(model, batch=2), np.arange(2 * features).reshape(2, features)
    expected = streaming.step(x.astype("float32"))
    read_only = x.astype("float32")
    read_only.flags.writeable = False
    for kind in (x, x.tolist(), x.astype("float64"), np.asfortranarray(x), read_only, np.repeat(x, 2, 1)[:, ::2]):
        streaming.reset()
        np.testing.assert_array_equal(streaming.step(kind), expected)
    streaming.state = {"layer0_forward_h": np.asfortranarray(np.ones((2, 4)))}
    assert np.abs(streaming.step(x) - expected).max() > MOVED


def test_what_is_returned_is_the_caller_s_own():
    streaming = Streaming(line(rnn(GRUCell(4))))
    output = streaming.step(np.ones(I))
    before = streaming.state["layer0_forward_h"]
    output[:] = 9
    np.testing.assert_array_equal(streaming.state["layer0_forward_h"], before)


def test_infinities_and_nan_go_through_without_a_warning():
    model = line(keras.layers.Rescaling(2), rnn(GRUCell(4)), keras.layers.Dense(O, activation="softmax"))
    with np.errstate(all="raise"):
        assert np.isnan(Streaming(model).step([np.nan, 1, 1])).all()
        assert Streaming(model).step([np.inf, 3e38, 1]).shape == (O,)


def test_kernels_that_are_given_up_are_not_called_from_the_next_sequence_on(monkeypatch):
    streaming, x = Streaming(line(rnn(GRUCell(4)))), sequence(I)
    expected = streaming.step(x)
    monkeypatch.setattr("gru_tf.recurrent.kernels.library._refused", ["TensorFlow cannot load the operations"])
    streaming.step(x)
    assert streaming.kernel_path == "fused cpu"
    streaming.reset()
    assert streaming.kernel_path == "tensorflow: TensorFlow cannot load the operations"
    np.testing.assert_allclose(streaming.step(x), expected, rtol=0, atol=1e-6)


def test_weights_are_read_when_a_sequence_begins():
    model, x = line(rnn(GRUCell(4)), keras.layers.Dense(O)), sequence(1, 1, I).astype("float32")
    streaming, other = Streaming(model), Streaming(model)
    start, before = streaming.state, streaming.step(x[0, 0])
    filled(model, seed=1)
    np.testing.assert_array_equal(other.step(x[0, 0]), before)  # which had begun
    after = np.asarray(model(x))[0, 0]
    assert np.abs(after - before).max() > MOVED
    streaming.reset()
    np.testing.assert_allclose(streaming.step(x[0, 0]), after, rtol=0, atol=1e-6)
    other.state = start
    np.testing.assert_allclose(other.step(x[0, 0]), after, rtol=0, atol=1e-6)


def test_threads_that_begin_sequences_and_step_disturb_nobody():
    model = line(rnn(GRUCell(32)), keras.layers.Dense(O))
    streaming, x = Streaming(model), sequence(I)
    possible, h = [], streaming.state
    for _ in range(400):  # every state that any order of the steps below can reach
        possible.append(streaming.step(x).tolist())
    streaming.state = h

    def run(number):
        outputs = []
        for _ in range(100):
            if number == 0:
                streaming.reset()
            outputs.append(streaming.step(x).tolist())
        return outputs

    with ThreadPoolExecutor(4) as pool:
        outputs = [output for each in pool.map(run, range(4)) for output in each]
    assert all(output in possible for output in outputs)


class Own(keras.layers.Dense):
    """Computes something else than its base class."""

    def call(self, inputs):
        return super().call(inputs) * 2


class OwnCell(GRUCell):
    """Computes something else than its base class."""

    def step(self, x, states, training=False):
        return [h * 2 for h in super().step(x, states, training)]


def tanh(x):
    return x


REFUSED = {
    "the kernels have no OwnCell": lambda: line(rnn(OwnCell(4))),
    "the kernels have no JANETCell": lambda: line(rnn(CELLS.find("janet").build(4))),
    "the kernels have no StackedRNNCells": lambda: line(rnn(keras.layers.StackedRNNCells([GRUCell(4), LSTMCell(3)]))),
    "zoneout=0.5, the kernels have none": lambda: line(gru_tf.GRU(4, zoneout=0.5, return_sequences=True)),
    "zoneout=0.25, the kernels have none": lambda: line(rnn(LSTMCell(4, zoneout=0.25))),
    "activation is relu, not tanh": lambda: line(keras.layers.SimpleRNN(4, activation="relu", return_sequences=True)),
    "activation is a function of its own, not tanh": lambda: line(rnn(GRUCell(4, activation=tanh))),
    "recurrent_activation is hard_sigmoid, not sigmoid": lambda: line(
        rnn(keras.layers.LSTMCell(4, recurrent_activation="hard_sigmoid"))
    ),
    "Own 'own': is not computed in NumPy": lambda: line(rnn(GRUCell(4)), Own(O, name="own")),
    "activation is none of linear, tanh": lambda: line(rnn(GRUCell(4)), keras.layers.Dense(O, activation="elu")),
    "rms_scaling=True": lambda: line(rnn(GRUCell(4)), keras.layers.LayerNormalization(rms_scaling=True)),
    "scale and offset are neither": lambda: line(keras.layers.Rescaling(np.ones((1, I))), rnn(GRUCell(4))),
    "computes in float16 with weights in float32": lambda: line(rnn(GRUCell(4, dtype="mixed_float16"))),
    "computes in float64, the first layer in float32": lambda: line(rnn(GRUCell(4)), keras.layers.Dense(O, dtype="float64")),
    "inputs are float16": lambda: line(rnn(GRUCell(4)), dtype="float16"),
}


@pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`")
@pytest.mark.parametrize("words", REFUSED)
def test_a_model_that_the_kernels_cannot_compute_is_computed_by_tensorflow(words):
    model, x = REFUSED[words](), sequence(1, T, I).astype("float32")
    streaming = Streaming(model)
    assert streaming.kernel_path.startswith("tensorflow: ")
    assert words in streaming.kernel_path
    outputs = [streaming.step(step) for step in x[0]]
    atol = 1e-2 if "float16" in words else 1e-6
    np.testing.assert_allclose(outputs, np.asarray(model(x))[0], rtol=0, atol=atol)


def test_a_name_that_another_class_has_taken_is_another_class(monkeypatch):
    monkeypatch.setattr(keras.layers, "GRUCell", OwnCell)
    assert "no OwnCell" in Streaming(line(rnn(keras.layers.GRUCell(4)))).kernel_path


def test_a_step_calls_nothing_of_tensorflow_or_keras():
    streaming, x = Streaming(line(rnn(GRUCell(4)), keras.layers.Dense(O))), sequence(I)
    called = set()
    sys.setprofile(lambda frame, event, _: called.add(frame.f_globals.get("__name__", "")))
    try:
        streaming.step(x)
    finally:
        sys.setprofile(None)
    assert "gru_tf.recurrent.kernels.step" in called
    assert not [name for name in called if name.partition(".")[0] in ("tensorflow", "keras")]
