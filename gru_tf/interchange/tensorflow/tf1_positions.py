"""Which linear layers are before the cells and which are on top, where only names and shapes can tell.

A checkpoint does not state in which order its layers are called. All orders that fit the shapes are listed; names that are
unequivocal, such as `w_in` or `logits`, exclude some of them; and exactly one must be left.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Matrices = Mapping[str, tuple[int, ...]]  # name → (I, O)

BEFORE = {"in", "inp", "input", "inputs", "pre", "prenet"}
ON_TOP = {
    *("out", "output", "outputs", "logit", "logits", "softmax", "head", "final", "target", "score", "scores"),
    *("pred", "predict", "prediction", "predictions", "class", "classes", "classifier", "classification", "cls"),
}
MOST_CHAINS = 2000  # of matrices of one size there are too many orders to list, and no name could tell them apart


class TooManyError(ValueError):
    """There are more orders than can be listed."""


@dataclass(frozen=True)
class Positions:
    """Kernels of linear layers in the order of their calls.

    Args:
        before: between input, or embedding, and the first cell.
        on_top: after the last cell.
    """

    before: tuple[str, ...] = ()
    on_top: tuple[str, ...] = ()


def role(name: str) -> str:
    """Return "before" or "on top" where a variable's name says so unequivocally; "" where it does not."""
    words = {word for word in re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()) if word}
    if bool(words & BEFORE) == bool(words & ON_TOP):
        return ""
    return "before" if words & BEFORE else "on top"


def possible(
    matrices: Matrices,
    features: int,
    width: int,
    start: int | None = None,
    on_top: tuple[str, ...] | None = None,
    before: tuple[str, ...] | None = None,
) -> list[Positions]:
    """All positions that fit shapes and names and to which no further kernel can be added.

    Args:
        matrices: their shapes.
        features: that the first cell reads.
        width: of the last layer's output.
        start: width of the embedding; None where the network reads arrays, of any width.
        on_top: those on top where the user has named them; None for all that fit.
        before: the same for those before the cells.

    Raises:
        TooManyError: where there are too many to list.
    """
    top_chains = [on_top] if on_top is not None else list(_chains(matrices, width))
    chains = [before] if before is not None else list(_chains_to(matrices, features, start))
    if len(top_chains) * len(chains) > MOST_CHAINS**2 // 4:
        raise TooManyError
    fits = [Positions(one, other) for one in chains for other in top_chains if not set(one) & set(other)]
    fits = [each for each in fits if _fits_names(each, on_top is None, before is None)]
    used = {frozenset((*each.before, *each.on_top)) for each in fits}
    most = {one for one in used if not any(one < other for other in used)}
    return [each for each in fits if frozenset((*each.before, *each.on_top)) in most]


def _fits_names(positions: Positions, found_on_top: bool, found_before: bool) -> bool:
    """Whether no name says otherwise; those that the user has named are where the user says."""
    wrong_before = found_before and any(role(name) == "on top" for name in positions.before)
    return not wrong_before and not (found_on_top and any(role(name) == "before" for name in positions.on_top))


def _chains(matrices: Matrices, width: int) -> Iterator[tuple[str, ...]]:
    """Every order of kernels each of which reads what the one before it gives, the first of them `width` features."""
    left: list[tuple[tuple[str, ...], int]] = [((), width)]
    count = 0
    while left:
        chain, reads = left.pop()
        count += 1
        if count > MOST_CHAINS:
            raise TooManyError
        yield chain
        left += [((*chain, name), shape[1]) for name, shape in matrices.items() if shape[0] == reads and name not in chain]


def _chains_to(matrices: Matrices, features: int, start: int | None) -> Iterator[tuple[str, ...]]:
    """Every order of kernels that ends in `features`; it begins with `start` features, or with any."""
    turned = {name: shape[::-1] for name, shape in matrices.items()}
    for chain in _chains(turned, features):
        begins = turned[chain[-1]][1] if chain else features
        if start is None or begins == start:
            yield chain[::-1]
