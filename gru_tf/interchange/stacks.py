"""Recurrent stacks in a PyTorch state_dict: found by name, at any prefix, and checked part by part.

Keys are those of torch.nn.GRU, LSTM and RNN (weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, "_reverse" at the end of
those of a backward direction), and those of the cells, which have no "_l0".
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gru_tf import gates
from gru_tf.errors import UserError, did_you_mean, several
from gru_tf.interchange.network import Recurrent

Array = np.ndarray[Any, np.dtype[Any]]
CELLS = {1: "rnn", 3: "gru", 4: "lstm"}  # by how many gates there are
TITLES = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
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
    """Prefix → stack, in the order of the entries."""
    found: dict[str, Stack] = {}
    for name, tensor in entries.items():
        if match := KEY.fullmatch(name):
            layer = int(match["layer"][2:]) if match["layer"] else 0
            stack = found.setdefault(match["prefix"], Stack(match["prefix"], suffixed=bool(match["layer"])))
            stack.parts.setdefault((layer, bool(match["reverse"])), {})[match["part"]] = tensor
    return found


def choose(found: Mapping[str, Stack], prefix: str | None, keys: Iterable[str]) -> list[Stack]:
    """The stack that is meant; of a list of modules ("rnns" of "rnns.0", "rnns.1"), theirs one after the other.

    Raises:
        UserError: where there is none, or several and no prefix, naming them.
    """
    if not found:
        expected = "expected recurrent weights, such as 'rnn.weight_ih_l0'"
        raise UserError(f"{expected}. Received: {several(list(keys), 6) or 'no tensors'}")
    names = ", ".join(f"'{stack.name}' ({_count(stack.depth, 'layer')})" for stack in found.values())
    if prefix is None:
        if len(found) > 1:
            raise UserError(f"expected one recurrent stack, or `prefix` to say which (--prefix). Received: {names}")
        return list(found.values())
    wanted = prefix.removesuffix(".")
    numbered = re.compile(rf"{re.escape(wanted)}\.(\d{{1,6}})(\..*)?", re.S)
    inside = sorted((int(match[1]), stack) for stack in found.values() if (match := numbered.fullmatch(stack.name)))
    exact = [stack for stack in found.values() if stack.name == wanted]
    chosen = exact or [stack for _, stack in inside]
    if not chosen:
        near = did_you_mean(wanted, (stack.name for stack in found.values()))
        raise UserError(f"prefix: expected one of {names}.{near} Received: '{prefix}'")
    return chosen


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


# --- its layers ---


@dataclass(frozen=True, eq=False)
class Read:
    """A stack whose parts belong together.

    Args:
        cell: "gru", "lstm" or "rnn".
        features, units: I, and H of one direction.
        layers: from the first to the last.
        arrays: weight_ih_l0 and so on, as torch.nn's module takes them.
        stack: where it comes from.
    """

    cell: str
    features: int
    units: int
    layers: tuple[Recurrent, ...]
    arrays: dict[str, Array]
    stack: Stack


def read(stack: Stack, activation: str = "tanh") -> Read:
    """The layers of a stack, every part checked; `activation` is a plain RNN's.

    Raises:
        UserError: for a missing part, a projection, a count of gates that fits no cell, and shapes that do not belong
            together, naming the key, what was expected and what there is.
    """
    _refuse_projection(stack)
    _check_complete(stack)
    cell, units = _cell(stack)
    features = _width(stack.parts[0, False]["weight_ih"])
    arrays: dict[str, Array] = {}
    layers: list[Recurrent] = []
    for n in range(stack.depth):
        width = features if n == 0 else units * stack.directions
        both = []
        for reverse in (False, True)[: stack.directions]:
            part = stack.parts[n, reverse]
            _check_shapes(part, cell, width, units)
            numbers = {name: tensor.array() for name, tensor in part.items()}
            both.append(gates.read(numbers, f"pytorch_{cell}"))
            arrays |= {f"{name}{suffix(n, reverse)}": array for name, array in numbers.items()}
        name = f"{stack.prefix}l{n}" if stack.suffixed else stack.name
        own = activation if cell == "rnn" else "tanh"
        layers.append(Recurrent(both[0], both[1] if len(both) > 1 else None, activation=own, name=name))
    return Read(cell, features, units, tuple(layers), arrays, stack)


def _refuse_projection(stack: Stack) -> None:
    for (layer, reverse), part in stack.parts.items():
        if "weight_hr" in part:
            key = stack.key("weight_hr", layer, reverse)
            why = "proj_size > 0: its state is a projection of o ∘ tanh(c), and Keras has no such LSTM"
            raise UserError(f"{key}: expected an LSTM without projection. Received: {why}")


def _check_complete(stack: Stack) -> None:
    """Layers from 0 on without gaps, all with the same directions and the same biases."""
    present = {layer for layer, _ in stack.parts}
    missing = next(n for n in itertools.count() if n not in present)
    if missing < len(present):
        has = f"layers {', '.join(map(str, sorted(present)))}"
        raise UserError(f"{stack.key('weight_ih', missing)}: missing. Expected layers from 0 on. Received: {has}")
    biases = BIASES if stack.biased else ()
    some = next(tensor.key for tensor in stack.tensors())
    for n in range(len(present)):
        for reverse in (False, True)[: stack.directions]:
            part = stack.parts.get((n, reverse), {})
            for name in (*WEIGHTS, *biases):
                if name not in part:
                    why = "as other parts of the stack have biases" if name in BIASES else f"beside {some}"
                    raise UserError(f"{stack.key(name, n, reverse)}: missing. Expected it {why}")


def _cell(stack: Stack) -> tuple[str, int]:
    """Which cell, by how many gates of H rows weight_hh has, and H."""
    hidden = stack.parts[0, False]["weight_hh"]
    rows, units = hidden.shape if len(hidden.shape) == 2 else (0, 0)
    if min(rows, units) < 1:
        raise UserError(f"{hidden.key}: expected a matrix (gates · H, H). Received: shape {hidden.shape}")
    if rows % units or rows // units not in CELLS:
        known = "1 gate (RNN), 3 (GRU) or 4 (LSTM)"
        gate_count = f"{rows / units:.3g} gates of {units} rows"
        raise UserError(
            f"{hidden.key}: a gate count that fits no cell: expected {known}. Received: shape {hidden.shape}, {gate_count}"
        )
    return CELLS[rows // units], units


def _width(tensor: Tensor) -> int:
    if len(tensor.shape) != 2 or min(tensor.shape) < 1:
        raise UserError(f"{tensor.key}: expected a matrix (gates · H, I). Received: shape {tensor.shape}")
    return tensor.shape[1]


def _check_shapes(part: Mapping[str, Tensor], cell: str, features: int, units: int) -> None:
    count = next(number for number, name in CELLS.items() if name == cell)
    shapes = {"weight_ih": (count * units, features), "weight_hh": (count * units, units)}
    for name, tensor in part.items():
        expected = shapes.get(name, (count * units,))
        if tensor.shape != expected:
            why = f"for {_count(count, 'gate')} of {units} units and {features} features"
            raise UserError(f"{tensor.key}: expected shape {expected} {why}. Received: {tensor.shape}")
