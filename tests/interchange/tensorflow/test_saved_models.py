"""SavedModel folders and checkpoints of TensorFlow 2: read from the config that they state, never run."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from refusals import refused

import gru_tf
from gru_tf.interchange import importing
from gru_tf.interchange.tensorflow import keras_saved_model, saved_model_file

F, T = 3, 5
X = np.random.default_rng(0).normal(size=(2, T, F)).astype("float32")
CONFIG, METADATA = "assets.extra/keras_config.json", "keras_metadata.pb"


def randomized(model):
    for n, weight in enumerate(model.weights):
        weight.assign(np.abs(np.random.default_rng(n).normal(size=weight.shape)) / 2)
    return model


def stacked(of):
    layers = of.layers
    inner = of.Sequential([layers.Input((None, 4)), layers.SimpleRNN(4, return_sequences=True), layers.BatchNormalization()])
    return [
        layers.Input((None, F)),
        layers.LSTM(4, return_sequences=True),
        inner,
        layers.Bidirectional(layers.GRU(3)),
        layers.Dense(2),
    ]


@pytest.fixture(scope="module")
def of_keras_2(tmp_path_factory):
    model, folder = randomized(tf_keras.Sequential(stacked(tf_keras))), tmp_path_factory.mktemp("of_keras_2") / "saved"
    model.save(folder, save_format="tf")
    return model, folder


@pytest.fixture(scope="module")
def of_gru_tf(tmp_path_factory):
    model, folder = randomized(keras.Sequential(stacked(keras))), tmp_path_factory.mktemp("of_gru_tf") / "saved"
    gru_tf.export_model(model, folder)
    return model, folder


@pytest.fixture(params=["of_keras_2", "of_gru_tf"])
def saved(request, tmp_path):
    """A model, and a copy of its folder."""
    model, folder = request.getfixturevalue(request.param)
    shutil.copytree(folder, tmp_path / "saved")
    return model, tmp_path / "saved"


def test_a_folder_is_read_and_compared_with_its_own_graph(saved):
    model, folder = saved
    imported = importing.import_file(folder)
    np.testing.assert_allclose(np.asarray(imported.model(X)), np.asarray(model(X)), rtol=0, atol=1e-6)
    assert imported.verified.by == "the SavedModel's own graph, computed in NumPy"
    assert imported.verified.largest < 1e-6
    assert "SavedModel" in imported.source


def test_the_record_covers_every_file_of_the_folder(saved):
    _model, folder = saved
    first = importing.import_file(folder, verify=False).record["sha256"]
    (folder / "variables" / "more").write_bytes(b"1")
    assert importing.import_file(folder, verify=False).record["sha256"] != first


def test_other_weights_than_those_of_the_graph_are_noticed(of_gru_tf, tmp_path):
    """A config whose layers have the same shapes and compute something else."""
    folder = tmp_path / "saved"
    shutil.copytree(of_gru_tf[1], folder)
    text = (folder / CONFIG).read_text()
    (folder / CONFIG).write_text(text.replace('"activation": "tanh"', '"activation": "relu"', 1))
    refused(lambda: gru_tf.import_model(folder), "not the same", "a difference of")


def test_operations_that_do_more_than_compute_are_never_run(of_keras_2, tmp_path):
    """The model is read all the same, but not compared; nothing is written."""
    folder, written = tmp_path / "saved", tmp_path / "written"
    shutil.copytree(of_keras_2[1], folder)
    file = saved_model_file.SavedModelFolder(folder)
    signature = file.signature()
    (output,) = signature.outputs.values()
    with tf.Graph().as_default() as graph:
        tf.io.write_file(tf.constant(str(written)), "x", name="writing")
        added = graph.as_graph_def()
    message = saved_model_file.file.parsed(_message(), folder / "saved_model.pb")
    message.meta_graphs[0].graph_def.node.extend(added.node)
    message.meta_graphs[0].signature_def["serving_default"].outputs[next(iter(signature.outputs))].name = "writing"
    (folder / "saved_model.pb").write_bytes(message.SerializeToString())
    assert output.name != "writing"
    assert importing.import_file(folder).verified is None
    refused(lambda: gru_tf.import_model(folder, verify=True), "expected it to be verified")
    assert not written.exists()


def _message():
    from tensorflow.core.protobuf import saved_model_pb2

    return saved_model_pb2.SavedModel()


BROKEN = {
    "no JSON": (lambda text: text[:-5], "expected JSON"),
    "a layer of no stock": (
        lambda text: text.replace('"class_name": "LSTM"', '"class_name": "Lambda"', 1),
        "a Lambda contains code",
    ),
    "another width": (lambda text: text.replace('"units": 4', '"units": 5', 1), "expected shape"),
    "far too wide": (
        lambda text: text.replace('"units": 4', '"units": 123456', 1),
        "expected weights that the file can have",
    ),
    "no weights": (lambda text: text.replace('"weights"', '"w"', 1), "expected paths of"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_config_is_refused(of_gru_tf, tmp_path, name):
    folder = tmp_path / "saved"
    shutil.copytree(of_gru_tf[1], folder)
    change, words = BROKEN[name]
    (folder / CONFIG).write_text(change((folder / CONFIG).read_text()))
    refused(lambda: gru_tf.import_model(folder), words)


def test_metadata_of_another_kind_is_refused(of_keras_2, tmp_path):
    folder = tmp_path / "saved"
    shutil.copytree(of_keras_2[1], folder)
    metadata = saved_model_file.file.parsed(saved_model_file._metadata_message(), folder / METADATA)
    metadata.nodes[0].identifier = "_tf_keras_object"
    (folder / METADATA).write_bytes(metadata.SerializeToString())
    refused(
        lambda: gru_tf.import_model(folder), METADATA, "Received: _tf_keras_object, whose layers only its program states"
    )
    (folder / METADATA).write_bytes(b"\xff\xff")
    refused(lambda: gru_tf.import_model(folder), METADATA, "expected a graph of TensorFlow")


def test_a_checkpoint_of_tensorflow_2_is_named_with_its_objects(tmp_path):
    path = tf.train.Checkpoint(model=tf_keras.Sequential(stacked(tf_keras))).save(str(tmp_path / "ckpt"))
    refused(lambda: gru_tf.import_model(path), "one of TensorFlow 2, of objects layer_with_weights-0, layer_with_weights-1")


def test_configs_are_those_of_the_model(of_gru_tf):
    stored = json.loads((of_gru_tf[1] / CONFIG).read_text())
    assert stored["keras"] == keras.__version__
    assert len(stored["weights"]) == len(of_gru_tf[0].weights)
    assert keras_saved_model.read(of_gru_tf[1]).source == f"SavedModel of gru_tf (Keras {keras.__version__})"
