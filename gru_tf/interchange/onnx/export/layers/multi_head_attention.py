"""Attention with several heads: queries, keys and values projected once for each head."""

import math
from typing import Any

import keras

from gru_tf.interchange.onnx.export.exported_tensor import ExportedTensor, NotExportedError
from gru_tf.interchange.onnx.export.layers.attention import FAR, real_pairs
from gru_tf.interchange.onnx.export.layers.reshaping import reshaped, size
from gru_tf.interchange.onnx.export.model_graph import ModelGraph, numpy
from gru_tf.interchange.onnx.export.recording import LayerCall

MASKS = ("query_mask", "value_mask", "key_mask", "attention_mask")


def _heads(graph: ModelGraph, call: LayerCall) -> list[str]:
    layer, given = call.operation, call.arguments
    query, value = given["query"], given["value"]
    key = value if given.get("key") is None else given["key"]
    _check(layer, given, (query, value, key))
    q = _projected(graph, layer._query_dense, query, "query")
    k = _projected(graph, layer._key_dense, key, "key")
    v = _projected(graph, layer._value_dense, value, "value")
    scores = graph.op("MatMul", q, graph.op("Transpose", k, perm=[0, 1, 3, 2]))
    scores = graph.op("Mul", scores, graph.constant(1 / math.sqrt(layer.key_dim)))
    if given.get("use_causal_mask"):
        real = real_pairs(graph, scores, None, causal=True, first_axis=2)
        scores = graph.op("Where", real, scores, graph.op("Sub", scores, graph.constant(FAR)))
    shares = graph.op("Softmax", scores, axis=-1)
    joined = graph.op("Transpose", graph.op("MatMul", shares, v), perm=[0, 2, 1, 3])
    width = layer.num_heads * layer.value_dim
    joined = reshaped(graph, joined, [size(graph, query, 0), size(graph, query, 1), width])
    dense = layer._output_dense
    kernel = numpy(dense.kernel).reshape(width, -1)
    output = graph.op("MatMul", joined, graph.weight(dense, "kernel", kernel))
    output = output if dense.bias is None else graph.op("Add", output, graph.weight(dense, "bias", dense.bias))
    return [output, shares] if given.get("return_attention_scores") else [output]


def _projected(graph: ModelGraph, dense: Any, x: ExportedTensor, what: str) -> str:
    """(batch, heads, T, width of a head)."""
    kernel = numpy(dense.kernel)  # (features, heads, width)
    features, heads, width = kernel.shape
    y = graph.op("MatMul", graph.as_float(x), graph.weight(dense, f"{what}_kernel", kernel.reshape(features, heads * width)))
    if dense.bias is not None:
        y = graph.op("Add", y, graph.weight(dense, f"{what}_bias", numpy(dense.bias).reshape(heads * width)))
    y = reshaped(graph, y, [size(graph, x, 0), size(graph, x, 1), heads, width])
    return graph.op("Transpose", y, perm=[0, 2, 1, 3])


def _check(layer: Any, given: dict[str, Any], tensors: tuple[ExportedTensor, ...]) -> None:
    """Refuse what a call may add."""
    masks = [name for name in MASKS if given.get(name) is not None]
    if masks:
        raise NotExportedError(
            f"under a mask ({', '.join(masks)}), as of Masking or mask_zero=True; ONNX export writes it without;"
            " Attention and AdditiveAttention are written with masks"
        )
    if any(tensor.rank != 3 for tensor in tensors) or len(layer._output_dense.kernel.shape) != 3:
        raise NotExportedError("inputs or outputs of other than three axes")
    for option in ("_use_gate", "_sliding_window"):
        if getattr(layer, option, None):
            raise NotExportedError(f"{option.removeprefix('_')}={getattr(layer, option)!r}")


WRITERS = {keras.layers.MultiHeadAttention: _heads}
