"""Keras files of Keras 2, of TensorFlow 1's times and of Keras 3: the same numbers in Keras 3, or refused by name.

What is compared with: TF-Keras, which is Keras 2, running the same file; a formula for its hard sigmoid.
"""

import io
import json
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tf_keras
from keras_2_files import cudnn, cudnn_weights, normal, old_config, write

from gru_tf import UserError, stacked
from gru_tf.interchange.keras import file as keras_file
from gru_tf.interchange.keras import legacy
from gru_tf.interchange.keras.weights import LAYOUTS
from gru_tf.interchange.source import NotComputable
from gru_tf.recurrent import gates, kernel_path
from gru_tf.recurrent.layers.hard_sigmoid import keras2_hard_sigmoid

FLOAT32 = 1e-6
MOVED = 1e-3  # far beyond: what a comparison cannot miss
T, F, H = 5, 4, 3
old = tf_keras.layers

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")


X = normal(1, 2, T, F)
TOKENS = np.array([[1, 2, 3, 0, 0], [4, 4, 5, 6, 1]])
PADDED = X * (np.arange(T) < 3)[:, None]


def line(*layers, shape=(T, F), **options):
    return tf_keras.Sequential([tf_keras.Input(shape, **options), *layers])


def states_and_models():
    """Two inputs, initial states, three outputs, a model in the model, a layer called twice."""
    inputs, state = tf_keras.Input((T, F)), tf_keras.Input((H,))
    y, last = old.GRU(H, return_sequences=True, return_state=True)(inputs, initial_state=state)
    inner = tf_keras.Sequential([old.BatchNormalization(), old.LSTM(H)])
    shared = old.Dense(H)
    both = old.Concatenate()([old.TimeDistributed(old.Dense(2))(y), y])
    return tf_keras.Model([inputs, state], [both, old.Add()([shared(last), shared(state)]), inner(y)])


def cells():
    stack = old.StackedRNNCells([old.LSTMCell(H), old.GRUCell(2, reset_after=False), old.GRUCell(3)])
    return line(old.RNN(stack, return_sequences=True), old.LeakyReLU(0.2), old.LayerNormalization())


MODELS = {
    "words": lambda: tf_keras.Sequential(
        [
            old.Embedding(11, F, mask_zero=True, input_length=T),
            old.Bidirectional(old.GRU(H, return_sequences=True)),
            old.LSTM(H, recurrent_activation="hard_sigmoid"),
            old.BatchNormalization(),
            old.Dropout(0.1),
            old.Dense(2, activation="softmax"),
        ]
    ),
    "graph": states_and_models,
    "cells": cells,
    "masked": lambda: line(old.Masking(), old.GRU(H, reset_after=False, implementation=1), old.Dense(1, "sigmoid")),
    "convolution": lambda: line(
        old.Conv1D(6, 3, activation="relu"), old.MaxPooling1D(), old.Flatten(), old.Activation("selu")
    ),
    "hard": lambda: line(old.SimpleRNN(H, "hard_sigmoid", return_sequences=True), old.Activation("hard_sigmoid")),
    "both": lambda: line(old.Bidirectional(old.LSTM(H, go_backwards=True), merge_mode="sum"), old.Dense(2, "swish")),
    "regularised": lambda: line(
        old.GRU(H, kernel_regularizer=tf_keras.regularizers.l1_l2(0.1, 0.2), recurrent_constraint="max_norm", use_bias=False)
    ),
    "frozen": lambda: line(old.LSTM(H, trainable=False), old.Dense(2)),
}
INPUTS = {"words": TOKENS, "graph": [X, normal(2, 2, H)], "masked": PADDED}


def listed(outputs):
    return [np.asarray(each) for each in (outputs if isinstance(outputs, list | tuple) else [outputs])]


