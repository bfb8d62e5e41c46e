"""Layers in front of a recurrent stack, which no `Network` has: what could be one is not passed over in silence.

A state_dict does not say what stands where. A matrix that gives as many features as the stack takes may be a linear layer
below it, and the stack without it is another function.
"""

from collections.abc import Iterable, Sequence

from gru_tf.foundation.errors import UserError, counted, did_you_mean, several
from gru_tf.interchange import option_names
from gru_tf.interchange.pytorch.stacks import Tensor

ON_TOP = ("head", "out", "dec", "logit", "class", "pred")  # in a name, say that it is no layer in front


def keys_left_out(names: Sequence[str], keys: Sequence[str], between: str = ".") -> set[str]:
    """The keys of entries and modules that are to be left out.

    Args:
        names: of entries, or of modules for all in them.
        keys: of what is beside the stack.
        between: what parts a module's name from what is in it.

    Raises:
        UserError: for a name of none, with the nearest.
    """
    found: set[str] = set()
    for name in [names] if isinstance(names, str) else names:
        own = {key for key in keys if key == name or key.startswith(f"{name.removesuffix(between)}{between}")}
        if not own:
            near = did_you_mean(name, [*keys, *(key.rpartition(between)[0] for key in keys)])
            expected = f"one of {several(keys)}" if keys else "none, as there is nothing beside the stack"
            raise UserError(f"{option_names.where('leave_out')}: expected {expected}.{near} Received: '{name}'")
        found |= own
    return found


def check_left(left: Iterable[Tensor], widths: tuple[int, int], head_named: bool) -> None:
    """Refuse what is not read and could be in front of the stack.

    Args:
        left: entries that are not read.
        widths: of what the stack takes, and of what it gives.
        head_named: whether the user said what the head is; what fits on top is then known to be none.
    """
    for tensor in left:
        on_top = head_named and tensor.shape[1:] == widths[1:]
        if len(tensor.shape) > 1 and tensor.shape[0] == widths[0] and not on_top:
            raise UserError(f"{_doubt(tensor, widths[0])}. Received: shape {tensor.shape}")


def check_head(head: Tensor, stack: Tensor, features: int, keys: Sequence[str]) -> None:
    """Refuse a head that was found by its shape alone, could be in front as well, and lies before the stack in the file.

    Where a file has its keys in the order of their letters, as safetensors has, that they lie there says nothing.
    """
    named = any(word in _module(head).lower() for word in ON_TOP) or list(keys) == sorted(keys)
    if not named and head.shape[0] == features and keys.index(head.key) < keys.index(stack.key):
        as_head = option_names.called("head", _module(head))
        raise UserError(f"{_doubt(head, features)}, or {as_head} if it is on top. Received: shape {head.shape}")


def check_embedding(table: Tensor) -> None:
    """Refuse an embedding that was found by its shape alone and could be a linear layer in front as well: a square one."""
    if table.shape[0] == table.shape[1]:
        as_embedding = option_names.called("embedding", _module(table))
        raise UserError(f"{_doubt(table, table.shape[0])}, or {as_embedding} if it is one. Received: shape {table.shape}")


def _doubt(tensor: Tensor, features: int) -> str:
    return doubt(tensor.key, _module(tensor), features)


def doubt(key: str, module: str, features: int) -> str:
    """What is said of an entry that could be in front of a stack which takes so many features, and how to leave it out."""
    why = f"could be a layer in front of the stack, which takes {counted(features, 'feature')}; none such is read"
    return f"{key}: {why}: expected {option_names.called('leave_out', module)} for the stack without it"


def _module(tensor: Tensor) -> str:
    return tensor.key.rpartition(".")[0] or tensor.key
