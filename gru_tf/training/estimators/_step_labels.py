"""Labels at every step as users give them: an array (N, T) or (N, T, outputs), or a list of N arrays, one a sequence."""

from typing import Any

import numpy as np

from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Array
from gru_tf.training.estimators._sequences import JoinedSequences


def joined(y: Any, sequences: JoinedSequences) -> Array:
    """The labels one sequence after another, (steps,) or (steps, outputs).

    Raises:
        UserError: naming the sequence whose labels are not as many as its steps.
    """
    if len(y) != len(sequences.lengths):
        raise UserError(f"y: expected labels for {len(sequences.lengths)} sequences. Received: {len(y)}")
    of_each = [np.asarray(each) for each in y]
    for place, (labels, length) in enumerate(zip(of_each, sequences.lengths, strict=True)):
        if labels.ndim not in (1, 2) or len(labels) != length or labels.shape[1:] != of_each[0].shape[1:]:
            more = "".join(f", {size}" for size in of_each[0].shape[1:2])
            raise UserError(f"y[{place}]: expected labels ({length}{more}), one for each step. Received: {labels.shape}")
    return np.concatenate(of_each)


def missing(labels: Array) -> Array:
    """(steps,) whether a step has no label: NaN, None or an empty text."""
    import pandas

    gone: Array = np.asarray(pandas.isna(labels))
    if labels.dtype.kind in "OU":
        gone = gone | (labels == "")
    by_step: Array = gone if gone.ndim == 1 else np.any(gone, axis=1)
    return by_step


def padded(labels: Array, lengths: Array, filler: int) -> Array:
    """(N, T) or (N, T, outputs) of labels one sequence after another."""
    real = np.arange(lengths.max()) < lengths[:, None]
    made = np.full((*real.shape, *labels.shape[1:]), filler, labels.dtype)
    made[real] = labels
    return made


def as_given(answers: Array, sequences: JoinedSequences) -> Any:
    """Answers (N, T, …) as the sequences were: an array, or a list of arrays (T_i, …)."""
    if sequences.form != "list":
        return answers
    return [row[:length] for row, length in zip(answers, sequences.lengths, strict=True)]
