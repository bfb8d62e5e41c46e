"""Gates and states of every recurrent layer over time, recomputed from its weights in float64."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import CANDIDATES
from gru_tf.training.diagnostics.equations import Equation, equation
from gru_tf.training.diagnostics.recurrence import Call, Place, run


@dataclass(frozen=True)
class Gates:
    """One recurrent layer, in one direction, over a batch of sequences.

    All arrays are (batch, T, units), those of states (batch, T, their size), in the order of the input also where the layer
    reads it backwards; steps that a mask or a length leaves out are NaN.

    Args:
        place: which layer and direction.
        cell: its name in the catalogue.
        values: gate → its activations, candidates included.
        states: state → its values after each step; the first state is the layer's output.
        kept: share of the old state that the step keeps; None for a cell without an update or forget gate.
    """

    place: Place
    cell: str
    values: dict[str, Array]
    states: dict[str, Array]
    kept: Array | None

    @property
    def gates(self) -> tuple[str, ...]:
        """Names of the gates proper, which lie between 0 and 1, without candidates."""
        return tuple(name for name in self.values if name not in CANDIDATES)

    def example(self, index: int) -> dict[str, Array]:
        """Gate → (T, units) of one sequence."""
        return {name: value[index] for name, value in self.values.items()}


def gates(model: Any, inputs: Any, lengths: Any = None) -> tuple[Gates, ...]:
    """The gates of every recurrent layer of `model` over time.

    The model runs once, at inference, to record what each layer reads; the gates follow from that and from the layer's
    weights by the cell's equation in NumPy float64.

    Args:
        model: a Keras model, or a recurrent layer.
        inputs: what it takes, a batch.
        lengths: (batch,) real steps of each sequence, for inputs that are padded without a mask; all if None.

    Raises:
        ValueError: where there is no recurrent layer, or one whose cell the catalogue does not have.
    """
    calls: list[tuple[Call, Equation]] = []

    def listen(call: Call, own: Callable[[], Any]) -> Any:
        calls.append((call, equation(call.layer)))
        return own()

    run(model, inputs, listen)
    return tuple(_follow(call, by, call.real(lengths)) for call, by in calls)


def _follow(call: Call, by: Equation, real: Any) -> Gates:
    sequence = _array(call.sequence)
    states = [_array(state) for state in call.states]
    update = np.ones(real.shape, bool) if call.mask is None else keras.ops.convert_to_numpy(call.mask).astype(bool)
    series: dict[str, list[Array]] = defaultdict(list)
    for t in range(sequence.shape[1]):
        x = sequence[:, t]
        values = by.gate_values(x, states)
        new = by.step(x, states)
        states = [np.where(update[:, t, None], n, s) for n, s in zip(new, states, strict=True)]
        kept = by.kept(values)
        current = {**values, **{"state " + name: state for name, state in zip(by.states, states, strict=True)}}
        for name, value in (current if kept is None else {**current, "kept": kept}).items():
            series[name].append(np.where(real[:, t, None], value, np.nan))
    backward = call.place.direction == "backward"
    whole = {name: np.stack(steps[::-1] if backward else steps, axis=1) for name, steps in series.items()}
    return Gates(
        place=call.place,
        cell=by.cell.name,
        values={gate: whole[gate] for gate in by.gates},
        states={state: whole["state " + state] for state in by.states},
        kept=whole.get("kept"),
    )


def _array(tensor: Any) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(tensor), np.float64)
