"""kill -9 at any moment: the same command goes on and ends with the numbers of a run that nothing disturbed."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest
from running import STEADY, Command, Reference, all_closed, children, numbers, sound, sqlite, stored, until, write

from gru_tf.foundation.errors import UserError
from gru_tf.suite import journal
from gru_tf.suite.tracking import Store

KILLS = 20
Start = Callable[..., Command]


def test_twenty_random_moments(start: Start, tmp_path: Path, reference: Reference) -> None:
    """Over the whole duration, the making of the store included; an experiment that is complete begins anew."""
    rng, rounds = random.Random(20), 0
    seen: list[int] = []
    while len(seen) < KILLS:
        folder, rounds = tmp_path / f"round-{rounds}", rounds + 1
        file = str(write(folder, "steady", STEADY))
        while len(seen) < KILLS and _killed(start("run", file, "--workers", "2", folder=folder), rng, reference):
            seen.append(_inspect(folder, reference))
        command = start("run", file, "--workers", "2", folder=folder)
        assert command.ended() == 0, command.said()
        assert numbers(sqlite(folder), "steady") == reference.numbers
        assert all_closed(sqlite(folder), "steady")
        assert not (folder / "mlruns" / "work" / "steady").exists()
    shown = start("results", "steady", folder=folder)
    assert shown.ended() == 0, shown.said()
    print(f"\n{len(seen)} kills in {rounds} rounds; runs in the store after each (-1: no store yet): {seen}")
    assert {count for count in seen if count > 0}, "none of the kills came while it trained"


def _killed(command: Command, rng: random.Random, reference: Reference) -> bool:
    """Kill a command before or after its first result, one as likely as the other; False where it ended before."""
    if rng.random() < 0.5:
        until(lambda: command.done() or command.process.poll() is not None, "a result")
        moment = rng.uniform(0, 1.5)
    else:
        moment = rng.uniform(0, 1.2 * reference.first)
    try:
        command.process.wait(moment)
    except subprocess.TimeoutExpired:
        command.kill()
        return True
    assert command.process.returncode == 0, command.said()
    return False


def _inspect(folder: Path, reference: Reference) -> int:
    """After a kill: the store opens, has no run twice, and what it has are the right numbers; how many runs it has."""
    if not (folder / "mlruns" / "mlflow.db").exists():
        return -1
    sound(folder)
    store = Store(sqlite(folder))
    experiments = store.client.search_experiments()
    if not store.client.search_runs([experiment.experiment_id for experiment in experiments]):
        # also between the making of MLflow's experiment and that of its first run, which are two steps
        with pytest.raises(UserError, match="no results of 'steady'"):
            numbers(sqlite(folder), "steady")
        return 0
    found = numbers(sqlite(folder), "steady")
    assert found.items() <= reference.numbers.items()
    return len(found)


def test_coordinator_alone(start: Start, tmp_path: Path, reference: Reference) -> None:
    """Its workers end by themselves, the next coordinator may start at once, and what they kept is not trained again."""
    file = str(write(tmp_path, "steady", STEADY))
    first = start("run", file, "--workers", "2")
    until(lambda: first.done() >= 3, "some results")
    others = [process for process in first.members() if process.pid != first.group]
    for process in others:  # so that the first is not done before the second has begun, however slow the machine is
        process.suspend()
    second = start("run", file, "--workers", "2", folder=tmp_path / "elsewhere", MLFLOW_TRACKING_URI=sqlite(tmp_path))
    assert second.ended() == 2
    said = second.errors()
    assert len(said.splitlines()) == 1
    assert f"steady is already being run by process {first.process.pid} on " in said

    assert first.process.poll() is None
    for process in others:
        process.resume()
    first.process.kill()
    first.process.wait()
    clock = time.monotonic()
    until(lambda: not first.members(), "orphans to end")
    print(f"\norphans were gone after {time.monotonic() - clock:.1f} s")
    kept = {result.run.fingerprint for result in journal.unconfirmed(tmp_path / "mlruns" / "work" / "steady")}
    before = len(stored(sqlite(tmp_path), "steady") | kept)
    again = start("run", file, "--workers", "2")
    assert again.ended() == 0, again.said()
    runs = len(reference.numbers)
    shown = f"{runs} of {runs} runs are in the store" if before == runs else f"{runs}/{runs} "  # killed at its very end
    assert shown in again.said()
    assert again.done() == runs - before
    assert numbers(sqlite(tmp_path), "steady") == reference.numbers
    assert all_closed(sqlite(tmp_path), "steady")


def test_workers_and_fork_server(start: Start, tmp_path: Path, reference: Reference) -> None:
    """A worker is killed among the trials, the process that they are forked from among the seeds; and a worker there.

    A run whose process dies twice counts as failed. One that is tried again comes last: a second death among the seeds
    would hit it there on a machine that is slow to kill. Trials are all done before the first seed begins.
    """
    deaths = {"server": (_kill_worker, _kill_fork_server), "worker": (_kill_fork_server, _kill_worker)}
    for name, kills in deaths.items():
        folder = tmp_path / name
        command = start("run", str(write(folder, "steady", STEADY)), "--workers", "2", folder=folder)
        for kill, done in zip(kills, (1, 7), strict=True):
            kill(until(partial(_workers_after, command, done), "results"))
        assert command.ended() == 0, command.said()
        assert numbers(sqlite(folder), "steady") == reference.numbers
        assert all_closed(sqlite(folder), "steady")
        until(lambda command=command: not command.members(), "all processes to end")


def _workers_after(command: Command, done: int) -> list[psutil.Process]:
    """Those that train when so many runs are done; none before."""
    assert command.process.poll() is None, command.said()
    return command.workers() if command.done() >= done else []


def _kill_worker(workers: list[psutil.Process]) -> None:
    workers[0].kill()


def _kill_fork_server(workers: list[psutil.Process]) -> None:
    psutil.Process(workers[0].ppid()).kill()


def test_damaged_files(start: Start, tmp_path: Path, reference: Reference) -> None:
    """Power goes in the middle of training; checkpoints and journal come back damaged."""
    file = str(write(tmp_path, "steady", STEADY))
    work = tmp_path / "mlruns" / "work" / "steady"
    first = start("run", file, "--workers", "2")
    until(lambda: first.done() >= 3 and len(list(work.glob("*.checkpoint"))) >= 2, "results and checkpoints")
    first.kill()
    trained = len(children(sqlite(tmp_path), "steady"))
    damaged = sorted(work.glob("*.checkpoint"))
    for i, checkpoint in enumerate(damaged):
        content = checkpoint.read_bytes()
        half = len(content) // 2
        checkpoint.write_bytes(
            content[:half] if i % 2 else content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :]
        )
    (work / f"{next(iter(reference.numbers))}.result.json").write_bytes(b'{"run": {"purpose": "tri')
    (work / "0123456789abcdef.result.json").write_bytes(b"\xff\x00")
    again = start("run", file, "--workers", "2")
    assert again.ended() == 0, again.said()
    assert numbers(sqlite(tmp_path), "steady") == reference.numbers
    assert 0 < trained < len(reference.numbers)


def test_interrupt(start: Start, tmp_path: Path, reference: Reference) -> None:
    """Ctrl-C stops at once with one line, leaves no process and no open run, and keeps what is done."""
    file = str(write(tmp_path, "steady", STEADY))
    command = start("run", file, "--workers", "2")
    until(lambda: command.done() >= 4, "some results")
    clock = time.monotonic()
    command.signal(signal.SIGINT)
    assert command.ended() == 130
    print(f"\nstopped after {time.monotonic() - clock:.1f} s")
    assert time.monotonic() - clock < 15
    said = command.errors().splitlines()
    assert said == ["gru-tf: stopped. Finished work is saved; run the same command again to continue."]
    until(lambda: not command.members(), "workers to end")
    kept = children(sqlite(tmp_path), "steady")
    assert len(kept) >= 4
    assert all(child.info.status == "FINISHED" for child in kept)
    again = start("run", file, "--workers", "2")
    assert again.ended() == 0, again.said()
    assert numbers(sqlite(tmp_path), "steady") == reference.numbers
    assert again.done() <= len(reference.numbers) - len(kept)


def test_second_coordinator(start: Start, tmp_path: Path) -> None:
    """In the same folder it is refused in one line with exit code 2; after kill -9 of the first, at once no more."""
    file = str(write(tmp_path, "steady", {**STEADY, "seeds": 2, "search": None, "training": {"epochs": 100_000}}))
    work = tmp_path / "mlruns" / "work"
    first = start("run", file, "--workers", "1")
    until((work / "steady.holder.json").exists, "the lock")
    second = start("run", file, "--workers", "1", folder=tmp_path)
    assert second.ended() == 2
    said = second.errors()
    assert len(said.splitlines()) == 1
    assert f"process {first.process.pid} on {os.uname().nodename}, since " in said
    first.process.kill()
    first.process.wait()
    third = start("run", file, "--workers", "1")
    until(lambda: third.workers() or third.process.poll() is not None, "the next coordinator's worker")
    assert third.process.poll() is None, third.said()


def test_store_is_made_in_one_step(tmp_path: Path) -> None:
    """Killed while MLflow makes its tables, nothing is left that the next command would take for a store."""
    dying = "import mlflow.store.db.utils as u, os; u._upgrade_db = lambda engine: os._exit(9)"
    opening = f"from gru_tf.suite.tracking import Store; Store({sqlite(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", f"{dying}; {opening}"], check=False, capture_output=True)
    assert done.returncode == 9
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()
    assert Store(sqlite(tmp_path)).names() == []
