"""Whether a task can be trained by a recipe: what only task, network and recipe together decide."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gru_tf.experiment.specs import ModelSpec, TrainingSpec
from gru_tf.experiment.specs.passes import LOSS
from gru_tf.foundation.errors import UserError, did_you_mean
from gru_tf.tasks import Splits, Task
from gru_tf.training.network import truncation


def check(training: TrainingSpec, model: ModelSpec, options: Mapping[str, Any], task: Task) -> None:
    """Raise UserError where they do not go together, as far as that can be known without the task's data.

    Args:
        training: the recipe.
        model: the network.
        options: of its cell.
        task: what is learned.
    """
    signature = task.signature
    truncation.check(training, model, options, signature)
    if signature.carried:
        _check_text(training)
    if training.fresh:
        _check_fresh(training, task)
    if training.monitor is not None and not task.metric.whole:
        _expect_computed(training.monitor, (*task.metric.means, task.metric.name))


def _check_text(training: TrainingSpec) -> None:
    """Of a continuous text, along which states are carried."""
    whole = "this task's splits are continuous texts"
    if training.validation == "none":
        raise UserError(f"training.validation: received none, expected split: {whole}")
    if training.evaluate_every is not None:
        received = f"received {training.evaluate_every}, expected null"
        raise UserError(f"training.evaluate_every: {received}: {whole}, looked at after each pass")


def _check_fresh(training: TrainingSpec, task: Task) -> None:
    """Of examples that are drawn anew."""
    if not task.most_fresh:
        raise UserError("training.fresh: received true, expected false: the task's data are fixed")
    drawn = (training.evaluate_every or 0) * training.batch_size
    if drawn > task.most_fresh:
        raise UserError(
            f"training.fresh: expected at most {task.most_fresh:,} examples to be drawn at a time, half of those that there"
            f" are. Received: {drawn:,}, evaluate_every × batch_size"
        )


def check_monitored(training: TrainingSpec, task: Task, splits: Splits) -> None:
    """Raise UserError where validation does not compute what is to be monitored, or there is none; by the data.

    Args:
        training: the recipe.
        task: with its metric.
        splits: its data, without validation where the recipe has none.
    """
    if splits.validation is None and training.validation != "none":
        raise UserError(
            "training.validation: received split, expected none, with select: last: the task has no validation split"
        )
    if training.monitor is not None and task.metric.whole:
        steps = (task.signature.span,) if task.signature.per_step else ()
        shape = len(splits.validated), *steps, task.signature.outputs
        _expect_computed(training.monitor, task.measured("validation", np.zeros(shape, np.float32)))


def _expect_computed(monitor: str, computed: Any) -> None:
    names = tuple(dict.fromkeys((*computed, LOSS)))
    if monitor not in names:
        near = did_you_mean(monitor, names)
        raise UserError(
            f"training.monitor: received {monitor}, expected a metric that validation computes.{near} It computes:"
            f" {', '.join(names)}"
        )
