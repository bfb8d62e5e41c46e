"""Operators that only change how entries are seen: Transpose, Squeeze, Unsqueeze, Reshape, Flatten, Identity, Dropout."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.operators.lengths import sizes_of
from gru_tf.interchange.onnx.functional.regrouping import regroup
from gru_tf.interchange.onnx.functional.sizes import ONE, SymbolicSize, product, quotient
from gru_tf.interchange.onnx.functional.values import Expanded, Lengths, Value
from gru_tf.interchange.onnx.functional.views import TensorView
from gru_tf.interchange.onnx.graph import normalize_axes
from gru_tf.interchange.onnx.values import Constant, UnreadableError


def identity(node: OperatorNode) -> Value:
    """Identity; Dropout outside training."""
    if node.op == "Dropout":
        training = node.constant(2, "training_mode")
        if training is not None and np.any(training):
            raise UnreadableError("expected a model for inference. Received: Dropout in training mode")
    return node.value(0)


def transpose(node: OperatorNode) -> Value:
    """Transpose: axes in another order."""
    value = node.value(0)
    rank = len(sizes_of(value))
    perm = list(node.attributes.get("perm") or range(rank)[::-1])
    if sorted(perm) != list(range(rank)):
        raise UnreadableError(f"expected a permutation of {rank} axes. Received: {perm}")
    if isinstance(value, Constant):
        return Constant(value.array.transpose(perm))
    if isinstance(value, Expanded):
        return Expanded(value.array.transpose(perm), tuple(value.sizes[n] for n in perm))
    if isinstance(value, TensorView):
        return value.viewed(tuple(value.axes[n] for n in perm))
    return value


def squeeze(node: OperatorNode) -> Value:
    """Squeeze: without axes of length 1."""
    value, axes = node.value(0), node.setting("axes", 1)
    if isinstance(value, Lengths):
        return Lengths(value.values, scalar=True) if len(value.values) == 1 else value
    sizes = [node.known.settled(size) for size in sizes_of(value)]
    ones = [n for n, size in enumerate(sizes) if size == ONE]
    chosen = ones if axes is None else normalize_axes(axes, len(sizes))
    if axes is None:
        _check_longer(node, [size for size in sizes if size.names])
    for n in chosen:
        node.known.equate(sizes[n], ONE)
    return _kept(value, [n for n in range(len(sizes)) if n not in chosen])


def _check_longer(node: OperatorNode, sizes: list[SymbolicSize]) -> None:
    """Let axes that may be longer than 1, and stay, be so: those that the file declares to be 1 have that length."""
    for size in sizes:
        node.known.fix_declared_one(size)
        if node.known.is_batch(size):
            node.known.single |= {name for name in size.names if name in node.known.declared}
        else:
            node.known.require(size, 2)


def _kept(value: Value, axes: Sequence[int]) -> Value:
    """A value without the other axes, which have length 1."""
    if isinstance(value, Constant):
        return Constant(value.array.reshape([value.array.shape[n] for n in axes]))
    if isinstance(value, Expanded):
        return Expanded(value.array.reshape([value.array.shape[n] for n in axes]), tuple(value.sizes[n] for n in axes))
    if not isinstance(value, TensorView):
        raise UnreadableError("expected a sequence, states or numbers")
    return value.viewed(tuple(value.axes[n] for n in axes))


def unsqueeze(node: OperatorNode) -> Value:
    """Unsqueeze: with more axes of length 1."""
    value, axes = node.value(0), node.setting("axes", 1) or []
    if isinstance(value, Lengths):
        return Lengths(value.values) if value.scalar and axes else value
    count = len(sizes_of(value)) + len(axes)
    places = normalize_axes(axes, count)
    if len(set(places)) < len(axes):
        raise UnreadableError(f"expected different axes. Received: {list(axes)}")
    if isinstance(value, Constant):
        return Constant(np.expand_dims(value.array, tuple(places)))
    if isinstance(value, Expanded):
        old = iter(value.sizes)
        sizes = tuple(ONE if n in places else next(old) for n in range(count))
        return Expanded(np.expand_dims(value.array, tuple(places)), sizes)
    if not isinstance(value, TensorView):
        raise UnreadableError("expected a sequence, states or numbers")
    groups = iter(value.axes)
    return value.viewed(tuple(() if n in places else next(groups) for n in range(count)))


def reshape(node: OperatorNode) -> Value:
    """Reshape: the same entries over other axes."""
    value, shape = node.value(0), node.attributes.get("shape")
    target = list(map(SymbolicSize, shape)) if shape is not None else list(node.lengths(node.value(1)))
    if isinstance(value, Lengths):
        return Lengths(value.values, scalar=not target)
    before = sizes_of(value)
    if not node.attributes.get("allowzero", 0):
        target = [before[n] if size == SymbolicSize(0) and n < len(before) else size for n, size in enumerate(target)]
    if any(size.factor < -1 for size in target):
        raise UnreadableError(f"expected lengths, or −1. Received: {', '.join(map(str, target))}")
    if isinstance(value, TensorView):
        return regroup(value, [-1 if size == SymbolicSize(-1) else size for size in target])
    return _refilled(node, value, target)


def _refilled(node: OperatorNode, value: Value, target: list[SymbolicSize]) -> Value:
    """A constant, or one number that fills an array, over other axes."""
    if isinstance(value, Constant):
        node.graph.count_bytes(value.array.nbytes)  # a transposed array is copied
        numbers = [node.known.number(size) for size in target]
        if None in numbers:
            node.known.fix_declared(target)
            raise UnreadableError("expected constants over axes whose lengths are known")
        return Constant(value.array.reshape(numbers))
    if isinstance(value, Expanded) and value.array.size == 1:
        total, known = product(value.sizes), product(size for size in target if size != SymbolicSize(-1))
        rest = quotient(node.known.settled(total), node.known.settled(known))
        if rest is not None and (SymbolicSize(-1) in target or rest == ONE):
            sizes = tuple(rest if size == SymbolicSize(-1) else size for size in target)
            return Expanded(value.array.reshape([1] * len(sizes)), sizes)
    raise UnreadableError("expected a sequence, states, or constants that are not repeated")


def flatten(node: OperatorNode) -> Value:
    """Flatten: two axes, those before `axis` and the others."""
    tensor, axis = node.tensor(0), node.attributes.get("axis", 1)
    place = axis + tensor.rank if axis < 0 else axis
    if not 0 <= place <= tensor.rank:
        raise UnreadableError(f"expected axis up to {tensor.rank}. Received: {axis}")
    parts = (tensor.axes[:place], tensor.axes[place:])
    return replace(tensor, axes=tuple(tuple(atom for group in part for atom in group) for part in parts), add_bias=None)
