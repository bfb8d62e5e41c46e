"""In which order a network passes through the modules of a PyTorch state_dict, which records names and arrays alone.

The user states it (`order`); or stacks and heads follow from names and shapes, `between` says what stands in the gaps, and
a normalisation is placed where its width fits one gap only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gru_tf.foundation.errors import UserError, counted
from gru_tf.interchange import chain, option_names
from gru_tf.interchange.parts import Activation
from gru_tf.interchange.pytorch.around_stack import AroundStack
from gru_tf.interchange.pytorch.matrices import Matrix, is_nearest
from gru_tf.interchange.pytorch.norms import Norm
from gru_tf.interchange.pytorch.stacks import LoadedStack, TorchStack
from gru_tf.interchange.tensor import Tensor

Element = LoadedStack | Matrix | Norm | Activation


@dataclass(frozen=True, eq=False)
class Modules:
    """The modules that a state_dict may be read as, by name.

    Args:
        stacks: those that are meant.
        matrices: linear layers and embeddings.
        norms: normalisations.
        entries: all, in the file's order.
    """

    stacks: Mapping[str, LoadedStack] = field(default_factory=dict)
    matrices: Mapping[str, Matrix] = field(default_factory=dict)
    norms: Mapping[str, Norm] = field(default_factory=dict)
    entries: Sequence[Tensor] = ()

    def names(self) -> list[str]:
        """In the file's order."""
        places = {id(tensor): n for n, tensor in enumerate(self.entries)}
        first = {name: places[id(tensors[0])] for name, tensors in self._tensors()}
        return sorted(first, key=first.__getitem__)

    def _tensors(self) -> Iterator[tuple[str, list[Tensor]]]:
        for name, stack in self.stacks.items():
            yield name, list(stack.stack.tensors())
        for modules in (self.matrices, self.norms):
            yield from ((name, list(module.tensors())) for name, module in modules.items())


def ordered(items: Sequence[chain.Item], modules: Modules) -> list[Element]:
    """The elements that the user lists, from the lowest to the highest.

    Raises:
        UserError: for a name that is none, one that comes twice, and a kind that the module cannot be.
    """
    elements: list[Element] = []
    for n, item in enumerate(items):
        if item.name in {other.name for other in items[:n]} & set(modules.names()):
            raise UserError(f"{option_names.where('order')}: expected each module once. Received: '{item.name}' twice")
        element = _element(item, modules, "order")
        elements += [] if element is None else [element]
    return elements


def _element(item: chain.Item, modules: Modules, option: str) -> Element | None:
    if item.name in modules.norms:
        return _norm(item, modules.norms[item.name], option)
    if item.number is not None and item.name in {**modules.stacks, **modules.matrices}:
        raise UserError(f"{option_names.where(option)}: expected no number for '{item.name}'. Received: {item.number:g}")
    if item.name in modules.stacks and not item.kind:
        return modules.stacks[item.name]
    if item.name in modules.matrices and item.kind in ("", "linear", "embedding"):
        return modules.matrices[item.name]
    if item.name in {**modules.stacks, **modules.matrices}:
        raise UserError(f"{option_names.where(option)}: expected another kind for '{item.name}'. Received: {item.kind}")
    return chain.activation(item, modules.names(), option)


def _norm(item: chain.Item, norm: Norm, option: str) -> Norm:
    if item.kind not in ("", "layer_norm", "batch_norm") or (norm.kind and item.kind not in ("", norm.kind)):
        received = f"{item.kind}, and entries or a name of a {norm.kind or 'normalisation'}"
        raise UserError(
            f"{option_names.where(option)}: {item.name}: expected layer_norm or batch_norm. Received: {received}"
        )
    return replace(norm, kind=item.kind or norm.kind, epsilon=norm.epsilon if item.number is None else item.number)


def embedding_in_order(
    items: Sequence[chain.Item], elements: Sequence[Element], embedding: str | bool | None
) -> tuple[Matrix | None, list[Element]]:
    """The embedding that an order begins with, and all behind it.

    Raises:
        UserError: where the first module could be an embedding or a linear layer, and nothing says which; where what is
            called one is not the first, or has a bias.
    """
    place = option_names.where("order")
    first = elements[0] if elements else None
    kinds = {item.name: item.kind for item in items}
    called = [name for name, kind in kinds.items() if kind == "embedding"]
    if isinstance(embedding, str):
        called.append(embedding.removesuffix("weight").removesuffix("."))
    if called and not (isinstance(first, Matrix) and set(called) == {first.name} and first.bias is None):
        received = f"'{first.name}' with a bias" if isinstance(first, Matrix) and first.name in called else called[-1]
        raise UserError(f"{place}: expected an embedding, a matrix without bias, as first module. Received: {received}")
    if not isinstance(first, Matrix):
        return None, list(elements)
    kind = kinds[first.name]
    if called or (not kind and embedding is not False and first.called_embedding):
        return first, list(elements[1:])
    if not kind and embedding is None and first.bias is None:
        either = " or ".join(f"'{first.name}={each}'" for each in ("embedding", "linear"))
        raise UserError(f"{place}: expected {either}. Received: '{first.name}', a matrix without bias")
    return None, list(elements)


