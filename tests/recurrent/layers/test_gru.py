"""`gru_tf.GRU` against `keras.layers.GRU`: the same weights give the same numbers, for all options, in both conventions."""

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

from gru_tf import GRU, GRUCell, portable
from gru_tf.recurrent.cells._cell import RecurrentCell

BATCH, STEPS, FEATURES, UNITS = 4, 4, 3, 5
CLOSE = {"rtol": 0, "atol": 2e-6}
CONVENTIONS = ("keep", "write")
MASKS = {
    "none": None,
    "right-padded": [[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 0]],
    "left-padded": [[1, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1], [0, 1, 1, 1]],
    "gaps": [[1, 0, 1, 1], [0, 1, 0, 1], [1, 0, 0, 0], [1, 0, 1, 0]],
    "empty row": [[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 0]],
}
OPTIONS = [
    {},
    {"return_sequences": True},
    {"return_state": True},
    {"return_sequences": True, "return_state": True},
    {"go_backwards": True},
    {"go_backwards": True, "return_sequences": True, "return_state": True},
    {"unroll": True, "return_sequences": True, "return_state": True},
    {"reset_after": False, "return_sequences": True},
    {"use_bias": False, "return_sequences": True},
    {"reset_after": False, "use_bias": False},
    {"activation": "relu", "recurrent_activation": "hard_sigmoid", "return_sequences": True},
    {"activation": None},
    {"zero_output_for_mask": True},
    {"zero_output_for_mask": True, "return_sequences": True, "return_state": True},
    {"kernel_regularizer": "l2", "recurrent_regularizer": "l1", "bias_regularizer": "l2", "activity_regularizer": "l2"},
    {"dropout": 0.4, "seed": 3, "return_sequences": True},
    {"recurrent_dropout": 0.4, "seed": 3, "return_sequences": True},
    {"dropout": 0.3, "recurrent_dropout": 0.4, "seed": 3, "reset_after": False},
    {"dropout": 0.3, "recurrent_dropout": 0.4, "seed": 3, "unroll": True},
    {"use_cudnn": False, "return_sequences": True},
    {"dtype": "float64"},
    {"trainable": False},
]


OWN = {"convention": "write", "use_cudnn": False, "implementation": 1}


@pytest.fixture
def under_one_rule():
    """For what stands before a row's first real step."""
    with one_rule():
        yield


def name_of(options):
    return ",".join(f"{k}={v}" for k, v in options.items()) or "defaults"


def sequence():
    return np.random.default_rng(1).normal(size=(BATCH, STEPS, FEATURES)).astype("float32")


def mask_named(name):
    return None if MASKS[name] is None else np.array(MASKS[name], bool)


def state():
    return np.random.default_rng(2).normal(size=(BATCH, UNITS)).astype("float32")


def random_weights(layer):
    rng = np.random.default_rng(3)
    return [rng.normal(scale=0.6, size=w.shape).astype("float32") for w in layer.weights[:3]]


def in_convention(weights, convention):
    """The weights of the same function in the other convention: the update gate's blocks negated."""
    if convention == "keep":
        return weights
    return [np.concatenate([-w[..., :UNITS], w[..., UNITS:]], axis=-1) for w in weights]


def pair(convention="keep", **options):
    """Keras' layer and ours, built, with the same random weights."""
    theirs, ours = keras.layers.GRU(UNITS, **options), GRU(UNITS, convention=convention, **options)
    for layer in (theirs, ours):
        layer.build((BATCH, STEPS, FEATURES))
    weights = random_weights(theirs)
    theirs.set_weights(weights)
    ours.set_weights(in_convention(weights, convention))
    return theirs, ours


def outcome(layer, convention="keep", training=True, **call):
    """Everything that a call gives: outputs and states, losses, and the gradient of each weight in terms of "keep"."""
    with tf.GradientTape() as tape:
        values = keras.tree.flatten(layer(sequence(), training=training, **call))
        total = tf.add_n([tf.reduce_sum(v * v) for v in values] + [tf.cast(loss, values[0].dtype) for loss in layer.losses])
    gradients = in_convention([g.numpy() for g in tape.gradient(total, layer.trainable_weights)], convention)
    return [v.numpy() for v in values] + [np.array(loss) for loss in layer.losses] + gradients


