"""What a value in an ONNX graph is to a reader: weights, shapes, or the sequences on their way through the network."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.interchange.network import Linear, Recurrent

Size = int | str  # a number, or the name of an input's axis whose length is known only when the file is run
TIMES = "\N{UNIT SEPARATOR}"  # between the names of two axes that became one


MOST = 500
LARGEST = 1 << 28


class UnreadableError(Exception):
    """A node does something that a `Network` does not; the message says what, without the node's name."""


@dataclass(frozen=True)
class Unread:
    """A value that was not understood; harmless until something needs it."""

    reason: str


@dataclass(frozen=True, eq=False)
class Const:
    """Numbers in the file, or made of such alone."""

    array: Array


@dataclass(frozen=True)
class Sizes:
    """Lengths of axes, (n,), or one without an axis."""

    values: tuple[Size, ...]
    scalar: bool = False

    def __post_init__(self) -> None:
        """Refuse what are no lengths of axes."""
        if len(self.values) > MOST:
            raise UnreadableError(f"expected at most {MOST} lengths")


@dataclass(frozen=True)
class Filled:
    """An array of one number, never laid out: zeros as first states, the length of each sequence."""

    value: float | Size
    shape: tuple[Size, ...]

    def __post_init__(self) -> None:
        """Refuse what a runtime would stumble over: lengths below 0, or more numbers than states have."""
        known = [size for size in self.shape if isinstance(size, int)]
        if min(known, default=0) < 0 or math.prod(known) > LARGEST:
            raise UnreadableError(f"expected lengths of at most {LARGEST:,} numbers. Received: {_shown(self.shape)}")


@dataclass(frozen=True)
class Axis:
    """An axis: of an input by its own name, "direction", "features", or "one" where it is nothing but a 1."""

    name: str
    size: Size


@dataclass(frozen=True, eq=False)
class Layer:
    """A recurrent layer and its node.

    Args:
        recurrent: what it computes.
        node: index of its node in the graph.
        lengths: the graph input that says how many steps are real, or None.
        plain: whether it has the activations of its kind, and no input of lengths.
    """

    recurrent: Recurrent
    node: int
    lengths: str | None = None
    plain: bool = True


Row = tuple[Layer, int, str]  # a final state: of which layer, which direction, "h" or "c"
Part = Layer | Linear | Array | float  # an array is an embedding, a number a scale


@dataclass(frozen=True, eq=False)
class Flow:
    """A tensor on its way from the graph's inputs.

    Args:
        roots: graph inputs that it comes from.
        parts: what it has gone through.
        axes: what its axes are.
        rows: the final states that it consists of, along "direction" or else along "features"; none where it is a sequence.
        cut: whether only a part of an input is left.
        whole: whether numbers behind the comma were cut off.
    """

    roots: tuple[str, ...]
    parts: tuple[Part, ...]
    axes: tuple[Axis, ...]
    rows: tuple[Row, ...] = ()
    cut: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        """Refuse what only a file made to fill the memory has."""
        if max(map(len, (self.roots, self.parts, self.axes, self.rows))) > MOST:
            raise UnreadableError(f"expected at most {MOST} layers and states")

    def at(self, name: str) -> int | None:
        """Where the axis of that name is."""
        return next((n for n, axis in enumerate(self.axes) if axis.name == name), None)

    def on(self, part: Part, features: int) -> "Flow":
        """Behind one more part, which gives so many features."""
        return replace(self, parts=(*self.parts, part), axes=(*self.axes[:-1], Axis("features", features)), rows=())

    @property
    def layer(self) -> Layer | None:
        """The last recurrent layer that it went through."""
        return next((part for part in reversed(self.parts) if isinstance(part, Layer)), None)


Value = Unread | Const | Sizes | Filled | Flow


def sizes(value: Value | None) -> tuple[Size, ...]:
    """A value as lengths of axes; raises UnreadableError where it is something else."""
    if isinstance(value, Sizes):
        return value.values
    if isinstance(value, Const) and value.array.ndim <= 1 and value.array.dtype.kind in "iu":
        return tuple(int(each) for each in np.atleast_1d(value.array))
    if isinstance(value, Filled) and len(value.shape) <= 1 and isinstance(value.value, int):
        count = value.shape[0] if value.shape else 1
        if isinstance(count, int) and count <= 8:
            return (value.value,) * count
    raise UnreadableError("expected the lengths of axes as numbers, or taken from an input's shape")


def numbers(value: Value | None) -> list[int]:
    """A value as whole numbers; raises UnreadableError where they are not known before the file is run."""
    found = [size for size in sizes(value) if isinstance(size, int)]
    if len(found) < len(sizes(value)):
        raise UnreadableError("expected numbers that do not depend on the input's shape")
    return found


