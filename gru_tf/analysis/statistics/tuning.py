"""Whether a search was wide, long and large enough: values at a range's end, last epochs, and scores against trials."""

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

EDGE = 0.1  # of a range, on its axis
LAST = 0.2  # of the epochs
HALF = 0.5  # of the runs


class ExpectedBest(NamedTuple):
    """What the best of so many trials scores, on average over searches, and the standard deviation between searches."""

    trials: int
    mean: float
    deviation: float


def range_end(value: float, low: float, high: float, logarithmic: bool = False) -> Literal["low", "high"] | None:
    """The end of its range that a chosen value lies at, within 10 % of the axis; None in between.

    Raises:
        ValueError: where the value is not within the range, or a logarithmic range does not start above 0.
    """
    if not low <= value <= high or low >= high or (logarithmic and low <= 0):
        raise ValueError(f"range_end: expected a value within {low:g} and {high:g}. Received: {value:g}")
    ends = (math.log(value), math.log(low), math.log(high)) if logarithmic else (value, low, high)
    place = (ends[0] - ends[1]) / (ends[2] - ends[1])
    return "low" if place <= EDGE + 1e-9 else "high" if place >= 1 - EDGE - 1e-9 else None


def still_improving(best_epochs: Sequence[int], epochs: int) -> bool:
    """Whether half of the runs, or more, have their best epoch in the last fifth of those that they were allowed.

    Args:
        best_epochs: of each run, counted from 1.
        epochs: allowed; at least one of them is the last fifth.

    Raises:
        ValueError: where a best epoch is not one of them.
    """
    outside = [epoch for epoch in best_epochs if not 1 <= epoch <= epochs]
    if outside:
        raise ValueError(f"still_improving: expected epochs from 1 to {epochs}. Received: {outside[0]}")
    first = epochs - max(math.floor(LAST * epochs), 1)
    late = sum(epoch > first for epoch in best_epochs)
    return bool(best_epochs) and late >= HALF * len(best_epochs)


def expected_best(
    validation: Sequence[float], test: Sequence[float] | None = None, replace: bool = False
) -> list[ExpectedBest]:
    """The expected score of the best trial against the number of trials, from one search of independent random trials.

    J. Dodge and others, Show your work: improved reporting of experimental results, 2019 (arXiv 1909.03004), equations 1
    to 3, draw the k trials with replacement, which is too low for k near their number (R. Tang and others, Showing your work
    doesn't always work, 2020, arXiv 2004.13705). Without replacement, over all subsets of k trials, it is unbiased.

    Args:
        validation: (trials,) scores, larger is better; a trial that diverged is −inf, and chosen where all have.
        test: what each of them scores on test data: the expectation is then that of the trial which validation chooses.
        replace: whether to draw as Dodge and others do.

    Returns:
        For each k from 1 to the number of trials, mean and deviation; NaN where a score that may be chosen is not finite.

    Raises:
        ValueError: where a validation score is NaN, or there are not as many test scores.
    """
    scores = np.asarray(validation, float)
    values = scores if test is None else np.asarray(test, float)
    if np.isnan(scores).any() or values.shape != scores.shape or scores.ndim != 1:
        raise ValueError(f"expected_best: expected {len(scores)} scores, none of them NaN. Received: {values.shape}")
    order = np.argsort(scores, kind="stable")
    ranked = _tied_means(scores[order], values[order])
    squares = _tied_means(scores[order], values[order] ** 2)
    return [_expected(k, ranked, squares, _weights(len(scores), k, replace)) for k in range(1, len(scores) + 1)]


def _expected(k: int, values: Any, squares: Any, weights: Any) -> ExpectedBest:
    chosen = weights > 0  # −inf × 0 would be no number
    mean = float(weights[chosen] @ values[chosen])
    if not math.isfinite(mean):
        return ExpectedBest(k, math.nan, math.nan)
    return ExpectedBest(k, mean, math.sqrt(max(float(weights[chosen] @ squares[chosen]) - mean**2, 0.0)))


def _tied_means(scores: Any, values: Any) -> Any:
    """Values of sorted scores, where equal scores share their mean: any of them is chosen as often."""
    _, group = np.unique(scores, return_inverse=True)
    with np.errstate(invalid="ignore"):
        return (np.bincount(group, values) / np.bincount(group))[group]


def _weights(trials: int, k: int, replace: bool) -> Any:
    """The probability that the i-th smallest of the trials is the best of k that are drawn."""
    if replace:
        return np.diff((np.arange(trials + 1) / trials) ** k)
    return np.array([math.comb(i, k - 1) for i in range(trials)], float) / math.comb(trials, k)
