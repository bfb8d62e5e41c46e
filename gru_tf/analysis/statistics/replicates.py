"""Replicates crossed with test examples: an interval that holds for other seeds and for another test set of this size.

Replicates alone say how a cell does on these 360 digits. Every replicate is scored on the same ones, so their means say
nothing of what other digits would do. The losses by replicate and example are a table of two random factors with one value
in each place; the variance of its mean is the sum of three parts, of replicates, of examples, and of what both share:
σ²ᵣ / R + σ²ₑ / E + σ²ᵣₑ / (R E) (J. Cornfield and J. W. Tukey, Average values of mean squares in factorials, 1956). Its
degrees of freedom are those of F. E. Satterthwaite (An approximate distribution of estimates of variance components, 1946).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gru_tf.analysis.statistics.means import MeanTest


@dataclass(frozen=True)
class VarianceParts:
    """Where the variance of a mean, or of a difference of two, comes from; each part that comes out below 0 is 0.

    Args:
        replicates, examples, interaction: parts of the mean's variance.
        test: the mean with its error and degrees of freedom.
    """

    replicates: float
    examples: float
    interaction: float
    test: MeanTest


def crossed(losses: Any) -> VarianceParts:
    """Mean of one cell's losses over replicates and examples, with the variance of both.

    Args:
        losses: (replicates, examples), finite; the same examples in the same order at each replicate.

    Raises:
        ValueError: where it is no such table.
    """
    table = _table(losses)
    count, examples = table.shape
    mean = float(table.mean())
    if min(count, examples) < 2:
        return VarianceParts(math.nan, math.nan, math.nan, MeanTest(mean, math.nan, math.nan, math.nan))
    rows, columns, both = _mean_squares(table)
    size = count * examples
    squares = ((rows / size, count - 1), (columns / size, examples - 1), (-both / size, (count - 1) * (examples - 1)))
    return _parts(mean, (rows - both) / size, (columns - both) / size, both / size, squares)


def crossed_difference(first: Any, second: Any) -> VarianceParts:
    """Difference of the means of two cells, whose replicates are their own and whose test examples are the same.

    The variance is that of both cells' replicates, and of the examples' differences. An example that is hard for both is in
    neither: that is why the same test set tells two cells from one another better than two test sets would.

    Args:
        first: (replicates, examples) losses, finite.
        second: (its replicates, examples) losses of the same examples.

    Raises:
        ValueError: where these are no such tables.
    """
    a, b = _table(first), _table(second)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"crossed_difference: expected the same test examples. Received: {a.shape[1]} and {b.shape[1]}")
    mean, examples = float(a.mean() - b.mean()), a.shape[1]
    if min(len(a), len(b), examples) < 2:
        return VarianceParts(math.nan, math.nan, math.nan, MeanTest(mean, math.nan, math.nan, math.nan))
    squares: list[tuple[float, int]] = [(float(np.var(a.mean(0) - b.mean(0), ddof=1)) / examples, examples - 1)]
    together = 0.0
    for table in (a, b):
        rows, _, both = _mean_squares(table)
        squares.append((rows / table.size, len(table) - 1))
        squares.append((-both / table.size, (len(table) - 1) * (examples - 1)))
        together += both / table.size
    replicates = sum(value for value, _ in squares[1:])
    return _parts(mean, replicates, squares[0][0] - together, together, squares)


def _table(losses: Any) -> Any:
    table = np.asarray(losses, float)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise ValueError(f"crossed: expected finite losses (replicates, examples). Received: {table.shape}")
    return table


def _mean_squares(table: Any) -> tuple[float, float, float]:
    """Of replicates, examples and interaction, as in an analysis of variance with one value in each place."""
    count, examples = table.shape
    rows, columns = table.mean(1), table.mean(0)
    rest = table - rows[:, None] - columns + table.mean()
    interaction = float((rest**2).sum()) / ((count - 1) * (examples - 1))
    return examples * float(np.var(rows, ddof=1)), count * float(np.var(columns, ddof=1)), interaction


def _parts(
    mean: float, replicates: float, examples: float, interaction: float, squares: Sequence[tuple[float, int]]
) -> VarianceParts:
    """Parts and test; `squares` are the terms that the variance is estimated by, with their degrees of freedom.

    A part below 0 counts as none, and the terms of the others make the variance.
    """
    variance = max(replicates, 0.0) + max(examples, 0.0) + max(interaction, 0.0)
    spread = sum(value**2 / freedom for value, freedom in squares)
    freedom = variance**2 / spread if spread > 0 else math.nan
    least = 2.0 ** (1 - min(freedom for _, freedom in squares))
    test = MeanTest(mean, math.sqrt(variance), freedom, min(least, 1.0))
    return VarianceParts(max(replicates, 0.0), max(examples, 0.0), max(interaction, 0.0), test)
