"""The Ray engine, in what needs no cluster; tests/faults/test_ray.py kills the nodes of a real one."""

import os
import signal
import socket
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.foundation import atomic_file, signals
from gru_tf.foundation.errors import UserError
from gru_tf.suite import journal
from gru_tf.suite.engine import ray_cluster
from gru_tf.suite.engine.ray_cluster import MOVES, RayEngine, train_on_node
from gru_tf.training import checkpoints


class RayError(Exception):
    """As in ray.exceptions."""


class NodeDiedError(RayError):
    """As in ray.exceptions."""


class ObjectLostError(RayError):
    """As in ray.exceptions."""


class Ray:
    """What the engine asks of Ray: tasks whose answers are given, in order, or raised."""

    exceptions = SimpleNamespace(RayError=RayError, NodeDiedError=NodeDiedError, ObjectLostError=ObjectLostError)

    def __init__(self, *answers: Any):
        self.answers, self.given, self.options = list(answers), [], {}

    def is_initialized(self) -> bool:
        return True

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def remote(self, **options: Any) -> Any:
        self.options = options
        return lambda function: SimpleNamespace(remote=lambda *arguments: self._give(arguments))

    def _give(self, arguments: Any) -> int:
        self.given.append(arguments)
        return len(self.given)

    def wait(self, references: list[int], num_returns: int, timeout: float | None) -> tuple[list[int], list[int]]:
        return references[: min(num_returns, len(self.answers))], []

    def get(self, _: int) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def cancel(self, *_: Any, **__: Any) -> None:
        """Nothing runs."""


def run() -> Run:
    task, cell = Choice(name="digits", options={"reading": "rows"}), Choice(name="gru")
    return Run(purpose="final", task=task, cell=cell, seed=0, model=ModelSpec(units=2), training=TrainingSpec(epochs=1))


def result(**changes: Any) -> RunResult:
    return RunResult(run=run(), status="finished", started=1e9, seconds=0.3).model_copy(update=changes)


