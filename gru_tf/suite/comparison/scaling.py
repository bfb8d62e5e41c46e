"""On which scale the networks of a comparison read a forecast's series, and by which metric the cells are compared.

Several series are each on a scale of their own by default: with one scale for all, a network that is right about the large
ones need not see the small ones. Where their spreads differ much, errors in units would say of the large ones alone, so that
the metric is then the mean absolute scaled error. Each window is scaled by itself where the user names it (`BY_WINDOW`).
"""

from dataclasses import replace
from typing import Any

import numpy as np

from gru_tf.foundation.errors import UserError, did_you_mean
from gru_tf.foundation.option_spelling import spelled
from gru_tf.suite.comparison.guess import Guess
from gru_tf.suite.comparison.guess.columns import Inference
from gru_tf.tasks import create
from gru_tf.tasks.own.forecast import OwnForecast

UNLIKE = 3.0  # times the spread of the series with the smallest
BY_SERIES = ("table", "series", "robust")  # of the task
BY_WINDOW = {"window": "standard", "window-robust": "robust"}  # of the network, `model.scaling`


def with_scaling(guessed: Guess, chosen: str | None, metric: str | None) -> tuple[Guess, tuple[Inference, ...]]:
    """A forecast's task with its scale, and the metric that the scales ask for; another task as it is.

    Args:
        guessed: the task and its options.
        chosen: a scaling that the user named.
        metric: a metric that the user named.

    Raises:
        UserError: where there is no such scaling.
    """
    names = (*BY_SERIES, *BY_WINDOW)
    if chosen is not None and chosen not in names:
        near = did_you_mean(chosen, names)
        raise UserError(f"{spelled('scaling')}: received '{chosen}', expected one of {', '.join(names)}.{near}")
    if guessed.task != "forecast":
        return guessed, ()
    inferences = []
    scale = chosen if chosen in BY_SERIES else "table"
    if chosen is None and guessed.options.get("group") is not None:
        scale = "series"
        inferences.append(Inference("each series on a scale of its own: mean and deviation of its training", ("scaling",)))
    guessed = _with(guessed, scale=scale) if scale != "table" else guessed
    ratio = _spreads(guessed) if guessed.options.get("group") is not None else 1.0  # that of one series to itself
    if metric is None and ratio > UNLIKE:
        guessed = _with(guessed, measure="mase")
        words = f"metric: mean absolute scaled error (mase), as the spreads of the series differ {ratio:,.0f}-fold"
        inferences.append(Inference(words, ("metric",)))
    return guessed, tuple(inferences)


def _with(guessed: Guess, **options: Any) -> Guess:
    return replace(guessed, options={**guessed.options, **options})


def _spreads(guessed: Guess) -> float:
    """How many times the largest spread of a series is that of the smallest, in training."""
    task = create(guessed.task, {**guessed.options, "scale": "series"})
    assert isinstance(task, OwnForecast)  # noqa: S101, the task of a forecast
    spreads = np.asarray(task.arrays()["spreads"])
    return float((spreads.max(0) / spreads.min(0)).max())
