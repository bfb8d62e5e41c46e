"""One step at a time with states carried along: the outputs are those of the model for the whole sequence."""

import runpy

import keras
import numpy as np
import pytest
from places import ROOT

import gru_tf
from gru_tf.interchange.building import build
from gru_tf.interchange.keras_model import network_of
from gru_tf.interchange.streaming import Streaming

T, I, O = 9, 3, 2  # noqa: E741, the letters of every docstring
FLOAT64, FLOAT32 = 1e-12, 2e-6
MOVED = 1e-3  # far beyond both


def filled(model, seed=0):
    """With random numbers for all weights: zero biases would hide a bias that is lost."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.dtype != "uint32":  # a dropout's seed
            weight.assign(rng.normal(scale=0.5, size=weight.shape))
    return model


def stack(cell, every=True, options=None, implementation="stock", dtype="float64"):
    options_of_stack = {"options": options, "return_sequences": every, "implementation": implementation, "dtype": dtype}
    return filled(gru_tf.stacked(cell, [4, 5], features=I, outputs=O, dropout=0.3, **options_of_stack))


def sequence(*shape):
    return np.random.default_rng(7).normal(size=shape)


def streamed(model, inputs, batch=None):
    streaming = Streaming(model, batch)
    return np.stack([streaming.step(inputs[:, t] if batch else inputs[t]) for t in range(T)], axis=-2)


CASES = {
    "rnn": ("rnn", {}, "stock"),
    "lstm": ("lstm", {}, "stock"),
    "gru": ("gru", {}, "stock"),
    "gru, reset before, write": ("gru", {"reset_after": False, "convention": "write"}, "custom"),
    "janet": ("janet", {}, "stock"),
    "min_gru, a parallel scan": ("min_gru", {}, "stock"),
    "min_lstm, a parallel scan": ("min_lstm", {}, "stock"),
}


@pytest.mark.parametrize("case", CASES)
def test_every_step_gives_what_the_whole_sequence_gives(case):
    cell, options, implementation = CASES[case]
    model, x = stack(cell, True, options, implementation), sequence(T, I)
    np.testing.assert_allclose(streamed(model, x), model(x[None])[0], rtol=0, atol=FLOAT64)


def test_the_last_step_gives_what_a_model_of_the_last_step_gives():
    model, x = stack("lstm", every=False), sequence(4, T, I)
    np.testing.assert_allclose(streamed(model, x, batch=4)[:, -1], model(x), rtol=0, atol=FLOAT64)


def test_an_imported_network_of_tokens_with_a_mask():
    inputs = keras.Input((None,), dtype="int32", name="sequence")
    mask = keras.Input((None,), dtype="bool", name="mask")
    x = keras.layers.Embedding(11, I)(inputs)
    x = gru_tf.GRU(4, convention="write", return_sequences=True)(x, mask=mask)
    model = filled(keras.Model([inputs, mask], keras.layers.Dense(O)(keras.layers.LSTM(3)(x, mask=mask))))
    tokens, lengths = np.random.default_rng(1).integers(0, 11, size=(2, T)), [5, T]
    expected = np.asarray(model([tokens, np.arange(T) < np.array(lengths)[:, None]]))
    for kind in (model, build(network_of(model))):  # as it is, and as an importer would give it
        outputs = streamed(kind, tokens, batch=2)
        np.testing.assert_allclose(
            [outputs[n, length - 1] for n, length in enumerate(lengths)], expected, rtol=0, atol=FLOAT32
        )
    assert np.abs(outputs[0, -1] - expected[0]).max() > MOVED  # its sequence has ended before


def test_what_stands_around_the_layers_is_computed_too():
    inputs = keras.Input((None, I), name="sequence")
    x = keras.layers.Rescaling(0.1)(inputs)
    x = keras.layers.RNN(keras.layers.GRUCell(4), return_sequences=True)(x)
    x = keras.layers.LayerNormalization()(keras.layers.Dropout(0.5)(x))
    x = keras.layers.Dense(O, activation="softmax")(keras.layers.Activation("relu")(x))
    model, x = filled(keras.Model(inputs, x)), sequence(T, I).astype("float32")
    np.testing.assert_allclose(streamed(model, x), model(x[None])[0], rtol=0, atol=FLOAT32)


@pytest.fixture(scope="module")
def lstm():
    return stack("lstm")


def test_a_stream_goes_on_from_its_states_another_day(lstm):
    x, streaming = sequence(T, I), Streaming(lstm)
    for step in x[:4]:
        streaming.step(step)
    saved = streaming.state
    assert {name: state.shape for name, state in saved.items()} == {
        "layer0_forward_h": (1, 4),
        "layer0_forward_c": (1, 4),
        "layer1_forward_h": (1, 5),
        "layer1_forward_c": (1, 5),
    }
    expected = [streaming.step(step) for step in x[4:]]
    again = Streaming(lstm)
    again.state = {name: saved[name] for name in reversed(saved)}  # by name, in whatever order
    saved["layer0_forward_h"][:] = 9  # the caller's own copy
    np.testing.assert_array_equal([again.step(step) for step in x[4:]], expected)


def test_reset_begins_a_new_sequence(lstm):
    x, streaming = sequence(T, I), Streaming(lstm)
    first = [streaming.step(step) for step in x]
    going_on = streaming.step(x[0])
    streaming.reset()
    np.testing.assert_array_equal([streaming.step(step) for step in x], first)
    assert np.abs(going_on - first[0]).max() > MOVED  # states count: without them every step would be a first one


def test_sequences_side_by_side_know_nothing_of_each_other(lstm):
    x, streaming = sequence(2, T, I), Streaming(lstm, batch=2)
    together = np.stack([streaming.step(x[:, t]) for t in range(T)], axis=1)
    np.testing.assert_allclose(together, [streamed(lstm, each) for each in x], rtol=0, atol=FLOAT64)


@pytest.mark.parametrize("cell", ["rnn", "janet"])  # by the kernels, and by TensorFlow
def test_weights_that_change_count_in_the_next_sequence(cell):
    model = stack(cell)
    streaming, x = Streaming(model), sequence(I)
    before = streaming.step(x)
    filled(model, seed=1)
    streaming.reset()
    after = streaming.step(x)
    np.testing.assert_allclose(after, model(x[None, None])[0, 0], rtol=0, atol=FLOAT64)
    assert np.abs(after - before).max() > MOVED


def test_a_model_that_was_saved_and_loaded_is_as_it_was(tmp_path):
    layers = [keras.layers.GRU(4, return_sequences=True), keras.layers.Dense(O)]
    model, x = filled(keras.Sequential([keras.Input((None, I)), *layers])), sequence(T, I).astype("float32")
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")  # Keras calls its layers twice on the way
    np.testing.assert_allclose(streamed(loaded, x), model(x[None])[0], rtol=0, atol=FLOAT32)
    part = keras.Model(loaded.inputs, loaded.layers[0].output)  # and here once more
    np.testing.assert_allclose(streamed(part, x), part([x[None]])[0], rtol=0, atol=FLOAT32)


def test_a_layer_in_two_places_is_no_line():
    inputs, twice = keras.Input((None, I)), keras.layers.GRU(I, return_sequences=True, name="twice")
    with pytest.raises(gru_tf.UserError, match="Received: GRU 'twice'"):
        Streaming(keras.Model(inputs, twice(twice(inputs))))


def refused(*layers):
    return keras.Sequential([keras.Input((T, I)), *layers], name="mine")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: refused(keras.layers.Bidirectional(keras.layers.GRU(2), name="both")), "'both': expected .* forwards"),
        (lambda: refused(keras.layers.GRU(2, go_backwards=True, name="back")), "'back': expected .* later steps"),
        (
            lambda: gru_tf.stacked("gru", 2, bidirectional=True, features=I, outputs=O),
            "Bidirectional '.*begins at the .* end",
        ),
        (lambda: refused(keras.layers.Conv1D(2, 3), keras.layers.GRU(2)), "Conv1D '.*expected recurrent layers"),
        (lambda: refused(keras.layers.LayerNormalization(axis=1), keras.layers.GRU(2)), "LayerNormalization"),
        (lambda: gru_tf.stacked("gru", 2, residual=True, features=I, outputs=O), "without residual"),
        (
            lambda: keras.Sequential([keras.Input((T, 4, I)), gru_tf.ConvGRU1D(2, 3)]),
            r"expected inputs \(batch, T, features\). Received: shape \(None, 9, 4, 3\)",
        ),
        (lambda: refused(keras.layers.Dense(2)), "expected at least one recurrent layer. Received: none"),
    ],
    ids=lambda value: "" if callable(value) else value[:20],
)
def test_what_needs_the_whole_sequence_is_refused_with_the_reason(model, words):
    with pytest.raises(gru_tf.UserError, match=words):
        Streaming(model())


def test_a_wrong_step_is_refused_and_changes_nothing(lstm):
    streaming = Streaming(lstm)
    streaming.step(sequence(I))
    before = streaming.state
    with pytest.raises(ValueError, match=r"expected a step of shape \(3,\). Received: shape \(1, 3\)"):
        streaming.step(sequence(1, I))
    for states, words in (
        ({"layer0_forward_k": 0}, "Did you mean 'layer0_forward_h'"),
        ({**before, "layer1_forward_c": np.zeros(5)}, r"layer1_forward_c of shape \(1, 5\). Received: shape \(5,\)"),
    ):
        with pytest.raises(ValueError, match=words):
            streaming.state = states
    np.testing.assert_array_equal(streaming.state["layer1_forward_c"], before["layer1_forward_c"])


@pytest.mark.parametrize("token", [11, -1, 2.0])
def test_a_number_that_is_no_token_is_refused(token):
    model = keras.Sequential([keras.Input((None,), dtype="int32"), keras.layers.Embedding(11, I), keras.layers.GRU(2)])
    with pytest.raises(ValueError, match="expected whole numbers from 0 to 10"):
        Streaming(model).step(token)


def test_the_example_in_the_documentation(capsys):
    runpy.run_path(str(ROOT / "docs" / "streaming.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "states: layer0_forward_h, layer1_forward_h" in printed
    assert "verified by" in printed
