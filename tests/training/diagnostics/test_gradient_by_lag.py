"""Gradient against lag: powers of a matrix, finite differences through Keras' own layers, masks and lengths."""

import keras
import numpy as np
import pytest
from keras import ops
from small_networks import BATCH, FEATURES, STEPS, UNITS, array, every_layer, inputs, layer_of, network

from gru_tf.training import diagnostics

STEP = 1e-6


@pytest.fixture
def rng():
    return np.random.default_rng(2)


def last_value(direction):
    """A loss of the last step's output alone: Σ sin(d ∘ h_T), so that its gradient depends on the state."""
    return lambda _, outputs: ops.sum(ops.sin(outputs[:, -1] * direction), axis=-1)


def test_a_linear_network_passes_on_powers_of_its_matrix(rng):
    layer = keras.layers.SimpleRNN(UNITS, activation="linear", dtype="float64")
    layer.build((None, None, FEATURES))
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    weight = rng.normal(size=UNITS)
    (found,) = diagnostics.gradients(layer, inputs(rng), None, lambda _, h: ops.matmul(h, weight))
    kernel = layer.get_weights()[1]  # h' = x W + h U: ∂h'/∂h = Uᵀ
    expected = [np.linalg.norm(np.linalg.matrix_power(kernel, lag) @ weight) for lag in range(STEPS)]
    np.testing.assert_allclose(found.whole, np.tile(expected, (BATCH, 1)), rtol=1e-12)
    quartiles = found.quartiles()
    assert quartiles.low == quartiles.median == quartiles.high == pytest.approx(expected)


def by_differences(layer, x, direction, steps):
    """‖∂L/∂s‖ of each part s of the state after `steps` steps, (batch,): what comes after is Keras' own layer."""
    value = last_value(direction)
    config = {**layer.get_config(), "return_state": True}
    twin = type(layer).from_config(config)
    twin.build(x.shape)
    twin.set_weights(layer.get_weights())
    states = [array(state) for state in twin(x[:, :steps])[1:]]
    norms = []
    for part in range(len(states)):
        slopes = np.zeros_like(states[part])
        for unit in range(slopes.shape[1]):
            ends = []
            for sign in (1, -1):
                moved = [state.copy() for state in states]
                moved[part][:, unit] += sign * STEP
                ends.append(array(value(None, twin(x[:, steps:], initial_state=moved)[0])))
            slopes[:, unit] = (ends[0] - ends[1]) / (2 * STEP)
        norms.append(np.linalg.norm(slopes, axis=1))
    return norms


@every_layer
def test_finite_differences_through_the_layer_itself(rng, name, how):
    layer, x = layer_of(rng, name, how, dtype="float64"), inputs(rng)
    direction = rng.normal(size=UNITS)
    (found,) = diagnostics.gradients(layer, x, None, last_value(direction))
    for lag in (1, 3, STEPS - 1):
        expected = by_differences(layer, x, direction, STEPS - lag)
        assert len(expected) == len(found.states)
        for part, norm in zip(found.states, expected, strict=True):
            np.testing.assert_allclose(part[:, lag], norm, rtol=2e-6, atol=1e-9)
        np.testing.assert_allclose(found.whole[:, lag], np.sqrt(sum(n**2 for n in expected)), rtol=2e-6, atol=1e-9)
        with pytest.raises(AssertionError):  # and are able to tell one lag from the next
            np.testing.assert_allclose(found.whole[:, lag - 1], np.sqrt(sum(n**2 for n in expected)), rtol=2e-6)


def test_of_an_lstm_h_alone_hides_the_way_through_c(rng):
    layer, x = layer_of(rng, "lstm", dtype="float64"), inputs(rng)
    kernel, recurrent, bias = layer.get_weights()
    layer.set_weights([kernel, 0 * recurrent, bias])  # no gate sees h: only c goes on
    (found,) = diagnostics.gradients(layer, x, None, last_value(np.ones(UNITS)))
    h, c = found.states
    np.testing.assert_array_equal(h[:, 1:], 0)
    np.testing.assert_array_equal(c[:, 0], 0)
    assert (h[:, 0] > 0).all()
    assert (c[:, 1:] > 0).all()
    np.testing.assert_allclose(found.whole, h + c, rtol=1e-12)


@pytest.mark.parametrize("backward", [False, True])
def test_a_lower_layers_states_by_finite_differences(rng, backward):
    """The lower layer's state at a step reaches the loss through its later steps and through the upper layer."""
    lower, upper = (layer_of(rng, "gru", dtype="float64", features=n) for n in (FEATURES, UNITS))
    turn = slice(None, None, -1 if backward else 1)
    lower.go_backwards = backward  # its outputs are then in the order of reading, which is what the upper layer reads
    x, direction = inputs(rng), rng.normal(size=UNITS)
    model = keras.Sequential([keras.Input((STEPS, FEATURES), dtype="float64"), lower, upper])
    first, second = diagnostics.gradients(model, x, None, last_value(direction))
    assert (first.place.depth, second.place.depth) == (1, 2)
    assert first.place.direction == ("backward" if backward else "forward")

    lower.go_backwards = False
    read = x[:, turn]
    for lag in (0, 2, 5):
        steps = STEPS - lag
        so_far = array(lower(read[:, :steps]))
        slopes = np.zeros((BATCH, UNITS))
        for unit in range(UNITS):
            ends = []
            for sign in (1, -1):
                moved = so_far.copy()
                moved[:, -1, unit] += sign * STEP
                rest = array(lower(read[:, steps:], initial_state=moved[:, -1])) if lag else np.zeros((BATCH, 0, UNITS))
                ends.append(array(last_value(direction)(None, upper(np.concatenate([moved, rest], axis=1)))))
            slopes[:, unit] = (ends[0] - ends[1]) / (2 * STEP)
        np.testing.assert_allclose(first.whole[:, lag], np.linalg.norm(slopes, axis=1), rtol=2e-6)


