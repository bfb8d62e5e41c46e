"""Metrics of classes beside accuracy, from the scores of all examples: for classes of which some are seldom.

    balanced_accuracy   mean over classes of the share of a class's examples that are recognised
    macro_f1            mean over classes of 2 · precision · recall / (precision + recall)
    roc_auc             area under the curve of the true against the false positives; of several classes the mean over
                        classes of each against the rest

by scikit-learn. A class that no example of the split has is left out of the first; the last is then not defined.
"""

import warnings

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.tasks.evaluation import Parts


def scores(targets: Array, outputs: Array) -> dict[str, float]:
    """Metric → value; without those that are not defined.

    Args:
        targets: (N,) classes.
        outputs: (N, classes) logits, or logarithms of probabilities.
    """
    from sklearn import metrics

    predicted = outputs.argmax(1)
    present = np.unique(targets)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that are predicted and not there
        values = {
            "accuracy": float(np.mean(predicted == targets)),
            "balanced_accuracy": float(metrics.balanced_accuracy_score(targets, predicted)),
            "macro_f1": float(metrics.f1_score(targets, predicted, labels=np.arange(outputs.shape[1]), average="macro")),
        }
    if len(present) == outputs.shape[1]:
        shares = probabilities(outputs)
        positive = shares[:, 1] if len(present) == 2 else shares
        values["roc_auc"] = float(metrics.roc_auc_score(targets, positive, multi_class="ovr"))
    return values


def probabilities(outputs: Array) -> Array:
    """(N, classes) from logits, or from logarithms of probabilities; −inf is 0."""
    raised = np.exp(np.asarray(outputs, np.float64) - np.max(outputs, axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True))


def confusion(targets: Array, outputs: Array, names: list[str]) -> Parts:
    """Of each class, how many of its examples were taken for which, under "class"."""
    predicted = outputs.argmax(1)
    counts = np.zeros((len(names), len(names)), int)
    np.add.at(counts, (targets, predicted), 1)
    return {"class": {name: dict(zip(names, map(float, row), strict=True)) for name, row in zip(names, counts, strict=True)}}


def constant(train: Array, test: Array, classes: int) -> dict[str, float]:
    """What an answer without inputs reaches: the majority class of the training split, and no order for `roc_auc`."""
    outputs = np.zeros((len(test), classes))
    outputs[:, np.bincount(train, minlength=classes).argmax()] = 1.0
    return {**scores(test, outputs), "roc_auc": 0.5}
