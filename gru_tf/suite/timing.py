"""The timing phase: after the last run the chosen networks of each task, side by side in one worker, the others idle.

Times are no results: whatever goes wrong with them is a reason that is kept in their place, and nothing of it stops an
experiment. Each task is kept as soon as it is measured; a coordinator that was killed goes on with the others.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, wait
from contextlib import contextmanager
from typing import Any

from gru_tf.experiment.result import RunResult
from gru_tf.experiment.timing import Timing
from gru_tf.foundation.errors import one_line
from gru_tf.suite.engine import Caller, Engine, processes
from gru_tf.suite.engine.worker import measure
from gru_tf.suite.result_writer import ResultWriter
from gru_tf.suite.tracking import Record

SWITCH = "GRU_TF_TIMING"  # "no" where many small experiments are run: a phase takes up to a minute a task
SECONDS = 60.0  # of a task
LIMIT = 900.0  # of a task: five rounds are taken however long they are, but not without end
PATIENCE = 1.0  # seconds between signs of life

Chosen = Mapping[str, Sequence[RunResult]]  # task label → a final result of each cell


def phase(
    record: Record,
    engine: Engine,
    writer: ResultWriter,
    chosen: Chosen,
    progress: Any = None,
    seconds: float = SECONDS,
) -> None:
    """Time the chosen networks, one task after the other, and keep the times in the record.

    Args:
        record: of an experiment whose runs are done.
        engine: without runs.
        writer: to that record.
        chosen: what is timed; a task with fewer than two networks is not.
        progress: its method `timing`, if it has one, is called with the task, the seconds that it took and may take.
        seconds: for each task, about.

    Raises:
        UserError: where the store stays out of reach.
    """
    if not record.experiment.timing or os.environ.get(SWITCH) == "no":
        return
    tasks = {task: results for task, results in chosen.items() if len(results) > 1}
    if not tasks:
        return
    titles = {task.label: task.title for task in record.experiment.tasks}
    kept = {timing.task: timing for timing in writer.insist(record.timing)}
    with _worker(engine) as caller:
        for task, results in tasks.items():
            if task in kept and _answers(kept[task], results):
                continue
            kept[task] = checked(_measured(caller, writer, titles[task], results, progress, seconds), results)
            writer.insist(lambda: record.write_timing(kept.values()))
            for reason in reasons(kept[task]):
                writer.say(f"{titles[task]}: {reason}. Results are not affected")


def _answers(timing: Timing, results: Sequence[RunResult]) -> bool:
    """Whether these very networks were timed before, all of them."""
    timed = {network.fingerprint for network in timing.timed.values()}
    return {result.run.fingerprint for result in results} == timed


def checked(timing: Timing, results: Sequence[RunResult]) -> Timing:
    """The times without those of networks that another kernel computed when they were trained."""
    paths = {result.run.cell.label: result.kernel_path for result in results}
    networks = dict(timing.networks)
    for cell, network in timing.timed.items():
        if network.kernel_path != paths[cell]:
            error = f"trained by the {paths[cell]} kernel, here the {network.kernel_path} kernel computes"
            empty = dict.fromkeys(("train_ms", "train_cpu_ms", "predict_ms", "predict_cpu_ms"), ())
            networks[cell] = network.model_copy(update={**empty, "error": error})
    return timing.model_copy(update={"networks": networks})


def reasons(timing: Timing) -> Iterator[str]:
    """Why there are no times, in a sentence for the task or for each network."""
    if timing.error:
        yield f"the networks were not timed: {timing.error}"
    for cell, network in timing.networks.items():
        if network.error:
            yield f"{cell} was not timed: {network.error}"


def _measured(
    caller: Caller, writer: ResultWriter, title: str, results: Sequence[RunResult], progress: Any, seconds: float
) -> Timing:
    runs, clock = [result.run for result in results], time.monotonic()
    task, started = runs[0].task.label, time.time()
    show = getattr(progress, "timing", None)
    if show:
        show(title, 0.0, seconds)
    try:
        future = caller.call(measure, runs, seconds)
        while not wait([future], PATIENCE).done:
            spent = time.monotonic() - clock
            if show:
                show(title, spent, seconds)
            writer.beat()
            if spent > LIMIT:
                future.cancel()
                return Timing(task=task, started=started, seconds=spent, error=f"it exceeded the limit of {LIMIT:g} s")
        timing: Timing = _result(future)
    except Exception as error:  # of a worker, of an engine: times are no reason to lose results
        reason = one_line(f"{type(error).__name__}: {error}", 300)
        return Timing(task=task, started=started, seconds=time.monotonic() - clock, error=reason)
    return timing


def _result(future: "Future[Any]") -> Any:
    try:
        return future.result()
    except CancelledError as error:
        raise RuntimeError("the worker was stopped") from error


class _OwnProcess:
    """One worker process beside an engine that calls no functions, from the same fork server."""

    def __init__(self) -> None:
        self.pool = processes.pool(1, next(iter(processes.devices(1)), None))

    def call(self, function: Any, *args: Any) -> "Future[Any]":
        """In that process."""
        future: Future[Any] = self.pool.schedule(function, args=args)
        return future


@contextmanager
def _worker(engine: Engine) -> Iterator[Caller]:
    if isinstance(engine, Caller):
        yield engine
        return
    own = _OwnProcess()
    try:
        yield own
    finally:
        own.pool.stop()
        own.pool.join()
