"""The layers around the cells in a TensorFlow 1 checkpoint: the embedding below them, the linear layers on top."""

from collections.abc import Sequence
from dataclasses import dataclass

from gru_tf.foundation.errors import UserError, counted, did_you_mean, several
from gru_tf.interchange import before_stack, option_names
from gru_tf.interchange.tensorflow.tf1_file import Shapes

BIASES = {"kernel": "bias", "weights": "biases", "W": "b", "w": "b"}  # last part of a head's names, or its end after "_"
Names = tuple[str, str | None]  # of a kernel and its bias


@dataclass(frozen=True)
class Tf1AroundStack:
    """Names of the variables around the cells.

    Args:
        table: of the embedding; "" for none.
        linear: of kernel and bias of each linear layer on top, in their order.
        left: of weights that are neither.
    """

    table: str
    linear: Sequence[Names]
    left: Sequence[str]


def find(
    weights: Shapes,
    embedding: str | bool | None,
    head: str | Sequence[str] | bool | None,
    leave_out: Sequence[str],
    widths: tuple[int, int],
    where: str,
) -> Tf1AroundStack:
    """Find the layers around the cells among the other weights.

    Args:
        weights: their shapes.
        embedding: as `gru_tf.interchange.tensorflow.tf1.read` takes it.
        head: the same.
        leave_out: the same.
        widths: of the cells' input and of their output.
        where: the file, for messages.

    Raises:
        UserError: where a named variable does not exist, several fit, or one could come before the cells.
    """
    features, width = widths
    left_out = before_stack.keys_left_out(leave_out, list(weights), between="/")
    weights = {name: shape for name, shape in weights.items() if name not in left_out}
    table = _table(weights, _key(embedding), features, where)
    left = {name: shape for name, shape in weights.items() if name != table}
    kernels = _listed(head)
    linear = _following(left, width, where) if kernels is None else _named(left, kernels, where)
    taken = {name for names in linear for name in names}
    unread = [name for name in left if name not in taken]
    for name in unread:
        known = (kernels is not None and left[name][:1] == (width,)) or (embedding is not None and _called_embedding(name))
        if len(left[name]) > 1 and left[name][-1] == features and not known:
            raise UserError(f"{where}: {before_stack.doubt(name, name, features)}. Received: shape {left[name]}")
    return Tf1AroundStack(table, linear, [*unread, *sorted(left_out)])


def _key(embedding: str | bool | None) -> str | None:
    """A name, "" for no embedding, None for the one that fits."""
    return "" if embedding is False else None if embedding is True else embedding


def _listed(head: str | Sequence[str] | bool | None) -> Sequence[str] | None:
    """Names, none for False; None for those that fit."""
    if head is None or head is True:
        return None
    return () if head is False else [head] if isinstance(head, str) else head


def _table(left: Shapes, name: str | None, width: int, where: str) -> str:
    """The name of the embedding, "" where there is none."""
    if name is not None:
        if name and name not in left:
            expected = f"a variable for {option_names.called('embedding')}.{did_you_mean(name, left)}"
            raise UserError(f"{where}: {name}: expected {expected} Received: none")
        return name
    fits = [name for name, shape in left.items() if _called_embedding(name) and len(shape) == 2 and shape[1] == width]
    if len(fits) > 1:
        expected = f"one embedding of width {width}, or {option_names.called('embedding')}"
        raise UserError(f"{where}: expected {expected}. Received: {several(sorted(fits))}")
    return fits[0] if fits else ""


def _called_embedding(name: str) -> bool:
    return "embed" in name.lower()


def _named(left: Shapes, head: Sequence[str], where: str) -> list[Names]:
    """The linear layers whose kernels are named."""
    for name in head:
        if len(left.get(name, ())) != 2:
            expected = f"a matrix for {option_names.called('head')}.{did_you_mean(name, left)}"
            raise UserError(f"{where}: {name}: expected {expected} Received: {left.get(name, 'no such variable')}")
    return [(name, _bias(name, left)) for name in head]


def _following(left: Shapes, width: int, where: str) -> list[Names]:
    """The linear layers whose shapes follow one another, from `width` features on."""
    matrices = {name: shape for name, shape in left.items() if len(shape) == 2 and not _called_embedding(name)}
    biases: dict[str, str | None] = {}  # by kernel
    while fits := sorted(name for name, shape in matrices.items() if shape[0] == width and name not in biases):
        if len(fits) > 1:
            expected = f"one kernel that takes {counted(width, 'feature')}, or {option_names.called('head')}"
            raise UserError(f"{where}: expected {expected}. Received: {several(fits)}")
        biases[fits[0]] = _bias(fits[0], left)
        width = left[fits[0]][1]
    return list(biases.items())


def _bias(kernel: str, left: Shapes) -> str | None:
    """The bias of a kernel: the vector of the matching name, or the only one of its width in its scope."""
    width = left[kernel][1]
    vectors = [name for name, shape in left.items() if shape == (width,)]
    for one, other in BIASES.items():
        called = kernel[: -len(one)] + other
        if kernel.endswith(one) and called in vectors:
            return called
    scope = kernel.rpartition("/")[0]
    near = [name for name in vectors if name.rpartition("/")[0] == scope]
    return near[0] if len(near) == 1 else None
