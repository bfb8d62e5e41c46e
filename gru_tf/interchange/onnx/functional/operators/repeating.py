"""Arrays that are repeated, and constants: Expand, Tile, ConstantOfShape, Constant, Range."""

import math

import numpy as np

from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.operators.lengths import sizes_of
from gru_tf.interchange.onnx.functional.sizes import ONE, SymbolicSize, product
from gru_tf.interchange.onnx.functional.sums import add
from gru_tf.interchange.onnx.functional.values import Expanded, Lengths, RepeatedLength, Value
from gru_tf.interchange.onnx.functional.views import TensorView
from gru_tf.interchange.onnx.operators.constants import stored_constant
from gru_tf.interchange.onnx.values import Constant, UnreadableError


def expand(node: OperatorNode) -> Value:
    """Expand: repeated along axes of length 1."""
    value, target = node.value(0), list(node.lengths(node.value(1)))
    sizes = [node.known.settled(size) for size in sizes_of(value)]
    rank = max(len(sizes), len(target))
    sizes, target = [ONE] * (rank - len(sizes)) + sizes, [ONE] * (rank - len(target)) + target
    if not isinstance(value, TensorView):
        array = node.as_constant(value) if not isinstance(value, Expanded) else value.array
        if array is None and isinstance(value, Lengths) and len(value.values) == 1:
            return RepeatedLength(value.values[0], tuple(target))
        if array is None:
            raise UnreadableError("expected numbers to be repeated")
        array = array.reshape([1] * (rank - array.ndim) + list(array.shape))
        return Expanded(array, tuple(two if one == ONE else one for one, two in zip(sizes, target, strict=True)))
    return _repeated(node, value, [ONE if one == two else two for one, two in zip(sizes, target, strict=True)])


def _repeated(node: OperatorNode, tensor: TensorView, target: list[SymbolicSize]) -> Value:
    """A tensor along new lengths, by adding zeros of that shape."""
    if all(node.known.settled(size) == ONE for size in target) and len(target) <= tensor.rank:
        return tensor
    zero = np.zeros([1] * len(target), {"float": "float32", "int": "int64", "bool": "bool"}[tensor.kind])
    if tensor.kind == "bool":
        raise UnreadableError("expected numbers to be repeated. Received: truth values")
    return node.combined(add, [tensor, node.as_tensor(Expanded(zero, tuple(target)))])


def tile(node: OperatorNode) -> Value:
    """Tile: repeated along axes."""
    value, counts = node.value(0), list(node.lengths(node.value(1)))
    sizes = [node.known.settled(size) for size in sizes_of(value)]
    if len(counts) != len(sizes):
        raise UnreadableError(f"expected {len(sizes)} counts. Received: {len(counts)}")
    if any(count != ONE and size != ONE for count, size in zip(counts, sizes, strict=True)):
        raise UnreadableError("expected only axes of length 1 to be repeated")
    if isinstance(value, TensorView):
        return _repeated(node, value, counts)
    array = value.array if isinstance(value, (Expanded, Constant)) else None
    if isinstance(value, Lengths) and len(value.values) == 1 and node.known.number(value.values[0]) is None:
        return RepeatedLength(value.values[0], tuple(counts))
    if array is None:
        raise UnreadableError("expected numbers to be repeated")
    return Expanded(array, tuple(product(pair) for pair in zip(sizes, counts, strict=True)))


def constant(node: OperatorNode) -> Value:
    """Constant: the number, numbers or array in the node."""
    return stored_constant(node.attributes, node.graph)


def constant_of_shape(node: OperatorNode) -> Value:
    """ConstantOfShape: an array of one number."""
    value = node.attributes.get("value")
    fill = np.zeros(1, "float32") if value is None else node.graph.read_array(value)
    sizes = node.lengths(node.value(0))
    return Expanded(fill.reshape([1] * len(sizes)), sizes)


def range_of(node: OperatorNode) -> Value:
    """Range of constants."""
    start, limit, delta = (node.constant(n, name) for n, name in enumerate(("start", "limit", "delta")))
    if start is None or limit is None or delta is None or not delta:
        raise UnreadableError("expected start, limit and delta")
    count = max(0, math.ceil((limit.item() - start.item()) / delta.item()))
    node.graph.count_bytes(count * start.itemsize)
    return Constant((start.item() + np.arange(count) * delta.item()).astype(start.dtype))
