"""Masks of Keras files: read as Keras 2 computes them, or noticed where Keras 3 computes others.

What is compared with: TF-Keras, which is Keras 2, on sequences with masked steps.
"""

from contextlib import nullcontext

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from keras_2_files import normal

from gru_tf import UserError
from gru_tf.interchange import importing, random_inputs
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


# --- differences are noticed ---

OTHERWISE = {  # models that Keras 3 makes other models of
    "rescaling": lambda x: old.Rescaling(0.5)(old.Masking()(x)),
    "add": lambda x: old.Add()([old.Masking()(x), x]),
    "multiply": lambda x: old.Multiply()([old.Masking()(x), x]),
    "average": lambda x: old.Average()([old.Masking()(x), old.Masking(1.0)(x)]),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_where_keras_3_masks_otherwise_the_comparison_notices_it(tmp_path, name):
    path = saved(tmp_path / "model.h5", of(lambda inputs: old.GRU(H)(OTHERWISE[name](inputs))))
    said = rf"not the same: .*; Keras 3 treats masks otherwise than Keras 2 in '{name}\w*' \({name.title()}\): in the source"
    with pytest.raises(UserError, match=said):
        importing.import_file(path)


def test_the_mask_of_one_of_two_embeddings_is_named_and_the_advice_helps(tmp_path):
    def added(stated):
        tokens = tf_keras.Input((None,), dtype="int32")
        masked = old.Embedding(9, F, mask_zero=True)
        x = old.Add()([masked(tokens), old.Embedding(9, F)(tokens)])
        return tf_keras.Model(tokens, old.GRU(H)(x, **({"mask": tf.not_equal(tokens, 0)} if stated else {})))

    with pytest.raises(UserError, match=r"not the same: .* in 'add\w*' \(Add\): in the source, give the layers after it"):
        importing.import_file(saved(tmp_path / "model.h5", added(stated=False)))
    expected = added(stated=True)
    assert differ(importing.import_model(saved(tmp_path / "stated.h5", expected)), expected, TOKENS) < FLOAT32


def test_so_it_does_with_the_one_batch_of_a_fixed_shape(tmp_path):
    inputs = tf_keras.Input(batch_shape=(1, T, F))
    path = saved(tmp_path / "model.h5", tf_keras.Model(inputs, old.GRU(H)(OTHERWISE["rescaling"](inputs))))
    with pytest.raises(UserError, match="not the same"):
        importing.import_file(path)


@pytest.mark.parametrize("value", [0.0, -1.5])
def test_a_model_that_masks_is_compared_on_masked_steps(tmp_path, value):
    expected = of(lambda inputs: old.LSTM(H)(old.Masking(value)(inputs)))
    imported = importing.import_file(saved(tmp_path / "model.h5", expected))
    assert imported.verified is not None
    assert not imported.verified.uncovered
    assert differ(imported.model, expected, np.where(PADDED == 0, np.float32(value), PADDED)) < FLOAT32


def test_a_mask_that_no_input_has_is_said_to_be_not_covered(tmp_path):
    path = saved(tmp_path / "model.h5", of(lambda inputs: old.GRU(H)(old.Masking(7.0, name="late")(old.Dense(3)(inputs)))))
    assert "not covered: steps that 'late' masks" in str(importing.import_file(path).verified)


def test_steps_are_masked_anywhere_but_not_all_of_them():
    inputs = keras.Input((None, F))
    model = keras.Model(inputs, keras.layers.Masking(3.0)(inputs))
    rng = np.random.default_rng(0)
    for steps in (2, 7):
        masked = np.all(random_inputs.of_model(model, 30, steps, rng)[inputs.name] == 3, axis=-1)
        assert not masked.all(axis=1).any()
        assert masked[::3].any(axis=1).all()
        assert masked[1::3, -1].all()
        assert not masked[2::3].any()
    assert not np.any(next(iter(random_inputs.of_model(model, 3, 7, rng, padded=False).values())) == 3)


def test_a_mask_that_the_graph_computes_has_its_steps():
    inputs = keras.Input((None, F))
    mask = keras.ops.any(keras.ops.not_equal(inputs, 2.0), axis=-1)
    model = keras.Model(inputs, keras.layers.GRU(H)(inputs, mask=mask))
    drawn = random_inputs.of_model(model, 3, T, np.random.default_rng(0))[inputs.name]
    assert np.all(drawn == 2, axis=-1).any()


# --- names ---


@pytest.mark.parametrize("name", ["concatenate", "any", "not_equal"])
def test_layers_may_be_called_like_the_operations_of_masks(tmp_path, name):
    keras.backend.clear_session()  # so that Keras names its first operations without a number
    inputs = tf_keras.Input((None, F))
    masked = old.Masking()(inputs)
    both = old.Concatenate(name=name)([masked, old.Masking()(inputs)])
    expected = tf_keras.Model(inputs, old.GRU(H)(both))
    imported = importing.import_file(saved(tmp_path / "model.h5", expected))
    assert imported.verified is not None
    assert differ(imported.model, expected, PADDED) < FLOAT32
    imported.model.save(tmp_path / "again.keras")
    assert differ(keras.saving.load_model(tmp_path / "again.keras"), expected, PADDED) < FLOAT32
