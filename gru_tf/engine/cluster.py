"""The same runs as Ray tasks: CPU and GPU resources, retries when a node dies, many machines."""

import os
import tempfile
import threading
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Self

from gru_tf import durable, journal
from gru_tf.errors import UserError
from gru_tf.experiment import Run
from gru_tf.run_result import RunResult

RETRIES = 3  # of a task whose node or process died; a failed training is a result, not a retry


class RayEngine:
    """Runs spread over a Ray cluster.

    A finished model comes back with its result, so that the nodes need no shared disk; checkpoints stay on the node,
    and a run whose node dies starts again elsewhere and reaches the same numbers.

    Args:
        folder: where final runs' models are put on this machine.
        address: of a running cluster, e.g. "auto" or "ray://head:10001"; None starts Ray on this machine.
        threads: cores, and TensorFlow's threads, of each run.
        time_limit: seconds after which a run's process is stopped; None for no limit.

    Raises:
        UserError: where Ray is not installed or the cluster does not answer.
    """

    def __init__(self, folder: Path, address: str | None = None, threads: int = 1, time_limit: float | None = None):
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a private experiment calls nobody
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            import ray
        except ImportError as error:
            raise UserError("--engine ray needs Ray: pip install 'gru-tf[ray]'") from error
        self.ray, self.folder, self.address = ray, folder, address
        self.threads, self.time_limit = threads, time_limit
        self.running: dict[Any, tuple[Run, float]] = {}
        self.started_here = False
        self.task: Any = None

    def __enter__(self) -> Self:
        if not self.ray.is_initialized():
            try:
                self.ray.init(address=self.address, log_to_driver=False, include_dashboard=False, logging_level="ERROR")
            except (ConnectionError, ValueError, RuntimeError) as error:
                reason = " ".join(str(error).split())[:200]
                raise UserError(f"no Ray cluster at {self.address or 'this machine'}: {reason}") from error
            self.started_here = True
        gpu = 1 if self.ray.cluster_resources().get("GPU") else 0
        retries = 1 if self.time_limit else RETRIES
        self.task = self.ray.remote(num_cpus=self.threads, num_gpus=gpu, max_retries=retries)(train_on_node)
        return self

    def __exit__(self, *failure: object) -> None:
        for reference in self.running:
            self.ray.cancel(reference, force=True)
        if self.started_here:
            self.ray.shutdown()

    def submit(self, runs: Iterable[Run]) -> None:
        """Hand runs to Ray, which queues them."""
        for run in runs:
            self.running[self.task.remote(run, self.threads, self.time_limit)] = run, time.time()

    def completed(self, timeout: float | None = None) -> list[RunResult]:
        """Wait for results; a run whose node died more often than Ray tries again gives a failed one."""
        done, _ = self.ray.wait(list(self.running), num_returns=1, timeout=timeout)
        return [self._result(reference) for reference in done]

    def _result(self, reference: Any) -> RunResult:
        run, started = self.running.pop(reference)
        try:
            result, model = self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            what = f"its Ray task died: {' '.join(str(error).split())[:300]}"
            seconds = time.time() - started
            return RunResult(run=run, status="failed", error=what, passing=True, started=started, seconds=seconds)
        if model:
            file = self.folder / f"{run.fingerprint}.keras"
            durable.write(file, model)
            result = result.model_copy(update={"model_file": str(file)})
        return journal.keep(self.folder, result)


def train_on_node(run: Run, threads: int, time_limit: float | None) -> tuple[RunResult, bytes]:
    """Train one run in a Ray worker process; returns its result and its model, if it has one, as a `.keras` file."""
    training = _prepared(threads)
    watch = threading.Timer(time_limit or 0, os._exit, [1])  # only the end of the process ends a compiled loop
    if time_limit:
        watch.start()
    try:
        result: RunResult = training.attempt(run, Path(tempfile.gettempdir()) / "gru-tf-on-ray")
    finally:
        watch.cancel()
    if not result.model_file:
        return result, b""
    file = Path(result.model_file)
    model = file.read_bytes()
    file.unlink()
    return result, model


@cache
def _prepared(threads: int) -> Any:
    """Imports TensorFlow and sets its threads, once a process."""
    from gru_tf import silence

    with silence.startup():
        from gru_tf import training
    training.configure(threads)
    return training
