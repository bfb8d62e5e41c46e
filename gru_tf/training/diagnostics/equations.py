"""The equation that a Keras layer computes: its cell in the catalogue, that cell's options, its weights in float64."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import CELLS, CellSpec

STOCK = {keras.layers.SimpleRNNCell: "rnn", keras.layers.LSTMCell: "lstm", keras.layers.GRUCell: "gru"}


@dataclass(frozen=True)
class Equation:
    """A cell with its options and weights.

    Args:
        cell: its entry in the catalogue.
        options: its own options.
        weights: by name, in float64.
    """

    cell: CellSpec
    options: Mapping[str, Any]
    weights: Mapping[str, Array]

    @property
    def gates(self) -> tuple[str, ...]:
        """Names of its gates, candidates included."""
        return self.cell.gate_names(self.options)

    @property
    def states(self) -> tuple[str, ...]:
        """Names of its states."""
        return self.cell.state_names(self.options)

    def gate_values(self, x: Array, states: Sequence[Array]) -> dict[str, Array]:
        """Each gate in one step, (batch, units)."""
        return self.cell.values(x, states, self.weights, self.options)

    def step(self, x: Array, states: Sequence[Array]) -> list[Array]:
        """The states after one step."""
        return self.cell.new_states(x, states, self.weights, self.options)

    def kept(self, values: Mapping[str, Array]) -> Array | None:
        """The share of each unit's old state that the step keeps; None for a cell without such a gate."""
        return self.cell.kept_share(values, self.options)


def equation(layer: Any) -> Equation:
    """The equation of a built recurrent layer, its kernels with what LoRA makes of them.

    Raises:
        ValueError: where its cell is not in the catalogue, is quantised, or has other activations than its equation.
    """
    cell = layer.cell
    spec = CELLS.find(_name(layer))
    for role in ("activation", "recurrent_activation"):
        _check_activation(layer, role, spec)
    for name, expected in getattr(cell, "of_equation", {}).items():
        _check_argument(layer, name, getattr(cell, name), expected)
    if mode := getattr(cell, "quantization_mode", None):  # such a cell rounds what it reads at every step
        raise ValueError(f"{layer.name}: expected a cell with kernels of floats. Received: one quantised to {mode}")
    options = {name: getattr(cell, name) for name in spec.options if getattr(cell, name, None) is not None}
    options |= {name: value.__name__ for name, value in options.items() if callable(value)}  # an activation
    weights = {w.name: _array(w) for w in cell.weights}
    for name in cell.own_kernels() if hasattr(cell, "own_kernels") else ():  # with what LoRA makes of them
        weights[name] = _array(cell.effective(name, cell.variable_dtype))
    if "bias" not in weights:
        columns = weights["kernel"].shape[-1]
        stock = (2, columns) if getattr(cell, "reset_after", False) else (columns,)
        weights["bias"] = np.zeros(getattr(cell, "bias_shape", stock))
    return Equation(spec, options, weights)


def _array(weight: Any) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(weight), np.float64)


def _name(layer: Any) -> str:
    """The catalogue's name of the layer's cell; of exactly this class, since a subclass may compute anything."""
    kind = type(layer.cell)
    if kind in STOCK:
        return STOCK[kind]
    for name in CELLS.names():
        if CELLS.find(name).build is kind:
            return name
    valid = ", ".join(CELLS.names())
    raise ValueError(f"{layer.name}: expected a cell of the catalogue ({valid}), stock or custom. Received: {kind.__name__}")


def _check_activation(layer: Any, role: str, spec: CellSpec) -> None:
    received = getattr(layer.cell, role, None)
    expected = _default(type(layer.cell), role)
    others = map(keras.activations.get, spec.options.get(role, ()))
    if any(received is other for other in others):
        return
    if received is not None and expected is not None and received is not keras.activations.get(expected):
        _check_argument(layer, role, getattr(received, "__name__", received), expected)


def _check_argument(layer: Any, name: str, received: Any, expected: Any) -> None:
    if received != expected:
        message = f"{layer.name}: expected {name}={expected!r}, which the equation has. Received: {name}={received!r}"
        raise ValueError(message)


def _default(kind: type, argument: str) -> Any:
    """The default of a constructor's argument, of the first class in the line that names it."""
    for parent in kind.__mro__:
        if "__init__" in vars(parent) and argument in (known := inspect.signature(vars(parent)["__init__"]).parameters):
            return known[argument].default
    return None
