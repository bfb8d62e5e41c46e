"""Files with weights of int8: the integers, what runtimes compute from them, sizes; and models quantised by Keras."""

import re
import warnings

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers

import gru_tf
from gru_tf.foundation.errors import UserError
from gru_tf.interchange import float_twin
from gru_tf.interchange.onnx import quantizing

I, O = 16, 10  # noqa: E741, the letters of every docstring
DIFFER = r"with weights of int8 by at most [1-9]\.\de-0[234] \(\w+, [\w ,]+\): [\d,]+ bytes, \d\d% of those of float32"


def sequential(*stack):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, I), name="x"), *stack])
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.name == "bias":
            weight.assign(rng.normal(scale=0.3, size=weight.shape))
    return model


MODELS = {
    "plain stack": lambda: sequential(layers.Bidirectional(gru_tf.LSTM(96)), layers.Dense(O)),
    "whole model": lambda: sequential(
        layers.Conv1D(32, 3, padding="causal"),
        gru_tf.RecurrentStack("gru", [64, 48], residual=True, layer_norm=True),
        layers.Dense(O, activation="softmax"),
    ),
    "tokens": lambda: keras.Sequential(
        [keras.Input((None,), dtype="int32", name="x"), layers.Embedding(50, 16), gru_tf.SimpleRNN(64), layers.Dense(O)]
    ),
}


