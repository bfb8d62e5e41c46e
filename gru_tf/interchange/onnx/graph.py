"""A graph and its nodes as readers of operators see them, and what can be asked of every value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gru_tf.foundation.array import Array
from gru_tf.interchange.onnx.values import Axis, Const, Filled, Flow, Size, Sizes, UnreadableError, Value, numbers

GROWTH = 8  # gates are cut, put in another order and joined
SMALL = 1 << 20  # constants may always be folded up to so many bytes


@dataclass
class Graph:
    """What is known of the graph as a whole.

    Args:
        opset: version of its operators.
        stored: bytes of all its weights; what is made of them is not let grow far beyond.
        array: takes the numbers out of a TensorProto.
        made: bytes that were made of them so far.
        declared: input's axis → its length, where the file says one.
        fixed: input's axes whose declared length something in the file depends on.
        time: name of the axis of steps, once a recurrent node was met; `batch` likewise.
    """

    opset: int
    stored: int
    array: Callable[[Any], Array]
    made: int = 0
    declared: dict[str, int] = field(default_factory=dict)
    fixed: set[str] = field(default_factory=set)
    time: str = ""
    batch: str = ""

    def within(self, size: int) -> None:
        """Count bytes that are about to be made of weights; raises UnreadableError where they are more than these need."""
        if self.made + size > max(SMALL, GROWTH * self.stored):
            raise UnreadableError(f"expected constants no larger than the file's weights. Received: {size:,} bytes more")
        self.made += size


@dataclass
class Node:
    """A node with the values that it takes."""

    index: int
    op: str
    attributes: dict[str, Any]
    inputs: list[Value | None]
    outputs: list[str]
    graph: Graph

    def input(self, n: int) -> Value | None:
        """Its n-th input, None where it is left out."""
        return self.inputs[n] if n < len(self.inputs) else None

    def setting(self, name: str, n: int) -> list[int] | None:
        """Whole numbers that are an attribute in older opsets and the n-th input in newer ones."""
        if name in self.attributes:
            return list(self.attributes[name])
        return None if self.input(n) is None else numbers(self.input(n))


def given(node: Node) -> Value:
    """The first input; raises UnreadableError where there is none."""
    value = node.input(0)
    if value is None:
        raise UnreadableError("expected an input")
    return value


def as_flow(value: Value) -> Flow:
    """A value that comes from the graph's inputs; raises UnreadableError for another."""
    if not isinstance(value, Flow):
        raise UnreadableError("expected a sequence")
    return value


def shape_of(value: Value) -> tuple[Size, ...]:
    """Lengths of its axes."""
    if isinstance(value, Const):
        return tuple(value.array.shape)
    if isinstance(value, Flow):
        return tuple(axis.size for axis in value.axes)
    if isinstance(value, Filled):
        return value.shape
    if isinstance(value, Sizes):
        return () if value.scalar else (len(value.values),)
    raise UnreadableError(value.reason)


def rank_of(value: Value) -> int:
    """How many axes it has."""
    return len(shape_of(value))


def is_scalar(value: Value | None) -> bool:
    """Whether it has no axes."""
    return value is None or not rank_of(value)


def positive(axes: Sequence[int], rank: int) -> list[int]:
    """Axes counted from the first; raises UnreadableError for one that is not there."""
    if any(not -rank <= axis < rank for axis in axes):
        raise UnreadableError(f"expected axes out of {rank}. Received: {list(axes)}")
    return [axis % rank for axis in axes]


def put(axes: tuple[Axis, ...], place: int, axis: Axis) -> tuple[Axis, ...]:
    """Axes with another one at that place."""
    return (*axes[:place], axis, *axes[place + 1 :])


def with_axes(value: Value, kept: Sequence[int]) -> Value:
    """Without the other axes, which have length 1."""
    if isinstance(value, Const):
        return Const(value.array.reshape([value.array.shape[n] for n in kept]))
    if isinstance(value, Filled):
        return Filled(value.value, tuple(value.shape[n] for n in kept))
    flow = as_flow(value)
    if "features" in {axis.name for n, axis in enumerate(flow.axes) if n not in kept}:
        raise UnreadableError("expected features to stay an axis")
    return replace(flow, axes=tuple(flow.axes[n] for n in kept))
