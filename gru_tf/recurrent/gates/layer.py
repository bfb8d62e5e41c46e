"""Gate weights of a Keras cell or layer, stock or custom, read and written without importing Keras."""

from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.recurrent.gates.canonical import GateWeights, read
from gru_tf.recurrent.gates.layouts import layout
from gru_tf.recurrent.gates.packing import Layout

CLASSES = {"gru": {"GRUCell"}, "lstm": {"LSTMCell"}, "rnn": {"SimpleRNNCell", "RNNCell"}}  # stock or custom
POINT_SYMMETRIC = ("sigmoid", "hard_sigmoid", "keras2_hard_sigmoid")  # σ(−a) = 1 − σ(a)


def from_layer(layer: Any) -> GateWeights:
    """Weights of a built GRU, LSTM or plain RNN cell, or of the cell in a layer, of Keras' or of this project.

    Of a cell with LoRA they are W + α/r A B, of a quantised one the integers divided by their scales.

    Raises:
        ValueError: where it is none of these, has no weights yet, or others than these, such as peepholes.
    """
    cell, own = _cell(layer)
    names = [packed.name for packed in own.arrays if cell.use_bias or not packed.holds_biases]
    return read({name: _numbers(cell, name) for name in names}, own)


def load(layer: Any, gates: GateWeights) -> None:
    """Give a built GRU, LSTM or plain RNN cell, or the cell in a layer, these weights in its own convention and layout.

    Biases that it has and the weights have not become zero. Numbers are rounded where the cell's type is narrower.

    Raises:
        ValueError: where it is another cell, has no weights yet, has another reset, units or features, has no place for a
            bias that is not zero, or has the other convention and gates that are no sigmoid, and where it is quantised or
            has LoRA. It is then left as it was.
    """
    cell, own = _cell(layer)
    if getattr(cell, "lora_enabled", False) or getattr(cell, "quantization_mode", None):
        received = cell.quantization_mode or "LoRA"
        raise ValueError(
            f"gates: expected a cell whose kernels are weights, neither quantised nor with LoRA. Received: {received}"
        )
    gate = getattr(cell, "recurrent_activation", None)
    activation = getattr(gate, "__name__", repr(gate))
    if own.cell == gates.cell and gates.convention != own.convention and activation not in POINT_SYMMETRIC:
        raise ValueError(
            f"gates: expected weights in the cell's convention '{own.convention}', for a change of sign stands for the other"
            f" only under a {' or '.join(POINT_SYMMETRIC)}."
            f" Received: convention='{gates.convention}', recurrent_activation={activation}"
        )
    arrays = gates.write(own, biases=cell.use_bias)
    for name, array in arrays.items():
        expected = tuple(getattr(cell, name).shape)
        if array.shape != expected:
            raise ValueError(f"gates: expected {name} of shape {expected}. Received: weights for shape {array.shape}")
    for name, array in arrays.items():
        getattr(cell, name).assign(array)


def _numbers(cell: Any, name: str) -> Array:
    """A kernel or bias as it counts."""
    if name == "bias" or not hasattr(cell, "effective"):
        return np.asarray(getattr(cell, name).numpy())
    value = cell.effective(name, cell.variable_dtype)
    return np.asarray(value.numpy() if hasattr(value, "assign") else getattr(value, "detach", lambda: value)())


def _cell(layer: Any) -> tuple[Any, Layout]:
    """The cell that holds the weights, and its layout."""
    cell = getattr(layer, "cell", layer)
    classes = {kind.__name__ for kind in type(cell).__mro__}
    name = next((known for known, names in CLASSES.items() if classes & names), None)
    if name is None:
        raise ValueError(f"gates: expected a GRU, LSTM or plain RNN cell, or a layer with one. Received: {layer!r}")
    if not cell.built:
        raise ValueError(f"gates: expected a cell with weights; build it first, or call it once. Received: {layer!r}")
    convention = getattr(cell, "convention", getattr(layer, "convention", "keep"))  # the stock cell has none
    if name == "gru":
        own = layout("keras" if cell.reset_after else "keras_reset_before", convention)
    else:
        own = layout(f"keras_{name}")
    names = {packed.name for packed in own.arrays}
    within = tuple(part for name in names for part in (f"lora_{name}_", f"{name}_scale"))  # of which a kernel is made
    others = [weight.name for weight in cell.weights if weight.name not in names and not weight.name.startswith(within)]
    if others:
        raise ValueError(f"gates: expected a cell with the weights of a plain {name} alone. Received: {', '.join(others)}")
    return cell, own
