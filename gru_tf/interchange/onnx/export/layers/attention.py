"""Attention of queries over values: scores of every pair of steps, their shares, and the values weighted by these."""

import keras

from gru_tf.interchange.onnx.export.exported_tensor import ExportedTensor
from gru_tf.interchange.onnx.export.layers.idle import first
from gru_tf.interchange.onnx.export.layers.reshaping import length
from gru_tf.interchange.onnx.export.model_graph import ModelGraph
from gru_tf.interchange.onnx.export.recording import LayerCall

FAR = 1e9  # taken off the scores of masked steps


def _attention(graph: ModelGraph, call: LayerCall) -> list[str]:
    layer, (query, value, *key) = call.operation, first(call)
    q, v = graph.as_float(query), graph.as_float(value)
    k = graph.as_float(key[0]) if key else v
    scores = _additive(graph, layer, q, k) if _is_additive(layer) else _products(graph, layer, q, k)
    masks = call.arguments.get("mask") or (None, None)
    real = real_pairs(graph, scores, masks[1], bool(call.arguments.get("use_causal_mask")))
    if real:
        scores = graph.op("Where", real, scores, graph.op("Sub", scores, graph.constant(FAR)))
    shares = graph.op("Softmax", scores, axis=-1)
    output = graph.op("MatMul", shares, v)
    if masks[0] is not None:
        rows = graph.op("Unsqueeze", graph.tensor(masks[0], "bool"), graph.numbers(2))
        output = graph.op("Where", rows, output, graph.constant(0.0))
    return [output, shares] if call.arguments.get("return_attention_scores") else [output]


def _is_additive(layer: keras.layers.Layer) -> bool:
    return type(layer) is keras.layers.AdditiveAttention or layer.score_mode == "concat"


def _products(graph: ModelGraph, layer: keras.layers.Layer, q: str, k: str) -> str:
    scores = graph.op("MatMul", q, graph.op("Transpose", k, perm=[0, 2, 1]))
    return scores if layer.scale is None else graph.op("Mul", scores, graph.weight(layer, "scale", layer.scale))


def _additive(graph: ModelGraph, layer: keras.layers.Layer, q: str, k: str) -> str:
    """Of each pair: Σ scale · tanh(q + k), or with score_mode "concat" w Σ tanh(scale · (q + k))."""
    pairs = graph.op("Add", graph.op("Unsqueeze", q, graph.numbers(2)), graph.op("Unsqueeze", k, graph.numbers(1)))
    scale = None if layer.scale is None else graph.weight(layer, "scale", layer.scale)
    if type(layer) is keras.layers.AdditiveAttention:
        each = graph.op("Tanh", pairs)
        each = graph.op("Mul", each, scale) if scale and layer.use_scale else each
        return graph.op("ReduceSum", each, graph.numbers(-1), keepdims=0)
    each = graph.op("Tanh", graph.op("Mul", pairs, scale) if scale else pairs)
    weight = graph.weight(layer, "concat_score_weight", layer.concat_score_weight)
    return graph.op("Mul", graph.op("ReduceSum", each, graph.numbers(-1), keepdims=0), weight)


def real_pairs(graph: ModelGraph, scores: str, mask: ExportedTensor | None, causal: bool, first_axis: int = 1) -> str:
    """Which pairs count: (batch, queries, values) or what broadcasts to it; "" for all.

    Args:
        graph: to write into.
        scores: of the pairs.
        mask: of the values.
        causal: whether a query only sees values that are not later.
        first_axis: of the scores, that of the queries.
    """
    real = "" if mask is None else graph.op("Unsqueeze", graph.tensor(mask, "bool"), graph.numbers(1))
    if not causal:
        return real
    sizes = [graph.op("Squeeze", length(graph, scores, axis), graph.numbers(0)) for axis in (first_axis, first_axis + 1)]
    zero, one = (graph.op("Squeeze", graph.numbers(n), graph.numbers(0)) for n in (0, 1))
    rows, columns = (graph.op("Range", zero, size, one) for size in sizes)
    earlier = graph.op("GreaterOrEqual", graph.op("Unsqueeze", rows, graph.numbers(1)), columns)
    return graph.op("And", real, earlier) if real else earlier


WRITERS = {keras.layers.Attention: _attention, keras.layers.AdditiveAttention: _attention}
