"""A PyTorch state_dict as a network: names and arrays, without PyTorch.

A state_dict does not record a plain RNN's nonlinearity, whether every step is read or the last, or what the program does
between embedding, stack and heads. These are options, or assumptions that are listed beside the result. Every entry is read,
left out by the user, or refused.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gru_tf.foundation.errors import UserError, did_you_mean
from gru_tf.interchange import before_stack, chain, option_names
from gru_tf.interchange.network import Network, Recurrent
from gru_tf.interchange.parts import Activation, Part
from gru_tf.interchange.pytorch import around_stack, coverage, initial_states, matrices, norms, stacks
from gru_tf.interchange.pytorch.around_stack import AroundStack
from gru_tf.interchange.pytorch.arrangement import Element, Modules, arranged, embedding_in_order, ordered
from gru_tf.interchange.pytorch.initial_states import InitialStates
from gru_tf.interchange.pytorch.matrices import Matrix
from gru_tf.interchange.pytorch.norms import Norm
from gru_tf.interchange.pytorch.options import DEFAULTS, StateDictOptions
from gru_tf.interchange.pytorch.stacks import ACTIVATIONS, TITLES, LoadedStack, parametrizations
from gru_tf.interchange.tensor import Tensor

SOURCE = "PyTorch state_dict"


@dataclass(frozen=True, eq=False)
class StateDictNetwork:
    """What a state_dict holds.

    Args:
        network: as arrays.
        embedding: or None.
        elements: stacks and what stands before, between and behind them, in order, with the arrays as PyTorch has them.
        initial: stack's prefix → its learned initial states.
        scope: what is compared, in a phrase.
        uncovered: phrases on what the file does not record and what was not read: no comparison detects it.
    """

    network: Network
    embedding: Matrix | None
    elements: tuple[Element, ...]
    initial: Mapping[str, InitialStates]
    scope: str
    uncovered: tuple[str, ...]

    @property
    def stacks(self) -> tuple[LoadedStack, ...]:
        """The recurrent ones of its elements."""
        return tuple(element for element in self.elements if isinstance(element, LoadedStack))


def read(
    entries: Mapping[str, Tensor], options: StateDictOptions = DEFAULTS, *, registered: bool = True
) -> StateDictNetwork:
    """The network in a state_dict.

    Args:
        entries: of the state_dict, by key.
        options: what it does not record.
        registered: whether entries come in the order in which the program defined its modules.

    Raises:
        UserError: see `gru_tf.interchange.pytorch.stacks`, `around_stack` and `arrangement`; for an entry that is neither
            read nor left out.
    """
    excluded = before_stack.keys_left_out(options.leave_out, list(entries))
    others = list(stacks.find({key: entries[key] for key in entries if key in excluded}).values())
    entries = {key: tensor for key, tensor in entries.items() if key not in excluded}
    _check_activation(options.activation)
    candidates = stacks.find(entries)
    items = _items(options, entries, candidates)
    prefix = _prefixes(items, candidates, options)
    chosen = stacks.choose(candidates, prefix, entries, "order" if items else "prefix")
    loaded = tuple(stacks.load(stack, options.activation or "tanh") for stack in chosen)
    _check_relu(options.activation, loaded)
    initial = _initial(entries, options, loaded, others)
    rest = _without(entries, _tensors(None, (), initial))
    around, elements = _arrangement(rest, items, options, loaded, others, registered)
    embedding, declined = around.embedding, around.declined
    keys = {id(tensor): key for key, tensor in entries.items()}  # without the wrappers that a tensor's own key has
    left = _without(entries, _tensors(embedding, [*elements, *declined], initial))
    around_stack.check_all_read(left, entries.keys() - left.keys())
    network = _network(embedding, elements, initial, options)
    excluded |= {keys[id(tensor)] for tensor in _tensors(None, declined, {})}
    phrases = coverage.uncovered(options, elements, initial, sorted(excluded), around.concluded)
    return StateDictNetwork(network, embedding, tuple(elements), initial, coverage.scope(network, embedding), tuple(phrases))


def _initial(
    entries: Mapping[str, Tensor],
    options: StateDictOptions,
    loaded: Sequence[LoadedStack],
    others: Sequence[stacks.TorchStack],
) -> dict[str, InitialStates]:
    if options.initial_state:
        return initial_states.named(options.initial_state, entries, loaded)
    return initial_states.find(_without(entries, _tensors(None, loaded, {})), loaded, others)


def _items(
    options: StateDictOptions, entries: Mapping[str, Tensor], candidates: Mapping[str, stacks.TorchStack]
) -> tuple[chain.Item, ...]:
    """What the user's order lists; a list of modules as the stacks in it.

    Raises:
        UserError: beside an option that it replaces, for a name that is none, a weight that is computed at run time, and
            where no stack is among them.
    """
    if options.order in ("", (), []):
        return ()
    place = option_names.where("order")
    for name, default in (("prefix", None), ("head", None), ("between", ())):
        if getattr(options, name) not in (default, [], ()):
            raise UserError(f"{place}: expected it in place of {option_names.called(name)}. Received: both")
    own = {stack.title for stack in candidates.values()}
    modules = [*own, *matrices.find(entries), *norms.find(entries)]
    computed = [name.removesuffix(".") for name in parametrizations.modules(entries)]
    items: list[chain.Item] = []
    for item in chain.parse(options.order, "order", [*modules, *computed]):
        inside = [] if item.name in modules else stacks.named(candidates.values(), item.name)
        items += [replace(item, name=stack.title) for stack in inside] or [item]
        if item.name in computed and item.name not in modules:
            parametrizations.check(entries, [f"{item.name}."], recurrent=False)
        if not inside and item.name not in modules:
            chain.activation(item, modules, "order")
    if not own & {item.name for item in items}:
        received = ", ".join(item.name for item in items)
        raise UserError(f"{place}: expected a recurrent stack, of {', '.join(sorted(own)) or 'none'}. Received: {received}")
    return tuple(items)


def _prefixes(
    items: Sequence[chain.Item], candidates: Mapping[str, stacks.TorchStack], options: StateDictOptions
) -> Sequence[str] | None:
    """Names of the stacks that are meant, in order; None where there should be one."""
    if not items:
        return [options.prefix] if isinstance(options.prefix, str) else (options.prefix or None)
    names = {stack.title for stack in candidates.values()}
    return [item.name for item in items if item.name in names]


def _arrangement(
    entries: Mapping[str, Tensor],
    items: Sequence[chain.Item],
    options: StateDictOptions,
    loaded: Sequence[LoadedStack],
    others: Sequence[stacks.TorchStack],
    registered: bool,
) -> tuple[AroundStack, list[Element]]:
    """The embedding and what is known of the heads; all that follows the embedding, in order."""
    stacks_by_name = {stack.stack.title: stack for stack in loaded}
    linear, normalisations = matrices.find(entries), norms.find(entries)
    if items:
        elements = ordered(items, Modules(stacks_by_name, linear, normalisations, list(entries.values())))
        embedding, elements = embedding_in_order(items, elements, options.embedding)
        return AroundStack(embedding, ()), elements
    widths = loaded[0].features, loaded[-1].units * loaded[-1].stack.directions
    chosen = [stack.stack for stack in loaded]
    around = around_stack.find(
        entries, chosen, others, widths, embedding=options.embedding, head=options.head, registered=registered
    )
    heads = {head.name: head for head in around.heads}
    modules = Modules(stacks_by_name, heads, normalisations, list(entries.values()))
    return around, arranged(loaded, around, options.between, modules, others)


def _network(
    embedding: Matrix | None, elements: Sequence[Element], initial: Mapping[str, InitialStates], options: StateDictOptions
) -> Network:
    parts: list[Recurrent | Part] = []
    for element in elements:
        if isinstance(element, LoadedStack):
            parts += _layers(element, initial.get(element.stack.prefix))
        elif isinstance(element, Activation):
            parts.append(element)
        else:
            parts.append(element.linear() if isinstance(element, Matrix) else element.part())
    table = embedding.weight.array() if embedding else None
    return Network(
        **chain.assemble(parts), embedding=table, every_step=options.every_step, masked=options.masked, source=SOURCE
    )


def _layers(stack: LoadedStack, initial: InitialStates | None) -> list[Recurrent]:
    if initial is None:
        return list(stack.layers)
    return [replace(layer, initial=own) for layer, own in zip(stack.layers, initial.of_layers(stack), strict=True)]


def _tensors(
    embedding: Matrix | None, elements: Sequence[Element], initial: Mapping[str, InitialStates]
) -> Iterator[Tensor]:
    """The entries that belong to these."""
    if embedding is not None:
        yield from embedding.tensors()
    for element in elements:
        if isinstance(element, LoadedStack):
            yield from element.stack.tensors()
        elif isinstance(element, Matrix | Norm):
            yield from element.tensors()
    for states in initial.values():
        yield from states.entries()


def _without(entries: Mapping[str, Tensor], tensors: Iterable[Tensor]) -> dict[str, Tensor]:
    others = {id(tensor) for tensor in tensors}
    return {key: tensor for key, tensor in entries.items() if id(tensor) not in others}


def _check_activation(activation: str | None) -> None:
    if activation not in (None, *ACTIVATIONS):
        near = did_you_mean(str(activation), ACTIVATIONS)
        place = option_names.where("activation")
        raise UserError(f"{place}: expected 'tanh' or 'relu', as in torch.nn.RNN.{near} Received: {activation!r}")


def _check_relu(activation: str | None, loaded: Sequence[LoadedStack]) -> None:
    if activation == "relu" and not any(stack.cell == "rnn" for stack in loaded):
        cells = " and ".join(sorted({TITLES[stack.cell] for stack in loaded}))
        place = option_names.where("activation")
        raise UserError(f"{place}: expected 'tanh' with {cells}. Received: 'relu', which only torch.nn.RNN has")
