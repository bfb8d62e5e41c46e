"""What lies around a recurrent stack in a state_dict: an embedding below, linear heads above.

A state_dict holds arrays and names, no program. What follows from shapes and names alone is taken; where two entries could
be meant, both are named with the option that decides, for a guess would be a different network.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gru_tf.foundation.errors import UserError, counted, did_you_mean, several
from gru_tf.interchange import before_stack, option_names
from gru_tf.interchange.network import Linear
from gru_tf.interchange.pytorch.stacks import Stack, Tensor, made_anew


@dataclass(frozen=True, eq=False)
class Matrix:
    """A module with a matrix, and a bias where it has one.

    Args:
        name: of the module, "" at the top.
        weight: (O, I) of a linear layer, (tokens, width) of an embedding.
        bias: (O,), or None.
    """

    name: str
    weight: Tensor
    bias: Tensor | None = None

    @property
    def outputs(self) -> int:
        """O, or how many tokens."""
        return self.weight.shape[0]

    @property
    def inputs(self) -> int:
        """I, or the embedding's width."""
        return self.weight.shape[1]

    def linear(self) -> Linear:
        """As a layer; raises UserError where the bias does not belong to the matrix."""
        if self.bias is not None and self.bias.shape != (self.outputs,):
            expected = f"shape {(self.outputs,)} beside {self.weight.key} {self.weight.shape}"
            raise UserError(f"{self.bias.key}: expected {expected}. Received: {self.bias.shape}")
        bias = None if self.bias is None else self.bias.array()
        return Linear(np.ascontiguousarray(self.weight.array().T), bias, self.name)


@dataclass(frozen=True, eq=False)
class Around:
    """An embedding and heads that were found, and what else lies there.

    Args:
        embedding: or None.
        heads: one after the other.
        left_out: entries that are not a part of the network.
    """

    embedding: Matrix | None
    heads: tuple[Matrix, ...]
    left_out: tuple[Tensor, ...]


def find(
    entries: Mapping[str, Tensor],
    chosen: Sequence[Stack],
    others: Sequence[Stack],
    widths: tuple[int, int],
    *,
    embedding: str | bool | None = None,
    head: str | Sequence[str] | bool | None = None,
    leave_out: Sequence[str] = (),
) -> Around:
    """The embedding below a stack and the heads above it.

    Args:
        entries: of the state_dict.
        chosen: the stack, or several one after the other.
        others: stacks that are not meant; what lies nearer to one of these is theirs.
        widths: of what the stack takes, and of what it gives.
        embedding: a key or module, False for none, None to look for it.
        head: likewise; several keys for heads one after the other, with nothing between.
        leave_out: keys or modules that are none of these.

    Raises:
        UserError: for a key that is not there or does not fit, where more than one entry could be meant, and for one that
            could be a layer in front of the stack.
    """
    recurrent = {tensor.key for stack in (*chosen, *others) for tensor in stack.tensors()}
    told = before_stack.told(leave_out, [key for key in entries if key not in recurrent])
    matrices = {name: matrix for name, matrix in _matrices(entries) if matrix.weight.key not in told}
    near = {name: matrix for name, matrix in matrices.items() if _belongs(name, chosen, others)}
    if head is None:
        own = [name for name in made_anew.modules(entries) if _belongs(name.removesuffix("."), chosen, others)]
        made_anew.check(entries, own, recurrent=False)
    wanted = [] if isinstance(head, bool) or head is None else [head] if isinstance(head, str) else list(head)
    heads = [_named(key, matrices, "head") for key in wanted]
    below = _embedding(embedding, matrices, near, widths, {m.name for m in heads}, head is False)
    if head is None:
        heads = _heads(near, below, widths[1])
    _check_chain(below, heads, widths)
    used = {tensor.key for stack in chosen for tensor in stack.tensors()}
    used |= {t.key for m in (*heads, *([below] if below else [])) for t in (m.weight, m.bias) if t is not None}
    left = [t for t in entries.values() if t.key not in used | recurrent and t.shape]
    doubtful = [t for t in left if t.key not in told and _belongs(t.key.rpartition(".")[0], chosen, others)]
    before_stack.check_left(doubtful, widths, head is not None)
    if head is None and len(heads) == 1:
        before_stack.check_head(heads[0].weight, next(iter(chosen[0].tensors())), widths[0], list(entries))
    if below and embedding is None and not _called_embedding(below):
        before_stack.check_embedding(below.weight)
    return Around(below, tuple(heads), tuple(left))


def _matrices(entries: Mapping[str, Tensor]) -> Iterable[tuple[str, Matrix]]:
    for name, tensor in entries.items():
        stem, dot, last = name.rpartition(".")
        if last == "weight" and len(tensor.shape) == 2 and min(tensor.shape) > 0:
            yield stem, Matrix(stem, tensor, entries.get(f"{stem}{dot}bias"))


def _belongs(name: str, chosen: Sequence[Stack], others: Iterable[Stack]) -> bool:
    """Whether no other stack is nearer in the tree of modules."""
    own = max(_shared(name, stack.name) for stack in chosen)
    return all(_shared(name, stack.name) <= own for stack in others)


def _shared(one: str, other: str) -> int:
    """How many modules two lie in together."""
    pairs = zip(one.split(".")[:-1], other.split(".")[:-1], strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(one.count("."), other.count(".")))


