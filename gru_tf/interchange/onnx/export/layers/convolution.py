"""Convolutions over time: ONNX has channels in front of time, Keras behind it unless told otherwise."""

from typing import Any

import keras
import numpy as np

from gru_tf.interchange.onnx.export.layers import activation_functions as functions
from gru_tf.interchange.onnx.export.layers.idle import first
from gru_tf.interchange.onnx.export.model_graph import ModelGraph, numpy
from gru_tf.interchange.onnx.export.recording import LayerCall


def channels_first(graph: ModelGraph, x: str, data_format: str) -> str:
    """(batch, channels, time) of a layer's input; and back, as it is its own inverse."""
    return x if data_format == "channels_first" else graph.op("Transpose", x, perm=[0, 2, 1])


def padding(kind: str, size: int, stride: int, dilation: int = 1) -> dict[str, Any]:
    """ONNX' attributes for Keras' padding "valid", "same" or "causal"."""
    reach = (size - 1) * dilation
    if kind == "valid":
        return {}
    if kind == "causal":
        return {"pads": [reach, 0]}
    if stride > 1:  # how much depends on the length
        return {"auto_pad": "SAME_UPPER"}
    return {"pads": [reach // 2, reach - reach // 2]}


def _convolve(graph: ModelGraph, call: LayerCall, weight: str, bias: Any, groups: int) -> str:
    """One node; the weight is (outputs, channels of a group, size)."""
    layer = call.operation
    size, stride, dilation = layer.kernel_size[0], layer.strides[0], layer.dilation_rate[0]
    x = channels_first(graph, graph.as_float(first(call)), layer.data_format)
    y = graph.op(
        "Conv",
        x,
        weight,
        *([] if bias is None else [graph.weight(layer, "bias", bias)]),
        strides=[stride],
        dilations=[dilation],
        group=groups,
        kernel_shape=[size],
        **padding(layer.padding, size, stride, dilation),
    )
    return functions.apply(graph, layer.activation, channels_first(graph, y, layer.data_format), call)


def _conv(graph: ModelGraph, call: LayerCall) -> str:
    layer = call.operation
    kernel = np.transpose(numpy(layer.kernel), (2, 1, 0))  # Keras has (size, channels of a group, outputs)
    bias = layer.bias if layer.use_bias else None
    return _convolve(graph, call, graph.weight(layer, "kernel", kernel), bias, layer.groups)


def _depthwise(graph: ModelGraph, call: LayerCall) -> str:
    layer = call.operation
    kernel = numpy(layer.kernel)  # (size, channels, outputs of each)
    size, channels, each = kernel.shape
    kernel = kernel.reshape(size, 1, channels * each).transpose(2, 1, 0)
    bias = layer.bias if layer.use_bias else None
    return _convolve(graph, call, graph.weight(layer, "kernel", kernel), bias, channels)


def _separable(graph: ModelGraph, call: LayerCall) -> str:
    """Each channel by itself, then all channels of a step together."""
    layer = call.operation
    depthwise = numpy(layer.depthwise_kernel)
    size, channels, each = depthwise.shape
    depthwise = depthwise.reshape(size, 1, channels * each).transpose(2, 1, 0)
    stride, dilation = layer.strides[0], layer.dilation_rate[0]
    y = graph.op(
        "Conv",
        channels_first(graph, graph.as_float(first(call)), layer.data_format),
        graph.weight(layer, "depthwise_kernel", depthwise),
        strides=[stride],
        dilations=[dilation],
        group=channels,
        kernel_shape=[size],
        **padding(layer.padding, size, stride, dilation),
    )
    pointwise = graph.weight(layer, "pointwise_kernel", numpy(layer.pointwise_kernel).transpose(2, 1, 0))
    bias = [graph.weight(layer, "bias", layer.bias)] if layer.use_bias else []
    y = graph.op("Conv", y, pointwise, *bias, kernel_shape=[1])
    return functions.apply(graph, layer.activation, channels_first(graph, y, layer.data_format), call)


WRITERS = {keras.layers.Conv1D: _conv, keras.layers.DepthwiseConv1D: _depthwise, keras.layers.SeparableConv1D: _separable}
