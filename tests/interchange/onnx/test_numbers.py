"""Numbers at which an ONNX operator and the Keras operation of that name differ: the model gives the file's."""

import numpy as np
import pytest
from onnx import TensorProto
from onnx_graphs import FEATURES, Graph, computed, normal

from gru_tf.interchange import importing

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