def arranged(
    stacks: Sequence[LoadedStack],
    around: AroundStack,
    between: str | Sequence[str],
    modules: Modules,
    others: Sequence[TorchStack],
) -> list[Element]:
    """Stacks and heads with what stands before, between and behind them.

    Args:
        stacks: from the lowest to the highest.
        around: the embedding and the heads.
        between: items of the k-th gap, counted from the first stack upwards.
        modules: of the file.
        others: stacks that are left out.

    Raises:
        UserError: for more gaps than there are, and for a normalisation whose place is not proved by its width.
    """
    spine: list[LoadedStack | Matrix] = [*stacks, *around.heads]
    stated = [chain.parse(each, "between", modules.names()) for each in ([between] if isinstance(between, str) else between)]
    if len(stated) > len(spine):
        expected = f"at most {counted(len(spine), 'gap')}, one behind each of {', '.join(map(_name, spine))}"
        raise UserError(f"{option_names.where('between')}: expected {expected}. Received: {len(stated)}")
    gaps: list[list[Norm | Activation]] = [[] for _ in range(len(spine) + 1)]  # the first is before the first stack
    for gap, items in zip(gaps[1:], stated, strict=False):
        gap += [element for item in items if (element := _between(item, modules)) is not None]
    placed = [element.name for gap in gaps for element in gap if isinstance(element, Norm)]
    if twice := next((name for name in placed if placed.count(name) > 1), None):
        raise UserError(f"{option_names.where('between')}: expected each module once. Received: '{twice}' twice")
    widths = [stacks[0].features, *map(_gives, spine)]
    for norm in modules.norms.values():
        if norm.name not in placed and norm.called_norm:
            fits = [n for n, width in enumerate(widths) if width == norm.width]
            why = _why_unclear(norm, fits, gaps, stacks, others)
            if why or len(fits) != 1:
                raise _unclear(norm, fits, why, list(map(_name, spine)), around.embedding, modules)
            gaps[fits[0]].append(norm)
    elements: list[Element] = list(gaps[0])
    for each, gap in zip(spine, gaps[1:], strict=True):
        elements += [each, *gap]
    return elements


def _between(item: chain.Item, modules: Modules) -> Norm | Activation | None:
    element = _element(item, modules, "between")
    if isinstance(element, LoadedStack | Matrix):
        expected = f"normalisations and activations, or {option_names.called('order')} for all"
        raise UserError(f"{option_names.where('between')}: expected {expected}. Received: '{item.name}'")
    return element


def _why_unclear(
    norm: Norm,
    fits: Sequence[int],
    gaps: Sequence[Sequence[Norm | Activation]],
    stacks: Sequence[LoadedStack],
    others: Sequence[TorchStack],
) -> str:
    """Why a normalisation may stand elsewhere than where its width fits, in words; "" where nothing says so."""
    holder = next((stack.stack.title for stack in stacks if stack.stack.holds(norm.name)), None)
    if holder is not None:
        return f"which is within {holder}, and may be computed at every step"
    if any(not stack.stack.suffixed and stack.units == norm.width for stack in stacks):
        return "which may be computed on a cell's state at every step"
    if not is_nearest(norm.name, [stack.stack for stack in stacks], others):
        return f"which may belong to what is left out ({', '.join(stack.title for stack in others)})"
    if len(fits) == 1 and gaps[fits[0]]:
        return "which fits where something else stands, in an order that the file does not record"
    return ""


def _unclear(
    norm: Norm, fits: Sequence[int], why: str, spine: Sequence[str], embedding: Matrix | None, modules: Modules
) -> UserError:
    """The message on a normalisation whose place the file does not tell, with an order that it could have."""
    places = [f"behind {spine[n - 1]}" if n else f"before {spine[0]}" for n in fits]
    why = why or f"which fits {' and '.join(places) or 'nowhere'}"
    names = modules.names()
    here = sum(name in names[: names.index(norm.name)] for name in spine)  # by the file's order
    place = here if here in fits else min(fits, default=0)
    item = norm.name if norm.kind else f"{norm.name}=layer_norm"
    lowest = [] if embedding is None else [f"{embedding.name}{'' if embedding.called_embedding else '=embedding'}"]
    suggestion = ",".join([*lowest, *spine[:place], item, *spine[place:]])
    order = option_names.called("order", suggestion)
    leave_out = option_names.called("leave_out", norm.name)
    expected = f"its place, such as {order}, with the activations between, or {leave_out}"
    return UserError(f"{norm.name}: expected {expected}. Received: a normalisation of {norm.width}, {why}")


def _name(element: LoadedStack | Matrix) -> str:
    return element.stack.title if isinstance(element, LoadedStack) else element.name


def _gives(element: LoadedStack | Matrix) -> int:
    return element.units * element.stack.directions if isinstance(element, LoadedStack) else element.outputs
