"""`gru-tf import` and `gru-tf export`: what they print, write and refuse, with which exit code."""

import inspect
import re
import sys
from importlib import import_module
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tf_keras
from pytorch_equations import run, weights
from safetensors.numpy import load_file, save_file

import gru_tf
from gru_tf.commands import import_export
from gru_tf.foundation import extras, option_spelling
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import importing, layer_table, option_names, provenance

X = np.random.default_rng(7).normal(size=(2, 5, 3)).astype("float32")


@pytest.fixture(autouse=True)
def no_torch(monkeypatch):
    """As on a machine without PyTorch."""
    monkeypatch.setattr(extras, "find_spec", lambda name: None)


@pytest.fixture
def stack(tmp_path):
    """A bidirectional GRU below a plain RNN's neighbour, with embedding and head, and a reference of its outputs."""
    arrays = weights("gru", directions=2, prefix="module.rnn.")
    arrays |= {"module.emb.weight": np.eye(7, 3, dtype="float32")}
    arrays |= {"module.out.weight": np.eye(5, 8, dtype="float32"), "module.out.bias": np.ones(5, "float32")}
    save_file(arrays, tmp_path / "lm.safetensors")
    tokens = np.array([[0, 1, 2, 6], [3, 4, 5, 6]])
    outputs, _ = run("gru", arrays, arrays["module.emb.weight"][tokens], prefix="module.rnn.")
    np.savez(tmp_path / "ref.npz", inputs=tokens, outputs=outputs[..., :5] + 1)
    return tokens, outputs[..., :5] + 1


def files(folder):
    return {file.name for file in folder.iterdir()}


def test_import_prints_the_layers_and_how_it_was_verified_and_writes(main, stack, tmp_path):
    code, shown, error = main("import", "lm.safetensors", "-o", "lm.keras", "--reference", "ref.npz", "--verify")
    assert (code, error) == (0, "")
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert lines[0] == "lm.safetensors: PyTorch state_dict"
    assert lines[1] == "layer kind directions units parameters on a GPU"
    assert lines[3:7] == [
        "embedding Embedding 3 21",
        "rnn.l0 GRU both 4 216 cuDNN",
        "rnn.l1 GRU both 4 336 cuDNN",
        "out Dense 5 45",
    ]
    assert lines[7].startswith("Verified by the reference ref.npz: outputs of a batch differ by at most ")
    compared = "compared: emb → rnn.l0 → rnn.l1 → out, with nothing else between them"
    not_covered = "not covered: other operations, which the file does not record (--between states them)"
    assert f"; {compared}; {not_covered}" in lines[7]
    assert lines[8:] == ["Written: lm.keras"]
    tokens, outputs = stack
    np.testing.assert_allclose(keras.saving.load_model("lm.keras")(tokens), outputs, rtol=0, atol=1e-5)
    assert provenance.record_of("lm.keras")["verified"]["by"] == "the reference ref.npz"
    assert files(tmp_path) == {"lm.safetensors", "ref.npz", "lm.keras"}


def test_the_path_that_is_not_cudnn_is_shown_with_the_reason(main, tmp_path):
    save_file(weights("rnn", layers=1), tmp_path / "rnn.safetensors")
    code, shown, _ = main("import", "rnn.safetensors", "-o", "rnn.keras", "--activation", "relu", "--last")
    assert code == 0
    words = " ".join(shown.split())
    assert "while-loop" in words
    assert "not one of cuDNN's layers" in words
    expected = run("rnn", weights("rnn", layers=1), X, nonlinearity=lambda a: np.maximum(a, 0))[0][:, -1]
    np.testing.assert_allclose(keras.saving.load_model("rnn.keras")(X), expected, rtol=1e-4)


def test_without_framework_and_reference_it_says_so_and_verify_fails(main, stack, tmp_path):
    code, shown, _ = main("import", "lm.safetensors", "-o", "lm.keras")
    assert code == 0
    expected = "Not verified: PyTorch is not installed (pip install 'gru-tf[pytorch]'), and there is no --reference"
    assert expected in " ".join(shown.split())
    assert "; read as: emb → rnn.l0 → rnn.l1 → out, with nothing else between them; not known: other operations" in shown
    assert provenance.record_of("lm.keras")["verified"] is None
    code, shown, error = main("import", "lm.safetensors", "-o", "other.keras", "--verify")
    assert (code, shown) == (2, "")
    assert error.startswith("gru-tf: lm.safetensors: expected it to be verified.")
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "other.keras").exists()


