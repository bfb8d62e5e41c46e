"""A graph and its nodes as the operators see them, and what every value has: a shape and axes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gru_tf.foundation.array import Array
from gru_tf.interchange.onnx.values import (
    Axis,
    AxisLengths,
    Constant,
    FilledArray,
    Length,
    TracedTensor,
    UnreadableError,
    Value,
    whole_numbers,
)

GROWTH = 8  # gates are cut, reordered and joined
SMALL = 1 << 20  # bytes up to which constants may always be computed


@dataclass
class OnnxGraph:
    """What is known of the graph as a whole.

    Args:
        stored_bytes: of all its weights; constants computed from them may not grow far beyond.
        read_array: reads the numbers of a TensorProto.
        computed_bytes: of constants computed so far.
        declared: input's axis → its length, if the file declares one.
        fixed: input's axes whose declared length something in the file depends on.
        half: whether arrays of the file are float16, which is computed in float32.
        time: name of the axis of steps, once a recurrent node was read; `batch` likewise.
    """

    stored_bytes: int
    read_array: Callable[[Any], Array]
    computed_bytes: int = 0
    declared: dict[str, int] = field(default_factory=dict)
    fixed: set[str] = field(default_factory=set)
    half: bool = False
    time: str = ""
    batch: str = ""

    def count_bytes(self, size: int) -> None:
        """Count bytes before they are computed from weights; raises UnreadableError if they are more than weights need."""
        if self.computed_bytes + size > max(SMALL, GROWTH * self.stored_bytes):
            raise UnreadableError(f"expected constants no larger than the file's weights. Received: {size:,} bytes more")
        self.computed_bytes += size


@dataclass
class Node:
    """A node with the values of its inputs."""

    index: int
    op: str
    attributes: dict[str, Any]
    inputs: list[Value | None]
    outputs: list[str]
    graph: OnnxGraph

    def input(self, n: int) -> Value | None:
        """Its n-th input, None if it is left out."""
        return self.inputs[n] if n < len(self.inputs) else None

    def setting(self, name: str, n: int) -> list[int] | None:
        """Whole numbers that are an attribute in older opsets and the n-th input in newer ones."""
        if name in self.attributes:
            return list(self.attributes[name])
        return None if self.input(n) is None else whole_numbers(self.input(n))


def first_input(node: Node) -> Value:
    """A node's first input; raises UnreadableError if there is none."""
    value = node.input(0)
    if value is None:
        raise UnreadableError("expected an input")
    return value


def as_tensor(value: Value) -> TracedTensor:
    """A value computed from the graph's inputs; raises UnreadableError for another."""
    if not isinstance(value, TracedTensor):
        raise UnreadableError("expected a sequence")
    return value


def shape_of(value: Value) -> tuple[Length, ...]:
    """Lengths of a value's axes."""
    if isinstance(value, Constant):
        return tuple(value.array.shape)
    if isinstance(value, TracedTensor):
        return tuple(axis.size for axis in value.axes)
    if isinstance(value, FilledArray):
        return value.shape
    if isinstance(value, AxisLengths):
        return () if value.scalar else (len(value.values),)
    raise UnreadableError(value.reason)


def rank_of(value: Value) -> int:
    """Number of axes."""
    return len(shape_of(value))


def is_scalar(value: Value | None) -> bool:
    """Whether it has no axes."""
    return value is None or not rank_of(value)


def normalize_axes(axes: Sequence[int], rank: int) -> list[int]:
    """Axes counted from the first; raises UnreadableError for one that does not exist."""
    if any(not -rank <= axis < rank for axis in axes):
        raise UnreadableError(f"expected axes of an array with {rank} axes. Received: {list(axes)}")
    return [axis % rank for axis in axes]


def replace_axis(axes: tuple[Axis, ...], place: int, axis: Axis) -> tuple[Axis, ...]:
    """Axes with another one at that place."""
    return (*axes[:place], axis, *axes[place + 1 :])


def keep_axes(value: Value, axes: Sequence[int]) -> Value:
    """A value without the other axes, which have length 1."""
    if isinstance(value, Constant):
        return Constant(value.array.reshape([value.array.shape[n] for n in axes]))
    if isinstance(value, FilledArray):
        return FilledArray(value.value, tuple(value.shape[n] for n in axes))
    tensor = as_tensor(value)
    if "features" in {axis.name for n, axis in enumerate(tensor.axes) if n not in axes}:
        raise UnreadableError("expected features to stay an axis")
    return replace(tensor, axes=tuple(tensor.axes[n] for n in axes))
