"""kill -9 between and within the looks of an experiment with replicates: the same looks are taken, with the same numbers."""

import random
from collections.abc import Callable
from pathlib import Path

from running import STEADY, Command, all_closed, numbers, sqlite, until, write

UNTIL = {
    **{key: value for key, value in STEADY.items() if key != "seeds"},
    "tasks": [{"adding": {"length": 4, "examples": 128, "validation_examples": 32, "test_examples": 32}}],
    "cells": ["rnn", "gru"],
    "replicates": {"at_most": 8},
    "training": {"epochs": 2, "jit": False},
    "search": {"trials": 2, "space": {"learning_rate": {"low": 1e-3, "high": 2e-2, "sampling": "log"}}},
}
KILLS = 4
Start = Callable[..., Command]


def run_to_its_end(start: Start, folder: Path) -> Command:
    command = start("run", str(write(folder, "until", UNTIL)), "--workers", "2", folder=folder)
    assert command.ended() == 0, command.said()
    assert all_closed(sqlite(folder), "until")
    return command


def test_killed_at_random(start: Start, tmp_path: Path) -> None:
    whole = run_to_its_end(start, tmp_path / "whole")
    expected, runs = numbers(sqlite(tmp_path / "whole"), "until"), whole.done()
    folder, draw, done = tmp_path / "killed", random.Random(3), 0
    file = write(folder, "until", UNTIL)
    for _ in range(KILLS):
        command = start("run", str(file), "--workers", "2", folder=folder)
        more = draw.randint(1, max(1, (runs - done) // 2))
        until(lambda command=command, more=more: command.done() >= more or command.process.poll() is not None, "results")
        command.kill()
        done = len(numbers(sqlite(folder), "until"))
    last = run_to_its_end(start, folder)
    assert 0 < last.done() < runs
    assert numbers(sqlite(folder), "until") == expected
    looks = [line for line in whole.said().splitlines() if line.startswith("look ")]
    assert len(expected) == runs == (30 if len(looks) == 1 else 48)
    assert looks[-1] in last.said()
    print(f"\n{KILLS} kills; {len(looks)} looks, {runs} runs, {last.done()} of them after the last kill")


def test_workers_do_not_start_anew_for_a_look(start: Start, tmp_path: Path) -> None:
    """One process start, whatever the number of looks: the same workers go on."""
    command = start("run", str(write(tmp_path, "until", UNTIL)), "--workers", "2")
    seen: set[int] = set()
    until(lambda: seen.update(p.pid for p in command.workers()) or command.process.poll() is not None, "its end")
    assert command.ended() == 0, command.said()
    assert "look 2 of 2" in command.said()
    assert len(seen) == 2
