"""Kernels of int8: the integers bit for bit, files, memory, gradients, what is refused.

`check_quantised` of tests/support/conformance.py compares each cell's step with its equation on integers, on every backend.
"""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import Rounded, RoundedByTensor
from keras.layers import RNN, Bidirectional

import gru_tf
from gru_tf.recurrent import gates
from gru_tf.recurrent.cells import CELLS
from gru_tf.recurrent.cells._cell import RecurrentCell
from gru_tf.recurrent.cells._quantized import Int8Kernel, columns_of, matmul
from gru_tf.recurrent.kernel_path import find_path

BATCH, STEPS, FEATURES, UNITS = 3, 6, 4, 5
LAYERS = {
    "GRU": lambda **o: gru_tf.GRU(UNITS, reset_after=False, convention="write", **o),
    "LSTM": lambda **o: gru_tf.LSTM(UNITS, **o),
    "SimpleRNN": lambda **o: gru_tf.SimpleRNN(UNITS, **o),
    "gru_tf.RNN": lambda **o: gru_tf.RNN([CELLS.find("janet").build(UNITS), CELLS.find("gru").build(3)], **o),
    "RNN": lambda **o: RNN(CELLS.find("mgu").build(UNITS), **o),
    "scan": lambda **o: CELLS.find("min_lstm").layer(UNITS, {}, **o),
    "gru_tf.Bidirectional": lambda **o: gru_tf.Bidirectional(gru_tf.LSTM(UNITS, **o), merge_mode="sum"),
    "Bidirectional": lambda **o: Bidirectional(gru_tf.GRU(UNITS, **o)),
    "stack": lambda **o: gru_tf.RecurrentStack("gru", [3, UNITS], bidirectional=True, residual=True, layer_norm=True, **o),
    "stack of a cell": lambda **o: gru_tf.RecurrentStack(gru_tf.GRUCell(2), [3, UNITS], residual=True, **o),
}


def drawn(*shape):
    return np.random.default_rng(list(shape)).normal(size=shape).astype("float32")


def model_with(layer, steps=None):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((steps, FEATURES)), layer, keras.layers.Dense(2)])


