"""Operations of `keras.ops` that take parts of a tensor or order it anew, as TensorFlow's functions."""

from typing import Any

import numpy as np
import tensorflow as tf


def index(x: Any, key: Any) -> Any:
    """x[key]."""
    return x[tuple(key) if isinstance(key, list) else key]


def split(x: Any, *, indices_or_sections: Any, axis: int = 0) -> Any:
    """Parts of equal size, or between these places."""
    if isinstance(indices_or_sections, int):
        return tf.split(x, indices_or_sections, axis=axis)
    sizes = [int(size) for size in np.diff([0, *indices_or_sections])]
    return tf.split(x, [*sizes, -1], axis=axis)


def flip(x: Any, *, axis: Any = None) -> Any:
    """Backwards along these axes, or all."""
    axes = range(len(x.shape)) if axis is None else np.ravel(axis)
    return tf.reverse(x, [int(each) for each in axes])


def moved(x: Any, *, source: Any, destination: Any) -> Any:
    """Axes moved to other places."""
    rank = len(x.shape)
    sources, destinations = ([int(each) % rank for each in np.ravel(axes)] for axes in (source, destination))
    order = [each for each in range(rank) if each not in sources]
    for to, axis in sorted(zip(destinations, sources, strict=True)):
        order.insert(to, axis)
    return tf.transpose(x, order)


def swapped(x: Any, *, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    order = list(range(len(x.shape)))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return tf.transpose(x, order)


def pad(x: Any, *, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    """With constants around, or what the mode says."""
    widths = pad_width * len(x.shape) if len(pad_width) == 1 else pad_width
    return tf.pad(x, widths, mode.upper(), constant_values or 0)
