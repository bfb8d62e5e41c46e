"""What surrounds a recurrent stack in a PyTorch state_dict: an embedding below, linear heads above.

A state_dict holds arrays and names, no program. What follows from shapes and names is taken. If several entries could be
meant, the error names them and the option that chooses, for a guess might be a different network.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gru_tf.foundation.errors import UserError, counted, several
from gru_tf.interchange import before_stack, option_names
from gru_tf.interchange.chain import Item
from gru_tf.interchange.pytorch import embedding as embeddings
from gru_tf.interchange.pytorch import heads, matrices
from gru_tf.interchange.pytorch.arrangement import Element
from gru_tf.interchange.pytorch.matrices import Matrix, is_nearest
from gru_tf.interchange.pytorch.stacks import TorchStack, parametrizations
from gru_tf.interchange.tensor import Tensor


@dataclass(frozen=True, eq=False)
class AroundStack:
    """The embedding and the heads of a stack.

    Args:
        embedding: or None.
        heads: one after the other.
        declined: what the user ruled out by `embedding=False` or `head=False`.
    """

    embedding: Matrix | None
    heads: tuple[Matrix, ...]
    declined: tuple[Matrix, ...] = ()


def find(
    entries: Mapping[str, Tensor],
    chosen: Sequence[TorchStack],
    others: Sequence[TorchStack],
    widths: tuple[int, int],
    *,
    embedding: str | bool | None = None,
    head: str | Sequence[str] | bool | None = None,
) -> AroundStack:
    """The embedding below a stack and the heads above it.

    Args:
        entries: of the state_dict, without those that are left out.
        chosen: the stack, or several one after the other.
        others: stacks that are not meant; entries as near to one of these may belong to it.
        widths: of the stack's input, and of its output.
        embedding: a key or module, False for none, None to find it.
        head: likewise; several keys for heads one after the other, with nothing between.

    Raises:
        UserError: for a key that does not exist or does not fit, if more than one entry could be meant, and for one that
            could be a layer in front of the stack.
    """
    candidates = matrices.find(entries)
    near = {name: matrix for name, matrix in candidates.items() if is_nearest(name, chosen, others)}
    if head is None:
        own = [name for name in parametrizations.modules(entries) if is_nearest(name.removesuffix("."), chosen, others)]
        parametrizations.check(entries, own, recurrent=False)
    keys = [] if isinstance(head, bool) or head is None else [head] if isinstance(head, str) else list(head)
    above = [matrices.named(key, candidates, "head") for key in keys]
    if isinstance(embedding, str):
        below = matrices.named(embedding, candidates, "embedding")
    elif embedding is False:
        below = None
    else:
        below = embeddings.find(near, widths, {m.name for m in above}, head is False)
    if head is None:
        above = heads.find(near, below, widths[1])
    _check_widths(below, above, widths)
    around = (*above, *([below] if below else []))
    declined = _declined(near, around, widths, embedding is False, head is False)
    read = {id(tensor) for stack in (*chosen, *others) for tensor in stack.tensors()}
    read |= {id(tensor) for matrix in (*around, *declined) for tensor in matrix.tensors()}
    before_stack.check_left((t for t in entries.values() if id(t) not in read), widths, head is not None)
    if head is None and len(above) == 1:
        keys = [tensor.key for tensor in entries.values()]
        before_stack.check_head(above[0].weight, next(iter(chosen[0].tensors())), widths[0], keys)
    if below and embedding is None and not below.called_embedding:
        before_stack.check_embedding(below.weight)
    return AroundStack(below, tuple(above), tuple(declined))


def _declined(
    near: Mapping[str, Matrix], around: Sequence[Matrix], widths: tuple[int, int], no_embedding: bool, no_head: bool
) -> list[Matrix]:
    """The matrices that could be an embedding or a head, where there is to be none, and nothing else."""
    free = [m for m in near.values() if m not in around and m.outputs != widths[0]]
    tables = [m for m in free if no_embedding and m.bias is None and m.inputs == widths[0]]
    first = [m for m in free if no_head and m.inputs == widths[1]]
    return [*tables, *(m for m in heads.reachable(first, free) if m not in tables)]


def embedding_in_order(
    items: Sequence[Item], elements: Sequence[Element], embedding: str | bool | None
) -> tuple[Matrix | None, list[Element]]:
    """The embedding that an order begins with, and all behind it.

    Raises:
        UserError: where the first module could be an embedding or a linear layer, and nothing says which.
    """
    first = elements[0] if elements else None
    if not isinstance(first, Matrix):
        return None, list(elements)
    kind = next(item.kind for item in items if item.name == first.name)
    named = isinstance(embedding, str) and embedding.removesuffix(".weight") == first.name
    if kind == "embedding" or named or (not kind and embedding is not False and first.called_embedding):
        return first, list(elements[1:])
    if not kind and embedding is None and first.bias is None:
        either = " or ".join(f"'{first.name}={each}'" for each in ("embedding", "linear"))
        raise UserError(f"{option_names.where('order')}: expected {either}. Received: '{first.name}', a matrix without bias")
    return None, list(elements)


def check_all_read(left: Mapping[str, Tensor], read: Collection[str]) -> None:
    """Refuse entries that are neither read nor left out: whatever they do, the network without them is another one.

    Args:
        left: the entries, by key.
        read: keys of those that were read.

    Raises:
        UserError: naming them, and the options that leave them out.
    """
    if not left:
        return
    modules = list(dict.fromkeys(_outermost(key, read) for key in left))
    options = [option_names.called("leave_out", module) for module in modules]
    expected = f"{several(options, 4)} for the network without it, or its place in {option_names.called('order')}"
    entries = several(matrices.list_entries(left.values()), 4)
    raise UserError(f"{next(iter(left))}: expected {expected}. Received: {entries}, neither read nor left out")


def _outermost(key: str, read: Collection[str]) -> str:
    """The outermost module of an entry in which nothing was read; the entry itself where there is none."""
    parts = key.split(".")
    names = (".".join(parts[: n + 1]) for n in range(len(parts) - 1))
    return next((name for name in names if not any(each.startswith(f"{name}.") for each in read)), key)


def _check_widths(below: Matrix | None, above: Sequence[Matrix], widths: tuple[int, int]) -> None:
    """Raise UserError for parts that the user named and that do not fit."""
    if below and below.inputs != widths[0]:
        raise UserError(f"{below.weight.key}: expected an embedding (tokens, {widths[0]}). Received: {below.weight.shape}")
    width, before = widths[1], "the stack"
    for head in above:
        if head.inputs != width:
            expected = f"a head (O, {width}) for the {counted(width, 'feature')} that {before} gives"
            raise UserError(f"{head.weight.key}: expected {expected}. Received: {head.weight.shape}")
        width, before = head.outputs, head.name
