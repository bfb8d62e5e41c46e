"""Worker processes on this machine that live on: one per core with one thread each; imports and compiled steps stay."""

import signal
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil
from pebble import ProcessExpired, ProcessPool

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import RunResult
from gru_tf.foundation.errors import one_line
from gru_tf.suite.engine import processes
from gru_tf.suite.engine.worker import work

Outcome = tuple[RunResult, float]


@dataclass
class Worker:
    """One process, what it trains now, and the networks that it has compiled."""

    pool: ProcessPool
    device: str | None
    run: Run | None = None
    started: float = 0.0
    shapes: set[tuple[str, str]] = field(default_factory=set)


class LocalEngine:
    """Runs spread over worker processes; a run goes where its network is compiled already, if that worker is free.

    Args:
        folder: where final runs save their models.
        workers: processes; one per GPU, or else per available core, if None.
        threads: threads of each.
        time_limit: seconds after which a run counts as hanging; None for no limit.
        memory_limit_mb: resident memory above which a worker is replaced after its run; an equal share of the machine's
            memory if None.
    """

    def __init__(
        self,
        folder: Path,
        workers: int | None = None,
        threads: int = 1,
        time_limit: float | None = None,
        memory_limit_mb: float | None = None,
    ):
        self.folder, self.threads, self.time_limit = folder, threads, time_limit
        self.devices = processes.devices(workers)
        total = psutil.virtual_memory().total / 1024**2
        self.memory_limit_mb = memory_limit_mb or total / (len(self.devices) + 1)
        self.queue: list[Run] = []
        self.workers: list[Worker] = []
        self.futures: dict[Future[Outcome], Worker] = {}
        self.recycled = 0

    def __enter__(self) -> Self:
        processes.start_server()  # pools start it with their first run; what comes before that takes seconds as well
        self.workers = [Worker(processes.pool(self.threads, device), device) for device in self.devices]
        return self

    def __exit__(self, *failure: object) -> None:
        for worker in self.workers:
            worker.pool.stop()
        for worker in self.workers:
            worker.pool.join()

    def submit(self, runs: Iterable[Run]) -> None:
        """Queue runs and give idle workers something to do."""
        self.queue.extend(runs)
        for worker in self.workers:
            if worker.run is None and self.queue:
                self._give(worker)

    def _give(self, worker: Worker) -> None:
        elsewhere = {shape for other in self.workers if other is not worker for shape in other.shapes}
        run = min(self.queue, key=lambda r: (_shape(r) not in worker.shapes, _shape(r) in elsewhere))
        self.queue.remove(run)
        worker.run, worker.started = run, time.time()
        if not worker.pool.active:  # pebble gives up a pool whose process died while it was idle
            self._renew(worker)
        worker.shapes.add(_shape(run))
        self.futures[worker.pool.schedule(work, args=[run, self.folder], timeout=self.time_limit)] = worker

    def completed(self, timeout: float | None = None) -> list[RunResult]:
        """Wait for results; a worker that died or hangs gives a failed one and is replaced."""
        results = []
        done = wait(self.futures, timeout, return_when=FIRST_COMPLETED).done
        dead = {future for future, worker in self.futures.items() if not worker.pool.active and not future.done()}
        for future in done | dead:
            worker = self.futures.pop(future)
            results.append(self._lost(worker, "died before it started") if future in dead else self._result(future, worker))
            worker.run = None
        self.submit([])
        return results

    def call(self, function: Callable[..., Any], *args: Any) -> "Future[Any]":
        """Call it in the idle worker that has compiled the most networks; cancelled, its process ends.

        Raises:
            ValueError: while runs are queued or being trained.
        """
        if self.queue or self.futures:
            raise ValueError(f"call: expected an idle engine. Received: {len(self.queue) + len(self.futures)} runs")
        worker = max(self.workers, key=lambda worker: len(worker.shapes))
        if not worker.pool.active:
            self._renew(worker)
        future: Future[Any] = worker.pool.schedule(function, args=args)
        return future

    def _result(self, future: "Future[Outcome]", worker: Worker) -> RunResult:
        error = future.exception()
        if error is None:
            result, memory = future.result()
            if memory > self.memory_limit_mb:
                self._renew(worker)
                self.recycled += 1
            return result
        if isinstance(error, FutureTimeout):
            return self._lost(worker, f"exceeded the limit of {self.time_limit:g} s and was stopped")
        if isinstance(error, ProcessExpired) and error.exitcode == -signal.SIGKILL:
            return self._lost(worker, "was killed, as the system does when memory runs out")
        return self._lost(worker, f"died: {one_line(error)}")

    def _lost(self, worker: Worker, what: str) -> RunResult:
        """The result of a run whose process is gone.

        The next process gets a pool of its own: one killed while it was sending leaves pebble's channel locked for good.
        """
        assert worker.run is not None  # noqa: S101, called for a worker with a run
        self._renew(worker)
        began, what = worker.started, f"its worker process {what}"
        return RunResult(
            run=worker.run, status="failed", error=what, passing=True, started=began, seconds=time.time() - began
        )

    def _renew(self, worker: Worker) -> None:
        worker.pool.stop()
        worker.pool.join()
        worker.pool = processes.pool(self.threads, worker.device)
        worker.shapes.clear()


def _shape(run: Run) -> tuple[str, str]:
    return run.task.label, run.cell.label
