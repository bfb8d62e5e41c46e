"""Five hundred tiny runs: memory stays flat, and the store stays fast."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil
from running import STEADY, Command, children, sqlite, write

RUNS, WARM = 500, 100
GROWTH_MIB = 60  # allowed from run 100 to run 500; a leak of a network a run would be hundreds


def test_five_hundred_runs(start: Callable[..., Command], tmp_path: Path) -> None:
    """Resident memory of coordinator and workers after 100 and after all runs; time of `gru-tf results`."""
    sizes = {"length": 2, "examples": 64, "validation_examples": 16, "test_examples": 16}
    content = {**STEADY, "tasks": [{"adding": sizes}], "seeds": RUNS, "training": {"epochs": 1}, "search": None}
    command = start("run", str(write(tmp_path, "sweep", content)), "--workers", "2")
    memory: dict[str, list[tuple[int, float]]] = {"coordinator": [], "worker": []}
    while command.process.poll() is None:
        time.sleep(0.5)
        done = command.done()
        if WARM <= done < RUNS:
            for name, processes in (("coordinator", [psutil.Process(command.group)]), ("worker", command.workers())):
                memory[name] += [(done, max(map(_mib, processes)))] if processes else []
    assert command.ended() == 0, command.said()
    seconds = time.monotonic() - command.began
    assert len(children(sqlite(tmp_path), "sweep")) == RUNS

    shown = start("results", "sweep")
    assert shown.ended() == 0, shown.said()
    took = time.monotonic() - shown.began
    print(f"\n{RUNS} runs in {seconds:.0f} s; `gru-tf results` took {took:.1f} s")
    for name, points in memory.items():
        first, last = points[0], points[-1]
        print(f"{name}: {first[1]:.0f} MiB after {first[0]} runs, {last[1]:.0f} MiB after {last[0]}")
        assert last[0] > RUNS / 2
        assert last[1] - first[1] < GROWTH_MIB, name


def _mib(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1024**2
