"""Gated recurrent unit in its paper's first form: the reset gate acts on the state before the product.

    z_t = σ(W_z x_t + U_z h_{t−1} + b_z)                     update gate             (Cho et al. 2014, eq. 6)
    r_t = σ(W_r x_t + U_r h_{t−1} + b_r)                     reset gate              (eq. 5)
    h̃_t = tanh(W_h x_t + U_h (r_t ∘ h_{t−1}) + b_h)          candidate               (eq. 8)
    h_t = z_t ∘ h_{t−1} + (1 − z_t) ∘ h̃_t                    convention="keep"       (eq. 7)
    h_t = (1 − z_t) ∘ h_{t−1} + z_t ∘ h̃_t                    convention="write"      (Chung et al. 2014, eq. 4)

This is `gru` with `reset_after: false`, as a cell with a name: another function than the GRU of cuDNN and PyTorch.

Shapes: kernel (I, 3H), recurrent_kernel (H, 3H), bias (3H,), blocks in Keras' order z, r, h. Parameters: 3H(I + H + 1).
References: K. Cho et al., arXiv 1406.1078, 2014; J. Chung et al., arXiv 1412.3555, 2014.
"""

from functools import partial
from typing import Any

import keras

from gru_tf.recurrent.cells import OF_ANY, WITHOUT_KERNEL, CellSpec, of_layers
from gru_tf.recurrent.cells._chronological import LONGEST
from gru_tf.recurrent.cells.gru import GRUCell, gate_values, kept, ordinary, parameters, step


@keras.saving.register_keras_serializable(package="gru_tf")
class GRUResetBeforeCell(GRUCell):
    """The GRU cell with the reset before the product; in "keep" its weights interchange with Keras' `reset_after=False`.

    Args:
        units: H, size of the state.
        convention: "keep" (a large z keeps the old state) or "write" (a large z writes the candidate).
        longest: T_max of the chronological initialisation, as of `GRUCell`; None for a plain one.
        **options: those of `RecurrentCell`.

    Raises:
        ValueError: as of `GRUCell`.
    """

    def __init__(self, units: int, convention: str = "keep", longest: int | None = None, **options: Any):
        super().__init__(units, reset_after=False, convention=convention, longest=longest, **options)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        return {name: value for name, value in super().get_config().items() if name != "reset_after"}


CELL = CellSpec(
    name="gru_reset_before",
    build=GRUResetBeforeCell,
    step=partial(step, reset_after=False),
    gate_values=partial(gate_values, reset_after=False),
    kept=kept,
    gates=GRUResetBeforeCell.gates,
    states=GRUResetBeforeCell.states,
    parameters=partial(parameters, reset_after=False),
    fused=of_layers("gru", "GRU", reset_after=False),
    reference="Cho et al. 2014, arXiv 1406.1078",
    options={"convention": ("keep", "write"), "longest": (None, LONGEST), **OF_ANY},
    unfused=WITHOUT_KERNEL,
    ordinary=partial(ordinary, reset_after=False),
)
