"""Numbers at which an ONNX operator and the Keras operation of that name differ: the model gives the file's."""

import numpy as np
import pytest
from onnx import TensorProto
from onnx_graphs import FEATURES, Graph, computed, normal
from refusals import refused

from gru_tf.interchange import importing, random_inputs

INT, DOUBLE, HALF = TensorProto.INT64, TensorProto.DOUBLE, TensorProto.FLOAT16


def finished(graph, x, path, features=FEATURES):
    """A file that ends with a recurrent layer on x, and Softplus, which no network has."""
    y, _ = graph.batch_first("GRU", x, features)
    graph.output(graph.add("Softplus", y))
    return graph.save(path)


def agrees(path, *inputs, tolerance=1e-5, **options):
    """The imported model gives what onnxruntime computes from the file itself."""
    model = importing.import_file(path, verify=True, **options).model
    own = np.asarray(model(list(inputs) if len(inputs) > 1 else inputs[0], training=False))
    np.testing.assert_allclose(own, computed(path, *inputs)[0], rtol=0, atol=tolerance)
    return own


def sequence(graph):
    return graph.input("x", "batch", "steps", FEATURES)


def test_bounds_in_the_wrong_order_clip_to_the_upper_one(tmp_path):
    graph = Graph()
    clipped = graph.add("Clip", sequence(graph), graph.array(2.0), graph.array(-1.0))
    agrees(finished(graph, clipped, tmp_path / "model.onnx"), normal(1, 2, 5, FEATURES))


@pytest.mark.parametrize("p", [1, 2])
def test_normalised_zeros_are_zeros(tmp_path, p):
    graph = Graph()
    path = finished(graph, graph.add("LpNormalization", sequence(graph), axis=-1, p=p), tmp_path / "model.onnx")
    x = normal(1, 2, 5, FEATURES)
    x[:, 2:] = 0
    assert np.isfinite(agrees(path, x)).all()


def test_negative_numbers_count_from_the_end_of_a_one_hot_row(tmp_path):
    graph = Graph()
    tokens = graph.input("t", "batch", "steps", kind=INT)
    rows = graph.add("OneHot", tokens, graph.ints(FEATURES), graph.array([0, 1]))
    agrees(finished(graph, rows, tmp_path / "model.onnx"), np.array([[1, -1, 2, -3, 0, -4, 3]]))


# --- whole numbers ---


@pytest.mark.parametrize(("factor", "t"), [(1e-12, 1.7e12), (1e-3, 3e9)])
def test_whole_numbers_of_64_bits_stay_so(tmp_path, factor, t):
    graph = Graph()
    times = graph.add("Cast", graph.input("t", "batch", "steps", FEATURES, kind=INT), to=TensorProto.FLOAT)
    scaled = graph.add("Relu", graph.add("Mul", times, graph.array(factor)))
    path = finished(graph, scaled, tmp_path / "model.onnx")
    agrees(path, (t * (1 + np.arange(24).reshape(2, 4, 3) / 5)).astype("int64"))


def test_products_of_whole_numbers_have_64_bits(tmp_path):
    graph = Graph()
    product = graph.add("Mul", graph.input("t", "batch", "steps", FEATURES, kind=INT), graph.ints(100_000))
    less = graph.add("Sub", product, graph.ints(4_999_900_000))
    scaled = graph.add("Mul", graph.add("Cast", less, to=TensorProto.FLOAT), graph.array(1e-5))
    path = finished(graph, scaled, tmp_path / "model.onnx")
    agrees(path, 50_000 + np.arange(24).reshape(2, 4, 3))


def test_a_cast_to_32_bits_cuts_off_the_others(tmp_path):
    graph = Graph()
    short = graph.add("Cast", graph.input("t", "batch", "steps", FEATURES, kind=INT), to=TensorProto.INT32)
    scaled = graph.add("Mul", graph.add("Cast", short, to=TensorProto.FLOAT), graph.array(1e-9))
    path = finished(graph, scaled, tmp_path / "model.onnx")
    agrees(path, 3_000_000_000 + 10**8 * np.arange(24).reshape(2, 4, 3))


