"""Sequences of unequal length, kept one after another and padded when a split is made."""

import numpy as np

from gru_tf.tasks import Array, Examples


def padded(rows: Array, lengths: Array, chosen: Array, labels: Array) -> Examples:
    """The chosen sequences (N, T, features) float32, T from the longest of them, zeros after the end of each.

    Args:
        rows: (steps of all sequences, features), one sequence after another.
        lengths: (all sequences,) steps of each.
        chosen: (all sequences,) whether it is taken.
        labels: (all sequences,) its class.
    """
    kept = lengths[chosen].astype(np.int32)
    real = np.arange(kept.max()) < kept[:, None]
    inputs = np.zeros((*real.shape, rows.shape[1]), np.float32)
    inputs[real] = rows[np.repeat(chosen, lengths)]
    return Examples(inputs, labels[chosen], kept)
