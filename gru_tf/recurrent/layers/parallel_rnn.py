"""A layer that runs a cell over all steps at once, for cells whose next state is linear in the last one."""

from typing import Any

import keras
from keras import ops

from gru_tf.recurrent.layers.rnn import RNN
from gru_tf.recurrent.linear_scan import linear_recurrence


@keras.saving.register_keras_serializable(package="gru_tf")
class ParallelRNN(RNN):
    """`gru_tf.RNN` over a cell that is linear in its state, by a parallel scan instead of step by step.

    Weights, numbers, arguments and masks are those of `gru_tf.RNN`; with `unroll` it is that.

    Args:
        cell: a `MinGRUCell`, a `MinLSTMCell` or another cell with `coefficients(x, training)` → (a, b).
        **options: those of `gru_tf.RNN`.

    Raises:
        ValueError: for a cell without `coefficients`.
    """

    scans = True  # read by `gru_tf.recurrent.kernel_path`

    def __init__(self, cell: Any, **options: Any):
        if not hasattr(cell, "coefficients"):
            expected = "expected `cell` to be linear in its state, with a method `coefficients`"
            raise ValueError(f"ParallelRNN: {expected}. Received: cell={cell!r}")
        super().__init__(cell, **options)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool | None = False) -> Any:
        """(last output, outputs (batch, T, H), [last state]), in the order of reading."""
        if self.unroll:
            return super().inner_loop(sequences, initial_state, mask, training)
        x = ops.cast(sequences, self.cell.compute_dtype)
        real = None if mask is None else ops.expand_dims(mask, -1)
        if self.go_backwards:
            x, real = ops.flip(x, 1), None if real is None else ops.flip(real, 1)
        a, b = (ops.cast(values, self.cell.compute_dtype) for values in self.cell.coefficients(x, bool(training)))
        if real is not None:
            a, b = ops.where(real, a, ops.ones_like(a)), ops.where(real, b, ops.zeros_like(b))
        start = keras.tree.flatten(initial_state)[0][:, None]
        outputs = h = linear_recurrence(a, ops.concatenate([b[:, :1] + a[:, :1] * start, b[:, 1:]], axis=1))
        if real is not None and self.zero_output_for_mask:
            outputs = ops.where(real, h, ops.zeros_like(h))
        return outputs[:, -1], outputs, [h[:, -1]]
