"""The entries of a PyTorch state_dict that are a recurrent stack's: found by name, at any prefix.

Keys are those of torch.nn.GRU, LSTM and RNN (weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, "_reverse" at the end of
those of a backward direction), and those of the cells, which have no "_l0".
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, counted, did_you_mean, several
from gru_tf.interchange import option_names
from gru_tf.interchange.pytorch.stacks import made_anew

WEIGHTS, BIASES = ("weight_ih", "weight_hh"), ("bias_ih", "bias_hh")
FLOATS = ("float16", "bfloat16", "float32", "float64")
PART = r"(?P<part>(?:weight|bias)_(?:ih|hh|hr))(?P<layer>_l\d{1,6})?(?P<reverse>_reverse)?"
KEY = re.compile(rf"(?P<prefix>(?:.*\.)?){PART}", re.DOTALL)


@dataclass(frozen=True, eq=False)
class Tensor:
    """An entry of a state_dict; its numbers are read when asked for.

    Args:
        key: as the file has it.
        shape: of the array.
        dtype: its name, such as "float32".
        load: reads it, float16 and bfloat16 as float32.
    """

    key: str
    shape: tuple[int, ...]
    dtype: str
    load: Callable[[], Array]

    def array(self) -> Array:
        """Its numbers, float32 or float64; raises UserError where they are none, or not finite."""
        if self.dtype not in FLOATS:
            raise UserError(f"{self.key}: expected numbers of type {', '.join(FLOATS)}. Received: {self.dtype}")
        found = self.load()
        wrong = int(found.size - np.count_nonzero(np.isfinite(found)))
        if wrong:
            raise UserError(f"{self.key}: expected finite numbers. Received: {wrong:,} of {found.size:,} nan or infinite")
        return found


@dataclass(frozen=True, eq=False)
class Stack:
    """The recurrent entries under one prefix.

    Args:
        prefix: what stands before weight_ih_l0, with its last dot.
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
    def directions(self) -> int:
        """1 or 2."""
        return 2 if any(reverse for _, reverse in self.parts) else 1

    @property
    def depth(self) -> int:
        """How many layers there are."""
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


def find(entries: Mapping[str, Tensor]) -> dict[str, Stack]:
    """Prefix → stack, in the order of the entries; raises UserError where two entries are one part."""
    found: dict[str, Stack] = {}
    for name, tensor in entries.items():
        if match := KEY.fullmatch(name):
            layer = int(match["layer"][2:]) if match["layer"] else 0
            stack = found.setdefault(match["prefix"], Stack(match["prefix"], suffixed=bool(match["layer"])))
            part = stack.parts.setdefault((layer, bool(match["reverse"])), {})
            if match["part"] in part:
                raise UserError(f"{name}: expected one entry for this part. Received: {part[match['part']].key} as well")
            part[match["part"]] = tensor
    return found


def choose(found: Mapping[str, Stack], prefix: str | None, keys: Iterable[str]) -> list[Stack]:
    """The stack that is meant; of a list of modules ("rnns" of "rnns.0", "rnns.1"), theirs one after the other.

    Raises:
        UserError: where there is none, or several and no prefix, naming them.
    """
    keys = list(keys)
    wanted = "" if prefix is None else prefix.removesuffix(".")
    made_anew.check(keys, made_anew.modules(keys) if prefix is None else [f"{wanted}." if wanted else ""], recurrent=True)
    if not found:
        expected = "expected recurrent weights, such as 'rnn.weight_ih_l0'"
        raise UserError(f"{expected}. Received: {several(keys, 6) or 'no tensors'}")
    names = ", ".join(map(_shown, found.values()))
    if prefix is None:
        if len(found) > 1:
            which = f"{option_names.called('prefix')} to say which{_together(found.values())}"
            raise UserError(f"expected one recurrent stack, or {which}. Received: {names}")
        return list(found.values())
    numbered = re.compile(rf"{re.escape(wanted)}\.(\d{{1,6}})(\..*)?", re.S)
    inside = sorted((int(match[1]), stack) for stack in found.values() if (match := numbered.fullmatch(stack.name)))
    exact = [stack for stack in found.values() if stack.name == wanted]
    chosen = exact or [stack for _, stack in inside]
    if not chosen:
        near = did_you_mean(wanted, (stack.name for stack in found.values()))
        raise UserError(f"{option_names.where('prefix')}: expected one of {names}.{near} Received: '{prefix}'")
    made_anew.check(keys, [stack.prefix for stack in chosen], recurrent=True)
    return chosen


def _together(stacks: Iterable[Stack]) -> str:
    """What to say for all modules of a list at once, where there is one; in words."""
    parents = Counter(match[1] for stack in stacks if (match := re.fullmatch(r"(.+?)\.\d{1,6}(\..*)?", stack.name, re.S)))
    lists = [option_names.called("prefix", parent) for parent, count in parents.items() if count > 1]
    return f" ({' or '.join(lists)} for all of the list, one after the other)" if lists else ""


def _shown(stack: Stack) -> str:
    top = "" if stack.name else "no module's, at the top; "  # '' alone looks like a name that is missing
    return f"'{stack.name}' ({top}{counted(stack.depth, 'layer')})"