def quantised(model, mode="int8", **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of each layer without weights
        model.quantize(mode, **options)
    return model


def cells_of(model):
    return [layer for layer in model._flatten_layers() if isinstance(layer, RecurrentCell)]


def ulps(received, expected):
    return np.abs(received - expected) / np.spacing(np.abs(expected).astype("float32"))


# --- the equations ---


def test_integers_and_scales_are_those_of_the_equations():
    cell = gru_tf.GRUCell(UNITS)
    cell.build((None, FEATURES))
    before = {name: np.array(getattr(cell, name)) for name in ("kernel", "recurrent_kernel")}
    cell.quantize("int8")
    for name, kernel in before.items():
        scale = np.float32(127) / (np.abs(kernel).max(axis=0) + np.float32(1e-7))
        np.testing.assert_array_equal(getattr(cell, f"{name}_scale"), scale)
        np.testing.assert_array_equal(getattr(cell, f"_{name}"), np.round(kernel * scale).astype("int8"))
        np.testing.assert_allclose(getattr(cell, name), np.round(kernel * scale) / scale, rtol=1e-6)
        assert len(set(scale.tolist())) == 3 * UNITS, "a scale for each column"


@pytest.mark.parametrize("shape", [(BATCH, FEATURES), (BATCH, STEPS, FEATURES)], ids=str)
def test_a_product_is_that_of_the_integers(shape):
    x, w = drawn(*shape), drawn(FEATURES, 7)
    quantizer = keras.quantizers.AbsMaxQuantizer()
    integers, scale = quantizer(w, axis=0)
    kernel = Int8Kernel(integers, scale[0], quantizer, None, "float32")
    expected = x.astype("float64") @ w.view(Rounded)
    assert ulps(np.array(matmul(x, kernel)), expected).max() <= 2  # two quotients are rounded
    assert ulps(np.array(matmul(x, kernel)), x.astype("float64") @ w.view(RoundedByTensor)).max() > 100
    blocks = np.concatenate([matmul(x, columns_of(kernel, *ends)) for ends in ((0, 2), (2, 3), (3, 7))], axis=-1)
    np.testing.assert_array_equal(blocks, matmul(x, kernel))
    # before the quotients nothing is rounded at all
    row = np.array(quantizer(x, axis=-1)[1])
    by_hand = np.round(x * row).astype("int64") @ np.array(integers).astype("int64")
    np.testing.assert_array_equal(np.rint(np.array(matmul(x, kernel), "float64") * row * np.array(scale)), by_hand)


def test_under_a_mixed_policy_scales_are_not_rounded_to_bfloat16():
    layer = gru_tf.GRU(UNITS, dtype="mixed_bfloat16", use_bias=False)
    model_with(layer)
    layer.quantize("int8")
    assert layer.cell.dtype_policy.name == "int8_from_mixed_bfloat16"
    assert layer.cell.kernel_scale.dtype == "float32"
    x = keras.ops.cast(drawn(BATCH, FEATURES), "bfloat16")
    received = layer.cell.from_input(x)
    assert received.dtype == tf.bfloat16
    integers, scale = np.array(layer.cell._kernel), np.array(layer.cell.kernel_scale)
    rows = np.float32(127) / (np.abs(np.array(x, "float32")).max(-1, keepdims=True) + np.float32(1e-7))
    expected = np.round(np.array(x, "float32") * rows) @ integers.astype("float32") / (rows * scale)
    np.testing.assert_allclose(np.array(received, "float32"), expected, rtol=2**-7, atol=1e-3)


def test_scales_are_of_float32_where_weights_are_of_bfloat16():
    cell = gru_tf.GRUCell(UNITS, dtype="bfloat16")
    cell.build((None, FEATURES))
    kernel = np.array(cell.kernel, "float32")
    cell.quantize("int8")
    assert {weight.name: weight.dtype for weight in cell.weights if "scale" in weight.name} == {
        "kernel_scale": "float32",
        "recurrent_kernel_scale": "float32",
    }
    floats = np.array(cell.effective("kernel", "float32"))
    assert np.abs(floats - kernel).max() < 0.55 * (np.abs(kernel).max(0) / 127).max()


def test_without_an_activation_quantizer_only_weights_are_rounded():
    model = model_with(gru_tf.GRU(UNITS))
    quantised(model, None, config=keras.quantizers.Int8QuantizationConfig(activation_quantizer=None))
    x, cell = drawn(BATCH, FEATURES), model.layers[0].cell
    np.testing.assert_allclose(cell.from_input(x), x @ np.array(cell.kernel) + cell.bias[0], rtol=1e-5, atol=1e-6)


# --- layers, masks, dropout ---


@pytest.mark.parametrize("name", LAYERS)
def test_quantised_models_are_near_and_load_again(name, tmp_path):
    model, x = model_with(LAYERS[name]()), drawn(BATCH, STEPS, FEATURES)
    before = np.array(model(x))
    quantised(model)
    after = np.array(model(x))
    assert 1e-5 < np.abs(after - before).max() < 0.1
    assert cells_of(model)
    assert all(cell.dtype_policy.name == "int8_from_float32" for cell in cells_of(model))
    assert not any(w.dtype == "float32" and w.name.endswith("kernel") for w in model.weights), "all kernels are integers"
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), after)
    assert [w.dtype for w in loaded.weights] == [w.dtype for w in model.weights]
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy(x), after)


def test_a_model_of_which_a_part_is_quantised_loads_again(tmp_path):
    model = model_with(gru_tf.RecurrentStack("gru", [3, UNITS], residual=True))
    quantised(model, filters="projection_0")
    x = drawn(BATCH, STEPS, FEATURES)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))
    modes = [part.quantization_mode for part in loaded.layers[0].parts().values()]
    assert modes == [None, None, "int8", None]


def test_a_policy_map_survives(tmp_path):
    policies = keras.dtype_policies.DTypePolicyMap("float32")
    policies[".*/gru_cell"] = "int8_from_float32"
    model = model_with(gru_tf.GRU(UNITS, dtype=policies, name="gru"))
    assert model.layers[0].cell._kernel.dtype == "int8"
    model.layers[0].cell._kernel.assign(np.full((FEATURES, 3 * UNITS), 3, "int8"))
    model.save(tmp_path / "model.keras")
    loaded, x = keras.saving.load_model(tmp_path / "model.keras"), drawn(BATCH, STEPS, FEATURES)
    np.testing.assert_array_equal(loaded(x), model(x))


@pytest.mark.parametrize("name", ["GRU", "stack", "gru_tf.RNN", "gru_tf.Bidirectional"])
def test_a_layer_can_be_quantised_by_itself(name, tmp_path):
    one, other = (model_with(LAYERS[name]()) for _ in range(2))
    other.set_weights(one.get_weights())
    one.layers[0].quantize("int8")
    quantised(other, filters=lambda layer: not isinstance(layer, keras.layers.Dense) or "projection" in layer.name)
    x = drawn(BATCH, STEPS, FEATURES)
    np.testing.assert_array_equal(one(x), other(x))
    assert one.layers[0].quantization_mode == "int8"
    policies = {part.dtype_policy.name for part in one.layers[0].parts().values()}
    assert policies == {"int8_from_float32"}


