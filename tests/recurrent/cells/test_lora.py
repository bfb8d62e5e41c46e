"""LoRA: gradients against central differences, files, what is trained, what is refused.

`check_low_rank` of tests/support/conformance.py compares each cell with its equation on W + α/r A B, on every backend.
"""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import NOT_ADAPTED, Rounded
from keras.layers import RNN, Bidirectional

import gru_tf
from gru_tf.recurrent import gates
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.cells._cell import RecurrentCell

BATCH, STEPS, FEATURES, UNITS, RANK = 2, 4, 3, 4, 2
LAYERS = {
    "GRU": lambda **o: gru_tf.GRU(UNITS, convention="write", **o),
    "LSTM": lambda **o: gru_tf.LSTM(UNITS, **o),
    "SimpleRNN": lambda **o: gru_tf.SimpleRNN(UNITS, **o),
    "gru_tf.RNN": lambda **o: gru_tf.RNN([CELLS.find("janet").build(UNITS), CELLS.find("gru").build(3)]),
    "RNN": lambda **o: RNN(CELLS.find("mgu").build(UNITS, **o)),
    "scan": lambda **o: CELLS.find("min_gru").layer(UNITS, {}, **o),
    "gru_tf.Bidirectional": lambda **o: gru_tf.Bidirectional(gru_tf.LSTM(UNITS, **o), merge_mode="sum"),
    "Bidirectional": lambda **o: Bidirectional(gru_tf.GRU(UNITS, **o)),
    "stack": lambda **o: gru_tf.RecurrentStack("gru", [3, UNITS], bidirectional=True, residual=True, **o),
}


def drawn(*shape):
    return np.random.default_rng(list(shape)).normal(size=shape).astype("float32")


def parts_of(layer):
    """The cells in it, and a stack's projections."""
    return [part for part in layer._flatten_layers() if isinstance(part, RecurrentCell | keras.layers.Dense)]


def adapted(name, rank=RANK, alpha=3.0, **options):
    """A model with LoRA whose A and B are random."""
    keras.utils.set_random_seed(0)
    layer = LAYERS[name](**options)
    model = keras.Sequential([keras.Input((STEPS, FEATURES)), layer])
    rng = np.random.default_rng(1)
    for part in [layer] if hasattr(layer, "enable_lora") else parts_of(layer):
        part.enable_lora(rank, lora_alpha=alpha)
    for weight in model.weights:
        if weight.name.startswith("lora"):
            weight.assign(rng.normal(scale=0.5, size=weight.shape))
    return model


# --- equations and gradients ---


@pytest.mark.parametrize("unroll", [False, True], ids=["fused", "unrolled"])
def test_gradients_are_central_differences(unroll):
    model, x = adapted("GRU", dtype="float64", unroll=unroll), drawn(BATCH, STEPS, FEATURES).astype("float64")
    assert model.layers[0].kernel_path(gpu=False).name == ("unrolled" if unroll else "fused cpu")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(x, training=True) ** 2)
    trained = model.trainable_variables
    assert sorted(w.name for w in trained) == [
        "bias",
        *(f"lora_{k}_{x}" for k in ("kernel", "recurrent_kernel") for x in "ab"),
    ]
    for variable, gradient in zip(trained, tape.gradient(loss, [v.value for v in trained]), strict=True):
        before, numeric, h = variable.numpy(), np.zeros(variable.shape), 1e-5
        for place in np.ndindex(*variable.shape):
            values = []
            for sign in (1, -1):
                moved = before.copy()
                moved[place] += sign * h
                variable.assign(moved)
                values.append(float(tf.reduce_sum(model(x, training=True) ** 2)))
            numeric[place] = (values[0] - values[1]) / (2 * h)
        variable.assign(before)
        np.testing.assert_allclose(gradient, numeric, rtol=0, atol=1e-8, err_msg=variable.name)
        assert np.abs(numeric).max() > 1e-3


def test_without_alpha_the_product_is_added_as_it_is_and_b_begins_at_zero():
    cell = gru_tf.GRUCell(UNITS)
    cell.build((None, FEATURES))
    before = np.array(cell.kernel)
    cell.enable_lora(RANK)
    np.testing.assert_array_equal(cell.kernel, before)
    assert cell.lora_alpha == cell.lora_rank == RANK
    assert np.abs(cell.lora_kernel_a).min() > 0
    b = drawn(RANK, 3 * UNITS)
    cell.lora_kernel_b.assign(b)
    np.testing.assert_allclose(cell.kernel, before + np.array(cell.lora_kernel_a) @ b, rtol=1e-5, atol=1e-6)


