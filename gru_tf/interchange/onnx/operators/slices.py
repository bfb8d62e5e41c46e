"""Operators that take parts of arrays or join them: Slice, Gather and Concat."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gru_tf.interchange.onnx.graph import (
    Node,
    as_tensor,
    first_input,
    keep_axes,
    normalize_axes,
    rank_of,
    replace_axis,
    shape_of,
)
from gru_tf.interchange.onnx.operators.linear import embedding
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


def slice_axes(node: Node) -> Value:
    """Slice: a part of an axis."""
    value = first_input(node)
    starts, ends = node.setting("starts", 1) or [], node.setting("ends", 2) or []
    axes = normalize_axes(node.setting("axes", 3) or list(range(len(starts))), rank_of(value))
    steps = node.setting("steps", 4) or [1] * len(starts)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        value = _cut(node, value, axis, slice(start, end if end >= 0 or step > 0 else None, step))
    return value


def gather(node: Node) -> Value:
    """Gather: entries of an axis: lengths, the last step, a state, or the embeddings of tokens."""
    value, index = first_input(node), node.input(1)
    axis = normalize_axes([node.attributes.get("axis", 0)], rank_of(value))[0]
    if isinstance(value, Constant) and isinstance(index, TracedTensor):
        return embedding(value.array, index, axis)
    chosen = whole_numbers(index)
    scalar = (isinstance(index, Constant) and index.array.ndim == 0) or (isinstance(index, AxisLengths) and index.scalar)
    if isinstance(value, Constant):
        node.graph.count_bytes(len(chosen) * value.array.nbytes // max(1, value.array.shape[axis]))
        return Constant(value.array.take(chosen[0] if scalar else chosen, axis))
    if isinstance(value, AxisLengths):
        return AxisLengths(tuple(value.values[n] for n in chosen), scalar)
    if len(chosen) != 1:
        raise UnreadableError(f"expected one entry of the axis. Received: {chosen}")
    entry = _cut(node, value, axis, slice(chosen[0], chosen[0] + 1 or None))
    return keep_axes(entry, [n for n in range(rank_of(entry)) if n != axis]) if scalar else entry


def concat(node: Node) -> Value:
    """Concat: of lengths, constants or final states."""
    values, axis = [value for value in node.inputs if value is not None], int(node.attributes["axis"])
    if all(isinstance(value, Constant) for value in values):
        arrays = [value.array for value in values if isinstance(value, Constant)]
        node.graph.count_bytes(sum(array.nbytes for array in arrays))
        return Constant(np.concatenate(arrays, axis))
    if all(isinstance(value, (AxisLengths, Constant)) for value in values):
        return AxisLengths(tuple(length for value in values for length in axis_lengths(value)))
    if all(isinstance(value, TracedTensor) for value in values):
        return _join([as_tensor(value) for value in values], axis)
    fills = {fill_value(value) for value in values}
    if len(fills) == 1 and (number := fills.pop()) is not None:
        shapes = [list(shape_of(value)) for value in values]
        along = [lengths.pop(axis) for lengths in shapes]
        return FilledArray(number, (*shapes[0][:axis], sum(whole_numbers(AxisLengths(tuple(along)))), *shapes[0][axis:]))
    raise UnreadableError("expected values of one kind. Received: Concat of sequences and others")


def _cut(node: Node, value: Value, axis: int, part: slice) -> Value:
    """A part of one axis: any of a constant, states along "direction", the last step of a sequence."""
    if isinstance(value, Constant):
        return Constant(value.array[(slice(None),) * axis + (part,)])
    if isinstance(value, AxisLengths):
        return AxisLengths(value.values[part])
    length = shape_of(value)[axis]
    count = len(range(length)[part]) if isinstance(length, int) else None
    if isinstance(value, FilledArray):
        if count is None:
            raise UnreadableError("expected a slice of an axis whose length is known")
        return FilledArray(value.value, (*value.shape[:axis], count, *value.shape[axis + 1 :]))
    tensor = as_tensor(value)
    if not tensor.parts:
        known = node.graph.declared.get(str(length))
        count = 1 if part.stop == (part.start or 0) + 1 else len(range(known)[part]) if known is not None else None
        shorter = Axis(tensor.axes[axis].name, count) if count is not None else tensor.axes[axis]
        return replace(tensor, axes=replace_axis(tensor.axes, axis, shorter), partial=True)
    if tensor.axes[axis].name == "direction" and tensor.states and count:
        axes = replace_axis(tensor.axes, axis, Axis("direction", count))
        return replace(tensor, axes=axes, states=tensor.states[part])
    if tensor.axes[axis].name == node.graph.time and not tensor.states:
        return _last_step(node, tensor, axis, part)
    raise UnreadableError(f"expected the whole axis {tensor.axes[axis].name}")


def _last_step(node: Node, tensor: TracedTensor, axis: int, part: slice) -> TracedTensor:
    """The last step of a layer's output: its final state, if it reads forward and nothing is padding."""
    known = node.graph.declared.get(node.graph.time)
    if part.step in (None, 1) and part.start in (None, 0) and part.stop is not None and part.stop >= 1 << 31:
        return tensor
    at_end = part.step in (None, 1) and (part.start == -1 or (known is not None and part.start == known - 1))
    if not at_end or (part.stop is not None and part.stop < (known or 1 << 31)):
        raise UnreadableError("expected every step, or the last. Received: some steps")
    if part.start != -1:
        node.graph.fixed.add(node.graph.time)
    layer = tensor.layer
    if layer is None or tensor.parts[-1] is not layer or layer.recurrent.backward is not None or layer.recurrent.reverse:
        raise UnreadableError(
            "expected the last step of a layer that reads forward; a backward layer has read only one step there, its final"
            " state Y_h all"
        )
    if layer.lengths:
        raise UnreadableError(
            f"expected the final state Y_h. Received: the last step, which may be padding by '{layer.lengths}'"
        )
    return replace(tensor, axes=replace_axis(tensor.axes, axis, Axis("one", 1)), states=((layer, 0, "h"),))


def _join(tensors: Sequence[TracedTensor], axis: int) -> TracedTensor:
    """Final states concatenated, along "direction" or side by side as features."""
    first = max(tensors, key=lambda tensor: len(tensor.parts))
    if all(not tensor.parts for tensor in tensors):  # initial states that are inputs
        return replace(first, roots=tuple(root for tensor in tensors for root in tensor.roots), partial=True)
    place = range(len(first.axes))[axis]
    if not all(tensor.states and len(tensor.axes) == len(first.axes) for tensor in tensors):
        raise UnreadableError("expected final states. Received: Concat of sequences")
    states = tuple(state for tensor in tensors for state in tensor.states)
    names = {tensor.axes[place].name for tensor in tensors}
    if names == {"features"} and not any(
        tensor.axis_index("direction") is not None and len(tensor.states) > 1 for tensor in tensors
    ):
        width: Length = sum(whole_numbers(AxisLengths(tuple(tensor.axes[place].size for tensor in tensors))))
        return replace(first, axes=replace_axis(first.axes, place, Axis("features", width)), states=states)
    elsewhere = names == {"one"} and any(tensor.axis_index("direction") is not None for tensor in tensors)
    if names <= {"direction", "one"} and not elsewhere and len({tensor.axes[-1] for tensor in tensors}) == 1:
        return replace(first, axes=replace_axis(first.axes, place, Axis("direction", len(states))), states=states)
    raise UnreadableError("expected final states to be concatenated")