def assert_same(actual, expected, **close):
    assert len(actual) == len(expected)
    for a, b in zip(actual, expected, strict=True):
        scale = max(1.0, np.abs(b).max())  # gradients add up over the steps
        np.testing.assert_allclose(a / scale, b / scale, **(close or CLOSE))


@pytest.mark.usefixtures("under_one_rule")
@pytest.mark.parametrize("mask", ["none", "gaps"])
@pytest.mark.parametrize("options", OPTIONS, ids=name_of)
def test_outputs_states_losses_and_gradients_are_keras_own(options, mask):
    call = {"mask": mask_named(mask), "initial_state": state() if mask == "gaps" else None}
    for convention in CONVENTIONS:
        theirs, ours = pair(convention, **options)
        assert_same(outcome(ours, convention, **call), outcome(theirs, **call))
        if "seed" in options:
            assert_same([ours(sequence(), **call)], [theirs(sequence(), **call)])


def test_the_comparison_sees_another_convention_and_a_lost_gradient():
    theirs, ours = pair()
    ours.cell.convention = "write"
    with pytest.raises(AssertionError):
        assert_same(outcome(ours), outcome(theirs))
    theirs, ours = pair()
    recurrent_kernel = ours.cell.recurrent_kernel
    cut = patch.object(ours.cell, "from_state", lambda h, training: h @ tf.stop_gradient(recurrent_kernel.value))
    with cut, portable():  # a fused kernel does not call the cell
        assert_same([ours(sequence())], [theirs(sequence())])
        with pytest.raises((AssertionError, AttributeError)):
            assert_same(outcome(ours), outcome(theirs))


def test_dropout_is_drawn_anew_at_each_call_and_as_keras_draws_it():
    theirs, ours = pair(dropout=0.5, seed=3)
    first, second = outcome(ours)[0], outcome(ours)[0]
    assert np.abs(first - second).max() > 1e-2
    assert_same([first, second], [outcome(theirs)[0], outcome(theirs)[0]])


def test_a_mask_of_its_own_for_each_gate():
    one, three = (GRU(UNITS, dropout=0.5, seed=3, implementation=n, kernel_initializer="ones") for n in (2, 1))
    assert three.implementation == 1
    outputs = [layer(sequence(), training=True).numpy() for layer in (one, three)]
    assert np.isfinite(outputs).all()
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3


# --- the rest of the contract ---


@keras.saving.register_keras_serializable(package="tests")
class Counted(GRU):
    made = 0

    def __init__(self, *args, **options):
        Counted.made += 1
        super().__init__(*args, **options)


class OtherConvention(GRU):
    def __init__(self, *args, **options):
        super().__init__(*args, **{**options, "convention": "write"})


def keras_own_tests(layer, name="test_"):
    """Keras' tests of its GRU layer that are for every backend, with `layer` in its place."""
    tests = pytest.importorskip("keras.src.layers.rnn.gru_test", reason="wheels before Keras 3.15 have no tests")
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(tests.GRUTest)
    names = [(test, test.id().rpartition(".")[2]) for test in suite]
    suite = unittest.TestSuite(test for test, found in names if found.startswith(name) and "torch" not in found)
    with patch.object(keras.src.layers, "GRU", layer), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs, of their training loop
        result = unittest.TestResult()
        suite.run(result)
    return result


def test_keras_own_tests_pass_with_its_class_replaced():
    Counted.made = 0
    result = keras_own_tests(Counted)
    assert result.testsRun >= 9
    assert Counted.made >= 20
    assert result.failures + result.errors == []


def test_keras_own_tests_fail_with_another_function():
    result = keras_own_tests(OtherConvention, "test_correctness")
    assert result.testsRun == len(result.failures) == 2


def test_the_constructor_is_keras_own_and_the_convention():
    ours, theirs = (inspect.signature(layer.__init__).parameters for layer in (GRU, keras.layers.GRU))
    assert list(ours)[:-2] + list(ours)[-1:] == list(theirs)
    assert list(ours)[-2] == "convention"
    assert {name: ours[name].default for name in theirs} == {name: p.default for name, p in theirs.items()}


OTHER_VALUES = {
    "units": UNITS,
    "activation": "relu",
    "recurrent_activation": "hard_sigmoid",
    "use_bias": False,
    **{f"{role}_initializer": keras.initializers.Constant(n) for n, role in enumerate(("kernel", "recurrent", "bias"), 1)},
    **{f"{role}_regularizer": keras.regularizers.L2(n) for n, role in enumerate(("kernel", "recurrent", "bias"), 1)},
    **{f"{role}_constraint": keras.constraints.MaxNorm(n) for n, role in enumerate(("kernel", "recurrent", "bias"), 1)},
    "dropout": 0.1,
    "recurrent_dropout": 0.2,
    "seed": 3,
    "implementation": 1,
    "weight_dropout": 0.3,
    "zoneout": 0.4,
}


