"""minLSTM: an LSTM whose gates and candidate do not see the state, so that all steps can be computed at once.

    f_t = σ(W_f x_t + b_f)                                             forget gate
    i_t = σ(W_i x_t + b_i)                                             input gate
    h̃_t = g(W_h x_t + b_h),  g(a) = a + ½ for a ≥ 0, σ(a) for a < 0    candidate, positive
    h_t = f'_t ∘ h_{t−1} + i'_t ∘ h̃_t,  f' = f / (f + i),  i' = i / (f + i)
                                                                       (Feng et al. 2024, log-space form, appendix B)

The shares f' and i' are formed from logarithms, f' = σ(log f − log i), where f and i may both be too small to divide.
The state is linear in the one before, and `stock` trains by a parallel scan (gru_tf/recurrent/linear_scan.py).

Shapes: kernel (I, 3H), bias (3H,), blocks in the order f, i, h; there is no recurrent kernel. Parameters: 3H(I + 1).
Reference: L. Feng, F. Tung, M. O. Ahmed, Y. Bengio, H. Hajimirsadeghi, "Were RNNs all we needed?", arXiv 2410.01201, 2024.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import CellSpec, scanned
from gru_tf.recurrent.cells._linear import LinearCell, positive
from gru_tf.recurrent.sigmoid import sigmoid


@keras.saving.register_keras_serializable(package="gru_tf")
class MinLSTMCell(LinearCell):
    """The minLSTM cell.

    Args:
        units: H, size of the state.
        activation: of the candidate; g above by default.
        **options: those of `RecurrentCell`, without what concerns a recurrent kernel.

    Raises:
        ValueError: where `recurrent_activation` is not the logistic function, whose logarithm is needed.
    """

    gates = ("f", "i", "h")

    def __init__(self, units: int, activation: Any = positive, **options: Any):
        super().__init__(units, activation=activation, **options)
        logistic = self.recurrent_activation is keras.activations.sigmoid
        self._expect(logistic, "recurrent_activation", "'sigmoid'", options.get("recurrent_activation"))

    def coefficients(self, x: Any, training: bool = False) -> tuple[Any, Any]:
        """(f', i' ∘ h̃), each (…, H), of inputs (…, I)."""
        a_f, a_i, a_h = self.split(self.from_input(x, training))
        more_forget = ops.log_sigmoid(a_f) - ops.log_sigmoid(a_i)
        return ops.sigmoid(more_forget), ops.sigmoid(-more_forget) * self.activation(a_h)


def gate_values(x: Array, states: Sequence[Array], weights: Mapping[str, Array]) -> dict[str, Array]:
    """The first three equations in NumPy float64; `weights` holds kernel and bias."""
    a_f, a_i, a_h = np.split(x @ weights["kernel"] + weights["bias"], 3, axis=-1)
    return {"f": sigmoid(a_f), "i": sigmoid(a_i), "h": np.where(a_h >= 0, a_h + 0.5, sigmoid(a_h))}


def kept(values: Mapping[str, Array]) -> Array:
    """The forget gate's part of both gates."""
    share: Array = values["f"] / (values["f"] + values["i"])
    return share


def step(x: Array, states: Sequence[Array], weights: Mapping[str, Array]) -> list[Array]:
    """The last equation."""
    v = gate_values(x, states, weights)
    return [kept(v) * states[0] + v["i"] / (v["f"] + v["i"]) * v["h"]]


CELL = CellSpec(
    name="min_lstm",
    build=MinLSTMCell,
    step=step,
    gate_values=gate_values,
    kept=kept,
    gates=MinLSTMCell.gates,
    states=MinLSTMCell.states,
    parameters=lambda features, units: 3 * units * (features + 1),
    fused=scanned(MinLSTMCell),
    reference="Feng et al. 2024, arXiv 2410.01201",
)
