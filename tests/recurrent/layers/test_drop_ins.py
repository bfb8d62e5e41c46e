"""`gru_tf.LSTM` and `gru_tf.SimpleRNN` in the place of Keras' layers: the same arguments, weights and numbers; mistakes.

test_gru.py is the same for `gru_tf.GRU`, and test_fused_layers.py has what all three compute by their kernels.
"""

import inspect
import json
import unittest
import warnings
from unittest.mock import patch

import keras
import keras.src.layers
import numpy as np
import pytest
import tensorflow as tf
from keras_masks import one_rule

import gru_tf
from gru_tf import GRU, LSTM, SimpleRNN, portable

BATCH, STEPS, FEATURES, UNITS = 4, 4, 3, 5
CLOSE = {"rtol": 0, "atol": 3e-6}
PAIRS = {"LSTM": (LSTM, keras.layers.LSTM), "SimpleRNN": (SimpleRNN, keras.layers.SimpleRNN)}
OWN_TESTS = {"LSTM": "lstm_test", "SimpleRNN": "simple_rnn_test"}
MASK = np.array([[1, 0, 1, 1], [0, 1, 0, 1], [1, 0, 0, 0], [1, 0, 1, 0]], bool)
REGULARIZED = {"kernel_regularizer": "l2", "recurrent_regularizer": "l1", "bias_regularizer": "l2"}
OPTIONS = [
    {},
    {"return_sequences": True, "return_state": True, "go_backwards": True},
    {"unroll": True, "return_sequences": True},
    {"use_bias": False, "zero_output_for_mask": True},
    {"activation": "relu"},
    REGULARIZED,
    {"dropout": 0.4, "seed": 3, "return_sequences": True},
    {"recurrent_dropout": 0.4, "seed": 3, "return_sequences": True},
    {"dropout": 0.3, "recurrent_dropout": 0.4, "seed": 3, "unroll": True},
    {"dtype": "float64"},
    {"trainable": False},
]
OF_LSTM = [
    {"recurrent_activation": "hard_sigmoid"},
    {"unit_forget_bias": False},
    {"use_cudnn": False, "activity_regularizer": "l2"},
    {"recurrent_dropout": 0.4, "seed": 3, "use_cudnn": False},
]
BY_GATE = {"dropout": 0.5, "seed": 3, "implementation": 1}  # which Keras' own LSTM cannot compute
CASES = [(name, options) for name in PAIRS for options in OPTIONS] + [("LSTM", options) for options in OF_LSTM]


@pytest.fixture
def under_one_rule():
    """For what stands before a row's first real step."""
    with one_rule():
        yield


def sequence():
    return np.random.default_rng(1).normal(size=(BATCH, STEPS, FEATURES)).astype("float32")


def states(name):
    rng = np.random.default_rng(2)
    return [rng.normal(size=(BATCH, UNITS)).astype("float32") for _ in range(2 if name == "LSTM" else 1)]


def pair(name, **options):
    """Our layer and Keras', built, with the same random weights."""
    layers = [make(UNITS, **options) for make in PAIRS[name]]
    for layer in layers:
        rng = np.random.default_rng(3)
        layer.build((BATCH, STEPS, FEATURES))
        layer.set_weights([rng.normal(scale=0.6, size=w.shape) if "float" in w.dtype else w for w in layer.weights])
    return layers


def outcome(layer, **call):
    """Everything that a training call gives: outputs and states, losses, and the gradient of each weight."""
    with tf.GradientTape() as tape:
        values = keras.tree.flatten(layer(sequence(), training=True, **call))
        total = tf.add_n([tf.reduce_sum(v * v) for v in values] + [tf.cast(loss, values[0].dtype) for loss in layer.losses])
    gradients = tape.gradient(total, layer.trainable_weights)
    return [np.array(v) for v in (*values, *layer.losses, *gradients)]


def assert_same(actual, expected):
    assert len(actual) == len(expected)
    for a, b in zip(actual, expected, strict=True):
        scale = max(1.0, np.abs(b).max())  # gradients add up over the steps
        np.testing.assert_allclose(a / scale, b / scale, **CLOSE)


def identify(value):
    return value if isinstance(value, str) else ",".join(f"{k}={v}" for k, v in value.items()) or "defaults"


@pytest.mark.usefixtures("under_one_rule")
@pytest.mark.parametrize(("name", "options"), CASES, ids=identify)
def test_outputs_states_losses_and_gradients_are_keras_own(name, options):
    for call in ({}, {"mask": tf.constant(MASK), "initial_state": states(name)}):
        ours, theirs = pair(name, **options)
        assert_same(outcome(ours, **call), outcome(theirs, **call))
        assert_same([np.array(ours(sequence(), training=True, **call)[0])] * 2, outcome_again(theirs, call))


def outcome_again(layer, call):
    """The first output of the next training call, twice: dropout is drawn anew, in the same order."""
    return [np.array(layer(sequence(), training=True, **call)[0])] * 2


