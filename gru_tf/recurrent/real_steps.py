"""Which of a sequence's steps are real, and what was at the last of them: for layers that compute all steps at once.

A masked step changes nothing (`gru_tf.recurrent.masked_loop`): what a layer gives there is what it gave at the last real
step, and the step before a real one is the last real step before it. The places of these steps are themselves a linear
recurrence, p_t = t at a real step and p_{t−1} at another, which a scan solves.
"""

from functools import cached_property
from typing import Any

from keras import ops

from gru_tf.recurrent.linear_scan import linear_recurrence


class RealSteps:
    """The real steps of a batch of sequences.

    Args:
        real: (batch, T) of bool; None where all steps are real.
    """

    def __init__(self, real: Any = None):
        self.real = real

    @cached_property
    def last(self) -> Any:
        """The last real step up to each, (batch, T), counted from 1, 0 where none was; None where all are real."""
        return None if self.real is None else _places(self.real)

    def packed(self, values: Any) -> Any:
        """The values (batch, T, size) with those of real steps first, in their order."""
        steps = ops.arange(ops.shape(values)[1], dtype="int32")
        order = ops.argsort(ops.where(self.real, steps, steps + ops.shape(values)[1]), axis=1)
        return _taken(values, ops.cast(order, "int32"))

    def unpacked(self, values: Any, first: Any) -> Any:
        """`carried` of values that are packed: at each step what they are at the last real step up to it."""
        return _taken(_with(first, values), ops.cumsum(ops.cast(self.real, "int32"), axis=1))

    def carried(self, values: Any, first: Any) -> Any:
        """What the values (batch, T, size) were at the last real step up to each; `first` (batch, size) where none was."""
        return values if self.last is None else _taken(_with(first, values), self.last)

    def before(self, values: Any, first: Any) -> Any:
        """What the values (batch, T, size) were at the last real step before each; `first` (batch, size) where none was."""
        whole = _with(first, values)
        if self.last is None:
            return whole[:, :-1]
        return _taken(whole, ops.concatenate([ops.zeros_like(self.last[:, :1]), self.last[:, :-1]], axis=1))


def _places(real: Any) -> Any:
    """The last real step up to each, (batch, T), counted from 1; 0 where none was. Exact to 2^24 steps."""
    steps = ops.arange(1, ops.shape(real)[1] + 1, dtype="float32")
    there = ops.cast(real, "float32")
    return ops.cast(linear_recurrence((1 - there)[..., None], (there * steps)[..., None])[..., 0], "int32")


def _with(first: Any, values: Any) -> Any:
    return ops.concatenate([ops.cast(first, values.dtype)[:, None], values], axis=1)


def _taken(whole: Any, places: Any) -> Any:
    """The values (batch, …, size) at these places (batch, T) of each row."""
    batch, length = ops.shape(whole)[0], ops.shape(whole)[1]
    rows = ops.arange(batch, dtype="int32")[:, None] * length
    return ops.take(ops.reshape(whole, (-1, whole.shape[2])), rows + places, axis=0)
