"""Sums, means, extremes and quantiles along axes, and products of matrices."""

from collections.abc import Callable
from typing import Any

from keras.src.ops import math
from keras.src.ops import numpy as arrays

from gru_tf.interchange.onnx.export import declared_types
from gru_tf.interchange.onnx.export.exported_tensor import ExportedTensor, NotExportedError
from gru_tf.interchange.onnx.export.int32_range import in_range
from gru_tf.interchange.onnx.export.layers.idle import first
from gru_tf.interchange.onnx.export.layers.reshaping import sliced
from gru_tf.interchange.onnx.export.model_graph import ModelGraph
from gru_tf.interchange.onnx.export.operations.pointwise import kind_of_numbers
from gru_tf.interchange.onnx.export.operations.whole_numbers import place, total
from gru_tf.interchange.onnx.export.recording import LayerCall

Writer = Callable[[ModelGraph, LayerCall], str]


def _axes(call: LayerCall) -> list[int]:
    axis, x = call.operation.axis, first(call)
    given = range(x.rank) if axis is None else axis if isinstance(axis, (list, tuple)) else [axis]
    return sorted(n % x.rank for n in given)


def _reduced(op: str) -> Writer:
    def write(graph: ModelGraph, call: LayerCall) -> str:
        if getattr(call.operation, "initial", None) is not None:
            raise NotExportedError(f"initial={call.operation.initial!r}")
        return _along(graph, op, graph.tensor(first(call), kind_of_numbers(call)), call)

    return write


def _sum(graph: ModelGraph, call: LayerCall) -> str:
    if kind_of_numbers(call) == "int" and getattr(call.operation, "initial", None) is None:
        return total(graph, graph.tensor(first(call), "int"), call, _axes(call))
    return _reduced("ReduceSum")(graph, call)


def _multiplied(graph: ModelGraph, call: LayerCall) -> str:
    if kind_of_numbers(call) == "int":  # onnxruntime multiplies them as float64
        raise NotExportedError(f"the product of whole numbers; {declared_types.ADVICE}")
    return _reduced("ReduceProd")(graph, call)


def _along(graph: ModelGraph, op: str, x: str, call: LayerCall, keep: bool | None = None) -> str:
    keepdims = int(call.operation.keepdims if keep is None else keep)
    if op == "ReduceSum":  # whose axes are an input since opset 13
        return graph.op(op, x, graph.numbers(*_axes(call)), keepdims=keepdims)
    return graph.op(op, x, axes=_axes(call), keepdims=keepdims)


def _variance(graph: ModelGraph, call: LayerCall) -> str:
    x = graph.as_float(first(call))
    centred = graph.op("Sub", x, _along(graph, "ReduceMean", x, call, keep=True))
    return _along(graph, "ReduceMean", graph.op("Mul", centred, centred), call)


def _deviation(graph: ModelGraph, call: LayerCall) -> str:
    return graph.op("Sqrt", _variance(graph, call))


def _truth(op: str) -> Writer:
    """Whether any, or all, are true: the largest, or the least, of 0 and 1."""

    def write(graph: ModelGraph, call: LayerCall) -> str:
        numbers = graph.as_float(ExportedTensor(graph.tensor(first(call), "bool"), first(call).shape, "bool"))
        return graph.op("Greater", _along(graph, op, numbers, call), graph.constant(0.5))

    return write


def _quantile(graph: ModelGraph, call: LayerCall) -> str:
    """Between the two nearest of the sorted numbers of an axis of known length."""
    x, q, axes = first(call), call.arguments["q"], _axes(call)
    steps = x.shape[axes[0]] if len(axes) == 1 else None
    if steps is None or not isinstance(q, float) or getattr(call.operation, "method", "linear") != "linear":
        raise NotExportedError("expected one quantile along one axis of known length, by method='linear'")
    return _between(graph, x, axes[0], q * (steps - 1), bool(call.operation.keepdims))


def _between(graph: ModelGraph, x: ExportedTensor, axis: int, place: float, keepdims: bool) -> str:
    rest = x.shape[axis] or 1
    highest, _ = graph.ops("TopK", 2, graph.as_float(x), graph.numbers(rest), axis=axis, largest=0, sorted=1)
    low, share = int(place), place - int(place)
    high = min(low + 1, rest - 1)
    y = graph.op("Mul", sliced(graph, highest, axis, low, low + 1), graph.constant(1 - share))
    y = graph.op("Add", y, graph.op("Mul", sliced(graph, highest, axis, high, high + 1), graph.constant(share)))
    return y if keepdims else graph.op("Squeeze", y, graph.numbers(axis))


def _median(graph: ModelGraph, call: LayerCall) -> str:
    x, axes = first(call), _axes(call)
    steps = x.shape[axes[0]] if len(axes) == 1 else None
    if steps is None:
        raise NotExportedError("expected one axis of known length")
    return _between(graph, x, axes[0], 0.5 * (steps - 1), bool(call.operation.keepdims))


def _place(op: str) -> Writer:
    """Where the largest, or the least, is; the first of several."""

    def write(graph: ModelGraph, call: LayerCall) -> str:
        axis, x = call.operation.axis, first(call)
        if axis is None:
            raise NotExportedError("axis=None")
        axis, keepdims = axis % x.rank, bool(call.operation.keepdims)
        if x.kind == "int":
            return place(graph, x, axis, op == "ArgMax", keepdims)
        return graph.op(op, graph.as_float(x), axis=axis, keepdims=int(keepdims))

    return write


def _cumulated(graph: ModelGraph, call: LayerCall) -> str:
    axis, x = call.operation.axis, first(call)
    if axis is None:
        raise NotExportedError("axis=None")
    along = graph.op("Squeeze", graph.numbers(axis % x.rank), graph.numbers(0))
    return in_range(graph, graph.op("CumSum", graph.tensor(x, kind_of_numbers(call)), along), call)


def _product(graph: ModelGraph, call: LayerCall) -> str:
    return graph.op("MatMul", *(graph.as_float(call.arguments[name]) for name in ("x1", "x2")))


def _einsum(graph: ModelGraph, call: LayerCall) -> str:
    operands: Any = call.arguments["operands"]
    return graph.op("Einsum", *(graph.as_float(each) for each in operands), equation=call.operation.subscripts)


WRITERS: dict[type, Writer] = {
    arrays.Mean: _reduced("ReduceMean"),
    arrays.Sum: _sum,
    arrays.Max: _reduced("ReduceMax"),
    arrays.Min: _reduced("ReduceMin"),
    arrays.Prod: _multiplied,
    arrays.Amax: _reduced("ReduceMax"),
    arrays.Amin: _reduced("ReduceMin"),
    arrays.Var: _variance,
    arrays.Std: _deviation,
    arrays.Any: _truth("ReduceMax"),
    arrays.All: _truth("ReduceMin"),
    arrays.Quantile: _quantile,
    arrays.Median: _median,
    arrays.Argmax: _place("ArgMax"),
    arrays.Argmin: _place("ArgMin"),
    arrays.Cumsum: _cumulated,
    math.Logsumexp: _reduced("ReduceLogSumExp"),
    arrays.Matmul: _product,
    arrays.Einsum: _einsum,
}
