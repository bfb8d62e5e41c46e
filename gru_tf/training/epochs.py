"""The epochs of one run: history, best epoch, checkpoints, and resuming from one."""

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from gru_tf.baselines.scoring import targets_of
from gru_tf.experiment import losses
from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import Speed
from gru_tf.experiment.specs.passes import LOSS, direction_of
from gru_tf.foundation import atomic_file
from gru_tf.tasks import WRITTEN, Array, Evaluation, Examples, Outputs, Splits, Tally, Task
from gru_tf.tasks.evaluation import Bounds
from gru_tf.tasks.prediction_intervals import from_blocks
from gru_tf.training import checkpoints, feeding, schedule
from gru_tf.training.batches import BatchPlan, bucket_lengths, plan
from gru_tf.training.checkpoints import Checkpoint
from gru_tf.training.compiled_steps import CompiledSteps
from gru_tf.training.feeding import DeviceData
from gru_tf.training.passes import batches as batches
from gru_tf.training.passes import stream as stream
from gru_tf.training.stretches import Stretches

FRESH = 2**31  # between the seed of a run and the number of a stretch: no pass over a split has it


class Epochs:
    """Trains a run epoch by epoch, from its last checkpoint where there is one; by steps an epoch is a stretch of these.

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
        self.stretches = Stretches(run, task.signature, splits.train, steps.buckets)
        self.monitor = run.training.monitor or task.metric.name
        self.direction = task.metric.direction if self.monitor == task.metric.name else direction_of(self.monitor)
        self.validated = run.training.validation != "none"
        names = ["train_loss"]
        if self.validated:
            names += dict.fromkeys(f"validation_{name}" for name in (LOSS, task.metric.name, self.monitor))
        self.done = Checkpoint(weights=[], state=[], history={name: [] for name in names})
        self._resume()

    def _resume(self) -> None:
        if self.folder is None:
            return
        checkpoint = checkpoints.load(checkpoints.path(self.run, self.folder), self.stretches.count)
        if checkpoint is not None:
            self.done = checkpoint
            self.steps.set_weights(checkpoint.weights)
            self.steps.set_state(checkpoint.state)

    def _plan(self, split: str, *shuffle: int) -> BatchPlan:
        return batches(self.run, self.signature, getattr(self.splits, split), self.steps.buckets, *shuffle)

    def fit(self) -> Literal["finished", "diverged"]:
        """Train until the last epoch, until patience or time runs out, the task is solved, or the loss is not finite."""
        validation = self._plan("validation") if self.validated else None
        saved = sum(self.done.seconds)
        while not self._over():
            if not all(map(math.isfinite, self._epoch(validation))):
                return "diverged"
            self._keep_best()
            if sum(self.done.seconds) - saved >= self.checkpoint_seconds and not self._over():
                self._checkpoint()
                saved = sum(self.done.seconds)
        if self.run.purpose == "trial":
            self._checkpoint()
        if self.run.training.select == "last":
            self.done.best_epoch, self.done.best_weights = self.done.epoch - 1, self.steps.weights()
        if self.run.purpose != "trial" and validation is not None and self.task.looks_at(self.splits):
            self.steps.set_weights(self.done.best_weights)
            self._validated = self._predicted(self.data["validation"], validation)
        return "finished"

    @property
    def monitored(self) -> list[float]:
        """The validation metric by which the best epoch is chosen, one value an epoch; () where nothing is validated."""
        return self.done.history.get(f"validation_{self.monitor}", [])

    @property
    def validation(self) -> float | None:
        """The task's metric on the validation split at the epoch that is tested; None where nothing is validated."""
        values = self.done.history.get(f"validation_{self.metric.name}")
        return None if values is None or self.done.best_epoch is None else values[self.done.best_epoch]

    @property
    def solved(self) -> bool | None:
        """Whether the monitored metric reached `stop_at`; None where there is no such value."""
        goal = self.run.training.stop_at
        if goal is None:
            return None
        return any(value >= goal if self.direction == "max" else value <= goal for value in self.monitored)

    @property
    def updates(self) -> int:
        """Steps of the optimiser so far."""
        return sum(map(self.stretches.updates, range(self.done.epoch))) if self.done.epoch else 0

    def _over(self) -> bool:
        training, done = self.run.training, self.done
        if training.seconds is not None:
            return sum(done.seconds) + float(np.median(done.seconds or [0.0])) / 2 > training.seconds
        waited = done.epoch - 1 - (done.best_epoch or 0)
        out_of_patience = training.patience is not None and done.epoch > 0 and waited >= training.patience
        return done.epoch >= self.stretches.count or out_of_patience or bool(self.solved)

    def _epoch(self, validation: BatchPlan | None) -> list[float]:
        data, order = self._training_data(self.done.epoch)
        falls = schedule.falls(self.run.training, self.monitored, self.direction)
        by_step = self.stretches.rates(self.done.epoch, falls), self.stretches.forced(self.done.epoch)
        clock = time.perf_counter()
        values = {"train_loss": self.steps.train(data, order, *by_step)}
        self.done.seconds.append(time.perf_counter() - clock)
        if validation is not None:
            clock = time.perf_counter()
            loss, *means = self.steps.test(self.data["validation"], validation)
            self.done.predicting.append(time.perf_counter() - clock)
            values |= {f"validation_{name}": value for name, value in self._validation(loss, means).items()}
        for name, series in self.done.history.items():
            series.append(values[name])
        return [series[-1] for series in self.done.history.values()]

    def _training_data(self, epoch: int) -> tuple[DeviceData, BatchPlan]:
        """What an epoch trains on: the split, or examples that are drawn for it."""
        if not self.run.training.fresh:
            return self.data["train"], self.stretches.plan(epoch)
        drawn = self.task.fresh(stream(self.run.seed, self.run.task, FRESH, epoch + 1), self.stretches.drawn, self.splits)
        data = feeding.load(drawn, self.signature.span, self.signature.targets_over_time)
        return data, self.stretches.fresh_plan(epoch, drawn)

    def _validation(self, loss: float, means: list[float]) -> dict[str, float]:
        """The loss and the metrics on the validation split: of decoded sequences, of all outputs, or means over targets."""
        values = {LOSS: loss}
        if self.metric.whole:
            outputs, _ = self._predicted(self.data["validation"], self._plan("validation"))
            return values | self.task.measured("validation", outputs)
        values |= {name: self.metric.value(mean, name) for name, mean in zip(self.metric.means, means, strict=True)}
        if self.metric.name in WRITTEN:
            written = self.steps.write(self.data["validation"], self.splits.validated.lengths)
            values[self.metric.name] = self.task.scored("validation", written)
        return values

    def _predicted(self, data: DeviceData, order: BatchPlan) -> tuple[Array, Bounds | None]:
        """The outputs (N, outputs); of a network of quantiles the medians, with the bounds of intervals."""
        outputs = self.steps.predict(data, order)
        return from_blocks(outputs) if self.steps.network.levels else (outputs, None)

    def _keep_best(self) -> None:
        done = self.done
        if not self.validated:
            return
        value = self.monitored[-1]
        better = value > done.best if self.direction == "max" else value < done.best
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
        if not self.task.looks_at(self.splits):
            return {}
        validated, bounds = self._validated or (None, None)
        tested, test_bounds = self._predicted(test, self._plan("test"))
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
        steps = [self.stretches.updates(epoch) for epoch in range(self.done.epoch)]
        low, middle, high = np.quantile(np.array(self.done.seconds) / steps, (0.25, 0.5, 0.75))
        predicting = None
        if self.validated:
            predicting = 1000 * float(np.median(self.done.predicting)) / len(self._plan("validation").order)
        return Speed(
            compile_seconds=self.steps.compile_seconds,
            train_seconds=sum(self.done.seconds) + self.refit_seconds,
            step_ms=1000 * middle,
            step_ms_low=1000 * low,
            step_ms_high=1000 * high,
            samples_per_second=len(self.splits.train) / self.stretches.per_pass / middle,
            predict_ms=predicting,
        )
