"""Several values as ONNX broadcasts them, each with its axes where Keras broadcasts them in the same way."""

from collections.abc import Sequence
from dataclasses import dataclass

from gru_tf.foundation.array import Array
from gru_tf.interchange.onnx.functional.knowledge import Knowledge
from gru_tf.interchange.onnx.functional.sizes import SymbolicSize, product
from gru_tf.interchange.onnx.functional.steps import BuildStep
from gru_tf.interchange.onnx.functional.views import Atom, Group, Layout, TensorView
from gru_tf.interchange.onnx.values import UnreadableError


@dataclass(frozen=True)
class Aligned:
    """Operands of one operation.

    Args:
        operands: steps, and arrays of constants, all with the same number of axes.
        layout: axes of the result as Keras has them.
        axes: axes of the result as ONNX has them.
    """

    operands: tuple[BuildStep | Array, ...]
    layout: Layout
    axes: Layout


def align(values: Sequence[TensorView | Array], node: str, own: int = 0) -> Aligned:
    """Operands that Keras broadcasts as ONNX does.

    Args:
        values: tensors, at least one, and arrays.
        node: for messages.
        own: how many of the last axes are not broadcast; they stay last, and the result has none for them.

    Raises:
        UnreadableError: for lengths that do not fit.
    """
    tensors = [value for value in values if isinstance(value, TensorView)]
    known = tensors[0].known
    rank = max(_rank(value) for value in values) - own
    columns = [_column([_axis(value, rank - n + own) for value in values], known) for n in range(rank)]
    order = _order(columns, tensors[0])
    operands = tuple(
        _operand(value, [cell for column in columns for cell in column[n]], order, own, node, known)
        for n, value in enumerate(values)
    )
    axes = _apart([_result([cells[i] for cells in column]) for column in columns for i in range(len(column[0]))])
    groups, flat = [], iter(axes)
    for column in columns:
        groups.append(tuple(atom for _ in column[0] for atom in next(flat)))
    return Aligned(operands, tuple(axes[place] for place in order), tuple(groups))


def _rank(value: TensorView | Array) -> int:
    return value.rank if isinstance(value, TensorView) else value.ndim


def _axis(value: TensorView | Array, from_last: int) -> tuple[TensorView | Array, Group]:
    """A value and its axis, counted from the last; () if it is to be broadcast."""
    if from_last > _rank(value):
        return value, ()
    if isinstance(value, TensorView):
        return value, value.axes[-from_last]
    length = value.shape[-from_last]
    return value, () if length == 1 else (Atom(SymbolicSize(length)),)


def _column(axes: Sequence[tuple[TensorView | Array, Group]], known: Knowledge) -> list[list[Group]]:
    """The cells of one axis, for each value: as many for each, () where it is broadcast."""
    tensors = [(value, group) for value, group in axes if isinstance(value, TensorView) and group]
    groups = [group for _, group in axes if group]
    if not groups:
        return [[()] for _ in axes]
    for group in groups[1:]:
        known.equate(product(atom.size for atom in groups[0]), product(atom.size for atom in group))
    cells = max((value.cells(group) for value, group in tensors), key=len, default=[groups[0]])
    columns: list[list[Group]] = []
    for value, group in axes:
        if not group:
            columns.append([()] * len(cells))
        elif isinstance(value, TensorView) and len(cells) > 1:
            columns.append(_matching(value, group, cells))
        elif isinstance(value, TensorView):
            columns.append([group])
        else:
            columns.append(
                [cell if known.number(product(a.size for a in cell)) else _unknown(cell, known) for cell in cells]
            )
    return columns


def _unknown(cell: Group, known: Knowledge) -> Group:
    """An axis of a constant that has a length for each length of the input: the declared one is the only one."""
    size = product(atom.size for atom in cell)
    known.fix_declared([size])
    raise UnreadableError(f"expected a constant for each length of the input. Received: one for one length of {size}")


def _matching(value: TensorView, group: Group, cells: list[Group]) -> list[Group]:
    """A value's axis in the same cells."""
    own = value.cells(group)
    sizes = [[value.size(cell) for cell in each] for each in (own, cells)]
    if sizes[0] != sizes[1]:
        value.known.fix_declared([value.size(group)])
        raise UnreadableError("expected axes that were merged in the same way")
    return own


def _order(columns: list[list[list[Group]]], tensor: TensorView) -> list[int]:
    """The order of all cells in Keras: that in which ONNX has them, but the batch first."""
    cells = [[cells[i] for cells in column] for column in columns for i in range(len(column[0]))]
    batch = [n for n, each in enumerate(cells) if any(tensor.is_batch(cell) for cell in each)]
    return [*batch, *(n for n in range(len(cells)) if n not in batch)]


def _operand(
    value: TensorView | Array, cells: list[Group], order: list[int], own: int, node: str, known: Knowledge
) -> BuildStep | Array:
    """A value with its cells in that order, and its own last axes."""
    if isinstance(value, TensorView):
        last = tuple(value.axes[value.rank - own :]) if own else ()
        return value.arranged((*(cells[place] for place in order), *last), node)
    lengths = [known.number(product(atom.size for atom in cell)) or 1 for cell in cells]
    split = value.reshape([*lengths, *value.shape[value.ndim - own :]])
    return split.transpose([*order, *range(len(cells), len(cells) + own)])


def _result(cells: Sequence[Group]) -> Group:
    return next((cell for cell in cells if cell), ())


def _apart(groups: Sequence[Group]) -> list[Group]:
    """The same axes, with new atoms where one would be there twice, as in a product of a sequence with itself."""
    seen: set[Atom] = set()
    distinct = []
    for group in groups:
        atoms = tuple(Atom(atom.size) if atom in seen else atom for atom in group)
        seen |= set(atoms)
        distinct.append(atoms)
    return distinct
