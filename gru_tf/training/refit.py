"""Training anew on training and validation split together, for as many epochs as validation has shown to be best.

The test split stays unread. Seed, initial values and learning rates by epoch are those of the run; an epoch has more steps.
What validation chose, the settings and the number of epochs, and its metric in the record, are of the first training.
"""

import math
import time
from typing import Literal

import numpy as np

from gru_tf.experiment.experiment import Run
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Array, Examples, Signature, Splits
from gru_tf.training import feeding, forcing_schedule, schedule
from gru_tf.training.compiled_steps import CompiledSteps
from gru_tf.training.epochs import Epochs, batches


def check(run: Run, signature: Signature) -> None:
    """Raise UserError where the two splits are no examples side by side, but texts that go on from batch to batch."""
    if run.training.refit and signature.carried:
        raise UserError("training.refit: received true, expected false: this task's splits are continuous texts")


def refit(run: Run, signature: Signature, splits: Splits, epochs: Epochs) -> Literal["finished", "diverged"]:
    """Train again; `epochs` then holds the last weights in place of the best epoch's, and the time that it took.

    Args:
        run: whose training has ended.
        signature: of its task.
        splits: the task's examples.
        epochs: with the best epoch, and the compiled steps.
    """
    done = epochs.done
    clock = time.perf_counter()
    finite = train_on(run, signature, together(splits.train, splits.validation), epochs.steps, (done.best_epoch or 0) + 1)
    epochs.refit_seconds = time.perf_counter() - clock
    done.best_weights = epochs.steps.weights()
    return "finished" if finite else "diverged"


def train_on(run: Run, signature: Signature, examples: Examples, steps: CompiledSteps, epochs: int) -> bool:
    """Train from the run's beginning for so many epochs on these examples; returns whether every loss was finite.

    Args:
        run: with seed, batch size and learning rates.
        signature: of its task.
        examples: to train on.
        steps: compiled; they hold the last weights afterwards.
        epochs: how many.
    """
    data = feeding.load(examples, signature.span, signature.targets_over_time)
    steps.reset(run)
    for epoch in range(epochs):
        order = batches(run, signature, examples, steps.buckets, epoch)
        count = len(order.order)
        by_step = (schedule.rates(run.training, epoch, count), forcing_schedule.of_epoch(run.training, epoch, count))
        if not math.isfinite(steps.train(data, order, *by_step)):
            return False
    return True


def together(one: Examples, two: Examples) -> Examples:
    """The examples of both; inputs and targets over time as long as the longest."""
    pairs = ((one.inputs, two.inputs), (one.targets, two.targets))
    inputs, targets = (_joined(*pair) for pair in pairs)
    return Examples(inputs, targets, np.concatenate([one.lengths, two.lengths]))


def _joined(one: Array, two: Array) -> Array:
    one, two = np.asarray(one), np.asarray(two)
    if one.ndim > 1:
        filler = -1 if one.ndim == 2 and one.dtype.kind == "i" else 0
        longest = max(one.shape[1], two.shape[1])
        one, two = (feeding.padded(array, longest, filler) for array in (one, two))
    return np.concatenate([one, two])
