"""Models on their way out: SavedModel and TensorFlow Lite, run and compared with the Keras model that they came from."""

import sys
from contextlib import nullcontext

import keras
import numpy as np
import pytest
import tensorflow as tf

import gru_tf
from gru_tf.interchange import agreement, random_inputs, verification
from gru_tf.interchange.building import build
from gru_tf.interchange.keras_model import network_of
from gru_tf.interchange.network import Network, Recurrent
from gru_tf.interchange.tensorflow import saved_model, tflite
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.gates import GateWeights
from gru_tf.recurrent.layers.reverse_time import ReverseTime

pytestmark = pytest.mark.slow
I, O = 3, 2  # noqa: E741, the letters of every docstring
FLOAT32 = 2e-6
KERNELS = {"W": "kernel", "U": "recurrent_kernel"}
MOVED = 1e-3  # far beyond it


def filled(model):
    """With random numbers for all weights: zero biases would hide a bias that is lost."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(scale=0.5, size=weight.shape))
    return model


def numbers(*shape):
    return np.random.default_rng(7).normal(size=shape).astype("float32")


@pytest.fixture(scope="module")
def forwards():
    """A GRU with reset after, an LSTM and a head, an output a step."""
    layers = [keras.layers.GRU(4, return_sequences=True), keras.layers.LSTM(5, return_sequences=True), keras.layers.Dense(O)]
    return filled(keras.Sequential([keras.Input((None, I), name="sequence"), *layers]))


@pytest.fixture(scope="module")
def masked():
    """Tokens with a mask, read in both directions, one answer a sequence."""
    inputs = keras.Input((None,), dtype="int32", name="sequence")
    mask = keras.Input((None,), dtype="bool", name="mask")
    x = keras.layers.Embedding(11, I)(inputs)
    x = keras.layers.Bidirectional(gru_tf.GRU(4, convention="write"))(x, mask=mask)
    return filled(keras.Model([inputs, mask], keras.layers.Dense(O)(x)))


TOKENS, REAL = np.array([[3, 1, 4, 1, 5, 9], [2, 6, 5, 3, 0, 0]], "int32"), np.array([[1] * 6, [1, 1, 1, 1, 0, 0]], bool)


# --- SavedModel ---


@pytest.fixture(scope="module")
def saved(forwards, tmp_path_factory):
    """What a program with TensorFlow alone loads."""
    folder = tmp_path_factory.mktemp("saved") / "forwards"
    line = saved_model.write(network_of(forwards), folder)
    assert line.startswith(f"verified by TensorFlow {tf.__version__}: outputs of 11 batches ")  # 4 shapes, and 7 steps
    return tf.saved_model.load(str(folder))


def test_a_saved_model_takes_any_batch_and_length(saved, forwards):
    for shape in ((5, 13, I), (1, 1, I)):
        x = numbers(*shape)
        result = saved.signatures["serving_default"](sequence=tf.constant(x))
        assert list(result) == ["output"]
        np.testing.assert_allclose(result["output"], forwards(x), rtol=0, atol=FLOAT32)


def test_a_saved_model_streams(saved, forwards):
    x, step = numbers(2, 8, I), saved.signatures["step"]
    inputs = step.structured_input_signature[1]
    states = {name: tf.zeros((2, spec.shape[1])) for name, spec in inputs.items() if name != "input"}
    assert set(states) == {"layer0_forward_h", "layer1_forward_h", "layer1_forward_c"}
    outputs = []
    for t in range(8):
        result = step(input=tf.constant(x[:, t]), **states)
        states = {name: result[name] for name in states}
        outputs.append(result["output"])
    np.testing.assert_allclose(np.stack(outputs, 1), forwards(x), rtol=0, atol=FLOAT32)


def test_a_saved_model_of_tokens_takes_the_mask(masked, tmp_path):
    saved_model.write(masked, tmp_path / "masked")
    loaded = tf.saved_model.load(str(tmp_path / "masked")).signatures
    assert list(loaded) == ["serving_default"]  # what reads from the end as well has no step
    output = loaded["serving_default"](sequence=tf.constant(TOKENS), mask=tf.constant(REAL))["output"]
    np.testing.assert_allclose(output, masked([TOKENS, REAL]), rtol=0, atol=FLOAT32)
    assert np.abs(output - masked([TOKENS, np.ones_like(REAL)])).max() > MOVED


@pytest.mark.parametrize("hidden", [True, False])
def test_what_is_written_beside_a_gpu_runs_without_one(forwards, tmp_path, monkeypatch, hidden):
    monkeypatch.setattr(sys.modules["keras.src.backend.tensorflow.rnn"], "_is_gpu_available", lambda: True)
    if not hidden:  # the test can fail
        monkeypatch.setattr(saved_model, "portable_graph", lambda _: nullcontext())
    saved_model._save(forwards, tmp_path / "m")
    assert (b"CudnnRNN" in (tmp_path / "m" / "saved_model.pb").read_bytes()) is not hidden
    assert [layer.use_cudnn for layer in forwards.layers[:2]] == ["auto", "auto"]


def test_an_older_saved_model_is_replaced_and_nothing_else(forwards, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    with pytest.raises(gru_tf.UserError, match="mine: expected a new folder, or an older SavedModel"):
        saved_model.write(forwards, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years"
    old = tmp_path / "old"
    old.mkdir()
    (old / "saved_model.pb").write_bytes(b"old")
    (old / "data.csv").write_text("mine")
    with pytest.raises(gru_tf.UserError, match=r"and nothing beside it\. Received: also data.csv$"):
        saved_model.write(forwards, old)
    (old / "data.csv").unlink()
    link = tmp_path / "link"
    link.symlink_to(old)
    saved_model.write(forwards, link)
    assert link.is_symlink()
    assert (old / "saved_model.pb").stat().st_size > 1000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "mine", "old"]


@pytest.mark.parametrize("place", [".", "..", "/"])
def test_a_folder_without_a_name_is_no_place_for_a_saved_model(place, forwards):
    with pytest.raises(gru_tf.UserError, match="expected the name of a file or of a new folder$"):
        gru_tf.export_model(forwards, place, overwrite=True)


def test_a_saved_model_that_answers_otherwise_is_not_kept(forwards, tmp_path, monkeypatch):
    original = saved_model.by_name

    def forgetful(step):
        return lambda inputs: original(step)(inputs) | {"layer1_forward_c": inputs["layer1_forward_c"]}

    monkeypatch.setattr(saved_model, "by_name", forgetful)
    with pytest.raises(
        gru_tf.UserError, match=r"m: TensorFlow .*: expected what Keras gives, .* of 0\.\d+ in output, step \d of 7"
    ):
        saved_model.write(forwards, tmp_path / "m")
    assert not list(tmp_path.iterdir())


# --- TensorFlow Lite ---


def interpreters():
    """TensorFlow's own, and LiteRT where it is installed."""
    yield "tensorflow"
    yield "litert"


