"""What sequences are gathered into, whatever the form of their file, and which of its columns or arrays hold what."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from gru_tf.data.own.labels import Labelled
from gru_tf.foundation.array import Array


@dataclass(frozen=True)
class Columns:
    """Which columns, or arrays, hold what; None where there is none.

    Args:
        label: of the labels, the same in every row of a sequence; arrays: (N,) `y`.
        id: which rows are one sequence.
        order: by which its rows are ordered; None for the order of the file.
        features: of the inputs; none for all others. Arrays: (N, T, features) or (N, T), `X`.
        group: whose sequence it is; arrays: (N,).
        every: whether each step has a label, in place of the sequence.
        more: further columns of labels at each step, beside `label`.
        layout: of a table, "long", a row a step, or "wide", a row a sequence.
        part: of arrays that are named by part, "train" or "test".
    """

    label: str | None
    id: str | None
    order: str | None
    features: tuple[str, ...]
    group: str | None
    every: bool = False
    more: tuple[str, ...] = ()
    layout: Literal["long", "wide"] = "long"
    part: Literal["train", "test"] = "train"


@dataclass(frozen=True)
class GatheredSequences:
    """The sequences of one file, in the order in which they begin.

    Args:
        where: the file's path, as messages call it.
        steps: frame of the features, a row a step, one sequence after another.
        lengths: (N,) int64 steps of each.
        labelled: labels and groups; None where the labels are to be predicted. Of each step where `Columns.every` is true.
        names: (N,) what `id` calls them; their numbers from 1 where there is no such column.
        when: (N,) their first moments, where the column of the order has dates; else numbers in the order of the file.
    """

    where: str
    steps: Any
    lengths: Array
    labelled: Labelled | None
    names: Array
    when: Array

    @cached_property
    def places(self) -> Array:
        """(steps,) int64 place of each step in its sequence, from 0."""
        starts = np.cumsum(self.lengths) - self.lengths
        places: Array = np.arange(len(self.steps)) - np.repeat(starts, self.lengths)
        return places

    @property
    def series(self) -> Array:
        """(steps,) int64 number of the sequence."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @cached_property
    def hashes(self) -> Array:
        """(steps,) uint64, equal where steps have equal values."""
        import pandas

        of_rows: Array = pandas.util.hash_pandas_object(self.steps, index=False).to_numpy()
        return of_rows

    def content(self) -> Array:
        """(N,) uint64, equal where sequences have equal values at every step."""
        of_rows = self.hashes
        starts = np.cumsum(self.lengths) - self.lengths
        place = self.places.astype(np.uint64)
        with np.errstate(over="ignore"):  # modulo 2^64, as hashes are
            mixed = (of_rows ^ (place * np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0x94D049BB133111EB)
            of_sequences: Array = np.add.reduceat(mixed, starts)
        return of_sequences
