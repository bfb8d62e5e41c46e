"""Layers that hand on what they get outside of training."""

from typing import Any

import keras
from keras.src.ops.core import StopGradient

from gru_tf.interchange.onnx.export.exported_tensor import kind_of
from gru_tf.interchange.onnx.export.model_graph import ModelGraph
from gru_tf.interchange.onnx.export.recording import LayerCall


def first(call: LayerCall) -> Any:
    """The first argument of a call."""
    return next(iter(call.arguments.values()))


def _idle(graph: ModelGraph, call: LayerCall) -> str:
    """The same numbers, in the type of the result."""
    return graph.tensor(first(call), kind_of(call.outputs[0].dtype))


WRITERS = {
    keras.layers.Dropout: _idle,
    keras.layers.SpatialDropout1D: _idle,
    keras.layers.GaussianDropout: _idle,
    keras.layers.GaussianNoise: _idle,
    keras.layers.AlphaDropout: _idle,
    keras.layers.ActivityRegularization: _idle,
    keras.layers.Identity: _idle,
    StopGradient: _idle,
}
