"""Networks of quantiles: their loss, their blocks and their size, beside NumPy in float64 and loops by hand."""

from itertools import product
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent.cells import CELLS
from gru_tf.tasks import Array, Signature
from gru_tf.tasks.prediction_intervals import LEVELS
from gru_tf.training.network import budget
from gru_tf.training.network.dense import HeldDense
from gru_tf.training.network.model import build, loss, metric
from gru_tf.training.network.resolution import resolve

BATCH, STEPS, FEATURES, UNITS = 6, 7, 3, 4
EPSILON = 1e-5
SIGNATURES = {
    "one value": Signature(STEPS, FEATURES, 1, "value"),
    "three values": Signature(STEPS, FEATURES, 3, "value"),
    "one column ahead": Signature(STEPS, FEATURES, 3, "value", continued=(0,)),
    "two columns ahead": Signature(STEPS, FEATURES, 6, "value", continued=(2, 0)),
}
GRU = CELLS.find("gru")


def x(seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 3, (BATCH, 1, FEATURES)) + rng.normal(size=(BATCH, STEPS, FEATURES))).astype("float32")


def made(signature: Signature, cell: str = "gru", dense: Any = keras.layers.Dense, **model: Any) -> Any:
    """The network with random weights, biases included."""
    spec = ModelSpec(units=UNITS, quantiles=True, **model)
    network = build(resolve(spec, signature, CELLS.find(cell), {}), dense=dense)
    rng = np.random.default_rng(1)
    network.set_weights([rng.normal(scale=0.5, size=w.shape) for w in network.get_weights()])
    return network


# --- loss ---


def pinball(targets: Array, outputs: Array) -> Array:
    """(batch,) one example, level and output after the other."""
    losses = np.zeros(len(targets))
    for row, target in enumerate(targets):
        for block, level in enumerate(LEVELS):
            for place, y in enumerate(target):
                off = y - outputs[row, block * len(target) + place]
                losses[row] += off * (level - (off < 0))
    return losses / (len(LEVELS) * targets.shape[1])


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_loss_is_the_mean_of_a_loop(count):
    rng, signature = np.random.default_rng(2), Signature(STEPS, FEATURES, count, "value")
    targets, outputs = rng.normal(size=(BATCH, count)), rng.normal(size=(BATCH, len(LEVELS) * count))
    expected = pinball(targets, outputs)
    received = loss(signature, tf.constant(targets), tf.constant(outputs), LEVELS)
    np.testing.assert_allclose(received, expected, rtol=1e-12)
    assert received.shape == (BATCH,)
    turned = outputs.reshape(BATCH, len(LEVELS), count)[:, ::-1].reshape(BATCH, -1)
    assert np.abs(pinball(targets, turned) - expected).max() > 0.01, "the order of the blocks shows"


def test_the_loss_is_least_at_the_quantiles():
    """Of 10,001 evenly spaced values from 0 to 1, whose quantile at a level is the level."""
    targets, signature = np.linspace(0, 1, 10_001)[:, None], SIGNATURES["one value"]
    best = float(np.mean(loss(signature, targets, tf.constant(np.tile(LEVELS, (len(targets), 1))), LEVELS)))
    for block, step in product(range(len(LEVELS)), (-0.02, 0.02)):
        moved = np.array(LEVELS)
        moved[block] += step
        assert np.mean(loss(signature, targets, tf.constant(np.tile(moved, (len(targets), 1))), LEVELS)) > best + 1e-5


@pytest.mark.parametrize("name", ["rmse", "mse", "mae"])
def test_a_metric_is_the_medians_own(name):
    rng, signature = np.random.default_rng(3), SIGNATURES["three values"]
    targets, outputs = rng.normal(size=(BATCH, 3)), rng.normal(size=(BATCH, 15))
    off = outputs[:, :3] - targets
    expected = np.abs(off).mean(1) if name == "mae" else np.square(off).mean(1)
    np.testing.assert_allclose(metric(name, signature, tf.constant(targets), tf.constant(outputs), LEVELS), expected)


@pytest.mark.parametrize("name", ["rmse", "mae"])
def test_blocks_without_their_levels_are_no_silent_number(name):
    targets, outputs = tf.zeros((BATCH, 1)), tf.zeros((BATCH, 5))  # which would be broadcast
    for reader in (metric, lambda _, *arguments: loss(*arguments)):
        with pytest.raises(ValueError, match=r"^expected 1 outputs\. Received: the shape \(6, 5\)"):
            reader(name, SIGNATURES["one value"], targets, outputs)


# --- network ---


