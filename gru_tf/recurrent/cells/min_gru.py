"""minGRU: a GRU whose gate and candidate do not see the state, so that all steps can be computed at once.

    z_t = σ(W_z x_t + b_z)                                             update gate
    h̃_t = g(W_h x_t + b_h),  g(a) = a + ½ for a ≥ 0, σ(a) for a < 0    candidate, positive
    h_t = (1 − z_t) ∘ h_{t−1} + z_t ∘ h̃_t                              (Feng et al. 2024, log-space form, appendix B)

The state is linear in the one before, and `stock` trains by a parallel scan (gru_tf/recurrent/linear_scan.py).

Shapes: kernel (I, 2H), bias (2H,), blocks in the order z, h; there is no recurrent kernel. Parameters: 2H(I + 1).
Reference: L. Feng, F. Tung, M. O. Ahmed, Y. Bengio, H. Hajimirsadeghi, "Were RNNs all we needed?", arXiv 2410.01201, 2024.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import CellSpec, scanned
from gru_tf.recurrent.cells._linear import LinearCell, positive
from gru_tf.recurrent.sigmoid import sigmoid


@keras.saving.register_keras_serializable(package="gru_tf")
class MinGRUCell(LinearCell):
    """The minGRU cell.

    Args:
        units: H, size of the state.
        activation: of the candidate; g above by default.
        **options: those of `RecurrentCell`, without what concerns a recurrent kernel.
    """

    gates = ("z", "h")

    def __init__(self, units: int, activation: Any = positive, **options: Any):
        super().__init__(units, activation=activation, **options)

    def coefficients(self, x: Any, training: bool = False) -> tuple[Any, Any]:
        """(1 − z, z ∘ h̃), each (…, H), of inputs (…, I)."""
        a_z, a_h = self.split(self.from_input(x, training))
        z = self.recurrent_activation(a_z)
        return 1 - z, z * self.activation(a_h)


def gate_values(x: Array, states: Sequence[Array], weights: Mapping[str, Array]) -> dict[str, Array]:
    """The first two equations in NumPy float64; `weights` holds kernel and bias."""
    a_z, a_h = np.split(x @ weights["kernel"] + weights["bias"], 2, axis=-1)
    return {"z": sigmoid(a_z), "h": np.where(a_h >= 0, a_h + 0.5, sigmoid(a_h))}


def step(x: Array, states: Sequence[Array], weights: Mapping[str, Array]) -> list[Array]:
    """The last equation."""
    v = gate_values(x, states, weights)
    return [(1 - v["z"]) * states[0] + v["z"] * v["h"]]


CELL = CellSpec(
    name="min_gru",
    build=MinGRUCell,
    step=step,
    gate_values=gate_values,
    kept=lambda values: 1 - values["z"],
    gates=MinGRUCell.gates,
    states=MinGRUCell.states,
    parameters=lambda features, units: 2 * units * (features + 1),
    fused=scanned(MinGRUCell),
    reference="Feng et al. 2024, arXiv 2410.01201",
)