def test_a_file_of_keras_3_is_compared_with_tf_keras_from_its_own_parts(main, stack):
    assert main("import", "lm.safetensors", "-o", "lm.keras")[0] == 0
    code, shown, _ = main("import", "lm.keras", "-o", "again.keras", "--verify")
    assert code == 0
    by = f"Verified by TF-Keras {tf_keras.__version__}, from the file's own layers, options and weights"
    assert f"{by}: outputs and states of 8 batches" in " ".join(shown.split())


def test_a_layer_that_tf_keras_does_not_have_is_named_where_nothing_verifies(main, tmp_path):
    model = keras.Sequential([keras.Input((5, 4)), keras.layers.AdaptiveMaxPooling1D(2), keras.layers.GRU(3)])
    model.save("odd.keras")
    code, shown, _ = main("import", "odd.keras", "-o", "again.keras")
    assert code == 0
    assert "Not verified: TF-Keras has no layer AdaptiveMaxPooling1D" in " ".join(shown.split())
    code, _, error = main("import", "odd.keras", "-o", "third.keras", "--verify")
    assert code == 2
    assert "expected it to be verified. Received: TF-Keras has no layer AdaptiveMaxPooling1D, and there is no" in error


def test_what_is_there_already_is_kept_unless_forced(main, stack, tmp_path):
    (tmp_path / "lm.keras").write_text("mine")
    code, _, error = main("import", "lm.safetensors", "-o", "lm.keras")
    assert (code, error) == (2, "gru-tf: lm.keras: already exists; it is not overwritten without --force\n")
    assert (tmp_path / "lm.keras").read_text() == "mine"
    assert main("import", "lm.safetensors", "-o", "lm.keras", "--force", "--no-head")[0] == 0
    assert keras.saving.load_model("lm.keras").output_shape == (None, None, 8)


