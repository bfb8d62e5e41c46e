"""Where runs execute. An engine takes runs and gives back results, in whatever order they finish."""

from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import RunResult

Rank = tuple[int, ...]  # of two runs that wait, the one of the smaller is begun first


class Engine(Protocol):
    """What the coordinator asks of any engine; used as a context.

    Attributes:
        folder: where finished models, checkpoints and unconfirmed results lie.
    """

    folder: Path

    def __enter__(self) -> Self:
        """Start the workers."""

    def __exit__(self, *failure: object) -> None:
        """Stop the workers, at once if a failure ended the block."""

    def submit(self, runs: Iterable[Run], rank: Rank = ()) -> None:
        """Queue runs; of those that wait, one of the smallest rank is begun first, whichever suits the worker."""

    def cancel(self, runs: Collection[Run]) -> list[RunResult]:
        """Forget those of these runs that wait, and stop those that are going on, at once.

        Returns:
            The results that had come by then. The others leave none, in no journal either: they may be submitted again.
        """

    def completed(self, timeout: float | None = None) -> list[RunResult]:
        """Wait for at least one result and return all that are there; none after `timeout` seconds without one."""


@runtime_checkable
class Caller(Protocol):
    """What an engine may offer besides: a function called in one of its workers, while it has no run.

    An engine without it is a whole engine; its networks are then timed in a process of their own.
    """

    def call(self, function: Callable[..., Any], *args: Any) -> "Future[Any]":
        """Call it in one worker with that worker's threads and device; the future raises what the function raises."""
