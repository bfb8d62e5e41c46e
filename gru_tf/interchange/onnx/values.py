"""What a value in an ONNX graph is to a reader: weights, lengths of axes, or a tensor computed from the graph's inputs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.network import Linear, Recurrent

Length = int | str  # a number, or the name of an input's axis whose length is known only at run time
TIMES = "\N{UNIT SEPARATOR}"  # between the names of two axes that became one
MOST = 500
LARGEST = 1 << 28


class UnreadableError(Exception):
    """A node does something that a `Network` does not; the message says what, without the node's name."""


@dataclass(frozen=True)
class Unsupported:
    """A value that was not understood; harmless unless something needs it."""

    reason: str


@dataclass(frozen=True, eq=False)
class Constant:
    """Numbers in the file, or computed from such alone."""

    array: Array


@dataclass(frozen=True)
class AxisLengths:
    """Lengths of axes, (n,), or one without an axis."""

    values: tuple[Length, ...]
    scalar: bool = False

    def __post_init__(self) -> None:
        """Refuse more lengths than a shape has."""
        if len(self.values) > MOST:
            raise UnreadableError(f"expected at most {MOST} lengths")


@dataclass(frozen=True)
class FilledArray:
    """An array of one number, which takes no memory: zeros as initial states, the length of each sequence."""

    value: float | Length
    shape: tuple[Length, ...]

    def __post_init__(self) -> None:
        """Refuse what a runtime would fail on: lengths below 0, or more numbers than states have."""
        known = [length for length in self.shape if isinstance(length, int)]
        if min(known, default=0) < 0 or math.prod(known) > LARGEST:
            raise UnreadableError(f"expected lengths of at most {LARGEST:,} numbers. Received: {shape_text(self.shape)}")


@dataclass(frozen=True)
class Axis:
    """An axis: of an input by its own name, "direction", "features", or "one" if it is only a 1."""

    name: str
    size: Length


@dataclass(frozen=True, eq=False)
class Layer:
    """A recurrent layer and its node.

    Args:
        recurrent: what it computes.
        node: index of its node in the graph.
        lengths: the graph input with the lengths of sequences, or None.
        plain: whether it has the default activations of its cell, and no input of lengths.
    """

    recurrent: Recurrent
    node: int
    lengths: str | None = None
    plain: bool = True


FinalState = tuple[Layer, int, str]  # of which layer, which direction, "h" or "c"
Part = Layer | Linear | Array | float  # an array is an embedding, a number a scale


@dataclass(frozen=True, eq=False)
class TracedTensor:
    """A tensor that is computed from the graph's inputs.

    Args:
        roots: graph inputs that it comes from.
        parts: layers that it went through.
        axes: what its axes are.
        states: the final states that it consists of, along "direction" or else along "features"; none if it is a sequence.
        partial: whether only a part of an input is left.
        truncated: whether fractional parts were cut off.
    """

    roots: tuple[str, ...]
    parts: tuple[Part, ...]
    axes: tuple[Axis, ...]
    states: tuple[FinalState, ...] = ()
    partial: bool = False
    truncated: bool = False

    def __post_init__(self) -> None:
        """Refuse more than any real network has, for a file may be made to exhaust the memory."""
        if max(map(len, (self.roots, self.parts, self.axes, self.states))) > MOST:
            raise UnreadableError(f"expected at most {MOST} layers and states")

    def axis_index(self, name: str) -> int | None:
        """Index of the axis of that name; None if there is none."""
        return next((n for n, axis in enumerate(self.axes) if axis.name == name), None)

    def followed_by(self, part: Part, features: int) -> "TracedTensor":
        """After one more part, whose output has so many features."""
        return replace(self, parts=(*self.parts, part), axes=(*self.axes[:-1], Axis("features", features)), states=())

    @property
    def layer(self) -> Layer | None:
        """The last recurrent layer that it went through."""
        return next((part for part in reversed(self.parts) if isinstance(part, Layer)), None)

    def check_states(self) -> None:
        """Refuse final states other than those that a `Network` gives: the last layer's, of each direction.

        Raises:
            UnreadableError: naming the states that it consists of.
        """
        expected = [(self.layer, n, "h") for n in range(len(self.layer.recurrent.directions))] if self.layer else []
        if self.states and list(self.states) != expected:
            received = ", ".join(
                f"{layer.recurrent.name} {'backward' if direction else 'forward'} {state}"
                for layer, direction, state in self.states
            )
            raise UnreadableError(f"expected the last layer's final state in each of its directions. Received: {received}")


Value = Unsupported | Constant | AxisLengths | FilledArray | TracedTensor


def axis_lengths(value: Value | None) -> tuple[Length, ...]:
    """A value as lengths of axes; raises UnreadableError if it is something else."""
    if isinstance(value, AxisLengths):
        return value.values
    if isinstance(value, Constant) and value.array.ndim <= 1 and value.array.dtype.kind in "iu":
        return tuple(int(each) for each in np.atleast_1d(value.array))
    if isinstance(value, FilledArray) and len(value.shape) <= 1 and isinstance(value.value, int):
        count = value.shape[0] if value.shape else 1
        if isinstance(count, int) and count <= 8:
            return (value.value,) * count
    raise UnreadableError("expected the lengths of axes as numbers, or taken from an input's shape")


def whole_numbers(value: Value | None) -> list[int]:
    """A value as whole numbers; raises UnreadableError if they are not known before run time."""
    lengths = axis_lengths(value)
    known = [length for length in lengths if isinstance(length, int)]
    if len(known) < len(lengths):
        raise UnreadableError("expected numbers that do not depend on the input's shape")
    return known


def fill_value(value: Value | None) -> float | None:
    """The one number that fills a value, or None."""
    if isinstance(value, FilledArray):
        return value.value if isinstance(value.value, (int, float)) else None
    if isinstance(value, Constant) and value.array.size and value.array.dtype.kind in "fiub":
        first = value.array.flat[0]
        return float(first) if np.all(value.array == first) else None
    return None


def shape_text(lengths: Sequence[Length]) -> str:
    """Lengths for messages: (batch, 4)."""
    return f"({', '.join(map(str, lengths))})".replace(TIMES, "·")
