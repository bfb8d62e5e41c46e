"""The learning rate of each step: a linear warm-up, then a decay over what is left of all epochs.

    s < w:   r(s) = learning_rate · s / w                            w = round(warmup · S) of S steps in all
    s ≥ w:   r(s) = learning_rate · f((s − w) / (S − w)),            f(x) = 1, 1 − x, or (1 + cos πx) / 2

These are the rates of Keras' `CosineDecay` and `PolynomialDecay`, computed in float64 outside of the compiled step, which
takes them as an input: it is compiled once for all schedules, and no library's float32 cosine decides its bits. Patience may
end a run before its last step; the schedule does not know.

Reference: P. Goyal and others 2017, arXiv 1706.02677, §2.2 (warm-up); I. Loshchilov, F. Hutter, ICLR 2017, arXiv 1608.03983,
eq. 5 (cosine).
"""

import math
from collections.abc import Callable

import numpy as np

from gru_tf.experiment.specs import TrainingSpec
from gru_tf.tasks import Array

DECAYS: dict[str, Callable[[float], float]] = {
    "none": lambda _: 1.0,
    "linear": lambda x: 1.0 - x,
    "cosine": lambda x: 0.5 * (1.0 + math.cos(math.pi * x)),
}


def rates(training: TrainingSpec, epoch: int, steps: int) -> Array:
    """(steps,) float32, the learning rate of each step of an epoch.

    Args:
        training: learning rate, schedule and number of epochs.
        epoch: from 0; with `training.steps` a stretch of updates.
        steps: of every epoch, or stretch; of the last one, which may be shorter, what is too much is not read.
    """
    if not training.scheduled:
        return np.full(steps, training.learning_rate, np.float32)
    total = training.epochs * steps if training.steps is None else training.steps
    warm = round(training.warmup * total)
    decay = DECAYS[training.decay]
    factors = [
        s / warm if s < warm else decay((s - warm) / (total - warm)) for s in range(epoch * steps, (epoch + 1) * steps)
    ]
    return np.array([training.learning_rate * factor for factor in factors], np.float32)
