"""The learning rate of each step: a linear warm-up, then a decay, over all epochs or by epochs.

Of S steps in all, E in an epoch, s = 0, 1, … is the step, w = round(warmup · S), and b = max(w, decay_start · E):

    s < w:   r(s) = learning_rate · s / w
    s ≥ w:   r(s) = learning_rate · f(s)
    none           f = 1
    linear         f = 1 − x,               x = (s − b) / (S − b), 0 before b
    cosine         f = (1 + cos πx) / 2
    exponential    f = decay_factor^y,      y = (s − b) / (decay_every · E), 0 before b
    step           f = decay_factor^k,      k = 1 + ⌊(e − decay_start) / decay_every⌋ in epoch e = ⌊s / E⌋, 0 before it
    plateau        f = decay_factor^n,      n the falls so far, by `falls`

In a warm-up "step" and "plateau" count their epochs and falls from the first epoch on: r(s) = learning_rate · s / w · f(s).
These are the rates of Keras' `CosineDecay`, `PolynomialDecay`, `ExponentialDecay` (with `staircase` too, which is "step"),
`PiecewiseConstantDecay` at equal distances, and `ReduceLROnPlateau` with `min_delta=0`. They are computed in float64 outside
of the compiled step, which takes them as an input: it is compiled once for all schedules, and no library's float32 cosine
decides its bits. Patience may end a run before its last step; the schedule does not know.

Reference: P. Goyal and others 2017, arXiv 1706.02677, §2.2 (warm-up); I. Loshchilov, F. Hutter, ICLR 2017, arXiv 1608.03983,
eq. 5 (cosine); W. Zaremba and others 2014, arXiv 1409.2329, §4.1 (full rate for some epochs, then halved after each).
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from gru_tf.experiment.specs import TrainingSpec
from gru_tf.tasks import Array

TO_ZERO: dict[str, Callable[[float], float]] = {
    "linear": lambda x: 1.0 - x,
    "cosine": lambda x: 0.5 * (1.0 + math.cos(math.pi * x)),
}


def rates(training: TrainingSpec, epoch: int, steps: int, falls: int | None = None) -> Array:
    """(steps,) float32, the learning rate of each step of an epoch.

    Args:
        training: learning rate, schedule and number of epochs.
        epoch: from 0; with `training.steps` a stretch of updates.
        steps: of every epoch, or stretch; of the last one, which may be shorter, what is too much is not read.
        falls: before this epoch, of a "plateau"; no other schedule reads it.

    Raises:
        ValueError: for a "plateau" without `falls`.
    """
    if not training.scheduled:
        return np.full(steps, training.learning_rate, np.float32)
    total = training.epochs * steps if training.steps is None else training.steps
    warm = round(training.warmup * total)
    decay = _decay(training, epoch, steps, total, warm, falls)
    first = epoch * steps
    factors = [min(1.0, s / warm if warm else 1.0) * decay(s) for s in range(first, first + steps)]
    return np.array([training.learning_rate * factor for factor in factors], np.float32)


def falls(training: TrainingSpec, values: Sequence[float], direction: str) -> int:
    """How often a "plateau" has fallen after these epochs.

    Each value that is no better than the best before counts; at the `decay_every`-th in a row the rate falls, and counting
    begins again, the best value staying what it is. It follows from the values alone, so that a run that continues from a
    checkpoint goes on with the same rate.

    Args:
        training: with `decay_every`.
        values: the validation metric of each epoch so far.
        direction: "max" or "min", which of two values is better.
    """
    best, waited, number = math.nan, 0, 0
    for value in values:
        if math.isnan(best) or (value > best if direction == "max" else value < best):
            best, waited = value, 0
            continue
        waited += 1
        if waited == training.decay_every:
            waited, number = 0, number + 1
    return number


def _decay(
    training: TrainingSpec, epoch: int, steps: int, total: int, warm: int, falls: int | None
) -> Callable[[int], float]:
    """Step → the factor f."""
    begin = max(warm, (training.decay_start or 0) * steps)
    every, factor = training.decay_every or 0, training.decay_factor or 1.0
    match training.decay:
        case "none":
            return lambda _: 1.0
        case "exponential":
            return lambda s: factor ** (max(0, s - begin) / (every * steps))
        case "step":
            start = training.decay_start or every
            number = 0 if epoch < start else 1 + (epoch - start) // every
        case "plateau":
            if falls is None:
                raise ValueError(
                    "rates: expected `falls` of a plateau, which follow from the validation metric. Received: None"
                )
            number = falls
        case _:
            decay = TO_ZERO[training.decay]
            return lambda s: decay(max(0, s - begin) / (total - begin)) if s > begin else 1.0
    return lambda _: factor**number
