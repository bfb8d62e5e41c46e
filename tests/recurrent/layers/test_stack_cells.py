"""What the layers of a stack are made of: this project's layers, arguments of the cells, seeds, states that are carried."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import gru_tf
from gru_tf import RecurrentStack, stacked
from gru_tf.recurrent.layers.cell_copies import copied

BATCH, STEPS, FEATURES = 3, 5, 4


def sequence(width=FEATURES):
    return np.random.default_rng(1).normal(size=(BATCH, STEPS, width)).astype("float32")


def directions(stack):
    """The layers of each direction, forward then backward, from the first to the last."""
    both = stack.bidirectional
    return [way for layer in stack.layers for way in ((layer.forward_layer, layer.backward_layer) if both else (layer,))]


def nameless(config):
    """A configuration without the names that Keras counts."""
    if isinstance(config, (list, tuple)):
        return [nameless(value) for value in config]
    return {k: nameless(v) for k, v in config.items() if k != "name"} if isinstance(config, dict) else config


def test_the_layers_are_this_project_s_and_take_cudnn_in_either_convention():
    kinds = {"gru": gru_tf.GRU, "lstm": gru_tf.LSTM, "rnn": gru_tf.SimpleRNN}
    for name, kind in kinds.items():
        assert [type(layer) for layer in RecurrentStack(name, [4, 3]).layers] == [kind, kind]
    stack = RecurrentStack("gru", [4, 3], options={"convention": "write"})
    assert [path.name for path in stack.kernel_path(gpu=True)] == ["cudnn", "cudnn"]
    for mask in ("left-padded", "gaps", "empty row"):
        assert [path.name for path in stack.kernel_path(gpu=True, mask=mask)] == ["while-loop"] * 2  # Keras' layer fails


@pytest.mark.parametrize("units", [np.int64(4), [np.int32(4), 3], np.array([4, 3])])
def test_units_of_numpy_are_units(units):
    stack = RecurrentStack("gru", units)
    assert all(type(size) is int for size in stack.units)
    assert stack(sequence()).shape == (BATCH, stack.units[-1])
    assert RecurrentStack.from_config(stack.get_config()).units == stack.units
    with pytest.raises(ValueError, match="expected `units` to be a positive integer for each layer"):
        RecurrentStack("gru", np.array([4.0, 3.0]))


ARGUMENTS = {
    "activation": "relu",
    "use_bias": False,
    "kernel_regularizer": keras.regularizers.L2(0.1),
    "recurrent_initializer": keras.initializers.Orthogonal(seed=3),
    "recurrent_constraint": "max_norm",
}


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "janet"])
def test_arguments_of_cells_reach_every_layer_and_go_round(cell, bidirectional, tmp_path):
    stack = RecurrentStack(cell, [4, 4, 4], bidirectional=bidirectional, **ARGUMENTS)
    outputs = stack(sequence())
    ways = [
        way for layer in stack.layers for way in ((layer.forward_layer, layer.backward_layer) if bidirectional else (layer,))
    ]
    assert len(ways) == (6 if bidirectional else 3)
    for layer in ways:
        assert layer.cell.activation is keras.activations.relu
        assert layer.cell.bias is None
        assert isinstance(layer.cell.recurrent_constraint, keras.constraints.MaxNorm)
    assert len(stack.losses) == len(ways)
    kernels = [np.array(layer.cell.recurrent_kernel) for layer in ways]
    apart = [np.abs(one - other).max() for n, one in enumerate(kernels) for other in kernels[:n]]
    assert min(apart) > 1e-2, "a seeded initializer begins every layer and direction elsewhere"
    again = RecurrentStack.from_config(stack.get_config())
    assert again.get_config() == stack.get_config()
    model = keras.Sequential([keras.Input((None, FEATURES)), stack])
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "model.keras")(sequence()), outputs, rtol=0, atol=1e-6)


def test_arguments_of_cells_are_refused_beside_a_cell_and_where_the_cell_has_no_such_argument():
    with pytest.raises(ValueError, match=r"expected `activation` to be left out beside a Keras cell.*Received: .*'relu'"):
        RecurrentStack(keras.layers.GRUCell(4), 4, activation="relu")
    with pytest.raises(ValueError, match=r"MinGRUCell: expected `recurrent_regularizer` to be left out"):
        RecurrentStack("min_gru", 4, recurrent_regularizer="l2")
    with pytest.raises((TypeError, ValueError), match="activatoin"):
        RecurrentStack("gru", 4, activatoin="relu")


@pytest.mark.parametrize("bidirectional", [False, True])
def test_each_copy_of_a_seeded_cell_drops_and_begins_in_its_own_way(bidirectional):
    cell = gru_tf.GRUCell(6, recurrent_dropout=0.5, seed=1, recurrent_initializer=keras.initializers.Orthogonal(seed=4))
    stack = RecurrentStack(cell, [6, 6], bidirectional=bidirectional)
    ways = [
        way for layer in stack.layers for way in ((layer.forward_layer, layer.backward_layer) if bidirectional else (layer,))
    ]
    ones = tf.ones((1, 6))
    masks = [np.array(layer.cell.get_recurrent_dropout_mask(ones)[0])[0] for layer in ways]
    kernels = [np.array(layer.cell.recurrent_kernel) for layer in ways if layer.build((BATCH, STEPS, 6)) or True]
    for n in range(len(ways)):
        for m in range(n):
            assert (masks[n] != masks[m]).any()
            assert np.abs(kernels[n] - kernels[m]).max() > 1e-3
    assert copied(cell, 6, 0).get_config() | {"name": ""} == cell.get_config() | {"name": ""}, "the first is as the cell"
    again = RecurrentStack.from_config(stack.get_config())
    assert nameless([w.cell.get_config() for w in directions(again)]) == nameless([w.cell.get_config() for w in ways])


def test_a_stack_s_seed_seeds_the_masks_within_its_cells():
    options = {"options": {"recurrent_dropout": 0.5}, "seed": 3, "kernel_initializer": "ones"}
    one, same, other = (RecurrentStack("gru", [5, 5], **{**options, "seed": seed}) for seed in (3, 3, 4))
    for stack in (one, same, other):
        stack.build((BATCH, STEPS, FEATURES))
        stack.set_weights([np.full(w.shape, 0.3) if "float" in w.dtype else w for w in stack.weights])
    first = one(sequence(), training=True)
    np.testing.assert_array_equal(first, same(sequence(), training=True))
    assert np.abs(first - other(sequence(), training=True)).max() > 1e-4


@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"residual": True, "layer_norm": True}], ids=str)
def test_a_stateful_stack_goes_on_and_begins_anew_when_told(options):
    stack = RecurrentStack("lstm", [4, 3], stateful=True, **options)
    first = np.array(stack(sequence()))
    assert np.abs(stack(sequence()) - first).max() > 1e-4
    stack.reset_state()
    np.testing.assert_array_equal(stack(sequence()), first)
    assert RecurrentStack.from_config(stack.get_config()).stateful


# --- rows without a real step ---


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("options", [{}, {"residual": True}, {"residual": True, "layer_norm": True}], ids=str)
def test_a_row_without_a_real_step_shows_nothing_of_its_padding(options, bidirectional):
    stack = stacked("gru", [FEATURES, FEATURES], bidirectional=bidirectional, **options)
    mask = np.array([[1] * STEPS, [0] * STEPS, [0, 1, 1, 0, 0]], bool)
    results = []
    for filler in (0.0, 9.0, np.nan):
        x = np.where(mask[..., None], sequence(), filler).astype("float32")
        results.append(np.array(stack(x, mask=tf.constant(mask))))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    if "layer_norm" not in options:
        np.testing.assert_array_equal(results[0][1], 0)
    assert np.abs(results[0][[0, 2]]).min() > 0