@pytest.mark.parametrize("name", PAIRS)
def test_without_a_kernel_the_numbers_are_keras_own_to_the_bit(name):
    """Where there is no fused kernel; but for the LSTM's bias, which Keras adds after the product with the state."""
    ours, theirs = pair(name, return_sequences=True)
    with portable():
        for a, b in zip(outcome(ours), outcome(theirs), strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-6 if name == "LSTM" else 0)


def test_without_a_kernel_a_gru_s_numbers_are_keras_own_to_the_bit():
    for options in ({}, {"reset_after": False}):
        layers = [make(UNITS, return_sequences=True, seed=1, **options) for make in (GRU, keras.layers.GRU)]
        for layer in layers:
            rng = np.random.default_rng(3)
            layer.build((BATCH, STEPS, FEATURES))
            layer.set_weights([rng.normal(scale=0.6, size=w.shape) if "float" in w.dtype else w for w in layer.weights])
        with portable():
            np.testing.assert_array_equal(*(layer(sequence()) for layer in layers))


@pytest.mark.parametrize("name", [*PAIRS, "GRU"])
def test_the_same_seed_gives_the_same_initial_weights_names_and_paths(name):
    found = []
    for make in (getattr(gru_tf, name), getattr(keras.layers, name)):
        keras.utils.set_random_seed(7)
        keras.src.utils.naming.reset_uids()
        model = keras.Sequential([keras.Input((None, FEATURES)), make(UNITS, return_sequences=True), make(UNITS)])
        found.append([(w.path, w.name, w.dtype, np.array(w)) for w in model.weights])
    for (*ours, mine), (*theirs, other) in zip(*found, strict=True):
        assert ours == theirs
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("forget", [True, False])
def test_a_bias_is_drawn_as_keras_draws_it(forget):
    found = []
    for make in (LSTM, keras.layers.LSTM):
        layer = make(UNITS, bias_initializer=keras.initializers.RandomNormal(seed=3), unit_forget_bias=forget)
        layer.build((None, None, FEATURES))
        found.append(np.array(layer.cell.bias))
    np.testing.assert_array_equal(*found)


# --- what the backend's kernel does not have ---


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_a_backend_s_kernel_is_not_asked_for_zoneout(name, monkeypatch):
    def kernel(*_, **__):
        raise AssertionError("called")

    monkeypatch.setattr(keras.src.backend, name.lower(), kernel)
    with portable():
        with pytest.raises(AssertionError, match="called"):
            getattr(gru_tf, name)(UNITS)(sequence())
        for training in (False, True):
            getattr(gru_tf, name)(UNITS, zoneout=0.2)(sequence(), training=training)
        with pytest.raises(ValueError, match=r"use_cudnn=True expected .*Received: zoneout=0.2, cuDNN has none"):
            getattr(gru_tf, name)(UNITS, zoneout=0.2, use_cudnn=True)(sequence())


# --- Keras' own tests ---


def keras_own_tests(name, layer, start="test_"):
    """Keras' tests of its layer that are for every backend, with `layer` in its place."""
    tests = pytest.importorskip(f"keras.src.layers.rnn.{OWN_TESTS[name]}", reason="wheels before Keras 3.15 have no tests")
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(getattr(tests, f"{name}Test"))
    names = [(test, test.id().rpartition(".")[2]) for test in suite]
    suite = unittest.TestSuite(test for test, found in names if found.startswith(start) and "torch" not in found)
    with patch.object(keras.src.layers, name, layer), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs, of their training loop
        result = unittest.TestResult()
        suite.run(result)
    return result


@pytest.mark.parametrize("name", PAIRS)
def test_keras_own_tests_pass_with_its_class_replaced(name):
    result = keras_own_tests(name, PAIRS[name][0])
    assert result.testsRun >= 5
    assert result.failures + result.errors == []
    with patch.object(PAIRS[name][0], "call", autospec=True, side_effect=PAIRS[name][0].call) as called:
        keras_own_tests(name, PAIRS[name][0], "test_correctness")
    assert called.call_count >= 3


@pytest.mark.parametrize("name", PAIRS)
def test_keras_own_tests_fail_with_another_function(name):
    class Halved(PAIRS[name][0]):
        def call(self, *args, **options):
            return 0.9 * super().call(*args, **options)

    result = keras_own_tests(name, Halved, "test_correctness")
    assert result.testsRun == len(result.failures) + len(result.errors) >= 1


# --- the rest of the contract ---


@pytest.mark.parametrize("name", PAIRS)
def test_the_constructor_is_keras_own(name):
    ours, theirs = (inspect.signature(layer.__init__).parameters for layer in PAIRS[name])
    assert list(ours) == list(theirs)
    assert {name: p.default for name, p in ours.items()} == {name: p.default for name, p in theirs.items()}


@pytest.mark.parametrize(("name", "options"), [*CASES, ("LSTM", BY_GATE)], ids=identify)
def test_configuration_goes_round(name, options):
    make, stock = PAIRS[name]
    layer = make(UNITS, **options)
    config = json.loads(json.dumps(layer.get_config()))
    again = make.from_config(config)
    assert again.get_config() == layer.get_config()
    assert set(stock(UNITS).get_config()) <= set(config)
    assert again.cell.seed == options.get("seed")
    if name == "LSTM":
        assert (again.use_cudnn, again.implementation) == (layer.use_cudnn, layer.implementation)
        assert again.implementation == (1 if "recurrent_dropout" in options else options.get("implementation", 2))
    theirs = stock(UNITS, **options).get_config()
    assert make.from_config({k: v for k, v in theirs.items() if k != "name"}).units == UNITS, "an old file's configuration"


