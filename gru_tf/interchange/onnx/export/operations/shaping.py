"""Operations that put the same numbers elsewhere."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from keras.src.ops import nn
from keras.src.ops import numpy as arrays

from gru_tf.interchange.onnx.export.exported_tensor import ExportedTensor, NotExportedError
from gru_tf.interchange.onnx.export.layers.idle import first
from gru_tf.interchange.onnx.export.layers.reshaping import FAR, reversed_steps, sliced
from gru_tf.interchange.onnx.export.model_graph import ModelGraph, numpy
from gru_tf.interchange.onnx.export.operations.pointwise import kind_of_output
from gru_tf.interchange.onnx.export.recording import LayerCall

Writer = Callable[[ModelGraph, LayerCall], str | list[str]]


def _whole(sizes: Any, what: str) -> list[int]:
    numbers = list(sizes) if isinstance(sizes, (list, tuple)) else [sizes]
    if not all(isinstance(size, int) and size for size in numbers):
        raise NotExportedError(f"{what} that is computed")
    return numbers


def _reshape(graph: ModelGraph, call: LayerCall) -> str:
    return graph.op("Reshape", first(call), graph.numbers(*_whole(call.operation.newshape, "a shape")))


def _transpose(graph: ModelGraph, call: LayerCall) -> str:
    x, axes = first(call), call.operation.axes
    return graph.op("Transpose", x, perm=[n % x.rank for n in (range(x.rank)[::-1] if axes is None else axes)])


def _swap(graph: ModelGraph, call: LayerCall) -> str:
    x = first(call)
    order = list(range(x.rank))
    a, b = call.operation.axis1 % x.rank, call.operation.axis2 % x.rank
    order[a], order[b] = order[b], order[a]
    return graph.op("Transpose", x, perm=order)


def _move(graph: ModelGraph, call: LayerCall) -> str:
    x, one = first(call), call.operation
    moved = sorted((to % x.rank, at % x.rank) for at, to in zip(one.source, one.destination, strict=True))
    order = [n for n in range(x.rank) if n not in {at for _, at in moved}]
    for to, at in moved:
        order.insert(to, at)
    return graph.op("Transpose", x, perm=order)


def _expand(graph: ModelGraph, call: LayerCall) -> str:
    axis, rank = call.operation.axis, len(call.outputs[0].shape)
    axes = sorted(n % rank for n in ([axis] if isinstance(axis, int) else axis))
    return graph.op("Unsqueeze", first(call), graph.numbers(*axes))


def _squeeze(graph: ModelGraph, call: LayerCall) -> str:
    axis, x = call.operation.axis, first(call)
    if axis is None and None in x.shape:
        raise NotExportedError("axis=None, where lengths are free")
    given = [n for n, size in enumerate(x.shape) if size == 1] if axis is None else axis
    axes = sorted(n % x.rank for n in ([given] if isinstance(given, int) else given))
    return graph.op("Squeeze", x, graph.numbers(*axes)) if axes else str(x.name)


def _concatenate(graph: ModelGraph, call: LayerCall) -> str:
    rank = len(call.outputs[0].shape)
    kind = kind_of_output(call)
    return graph.op("Concat", *(graph.tensor(each, kind) for each in first(call)), axis=call.operation.axis % rank)


def _stack(graph: ModelGraph, call: LayerCall) -> str:
    axis, kind = call.operation.axis % len(call.outputs[0].shape), kind_of_output(call)
    parts = [graph.op("Unsqueeze", graph.tensor(each, kind), graph.numbers(axis)) for each in first(call)]
    return graph.op("Concat", *parts, axis=axis)


def _split(graph: ModelGraph, call: LayerCall) -> list[str]:
    x, where = first(call), call.operation.indices_or_sections
    axis = call.operation.axis % x.rank
    if isinstance(where, int):
        return graph.ops("Split", where, x, axis=axis)
    places = [0, *_whole(where, "a place"), FAR]
    return [sliced(graph, x.name, axis, start, stop) for start, stop in pairwise(places)]


def _flip(graph: ModelGraph, call: LayerCall) -> str:
    axis, x = call.operation.axis, first(call)
    y: str = x.name
    for n in range(x.rank) if axis is None else [axis] if isinstance(axis, int) else axis:
        y = reversed_steps(graph, y, n % x.rank)
    return y


def _tile(graph: ModelGraph, call: LayerCall) -> str:
    x, repeats = first(call), _whole(call.operation.repeats, "a number of repeats")
    if len(repeats) > x.rank:
        raise NotExportedError("more repeats than axes")
    return graph.op("Tile", x, graph.numbers(*[1] * (x.rank - len(repeats)), *repeats))


def _take(graph: ModelGraph, call: LayerCall) -> str:
    given, axis = first(call), call.operation.axis
    if axis is None:
        raise NotExportedError("axis=None")
    kind = kind_of_output(call)
    table = given if isinstance(given, ExportedTensor) else numpy(given)
    x = ExportedTensor(graph.tensor(table, kind), tuple(table.shape), kind)
    return graph.op("Gather", x, graph.tensor(call.arguments["indices"], "int"), axis=axis % x.rank)


def _filled(number: float) -> Writer:
    def write(graph: ModelGraph, call: LayerCall) -> str:
        return graph.op("Expand", graph.constant(number, kind_of_output(call)), graph.op("Shape", first(call)))

    return write


def _one_hot(graph: ModelGraph, call: LayerCall) -> str:
    """Ones at the places of the numbers; nowhere for a number out of range, as in Keras."""
    one, kind = call.operation, kind_of_output(call)
    axis = one.axis % len(call.outputs[0].shape)
    numbers = graph.op("Unsqueeze", graph.tensor(first(call), "int"), graph.numbers(axis))
    sizes = [one.num_classes if n == axis else 1 for n in range(len(call.outputs[0].shape))]
    places = graph.op("Reshape", graph.constant(range(one.num_classes), "int"), graph.numbers(*sizes))
    return graph.tensor(ExportedTensor(graph.op("Equal", numbers, places), call.outputs[0].shape, "bool"), kind)


WRITERS: dict[type, Writer] = {
    arrays.Reshape: _reshape,
    arrays.Transpose: _transpose,
    arrays.Swapaxes: _swap,
    arrays.Moveaxis: _move,
    arrays.ExpandDims: _expand,
    arrays.Squeeze: _squeeze,
    arrays.Concatenate: _concatenate,
    arrays.Stack: _stack,
    arrays.Split: _split,
    arrays.Flip: _flip,
    arrays.Tile: _tile,
    arrays.Take: _take,
    nn.OneHot: _one_hot,
    arrays.ZerosLike: _filled(0),
    arrays.OnesLike: _filled(1),
}
