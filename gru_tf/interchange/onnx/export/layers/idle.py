"""Layers that hand on what they get outside of training, and inputs converted to the type that a model expects."""

from typing import Any

import keras
from keras.src.ops.core import Cast, ConvertToTensor, StopGradient

from gru_tf.interchange.onnx.export.exported_tensor import NotExportedError, kind_of
from gru_tf.interchange.onnx.export.model_graph import ModelGraph
from gru_tf.interchange.onnx.export.recording import LayerCall


def first(call: LayerCall) -> Any:
    """The first argument of a call."""
    return next(iter(call.arguments.values()))


def _idle(graph: ModelGraph, call: LayerCall) -> str:
    return graph.tensor(first(call), kind_of(call.outputs[0].dtype))


def _converted(graph: ModelGraph, call: LayerCall) -> str:
    x, kind = first(call), kind_of(call.outputs[0].dtype)
    if x.kind == "float" and kind == "int" and _narrow(call.outputs[0].dtype):
        raise NotExportedError(f"converts numbers to {call.outputs[0].dtype}, which may not hold them")
    return graph.tensor(x, kind)


def _narrow(dtype: str) -> bool:
    return dtype not in ("int32", "int64")


WRITERS = {
    keras.layers.Dropout: _idle,
    keras.layers.SpatialDropout1D: _idle,
    keras.layers.GaussianDropout: _idle,
    keras.layers.GaussianNoise: _idle,
    keras.layers.AlphaDropout: _idle,
    keras.layers.ActivityRegularization: _idle,
    keras.layers.Identity: _idle,
    StopGradient: _idle,
    ConvertToTensor: _converted,
    Cast: _converted,
}
