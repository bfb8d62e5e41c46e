"""Arrays as Keras has them, seen as ONNX has them: the same entries with their axes in another order, merged or split."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from gru_tf.foundation.array import Array
from gru_tf.interchange.onnx.functional.knowledge import BATCH, Knowledge
from gru_tf.interchange.onnx.functional.sizes import SymbolicSize, product
from gru_tf.interchange.onnx.functional.steps import BuildStep, operation, reshape
from gru_tf.interchange.onnx.values import LARGEST, UnreadableError

MOST_AXES = 12  # TensorFlow transposes no more


@dataclass(frozen=True, eq=False)
class Atom:
    """An axis that is never split; those of length 1 have none."""

    size: SymbolicSize


Group = tuple[Atom, ...]  # an axis: the first of its atoms runs slowest
Layout = tuple[Group, ...]


@dataclass(frozen=True, eq=False)
class TensorView:
    """An array that the model computes.

    Args:
        step: what computes it.
        layout: its axes as Keras has them.
        axes: its axes as ONNX has them, of the same atoms.
        kind: "float", "int" or "bool".
        known: of the graph.
        node: the node that it came from, as messages name it.
        add_bias: (a node that adds, an array) → the same with the array as bias, where it is a linear layer that has none;
            None if the array is no bias.
    """

    step: BuildStep
    layout: Layout
    axes: Layout
    kind: str
    known: Knowledge
    node: str
    add_bias: Callable[[Any, Array], "TensorView | None"] | None = None

    def __post_init__(self) -> None:
        """Refuse more numbers or axes than any real network has, for a file may be made to exhaust the memory."""
        sizes = [self.known.settled(atom.size) for group in self.axes for atom in group]
        if self.known.verified(product(sizes)) > LARGEST or max(len(self.axes), len(sizes)) > MOST_AXES:
            received = f"({', '.join(map(str, self.sizes()))})"
            raise UnreadableError(f"expected at most {LARGEST:,} numbers and {MOST_AXES} axes. Received: {received}")

    @property
    def rank(self) -> int:
        """Number of its axes in ONNX."""
        return len(self.axes)

    def sizes(self) -> tuple[SymbolicSize, ...]:
        """Lengths of its axes in ONNX."""
        return tuple(self.size(group) for group in self.axes)

    def size(self, group: Group) -> SymbolicSize:
        """Length of an axis."""
        return self.known.settled(product(atom.size for atom in group))

    def number(self, axis: int) -> int:
        """The length of an axis as a number; a declared length is then the only one that the model has.

        Raises:
            UnreadableError: if it is not known.
        """
        size = self.size(self.axes[axis])
        if size.number is None:
            self.known.fix_declared([size])
            raise UnreadableError(f"expected an axis whose length is known. Received: {size}")
        return size.number

    def with_step(self, step: BuildStep, kind: str | None = None) -> "TensorView":
        """The result of a step that leaves the axes as they are."""
        return replace(self, step=step, kind=kind or self.kind, node=step.node, add_bias=None)

    def viewed(self, axes: Layout) -> "TensorView":
        """The same entries with other axes in ONNX."""
        return replace(self, axes=axes, add_bias=None)

    def is_batch(self, group: Group) -> bool:
        """Whether the batch is an axis, or a factor of it; not that of a model for one sequence."""
        return any(self.known.is_batch(atom.size) and self.known.number(atom.size) != 1 for atom in group)

    def check_apart(self, axes: Sequence[int]) -> None:
        """Refuse what is to be computed along these axes, if the batch is in one of them."""
        for atom in (atom for axis in axes for atom in self.axes[axis] if self.is_batch((atom,))):
            self.known.fix_declared_one(atom.size)
            raise UnreadableError(BATCH)

    def canonical(self, last: Sequence[int] = ()) -> Layout:
        """Its axes in their order, but the batch before all, and those of these indices behind all others.

        Axes that were merged and whose lengths are not known are separate ones, except those behind.
        """
        rest = [cell for n, group in enumerate(self.axes) if n not in last for cell in self.cells(group)]
        first = [cell for cell in rest if self.is_batch(cell)]
        return (*first, *(cell for cell in rest if not self.is_batch(cell)), *(self.axes[axis] for axis in last))

    def cells(self, group: Group) -> list[Group]:
        """An axis as Keras is to have it: one, or one for each atom where a length is not known."""
        return [group] if all(self.known.number(atom.size) for atom in group) else [(atom,) for atom in group]

    def arranged(self, target: Layout, node: str = "") -> BuildStep:
        """A step with exactly these axes, which have all of its atoms; () is an axis of length 1."""
        if target == self.layout:
            return self.step
        node, step = node or self.node, self.step
        pieces = [
            piece
            for group in self.layout
            if group
            for piece in ([group] if group in target else [(atom,) for atom in group])
        ]
        order = [
            piece for group in target if group for piece in ([group] if group in pieces else [(atom,) for atom in group])
        ]
        if order == [group for group in self.layout if group]:
            return self._reshaped(step, self.layout, target, node)
        if (turned := self._transposed(target)) is not None:
            return operation(keras.ops.transpose, step, node=node, axes=turned)
        step = self._reshaped(step, self.layout, tuple(pieces), node)
        perm = [pieces.index(piece) for piece in order]
        if perm != sorted(perm):
            step = operation(keras.ops.transpose, step, node=node, axes=perm)
        return self._reshaped(step, tuple(order), target, node)

    def _transposed(self, target: Layout) -> list[int] | None:
        """The order of the axes, if it is only that which differs."""
        if len(target) != len(self.layout) or any(target.count(group) > 1 for group in target):
            return None
        return [self.layout.index(group) for group in target] if set(target) == set(self.layout) else None

    def _reshaped(self, step: BuildStep, before: Layout, after: Layout, node: str) -> BuildStep:
        """A step whose atoms are in the same order, over other axes."""
        if before == after:
            return step
        if [group for group in before if group] == [group for group in after if group]:
            return _with_ones(step, before, after, node)
        shape = tuple(self.known.number(product(atom.size for atom in group)) for group in after)
        if shape[1:].count(None) > 1 or (shape.count(None) > 1 and before[:1] != after[:1]):
            self.known.fix_declared(self.size(group) for n, group in enumerate(after) if shape[n] is None and n)
            received = f"axes of lengths {', '.join(str(self.size(group)) for group in after)}"
            raise UnreadableError(f"expected at most one length besides the batch that is not known. Received: {received}")
        return operation(reshape, step, node=node, shape=shape)


def _with_ones(step: BuildStep, before: Layout, after: Layout, node: str) -> BuildStep:
    """A step with other axes of length 1."""
    kept = [n for n, group in enumerate(before) if group]
    if len(kept) < len(before):
        ones = tuple(n for n in range(len(before)) if n not in kept)
        step = operation(keras.ops.squeeze, step, node=node, axis=ones)
    new = tuple(n for n, group in enumerate(after) if not group)
    return operation(keras.ops.expand_dims, step, node=node, axis=new) if new else step


def fresh(size: SymbolicSize, known: Knowledge) -> Group:
    """A new axis of that length."""
    settled = known.settled(size)
    if settled.number == 1:
        return ()
    return (Atom(size if known.is_batch(size) else settled),)  # the batch is known by its name, its length fixed or not
