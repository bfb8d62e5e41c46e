"""Long short-term memory: input, forget and output gates around a cell state.

    i_t = σ(W_i x_t + U_i h_{t−1} + b_i)          input gate
    f_t = σ(W_f x_t + U_f h_{t−1} + b_f)          forget gate, bias 1 at the start (Jozefowicz et al. 2015)
    c̃_t = tanh(W_c x_t + U_c h_{t−1} + b_c)       candidate
    o_t = σ(W_o x_t + U_o h_{t−1} + b_o)          output gate
    c_t = f_t ∘ c_{t−1} + i_t ∘ c̃_t
    h_t = o_t ∘ tanh(c_t)                                  (Graves 2013, arXiv 1308.0850, eqs. 7–11, no peepholes)

Shapes: kernel (I, 4H), recurrent_kernel (H, 4H), bias (4H,), blocks in Keras' order i, f, c, o.
Parameters: 4H(I + H + 1).
Reference: S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997; forget gate:
F. Gers, J. Schmidhuber, F. Cummins, "Learning to forget", 2000.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import OF_ANY, WITHOUT_KERNEL, CellSpec, of_layers
from gru_tf.recurrent.cells._cell import RecurrentCell
from gru_tf.recurrent.sigmoid import sigmoid


@keras.saving.register_keras_serializable(package="gru_tf")
class LSTMCell(RecurrentCell):
    """The LSTM cell; weights interchange with `keras.layers.LSTMCell`.

    Args:
        units: H, size of h and c.
        unit_forget_bias: whether the forget gate's bias starts at 1.
        **options: those of `RecurrentCell`.
    """

    gates = ("i", "f", "c", "o")
    states = ("h", "c")

    def __init__(self, units: int, unit_forget_bias: bool = True, **options: Any):
        super().__init__(units, **options)
        self.unit_forget_bias = unit_forget_bias

    def initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """The initial bias, with ones for the forget gate where `unit_forget_bias` says so."""
        bias = self.bias_initializer(shape, dtype=dtype)
        if not self.unit_forget_bias:
            return bias
        i, f, c, o = self.split(bias)
        return ops.concatenate([i, ops.ones_like(f), c, o])

    def step(self, x: Any, states: list[Any], training: bool = False) -> list[Any]:
        """X (batch, I), [h, c] each (batch, H) → [h', c']."""
        h, c = states
        a_i, a_f, a_c, a_o = self.split(self.from_input(x, training) + self.from_state(h, training))
        i, f, o = map(self.recurrent_activation, (a_i, a_f, a_o))
        c = f * c + i * self.activation(a_c)
        return [o * self.activation(c), c]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        return {**super().get_config(), "unit_forget_bias": self.unit_forget_bias}


def gate_values(x: Array, states: Sequence[Array], weights: Mapping[str, Array]) -> dict[str, Array]:
    """The first four equations in NumPy float64; `weights` holds kernel, recurrent_kernel, bias."""
    a = x @ weights["kernel"] + states[0] @ weights["recurrent_kernel"] + weights["bias"]
    a_i, a_f, a_c, a_o = np.split(a, 4, axis=-1)
    return {"i": sigmoid(a_i), "f": sigmoid(a_f), "c": np.tanh(a_c), "o": sigmoid(a_o)}


def step(x: Array, states: Sequence[Array], weights: Mapping[str, Array]) -> list[Array]:
    """The last two equations."""
    v = gate_values(x, states, weights)
    c = v["f"] * states[1] + v["i"] * v["c"]
    return [v["o"] * np.tanh(c), c]


def ordinary(units: int, weight_dropout: float = 0.0, zoneout: float = 0.0, **options: Any) -> Any:
    """Keras' own layer, which has neither weight dropout nor zoneout."""
    return None if weight_dropout or zoneout else keras.layers.LSTM(units, **options)


CELL = CellSpec(
    name="lstm",
    build=LSTMCell,
    step=step,
    gate_values=gate_values,
    kept=lambda values: values["f"],
    gates=LSTMCell.gates,
    states=LSTMCell.states,
    parameters=lambda features, units: 4 * units * (features + units + 1),
    fused=of_layers("lstm", "LSTM"),
    reference="Hochreiter and Schmidhuber 1997; Gers et al. 2000",
    options=OF_ANY,
    unfused=WITHOUT_KERNEL,
    ordinary=ordinary,
)