WRONG = {
    "another ending": (["-o", "lm.h5"], "lm.h5: expected a name that ends in .keras"),
    "both": (["-o", "a.keras", "--head", "out", "--no-head"], "--head: received out and --no-head"),
    "a key that is not there": (["-o", "a.keras", "--head", "outt"], "Did you mean 'out'?"),
    "a reference of something else": (
        ["-o", "a.keras", "--no-head", "--reference", "ref.npz"],
        "ref.npz: outputs: expected",
    ),
    "no such file": (["-o", "a.keras", "--reference", "none.npz"], "none.npz: no such file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_one_line_and_nothing_is_written(main, stack, tmp_path, case):
    options, words = WRONG[case]
    before = files(tmp_path)
    code, _, error = main("import", "lm.safetensors", *options)
    assert code == 2
    assert words in error
    assert len(error.splitlines()) == 1
    assert files(tmp_path) == before


def test_a_folder_that_cannot_be_written_is_one_line(main, stack, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, error = main("import", "lm.safetensors", "-o", "file/lm.keras")
    assert (code, len(error.splitlines())) == (2, 1)
    assert error.startswith("gru-tf: file/lm.keras: ")


def test_a_broken_file_is_one_line_and_nothing_is_written(main, stack, tmp_path):
    path = tmp_path / "lm.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    code, shown, error = main("import", "lm.safetensors", "-o", "lm.keras")
    assert (code, shown) == (2, "")
    assert error.startswith("gru-tf: lm.safetensors: expected a complete safetensors file.")
    assert files(tmp_path) == {"lm.safetensors", "ref.npz"}


def test_export_writes_and_says_how_it_was_verified(main, stack, tmp_path):
    assert main("import", "lm.safetensors", "-o", "lm.keras")[0] == 0
    code, shown, error = main("export", "lm.keras", "-o", "back.safetensors")
    assert (code, error) == (0, "")
    assert shown.splitlines() == [
        "Not verified: PyTorch is not installed (pip install 'gru-tf[pytorch]')",
        "Written: back.safetensors",
    ]
    back, before = load_file("back.safetensors"), load_file("lm.safetensors")
    for part in ("weight_ih_l0", "bias_hh_l1_reverse"):
        np.testing.assert_array_equal(back[f"rnn.{part}"], before[f"module.rnn.{part}"])
    code, _, error = main("export", "lm.keras", "-o", "back.safetensors")
    assert code == 2
    assert "back.safetensors: already exists" in error
    assert main("export", "lm.keras", "-o", "back.safetensors", "--force")[0] == 0
    code, _, error = main("export", "lm.keras", "-o", "back.onxx")
    assert code == 2
    assert "Did you mean '.onnx'?" in error


def test_export_to_integers_says_what_they_cost(main, stack, tmp_path):
    assert main("import", "lm.safetensors", "-o", "lm.keras")[0] == 0
    code, shown, error = main("export", "lm.keras", "-o", "lm.onnx", "--quantize", "int8")
    assert (code, error) == (0, "")
    verified, written = shown.splitlines()
    assert re.search(r"with weights of int8 by at most \d\.\de-0\d .*: [\d,]+ bytes, \d+% of those of float32$", verified)
    assert written == "Written: lm.onnx"
    code, _, error = main("export", "lm.keras", "-o", "back.safetensors", "--quantize", "int8")
    assert (code, "--quantize: no option for a file of this kind. Options: none" in error) == (2, True)
    assert main("export", "lm.keras", "-o", "other.onnx", "--quantize", "int4")[0] == 2
    assert not (tmp_path / "other.onnx").exists()


def two(tmp_path):
    save_file(weights("gru", prefix="a.") | weights("rnn", prefix="b."), tmp_path / "two.safetensors")


ASKED = {  # arguments of the import → what is said, in the command's own words
    "of another kind of file": (
        ["lm.safetensors", "--scope", "a"],
        "lm.safetensors: --scope: no option for a file of this kind. Options: --prefix, --embedding, --no-embedding, --head,"
        " --no-head, --last, --activation, --masked, --leave-out",
    ),
    "given as none": (["lm.keras", "--no-head"], "lm.keras: --no-head: no option for a file of this kind. Options: none"),
    "which stack": (
        ["two.safetensors"],
        "two.safetensors: expected one recurrent stack, or --prefix for each in their order",
    ),
    "no such stack": (["two.safetensors", "--prefix", "c"], "two.safetensors: --prefix: expected one of "),
    "no such nonlinearity": (
        ["two.safetensors", "--leave-out", "a", "--activation", "rely"],
        "--activation: expected 'tanh'",
    ),
    "no such head": (["lm.safetensors", "--head", "outt"], "lm.safetensors: --head: expected one of"),
    "no such file": (["lmm.safetensors"], "lmm.safetensors: no such file. Did you mean 'lm.safetensors'?"),
}


@pytest.mark.parametrize("case", ASKED)
def test_messages_have_the_command_s_options(main, stack, tmp_path, case):
    two(tmp_path)
    if "lm.keras" in ASKED[case][0]:
        assert main("import", "lm.safetensors", "-o", "lm.keras")[0] == 0
    code, _, error = main("import", *ASKED[case][0], "-o", "a.keras")
    assert (code, len(error.splitlines())) == (2, 1)
    assert ASKED[case][1] in error


def test_python_s_callers_get_python_s_options(stack, tmp_path):
    two(tmp_path)
    with pytest.raises(UserError, match=r"scopes: no option .* Options: prefix, embedding, head, every_step, activation, m"):
        importing.import_file(tmp_path / "lm.safetensors", scopes=["a"])
    with pytest.raises(UserError, match=r"headd: no option for a file of this kind\. Did you mean 'head'"):
        importing.import_file(tmp_path / "lm.safetensors", headd="a")
    with pytest.raises(UserError, match="or `prefix` for each in their order"):
        importing.import_file(tmp_path / "two.safetensors")


def test_a_layer_in_front_is_refused_and_left_out_where_that_is_asked_for(main, tmp_path):
    arrays = weights("gru", features=8, layers=1) | {"inp.weight": np.ones((8, 5), "float32")}
    save_file(arrays, tmp_path / "front.safetensors")
    code, _, error = main("import", "front.safetensors", "-o", "a.keras")
    assert (code, len(error.splitlines())) == (2, 1)
    assert "front.safetensors: inp.weight: could be a layer in front" in error
    assert "expected --leave-out inp for the stack without it" in error
    code, shown, _ = main("import", "front.safetensors", "-o", "a.keras", "--leave-out", "inp")
    assert code == 0
    assert "left out: inp.weight" in shown
    x = np.random.default_rng(3).normal(size=(2, 5, 8)).astype("float32")
    np.testing.assert_allclose(keras.saving.load_model("a.keras")(x), run("gru", arrays, x)[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("source", "module", "words"),
    [
        ("ONNX", "onnxruntime", "onnxruntime is not installed (pip install 'gru-tf[interchange]')"),
        ("PyTorch state_dict", "torch", "PyTorch is not installed (pip install 'gru-tf[pytorch]')"),
        ("Keras 2.15.0 .h5", "tf_keras", "TF-Keras is not installed (pip install 'gru-tf[keras2]')"),
        ("TensorFlow 1 checkpoint", "tensorflow", "no installed framework computes this file (TensorFlow 1 checkpoint)"),
    ],
)
def test_what_is_not_installed_is_said(monkeypatch, source, module, words):
    monkeypatch.setitem(sys.modules, module, None)
    found = SimpleNamespace(source=source, unverified="", scope="", uncovered=())
    expected = f"not verified: {words}, and there is no --reference"
    assert import_export._not_verified(found, None) == expected


def test_what_was_assumed_is_said_with_the_command_s_options(main, stack, tmp_path):
    two(tmp_path)
    _, shown, _ = main("import", "two.safetensors", "-o", "a.keras", "--prefix", "b", "--leave-out", "a")
    assert "the RNN's nonlinearity, which is taken for tanh (--activation relu for the other)" in shown
    _, _, error = main("import", "two.safetensors", "-o", "b.keras", "--leave-out", "a", "--verify")
    assert error.endswith("is not installed (pip install 'gru-tf[pytorch]'), and there is no --reference (.npz)\n")


@pytest.mark.parametrize("module", ["pytorch", "onnx", "tensorflow.tf1", "keras.legacy"])
def test_every_option_that_a_message_can_name_is_one_of_the_command(main, module):
    _, shown, _ = main("import", "--help")
    reader = import_module(f"gru_tf.interchange.{module}")
    read = getattr(reader, "Options", reader.read)
    with option_spelling.of_commands():
        said = option_names.listed([name for name in inspect.signature(read).parameters if name != "path"])
    assert all(f"{flag} " in shown for flag in said.split(", ")) or said == "none"


REFUSED = {  # arguments of the export → what is said
    "Keras' own": (["lm.keras", "-o", "a.h5"], "a.h5: expected a name that ends in .onnx, .pt, .pth, .safetensors, .tflite"),
    "a folder": ([".", "-o", "a.pt"], ".: expected a file saved by Keras, .keras or .h5. Received: a folder"),
    "no such file": (["ln.keras", "-o", "a.pt"], "ln.keras: no such file. Did you mean 'lm.keras'?"),
    "no such layer there": (["more.keras", "-o", "a.pt"], "more.keras: model 'more': expected an embedding or a scale"),
    "no such activation there": (["relu.keras", "-o", "a.safetensors"], "relu.keras: the_dense: expected a linear dense"),
    "of another kind": (["lm.keras", "-o", "a.pt", "--streaming"], "a.pt: --streaming: no option for a file of this kind"),
    "no length": (["lm.keras", "-o", "a.tflite"], "a.tflite: expected --timesteps, the length of every sequence, or --str"),
    "there": (["lm.keras", "-o", "there.pt"], "there.pt: already exists; it is not overwritten without --force"),
}


@pytest.fixture
def models(tmp_path):
    """Three files of Keras, and one that is in the way."""
    gru, dense = keras.layers.GRU(2, return_sequences=True), keras.layers.Dense(2, activation="relu", name="the_dense")
    x = keras.Input((None, 3))
    y = gru(x)
    keras.Model(x, y).save(tmp_path / "lm.keras")
    keras.Model(x, keras.layers.LayerNormalization()(y), name="more").save(tmp_path / "more.keras")
    keras.Model(x, dense(y)).save(tmp_path / "relu.keras")
    (tmp_path / "there.pt").write_text("")


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_exported_is_said_with_the_file(main, models, tmp_path, case):
    before = files(tmp_path)
    code, _, error = main("export", *REFUSED[case][0])
    assert (code, len(error.splitlines())) == (2, 1)
    assert error.startswith(f"gru-tf: {REFUSED[case][1]}")
    assert files(tmp_path) == before
    if case == "Keras' own":
        assert error.endswith("for a folder. Keras itself writes those: model.save(…).\n")


@pytest.mark.parametrize("command", ["import", "export"])
def test_help_is_there(main, command):
    code, shown, _ = main(command, "--help")
    assert code == 0
    assert "--force" in shown


def test_a_stack_of_this_project_shows_the_units_of_each_layer():
    model = gru_tf.stacked("gru", [3, 12], features=2, outputs=1)
    table = import_export._table(layer_table.rows(model, None))
    assert [list(column.cells) for column in table.columns][3][0].plain == "3 + 12"
