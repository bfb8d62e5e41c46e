"""Operators on lengths of axes and on constants, as exporters write them to compute shapes."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from gru_tf.interchange.onnx.functional.node import OperatorNode
from gru_tf.interchange.onnx.functional.sizes import SymbolicSize, product, quotient
from gru_tf.interchange.onnx.functional.steps import BuildStep, cast
from gru_tf.interchange.onnx.functional.values import Expanded, Lengths, RepeatedLength, Value
from gru_tf.interchange.onnx.functional.views import TensorView
from gru_tf.interchange.onnx.values import Constant, UnreadableError

NUMPY: dict[str, Callable[..., Any]] = {
    "Add": np.add, "Sum": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "Pow": np.power,
    "Mod": np.mod, "Max": np.maximum, "Min": np.minimum, "And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor,
    "Equal": np.equal, "Greater": np.greater, "GreaterOrEqual": np.greater_equal, "Less": np.less,
    "LessOrEqual": np.less_equal,
}  # fmt: skip


def two(node: OperatorNode, one: Value, two: Value) -> Value:
    """Add, Mul and so on of two values that depend on no input but by its shape."""
    arrays = [node.as_constant(value) for value in (one, two)]
    if arrays[0] is not None and arrays[1] is not None:
        return Constant(_numbers(node, arrays[0], arrays[1]))
    if isinstance(one, Expanded) or isinstance(two, Expanded):
        return _expanded(node, one, two)
    left, right = node.lengths(one), node.lengths(two)
    count = max(len(left), len(right))
    pairs = zip(left * count if len(left) == 1 else left, right * count if len(right) == 1 else right, strict=False)
    scalar = all(_scalar(value) for value in (one, two))
    return Lengths(tuple(_size(node, *pair) for pair in list(pairs)[:count]), scalar)


def _numbers(node: OperatorNode, one: Any, two: Any) -> Any:
    shape = np.broadcast_shapes(one.shape, two.shape)
    node.graph.count_bytes(int(np.prod(shape, dtype=np.int64)) * max(one.itemsize, two.itemsize))
    if node.op == "Div" and one.dtype.kind in "iu":
        return np.trunc(one / two).astype(one.dtype)  # towards zero, as the standard has it
    with np.errstate(all="ignore"):
        result = NUMPY[node.op](one, two)
    return result.astype(one.dtype) if node.op == "Pow" else result


def _expanded(node: OperatorNode, one: Value, two: Value) -> Value:
    """One number and a repeated array."""
    value, other = (one, two) if isinstance(one, Expanded) else (two, one)
    array = node.as_constant(other)
    if not isinstance(value, Expanded) or array is None or array.size != 1 or array.ndim > value.array.ndim:
        raise UnreadableError("expected constants, or lengths of axes")
    pair = (value.array, array) if value is one else (array, value.array)
    return Expanded(_numbers(node, *pair).reshape(value.array.shape), value.sizes)


def _size(node: OperatorNode, one: SymbolicSize, two: SymbolicSize) -> SymbolicSize:
    """Two lengths added, multiplied and so on."""
    one, two = node.known.settled(one), node.known.settled(two)
    if one.number is not None and two.number is not None:
        return SymbolicSize(int(_numbers(node, np.array(one.number), np.array(two.number))))
    if node.op == "Mul":
        return product((one, two))
    if node.op == "Div" and (whole := quotient(one, two)) is not None:
        return whole
    if node.op in ("Add", "Sub") and two.number is not None:
        return node.known.window([one], (two.number if node.op == "Add" else -two.number) - 1)
    if node.op in ("Add", "Sum") and one.number is not None:
        return node.known.window([two], one.number - 1)
    node.known.fix_declared((one, two))
    raise UnreadableError(f"expected lengths that can be followed. Received: {node.op} of {one} and {two}")


def compare(node: OperatorNode, one: Value, two: Value) -> Value:
    """Equal of lengths and numbers, which may be −1; comparisons of constants."""
    arrays = [node.as_constant(value) for value in (one, two)]
    if arrays[0] is not None and arrays[1] is not None:
        return Constant(_numbers(node, arrays[0], arrays[1]))
    left, right = node.lengths(one), node.lengths(two)
    if node.op != "Equal" or len(left) != len(right):
        raise UnreadableError("expected Equal. Received: lengths compared in another way")
    return Constant(np.array([_equal(node, *pair) for pair in zip(left, right, strict=True)]))


def _equal(node: OperatorNode, one: SymbolicSize, two: SymbolicSize) -> bool:
    one, two = node.known.settled(one), node.known.settled(two)
    if one == two:
        return True
    if min(one.factor, two.factor) < 0 or (one.number is not None and two.number is not None):
        return False  # −1, which no length is
    node.known.fix_declared((one, two))
    raise UnreadableError(f"expected lengths that can be compared. Received: {one} and {two}")


def where(node: OperatorNode, condition: Value, one: Value, two: Value) -> Value:
    """Where of lengths or constants."""
    chosen = node.as_constant(condition)
    if chosen is None:
        raise UnreadableError("expected a condition that is known")
    first, second = node.as_constant(one), node.as_constant(two)
    if first is not None and second is not None:
        shape = np.broadcast_shapes(chosen.shape, first.shape, second.shape)
        node.graph.count_bytes(int(np.prod(shape, dtype=np.int64)) * first.itemsize)
        return Constant(np.asarray(np.where(chosen, first, second)))
    left, right, flags = node.lengths(one), node.lengths(two), [bool(flag) for flag in np.atleast_1d(chosen)]
    count = max(len(left), len(right), len(flags))
    left, right = (each * count if len(each) == 1 else each for each in (left, right))
    flags = flags * count if len(flags) == 1 else flags
    return Lengths(tuple(a if flag else b for flag, a, b in zip(flags, left, right, strict=True)))


def shape(node: OperatorNode) -> Value:
    """Shape: lengths of a value's axes."""
    sizes = sizes_of(node.value(0))
    return Lengths(tuple(sizes[node.attributes.get("start", 0) : node.attributes.get("end", len(sizes))]))


