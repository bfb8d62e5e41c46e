"""Gates of a Keras object, stock or custom: taken as it comes, so that Keras itself is not imported."""

from typing import Any

from gru_tf.gates.canonical import Gates, read
from gru_tf.gates.layouts import Layout, layout

POINT_SYMMETRIC = ("sigmoid", "hard_sigmoid")  # σ(−a) = 1 − σ(a)


def of(layer: Any) -> Gates:
    """Gates of a built GRU cell, or of the cell in a layer, stock (`keras.layers`) or custom (`gru_tf`).

    Raises:
        ValueError: where it is not a GRU, or has no weights yet.
    """
    cell, own = _cell(layer)
    names = [packed.name for packed in own.arrays if cell.use_bias or not packed.holds_biases]
    return read({name: getattr(cell, name).numpy() for name in names}, own)


def load(layer: Any, gates: Gates) -> None:
    """Give a built GRU cell, or the cell in a layer, these weights in its own convention and layout.

    Biases that it has and the weights have not become zero. Numbers are rounded where the cell's type is narrower.

    Raises:
        ValueError: where it is not a GRU, has no weights yet, has another reset, units or features, has no place for a bias
            that is not zero, or has the other convention and gates that are no sigmoid. It is then left as it was.
    """
    cell, own = _cell(layer)
    activation = getattr(cell.recurrent_activation, "__name__", repr(cell.recurrent_activation))
    if gates.convention != own.convention and activation not in POINT_SYMMETRIC:
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


def _cell(layer: Any) -> tuple[Any, Layout]:
    """The cell that holds the weights, and its layout."""
    cell = getattr(layer, "cell", layer)
    if not hasattr(cell, "reset_after"):
        raise ValueError(f"gates: expected a GRU cell, or a layer with one. Received: {layer!r}")
    if not cell.built:
        raise ValueError(f"gates: expected a cell with weights; build it first, or call it once. Received: {layer!r}")
    convention = getattr(cell, "convention", getattr(layer, "convention", "keep"))  # the stock cell has none
    return cell, layout("keras" if cell.reset_after else "keras_reset_before", convention)