# --- float64 and float16 ---


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_float64_before_the_recurrent_layers_stays_so(tmp_path, dtype):
    graph = Graph()
    less = graph.add("Sub", graph.input("t", "batch", "steps", FEATURES, kind=DOUBLE), graph.array(1.7e9, "float64"))
    path = finished(graph, graph.add("Cast", less, to=TensorProto.FLOAT), tmp_path / "model.onnx")
    agrees(path, 1.7e9 + normal(1, 2, 5, FEATURES).astype("float64"), dtype=dtype)
    assert "stays float64" in " ".join(importing.import_file(path).notes)


def test_a_matrix_of_float64_stays_so(tmp_path):
    graph = Graph()
    t = graph.input("t", "batch", "steps", FEATURES, kind=DOUBLE)
    matrix, bias = np.random.default_rng(0).normal(size=(FEATURES, FEATURES)), np.zeros(FEATURES)
    product = graph.add("MatMul", t, graph.array(matrix, "float64"))
    less = graph.add("Sub", product, graph.array(1.7e9 * matrix.sum(axis=0), "float64"))
    added = graph.add("Add", less, graph.array(bias, "float64"))
    path = finished(graph, graph.add("Cast", added, to=TensorProto.FLOAT), tmp_path / "model.onnx")
    agrees(path, 1.7e9 + normal(1, 2, 5, FEATURES).astype("float64"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_cast_to_float64_for_a_while_are_rounded_as_in_it(tmp_path, dtype):
    graph = Graph()
    double = graph.add("Cast", sequence(graph), to=DOUBLE)
    large = graph.add("Add", double, graph.array(1e8, "float64"))
    back = graph.add("Cast", graph.add("Sub", large, graph.array(1e8, "float64")), to=TensorProto.FLOAT)
    agrees(finished(graph, back, tmp_path / "model.onnx"), normal(1, 2, 5, FEATURES), dtype=dtype)


def test_rounding_to_float16_in_a_file_of_float32_is_refused(tmp_path):
    graph = Graph()
    half = graph.add("Cast", graph.add("Mul", sequence(graph), graph.array(1e-8)), to=HALF)
    large = graph.add("Mul", graph.add("Cast", half, to=TensorProto.FLOAT), graph.array(1e8))
    path = finished(graph, large, tmp_path / "model.onnx")
    refused(lambda: importing.import_file(path), "Cast", "float16")


# --- random inputs ---


@pytest.mark.parametrize("op", ["Log", "Sqrt"])
def test_functions_of_positive_numbers_are_compared_at_these_and_the_line_says_so(tmp_path, op):
    graph = Graph()
    path = finished(graph, graph.add(op, sequence(graph)), tmp_path / "model.onnx")
    agrees(path, np.abs(normal(1, 2, 5, FEATURES)) + 0.1)
    assert "not covered: negative or large inputs" in str(importing.import_file(path).verified)


@pytest.mark.parametrize("shape", [("batch", "steps", FEATURES), ("batch", "steps")])
def test_whole_numbers_that_are_no_indices_are_drawn_negative_small_and_large(tmp_path, shape):
    graph = Graph()
    times = graph.add("Cast", graph.input("t", *shape, kind=INT), to=TensorProto.FLOAT)
    times = times if len(shape) == 3 else graph.add("Unsqueeze", times, graph.ints(2))
    path = finished(graph, graph.add("Relu", times), tmp_path / "model.onnx", features=FEATURES if len(shape) == 3 else 1)
    model = importing.import_file(path, verify=True).model
    numbers = random_inputs.of_model(model, 4, 30, np.random.default_rng(0))["t"]
    assert numbers.min() < -(2**40)
    assert numbers.max() > 2**40
    assert (np.abs(numbers) < 5).any()
    assert len(np.unique(numbers)) > 60


@pytest.mark.parametrize("op", ["Gather", "OneHot"])
def test_whole_numbers_that_are_indices_stay_valid(tmp_path, op):
    graph = Graph()
    tokens = graph.input("t", "batch", "steps", kind=INT)
    if op == "Gather":
        rows = graph.add("Gather", graph.weights(7, FEATURES), tokens, axis=0)
    else:
        rows = graph.add("OneHot", tokens, graph.ints(FEATURES), graph.array([0, 1]))
    path = finished(graph, graph.add("Relu", rows), tmp_path / "model.onnx")
    model = importing.import_file(path, verify=True).model
    numbers = random_inputs.of_model(model, 4, 30, np.random.default_rng(0))["t"]
    assert numbers.min() >= 0
    assert numbers.max() < 7
