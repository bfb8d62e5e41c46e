"""Operators of shape and constants that exporters put around recurrent nodes.

One function an operator: `Node` → its output. Whatever a `Network` cannot hold raises UnreadableError.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gru_tf.interchange.onnx.file import TYPES
from gru_tf.interchange.onnx.graph import Node, as_flow, given, positive, rank_of, shape_of, with_axes
from gru_tf.interchange.onnx.linear import arithmetic, embedded, product
from gru_tf.interchange.onnx.parts import cut, joined
from gru_tf.interchange.onnx.values import (
    Axis,
    Const,
    Filled,
    Flow,
    Size,
    Sizes,
    UnreadableError,
    Value,
    constant,
    numbers,
    regrouped,
    resolved,
    sizes,
)

UNKNOWN = "?"  # a length that nothing here depends on


def identity(node: Node) -> Value:
    """What came in: Identity; Dropout outside training."""
    if node.op == "Dropout" and node.input(2) is not None and constant(node.input(2)) != 0:
        raise UnreadableError("expected a model for inference. Received: Dropout in training mode")
    return given(node)


def cast(node: Node) -> Value:
    """Numbers keep their meaning; sequences their type, but for token numbers and lengths."""
    value, kind = given(node), TYPES.get(node.attributes["to"])
    if kind is None:
        raise UnreadableError(f"expected a cast to one of {', '.join(TYPES.values())}")
    if isinstance(value, Const):
        node.graph.within(value.array.size * np.dtype(kind).itemsize)
        return Const(value.array.astype(kind))
    if not isinstance(value, Flow) or kind.startswith("float"):
        return value
    if value.parts or kind not in ("int32", "int64"):
        raise UnreadableError(f"expected numbers to stay numbers. Received: a cast to {kind}")
    return replace(value, whole=True)


def transpose(node: Node) -> Value:
    """Axes in another order."""
    value = given(node)
    perm = node.attributes.get("perm") or range(rank_of(value))[::-1]
    if sorted(perm) != list(range(rank_of(value))):
        raise UnreadableError(f"expected an order of {rank_of(value)} axes. Received: {list(perm)}")
    if isinstance(value, Const):
        return Const(value.array.transpose(perm))
    if isinstance(value, Filled):
        return Filled(value.value, tuple(value.shape[n] for n in perm))
    return replace(as_flow(value), axes=tuple(as_flow(value).axes[n] for n in perm))


def squeeze(node: Node) -> Value:
    """Without axes of length 1."""
    value, axes = given(node), node.setting("axes", 1)
    if isinstance(value, Sizes):
        return Sizes(value.values, scalar=True)
    shape = shape_of(value)
    axes = [n for n, size in enumerate(shape) if size == 1] if axes is None else positive(axes, len(shape))
    if any(shape[n] != 1 for n in axes):
        raise UnreadableError("expected axes of length 1 to be squeezed")
    return with_axes(value, [n for n in range(len(shape)) if n not in axes])


def unsqueeze(node: Node) -> Value:
    """With more axes of length 1."""
    value, axes = given(node), node.setting("axes", 1) or []
    if isinstance(value, Sizes):
        return Sizes(value.values)
    if isinstance(value, Const):
        return Const(np.expand_dims(value.array, tuple(axes)))
    count = rank_of(value) + len(axes)
    places = positive(axes, count)
    if isinstance(value, Filled):
        left = iter(value.shape)
        return Filled(value.value, tuple(1 if n in places else next(left) for n in range(count)))
    kept = iter(as_flow(value).axes)
    return replace(as_flow(value), axes=tuple(Axis("one", 1) if n in places else next(kept) for n in range(count)))


def reshape(node: Node) -> Value:
    """The same numbers over other axes."""
    value, target = given(node), node.attributes.get("shape")
    target = list(target) if target is not None else list(sizes(node.input(1)))
    keep = bool(node.attributes.get("allowzero", 0))
    if isinstance(value, Sizes):
        return Sizes(value.values, scalar=not target)
    if isinstance(value, Flow):
        return _regrouped(node, value, target, keep)
    found = resolved(target, shape_of(value), keep)
    if isinstance(value, Const):
        node.graph.within(value.array.nbytes)  # of one that was transposed it is a copy
        return Const(value.array.reshape(numbers(Sizes(tuple(found)))))
    if isinstance(value, Filled):
        return Filled(value.value, tuple(found))
    raise UnreadableError("expected a sequence, states or numbers")


def _regrouped(node: Node, flow: Flow, target: list[Size], keep: bool) -> Flow:
    lengths = shape_of(flow)
    try:
        return replace(flow, axes=regrouped(flow.axes, lengths, resolved(target, lengths, keep)))
    except UnreadableError:  # the lengths may be those of the example that the file was exported with
        names = [size for size in lengths if size in node.graph.declared]
        if not names:
            raise
        lengths = tuple(node.graph.declared.get(str(size), size) for size in lengths)
        axes = regrouped(flow.axes, lengths, resolved(target, lengths, keep))
        node.graph.fixed.update(str(name) for name in names)
        return replace(flow, axes=axes)


def shape(node: Node) -> Value:
    """Lengths of a value's axes."""
    found = shape_of(given(node))
    return Sizes(tuple(found[node.attributes.get("start", 0) : node.attributes.get("end", len(found))]))


