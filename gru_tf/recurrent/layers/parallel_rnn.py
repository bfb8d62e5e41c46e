"""A layer that runs a cell over all steps at once, for cells whose next state is linear in the last one."""

from typing import Any

import keras
from keras import ops

# at their former address, gru_tf.recurrent.cells._parallel, which stands for this module: pickled models name it
from gru_tf.recurrent.cells._linear import LinearCell, positive  # noqa: F401
from gru_tf.recurrent.layers.rnn import RNN
from gru_tf.recurrent.linear_scan import Parts, complex_recurrence, linear_recurrence, plus, times
from gru_tf.recurrent.real_steps import RealSteps


@keras.saving.register_keras_serializable(package="gru_tf")
class ParallelRNN(RNN):
    """`gru_tf.RNN` over a cell that is linear in its state, by a parallel scan instead of step by step.

    Weights, numbers, arguments and masks are those of `gru_tf.RNN`; with `unroll` it is that.

    Args:
        cell: a `MinGRUCell`, `MinLSTMCell`, `QRNNCell`, `LRUCell`, an `SRUCell` with `state_gates=False`, or another cell
            with `coefficients(x, training)` → (a, b).
        **options: those of `gru_tf.RNN`.

    Raises:
        ValueError: for a cell that has no `coefficients`, or options with which it is not linear.
    """

    scans = True  # read by `gru_tf.recurrent.kernel_path`

    def __init__(self, cell: Any, **options: Any):
        if not hasattr(cell, "coefficients"):
            expected = "expected `cell` to be linear in its state, with a method `coefficients`"
            raise ValueError(f"ParallelRNN: {expected}. Received: cell={cell!r}")
        if by_steps := getattr(cell, "by_steps", ""):
            received = f"a {type(cell).__name__} with {by_steps}"
            raise ValueError(f"ParallelRNN: expected `cell` to be linear in its state. Received: {received}")
        super().__init__(cell, **options)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool | None = False) -> Any:
        """(last output, outputs (batch, T, H), last states), in the order of reading."""
        if self.unroll:
            return super().inner_loop(sequences, initial_state, mask, training)
        x, states = ops.cast(sequences, self.cell.compute_dtype), keras.tree.flatten(initial_state)
        if self.go_backwards:
            x, mask = ops.flip(x, 1), None if mask is None else ops.flip(mask, 1)
        steps = RealSteps(mask)
        a, b, output, beside, dtype = self._linear_form(x, states, steps, bool(training))
        dtype, at = dtype or self.cell.compute_dtype, 0 if output is None else 1
        a, b, start = (tuple(ops.cast(v, dtype) for v in parts) for parts in (a, b, states[at : at + len(a)]))
        s = _solved(a, b, start, steps)
        h = s[0] if output is None else steps.carried(ops.cast(output(s), self.cell.compute_dtype), states[0])
        further = (steps.carried(values, first) for values, first in zip(beside, states[at + len(a) :], strict=True))
        last = [*([] if output is None else [h]), *(ops.cast(part, self.cell.compute_dtype) for part in s), *further]
        real = None if mask is None else ops.expand_dims(mask, -1)
        outputs = ops.where(real, h, ops.zeros_like(h)) if real is not None and self.zero_output_for_mask else h
        return outputs[:, -1], outputs, [values[:, -1] for values in last]

    def _linear_form(self, x: Any, states: list[Any], steps: RealSteps, training: bool) -> Any:
        if hasattr(self.cell, "linear_form"):
            return self.cell.linear_form(x, states, steps.before, training)
        a, b = self.cell.coefficients(x, training)
        return (a,), (b,), None, (), None


def _solved(a: Parts, b: Parts, start: Parts, steps: RealSteps) -> Parts:
    """The states at all steps: from `start` (batch, size) on, and at a masked step that before it."""
    if steps.real is not None and tuple(a[0].shape[:2]) == (1, 1):  # factors stay the same at all steps
        packed = _solved(a, tuple(steps.packed(part) for part in b), start, RealSteps())
        return tuple(steps.unpacked(part, first) for part, first in zip(packed, start, strict=True))
    if steps.real is not None:
        real = ops.expand_dims(steps.real, -1)
        one = (ops.ones_like(a[0]), *(ops.zeros_like(part) for part in a[1:]))
        a = tuple(ops.where(real, part, keep) for part, keep in zip(a, one, strict=True))
        b = tuple(ops.where(real, part, ops.zeros_like(part)) for part in b)
    first = plus(tuple(part[:, :1] for part in b), times(tuple(part[:, :1] for part in a), tuple(s[:, None] for s in start)))
    b = tuple(ops.concatenate([one, part[:, 1:]], axis=1) for one, part in zip(first, b, strict=True))
    return (linear_recurrence(a[0], b[0]),) if len(a) == 1 else complex_recurrence(a, b)
