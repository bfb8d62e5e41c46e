"""Simple recurrent network (Elman): one tanh of input and state, no gates.

    h_t = tanh(W x_t + U h_{t−1} + b)                                                        (Elman 1990, eq. 1)

Shapes: W kernel (I, H), U recurrent_kernel (H, H), b bias (H,). Parameters: H(I + H + 1).
Reference: J. L. Elman, "Finding structure in time", Cognitive Science 14, 1990.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import OF_ANY, WITHOUT_KERNEL, CellSpec, of_layers
from gru_tf.recurrent.cells._cell import RecurrentCell


@keras.saving.register_keras_serializable(package="gru_tf")
class RNNCell(RecurrentCell):
    """The Elman cell; weights interchange with `keras.layers.SimpleRNNCell`."""

    gates = ("h",)
    states = ("h",)
    draws_first = True

    def __init__(self, units: int, *arguments: Any, **options: Any):
        super().__init__(units, *arguments, **options)
        left_out = self.recurrent_activation is keras.activations.sigmoid  # which its configuration holds
        received = options.get("recurrent_activation")
        self._expect(left_out, "recurrent_activation", "left out, as this cell has no gates", received)

    def step(self, x: Any, states: list[Any], training: bool = False) -> list[Any]:
        """X (batch, I), [h (batch, H)] → [h']."""
        return [self.activation(self.from_input(x, training) + self.from_state(states[0], training))]


def gate_values(x: Array, states: Sequence[Array], weights: Mapping[str, Array]) -> dict[str, Array]:
    """The equation in NumPy float64; `weights` holds kernel, recurrent_kernel, bias."""
    return {"h": np.tanh(x @ weights["kernel"] + states[0] @ weights["recurrent_kernel"] + weights["bias"])}


def step(x: Array, states: Sequence[Array], weights: Mapping[str, Array]) -> list[Array]:
    """The new state is the candidate."""
    return [gate_values(x, states, weights)["h"]]


def ordinary(units: int, weight_dropout: float = 0.0, zoneout: float = 0.0, **options: Any) -> Any:
    """Keras' own layer, which has neither weight dropout nor zoneout."""
    return None if weight_dropout or zoneout else keras.layers.SimpleRNN(units, **options)


CELL = CellSpec(
    name="rnn",
    build=RNNCell,
    step=step,
    gate_values=gate_values,
    kept=None,
    gates=RNNCell.gates,
    states=RNNCell.states,
    parameters=lambda features, units: units * (features + units + 1),
    fused=of_layers("simple_rnn", "SimpleRNN"),
    reference="Elman 1990, Cognitive Science 14",
    options=OF_ANY,
    unfused=WITHOUT_KERNEL,
    ordinary=ordinary,
)
