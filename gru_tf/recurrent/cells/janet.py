"""JANET: an LSTM with its forget gate alone.

    s_t = W_f x_t + U_f h_{t−1} + b_f
    f_t = σ(s_t)                                                       forget gate
    c̃_t = tanh(W_c x_t + U_c h_{t−1} + b_c)                            candidate
    h_t = c_t = f_t ∘ c_{t−1} + (1 − σ(s_t − β)) ∘ c̃_t,  β = 1         (van der Westhuizen and Lasenby 2018)

With β > 0 the cell takes in a little more than it forgets: the two shares of a step do not sum to 1.

Chronological initialisation (`longest`: T_max) draws b_f = log u, u ~ U(1, T_max − 1), so that memories begin with
lengths of 1 to T_max steps (Tallec and Ollivier 2018, arXiv 1804.11188).

Shapes: kernel (I, 2H), recurrent_kernel (H, 2H), bias (2H,), blocks in the order f, c. Parameters: 2H(I + H + 1).
Reference: J. van der Westhuizen, J. Lasenby, "The unreasonable effectiveness of the forget gate", arXiv 1804.04849, 2018.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import OF_ANY, CellSpec
from gru_tf.recurrent.cells._cell import RecurrentCell
from gru_tf.recurrent.cells._chronological import LONGEST, lengths, logarithms
from gru_tf.recurrent.sigmoid import sigmoid

BETA = 1.0


@keras.saving.register_keras_serializable(package="gru_tf")
class JANETCell(RecurrentCell):
    """The JANET cell, whose output is its state.

    Args:
        units: H, size of the state.
        longest: T_max of the chronological initialisation, the longest dependency in steps; None for a plain one.
        **options: those of `RecurrentCell`.

    Raises:
        ValueError: where `longest` is neither None nor a whole number of at least 3, or there is no bias to start.
    """

    gates = ("f", "c")
    states = ("h",)

    def __init__(self, units: int, longest: int | None = None, **options: Any):
        super().__init__(units, **options)
        self.longest, self.lengths = longest, lengths(type(self).__name__, longest, self.use_bias)

    def initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """The initial bias, with the logarithms of random lengths for the forget gate where `longest` is given."""
        bias = self.bias_initializer(shape, dtype=dtype)
        if self.lengths is None:
            return bias
        return ops.concatenate([logarithms(self.lengths, self.units, dtype), self.split(bias)[1]])

    def step(self, x: Any, states: list[Any], training: bool = False) -> list[Any]:
        """X (batch, I), [h (batch, H)] → [h']."""
        h = states[0]
        s, a_c = self.split(self.from_input(x, training) + self.from_state(h, training))
        f, taken = self.recurrent_activation(s), 1 - self.recurrent_activation(s - BETA)
        return [f * h + taken * self.activation(a_c)]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        return {**super().get_config(), "longest": self.longest}


def _activations(x: Array, states: Sequence[Array], weights: Mapping[str, Array]) -> list[Array]:
    a = x @ weights["kernel"] + states[0] @ weights["recurrent_kernel"] + weights["bias"]
    return np.split(a, 2, axis=-1)


def gate_values(
    x: Array, states: Sequence[Array], weights: Mapping[str, Array], longest: int | None = None
) -> dict[str, Array]:
    """The second and third equation in NumPy float64; `weights` holds kernel, recurrent_kernel, bias."""
    s, a_c = _activations(x, states, weights)
    return {"f": sigmoid(s), "c": np.tanh(a_c)}


def step(x: Array, states: Sequence[Array], weights: Mapping[str, Array], **options: Any) -> list[Array]:
    """The last equation."""
    s, _ = _activations(x, states, weights)
    v = gate_values(x, states, weights)
    return [v["f"] * states[0] + (1 - sigmoid(s - BETA)) * v["c"]]


CELL = CellSpec(
    name="janet",
    build=JANETCell,
    step=step,
    gate_values=gate_values,
    kept=lambda values, **options: values["f"],
    gates=JANETCell.gates,
    states=JANETCell.states,
    parameters=lambda features, units, **options: 2 * units * (features + units + 1),
    fused=None,
    reference="van der Westhuizen and Lasenby 2018, arXiv 1804.04849",
    options={"longest": (None, LONGEST), **OF_ANY},
)