@pytest.fixture(params=interpreters())
def interpreter(request):
    if request.param == "litert":
        return pytest.importorskip("ai_edge_litert.interpreter").Interpreter

    def quiet(**options):
        with pytest.warns(UserWarning, match="tf.lite.Interpreter is deprecated"):
            return tf.lite.Interpreter(**options)

    return quiet


def built_in(reader):
    """Whether all its operations are TensorFlow Lite's own."""
    names = {operation["op_name"] for operation in reader._get_ops_details()}
    return names and not any(name.startswith("Flex") or name == "CUSTOM" for name in names)


@pytest.fixture(scope="module")
def lite(forwards, masked, tmp_path_factory):
    """Name → file, written and verified."""
    folder = tmp_path_factory.mktemp("lite")
    forms = {"whole": (forwards, {"timesteps": 11}), "stream": (forwards, {"streaming": True})}
    forms["masked"] = masked, {"timesteps": 6, "batch": 2}
    lines = {name: tflite.write(network_of(model), folder / f"{name}.tflite", **how) for name, (model, how) in forms.items()}
    assert all(line.startswith("verified by ") for line in lines.values())
    return {name: str(folder / f"{name}.tflite") for name in forms}


def test_a_tflite_file_of_whole_sequences(lite, forwards, interpreter):
    reader, x = interpreter(model_path=lite["whole"]), numbers(1, 11, I)
    assert reader.get_signature_list() == {"serving_default": {"inputs": ["sequence"], "outputs": ["output"]}}
    output = reader.get_signature_runner()(sequence=x)["output"]
    np.testing.assert_allclose(output, forwards(x), rtol=0, atol=FLOAT32)
    assert built_in(reader)