def quantised(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of each layer without weights
        model.quantize("int8")
    return model


def arrays_of(path):
    return {array.name: onnx.numpy_helper.to_array(array) for array in onnx.load(path).graph.initializer}


def in_onnxruntime(content, x, as_written=False):
    """The first output; by the nodes as they are written, or as onnxruntime fuses them, which may round activations too."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if as_written:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return session.run([session.get_outputs()[0].name], {name: x})[0]


# --- the integers ---


@pytest.mark.parametrize("axis", [0, 1])
def test_each_index_of_the_axis_has_its_scale(axis):
    array = (np.random.default_rng(0).normal(size=(20, 30)) * np.logspace(-3, 0, 30)).astype("float32")
    array[:, 3] = 0
    integers, scales = quantizing.integers_of(array, axis)
    assert scales.shape == (array.shape[axis],)
    along = np.expand_dims(scales, 1 - axis)
    assert integers.dtype == np.int8
    assert (np.abs(array - integers * along) <= along * 0.5001).all()
    largest = np.abs(array).max(axis=1 - axis)
    np.testing.assert_allclose(scales[largest > 0], (largest / 127)[largest > 0], rtol=1e-6)
    assert np.abs(integers).max(axis=1 - axis)[largest > 0].min() == 127


@pytest.mark.parametrize("name", MODELS)
def test_an_onnx_file_has_integers_and_computes_from_them(name, tmp_path):
    model, whole, small = MODELS[name](), tmp_path / "whole.onnx", tmp_path / "small.onnx"
    gru_tf.export_model(model, whole)
    line = gru_tf.export_model(model, small, quantize="int8")
    assert re.search(DIFFER, line), line
    assert f"{small.stat().st_size:,} bytes" in line
    assert small.stat().st_size < 0.38 * whole.stat().st_size
    floats, kept = arrays_of(whole), arrays_of(small)
    integers = {key.removesuffix("_int8"): value for key, value in kept.items() if value.dtype == np.int8}
    assert all(value.size < 2000 for key, value in kept.items() if value.dtype == np.float32), "all large ones are integers"
    again = onnx.load(small)
    nodes = [node for node in again.graph.node if node.op_type not in ("DequantizeLinear",) and "shape_" not in node.name]
    del again.graph.node[:]
    again.graph.node.extend(nodes)
    for key, value in integers.items():
        array, scale = floats[key], kept[f"{key}_scale"]
        axis = {2: 1, 3: 0}[array.ndim] if scale.shape != (array.shape[0],) else 0
        rows = value * (scale if axis == 1 else scale.reshape(-1, *[1] * (value.ndim - 1)))
        assert np.abs(rows.reshape(array.shape) - array).max() <= 0.5001 * scale.max()
        assert len(set(scale.tolist())) > 1
        again.graph.initializer.append(onnx.numpy_helper.from_array(rows.reshape(array.shape).astype("float32"), key))
    rng = np.random.default_rng(3)
    x = rng.integers(0, 50, (4, 9)) if name == "tokens" else rng.normal(size=(4, 9, I)).astype("float32")
    received, expected = (in_onnxruntime(each, x, True) for each in (small.read_bytes(), again.SerializeToString()))
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-6)
    assert 1e-5 < np.abs(received - in_onnxruntime(whole.read_bytes(), x)).max() < 0.1


def test_large_files_are_about_a_quarter(tmp_path):
    model = sequential(gru_tf.GRU(256))
    sizes = []
    for options in ({}, {"quantize": "int8"}):
        gru_tf.export_model(model, tmp_path / "m.onnx", overwrite=True, **options)
        sizes.append((tmp_path / "m.onnx").stat().st_size)
    assert 0.25 < sizes[1] / sizes[0] < 0.27


def test_small_arrays_and_those_of_other_nodes_stay_floats():
    helper = onnx.helper
    big, small = np.ones((16, 17), "float32"), np.ones((2, 2), "float32")
    arrays = [onnx.numpy_helper.from_array(a, n) for n, a in (("both", big), ("small", small), ("once", big))]
    nodes = [
        helper.make_node("MatMul", ["x", "both"], ["a"]),
        helper.make_node("Add", ["a", "both"], ["b"]),
        helper.make_node("MatMul", ["y", "small"], ["c"]),
        helper.make_node("MatMul", ["x", "once"], ["d"]),
    ]
    model = helper.make_model(helper.make_graph(nodes, "g", [], [], arrays))
    names = {array.name for array in quantizing.quantized(model).graph.initializer}
    assert names == {"both", "small", "once_int8", "once_scale"}
    assert {array.name for array in model.graph.initializer} == {"both", "small", "once"}, "the model itself is left"


def test_integers_that_give_other_numbers_are_not_written(tmp_path, monkeypatch):
    right = quantizing.integers_of
    monkeypatch.setattr(quantizing, "integers_of", lambda array, axis: (right(array, axis)[0], 2 * right(array, axis)[1]))
    with pytest.raises(UserError, match=r"not the same: expected what Keras gives, within 0.1"):
        gru_tf.export_model(sequential(gru_tf.GRU(32)), tmp_path / "m.onnx", quantize="int8")
    assert not (tmp_path / "m.onnx").exists()


def test_other_modes_and_files_are_refused(tmp_path):
    model = sequential(gru_tf.GRU(8))
    for name, options in (("m.onnx", {}), ("m.tflite", {"timesteps": 3})):
        with pytest.raises(UserError, match="expected `quantize` to be int8. Received: int4"):
            gru_tf.export_model(model, tmp_path / name, quantize="int4", **options)
    with pytest.raises(UserError, match="quantize: no option for a file of this kind"):
        gru_tf.export_model(model, tmp_path / "m.safetensors", quantize="int8")


# --- models that Keras quantised ---


def test_the_model_s_own_integers_are_written(tmp_path):
    model = quantised(sequential(gru_tf.GRU(32), layers.Dense(O)))
    model.save(tmp_path / "m.keras")
    line = gru_tf.export_model(tmp_path / "m.keras", tmp_path / "m.onnx")
    assert re.search(DIFFER, line), line
    assert re.search(r"; the model itself rounds what its layers read, too, and .* by at most \d\.\de-0[1234]$", line)
    arrays = arrays_of(tmp_path / "m.onnx")
    cell, dense = model.layers[0].cell, model.layers[1]
    np.testing.assert_array_equal(arrays["linear0_kernel_int8"], dense._kernel)
    np.testing.assert_allclose(arrays["linear0_kernel_scale"], 1 / np.array(dense.kernel_scale), rtol=1e-5)
    # ONNX has (rows, features), the gates z, r, h; the sign of z is that of Keras
    np.testing.assert_array_equal(arrays["layer0_R_int8"].T, cell._recurrent_kernel)
    np.testing.assert_array_equal(arrays["layer0_W_int8"].T, cell._kernel)


def test_a_model_read_from_a_file_is_quantised_like_the_model(tmp_path):
    model = quantised(sequential(gru_tf.RecurrentStack("lstm", [8, 6], residual=True), layers.Dense(2)))
    model.save(tmp_path / "m.keras")
    read, x = gru_tf.import_model(tmp_path / "m.keras", verify=False), np.ones((2, 4, I), "float32")
    np.testing.assert_array_equal(read(x), model(x))
    assert [w.dtype for w in read.weights] == [w.dtype for w in model.weights]


def test_the_twin_has_the_weights_as_they_count():
    model = sequential(gru_tf.GRU(8), layers.Dense(3))
    for layer in model.layers:
        layer.enable_lora(2)
    for weight in model.weights:
        if weight.name.endswith("_b"):
            weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    merged = [np.array(model.layers[0].cell.kernel), np.array(model.layers[1].kernel)]
    twin = float_twin.twin_of(quantised(model))
    received = [np.array(twin.layers[0].cell.kernel), np.array(twin.layers[1].kernel)]
    for own, other in zip(received, merged, strict=True):
        np.testing.assert_allclose(own, other, rtol=0, atol=0.01)  # half a step
        assert np.abs(own - other).max() > 0
    assert not any(layer.quantization_mode or getattr(layer, "lora_enabled", False) for layer in twin._flatten_layers())
    np.testing.assert_array_equal(twin.layers[0].cell.bias, model.layers[0].cell.bias)


def test_lora_is_in_the_exported_weights(tmp_path):
    model = sequential(gru_tf.LSTM(8), layers.Dense(3))
    for layer in model.layers:
        layer.enable_lora(2)
    for weight in model.weights:
        if weight.name.endswith("_b"):
            weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    line = gru_tf.export_model(model, tmp_path / "m.onnx")
    assert "verified by onnxruntime" in line
    x = np.random.default_rng(2).normal(size=(3, 5, I)).astype("float32")
    np.testing.assert_allclose(in_onnxruntime((tmp_path / "m.onnx").read_bytes(), x), model(x), rtol=0, atol=1e-5)


def test_quantised_layers_without_a_twin_are_refused(tmp_path):
    inputs = keras.Input((None, I))
    model = quantised(keras.Model(inputs, layers.EinsumDense("abc,cd->abd", (None, 4))(inputs)))
    with pytest.raises(UserError, match="expected int8 and LoRA in recurrent cells of gru_tf, Dense and Embedding"):
        gru_tf.export_model(model, tmp_path / "m.onnx")


def test_a_stateful_model_is_compared_from_zeros_and_keeps_its_states(tmp_path):
    model = keras.Sequential([keras.Input((6, I), batch_size=2), gru_tf.GRU(32, stateful=True), layers.Dense(3)])
    x = np.random.default_rng(0).normal(size=(2, 6, I)).astype("float32")
    model(x)
    before = np.array(model.layers[0].states[0])
    assert "differ by at most" in gru_tf.export_model(model, tmp_path / "floats.onnx")
    np.testing.assert_array_equal(model.layers[0].states[0], before)
    line = gru_tf.export_model(quantised(model), tmp_path / "m.onnx")
    assert re.search(r"; the model itself rounds what its layers read, too, and .* by at most \d\.\de-0[1234]$", line)
    np.testing.assert_array_equal(model.layers[0].states[0], before)
    assert np.any(before)


def test_a_layer_with_lora_and_without_a_twin_is_named(tmp_path):
    model = sequential(layers.Conv1D(4, 3), gru_tf.GRU(8))
    model.layers[0].enable_lora(2)
    model.layers[1].quantize("int8")
    with pytest.raises(UserError, match="expected int8 and LoRA in recurrent .* Received: LoRA in Conv1D"):
        gru_tf.export_model(model, tmp_path / "m.onnx")


def test_a_quantised_model_streams_as_it_computes():
    model = quantised(sequential(gru_tf.GRU(8), layers.Dense(3)))
    streaming, x = gru_tf.Streaming(model), np.random.default_rng(0).normal(size=(4, I)).astype("float32")
    assert "is quantised to int8" in str(streaming.kernel_path)
    received = [streaming.step(step) for step in x]
    np.testing.assert_allclose(received[-1], model(x[None])[0], rtol=0, atol=1e-6)


# --- TensorFlow ---


@pytest.mark.slow
@pytest.mark.parametrize("form", [{"timesteps": 6}, {"streaming": True}], ids=["whole", "streaming"])
def test_a_tflite_file_has_integers(form, tmp_path):
    model, sizes = sequential(gru_tf.GRU(128), layers.Dense(O)), []
    for options in ({}, {"quantize": "int8"}):
        line = gru_tf.export_model(model, tmp_path / "m.tflite", overwrite=True, **form, **options)
        sizes.append((tmp_path / "m.tflite").stat().st_size)
    assert re.search(DIFFER, line), line
    assert sizes[1] < 0.35 * sizes[0]
    assert f"{sizes[1]:,} bytes" in line


@pytest.mark.slow
def test_a_saved_model_keeps_the_quantised_layers(tmp_path):
    model = quantised(sequential(gru_tf.GRU(8), layers.Dense(3)))
    assert re.search(r"differ by at most \d\.\de[+-]\d\d", gru_tf.export_model(model, tmp_path / "saved"))
    import tensorflow as tf

    x = np.random.default_rng(0).normal(size=(2, 4, I)).astype("float32")
    signature = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    np.testing.assert_allclose(signature(x=tf.constant(x))["output"], model(x), rtol=0, atol=1e-6)
