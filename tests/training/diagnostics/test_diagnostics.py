"""Looking inside recurrent layers: every number against Keras' own outputs, closed forms or finite differences."""

import keras
import numpy as np
import pytest
from small_networks import BATCH, FEATURES, STEPS, UNITS, array, every_layer, inputs, layer_of, network

import gru_tf
from gru_tf.recurrent.cells import CANDIDATES, CELLS
from gru_tf.recurrent.layers.acceleration import accelerate
from gru_tf.training import diagnostics


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def of_gate(rng, name, how, gate, bias):
    """A layer of which one gate is σ(bias) in every step, whatever it reads, and the candidate is 0."""
    layer, spec = layer_of(rng, name, how), CELLS.find(name)
    weights = [np.zeros(w.shape) for w in layer.get_weights()]
    at, widths = spec.gates.index(gate), spec.build(UNITS).widths
    bias_of_all = weights[[w.name for w in layer.weights].index("bias")]
    row = bias_of_all[0] if bias_of_all.ndim == 2 else bias_of_all
    behind = sum(widths[at:])  # the last gates have biases, a candidate may not
    row[len(row) - behind : len(row) - behind + widths[at]] = bias
    layer.set_weights(weights)
    return layer


# --- gates over time ---


def check_outputs(layer, x):
    """The states that the gates lead to are the layer's outputs."""
    (found,) = diagnostics.gates(layer, x)
    np.testing.assert_allclose(next(iter(found.states.values())), array(layer(x)), atol=2e-6)
    return found


@every_layer
def test_the_states_are_the_layers_outputs(rng, name, how):
    found = check_outputs(layer_of(rng, name, how), inputs(rng))
    spec = CELLS.find(name)
    assert (found.place.depth, found.place.direction) == (1, "forward")
    assert tuple(found.values) == spec.gates
    assert tuple(found.states) == spec.states
    widths = [*[UNITS] * len(found.values), *spec.state_sizes(UNITS, {})]
    for values, width in zip((*found.values.values(), *found.states.values()), widths, strict=True):
        assert (values.shape, values.dtype) == ((BATCH, STEPS, width), np.float64)


