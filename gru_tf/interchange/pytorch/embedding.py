"""The embedding below a recurrent stack in a PyTorch state_dict."""

from collections.abc import Mapping

import numpy as np

from gru_tf.foundation.errors import UserError
from gru_tf.interchange import option_names
from gru_tf.interchange.pytorch import matrices
from gru_tf.interchange.pytorch.matrices import Matrix


def find(near: Mapping[str, Matrix], widths: tuple[int, int], heads: set[str], no_head: bool) -> Matrix | None:
    """The one matrix that can only be an embedding; None if there is none.

    Args:
        near: matrices that belong to the stack, by module.
        widths: of the stack's input, and of its output.
        heads: modules that the user named as heads.
        no_head: whether the user ruled out a head.

    Raises:
        UserError: if several could be it, or one could be an embedding or a head.
    """
    candidates = [m for m in near.values() if m.bias is None and m.inputs == widths[0] and m.name not in heads]
    candidates = _most_likely(candidates)
    if len(candidates) > 1:
        received = " and ".join(matrices.list_entries(m.weight for m in candidates))
        which = f"{option_names.called('embedding', 'KEY')} to choose one, or {option_names.called('embedding', False)}"
        raise UserError(f"expected one embedding, or {which}. Received: {received}")
    only = candidates[0] if candidates else None
    if only and only.inputs == widths[1] and not only.called_embedding:
        head_elsewhere = no_head or heads or any(m is not only and m.inputs == widths[1] for m in near.values())
        if not head_elsewhere:
            as_head = f"{option_names.called('head', 'KEY')} and {option_names.called('embedding', False)}"
            either = f"could be an embedding or a head: expected {option_names.called('embedding', 'KEY')}, or {as_head}"
            raise UserError(f"{only.weight.key}: {either}. Received: shape {only.weight.shape}, no bias")
    return only


def _most_likely(candidates: list[Matrix]) -> list[Matrix]:
    """Those called an embedding if there are any; the first of tied ones."""
    candidates = [m for m in candidates if m.called_embedding] or candidates
    if len(candidates) > 1 and all(_tied(candidates[0], other) for other in candidates[1:]):
        return candidates[:1]
    return candidates


def _tied(one: Matrix, other: Matrix) -> bool:
    return one.weight.shape == other.weight.shape and bool(np.array_equal(one.weight.array(), other.weight.array()))