def differ(one, other):
    one, other = listed(one), listed(other)
    assert [each.shape for each in one] == [each.shape for each in other]
    return max(np.abs(a - b).max() for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Each model in both formats of Keras 2, with weights that no initializer makes, and what it computes."""
    folder = tmp_path_factory.mktemp("keras2")
    for name, make in MODELS.items():
        model = make()
        inputs = INPUTS.get(name, X)
        model(inputs)
        model.set_weights([normal([3, n], *w.shape) ** 2 for n, w in enumerate(model.get_weights())])
        for suffix in ("h5", "keras"):
            model.save(folder / f"{name}.{suffix}")
        np.savez(folder / f"{name}.npz", *listed(model(inputs)))
    return folder


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_keras_2_computes_the_same_here_and_saved_again(folder, tmp_path, name, suffix):
    path, inputs = folder / f"{name}.{suffix}", INPUTS.get(name, X)
    expected = list(np.load(folder / f"{name}.npz").values())
    legacy_model = legacy.read(path)
    assert legacy_model.source == f"Keras {tf_keras.__version__} .{suffix}"
    assert differ(legacy_model.model(inputs), expected) < FLOAT32
    assert bool(legacy_model.warnings) == (name in ("words", "hard"))
    if suffix == "keras":
        return
    legacy_model.model.save(tmp_path / "again.keras")
    again = legacy.read(tmp_path / "again.keras")
    assert differ(again.model(inputs), expected) < FLOAT32
    assert differ(keras.saving.load_model(tmp_path / "again.keras")(inputs), expected) < FLOAT32


@pytest.mark.parametrize("name", ["words.keras", "graph.h5"])
def test_the_framework_runs_the_same_file(folder, name):
    called, run = legacy.framework(folder / name)
    assert called == f"TF-Keras {tf_keras.__version__}"
    inputs = INPUTS[Path(name).stem]
    first, rest = run(inputs)
    assert differ(legacy.read_model(folder / name)(inputs), [first, *rest]) < FLOAT32


def test_options_that_matter_are_kept(folder):
    model = legacy.read_model(folder / "regularised.h5")
    assert model.layers[0].cell.kernel_regularizer.get_config() == pytest.approx({"l1": 0.1, "l2": 0.2})
    assert model.layers[0].cell.recurrent_constraint.get_config()["max_value"] == 2
    assert not legacy.read_model(folder / "frozen.h5").layers[0].trainable


# --- hard sigmoid ---


def test_the_hard_sigmoid_of_keras_2_is_not_that_of_keras_3():
    x = np.linspace(-4, 4, 161).astype("float32")
    np.testing.assert_allclose(keras2_hard_sigmoid(x), np.clip(0.2 * x + 0.5, 0, 1), rtol=0, atol=1e-7)
    np.testing.assert_allclose(
        keras2_hard_sigmoid(x), tf_keras.activations.hard_sigmoid(tf_keras.backend.constant(x)), rtol=0, atol=1e-7
    )
    apart = np.abs(np.asarray(keras2_hard_sigmoid(x)) - np.asarray(keras.activations.hard_sigmoid(x)))
    assert apart.max() == pytest.approx(1 / 12, abs=1e-6)
    assert abs(x[apart.argmax()]) == pytest.approx(2.5)


def test_taking_the_one_for_the_other_would_be_noticed(folder):
    model, expected = legacy.read_model(folder / "words.h5"), np.load(folder / "words.npz")["arr_0"]
    assert differ(model(TOKENS), expected) < FLOAT32
    model.layers[2].cell.recurrent_activation = keras.activations.hard_sigmoid
    assert differ(model(TOKENS), expected) > MOVED


def test_in_a_file_of_keras_3_hard_sigmoid_is_keras_3s(tmp_path):
    model = keras.Sequential([keras.Input((T, F)), keras.layers.LSTM(H, recurrent_activation="hard_sigmoid")])
    model.save(tmp_path / "new.keras")
    legacy_model = legacy.read(tmp_path / "new.keras")
    assert legacy_model.model.layers[0].recurrent_activation is keras.activations.hard_sigmoid
    assert not legacy_model.warnings


# --- TensorFlow 1's times ---


@pytest.mark.parametrize("stateful", [False, True])
def test_layers_for_cudnn_become_such_that_cudnn_takes(tmp_path, stateful):
    gru = cudnn("CuDNNGRU", "gru", 3, batch_input_shape=[2, T, F], stateful=stateful)
    both = old_config("Bidirectional", "both", layer=cudnn("CuDNNLSTM", "lstm", 2), merge_mode="concat")
    directions = {
        d: cudnn_weights("CuDNNLSTM", f"both/{d}_lstm", 3, 2, n + 5) for n, d in enumerate(("forward", "backward"))
    }
    weights = {"gru": cudnn_weights("CuDNNGRU", "gru", F, 3, 4), "both": directions["forward"] | directions["backward"]}
    dense = old_config("TimeDistributed", "each", layer=old_config("Dense", "dense", units=2, activation="linear"))
    weights["each"] = {"each/kernel:0": normal(7, 4, 2), "each/bias:0": normal(8, 2)}
    config = {"class_name": "Sequential", "config": [gru, both, dense]}  # a list, as up to Keras 2.2.2
    path = write(tmp_path / "old.h5", config, weights, "2.1.6-tf")
    model = legacy.read_model(path)
    called, run = legacy.framework(path)
    assert called.startswith("TF-Keras")
    for _ in range(2):  # a stateful one goes on
        assert differ(model(X), run(X)[0]) < FLOAT32
    gru, both = model.layers[0], model.layers[1]
    assert type(gru) is keras.layers.GRU
    assert gru.stateful is stateful
    for layer in (gru, both.forward_layer, both.backward_layer):
        assert kernel_path.find_path(layer, gpu=True).name == "cudnn"


def test_a_wrong_reading_of_layers_for_cudnn_is_noticed(tmp_path, monkeypatch):
    gru = cudnn("CuDNNGRU", "gru", F, batch_input_shape=[2, T, F])  # square kernels: no shape tells them apart
    config = {"class_name": "Sequential", "config": {"name": "old", "layers": [gru]}}
    path = write(tmp_path / "old.h5", config, {"gru": cudnn_weights("CuDNNGRU", "gru", F, F, 4)})
    expected = legacy.framework(path)[1](X)[0]
    assert differ(legacy.read_model(path)(X), expected) < FLOAT32
    monkeypatch.setitem(LAYOUTS, "CuDNNGRU", gates.layout("onnx_gru", reset_after=True))  # same shapes but for the names
    with pytest.raises(UserError, match=r"old.h5: model_weights/gru/gru: gates: expected W, R, B"):
        legacy.read_model(path)
    keras_bias = {"bias": (2, 3 * F)}
    arrays = {name.split("/")[1][:-2]: a for name, a in cudnn_weights("CuDNNGRU", "gru", F, F, 4).items()}
    plain = keras.Sequential([keras.Input((T, F)), keras.layers.GRU(F, return_sequences=True)])
    plain.set_weights([a.reshape(keras_bias.get(name, a.shape)) for name, a in arrays.items()])
    assert differ(plain(X), expected) > MOVED


def test_a_gru_without_reset_after_in_its_config_resets_before(tmp_path):
    options = {
        "units": H,
        "activation": "tanh",
        "recurrent_activation": "hard_sigmoid",
        "use_bias": True,
        "implementation": 1,
    }
    gru = old_config("GRU", "gru", batch_input_shape=[None, T, F], **options)
    weights = {"gru/kernel:0": normal(1, F, 9), "gru/recurrent_kernel:0": normal(2, H, 9), "gru/bias:0": normal(3, 9)}
    config = {"class_name": "Sequential", "config": [gru]}
    model = legacy.read_model(write(tmp_path / "old.h5", config, {"gru": weights}, "2.1.2"))
    assert model.layers[0].reset_after is False
    expected = line(old.GRU(H, reset_after=False, recurrent_activation="hard_sigmoid"))
    expected.set_weights(list(weights.values()))
    assert differ(model(X), expected(X)) < FLOAT32


# --- Keras 3 ---


def test_models_of_keras_3_with_layers_of_this_project_are_read(tmp_path):
    inputs = keras.Input((T, F))
    x = keras.layers.MultiHeadAttention(2, 3)(inputs, inputs)
    model = keras.Model(inputs, [stacked("gru", [3, 2], bidirectional=True)(x), keras.layers.GlobalMaxPooling1D()(x)])
    model.compile("adam", "mse")
    model.save(tmp_path / "new.keras")
    legacy_model = legacy.read(tmp_path / "new.keras")
    assert legacy_model.source == f"Keras {keras.__version__} .keras"
    assert differ(legacy_model.model(X), model(X)) == 0
    with pytest.raises(NotComputable, match="TF-Keras has no layer gru_tf>RecurrentStack"):
        legacy.framework(tmp_path / "new.keras")


@pytest.mark.filterwarnings("ignore:You are saving")
def test_h5_files_of_keras_3_are_read(tmp_path):
    inputs = keras.Input((T, F))
    y, state = keras.layers.GRU(H, return_state=True, recurrent_activation="hard_sigmoid")(inputs)
    model = keras.Model(inputs, [keras.layers.Dense(2, activation="gelu")(y), state])
    model.save(tmp_path / "new.h5")
    assert differ(legacy.read_model(tmp_path / "new.h5")(X), model(X)) == 0


# --- what is refused ---


def refused(path, read=legacy.read):
    """The message, in one line, for a file that is refused without a trace."""
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(UserError) as error:
        read(path)
    assert sorted(path.parent.rglob("*")) == before
    assert "\n" not in str(error.value)
    assert path.name in str(error.value)
    return str(error.value)


def embedded_in_old():
    """The config and weights of words read by a GRU as Keras 2.2 wrote them: the input is an option of the first layer."""
    first = old_config("Embedding", "words", input_dim=11, output_dim=F, batch_input_shape=[None, T], input_length=T)
    second = old_config("SpatialDropout1D", "dropout", rate=0.1, noise_shape=None, seed=None)
    last = old_config("SimpleRNN", "rnn", units=H, activation="tanh", use_bias=True, implementation=None, unroll=False)
    weights = {"words": {"words/embeddings:0": normal(1, 11, F)}}
    weights |= {
        "rnn": {f"rnn/{k}:0": normal(2, *s) for k, s in (("kernel", (F, H)), ("recurrent_kernel", (H, H)), ("bias", (H,)))}
    }
    return {"class_name": "Sequential", "config": {"name": "old", "layers": [first, second, last]}}, weights


def test_the_input_may_be_an_option_of_the_first_layer(tmp_path):
    path = write(tmp_path / "old.h5", *embedded_in_old())
    model = legacy.read_model(path)
    assert model.input_shape == (None, T)
    assert differ(model(TOKENS), legacy.framework(path)[1](TOKENS)[0]) < FLOAT32


def dense(**options):
    """The config and weights of a model of one Dense layer, with these options."""
    layer = old_config("Dense", "dense", **{"units": 2, "activation": "linear", "batch_input_shape": [None, F], **options})
    config = {"class_name": "Sequential", "config": {"name": "old", "layers": [layer]}}
    return config, {"dense": {"dense/kernel:0": normal(1, F, 2), "dense/bias:0": normal(2, 2)}}


def lambda_model(library, marker):
    """A model with a Lambda that writes a file when it is called."""
    code = f"lambda x: (__import__('pathlib').Path({str(marker)!r}).write_text('ran'), x)[1]"
    return library.Sequential([library.Input((F,)), library.layers.Lambda(eval(code))])  # noqa: S307


@pytest.mark.parametrize(("library", "suffix"), [(tf_keras, "h5"), (tf_keras, "keras"), (keras, "keras"), (keras, "h5")])
def test_a_lambda_is_refused_and_would_have_run(tmp_path, library, suffix):
    marker, path = tmp_path / "marker", tmp_path / f"hostile.{suffix}"
    lambda_model(library, marker).save(path)
    marker.unlink()
    message = refused(path)
    assert "expected a layer of stock Keras" in message
    assert "Received: 'Lambda'; a Lambda contains code, and code in a file is never run" in message
    refused(path, legacy.framework)
    assert not marker.exists()
    trusting = {"safe_mode": False} if (library, suffix) != (tf_keras, "h5") else {}
    library.models.load_model(path, **trusting)
    assert marker.exists()


ATTACKS = {
    "a class of another module": {"module": "os", "class_name": "system", "config": {"command": "touch marker"}},
    "a stock name of another module": {"module": "subprocess", "class_name": "Popen", "config": {"args": "touch marker"}},
    "a registered name": {"class_name": "Dense", "config": {"units": 2}, "registered_name": "os>system"},
    "one of ours that is none": {
        "class_name": "gru_tf>StandIn",
        "config": {"module": "os"},
        "registered_name": "gru_tf>StandIn",
    },
    "a pickled module": {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {"module": "x"}},
    "another saved model": {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/x"}},
    "a download": {"module": "keras.utils", "class_name": "function", "config": "get_file", "registered_name": "get_file"},
    "a file of words": {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
    "no name": {"module": "os", "class_name": ["system"], "config": {"command": "touch marker"}},
    "a type": {
        "module": "builtins",
        "class_name": "__typespec__",
        "config": [],
        "spec_name": "eval",
        "registered_name": "eval",
    },
}


def places(attack):
    """Where in a config an object may be named: layer, layer in a layer, function, initializer, tensor of a call."""
    yield {"class_name": "Sequential", "config": {"name": "hostile", "layers": [attack]}}
    inner = {"module": "keras.layers", "class_name": "TimeDistributed", "config": {"name": "each", "layer": attack}}
    yield {"class_name": "Sequential", "config": {"name": "hostile", "layers": [inner]}}
    for key in ("activation", "kernel_initializer", "kernel_regularizer", "bias_constraint", "dtype"):
        yield dense(**{key: attack})[0]
    node = {"args": [attack], "kwargs": {}}
    layer = {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": {"units": 2},
        "name": "dense",
        "inbound_nodes": [node],
    }
    graph = {"name": "hostile", "layers": [layer], "input_layers": ["dense", 0, 0], "output_layers": ["dense", 0, 0]}
    yield {"class_name": "Functional", "config": graph}


def archive(path, config, version, weights=b"", **members):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("config.json", json.dumps(config))
        file.writestr("metadata.json", json.dumps({"keras_version": version}))
        file.writestr("model.weights.h5", weights or empty())
        for name, content in members.items():
            file.writestr(name.replace("__", "../"), content)
    return path


def empty():
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        file["layers/dense/vars/0"] = normal(1, F, 2)
        file["layers/dense/vars/1"] = normal(2, 2)
    return held.getvalue()


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_config_that_names_anything_else_is_refused(tmp_path, monkeypatch, attack):
    monkeypatch.chdir(tmp_path)
    for n, config in enumerate(places(attack)):
        messages = refused(archive(tmp_path / f"a{n}.keras", config, "3.5.0"))
        messages += refused(write(tmp_path / f"b{n}.h5", config, dense()[1]))
        assert "Keras can build" not in messages  # it is named here, before Keras sees it
    assert not (tmp_path / "marker").exists()


def test_objects_beside_the_layers_reach_nothing(tmp_path):
    """compile_config and build_config name objects too: the first is left out, the second is shapes alone."""
    attack = {"module": "builtins", "class_name": "eval", "config": "open('marker', 'w')"}
    layer = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "dense", "units": 2}}
    layer |= {"build_config": {"input_shape": attack}, "registered_name": None}
    inputs = {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, F], "name": "inputs"}}
    config = {
        "class_name": "Sequential",
        "config": {"name": "odd", "layers": [inputs, layer]},
        "compile_config": {"loss": attack},
    }
    model = legacy.read_model(archive(tmp_path / "odd.keras", config, "3.5.0"))
    np.testing.assert_allclose(model(X[:, 0]), X[:, 0] @ normal(1, F, 2) + normal(2, 2), rtol=0, atol=FLOAT32)
    assert not model.compiled


def test_no_module_that_a_file_names_is_imported(tmp_path, monkeypatch):
    (tmp_path / "planted.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w').close()\nSequential = None\n")
    monkeypatch.syspath_prepend(tmp_path)
    config, weights = dense()
    config |= {"module": "planted", "registered_name": None}
    config["config"]["layers"][0] |= {"module": "planted", "registered_name": None}
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        file.create_group("vars")
        for n, array in enumerate(weights["dense"].values()):
            file[f"layers/dense/vars/{n}"] = array
    path = archive(tmp_path / "hostile.keras", config, "2.15.0", held.getvalue())
    expected = X[:, 0] @ normal(1, F, 2) + normal(2, 2)
    for file in (path, write(tmp_path / "hostile.h5", config, weights)):
        assert differ(legacy.read_model(file)(X[:, 0]), expected) < FLOAT32
        assert differ(legacy.framework(file)[1](X[:, 0])[0], expected) < FLOAT32
        assert not (tmp_path / "marker").exists()
    with pytest.raises((TypeError, ValueError, AttributeError)):
        tf_keras.models.load_model(path, compile=False, safe_mode=True)
    assert (tmp_path / "marker").exists()  # what TF-Keras does with the same file


def test_an_archive_is_read_by_its_members_names(tmp_path, monkeypatch):
    inner = tmp_path / "inner"
    inner.mkdir()
    config = keras.saving.serialize_keras_object(keras.Sequential([keras.Input((F,)), keras.layers.Dense(2, name="dense")]))
    assert legacy.read_model(archive(inner / "good.keras", config, "3.5.0", gru_tf_json=b"{}")).count_params() == 10
    message = refused(archive(inner / "outside.keras", config, "3.5.0", __evil=b"x"))
    assert "'../evil': expected members within the archive. Received: one outside" in message
    assert not (tmp_path / "evil").exists()
    bomb = archive(inner / "bomb.keras", config, "3.5.0")
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("assets/zeros", bytes(1 << 22))
    monkeypatch.setattr(keras_file, "LARGE", 1 << 20)
    assert "assets/zeros: expected as many bytes as are stored. Received: 4,194,304 out of" in refused(bomb)
    with zipfile.ZipFile(inner / "less.keras", "w") as file:
        file.writestr("config.json", "{}")
    assert "metadata.json: expected one in the archive. Received: 0" in refused(inner / "less.keras")
    double = archive(inner / "twice.keras", config, "3.5.0", configXjson=b"{}")
    double.write_bytes(double.read_bytes().replace(b"configXjson", b"config.json"))
    assert "config.json: expected one in the archive. Received: 2" in refused(inner / "twice.keras")


def link_out(file):
    file["model_weights/dense/more"] = h5py.ExternalLink("/etc/passwd", "/")


def link_within(file):
    file["model_weights/dense/more"] = h5py.SoftLink("/model_weights")


def stored_out(file):
    file.create_dataset("model_weights/more", (8,), "f4", external=[("/etc/passwd", 0, 32)])


def seen_from_elsewhere(file):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    file.create_virtual_dataset("model_weights/more", layout)


def references(file):
    more = file.create_dataset("model_weights/more", (1,), h5py.ref_dtype)
    more[0] = file["model_weights"].ref


def around(file):
    file["model_weights/dense/again"] = file["model_weights"]


def shared(file):
    file["model_weights/dense/again"] = file["model_weights/dense/dense/kernel:0"]


def unstored_in_parts(file):
    for n in range(9):
        file.create_dataset(f"model_weights/more{n}", (1 << 23,), "f4")


def unstored(file):
    file.create_dataset("model_weights/more", (1 << 20, 1 << 12), "f4")


def plugin(file):
    file.create_dataset("model_weights/more", (4,), "f4", chunks=(4,), compression=32008, allow_unknown_filter=True)


HOSTILE = {
    link_out: "dense/more: expected members of the file itself. Received: ExternalLink",
    link_within: "dense/more: expected members of the file itself. Received: SoftLink",
    stored_out: "more: expected numbers stored in the file. Received: storage in another file, /etc/passwd",
    seen_from_elsewhere: "more: expected numbers stored in the file. Received: a view of other files",
    references: "more: expected numbers stored in the file. Received: type object",
    around: "expected groups and arrays. Received: a group twice",
    shared: "expected groups and arrays. Received: an array twice",
    unstored_in_parts: "expected numbers stored in the file. Received: 301,98",
    unstored: "more: expected numbers stored in the file. Received: 17,179,869,",
    plugin: "more: expected numbers stored in the file. Received: filter 32008, which is not part of HDF5",
}


@pytest.mark.parametrize("spoil", HOSTILE, ids=lambda spoil: spoil.__name__)
def test_an_h5_file_that_points_out_of_itself_is_refused(tmp_path, spoil):
    path = write(tmp_path / "hostile.h5", *dense())
    assert legacy.read_model(path).count_params() == 10
    with h5py.File(path, "a") as file:
        spoil(file)
    assert HOSTILE[spoil] in refused(path)
    config = keras.saving.serialize_keras_object(keras.Sequential([keras.Input((F,)), keras.layers.Dense(2, name="dense")]))
    within = archive(tmp_path / "hostile.keras", config, "3.5.0", path.read_bytes())
    assert HOSTILE[spoil] in refused(within)


def test_a_file_that_is_not_whole_is_refused(tmp_path, folder):
    for name in ("graph.h5", "graph.keras"):
        whole = (folder / name).read_bytes()
        for share in (0.0, 0.01, 0.5, 0.9, 0.999):
            cut = tmp_path / f"{share}-{name}"
            cut.write_bytes(whole[: int(share * len(whole))])
            assert "expected a complete" in refused(cut)
    assert "Received: no such file" in refused(tmp_path / "absent.h5")
    (tmp_path / "text.h5").write_text("words")
    assert "text.h5: expected a complete HDF5 file" in refused(tmp_path / "text.h5")


def test_what_a_keras_file_is_is_said_where_it_is_none(tmp_path, folder):
    kinds = "a zip archive as Keras 3, and Keras 2 from 2.12 on, write it, or an HDF5 file"
    whole = (folder / "graph.keras").read_bytes()
    for content, received in (
        (b"words that no program wrote", "one that begins with b'words that no pr'"),
        (b"", "an empty file"),
        (whole[:-30], "a zip archive that is cut off"),
    ):
        (tmp_path / "x.keras").write_bytes(content)
        assert refused(tmp_path / "x.keras") == f"x.keras: expected a complete .keras file, {kinds}. Received: {received}"
    model = write(tmp_path / "y.h5", *dense())
    assert legacy.read_model(model.rename(tmp_path / "y.keras")).count_params() == 10  # HDF5 under that name is read


def changed(path, **weights):
    """A file of one dense layer with other weights: an array, or None for none."""
    config, known = dense()
    arrays = {f"dense/{name}:0": array for name, array in weights.items()}
    changed_arrays = {name: array for name, array in {**known["dense"], **arrays}.items() if array is not None}
    return write(path, config, {"dense": changed_arrays})


def test_weights_that_do_not_belong_to_the_layers_are_refused(tmp_path):
    path = tmp_path / "old.h5"
    message = refused(changed(path, bias=None))
    expected = "expected weights old/dense/kernel, old/dense/bias. Received: 1: dense/kernel:0"
    assert f"old.h5: model_weights/dense: {expected}" in message
    message = refused(changed(path, bias=normal(1, 3)))
    assert "dense/dense/bias:0: expected bias of dense with shape (2,). Received: shape (3,)" in message
    message = refused(changed(path, bias=None, gamma=normal(1, 2)))
    assert "dense/dense/gamma:0: expected bias of dense. Received: gamma" in message
    config, weights = dense()
    message = refused(write(path, config, weights | {"more": {"more/kernel:0": normal(1, 2)}}))
    assert "expected weights of the model's layers. Received: also more" in message
    with h5py.File(write(path, config, weights), "a") as file:
        del file["model_weights/dense/dense/kernel:0"]
    assert "model_weights/dense/dense/kernel:0: expected an array. Received: none" in refused(path)
    message = refused(write(path, *dense(units=10**12)))
    assert "layer 'dense' (Dense): expected weights that the file can have. Received: shape (4, 1000000000000)" in message
    message = refused(write(path, *dense(batch_input_shape=[None, 10**12])))
    assert "layer 'dense' (Dense): expected weights that the file can have. Received: shape (1000000000000, 2)" in message
    lstm = cudnn("CuDNNLSTM", "lstm", 2, batch_input_shape=[None, T, F])
    config = {"class_name": "Sequential", "config": [lstm]}
    weights = cudnn_weights("CuDNNLSTM", "lstm", F, 2, 1) | {"lstm/bias:0": normal(1, 8)}
    assert "lstm/lstm: gates: expected bias of shape (8H,) = (16,)" in refused(write(path, config, {"lstm": weights}))


def test_weights_without_a_model_are_refused_with_what_to_do(tmp_path, folder):
    model = legacy.read_model(folder / "masked.h5")
    model.save_weights(tmp_path / "new.weights.h5")
    tf_keras.models.load_model(folder / "masked.h5", compile=False).save_weights(tmp_path / "old.h5")
    for name in ("new.weights.h5", "old.h5"):
        advice = "weights only; build the model in Python, load this file with `model.load_weights`"
        assert advice in refused(tmp_path / name)


REFUSED = {
    "time_major=true. Transpose": {"time_major": True},
    "expected an activation of stock Keras in layer 'gru' (GRU). Did you mean 'softplus'? Received: 'soft_plus'": {
        "activation": "soft_plus"
    },
    "expected recurrent_activation in its config": {"recurrent_activation": ...},
    "peephole": {"peephole": True},
    "expected an initializer of stock Keras": {"kernel_initializer": {"class_name": "Mine", "config": {}}},
    "expected dtype to be one of": {"dtype": "complex64"},
    "expected a number, text or a list of them as units": {"units": {"class_name": "x", "config": {}}},
    "expected a config that Keras can build": {"units": "many"},
    "expected the first layer's batch_input_shape. Received: none; call the model on data": {"batch_input_shape": None},
}


@pytest.mark.parametrize("expected", REFUSED)
def test_an_option_that_keras_3_does_not_have_is_refused_by_name(tmp_path, expected):
    options = {"units": H, "activation": "tanh", "recurrent_activation": "sigmoid", "batch_input_shape": [None, T, F]}
    options = {key: value for key, value in (options | REFUSED[expected]).items() if value is not ...}
    config = {"class_name": "Sequential", "config": [old_config("GRU", "gru", **options)]}
    weights = {"gru/kernel:0": normal(1, F, 9), "gru/recurrent_kernel:0": normal(2, H, 9), "gru/bias:0": normal(3, 9)}
    message = refused(write(tmp_path / "old.h5", config, {"gru": weights}))
    assert all(part in message for part in expected.split(". Transpose")), message


def test_other_versions_and_models_are_refused(tmp_path):
    config, weights = dense()
    assert "keras_version: expected 2 or 3. Received: '1.2.2'" in refused(write(tmp_path / "a.h5", config, weights, "1.2.2"))
    own = {"class_name": "MyModel", "config": config["config"]}
    assert "expected a Sequential or Functional model. Received: 'MyModel'" in refused(
        write(tmp_path / "b.h5", own, weights)
    )
    for n, broken in enumerate(("[" * 100_000, '{"class_name"', "[]")):
        with h5py.File(write(tmp_path / f"c{n}.h5", config, weights), "a") as file:
            del file.attrs["model_config"]
            file.attrs.create("model_config", broken, dtype=h5py.string_dtype())
        refused(tmp_path / f"c{n}.h5")
    deep = config["config"]["layers"][0]
    for _ in range(400):
        deep = {"class_name": "TimeDistributed", "config": {"name": "each", "layer": deep}}
    nested = {"class_name": "Sequential", "config": {"name": "deep", "layers": [deep]}}
    refused(write(tmp_path / "d.h5", nested, weights))
