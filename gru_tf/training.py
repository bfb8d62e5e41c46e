"""One run from seed to result: data, fresh weights, epochs, the best epoch by validation, the test split once."""

import math
import time
import traceback
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from gru_tf import budget, environment
from gru_tf.batches import Plan, bucket_lengths, plan
from gru_tf.cells import CELLS
from gru_tf.compiled import CompiledSteps, Tensors, shape_of, tensors
from gru_tf.experiment import Run
from gru_tf.results import RunResult, Speed
from gru_tf.specs import Choice
from gru_tf.tasks import Splits, Task, create

SHAPES_KEPT = 16


def configure(threads: int) -> None:
    """Set the process's threads and let GPU memory grow; call before TensorFlow computes anything."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    for device in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(device, True)


def stream(seed: int, task: Choice, *more: int) -> np.random.Generator:
    """The random numbers of one task at one seed: the same for every cell, so that comparisons are paired."""
    return np.random.default_rng([seed, zlib.crc32(task.label.encode()), *more])


@lru_cache(maxsize=8)
def _data(task_json: str, seed: int) -> tuple[Splits, dict[str, Tensors]]:
    choice = Choice.model_validate_json(task_json)
    task = create(choice.name, choice.options)
    splits = task.splits(stream(seed, choice))
    timesteps = task.signature.timesteps
    return splits, {name: tensors(getattr(splits, name), timesteps) for name in ("train", "validation")}


_compiled: dict[tuple[Any, ...], CompiledSteps] = {}


def _steps_for(run: Run, task: Task, splits: Splits) -> CompiledSteps:
    longest = task.signature.timesteps
    buckets = (*(b for b in bucket_lengths(splits.train.lengths) if b < longest), longest)
    shape = shape_of(run, task.signature, task.metric.name, buckets)
    if shape not in _compiled:
        _compiled[shape] = CompiledSteps(run, task.signature, task.metric.name, buckets)
        while len(_compiled) > SHAPES_KEPT:
            del _compiled[next(iter(_compiled))]
    return _compiled[shape]


def train(run: Run, folder: Path | None = None) -> RunResult:
    """Train `run` and return its result; a loss that is not finite ends it as "diverged".

    The same run gives the same numbers to the bit, whatever was trained before it in this process.

    Args:
        run: what to train.
        folder: where a final run's model is saved as `<fingerprint>.keras`; nowhere if None.

    Raises:
        UserError: where the run asks for something impossible.
    """
    started, clock = time.time(), time.perf_counter()
    environment.reset_peak_memory()
    if run.training.deterministic:
        tf.config.experimental.enable_op_determinism()
    task = create(run.task.name, run.task.options)
    splits, data = _data(run.task.model_dump_json(), run.seed)
    steps = _steps_for(run, task, splits)
    steps.warm_up(data["train"])
    steps.reset(run)
    epochs = _Epochs(run, task, splits, data, steps)
    status = epochs.fit()
    test = epochs.test() if status == "finished" and run.purpose == "final" else None
    model_file = _save(run, steps, folder) if test is not None and folder is not None else ""
    cell = CELLS.find(run.cell.name)
    size = budget.solve(cell, run.cell.options, task.signature, run.model)
    return RunResult(
        run=run,
        status=status,
        error="" if status == "finished" else f"the loss was not finite in epoch {len(epochs.seconds)}",
        started=started,
        seconds=time.perf_counter() - clock,
        history=epochs.history,
        best_epoch=epochs.best_epoch,
        metric=task.metric.name,
        direction=task.metric.direction,
        validation=epochs.best if epochs.best_epoch is not None else None,
        test=test,
        chance=task.metric.chance,
        score=None if test is None else task.metric.score(test),
        units=size.units,
        parameters=size.parameters,
        recurrent_parameters=size.recurrent_parameters,
        speed=epochs.speed(),
        peak_memory_mb=environment.peak_memory_mb(),
        kernel_path=steps.kernel_path,
        jit=steps.jit,
        environment={**_machine(), "data": task.checksums()},
        model_file=model_file,
    )


def attempt(run: Run, folder: Path | None = None) -> RunResult:
    """`train`, with an exception turned into a result that records it: the other runs go on."""
    started, clock = time.time(), time.perf_counter()
    try:
        return train(run, folder)
    except Exception as error:  # the boundary of a run: whatever went wrong belongs into its record
        last = traceback.extract_tb(error.__traceback__)[-1]
        message = " ".join(str(error).split())[:500]
        where = f"{type(error).__name__}: {message} ({Path(last.filename).name}:{last.lineno})"
        return RunResult(run=run, status="failed", error=where, started=started, seconds=time.perf_counter() - clock)


def _save(run: Run, steps: CompiledSteps, folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{run.fingerprint}.keras"
    steps.export(run).save(file)
    return str(file)


def _machine() -> dict[str, Any]:
    return {
        "versions": environment.versions(),
        "commit": environment.commit(),
        "device": tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        if (gpu := next(iter(tf.config.list_physical_devices("GPU")), None))
        else environment.processor(),
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
    }


class _Epochs:
    """The epochs of one run: their history, the best one and its weights."""

    def __init__(self, run: Run, task: Task, splits: Splits, data: dict[str, Tensors], steps: CompiledSteps):
        self.run, self.metric, self.splits, self.data, self.steps = run, task.metric, splits, data, steps
        self.history: dict[str, list[float]] = {
            "train_loss": [],
            "validation_loss": [],
            f"validation_{task.metric.name}": [],
        }
        self.seconds: list[float] = []
        self.best_epoch: int | None = None
        self.best = math.nan
        self.best_weights: list[Any] = []

    def _plan(self, split: str, *shuffle: int) -> Plan:
        # + 1, for NumPy takes [a, b, 0] for [a, b]: the first shuffle would repeat the draws that made the data
        rng = stream(self.run.seed, self.run.task, *(n + 1 for n in shuffle)) if shuffle else None
        return plan(getattr(self.splits, split).lengths, self.steps.buckets, self.run.training.batch_size, rng)

    def fit(self) -> Literal["finished", "diverged"]:
        """Train until the last epoch, the end of patience or a loss that is not finite."""
        validation = self._plan("validation")
        for epoch in range(self.run.training.epochs):
            order = self._plan("train", epoch)
            clock = time.perf_counter()
            train_loss = self.steps.train(self.data["train"], order)
            self.seconds.append(time.perf_counter() - clock)
            values = (train_loss, *self.steps.test(self.data["validation"], validation))
            for series, value in zip(self.history.values(), values, strict=True):
                series.append(value)
            if not all(map(math.isfinite, values)):
                return "diverged"
            self._keep_best(epoch, values[-1])
            if self.run.training.patience and epoch - (self.best_epoch or 0) >= self.run.training.patience:
                break
        return "finished"

    def _keep_best(self, epoch: int, value: float) -> None:
        better = value > self.best if self.metric.direction == "max" else value < self.best
        if better or self.best_epoch is None:
            self.best_epoch, self.best, self.best_weights = epoch, value, self.steps.weights()

    def test(self) -> float:
        """The metric on the test split at the best epoch, whose weights the model then holds."""
        self.steps.set_weights(self.best_weights)
        examples = tensors(self.splits.test, self.data["train"][0].shape[1])
        return self.steps.test(examples, self._plan("test"))[1]

    def speed(self) -> Speed:
        """Training speed over all epochs; compiling took place before the first."""
        steps = len(self._plan("train").order)
        low, middle, high = np.quantile(np.array(self.seconds) / steps, (0.25, 0.5, 0.75))
        return Speed(
            compile_seconds=self.steps.compile_seconds,
            train_seconds=sum(self.seconds),
            step_ms=1000 * middle,
            step_ms_low=1000 * low,
            step_ms_high=1000 * high,
            samples_per_second=len(self.splits.train) / steps / middle,
        )