def test_a_quantised_policy_builds_integers():
    layer = gru_tf.GRU(UNITS, dtype="int8_from_float32")
    layer(drawn(BATCH, STEPS, FEATURES))
    assert layer.cell._recurrent_kernel.dtype == "int8"


def test_masks_and_initial_states_go_on_working():
    layer = gru_tf.GRU(UNITS, return_sequences=True)
    model_with(layer)
    layer.quantize("int8")
    x, h = drawn(BATCH, STEPS, FEATURES), drawn(BATCH, UNITS)
    mask = np.arange(STEPS) < np.array([[6], [4], [2]])
    received = np.array(layer(x, mask=mask, initial_state=h))
    for row, length in enumerate((6, 4, 2)):
        alone = np.array(layer(x[row : row + 1, :length], initial_state=h[row : row + 1]))
        np.testing.assert_allclose(received[row, :length], alone[0], rtol=1e-5, atol=1e-6)
    assert np.abs(received - layer(x, initial_state=h)).max() > 1e-3


def test_a_dropout_mask_for_each_gate_meets_its_own_columns():
    cell = gru_tf.GRUCell(UNITS, recurrent_dropout=0.5, seed=1)
    cell.build((None, FEATURES))
    cell.quantize("int8")
    h = drawn(BATCH, UNITS)
    masks = [np.array(mask) for mask in cell.get_recurrent_dropout_mask(h)]
    scale = np.array(cell.recurrent_kernel_scale)
    blocks = np.split(np.array(cell._recurrent_kernel) / scale, 3, axis=-1)
    expected = np.concatenate([(h * m) @ b.view(Rounded) for m, b in zip(masks, blocks, strict=True)], axis=-1)
    np.testing.assert_allclose(cell.from_state(h, training=True), expected, rtol=1e-4, atol=1e-5)


# --- memory, speed path, training ---


def test_memory_falls_to_about_a_quarter():
    model = keras.Sequential([keras.Input((None, 64)), gru_tf.GRU(128)])
    before = sum(w.numpy().nbytes for w in model.weights)
    quantised(model)
    weights = [w.numpy() for w in model.weights]
    assert sum(w.nbytes for w in weights) < 0.28 * before
    assert before == 4 * (64 * 384 + 128 * 384 + 768)
    assert len(weights) == 5


def test_the_kernel_path_says_so():
    layer = gru_tf.GRU(UNITS)
    model_with(layer)
    unquantised = find_path(layer, gpu=True)
    layer.quantize("int8")
    assert unquantised.name == "cudnn"
    assert find_path(layer, gpu=True).why_not_cudnn == "its weights are quantised to int8, cuDNN's are floats"
    path = layer.kernel_path(gpu=False)
    assert path.name == "while-loop"
    assert path.why_not_fused == "its weights are quantised to int8, the fused kernels' are floats"


def test_use_cudnn_true_is_refused():
    layer = gru_tf.GRU(UNITS, use_cudnn=True)
    layer.build((BATCH, STEPS, FEATURES))
    layer.quantize("int8")
    with pytest.raises(ValueError, match="quantised to int8"):
        layer(drawn(BATCH, STEPS, FEATURES))


def test_the_gradient_of_the_inputs_is_that_of_the_floats():
    cell = gru_tf.GRUCell(UNITS)
    cell.build((None, FEATURES))
    cell.quantize("int8")
    x = tf.constant(drawn(BATCH, FEATURES))
    with tf.GradientTape() as tape:
        tape.watch(x)
        product = cell.from_input(x)
    upstream = drawn(BATCH, 3 * UNITS)
    expected = upstream @ np.array(cell.kernel).T
    np.testing.assert_allclose(tape.gradient(product, x, upstream), expected, rtol=1e-5, atol=1e-6)


def test_biases_are_trained_and_integers_are_not():
    model = quantised(model_with(gru_tf.GRU(UNITS, recurrent_dropout=0.2)))
    assert {w.name for w in model.trainable_weights} == {"bias"}
    before = {w.path: w.numpy() for w in model.weights}
    model.compile("sgd", "mse")
    model.fit(drawn(BATCH, STEPS, FEATURES), drawn(BATCH, 2), verbose=0)
    changed = {w.path.rpartition("/")[2] for w in model.weights if not np.array_equal(before[w.path], w.numpy())}
    assert changed == {"bias"}


# --- what is refused ---