def test_a_tflite_file_that_streams(lite, forwards, interpreter):
    reader, x = interpreter(model_path=lite["stream"]), numbers(1, 30, I)
    step = reader.get_signature_runner()
    states = {name: np.zeros(d["shape"], d["dtype"]) for name, d in step.get_input_details().items() if name != "input"}
    outputs = []
    for t in range(30):
        after = step(input=x[:, t], **states)
        states = {name: after[name] for name in states}
        outputs.append(after["output"])
    np.testing.assert_allclose(np.stack(outputs, 1), forwards(x), rtol=0, atol=FLOAT32)
    assert built_in(reader)


def test_a_tflite_file_of_tokens_takes_the_mask(lite, masked, interpreter):
    reader = interpreter(model_path=lite["masked"])
    output = reader.get_signature_runner()(sequence=TOKENS, mask=REAL)["output"]
    np.testing.assert_allclose(output, masked([TOKENS, REAL]), rtol=0, atol=FLOAT32)
    assert built_in(reader)


def test_length_costs_room_for_outputs_alone(forwards, lite, tmp_path):
    tflite.write(network_of(forwards), tmp_path / "long.tflite", timesteps=111)
    with open(lite["whole"], "rb") as whole:
        assert (tmp_path / "long.tflite").stat().st_size - len(whole.read()) < 100 * (4 + 5) * 4 + 200


def test_other_cells_stream_too(tmp_path):
    model = filled(gru_tf.stacked("janet", [4, 4], features=I, outputs=O))
    assert "verified by" in tflite.write(model, tmp_path / "m.tflite", streaming=True)


def float64():
    return gru_tf.stacked("gru", 2, features=I, outputs=O, dtype="float64")


def erfinv():
    layers = [keras.layers.GRU(4), keras.layers.Activation(tf.math.erfinv)]
    return keras.Sequential([keras.Input((None, I)), *layers])


@pytest.mark.parametrize(
    ("model", "how", "words"),
    [
        (None, {}, "expected `timesteps`, .* or `streaming=True`. Received: neither"),
        (None, {"timesteps": 3, "streaming": True}, "Received: `timesteps=3` and `streaming=True`"),
        ("masked", {"streaming": True}, "read forwards"),
        (erfinv, {"timesteps": 3}, "expected operations that TensorFlow Lite has. Received: tf.Erfinv$"),
        (
            lambda: gru_tf.stacked("gru", 2, features=I, outputs=O, dtype="float64"),
            {"timesteps": 3},
            "Received: float64 in '",
        ),
    ],
    ids=["neither", "both", "bidirectional", "no such operation", "float64"],
)
def test_what_tflite_cannot_be_is_refused_and_nothing_written(model, how, words, forwards, masked, tmp_path):
    written = model() if callable(model) else {None: forwards, "masked": masked}[model]
    with pytest.raises(gru_tf.UserError, match=words):
        tflite.write(written, tmp_path / "m.tflite", **how)
    assert not list(tmp_path.iterdir())


def test_a_tflite_file_that_answers_otherwise_is_not_written(forwards, tmp_path, monkeypatch):
    monkeypatch.setattr(tflite, "runner", lambda _: ("a runtime", lambda inputs: {"output": np.full((1, 3, O), np.nan)}))
    with pytest.raises(gru_tf.UserError, match=r"a runtime: not the same: expected what Keras gives.* a difference of inf"):
        tflite.write(forwards, tmp_path / "m.tflite", timesteps=3)
    assert not list(tmp_path.iterdir())


