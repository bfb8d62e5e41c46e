"""The layers of a stack in a PyTorch state_dict, every part of it checked: which cell, which widths, nothing missing."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, counted
from gru_tf.interchange.network import Recurrent
from gru_tf.interchange.pytorch.stacks.entries import BIASES, WEIGHTS, Stack, Tensor, suffix
from gru_tf.recurrent import gates

CELLS = {1: "rnn", 3: "gru", 4: "lstm"}  # by how many gates there are
TITLES = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}


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
            why = f"for {counted(count, 'gate')} of {counted(units, 'unit')} and {counted(features, 'feature')}"
            raise UserError(f"{tensor.key}: expected shape {expected} {why}. Received: {tensor.shape}")
