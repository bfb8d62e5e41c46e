"""Files of Keras 3 are verified by TF-Keras' layers with the file's own options and weights; a wrong reading is noticed."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from keras import layers, ops
from keras_2_files import normal
from refusals import refused

import gru_tf
from gru_tf.interchange import importing
from gru_tf.interchange.keras.config import ConfigRewriter
from gru_tf.interchange.keras.counterpart.activations import activations
from gru_tf.interchange.keras.file import KerasFile
from gru_tf.interchange.keras.masks import COMBINING, COMPUTING, PASSING
from gru_tf.recurrent.layers.hard_sigmoid import keras2_hard_sigmoid

T, F, H = 6, 4, 3
FLOAT32 = 1e-5

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")


def filled(model):
    """A model with weights that no initializer makes."""
    model.set_weights([normal([3, n], *w.shape) / 2 for n, w in enumerate(model.get_weights())])
    return model


def sequence_model(*inner):
    return filled(keras.Sequential([keras.Input((T, F)), *inner]))


def graph():
    """A model in the model, one layer called twice, initial states, attention, operations, several outputs."""
    inputs, state = keras.Input((None, F), name="steps"), keras.Input((H,), name="state")
    inner = keras.Sequential([keras.Input((None, F)), layers.Bidirectional(layers.LSTM(2, return_sequences=True))])
    y, last = layers.GRU(H, return_sequences=True, return_state=True)(inner(inputs), initial_state=state)
    shared = layers.Dense(H, activation="hard_sigmoid")
    attended = layers.MultiHeadAttention(2, 3)(y, y, use_causal_mask=True)
    mean = ops.mean(attended[:, -2:], axis=1) * 2.0
    cells = layers.RNN(layers.StackedRNNCells([layers.GRUCell(2), layers.LSTMCell(3)]))(y)
    return filled(keras.Model([inputs, state], [layers.Add()([shared(last), shared(mean)]), cells, attended]))


def words():
    inputs = keras.Input((None,), dtype="int32")
    x = layers.Embedding(11, F, mask_zero=True)(inputs)
    y = layers.Bidirectional(layers.GRU(H, return_sequences=True))(x)
    z = layers.Attention()([layers.TimeDistributed(layers.Dense(F))(y), x])
    return filled(keras.Model(inputs, layers.GlobalAveragePooling1D()(layers.Concatenate()([y, z]))))


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("make", [graph, words], ids=["graph", "words"])
def test_outputs_and_states_are_compared(tmp_path, make, suffix):
    path = tmp_path / f"model.{suffix}"
    make().save(path)
    verified = importing.import_file(path, verify=True).verified
    assert verified.by == f"TF-Keras {tf_keras.__version__}, from the file's own layers, options and weights"
    assert verified.states
    assert not verified.left_out
    assert verified.cases == 8
    assert verified.largest < FLOAT32


def test_it_is_verified_without_being_asked_to(tmp_path):
    sequence_model(layers.GRU(H)).save(tmp_path / "model.keras")
    assert importing.import_file(tmp_path / "model.keras").verified is not None


WRONG = {  # what a reader could make of an option
    "activation": ("sigmoid", layers.LSTM(H)),
    "go_backwards": (False, layers.GRU(H, go_backwards=True)),
    "reset_after": (True, layers.GRU(H, reset_after=False, use_bias=False)),
    "recurrent_activation": ("sigmoid", layers.GRU(H, recurrent_activation="hard_sigmoid")),
    "epsilon": (1e-3, layers.LayerNormalization(epsilon=0.3)),
    "axis": (-1, layers.Softmax(axis=1)),
    "negative_slope": (0.1, layers.LeakyReLU(0.4)),
    "merge_mode": ("sum", layers.Bidirectional(layers.GRU(H), merge_mode="ave")),
}


@pytest.mark.parametrize("key", sorted(WRONG))
def test_a_lost_option_is_noticed(tmp_path, monkeypatch, key):
    wrong, layer = WRONG[key]
    sequence_model(layer).save(tmp_path / "model.keras")
    assert importing.import_file(tmp_path / "model.keras", verify=True).verified
    own = ConfigRewriter.known

    def known(rewriter, value):
        result = own(rewriter, value)
        return result | {key: wrong} if isinstance(result, dict) and key in result else result

    monkeypatch.setattr(ConfigRewriter, "known", known)
    refused(lambda: gru_tf.import_model(tmp_path / "model.keras"), "not the same: expected what TF-Keras")


def exchanged(first, second):
    """Two parts of a matrix exchanged: gates, or directions of equal shape."""

    def exchange(model):
        arrays = model.get_weights()
        arrays[first], arrays[second] = arrays[second], arrays[first]
        model.set_weights(arrays)

    return exchange


def gates_turned(model):
    arrays = model.get_weights()
    model.set_weights([np.roll(arrays[0], H, axis=1), *arrays[1:]])


def state_zeroed(model):
    arrays = model.get_weights()
    model.set_weights([arrays[0], 0 * arrays[1], *arrays[2:]])


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("misplace", [exchanged(0, 3), gates_turned, state_zeroed], ids=["directions", "gates", "state"])
def test_misplaced_weights_are_noticed(tmp_path, monkeypatch, misplace, suffix):
    path = tmp_path / f"model.{suffix}"
    sequence_model(layers.Bidirectional(layers.GRU(H))).save(path)
    assert importing.import_file(path, verify=True).verified
    own = KerasFile.fill

    def fill(file, model):
        own(file, model)
        misplace(model)

    monkeypatch.setattr(KerasFile, "fill", fill)
    refused(lambda: gru_tf.import_model(path), "not the same: expected what TF-Keras")


@pytest.mark.parametrize("name", sorted(activations()))
def test_each_activation_is_keras_3s(name):
    x = tf.constant(np.linspace(-5, 5, 101, dtype="float32")[None])
    expected = keras2_hard_sigmoid(x) if name.endswith("keras2_hard_sigmoid") else keras.activations.get(name)(x)
    np.testing.assert_allclose(activations()[name](x), expected, rtol=0, atol=1e-6)


NOT_COMPARED = {
    "TF-Keras has no layer AdaptiveMaxPooling1D": layers.AdaptiveMaxPooling1D(2),
    "TF-Keras' MultiHeadAttention has no option use_gate=true": lambda x: layers.MultiHeadAttention(1, 2, use_gate=True)(
        x, x
    ),
    "TF-Keras has no activation 'celu'": layers.Dense(2, activation="celu"),
    "GRU computes in 'mixed_float16', too coarsely to compare": layers.GRU(2, dtype="mixed_float16"),
    "the operation Quantile has no counterpart": lambda x: ops.quantile(x, 0.5, axis=1),
    "TF-Keras has no layer gru_tf>RecurrentStack": gru_tf.stacked("gru", [2, 2]),
}


@pytest.mark.parametrize("words", NOT_COMPARED)
def test_what_has_no_counterpart_is_named_and_read_without_verification(tmp_path, words):
    inputs = keras.Input((T, F))
    keras.Model(inputs, NOT_COMPARED[words](inputs)).save(tmp_path / "model.keras")
    refused(lambda: gru_tf.import_model(tmp_path / "model.keras", verify=True), "expected it to be verified", words)
    imported = importing.import_file(tmp_path / "model.keras")
    assert imported.verified is None
    assert words in imported.unverified


def test_outputs_by_name_are_read_and_not_compared(tmp_path):
    inputs = keras.Input((T, F))
    keras.Model(inputs, {"mean": ops.mean(inputs, 1), "last": layers.GRU(2)(inputs)}).save(tmp_path / "model.keras")
    imported = importing.import_file(tmp_path / "model.keras")
    assert imported.unverified == "a model with inputs or outputs by name is not compared"
    assert imported.model(normal(1, 2, T, F)).keys() == {"mean", "last"}


def test_a_free_length_is_compared_where_the_model_computes_it(tmp_path):
    model = keras.Sequential([keras.Input((None, F)), layers.Conv1D(4, 5), layers.MaxPooling1D(2), layers.GRU(H)])
    filled(model).save(tmp_path / "model.keras")
    assert importing.import_file(tmp_path / "model.keras", verify=True).verified.cases == 4  # of 7 and 30 steps
    old = tf_keras.layers
    model = tf_keras.Sequential([tf_keras.Input((None, F)), old.Conv1D(4, 41), old.GRU(H)])
    model.save(tmp_path / "model.h5")
    assert importing.import_file(tmp_path / "model.h5", verify=True).verified.cases == 2


# --- masks ---


def masked(library, make):
    """Two sequences of words with masks, called together, and what reads the mask of the result."""
    inputs = [library.Input((T,), dtype="int32") for _ in range(2)]
    embedding = library.layers.Embedding(9, F, mask_zero=True)
    y = make(library.layers, *map(embedding, inputs))
    model = library.Model(inputs, [library.layers.GlobalAveragePooling1D()(y), library.layers.GRU(H)(y)])
    model.set_weights([w if w.ndim == 0 else abs(normal([3, n], *w.shape)) for n, w in enumerate(model.get_weights())])
    return model


TREATED = {
    **{name: lambda of, x, y, name=name: getattr(of, name)()([x, y]) for name in COMBINING | COMPUTING},
    **{name: lambda of, x, _, name=name: getattr(of, name)(*([0.5] if name == "Rescaling" else []))(x) for name in PASSING},
}


@pytest.mark.parametrize("name", sorted(TREATED))
def test_masks_that_keras_3_treats_otherwise_than_keras_2_are_noticed(tmp_path, name):
    masked(tf_keras, TREATED[name]).save(tmp_path / "old.keras")
    refused(lambda: gru_tf.import_model(tmp_path / "old.keras"), "not the same")
    notes = importing.import_file(tmp_path / "old.keras", verify=False).notes
    assert any("Keras 3 treats masks otherwise than Keras 2 in '" in note and f"({name})" in note for note in notes)
    masked(keras, TREATED[name]).save(tmp_path / "new.keras")
    imported = importing.import_file(tmp_path / "new.keras")
    assert not imported.notes
    if name in COMPUTING:
        assert "Keras 3 treats masks otherwise in" in imported.unverified
    else:
        assert imported.verified.largest < FLOAT32


def test_attention_after_doubtful_masks_is_not_compared(tmp_path):
    masked(keras, lambda of, x, y: of.Attention()([of.Add()([x, y]), of.Add()([x, y])])).save(tmp_path / "model.keras")
    assert "Keras 3 treats masks otherwise in Attention" in importing.import_file(tmp_path / "model.keras").unverified


def test_one_mask_of_several_layers_is_the_same_in_both(tmp_path):
    def residual(of, x, _):
        return of.Add()([x, of.GRU(F, return_sequences=True)(x)])

    for library in (keras, tf_keras):
        masked(library, residual).save(tmp_path / "model.keras")
        imported = importing.import_file(tmp_path / "model.keras", verify=True)
        assert imported.verified.largest < FLOAT32
        assert not imported.notes


def test_a_mean_of_whole_numbers_is_refused(tmp_path):
    inputs = tf_keras.Input((T,), dtype="int32")
    tf_keras.Model(inputs, tf.reduce_mean(inputs, axis=1)).save(tmp_path / "old.keras")
    refused(lambda: gru_tf.import_model(tmp_path / "old.keras"), "math.reduce_mean: expected numbers that are not whole")