def test_without_a_runtime_it_is_written_and_said_to_be_unverified(forwards, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.delattr(tf.lite, "Interpreter")
    assert tflite.write(forwards, tmp_path / "m.tflite", timesteps=3).startswith("not verified: ")
    assert (tmp_path / "m.tflite").stat().st_size > 1000


# --- agreement ---


def test_agreement_is_relative_and_counts_the_worst():
    comparisons = agreement.Agreement("f", "somebody")
    comparisons.compare("one", {"output": [100.0, 1.0]}, {"output": [100.0005, 1.0]})
    comparisons.compare("two", {"output": [0.5]}, {"output": [0.5]})
    line = "verified by somebody: outputs of 2 batches differ by at most 5.0e-06 (output, one)"
    assert str(comparisons.judged()) == line
    small = agreement.Agreement("f", "somebody")
    small.compare("one", {"output": [0.00100]}, {"output": [0.00100]})
    small.compare("two", {"output": [0.00102]}, {"output": [0.00100]})
    with pytest.raises(gru_tf.UserError, match="f: somebody: not the same: expected what Keras .* of 0.02 in output, two"):
        small.judged()
    with pytest.raises(gru_tf.UserError, match=r"expected shape \(1,\). Received: \(2,\)"):
        comparisons.compare("four", {"output": [1.0, 1.0]}, {"output": [1.0]})
    with pytest.raises(gru_tf.UserError, match="expected the outputs a. Received: b"):
        comparisons.compare("five", {"b": [1.0]}, {"a": [1.0]})


@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_single_tokens_are_int32_whatever_the_model_takes(dtype, tmp_path):
    layers = [keras.layers.Embedding(9, I), keras.layers.GRU(4, return_sequences=True)]
    model = filled(keras.Sequential([keras.Input((None,), dtype=dtype), *layers]))
    assert tflite.write(model, tmp_path / "m.tflite", streaming=True).startswith("verified by ")
    _, run = tflite.runner((tmp_path / "m.tflite").read_bytes())
    result = run({"input": np.array([3], "int32"), "layer0_forward_h": np.zeros((1, 4), "float32")})
    np.testing.assert_allclose(result["output"], model(np.array([[3]]))[:, 0], rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match="expected type INT32"):
        run({"input": np.array([3], dtype), "layer0_forward_h": np.zeros((1, 4), "float32")})


def test_random_inputs_are_ones_that_the_model_takes(masked):
    inputs = random_inputs.of_model(build(network_of(masked)), 3, 50, np.random.default_rng(0))
    assert inputs["sequence"].shape == (3, 50)
    assert 0 <= inputs["sequence"].min() < inputs["sequence"].max() == 10
    lengths = inputs["mask"].sum(1)
    assert lengths[0] == 50 > lengths.min() >= 1
    assert (inputs["mask"] == (np.arange(50) < lengths[:, None])).all()
    real = (inputs["sequence"] > 0).sum(1)  # 0, which an embedding may mask, comes only after the last token
    assert ((inputs["sequence"] > 0) == (np.arange(50) < real[:, None])).all()
    assert real.min() < 50
    whole = random_inputs.of_model(build(network_of(masked)), 3, 50, np.random.default_rng(0), padded=False)
    assert whole["mask"].all()
    assert whole["sequence"].all()


def test_a_gru_with_reset_before_and_two_biases_is_built_with_their_sum():
    rng = np.random.default_rng(3)
    sizes = {"W": (I, 4), "U": (4, 4), "b": (4,), "c": (4,)}
    blocks = {f"{letter}_{gate}": rng.normal(size=size) for gate in "zrh" for letter, size in sizes.items()}
    model = build(Network((Recurrent(GateWeights(blocks, "keep", reset_after=False)),)), dtype="float64")
    kernels = {name: np.concatenate([blocks[f"{k}_{g}"] for g in "zrh"], 1) for k, name in KERNELS.items()}
    bias = np.concatenate([blocks[f"b_{gate}"] + blocks[f"c_{gate}"] for gate in "zrh"])  # an ONNX file has both
    x, h = rng.normal(size=(2, 6, I)), np.zeros((2, 4))
    for t in range(6):
        (h,) = CELLS.find("gru").step(x[:, t], [h], {**kernels, "bias": bias}, reset_after=False)
        np.testing.assert_allclose(model(x)[:, t], h, rtol=0, atol=1e-12)


# --- what is read of a Keras model is the model ---


class Halved(keras.layers.GRU):
    """Called a GRU by its class, and another function."""

    def call(self, sequences, initial_state=None, mask=None, training=False):
        return super().call(sequences, initial_state, mask, training) / 2


def recurrent(layer, *behind):
    return filled(keras.Sequential([keras.Input((None, I)), layer, *behind]))


def masked_otherwise():
    tokens = keras.Input((6,), dtype="int32")
    gru = keras.layers.GRU(4)(keras.layers.Embedding(9, I)(tokens), mask=keras.ops.not_equal(tokens, 3))
    return filled(keras.Model(tokens, gru))


def changed_before():
    tokens = keras.Input((6,), dtype="int32")
    few = keras.ops.minimum(tokens, 5)
    return filled(keras.Model(tokens, keras.layers.GRU(4)(keras.layers.Embedding(9, I, mask_zero=True)(few))))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (changed_before, r"Received: the operation '.*' \(Minimum\)"),
        (masked_otherwise, r"Received: the operation '.*' \(NotEqual\)"),
        (lambda: recurrent(keras.layers.Masking(), keras.layers.GRU(4)), "Masking"),
        (lambda: recurrent(Halved(4)), "not the same: .* a layer of the model computes something else than its class"),
        (lambda: recurrent(keras.layers.GRU(4, go_backwards=True, return_sequences=True)), "Received: steps from the last"),
        (lambda: recurrent(keras.layers.GRU(4, return_sequences=True), ReverseTime()), "Received: steps in their order"),
        (
            lambda: recurrent(
                keras.layers.Bidirectional(keras.layers.GRU(4, go_backwards=True), backward_layer=keras.layers.GRU(4))
            ),
            "expected a forward layer that reads forwards",
        ),
        (
            lambda: recurrent(gru_tf.GRU(4, convention="write", recurrent_activation="relu")),
            "expected a GRU of convention 'write' with a gate that is sigmoid or .* Received: recurrent_activation='relu'",
        ),
        (lambda: recurrent(gru_tf.LSTM(4, zoneout=0.1)), "expected a plain GRU, LSTM or RNN.* Received: zoneout=0.1"),
        (lambda: recurrent(keras.layers.Rescaling([1.0, 2.0, 3.0]), keras.layers.GRU(4)), "expected one number as scale"),
    ],
    ids=[
        "changed before the embedding",
        "mask of other tokens",
        "masking",
        "subclass",
        "turned round",
        "turned round twice",
        "both directions turned round",
        "write under another gate",
        "zoneout",
        "scales",
    ],
)
def test_a_model_that_its_layers_names_do_not_say_is_not_exported(model, words, tmp_path):
    with pytest.raises(gru_tf.UserError, match=words):
        gru_tf.export_model(model(), tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_network_is_the_model_that_it_was_read_of(forwards, masked):
    tokens = keras.Sequential([keras.Input((6,), batch_size=2), keras.layers.Embedding(9, I, mask_zero=True)])
    tokens.add(keras.layers.GRU(4, stateful=True))
    halves = recurrent(keras.layers.LSTM(4, dtype="mixed_float16"))
    for model in (forwards, masked, filled(tokens), halves):
        verification.check_network(model, network_of(model))
    again = build(network_of(recurrent(keras.layers.GRU(4, go_backwards=True, return_sequences=True), ReverseTime())))
    verification.check_network(again, network_of(again))


def test_the_place_of_a_saved_model_is_no_option(tmp_path):
    with pytest.raises(gru_tf.UserError, match=r"m: folder: no option for a file of this kind\. Options: none"):
        gru_tf.export_model(None, tmp_path / "m", folder=tmp_path)
