"""Conversions, powers, sums and places of whole numbers by nodes that keep them exact in onnxruntime, too."""

from collections.abc import Sequence
from typing import Any

from gru_tf.interchange.onnx.export.exported_tensor import ExportedTensor, NotExportedError, kind_of
from gru_tf.interchange.onnx.export.int32_range import gives_int32, in_range
from gru_tf.interchange.onnx.export.layers.idle import first
from gru_tf.interchange.onnx.export.layers.reshaping import FAR, sliced
from gru_tf.interchange.onnx.export.model_graph import ModelGraph, numpy
from gru_tf.interchange.onnx.export.recording import LayerCall


def converted(graph: ModelGraph, call: LayerCall) -> str:
    """Numbers in another type: int32 directly, as fractions beyond its range become what they become in Keras."""
    x, kind = first(call), kind_of(call.outputs[0].dtype)
    if kind == "int" and isinstance(x, ExportedTensor) and x.kind != "bool":
        return in_range(graph, x.name if gives_int32(call) else graph.tensor(x, kind), call)
    return graph.tensor(x, kind)


def power(graph: ModelGraph, base: Any, exponent: Any, call: LayerCall) -> str:
    """A power of whole numbers by multiplication; a node would go through floating point.

    Raises:
        NotExportedError: for an exponent that is not one known number from 0 on.
    """
    number = None if isinstance(exponent, ExportedTensor) else numpy(exponent)
    if number is None or number.ndim or number.dtype.kind not in "iu" or number.item() < 0:
        raise NotExportedError("a power of whole numbers with an exponent other than one whole number from 0 on")
    rest, square = number.item(), graph.tensor(base, "int")
    y = graph.op("Add", graph.op("Mul", square, graph.constant(0, "int")), graph.constant(1, "int"))
    while rest:
        y = graph.op("Mul", y, square) if rest % 2 else y
        rest //= 2
        square = graph.op("Mul", square, square) if rest else square
    return in_range(graph, y, call)


def total(graph: ModelGraph, x: str, call: LayerCall, axes: Sequence[int]) -> str:
    """The sum of whole numbers along axes.

    Args:
        graph: to write into.
        x: the numbers.
        call: of the sum.
        axes: numbers of axes, from 0 on.
    """
    keepdims, rank = bool(call.operation.keepdims), first(call).rank
    if gives_int32(call):
        return in_range(graph, graph.op("ReduceSum", x, graph.numbers(*axes), keepdims=int(keepdims)), call)
    for axis in axes:  # onnxruntime's ReduceSum adds int64 as float64; with a zero in front, as an axis may be empty
        padded = graph.op("Pad", x, graph.numbers(*(int(n == axis) for n in range(2 * rank))))
        sums = graph.op("CumSum", padded, graph.op("Squeeze", graph.numbers(axis), graph.numbers(0)))
        x = sliced(graph, sums, axis, -1, FAR)
    return x if keepdims else graph.op("Squeeze", x, graph.numbers(*axes))


def place(graph: ModelGraph, x: ExportedTensor, axis: int, largest: bool, keepdims: bool) -> str:
    """Where the largest or the least whole number is, the first of several; `ArgMax` has no int64 in onnxruntime."""
    _, places = graph.ops("TopK", 2, x, graph.numbers(1), axis=axis, largest=int(largest), sorted=1)
    return places if keepdims else graph.op("Squeeze", places, graph.numbers(axis))
