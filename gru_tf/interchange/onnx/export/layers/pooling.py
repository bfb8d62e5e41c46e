"""Pooling over time: windows, or the whole sequence."""

from typing import Any

import keras

from gru_tf.interchange.onnx.export.layers.convolution import channels_first, padding
from gru_tf.interchange.onnx.export.layers.idle import first
from gru_tf.interchange.onnx.export.model_graph import ModelGraph
from gru_tf.interchange.onnx.export.recording import LayerCall


def _windows(op: str, **options: Any) -> Any:
    def write(graph: ModelGraph, call: LayerCall) -> str:
        layer = call.operation
        size, stride = layer.pool_size[0], layer.strides[0]
        x = channels_first(graph, graph.as_float(first(call)), layer.data_format)
        y = graph.op(op, x, kernel_shape=[size], strides=[stride], **padding(layer.padding, size, stride), **options)
        return channels_first(graph, y, layer.data_format)

    return write


def _time(layer: Any) -> int:
    return 1 if layer.data_format == "channels_last" else 2


def _maximum(graph: ModelGraph, call: LayerCall) -> str:
    layer = call.operation
    return graph.op("ReduceMax", graph.as_float(first(call)), axes=[_time(layer)], keepdims=int(layer.keepdims))


def _mean(graph: ModelGraph, call: LayerCall) -> str:
    """Over the real steps where there is a mask."""
    layer, x, mask = call.operation, graph.as_float(first(call)), call.arguments.get("mask")
    if mask is None:
        return graph.op("ReduceMean", x, axes=[_time(layer)], keepdims=int(layer.keepdims))
    features = 3 - _time(layer)
    real = graph.op("Unsqueeze", graph.tensor(mask, "bool"), graph.numbers(features))
    kept = graph.op("Where", real, x, graph.constant(0.0))
    sums = [
        graph.op("ReduceSum", each, graph.numbers(_time(layer)), keepdims=int(layer.keepdims))
        for each in (kept, graph.op("Cast", real, to=1))
    ]
    return graph.op("Div", *sums)


WRITERS = {
    keras.layers.MaxPooling1D: _windows("MaxPool"),
    keras.layers.AveragePooling1D: _windows("AveragePool"),
    keras.layers.GlobalMaxPooling1D: _maximum,
    keras.layers.GlobalAveragePooling1D: _mean,
}
