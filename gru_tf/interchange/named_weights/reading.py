"""A file of weights as a network: its layers, their order, and what the user states of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gru_tf.foundation.errors import UserError, did_you_mean, several
from gru_tf.interchange import chain, option_names
from gru_tf.interchange.named_weights import merge_modes, modules, options, placing, stated, weightless
from gru_tf.interchange.named_weights.contents import FileLayer, WeightsFile
from gru_tf.interchange.named_weights.modules import NORMS, Module
from gru_tf.interchange.named_weights.options import WeightsOptions
from gru_tf.interchange.named_weights.stated import PlacedItem
from gru_tf.interchange.network import Network, Recurrent
from gru_tf.interchange.parts import Activation, Part

TOO_MANY = "more orders than can be tried"


@dataclass(frozen=True, eq=False)
class NamedNetwork:
    """A network of named weights.

    Args:
        network: as arrays.
        placed: what it is made of, in order.
        left_out: layers of the file that are no part of it.
        evidence: what its order is known from.
        file: all layers.
    """

    network: Network
    placed: tuple[PlacedItem, ...]
    left_out: tuple[FileLayer, ...]
    evidence: str
    file: WeightsFile


def read(file: WeightsFile, given: WeightsOptions, where: str) -> NamedNetwork:
    """The network of a file's layers.

    Args:
        file: its layers.
        given: what it does not record.
        where: the file, for messages.

    Raises:
        UserError: for layers that are not read, an order that is not known, and layers without weights that may change the
            function; each with what to state.
    """
    names = [layer.name for layer in file.layers]
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise UserError(f"{where}: expected each layer's name once. Received: {several(twice)} more than once")
    left_out = _left_out(file, given.leave_out, where)
    functions = options.functions(given, file)
    own_modules = [modules.read(layer, functions, where) for layer in file.layers if layer.entries and layer not in left_out]
    _check_kinds(own_modules, where)
    if given.order and given.between:
        both = f"{option_names.called('order')} or {option_names.called('between')}"
        raise UserError(f"{where}: expected {both}. Received: both")
    if given.order:
        placed, evidence = stated.by_order(given.order, own_modules, where), "as stated"
    else:
        order, evidence = _proven(file, own_modules, given.between, where)
        placed = stated.by_between(given.between, order, own_modules, where)
        _check_dense(placed, where)
    merge_modes.check(list(stated.modules_of(placed)), where)
    weightless.check(file, placed, left_out, where)
    if file.keras_2 and any(each.activation == Activation("hard_sigmoid") for each in placed):
        place = option_names.where("order" if given.order else "between")
        expected = "a function that Keras 2 and 3 have alike"
        raise UserError(f"{where}: {place}: expected {expected}. Received: Keras 2's hard_sigmoid, which Keras 3 lacks")
    return NamedNetwork(_network(placed, given, file, where), tuple(placed), tuple(left_out), evidence, file)


def _left_out(file: WeightsFile, names: str | Sequence[str], where: str) -> list[FileLayer]:
    chosen: list[FileLayer] = []
    for name in [names] if isinstance(names, str) else names:
        own = [layer for layer in file.layers if name in (layer.name, layer.alias) or layer.name.startswith(f"{name}/")]
        if not own:
            known = [layer.name for layer in file.layers]
            near = did_you_mean(name, known)
            place = f"{where}: {option_names.where('leave_out')}"
            raise UserError(f"{place}: expected one of {several(known)}.{near} Received: '{name}'")
        chosen += own
    return chosen


def _check_kinds(own_modules: Sequence[Module], where: str) -> None:
    if not any(module.kind == "recurrent" for module in own_modules):
        received = several([name for module in own_modules for name in module.layer.described()]) or "none"
        raise UserError(f"{where}: expected the weights of a GRU, LSTM or SimpleRNN. Received: {received}")
    embeddings = [module.name for module in own_modules if module.kind == "embedding"]
    if len(embeddings) > 1:
        leave = option_names.called("leave_out", embeddings[1])
        raise UserError(f"{where}: expected one embedding, or {leave}. Received: {several(embeddings)}")


def _proven(
    file: WeightsFile, own_modules: Sequence[Module], between: str | Sequence[str], where: str
) -> tuple[tuple[Module, ...], str]:
    """The order that the file proves, and by what."""
    if file.nested:
        why = f"{several(file.nested)} is a model within the model, whose layers without weights are not in the file"
        raise _unknown(own_modules, why, where)
    if file.ordered:
        merge_modes.check(own_modules, where)
        if not placing.fits(own_modules):
            raise _unknown(
                own_modules, "in the file's order, a layer takes another width than the one before it gives", where
            )
        return tuple(own_modules), "in the file's order"
    stated_norms = stated.names_in(between)
    free = [
        module for module in own_modules if module.kind not in NORMS or not {module.name, module.layer.alias} & stated_norms
    ]
    try:
        orders = placing.orders(free)
    except UserError:
        raise _unknown(own_modules, "more orders fit than can be tried", where) from None
    if len(orders) != 1:
        how = f"{file.doubt}; " if file.doubt else ""
        several_fit = "several orders have fitting widths" if all(map(placing.fits, orders)) else merge_modes.UNKNOWN
        why = "no order of its layers has fitting widths" if not orders else f"{how}{several_fit}"
        raise _unknown(own_modules, why, where)
    merge_modes.check(orders[0], where)
    return orders[0], "in the only order that fits"


def _unknown(own_modules: Sequence[Module], why: str, where: str) -> UserError:
    option = option_names.called("order", placing.suggested(own_modules))
    return UserError(f"{where}: expected the order of its layers, such as {option} if it is this one. Received: {why}")


def _check_dense(placed: Sequence[PlacedItem], where: str) -> None:
    """Refuse a hidden dense layer of which nobody says what follows: hardly any is without an activation."""
    behind = stated.stated_behind(placed)
    own = list(stated.modules_of(placed))
    first = next(n for n, module in enumerate(own) if module.kind == "recurrent")
    for n, module in enumerate(own[:-1]):
        if module.kind != "linear" or behind.get(module.name):
            continue
        names = [each.name for each in own]
        order = ",".join([*names[: n + 1], "relu", *names[n + 1 :]])
        gap = sum(each.kind not in NORMS for each in own[first : n + 1])
        option = f"{option_names.called('between')} (its value number {gap} is the gap behind {module.name})"
        how = f"{option} or {option_names.called('order', order)}" if n > first else option_names.called("order", order)
        raise UserError(
            f"{where}: {module.name}: expected what its Dense layer applies, such as relu, or none, in {how}."
            " Received: a hidden layer, whose activation the file does not record"
        )


def _network(placed: Sequence[PlacedItem], given: WeightsOptions, file: WeightsFile, where: str) -> Network:
    own = list(stated.modules_of(placed))
    table = own[0].table
    if any(module.table is not None for module in own[1:]) or (table is not None and placed[0].module is not own[0]):
        raise UserError(
            f"{where}: {option_names.where('order')}: expected the embedding first. Received: {own[0].name} first"
        )
    elements: list[Recurrent | Part] = []
    for each in placed:
        elements += each.module.elements if each.module else [each.activation] if each.activation else []
    try:
        return Network(
            embedding=table,
            every_step=given.every_step,
            masked=given.masked,
            source=file.source,
            **chain.assemble(elements),
        )
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None
