"""Runs in this process, one after the other: for notebooks, debugging and tests."""

import sys
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import RunResult
from gru_tf.foundation import startup
from gru_tf.suite.engine.worker import work


class SerialEngine:
    """Trains each run where it is called, when its result is asked for."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.queue: deque[Run] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.queue.clear()

    def submit(self, runs: Iterable[Run]) -> None:
        """Queue runs."""
        self.queue.extend(runs)

    def completed(self, timeout: float | None = None) -> list[RunResult]:
        """Train the next run."""
        _import_quietly()
        return [work(self.queue.popleft(), self.folder)[0]]

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