@pytest.mark.parametrize("mode", ["int4", "float8"])
def test_other_modes_are_refused_or_warned_of(mode):
    cell = gru_tf.GRUCell(UNITS)
    cell.build((None, FEATURES))
    with pytest.raises(NotImplementedError, match=f"GRUCell: expected `mode` to be 'int8'. Received: mode='{mode}'"):
        cell.quantize(mode)
    layer = gru_tf.GRU(UNITS)
    model = model_with(layer)
    with pytest.raises(NotImplementedError, match="GRU: expected `mode` to be 'int8'"):
        layer.quantize(mode)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        model.quantize(mode)
    assert f"GRUCell: expected `mode` to be 'int8'. Received: mode='{mode}'" in {str(w.message) for w in warned}
    assert layer.cell.quantization_mode is None
    built = gru_tf.GRUCell(UNITS, dtype=f"{mode}/-1_from_float32" if mode == "int4" else f"{mode}_from_float32")
    with pytest.raises(NotImplementedError, match="expected `mode` to be 'int8'"):
        built.build((None, FEATURES))


def test_a_second_time_an_unbuilt_cell_and_float16_are_refused():
    cell = gru_tf.GRUCell(UNITS)
    with pytest.raises(ValueError, match="isn't yet built"):
        cell.quantize("int8")
    cell.build((None, FEATURES))
    cell.quantize("int8")
    with pytest.raises(ValueError, match="already quantized"):
        cell.quantize("int8")
    half = gru_tf.GRU(UNITS, dtype="float16")
    half.build((BATCH, STEPS, FEATURES))
    kernel = np.array(half.cell.kernel)
    with pytest.raises(ValueError, match="float16"):
        half.quantize("int8")
    assert half.quantization_mode is None
    np.testing.assert_array_equal(half.cell.kernel, kernel)


def test_a_stack_with_cells_of_keras_is_left_whole():
    stack = gru_tf.RecurrentStack(keras.layers.GRUCell(2), [3, UNITS], residual=True)
    model_with(stack)
    with pytest.raises(NotImplementedError, match="RecurrentStack: quantize expected cells of gru_tf. Received: GRUCell"):
        stack.quantize("int8")
    assert not any(part.quantization_mode for part in stack.parts().values())
    with pytest.raises(ValueError, match="`dtype` to be a policy without quantisation"):
        gru_tf.RecurrentStack("gru", 3, dtype="int8_from_float32")


def test_kernels_of_convolutions_are_refused():
    layer = gru_tf.ConvGRU1D(3, 2)
    layer.build((BATCH, STEPS, 7, 2))
    with pytest.raises(
        NotImplementedError, match=r"quantize expected kernels that are matrices. Received: a kernel of shape"
    ):
        layer.cell.quantize("int8")
    with pytest.raises(ValueError, match=r"LoRA expected kernels that are matrices. Received: a kernel of shape"):
        layer.cell.enable_lora(2)
    with pytest.raises(NotImplementedError, match="expected kernels that are matrices"):
        gru_tf.ConvGRU1D(3, 2, dtype="int8_from_float32").build((BATCH, STEPS, 7, 2))


def test_weights_of_another_kind_are_refused(tmp_path):
    plain, integers = model_with(gru_tf.GRU(UNITS)), quantised(model_with(gru_tf.GRU(UNITS)))
    for one, other in ((plain, integers), (integers, plain)):
        one.save_weights(tmp_path / "x.weights.h5")
        with pytest.raises(ValueError, match="expected"):
            other.load_weights(tmp_path / "x.weights.h5")


def test_a_quantizer_of_rows_is_refused_before_anything_changes():
    cell = gru_tf.GRUCell(UNITS)
    cell.build((None, FEATURES))
    config = keras.quantizers.Int8QuantizationConfig(weight_quantizer=keras.quantizers.AbsMaxQuantizer(axis=(0, 1)))
    with pytest.raises(ValueError, match="one scale a column"):
        cell.quantize(config=config)
    assert cell.kernel.dtype == "float32"


def test_gates_are_read_as_they_count_and_not_written():
    layer = gru_tf.GRU(UNITS)
    model_with(layer)
    plain = gates.from_layer(layer)
    layer.quantize("int8")
    read = gates.from_layer(layer)
    step = 1 / np.array(layer.cell.kernel_scale)[:UNITS]
    assert (np.abs(read.blocks["W_z"] - plain.blocks["W_z"]) <= 0.501 * step).all()
    np.testing.assert_allclose(read.blocks["W_z"], np.array(layer.cell.kernel)[:, :UNITS], rtol=1e-6)
    with pytest.raises(ValueError, match="neither quantised nor with LoRA. Received: int8"):
        gates.load(layer, plain)
