"""Layers that put the same numbers elsewhere; free lengths stay free."""

from collections.abc import Sequence

import keras

from gru_tf.interchange.onnx.export.exported_tensor import ExportedTensor, NotExportedError
from gru_tf.interchange.onnx.export.layers.idle import first
from gru_tf.interchange.onnx.export.model_graph import ModelGraph
from gru_tf.interchange.onnx.export.recording import LayerCall
from gru_tf.recurrent.layers.reverse_time import ReverseTime

FAR = 2**62  # beyond the end of any axis


def sliced(graph: ModelGraph, x: str, axis: int, start: int, stop: int, step: int = 1) -> str:
    """A part of an axis."""
    return graph.op("Slice", x, *(graph.numbers(n) for n in (start, stop, axis, step)))


def reversed_steps(graph: ModelGraph, x: str, axis: int = 1) -> str:
    """The same from the last step to the first."""
    return sliced(graph, x, axis, -1, -FAR, -1)


def reshaped(graph: ModelGraph, x: str, sizes: Sequence[int | str | None]) -> str:
    """A value in another shape.

    Args:
        graph: to write into.
        x: the value.
        sizes: a number, None for what is left over at one place, or the name of a list of one number in the graph.
    """
    if sum(size is None for size in sizes) > 1:
        raise NotExportedError("more than one length of the result is free")
    if all(not isinstance(size, str) for size in sizes):
        return graph.op("Reshape", x, graph.numbers(*(-1 if size is None else int(size) for size in sizes)), allowzero=0)
    parts = [size if isinstance(size, str) else graph.numbers(-1 if size is None else size) for size in sizes]
    return graph.op("Reshape", x, graph.op("Concat", *parts, axis=0))


def length(graph: ModelGraph, x: ExportedTensor | str, axis: int) -> str:
    """The length of an axis as a list of one number in the graph."""
    return graph.op("Gather", graph.op("Shape", x), graph.numbers(axis), axis=0)


def size(graph: ModelGraph, x: ExportedTensor, axis: int) -> int | str:
    """The length of an axis: a number where it is known, else as a list of one number in the graph."""
    known = x.shape[axis]
    return length(graph, x, axis) if known is None else known


def _flatten(graph: ModelGraph, call: LayerCall) -> str:
    layer, x = call.operation, first(call)
    y = x.name
    if getattr(layer, "_channels_first", False) and x.rank > 1:
        y = graph.op("Transpose", x, perm=[0, *range(2, x.rank), 1])
    return graph.op("Flatten", y, axis=1) if x.rank > 1 else graph.op("Unsqueeze", y, graph.numbers(1))


def _reshape(graph: ModelGraph, call: LayerCall) -> str:
    x, sizes = first(call), list(call.outputs[0].shape[1:])
    return reshaped(graph, x.name, [size(graph, x, 0), *sizes])


def _permute(graph: ModelGraph, call: LayerCall) -> str:
    return graph.op("Transpose", first(call), perm=[0, *call.operation.dims])


def _repeat(graph: ModelGraph, call: LayerCall) -> str:
    row = graph.op("Unsqueeze", first(call), graph.numbers(1))
    return graph.op("Tile", row, graph.numbers(1, call.operation.n, 1))


def _cropping(graph: ModelGraph, call: LayerCall) -> str:
    start, end = call.operation.cropping
    return sliced(graph, first(call).name, 1, start, -end if end else FAR)


def _padding(graph: ModelGraph, call: LayerCall) -> str:
    layer, (before, after) = call.operation, call.operation.padding
    pads = (0, 0, before, 0, 0, after) if layer.data_format == "channels_first" else (0, before, 0, 0, after, 0)
    return graph.op("Pad", graph.as_float(first(call)), graph.numbers(*pads))


def _upsampling(graph: ModelGraph, call: LayerCall) -> str:
    x = first(call)
    rows = graph.op("Tile", graph.op("Unsqueeze", x, graph.numbers(2)), graph.numbers(1, 1, call.operation.size, 1))
    return reshaped(graph, rows, [size(graph, x, 0), None, size(graph, x, 2)])


def _reverse(graph: ModelGraph, call: LayerCall) -> str:
    return reversed_steps(graph, first(call).name)


WRITERS = {
    keras.layers.Flatten: _flatten,
    keras.layers.Reshape: _reshape,
    keras.layers.Permute: _permute,
    keras.layers.RepeatVector: _repeat,
    keras.layers.Cropping1D: _cropping,
    keras.layers.ZeroPadding1D: _padding,
    keras.layers.UpSampling1D: _upsampling,
    ReverseTime: _reverse,
}
