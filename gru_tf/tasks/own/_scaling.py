"""The numbers by which the targets of a forecast become inputs: of the whole table, or of each series by itself.

    z = (y − centre) / spread

              centre                         spread
    table     mean of all training rows      their deviation
    series    mean of the series' own        their deviation
    robust    median of the series' own      interquartile range / 1.349, which of a normal distribution is the deviation

Series of different size share a network only where each is on a scale of its own. A series without rows to train on has
those of its first window, which no target lies in; one that never changes has its spread from the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from gru_tf.tasks import Array

NORMAL = 1.3489795003921634  # interquartile range of a normal distribution over its deviation
QUARTILES = (25, 50, 75)


@dataclass(frozen=True)
class SeriesScales:
    """Of each series and target, in the units of the data.

    Args:
        centres, spreads: (series, targets) float64.
    """

    centres: Array
    spreads: Array

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Array]) -> Self:
        """Those that the cache keeps with the encoded rows."""
        return cls(np.asarray(arrays["centres"]), np.asarray(arrays["spreads"]))

    def standardised(self, values: Array, series: Array) -> Array:
        """(rows, targets) float32, of values in units and the number of the series of each row."""
        scaled: Array = ((values - self.centres[series]) / self.spreads[series]).astype(np.float32)
        return scaled


def scales(kind: str, values: Array, lengths: Array, training: Array, table: SeriesScales, window: int) -> SeriesScales:
    """The scales of series that follow each other.

    Args:
        kind: "table", "series" or "robust".
        values: (rows, targets) float64 in units.
        lengths: (series,) rows of each.
        training: (rows,) whether it is a row to train on.
        table: of the whole table, (1, targets).
        window: rows of input.
    """
    count = len(lengths)
    centres, spreads = np.repeat(table.centres, count, 0), np.repeat(table.spreads, count, 0)
    if kind == "table":
        return SeriesScales(centres, spreads)
    ends = np.cumsum(lengths)
    for number, (end, length) in enumerate(zip(ends, lengths, strict=True)):
        own = slice(end - length, end)
        known = values[own][training[own]] if training[own].any() else values[own][:window]
        centre, spread = of_rows(kind, known)
        centres[number], spreads[number] = centre, np.where(spread > 0, spread, spreads[number])
    return SeriesScales(centres, spreads)


def of_rows(kind: str, values: Array) -> tuple[Array, Array]:
    """Centre and spread (targets,) of rows (rows, targets)."""
    if kind == "series":
        return values.mean(0), values.std(0)
    first, middle, third = np.percentile(values, QUARTILES, axis=0)
    return middle, (third - first) / NORMAL
