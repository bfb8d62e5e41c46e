"""Comparing a model with its source: what counts as the same, and that each kind of mistake is noticed."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from pytorch_equations import run, weights
from safetensors.numpy import save_file

from gru_tf.foundation.errors import UserError
from gru_tf.interchange import building, importing, keras_model, layer_table, provenance, stored_outputs
from gru_tf.interchange.differences import TOLERANCE
from gru_tf.interchange.pytorch import running
from gru_tf.interchange.source import LENGTHS, NotComputable
from gru_tf.interchange.verification import verify, verify_model
from gru_tf.recurrent.cells import CELLS

FEW = {"lengths": (2, 5), "batches": (2,)}


def filled(*layers, seed=0):
    model = keras.Sequential(layers)
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=w.shape) * 0.5 for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def stack():
    """A network of each direction, and its own computation as the source's."""
    layers = [keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True)), keras.layers.Dense(2)]
    model = filled(keras.Input((None, 2)), *layers)
    network = keras_model.network_of(model)
    stateful = building.build(network, states=True)

    def run(inputs, lengths=None):
        output, *states = (np.array(array) for array in stateful(inputs))
        return output, states

    return SimpleNamespace(model=model, network=network, run=run)


def spoiled(run, change):
    """The run with something changed in (output, states)."""

    def other(inputs, lengths=None):
        output, states = run(inputs, lengths)
        return change(output, states) or (output, states)

    return other


def test_the_same_is_the_same(stack):
    result = verify(stack.model, stack.network, stack.run, by="itself")
    assert (result.largest, result.cases, result.by, result.states) == (0, 8, "itself", True)
    assert str(result).startswith("verified by itself: outputs and states of 8 batches differ by at most 0.0e+00")


def test_a_file_of_one_length_is_compared_only_where_that_fits_into_memory(stack):
    with pytest.raises(UserError, match="Received: a file that computes only 1,000,000,000 steps of 1 sequence"):
        verify(stack.model, stack.network, stack.run, lengths=(10**9,))


def add(array, amount, at=-1):
    array.flat[at] += amount


MISTAKES = {
    "an output": lambda output, states: add(output, 1e-3),
    "an output that is not finite": lambda output, states: add(output, np.nan),
    "the first state": lambda output, states: add(states[0], 1e-3),
    "the last state": lambda output, states: add(states[-1], 1e-3),
    "h and c changed round": lambda output, states: (output, [states[1], states[0], *states[2:]]),
    "directions changed round": lambda output, states: (output, [*states[2:], *states[:2]]),
    "time backwards": lambda output, states: (output[:, ::-1], states),
    "a shape": lambda output, states: (output[..., :1], states),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_noticed(stack, mistake):
    noticed = r"not the same: expected what PyTorch gives, within 1e-05|expected the source's shape|expected finite numbers"
    with pytest.raises(UserError, match=noticed):
        verify(stack.model, stack.network, spoiled(stack.run, MISTAKES[mistake]), by="PyTorch", **FEW)


def test_only_beyond_the_tolerance(stack):
    largest = max(float(np.abs(stack.run(np.ones((3, steps, 2), "float32"))[0]).max()) for steps in (1, 30))
    near = spoiled(stack.run, lambda output, states: add(output, largest * TOLERANCE / 50))
    assert 0 < verify(stack.model, stack.network, near, **FEW).largest <= TOLERANCE


def test_a_model_with_other_weights_than_the_network_is_noticed(stack):
    other = keras.models.clone_model(stack.model)
    with pytest.raises(UserError, match="not the same"):
        verify(other, stack.network, stack.run, **FEW)


# --- models that are more than a network ---


def computed(model):
    """As a framework runs it."""

    def run(inputs, lengths=None):
        outputs = model(inputs)
        first, *rest = outputs if isinstance(outputs, list) else [outputs]
        return np.array(first), [np.array(one) for one in rest]

    return run


def several():
    """Tokens and a mask in, two outputs."""
    tokens, mask = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="bool")
    x = keras.layers.Embedding(7, 3)(tokens)
    every, last = keras.layers.GRU(4, return_sequences=True, return_state=True)(x, mask=mask)
    return keras.Model([tokens, mask], [keras.layers.Dense(2, activation="softmax")(every), last])


