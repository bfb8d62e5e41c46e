"""Worker processes on this machine that live on: one per core with one thread each, imports and compiled steps kept."""

import multiprocessing
import os
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pebble import ProcessPool

from gru_tf.engine.worker import begin, work
from gru_tf.experiment import Run
from gru_tf.results import RunResult


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass
class _Worker:
    """One process, what it trains now, and the networks that it has compiled."""

    pool: ProcessPool
    run: Run | None = None
    started: float = 0.0
    shapes: set[tuple[str, str]] = field(default_factory=set)


class LocalEngine:
    """Runs spread over worker processes; a run goes where its network is compiled already, if that worker is free.

    Args:
        folder: where final runs save their models.
        workers: processes; one per available core if None.
        threads: threads of each.
    """

    def __init__(self, folder: Path, workers: int | None = None, threads: int = 1):
        self.folder, self.count, self.threads = folder, workers or available_cores(), threads
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["gru_tf.engine.preload"])
        self.queue: list[Run] = []
        self.workers: list[_Worker] = []
        self.futures: dict[Future[RunResult], _Worker] = {}

    def __enter__(self) -> Self:
        self.workers = [_Worker(self._pool()) for _ in range(self.count)]
        return self

    def _pool(self) -> ProcessPool:
        return ProcessPool(max_workers=1, context=self.context, initializer=begin, initargs=[self.threads])

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

    def _give(self, worker: _Worker) -> None:
        elsewhere = set().union(*(w.shapes for w in self.workers if w is not worker))
        run = min(self.queue, key=lambda r: (_shape(r) not in worker.shapes, _shape(r) in elsewhere))
        self.queue.remove(run)
        worker.run, worker.started = run, time.time()
        worker.shapes.add(_shape(run))
        self.futures[worker.pool.schedule(work, args=[run, self.folder])] = worker

    def completed(self) -> list[RunResult]:
        """Wait for at least one result; a worker that died gives a failed one and is replaced."""
        done = wait(self.futures, return_when=FIRST_COMPLETED).done
        results = []
        for future in done:
            worker = self.futures.pop(future)
            results.append(self._result(future, worker))
            worker.run = None
        self.submit([])
        return results

    @staticmethod
    def _result(future: "Future[RunResult]", worker: _Worker) -> RunResult:
        error = future.exception()
        if error is None:
            return future.result()
        assert worker.run is not None  # noqa: S101, a future belongs to a run
        worker.shapes.clear()
        what = f"the worker process died: {' '.join(str(error).split())}"
        seconds = time.time() - worker.started
        return RunResult(run=worker.run, status="failed", error=what, started=worker.started, seconds=seconds)


def _shape(run: Run) -> tuple[str, str]:
    return run.task.label, run.cell.label
