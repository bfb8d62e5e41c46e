"""Standardisation of inputs, and normalisation by stored or by the input's own moments."""

from typing import Any

import keras
import numpy as np

from gru_tf.interchange.onnx.export.exported_tensor import ExportedTensor, NotExportedError
from gru_tf.interchange.onnx.export.layers.idle import first
from gru_tf.interchange.onnx.export.layers.reshaping import reshaped, size
from gru_tf.interchange.onnx.export.model_graph import ModelGraph, numpy
from gru_tf.interchange.onnx.export.recording import LayerCall


def _rescaling(graph: ModelGraph, call: LayerCall) -> str:
    layer = call.operation
    scale, offset = numpy(layer.scale), numpy(layer.offset)
    if scale.ndim and keras.config.image_data_format() == "channels_first":
        raise NotExportedError("several scales with channels first")
    y = graph.op("Mul", graph.as_float(first(call)), graph.weight(layer, "scale", scale))
    return graph.op("Add", y, graph.weight(layer, "offset", offset)) if np.any(offset) else y


def _normalization(graph: ModelGraph, call: LayerCall) -> str:
    layer, x = call.operation, graph.as_float(first(call))
    if layer.mean is None:
        raise NotExportedError("has no mean and variance yet: call `adapt`")
    spread = np.maximum(np.sqrt(numpy(layer.variance)), keras.config.epsilon())
    mean, deviation = graph.weight(layer, "mean", layer.mean), graph.weight(layer, "deviation", spread)
    if layer.invert:
        return graph.op("Add", graph.op("Mul", x, deviation), mean)
    return graph.op("Div", graph.op("Sub", x, mean), deviation)


def _batch(graph: ModelGraph, call: LayerCall) -> str:
    """By the moving mean and variance, which are a factor and an offset of each feature."""
    layer, x = call.operation, first(call)
    factor = 1 / np.sqrt(numpy(layer.moving_variance).astype("float64") + layer.epsilon)
    factor = factor * numpy(layer.gamma) if layer.scale else factor
    shape = _broadcast(x, [layer.axis], factor.shape)
    centred = graph.op("Sub", graph.as_float(x), graph.weight(layer, "mean", numpy(layer.moving_mean).reshape(shape)))
    y = graph.op("Mul", centred, graph.weight(layer, "factor", factor.reshape(shape)))
    if not layer.center:
        return y
    return graph.op("Add", y, graph.weight(layer, "beta", numpy(layer.beta).reshape(shape)))


def _layer(graph: ModelGraph, call: LayerCall) -> str:
    layer, x = call.operation, first(call)
    if layer.rms_scaling:
        raise NotExportedError("rms_scaling=True")
    axes = _axes(layer.axis, x)
    centred = graph.op("Sub", graph.as_float(x), graph.op("ReduceMean", graph.as_float(x), axes=axes, keepdims=1))
    y = _over_root_mean_square(graph, centred, axes, layer.epsilon)
    for op, what, value in (("Mul", "gamma", layer.gamma), ("Add", "beta", layer.beta)):
        if value is not None:
            array = numpy(value)
            y = graph.op(op, y, graph.weight(layer, what, array.reshape(_broadcast(x, axes, array.shape))))
    return y


def _group(graph: ModelGraph, call: LayerCall) -> str:
    """Each group of features by the moments of all steps."""
    layer, x = call.operation, first(call)
    features = x.shape[-1]
    if layer.axis % x.rank != x.rank - 1 or features is None:
        raise NotExportedError("expected groups of the last axis")
    sizes: list[int | str | None] = [size(graph, x, n) for n in range(x.rank - 1)]
    y = reshaped(graph, graph.as_float(x), [*sizes, layer.groups, features // layer.groups])
    axes = [*range(1, x.rank - 1), x.rank]
    centred = graph.op("Sub", y, graph.op("ReduceMean", y, axes=axes, keepdims=1))
    y = reshaped(graph, _over_root_mean_square(graph, centred, axes, layer.epsilon), [*sizes, features])
    y = graph.op("Mul", y, graph.weight(layer, "gamma", layer.gamma)) if layer.scale else y
    return graph.op("Add", y, graph.weight(layer, "beta", layer.beta)) if layer.center else y


def _root_mean_square(graph: ModelGraph, call: LayerCall) -> str:
    layer, x = call.operation, first(call)
    axes = _axes(layer.axis, x)
    y = _over_root_mean_square(graph, graph.as_float(x), axes, layer.epsilon)
    if layer.scale is None:
        return y
    scale = numpy(layer.scale)
    return graph.op("Mul", y, graph.weight(layer, "scale", scale.reshape(_broadcast(x, axes, scale.shape))))


def _unit(graph: ModelGraph, call: LayerCall) -> str:
    return unit_length(graph, graph.as_float(first(call)), _axes(call.operation.axis, first(call)), 1e-12)


def unit_length(graph: ModelGraph, x: str, axes: list[int], epsilon: float) -> str:
    """Vectors along the axes divided by their length, which counts as ε where it is less."""
    squares = graph.op("ReduceSum", graph.op("Mul", x, x), graph.numbers(*axes), keepdims=1)
    inverse = graph.op("Div", graph.constant(1.0), graph.op("Sqrt", squares))
    return graph.op("Mul", x, graph.op("Min", inverse, graph.constant(1 / epsilon)))


def _over_root_mean_square(graph: ModelGraph, x: str, axes: list[int], epsilon: float) -> str:
    mean = graph.op("ReduceMean", graph.op("Mul", x, x), axes=axes, keepdims=1)
    return graph.op("Div", x, graph.op("Sqrt", graph.op("Add", mean, graph.constant(epsilon))))


def _axes(axis: Any, x: ExportedTensor) -> list[int]:
    return sorted(n % x.rank for n in (axis if isinstance(axis, (list, tuple)) else [axis]))


def _broadcast(x: ExportedTensor, axes: list[int], sizes: tuple[int, ...]) -> list[int]:
    """The shape that puts an array of the sizes of these axes at their places."""
    if len(sizes) != len(axes):
        raise NotExportedError(f"expected weights for {len(axes)} axes. Received: shape {list(sizes)}")
    places = [n % x.rank for n in axes]
    return [sizes[places.index(n)] if n in places else 1 for n in range(x.rank)]


WRITERS = {
    keras.layers.Rescaling: _rescaling,
    keras.layers.Normalization: _normalization,
    keras.layers.BatchNormalization: _batch,
    keras.layers.LayerNormalization: _layer,
    keras.layers.GroupNormalization: _group,
    keras.layers.RMSNormalization: _root_mean_square,
    keras.layers.UnitNormalization: _unit,
}
