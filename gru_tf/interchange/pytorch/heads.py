"""The linear layers above a recurrent stack in a PyTorch state_dict."""

import re
from collections.abc import Mapping
from itertools import pairwise

from gru_tf.foundation.errors import UserError
from gru_tf.interchange import option_names
from gru_tf.interchange.pytorch import matrices
from gru_tf.interchange.pytorch.matrices import Matrix


def find(near: Mapping[str, Matrix], embedding: Matrix | None, width: int) -> list[Matrix]:
    """The one head, or heads that follow each other in a torch.nn.Sequential with nothing between; none if none fits.

    Args:
        near: matrices that belong to the stack, by module.
        embedding: which of them is the embedding.
        width: of the stack's output.

    Raises:
        UserError: if several could be the head.
    """
    free = [m for m in near.values() if m is not embedding and not (m.bias is None and m.called_embedding)]
    first = [m for m in free if m.inputs == width]
    if not first:
        return []
    candidates = reachable(first, free)
    sequence = _in_sequence(candidates)
    if sequence and sequence[0].inputs == width:
        return sequence
    if len(candidates) > 1:
        received = " and ".join(matrices.list_entries(m.weight for m in candidates))
        why = "several could be the head, and operations between them, such as activations, are not in a state_dict"
        each = f"{option_names.called('head')} for one, or for each from the lowest on with {option_names.called('between')}"
        others = f"{option_names.called('order')} for all, or {option_names.called('head', False)}"
        raise UserError(f"{why}: expected {each}, {others}. Received: {received}")
    return first


def reachable(first: list[Matrix], free: list[Matrix]) -> list[Matrix]:
    """All that can be on top of the stack, directly or on one another."""
    reachable = list(first)
    for one in reachable:  # grows while it is walked
        reachable += [m for m in free if m not in reachable and m.inputs == one.outputs]
    return reachable


def _in_sequence(candidates: list[Matrix]) -> list[Matrix]:
    """These in order, if all are modules n, n + 1, … of one Sequential and fit together; else nothing."""
    numbered = [
        (match[1], int(match[2]), m)
        for m in candidates
        if (match := re.fullmatch(r"((?:.*\.)?)(\d{1,6})", m.name, re.DOTALL))
    ]
    if len(numbered) < 2 or len(numbered) < len(candidates) or len({parent for parent, _, _ in numbered}) > 1:
        return []
    numbered.sort(key=lambda entry: entry[1])
    sequence = [m for _, _, m in numbered]
    adjacent = all(after[1] - before[1] == 1 for before, after in pairwise(numbered))
    return sequence if adjacent and all(above.inputs == below.outputs for below, above in pairwise(sequence)) else []
