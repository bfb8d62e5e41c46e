"""The entries of a PyTorch state_dict that belong to a recurrent stack: found by name, at any prefix.

Keys are those of torch.nn.GRU, LSTM and RNN (weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, "_reverse" at the end of
those of a backward direction), and those of the cells, which have no "_l0".
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gru_tf.foundation.errors import UserError, counted, did_you_mean, several
from gru_tf.interchange import option_names
from gru_tf.interchange.pytorch.stacks import parametrizations
from gru_tf.interchange.tensor import Tensor

WEIGHTS, BIASES = ("weight_ih", "weight_hh"), ("bias_ih", "bias_hh")
PART = r"(?P<part>(?:weight|bias)_(?:ih|hh|hr))(?P<layer>_l\d{1,6})?(?P<reverse>_reverse)?"
KEY = re.compile(rf"(?P<prefix>(?:.*\.)?){PART}", re.DOTALL)
TOP = "."  # what a stack without a prefix is called by the user
NUMBERED = r"\.(\d{1,6})(\..*)?"  # after the name of a list of modules


@dataclass(frozen=True, eq=False)
class TorchStack:
    """The recurrent entries under one prefix.

    Args:
        prefix: what precedes weight_ih_l0, with its last dot.
        parts: (layer, whether backward) → "weight_ih" and so on → its entry.
        suffixed: whether keys name a layer; those of cells do not.
    """

    prefix: str
    parts: dict[tuple[int, bool], dict[str, Tensor]] = field(default_factory=dict)
    suffixed: bool = True

    @property
    def name(self) -> str:
        """Of the module."""
        return self.prefix.removesuffix(".")

    @property
    def title(self) -> str:
        """Its name where a user types it: "." for one whose keys have no prefix."""
        return self.name or TOP

    def holds(self, module: str) -> bool:
        """Whether a module lies within it, as in a subclass of a cell; of a stack without a prefix that cannot be told."""
        return module.startswith(self.prefix) if self.prefix else not self.suffixed

    @property
    def directions(self) -> int:
        """1 or 2."""
        return 2 if any(reverse for _, reverse in self.parts) else 1

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len({layer for layer, _ in self.parts})

    @property
    def biased(self) -> bool:
        """Whether there are biases."""
        return any(name in BIASES for part in self.parts.values() for name in part)

    def key(self, part: str, layer: int, reverse: bool = False) -> str:
        """The key of a part, as the file has it or would have it."""
        return f"{self.prefix}{part}{suffix(layer, reverse) if self.suffixed else ''}"

    def tensors(self) -> Iterator[Tensor]:
        """All its entries."""
        for part in self.parts.values():
            yield from part.values()


def suffix(layer: int, reverse: bool) -> str:
    """What PyTorch's modules add to the names of a layer's weights."""
    return f"_l{layer}{'_reverse' if reverse else ''}"


def find(entries: Mapping[str, Tensor]) -> dict[str, TorchStack]:
    """Prefix → stack, in the order of the entries; raises UserError if two entries are the same part."""
    stacks: dict[str, TorchStack] = {}
    for name, tensor in entries.items():
        if match := KEY.fullmatch(name):
            layer = int(match["layer"][2:]) if match["layer"] else 0
            stack = stacks.setdefault(match["prefix"], TorchStack(match["prefix"], suffixed=bool(match["layer"])))
            part = stack.parts.setdefault((layer, bool(match["reverse"])), {})
            if match["part"] in part:
                raise UserError(f"{name}: expected one entry for this part. Received: {part[match['part']].key} as well")
            part[match["part"]] = tensor
    return stacks


def choose(
    stacks: Mapping[str, TorchStack], prefixes: Sequence[str] | None, keys: Iterable[str], option: str = "prefix"
) -> list[TorchStack]:
    """The stacks that are meant, one after the other; for a list of modules ("rnns" of "rnns.0", "rnns.1"), those in it.

    Args:
        stacks: by prefix.
        prefixes: of stacks or of lists, in order; None if there is one stack.
        keys: of all entries of the state_dict.
        option: that names the stacks, for messages.

    Raises:
        UserError: if there is none, or several and no prefix, naming them; if a module of the list has several; if one is
            not meant and was not left out; if weights of a stack are computed at run time.
    """
    keys = list(keys)
    names = None if prefixes is None else [prefix.removesuffix(".") for prefix in prefixes]
    modules = parametrizations.modules(keys) if names is None else [f"{name}." if name else "" for name in names]
    parametrizations.check(keys, modules, recurrent=True)
    if not stacks:
        expected = "expected recurrent weights, such as 'rnn.weight_ih_l0'"
        raise UserError(f"{expected}. Received: {several(keys, 6) or 'no tensors'}")
    if names is None:
        return [_only(stacks.values())]
    chosen: list[TorchStack] = []
    for name in names:
        chosen += _meant(stacks.values(), name)
    if len(set(map(id, chosen))) < len(chosen):
        raise UserError(f"{option_names.where(option)}: expected each stack once. Received: {', '.join(names)}")
    parametrizations.check(keys, [stack.prefix for stack in chosen], recurrent=True)
    _check_others(stacks.values(), chosen, option)
    return chosen


def _meant(stacks: Iterable[TorchStack], name: str) -> list[TorchStack]:
    chosen = _named(stacks, name)
    if not chosen:
        near = did_you_mean(name, (stack.name for stack in stacks))
        raise UserError(f"{option_names.where('prefix')}: expected one of {_list(stacks)}.{near} Received: '{name}'")
    return chosen


def _check_others(stacks: Iterable[TorchStack], chosen: Sequence[TorchStack], option: str) -> None:
    """Refuse a stack that is neither read nor left out: it may be the next one."""
    for stack in stacks:
        if stack not in chosen:
            leave_out = option_names.called("leave_out", stack.title)
            if option == "prefix":
                place = f"{option_names.called('prefix', stack.title)} too, in the order in which they follow each other"
            else:
                place = f"its place in {option_names.called(option)}"
            raise UserError(f"{stack.title}: expected {place}, or {leave_out}. Received: neither")


def named(stacks: Iterable[TorchStack], name: str) -> list[TorchStack]:
    """The stack of that name, or those in the list of modules of that name, in order; none for another."""
    return _named(stacks, name.removesuffix("."))


def _only(stacks: Iterable[TorchStack]) -> TorchStack:
    first, *others = stacks
    if others:
        which = f"{option_names.called('prefix')} for each in their order{_lists_of_modules([first, *others])}"
        leave_out = option_names.called("leave_out")
        received = _list([first, *others])
        raise UserError(f"expected one recurrent stack, or {which}, and {leave_out} for others. Received: {received}")
    return first


def _named(stacks: Iterable[TorchStack], name: str) -> list[TorchStack]:
    """The stack of that name; else those in the list of modules of that name, in order of their numbers."""
    exact = [stack for stack in stacks if stack.name == name]
    numbered = re.compile(f"{re.escape(name)}{NUMBERED}", re.DOTALL)
    modules: dict[int, list[TorchStack]] = {}
    for stack in stacks:
        if match := numbered.fullmatch(stack.name):
            modules.setdefault(int(match[1]), []).append(stack)
    several_in_one = next((inside for inside in modules.values() if len(inside) > 1), None)
    if several_in_one and not exact:  # nothing says which comes first
        expected = f"one recurrent stack in each module of '{name}'"
        raise UserError(f"{option_names.where('prefix')}: expected {expected}. Received: {_list(several_in_one)}")
    return exact or [modules[number][0] for number in sorted(modules)]


def _lists_of_modules(stacks: Iterable[TorchStack]) -> str:
    """Advice on how to choose all modules of a list at once, in parentheses; nothing if there is no list."""
    parents = Counter(match[1] for stack in stacks if (match := re.fullmatch(f"(.+?){NUMBERED}", stack.name, re.DOTALL)))
    lists = [option_names.called("prefix", parent) for parent, count in parents.items() if count > 1]
    return f" ({' or '.join(lists)} for the whole list, in order)" if lists else ""


def _list(stacks: Iterable[TorchStack]) -> str:
    return ", ".join(map(_describe, stacks))


def _describe(stack: TorchStack) -> str:
    top = "" if stack.name else "at the top level; "  # '' alone looks like a missing name
    return f"'{stack.name}' ({top}{counted(stack.depth, 'layer')})"