def test_a_dropout_mask_of_its_own_for_each_gate():
    one, four = (LSTM(UNITS, **{**BY_GATE, "implementation": n}, kernel_initializer="ones") for n in (2, 1))
    outputs = [layer(sequence(), training=True).numpy() for layer in (one, four)]
    assert np.isfinite(outputs).all()
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3


def test_a_simple_rnn_s_activity_is_regularized():
    """Keras takes the argument and drops it."""
    layer = SimpleRNN(UNITS, activity_regularizer="l2")
    layer(sequence())
    assert len(layer.losses) == 1
    assert SimpleRNN.from_config(layer.get_config()).activity_regularizer is not None


@pytest.mark.parametrize("name", PAIRS)
def test_saved_and_loaded(name, tmp_path):
    model = keras.Sequential([keras.Input((None, FEATURES)), PAIRS[name][0](UNITS, return_sequences=True, seed=2)])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[0]) is PAIRS[name][0]
    assert loaded.layers[0].cell.seed == 2
    np.testing.assert_array_equal(loaded(sequence()), model(sequence()))


def test_the_layers_are_at_both_addresses():
    for name in ("GRU", "LSTM", "SimpleRNN", "RecurrentStack", "stacked"):
        assert getattr(gru_tf.layers, name) is getattr(gru_tf, name)
        assert name in dir(gru_tf.layers)
    with pytest.raises(AttributeError, match="LSTN"):
        _ = gru_tf.layers.LSTN


# --- mistakes ---


BAD_ARGUMENTS = [
    ({"dropout": 7.0}, r"expected `dropout` to be .*Received: dropout=7.0"),
    ({"recurrent_dropout": -0.1}, r"expected `recurrent_dropout` to be .*Received: recurrent_dropout=-0.1"),
    ({"units": 0}, r"expected `units` to be a positive integer.*Received: units=0"),
    ({"units": 2.5}, r"expected `units` to be a positive integer.*Received: units=2.5"),
    ({"units": True}, r"expected `units` to be a positive integer.*Received: units=True"),
    ({"seed": 1.5}, r"expected `seed` to be an integer or None.*Received: seed=1.5"),
    ({"unit": 3}, r"unit"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD_ARGUMENTS, ids=str)
@pytest.mark.parametrize("name", PAIRS)
def test_bad_arguments_are_refused_with_what_was_expected(name, arguments, words):
    begin = "" if "unit" in arguments else f"^{name}: "
    with pytest.raises((ValueError, TypeError), match=begin + words):
        PAIRS[name][0](**{"units": UNITS, **arguments})


def test_a_bad_use_cudnn_is_refused():
    with pytest.raises(
        ValueError, match=r"^LSTM: expected `use_cudnn` to be 'auto', True or False. Received: use_cudnn='yes'"
    ):
        LSTM(UNITS, use_cudnn="yes")
    with pytest.raises(ValueError, match=r"LSTM: use_cudnn=True expected .*Received: TensorFlow sees no GPU"):
        LSTM(UNITS, use_cudnn=True)(sequence())


BAD_CALLS = {
    "LSTM": [
        (
            {"initial_state": [np.zeros((4, 5), "f")]},
            r"LSTM: expected `initial_state` to be 2 arrays of .*= \(4, 5\).*\(4, 5\)",
        ),
        ({"initial_state": [np.zeros((4, 5), "f"), np.zeros((4, 4), "f")]}, r"Received: shape=\(4, 5\), \(4, 4\)"),
        ({"mask": np.ones((4, 5), bool)}, r"`mask` of shape \(batch, timesteps\) = \(4, 4\). Received: shape=\(4, 5\)"),
    ],
    "SimpleRNN": [
        ({"initial_state": np.zeros((4, 4), "f")}, r"SimpleRNN: expected `initial_state` of shape .*= \(4, 5\).*\(4, 4\)"),
        ({"initial_state": [np.zeros((4, 5), "f")] * 2}, r"Received: shape=\(4, 5\), \(4, 5\)"),
        ({"mask": np.ones(4, bool)}, r"`mask` of shape .*= \(4, 4\). Received: shape=\(4,\)"),
    ],
}


@pytest.mark.parametrize(("name", "case"), [(name, n) for name in BAD_CALLS for n in range(3)])
def test_states_and_masks_of_a_wrong_shape_are_refused(name, case):
    call, words = BAD_CALLS[name][case]
    with pytest.raises(ValueError, match=words):
        pair(name)[0](sequence(), **call)


def test_units_of_numpy_are_units():
    for make, _ in PAIRS.values():
        assert make(np.int64(4)).units == 4
        assert type(make(np.int64(4)).get_config()["units"]) is int
