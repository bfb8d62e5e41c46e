"""Layers before a recurrent stack, which a `Network` cannot have: a matrix that could be one is not ignored silently.

A state_dict does not say in which order its layers are called. A matrix with as many outputs as the stack has inputs may be
a linear layer before it, and the stack without it computes something else.
"""

import re
from collections.abc import Iterable, Sequence

from gru_tf.foundation.errors import UserError, counted, did_you_mean, several
from gru_tf.interchange import option_names
from gru_tf.interchange.tensor import Tensor

ON_TOP = (
    "head",
    "out",
    "dec",
    "logit",
    "class",
    "pred",
    "final",
    "readout",
    "regress",
    "score",
)  # parts of names of layers that do not come before the stack

IN_FRONT = re.compile(r"(?:^|[._\d])(?:in|inp|input|pre|proj|projection|front|encoder|w_?in)(?:$|[._\d])", re.IGNORECASE)


def keys_left_out(names: Sequence[str], keys: Sequence[str], between: str = ".") -> set[str]:
    """The keys of the entries and modules to leave out.

    Args:
        names: of entries, or of modules, which stand for all entries in them.
        keys: of the entries that are not in the stack.
        between: separator of a module's name and the names in it.

    Raises:
        UserError: for a name that matches no key, with the nearest.
    """
    matches: set[str] = set()
    for name in [names] if isinstance(names, str) else names:
        own = {key for key in keys if key == name or key.startswith(f"{name.removesuffix(between)}{between}")}
        own = own or {key for key in keys if name == between and between not in key}  # what is in no module
        if not own:
            near = did_you_mean(name, [*keys, *(key.rpartition(between)[0] for key in keys)])
            expected = f"one of {several(keys)}" if keys else "none, as there is nothing outside of the stack"
            raise UserError(f"{option_names.where('leave_out')}: expected {expected}.{near} Received: '{name}'")
        matches |= own
    return matches


def check_left(left: Iterable[Tensor], widths: tuple[int, int], head_named: bool) -> None:
    """Refuse entries that are not read and could come before the stack.

    Args:
        left: entries that are not read.
        widths: of the stack's input and output.
        head_named: whether the user has named the head; another entry that fits on top is then accepted.
    """
    for tensor in left:
        on_top = head_named and tensor.shape[1:] == widths[1:]
        if len(tensor.shape) == 2 and tensor.shape[0] == widths[0] and not on_top:
            raise UserError(f"{_doubt(tensor, widths[0])}. Received: shape {tensor.shape}")


def check_head(heads: Sequence[Tensor], places: Sequence[tuple[int | None, int]], follows: bool) -> str:
    """Whether heads that were found by their shapes alone could come before a stack as well.

    Args:
        heads: their matrices, in order.
        places: before each stack, the features that are given there, None for any, and those that it takes.
        follows: whether they were defined behind all stacks, by the file's order.

    Returns:
        A phrase on what was concluded from the file's order; "" where names or shapes tell.

    Raises:
        UserError: where nothing tells.
    """
    head, takes, gives = heads[-1], heads[0].shape[1], heads[-1].shape[0]
    name = _module(head)
    fits = [wanted for given, wanted in places if wanted == gives and given in (None, takes)]
    if not fits or any(word in name.lower() for word in ON_TOP):
        return ""
    if follows and not IN_FRONT.search(name):
        return f"that {name} stands behind the stack, as in the file's order, though its shape fits in front"
    as_head = option_names.called("head", name)
    raise UserError(f"{_doubt(head, fits[0])}, or {as_head} if it is on top. Received: shape {head.shape}")


def check_embedding(table: Tensor) -> None:
    """Refuse an embedding that was found only by its shape and could be a linear layer as well, being square."""
    if table.shape[0] == table.shape[1]:
        as_embedding = option_names.called("embedding", _module(table))
        raise UserError(f"{_doubt(table, table.shape[0])}, or {as_embedding} if it is one. Received: shape {table.shape}")


def _doubt(tensor: Tensor, features: int) -> str:
    return doubt(tensor.key, _module(tensor), features)


def doubt(key: str, module: str, features: int) -> str:
    """The message on an entry that could come before a stack with so many features, and how to leave it out."""
    why = f"could be a layer in front of the stack, which takes {counted(features, 'feature')}"
    place = f"its place in {option_names.called('order')}"
    return f"{key}: {why}: expected {option_names.called('leave_out', module)} for the stack without it, {place}"


def _module(tensor: Tensor) -> str:
    return tensor.key.rpartition(".")[0] or tensor.key
