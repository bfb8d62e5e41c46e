"""Sums over all numbers of an array, and gradients clipped by their norm, whose bits do not depend on threads.

TensorFlow cuts the sum of a large array among its threads. Here rows of it are added up first, each by one thread, then what
the rows gave.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

ROW = 4096


def clip_together(gradients: Sequence[Any], norm: Any) -> list[Any]:
    """Gradients times min(1, norm / the norm of all of them), as `tf.clip_by_global_norm` has it."""
    of_all = tf.sqrt(tf.add_n([total(tf.square(g)) for g in gradients if g is not None]))
    return list(tf.clip_by_global_norm(gradients, norm, use_norm=of_all)[0])


def clip_each(gradients: Sequence[Any], norm: Any) -> list[Any]:
    """Each gradient times min(1, norm / its norm), as `tf.clip_by_norm` has it."""
    return [clip_together([g], norm)[0] for g in gradients]


def clip_values(gradients: Sequence[Any], most: Any) -> list[Any]:
    """Gradients with each number cut to at most `most` in absolute value."""
    return [None if g is None else tf.clip_by_value(g, -most, most) for g in gradients]


def total(values: Any) -> Any:
    """The sum of all values."""
    flat = tf.reshape(values, (-1,))
    if flat.shape[0] is not None and flat.shape[0] <= ROW:
        return tf.reduce_sum(flat)
    rows = tf.reshape(tf.pad(flat, ((0, -tf.size(flat) % ROW),)), (-1, ROW))
    return tf.reduce_sum(tf.reduce_sum(rows, 1))
