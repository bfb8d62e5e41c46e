"""The modules of a file of weights in the order that the file proves or the user states, with activations between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gru_tf.foundation.errors import UserError, counted, did_you_mean, several
from gru_tf.interchange import chain, option_names
from gru_tf.interchange.chain import Item
from gru_tf.interchange.named_weights import placing
from gru_tf.interchange.named_weights.modules import NORMS, Module
from gru_tf.interchange.parts import Activation


@dataclass(frozen=True, eq=False)
class PlacedItem:
    """What stands at one place.

    Args:
        module: of the file, None for an item that is none.
        activation: that the user stated; None for a module, and for an item that computes nothing outside training.
    """

    module: Module | None = None
    activation: Activation | None = None


def by_order(given: str | Sequence[str], modules: Sequence[Module], where: str) -> list[PlacedItem]:
    """The network in the user's order.

    Raises:
        UserError: for a module that is missing or twice, and for a name that is none.
    """
    placed = [_placed(item, modules, "order") for item in chain.parse(given, "order")]
    used = [each.module.name for each in placed if each.module is not None]
    missing = [module.name for module in modules if module.name not in used]
    twice = sorted({name for name in used if used.count(name) > 1})
    if missing or twice:
        received = f"without {several(missing)}" if missing else f"{several(twice)} more than once"
        leave = f", or {option_names.called('leave_out', missing[0])}" if missing else ""
        raise UserError(
            f"{where}: {option_names.where('order')}: expected every module once, such as"
            f" {option_names.called('order', placing.suggested(modules))}{leave}. Received: an order {received}"
        )
    return placed


def by_between(
    given: str | Sequence[str], order: Sequence[Module], modules: Sequence[Module], where: str
) -> list[PlacedItem]:
    """An order with what the user states in its gaps.

    Args:
        given: the items of the k-th gap at place k.
        order: of the modules, with the normalizations whose place is known.
        modules: all.
        where: the file, for messages.

    Raises:
        UserError: for more values than there are gaps, and where a normalization of a gap is not named in its items.
    """
    values = [given] if isinstance(given, str) else list(given)
    before, gaps = _gaps(order)
    if len(values) > len(gaps):
        names = several([module.name for module, _ in gaps])
        raise UserError(
            f"{where}: {option_names.where('between')}: expected at most {counted(len(gaps), 'value')}, one for the gap"
            f" behind each of {names}. Received: {len(values)}"
        )
    placed = [PlacedItem(module) for module in before]
    for n, (module, norms) in enumerate(gaps):
        placed.append(PlacedItem(module))
        if n >= len(values):
            placed += [PlacedItem(norm) for norm in norms]
            continue
        items = [_placed(item, modules, "between") for item in chain.parse(values[n], "between")]
        named = {item.module.name for item in items if item.module is not None}
        known = {each.name for each in order}
        if named & known != {norm.name for norm in norms}:
            own = ",".join(norm.name for norm in norms) or "activations alone"
            expected = f"{own} among the items behind {module.name}, as in the file"
            raise UserError(f"{where}: {option_names.where('between')}: expected {expected}. Received: '{values[n]}'")
        placed += items
    _check_once(placed, where)
    return placed


def names_in(between: str | Sequence[str]) -> set[str]:
    """All names that the user states in gaps."""
    return {item.name for item in chain.parse(between, "between")}


def _check_once(placed: Sequence[PlacedItem], where: str) -> None:
    names = [each.module.name for each in placed if each.module is not None]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(
            f"{where}: {option_names.where('between')}: expected each module once. Received: {several(twice)} twice"
        )


def _gaps(order: Sequence[Module]) -> tuple[list[Module], list[tuple[Module, list[Module]]]]:
    """Modules before the first recurrent one; and it and each later one with the normalizations that follow."""
    first = next(n for n, module in enumerate(order) if module.kind == "recurrent")
    gaps: list[tuple[Module, list[Module]]] = []
    for module in order[first:]:
        if module.kind in NORMS:
            gaps[-1][1].append(module)
        else:
            gaps.append((module, []))
    return list(order[:first]), gaps


def _placed(item: Item, modules: Sequence[Module], option: str) -> PlacedItem:
    names = {name: module for module in modules for name in (module.layer.alias, module.name) if name}
    module = names.get(item.name)
    if module is None:
        activation = chain.activation(item, [each.name for each in modules], option)
        if activation is not None and activation.slope is not None and item.number is None:
            expected = f"a slope, such as {item.name}:0.3 of Keras' layer or {item.name}:0.2 of its function"
            raise UserError(f"{option_names.where(option)}: expected {expected}. Received: '{item.name}'")
        return PlacedItem(None, activation)
    if item.kind not in ("", module.kind) or (item.number is not None and module.kind not in NORMS):
        near = did_you_mean(item.kind, [module.kind]) if item.kind else ""
        expected = f"{module.name} alone, or {module.name}={module.kind}"
        received = f"{item.name}={item.kind}" if item.kind else f"{item.name}:{item.number:g}"
        raise UserError(f"{option_names.where(option)}: expected {expected}.{near} Received: '{received}'")
    return PlacedItem(module if item.number is None else module.with_epsilon(item.number))


def stated_behind(placed: Sequence[PlacedItem]) -> dict[str, int]:
    """Module → how many items that are no modules follow it, before the next."""
    behind: dict[str, int] = {}
    last = ""
    for each in placed:
        if each.module is not None:
            last = each.module.name
        else:
            behind[last] = behind.get(last, 0) + 1
    return behind


def modules_of(placed: Sequence[PlacedItem]) -> Iterator[Module]:
    """The modules alone."""
    yield from (each.module for each in placed if each.module is not None)
