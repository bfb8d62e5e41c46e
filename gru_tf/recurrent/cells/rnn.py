"""Simple recurrent network (Elman): one tanh of input and state, no gates.

    h_t = tanh(W x_t + U h_{t−1} + b)                                                        (Elman 1990, eq. 1)

With `activation: relu`, h_t = max(0, W x_t + U h_{t−1} + b); with `recurrent_start: identity`, U begins as the identity.
Both are the IRNN of Le and others (sec. 3), whose biases begin at zero and other weights normal, of deviation 0.001.

Shapes: W kernel (I, H), U recurrent_kernel (H, H), b bias (H,). Parameters: H(I + H + 1).
References: J. L. Elman, "Finding structure in time", Cognitive Science 14, 1990; Q. V. Le, N. Jaitly, G. E. Hinton, "A
simple way to initialize recurrent networks of rectified linear units", arXiv 1504.00941, 2015.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import OF_ANY, WITHOUT_KERNEL, CellSpec, of_layers
from gru_tf.recurrent.cells._cell import RecurrentCell

STARTS = ("orthogonal", "identity")


@keras.saving.register_keras_serializable(package="gru_tf")
class RNNCell(RecurrentCell):
    """The Elman cell; weights interchange with `keras.layers.SimpleRNNCell`.

    Args:
        units: H.
        *arguments: those of `RecurrentCell`, in its order.
        recurrent_start: "orthogonal", or what `recurrent_initializer` says; "identity" for a U that begins as the identity.
        **options: those of `RecurrentCell`.

    Raises:
        ValueError: for a value that an argument does not take, and for a `recurrent_initializer` beside "identity".
    """

    gates = ("h",)
    states = ("h",)
    draws_first = True

    def __init__(self, units: int, *arguments: Any, recurrent_start: str = "orthogonal", **options: Any):
        self._expect(recurrent_start in STARTS, "recurrent_start", "'orthogonal' or 'identity'", recurrent_start)
        if recurrent_start == "identity":
            given = options.get("recurrent_initializer", "orthogonal")
            left_out = given == "orthogonal"
            self._expect(left_out, "recurrent_initializer", "left out with recurrent_start='identity'", given)
            options = {**options, "recurrent_initializer": "identity"}
        super().__init__(units, *arguments, **options)
        left_out = self.recurrent_activation is keras.activations.sigmoid  # which its configuration holds
        received = options.get("recurrent_activation")
        self._expect(left_out, "recurrent_activation", "left out, as this cell has no gates", received)

    def step(self, x: Any, states: list[Any], training: bool = False) -> list[Any]:
        """X (batch, I), [h (batch, H)] → [h']."""
        return [self.activation(self.from_input(x, training) + self.from_state(states[0], training))]

    @property
    def recurrent_start(self) -> str:
        """How U begins, which the configuration has as `recurrent_initializer`."""
        return "identity" if isinstance(self.recurrent_initializer, keras.initializers.Identity) else "orthogonal"


def gate_values(
    x: Array, states: Sequence[Array], weights: Mapping[str, Array], activation: str = "tanh", **options: Any
) -> dict[str, Array]:
    """The equation in NumPy float64; `weights` holds kernel, recurrent_kernel, bias."""
    a = x @ weights["kernel"] + states[0] @ weights["recurrent_kernel"] + weights["bias"]
    return {"h": np.maximum(a, 0) if activation == "relu" else np.tanh(a)}


def step(x: Array, states: Sequence[Array], weights: Mapping[str, Array], **options: Any) -> list[Array]:
    """The new state is the candidate."""
    return [gate_values(x, states, weights, **options)["h"]]


def ordinary(
    units: int, weight_dropout: float = 0.0, zoneout: float = 0.0, recurrent_start: str = "orthogonal", **options: Any
) -> Any:
    """Keras' own layer, which has neither weight dropout nor zoneout."""
    start = {"recurrent_initializer": "identity"} if recurrent_start == "identity" else {}
    return None if weight_dropout or zoneout else keras.layers.SimpleRNN(units, **start, **options)


CELL = CellSpec(
    name="rnn",
    build=RNNCell,
    step=step,
    gate_values=gate_values,
    kept=None,
    gates=RNNCell.gates,
    states=RNNCell.states,
    parameters=lambda features, units, **options: units * (features + units + 1),
    fused=of_layers("simple_rnn", "SimpleRNN"),
    reference="Elman 1990, Cognitive Science 14",
    options={"activation": ("tanh", "relu"), "recurrent_start": STARTS, **OF_ANY},
    unfused={"activation": ("relu",), **WITHOUT_KERNEL},
    ordinary=ordinary,
)