def by_hand(network: Any, inputs: Array, kind: str, signature: Signature, steps: int) -> Array:
    """Outputs in float64: block by block, as if each were the one forecast of a network of its own."""
    named = {w.path: w.numpy().astype("float64") for w in network.trainable_variables}
    kernel, recurrent, bias = (v for k, v in named.items() if "head" not in k and "linear_path" not in k)
    head, head_bias = (v for k, v in named.items() if "head" in k)
    path = next((v for k, v in named.items() if "linear_path" in k), None)
    window, ours, count = inputs.astype("float64"), signature.continued, signature.outputs
    centre, spread = np.zeros((BATCH, FEATURES)), np.ones((BATCH, FEATURES))
    if kind == "standard":
        centre, spread = window.mean(1), np.sqrt(window.var(1) + EPSILON)
    elif kind == "difference":
        centre = window[:, -1]
    scaled = window.copy()
    for column in ours:
        scaled[:, :, column] = (window[:, :, column] - centre[:, None, column]) / spread[:, None, column]
    states = [np.zeros((BATCH, UNITS))]
    for step in np.swapaxes(scaled, 0, 1):
        states = GRU.step(step, states, {"kernel": kernel, "recurrent_kernel": recurrent, "bias": bias})
    outputs = np.zeros((BATCH, len(LEVELS) * count))
    for row, block, place in product(range(BATCH), range(len(LEVELS)), range(count)):
        at = block * count + place
        value = states[0][row] @ head[:, at] + head_bias[at]
        if ours:
            ahead, column = divmod(place, len(ours))
            if path is not None:  # shared by columns, of each step ahead in each block
                own = scaled[row, STEPS - steps :, ours[column]]
                value += own @ path[:, block * (count // len(ours)) + ahead]
            value = centre[row, ours[column]] + spread[row, ours[column]] * value
        elif path is not None:
            value += scaled[row, STEPS - steps :].ravel() @ path[:, at]
        outputs[row, at] = value
    return outputs


CASES = [("none", 0), ("none", 3), ("difference", 0), ("standard", 4), ("difference", STEPS)]


@pytest.mark.parametrize("name", SIGNATURES)
@pytest.mark.parametrize(("kind", "steps"), CASES)
@pytest.mark.parametrize("dense", [keras.layers.Dense, HeldDense])
def test_every_block_is_one_forecast_beside_numpy(name, kind, steps, dense):
    signature = SIGNATURES[name]
    if kind != "none" and not signature.continued:
        kind = "none"
    network = made(signature, dense=dense, scaling=kind, linear_path=steps)
    expected = by_hand(network, x(), kind, signature, steps)
    np.testing.assert_allclose(network(x()), expected, atol=3e-5, rtol=3e-5)
    blocks = expected.reshape(BATCH, len(LEVELS), -1)
    assert np.abs(np.diff(blocks, axis=1)).max() > 0.1, "blocks differ, so that their order shows"


def test_every_quantile_follows_the_level_of_its_window():
    network = made(SIGNATURES["two columns ahead"], scaling="difference", linear_path=2)
    up = x() + np.array([50, 0, 50], "float32")  # the columns that are forecast
    np.testing.assert_allclose(network(up), network(x()).numpy() + 50, atol=1e-3)


@pytest.mark.parametrize(("cell", "name"), list(product(CELLS.names(), SIGNATURES)))
def test_the_size_is_exact(cell, name):
    signature = SIGNATURES[name]
    for steps, both, layers in ((0, False, 1), (5, True, 2)):
        spec = ModelSpec(parameters=8000, linear_path=steps, bidirectional=both, layers=layers, quantiles=True)
        network = resolve(spec, signature, CELLS.find(cell), {})
        assert build(network).count_params() == network.size.parameters == pytest.approx(8000, rel=0.1)
        plain, wide = (budget.size(CELLS.find(cell), {}, signature, spec.but(quantiles=q), 8) for q in (False, True))
        last = 8 * (1 + both) + 1
        path = steps * (signature.outputs // len(signature.continued) if signature.continued else 3 * signature.outputs)
        assert wide.parameters - plain.parameters == 4 * (last * signature.outputs + path)
        assert wide.recurrent_parameters == plain.recurrent_parameters


def test_on_a_trained_stack_the_size_is_exact_too(tmp_path):
    keras.Sequential([keras.Input((None, FEATURES)), keras.layers.GRU(5)]).save(tmp_path / "stack.keras")
    spec = ModelSpec(start=str(tmp_path / "stack.keras"), linear_path=2, quantiles=True)
    network = resolve(spec, SIGNATURES["two columns ahead"], GRU, {})
    assert build(network).count_params() == network.size.parameters
    assert build(network)(x()).shape == (BATCH, 30)


@pytest.mark.parametrize("name", SIGNATURES)
def test_gradients_are_finite_also_where_targets_are_met_exactly(name):
    signature = SIGNATURES[name]
    network = made(signature, linear_path=2)
    targets = np.array(network(x()))[:, : signature.outputs]  # ρ has a corner there
    with tf.GradientTape() as tape:
        mean = tf.reduce_mean(loss(signature, targets, network(x()), LEVELS))
    gradients = tape.gradient(mean, [v.value for v in network.trainable_variables])
    for gradient in gradients:
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 0


REFUSED = [
    (Signature(STEPS, FEATURES, 4, "class"), "no values as targets"),
    (Signature(STEPS, FEATURES, 4, "binary"), "no values as targets"),
    (Signature(STEPS, FEATURES, 9, "class", tokens=9, decoded=5), "no values as targets"),
    (Signature(STEPS, FEATURES, 1, "value", per_step=True), "a target at every step"),
]


@pytest.mark.parametrize(("signature", "words"), REFUSED)
def test_what_has_no_quantiles_is_refused(signature, words):
    with pytest.raises(UserError, match=rf"^model\.quantiles: received true, expected false: this task has {words}$"):
        resolve(ModelSpec(units=UNITS, quantiles=True), signature, GRU, {})