def test_on_integers_the_product_is_added_unrounded():
    cell = gru_tf.GRUCell(UNITS, use_bias=False)
    cell.build((None, FEATURES))
    kernel, x = np.array(cell.kernel), drawn(BATCH, FEATURES)
    cell.quantize("int8")
    cell.enable_lora(RANK, lora_alpha=1)
    b = drawn(RANK, 3 * UNITS)
    cell.lora_kernel_b.assign(b)
    expected = x.astype("float64") @ kernel.view(Rounded) + x @ np.array(cell.lora_kernel_a) @ b / RANK
    np.testing.assert_allclose(cell.from_input(x), expected, rtol=1e-5, atol=1e-6)
    assert {w.name for w in cell.trainable_weights} == {
        f"lora_{k}_{x}" for k in ("kernel", "recurrent_kernel") for x in "ab"
    }


# --- layers ---


@pytest.mark.parametrize("name", LAYERS)
def test_only_lora_and_biases_are_trained(name):
    model, x = adapted(name), drawn(BATCH, STEPS, FEATURES)
    for cell in parts_of(model):
        if isinstance(cell, RecurrentCell):  # Keras' Dense would thaw its kernel
            cell.trainable = False
            cell.trainable = True
    assert all(part.lora_enabled for part in parts_of(model))
    assert {w.name for w in model.trainable_weights} <= {"bias"} | {w.name for w in model.weights if "lora" in w.name}
    before = {w.path: w.numpy() for w in model.weights}
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(x, np.array(model(x)) + 1, verbose=0)
    changed = {w.path for w in model.weights if not np.array_equal(before[w.path], w.numpy())}
    assert changed == {w.path for w in model.trainable_weights}


