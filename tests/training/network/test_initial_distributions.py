"""Initial values from one distribution: of which, of what weights, and from what seed."""

import keras
import numpy as np
import pytest
from keras.src.utils import naming
from pydantic import ValidationError
from scipy import stats

from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent.cells import CELLS
from gru_tf.tasks import Signature
from gru_tf.training.network import initial_distributions
from gru_tf.training.network.model import build
from gru_tf.training.network.resolution import resolve

WORDS = Signature(timesteps=5, features=12, outputs=40, target="class", tokens=40, per_step=True, causal=True)
NUMBERS = Signature(timesteps=5, features=3, outputs=4, target="value")


def weights(model, cell="lstm", options=None, signature=WORDS, seed=3):
    """Path of each weight of a new network → its values."""
    keras.utils.set_random_seed(0)  # each layer's own values
    naming.reset_uids()  # the same layers have the same names
    spec = ModelSpec(units=20, **model)
    network = build(resolve(spec, signature, CELLS.find(cell), options or {}))
    initial_distributions.draw(network, spec, options or {}, seed)
    return {weight.path: weight.numpy() for weight in network.trainable_variables}


def pooled(drawn):
    return np.concatenate([values.ravel() for values in drawn.values()])


def test_uniform_is_of_every_weight_biases_included():
    drawn = weights({"initial": "uniform", "initial_scale": 0.1, "layers": 2})
    assert len(drawn) == 9
    for path, values in drawn.items():
        assert stats.kstest(values.ravel(), stats.uniform(-0.1, 0.2).cdf).pvalue > 1e-3, path
    assert stats.kstest(pooled(weights({"layers": 2})), stats.uniform(-0.1, 0.2).cdf).pvalue < 1e-9, "not so by itself"


def test_normal_is_of_its_deviation():
    drawn = pooled(weights({"initial": "normal", "initial_scale": 0.02}))
    assert stats.kstest(drawn, stats.norm(0, 0.02).cdf).pvalue > 1e-3
    assert stats.kstest(drawn, stats.norm(0, 0.025).cdf).pvalue < 1e-6


@pytest.mark.parametrize(
    ("initial", "variance"),
    [
        ("lecun_uniform", lambda rows, columns: 1 / rows),
        ("lecun_normal", lambda rows, columns: 1 / rows),
        ("he_uniform", lambda rows, columns: 2 / rows),
        ("he_normal", lambda rows, columns: 2 / rows),
        ("glorot_uniform", lambda rows, columns: 2 / (rows + columns)),
        ("glorot_normal", lambda rows, columns: 2 / (rows + columns)),
    ],
)
def test_others_are_of_keras_variance_and_leave_biases(initial, variance):
    drawn, plain = weights({"initial": initial}), weights({})
    for path, values in drawn.items():
        if path.endswith("bias"):
            np.testing.assert_array_equal(values, plain[path])
        else:
            assert values.var() == pytest.approx(variance(*values.shape), rel=0.15), path
            assert (values != plain[path]).mean() > 0.99


def test_biases_can_be_kept():
    drawn = weights({"initial": "uniform", "initial_scale": 0.1, "keep_biases": True})
    bias = next(values for path, values in drawn.items() if path.endswith("lstm_cell/bias"))
    np.testing.assert_array_equal(bias, np.repeat([0.0, 1.0, 0.0, 0.0], 20))


def test_an_irnn_begins_as_its_paper_says():
    model = {"initial": "normal", "initial_scale": 0.001, "keep_biases": True}
    drawn = weights(model, "rnn", {"activation": "relu", "recurrent_start": "identity"}, NUMBERS)
    of = {path.rpartition("/")[2] if "cell" in path else path: values for path, values in drawn.items()}
    np.testing.assert_array_equal(of["recurrent_kernel"], np.eye(20))
    assert not of["bias"].any()
    assert not of["head/bias"].any()
    drawn_here = np.concatenate([of["kernel"].ravel(), of["head/kernel"].ravel()])
    assert stats.kstest(drawn_here, stats.norm(0, 0.001).cdf).pvalue > 1e-3


