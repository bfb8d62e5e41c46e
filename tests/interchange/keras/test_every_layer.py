"""Every layer of Keras 3 and Keras 2 is read with its own numbers, or refused with the reason."""

import inspect

import keras
import keras_layers
import numpy as np
import pytest
import tf_keras
from keras_2_files import normal
from refusals import refused

import gru_tf
from gru_tf.interchange import importing
from gru_tf.interchange.keras import stock
from gru_tf.interchange.keras.stock import CALLED, FUNCTIONS, LAYERS, LAYERS_OF_KERAS_3, MODELS, OF_KERAS_3_ONLY, REFUSED

RELATIVE = 1e-5
EXAMPLES = keras_layers.ONE_INPUT | keras_layers.MERGING

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")


def classes(library):
    """The names that a file has of a library's layers: those of the classes, of which some have several names."""
    found = {name: getattr(library.layers, name) for name in dir(library.layers)}
    kinds = {name: each for name, each in found.items() if inspect.isclass(each) and issubclass(each, library.layers.Layer)}
    own = {each for name, each in kinds.items() if name == each.__name__}
    return {name for name, each in kinds.items() if name == each.__name__ or each not in own}


def test_each_layer_is_read_or_refused_with_a_reason():
    known = MODELS.keys() | REFUSED.keys()
    assert classes(keras) - LAYERS_OF_KERAS_3 - known - {"Model"} == set()
    assert classes(tf_keras) - LAYERS - CALLED.keys() - known - {"Model"} == OF_KERAS_3_ONLY.keys()
    assert LAYERS_OF_KERAS_3 - classes(keras) == set(), "names that are none"
    assert LAYERS - classes(tf_keras) == set(), "names that are none"
    assert not REFUSED.keys() & LAYERS_OF_KERAS_3


def test_each_layer_that_is_read_has_an_example():
    examples = EXAMPLES.keys() | keras_layers.OTHER | keras_layers.CELLS
    assert examples == LAYERS
    assert LAYERS_OF_KERAS_3 - keras_layers.KERAS_3.keys() - keras_layers.ALONE == LAYERS


def saved(library, name, path):
    """A model of this layer in a file, its inputs and what it computes."""
    shapes, make = (EXAMPLES | keras_layers.KERAS_3)[name]
    model = keras_layers.model(library, shapes, make)
    if name == "Normalization":
        model.layers[-1].adapt(normal(5, 8, *shapes))
    else:
        model.set_weights([normal([3, n], *w.shape) ** 2 for n, w in enumerate(model.get_weights())])
    inputs = [normal([4, n], 3, *shape) for n, shape in enumerate(shapes if isinstance(shapes, list) else [shapes])]
    if name == "Masking":
        inputs[0][:, 2:] = 0.5
    inputs = inputs if len(inputs) > 1 else inputs[0]
    model.save(path)
    return inputs, np.asarray(model(inputs))


def close(one, other):
    one, other = np.asarray(one), np.asarray(other)
    assert one.shape == other.shape
    np.testing.assert_allclose(one, other, rtol=0, atol=RELATIVE * max(1, np.abs(other).max()))


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_layer_of_keras_2_computes_the_same(tmp_path, name, suffix):
    inputs, output = saved(tf_keras, name, tmp_path / f"model.{suffix}")
    close(gru_tf.import_model(tmp_path / f"model.{suffix}", verify=True)(inputs), output)


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.parametrize("name", sorted(EXAMPLES | keras_layers.KERAS_3))
def test_a_layer_of_keras_3_computes_the_same_and_is_verified(tmp_path, name, suffix):
    path = tmp_path / f"model.{suffix}"
    inputs, output = saved(keras, name, path)
    close(gru_tf.import_model(path, verify=False)(inputs), output)
    if name in keras_layers.WITHOUT_COUNTERPART:
        refused(lambda: gru_tf.import_model(path, verify=True), f"TF-Keras has no layer {name}")
        return
    verified = importing.import_file(path, verify=True).verified
    assert verified.by.startswith("TF-Keras")
    assert verified.largest < RELATIVE


def test_layers_of_keras_3_with_calls_of_their_own(tmp_path):
    tokens = keras.Input((6,), dtype="int32")
    words = keras.layers.ReversibleEmbedding(9, 4)
    x = keras.layers.GroupQueryAttention(2, 4, 2)(words(tokens), words(tokens))
    model = keras.Model(tokens, words(x, reverse=True))
    model.save(tmp_path / "model.keras")
    imported = importing.import_file(tmp_path / "model.keras")
    inputs = np.array([[1, 2, 3, 4, 5, 8]])
    close(imported.model(inputs), model(inputs))
    assert imported.verified is None
    assert imported.unverified.startswith("TF-Keras has no layer ")


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refusal_has_its_reason(name):
    assert f"Received: '{name}'; {REFUSED[name]}" in refused(lambda: _raise(stock.not_stock("x.h5", "layer", name, LAYERS)))


def _raise(error):
    raise error


def test_functions_are_no_layers():
    assert not FUNCTIONS & LAYERS
