"""One run from seed to result: data, new weights, epochs, the best epoch by validation, the test split once."""

import time
import traceback
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

from gru_tf.experiment import losses
from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import RunResult, described
from gru_tf.experiment.specs import Choice
from gru_tf.foundation import environment
from gru_tf.foundation.errors import one_line
from gru_tf.recurrent import kernels
from gru_tf.recurrent.kernels import operations
from gru_tf.tasks import Splits, Task, create
from gru_tf.training import baseline_run, feeding, held_bits, recipe, refit
from gru_tf.training.batches import bucket_lengths, spans
from gru_tf.training.compiled_steps import CompiledSteps, shape_of
from gru_tf.training.diagnostics.observer import Observer
from gru_tf.training.epochs import Epochs
from gru_tf.training.feeding import DeviceData
from gru_tf.training.network import truncation
from gru_tf.training.network.resolution import ResolvedNetwork, resolve_run
from gru_tf.training.passes import stream

SHAPES_KEPT = 96  # the search of a comparison has 48 of a cell


def configure(threads: int) -> None:
    """Set the process's threads and let GPU memory grow; call before TensorFlow computes anything."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    for device in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(device, True)


@lru_cache(maxsize=8)
def _data(task_json: str, seed: int, split_seed: int, validated: bool) -> tuple[Splits, dict[str, DeviceData]]:
    choice = Choice.model_validate_json(task_json)
    task = create(choice.name, choice.options).at(split_seed)
    splits = task.splits(stream(seed, choice))
    if not validated and splits.validation is not None:
        splits = replace(splits, train=refit.together(splits.train, splits.validation), validation=None)
    span, over_time = task.signature.span, task.signature.targets_over_time
    parts = {"train": splits.train, "validation": splits.validation}
    return splits, {name: feeding.load(part, span, over_time) for name, part in parts.items() if part is not None}


_compiled: dict[tuple[Any, ...], CompiledSteps] = {}


def _steps_for(run: Run, network: ResolvedNetwork, task: Task, splits: Splits) -> CompiledSteps:
    longest, lengths = task.signature.span, spans(splits.train, task.signature.decoded > 0)
    buckets = (*(b for b in bucket_lengths(lengths) if b < longest), longest)
    types = str(splits.train.inputs.dtype), str(splits.train.targets.dtype)
    metrics = task.metric.means
    shape = shape_of(run, network, metrics, buckets, types)
    steps = _compiled.pop(shape, None) or CompiledSteps(run, network, metrics, buckets)
    _compiled[shape] = steps  # behind all others: what was not used for longest goes first
    while len(_compiled) > SHAPES_KEPT:
        del _compiled[next(iter(_compiled))]
    return steps


class Prepared(NamedTuple):
    """A run before its first step.

    Args:
        task, network: what is learned, by what.
        splits, data: the task's examples, as arrays and as prepared for the device.
        steps: compiled, and reset to the run's beginning; runs of one shape share them.
    """

    task: Task
    network: ResolvedNetwork
    splits: Splits
    data: dict[str, DeviceData]
    steps: CompiledSteps


def prepare(run: Run) -> Prepared:
    """Read or draw the run's data, build and compile its network, and draw its weights.

    Raises:
        UserError: for a run that cannot be trained as specified.
    """
    if run.training.deterministic:
        tf.config.experimental.enable_op_determinism()
    task = run.drawn_task()
    # before anything else: reading a file draws random numbers, which a run's seed does not count
    network = resolve_run(run, task.signature)
    refit.check(run, task.signature)
    recipe.check(run.training, run.model, run.cell.options, task)
    truncation.check_layers(run.training, network.layers)
    split_seed = run.seed if run.split_seed is None else run.split_seed
    splits, data = _data(run.task.model_dump_json(), run.seed, split_seed, run.training.validation != "none")
    recipe.check_monitored(run.training, task, splits)
    steps = _steps_for(run, network, task, splits)
    steps.warm_up(data["train"])
    steps.reset(run)
    return Prepared(task, network, splits, data, steps)


def train(run: Run, folder: Path | None = None, checkpoint_seconds: float = 1.0) -> RunResult:
    """Train `run` and return its result; a loss that is not finite ends it as "diverged".

    The same run gives the same numbers, bit for bit, whatever was trained before it in this process, and also where it
    resumes from the checkpoint of an interrupted or a shorter run.

    Args:
        run: what to train.
        folder: of checkpoints and a final run's model (`FINGERPRINT.keras`); none is written if None.
        checkpoint_seconds: training time after which a checkpoint is written at the end of the epoch.

    Raises:
        UserError: for a run that cannot be trained as specified.
    """
    started, clock = time.time(), time.perf_counter()
    environment.reset_peak_memory()
    task, network, splits, data, steps = prepare(run)
    observer = Observer(run, task.signature, splits.validation, steps.model)  # requests nothing where there is none
    observer.look("before")
    epochs = Epochs(run, task, splits, data, steps, folder, checkpoint_seconds)
    status = epochs.fit()
    if status == "finished" and run.purpose == "final" and run.training.refit:
        status = refit.refit(run, task.signature, splits, epochs)
    tested = epochs.test() if status == "finished" and run.purpose == "final" else {}
    test = tested.pop(task.metric.name, None)
    if test is not None:
        observer.look("after")
    model_file = epochs.save_model() if test is not None and folder is not None else ""
    done = epochs.done
    return RunResult(
        run=run,
        status=status,
        error="" if status == "finished" else f"the loss was not finite {_when(run, epochs)}",
        warning=epochs.warning,
        started=started,
        seconds=time.perf_counter() - clock,
        history=done.history,
        best_epoch=done.best_epoch,
        metric=task.metric.name,
        direction=task.metric.direction,
        validation=epochs.validation,
        solved=epochs.solved,
        updates=epochs.updates,
        test=test,
        more=tested,
        chance=task.metric.chance,
        score=None if test is None else task.metric.score(test),
        test_examples=None if test is None else len(splits.test),
        chances={f"{name}_{task.metric.name}": task.metric.chance_on(name) for name in splits.more if test is not None},
        units=network.size.units,
        parameters=network.size.parameters,
        recurrent_parameters=network.size.recurrent_parameters,
        speed=epochs.speed(),
        peak_memory_mb=environment.peak_memory_mb(),
        kernel_path=steps.kernel_path,
        jit=steps.jit,
        environment={**machine(), **_path(steps), "bits": _bits(run, network, steps), "data": task.checksums()},
        model_file=model_file,
        model_bytes=Path(model_file).stat().st_size if model_file else None,
        samples=epochs.samples,
        diagnostics=observer.diagnostics(),
        losses=epochs.losses,
        losses_kept=len(losses.array(epochs.losses)),
        **described(epochs.evaluation),
    )


def _when(run: Run, epochs: Epochs) -> str:
    """In which epoch training is, or of how many updates its last stretch ended."""
    return f"in epoch {epochs.done.epoch}" if run.training.steps is None else f"by update {epochs.updates}"


def attempt(run: Run, folder: Path | None = None, checkpoint_seconds: float = 1.0) -> RunResult:
    """`train`, or fit a baseline, but an exception becomes a failed result, so that the other runs continue."""
    started, clock = time.time(), time.perf_counter()
    try:
        return baseline_run.fit(run) if run.purpose == "baseline" else train(run, folder, checkpoint_seconds)
    except Exception as error:  # the boundary of a run: any error belongs in its record
        last = traceback.extract_tb(error.__traceback__)[-1]
        message = one_line(f"{type(error).__name__}: {error}", 500)
        message = f"{message} ({Path(last.filename).name}:{last.lineno})"
        passing = isinstance(error, (MemoryError, OSError, tf.errors.ResourceExhaustedError))
        seconds = time.perf_counter() - clock
        return RunResult(run=run, status="failed", error=message, passing=passing, started=started, seconds=seconds)


def _path(steps: CompiledSteps) -> dict[str, str]:
    """Why the recurrence did not run in a fused CPU kernel; nothing where it did."""
    return {"why_not_fused": steps.why_not_fused} if steps.why_not_fused else {}


def _bits(run: Run, network: ResolvedNetwork, steps: CompiledSteps) -> str:
    """What is recorded of the run's bits: that they are held, or that they are of this machine, and why."""
    why_not = held_bits.why_not(run, network, steps.kernel_path)
    return f"of this machine: {why_not}" if why_not else "held"


def machine() -> dict[str, Any]:
    """Versions, commit, device, threads and build of the fused CPU kernels of this process, or why it has none."""
    return {
        "versions": environment.versions(),
        "commit": environment.commit(),
        "device": tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        if (gpu := next(iter(tf.config.list_physical_devices("GPU")), None))
        else environment.processor(),
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "kernels": operations.why_not() or kernels.build(),
    }
