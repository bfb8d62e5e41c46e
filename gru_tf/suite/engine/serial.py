"""Runs in this process, one after the other: for notebooks, debugging and tests."""

import sys
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import RunResult
from gru_tf.foundation import startup
from gru_tf.suite.engine import Rank
from gru_tf.suite.engine.worker import work


class SerialEngine:
    """Trains each run where it is called, when its result is asked for.

    Nothing interrupts a run here: where time is limited, the run that goes on at its end is completed.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.queue: list[tuple[Rank, Run]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.queue.clear()

    def submit(self, runs: Iterable[Run], rank: Rank = ()) -> None:
        """Queue runs."""
        self.queue.extend((rank, run) for run in runs)

    def cancel(self, runs: Collection[Run]) -> list[RunResult]:
        """Forget those of these runs that wait; none goes on while this is called."""
        names = {run.fingerprint for run in runs}
        self.queue = [(rank, run) for rank, run in self.queue if run.fingerprint not in names]
        return []

    def completed(self, timeout: float | None = None) -> list[RunResult]:
        """Train the next run."""
        _import_quietly()
        place = min(range(len(self.queue)), key=lambda place: self.queue[place][0])  # the first of the smallest rank
        return [work(self.queue.pop(place)[1], self.folder)[0]]

    def call(self, function: Callable[..., Any], *args: Any) -> "Future[Any]":
        """Call it here and now."""
        _import_quietly()
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args))
        except Exception as error:  # as from a worker
            future.set_exception(error)
        return future


def _import_quietly() -> None:
    """Import what trains, with TensorFlow's messages held back; those of the runs are not."""
    if "gru_tf.training.trainer" not in sys.modules:
        with startup.quiet():
            from gru_tf.training import trainer  # noqa: F401
