"""Independently recurrent network: each unit remembers itself alone, through one recurrent weight.

    h_t = σ(W x_t + u ∘ h_{t−1} + b),  σ the rectifier by default                            (Li et al. 2018, eq. 2)

A gradient that reaches T steps back is multiplied by u^T where the rectifier is open. `longest` (T) starts u uniformly in
[0, 2^{1/T}] and keeps |u| ≤ 2^{1/T} while training, so that it at most doubles over T steps (sec. 3.1: γ = 2). Without
`longest`, u starts uniformly in [0, 1], the limit of this for long T, and is not kept in.

Shapes: W kernel (I, H), u recurrent_kernel (H,), b bias (H,). Parameters: H(I + 2).
Reference: S. Li, W. Li, C. Cook, C. Zhu, Y. Gao, "Independently recurrent neural network (IndRNN): building a longer and
deeper RNN", arXiv 1803.04831, 2018.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from gru_tf.foundation.array import Array
from gru_tf.recurrent.cells import OF_ANY, CellSpec, Whole
from gru_tf.recurrent.cells._arguments import expect, is_number, whole
from gru_tf.recurrent.cells._cell import RecurrentCell

LONGEST = Whole(1, 1_000_000)
GAMMA = 2.0  # by how much a gradient may grow over the longest dependency


@keras.saving.register_keras_serializable(package="gru_tf")
class MaximumMagnitude(keras.constraints.Constraint):
    """Keeps each number of a weight in [−limit, limit].

    Args:
        limit: a number above 0.

    Raises:
        ValueError: for another.
    """

    def __init__(self, limit: float):
        expect(is_number(limit) and limit > 0, type(self).__name__, "limit", "a number above 0", limit)
        self.limit = float(limit)

    def __call__(self, w: Any) -> Any:
        """The weight, clipped."""
        return ops.clip(w, -self.limit, self.limit)

    def get_config(self) -> dict[str, Any]:
        """The constructor's argument."""
        return {"limit": self.limit}


@keras.saving.register_keras_serializable(package="gru_tf")
class IndRNNCell(RecurrentCell):
    """The independently recurrent cell.

    Args:
        units: H, size of the state.
        longest: T, the longest dependency in steps, which bounds the recurrent weights; None for no bound.
        activation: σ; the rectifier by default, as in the paper.
        recurrent_initializer: of u; uniform in [0, 2^{1/T}] by default, in [0, 1] without `longest`.
        recurrent_constraint: of u; a magnitude of at most 2^{1/T} by default with `longest`.
        **options: those of `RecurrentCell`.

    Raises:
        ValueError: where `longest` is neither None nor a whole number of at least 1.
    """

    gates = ("h",)
    states = ("h",)

    def __init__(
        self,
        units: int,
        longest: int | None = None,
        activation: Any = "relu",
        recurrent_initializer: Any = None,
        recurrent_constraint: Any = None,
        **options: Any,
    ):
        longest = whole(longest)
        self._expect(longest is None or longest in LONGEST, "longest", f"None or {LONGEST}", longest)
        limit = 1.0 if longest is None else GAMMA ** (1 / longest)
        if recurrent_initializer is None:
            recurrent_initializer = keras.initializers.RandomUniform(0.0, limit)
        if recurrent_constraint is None and longest is not None:
            recurrent_constraint = MaximumMagnitude(limit)
        of_u = {"recurrent_initializer": recurrent_initializer, "recurrent_constraint": recurrent_constraint}
        super().__init__(units, activation=activation, **of_u, **options)
        self.longest = longest

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for inputs of shape (batch, I)."""
        units = self.units
        self.kernel = self.weight_of("kernel", "kernel", (input_shape[-1], units), self.kernel_initializer)
        self.recurrent_kernel = self.weight_of("recurrent", "recurrent_kernel", (units,), self.recurrent_initializer)
        self.bias = self.weight_of("bias", "bias", self.bias_shape, self.initial_bias) if self.use_bias else None

    def from_state(self, h: Any, training: bool = False, gates: Sequence[str] = ()) -> Any:
        """U ∘ h, (batch, H); the state dropped out in training."""
        for mask in self.state_masks(h, training):
            h = h * mask
        return h * self.state_kernel(training)

    def step(self, x: Any, states: list[Any], training: bool = False) -> list[Any]:
        """X (batch, I), [h (batch, H)] → [h']."""
        return [self.activation(self.from_input(x, training) + self.from_state(states[0], training))]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, serialised."""
        return {**super().get_config(), "longest": self.longest}


def gate_values(x: Array, states: Sequence[Array], weights: Mapping[str, Array], **options: Any) -> dict[str, Array]:
    """The equation in NumPy float64; `weights` holds kernel, recurrent_kernel, bias."""
    a = x @ weights["kernel"] + weights["recurrent_kernel"] * states[0] + weights["bias"]
    return {"h": np.maximum(a, 0)}


def step(x: Array, states: Sequence[Array], weights: Mapping[str, Array], **options: Any) -> list[Array]:
    """The new state is the candidate."""
    return [gate_values(x, states, weights)["h"]]


CELL = CellSpec(
    name="indrnn",
    build=IndRNNCell,
    step=step,
    gate_values=gate_values,
    kept=None,
    gates=IndRNNCell.gates,
    states=IndRNNCell.states,
    parameters=lambda features, units, longest=None: units * (features + 2),
    fused=None,
    reference="Li et al. 2018, arXiv 1803.04831",
    options={"longest": (None, LONGEST), **OF_ANY},
)
