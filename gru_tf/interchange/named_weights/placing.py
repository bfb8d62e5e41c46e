"""The order of modules that a file does not state: all orders in which each takes what the one before it gives."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from gru_tf.foundation.errors import UserError
from gru_tf.interchange.named_weights.modules import Module

MOST, MOST_MODULES = 20_000, 200  # steps of the search: many modules of one width have too many orders


@dataclass
class _Search:
    concat: bool
    steps: int = 0


def orders(modules: Sequence[Module], most: int = 2, *, concat: bool = False) -> list[tuple[Module, ...]]:
    """Orders in which the widths fit, the embedding first and those of a class by their numbers.

    Args:
        modules: in any order.
        most: how many to look for.
        concat: whether each Bidirectional has merge_mode concat; if not, orders that fit with any other count, too.

    Raises:
        UserError: where there are too many to try.
    """
    fitting: list[tuple[Module, ...]] = []
    if len(modules) > MOST_MODULES:
        raise UserError("too many orders fit")
    for order in _from((), tuple(modules), _Search(concat)):
        if order not in fitting:
            fitting.append(order)
        if len(fitting) == most:
            break
    return fitting


def _from(placed: tuple[Module, ...], left: tuple[Module, ...], search: _Search) -> Iterator[tuple[Module, ...]]:
    search.steps += 1
    if search.steps > MOST:
        raise UserError("too many orders fit")
    if not left:
        yield placed
        return
    embedded = any(module.kind == "embedding" for module in left)
    before = placed[-1] if placed else None
    widths = () if before is None else (before.gives,) if search.concat else (before.gives, before.merged)
    for module in left:
        if (
            (module.kind == "embedding") != embedded
            or (before is not None and module.takes not in widths)
            or _too_early(module, left)
        ):
            continue
        yield from _from((*placed, module), tuple(each for each in left if each is not module), search)


def _too_early(module: Module, left: Sequence[Module]) -> bool:
    """Whether one of the same class comes before it."""
    rank = module.layer.rank
    if rank is None:
        return False
    ranks = (each.layer.rank for each in left)
    return any(other is not None and other[0] == rank[0] and other[1] < rank[1] for other in ranks)


def fits(order: Sequence[Module]) -> bool:
    """Whether each module takes what the one before it gives."""
    return all(later.takes == earlier.gives for earlier, later in pairwise(order))


def suggested(modules: Sequence[Module], stacked: bool = False) -> str:
    """An order as a user states it: the file's if it fits or is the model's, else one that fits if there is any.

    Args:
        modules: in the file's order.
        stacked: whether the file has the model's order.
    """
    fitting: list[tuple[Module, ...]] = []
    if not stacked and not fits(modules):
        with suppress(UserError):  # any will do
            fitting = orders(modules, 1, concat=True)
    return ",".join(module.name for module in (fitting[0] if fitting else modules))