@every_layer
def test_that_check_notices_weights_that_are_not_the_layers(rng, name, how, monkeypatch):
    from gru_tf.training.diagnostics import equations

    layer, x = layer_of(rng, name, how), inputs(rng)
    read = equations.equation(layer)
    rolled = {k: np.roll(v, UNITS // 2, axis=-1) for k, v in read.weights.items()}
    wrong = equations.Equation(read.cell, read.options, rolled)
    monkeypatch.setattr("gru_tf.training.diagnostics.gates_over_time.equation", lambda _: wrong)
    with pytest.raises(AssertionError):
        check_outputs(layer, x)


def before(states):
    """The states before each step, which begin at zero."""
    return np.concatenate([np.zeros_like(states[:, :1]), states[:, :-1]], axis=1)


@pytest.mark.parametrize("how", ["stock", "custom"])
def test_a_grus_gates_make_kerass_outputs(rng, how):
    layer, x = layer_of(rng, "gru", how), inputs(rng)
    (found,) = diagnostics.gates(layer, x)
    h, v = array(layer(x)), found.values
    np.testing.assert_allclose(v["z"] * before(h) + (1 - v["z"]) * v["h"], h, atol=2e-6)
    np.testing.assert_array_equal(found.kept, v["z"])
    assert found.gates == ("z", "r")


@pytest.mark.parametrize("how", ["stock", "custom"])
def test_an_lstms_gates_make_kerass_outputs(rng, how):
    layer, x = layer_of(rng, "lstm", how), inputs(rng)
    (found,) = diagnostics.gates(layer, x)
    v, c = found.values, found.states["c"]
    np.testing.assert_allclose(v["f"] * before(c) + v["i"] * v["c"], c, atol=1e-12)
    np.testing.assert_allclose(v["o"] * np.tanh(c), array(layer(x)), atol=2e-6)
    np.testing.assert_array_equal(found.kept, v["f"])
    assert found.gates == ("i", "f", "o")


@pytest.mark.parametrize("name", CELLS.names())
def test_gates_lie_between_0_and_1_and_candidates_do_not(rng, name):
    layer = layer_of(rng, name)
    layer.set_weights([5 * w for w in layer.get_weights()])
    (found,) = diagnostics.gates(layer, inputs(rng, batch=50))
    for gate, values in found.values.items():
        inside = values.min() >= 0 and values.max() <= 1
        assert inside == (gate not in CANDIDATES), gate
    assert set(found.values) - set(found.gates) == set(found.values) & set(CANDIDATES) != set()
    if found.kept is not None:
        assert 0 <= found.kept.min() <= found.kept.max() <= 1


@pytest.mark.parametrize("reset_after", [True, False])
def test_layers_without_a_bias(rng, reset_after):
    layers = [
        keras.layers.GRU(UNITS, use_bias=False, reset_after=reset_after, return_sequences=True),
        keras.layers.RNN(CELLS.find("gru").build(UNITS, use_bias=False, reset_after=reset_after), return_sequences=True),
        keras.layers.LSTM(UNITS, use_bias=False, return_sequences=True),
    ]
    for layer in layers:
        layer.build((None, None, FEATURES))
        check_outputs(layer, inputs(rng))


@pytest.mark.parametrize("options", [{"reset_after": False}, {"reset_after": True, "convention": "write"}])
def test_the_cells_options_are_read_from_the_layer(rng, options):
    layer = keras.layers.RNN(CELLS.find("gru").build(UNITS, **options), return_sequences=True)
    layer.build((None, None, FEATURES))
    found = check_outputs(layer, inputs(rng))
    z = found.values["z"]
    np.testing.assert_array_equal(found.kept, 1 - z if "convention" in options else z)


# --- where in a network ---


@pytest.mark.parametrize("name", ["gru", "lstm", "min_gru"])
def test_weights_are_read_with_what_lora_makes_of_them(rng, name):
    layer, x = layer_of(rng, name, "custom"), inputs(rng)
    layer.cell.enable_lora(2)
    for weight in layer.weights:
        if weight.name.startswith("lora"):
            weight.assign(rng.normal(scale=0.5, size=weight.shape))
    check_outputs(layer, x)


def test_layers_within_anothers_loop_are_named_not_left_out_in_silence(rng):
    sequence = keras.Input((STEPS, FEATURES))
    read = gru_tf.GRU(UNITS, return_sequences=True, name="reader")(sequence)
    decoder = gru_tf.AttentionDecoder(gru_tf.GRU(UNITS, name="writer"), input_feeding=True)
    model = keras.Model(sequence, decoder(sequence, read))
    with pytest.warns(UserWarning, match="left out: expected recurrent layers that .* Received: writer$"):
        (reader,) = diagnostics.gates(model, inputs(rng))
    assert reader.place.name == "reader"
    memory = keras.Input((STEPS, UNITS))
    alone = keras.Model([sequence, memory], decoder(sequence, memory))
    with pytest.raises(ValueError, match="diagnostics: expected recurrent layers that the model runs .* Received: writer$"):
        diagnostics.gates(alone, [inputs(rng), rng.normal(size=(BATCH, STEPS, UNITS))])


def test_every_layer_and_direction_of_a_network_is_named(rng):
    found = diagnostics.gates(network(rng), inputs(rng))
    places = [(one.place.name, one.place.depth, one.place.direction, one.cell) for one in found]
    assert places == [("both", 1, "forward", "gru"), ("both", 1, "backward", "gru"), ("last", 2, "forward", "gru")]


def test_both_directions_are_in_the_order_of_the_input(rng):
    model, x = network(rng), inputs(rng)
    forward, backward, last = diagnostics.gates(model, x)
    both = keras.Model(model.layers[0].output, model.layers[1].output)(x)
    np.testing.assert_allclose(np.concatenate([forward.states["h"], backward.states["h"]], -1), array(both), atol=2e-6)
    head = model.get_layer("head")
    np.testing.assert_allclose(array(head(last.states["h"][:, -1])), array(model(x)), atol=2e-6)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_no_kernel_computes_both_directions_unheard(rng, cell, monkeypatch):
    x, layer = inputs(rng), keras.layers.Bidirectional(layer_of(rng, cell))
    layer.build(x.shape)
    fused = []
    if not hasattr(keras.layers.Bidirectional, f"_call_fused_{cell}"):
        pytest.skip("Keras has computed both directions by one kernel since 3.15")
    monkeypatch.setattr(keras.layers.Bidirectional, f"_call_fused_{cell}", lambda *_: fused.append(1) or 1 / 0)
    assert len(diagnostics.gates(layer, x)) == 2
    assert fused == []
    with pytest.raises(ZeroDivisionError):  # which is what Keras tries by itself
        layer(x)


def test_a_backward_layer_does_what_a_forward_one_does_on_the_reversed_input(rng):
    x = inputs(rng)
    forward, backward = layer_of(rng, "lstm"), layer_of(rng, "lstm", go_backwards=True)
    backward.set_weights(forward.get_weights())
    (one,), (other,) = diagnostics.gates(forward, x[:, ::-1].copy()), diagnostics.gates(backward, x)
    assert other.place.direction == "backward"
    for gate in one.values:
        np.testing.assert_allclose(one.values[gate][:, ::-1], other.values[gate], atol=1e-7)


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_masked_steps_are_left_out(rng, name, go_backwards):
    layer = layer_of(rng, name, go_backwards=go_backwards)
    x = inputs(rng)
    x[0, 4:] = x[1, 5] = 0
    masked = keras.Sequential([keras.Input((STEPS, FEATURES)), keras.layers.Masking(), layer])
    (found,), (short,) = diagnostics.gates(masked, x), diagnostics.gates(layer, x[:1, :4])
    h = next(iter(found.states.values()))
    assert np.isnan(h[0, 4:]).all()
    assert np.isnan(h[1, 5]).all()
    assert np.isnan(h).any(axis=-1).sum() == 4
    for gate, values in short.values.items():
        np.testing.assert_allclose(found.values[gate][:1, :4], values, atol=1e-12)
    outputs = array(masked(x))[:, :: -1 if go_backwards else 1]
    np.testing.assert_allclose(h[~np.isnan(h)], outputs[~np.isnan(h)], atol=2e-6)


def test_lengths_leave_padding_out_of_both_directions(rng):
    (forward, backward, _), lengths = diagnostics.gates(network(rng), inputs(rng), [2, 7, 5]), [2, 7, 5]
    for found in (forward, backward):
        assert (~np.isnan(found.values["z"][..., 0])).sum(axis=1).tolist() == lengths
        assert np.isnan(found.kept[0, 2:]).all()


def test_a_stateful_layer_begins_with_its_state_and_keeps_it(rng):
    layer = layer_of(rng, "gru")
    x = inputs(rng)
    model = keras.Sequential([keras.Input(batch_shape=(BATCH, STEPS, FEATURES))])
    model.add(keras.layers.GRU(UNITS, stateful=True, return_sequences=True))
    model.layers[0].set_weights(layer.get_weights())
    model(x)
    state = array(model.layers[0].states[0])
    (found,) = diagnostics.gates(model, x)
    diagnostics.gradients(model, x, np.zeros((BATCH, STEPS, UNITS)), "mse")
    np.testing.assert_array_equal(array(model.layers[0].states[0]), state)
    twice = diagnostics.gates(layer, np.concatenate([x, x], axis=1))[0].values["z"]
    np.testing.assert_allclose(found.values["z"], twice[:, STEPS:], atol=1e-6)


def test_looking_leaves_a_model_as_it_was(rng):
    model, x = network(rng), inputs(rng)
    outputs, variables = array(model(x)), [array(v) for v in model.variables]
    diagnostics.gates(model, x)
    diagnostics.gradients(model, x, np.zeros((BATCH, 1)), "mse")
    with pytest.raises(ZeroDivisionError):
        diagnostics.gradients(model, x, np.zeros((BATCH, 1)), lambda *_: 1 / 0)
    np.testing.assert_array_equal(array(model(x)), outputs)
    for now, then in zip(model.variables, variables, strict=True):
        np.testing.assert_array_equal(array(now), then)
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.RNN)]
    assert len(layers) == 3
    assert not any("inner_loop" in vars(layer) for layer in layers)
    assert {getattr(layer, "use_cudnn", "auto") for layer in layers} == {"auto"}


