"""Gated recurrent unit with layer normalisation of each product, before the gates.

    (z, r) = LN(U_zr h_{t−1}; α_1) + LN(W_zr x_t; α_2) + b_zr + b'_zr                            (Ba et al. 2016, supplement)
    h̃_t = tanh(LN(W_h x_t; α_3) + b_h + σ(r) ∘ (LN(U_h h_{t−1}; α_4) + b'_h))
    h_t = σ(z) ∘ h_{t−1} + (1 − σ(z)) ∘ h̃_t                  convention="keep"      (the authors' code, Haste)
    h_t = (1 − σ(z)) ∘ h_{t−1} + σ(z) ∘ h̃_t                  convention="write"     (the paper)

LN is that of `gru_tf.recurrent.cells._layer_norm`: with `statistics="product"` over the 2H numbers of z and r, and over the
H of the candidate, as the paper and its authors' code have it; with "gate" over each gate's H; with "all" over all 3H, as
Haste's `LayerNormGRU`. The biases are the paper's shifts β. The reset acts after the product, as in all of these.

Shapes: those of `gru` with reset_after; input_gain, state_gain (3H,). Parameters: 3H(I + H + 4).
Reference: J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", arXiv 1607.06450, 2016, supplementary material, the
GRU of the experiments with order-embeddings and skip-thoughts.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import OF_ANY, CellSpec
from gru_tf.recurrent.cells._chronological import LONGEST
from gru_tf.recurrent.cells._layer_norm import LayerNormalized, layer_norm
from gru_tf.recurrent.cells.gru import GRUCell, kept
from gru_tf.recurrent.sigmoid import sigmoid

BLOCKS = {"product": (2, 1), "gate": (1, 1, 1), "all": (3,)}


@keras.saving.register_keras_serializable(package="gru_tf")
class LayerNormGRUCell(LayerNormalized, GRUCell):
    """The layer-normalised GRU cell.

    Args:
        units: H, size of the state, at least 2.
        epsilon: added to each variance.
        statistics: "product" for a mean and a variance of both gates, and of the candidate, "gate" for one of each block,
            "all" for one of all three.
        gain_initializer: of the gains.
        convention: "keep" (a large z keeps the old state) or "write" (a large z writes the candidate).
        longest: T_max of the chronological initialisation, as of `GRUCell`; None for a plain one.
        **options: those of `RecurrentCell`.

    Raises:
        ValueError: for a value that an argument does not take; when it is built with one unit.
    """

    gates = ("z", "r", "h")
    states = ("h",)
    groups = BLOCKS

    def __init__(self, units: int, convention: str = "keep", longest: int | None = None, **options: Any):
        self._expect("reset_after" not in options, "reset_after", "left out, as each product is normalised", "reset_after")
        super().__init__(units, convention=convention, longest=longest, **options)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        return {name: value for name, value in super().get_config().items() if name != "reset_after"}


def gate_values(
    x: Array, states: Sequence[Array], weights: Mapping[str, Array], statistics: str = "product", **options: Any
) -> dict[str, Array]:
    """The first two equations in NumPy float64; `weights` holds those of the Keras cell."""
    blocks = BLOCKS[statistics]
    of_input = weights["input_gain"] * layer_norm(x @ weights["kernel"], blocks) + weights["bias"][0]
    of_state = weights["state_gain"] * layer_norm(states[0] @ weights["recurrent_kernel"], blocks) + weights["bias"][1]
    (x_z, x_r, x_h), (h_z, h_r, h_h) = np.split(of_input, 3, axis=-1), np.split(of_state, 3, axis=-1)
    z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
    return {"z": z, "r": r, "h": np.tanh(x_h + r * h_h)}


def step(x: Array, states: Sequence[Array], weights: Mapping[str, Array], **options: Any) -> list[Array]:
    """The last two equations, of which the convention chooses one."""
    values = gate_values(x, states, weights, **options)
    share = kept(values, **options)
    return [share * states[0] + (1 - share) * values["h"]]


CELL = CellSpec(
    name="layer_norm_gru",
    build=LayerNormGRUCell,
    step=step,
    gate_values=gate_values,
    kept=kept,
    gates=LayerNormGRUCell.gates,
    states=LayerNormGRUCell.states,
    parameters=lambda features, units, **options: 3 * units * (features + units + 4),
    fused=None,
    reference="Ba et al. 2016, arXiv 1607.06450",
    options={
        "statistics": ("product", "gate", "all"),
        "convention": ("keep", "write"),
        "longest": (None, LONGEST),
        **OF_ANY,
    },
    least_units=2,
)
