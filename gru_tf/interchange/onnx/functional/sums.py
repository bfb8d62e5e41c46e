"""Sums as NumPy broadcasts them, which Keras' own do not always."""

from typing import Any

import keras


def add(x: Any, y: Any) -> Any:
    """The sum x + y, both broadcast.

    With TensorFlow, `keras.ops.add` of Keras 3.15 takes every second summand with one axis longer than 1 for a bias of the
    features, or of the second axis if only that is as long: (2, 5, 1) + (1, 1, 5) is then (2, 5, 1), without an error, where
    the two happen to be as long. It is used where it cannot be mistaken, else x − (−y), which is the same to the bit.
    """
    if not hasattr(x, "shape") or not hasattr(y, "shape") or _alike(tuple(x.shape), tuple(y.shape)):
        return keras.ops.add(x, y)
    return keras.ops.subtract(x, keras.ops.negative(y))


def _alike(x: tuple[int | None, ...], y: tuple[int | None, ...]) -> bool:
    """Whether nothing is broadcast, or only a vector along the last axis of the first."""
    if x == y:
        return True
    return bool(y) and len(x) >= len(y) and y[-1] is not None and y[-1] == x[-1] and set(y[:-1]) <= {1}
