"""Training anew on training and validation split together, for as many epochs as validation has shown to be best.

The test split stays unread. Seed, initial values and learning rates by epoch are those of the run, those too that fell where
its validation metric stalled; an epoch has more steps.
What validation chose, the settings and the number of epochs, and its metric in the record, are of the first training.
"""

import math
import time
from collections.abc import Sequence
from typing import Literal

import numpy as np

from gru_tf.experiment.experiment import Run
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Array, Examples, Signature, Splits
from gru_tf.training import feeding, schedule
from gru_tf.training.compiled_steps import CompiledSteps
from gru_tf.training.epochs import Epochs
from gru_tf.training.stretches import Stretches


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
    examples = together(splits.train, splits.validated)
    falls = [
        schedule.falls(run.training, epochs.monitored[:epoch], epochs.direction)
        for epoch in range((done.best_epoch or 0) + 1)
    ]
    finite = train_on(run, signature, examples, epochs.steps, len(falls), epochs.stretches.every, falls)
    epochs.refit_seconds = time.perf_counter() - clock
    done.best_weights = epochs.steps.weights()
    return "finished" if finite else "diverged"


def train_on(
    run: Run,
    signature: Signature,
    examples: Examples,
    steps: CompiledSteps,
    epochs: int,
    every: int | None = None,
    falls: Sequence[int] | None = None,
) -> bool:
    """Train from the run's beginning for so many epochs on these examples; returns whether every loss was finite.

    Args:
        run: with seed, batch size and learning rates.
        signature: of its task.
        examples: to train on.
        steps: compiled; they hold the last weights afterwards.
        epochs: how many; by `training.steps` stretches of updates.
        every: updates of such a stretch.
        falls: of a "plateau", how often it has fallen before each epoch, see `gru_tf.training.schedule`.
    """
    data = feeding.load(examples, signature.span, signature.targets_over_time)
    steps.reset(run)
    stretches = Stretches(run, signature, examples, steps.buckets, every if run.training.steps is not None else None)
    before = falls if falls is not None else [None] * epochs
    losses = (
        steps.train(data, stretches.plan(epoch), stretches.rates(epoch, fell), stretches.forced(epoch))
        for epoch, fell in enumerate(before)
    )
    return all(map(math.isfinite, losses))  # training ends with the first that is not


def together(one: Examples, two: Examples) -> Examples:
    """The examples of both; inputs and targets over time as long as the longest, behind their ends 0, of classes −1."""
    classes = np.asarray(one.targets).dtype.kind == "i"
    inputs, targets = _joined(one.inputs, two.inputs, 0), _joined(one.targets, two.targets, -1 if classes else 0)
    return Examples(inputs, targets, np.concatenate([one.lengths, two.lengths]))


def _joined(one: Array, two: Array, filler: int) -> Array:
    one, two = np.asarray(one), np.asarray(two)
    if one.ndim > 1:
        longest = max(one.shape[1], two.shape[1])
        one, two = (feeding.padded(array, longest, filler) for array in (one, two))
    return np.concatenate([one, two])