def test_every_layer_and_direction_of_a_network(rng):
    model, x = network(rng), inputs(rng)
    found = diagnostics.gradients(model, x, np.zeros((BATCH, 1)), lambda _, y: y[:, 0])
    places = [(one.place.name, one.place.depth, one.place.direction) for one in found]
    assert places == [("both", 1, "forward"), ("both", 1, "backward"), ("last", 2, "forward")]
    head = np.linalg.norm(array(model.get_layer("head").kernel))
    np.testing.assert_allclose(found[2].whole[:, 0], head, rtol=1e-6)


# --- losses, lengths, masks ---


def test_the_last_real_steps_loss_counts_where_every_step_has_one(rng):
    layer, x, lengths = layer_of(rng, "lstm", dtype="float64"), inputs(rng), [STEPS, 4, 1]
    targets = rng.normal(size=(BATCH, STEPS, UNITS))
    (found,) = diagnostics.gradients(layer, x, targets, "mse", lengths)
    assert (~np.isnan(found.whole)).sum(axis=1).tolist() == lengths
    for row, length in enumerate(lengths):
        one, until = slice(row, row + 1), slice(0, length)
        (alone,) = diagnostics.gradients(layer, x[one, until], targets[one, until], "mse")
        np.testing.assert_allclose(found.whole[one, until], alone.whole, rtol=1e-12)


def test_a_mask_gives_lengths(rng):
    layer, x = layer_of(rng, "gru", dtype="float64"), inputs(rng)
    x[1, 4:] = 0
    model = keras.Sequential([keras.Input((STEPS, FEATURES), dtype="float64"), keras.layers.Masking(dtype="float64"), layer])
    targets = rng.normal(size=(BATCH, STEPS, UNITS))
    (masked,), (given,) = (
        diagnostics.gradients(model, x, targets, "mse"),
        diagnostics.gradients(layer, x, targets, "mse", [STEPS, 4, STEPS]),
    )
    np.testing.assert_allclose(masked.whole, given.whole, rtol=1e-12)


def test_the_last_output_under_a_mask_is_that_of_the_last_real_step(rng):
    layer, x = layer_of(rng, "gru", dtype="float64", return_sequences=False), inputs(rng)
    x[1, 4:] = 0
    model = keras.Sequential([keras.Input((STEPS, FEATURES), dtype="float64"), keras.layers.Masking(dtype="float64"), layer])
    targets = rng.normal(size=(BATCH, UNITS))
    (masked,) = diagnostics.gradients(model, x, targets, "mse")
    (alone,) = diagnostics.gradients(layer, x[1:2, :4], targets[1:2], "mse")
    np.testing.assert_allclose(masked.whole[1:2, :4], alone.whole, rtol=1e-12)
    assert np.isnan(masked.whole[1, 4:]).all()
    assert np.isfinite(masked.whole[[0, 2]]).all()


def test_quartiles_are_over_the_sequences_that_are_long_enough(rng):
    layer = layer_of(rng, "gru")
    (found,) = diagnostics.gradients(layer, inputs(rng), np.zeros((BATCH, STEPS, UNITS)), "mse", [5, 3, 1])
    quartiles = found.quartiles()
    assert len(quartiles.median) == 5
    assert quartiles.median[:3] == pytest.approx(
        [*np.median(found.whole[:, :1], 0), np.mean(found.whole[:2, 1]), np.mean(found.whole[:2, 2])]
    )
    assert quartiles.low[4] == quartiles.median[4] == quartiles.high[4] == found.whole[0, 4]
    assert quartiles.low[0] == pytest.approx(np.quantile(found.whole[:, 0], 0.25))


@pytest.mark.parametrize("loss", ["mse", keras.losses.MeanSquaredError(), keras.losses.mean_squared_error])
def test_the_loss_a_model_was_compiled_with(rng, loss):
    model, x, targets = network(rng), inputs(rng), rng.normal(size=(BATCH, 1))
    model.compile(loss=loss)
    compiled, named = diagnostics.gradients(model, x, targets), diagnostics.gradients(model, x, targets, "mse")
    for one, other in zip(compiled, named, strict=True):
        np.testing.assert_array_equal(one.whole, other.whole)


def test_what_gives_no_gradient_is_refused(rng):
    x, layer = inputs(rng), layer_of(rng, "gru", name="g")
    with pytest.raises(ValueError, match="expected `loss`, for g is not compiled with one"):
        diagnostics.gradients(layer, x, None)
    with pytest.raises(ValueError, match=r"expected a loss for each sequence, \(batch,\)\. Received: shape \(\)"):
        diagnostics.gradients(layer, x, None, lambda _, y: ops.sum(y))

    class Twice(keras.layers.GRUCell):
        def call(self, *arguments, **options):
            out, states = super().call(*arguments, **options)
            return 2 * out, states

    with pytest.raises(ValueError, match="output is its first state. Received: Twice"):
        diagnostics.gradients(keras.layers.RNN(Twice(3)), x, None, last_value(1.0))
