"""Layers that join several inputs."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import keras

from gru_tf.interchange.onnx.export import declared_types
from gru_tf.interchange.onnx.export.exported_tensor import ExportedTensor, NotExportedError, kind_of
from gru_tf.interchange.onnx.export.int32_range import in_range
from gru_tf.interchange.onnx.export.layers.idle import first
from gru_tf.interchange.onnx.export.layers.normalisation import unit_length
from gru_tf.interchange.onnx.export.model_graph import ModelGraph
from gru_tf.interchange.onnx.export.recording import LayerCall

Writer = Callable[[ModelGraph, LayerCall], str]


def _inputs(graph: ModelGraph, call: LayerCall) -> list[str]:
    """The inputs, those of fewer axes with further ones behind the batch."""
    tensors = list(first(call))
    most = max(tensor.rank for tensor in tensors)
    names = []
    for tensor in tensors:
        x, missing = graph.tensor(tensor, kind_of(call.outputs[0].dtype)), most - tensor.rank
        names.append(graph.op("Unsqueeze", x, graph.numbers(*range(1, missing + 1))) if missing else x)
    return names


def _pairwise(op: str) -> Writer:
    return lambda graph, call: in_range(graph, reduce(lambda a, b: graph.op(op, a, b), _inputs(graph, call)), call)


def _average(graph: ModelGraph, call: LayerCall) -> str:
    if any(tensor.kind == "int" for tensor in first(call)):  # whose sum Keras computes in int32
        raise NotExportedError(f"the mean of whole numbers; {declared_types.ADVICE}")
    total = _pairwise("Add")(graph, call)
    return graph.op("Div", total, graph.constant(float(len(first(call)))))


def _concatenate(graph: ModelGraph, call: LayerCall) -> str:
    tensors = list(first(call))
    kind = kind_of(call.outputs[0].dtype)
    return graph.op("Concat", *(graph.tensor(each, kind) for each in tensors), axis=call.operation.axis % tensors[0].rank)


def _dot(graph: ModelGraph, call: LayerCall) -> str:
    """Products along one axis of each, for each sequence by itself."""
    layer, (x, y) = call.operation, first(call)
    axes = [layer.axes] * 2 if isinstance(layer.axes, int) else list(layer.axes)
    a, b = axes[0] % x.rank, axes[1] % y.rank
    if max(x.rank, y.rank) > 3:
        raise NotExportedError("inputs of more than three axes")
    names = [graph.as_float(x), graph.as_float(y)]
    if layer.normalize:
        names = [unit_length(graph, name, [axis], keras.config.epsilon()) for name, axis in zip(names, (a, b), strict=True)]
    left, right = _rows(graph, x, names[0], a, last=True), _rows(graph, y, names[1], b, last=False)
    product = graph.op("MatMul", left, right)
    squeezed = [n for n, tensor in ((1, x), (2, y)) if tensor.rank == 2]
    if len(squeezed) == 2:  # Keras leaves (batch, 1)
        squeezed = [1]
    return graph.op("Squeeze", product, graph.numbers(*squeezed)) if squeezed else product


def _rows(graph: ModelGraph, tensor: ExportedTensor, name: str, axis: int, last: bool) -> str:
    """Three axes, of which the one that is summed over is the last, or the middle one."""
    if tensor.rank == 2:
        return graph.op("Unsqueeze", name, graph.numbers(1 if last else 2))
    return name if axis == (2 if last else 1) else graph.op("Transpose", name, perm=[0, 2, 1])


WRITERS: dict[Any, Writer] = {
    keras.layers.Add: _pairwise("Add"),
    keras.layers.Subtract: _pairwise("Sub"),
    keras.layers.Multiply: _pairwise("Mul"),
    keras.layers.Maximum: _pairwise("Max"),
    keras.layers.Minimum: _pairwise("Min"),
    keras.layers.Average: _average,
    keras.layers.Concatenate: _concatenate,
    keras.layers.Dot: _dot,
}
