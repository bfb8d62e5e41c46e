"""Networks built from a specification, and what they minimise and are scored by."""

from itertools import product

import keras
import numpy as np
import pytest
from scipy.special import expit, log_softmax

from gru_tf import GRU, RNN
from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.layers.variable_dropout import VariableDropout
from gru_tf.tasks import Signature
from gru_tf.training.network import budget
from gru_tf.training.network.model import build, loss, metric
from gru_tf.training.network.resolution import resolve

BATCH, STEPS, FEATURES, UNITS = 3, 5, 2, 4
WHOLE = Signature(timesteps=STEPS, features=FEATURES, outputs=6, target="class")
EVERY = Signature(timesteps=STEPS, features=FEATURES, outputs=6, target="binary", per_step=True)
CAUSAL = Signature(timesteps=STEPS, features=FEATURES, outputs=6, target="binary", per_step=True, causal=True)
NETWORKS = [
    pytest.param(CELLS.find(name), {"layers": layers, "bidirectional": both}, id=f"{name}-{layers}-{both}")
    for name, layers, both in product(CELLS.names(), (1, 2), (False, True))
]
STOCK = [case for case in NETWORKS if case.values[0].has_fused({})]
EXTREME = np.array([[90.0, -90.0, 0.0], [-1e4, 1e4, 3.0]], "float32")


def x(steps=STEPS):
    return np.random.default_rng(0).normal(size=(BATCH, steps, FEATURES)).astype("float32")


def randomised(model):
    """The model with random weights, biases included, the same for the same shapes."""
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(scale=0.5, size=w.shape) for w in model.get_weights()])
    return model


# --- build ---


@pytest.mark.parametrize(("cell", "form"), NETWORKS)
def test_shapes_and_exact_size(cell, form):
    spec = ModelSpec(units=UNITS, implementation="custom", **form)
    for signature, shape in ((WHOLE, (BATCH, 6)), (EVERY, (BATCH, STEPS, 6))):
        model = build(resolve(spec, signature, cell, {}))
        assert model(x()).shape == shape
        assert model.count_params() == budget.solve(cell, {}, signature, spec).parameters


def test_a_target_at_every_step_takes_any_length():
    model = build(resolve(ModelSpec(units=UNITS), EVERY, CELLS.find("gru"), {}))
    long = model(x(9)).numpy()
    np.testing.assert_allclose(model(x(9)[:, :4]), long[:, :4], atol=1e-6)


@pytest.mark.parametrize(("cell", "form"), STOCK)
@pytest.mark.parametrize("signature", [WHOLE, EVERY], ids=["whole", "every"])
def test_custom_and_stock_with_the_same_weights_agree(cell, form, signature):
    stock, custom = (
        randomised(build(resolve(ModelSpec(units=UNITS, implementation=kind, **form), signature, cell, {})))
        for kind in ("stock", "custom")
    )
    np.testing.assert_allclose(custom(x()), stock(x()), atol=1e-5)
    last = stock.get_weights()
    last[0] = last[0] + 0.05
    stock.set_weights(last)
    assert np.abs(custom(x()) - stock(x())).max() > 1e-3, "a kernel moved by a twentieth shows"


def test_a_backward_layer_is_refused_where_it_would_see_the_answer():
    spec = ModelSpec(units=UNITS, bidirectional=True)
    with pytest.raises(UserError, match=r"^model\.bidirectional: received True: .*next step"):
        build(resolve(spec, CAUSAL, CELLS.find("gru"), {}))
    assert build(resolve(spec, EVERY, CELLS.find("gru"), {}))


def test_a_causal_network_sees_no_later_step():
    model = build(resolve(ModelSpec(units=UNITS, layers=2), CAUSAL, CELLS.find("lstm"), {}))
    changed = x()
    changed[:, 3] += 1
    moved = np.abs(model(changed) - model(x())).max((0, 2))
    assert np.all(moved[:3] == 0)
    assert np.all(moved[3:] > 1e-4)


def test_what_cannot_be_built_is_refused_with_the_reason():
    gru = CELLS.find("gru")
    with pytest.raises(UserError, match=r"gru\.reset_afer: no such option\. Did you mean 'reset_after'\?"):
        build(resolve(ModelSpec(units=UNITS, implementation="custom"), WHOLE, gru, {"reset_afer": True}))
    with pytest.raises(UserError, match=r"model\.parameters: received 5, expected a larger budget"):
        build(resolve(ModelSpec(parameters=5), WHOLE, gru, {}))