@pytest.mark.parametrize("quantised", [False, True], ids=["floats", "integers"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_file_holds_the_merged_kernels(name, quantised, tmp_path):
    model, x = adapted(name), drawn(BATCH, STEPS, FEATURES)
    if quantised:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.quantize("int8")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    close = {"rtol": 0, "atol": 0.1 if quantised else 1e-6}  # rounded once more
    np.testing.assert_allclose(loaded(x), model(x), **close)
    for part, other in zip(parts_of(loaded), parts_of(model), strict=True):
        assert (part.lora_rank, part.dtype_policy.name) == (RANK, other.dtype_policy.name)
        if isinstance(part, RecurrentCell):
            assert part.lora_alpha == 3
            assert np.abs(part.lora_kernel_a).max() > 0, "or nothing could be learned any more"
            assert np.abs(part.lora_kernel_b).max() == 0
            expected = np.array(other.kernel)
            if quantised:
                rounded = Rounded.__rmatmul__(expected.view(Rounded), np.eye(len(expected)))
                np.testing.assert_allclose(part.kernel, rounded, rtol=0, atol=1e-5)
            else:
                np.testing.assert_allclose(part.kernel, expected, rtol=0, atol=1e-6)
    if not quantised:
        plain = keras.Sequential([keras.Input((STEPS, FEATURES)), LAYERS[name]()])
        model.save_weights(tmp_path / "merged.weights.h5")
        plain.load_weights(tmp_path / "merged.weights.h5")
        np.testing.assert_allclose(plain(x), model(x), **close)


def test_quantised_after_lora_keeps_what_was_learned():
    model, x = adapted("GRU"), drawn(BATCH, STEPS, FEATURES)
    before, cell = np.array(model(x)), model.layers[0].cell
    learned = np.array(cell.lora_kernel_b)
    cell.quantize("int8")
    np.testing.assert_array_equal(cell.lora_kernel_b, learned)
    assert 1e-6 < np.abs(np.array(model(x)) - before).max() < 0.1


@pytest.mark.parametrize("quantised", [False, True], ids=["floats", "integers"])
@pytest.mark.parametrize("name", ["GRU", "stack"])
def test_a_copy_of_a_copy_that_was_not_built_has_it_too(name, quantised):
    model = adapted(name)
    layer = model.layers[0]
    if quantised:
        layer.quantize("int8")
    unbuilt = type(layer).from_config(layer.get_config())
    copy = keras.Sequential([keras.Input((STEPS, FEATURES)), type(layer).from_config(unbuilt.get_config())])
    assert [w.name for w in copy.weights] == [w.name for w in model.weights], "in the same order"
    copy.set_weights(model.get_weights())
    x = drawn(BATCH, STEPS, FEATURES)
    np.testing.assert_array_equal(copy(x), model(x))


@pytest.mark.parametrize("first", ["lora", "int8"])
def test_weights_stand_in_one_order_whichever_came_first(first, tmp_path):
    model = adapted("GRU") if first == "lora" else keras.Sequential([keras.Input((STEPS, FEATURES)), LAYERS["GRU"]()])
    model.layers[0].quantize("int8")
    if first == "int8":
        model.layers[0].enable_lora(RANK)
    model.save(tmp_path / "model.h5")
    x = drawn(BATCH, STEPS, FEATURES)
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.h5")(x), model(x))


def test_gates_are_read_with_what_lora_adds_and_not_written():
    model = adapted("GRU")
    read, cell = gates.from_layer(model.layers[0]), model.layers[0].cell
    added = 1.5 * np.array(cell.lora_kernel_a) @ np.array(cell.lora_kernel_b)
    np.testing.assert_allclose(read.blocks["W_z"], (np.array(cell._kernel) + added)[:, :UNITS], rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match="neither quantised nor with LoRA. Received: LoRA"):
        gates.load(cell, read)


# --- what is refused ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rank": 0}, "`rank` to be a positive integer. Received: rank=0"),
        ({"rank": True}, "`rank` to be a positive integer. Received: rank=True"),
        ({"rank": 2, "lora_alpha": 0}, "`lora_alpha` to be a positive number. Received: lora_alpha=0"),
        ({"rank": 2, "lora_alpha": float("nan")}, "`lora_alpha` to be a positive number. Received: lora_alpha=nan"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    cell = gru_tf.GRUCell(UNITS)
    cell.build((None, FEATURES))
    with pytest.raises(ValueError, match=message):
        cell.enable_lora(**arguments)


def test_an_unbuilt_cell_a_second_time_and_constraints_are_refused():
    cell = gru_tf.GRUCell(UNITS)
    with pytest.raises(ValueError, match="Received: one that is not built"):
        cell.enable_lora(RANK)
    cell.build((None, FEATURES))
    cell.enable_lora(RANK)
    with pytest.raises(ValueError, match="Received: one that has it already"):
        cell.enable_lora(RANK)
    with pytest.raises(AttributeError, match="expected a kernel that is a weight. Received: LoRA"):
        cell.kernel = np.zeros((FEATURES, 3 * UNITS))
    for name in ("kernel_constraint", "recurrent_constraint"):
        bound = gru_tf.GRU(UNITS, **{name: "non_neg"})
        bound.build((BATCH, STEPS, FEATURES))
        with pytest.raises(ValueError, match=f"expected `{name}` to be None"):
            bound.enable_lora(RANK)


def test_a_layer_one_part_of_which_refuses_is_left_whole():
    layers = [
        gru_tf.RNN([gru_tf.GRUCell(2), gru_tf.GRUCell(3, recurrent_constraint="max_norm")]),
        gru_tf.Bidirectional(gru_tf.GRU(2), backward_layer=gru_tf.GRU(2, kernel_constraint="max_norm", go_backwards=True)),
    ]
    for layer in layers:
        keras.Sequential([keras.Input((STEPS, FEATURES)), layer])
        with pytest.raises(ValueError, match="LoRA expected `.*_constraint` to be None"):
            layer.enable_lora(RANK)
        assert [part.lora_enabled for part in layer.parts().values()] == [False, False]
    stack = gru_tf.RecurrentStack("gru", [5, UNITS], residual=True)
    keras.Sequential([keras.Input((STEPS, FEATURES)), stack])
    stack.projections[0].enable_lora(RANK)
    with pytest.raises(ValueError, match="Dense: LoRA expected a cell with weights and without LoRA"):
        stack.enable_lora(RANK)
    assert not stack.lora_enabled
    assert not stack.layers[0].cell.lora_enabled


def test_a_rank_of_numpy_is_a_rank():
    cell = gru_tf.GRUCell(UNITS)
    cell.build((None, FEATURES))
    cell.enable_lora(np.int64(RANK))
    assert type(cell.lora_rank) is int


def test_a_stack_with_cells_of_keras_is_refused():
    stack = gru_tf.RecurrentStack(keras.layers.GRUCell(2), [3, UNITS])
    stack.build((BATCH, STEPS, FEATURES))
    with pytest.raises(ValueError, match="enable_lora expected cells of gru_tf. Received: GRUCell"):
        stack.enable_lora(RANK)


ADAPTED = [name for name in CELLS.names() if name not in NOT_ADAPTED]


@pytest.mark.parametrize("name", ADAPTED)
def test_a_clone_takes_the_weights_in_their_order(name):
    """LoRA that is there when a cell is built comes after all of its weights, as where it comes to a built cell."""
    cell = CELLS.find(name).build(4)
    model = keras.Sequential([keras.Input((None, 3)), gru_tf.RNN(cell)])
    cell.enable_lora(2)
    clone = keras.models.clone_model(model)
    assert [weight.name for weight in clone.weights] == [weight.name for weight in model.weights]
