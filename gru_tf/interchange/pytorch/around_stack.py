"""What surrounds a recurrent stack in a PyTorch state_dict: an embedding below, linear heads above.

A state_dict holds arrays and names, no program. What follows from shapes and names is taken. If several entries could be
meant, the error names them and the option that chooses, for a guess might be a different network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gru_tf.foundation.errors import UserError, counted
from gru_tf.interchange import before_stack
from gru_tf.interchange.pytorch import embedding as embeddings
from gru_tf.interchange.pytorch import heads, matrices
from gru_tf.interchange.pytorch.matrices import Matrix, is_nearest
from gru_tf.interchange.pytorch.stacks import TorchStack, parametrizations
from gru_tf.interchange.tensor import Tensor


@dataclass(frozen=True, eq=False)
class AroundStack:
    """The embedding and the heads of a stack, and the entries that are neither.

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
    chosen: Sequence[TorchStack],
    others: Sequence[TorchStack],
    widths: tuple[int, int],
    *,
    embedding: str | bool | None = None,
    head: str | Sequence[str] | bool | None = None,
    leave_out: Sequence[str] = (),
) -> AroundStack:
    """The embedding below a stack and the heads above it.

    Args:
        entries: of the state_dict.
        chosen: the stack, or several one after the other.
        others: stacks that are not meant; entries nearer to one of these belong to it.
        widths: of the stack's input, and of its output.
        embedding: a key or module, False for none, None to find it.
        head: likewise; several keys for heads one after the other, with nothing between.
        leave_out: keys or modules that are none of these.

    Raises:
        UserError: for a key that does not exist or does not fit, if more than one entry could be meant, and for one that
            could be a layer in front of the stack.
    """
    recurrent = {tensor.key for stack in (*chosen, *others) for tensor in stack.tensors()}
    excluded = before_stack.keys_left_out(leave_out, [key for key in entries if key not in recurrent])
    candidates = {name: matrix for name, matrix in matrices.find(entries).items() if matrix.weight.key not in excluded}
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
    read = recurrent | {tensor.key for matrix in around for tensor in matrix.tensors()}
    left_out = [tensor for tensor in entries.values() if tensor.key not in read and tensor.shape]
    doubtful = [
        tensor
        for tensor in left_out
        if tensor.key not in excluded and is_nearest(tensor.key.rpartition(".")[0], chosen, others)
    ]
    before_stack.check_left(doubtful, widths, head is not None)
    if head is None and len(above) == 1:
        before_stack.check_head(above[0].weight, next(iter(chosen[0].tensors())), widths[0], list(entries))
    if below and embedding is None and not below.called_embedding:
        before_stack.check_embedding(below.weight)
    return AroundStack(below, tuple(above), tuple(left_out))


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