@pytest.mark.parametrize("name", ["janet", "mgu"])
def test_where_no_layer_is_faster_stock_is_a_layer_around_the_cell(name):
    stock, custom = (
        randomised(build(resolve(ModelSpec(units=UNITS, implementation=kind), WHOLE, CELLS.find(name), {})))
        for kind in ("stock", "custom")
    )
    assert type(stock.layers[1]) is type(custom.layers[1]) is RNN
    np.testing.assert_array_equal(stock(x()), custom(x()))


@pytest.mark.parametrize("make", [keras.layers.Dropout, VariableDropout])
def test_dropout_follows_each_recurrent_layer(make):
    network = resolve(ModelSpec(units=UNITS, layers=2, dropout=0.25), WHOLE, CELLS.find("gru"), {})
    for ordinary, gru in ((False, GRU), (True, keras.layers.GRU)):
        model = build(network, make, ordinary=ordinary)
        assert [type(layer) for layer in model.layers[1:]] == [gru, make, gru, make, keras.layers.Dense]
    assert [float(layer.rate) for layer in model.layers if isinstance(layer, make)] == [0.25, 0.25]


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "gru_reset_before"])
def test_an_ordinary_network_is_of_keras_own_layers_and_begins_with_the_same_weights(name):
    network = resolve(ModelSpec(units=UNITS, layers=2, bidirectional=True), EVERY, CELLS.find(name), {})
    models = []
    for ordinary in (True, False):
        keras.utils.set_random_seed(3)
        models.append(build(network, ordinary=ordinary))
    own, fast = models
    inner = [layer.forward_layer for layer in own.layers if hasattr(layer, "forward_layer")]
    assert len(inner) == 2
    assert {type(layer).__module__.partition(".")[0] for layer in (*own.layers, *inner)} == {"keras"}
    for a, b in zip(own.get_weights(), fast.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(own(x()), fast(x()), rtol=0, atol=1e-6)


def test_no_dropout_layer_at_rate_0():
    model = build(resolve(ModelSpec(units=UNITS, layers=2), WHOLE, CELLS.find("gru"), {}))
    assert not any(isinstance(layer, keras.layers.Dropout) for layer in model.layers)


# --- loss and metric ---


def drawn(*shape):
    return np.random.default_rng(2).normal(scale=3, size=shape).astype("float32")


def test_cross_entropy_of_a_class():
    outputs, targets = drawn(5, 6), np.array([0, 5, 2, 2, 1], "int32")
    expected = -log_softmax(outputs.astype("float64"), axis=-1)[np.arange(5), targets]
    np.testing.assert_allclose(loss(WHOLE, targets, outputs), expected, rtol=1e-5)
    assert np.abs(loss(WHOLE, (targets + 1) % 6, outputs) - expected).max() > 1


def test_cross_entropy_is_stable_for_extreme_logits():
    losses = loss(WHOLE, np.array([1, 0], "int32"), EXTREME).numpy()
    np.testing.assert_allclose(losses, [180.0, 2e4], rtol=1e-6)


def test_squared_error_of_values():
    signature = Signature(timesteps=STEPS, features=FEATURES, outputs=2, target="value")
    outputs, targets = drawn(4, 2), np.arange(8, dtype="float64").reshape(4, 2)
    expected = ((outputs - targets) ** 2).mean(-1)
    np.testing.assert_allclose(loss(signature, targets, outputs), expected, rtol=1e-5)
    np.testing.assert_allclose(metric("mse", signature, targets, outputs), expected, rtol=1e-5)


def test_binary_cross_entropy_summed_over_the_notes():
    outputs, targets = drawn(3, 4, 6), np.random.default_rng(3).integers(0, 2, (3, 4, 6)).astype("uint8")
    sounds = expit(outputs.astype("float64"))
    expected = -(targets * np.log(sounds) + (1 - targets) * np.log1p(-sounds)).sum(-1)
    np.testing.assert_allclose(loss(EVERY, targets, outputs), expected, rtol=1e-5)
    np.testing.assert_allclose(metric("nll", EVERY, targets, outputs), expected, rtol=1e-5)
    assert np.abs(loss(EVERY, 1 - targets, outputs) - expected).min() > 1e-2


def test_binary_cross_entropy_is_stable_for_extreme_logits():
    targets = np.array([[0, 1, 1], [1, 0, 1]], "uint8")
    expected = [90 + 90 + np.log(2), 1e4 + 1e4 + np.log1p(np.exp(-3))]
    np.testing.assert_allclose(loss(EVERY, targets, EXTREME), expected, rtol=1e-6)


def test_accuracy_is_the_share_of_largest_outputs_at_the_target():
    outputs = np.array([[0.1, 0.9], [2.0, 1.0], [-1.0, -2.0]], "float32")
    np.testing.assert_array_equal(metric("accuracy", WHOLE, np.array([1, 1, 0], "int32"), outputs), [1, 0, 1])
