"""Losses of a run by test example, kept so that an interval can count in which examples happen to be in the test set.

An example's loss is what the task's metric is the mean of: whether its class is right (accuracy), its squared error
("mse", "rmse") or absolute error ("mae"), on the scale of the network's targets, or nats ("nll", "bpc", "perplexity").
Errors of a network that learns quantiles are those of its medians, not the loss that it minimises. Where examples have
several targets each counts by their number:

    loss_n = N · (sum of the terms of example n's targets) / (targets of all examples)

so that in every task `Metric.value` of the mean of the losses is the metric.
"""

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.tasks import WRITTEN, Task

MOST = 100_000  # examples of a test split whose losses are kept
FLOAT32 = np.dtype("<f4")


def why_not(task: Task, count: int) -> str:
    """Why losses of a test split of so many examples are not kept, in words; "" where they are."""
    if task.metric.name in WRITTEN:
        return f"{task.metric.name} is no mean over examples"
    if task.metric.whole:
        return f"{task.metric.name} is computed from all outputs"
    if task.draws_data:
        return "each seed draws its own test examples"
    return f"there are more than {MOST:,} test examples" if count > MOST else ""


def kept(task: Task, sums: Array, targets: Array) -> bytes:
    """The losses as a result holds them, float32 in the order of the test split; b"" where they are not kept.

    Args:
        task: that was tested.
        sums: (N,) of each test example the sum of the metric's terms over its targets.
        targets: (N,) how many targets each has.
    """
    if why_not(task, len(sums)):
        return b""
    each = np.asarray(sums, np.float64) * (len(sums) / np.sum(targets, dtype=np.float64))
    return each.astype(FLOAT32).tobytes()


def array(held: bytes) -> Array:
    """(N,) float32 of what `kept` returned."""
    return np.frombuffer(held, FLOAT32)
