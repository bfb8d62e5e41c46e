"""Numbers that mark a missing value: the same one at the end of a column's range many times, far from all others.

Of a sensor's −200 and a table's 9999 a network learns as of any number, and they decide mean and deviation.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import several
from gru_tf.suite.comparison.guess.columns import Inference, numeric

TIMES = 3  # that a mark comes at least
DISTINCT = 8  # other values, at least
GAP = 10  # times the usual distance of neighbouring values
SPREAD = 0.5  # of the middle half of the others
SHOWN = 4  # columns in a line
STEPS = 10_000  # of arrays, about


def sentinel(values: Array) -> float | None:
    """The number at an end of the range that comes several times and lies far from all others; None where there is none."""
    distinct, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    if len(distinct) <= DISTINCT:
        return None
    usual = float(np.median(np.diff(distinct)))
    for place, rest in ((0, slice(1, None)), (len(distinct) - 1, slice(0, -1))):
        others = np.repeat(distinct[rest], counts[rest])
        low, high = np.quantile(others, [0.25, 0.75])
        gap = float(np.abs(distinct[rest] - distinct[place]).min())
        far = gap > GAP * usual and gap > SPREAD * (high - low)
        if far and counts[place] >= TIMES and distinct[place] != 0:
            return float(distinct[place])
    return None


def warn_of_arrays(arrays: Mapping[str, Array], inputs: str, inferences: list[Inference]) -> None:
    """The same of the first steps of an array (sequences, steps, features) or (sequences, steps)."""
    import pandas

    values = np.asarray(arrays[inputs]) if inputs in arrays else np.zeros(0)
    if values.ndim not in (2, 3) or values.dtype.kind not in "fi" or not values.size:
        return
    steps = values[: max(1, STEPS // values.shape[1])].reshape(-1, values.shape[2] if values.ndim == 3 else 1)
    names = [f"{inputs}[{number}]" for number in range(steps.shape[1])] if values.ndim == 3 else [inputs]
    warn(pandas.DataFrame(steps, columns=names), inferences)


def warn(head: Any, inferences: list[Inference]) -> None:
    """Add a line for the columns in whose first rows such numbers stand."""
    marked: dict[float, list[str]] = {}
    for name in numeric(head):
        mark = sentinel(head[name].to_numpy(np.float64, na_value=np.nan))
        if mark is not None:
            marked.setdefault(mark, []).append(name)
    for mark, names in marked.items():
        count = int((head[names[0]] == mark).sum())
        where = f"in {count:,} of {len(head):,} rows of {names[0]}" if len(names) == 1 else f"in {several(names, SHOWN)}"
        text = f"{mark:g} {where}, far from all other values: if it marks missing values, leave these fields empty"
        inferences.append(Inference(text, ("missing",)))