def size(node: OperatorNode) -> Value:
    """Size: how many entries a value has."""
    return Lengths((product(sizes_of(node.value(0))),), scalar=True)


def measured(node: OperatorNode, value: Lengths, kind: str) -> TensorView:
    """The length of an input's axis as a floating-point number computed when the model runs, to divide a sum by.

    Raises:
        UnreadableError: for several lengths, one computed from others, and the batch.
    """
    size = node.known.settled(value.values[0])
    if len(value.values) != 1 or len(size.names) != 1 or size.names[0] in node.known.derived or node.known.is_batch(size):
        node.known.fix_declared(value.values)
        received = ", ".join(str(node.known.settled(each)) for each in value.values)
        raise UnreadableError(
            f"expected as a number the length of one axis of an input besides the batch. Received: {received}"
        )
    ones = node.as_tensor(Expanded(np.full(1, size.factor, "float32"), (SymbolicSize(1, size.names),)))
    count = node.applied(keras.ops.sum, ones.arranged((ones.axes[0],)))
    step = BuildStep(lambda building, x: cast(x, building.type_of(kind)), (count,), node.title)
    return TensorView(step, (), () if value.scalar else ((),), "float", node.known, node.title)


def sizes_of(value: Value) -> tuple[SymbolicSize, ...]:
    """Lengths of a value's axes."""
    if isinstance(value, Constant):
        return tuple(map(SymbolicSize, value.array.shape))
    if isinstance(value, Lengths):
        return () if value.scalar else (SymbolicSize(len(value.values)),)
    if isinstance(value, (Expanded, RepeatedLength)):
        return value.sizes
    if isinstance(value, TensorView):
        return value.sizes()
    raise UnreadableError("expected lengths of sequences only at recurrent nodes")


def _scalar(value: Value) -> bool:
    return not sizes_of(value)


def joined(values: Sequence[Value], node: OperatorNode) -> Value:
    """Lengths one after the other."""
    return Lengths(tuple(length for value in values for length in node.lengths(value)))
