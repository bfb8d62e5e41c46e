"""Steps that are left out because all their features have one value."""

import keras

from gru_tf.interchange.onnx.export.layers.idle import first
from gru_tf.interchange.onnx.export.model_graph import ModelGraph
from gru_tf.interchange.onnx.export.recording import LayerCall


def _masking(graph: ModelGraph, call: LayerCall) -> str:
    """Zeros at such steps; the mask itself is computed by operations of its own."""
    x = graph.as_float(first(call))
    same = graph.op("Cast", graph.op("Equal", x, graph.constant(float(call.operation.mask_value))), to=1)
    real = graph.op("Less", graph.op("ReduceMin", same, axes=[-1], keepdims=1), graph.constant(0.5))
    return graph.op("Where", real, x, graph.constant(0.0))


WRITERS = {keras.layers.Masking: _masking}
