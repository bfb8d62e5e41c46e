"""Operators on types and axes: Identity, Dropout, Cast, Transpose, Squeeze, Unsqueeze, Reshape and Shape."""

from dataclasses import replace

import numpy as np

from gru_tf.interchange.onnx.file import TYPES
from gru_tf.interchange.onnx.graph import Node, as_tensor, first_input, keep_axes, normalize_axes, rank_of, shape_of
from gru_tf.interchange.onnx.reshaping import regroup_axes, resolve_lengths
from gru_tf.interchange.onnx.values import (
    Axis,
    AxisLengths,
    Constant,
    FilledArray,
    Length,
    TracedTensor,
    UnreadableError,
    Value,
    axis_lengths,
    fill_value,
    whole_numbers,
)


def identity(node: Node) -> Value:
    """Identity; Dropout outside training."""
    if node.op == "Dropout" and node.input(2) is not None and fill_value(node.input(2)) != 0:
        raise UnreadableError("expected a model for inference. Received: Dropout in training mode")
    return first_input(node)


def cast(node: Node) -> Value:
    """Cast: constants to any type; of sequences only inputs of token numbers and lengths to integers."""
    value, kind = first_input(node), TYPES.get(node.attributes["to"])
    if kind is None:
        raise UnreadableError(f"expected a cast to one of {', '.join(TYPES.values())}")
    if isinstance(value, Constant):
        node.graph.count_bytes(value.array.size * np.dtype(kind).itemsize)
        return Constant(value.array.astype(kind))
    if kind == "float16" and not node.graph.half:
        raise UnreadableError("expected no rounding to float16 in a file of float32. Received: a cast to float16")
    if not isinstance(value, TracedTensor) or kind.startswith("float"):
        return value
    if value.parts or kind not in ("int32", "int64"):
        raise UnreadableError(f"expected floating-point numbers. Received: a cast to {kind}")
    return replace(value, truncated=True)


def transpose(node: Node) -> Value:
    """Transpose: axes in another order."""
    value = first_input(node)
    perm = node.attributes.get("perm") or range(rank_of(value))[::-1]
    if sorted(perm) != list(range(rank_of(value))):
        raise UnreadableError(f"expected a permutation of {rank_of(value)} axes. Received: {list(perm)}")
    if isinstance(value, Constant):
        return Constant(value.array.transpose(perm))
    if isinstance(value, FilledArray):
        return FilledArray(value.value, tuple(value.shape[n] for n in perm))
    return replace(as_tensor(value), axes=tuple(as_tensor(value).axes[n] for n in perm))


def squeeze(node: Node) -> Value:
    """Squeeze: without axes of length 1."""
    value, axes = first_input(node), node.setting("axes", 1)
    if isinstance(value, AxisLengths):
        return AxisLengths(value.values, scalar=True)
    shape = shape_of(value)
    axes = [n for n, size in enumerate(shape) if size == 1] if axes is None else normalize_axes(axes, len(shape))
    if any(shape[n] != 1 for n in axes):
        raise UnreadableError("expected only axes of length 1 to be squeezed")
    return keep_axes(value, [n for n in range(len(shape)) if n not in axes])


def unsqueeze(node: Node) -> Value:
    """Unsqueeze: with more axes of length 1."""
    value, axes = first_input(node), node.setting("axes", 1) or []
    if isinstance(value, AxisLengths):
        return AxisLengths(value.values)
    if isinstance(value, Constant):
        return Constant(np.expand_dims(value.array, tuple(axes)))
    count = rank_of(value) + len(axes)
    places = normalize_axes(axes, count)
    if isinstance(value, FilledArray):
        lengths = iter(value.shape)
        return FilledArray(value.value, tuple(1 if n in places else next(lengths) for n in range(count)))
    tensor = as_tensor(value)
    old = iter(tensor.axes)
    return replace(tensor, axes=tuple(Axis("one", 1) if n in places else next(old) for n in range(count)))


def reshape(node: Node) -> Value:
    """Reshape: the same numbers over other axes."""
    value, target = first_input(node), node.attributes.get("shape")
    target = list(target) if target is not None else list(axis_lengths(node.input(1)))
    keep_zero = bool(node.attributes.get("allowzero", 0))
    if isinstance(value, AxisLengths):
        return AxisLengths(value.values, scalar=not target)
    if isinstance(value, TracedTensor):
        return _reshape_tensor(node, value, target, keep_zero)
    lengths = tuple(resolve_lengths(target, shape_of(value), keep_zero))
    if isinstance(value, Constant):
        node.graph.count_bytes(value.array.nbytes)  # a transposed array is copied
        return Constant(value.array.reshape(whole_numbers(AxisLengths(lengths))))
    if isinstance(value, FilledArray):
        return FilledArray(value.value, lengths)
    raise UnreadableError("expected a sequence, states or numbers")


def _reshape_tensor(node: Node, tensor: TracedTensor, target: list[Length], keep_zero: bool) -> TracedTensor:
    lengths = shape_of(tensor)
    try:
        return replace(tensor, axes=regroup_axes(tensor.axes, lengths, resolve_lengths(target, lengths, keep_zero)))
    except UnreadableError:  # the lengths may be those of the example that the file was exported with
        names = [length for length in lengths if length in node.graph.declared]
        if not names:
            raise
        lengths = tuple(node.graph.declared.get(str(length), length) for length in lengths)
        axes = regroup_axes(tensor.axes, lengths, resolve_lengths(target, lengths, keep_zero))
        node.graph.fixed.update(str(name) for name in names)
        return replace(tensor, axes=axes)


def shape(node: Node) -> Value:
    """Shape: lengths of a value's axes."""
    lengths = shape_of(first_input(node))
    return AxisLengths(lengths[node.attributes.get("start", 0) : node.attributes.get("end", len(lengths))])
