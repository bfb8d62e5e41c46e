"""The same runs as Ray tasks: CPU and GPU resources, retries when a node dies, many machines."""

import os
import secrets
import socket
import tempfile
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Self

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import RunResult
from gru_tf.foundation import arithmetic, atomic_file, extras, signals
from gru_tf.foundation.errors import UserError, one_line
from gru_tf.suite import journal
from gru_tf.suite.engine import Rank
from gru_tf.training import checkpoints

MOVES = 3  # of a run whose node died; a death of its process alone is a failed try, which the coordinator counts
CONNECT_SECONDS = 10.0
AHEAD = 2  # runs that Ray is given for each place, where they have a rank
Answer = tuple[RunResult, bytes]


class Flight(NamedTuple):
    """A run that Ray has: when it was submitted, the key of its last message, how many nodes died under it."""

    run: Run
    submitted: float
    key: str
    moves: int


class RayEngine:
    """Runs spread over a Ray cluster.

    A finished model comes back with its result, so that the nodes need no shared disk; checkpoints stay on the node,
    and a run whose node dies starts again elsewhere and reaches the same numbers.

    Args:
        folder: where final runs' models are put on this machine.
        address: of a running cluster, e.g. "auto" or "ray://head:10001"; RAY_ADDRESS if None, and without that Ray is
            started on this machine.
        threads: cores, and TensorFlow's threads, of each run.
        time_limit: seconds after which a run's process is stopped; None for no limit.

    Raises:
        UserError: where Ray is not installed or the cluster does not answer.
    """

    def __init__(self, folder: Path, address: str | None = None, threads: int = 1, time_limit: float | None = None):
        self.address = address or os.environ.get("RAY_ADDRESS") or "local"
        if self.address == "local":  # anyone who reaches Ray's ports can run programs; on loopback no other machine does
            os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # Ray's name for it, also on Linux
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a private experiment reports to nobody
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        self.ray, self.folder = extras.require("ray", "--engine ray"), folder
        self.threads, self.time_limit = threads, time_limit
        self.running: dict[Any, Flight] = {}
        self.queue: list[tuple[Rank, Run]] = []  # those with a rank, which Ray's own queue does not know
        self.called: list[Any] = []
        self.started_here = False
        self.task: Any = None
        self.caller: Any = None

    def __enter__(self) -> Self:
        if not self.ray.is_initialized():
            try:
                self._connect()
            except (OSError, ValueError, RuntimeError) as error:
                reason = one_line(error)
                raise UserError(f"no Ray cluster at {self.address}: {reason}") from error
            self.started_here = True
        gpu = 1 if self.ray.cluster_resources().get("GPU") else 0
        held = {"env_vars": arithmetic.of_a_process()}  # set before our function's pickle loads NumPy
        remote = self.ray.remote(num_cpus=self.threads, num_gpus=gpu, max_retries=0, runtime_env=held)
        self.task, self.caller = remote(train_on_node), remote(call_on_node)
        return self

    def _connect(self) -> None:
        """Join the cluster, or start one: "local", since Ray would join the last one that it saw here, dead or not."""
        host, _, port = self.address.removeprefix("ray://").rpartition(":")
        if host:
            socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()  # Ray itself tries for minutes
        with signals.restored():
            self.ray.init(self.address, log_to_driver=False, include_dashboard=False, logging_level="ERROR")

    def __exit__(self, *failure: object) -> None:
        if self.running:
            self.completed(timeout=0)  # results that have come since go into the journal
        for reference in (*self.running, *self.called):
            self.ray.cancel(reference, force=True)
        if self.started_here:
            self.ray.shutdown()

    def submit(self, runs: Iterable[Run], rank: Rank = ()) -> None:
        """Hand runs to Ray, which queues them; those with a rank wait here until Ray has few enough."""
        if rank:
            self.queue.extend((rank, run) for run in runs)
            self.queue.sort(key=lambda waiting: waiting[0])  # which keeps the order of equals
            self._hand_over()
            return
        for run in runs:
            self._start(run, 0)

    def _hand_over(self) -> None:
        """Give Ray, of the runs that wait here, as many as it has places for, and as many again: no place stays empty."""
        while self.queue and len(self.running) < AHEAD * self._places():
            self._start(self.queue.pop(0)[1], 0)

    def _places(self) -> int:
        """Runs that the cluster, as large as it is by now, has room for at once."""
        resources = self.ray.cluster_resources()
        return max(1, int(resources.get("GPU") or resources.get("CPU", 0) / self.threads))

    def cancel(self, runs: Collection[Run]) -> list[RunResult]:
        """Forget those of these runs that wait, and end the process of each that goes on."""
        names = {run.fingerprint for run in runs}
        self.queue = [(rank, run) for rank, run in self.queue if run.fingerprint not in names]
        done, _ = self.ray.wait(mine, num_returns=len(mine), timeout=0) if (mine := self._of(names)) else ([], [])
        results = [result for reference in done if (result := self._result(reference)) is not None]
        for reference in self._of(names):  # also one that has just moved to another node
            self.ray.cancel(reference, force=True)
            del self.running[reference]
        return results

    def _of(self, fingerprints: Collection[str]) -> list[Any]:
        return [reference for reference, flight in self.running.items() if flight.run.fingerprint in fingerprints]

    def _start(self, run: Run, moves: int) -> None:
        key = f"gru-tf-{secrets.token_hex(16)}"
        self.running[self.task.remote(run, self.threads, self.time_limit, key)] = Flight(run, time.time(), key, moves)

    def completed(self, timeout: float | None = None) -> list[RunResult]:
        """Wait for results; a run whose process died, or whose nodes died more than a few times, gives a failed one."""
        done, _ = self.ray.wait(list(self.running), num_returns=1, timeout=timeout)
        if done:
            done, _ = self.ray.wait(list(self.running), num_returns=len(self.running), timeout=0)
        results = [result for reference in done if (result := self._result(reference)) is not None]
        self._hand_over()
        return results

    def call(self, function: Callable[..., Any], *args: Any) -> "Future[Any]":
        """Call it as a task of its own, on whichever node Ray chooses; it ends with the engine, if not before."""
        reference = self.caller.remote(self.threads, function, args)
        self.called.append(reference)
        future: Future[Any] = reference.future()
        return future

    def _result(self, reference: Any) -> RunResult | None:
        """The result, or None where its node died with it and another node starts again."""
        flight, errors = self.running.pop(reference), self.ray.exceptions
        try:
            result, model = self.ray.get(reference)
        except errors.RayError as error:
            if isinstance(error, (errors.NodeDiedError, errors.ObjectLostError)) and flight.moves < MOVES:
                self._start(flight.run, flight.moves + 1)
                return None
            what = _message_left(flight.key) or f"its Ray task died: {one_line(error, 300)}"
            seconds = time.time() - flight.submitted
            return RunResult(
                run=flight.run, status="failed", error=what, passing=True, started=flight.submitted, seconds=seconds
            )
        if model:
            result = result.model_copy(update=self._saved(f"{flight.run.fingerprint}.keras", model))
        return journal.keep(self.folder, result)

    def _saved(self, name: str, model: bytes) -> dict[str, str]:
        try:
            atomic_file.write(self.folder / name, model)
        except OSError as error:
            return {"warning": f"the model could not be saved: {error.strerror}", "model_file": ""}
        return {"model_file": str(self.folder / name)}