WHOLE = {
    "two outputs": (several, 8),
    "a fixed length": (
        lambda: filled(keras.Input((5,), dtype="int32"), keras.layers.Embedding(7, 3, mask_zero=True), keras.layers.GRU(2)),
        2,
    ),
    "states carried over": (lambda: filled(keras.Input(batch_shape=(2, None, 3)), keras.layers.GRU(4, stateful=True)), 4),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_model_is_compared_and_left_as_it_was(kind):
    make, cases = WHOLE[kind]
    model = make()
    other = keras.models.clone_model(model)
    other.set_weights(model.get_weights())
    result = verify_model(model, computed(other), by="Keras 2")
    assert result.largest < 1e-6
    assert (result.cases, result.states) == (cases, False)
    for layer in model.layers:
        assert not any(np.any(state) for state in getattr(layer, "states", None) or [])
    other.layers[-1].set_weights([w * 1.1 for w in other.layers[-1].get_weights()])
    with pytest.raises(UserError, match="not the same: expected what Keras 2 gives"):
        verify_model(model, computed(other), by="Keras 2")


def test_a_keras_file_is_imported_as_it_is(tmp_path, monkeypatch):
    """With a reader that gives a whole model in the place of that of Keras files."""
    model = filled(keras.Input((None, 3)), keras.layers.GRU(4), keras.layers.Dense(2, activation="softmax"))
    read = SimpleNamespace(model=model, source="Keras 2 .h5", warnings=("a warning",), lengths=LENGTHS)
    reader = SimpleNamespace(read=lambda path: read, framework=lambda path: ("TF-Keras 2", computed(model)))
    monkeypatch.setattr(importing.readers, "reader_for", lambda path: reader)
    (tmp_path / "old.h5").write_bytes(b"old")
    imported = importing.import_file(tmp_path / "old.h5")
    assert imported.model is model
    assert imported.network is None  # softmax is none of a network's layers
    assert (imported.source, imported.notes) == ("Keras 2 .h5", ("a warning",))
    assert provenance.record_of(model)["verified"]["by"] == "TF-Keras 2"
    reader.framework = lambda path: None
    assert importing.import_file(tmp_path / "old.h5").verified is None
    with pytest.raises(UserError, match="expected it to be verified"):
        importing.import_file(tmp_path / "old.h5", verify=True)
    with pytest.raises(UserError, match="prefix: no option for a file of this kind"):
        importing.import_file(tmp_path / "old.h5", prefix="rnn")


def test_a_reference_that_no_model_can_be_given_is_refused_in_one_line(tmp_path, monkeypatch):
    tokens = filled(keras.Input((None,), dtype="int32"), keras.layers.Embedding(5, 3), keras.layers.GRU(4))
    file = tmp_path / "ref.npz"
    np.savez(file, inputs=[[9, 1]], outputs=np.zeros((1, 4)))
    with pytest.raises(UserError, match="inputs: expected token numbers from 0 to 4. Received: 1 to 9"):
        stored_outputs.compare(tokens, file)
    with pytest.raises(UserError, match="expected a model of one input, .* Received: one of 2 inputs and 2 outputs"):
        stored_outputs.compare(several(), file)
    monkeypatch.setattr(stored_outputs, "LARGE", 1 << 16)
    np.savez_compressed(file, inputs=[[1, 2]], outputs=np.zeros((1, 4)), more=np.zeros(1 << 20))
    with pytest.raises(UserError, match=r"Received: [\d,]+ bytes that unpack to 8,389,\d+$"):
        stored_outputs.compare(tokens, file)


def test_a_keras_file_keeps_its_own_types(tmp_path):
    filled(keras.Input((None, 3)), keras.layers.GRU(4)).save(tmp_path / "a.keras")
    with pytest.raises(UserError, match=r"dtype: expected none, .* have their own. Received: dtype='float64'"):
        importing.import_model(tmp_path / "a.keras", dtype="float64")


@pytest.mark.parametrize("name", CELLS.names())
def test_the_table_has_the_units_of_every_cell(name):
    rows = list(layer_table.rows(keras.Sequential([keras.Input((None, 3)), CELLS.find(name).layer(5, {})]), None))
    assert [(row.layer != "", row.units, row.directions) for row in rows] == [(True, 5, "forward")]
    loop = keras.Sequential([keras.Input((None, 3)), keras.layers.RNN(CELLS.find(name).build(5))])
    (row,) = layer_table.rows(loop, None)
    assert (row.kind, row.units, row.parameters) == (type(loop.layers[0].cell).__name__, 5, loop.count_params())


DTYPES = {  # dtype, options → message
    "misspelled": ("flaot32", {}, r"dtype: expected one of float32, .*\. Did you mean 'float32'\? Received: 'flaot32'"),
    "whole numbers": ("int32", {}, r"dtype: expected one of float32, float64, float16, bfloat16"),
    "half": (
        "float16",
        {},
        r"expected float32 or float64 where it is verified: float16 rounds at 5e-04, .* to 1e-05",
    ),
    "half, wanted": ("float16", {"verify": True}, "import it in float32 .* verify=False"),
    "half, with a reference": ("bfloat16", {"verify": False, "reference": "a.npz"}, "bfloat16 rounds at 4e-03, .*no refer"),
}


@pytest.fixture
def torch_file(tmp_path):
    """A file of one GRU layer and its arrays."""
    arrays = weights("gru", layers=1)
    save_file(arrays, tmp_path / "stack.safetensors")
    return tmp_path / "stack.safetensors", arrays


@pytest.mark.parametrize("case", DTYPES)
def test_a_dtype_that_is_none_or_too_coarse_is_refused_with_what_to_do(torch_file, case):
    dtype, options, words = DTYPES[case]
    with pytest.raises(UserError, match=rf"stack\.safetensors: .*{words}"):
        importing.import_model(torch_file[0], dtype=dtype, **options)


def test_half_precision_is_there_where_nothing_is_compared(torch_file):
    path, arrays = torch_file
    x = np.random.default_rng(5).normal(size=(2, 4, 3))
    model = importing.import_model(path, dtype="float16", verify=False)
    assert model.outputs[0].dtype == "float16"
    np.testing.assert_allclose(model(x.astype("float16")), run("gru", arrays, x)[0], rtol=0, atol=5e-3)


def test_a_reference_that_differs_is_said_with_the_imported_file(torch_file, tmp_path):
    path, arrays = torch_file
    x = np.random.default_rng(5).normal(size=(2, 4, 3))
    file = tmp_path / "ref.npz"
    np.savez(file, inputs=x, outputs=run("gru", arrays, x)[0])
    assert importing.import_file(path, reference=file, verify=False).verified.largest < 1e-5
    np.savez(file, inputs=x, outputs=run("gru", arrays, x)[0] + 0.1)
    with pytest.raises(UserError, match=rf"^{path}: not the same: expected what the reference ref\.npz gives"):
        importing.import_file(path, reference=file)
    np.savez(file, inputs=x)
    with pytest.raises(UserError, match=rf"^{file}: expected 'inputs' and 'outputs'"):
        importing.import_file(path, reference=file)


@pytest.mark.parametrize("ending", ["pt", "keras"])
def test_an_archive_whose_members_have_no_names_is_refused(tmp_path, ending):
    filled(keras.Input((None, 3)), keras.layers.GRU(4)).save(tmp_path / "a.keras")
    content = bytearray((tmp_path / "a.keras").read_bytes())
    name = content.rfind(b"config.json")
    content[name], content[name - 38 : name - 36] = 0xFF, (0x800).to_bytes(2, "little")  # UTF-8, says its header
    path = tmp_path / f"odd.{ending}"
    path.write_bytes(content)
    with pytest.raises(UserError, match="Received"):
        importing.import_file(path)
    with pytest.raises(UserError, match="expected a .keras file"):
        provenance.record_of(path)


def test_a_keras_file_with_numbers_that_are_not_finite_is_refused_by_the_weights_name(tmp_path):
    model = filled(keras.Input((None, 2)), keras.layers.GRU(3, name="inner"), keras.layers.Dense(1))
    kernel, *others = model.layers[0].get_weights()
    kernel[0, :2] = np.inf, np.nan
    model.layers[0].set_weights([kernel, *others])
    model.save(tmp_path / "model.keras")
    with pytest.raises(UserError, match="inner/.*kernel: expected finite numbers. Received: 2 of 18 nan or infinite"):
        importing.import_file(tmp_path / "model.keras")


def test_why_no_framework_computes_a_file_is_kept(tmp_path, monkeypatch):
    def not_computable(_):
        raise NotComputable("its graph has loops")

    save_file(weights("gru"), tmp_path / "gru.safetensors")
    monkeypatch.setattr(running, "framework", not_computable)
    assert importing.import_file(tmp_path / "gru.safetensors").unverified == "its graph has loops"