def slices(node: Node) -> Value:
    """A part of an axis."""
    value = given(node)
    starts, ends = node.setting("starts", 1) or [], node.setting("ends", 2) or []
    axes = positive(node.setting("axes", 3) or list(range(len(starts))), rank_of(value))
    steps = node.setting("steps", 4) or [1] * len(starts)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        value = cut(node, value, axis, slice(start, end if end >= 0 or step > 0 else None, step))
    return value


def gather(node: Node) -> Value:
    """Entries of an axis: of lengths, the last step, a state, or the embeddings of tokens."""
    value, index = given(node), node.input(1)
    axis = positive([node.attributes.get("axis", 0)], rank_of(value))[0]
    if isinstance(value, Const) and isinstance(index, Flow):
        return embedded(value.array, index, axis)
    chosen = numbers(index)
    scalar = (isinstance(index, Const) and index.array.ndim == 0) or (isinstance(index, Sizes) and index.scalar)
    if isinstance(value, Const):
        node.graph.within(len(chosen) * value.array.nbytes // max(1, value.array.shape[axis]))
        return Const(value.array.take(chosen[0] if scalar else chosen, axis))
    if isinstance(value, Sizes):
        return Sizes(tuple(value.values[n] for n in chosen), scalar)
    if len(chosen) != 1:
        raise UnreadableError(f"expected one entry of the axis. Received: {chosen}")
    found = cut(node, value, axis, slice(chosen[0], chosen[0] + 1 or None))
    return with_axes(found, [n for n in range(rank_of(found)) if n != axis]) if scalar else found


def concat(node: Node) -> Value:
    """One after the other: lengths, constants, final states."""
    values, axis = [value for value in node.inputs if value is not None], int(node.attributes["axis"])
    if all(isinstance(value, Const) for value in values):
        arrays = [value.array for value in values if isinstance(value, Const)]
        node.graph.within(sum(array.nbytes for array in arrays))
        return Const(np.concatenate(arrays, axis))
    if all(isinstance(value, (Sizes, Const)) for value in values):
        return Sizes(tuple(size for value in values for size in sizes(value)))
    if all(isinstance(value, Flow) for value in values):
        return joined([as_flow(value) for value in values], axis)
    filled = {constant(value) for value in values}
    if len(filled) == 1 and (number := filled.pop()) is not None:
        shapes = [list(shape_of(value)) for value in values]
        along = [lengths.pop(axis) for lengths in shapes]
        return Filled(number, (*shapes[0][:axis], sum(numbers(Sizes(tuple(along)))), *shapes[0][axis:]))
    raise UnreadableError("Concat of sequences with something else")


def constant_node(node: Node) -> Value:
    """The number, the numbers or the array in the node."""
    name, value = next(iter(node.attributes.items()), ("", None))
    if name == "value" and value is not None:
        node.graph.within(math.prod(value.dims) * np.dtype(TYPES.get(value.data_type, "int8")).itemsize)
        return Const(node.graph.array(value))
    if name in ("value_int", "value_ints", "value_float", "value_floats"):
        return Const(np.asarray(value, "int64" if "int" in name else "float32"))
    raise UnreadableError(f"expected a constant of numbers. Received: {name or 'none'}")


def filled(node: Node) -> Value:
    """ConstantOfShape, and Expand or Tile of one number; nothing is laid out."""
    if node.op == "ConstantOfShape":
        value = node.attributes.get("value")
        return Filled(0.0 if value is None else float(node.graph.array(value).flat[0]), sizes(node.input(0)))
    source = given(node)
    number = source.values[0] if isinstance(source, Sizes) and len(source.values) == 1 else constant(source)
    if number is None:
        raise UnreadableError("expected one number to be repeated")
    if node.op == "Tile":
        return Filled(number, tuple(UNKNOWN for _ in sizes(node.input(1))))
    old, new = shape_of(source), sizes(node.input(1))
    kept = (1,) * (len(new) - len(old)) + old
    return Filled(number, tuple(size if size != 1 else wanted for size, wanted in zip(kept, new, strict=True)))


OPERATORS: dict[str, Callable[[Node], Value]] = {
    "Identity": identity,
    "Dropout": identity,
    "Cast": cast,
    "Transpose": transpose,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Reshape": reshape,
    "Shape": shape,
    "Slice": slices,
    "Gather": gather,
    "Concat": concat,
    "Constant": constant_node,
    "ConstantOfShape": filled,
    "Expand": filled,
    "Tile": filled,
    "Add": arithmetic,
    "Sub": arithmetic,
    "Mul": arithmetic,
    "Div": arithmetic,
    "MatMul": product,
    "Gemm": product,
}
