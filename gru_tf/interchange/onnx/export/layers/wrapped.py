"""Layers around other layers: each step by itself."""

import keras

from gru_tf.interchange.onnx.export.exported_tensor import ExportedTensor, NotExportedError
from gru_tf.interchange.onnx.export.layers.idle import first
from gru_tf.interchange.onnx.export.layers.reshaping import reshaped, size
from gru_tf.interchange.onnx.export.model_graph import ModelGraph
from gru_tf.interchange.onnx.export.recording import LayerCall


def _each_step(graph: ModelGraph, call: LayerCall) -> str:
    """The inner layer on all steps of all sequences, as if each were a sequence's own."""
    layer, x = call.operation, first(call)
    inner = layer.layer
    if call.arguments.get("mask") is not None and inner._call_has_mask_arg:
        raise NotExportedError(f"a mask for {type(inner).__name__} '{inner.name}'")
    sizes = [size(graph, x, n) for n in range(x.rank)]
    steps = reshaped(graph, x.name, [-1, *sizes[2:]])
    output = call.outputs[0]
    spec = keras.KerasTensor((None, *output.shape[2:]), output.dtype)
    name = next(iter(inner._call_signature.parameters))
    (y,) = graph.apply(graph, inner, {name: ExportedTensor(steps, (None, *x.shape[2:]), x.kind)}, [spec])
    rest = [size(graph, y, n) for n in range(1, y.rank)]
    return reshaped(graph, y.name, [*sizes[:2], *rest])


WRITERS = {keras.layers.TimeDistributed: _each_step}