def train_on_node(run: Run, threads: int, time_limit: float | None, key: str) -> Answer:
    """Train one run in a Ray worker process; returns its result and its model, if it has one, as a `.keras` file.

    Past the time limit it leaves a message under the key and ends the process: nothing else ends a compiled loop.
    """
    trainer = ThreadPoolExecutor(1).submit(_train, run, threads)
    if not wait([trainer], time_limit or None).done:
        _leave_message(key, f"its worker process exceeded the limit of {time_limit:g} s and was stopped")
        os._exit(1)
    return trainer.result()


def call_on_node(threads: int, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Call a function in a Ray worker process that is prepared as one that trains."""
    _prepared(threads)
    return function(*args)


def _leave_message(key: str, message: str) -> None:
    """Store a message for the coordinator, which a process that ends cannot return."""
    from ray.experimental import internal_kv

    internal_kv._internal_kv_put(key, message)


def _message_left(key: str) -> str:
    from ray.experimental import internal_kv

    message = internal_kv._internal_kv_get(key) or b""
    if message:
        internal_kv._internal_kv_del(key)
    return bytes(message).decode()


def _train(run: Run, threads: int) -> Answer:
    folder = Path(tempfile.gettempdir()) / f"gru-tf-on-ray-{os.getuid()}"  # a node may have several users
    result: RunResult = _prepared(threads).attempt(run, folder)
    if run.purpose == "final" and result.status != "failed":
        checkpoints.path(run, folder).unlink(missing_ok=True)  # nothing goes on from a final run
    if not result.model_file:
        return result, b""
    file = Path(result.model_file)
    model = file.read_bytes()
    file.unlink()
    return result, model


@cache
def _prepared(threads: int) -> Any:
    """Imports TensorFlow and sets its threads, once a process."""
    from gru_tf.foundation import startup

    with startup.quiet():
        from gru_tf.training import trainer
    trainer.configure(threads)
    return trainer
