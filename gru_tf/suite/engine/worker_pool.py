"""Worker processes on this machine that live on: one per core with one thread each; imports and compiled steps stay."""

import signal
import time
from collections.abc import Callable, Collection, Iterable
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
from gru_tf.suite import journal
from gru_tf.suite.engine import Rank, processes
from gru_tf.suite.engine.worker import work

Outcome = tuple[RunResult, float]


@dataclass
class Worker:
    """One process, what it trains now, or trained last, and the networks that it has compiled."""

    pool: ProcessPool
    device: str | None
    run: Run | None = None
    rank: Rank = ()
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
        self.queue: list[tuple[Rank, Run]] = []
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

    def submit(self, runs: Iterable[Run], rank: Rank = ()) -> None:
        """Queue runs and give idle workers something to do."""
        self.queue.extend((rank, run) for run in runs)
        for worker in self.workers:
            if worker.run is None and self.queue:
                self._give(worker)

    def _give(self, worker: Worker) -> None:
        elsewhere = {shape for other in self.workers if other is not worker for shape in other.shapes}
        shapes = [(rank, _shape(run)) for rank, run in self.queue]
        keys = [(rank, shape not in worker.shapes, shape in elsewhere) for rank, shape in shapes]
        worker.rank, run = self.queue.pop(keys.index(min(keys)))
        worker.run, worker.started = run, time.time()
        if not worker.pool.active:  # pebble gives up a pool whose process died while it was idle
            self._renew(worker)
        worker.shapes.add(_shape(run))
        self.futures[worker.pool.schedule(work, args=[run, self.folder], timeout=self.time_limit)] = worker

    def cancel(self, runs: Collection[Run]) -> list[RunResult]:
        """Forget those of these runs that wait; the process of each that goes on is ended and replaced."""
        names = {run.fingerprint for run in runs}
        self.queue = [(rank, run) for rank, run in self.queue if run.fingerprint not in names]
        ended = [future for future, worker in self.futures.items() if future.done() and _is_of(worker, names)]
        results = [self._taken(future) for future in ended]
        going_on = [worker for worker in self.workers if _is_of(worker, names)]
        self.futures = {future: worker for future, worker in self.futures.items() if worker not in going_on}
        for worker in going_on:
            worker.pool.stop()  # all at once: each takes a moment
        for worker in going_on:
            self._renew(worker)
            assert worker.run is not None  # noqa: S101, it was going on
            journal.forget(self.folder, worker.run)  # it may have ended in this very moment
            worker.run = None
        return results

    def completed(self, timeout: float | None = None) -> list[RunResult]:
        """Wait for results; a worker that died or hangs gives a failed one and is replaced.

        A worker that is free goes on at once, but for where only later replicates wait, by the first number of the rank:
        first the caller may have another run of this one, which these results let begin.
        """
        self.submit([])
        results = []
        done = wait(self.futures, timeout, return_when=FIRST_COMPLETED).done
        dead = {future for future, worker in self.futures.items() if not worker.pool.active and not future.done()}
        for future in done | dead:
            worker = self.futures[future]
            results.append(self._taken(future, future in dead))
            if self.queue and min(rank for rank, _ in self.queue)[:1] <= worker.rank[:1]:
                self._give(worker)
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

    def _taken(self, future: "Future[Outcome]", dead: bool = False) -> RunResult:
        """The result of a run that has ended; its worker is idle then."""
        worker = self.futures.pop(future)
        result = self._lost(worker, "died before it started") if dead else self._result(future, worker)
        worker.run = None
        return result

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


def _is_of(worker: Worker, fingerprints: Collection[str]) -> bool:
    """Whether it trains one of these runs."""
    return worker.run is not None and worker.run.fingerprint in fingerprints
