"""Operations of keras.ops and TensorFlow functions in a graph: each with its own numbers, or refused with the reason."""

import json
import zipfile

import h5py
import keras
import keras_operations
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from keras import ops
from keras_2_files import normal
from keras_operations import FUNCTIONS
from refusals import refused

import gru_tf
from gru_tf.interchange import importing
from gru_tf.interchange.keras import operations
from gru_tf.interchange.keras.counterpart.operations import OPERATIONS as COUNTERPARTS
from gru_tf.interchange.keras.tf_functions import TRANSLATIONS

RELATIVE = 1e-6
INPUTS = [normal(n, 3, keras_operations.T, keras_operations.F) for n in (1, 2)]
ALLOWED = set().union(*operations.OPERATIONS.values())

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")


def close(one, other):
    one, other = np.asarray(one), np.asarray(other)
    assert one.shape == other.shape
    np.testing.assert_allclose(one, other, rtol=0, atol=RELATIVE * max(1, np.abs(other).max()))


def test_each_has_an_example():
    assert keras_operations.OPERATIONS.keys() == ALLOWED
    assert FUNCTIONS.keys() == TRANSLATIONS.keys() - {"einsum"}
    assert COUNTERPARTS.keys() == ALLOWED - keras_operations.WITHOUT_COUNTERPART


@pytest.mark.parametrize("name", sorted(keras_operations.OPERATIONS))
def test_an_operation_of_keras_3_computes_the_same_and_is_verified(tmp_path, name):
    model, path = keras_operations.model(keras, keras_operations.OPERATIONS[name]), tmp_path / "model.keras"
    assert {"Abs": "Absolute"}.get(name, name) in {type(operation).__name__ for operation in model.operations}
    model.save(path)
    close(gru_tf.import_model(path, verify=False)(INPUTS), model(INPUTS))
    if name in keras_operations.WITHOUT_COUNTERPART:
        refused(lambda: gru_tf.import_model(path, verify=True), f"the operation {name} has no counterpart")
    else:
        assert importing.import_file(path, verify=True).verified.largest < RELATIVE


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_tensorflow_function_in_a_file_of_keras_2_computes_the_same(tmp_path, name, suffix):
    model, path = keras_operations.model(tf_keras, FUNCTIONS[name]), tmp_path / f"model.{suffix}"
    model.save(path)
    imported = gru_tf.import_model(path, verify=True)
    close(imported(INPUTS), model(INPUTS))
    imported.save(tmp_path / "again.keras")
    close(keras.saving.load_model(tmp_path / "again.keras")(INPUTS), model(INPUTS))


def test_the_examples_call_the_functions_that_they_are_named_after():
    called = {name: keras_operations.named(keras_operations.model(tf_keras, make)) for name, make in FUNCTIONS.items()}
    unnamed = {name for name, own in called.items() if name not in own}
    assert unnamed == set(keras_operations.OTHER_NAMES)
    for name in unnamed:
        assert keras_operations.OTHER_NAMES[name] in called[name]


@pytest.mark.parametrize("name", sorted(keras_operations.OTHER_NAMES))
def test_a_function_of_another_name_computes_the_same(tmp_path, name):
    """Other versions of TensorFlow write the same function by another name."""
    model, path = keras_operations.model(tf_keras, FUNCTIONS[name]), tmp_path / "model.h5"
    model.save(path)
    with h5py.File(path, "a") as file:
        config = file.attrs["model_config"]
        file.attrs["model_config"] = config.replace(
            f'"function": "{keras_operations.OTHER_NAMES[name]}"', f'"function": "{name}"'
        )
        assert file.attrs["model_config"] != config
    close(gru_tf.import_model(path, verify=False)(INPUTS), model(INPUTS))


REFUSED = {
    "einsum: expected its operands. Received: none: Keras 2 leaves them out": lambda x, y: tf.einsum("bti,bsi->bts", x, y),
    "math.cumsum: expected arguments that Keras 3's operation has, too. Received: reverse=true": (
        lambda x, _: tf.cumsum(x, 1, reverse=True)
    ),
    "reshape: expected a shape of whole numbers, one of which may be computed": (
        lambda x, _: tf.reshape(x, (-1, tf.shape(x)[1] * 2, 2))
    ),
    "tile: expected multiples to be a constant. Received: a tensor": lambda x, _: tf.tile(x, (1, tf.shape(x)[1], 1)),
    "expected a TensorFlow function that Keras 3 has, too. Did you mean 'math.round'? Received: 'math.bessel": (
        lambda x, _: tf.math.bessel_i0e(x)
    ),
    "expected mode CONSTANT. Received: REFLECT": lambda x, _: tf.pad(x, [[0, 0], [1, 0], [0, 0]], "REFLECT"),
}


@pytest.mark.parametrize("words", REFUSED)
def test_a_function_without_a_counterpart_is_named(tmp_path, words):
    keras_operations.model(tf_keras, REFUSED[words]).save(tmp_path / "model.h5")
    message = refused(lambda: gru_tf.import_model(tmp_path / "model.h5"), "model.h5: layer '")
    assert words.split(" Did you")[0] in message


# --- of keras.ops, what is not allowed, or could take any amount of memory ---


