"""Lengths in ONNX files: derived from others at any depth, required by nodes, and taken as numbers."""

import numpy as np
import pytest
from onnx_graphs import FEATURES, UNITS, Graph, computed, normal
from refusals import refused

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


# --- required by nodes ---


def behind(path, change, *shape, op="Softplus"):
    """A file that computes something from the steps (time, batch, features) of a recurrent layer."""
    graph = Graph()
    x = graph.input("x", *(shape or ("batch", "steps", FEATURES)))
    y, _ = graph.recurrent("GRU", graph.add("Transpose", x, perm=[1, 0, 2]))
    graph.output(graph.add(op, change(graph, graph.add("Squeeze", y, graph.ints(1)))))
    return graph.save(path)


def sliced(graph, y, start, end):
    return graph.add("Transpose", graph.add("Slice", y, graph.ints(start), graph.ints(end), graph.ints(0)), perm=[1, 0, 2])


PARTS = {
    "third step": lambda graph, y: graph.add("Gather", y, graph.array(2, "int64"), axis=0),
    "third last step": lambda graph, y: graph.add("Gather", y, graph.array(-3, "int64"), axis=0),
    "first and third": lambda graph, y: graph.add("Transpose", graph.add("Gather", y, graph.ints(0, 2)), perm=[1, 0, 2]),
    "first three": lambda graph, y: sliced(graph, y, 0, 3),
    "second and third": lambda graph, y: sliced(graph, y, 1, 3),
    "last three": lambda graph, y: sliced(graph, y, -3, END),
    "last three as one": lambda graph, y: graph.linear(graph.add("Flatten", sliced(graph, y, -3, END)), 3 * UNITS, 2),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_the_steps_is_compared_at_lengths_that_have_it(tmp_path, part):
    path = behind(tmp_path / "model.onnx", PARTS[part])
    imported = agrees(path, (2, 3, FEATURES), (1, 9, FEATURES))
    assert "needs sequences of which x[1] is at least 3" in " ".join(imported.notes)


def test_a_part_longer_than_the_declared_length_is_that_of_the_declared_one(tmp_path):
    path = behind(tmp_path / "model.onnx", lambda graph, y: sliced(graph, y, 0, 100), "batch", 5, FEATURES)
    assert agrees(path, (2, 5, FEATURES)).model.input_shape == (None, 5, FEATURES)


@pytest.mark.parametrize("steps", ["steps", 5])
def test_a_sum_divided_by_the_number_of_steps_is_their_mean(tmp_path, steps):
    def mean(graph, y):
        count = graph.add("Gather", graph.add("Shape", y), graph.array(0, "int64"))
        return graph.add("Div", graph.add("ReduceSum", y, graph.ints(0), keepdims=0), graph.add("Cast", count, to=1))

    agrees(behind(tmp_path / "model.onnx", mean, "batch", steps, FEATURES), (2, 5, FEATURES))


def test_a_sum_divided_by_the_number_of_sequences_is_refused(tmp_path):
    def mean(graph, y):
        count = graph.add("Gather", graph.add("Shape", y), graph.array(1, "int64"))
        return graph.add("Div", y, graph.add("Cast", count, to=1))

    refused(lambda: importing.import_file(behind(tmp_path / "model.onnx", mean)), "Cast", "besides the batch")


def test_what_is_squeezed_without_axes_is_what_the_declared_shape_has(tmp_path):
    def squeezed(graph, y):
        return graph.add("ReduceMean", graph.add("Squeeze", y), axes=[1])

    imported = agrees(behind(tmp_path / "model.onnx", squeezed, 1, 4, FEATURES), (1, 4, FEATURES))
    assert imported.model.input_shape[0] == 1


def test_an_output_without_axes_is_a_number(tmp_path):
    path = behind(tmp_path / "model.onnx", lambda graph, y: graph.add("ReduceMax", y, keepdims=0), 1, 5, FEATURES)
    agrees(path, (1, 5, FEATURES))


def test_what_is_computed_along_the_batch_is_refused_with_advice(tmp_path):
    graph = Graph()
    x = graph.input("x", 1, 5, FEATURES)
    path = finished(graph, graph.add("Add", x, graph.add("ReduceMean", x, axes=[0])), tmp_path / "model.onnx")
    refused(lambda: importing.import_file(path), "input 'x'", "export without what is computed along the batch")


def test_one_name_for_batch_and_steps_is_refused_with_advice(tmp_path):
    graph = Graph()
    path = finished(graph, graph.add("Relu", graph.input("x", "dyn", "dyn", FEATURES)), tmp_path / "model.onnx")
    refused(lambda: importing.import_file(path), "both are x[0]", "export it with a name for each")


def test_an_input_that_is_the_same_for_all_sequences_is_refused_with_advice(tmp_path):
    graph = Graph()
    x, gain = graph.input("x", "batch", "steps", FEATURES), graph.input("gain")
    path = finished(graph, graph.add("Mul", x, gain), tmp_path / "model.onnx")
    refused(lambda: importing.import_file(path), "input 'gain'", "make it a constant of the file")
