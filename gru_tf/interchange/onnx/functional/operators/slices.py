"""Slice and Split: parts of axes."""

import math
from typing import Any

import keras
import numpy as np

from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.operators.embeddings import positions
from gru_tf.interchange.onnx.functional.operators.lengths import sizes_of
from gru_tf.interchange.onnx.functional.sizes import ONE, SymbolicSize
from gru_tf.interchange.onnx.functional.steps import BuildStep
from gru_tf.interchange.onnx.functional.values import Expanded, Lengths, Value
from gru_tf.interchange.onnx.functional.views import Group, Layout, TensorView, fresh
from gru_tf.interchange.onnx.graph import normalize_axes
from gru_tf.interchange.onnx.values import Constant, UnreadableError

END = 1 << 30  # from which on the end of a slice is that of the axis


def slice_axes(node: OperatorNode) -> Value:
    """Slice: parts of axes."""
    value = node.value(0)
    if isinstance(value, Constant) and isinstance(node.input(2), Lengths) and len(node.setting("starts", 1) or []) == 1:
        (size,) = node.lengths(node.value(2))
        axis = normalize_axes(node.setting("axes", 3) or [0], value.array.ndim)[0]
        if node.known.number(size) is None and node.setting("starts", 1) == [0] and node.setting("steps", 4) in (None, [1]):
            return positions(node, value.array, axis, size)
    starts, ends = node.setting("starts", 1) or [], _ends(node)
    axes = normalize_axes(node.setting("axes", 3) or list(range(len(starts))), len(sizes_of(value)))
    steps = node.setting("steps", 4) or [1] * len(starts)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        value = cut(node, value, axis, start, end, step)
    return value


def _ends(node: OperatorNode) -> list[int]:
    """Where parts end; the length of the axis itself, computed from a shape, is its end."""
    if "ends" in node.attributes:
        return list(node.attributes["ends"])
    value = node.input(2)
    if isinstance(value, Lengths):
        sizes = sizes_of(node.value(0))
        axes = normalize_axes(node.setting("axes", 3) or list(range(len(value.values))), len(sizes))
        own = [node.known.settled(sizes[axis]) for axis in axes]
        given = [node.known.settled(size) for size in value.values]
        if all(one == other or other.number is not None for one, other in zip(own, given, strict=True)):
            return [END if one == other and one.names else int(other.factor) for one, other in zip(own, given, strict=True)]
    return node.setting("ends", 2) or []


def cut(node: OperatorNode, value: Value, axis: int, start: int, end: int, step: int = 1) -> Value:
    """A part of one axis."""
    if not step:
        raise UnreadableError("expected a step. Received: 0")
    part = slice(start, end if end >= 0 or step > 0 else end if end > -END else None, step)
    if isinstance(value, Constant):
        return Constant(value.array[(slice(None),) * axis + (part,)])
    if isinstance(value, Lengths):
        return Lengths(value.values[part])
    size = node.known.settled(sizes_of(value)[axis])
    if isinstance(value, Expanded):
        if value.array.shape[axis] != 1 or size.number is None:
            raise UnreadableError("expected a part of an axis whose length is known")
        count = len(range(size.number)[part])
        return Expanded(value.array, (*value.sizes[:axis], SymbolicSize(count), *value.sizes[axis + 1 :]))
    return _cut_tensor(node, node.as_tensor(value), axis, part, size)


def _cut_tensor(node: OperatorNode, tensor: TensorView, axis: int, part: slice, size: SymbolicSize) -> TensorView:
    left = _left(node, size, part)
    if left == size and part.step == 1:
        return tensor
    tensor.check_apart([axis])
    if left == ONE:
        first = part.start if part.start is not None else -1
        return indexed(node, tensor, axis, first if size.number is None else range(size.number)[part][0], ())
    return indexed(node, tensor, axis, part, fresh(left, tensor.known))


def _left(node: OperatorNode, size: SymbolicSize, part: slice) -> SymbolicSize:
    """How many entries are left of an axis of that length."""
    if size.number is not None:
        count = len(range(size.number)[part])
        if not count:
            raise UnreadableError("expected at least one entry to be left of the axis. Received: 0")
        return SymbolicSize(count)
    start, end, step = part.start, part.stop, part.step
    if step == -1 and (start == -1 or start >= END) and end is None:
        return size
    if step > 0 and end is not None and (end >= END or end < 0) and start >= 0:
        return node.known.window([size], (end if end < 0 else 0) - start - 1, step)
    if step == 1 and start < 0 and end is not None and (start < end < 0 or end >= END):
        node.known.require(size, -start)  # an input that is shorter has fewer
        return SymbolicSize((end if end < 0 else 0) - start)
    if step == 1 and end is not None and 0 <= start < end < END:
        if end - start > 1:
            node.known.fix_declared([size])
        node.known.require(size, end)
        return SymbolicSize(end - start)
    node.known.fix_declared([size])
    raise UnreadableError(f"expected a part of which the length can be followed. Received: {start}:{end} of {size}")


