"""A coordinator without training: an engine that makes results up, in an order of its own, and a store in memory."""

import random
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from gru_tf.experiment.experiment import Experiment, Run
from gru_tf.experiment.result import RunResult
from gru_tf.suite import coordinator, time_limit
from gru_tf.suite.engine import Rank
from gru_tf.suite.result_writer import ResultWriter


class Killed(BaseException):
    """The end of a coordinator that has no time to do anything."""


class Engine:
    """Results one at a time, in any order, a run being as good as `metric` says; after some the process is killed.

    Args:
        folder: of nothing.
        metric: run → its error on validation and test data; None where it diverges.
        seed: of the order.
        lives: results until it is killed; None for never.
        seconds: that a run takes.
        failing: (cell, seed) of runs that fail.
    """

    def __init__(
        self,
        folder: Path,
        metric: Callable[[Run], float | None],
        seed: int = 0,
        lives: int | None = None,
        seconds: float = 1.0,
        failing: Collection[tuple[str, int]] = (),
    ):
        self.folder, self.metric, self.random, self.lives = folder, metric, random.Random(seed), lives
        self.seconds, self.failing, self.clock = seconds, failing, 1000.0 * seed
        self.queue: list[tuple[Rank, Run]] = []
        self.trained: list[Run] = []

    def submit(self, runs: Iterable[Run], rank: Rank = ()) -> None:
        self.queue += [(rank, run) for run in runs]

    def cancel(self, runs: Collection[Run]) -> list[RunResult]:
        self.queue = [(rank, run) for rank, run in self.queue if run not in runs]
        return []

    def completed(self, timeout: float | None = None) -> list[RunResult]:
        if self.lives is not None and len(self.trained) == self.lives:
            raise Killed
        first = min(rank for rank, _ in self.queue)
        places = [place for place, (rank, _) in enumerate(self.queue) if rank == first]
        _, run = self.queue.pop(places[self.random.randrange(len(places))])
        self.trained.append(run)
        self.clock += self.seconds
        times: dict[str, Any] = {"run": run, "started": self.clock - self.seconds, "seconds": self.seconds}
        if (run.cell.name, run.seed) in self.failing:
            return [RunResult(status="failed", error="no", **times)]
        value = self.metric(run)
        usual: dict[str, Any] = {"metric": "mse", "direction": "min", "chance": 0.17, "units": 3, "parameters": 9, **times}
        if value is None:
            return [RunResult(status="diverged", **usual)]
        return [RunResult(status="finished", validation=value, test=None if run.purpose == "trial" else value, **usual)]


class Memory:
    """A store: what a coordinator asks of a record."""

    def __init__(self, experiment: Experiment):
        self.experiment = experiment
        self.kept: dict[str, RunResult] = {}
        self.members: set[str] = set()
        self.trained: set[str] = set()

    def results(self) -> dict[str, RunResult]:
        return dict(self.kept)

    def write(self, result: RunResult) -> None:
        self.kept[result.run.fingerprint] = result
        self.members.add(result.run.fingerprint)
        self.trained.add(result.run.fingerprint)

    def adopt(self, result: RunResult) -> None:
        self.members.add(result.run.fingerprint)

    def beat(self) -> bool:
        return True


def conduct(
    record: Any, folder: Path, metric: Callable[[Run], float | None], progress: Any = None, **options: Any
) -> tuple[list[Run], bool]:
    """Run what the record lacks; the runs in the order in which they ended, and whether any failed."""
    engine = Engine(folder, metric, **options)
    return engine.trained, conduct_in(record, engine, progress)


def conduct_in(record: Any, engine: Any, progress: Any = None) -> bool:
    """Run what the record lacks in an engine that has a clock of its own; whether any run failed."""
    with patch.object(time_limit, "clock", lambda: engine.clock):
        failed = coordinator.conduct(record, engine, ResultWriter(record, engine.folder), progress)  # type: ignore[arg-type]
    assert not engine.queue, "runs were left"
    return failed
