"""By which metric the cells of a comparison are chosen and tested, and what classes weigh that are seldom."""

from dataclasses import replace

import numpy as np

from gru_tf.data.own.splits import TRAIN
from gru_tf.foundation.errors import UserError, did_you_mean
from gru_tf.foundation.option_spelling import spelled
from gru_tf.suite.comparison.guess import Guess
from gru_tf.suite.comparison.guess.columns import Inference
from gru_tf.tasks import create
from gru_tf.tasks.own._labelled_task import LabelledData

METRICS = {
    "forecast": ("rmse", "mae", "mape", "smape", "mase"),
    "class": ("accuracy", "balanced_accuracy", "macro_f1", "roc_auc"),
    "value": ("rmse", "mae"),
}
SELDOM = 0.2  # of an equal share of the training examples: a class with less of them is seldom


def with_metric(guessed: Guess, chosen: str | None) -> tuple[Guess, tuple[Inference, ...]]:
    """The task with its metric: a named one; or balanced accuracy, and classes of equal weight, where one is seldom.

    Raises:
        UserError: where the data have no such metric.
    """
    kind = "forecast" if guessed.task == "forecast" else str(guessed.options["kind"])
    if chosen is not None:
        if chosen not in METRICS[kind]:
            near, names = did_you_mean(chosen, METRICS[kind]), ", ".join(METRICS[kind])
            raise UserError(f"{spelled('metric')}: received '{chosen}', expected one of {names}.{near}")
        return replace(guessed, options={**guessed.options, "measure": chosen}), ()
    task = create(guessed.task, guessed.options)
    if not isinstance(task, LabelledData) or task.kind != "class":
        return guessed, ()
    name, share, classes = _most_seldom(task)
    if share * classes >= SELDOM:
        return guessed, ()
    words = (
        f"metric: balanced accuracy, classes weighted equally in training, as '{name}' is {100 * share:.1f} % of the labels"
    )
    options = {**guessed.options, "measure": "balanced_accuracy", "class_weights": "balanced"}
    return replace(guessed, options=options), (Inference(words, ("metric",)),)


def _most_seldom(task: LabelledData) -> tuple[str, float, int]:
    """The class with the smallest share of the training labels, that share, and how many classes there are."""
    labels = task.labels_in(TRAIN)
    names = task.encodings()["classes"]
    counts = np.bincount(labels, minlength=len(names))
    return str(names[counts.argmin()]), float(counts.min() / counts.sum()), len(names)
