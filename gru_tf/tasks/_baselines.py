"""What a model has to beat, from the training split alone: the majority class or a uniform guess, and naive forecasts.

Worked example, a season of 2 rows, rows 0 to 4 seen, 5 to 7 to forecast:

    last value        4 4 4
    seasonal naive    3 4 3
"""

from collections.abc import Iterator, Sequence

import numpy as np

from gru_tf.tasks import Array

CHUNK = 1 << 16  # windows at once, of which only a sum is wanted


def majority_class(train: Array, test: Array) -> tuple[int, float]:
    """The most frequent class of `train`, the first of equals, and its share in `test`: the accuracy of always saying it."""
    majority = int(np.bincount(train).argmax())
    return majority, float(np.mean(test == majority))


def constant_accuracy(train: Array, test: Array, classes: int, names: Sequence[str] | None = None) -> tuple[float, str]:
    """The accuracy on `test` of the best answer without inputs, and its name for people.

    That is the majority class of `train`; or a uniform guess, right once in `classes` times, where the majority class is
    rarer than that in `test`.

    Args:
        train: (N,) classes from 0.
        test: the same.
        classes: how many there are.
        names: of the classes, to name the one in words.
    """
    majority, share = majority_class(train, test)
    if share < 1 / classes:
        return 1 / classes, "a uniform guess"
    return share, "the majority class" + (f" ('{names[majority]}')" if names is not None else "")


def naive_errors(rows: Array, starts: Array, horizon: int, season: int, begins: Array | int = 0) -> dict[str, float]:
    """Mean squared error of the naive forecasts, over all windows, steps and columns.

    "last value" repeats the last row of the window; "seasonal naive" repeats the last `season` rows before the forecast,
    which may lie before the window, or the last value where the series begins after them; "training mean" is 0, for
    standardised rows.

    Args:
        rows: (rows, columns) of the targets, standardised by the training rows.
        starts: first row to forecast of each window.
        horizon: rows to forecast.
        season: rows; 0 leaves "seasonal naive" out.
        begins: (N,) first row of the series of each window.
    """
    sums: dict[str, float] = {}
    for part in _parts(len(starts)):
        at = starts[part][:, None]
        truth = rows[at + np.arange(horizon)]
        begin = begins[part] if isinstance(begins, np.ndarray) else begins
        repeated = naive_rows(starts[part], horizon, season, begin)
        errors = {name: rows[source] - truth for name, source in repeated.items()} | {"training mean": truth}
        for name, error in errors.items():
            sums[name] = sums.get(name, 0.0) + float(np.square(error, dtype=np.float64).sum())
    return {name: total / (len(starts) * horizon * rows.shape[1]) for name, total in sums.items()}


def naive_rows(starts: Array, horizon: int, season: int, begins: Array | int = 0) -> dict[str, Array]:
    """Naive forecast → (N, horizon), the row that it repeats at each step; see `naive_errors`."""
    at, begin = starts[:, None], np.reshape(begins, (-1, 1))
    last = np.broadcast_to(at - 1, (len(starts), horizon))
    if not season:
        return {"last value": last}
    before = at - season + np.arange(horizon) % season
    return {"last value": last, "seasonal naive": np.where(before >= begin, before, last)}


def _parts(count: int) -> Iterator[slice]:
    return (slice(first, first + CHUNK) for first in range(0, count, CHUNK))


def best_naive(errors: dict[str, float], season: int) -> tuple[str, str]:
    """Of some of the forecasts of `naive_errors` the one with the least error: its key, and its name for people."""
    best = min(errors, key=lambda name: errors[name])
    names = {
        "last value": "the last value (naive forecast)",
        "seasonal naive": f"the seasonal naive forecast ({season} steps before)",
        "training mean": "the mean of the training rows (constant forecast)",
    }
    return best, names[best]
