"""Sequences of unequal length, stored one after another and padded when a split is made."""

import numpy as np

from gru_tf.data.vocabulary import UNKNOWN
from gru_tf.tasks import Array, Examples


def padded(rows: Array, lengths: Array, chosen: Array, labels: Array) -> Examples:
    """The chosen sequences (N, T, features) float32, T from the longest of them, zeros after the end of each.

    Args:
        rows: (steps of all sequences, features), one sequence after another.
        lengths: (all sequences,) steps of each.
        chosen: (all sequences,) whether it is one of them.
        labels: (all sequences,) its class, or (all sequences, outputs) its values.
    """
    steps = lengths[chosen].astype(np.int32)
    return Examples(right_padded(rows[np.repeat(chosen, lengths)], steps, np.float32), labels[chosen], steps)


def right_padded(rows: Array, lengths: Array, dtype: type[np.generic]) -> Array:
    """Sequences one after another, (steps, …), as (N, T, …) with zeros after the end of each."""
    real = np.arange(lengths.max()) < lengths[:, None]
    inputs = np.zeros((*real.shape, *rows.shape[1:]), dtype)
    inputs[real] = rows
    return inputs


def cut_words(
    words: Array, lengths: Array, part: slice, longest: int, vocabulary: int, padding: int = 0, last: bool = False
) -> tuple[Array, Array]:
    """`longest` words of the texts of a part, (N, T) int32 with `padding` after the end, and (N,) int32 lengths.

    Args:
        words: (words of all texts,) numbers, one text after another.
        lengths: (all texts,) words of each.
        part: which texts.
        longest: T, at the most.
        vocabulary: the first number that becomes UNKNOWN.
        padding: what stands after the end of a text.
        last: whether the last words of a longer text are read, not the first.
    """
    starts: Array = (np.cumsum(lengths, dtype=np.int64) - lengths)[part]
    read = np.minimum(lengths[part], longest).astype(np.int32)
    if last:
        starts = starts + (lengths[part] - read)
    steps = np.arange(read.max())
    real = steps < read[:, None]
    numbers = np.full(real.shape, padding, np.int32)
    numbers[real] = words[(starts[:, None] + steps)[real]]
    numbers[numbers >= vocabulary] = UNKNOWN
    return numbers, read
