"""Decoders without attention, with the context at each step, with additive attention before it: NumPy, sizes, exports."""

import keras
import numpy as np
import pytest
from scipy.special import softmax

import gru_tf
from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent import decoding
from gru_tf.recurrent.cells import CELLS
from gru_tf.tasks import END, Signature
from gru_tf.training.network import budget
from gru_tf.training.network.model import build
from gru_tf.training.network.resolution import resolve
from gru_tf.training.network.sequence_writer import SequenceWriter

READ, WRITTEN, STEPS, ROWS, UNITS, FEATURES = 7, 6, 5, 4, 4, 3
SIGNATURE = Signature(STEPS, FEATURES, WRITTEN, "class", tokens=READ, varying=True, decoded=STEPS)
LENGTHS = np.array([5, 1, 3, 2])
MASK = np.arange(STEPS) < LENGTHS[:, None]
KINDS = ("additive", "context", "none")


def network(attention, cell="gru", seed=1, **form):
    """With weights large enough that what it writes depends on what it reads."""
    model = build(resolve(ModelSpec(units=UNITS, attention=attention, **form), SIGNATURE, CELLS.find(cell), {}))
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(scale=1.0, size=w.shape) for w in model.get_weights()])
    return model


def read(seed=2):
    return np.random.default_rng(seed).integers(0, READ, (ROWS, STEPS)).astype("int32")


@pytest.mark.parametrize("form", [{}, {"layers": 2, "bidirectional": True}])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("attention", KINDS)
def test_size_is_exact(attention, cell, form):
    model = ModelSpec(units=UNITS, attention=attention, **form)
    size = budget.size(CELLS.find(cell), {}, SIGNATURE, model, UNITS)
    built = build(resolve(model, SIGNATURE, CELLS.find(cell), {}))
    assert size.parameters == built.count_params()
    layers = [layer for layer in built.layers if hasattr(layer, "cell") or hasattr(layer, "forward_layer")]
    layers += built.get_layer("decoder").recurrent if attention == "additive" else []
    assert size.recurrent_parameters == sum(layer.count_params() for layer in layers)


def test_sizes_of_the_published_networks():
    """With the vocabularies of Bentrevett's notebooks 1 to 3, their printed sizes; what is not alike is accounted for.

    PyTorch's LSTM has two biases where Keras' has one, and the linear layer in the third notebook's energy has a bias.
    """
    signature = Signature(44, 256, 5893, "class", tokens=7853, varying=True, decoded=45)

    def size(cell, **form):
        return resolve(ModelSpec(units=512, **form), signature, CELLS.find(cell), {}).size.parameters

    assert size("lstm", layers=2, attention="none") == 13_898_501 - 4 * 4 * 512
    assert size("gru", attention="context") == 14_219_781
    assert size("gru", attention="additive", bidirectional=True) == 20_518_405 - 512


def weights_of(layer):
    return {variable.path.rpartition("/")[2]: np.array(variable, "float64") for variable in layer.weights}


def over(cell, layer, states, x):
    outputs = []
    for step in x:
        states = cell.step(step[None], states, weights_of(layer))
        outputs.append(states[0][0])
    return np.array(outputs), states


def by_hand(model, attention, cell, tokens, before):
    """Logits of one pair of sequences from the equations in `encoder_decoder`, two directions, float64."""
    encoder = next(layer for layer in model.layers if hasattr(layer, "forward_layer"))
    zeros = [np.zeros((1, UNITS)) for _ in cell.states]
    x = weights_of(model.get_layer("embedding"))["embeddings"][tokens]
    ahead, last = over(cell, encoder.forward_layer, zeros, x)
    back, first = over(cell, encoder.backward_layer, zeros, x[::-1])
    h = np.concatenate([ahead, back[::-1]], axis=-1)
    states = []
    for i, pair in enumerate(zip(last, first, strict=True)):
        bridge = weights_of(model.get_layer(f"bridge_0_{i}"))
        start = np.concatenate(pair, axis=-1) @ bridge["kernel"] + bridge["bias"]
        states.append(np.tanh(start) if attention == "additive" else start)
    z, head, logits = states[0], weights_of(model.get_layer("head")), []
    decoder = model.get_layer("decoder").recurrent[0] if attention == "additive" else model.get_layer("decoder_0")
    for token in before:
        y = weights_of(model.get_layer("target_embedding"))["embeddings"][token][None]
        if attention == "additive":
            parts = model.get_layer("decoder").attention
            query, keys = (np.array(part.kernel, "float64") for part in (parts.query, parts.keys))
            scores = np.tanh(states[0] @ query + h @ keys) @ np.array(parts.attention.scale, "float64")
            z = softmax(scores)[None] @ h
        beside = [] if attention == "none" else [z]
        states = cell.step(np.concatenate([y, *beside], axis=-1), states, weights_of(decoder))
        joined = {"additive": [z, states[0], y], "context": [y, states[0], z], "none": [states[0]]}[attention]
        logits.append((np.concatenate(joined, axis=-1) @ head["kernel"] + head["bias"])[0])
    return np.array(logits)


