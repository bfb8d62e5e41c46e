"""Rows of a constant matrix: embeddings of token numbers, and of positions."""

from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.sizes import SymbolicSize
from gru_tf.interchange.onnx.functional.steps import Building, BuildStep
from gru_tf.interchange.onnx.functional.values import KINDS, Expanded
from gru_tf.interchange.onnx.functional.views import TensorView, fresh
from gru_tf.interchange.onnx.values import UnreadableError


def positions(node: OperatorNode, array: Array, axis: int, size: SymbolicSize) -> TensorView:
    """As many entries of a constant's axis as an input has steps, as embeddings of positions are cut to a sequence."""
    others = [n for n in range(array.ndim) if n != axis]
    table = array.transpose([axis, *others]).reshape(array.shape[axis], -1)
    node.graph.count_bytes(table.nbytes)
    ones = node.as_tensor(Expanded(np.ones(1, "int64"), (size,)))
    places = node.applied(lambda x: keras.ops.subtract(keras.ops.cumsum(x, axis=0), 1), ones.arranged((ones.axes[0],)))
    step = node.layer(keras.layers.Embedding, places, weights=(table,), input_dim=len(table), output_dim=table.shape[1])
    groups = {n: fresh(SymbolicSize(array.shape[n]), node.known) for n in others} | {axis: ones.axes[0]}
    width = tuple(atom for n in others for atom in groups[n])
    axes = tuple(groups[n] for n in range(array.ndim))
    return TensorView(step, (ones.axes[0], width), axes, "float", node.known, node.title)


def one_hot(node: OperatorNode) -> TensorView:
    """OneHot of token numbers along a new last axis; negative ones count from the end."""
    index, depth, values = node.tensor(0), node.constant(1, "depth"), node.constant(2, "values")
    axis = node.attributes.get("axis", -1)
    if depth is None or depth.size != 1 or values is None or values.tolist() != [0, 1] or axis not in (-1, index.rank):
        raise UnreadableError("expected a known depth, values [0, 1] and the last axis")
    count = int(depth.item())
    if index.kind != "int" or count < 1:
        raise UnreadableError(f"expected token numbers, and a depth of at least 1. Received: {index.kind}, {count}")

    def call(building: Building, x: Any) -> Any:
        wrapped = keras.ops.where(keras.ops.less(x, 0), keras.ops.add(x, count), x)  # Keras' own row would be zeros
        return keras.ops.one_hot(wrapped, count, dtype=building.type_of(str(values.dtype)))

    kind, width = KINDS[values.dtype.kind], fresh(SymbolicSize(count), node.known)
    step = BuildStep(call, (index.step,), node.title)
    return TensorView(step, (*index.layout, width), (*index.axes, width), kind, node.known, node.title)


def embedding(node: OperatorNode, table: Array, index: TensorView) -> TensorView:
    """An Embedding layer on token numbers."""
    layer = node.layer(
        keras.layers.Embedding, index.step, weights=(table,), input_dim=table.shape[0], output_dim=table.shape[1]
    )
    width = fresh(SymbolicSize(table.shape[1]), node.known)
    return TensorView(layer, (*index.layout, width), (*index.axes, width), "float", node.known, node.title)