def test_a_seed_draws_its_own_values_and_each_weight_others():
    model = {"initial": "uniform", "initial_scale": 0.1, "layers": 3}
    one, same, other = (weights(model, seed=seed) for seed in (3, 3, 4))
    assert all((one[path] == same[path]).all() and (one[path] != other[path]).all() for path in one)
    deep = [values for path, values in one.items() if path.endswith("recurrent_kernel")]
    assert (deep[1] != deep[2]).all()


def test_the_linear_path_and_gains_are_left():
    forecast = Signature(timesteps=5, features=1, outputs=2, target="value", continued=(0,))
    model = {"initial": "normal", "initial_scale": 0.3, "linear_path": 2, "layer_norm": True}
    drawn = weights(model, "layer_norm_gru", {}, forecast)
    assert not drawn["linear_path/kernel"].any()
    assert (drawn["norm_0/gamma"] == 1).all()
    gains = [values for path, values in drawn.items() if "gain" in path]
    assert len({values.min() for values in gains} | {values.max() for values in gains}) == 1


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"initial": "uniform"}, "expected 'initial_scale' together with 'initial: uniform'"),
        ({"initial_scale": 0.1}, "expected 'initial_scale' together with 'initial: uniform' or 'initial: normal' alone"),
        ({"initial": "glorot_normal", "keep_biases": True}, "expected 'keep_biases' together with"),
    ],
)
def test_what_would_not_be_read_is_refused(model, words):
    with pytest.raises(ValidationError, match=words):
        ModelSpec(units=3, **model)


@pytest.mark.parametrize(("option", "value"), [("forget_bias", 0.0), ("longest", 9)])
def test_two_ways_for_biases_to_begin_are_refused(option, value):
    spec = ModelSpec(units=3, initial="uniform", initial_scale=0.1)
    with pytest.raises(UserError, match=rf"^model\.initial: received 'uniform'.*keep_biases: true.*no {option} of lstm"):
        resolve(spec, NUMBERS, CELLS.find("lstm"), {option: value})
    resolve(spec.but(keep_biases=True), NUMBERS, CELLS.find("lstm"), {option: value})


def test_what_a_cell_says_of_its_own_recurrent_weights_stays():
    """An IndRNN's `longest`, which is of no bias, so that biases may be drawn beside it."""
    model = {"initial": "normal", "initial_scale": 0.01}
    kept, drawn = (weights(model, "indrnn", options, NUMBERS) for options in ({"longest": 4}, {}))
    u = next(path for path in kept if path.endswith("recurrent_kernel"))
    assert kept[u].max() > 0.5
    assert np.abs(drawn[u]).max() < 0.05
    assert all(values.any() for path, values in kept.items() if path.endswith("bias")), "drawn, beside `longest`"


@pytest.mark.parametrize(
    ("cell", "ends", "vectors"),
    [
        ("sru", ("kernel", "highway_kernel"), ("recurrent_kernel",)),
        ("lru", ("kernel", "output_kernel", "skip_kernel"), ()),
        ("indrnn", ("kernel",), ("recurrent_kernel",)),
    ],
)
def test_all_matrices_of_a_cell_are_drawn_and_vectors_where_they_have_a_deviation(cell, ends, vectors):
    plain = {path.rpartition("/")[2]: values for path, values in weights({}, cell, {}, NUMBERS).items() if "cell" in path}
    uniform = {"initial": "uniform", "initial_scale": 0.01}
    for model, changed in (({"initial": "he_normal"}, ends), (uniform, ends + vectors)):
        drawn = {
            path.rpartition("/")[2]: values for path, values in weights(model, cell, {}, NUMBERS).items() if "cell" in path
        }
        for name, values in drawn.items():
            differs = (values != plain[name]).any() and name != "bias"
            assert differs == (name in changed), name


def test_the_vector_of_additive_attention_is_drawn():
    signature = Signature(5, 4, 9, "class", tokens=7, varying=True, decoded=6)
    drawn = weights({"initial": "normal", "initial_scale": 1e-3, "attention": "additive"}, "gru", {}, signature)
    v = next(values for path, values in drawn.items() if path.endswith("attention/scale"))
    assert 0 < np.abs(v).max() < 0.01
