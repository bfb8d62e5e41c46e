"""What a timing phase leaves behind: the times of one task's networks, measured in turns while nothing else trained."""

import statistics
from collections.abc import Collection, Iterable

from pydantic import BaseModel, ConfigDict


class NetworkTimes(BaseModel):
    """The times of one network; each series has one value a round, the same round in the same place for every network.

    Peak memory is not among them: all networks of a task are timed in one process, whose allocator hands memory from one
    to the next, so that none has a peak of its own. That of the process which trained a network alone is in its result.

    Args:
        fingerprint: of the run that trained a network of this shape.
        batch_size: sequences of a step.
        kernel_path: what executed the recurrence.
        parameters: weights, head included.
        model_bytes: of the saved model; None where it could not be saved.
        train_ms, train_cpu_ms: wall and processor time of a training step, of all threads together.
        predict_ms, predict_cpu_ms: the same of a batch of the validation split without updates.
        error: why there are no times, in a line, or "".
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    fingerprint: str
    batch_size: int
    kernel_path: str = ""
    parameters: int | None = None
    model_bytes: int | None = None
    train_ms: tuple[float, ...] = ()
    train_cpu_ms: tuple[float, ...] = ()
    predict_ms: tuple[float, ...] = ()
    predict_cpu_ms: tuple[float, ...] = ()
    error: str = ""

    @property
    def step_ms(self) -> float | None:
        """The median over rounds of a training step; None without times."""
        return statistics.median(self.train_ms) if self.train_ms else None

    @property
    def batch_ms(self) -> float | None:
        """The median over rounds of a batch without updates; None without times."""
        return statistics.median(self.predict_ms) if self.predict_ms else None


class Timing(BaseModel):
    """The timing phase of one task.

    Args:
        task: its label.
        networks: cell label → its times.
        steps: of each network in a round, and as many batches without updates.
        load_before, load_after: processes that were running or waiting, averages over 1, 5 and 15 minutes; None where
            the system does not count them.
        cores: that the process could use; device, threads: what computed, and with how many threads; 0 for TensorFlow's own
            choice.
        started: seconds since the epoch; seconds: that it took, building the networks included.
        ended: why it ended when it did, in words.
        error: why there are no times at all, in a line, or "".
    """

    model_config = ConfigDict(frozen=True)

    task: str
    networks: dict[str, NetworkTimes] = {}
    steps: int = 0
    load_before: tuple[float, float, float] | None = None
    load_after: tuple[float, float, float] | None = None
    cores: int = 0
    device: str = ""
    threads: int = 0
    started: float = 0.0
    seconds: float = 0.0
    ended: str = ""
    error: str = ""

    @property
    def rounds(self) -> int:
        """How often each network was timed."""
        return max((len(network.train_ms) for network in self.networks.values()), default=0)

    @property
    def timed(self) -> dict[str, NetworkTimes]:
        """The networks that have times, by cell."""
        return {cell: network for cell, network in self.networks.items() if network.train_ms}

    def of_runs(self, fingerprints: Collection[str]) -> "Timing":
        """The part that was measured for these runs."""
        own = {cell: network for cell, network in self.networks.items() if network.fingerprint in fingerprints}
        return self.model_copy(update={"networks": own})


Timings = dict[str, Timing]  # task label → its phase


def of_runs(timings: Iterable[Timing], fingerprints: Collection[str]) -> Timings | None:
    """Those with a time of at least one of these runs, without the networks of others; None where there is none.

    A store keeps one record of times an experiment, and an earlier definition may have measured other networks.
    """
    own = {timing.task: timing.of_runs(fingerprints) for timing in timings}
    return {task: timing for task, timing in own.items() if timing.timed} or None
