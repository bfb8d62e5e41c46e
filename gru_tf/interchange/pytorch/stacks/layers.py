"""The layers of a stack in a PyTorch state_dict, checked: its cell, widths that fit, and no part missing."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, counted
from gru_tf.interchange.network import Recurrent
from gru_tf.interchange.pytorch.stacks.torch_stack import BIASES, WEIGHTS, TorchStack, suffix
from gru_tf.interchange.tensor import Tensor
from gru_tf.recurrent import gates

CELLS = {1: "rnn", 3: "gru", 4: "lstm"}  # by number of gates
TITLES = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
ACTIVATIONS = ("tanh", "relu")  # of torch.nn.RNN; the other cells have the first alone


@dataclass(frozen=True, eq=False)
class LoadedStack:
    """A stack whose parts are complete and fit together.

    Args:
        cell: "gru", "lstm" or "rnn".
        features, units: I, and H of one direction.
        layers: from the first to the last.
        arrays: weight_ih_l0 and so on, as torch.nn's module takes them.
        stack: its entries.
    """

    cell: str
    features: int
    units: int
    layers: tuple[Recurrent, ...]
    arrays: dict[str, Array]
    stack: TorchStack


def load(stack: TorchStack, activation: str = "tanh") -> LoadedStack:
    """Check every part of a stack and load its layers; `activation` is a plain RNN's.

    Raises:
        UserError: for a missing part, a projection, a number of gates that fits no cell, and shapes that do not fit, with
            the key, what was expected and what was received.
    """
    _refuse_projection(stack)
    _check_complete(stack)
    cell, units = _cell(stack)
    features = _width(stack.parts[0, False]["weight_ih"])
    arrays: dict[str, Array] = {}
    layers: list[Recurrent] = []
    for n in range(stack.depth):
        width = features if n == 0 else units * stack.directions
        weights = []
        for reverse in (False, True)[: stack.directions]:
            part = stack.parts[n, reverse]
            _check_shapes(part, cell, width, units)
            own = {name: tensor.array() for name, tensor in part.items()}
            weights.append(gates.read(own, f"pytorch_{cell}"))
            arrays |= {f"{name}{suffix(n, reverse)}": array for name, array in own.items()}
        name = f"{stack.prefix}l{n}" if stack.suffixed else stack.name
        backward = weights[1] if stack.directions == 2 else None
        layers.append(Recurrent(weights[0], backward, activation=activation if cell == "rnn" else "tanh", name=name))
    return LoadedStack(cell, features, units, tuple(layers), arrays, stack)


def _refuse_projection(stack: TorchStack) -> None:
    for (layer, reverse), part in stack.parts.items():
        if "weight_hr" in part:
            key = stack.key("weight_hr", layer, reverse)
            why = "proj_size > 0: its state is a projection of o ∘ tanh(c); Keras has no such LSTM"
            raise UserError(f"{key}: expected an LSTM without projection. Received: {why}")


def _check_complete(stack: TorchStack) -> None:
    """Refuse gaps between layers, and layers that differ in directions or biases."""
    present = {layer for layer, _ in stack.parts}
    missing = next(n for n in itertools.count() if n not in present)
    if missing < len(present):
        received = f"layers {', '.join(map(str, sorted(present)))}"
        raise UserError(f"{stack.key('weight_ih', missing)}: missing. Expected layers from 0 on. Received: {received}")
    biases = BIASES if stack.biased else ()
    first = next(tensor.key for tensor in stack.tensors())
    for n in range(len(present)):
        for reverse in (False, True)[: stack.directions]:
            part = stack.parts.get((n, reverse), {})
            for name in (*WEIGHTS, *biases):
                if name not in part:
                    why = "as other parts of the stack have biases" if name in BIASES else f"beside {first}"
                    raise UserError(f"{stack.key(name, n, reverse)}: missing. Expected it {why}")


def _cell(stack: TorchStack) -> tuple[str, int]:
    """The cell, by the number of gates of H rows in weight_hh, and H."""
    hidden = stack.parts[0, False]["weight_hh"]
    rows, units = hidden.shape if len(hidden.shape) == 2 else (0, 0)
    if min(rows, units) < 1:
        raise UserError(f"{hidden.key}: expected a matrix (gates · H, H). Received: shape {hidden.shape}")
    if rows % units or rows // units not in CELLS:
        expected = "1 gate (RNN), 3 gates (GRU) or 4 gates (LSTM)"
        received = f"shape {hidden.shape}, {rows / units:.3g} gates of {units} rows"
        raise UserError(f"{hidden.key}: expected {expected}. Received: {received}")
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
            sizes = f"{counted(count, 'gate')} of {counted(units, 'unit')} and {counted(features, 'feature')}"
            raise UserError(f"{tensor.key}: expected shape {expected} for {sizes}. Received: {tensor.shape}")
