"""A run that breaks is recorded with its reason, and tried once more where the cause may pass."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from running import STEADY, Command, Reference, all_closed, children, numbers, sqlite, until, write

from gru_tf.experiment.experiment import Run
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.suite.engine.worker_pool import LocalEngine
from gru_tf.suite.tracking import RESULT

Start = Callable[..., Command]
LIMIT = "30"
DISK_MIB = 16
# fault, failures → status, attempts, words of the reason
BROKEN: dict[tuple[str, int], tuple[str, int, str]] = {
    ("hang", 1000): ("failed", 2, f"its worker process exceeded the limit of {LIMIT} s and was stopped"),
    ("killed", 1000): ("failed", 2, "its worker process was killed, as the system does when memory runs out"),
    ("memory", 1000): ("failed", 2, "MemoryError: no room for the data (faulty.py:"),
    ("exhausted", 1000): ("failed", 2, "ResourceExhaustedError: no room for a tensor"),
    ("value", 1000): ("failed", 1, "ValueError: a mistake (faulty.py:"),
    ("diverge", 1000): ("diverged", 1, "the loss was not finite in epoch 1"),
    ("killed", 1): ("finished", 2, ""),
    ("memory", 1): ("finished", 2, ""),
    ("killed", 0): ("finished", 1, ""),
}


def broken(folder: Path, faults: Any = BROKEN) -> dict[str, Any]:
    """An experiment with a task for each fault."""
    tasks = [{"faulty": {"fault": f, "times": n, "counter": str(folder / f"{f}-{n}")}} for f, n in faults]
    return {**STEADY, "tasks": tasks, "seeds": 1, "search": None, "training": {"epochs": 2}, "cells": ["rnn"]}


def results(uri: str, name: str) -> dict[tuple[str, int], RunResult]:
    """Fault → what the store says of it."""
    found = [RunResult.model_validate_json(child.data.tags[RESULT]) for child in children(uri, name)]
    return {(str(r.run.task.options["fault"]), int(r.run.task.options["times"])): r for r in found}


def check(
    found: dict[tuple[str, int], RunResult], folder: Path, expected: dict[tuple[str, int], tuple[str, int, str]]
) -> None:
    """Compare status, number of tries, as recorded and as counted by the task itself, and the reason."""
    for (fault, times), (status, attempts, reason) in expected.items():
        result = found[fault, times]
        assert (result.status, result.attempts) == (status, attempts), (fault, result.error)
        assert result.error.startswith(reason), (fault, result.error)
        assert bool(result.error) == bool(reason)
        assert (folder / f"{fault}-{times}").stat().st_size == attempts, fault


def test_every_fault(start: Start, tmp_path: Path) -> None:
    """Killed and out of memory, hanging, diverged, raising: all in one experiment, whose other runs go on."""
    file = str(write(tmp_path, "broken", broken(tmp_path)))
    command = start("run", file, "--workers", "2", "--time-limit", LIMIT)
    assert command.ended() == 1, command.said()
    check(results(sqlite(tmp_path), "broken"), tmp_path, BROKEN)
    assert all_closed(sqlite(tmp_path), "broken")
    assert "Some runs failed; run the same command again to retry them." in command.said()
    assert command.errors() == ""


def test_memory_limit(tmp_path: Path) -> None:
    """A worker above its limit is replaced after its run, and the numbers do not notice."""
    task = Choice(name="adding", options={"length": 4, "examples": 64, "validation_examples": 16, "test_examples": 16})
    training = TrainingSpec(epochs=2)
    runs = [
        Run(purpose="final", task=task, cell=Choice(name="rnn"), seed=s, model=ModelSpec(units=2), training=training)
        for s in range(3)
    ]
    tests: dict[float | None, list[tuple[int, float | None]]] = {}
    for limit in (1.0, None):
        with LocalEngine(tmp_path, workers=1, memory_limit_mb=limit) as engine:
            engine.submit(runs)
            got: list[RunResult] = []
            while len(got) < len(runs):
                got += engine.completed()
            assert engine.recycled == (3 if limit else 0)
            tests[limit] = sorted((r.run.seed, r.test) for r in got)
    assert tests[1.0] == tests[None]
    assert all(test is not None for _, test in tests[None])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few MiB; only root may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "gru-tf-test", str(disk)]
    if os.getuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk; tests/suite/test_result_writer.py has the same with refused writes")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)  # this process still has the store open


def test_full_disk(start: Start, tmp_path: Path, small_disk: Path, reference: Reference) -> None:
    """Said at once; with room again the command goes on by itself, and nothing was lost."""
    file = str(write(tmp_path, "steady", STEADY))
    uri = f"sqlite:///{small_disk / 'mlruns' / 'mlflow.db'}"
    command = start("run", file, "--workers", "2", "--store", uri)
    until(lambda: command.done() >= 3, "some results")
    filler, clock = small_disk / "filler", time.monotonic()
    with filler.open("wb", buffering=0) as out:

        def full() -> bool:
            """Workers and store leave room when they replace or remove a file: it is taken again until one complains."""
            with suppress(OSError):
                while out.write(bytes(4096)):
                    pass
            return "Retrying" in command.errors()

        until(full, "a complaint")
    print(f"\nsaid after {time.monotonic() - clock:.1f} s: {command.err.read_text(encoding='utf-8')}")
    done = command.done()
    filler.unlink()
    assert command.ended() == 0, command.said()
    assert "gru-tf: the store responds again." in command.errors()
    assert numbers(uri, "steady") == reference.numbers
    assert all_closed(uri, "steady")
    assert done < len(reference.numbers)
