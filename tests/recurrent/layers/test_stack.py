"""Stacks: the same numbers as layers put together by hand and as PyTorch's; every option; saved, loaded and trained."""

import keras
import numpy as np
import pytest

from gru_tf import RecurrentStack, stacked
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent.cells import CELLS

BATCH, STEPS, FEATURES = 3, 5, 4
CLOSE = {"rtol": 0, "atol": 2e-6}
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 1, 1, 0]], bool)
STOCK = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


def sequence(width=FEATURES):
    return np.random.default_rng(1).normal(size=(BATCH, STEPS, width)).astype("float32")


def randomised(layer):
    """The layer, built, with random weights, so that no bias is zero and no scale one."""
    layer.build((BATCH, STEPS, FEATURES))
    rng = np.random.default_rng(2)
    layer.set_weights([rng.normal(scale=0.5, size=w.shape) for w in layer.weights])
    return layer


def by_hand(name, units, bidirectional, sequences, stack):
    """A Sequential of Keras' own layers with the stack's weights."""
    layers = []
    for n, size in enumerate(units):
        layer = STOCK[name](size, return_sequences=sequences or n < len(units) - 1)
        layers.append(keras.layers.Bidirectional(layer) if bidirectional else layer)
    model = keras.Sequential([keras.Input((STEPS, FEATURES)), *layers])
    model.set_weights(stack.get_weights())
    return model


