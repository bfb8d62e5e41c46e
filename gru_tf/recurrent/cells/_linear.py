"""What the cells share whose next state is linear in the one before, so that a scan can compute all steps at once."""

from typing import Any

import keras
from keras import ops

from gru_tf.recurrent.cells._cell import RecurrentCell


@keras.saving.register_keras_serializable(package="gru_tf")
def positive(a: Any) -> Any:
    """g(a) = a + ½ for a ≥ 0 and σ(a) below: continuous, increasing, above zero (arXiv 2410.01201, appendix B)."""
    return ops.where(a >= 0, a + 0.5, ops.sigmoid(a))


class LinearCell(RecurrentCell):
    """Base of the cells with h_t = a_t ∘ h_{t−1} + b_t, where a and b follow from the input alone."""

    states = ("h",)
    recurrent = False

    def coefficients(self, x: Any, training: bool = False) -> tuple[Any, Any]:
        """(a, b), each (…, H), of inputs (batch, I) or (batch, T, I); the subclass's equation."""
        raise NotImplementedError

    def step(self, x: Any, states: list[Any], training: bool = False) -> list[Any]:
        """X (batch, I), [h (batch, H)] → [h']."""
        a, b = self.coefficients(x, training)
        return [a * states[0] + b]