def test_what_the_cell_takes_as_well_is_the_same_argument_and_reaches_it():
    layer, cell = (dict(inspect.signature(kind.__init__).parameters) for kind in (GRU, RecurrentCell))
    assert {name: str(layer[name]) for name in cell if name in layer} == {n: str(cell[n]) for n in cell if n in layer}
    assert set(OTHER_VALUES) == set(cell) - {"self", "kwargs"}
    mine, alone = GRU(**OTHER_VALUES).cell.get_config(), GRUCell(**OTHER_VALUES).get_config()
    assert mine | {"name": ""} == alone | {"name": ""}
    plain = GRUCell(UNITS).get_config()
    assert {name for name in OTHER_VALUES if alone[name] == plain.get(name)} == {"units"}, "a value that is the default"


@pytest.mark.parametrize(
    "options", [{"convention": "write", "use_cudnn": False, "implementation": 1}, *OPTIONS], ids=name_of
)
def test_configuration_goes_round(options):
    layer = GRU(UNITS, **options)
    config = json.loads(json.dumps(layer.get_config()))
    again = GRU.from_config(config)
    assert again.get_config() == layer.get_config()
    assert set(keras.layers.GRU(UNITS).get_config()) <= set(config)
    for name in ("convention", "use_cudnn", "implementation", "return_sequences", "dropout", "seed", "reset_after"):
        assert getattr(again, name, again.cell.seed) == options.get(name, getattr(layer, name, layer.cell.seed))


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_saved_and_loaded_with_what_keras_forgets(convention, tmp_path):
    layer = GRU(UNITS, convention=convention, use_cudnn=False, return_sequences=True)
    model = keras.Sequential([keras.Input((None, FEATURES)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert (loaded.layers[0].convention, loaded.layers[0].use_cudnn) == (convention, False)
    np.testing.assert_array_equal(loaded(sequence()), model(sequence()))


def test_stateful_carries_the_state_and_resets_it():
    for convention in CONVENTIONS:
        theirs, ours = pair(convention, stateful=True)
        for layer in (theirs, ours):
            layer.results = [layer(sequence()).numpy() for _ in range(2)]
            layer.reset_state()
            layer.results += [layer(sequence()).numpy()]
        assert_same(ours.results, theirs.results)
        np.testing.assert_array_equal(ours.results[0], ours.results[2])
        assert np.abs(ours.results[0] - ours.results[1]).max() > 1e-2
        with pytest.raises(ValueError, match="batch size"):
            ours(sequence()[:2])


@pytest.mark.parametrize(
    ("merge_mode", "options"), [("concat", {"return_sequences": True}), ("sum", {"return_state": True}), (None, {})], ids=str
)
def test_bidirectional(merge_mode, options):
    for convention in CONVENTIONS:
        wrapped = [keras.layers.Bidirectional(layer, merge_mode=merge_mode) for layer in pair(convention, **options)]
        for layer in wrapped:
            layer.build((BATCH, STEPS, FEATURES))
        halves = [random_weights(wrapped[0].forward_layer), [2 * w for w in random_weights(wrapped[0].forward_layer)]]
        wrapped[0].set_weights(halves[0] + halves[1])
        wrapped[1].set_weights(in_convention(halves[0], convention) + in_convention(halves[1], convention))
        assert type(wrapped[1].backward_layer) is GRU
        assert wrapped[1].backward_layer.convention == convention
        mask = mask_named("right-padded")
        theirs, ours = (keras.tree.flatten(layer(sequence(), mask=mask)) for layer in wrapped)
        assert_same([np.array(a) for a in ours], [np.array(a) for a in theirs])


def test_time_distributed():
    x = np.random.default_rng(4).normal(size=(2, 3, STEPS, FEATURES)).astype("float32")
    theirs, ours = (keras.layers.TimeDistributed(layer)(x) for layer in pair())
    np.testing.assert_allclose(ours, theirs, **CLOSE)


@pytest.mark.parametrize("source", ["embedding", "masking"])
def test_masks_that_other_layers_make(source):
    for convention in CONVENTIONS:
        theirs, ours = pair(convention, return_sequences=True)
        if source == "embedding":
            first = keras.layers.Embedding(9, FEATURES, keras.initializers.RandomNormal(1.0, seed=1), mask_zero=True)
            x = np.array([[3, 0, 5, 0], [1, 2, 3, 4]])
        else:
            first = keras.layers.Masking(9.0)
            x = np.where(mask_named("gaps")[..., None], sequence(), 9.0).astype("float32")
        masked = first(x)
        assert_same([ours(masked).numpy()], [theirs(masked).numpy()])
        assert np.abs(ours(masked) - ours(np.array(masked))).max() > 1e-3, "the mask shows"


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(dtype):
    for convention in CONVENTIONS:
        theirs, ours = pair(convention, dtype=dtype)
        outputs = ours(sequence())
        assert outputs.dtype == theirs(sequence()).dtype != tf.float32
        assert {w.dtype for w in ours.weights} == {"float32"}
        close = {"rtol": 0, "atol": 2e-3 if dtype == "mixed_float16" else 3e-2}
        np.testing.assert_allclose(tf.cast(outputs, "float32"), tf.cast(theirs(sequence()), "float32"), **close)


def test_constraints_act_after_a_training_step():
    layer = GRU(UNITS, kernel_constraint="non_neg", recurrent_constraint="non_neg", bias_constraint="non_neg")
    model = keras.Sequential([keras.Input((STEPS, FEATURES)), layer])
    model.compile(keras.optimizers.SGD(10.0), "mse")
    model.fit(sequence(), state(), verbose=0)
    assert all((w >= 0).all() for w in layer.get_weights())


def test_compiled_by_xla():
    theirs, ours = pair("write", return_sequences=True)
    compiled = tf.function(ours, jit_compile=True)
    np.testing.assert_allclose(compiled(tf.constant(sequence())), theirs(sequence()), **CLOSE)


# --- mistakes ---


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"dropout": 7.0}, r"expected `dropout` to be .*Received: dropout=7.0"),
        ({"recurrent_dropout": -0.1}, r"expected `recurrent_dropout` to be .*Received: recurrent_dropout=-0.1"),
        ({"convention": "kept"}, r"expected `convention` to be 'keep' or 'write'.*Received: convention='kept'"),
        ({"use_cudnn": "yes"}, r"expected `use_cudnn` to be 'auto', True or False.*Received: use_cudnn='yes'"),
        ({"units": 0}, r"expected `units` to be a positive integer.*Received: units=0"),
        ({"units": 2.5}, r"expected `units` to be a positive integer.*Received: units=2.5"),
        ({"units": True}, r"expected `units` to be a positive integer.*Received: units=True"),
        ({"unit": 3}, r"unit"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused_with_what_was_expected(arguments, words):
    with pytest.raises((ValueError, TypeError), match=words):
        GRU(**{"units": UNITS, **arguments})


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"initial_state": np.zeros((4, 4), "f")}, r"`initial_state` of shape \(batch, units\) = \(4, 5\).*\(4, 4\)"),
        ({"initial_state": np.zeros((3, 5), "f")}, r"\(4, 5\). Received: shape=\(3, 5\)"),
        ({"initial_state": np.zeros(5, "f")}, r"\(4, 5\). Received: shape=\(5,\)"),
        ({"initial_state": [state(), state()]}, r"\(4, 5\). Received: shape=\(4, 5\), \(4, 5\)"),
        ({"mask": np.ones((4, 5), bool)}, r"`mask` of shape \(batch, timesteps\) = \(4, 4\). Received: shape=\(4, 5\)"),
        ({"mask": np.ones(4, bool)}, r"\(4, 4\). Received: shape=\(4,\)"),
    ],
    ids=str,
)
def test_states_and_masks_of_a_wrong_shape_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        pair()[1](sequence(), **call)


def test_units_of_numpy_are_units():
    assert GRU(np.int64(4)).units == 4


def test_cudnn_demanded_where_there_is_none_says_which_condition_fails():
    with pytest.raises(ValueError, match=r"use_cudnn=True expected .*Received: TensorFlow sees no GPU"):
        GRU(UNITS, use_cudnn=True)(sequence())
    with pytest.raises(ValueError, match=r"use_cudnn=True expected .*Received: reset_after=False"):
        GRU(UNITS, use_cudnn=True, reset_after=False)(sequence())