def test_looking_leaves_an_accelerated_layer_with_its_kernel(rng):
    layer = keras.layers.GRU(UNITS)
    layer.build((BATCH, STEPS, FEATURES))
    accelerate(layer)
    own = vars(layer)["inner_loop"]
    diagnostics.gates(layer, inputs(rng))
    assert vars(layer)["inner_loop"] is own


def test_the_kernels_of_a_cell_with_lora_are_those_that_it_multiplies_by(rng):
    layer = gru_tf.LSTM(UNITS, return_sequences=True)
    layer(inputs(rng))
    layer.enable_lora(2, b_initializer="ones")
    check_outputs(layer, inputs(rng))


def quantized():
    layer = gru_tf.GRU(3, name="whole")
    layer.build((None, None, FEATURES))
    layer.quantize("int8")
    return layer


# --- saturation and memory ---

# an exponential gate is shown as its share in the memory, which depends on all that was read
EXPONENTIAL = [("slstm", "i"), ("slstm", "f"), ("mlstm", "i")]
GATES = [(name, gate) for name in CELLS.names() for gate in CELLS.find(name).gates if gate not in CANDIDATES]
GATES = [one for one in GATES if one not in EXPONENTIAL]


@pytest.mark.parametrize(("name", "gate"), GATES)
def test_a_gate_that_is_open_or_shut_is_saturated(rng, name, gate):
    for bias, low, high in ((4.0, 0.0, 1.0), (-4.0, 1.0, 0.0), (0.0, 0.0, 0.0)):
        (found,) = diagnostics.gates(of_gate(rng, name, "stock", gate, bias), inputs(rng))
        shares = diagnostics.saturation(found)
        assert set(shares) == set(found.gates)
        np.testing.assert_array_equal(shares[gate].low, np.full(UNITS, low))
        np.testing.assert_array_equal(shares[gate].high, np.full(UNITS, high))


