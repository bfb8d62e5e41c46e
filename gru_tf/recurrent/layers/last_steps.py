"""The last real step of a sequence, under a mask and in one direction or two."""

from typing import Any

from keras import ops


def last_steps(sequence: Any, mask: Any, half: int | None = None) -> Any:
    """Each direction's last real step of (batch, T, W): the last in time, and of the backward half the first.

    Args:
        sequence: (batch, T, W); in two directions the forward half's features first.
        mask: (batch, T), whether a step is real; None where all are.
        half: W / 2 in two directions, None in one.

    Returns:
        (batch, W).
    """
    last = _real_step(sequence, mask, last=True)
    if half is None:
        return last
    first = _real_step(sequence, mask, last=False)
    return ops.concatenate([last[:, :half], first[:, half:]], axis=-1)


def _real_step(sequence: Any, mask: Any, last: bool) -> Any:
    """Of (batch, T, W), the last or first step that the mask leaves: (batch, W)."""
    if mask is None:
        return sequence[:, -1 if last else 0]
    real = ops.cast(mask, "int32")
    steps = ops.shape(real)[1]
    if last and steps is None:  # of symbolic sequences of any length: where the count of real steps is first complete
        index = ops.argmax(ops.cumsum(real, axis=1), axis=1)
    else:
        index = ops.argmax(ops.flip(real, axis=1) if last else real, axis=1)
        index = steps - 1 - index if last else index
    return ops.take_along_axis(sequence, ops.reshape(ops.cast(index, "int32"), (-1, 1, 1)), axis=1)[:, 0]