@pytest.mark.parametrize(
    ("attention", "cell"), [("additive", "gru"), ("additive", "lstm"), ("context", "lstm"), ("none", "gru")]
)
def test_logits_follow_from_the_equations(attention, cell):
    """What stands behind a sentence's end is noise here; the equations read the real words alone."""
    model, tokens, spec = network(attention, cell, bidirectional=True), read(), CELLS.find(cell)
    before = np.random.default_rng(3).integers(0, WRITTEN, (ROWS, 6))
    logits = np.array(model([tokens, MASK, before]))
    expected = [by_hand(model, attention, spec, x[:n], y) for x, n, y in zip(tokens, LENGTHS, before, strict=True)]
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    other = [by_hand(model, attention, spec, (x[:n] + 1) % READ, y) for x, n, y in zip(tokens, LENGTHS, before, strict=True)]
    assert np.abs(logits - other).max() > 1e-2, "what is read has no effect: the comparison could not fail"


def greedy(model, tokens):
    writer = SequenceWriter(model)
    return np.array(decoding.greedy(writer.step, *writer.read([tokens, MASK]), STEPS))


@pytest.mark.parametrize(
    ("attention", "form"), [("additive", {"layers": 2}), ("context", {"bidirectional": True}), ("none", {"layers": 2})]
)
def test_what_is_written_follows_from_the_whole_prefix_and_a_loaded_network_writes_the_same(attention, form, tmp_path):
    tokens = read()
    for seed in range(20):  # some draws prefer to end at once, or to write the same whatever they read
        model = network(attention, seed=seed, **form)
        written = greedy(model, tokens)
        if len(np.unique(written, axis=0)) > 2:
            break
    before, ended = np.full((ROWS, 1), END, "int32"), np.zeros(ROWS, bool)
    for t in range(STEPS):
        logits = np.array(model([tokens, MASK, before]))[:, -1]
        token = np.where(ended, END, logits.argmax(-1))
        ended |= token == END
        assert np.array_equal(written[:, t], token)
        before = np.concatenate([before, token[:, None]], axis=1).astype("int32")
    assert len(np.unique(written, axis=0)) > 2
    model.save(tmp_path / "model.keras")
    assert np.array_equal(greedy(keras.saving.load_model(tmp_path / "model.keras"), tokens), written)


@pytest.mark.parametrize("attention", KINDS)
def test_export(attention, tmp_path):
    """ONNX and SavedModel, compared by the writers themselves; additive attention in a SavedModel alone."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    model = network(attention, "lstm")
    if attention == "additive":
        with pytest.raises(UserError, match="decoder") as refused:
            gru_tf.export_model(model, tmp_path / "model.onnx")
        assert "\n" not in str(refused.value)
    else:
        gru_tf.export_model(model, tmp_path / "model.onnx")
    gru_tf.export_model(model, tmp_path / "saved")


def test_dropout_between_layers_that_go_step_by_step_is_refused():
    with pytest.raises(UserError, match=r"model.dropout: received 0.1, expected 0 with several layers and 'attention: addi"):
        resolve(ModelSpec(units=4, layers=2, dropout=0.1, attention="additive"), SIGNATURE, CELLS.find("gru"), {})
