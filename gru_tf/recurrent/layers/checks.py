"""What layers over time ask of the arrays that they are called with, and what they do with masked steps."""

from typing import Any

import keras
from keras import ops


def refuse(who: str, argument: str, values: list[Any], expected: str, count: int = 1) -> None:
    """Raise ValueError with the shapes that were expected of an argument, and those received."""
    of = f"`{argument}` of shape" if count == 1 else f"`{argument}` to be {count} arrays of shape"
    received = ", ".join(str(tuple(getattr(value, "shape", ()))) for value in values)
    raise ValueError(f"{who}: expected {of} {expected}. Received: shape={received}")


def fits(value: Any, expected: tuple[int | None, ...]) -> bool:
    """Whether an array has this shape; None fits any size."""
    shape = tuple(getattr(value, "shape", ()))
    pairs = zip(shape, expected, strict=False)
    return len(shape) == len(expected) and all(None in sizes or sizes[0] == sizes[1] for sizes in pairs)


def checked_mask(who: str, mask: Any, shape: tuple[int | None, ...]) -> Any:
    """A mask as (batch, T) of bool.

    Args:
        who: whose mask it is, for the message.
        mask: (batch, T) or (batch, T, 1), or a nest of one.
        shape: (batch, T) of the sequences.

    Raises:
        ValueError: where the mask has another shape.
    """
    given = keras.tree.flatten(mask)[0]
    given = ops.squeeze(given, -1) if len(given.shape) == 3 and given.shape[-1] == 1 else given
    if not fits(given, shape):
        refuse(who, "mask", [given], f"(batch, timesteps) = {shape}")
    return ops.cast(given, "bool")


def without_masked(sequences: Any, mask: Any) -> Any:
    """The sequences with zeros in masked steps: nothing is computed with what stands there.

    Not a number times zero is not a number: it would spoil the gradients of steps that are real.
    """
    real = ops.reshape(mask, (*sizes(sequences)[:2], *[1] * (len(sequences.shape) - 2)))
    return ops.where(real, sequences, ops.zeros_like(sequences))


def sizes(array: Any) -> tuple[Any, ...]:
    """The sizes of an array's axes, as numbers where they are known, else as tensors."""
    dynamic = ops.shape(array)
    return tuple(known if known is not None else dynamic[axis] for axis, known in enumerate(array.shape))
