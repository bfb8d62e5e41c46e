"""The epochs of one run: history, best epoch, checkpoints, and resuming from one."""

import math
import sys
import time
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from gru_tf.baselines.scoring import targets_of
from gru_tf.experiment import losses
from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import Speed
from gru_tf.experiment.specs import Choice
from gru_tf.foundation import atomic_file
from gru_tf.tasks import WRITTEN, Array, Evaluation, Examples, Outputs, Signature, Splits, Tally, Task
from gru_tf.tasks.evaluation import Bounds
from gru_tf.tasks.prediction_intervals import from_blocks
from gru_tf.training import checkpoints, feeding, schedule
from gru_tf.training.batches import BatchPlan, bucket_lengths, plan, spans, streams
from gru_tf.training.checkpoints import Checkpoint
from gru_tf.training.compiled_steps import CompiledSteps
from gru_tf.training.feeding import DeviceData


def stream(seed: int, task: Choice, *more: int) -> np.random.Generator:
    """The random numbers of one task at one seed: the same for every cell, so that comparisons are paired."""
    return np.random.default_rng([seed, zlib.crc32(task.title.encode()), *more])


def batches(run: Run, signature: Signature, examples: Examples, buckets: tuple[int, ...], *shuffle: int) -> BatchPlan:
    """One pass over a split; shuffled by the run's seed, its task and the numbers that follow, else in order."""
    if signature.carried:
        return streams(len(examples), run.training.batch_size)
    # + 1 because NumPy seeds [a, b, 0] like [a, b]: the first shuffle would repeat the draws of the data
    rng = stream(run.seed, run.task, *(n + 1 for n in shuffle)) if shuffle else None
    return plan(spans(examples, signature.decoded > 0), buckets, run.training.batch_size, rng)