def _named(key: str, matrices: Mapping[str, Matrix], option: str) -> Matrix:
    found = matrices.get(key.removesuffix("weight").removesuffix("."))
    if found is None:
        keys = [m.weight.key for m in matrices.values()]
        near = did_you_mean(key, [*matrices, *keys])
        expected = (
            f"one of {several([m.weight.key for m in matrices.values()])}" if matrices else "none, as there is no matrix"
        )
        raise UserError(f"{option_names.where(option)}: expected {expected}.{near} Received: '{key}'")
    return found


# --- below ---


def _embedding(
    wanted: str | bool | None,
    matrices: Mapping[str, Matrix],
    near: Mapping[str, Matrix],
    widths: tuple[int, int],
    heads: set[str],
    headless: bool,
) -> Matrix | None:
    if wanted is False:
        return None
    if isinstance(wanted, str):
        return _named(wanted, matrices, "embedding")
    fits = [m for m in near.values() if m.bias is None and m.inputs == widths[0] and m.name not in heads]
    fits = _told_apart(fits)
    if len(fits) > 1:
        names = " and ".join(_entry(m.weight) for m in fits)
        which = f"{option_names.called('embedding', 'KEY')} to say which, or {option_names.called('embedding', False)}"
        raise UserError(f"expected one embedding, or {which}. Received: {names}")
    only = fits[0] if fits else None
    elsewhere = headless or heads or any(m is not only and m.inputs == widths[1] for m in near.values())
    if only and only.inputs == widths[1] and not elsewhere and not _called_embedding(only):
        as_head = f"{option_names.called('head', 'KEY')} and {option_names.called('embedding', False)}"
        either = f"could be an embedding and a head: say {option_names.called('embedding', 'KEY')}, or {as_head}"
        raise UserError(f"{only.weight.key}: {either}. Received: shape {only.weight.shape}, no bias")
    return only


def _told_apart(fits: list[Matrix]) -> list[Matrix]:
    """Those called an embedding where there are such; of tied ones the first."""
    fits = [m for m in fits if _called_embedding(m)] or fits
    if len(fits) > 1 and all(_tied(fits[0], other) for other in fits[1:]):
        return fits[:1]
    return fits


def _called_embedding(matrix: Matrix) -> bool:
    return "emb" in matrix.name.lower()


def _tied(one: Matrix, other: Matrix) -> bool:
    return one.weight.shape == other.weight.shape and bool(np.array_equal(one.weight.array(), other.weight.array()))


# --- above ---


def _heads(near: Mapping[str, Matrix], below: Matrix | None, width: int) -> list[Matrix]:
    """The one head, or heads that follow each other in a torch.nn.Sequential with nothing between."""
    free = [m for m in near.values() if m is not below and not (m.bias is None and _called_embedding(m))]
    first = [m for m in free if m.inputs == width]
    if not first:
        return []
    above = _reached(first, free)
    chain = _in_sequence(above)
    if chain and chain[0].inputs == width:
        return chain
    if len(above) > 1:
        names = " and ".join(_entry(m.weight) for m in above)
        why = "several could be the head, and what lies between them, such as an activation, is not in a state_dict"
        raise UserError(
            f"{why}: expected {option_names.called('head')} to say which (several: one on top of another with nothing"
            f" between), or {option_names.called('head', False)}. Received: {names}"
        )
    return first


def _reached(first: list[Matrix], free: list[Matrix]) -> list[Matrix]:
    """All that can stand on top of the stack, directly or on one another."""
    found = list(first)
    for one in found:  # grows while it is walked
        found += [m for m in free if m not in found and m.inputs == one.outputs]
    return found


def _in_sequence(matrices: list[Matrix]) -> list[Matrix]:
    """These in the order of their numbers, where all are modules n, n + 1, … of one Sequential; else nothing."""
    numbered = [
        (match[1], int(match[2]), m) for m in matrices if (match := re.fullmatch(r"((?:.*\.)?)(\d{1,6})", m.name, re.S))
    ]
    if len(numbered) < 2 or len(numbered) < len(matrices) or len({parent for parent, _, _ in numbered}) > 1:
        return []
    numbered.sort(key=lambda entry: entry[1])
    chain = [m for _, _, m in numbered]
    adjacent = all(after[1] - before[1] == 1 for before, after in pairwise(numbered))
    return chain if adjacent and all(b.inputs == a.outputs for a, b in pairwise(chain)) else []


def _check_chain(below: Matrix | None, heads: Sequence[Matrix], widths: tuple[int, int]) -> None:
    """Raise UserError for parts that were named and do not fit."""
    if below and below.inputs != widths[0]:
        raise UserError(f"{below.weight.key}: expected an embedding (tokens, {widths[0]}). Received: {below.weight.shape}")
    width, before = widths[1], "the stack"
    for one in heads:
        if one.inputs != width:
            expected = f"a head (O, {width}) for the {counted(width, 'feature')} that {before} gives"
            raise UserError(f"{one.weight.key}: expected {expected}. Received: {one.weight.shape}")
        width, before = one.outputs, one.name


def _entry(tensor: Tensor) -> str:
    return f"{tensor.key} {tensor.shape}"


def left_out(tensors: Sequence[Tensor]) -> str:
    """Entries in words, for a note."""
    return several([_entry(tensor) for tensor in tensors], 4)