@pytest.fixture(autouse=True)
def words(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What processes leave for the coordinator before they end."""
    left: dict[str, str] = {}
    monkeypatch.setattr(ray_cluster, "_leave_message", left.__setitem__)
    monkeypatch.setattr(ray_cluster, "_message_left", lambda key: left.pop(key, ""))
    return left


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An engine on a Ray that gives these answers."""

    def on(*answers: Any, **options: Any) -> RayEngine:
        monkeypatch.setitem(sys.modules, "ray", Ray(*answers))
        return RayEngine(tmp_path, **options)

    return on


def test_a_model_comes_back_with_its_result(engine: Any, tmp_path: Path) -> None:
    with engine((result(model_file="/on/the/node.keras"), b"model")) as here:
        here.submit([run()])
        (got,) = here.completed()
    assert Path(got.model_file).read_bytes() == b"model"
    assert Path(got.model_file).parent == tmp_path
    assert journal.unconfirmed(tmp_path) == [got]


def test_a_full_disk_here_loses_the_model_and_says_so(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_file, "write", full)
    with engine((result(model_file="/on/the/node.keras"), b"model")) as here:
        here.submit([run()])
        (got,) = here.completed()
    assert got.status == "finished"
    assert got.model_file == ""
    assert "No space left on device" in got.warning


@pytest.mark.parametrize("death", [NodeDiedError("gone"), ObjectLostError("gone with its node")])
def test_a_dead_node_moves_the_run(engine: Any, death: Exception) -> None:
    with engine(*[death] * MOVES, (result(), b"")) as here:
        here.submit([run()])
        assert [here.completed() for _ in range(MOVES)] == [[]] * MOVES
        assert [r.status for r in here.completed()] == ["finished"]
        assert len(here.ray.given) == MOVES + 1
        assert len({key for *_, key in here.ray.given}) == MOVES + 1


def test_too_many_dead_nodes_are_a_failure(engine: Any) -> None:
    with engine(*[NodeDiedError("the node\n is gone")] * (MOVES + 1)) as here:
        here.submit([run()])
        got = [r for _ in range(MOVES + 1) for r in here.completed()]
    assert [(r.status, r.passing, r.error) for r in got] == [("failed", True, "its Ray task died: the node is gone")]


def test_a_dead_process_is_a_failed_try(engine: Any) -> None:
    """The coordinator counts it; Ray itself tries nothing again."""
    with engine(RayError("killed")) as here:
        here.submit([run()])
        assert [(r.status, r.passing) for r in here.completed()] == [("failed", True)]
        assert here.ray.options["max_retries"] == 0


def test_a_function_is_called_as_a_task_that_ends_with_the_engine(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process with the threads of those that train; whatever it gives comes through Ray's own future."""
    cancelled, prepared = [], []
    with engine(threads=3) as here:
        reference = SimpleNamespace(future=lambda: "the future")
        monkeypatch.setattr(here.ray, "cancel", lambda one, **_: cancelled.append(one))
        monkeypatch.setattr(
            here, "caller", SimpleNamespace(remote=lambda *given: setattr(here, "given", given) or reference)
        )
        assert here.call(divmod, 7, 2) == "the future"
    assert cancelled == [reference]
    monkeypatch.setattr(ray_cluster, "_prepared", prepared.append)
    assert (ray_cluster.call_on_node(*here.given), prepared) == ((3, 1), [3])


def numbered(seed: int) -> Run:
    return run().model_copy(update={"seed": seed})


def test_runs_with_a_rank_wait_here_in_its_order(engine: Any) -> None:
    """Ray's own queue knows no rank: of a cluster with two places it has four at most."""
    with engine(*[(result(), b"")] * 2) as here:
        here.submit([numbered(6), numbered(7)], (1, 0))
        here.submit([numbered(seed) for seed in range(6)], (0, 0))
        assert [given[0].seed for given in here.ray.given] == [6, 7, 0, 1]
        assert len(here.completed()) == 2
        assert [given[0].seed for given in here.ray.given] == [6, 7, 0, 1, 2, 3]
        here.submit([numbered(8)])
        assert here.ray.given[-1][0].seed == 8, "without a rank Ray queues it"


def test_what_is_cancelled_ends_and_gives_what_had_come(
    engine: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cancelled: list[Any] = []
    with engine((result(), b"")) as here:
        monkeypatch.setattr(here.ray, "cancel", lambda one, force: cancelled.append((one, force)))
        here.submit([numbered(seed) for seed in range(6)], (0, 0))
        got = here.cancel([numbered(seed) for seed in (0, 1, 4)])
        assert got == [result()]
        assert cancelled == [(2, True)], "the second; the first had ended, the fifth was not begun"
        assert [flight.run.seed for flight in here.running.values()] == [2, 3]
        assert [waiting.seed for _, waiting in here.queue] == [5]
        assert journal.unconfirmed(tmp_path) == [result()]


def test_results_that_came_before_the_end_are_kept(engine: Any, tmp_path: Path) -> None:
    with engine((result(), b"")) as here:
        here.submit([run()])
    assert journal.unconfirmed(tmp_path) == [result()]


def test_time_limit(engine: Any, words: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The process leaves word of the reason before it ends, since nothing else ends a compiled loop."""

    class ExitError(BaseException):
        """In the place of the process's end."""

    def leave(code: int) -> None:
        assert list(words) == ["the key"], "word comes first"
        raise ExitError(code)

    hanging = threading.Event()
    monkeypatch.setattr(ray_cluster, "_train", lambda *_: (hanging.wait(30), (result(), b""))[1])
    monkeypatch.setattr(ray_cluster.os, "_exit", leave)
    with pytest.raises(ExitError, match="1"):
        train_on_node(run(), 1, 0.1, "the key")
    hanging.set()
    reason = "its worker process exceeded the limit of 0.1 s and was stopped"
    assert words == {"the key": reason}

    with engine(RayError("the worker died unexpectedly")) as here:
        here.submit([run()])
        words[here.ray.given[0][-1]] = reason
        assert [(r.status, r.passing, r.error) for r in here.completed()] == [("failed", True, reason)]


def test_no_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "_train", lambda *_: (result(), b"model"))
    assert train_on_node(run(), 1, None, "") == (result(), b"model")
    assert train_on_node(run(), 1, 5.0, "") == (result(), b"model")


def test_a_node_keeps_nothing_of_a_final_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = tmp_path / f"gru-tf-on-ray-{os.getuid()}"

    def attempt(given: Run, to: Path) -> RunResult:
        assert to == folder
        atomic_file.write(checkpoints.path(given, to), b"checkpoint")
        atomic_file.write(to / "a.keras", b"model")
        return result(model_file=str(to / "a.keras"))

    monkeypatch.setattr(ray_cluster, "_prepared", lambda threads: SimpleNamespace(attempt=attempt))
    assert train_on_node(run(), 1, None, "")[1] == b"model"
    assert list(folder.iterdir()) == []


def test_without_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"--engine ray needs Ray: pip install 'gru-tf\[ray\]'"):
        RayEngine(tmp_path)


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_no_cluster_there(engine: Any, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """Said at once: Ray itself would try for minutes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = form.format(probe.getsockname()[1])
    here = engine(address=address)
    monkeypatch.setattr(here.ray, "is_initialized", lambda: False)
    with pytest.raises(UserError, match=f"no Ray cluster at {address}: .*refused"):
        here.__enter__()


def test_a_cluster_of_its_own_unless_one_is_named(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert engine().address == "local"
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    assert engine().address == "auto"
    assert engine(address="ray://head:10001").address == "ray://head:10001"


def test_sigterm_stays_with_the_command_that_listens_to_it(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray takes it for itself, and would end the command without a word: also while it starts."""
    arrives = []

    def init(*_: object, **__: object) -> None:
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(number))
        for number in arrives:
            signal.raise_signal(number)

    made = engine()
    monkeypatch.setattr(made.ray, "is_initialized", lambda: False, raising=False)
    monkeypatch.setattr(made.ray, "init", init, raising=False)
    monkeypatch.setattr(made.ray, "shutdown", lambda: None, raising=False)
    monkeypatch.setattr(signals, "_received", [])
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with made:
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL, "Ray's own, which ends its processes"
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signals.listen()
        ours = signal.getsignal(signal.SIGTERM)
        with made:
            assert signal.getsignal(signal.SIGTERM) is ours
        assert signals.status(130) == 130
        arrives.append(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            made.__enter__()
        assert signals.status(130) == 143
        signal.raise_signal(signal.SIGTERM)  # a second one does not interrupt the ending
    finally:
        signal.signal(signal.SIGTERM, before)