def test_shares_are_over_sequences_and_real_steps():
    layer = keras.layers.GRU(1, return_sequences=True)
    layer.build((None, None, 1))
    layer.set_weights([np.array([[1.0, 0, 0]]), np.zeros((1, 3)), np.zeros((2, 3))])
    x = np.array([[9, 9, -9, 0], [9, 1, 9, 9]], "float32")[..., None]  # σ(1) = 0.73
    (found,) = diagnostics.gates(layer, x, lengths=[4, 2])
    shares = diagnostics.saturation(found)["z"]
    assert (shares.low, shares.high) == (pytest.approx([1 / 6]), pytest.approx([3 / 6]))
    assert diagnostics.saturation(found, high=0.7)["z"].high == pytest.approx([4 / 6])
    assert diagnostics.saturation(found, low=0.6)["z"].low == pytest.approx([2 / 6])


@pytest.mark.parametrize("limits", [(0.9, 0.1), (0.5, 0.5), (-0.1, 0.9), (0.1, 1.1)])
def test_impossible_thresholds_are_refused(rng, limits):
    (found,) = diagnostics.gates(layer_of(rng, "gru"), inputs(rng))
    with pytest.raises(ValueError, match=r"0 ≤ low < high ≤ 1\. Received: low="):
        diagnostics.saturation(found, *limits)


# a gate whose value, or for −1 what it leaves of 1, is kept
KEEPING = [("gru", "z", 1), ("lstm", "f", 1), ("janet", "f", 1), ("mgu", "f", -1), ("min_gru", "z", -1), ("mlstm", "f", 1)]
KEEPING = [one for one in KEEPING if one[0] in CELLS.names()]


