"""Simple recurrent network with layer normalisation of what its units add up.

    h_t = tanh(LN(W x_t + U h_{t−1}; α) + b)                                                       (Ba et al. 2016, eq. 4)

LN is that of `gru_tf.recurrent.cells._layer_norm`, of the sum over all H units; so in TensorFlow Addons'
`LayerNormSimpleRNNCell`, with epsilon=1e-3.

Shapes: those of `rnn`; gain (H,). Parameters: H(I + H + 2).
Reference: J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", arXiv 1607.06450, 2016.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import OF_ANY, CellSpec
from gru_tf.recurrent.cells._cell import RecurrentCell
from gru_tf.recurrent.cells._layer_norm import LayerNormalized, layer_norm


@keras.saving.register_keras_serializable(package="gru_tf")
class LayerNormRNNCell(LayerNormalized):
    """The layer-normalised Elman cell.

    Args:
        units: H, size of the state, at least 2.
        epsilon: added to the variance.
        gain_initializer: of the gain.
        **options: those of `RecurrentCell`.

    Raises:
        ValueError: for a value that an argument does not take; when it is built with one unit.
    """

    gates = ("h",)
    states = ("h",)
    gains = ("gain",)

    def step(self, x: Any, states: list[Any], training: bool = False) -> list[Any]:
        """X (batch, I), [h (batch, H)] → [h']."""
        total = self.input_product(x, training) + RecurrentCell.from_state(self, states[0], training)
        values = self.normalized(total) * self.gain
        return [self.activation(values + self.bias if self.use_bias else values)]


def gate_values(x: Array, states: Sequence[Array], weights: Mapping[str, Array]) -> dict[str, Array]:
    """The equation in NumPy float64; `weights` holds kernel, recurrent_kernel, bias, gain."""
    total = x @ weights["kernel"] + states[0] @ weights["recurrent_kernel"]
    return {"h": np.tanh(weights["gain"] * layer_norm(total) + weights["bias"])}


def step(x: Array, states: Sequence[Array], weights: Mapping[str, Array]) -> list[Array]:
    """The new state is the candidate."""
    return [gate_values(x, states, weights)["h"]]


CELL = CellSpec(
    name="layer_norm_rnn",
    build=LayerNormRNNCell,
    step=step,
    gate_values=gate_values,
    kept=None,
    gates=LayerNormRNNCell.gates,
    states=LayerNormRNNCell.states,
    parameters=lambda features, units: units * (features + units + 2),
    fused=None,
    reference="Ba et al. 2016, arXiv 1607.06450",
    options=OF_ANY,
    least_units=2,
)
