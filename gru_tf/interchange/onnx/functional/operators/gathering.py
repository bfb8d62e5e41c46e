"""Gather: entries of an axis at known places, rows of a matrix by token numbers, embeddings of positions."""

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.operators.embeddings import embedding
from gru_tf.interchange.onnx.functional.operators.lengths import sizes_of
from gru_tf.interchange.onnx.functional.operators.slices import indexed, own_axis
from gru_tf.interchange.onnx.functional.sizes import ONE, SymbolicSize
from gru_tf.interchange.onnx.functional.values import Lengths, Value
from gru_tf.interchange.onnx.functional.views import TensorView, fresh
from gru_tf.interchange.onnx.graph import normalize_axes
from gru_tf.interchange.onnx.values import Constant, UnreadableError


def gather(node: OperatorNode) -> Value:
    """Gather: entries of an axis at known places, or the rows of a matrix that token numbers choose."""
    value, index = node.value(0), node.value(1)
    rank = len(sizes_of(value))
    axis = normalize_axes([node.attributes.get("axis", 0)], rank)[0]
    if isinstance(index, TensorView):
        table = node.as_constant(value)
        if table is None or axis or table.ndim != 2 or table.dtype.kind != "f" or index.kind != "int":
            raise UnreadableError("expected rows of a constant matrix, chosen by token numbers")
        return embedding(node, table, index)
    places = node.as_constant(index)
    if places is None or places.dtype.kind not in "iu":
        raise UnreadableError("expected places that are known")
    if isinstance(value, Constant):
        node.graph.count_bytes(places.size * value.array.nbytes // max(1, value.array.shape[axis]))
        return Constant(value.array.take(places, axis))
    if isinstance(value, Lengths):
        return Lengths(tuple(value.values[int(n)] for n in np.atleast_1d(places)), scalar=not places.ndim)
    return _chosen(node, node.as_tensor(value), axis, places)


def _chosen(node: OperatorNode, tensor: TensorView, axis: int, places: Array) -> TensorView:
    """Entries of an axis: one, or several in a new order."""
    if places.ndim > 1:
        raise UnreadableError(f"expected places along one axis. Received: {places.ndim} axes")
    tensor.check_apart([axis])
    size = node.known.settled(tensor.size(tensor.axes[axis]))
    numbers = [int(place) for place in np.atleast_1d(places)]
    if size.number is not None and not all(-size.number <= n < size.number for n in numbers):
        raise UnreadableError(f"expected places below {size.number}. Received: {numbers[:5]}")
    if size.number is None:
        node.known.require(size, max(max(n + 1, -n) for n in numbers))
    if not places.ndim:
        picked = tensor if size == ONE else indexed(node, tensor, axis, numbers[0], ())
        return picked.viewed((*picked.axes[:axis], *picked.axes[axis + 1 :]))
    if numbers == list(range(numbers[0], numbers[0] + len(numbers))) and numbers[0] >= 0:
        return indexed(node, tensor, axis, slice(numbers[0], numbers[-1] + 1), fresh(SymbolicSize(len(numbers)), node.known))
    count = tensor.number(axis) if min(numbers) < 0 else 0
    layout, place = own_axis(tensor, axis)
    indices = np.array([n % count if n < 0 else n for n in numbers], "int32")
    node.graph.count_bytes(indices.nbytes)
    step = node.applied(lambda x: keras.ops.take(x, indices, axis=place), tensor.arranged(layout, node.title))
    left = fresh(SymbolicSize(len(numbers)), node.known)
    axes = (*tensor.axes[:axis], left, *tensor.axes[axis + 1 :])
    return TensorView(step, (*layout[:place], left, *layout[place + 1 :]), axes, tensor.kind, node.known, node.title)
