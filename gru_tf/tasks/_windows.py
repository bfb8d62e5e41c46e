"""Windows of a series and what follows each: cut once here for every forecast, as views or on demand, and naive answers.

A window is named by its start, the row of its first target: its inputs are the `window` rows before, its targets the
`horizon` rows from there on.

Worked example, window=3, horizon=2, start 3:    0 1 2 → 3 4
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np

from gru_tf.tasks import Array, Examples

MADE_BYTES = 512 * 1024**2  # windows that take more are made when they are asked for
CHUNK = 1 << 16  # windows at once where only a sum over them is wanted


class Windows:
    """Stretches of a series that are made when they are asked for, a few at a time: as an array, without its memory.

    It has an array's `shape`, `dtype`, `nbytes` and `len`, gives arrays for whatever selects on its first axis, and
    `np.asarray` makes all of it.

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
        made = self._made(starts, isinstance(rows, slice) and consecutive(starts))
        made = made.reshape(*np.shape(starts), *self.shape[1:])
        return made[(slice(None),) * np.ndim(starts) + tuple(inner)] if inner else made

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self[:] if dtype is None else self[:].astype(dtype)

    def free(self) -> bool:
        """Whether all of it is a view that takes no memory."""
        return self.ndim == 3 and not self._relative and consecutive(self._starts)

    def _made(self, starts: Any, beside: bool) -> Array:
        """(…, length, columns), a view where the stretches lie side by side and nothing is subtracted."""
        at = slice(int(starts[0]), int(starts[-1]) + 1) if beside else starts
        made: Array = self._stretches[_moved(at, self._first)]
        if not self._relative:
            return made
        base = np.zeros((*np.shape(starts), 1, made.shape[-1]), made.dtype)
        base[..., 0, self._relative] = self._rows[_moved(at, -1)][..., self._relative]
        return made - base


def consecutive(starts: Array) -> bool:
    """Whether rows that rise, each of them once, follow each other."""
    return len(starts) > 0 and int(starts[-1]) - int(starts[0]) + 1 == len(starts)


def _moved(at: Any, by: int) -> Any:
    return slice(at.start + by, at.stop + by) if isinstance(at, slice) else at + by


def cut(
    rows: Array, starts: Array, window: int, horizon: int, targets: Sequence[int], relative: Sequence[int] = ()
) -> Examples:
    """The windows with these starts.

    Args:
        rows: (rows, columns) float32.
        starts: (N,) first target row of each window, rising.
        window: rows seen.
        horizon: rows foretold.
        targets: columns that are foretold.
        relative: columns whose last seen value is subtracted from inputs and targets.

    Returns:
        Inputs (N, window, columns), targets (N, horizon · targets). Inputs are a view of `rows` where nothing is
        subtracted and the starts follow each other; what would take more than `MADE_BYTES` is made on demand.
    """
    of_targets = [place for place, column in enumerate(targets) if column in relative]
    chosen = rows if list(targets) == list(range(rows.shape[1])) else np.ascontiguousarray(rows[:, list(targets)])
    inputs = Windows(rows, starts, -window, window, relative)
    after = Windows(chosen, starts, 0, horizon, of_targets, flat=True)
    return Examples(_array(inputs), _array(after), np.full(len(starts), window, np.int32))


def _array(windows: Windows) -> Array:
    made = windows[:] if windows.free() or windows.nbytes <= MADE_BYTES else windows
    return cast(Array, made)  # it has what is asked of an array of examples


def naive_errors(rows: Array, starts: Array, horizon: int, season: int, begins: Array | int = 0) -> dict[str, float]:
    """Mean squared error of the forecasts that learn nothing, over all windows, steps and columns.

    "last value" repeats the last row of the window; "seasonal naive" repeats the last `season` rows before the forecast,
    which may lie before the window, or the last value where the series begins after them; "training mean" is 0, for
    standardised rows.

    Args:
        rows: (rows, columns) of what is foretold, standardised by the training rows.
        starts: first row that is foretold in each window.
        horizon: rows that are foretold.
        season: rows; 0 leaves "seasonal naive" out.
        begins: (N,) first row of the series of each window.
    """
    sums: dict[str, float] = {}
    for part in _parts(len(starts)):
        at = starts[part][:, None]
        begin = begins[part][:, None] if isinstance(begins, np.ndarray) else begins
        ahead = np.arange(horizon)
        truth = rows[at + ahead]
        repeated = {"last value": np.broadcast_to(at - 1, truth.shape[:2])}
        if season:
            before = at - season + ahead % season
            repeated["seasonal naive"] = np.where(before >= begin, before, at - 1)
        errors = {name: rows[source] - truth for name, source in repeated.items()} | {"training mean": truth}
        for name, error in errors.items():
            sums[name] = sums.get(name, 0.0) + float(np.square(error, dtype=np.float64).sum())
    return {name: total / (len(starts) * horizon * rows.shape[1]) for name, total in sums.items()}


def _parts(count: int) -> Iterator[slice]:
    return (slice(first, first + CHUNK) for first in range(0, count, CHUNK))