def constant(value: Value | None) -> float | None:
    """The one number that fills a value, or None."""
    if isinstance(value, Filled):
        return value.value if isinstance(value.value, (int, float)) else None
    if isinstance(value, Const) and value.array.size and value.array.dtype.kind in "fiub":
        first = value.array.flat[0]
        return float(first) if np.all(value.array == first) else None
    return None


def resolved(target: Sequence[Size], old: Sequence[Size], keep_zero: bool = False) -> list[Size]:
    """Lengths asked for by Reshape, with 0 (as before) and −1 (what is left) settled."""
    if not keep_zero:
        target = [old[n] if size == 0 and n < len(old) else size for n, size in enumerate(target)]
    if list(target).count(-1) > 1:
        raise UnreadableError(f"expected one −1 among the lengths. Received: {list(target)}")
    if -1 not in target:
        return list(target)
    have, asked = _product(old), _product([size for size in target if size != -1])
    names = have[1] - asked[1]
    if asked[1] - have[1] or not asked[0] or have[0] % asked[0] or (names and have[0] != asked[0]):
        raise UnreadableError(f"expected lengths that fit {_shown(old)}. Received: {_shown(target)}")
    left: Size = TIMES.join(name for name in _names(old) if name in names) if names else have[0] // asked[0]
    return [left if size == -1 else size for size in target]


def regrouped(axes: Sequence[Axis], lengths: Sequence[Size], target: Sequence[Size]) -> tuple[Axis, ...]:
    """Axes after a Reshape.

    Directions and features that follow each other become features, batch and time become one axis and two again, ones come
    and go.

    Args:
        axes: those before.
        lengths: of them, as they count here.
        target: lengths after.

    Raises:
        UnreadableError: where other axes are mixed.
    """
    old, new, out = list(zip(axes, lengths, strict=True)), list(target), []
    while old or new:
        if old and len(old) > len(new) and _droppable(*old[0]):
            old.pop(0)
            continue
        left, right = [old.pop(0)] if old else [], [new.pop(0)] if new else []
        while (one := _product([size for _, size in left])) != (two := _product(right)):
            short = one[0] < two[0] or (one[0] == two[0] and one[1].total() < two[1].total())
            if not (old if short else new):
                raise UnreadableError(f"expected {_shown(target)} to have as many numbers as {_shown(lengths)}")
            if short:
                left.append(old.pop(0))
            else:
                right.append(new.pop(0))
        if not new and _product([size for _, size in old]) == _product([]):  # features of one unit follow directions
            left, old = [*left, *old], []
        out += _group(left, right)
    return tuple(out)


def _group(left: list[tuple[Axis, Size]], right: list[Size]) -> list[Axis]:
    """The axes that stand for some of the old ones."""
    kept = [axis for axis, size in left if not _droppable(axis, size)]
    filled = sum(size != 1 for size in right)
    if len(left) == len(right) == 1:
        return [left[0][0]]
    split = [size for size in right if size != 1]
    if len(kept) == 1 and filled > 1 and split == kept[0].name.split(TIMES):
        return [Axis(str(size), size) if size != 1 else Axis("one", 1) for size in right]
    if filled > 1 or (kept and not right):
        raise UnreadableError("Reshape mixes batch, time or features")
    if not kept:
        return [Axis("one", 1) for _ in right]
    merged = kept[0]
    if [axis.name for axis in kept] == ["direction", "features"]:
        merged = Axis("features", next(size for size in right if size != 1) if filled else 1)
    elif len(kept) > 1 and all(isinstance(axis.size, str) for axis in kept):
        names = TIMES.join(axis.name for axis in kept)
        merged = Axis(names, names)
    elif len(kept) > 1:
        raise UnreadableError(f"Reshape mixes {' and '.join(axis.name for axis in kept)}")
    place = next((n for n, size in enumerate(right) if size != 1), 0)
    return [merged if n == place else Axis("one", 1) for n in range(len(right))]


def _droppable(axis: Axis, size: Size) -> bool:
    return size == 1 and axis.name in ("one", "direction")


def _product(lengths: Sequence[Size]) -> tuple[int, Counter[str]]:
    return math.prod(size for size in lengths if isinstance(size, int)), Counter(_names(lengths))


def _shown(lengths: Sequence[Size]) -> str:
    return f"({', '.join(map(str, lengths))})".replace(TIMES, "·")


def _names(lengths: Sequence[Size]) -> list[str]:
    return [name for size in lengths if isinstance(size, str) for name in size.split(TIMES)]
