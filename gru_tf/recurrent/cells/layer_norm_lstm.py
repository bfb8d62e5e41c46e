"""Long short-term memory with layer normalisation of what its gates add up, and of the cell state that the output reads.

    (i, f, c̃, o) = LN(U h_{t−1}; α_1) + LN(W x_t; α_2) + b                                        (Ba et al. 2016, eq. 20)
    c_t = σ(f) ∘ c_{t−1} + σ(i) ∘ tanh(c̃)                                                          (eq. 21)
    h_t = σ(o) ∘ tanh(LN(c_t; α_3) + β)                                                            (eq. 22)

LN is that of `gru_tf.recurrent.cells._layer_norm`, over all 4H numbers of a product with `statistics="product"`, as in the
paper, Haste and TensorFlow Addons; over each gate's H with "gate", as in TF1's `LayerNormBasicLSTMCell`. The paper's β_1 and
β_2 are in b. TensorFlow Addons' `LayerNormLSTMCell` and PyTorch's example carry the normalised cell state on to the next
step, which is another function: that of `carry_normalized=True`, with epsilon=1e-3 for the former.

Peepholes, projection and chronological initialisation are those of `gru_tf.recurrent.cells.lstm`; peepholes are added to the
normalised sums.

Shapes: those of `lstm`; input_gain, state_gain (4H,), cell_gain, cell_shift (H,), the shift only with biases.
Parameters: those of `lstm` + 10H.
Reference: J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", arXiv 1607.06450, 2016.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import OF_ANY, CellSpec
from gru_tf.recurrent.cells._cell import copied
from gru_tf.recurrent.cells._chronological import LONGEST
from gru_tf.recurrent.cells._layer_norm import LayerNormalized, layer_norm, normalized
from gru_tf.recurrent.cells.lstm import WIDTHS, LSTMCell, gates_of, projected

BLOCKS = {"product": (4,), "gate": (1, 1, 1, 1)}


@keras.saving.register_keras_serializable(package="gru_tf")
class LayerNormLSTMCell(LayerNormalized, LSTMCell):
    """The layer-normalised LSTM cell.

    Args:
        units: H, size of c, and of h without projection; at least 2.
        epsilon: added to each variance.
        statistics: "product" for one mean and variance of all gates, "gate" for one of each.
        gain_initializer: of the gains.
        carry_normalized: whether the next step reads the normalised cell state too, as in TensorFlow Addons.
        **options: those of `LSTMCell`.

    Raises:
        ValueError: for a value that an argument does not take; when it is built with one unit.
    """

    gates = ("i", "f", "c", "o")
    states = ("h", "c")
    groups = BLOCKS
    of_equation: Mapping[str, Any] = {**LayerNormalized.of_equation, "carry_normalized": False}

    def __init__(self, units: int, carry_normalized: bool = False, **options: Any):
        self._expect(isinstance(carry_normalized, bool), "carry_normalized", "True or False", carry_normalized)
        super().__init__(units, **options)
        self.carry_normalized = carry_normalized

    def add_own_weights(self) -> None:
        """Create the gain and the shift of c, last."""
        super().add_own_weights()
        shape, gain = (self.units,), copied(self.gain_initializer)
        self.cell_gain = self.add_weight(name="cell_gain", shape=shape, initializer=gain)
        self.cell_shift = None
        if self.use_bias:
            self.cell_shift = self.add_weight(name="cell_shift", shape=shape, initializer="zeros")

    def read(self, c: Any) -> Any:
        """LN(c; α_3) + β."""
        values = normalized(c, self.epsilon) * self.cell_gain
        return values if self.cell_shift is None else values + self.cell_shift

    def step(self, x: Any, states: list[Any], training: bool = False) -> list[Any]:
        """X (batch, I), [h (batch, P or H), c (batch, H)] → [h', c']."""
        h, c = super().step(x, states, training)
        return [h, self.read(c) if self.carry_normalized else c]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        return {**super().get_config(), "carry_normalized": self.carry_normalized}


def gate_values(
    x: Array, states: Sequence[Array], weights: Mapping[str, Array], statistics: str = "product", **options: Any
) -> dict[str, Array]:
    """The gates' equations in NumPy float64; `weights` holds those of the Keras cell."""
    blocks = BLOCKS[statistics]
    of_input = weights["input_gain"] * layer_norm(x @ weights["kernel"], blocks)
    of_state = weights["state_gain"] * layer_norm(states[0] @ weights["recurrent_kernel"], blocks)
    return gates_of(of_state + of_input + weights["bias"], states[1], weights)


def step(x: Array, states: Sequence[Array], weights: Mapping[str, Array], **options: Any) -> list[Array]:
    """The last two equations, the output projected where there is a kernel for it."""
    v = gate_values(x, states, weights, **options)
    c = v["f"] * states[1] + v["i"] * v["c"]
    read = weights["cell_gain"] * layer_norm(c) + weights.get("cell_shift", 0.0)
    return [projected(v["o"] * np.tanh(read), weights), c]


def parameters(
    features: int,
    units: int,
    statistics: str = "product",
    peepholes: bool = False,
    projection: int | None = None,
    longest: int | None = None,
) -> int:
    """The plain cell's, two gains of 4H, and a gain and a shift of H."""
    plain = 4 * units * (features + (projection or units) + 1) + 3 * units * peepholes + units * (projection or 0)
    return plain + 10 * units


CELL = CellSpec(
    name="layer_norm_lstm",
    build=LayerNormLSTMCell,
    step=step,
    gate_values=gate_values,
    kept=lambda values, **options: values["f"],
    gates=LayerNormLSTMCell.gates,
    states=LayerNormLSTMCell.states,
    parameters=parameters,
    sizes=lambda units, projection=None, **options: (projection or units, units),
    fused=None,
    reference="Ba et al. 2016, arXiv 1607.06450",
    options={
        "statistics": ("product", "gate"),
        "peepholes": (False, True),
        "projection": (None, WIDTHS),
        "longest": (None, LONGEST),
        **OF_ANY,
    },
    least_units=2,
)