@pytest.mark.parametrize("implementation", ["stock", "custom"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("name", STOCK)
def test_equals_keras_layers_put_together_by_hand(name, sequences, bidirectional, implementation):
    options = {"bidirectional": bidirectional, "return_sequences": sequences, "implementation": implementation}
    stack = randomised(stacked(name, [4, 3], **options))
    expected = by_hand(name, [4, 3], bidirectional, sequences, stack)
    np.testing.assert_allclose(stack(sequence()), expected(sequence()), **CLOSE)
    for plain, same in zip(stack.layers, expected.layers, strict=True):
        assert isinstance(plain, type(same)) or implementation == "custom"
    mask = keras.ops.convert_to_tensor(MASK)
    x = sequence()
    for layer in expected.layers:
        x = layer(x, mask=mask)
    np.testing.assert_allclose(stack(sequence(), mask=mask), x, **CLOSE)


def test_dropout_lies_between_layers_and_not_after_the_last():
    stack = randomised(stacked("gru", [4, 3], dropout=0.999999, seed=1, return_sequences=True))
    dropped = np.array(stack(sequence(), training=True))
    nothing = stack.layers[1](np.zeros((BATCH, STEPS, 4), "float32"))
    np.testing.assert_allclose(dropped, nothing, **CLOSE)
    assert np.abs(dropped).max() > 1e-2
    np.testing.assert_allclose(stack(sequence()), stacked_again(stack)(sequence()), **CLOSE)


def stacked_again(stack):
    """The same without dropout, from its configuration and weights."""
    again = RecurrentStack.from_config({**stack.get_config(), "dropout": 0.0})
    again.build((BATCH, STEPS, FEATURES))
    again.set_weights(stack.get_weights()[: len(again.weights)])
    return again


@pytest.mark.parametrize("bidirectional", [False, True])
def test_residual_and_normalisation_by_their_equations(bidirectional):
    stack = randomised(
        stacked("lstm", [3, 3], residual=True, layer_norm=True, bidirectional=bidirectional, return_sequences=True)
    )
    x = sequence()
    for n in range(2):
        y = np.array(stack.layers[n](x))
        skip = stack.projections[n]
        learned = [np.array(w) for w in skip.weights]
        assert len(learned) == (1 if n == 0 else 0), "a projection where the widths differ, the identity where they agree"
        v = y + (x @ learned[0] if learned else x)
        gamma, beta = (np.array(w) for w in stack.norms[n].weights)
        x = (v - v.mean(-1, keepdims=True)) / np.sqrt(v.var(-1, keepdims=True) + stack.norms[n].epsilon) * gamma + beta
    np.testing.assert_allclose(stack(sequence()), x, rtol=0, atol=2e-5)


@pytest.mark.parametrize("mask", [None, MASK], ids=["no mask", "mask"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("options", [{}, {"residual": True}, {"layer_norm": True}], ids=str)
def test_the_last_output_is_that_of_the_sequence(options, bidirectional, mask):
    whole = randomised(stacked("gru", [4, 3], bidirectional=bidirectional, return_sequences=True, **options))
    last = RecurrentStack.from_config({**whole.get_config(), "return_sequences": False})
    last.build((BATCH, STEPS, FEATURES))
    last.set_weights(whole.get_weights())
    given = None if mask is None else keras.ops.convert_to_tensor(mask)
    outputs, actual = np.array(whole(sequence(), mask=given)), np.array(last(sequence(), mask=given))
    real = np.ones((BATCH, STEPS), bool) if mask is None else mask
    for row in range(BATCH):
        steps = np.flatnonzero(real[row])
        backward = outputs[row, steps[0], 3:] if bidirectional else []
        np.testing.assert_allclose(actual[row], [*outputs[row, steps[-1], :3], *backward], **CLOSE)


@pytest.mark.parametrize("name", CELLS.names())
@pytest.mark.parametrize("bidirectional", [False, True])
def test_states_are_returned_and_taken_up(name, bidirectional):
    """A sequence in two halves, the second from the first's states, is the sequence (forward)."""
    stack = randomised(stacked(name, [4, 3], bidirectional=bidirectional, return_sequences=True, return_state=True))
    outputs, *states = stack(sequence())
    directions = 2 if bidirectional else 1
    sizes = [size for units in (4, 3) for size in CELLS.find(name).state_sizes(units, {}) * directions]
    assert [tuple(s.shape) for s in states] == [(BATCH, size) for size in sizes]
    assert [tuple(s) for s in stack.compute_output_shape((BATCH, STEPS, FEATURES))[1:]] == [tuple(s.shape) for s in states]
    if bidirectional:
        halves = stack(sequence(), initial_state=states)
        assert np.abs(np.array(halves[0]) - np.array(outputs)).max() > 1e-3, "the states are read"
        return
    first, *between = stack(sequence()[:, :2])
    second, *end = stack(sequence()[:, 2:], initial_state=between)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), outputs, **CLOSE)
    for a, b in zip(end, states, strict=True):
        np.testing.assert_allclose(a, b, **CLOSE)


@pytest.mark.torch
@pytest.mark.parametrize("name", ["gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_equals_pytorch(name, bidirectional):
    torch = pytest.importorskip("torch")
    stack = randomised(stacked(name, [4, 4], bidirectional=bidirectional, return_sequences=True))
    theirs = getattr(torch.nn, name.upper())(FEATURES, 4, num_layers=2, bidirectional=bidirectional, batch_first=True)
    suffixes = [f"l{n}{side}" for n in range(2) for side in (("", "_reverse") if bidirectional else ("",))]
    weights = iter(np.array(w) for w in stack.weights)
    with torch.no_grad():
        for suffix in suffixes:
            kernel, recurrent, bias = (next(weights) for _ in range(3))
            if name == "gru":  # PyTorch's blocks are r, z, n
                kernel, recurrent, bias = (
                    np.concatenate([w[..., 4:8], w[..., :4], w[..., 8:]], -1) for w in (kernel, recurrent, bias)
                )
            both = bias if name == "gru" else [bias, np.zeros_like(bias)]
            found = {"weight_ih": kernel.T, "weight_hh": recurrent.T, "bias_ih": both[0], "bias_hh": both[1]}
            for part, value in found.items():
                getattr(theirs, f"{part}_{suffix}").copy_(torch.tensor(value))
        expected = theirs(torch.tensor(sequence()))[0].numpy()
    np.testing.assert_allclose(stack(sequence()), expected, **CLOSE)


@keras.saving.register_keras_serializable(package="tests")
class Leaky(keras.layers.SimpleRNNCell):
    """A cell of a user's own."""


CELL_FORMS = {
    "name": ("gru", {}),
    "name and options": ("gru", {"options": {"reset_after": False, "convention": "write"}}),
    "specification": (CELLS.find("lstm"), {}),
    "Keras cell": (keras.layers.GRUCell(1, activation="relu"), {}),
    "user's cell": (Leaky(1), {}),
}
EVERYTHING = {"bidirectional": True, "dropout": 0.1, "residual": True, "layer_norm": True, "seed": 1}


@pytest.mark.parametrize("form", CELL_FORMS)
def test_any_cell_is_saved_and_loaded(form, tmp_path):
    cell, options = CELL_FORMS[form]
    model = stacked(cell, [4, 3], features=FEATURES, outputs=2, **options, **EVERYTHING)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(sequence()), model(sequence()))
    assert loaded.layers[0].get_config() == model.layers[0].get_config()


def test_trained():
    options = {**EVERYTHING, "bidirectional": False}
    model = stacked("gru", [4, 3], features=FEATURES, outputs=2, timesteps=STEPS, **options)
    model.compile(keras.optimizers.Adam(0.02), "mse")
    before = model.get_weights()
    losses = model.fit(sequence(), sequence()[:, 0, :2], epochs=12, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    assert all(np.abs(a - b).max() > 0 for a, b in zip(model.get_weights(), before, strict=True) if a.dtype == np.float32)


def test_in_a_functional_and_a_subclassed_model():
    inputs = keras.Input((None, FEATURES))
    stack = randomised(stacked("gru", 3, return_sequences=True))
    functional = keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(stack(keras.layers.Masking()(inputs))))

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.first, self.stack, self.last = keras.layers.Masking(), stack, keras.layers.GlobalAveragePooling1D()

        def call(self, x):
            return self.last(self.stack(self.first(x)))

    x = np.where(MASK[..., None], sequence(), 0).astype("float32")
    np.testing.assert_allclose(Own()(x), functional(x), **CLOSE)
    assert np.abs(functional(x) - functional(sequence())).max() > 1e-3


def test_a_layer_or_a_model():
    assert type(stacked("gru", [4])) is RecurrentStack
    model = stacked("gru", [4], features=FEATURES, outputs=2, return_sequences=True, timesteps=STEPS)
    assert (model.input_shape, model.output_shape) == ((None, STEPS, FEATURES), (None, STEPS, 2))
    assert stacked("gru", 4, features=FEATURES, outputs=2).input_shape == (None, None, FEATURES)


def test_mixed_precision_reaches_every_part():
    stack = randomised(
        stacked("gru", [4, 3], dtype="mixed_float16", residual=True, layer_norm=True, implementation="custom")
    )
    assert {w.dtype for w in stack.weights} == {"float32"}
    assert stack(sequence()).dtype == "float16"
    close = {"rtol": 0, "atol": 3e-2}
    plain = RecurrentStack.from_config({**stack.get_config(), "dtype": "float32"})
    plain.build((BATCH, STEPS, FEATURES))
    plain.set_weights(stack.get_weights())
    np.testing.assert_allclose(np.array(stack(sequence()), "float32"), plain(sequence()), **close)


def test_the_mask_goes_on_where_steps_do():
    mask = keras.ops.convert_to_tensor(MASK)
    assert stacked("gru", [4], return_sequences=True).compute_mask(None, mask) is mask
    assert stacked("gru", [4]).compute_mask(None, mask) is None
    assert stacked("lstm", [4], return_sequences=True, return_state=True).compute_mask(None, mask) == [mask, None, None]


def test_each_layers_kernel_path():
    paths = stacked("gru", [4, 3], bidirectional=True).kernel_path(gpu=True)
    assert [p.name for p in paths] == ["cudnn", "cudnn"]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"dropout": 7.0}, ValueError, r"expected `dropout` to be .*Received: dropout=7.0"),
        ({"dropout": 1.0}, ValueError, r"Received: dropout=1.0"),
        ({"units": []}, ValueError, r"expected `units` to be a positive integer for each layer. Received: units=\[\]"),
        ({"units": [3, 0]}, ValueError, r"Received: units=\[3, 0\]"),
        ({"implementation": "fast"}, ValueError, r"'stock' or 'custom'. Received: implementation='fast'"),
        ({"cell": 3}, ValueError, r"expected `cell` to be a cell's name.*Received: cell=3"),
        ({"cell": "gruu"}, UserError, r"Did you mean 'gru'"),
        ({"options": {"reset": True}}, UserError, r"gru.reset: no such option. Did you mean"),
        ({"cell": keras.layers.GRUCell(2), "options": {"a": 1}}, ValueError, r"expected `options` to be left out"),
        ({"features": 3}, ValueError, r"expected both `features` and `outputs`.*Received: features=3, outputs=None"),
        ({"features": 3, "outputs": 1, "return_state": True}, ValueError, r"expected `return_state` to be False"),
    ],
    ids=str,
)  # fmt: skip
def test_bad_arguments_are_refused_with_what_was_expected(arguments, error, words):
    with pytest.raises(error, match=words):
        stacked(**{"cell": "gru", "units": [4], **arguments})


def test_a_wrong_number_of_states_is_refused():
    with pytest.raises(ValueError, match=r"expected `initial_state` to be 4 arrays, \[2, 2\] for the layers.*Received: 1"):
        stacked("lstm", [4, 3])(sequence(), initial_state=[np.zeros((BATCH, 4))])
