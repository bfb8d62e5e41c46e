"""SavedModel folders of Keras 2 with TensorFlow functions, compared with TF-Keras; and such that ask for too much."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from keras_2_files import normal

from gru_tf import UserError
from gru_tf.interchange import importing
from gru_tf.interchange.keras.tf_call import GraphTensor, TensorFlowCall
from gru_tf.interchange.keras.tf_functions import TRANSLATIONS
from gru_tf.interchange.tensorflow.saved_model_file import METADATA, _metadata_message

T, F, H = 6, 4, 5
X = normal(1, 3, T, F)
old = tf_keras.layers

FUNCTIONS = {
    "mean": lambda x: old.Dense(2)(tf.reduce_mean(old.GRU(H, return_sequences=True)(x), 1)),
    "last step": lambda x: old.Dense(2)(old.GRU(H, return_sequences=True)(x)[:, -1]),
    "backwards": lambda x: old.GRU(H)(x[:, ::-1]),
    "features": lambda x: x[..., 1:3],
    "new axis": lambda x: x[:, None, :, 1],
}


def saved(folder, build):
    inputs = tf_keras.Input((None, F))
    model = tf_keras.Model(inputs, build(inputs))
    model.set_weights([normal([3, n], *weight.shape) * 0.5 for n, weight in enumerate(model.get_weights())])
    model.save(folder, save_format="tf")
    return model


@pytest.mark.parametrize("name", FUNCTIONS)
def test_folders_with_functions_of_tensorflow_are_read(tmp_path, name):
    expected = saved(tmp_path / "model", FUNCTIONS[name])
    imported = importing.import_file(tmp_path / "model")
    assert imported.verified is not None
    np.testing.assert_allclose(imported.model(X), expected(X), rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_slice_of_sequences_is_read_in_a_file(tmp_path):
    inputs = tf_keras.Input((None, F))
    expected = tf_keras.Model(inputs, inputs[1:])
    expected.save(tmp_path / "model.h5")
    imported = importing.import_file(tmp_path / "model.h5", verify=False)
    np.testing.assert_array_equal(imported.model(X), expected(X))


@pytest.mark.parametrize(
    "spec", [{"class_name": "Unknown", "items": [1]}, {}, {"start": 1, "stop": None, "step": None, "more": 1}, [{"size": 2}]]
)
def test_a_slice_in_an_unknown_form_is_refused(spec):
    call = TensorFlowCall("f: layer 'x'", "__operators__.getitem", GraphTensor(["x", 0, 0]), {"slice_spec": spec}, None, str)
    with pytest.raises(UserError, match="expected places and slices of whole numbers"):
        call.translated(TRANSLATIONS)


@pytest.mark.parametrize("verify", [None, False])
def test_a_folder_that_asks_for_more_numbers_than_any_memory_has_is_refused(tmp_path, verify):
    saved(tmp_path / "model", lambda x: old.RepeatVector(2)(old.GRU(H)(x)))
    message = _metadata_message()
    message.ParseFromString((tmp_path / "model" / METADATA).read_bytes())
    (root,) = (node for node in message.nodes if node.node_path == "root")
    assert '"n": 2' in root.metadata
    root.metadata = root.metadata.replace('"n": 2', '"n": 2000000000')
    (tmp_path / "model" / METADATA).write_bytes(message.SerializeToString())
    with pytest.raises(UserError, match=r"'repeat_vector\w*' \(RepeatVector\): expected at most"):
        importing.import_file(tmp_path / "model", verify=verify)


def test_a_folder_that_asks_for_too_many_tensors_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("gru_tf.interchange.keras.sizes.MOST_TENSORS", 2)
    saved(tmp_path / "model", FUNCTIONS["mean"])
    with pytest.raises(UserError, match="expected a graph of at most 2 tensors"):
        importing.import_file(tmp_path / "model")


def test_a_mean_of_whole_numbers_is_refused_as_in_files(tmp_path):
    inputs = tf_keras.Input((None, F), dtype="int32")
    tf_keras.Model(inputs, tf.reduce_mean(inputs, 1)).save(tmp_path / "model", save_format="tf")
    with pytest.raises(UserError, match="TensorFlow rounds their mean"):
        importing.import_file(tmp_path / "model", verify=False)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_a_split_may_leave_the_last_size_open(tmp_path):
    inputs = tf_keras.Input((None, F))
    expected = tf_keras.Model(inputs, tf.split(inputs, [1, 2, -1], axis=-1))
    expected.save(tmp_path / "model.h5")
    for own, other in zip(importing.import_model(tmp_path / "model.h5")(X), expected(X), strict=True):
        np.testing.assert_array_equal(own, other)
    tf_keras.Model(inputs, tf.split(inputs, [-1, 1], axis=-1)).save(tmp_path / "first.h5")
    with pytest.raises(UserError, match=r"split: expected sizes of 0 or more, or -1 for the last. Received: \[-1, 1\]"):
        importing.import_model(tmp_path / "first.h5")
