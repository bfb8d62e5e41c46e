"""Scores of predictions, in float64, exactly as those of networks are counted: masks, padded steps, weights by target."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gru_tf.baselines.baseline import FittedBaseline, ModelInputs
from gru_tf.foundation.array import Array
from gru_tf.tasks import Examples, Metric, MetricName, Signature

BLOCK = 1 << 22  # numbers of inputs or predictions at once


@dataclass(frozen=True)
class Scores:
    """The metrics of one split.

    Args:
        values: metric → value.
        losses: (N,) what the first metric is the mean of, averaged over the targets of each example; 0 for one without.
        weights: (N,) targets of each example, so that Σ losses · weights / Σ weights is the mean over all targets.
    """

    values: dict[str, float]
    losses: Array
    weights: Array


def counted(signature: Signature, examples: Examples) -> Array:
    """(N,) or (N, T) bool: whether there is a target to score."""
    if not signature.per_step:
        return np.ones(len(examples), bool)
    real: Array = np.arange(examples.targets.shape[1]) < examples.lengths[:, None]
    if signature.scored == "last":
        real[np.arange(real.shape[1]) != examples.lengths[:, None] - 1] = False
    if signature.target == "value":
        return real & np.isfinite(examples.targets).all(-1)
    return real & (examples.targets >= 0) if signature.target == "class" else real


def targets_of(signature: Signature, examples: Examples) -> Array:
    """(N,) float64: how many targets of each example are scored."""
    there = counted(signature, examples).astype(np.float64)
    return there.sum(1) if signature.per_step else there


def terms(name: str, signature: Signature, targets: Array, predicted: Array) -> Array:
    """What a metric is the mean of, of each target, (N,) or (N, T); anything where there is no target.

    Args:
        name: of the metric.
        signature: of the task.
        targets: as `Examples.targets`.
        predicted: as `FittedBaseline.predict` gives them.
    """
    if name == "accuracy":
        return np.asarray(predicted.argmax(-1) == targets, np.float64)
    if signature.target == "class":
        likely = np.take_along_axis(predicted, np.maximum(targets, 0)[..., None].astype(np.int64), -1)
        return -np.asarray(likely[..., 0])
    if signature.target == "binary":
        with np.errstate(divide="ignore"):  # what was held for impossible costs infinitely much
            return np.asarray(-np.log(np.where(targets > 0, predicted, 1 - predicted)).sum(-1))
    error = predicted - targets.astype(np.float64)
    each: Array = (np.abs(error) if name == "mae" else np.square(error)).mean(-1)
    return each


def score(signature: Signature, metric: Metric, examples: Examples, inputs: ModelInputs, fitted: FittedBaseline) -> Scores:
    """All metrics of `metric.means` on a split; `inputs` are those of `examples`."""
    parts: dict[MetricName, list[Array]] = {name: [] for name in metric.means}
    surprise = fitted.surprise(inputs, examples.targets)  # of all, as a text's parts continue each other
    for rows in blocks(signature, examples.inputs.shape[1], len(examples)) if surprise is None else ():
        predicted, targets = fitted.predict(inputs.part(rows)), np.asarray(examples.targets[rows])
        for name in metric.means:
            parts[name].append(terms(name, signature, targets, predicted))
    there = counted(signature, examples)
    each_of = {name: np.concatenate(parts[name]) if surprise is None else surprise for name in metric.means}
    of_each = {name: np.where(there, each, 0.0) for name, each in each_of.items()}
    values: dict[str, float] = {name: metric.value(float(each.sum() / there.sum()), name) for name, each in of_each.items()}
    first, weights = of_each[metric.means[0]], targets_of(signature, examples)
    if signature.per_step:
        first = first.sum(1)
    return Scores(values, first / np.maximum(weights, 1), weights)


def outputs(signature: Signature, inputs: ModelInputs, steps: int, fitted: FittedBaseline) -> Array:
    """All predictions (N, outputs), or (N, T, outputs) where every step has a target, for sequences of so many steps."""
    return np.concatenate([fitted.predict(inputs.part(rows)) for rows in blocks(signature, steps, len(inputs))])


def blocks(signature: Signature, steps: int, count: int) -> Iterator[slice]:
    """Of `count` examples consecutive ones, as many as `BLOCK` numbers."""
    numbers = max(steps * (1 if signature.tokens else signature.features), steps * signature.outputs * signature.per_step)
    rows = max(1, BLOCK // max(numbers, signature.outputs))
    return (slice(first, first + rows) for first in range(0, count, rows))
