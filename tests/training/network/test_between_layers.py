"""Residual and normalised stacks: the same function as `gru_tf.stacked`, of the size that the budget counts."""

from itertools import product

import keras
import numpy as np
import pytest

import gru_tf
from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.recurrent.cells import CELLS
from gru_tf.tasks import Signature
from gru_tf.training.network import budget
from gru_tf.training.network.model import build
from gru_tf.training.network.resolution import resolve

BATCH, STEPS, FEATURES, UNITS, OUTPUTS = 3, 5, 2, 4, 6
CASES = list(product((False, True), (False, True), (False, True), (False, True)))[1:]


def signature(per_step, varying=False, features=FEATURES):
    return Signature(
        timesteps=STEPS, features=features, outputs=OUTPUTS, target="binary", per_step=per_step, varying=varying
    )


def randomised(model):
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(scale=0.5, size=w.shape) for w in model.get_weights()])
    return model


def stack_with(weights, **options):
    """`gru_tf.stacked` with the weights of a network: those over time, then projections, then norms, then the head."""
    stack = gru_tf.stacked("gru", [UNITS, UNITS], features=options.pop("features"), outputs=OUTPUTS, **options)
    inner = stack.layers[0]
    groups = {
        "projection": [w for layer in inner.projections for w in layer.weights],
        "norm": [w for layer in inner.norms for w in layer.weights],
        "head": stack.layers[1].weights,
    }
    rest = {id(w) for ws in groups.values() for w in ws}
    groups["over time"] = [w for layer in inner.layers for w in layer.weights]
    assert not rest & {id(w) for w in groups["over time"]}
    for kind, variables in groups.items():
        ours = [w for w in weights if (next((k for k in groups if k in w.path.split("/")[0]), "over time")) == kind]
        ours = [w for w in ours if w.trainable]
        for variable, weight in zip((v for v in variables if v.trainable), ours, strict=True):
            variable.assign(weight)
    return stack


@pytest.mark.parametrize(("residual", "layer_norm", "both", "per_step"), [c for c in CASES if c[0] or c[1]])
def test_it_is_the_function_of_a_stack_and_of_the_size_counted(residual, layer_norm, both, per_step):
    spec = ModelSpec(units=UNITS, layers=2, bidirectional=both, residual=residual, layer_norm=layer_norm)
    network = randomised(build(resolve(spec, signature(per_step), CELLS.find("gru"), {})))
    options = {"bidirectional": both, "residual": residual, "layer_norm": layer_norm, "return_sequences": per_step}
    stack = stack_with(network.weights, features=FEATURES, **options)
    x = np.random.default_rng(0).normal(size=(BATCH, STEPS, FEATURES)).astype("float32")
    np.testing.assert_allclose(network(x), stack(x), atol=1e-5)
    plain = stack_with(
        [w for w in network.weights if not w.path.startswith(("projection", "norm"))],
        features=FEATURES,
        bidirectional=both,
        return_sequences=per_step,
    )
    assert np.abs(network(x) - plain(x)).max() > 1e-2, "without them it is another"
    assert network.count_params() == budget.solve(CELLS.find("gru"), {}, signature(per_step), spec).parameters


def test_where_the_widths_agree_nothing_is_learned_for_it():
    spec, wide = ModelSpec(units=UNITS, residual=True), signature(False, features=UNITS)
    cell = CELLS.find("gru")
    assert budget.solve(cell, {}, wide, spec) == budget.solve(cell, {}, wide, spec.but(residual=False))


def test_padding_of_a_sequence_changes_nothing():
    spec = ModelSpec(units=UNITS, layers=2, bidirectional=True, residual=True, layer_norm=True)
    network = randomised(build(resolve(spec, signature(False, varying=True), CELLS.find("lstm"), {})))
    x = np.random.default_rng(0).normal(size=(BATCH, STEPS, FEATURES)).astype("float32")
    mask = np.arange(STEPS) < np.array([[2], [5], [3]])
    padded = network([x, mask])
    short = network([x[:1, :2], mask[:1, :2]])
    np.testing.assert_allclose(padded[:1], short, atol=1e-5)
    np.testing.assert_array_equal(padded, network([np.where(mask[..., None], x, 7.0), mask]))
    assert np.abs(padded - network([x, np.ones_like(mask)])).max() > 1e-2


def test_a_saved_one_loads_with_keras_layers(tmp_path):
    spec = ModelSpec(units=UNITS, layers=2, residual=True, layer_norm=True)
    network = randomised(build(resolve(spec, signature(False), CELLS.find("gru"), {}), ordinary=True))
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    x = np.random.default_rng(0).normal(size=(BATCH, STEPS, FEATURES)).astype("float32")
    np.testing.assert_array_equal(loaded(x), network(x))
    assert not [layer for layer in loaded.layers if type(layer).__module__.startswith("gru_tf")]


@pytest.mark.parametrize("name", ["residual", "layer_norm"])
def test_an_encoder_with_a_decoder_has_none(name):
    written = Signature(
        timesteps=STEPS, features=4, outputs=9, target="class", tokens=9, per_step=True, varying=True, decoded=5
    )
    with pytest.raises(UserError, match=rf"^model\.{name}: received true, expected false: .*written token by token"):
        resolve(ModelSpec(units=UNITS, **{name: True}), written, CELLS.find("gru"), {})
