"""Any Keras cell, of one state, of several, or a stack of cells, with all its states in one flat list."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops
from keras.layers import StackedRNNCells

from gru_tf.recurrent.cells._arguments import expect


def as_cell(who: str, cell: Any) -> Any:
    """The cell, or the stack of those in a list."""
    cell = StackedRNNCells(list(cell)) if isinstance(cell, (list, tuple)) and cell else cell
    is_cell = isinstance(cell, keras.layers.Layer) and hasattr(cell, "state_size") and not isinstance(cell, keras.layers.RNN)
    attends = hasattr(cell, "remember")  # and is given a memory by none but its own loop
    expect(is_cell and not attends, who, "cell", "a Keras cell or a list of them, none that attends itself", cell)
    return cell


def output_size(cell: Any) -> int:
    """H of the cell's output."""
    size = getattr(cell, "output_size", None)
    return int(keras.tree.flatten(cell.state_size)[0] if size is None else size)


def output_place(who: str, cell: Any) -> int:
    """Which of the cell's states, in a flat list, is its output: the first, of a stack that of the last cell.

    Raises:
        ValueError: for a cell whose output is not as wide as that state.
    """
    inner = cell.cells if isinstance(cell, StackedRNNCells) else [cell]
    size = keras.tree.flatten(inner[-1].state_size)[0]
    fits = size == output_size(inner[-1])
    expect(fits, who, "attend_first", f"False for a cell whose first state, of width {size}, is not its output", True)
    return sum(len(keras.tree.flatten(other.state_size)) for other in inner[:-1])


def initial_states(cell: Any, batch_size: Any) -> list[Any]:
    """The cell's own initial states, in a flat list."""
    if hasattr(cell, "get_initial_state"):
        return list(keras.tree.flatten(cell.get_initial_state(batch_size=batch_size)))
    return [ops.zeros((batch_size, size), cell.compute_dtype) for size in keras.tree.flatten(cell.state_size)]


def in_form(cell: Any, states: list[Any]) -> Any:
    """A flat list of states in the form in which the cell takes them: a list, for a stack of cells of lists."""
    rest = iter(states)

    def form(size: Any) -> Any:
        return [form(inner) for inner in size] if isinstance(size, (list, tuple)) else next(rest)

    return form(cell.state_size if isinstance(cell.state_size, (list, tuple)) else [cell.state_size])


def run_cell(cell: Any, x: Any, states: Any, training: bool | None, noise: Any = None) -> tuple[Any, list[Any]]:
    """One step of a cell: (output, states in a flat list); `noise` is for zoneout, as `gru_tf.RNN` draws it."""
    asks = getattr(cell, "_call_has_training_arg", False)  # as keras.layers.RNN asks
    option: dict[str, Any] = {"training": training} if asks else {}
    option |= {} if noise is None else {"noise": noise}
    output, after = cell(x, states, **option)
    return output, list(keras.tree.flatten(after))


def states_of(layer: Any, states: list[Any]) -> tuple[Any, list[Any]]:
    """The first of the states, in the form that the layer's cell has them, and the rest."""
    count = len(keras.tree.flatten(layer.cell.state_size))
    return in_form(layer.cell, states[:count]), states[count:]


@contextmanager
def dropout_drawn(layers: list[Any], x: Any, states: list[Any]) -> Iterator[None]:
    """The cells' dropout masks drawn ahead, as a loop must not; as `keras.layers.RNN` does for its cell. x: (batch, I)."""
    rest = list(states)
    for layer in layers:
        given, rest = states_of(layer, rest)
        layer._maybe_config_dropout_masks(layer.cell, x, given)
        x = ops.zeros((ops.shape(x)[0], output_size(layer.cell)), x.dtype)
    yield
    for layer in layers:
        layer._maybe_reset_dropout_masks(layer.cell)


def zoneout_noise(cells: list[Any], sequences: Any) -> tuple[Any, Callable[[Any], list[Any]]]:
    """What decides in every cell and step of the sequences what zones out: (batch, T, ·), None where nothing does.

    Returns:
        It, and what cuts a step of it into one part for each cell; None for a cell without zoneout.
    """
    zones = [cell if getattr(cell, "zoneout", 0) and hasattr(cell, "sequence_noise") else None for cell in cells]
    widths = [0 if cell is None else sum(cell.state_sizes) for cell in zones]
    batch, steps = ops.shape(sequences)[0], ops.shape(sequences)[1]
    drawn = [cell.sequence_noise(batch, steps, width) for cell, width in zip(zones, widths, strict=True) if cell is not None]

    def parts(noise: Any) -> list[Any]:
        ends = [sum(widths[: n + 1]) for n in range(len(widths))]
        return [noise[:, end - width : end] if width else None for end, width in zip(ends, widths, strict=True)]

    return (ops.concatenate(drawn, axis=-1) if drawn else None), parts
