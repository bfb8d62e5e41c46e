"""Tied embeddings: one matrix for words read and words predicted, in size, function, gradient and file."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent.cells import CELLS
from gru_tf.tasks import Signature
from gru_tf.training.network import budget
from gru_tf.training.network.dense import HeldDense
from gru_tf.training.network.model import build, loss
from gru_tf.training.network.resolution import resolve

TOKENS, WIDTH, STEPS = 11, 6, 5
WORDS = Signature(timesteps=STEPS, features=WIDTH, outputs=TOKENS, target="class", tokens=TOKENS, per_step=True, causal=True)
TIED = ModelSpec(units=WIDTH, layers=2, tied=True)
IDS = np.random.default_rng(0).integers(0, TOKENS, (3, STEPS)).astype("int32")


def network(spec=TIED, dense=HeldDense):
    keras.utils.set_random_seed(2)
    model = build(resolve(spec, WORDS, CELLS.find("lstm"), {}), dense=dense)
    model.get_layer("embedding").embeddings.assign(np.random.default_rng(1).normal(size=(TOKENS, WIDTH)))
    return model


@pytest.mark.parametrize("dense", [HeldDense, keras.layers.Dense])
def test_logits_are_products_with_the_embedding(dense):
    model = network(dense=dense)
    below = keras.Model(model.input, [layer for layer in model.layers if isinstance(layer, keras.layers.RNN)][-1].output)
    matrix = model.get_layer("embedding").embeddings.numpy().astype("float64")
    np.testing.assert_allclose(model(IDS), below(IDS).numpy() @ matrix.T, atol=1e-5)
    assert np.abs(model(IDS) - below(IDS).numpy() @ np.roll(matrix, 1, 0).T).max() > 0.1


def test_the_matrix_is_counted_once_and_there_is_no_bias():
    model, size = network(), budget.solve(CELLS.find("lstm"), {}, WORDS, TIED)
    assert model.count_params() == size.parameters == TOKENS * WIDTH + size.recurrent_parameters
    plain = budget.solve(CELLS.find("lstm"), {}, WORDS, TIED.but(tied=False))
    assert plain.parameters - size.parameters == (WIDTH + 1) * TOKENS


def test_its_gradient_is_the_sum_of_both_uses():
    model, plain = network(), network(TIED.but(tied=False))
    of_time = model.get_weights()[1:]
    matrix = model.get_weights()[0]
    plain.set_weights([matrix, *of_time, matrix.T, np.zeros(TOKENS)])

    def gradients(one):
        with tf.GradientTape() as tape:
            mean = tf.reduce_mean(loss(WORDS, tf.constant(IDS[:, ::-1]), one(IDS)))
        return [tf.convert_to_tensor(g).numpy() for g in tape.gradient(mean, [v.value for v in one.trainable_variables])]

    tied, (read, *_, predicted, _) = gradients(model)[0], gradients(plain)
    np.testing.assert_allclose(tied, read + predicted.T, atol=1e-6)
    assert min(np.abs(read).max(), np.abs(predicted).max()) > 1e-3, "each of them counts"


def test_a_saved_one_has_keras_layers_alone_and_stays_tied(tmp_path):
    model = build(resolve(TIED, WORDS, CELLS.find("lstm"), {}), ordinary=True)
    model.save(tmp_path / "tied.keras")
    loaded = keras.models.load_model(tmp_path / "tied.keras")
    np.testing.assert_array_equal(loaded(IDS), model(IDS))
    assert type(loaded.get_layer("embedding")) is keras.layers.ReversibleEmbedding
    assert loaded.count_params() == model.count_params()
    before = loaded(IDS).numpy()
    loaded.get_layer("embedding").embeddings.assign_add(np.ones((TOKENS, WIDTH)))
    still = [layer for layer in loaded.layers if layer.weights]
    assert len(still) == 3
    assert np.abs(loaded(IDS) - before).max() > 1e-3


@pytest.mark.parametrize(
    ("signature", "model", "words"),
    [
        (Signature(timesteps=5, features=6, outputs=4, target="class"), {}, "this task has no tokens"),
        (Signature(timesteps=5, features=6, outputs=4, target="class", tokens=11), {}, "11 tokens and 4 outputs"),
        (WORDS, {"units": 5}, r"outputs as wide as the embedding, 6: set model\.units.*Received: 5 of 5 lstm units"),
        (WORDS, {"units": None, "parameters": 4000}, "outputs as wide as the embedding, 6"),
    ],
)
def test_what_cannot_be_tied_is_refused(signature, model, words):
    with pytest.raises(UserError, match=rf"^model\.tied: received true, .*{words}"):
        resolve(ModelSpec(**{"units": 6, "tied": True, **model}), signature, CELLS.find("lstm"), {})


def test_a_projection_makes_any_cell_as_wide():
    spec = ModelSpec(units=9, tied=True)
    sized = resolve(spec, WORDS, CELLS.find("lstm"), {"projection": WIDTH})
    assert build(sized).count_params() == sized.size.parameters
