"""Whole numbers that begin again where int32 does, in a file that has them as int64.

Sums and products beyond int32 differ in int64 by a multiple of 2³², which a cast to int32 takes off: ONNX discards the
higher bits, as Keras' arithmetic does.
"""

import keras

from gru_tf.interchange.onnx import file
from gru_tf.interchange.onnx.export.model_graph import ModelGraph
from gru_tf.interchange.onnx.export.recording import LayerCall


def in_range(graph: ModelGraph, y: str, call: LayerCall) -> str:
    """The result of arithmetic: of int32, the number that is left of one beyond its range; all others as they are.

    Args:
        graph: to write into.
        y: the result, of the kind of the call's output.
        call: whose only output has Keras' type.
    """
    if not gives_int32(call):
        return y
    types = file.library().TensorProto
    return graph.op("Cast", graph.op("Cast", y, to=types.INT32), to=types.INT64)


def gives_int32(call: LayerCall) -> bool:
    """Whether a call's only output is int32 in Keras."""
    return str(keras.backend.standardize_dtype(call.outputs[0].dtype)) == "int32"
