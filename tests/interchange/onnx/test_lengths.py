"""Lengths in ONNX files: derived from others at any depth, required by nodes, and taken as numbers."""

import numpy as np
from onnx_graphs import FEATURES, Graph, computed, normal

from gru_tf.interchange import importing

END = 2**40


def finished(graph, x, path):
    """A file that ends with a recurrent layer on x, and Softplus, which no network has."""
    y, _ = graph.batch_first("GRU", x)
    graph.output(graph.add("Softplus", y))
    return graph.save(path)


def agrees(path, *shapes):
    """The imported model gives what onnxruntime computes, for inputs of these shapes."""
    imported = importing.import_file(path, verify=True)
    for shape in shapes:
        x = normal(1, *shape)
        own, wanted = np.asarray(imported.model(x, training=False)), computed(path, x)[0]
        assert own.shape == wanted.shape
        np.testing.assert_allclose(own, wanted, rtol=0, atol=1e-5)
    return imported


def test_lengths_that_two_others_make_again_and_again_are_followed_at_once(tmp_path):
    graph = Graph()
    x = graph.input("x", "batch", "steps", FEATURES)
    for _ in range(18):  # as many lengths, and 2¹⁸ ways to each
        parts = [
            graph.add("Slice", x, graph.ints(0), graph.ints(END), graph.ints(1), graph.ints(stride)) for stride in (2, 3)
        ]
        x = graph.add("Concat", *parts, axis=1)
    agrees(finished(graph, x, tmp_path / "model.onnx"), (2, 40, FEATURES))


def test_a_length_may_be_derived_at_any_depth(tmp_path):
    graph = Graph()
    x = graph.add("Transpose", graph.input("x", "batch", "steps", FEATURES), perm=[0, 2, 1])
    for _ in range(330):
        x = graph.add("MaxPool", x, kernel_shape=[1], strides=[2])
    agrees(finished(graph, graph.add("Transpose", x, perm=[0, 2, 1]), tmp_path / "model.onnx"), (2, 9, FEATURES))
