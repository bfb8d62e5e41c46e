"""Windows of sequences that have a label at every step, such as the life that remains of an engine after each cycle.

Each window holds the steps up to one with a label, and has this label. Those of one sequence overlap: it is kept whole.

    unit  cycle  heat  life      windows of 2 steps:
    1     1      20    2         20 24 → 1
    1     2      24    1         24 31 → 0
    1     3      31    0
"""

from dataclasses import replace

import numpy as np

from gru_tf.data.own import columns
from gru_tf.data.own.sequences.gathered import GatheredSequences
from gru_tf.foundation.array import Array


def cut(whole: GatheredSequences, window: int, stride: int) -> GatheredSequences:
    """A sequence for each `stride`-th step, counted from the last of its sequence, that has `window` steps up to it.

    A sequence that is shorter than a window is one itself.

    Args:
        whole: sequences, with a label of each step.
        window: steps of one.
        stride: steps from one to the next.
    """
    place, lengths = whole.places, np.repeat(whole.lengths, whole.lengths)
    last = place == lengths - 1
    ends = np.flatnonzero(last | ((place >= window - 1) & ((lengths - 1 - place) % stride == 0)))
    windows = _up_to(whole, ends, window)
    labelled = whole.labelled
    if labelled is None:
        return windows
    frame = labelled.frame.iloc[ends]

    def row(number: int) -> str:
        return f"{columns.row(whole.where, frame.index[number])}, column '{labelled.label}'"

    return replace(windows, labelled=replace(labelled, frame=frame, row=row))


def last(whole: GatheredSequences, window: int) -> GatheredSequences:
    """The last `window` steps of each sequence, or all of a shorter one."""
    return _up_to(whole, np.cumsum(whole.lengths) - 1, window)


def _up_to(whole: GatheredSequences, ends: Array, window: int) -> GatheredSequences:
    lengths = np.minimum(whole.places[ends] + 1, window)
    starts = np.cumsum(lengths) - lengths
    rows = np.arange(lengths.sum()) - np.repeat(starts, lengths) + np.repeat(ends + 1 - lengths, lengths)
    number = whole.series[ends]
    steps = whole.steps.iloc[rows].reset_index(drop=True)
    return replace(whole, steps=steps, lengths=lengths, labelled=None, names=whole.names[number], when=number)