def indexed(node: OperatorNode, tensor: TensorView, axis: int, part: slice | int, left: Group) -> TensorView:
    """A part of an axis; `left` is what the axis becomes, () of a single entry."""
    axes = (*tensor.axes[:axis], left, *tensor.axes[axis + 1 :])
    inside = _inside(tensor, axis, part)
    if inside is not None:
        place, part, rest = inside
        layout, kept = tensor.layout, [(*left, *rest)]
    else:
        layout, place = own_axis(tensor, axis)
        kept = [] if isinstance(part, int) else [left]

    count = None if isinstance(part, int) or inside is not None else tensor.known.settled(tensor.size(left)).number

    def call(_: Any, x: Any) -> Any:
        cut = x[(slice(None),) * place + (part,)]
        return cut if count is None else _of_length(cut, place, count)

    step = BuildStep(call, (tensor.arranged(layout, node.title),), node.title)
    return TensorView(step, (*layout[:place], *kept, *layout[place + 1 :]), axes, tensor.kind, tensor.known, node.title)


def _of_length(cut: Any, place: int, count: int) -> Any:
    """A part whose length Keras does not know, as one of that length; a shorter input is then an error."""
    others = [length for n, length in enumerate(cut.shape) if n not in (0, place)]
    if not place or cut.shape[place] is not None or None in others:
        return cut
    return keras.layers.Reshape((*cut.shape[1:place], count, *cut.shape[place + 1 :]))(cut)


def _inside(tensor: TensorView, axis: int, part: slice | int) -> tuple[int, slice, Group] | None:
    """The same part of an axis of Keras of which this is the slower half, as directions are; None if it is not so."""
    group = tensor.axes[axis]
    place = next((n for n, own in enumerate(tensor.layout) if group and own[: len(group)] == group != own), None)
    if place is None or (isinstance(part, slice) and part.step not in (None, 1)):
        return None
    rest = tensor.layout[place][len(group) :]
    count, width = tensor.size(group).number, tensor.size(rest).number
    if count is None or width is None:
        return None
    chosen = range(count)[part] if isinstance(part, slice) else range(part % count, part % count + 1)
    return place, slice(chosen.start * width, chosen.stop * width), rest


def own_axis(tensor: TensorView, axis: int) -> tuple[Layout, int]:
    """A layout in which an axis of ONNX is one axis of Keras, and its place; as it is, where that is so."""
    group = tensor.axes[axis]
    if group and group in tensor.layout:
        return tensor.layout, tensor.layout.index(group)
    others = [(n, each) for n, each in enumerate(tensor.axes) if n != axis]
    cells = [(n, cell) for n, each in others for cell in (tensor.cells(each) if each else [])]
    ordered = [*cells, (axis, group)]
    ordered.sort(key=lambda pair: (not tensor.is_batch(pair[1]), pair[0]))
    layout = tuple(cell for _, cell in ordered)
    return layout, next(place for place, (n, _) in enumerate(ordered) if n == axis)


def split(node: OperatorNode) -> list[Value]:
    """Split: one axis in parts of given lengths, or equal ones."""
    value = node.value(0)
    sizes = sizes_of(value)
    axis = normalize_axes([node.attributes.get("axis", 0)], len(sizes))[0]
    counts = node.setting("split", 1)
    if counts is None:
        total = node.as_tensor(value).number(axis)
        each = math.ceil(total / len(node.outputs))
        counts = [min(each, total - n * each) for n in range(len(node.outputs))]
    if len(counts) != len(node.outputs) or min(counts, default=0) < 1:
        raise UnreadableError(f"expected a length for each of {len(node.outputs)} parts. Received: {counts}")
    node.known.equate(sizes[axis], SymbolicSize(sum(counts)))
    ends = np.cumsum(counts).tolist()
    return [cut(node, value, axis, end - count, end) for end, count in zip(ends, counts, strict=True)]
