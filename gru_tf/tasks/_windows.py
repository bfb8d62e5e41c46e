"""Windows of a series and the rows that follow each, cut as views or on demand: one home for every forecast.

A window is named by its start, the row of its first target: its inputs are the `window` rows before, its targets the
`horizon` rows from there on.

Worked example, window=3, horizon=2, start 3:    0 1 2 → 3 4
"""

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from gru_tf.tasks import Array, Examples

MADE_BYTES = 512 * 1024**2  # windows that take more are made on demand


class Windows:
    """Stretches of a series that are made on demand, a few at a time: like an array, without its memory.

    It has an array's `shape`, `dtype`, `nbytes` and `len`, is indexed like one on its first axis, and `np.asarray` makes
    all of it.

    Args:
        rows: (rows, columns) of the series.
        starts: (N,) rows, each once and rising; values are relative to the row before.
        first: the stretch's first row, counted from its start: −window of inputs, 0 of targets.
        length: rows of each stretch.
        relative: columns from which the values of the row before the start are subtracted.
        flat: whether a stretch is one vector, row after row.
    """

    def __init__(
        self, rows: Array, starts: Array, first: int, length: int, relative: Sequence[int], flat: bool = False
    ) -> None:
        self._rows, self._starts, self._first, self._relative = rows, starts, first, list(relative)
        self._stretches = np.lib.stride_tricks.sliding_window_view(rows, length, 0).swapaxes(1, 2)
        one = (length * rows.shape[1],) if flat else (length, rows.shape[1])
        self.shape: tuple[int, ...] = (len(starts), *one)
        self.ndim, self.dtype = len(self.shape), rows.dtype

    @property
    def nbytes(self) -> int:
        """Bytes that all of it would take."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Array:
        rows, *inner = key if isinstance(key, tuple) else (key,)
        starts = self._starts[rows]
        stretches = self._cut(starts, isinstance(rows, slice) and consecutive(starts))
        stretches = stretches.reshape(*np.shape(starts), *self.shape[1:])
        return stretches[(slice(None),) * np.ndim(starts) + tuple(inner)] if inner else stretches

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self[:] if dtype is None else self[:].astype(dtype)

    def is_view(self) -> bool:
        """Whether all of it is a view that takes no memory."""
        return self.ndim == 3 and not self._relative and consecutive(self._starts)

    def _cut(self, starts: Any, adjacent: bool) -> Array:
        """(…, length, columns), a view where the starts are adjacent and nothing is subtracted."""
        at = slice(int(starts[0]), int(starts[-1]) + 1) if adjacent else starts
        stretches: Array = self._stretches[_shifted(at, self._first)]
        if not self._relative:
            return stretches
        base = np.zeros((*np.shape(starts), 1, stretches.shape[-1]), stretches.dtype)
        base[..., 0, self._relative] = self._rows[_shifted(at, -1)][..., self._relative]
        return stretches - base


def consecutive(starts: Array) -> bool:
    """Whether rising rows, each of them once, leave none out."""
    return len(starts) > 0 and int(starts[-1]) - int(starts[0]) + 1 == len(starts)


def _shifted(at: Any, by: int) -> Any:
    return slice(at.start + by, at.stop + by) if isinstance(at, slice) else at + by


def cut(
    rows: Array, starts: Array, window: int, horizon: int, targets: Sequence[int], relative: Sequence[int] = ()
) -> Examples:
    """The windows with these starts.

    Args:
        rows: (rows, columns) float32.
        starts: (N,) first target row of each window, rising.
        window: rows of input.
        horizon: rows to forecast.
        targets: columns to forecast.
        relative: columns whose last input value is subtracted from inputs and targets.

    Returns:
        Inputs (N, window, columns), targets (N, horizon · targets). Inputs are a view of `rows` where nothing is
        subtracted and the starts follow each other; what would take more than `MADE_BYTES` is made on demand.
    """
    relative_targets = [place for place, column in enumerate(targets) if column in relative]
    target_rows = rows if list(targets) == list(range(rows.shape[1])) else np.ascontiguousarray(rows[:, list(targets)])
    inputs = Windows(rows, starts, -window, window, relative)
    after = Windows(target_rows, starts, 0, horizon, relative_targets, flat=True)
    return Examples.unpadded(_array(inputs), _array(after))


def _array(windows: Windows) -> Array:
    array = windows[:] if windows.is_view() or windows.nbytes <= MADE_BYTES else windows
    return cast(Array, array)  # it has all that an array of examples needs
