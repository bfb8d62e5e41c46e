"""Which function writes which layer or operation: exact classes, as a subclass may compute something else."""

from collections.abc import Callable, Sequence
from typing import Any

from gru_tf.interchange.onnx.export.exported_tensor import NotExportedError
from gru_tf.interchange.onnx.export.layers import (
    attention,
    convolution,
    dense,
    idle,
    masked_steps,
    masking,
    merging,
    multi_head_attention,
    normalisation,
    pooling,
    recurrent,
    reshaping,
    wrapped,
)
from gru_tf.interchange.onnx.export.model_graph import ModelGraph
from gru_tf.interchange.onnx.export.operations import indexing, pointwise, reductions, shaping
from gru_tf.interchange.onnx.export.recording import LayerCall

Writer = Callable[[ModelGraph, LayerCall], str | Sequence[str]]
LAYERS = (
    idle,
    dense,
    normalisation,
    convolution,
    pooling,
    reshaping,
    merging,
    masking,
    attention,
    multi_head_attention,
    recurrent,
    masked_steps,
    wrapped,
)
OPERATIONS = (pointwise, reductions, indexing, shaping)
WRITERS: dict[type, Writer] = {kind: writer for module in (*LAYERS, *OPERATIONS) for kind, writer in module.WRITERS.items()}


def writer_of(operation: Any) -> Writer:
    """The function for a layer or an operation; raises NotExportedError where there is none."""
    if type(operation) not in WRITERS:
        known = next((kind for kind in type(operation).__mro__ if kind in WRITERS), None)
        raise NotExportedError(f"may compute something else than {known.__name__}, its base class" if known else "")
    return WRITERS[type(operation)]
