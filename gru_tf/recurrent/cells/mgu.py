"""Minimal gated unit: a GRU whose two gates are one.

    f_t = σ(W_f x_t + U_f h_{t−1} + b_f)                               forget gate
    h̃_t = tanh(W_h x_t + U_h (f_t ∘ h_{t−1}) + b_h)                    candidate, the gate as a reset gate
    h_t = (1 − f_t) ∘ h_{t−1} + f_t ∘ h̃_t                              the gate as an update gate  (Zhou et al. 2016)

Shapes: kernel (I, 2H), recurrent_kernel (H, 2H), bias (2H,), blocks in the order f, h. Parameters: 2H(I + H + 1).
Reference: G.-B. Zhou, J. Wu, C.-L. Zhang, Z.-H. Zhou, "Minimal gated unit for recurrent neural networks",
arXiv 1603.09420, 2016.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import OF_ANY, CellSpec
from gru_tf.recurrent.cells._cell import RecurrentCell
from gru_tf.recurrent.sigmoid import sigmoid


@keras.saving.register_keras_serializable(package="gru_tf")
class MGUCell(RecurrentCell):
    """The minimal gated unit; its arguments are those of `RecurrentCell`."""

    gates = ("f", "h")
    states = ("h",)

    def step(self, x: Any, states: list[Any], training: bool = False) -> list[Any]:
        """X (batch, I), [h (batch, H)] → [h']."""
        h = states[0]
        x_f, x_h = self.split(self.from_input(x, training))
        f = self.recurrent_activation(x_f + self.from_state(h, training, gates=("f",)))
        return [(1 - f) * h + f * self.activation(x_h + self.from_state(f * h, training, gates=("h",)))]


def gate_values(x: Array, states: Sequence[Array], weights: Mapping[str, Array]) -> dict[str, Array]:
    """The first two equations in NumPy float64; `weights` holds kernel, recurrent_kernel, bias."""
    h = states[0]
    x_f, x_h = np.split(x @ weights["kernel"] + weights["bias"], 2, axis=-1)
    u_f, u_h = np.split(weights["recurrent_kernel"], 2, axis=-1)
    f = sigmoid(x_f + h @ u_f)
    return {"f": f, "h": np.tanh(x_h + (f * h) @ u_h)}


def step(x: Array, states: Sequence[Array], weights: Mapping[str, Array]) -> list[Array]:
    """The last equation."""
    v = gate_values(x, states, weights)
    return [(1 - v["f"]) * states[0] + v["f"] * v["h"]]


CELL = CellSpec(
    name="mgu",
    build=MGUCell,
    step=step,
    gate_values=gate_values,
    kept=lambda values: 1 - values["f"],
    gates=MGUCell.gates,
    states=MGUCell.states,
    parameters=lambda features, units: 2 * units * (features + units + 1),
    fused=None,
    options=OF_ANY,
    reference="Zhou et al. 2016, arXiv 1603.09420",
)
