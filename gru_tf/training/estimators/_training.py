"""Trains one network on arrays by the compiled steps that runs use, outside of any experiment."""

import contextlib
import math
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gru_tf.experiment.experiment import Run
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Array, Examples, Signature
from gru_tf.training import feeding
from gru_tf.training.batches import BatchPlan, bucket_lengths
from gru_tf.training.compiled_steps import CompiledSteps, on_gpu, shape_of
from gru_tf.training.network.resolution import ResolvedNetwork, resolve_run
from gru_tf.training.passes import batches
from gru_tf.training.schedule import rates

SHAPES_KEPT = 8
_compiled: dict[tuple[Any, ...], CompiledSteps] = {}
_alone = threading.Lock()  # fits in threads would share compiled steps, and the generators from which Keras draws


class Weighted(NamedTuple):
    """Examples, and (N,) float32 above 0, what each counts."""

    examples: Examples
    weights: Array


@dataclass(frozen=True)
class Trained:
    """What training leaves.

    Args:
        weights: of the network, in the order of its trainable variables.
        history: "train_loss", and "validation_loss" where there is validation, by epoch.
        best_epoch: from 0, the one that the weights are of.
        units, parameters: of each layer and direction; of the whole network.
    """

    weights: list[Array]
    history: dict[str, list[float]]
    best_epoch: int
    units: int
    parameters: int


@contextlib.contextmanager
def generators_kept() -> Iterator[None]:
    """Seeding Keras, which draws from Python's and NumPy's generators, leaves the user's where they were."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def train(run: Run, signature: Signature, training: Weighted, validation: Weighted | None) -> Trained:
    """Train from the run's seed; the same call gives the same numbers.

    Args:
        run: cell, network and recipe; its task is a name alone.
        signature: of the examples.
        training: to train on.
        validation: chooses the epoch, the one with the lowest loss; None for the last one.

    Raises:
        UserError: for a cell, an option or a size that there is not, and where a loss is not finite.
    """
    with _alone, generators_kept():
        network = resolve_run(run, signature)
        if on_gpu():
            import tensorflow as tf

            tf.config.experimental.enable_op_determinism()
        steps = _steps(run, network, training.examples)
        history, best, weights = _epochs(run, signature, steps, training, validation)
    return Trained(weights, history, best, network.size.units, network.size.parameters)


def _steps(run: Run, network: ResolvedNetwork, examples: Examples) -> CompiledSteps:
    """The compiled steps of this shape, at the run's beginning."""
    signature = network.signature
    buckets = (*(b for b in bucket_lengths(examples.lengths) if b < signature.span), signature.span)
    types = str(examples.inputs.dtype), str(examples.targets.dtype)
    shape = shape_of(run, network, (), buckets, types)
    steps = _compiled.pop(shape, None) or CompiledSteps(run, network, (), buckets)
    steps.warm_up(feeding.load(examples, signature.span), test=False)
    _compiled[shape] = steps  # the last used last
    while len(_compiled) > SHAPES_KEPT:
        del _compiled[next(iter(_compiled))]
    steps.reset(run)
    return steps


def _epochs(
    run: Run, signature: Signature, steps: CompiledSteps, training: Weighted, validation: Weighted | None
) -> tuple[dict[str, list[float]], int, list[Array]]:
    """History, the best epoch from 0, and its weights."""
    data = feeding.load(training.examples, signature.span)
    held = None if validation is None else feeding.load(validation.examples, signature.span)
    history: dict[str, list[float]] = {"train_loss": []}
    if held is not None:
        history["validation_loss"] = []
    best, weights = 0, steps.weights()
    for epoch in range(run.training.epochs):
        order, by_step = _weighted(batches(run, signature, training.examples, steps.buckets, epoch), training.weights)
        losses = [steps.train(data, order, rates(run.training, epoch, len(by_step)) * by_step)]
        if validation is not None and held is not None:
            plain = batches(run, signature, validation.examples, steps.buckets)
            losses.append(steps.test(held, _weighted(plain, validation.weights)[0])[0])
        _expect_finite(losses, epoch)
        if held is None or losses[-1] < min(history["validation_loss"], default=math.inf):
            best, weights = epoch, steps.weights()
        for series, value in zip(history.values(), losses, strict=True):
            series.append(value)
        if run.training.patience is not None and epoch - best >= run.training.patience:
            break
    return history, best, weights


def _weighted(plan: BatchPlan, weights: Array) -> tuple[BatchPlan, Array]:
    """The plan with the examples' weights, and (S,) what each step weighs beside an average one.

    A step divides by the weights of its batch; by its factor, a batch of light examples moves the network less.
    """
    real = plan.valid > 0
    valid = plan.valid * weights[plan.order]
    by_step = valid.sum(1) / real.sum(1) / (valid.sum() / real.sum())
    return BatchPlan(plan.order, valid, plan.bucket), by_step.astype(np.float32)


def _expect_finite(losses: list[float], epoch: int) -> None:
    if not all(map(math.isfinite, losses)):
        instead = "a smaller learning_rate may help"
        raise UserError(f"epoch {epoch + 1}: expected a finite loss; {instead}. Received: {losses[-1]}")
