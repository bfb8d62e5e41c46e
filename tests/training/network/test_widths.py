"""Cells whose output is not as wide as their units, in all that is made of them."""

import keras
import numpy as np
import pytest

import gru_tf
from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import keras_model
from gru_tf.recurrent import kernels
from gru_tf.recurrent.cells import CELLS
from gru_tf.tasks import Signature
from gru_tf.training import diagnostics
from gru_tf.training.network.model import build, kernel
from gru_tf.training.network.resolution import resolve
from gru_tf.training.network.sequence_writer import SequenceWriter

UNITS, WIDTH = 5, 3
OPTIONS = {"projection": WIDTH, "peepholes": True}
LAST = Signature(timesteps=6, features=2, outputs=4, target="value")
WRITTEN = Signature(timesteps=6, features=3, outputs=7, target="class", per_step=True, tokens=7, decoded=6, varying=True)
PROJECTING = [("lstm", OPTIONS), ("layer_norm_lstm", {"projection": WIDTH})]
projecting = pytest.mark.parametrize(("name", "options"), PROJECTING)


def sequence(batch=2):
    return np.random.default_rng(1).normal(size=(batch, 6, 2)).astype("float32")


@projecting
@pytest.mark.parametrize("both", [False, True])
def test_the_next_layer_and_the_head_read_what_a_layer_gives(name, options, both):
    network = resolve(ModelSpec(units=UNITS, layers=2, bidirectional=both), LAST, CELLS.find(name), options)
    model = build(network)
    assert network.size.parameters == model.count_params()
    assert [layer.output.shape[-1] for layer in model.layers[1:]] == [WIDTH * (1 + both)] * 2 + [4]
    assert model(sequence()).shape == (2, 4)


@projecting
def test_diagnostics_follow_states_of_several_sizes(name, options):
    model = build(resolve(ModelSpec(units=UNITS, layers=2), LAST, CELLS.find(name), options))
    for layer in model.layers:
        layer.trainable = True
    first, second = diagnostics.gates(model, sequence())
    sizes = {state: values.shape[-1] for state, values in second.states.items()}
    assert sizes == {"h": WIDTH, "c": UNITS}
    assert first.kept.shape == (2, 6, UNITS)
    before_head = keras.Model(model.inputs, model.layers[-1].input)([sequence()])
    np.testing.assert_allclose(second.states["h"][:, -1], before_head, rtol=0, atol=1e-5)
    model.compile(loss="mse")
    slopes = diagnostics.gradients(model, sequence(), np.zeros((2, 4), "float32"))
    assert all(np.isfinite(part.whole).all() for part in slopes)


@pytest.mark.parametrize(
    ("options", "words"),
    [(OPTIONS, "peepholes=True, projection=3"), ({"peepholes": True}, "peepholes=True"), ({"zoneout": 0.3}, "zoneout=0.3")],
)
def test_streaming_computes_what_the_kernels_do_not(options, words):
    model = build(resolve(ModelSpec(units=UNITS, layers=2), LAST, CELLS.find("lstm"), options))
    streaming = gru_tf.Streaming(model)
    x = sequence(1)
    steps = [streaming.step(x[0, t]) for t in range(6)]
    np.testing.assert_allclose(steps[-1], model(x)[0], rtol=0, atol=1e-5)
    assert [s.shape[-1] for s in streaming.state.values()] == [options.get("projection", UNITS), UNITS] * 2
    assert kernels.why_not() or f"{words}, the kernels have none" in streaming.kernel_path


@pytest.mark.parametrize("both", [False, True])
def test_attention_needs_outputs_as_wide_as_the_units(both):
    model = ModelSpec(units=UNITS, bidirectional=both)
    with pytest.raises(UserError, match="lstm: expected outputs of as many numbers as units, .* Received: 3 of 5 units"):
        resolve(model, WRITTEN, CELLS.find("lstm"), OPTIONS)
    network = resolve(model, WRITTEN, CELLS.find("lstm"), {"projection": UNITS})
    built = build(network)
    assert network.size.parameters == built.count_params()
    SequenceWriter(built)


def test_one_unit_is_refused_where_it_says_nothing_and_no_budget_gives_it():
    cell = CELLS.find("layer_norm_gru")
    with pytest.raises(UserError, match="model.units: received 1, expected at least 2 for layer_norm_gru"):
        resolve(ModelSpec(units=1), LAST, cell, {})
    smallest = resolve(ModelSpec(units=2), LAST, cell, {}).size.parameters
    assert resolve(ModelSpec(parameters=smallest), LAST, cell, {}).units == 2
    kernel(ModelSpec(units=2), cell, {}, "auto", gpu=False)


@pytest.mark.parametrize("options", [{"projection": 3}, {"peepholes": True}, {"zoneout": 0.1}])
def test_forms_of_plain_layers_refuse_what_they_have_no_place_for(options):
    ((name, value),) = options.items()
    for layer in (gru_tf.LSTM(UNITS, **options), keras.layers.Bidirectional(gru_tf.LSTM(UNITS, **options))):
        model = keras.Sequential([keras.Input((None, 2)), layer])
        with pytest.raises(UserError, match=f"expected a plain GRU, LSTM or RNN, .* Received: {name}={value}"):
            keras_model.network_of(model)