class Epochs:
    """Trains a run epoch by epoch, from its last checkpoint where there is one.

    Args:
        run, task: what is trained on what.
        splits, data: the task's examples, as arrays and as prepared for the device.
        steps: the compiled steps, reset to the run's beginning.
        folder: of checkpoints and the model; None for neither.
        checkpoint_seconds: training time between checkpoints; a trial always ends with one.

    Attributes:
        done: the state that training has reached.
        warning: one line on a file that could not be written, or "".
        samples: some sequences that the network wrote for the test split, or "".
        refit_seconds: time of a training on all but the test split, see `gru_tf.training.refit`.
        losses: of the test examples, as a result holds them.
        evaluation: what the outputs on the test split show beside the score.
    """

    def __init__(
        self,
        run: Run,
        task: Task,
        splits: Splits,
        data: dict[str, DeviceData],
        steps: CompiledSteps,
        folder: Path | None,
        checkpoint_seconds: float,
    ):
        self.run, self.metric, self.splits, self.data, self.steps = run, task.metric, splits, data, steps
        self.task = task
        self.signature = task.signature
        self.folder, self.checkpoint_seconds = folder, checkpoint_seconds
        self.warning = self.samples = ""
        self.refit_seconds = 0.0
        self.losses = b""
        self.evaluation = Evaluation()
        self._validated: tuple[Array, Bounds | None] | None = (
            None  # on the validation split, of weights that have not seen it
        )
        names = ("train_loss", "validation_loss", f"validation_{task.metric.name}")
        self.done = Checkpoint(weights=[], state=[], history={name: [] for name in names})
        self._resume()

    def _resume(self) -> None:
        if self.folder is None:
            return
        most = self.run.training.epochs if self.run.training.seconds is None else sys.maxsize
        checkpoint = checkpoints.load(checkpoints.path(self.run, self.folder), most)
        if checkpoint is not None:
            self.done = checkpoint
            self.steps.set_weights(checkpoint.weights)
            self.steps.set_state(checkpoint.state)

    def _plan(self, split: str, *shuffle: int) -> BatchPlan:
        return batches(self.run, self.signature, getattr(self.splits, split), self.steps.buckets, *shuffle)

    def fit(self) -> Literal["finished", "diverged"]:
        """Train until the last epoch, until patience or time runs out, or until the loss is not finite."""
        validation = self._plan("validation")
        saved = sum(self.done.seconds)
        while not self._over():
            values = self._epoch(validation)
            if not all(map(math.isfinite, values)):
                return "diverged"
            self._keep_best(values[-1])
            if sum(self.done.seconds) - saved >= self.checkpoint_seconds and not self._over():
                self._checkpoint()
                saved = sum(self.done.seconds)
        if self.run.purpose == "trial":
            self._checkpoint()
        elif self.task.looks_at(self.splits):
            self.steps.set_weights(self.done.best_weights)
            self._validated = self._predicted(self.data["validation"], validation)
        return "finished"

    def _over(self) -> bool:
        training, done = self.run.training, self.done
        if training.seconds is not None:
            return sum(done.seconds) + float(np.median(done.seconds or [0.0])) / 2 > training.seconds
        waited = done.epoch - 1 - (done.best_epoch or 0)
        out_of_patience = training.patience is not None and done.epoch > 0 and waited >= training.patience
        return done.epoch >= training.epochs or out_of_patience

    def _epoch(self, validation: BatchPlan) -> tuple[float, ...]:
        order = self._plan("train", self.done.epoch)
        rates = schedule.rates(self.run.training, self.done.epoch, len(order.order))
        clock = time.perf_counter()
        train_loss = self.steps.train(self.data["train"], order, rates)
        self.done.seconds.append(time.perf_counter() - clock)
        clock = time.perf_counter()
        loss, *means = self.steps.test(self.data["validation"], validation)
        self.done.predicting.append(time.perf_counter() - clock)
        values = (train_loss, loss, self._validation(means))
        for series, value in zip(self.done.history.values(), values, strict=True):
            series.append(value)
        return values

    def _validation(self, means: list[float]) -> float:
        """The metric on the validation split: of greedily decoded sequences, of all outputs, or a mean over targets."""
        if self.metric.whole:
            outputs, _ = self._predicted(self.data["validation"], self._plan("validation"))
            return self.task.measured("validation", outputs)[self.metric.name]
        if self.metric.name in WRITTEN:
            lengths = self.splits.validation.lengths
            return self.task.scored("validation", self.steps.write(self.data["validation"], lengths))
        return self.metric.value(means[0])

    def _predicted(self, data: DeviceData, order: BatchPlan) -> tuple[Array, Bounds | None]:
        """The outputs (N, outputs); of a network of quantiles the medians, with the bounds of intervals."""
        outputs = self.steps.predict(data, order)
        return from_blocks(outputs) if self.steps.network.levels else (outputs, None)

    def _keep_best(self, value: float) -> None:
        done = self.done
        better = value > done.best if self.metric.direction == "max" else value < done.best
        if better or done.best_epoch is None:
            done.best_epoch, done.best, done.best_weights = done.epoch - 1, value, self.steps.weights()

    def _checkpoint(self) -> None:
        if self.folder is None:
            return
        self.done.weights, self.done.state = self.steps.weights(), self.steps.state()
        try:
            checkpoints.save(checkpoints.path(self.run, self.folder), self.done)
        except OSError as error:  # training goes on without the checkpoint
            self.warning = f"no checkpoint could be written: {error.strerror}"

    def test(self) -> dict[str, float]:
        """The metrics at the best epoch: on the test split by name, and on further splits as "SPLIT_METRIC".

        The model holds that epoch's weights afterwards.
        """
        self.steps.set_weights(self.done.best_weights)
        data = feeding.load(self.splits.test, self.signature.span, self.signature.targets_over_time)
        means, sums = self.steps.test_each(data, self._plan("test"))
        tallies = {"test": self._tally(sums, self.splits.test)}
        metrics = self._evaluated(data) | self._values(means)
        if not losses.why_not(self.task, len(sums)):
            self.losses = losses.kept(self.task, sums, targets_of(self.signature, self.splits.test))
        if self.signature.decoded:
            metrics |= self._written(data)
        for name, examples in self.splits.more.items():
            means, sums = self._test_longer(examples)
            tallies[name] = self._tally(sums, examples)
            metrics |= {f"{name}_{metric}": value for metric, value in self._values(means).items()}
        return metrics | self._tallied(tallies)

    def _tally(self, sums: Array, examples: Examples) -> Tally:
        return Tally(sums, targets_of(self.signature, examples))

    def _tallied(self, tallies: dict[str, Tally]) -> dict[str, float]:
        """What the outcome on single examples shows; fills `evaluation`."""
        for name, examples in self.task.also_tallied(self.splits).items():
            tallies[name] = self._tally(self._test_longer(examples)[1], examples)
        tallied = self.task.tallied(self.splits, tallies)
        self.evaluation = replace(self.evaluation, parts={**self.evaluation.parts, **tallied.parts})
        return dict(tallied.values)

    def _evaluated(self, test: DeviceData) -> dict[str, float]:
        """The metrics that all outputs on the test split show; fills `evaluation`."""
        if self._validated is None:
            return {}
        (validated, bounds), (tested, test_bounds) = self._validated, self._predicted(test, self._plan("test"))
        self.evaluation = self.task.evaluated(Outputs(validated, tested, bounds, test_bounds))
        return dict(self.evaluation.values)

    def _written(self, data: DeviceData) -> dict[str, float]:
        """The metrics of the sequences written for the test split, greedily and by beam search."""
        lengths = self.splits.test.lengths
        written: list[Array] = [self.steps.write(data, lengths, width) for width in (1, self.metric.beam)]
        self.samples = self.task.sample_text(*written)
        return {name: self.task.scored("test", sequences) for name, sequences in zip(WRITTEN, written, strict=True)}

    def _values(self, means: tuple[float, ...]) -> dict[str, float]:
        return {name: self.metric.value(mean, name) for name, mean in zip(self.metric.means, means[1:], strict=True)}

    def _test_longer(self, examples: Examples) -> tuple[tuple[float, ...], Array]:
        """On a split whose sequences may be longer than those of training."""
        longest = examples.inputs.shape[1]
        buckets = (*(b for b in bucket_lengths(examples.lengths) if b < longest), longest)
        data = feeding.load(examples, longest, self.signature.per_step)
        return self.steps.test_each(data, plan(examples.lengths, buckets, self.run.training.batch_size), buckets)

    def save_model(self) -> str:
        """Save the model as `FINGERPRINT.keras`; "" and a warning where it cannot be written."""
        assert self.folder is not None  # noqa: S101, called with a folder only
        file = self.folder / f"{self.run.fingerprint}.keras"
        try:
            atomic_file.through(file, self.steps.export(self.run).save)
        except OSError as error:
            self.warning = f"the model could not be saved: {error.strerror}"
            return ""
        return str(file)

    def speed(self) -> Speed:
        """Training speed over all epochs, excluding compile time."""
        steps, batches = len(self._plan("train").order), len(self._plan("validation").order)
        low, middle, high = np.quantile(np.array(self.done.seconds) / steps, (0.25, 0.5, 0.75))
        return Speed(
            compile_seconds=self.steps.compile_seconds,
            train_seconds=sum(self.done.seconds) + self.refit_seconds,
            step_ms=1000 * middle,
            step_ms_low=1000 * low,
            step_ms_high=1000 * high,
            samples_per_second=len(self.splits.train) / steps / middle,
            predict_ms=1000 * float(np.median(self.done.predicting)) / batches,
        )
