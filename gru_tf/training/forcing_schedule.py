"""The probability that a decoder reads a target in training, step by step: scheduled sampling.

At step i of S, from ε_0 = `teacher_forcing` to ε_S = `teacher_forcing_end` (Bengio and others 2015, §2.4, the three decays):

    linear        ε_i = ε_0 − c i                        c = (ε_0 − ε_S) / S
    exponential   ε_i = ε_0 k^i                          k = (ε_S / ε_0)^(1/S) < 1
    sigmoid       ε_i = ε_0 k / (k + exp(i / k))         k such that the end is ε_S; begins at ε_0 k / (k + 1)

In the paper ε_0 is 1 and the constants are chosen; here the end is, and they follow. Patience may end a run before its last
step; the schedule does not know.

Reference: S. Bengio, O. Vinyals, N. Jaitly, N. Shazeer, "Scheduled sampling for sequence prediction with recurrent neural
networks", NIPS 2015, arXiv 1506.03099.
"""

import math

import numpy as np

from gru_tf.experiment.specs import TrainingSpec
from gru_tf.tasks import Array


def of_epoch(training: TrainingSpec, epoch: int, steps: int) -> Array | None:
    """(steps,) float32, those of the steps of an epoch, from 0, of so many steps; None where every target is read.

    With `training.steps` an epoch is a stretch of updates; of the last one, which may be shorter, the rest is not read.
    """
    total = training.epochs * steps if training.steps is None else training.steps
    return probabilities(training, epoch * steps, steps, total) if training.writes else None


def probabilities(training: TrainingSpec, first: int, count: int, total: int) -> Array:
    """(count,) float32, the probability that a target is read, in each step of training from the `first` on of `total`."""
    start, end = training.teacher_forcing, training.teacher_forcing_end
    steps = np.arange(first, first + count, dtype=np.float64)
    match training.teacher_forcing_decay:
        case "none":
            values = np.full(count, start)
        case "linear":
            values = start - (start - float(end or 0)) * steps / total
        case "exponential":
            values = start * (float(end or 0) / start) ** (steps / total)
        case "sigmoid":
            k = sigmoid_speed(float(end or 0) / start, total)
            values = start * k / (k + np.exp(steps / k))
    return np.asarray(values, np.float32)


def sigmoid_speed(share: float, total: int) -> float:
    """The k with k / (k + exp(total / k)) = share, which grows with k from 0 to 1; by bisection."""

    def above(k: float) -> bool:  # exp(total / k) / k ≤ 1 / share − 1, in logarithms, which do not overflow
        return total / k - math.log(k) <= math.log(1 / share - 1)

    low, high = 0.0, 1.0
    while not above(high):
        low, high = high, 2 * high
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if above(middle) else (middle, high)
    return high
