"""A layer that runs a cell over all steps at once, for cells whose next state is linear in the last one."""

from typing import Any

import keras
from keras import ops

from gru_tf.recurrent.cells._cell import RecurrentCell
from gru_tf.recurrent.linear_scan import linear_recurrence


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


@keras.saving.register_keras_serializable(package="gru_tf")
class ParallelRNN(keras.layers.RNN):
    """`keras.layers.RNN` over a cell that is linear in its state, by a parallel scan instead of step by step.

    Weights, numbers, arguments and masks are those of `keras.layers.RNN`; with `unroll` it is that. A masked step keeps
    the state, which is its output as well; before the first real step that is the initial state, as in Keras on JAX, where
    Keras on TensorFlow gives zeros.

    Args:
        cell: a `MinGRUCell`, a `MinLSTMCell` or another cell with `coefficients(x, training)` → (a, b).
        **options: those of `keras.layers.RNN`.

    Raises:
        ValueError: for a cell without `coefficients`.
    """

    def __init__(self, cell: Any, **options: Any):
        if not hasattr(cell, "coefficients"):
            expected = "expected `cell` to be linear in its state, with a method `coefficients`"
            raise ValueError(f"ParallelRNN: {expected}. Received: cell={cell!r}")
        super().__init__(cell, **options)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """(last output, outputs (batch, T, H), [last state]), in the order of reading."""
        if self.unroll:
            return super().inner_loop(sequences, initial_state, mask, training)
        x, real = ops.cast(sequences, self.cell.compute_dtype), self._real(mask)
        if self.go_backwards:
            x, real = ops.flip(x, 1), None if real is None else ops.flip(real, 1)
        a, b = (ops.cast(values, self.cell.compute_dtype) for values in self.cell.coefficients(x, training))
        if real is not None:
            a, b = ops.where(real, a, ops.ones_like(a)), ops.where(real, b, ops.zeros_like(b))
        start = keras.tree.flatten(initial_state)[0][:, None]
        outputs = h = linear_recurrence(a, ops.concatenate([b[:, :1] + a[:, :1] * start, b[:, 1:]], axis=1))
        if real is not None and self.zero_output_for_mask:
            outputs = ops.where(real, h, ops.zeros_like(h))
        return outputs[:, -1], outputs, [h[:, -1]]

    @staticmethod
    def _real(mask: Any) -> Any:
        """The mask as (batch, T, 1), true where a step counts."""
        if mask is None:
            return None
        mask = ops.cast(keras.tree.flatten(mask)[0], "bool")
        return mask if len(mask.shape) == 3 else mask[..., None]
