"""Dense layers, embeddings, and layers that are an activation."""

from typing import Any

import keras
from keras.src.activations.activations import ReLU

from gru_tf.interchange.onnx.export.exported_tensor import NotExportedError
from gru_tf.interchange.onnx.export.layers import activation_functions as functions
from gru_tf.interchange.onnx.export.layers.idle import first
from gru_tf.interchange.onnx.export.model_graph import ModelGraph
from gru_tf.interchange.onnx.export.recording import LayerCall


def _dense(graph: ModelGraph, call: LayerCall) -> str:
    layer = call.operation
    x = graph.op("MatMul", graph.as_float(first(call)), graph.weight(layer, "kernel", layer.kernel))
    if layer.bias is not None:
        x = graph.op("Add", x, graph.weight(layer, "bias", layer.bias))
    return functions.apply(graph, layer.activation, x, call)


def _embedding(graph: ModelGraph, call: LayerCall) -> str:
    layer = call.operation
    # numbers become tokens as in Keras, which cuts them off
    return graph.op("Gather", graph.weight(layer, "embeddings", layer.embeddings), graph.tensor(first(call), "int"))


def _activation(graph: ModelGraph, call: LayerCall) -> str:
    return functions.apply(graph, call.operation.activation, graph.as_float(first(call)), call)


def _relu(graph: ModelGraph, call: LayerCall) -> str:
    one = call.operation
    return functions.relu(graph, graph.as_float(first(call)), one.negative_slope, one.max_value, one.threshold)


def _leaky_relu(graph: ModelGraph, call: LayerCall) -> str:
    return functions.relu(graph, graph.as_float(first(call)), call.operation.negative_slope)


def _elu(graph: ModelGraph, call: LayerCall) -> str:
    return functions.elu(graph, graph.as_float(first(call)), call.operation.alpha)


def _prelu(graph: ModelGraph, call: LayerCall) -> str:
    layer = call.operation
    return graph.op("PRelu", graph.as_float(first(call)), graph.weight(layer, "alpha", layer.alpha))


def _softmax(graph: ModelGraph, call: LayerCall) -> str:
    layer, x, mask = call.operation, graph.as_float(first(call)), call.arguments.get("mask")
    axis = _one_axis(layer.axis)
    if mask is None:
        return functions.softmax(graph, x, axis)
    real = graph.tensor(mask, "bool")
    y = functions.softmax(graph, graph.op("Where", real, x, graph.constant(LARGE)), axis)
    return graph.op("Where", real, y, graph.constant(0.0))


def _one_axis(axis: Any) -> int:
    axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    if len(axes) != 1:
        raise NotExportedError(f"axis={axis!r} is more than one axis")
    return int(axes[0])


LARGE = -1e9
WRITERS = {
    keras.layers.Dense: _dense,
    keras.layers.Embedding: _embedding,
    keras.layers.Activation: _activation,
    keras.layers.ReLU: _relu,
    keras.layers.LeakyReLU: _leaky_relu,
    keras.layers.ELU: _elu,
    keras.layers.PReLU: _prelu,
    keras.layers.Softmax: _softmax,
    ReLU: _relu,
}
