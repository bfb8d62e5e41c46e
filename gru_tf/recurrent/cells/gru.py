"""Gated recurrent unit: an update and a reset gate around a single state.

    z_t = σ(W_z x_t + U_z h_{t−1} + b_z)                     update gate             (Cho et al. 2014, eq. 6)
    r_t = σ(W_r x_t + U_r h_{t−1} + b_r)                     reset gate              (eq. 5)
    h̃_t = tanh(W_h x_t + b_h + r_t ∘ (U_h h_{t−1} + b'_h))   reset_after=True        (cuDNN, PyTorch, Keras' default)
    h̃_t = tanh(W_h x_t + U_h (r_t ∘ h_{t−1}) + b_h)          reset_after=False       (eq. 8, the paper's first form)
    h_t = z_t ∘ h_{t−1} + (1 − z_t) ∘ h̃_t                    convention="keep"       (eq. 7; Keras, PyTorch, ONNX)
    h_t = (1 − z_t) ∘ h_{t−1} + z_t ∘ h̃_t                    convention="write"      (Chung et al. 2014, eq. 4)

Chronological initialisation (`longest`: T_max) draws b_z = log u in "keep", −log u in "write", u ~ U(1, T_max − 1), so that
memories begin with lengths of 1 to T_max steps (Tallec and Ollivier 2018, arXiv 1804.11188, whose gate is that of "write").

The two conventions are the same function when W_z, U_z and b_z change sign; the two resets are different functions.

Shapes: kernel (I, 3H), recurrent_kernel (H, 3H), blocks in Keras' order z, r, h; bias (2, 3H) with reset_after (row 0
for the input, row 1 for the state), (3H,) without. Parameters: 3H(I + H + 2), or 3H(I + H + 1) without reset_after.
References: K. Cho et al., arXiv 1406.1078, 2014; J. Chung et al., arXiv 1412.3555, 2014.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import OF_ANY, WITHOUT_KERNEL, CellSpec, of_layers
from gru_tf.recurrent.cells._arguments import whole
from gru_tf.recurrent.cells._cell import RecurrentCell
from gru_tf.recurrent.cells._chronological import LONGEST, lengths, logarithms
from gru_tf.recurrent.sigmoid import sigmoid


@keras.saving.register_keras_serializable(package="gru_tf")
class GRUCell(RecurrentCell):
    """The GRU cell in all four forms; in "keep" its weights interchange with `keras.layers.GRUCell`.

    Args:
        units: H, size of the state.
        reset_after: whether the reset gate acts after the product with the recurrent kernel.
        convention: "keep" (a large z keeps the old state) or "write" (a large z writes the candidate).
        longest: T_max of the chronological initialisation, the longest dependency in steps; None for a plain one.
        **options: those of `RecurrentCell`.

    Raises:
        ValueError: where `convention` is neither of the two, `longest` neither None nor a whole number of at least 3, or
            there is no bias to start.
    """

    gates = ("z", "r", "h")
    states = ("h",)

    def __init__(
        self, units: int, reset_after: bool = True, convention: str = "keep", longest: int | None = None, **options: Any
    ):
        if convention not in ("keep", "write"):
            raise ValueError(f"GRUCell: expected `convention` to be 'keep' or 'write'. Received: convention={convention!r}")
        super().__init__(units, **options)
        self.reset_after = reset_after
        self.convention = convention
        self.longest = whole(longest)
        self.lengths = lengths(type(self).__name__, self.longest, self.use_bias)

    @property
    def bias_shape(self) -> tuple[int, ...]:
        """(2, 3H) with reset_after, (3H,) without."""
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def input_bias(self) -> Any:
        """Row 0 of the bias with reset_after."""
        return self.bias[0] if self.reset_after else self.bias

    def initial_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """The initial bias, with the logarithms of random lengths for the update gate where `longest` is given."""
        bias = self.bias_initializer(shape, dtype=dtype)
        if self.lengths is None:
            return bias
        b_z = logarithms(self.lengths, self.units, dtype) * (1 if self.convention == "keep" else -1)
        rest = bias[..., self.units :]
        if not self.reset_after:
            return ops.concatenate([b_z, rest])
        return ops.concatenate([ops.stack([b_z, bias[1, : self.units]]), rest], axis=-1)

    def step(self, x: Any, states: list[Any], training: bool = False) -> list[Any]:
        """X (batch, I), [h (batch, H)] → [h']."""
        h = states[0]
        x_z, x_r, x_h = self.split(self.from_input(x, training))
        if self.reset_after:
            a = self.from_state(h, training)
            h_z, h_r, h_h = self.split(a + self.bias[1] if self.use_bias else a)
            z, r = map(self.recurrent_activation, (x_z + h_z, x_r + h_r))
            candidate = self.activation(x_h + r * h_h)
        else:
            h_z, h_r = ops.split(self.from_state(h, training, gates=("z", "r")), 2, axis=-1)
            z, r = map(self.recurrent_activation, (x_z + h_z, x_r + h_r))
            candidate = self.activation(x_h + self.from_state(r * h, training, gates=("h",)))
        return [z * h + (1 - z) * candidate if self.convention == "keep" else (1 - z) * h + z * candidate]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        own = {"reset_after": self.reset_after, "convention": self.convention}
        return {**super().get_config(), **own, **({"longest": self.longest} if self.longest else {})}


def gate_values(
    x: Array, states: Sequence[Array], weights: Mapping[str, Array], reset_after: bool = True, **options: Any
) -> dict[str, Array]:
    """The first four equations in NumPy float64; `weights` holds kernel, recurrent_kernel, bias."""
    h = states[0]
    w_z, w_r, w_h = np.split(weights["kernel"], 3, axis=-1)
    u_z, u_r, u_h = np.split(weights["recurrent_kernel"], 3, axis=-1)
    rows = np.split(np.atleast_2d(weights["bias"]), 3, axis=-1)
    b_z, b_r, b_h = (row[0] for row in rows)
    c_z, c_r, c_h = (row[1] if reset_after else 0.0 for row in rows)
    z = sigmoid(x @ w_z + b_z + h @ u_z + c_z)
    r = sigmoid(x @ w_r + b_r + h @ u_r + c_r)
    return {"z": z, "r": r, "h": np.tanh(x @ w_h + b_h + (r * (h @ u_h + c_h) if reset_after else (r * h) @ u_h))}


def kept(values: Mapping[str, Array], convention: str = "keep", **options: Any) -> Array:
    """The update gate in "keep", what it leaves of 1 in "write"."""
    return values["z"] if convention == "keep" else 1 - values["z"]


def step(x: Array, states: Sequence[Array], weights: Mapping[str, Array], **options: Any) -> list[Array]:
    """The last two equations, of which the convention chooses one."""
    values = gate_values(x, states, weights, **options)
    share = kept(values, **options)
    return [share * states[0] + (1 - share) * values["h"]]


def parameters(
    features: int, units: int, reset_after: bool = True, convention: str = "keep", longest: int | None = None
) -> int:
    """3H(I + H + 2) with reset_after, 3H(I + H + 1) without."""
    return 3 * units * (features + units + (2 if reset_after else 1))


def ordinary(
    units: int,
    convention: str = "keep",
    longest: int | None = None,
    weight_dropout: float = 0.0,
    zoneout: float = 0.0,
    **options: Any,
) -> Any:
    """Keras' own layer, which has the convention "keep" alone, and none of the other options."""
    own = (convention != "keep", longest, weight_dropout, zoneout)
    return None if any(own) else keras.layers.GRU(units, **options)


CELL = CellSpec(
    name="gru",
    build=GRUCell,
    step=step,
    gate_values=gate_values,
    kept=kept,
    gates=GRUCell.gates,
    states=GRUCell.states,
    parameters=parameters,
    fused=of_layers("gru", "GRU"),
    reference="Cho et al. 2014, arXiv 1406.1078; Chung et al. 2014, arXiv 1412.3555",
    options={"reset_after": (True, False), "convention": ("keep", "write"), "longest": (None, LONGEST), **OF_ANY},
    unfused=WITHOUT_KERNEL,
    ordinary=ordinary,
)
