"""Which axes a Reshape gives: directions and features merge, batch and time merge and separate again, ones come and go."""

import math
from collections import Counter
from collections.abc import Sequence

from gru_tf.interchange.onnx.values import TIMES, Axis, Length, UnreadableError, shape_text


def resolve_lengths(target: Sequence[Length], old: Sequence[Length], keep_zero: bool = False) -> list[Length]:
    """The target of a Reshape without its 0 (as before) and −1 (what is left).

    Args:
        target: lengths that Reshape is given.
        old: lengths before.
        keep_zero: whether 0 is a length.

    Raises:
        UnreadableError: if the target does not fit.
    """
    if not keep_zero:
        target = [old[n] if length == 0 and n < len(old) else length for n, length in enumerate(target)]
    if list(target).count(-1) > 1:
        raise UnreadableError(f"expected one −1 among the lengths. Received: {list(target)}")
    if -1 not in target:
        return list(target)
    (size, size_names), (known, known_names) = _product(old), _product([length for length in target if length != -1])
    names = size_names - known_names
    if known_names - size_names or not known or size % known or (names and size != known):
        raise UnreadableError(f"expected lengths that fit {shape_text(old)}. Received: {shape_text(target)}")
    left: Length = TIMES.join(name for name in _names(old) if name in names) if names else size // known
    return [left if length == -1 else length for length in target]


def regroup_axes(axes: Sequence[Axis], lengths: Sequence[Length], target: Sequence[Length]) -> tuple[Axis, ...]:
    """Axes after a Reshape.

    Args:
        axes: those before.
        lengths: of them, as they count here.
        target: lengths after.

    Raises:
        UnreadableError: if other axes are mixed.
    """
    old, new = list(zip(axes, lengths, strict=True)), list(target)
    regrouped: list[Axis] = []
    while old or new:
        if old and len(old) > len(new) and _droppable(*old[0]):
            old.pop(0)
            continue
        left, right = [old.pop(0)] if old else [], [new.pop(0)] if new else []
        while (one := _product([length for _, length in left])) != (two := _product(right)):
            short = one[0] < two[0] or (one[0] == two[0] and one[1].total() < two[1].total())
            if not (old if short else new):
                raise UnreadableError(f"expected {shape_text(target)} to have as many numbers as {shape_text(lengths)}")
            if short:
                left.append(old.pop(0))
            else:
                right.append(new.pop(0))
        if not new and _product([length for _, length in old]) == _product([]):  # features of one unit follow directions
            left, old = [*left, *old], []
        regrouped += _group(left, right)
    return tuple(regrouped)


def _group(left: list[tuple[Axis, Length]], right: list[Length]) -> list[Axis]:
    """The axes of lengths `right` that replace the axes `left`, which have as many numbers."""
    if len(left) == len(right) == 1:
        return [left[0][0]]
    remaining = [axis for axis, length in left if not _droppable(axis, length)]
    longer = [length for length in right if length != 1]
    if len(remaining) == 1 and len(longer) > 1 and longer == remaining[0].name.split(TIMES):
        return [Axis(str(length), length) if length != 1 else Axis("one", 1) for length in right]
    if len(longer) > 1 or (remaining and not right):
        raise UnreadableError("Reshape mixes batch, time or features")
    if not remaining:
        return [Axis("one", 1) for _ in right]
    merged = _merge(remaining, longer[0] if longer else 1)
    place = next((n for n, length in enumerate(right) if length != 1), 0)
    return [merged if n == place else Axis("one", 1) for n in range(len(right))]


def _merge(axes: list[Axis], length: Length) -> Axis:
    """Axes that become one of that length."""
    names = [axis.name for axis in axes]
    if names == ["direction", "features"]:
        return Axis("features", length)
    if len(axes) == 1:
        return axes[0]
    if all(isinstance(axis.size, str) for axis in axes):
        return Axis(TIMES.join(names), TIMES.join(names))
    raise UnreadableError(f"Reshape mixes {' and '.join(names)}")


def _droppable(axis: Axis, length: Length) -> bool:
    return length == 1 and axis.name in ("one", "direction")


def _product(lengths: Sequence[Length]) -> tuple[int, Counter[str]]:
    """Of the known lengths; and the names of the others."""
    return math.prod(length for length in lengths if isinstance(length, int)), Counter(_names(lengths))


def _names(lengths: Sequence[Length]) -> list[str]:
    return [name for length in lengths if isinstance(length, str) for name in length.split(TIMES)]
