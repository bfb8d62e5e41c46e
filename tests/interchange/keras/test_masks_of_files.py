"""Masks of Keras files: read as Keras 2 computes them, or noticed where Keras 3 computes others.

What is compared with: TF-Keras, which is Keras 2, on sequences with masked steps.
"""

from contextlib import nullcontext

import keras
import numpy as np
import pytest
import tf_keras
from keras_2_files import normal

from gru_tf.interchange import importing
from gru_tf.interchange.keras import masks_with_states

FLOAT32 = 3e-6
MOVED = 1e-3  # far beyond
T, F, H = 6, 4, 5
old = tf_keras.layers

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")

X = normal(1, 3, T, F)
PADDED = X.copy()
PADDED[0, 3:], PADDED[1, 2], PADDED[1, :1] = 0, 0, 0  # padded on the right, gaps, on the left
TOKENS = np.array([[1, 2, 3, 0, 0, 0], [4, 4, 0, 6, 1, 2], [1, 2, 3, 4, 5, 6]])


def saved(path, model):
    """The model's file, with weights that no initializer makes; a folder where the path has no ending."""
    model.set_weights([normal([3, n], *weight.shape) ** 2 * 0.5 for n, weight in enumerate(model.get_weights())])
    model.save(path, **({} if path.suffix else {"save_format": "tf"}))
    return path


def differ(own, other, inputs):
    return np.abs(np.asarray(own(inputs, training=False)) - np.asarray(other(inputs, training=False))).max()


def of(build):
    inputs = tf_keras.Input((None, F))
    return tf_keras.Model(inputs, build(inputs))


# --- initial states ---


def states_of_the_layer_before():
    inputs = tf_keras.Input((None, F))
    y, state = old.GRU(H, return_sequences=True, return_state=True)(old.Masking()(inputs))
    return tf_keras.Model(inputs, old.GRU(H)(y, initial_state=state)), PADDED


def a_state_of_its_own():
    inputs, state = tf_keras.Input((None, F)), tf_keras.Input((H,))
    outputs = old.SimpleRNN(H, return_sequences=True)(old.Masking()(inputs), initial_state=state)
    return tf_keras.Model([inputs, state], old.LSTM(3)(outputs)), [PADDED, normal(2, 3, H)]


def encoder_and_decoder():
    source, target = tf_keras.Input((None, F)), tf_keras.Input((None, F))
    _, *states = old.LSTM(H, return_state=True)(old.Masking()(source))
    y = old.LSTM(H, return_sequences=True)(old.Masking()(target), initial_state=states)
    return tf_keras.Model([source, target], old.GRU(3)(y)), [PADDED, PADDED[::-1]]


def of_words():
    source, target = (tf_keras.Input((None,), dtype="int32") for _ in range(2))
    _, *states = old.LSTM(H, return_state=True)(old.Embedding(9, F, mask_zero=True)(source))
    y = old.LSTM(H, return_sequences=True)(old.Embedding(9, F, mask_zero=True)(target), initial_state=states)
    return tf_keras.Model([source, target], old.GRU(3)(y)), [TOKENS, TOKENS[::-1]]


def both_directions():
    inputs = tf_keras.Input((None, F))
    masked = old.Masking()(inputs)
    _, forward, backward = old.Bidirectional(old.GRU(H, return_state=True))(masked)
    return tf_keras.Model(inputs, old.Bidirectional(old.GRU(H))(masked, initial_state=[forward, backward])), PADDED


WITH_STATES = [states_of_the_layer_before, a_state_of_its_own, encoder_and_decoder, of_words, both_directions]


@pytest.mark.parametrize("make", WITH_STATES)
def test_a_layer_with_initial_states_keeps_the_mask_of_its_sequence(tmp_path, make):
    expected, inputs = make()
    imported = importing.import_file(saved(tmp_path / "model.h5", expected))
    assert differ(imported.model, expected, inputs) < FLOAT32
    assert imported.verified is not None
    imported.model.save(tmp_path / "again.keras")
    assert differ(keras.saving.load_model(tmp_path / "again.keras"), expected, inputs) < FLOAT32


@pytest.mark.parametrize("ending", [".keras", ""])
def test_so_it_does_in_the_other_formats_of_keras_2(tmp_path, ending):
    expected, inputs = states_of_the_layer_before()
    imported = importing.import_file(saved(tmp_path / f"model{ending}", expected))
    assert differ(imported.model, expected, inputs) < FLOAT32


@pytest.mark.parametrize("make", WITH_STATES[:2])
def test_without_the_mask_the_numbers_are_others(tmp_path, monkeypatch, make):
    monkeypatch.setattr(masks_with_states, "stated", nullcontext)
    expected, inputs = make()
    imported = importing.import_file(saved(tmp_path / "model.h5", expected), verify=False)
    assert differ(imported.model, expected, inputs) > MOVED


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
def test_the_layer_is_named_where_its_model_gets_the_mask_from_outside(tmp_path):
    inner = tf_keras.Input((None, F))
    y, state = old.GRU(F, return_sequences=True, return_state=True)(inner)
    model = tf_keras.Model(inner, old.GRU(H, name="second")(y, initial_state=old.Dense(H)(state)))
    path = saved(tmp_path / "model.h5", of(lambda inputs: model(old.Masking()(inputs))))
    (warning,) = importing.import_file(path, verify=False).notes
    assert "Keras 3 treats masks otherwise than Keras 2 in 'second' (GRU)" in warning
