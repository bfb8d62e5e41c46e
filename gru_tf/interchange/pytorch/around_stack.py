"""What surrounds a recurrent stack in a PyTorch state_dict: an embedding below, linear heads above.

A state_dict holds arrays and names, no program. What follows from shapes and names is taken. If several entries could be
meant, the error names them and the option that chooses, for a guess might be a different network.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gru_tf.foundation.errors import UserError, counted, several
from gru_tf.interchange import before_stack, option_names
from gru_tf.interchange.pytorch import embedding as embeddings
from gru_tf.interchange.pytorch import heads, matrices
from gru_tf.interchange.pytorch.initial_states import OF_MODULES
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
        concluded: phrase on what only the order of the entries says; "" for nothing.
    """

    embedding: Matrix | None
    heads: tuple[Matrix, ...]
    declined: tuple[Matrix, ...] = ()
    concluded: str = ""


def find(
    entries: Mapping[str, Tensor],
    chosen: Sequence[TorchStack],
    others: Sequence[TorchStack],
    widths: tuple[int, int],
    *,
    embedding: str | bool | None = None,
    head: str | Sequence[str] | bool | None = None,
    registered: bool = True,
) -> AroundStack:
    """The embedding below a stack and the heads above it.

    Args:
        entries: of the state_dict, without those that are left out.
        chosen: the stack, or several one after the other.
        others: stacks that are left out; entries as near to one of these may belong to it.
        widths: of the stack's input, and of its output.
        embedding: a key or module, False for none, None to find it.
        head: likewise; several keys for heads one after the other.
        registered: whether entries come in the order in which the program defined them.

    Raises:
        UserError: for a key that does not exist or does not fit, if more than one entry could be meant, and for one that
            could be a layer in front of the stack.
    """
    candidates = matrices.find(entries)
    near = {
        name: matrix
        for name, matrix in candidates.items()
        if is_nearest(name, chosen, others) and not matrix.called_norm and not any(stack.holds(name) for stack in chosen)
    }
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
    concluded = ""
    if head is None and above:
        concluded = _check_heads(entries, chosen, above, registered)
    if below and embedding is None and not below.called_embedding:
        before_stack.check_embedding(below.weight)
    return AroundStack(below, tuple(above), tuple(declined), concluded)


def _check_heads(
    entries: Mapping[str, Tensor], chosen: Sequence[TorchStack], above: Sequence[Matrix], registered: bool
) -> str:
    """Refuse heads that could stand before or between the stacks; see `before_stack.check_head`."""
    places: list[tuple[int | None, int]] = []
    below: int | None = None
    for stack in chosen:
        places.append((below, stack.parts[0, False]["weight_ih"].shape[1]))
        below = stack.parts[0, False]["weight_hh"].shape[1] * stack.directions
    order = {id(tensor): n for n, tensor in enumerate(entries.values())}
    last = max(order[id(tensor)] for stack in chosen for tensor in stack.tensors())
    follows = registered and all(order[id(matrix.weight)] > last for matrix in above)
    return before_stack.check_head([matrix.weight for matrix in above], places, follows)


def _declined(
    near: Mapping[str, Matrix], around: Sequence[Matrix], widths: tuple[int, int], no_embedding: bool, no_head: bool
) -> list[Matrix]:
    """The matrices that could be an embedding or a head, where there is to be none, and nothing else."""
    free = [m for m in near.values() if m not in around and m.outputs != widths[0]]
    tables = [m for m in free if no_embedding and m.bias is None and m.inputs == widths[0]]
    first = [m for m in free if no_head and m.inputs == widths[1]]
    return [*tables, *(m for m in heads.reachable(first, free) if m not in tables)]


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
    states = [key for key in left if key.rpartition(".")[2] not in OF_MODULES]
    initial = f", or {option_names.called('initial_state')} for learned initial states" if states else ""
    place = f"its place in {option_names.called('order')}"
    expected = f"{several(options, 4)} for the network without it, or {place}{initial}"
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