@pytest.mark.parametrize("how", ["stock", "custom"])
@pytest.mark.parametrize(("name", "gate", "sign"), KEEPING)
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.999])
def test_a_constant_gate_has_a_memory_in_closed_form(rng, name, gate, sign, how, share):
    layer = of_gate(rng, name, how, gate, sign * np.log(share / (1 - share)))
    (found,) = diagnostics.gates(layer, inputs(rng))
    np.testing.assert_allclose(diagnostics.memory_length(found), np.full(UNITS, -1 / np.log(share)), rtol=1e-5)


def test_a_memory_is_the_time_in_which_a_state_falls_to_1_e(rng):
    layer = of_gate(rng, "gru", "stock", "z", 3.0)  # and a candidate of 0: h_t = k^t h_0
    (found,) = diagnostics.gates(layer, inputs(rng))
    steps = round(float(diagnostics.memory_length(found)[0]))
    start = np.ones((1, UNITS), "float32")
    left = array(layer(np.zeros((1, steps, FEATURES), "float32"), initial_state=start))[0, -1]
    np.testing.assert_allclose(left, np.exp(-1), rtol=0.03)


@pytest.mark.parametrize(("bias", "length"), [(1e3, np.inf), (-1e3, 0.0)])
def test_everything_kept_is_for_ever_and_nothing_is_no_time(rng, bias, length):
    (found,) = diagnostics.gates(of_gate(rng, "gru", "stock", "z", bias), inputs(rng))
    np.testing.assert_array_equal(diagnostics.memory_length(found), np.full(UNITS, length))


def test_the_write_convention_remembers_as_long_as_its_twin(rng):
    keep = layer_of(rng, "gru", "custom")
    write = keras.layers.RNN(CELLS.find("gru").build(UNITS, convention="write"), return_sequences=True)
    write.build((None, None, FEATURES))
    signs = np.repeat([-1.0, 1.0, 1.0], UNITS)
    write.set_weights([w * signs for w in keep.get_weights()])
    x = inputs(rng)
    lengths = [diagnostics.memory_length(diagnostics.gates(layer, x)[0]) for layer in (keep, write)]
    np.testing.assert_allclose(*lengths, rtol=1e-10)


@pytest.mark.parametrize("name", CELLS.names())
def test_a_cell_without_such_a_gate_has_no_memory_length(rng, name):
    (found,) = diagnostics.gates(layer_of(rng, name), inputs(rng))
    assert (diagnostics.memory_length(found) is None) == (CELLS.find(name).kept is None)
    assert CELLS.find("rnn").kept is None


# --- what is refused ---


class Other(keras.layers.GRUCell):
    """A subclass, which may compute anything."""


REFUSED = {
    "an object": (object, "expected a Keras model or layer"),
    "no recurrent layer": (lambda: keras.layers.Dense(3), "expected a recurrent layer .* Received: Dense"),
    "an unknown cell": (lambda: keras.layers.RNN(Other(3), name="own"), "own: expected a cell of the catalogue .*: Other"),
    "several cells": (lambda: keras.layers.RNN([Other(3), Other(3)]), "expected one cell.* Received: StackedRNNCells"),
    "another activation": (
        lambda: keras.layers.GRU(3, activation="relu", name="r"),
        "r: expected activation='tanh', which the equation has. Received: activation='relu'",
    ),
    "a quantised cell": (quantized, "whole: expected a cell with kernels of floats. Received: one quantised to int8"),
    "another gate": (lambda: keras.layers.LSTM(3, recurrent_activation="hard_sigmoid"), "expected recurrent_activation"),
    "another activation of ours": (lambda: keras.layers.RNN(CELLS.find("gru").build(3, activation="relu")), "'tanh'"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_no_equation_is_known_for_is_refused(rng, what):
    make, message = REFUSED[what]
    with pytest.raises(ValueError, match=message):
        diagnostics.gates(make(), inputs(rng))


def test_the_public_names_are_there():
    assert {"gates", "gradients", "saturation", "memory_length"} <= set(diagnostics.__all__) == set(dir(diagnostics))
    for name in diagnostics.__all__:
        assert getattr(diagnostics, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute 'gate'"):
        _ = diagnostics.gate
