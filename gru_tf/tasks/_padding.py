"""Sequences of unequal length, kept one after another and padded when a split is made."""

import numpy as np

from gru_tf.tasks import Array, Examples


def padded(rows: Array, lengths: Array, chosen: Array, labels: Array) -> Examples:
    """The chosen sequences (N, T, features) float32, T from the longest of them, zeros after the end of each.

    Args:
        rows: (steps of all sequences, features), one sequence after another.
        lengths: (all sequences,) steps of each.
        chosen: (all sequences,) whether it is taken.
        labels: (all sequences,) its class, or (all sequences, outputs) its values.
    """
    kept = lengths[chosen].astype(np.int32)
    return Examples(right_padded(rows[np.repeat(chosen, lengths)], kept, np.float32), labels[chosen], kept)


def right_padded(rows: Array, lengths: Array, dtype: type[np.generic]) -> Array:
    """Sequences one after another, (steps, …), as (N, T, …) with zeros after the end of each."""
    real = np.arange(lengths.max()) < lengths[:, None]
    inputs = np.zeros((*real.shape, *rows.shape[1:]), dtype)
    inputs[real] = rows
    return inputs
