"""Reshape as another view: atoms are split and merged, and no entry moves."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from gru_tf.interchange.onnx.functional.knowledge import LearnedError
from gru_tf.interchange.onnx.functional.sizes import ONE, SymbolicSize, product, quotient, shape_text
from gru_tf.interchange.onnx.functional.views import Atom, Group, Layout, TensorView
from gru_tf.interchange.onnx.values import UnreadableError

REST = -1


def regroup(tensor: TensorView, target: Sequence[SymbolicSize | int]) -> TensorView:
    """A tensor over other axes.

    The file may contain the lengths of the example that it was exported with. Those of the batch are read as any number of
    sequences, because each is computed alone; others are then the only ones that the model has.

    Args:
        tensor: any.
        target: lengths of its axes, −1 for what is left.

    Raises:
        UnreadableError: if the lengths do not fit.
    """
    known = tensor.known
    try:
        return _regrouped(tensor, target, known.settled)
    except UnreadableError:
        names = known.roots(tensor.sizes())
        declared = {name: known.declared[name] for name in names if name in known.declared and name not in known.fixed}
        if not declared:
            _require(tensor, target)
            raise
        changed = _regrouped(tensor, target, lambda size: known.settled(size, declared))
        others = {name: number for name, number in declared.items() if name not in known.batch}
        if others:
            known.fixed |= others
            known.needed |= set(others)
            raise LearnedError from None
        known.single |= set(declared)
        return changed


def _require(tensor: TensorView, target: Sequence[SymbolicSize | int]) -> None:
    """Let the one length that is free be what makes the target fit, if there is one."""
    if REST in target:
        return
    known = tensor.known
    total = known.settled(product(tensor.sizes()))
    wanted = known.settled(product(each if isinstance(each, SymbolicSize) else SymbolicSize(each) for each in target))
    free = list((Counter(total.names) - Counter(wanted.names)).elements())
    exact = not Counter(wanted.names) - Counter(total.names) and total.factor and not wanted.factor % total.factor
    if len(free) == 1 and exact and free[0] not in known.batch:
        known.fix(free[0], wanted.factor // total.factor)


def _regrouped(
    tensor: TensorView, target: Sequence[SymbolicSize | int], settled: Callable[[SymbolicSize], SymbolicSize]
) -> TensorView:
    atoms = [atom for group in tensor.axes for atom in group]
    sizes = _without_rest(target, settled(product(atom.size for atom in atoms)), settled)
    pieces, groups = _cut(atoms, sizes, settled)
    layout = tuple(tuple(piece for atom in group for piece in pieces[atom]) for group in tensor.layout)
    return replace(tensor, layout=layout, axes=groups, add_bias=None)


def _without_rest(
    target: Sequence[SymbolicSize | int], total: SymbolicSize, settled: Callable[[SymbolicSize], SymbolicSize]
) -> list[SymbolicSize]:
    """The lengths with what is left in the place of −1."""
    known = [settled(each if isinstance(each, SymbolicSize) else SymbolicSize(each)) for each in target if each != REST]
    rest = quotient(total, product(known))
    if rest is None or (REST not in target and rest != ONE) or list(target).count(REST) > 1:
        received = ", ".join(map(str, target))
        raise UnreadableError(
            f"expected lengths that fit {total} entries for each length of the input. Received: ({received})"
        )
    lengths = iter(known)
    return [rest if each == REST else next(lengths) for each in target]


def _cut(
    atoms: Sequence[Atom], sizes: Sequence[SymbolicSize], settled: Callable[[SymbolicSize], SymbolicSize]
) -> tuple[dict[Atom, Group], Layout]:
    """What each atom becomes, and the axes of these lengths."""
    pieces: dict[Atom, Group] = dict.fromkeys(atoms, ())
    rest = [(atom, atom) for atom in atoms]  # what is left of an atom, and the atom that it was
    groups: list[Group] = []
    for n, size in enumerate(sizes):
        group: list[Atom] = []
        left = size
        while left != ONE or (not group and rest and settled(rest[0][0].size) == ONE and _spare(rest, sizes[n:], settled)):
            if not rest:
                raise UnreadableError(f"expected lengths that fit. Received: {shape_text(sizes)}")
            atom, whole = rest.pop(0)
            length = settled(atom.size)
            if (after := quotient(left, length)) is not None:
                piece, left = atom, after
            elif (remaining := quotient(length, left)) is not None and not atom.size.names:
                piece, left = Atom(left), ONE
                rest.insert(0, (Atom(remaining), whole))
            else:
                raise UnreadableError(f"Reshape to {shape_text(sizes)} mixes axes whose lengths are not known: {length}")
            group.append(piece)
            pieces[whole] = (*pieces[whole], piece)
        groups.append(tuple(group))
    for atom, whole in rest:  # of length 1 in this file: in the last axis, where they change nothing
        if not groups:
            raise UnreadableError("expected a batch to be left")
        groups[-1] = (*groups[-1], atom)
        pieces[whole] = (*pieces[whole], atom)
    return pieces, tuple(groups)


def _spare(
    rest: Sequence[tuple[Atom, Atom]], sizes: Sequence[SymbolicSize], settled: Callable[[SymbolicSize], SymbolicSize]
) -> bool:
    """Whether an axis of length 1 is left for this atom of length 1: as many as there are such atoms."""
    return sum(size == ONE for size in sizes) >= sum(settled(atom.size) == ONE for atom, _ in rest)