def changed(path, change):
    """The archive with another config."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config["config"]["layers"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (members | {"config.json": json.dumps(config).encode()}).items():
            archive.writestr(name, content)
    return path


def with_operation(path, **changes):
    """A model with an operation in its graph that is changed."""
    keras_operations.model(keras, lambda x, _: ops.tile(x, (1, 2, 1))).save(path)

    def change(layers):
        layer = next(layer for layer in layers if layer["class_name"] == "Tile")
        layer |= {key: value for key, value in changes.items() if key != "config"}
        layer["config"] |= changes.get("config", {})

    return changed(path, change)


NOT_ALLOWED = {
    "another class of the module": {"class_name": "Arange", "registered_name": "Arange"},
    "a call of a function": {"module": "keras.src.ops.core", "class_name": "Map", "registered_name": "Map"},
    "a file": {"module": "keras.src.utils.file_utils", "class_name": "File", "registered_name": "File"},
    "a module below": {"module": "keras.src.ops.numpy.np", "class_name": "Tile"},
    "a registered name": {"registered_name": "os>system"},
    "another module": {"module": "os", "class_name": "Tile"},
}


@pytest.mark.parametrize("attack", NOT_ALLOWED.values(), ids=NOT_ALLOWED)
def test_another_operation_is_refused(tmp_path, attack):
    message = refused(lambda: gru_tf.import_model(with_operation(tmp_path / "hostile.keras", **attack)), "hostile.keras: ")
    assert "of stock Keras" in message


def test_options_of_an_operation_are_numbers(tmp_path):
    attack = {"module": "builtins", "class_name": "eval", "config": "open('marker', 'w')"}
    path = with_operation(tmp_path / "hostile.keras", config={"repeats": attack})
    refused(lambda: gru_tf.import_model(path), "expected numbers, text or lists as options of the operation Tile")


MANY = 10**9
LARGE = {
    "tile": lambda x, _: ops.tile(x, (1, MANY, 1)),
    "in two": lambda x, _: ops.mean(ops.tile(ops.tile(x, (1, 10**5, 1)), (1, 10**5, 1)), axis=1),
    "repeat": lambda x, _: ops.mean(ops.repeat(x, MANY, axis=1), axis=1),
    "pad": lambda x, _: ops.pad(x, ((0, 0), (MANY, 0), (0, 0))),
    "one_hot": lambda x, _: ops.one_hot(ops.argmax(x, -1), MANY),
    "broadcast_to": lambda x, _: ops.broadcast_to(x[:1, :1, :1], (1, 10**5, 10**5)),
    "up_sampling1d": lambda x, _: keras.layers.GlobalMaxPooling1D()(keras.layers.UpSampling1D(MANY)(x)),
    "repeat_vector": lambda x, _: keras.layers.GlobalMaxPooling1D()(keras.layers.RepeatVector(MANY)(x[:, 0])),
    "input with padding of 'conv1d": lambda x, _: keras.layers.Conv1D(2, 2, dilation_rate=MANY, padding="same")(x),
    "scores of 'attention": lambda x, y: keras.layers.Attention()([ops.tile(each, (1, 10**4, 1)) for each in (x, y)]),
    "matmul": lambda x, _: ops.sum(ops.matmul(ops.reshape(ops.tile(x, (1, 10**4, 1)), (-1, 1)), np.ones((1, 10**4)))),
    "repeat_vector_1": lambda x, _: keras.layers.TimeDistributed(
        keras.Sequential(
            [keras.Input((4,)), keras.layers.RepeatVector(MANY, name="repeat_vector_1"), keras.layers.GlobalMaxPooling1D()]
        )
    )(x),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_computes_too_many_numbers_is_refused_before_it_computes(tmp_path, name):
    keras_operations.model(keras, LARGE[name]).save(tmp_path / "hostile.keras")
    message = refused(
        lambda: gru_tf.import_model(tmp_path / "hostile.keras"), "expected at most 268,435,456 numbers at once"
    )
    assert name.split("'")[0] in message or name in ("in two",)


def test_an_operation_that_gives_one_tensor_for_each_step_is_limited(tmp_path):
    x = keras.Input((7, 2))
    keras.Model(x, ops.unstack(x, axis=1)).save(tmp_path / "hostile.keras")

    def change(layers):
        layers[0]["config"]["batch_shape"] = [None, 10**8, 2]

    path = changed(tmp_path / "hostile.keras", change)
    refused(lambda: gru_tf.import_model(path), "expected a graph of at most 200,000 tensors")


@pytest.mark.parametrize("library", [keras, tf_keras], ids=["keras", "tf_keras"])
@pytest.mark.parametrize("value", [MANY, [], "yes"], ids=str)
def test_an_option_that_is_true_or_false_is_nothing_else(tmp_path, library, value):
    library.Sequential([library.Input((5, 4)), library.layers.GRU(2, name="gru")]).save(tmp_path / "model.keras")

    def change(layers):
        layers[-1]["config"]["go_backwards"] = value

    path = changed(tmp_path / "model.keras", change)
    refused(lambda: gru_tf.import_model(path), "expected go_backwards of layer 'gru' (GRU) to be true or false", f"{value}")


def test_an_einsum_of_many_tensors_is_refused(tmp_path):
    keras_operations.model(keras, lambda x, y: ops.einsum("bti,bsi,bui->btsu", x, y, x)).save(tmp_path / "model.keras")
    refused(lambda: gru_tf.import_model(tmp_path / "model.keras"), "expected an Einsum of at most 2 tensors")
