"""What the fault tests share: commands that are cleaned away, and a run that nothing disturbed."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import STEADY, Command, Reference, all_closed, numbers, sqlite, until, write


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Starts commands; whatever is left of them at the end of the test is killed."""
    started: list[Command] = []

    def begin(*arguments: str, folder: Path = tmp_path, **environment: str) -> Command:
        started.append(Command(folder, *arguments, **environment))
        return started[-1]

    yield begin
    for command in started:
        command.kill()


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """The experiment STEADY, undisturbed on two workers; seconds until its first result and in all."""
    folder = tmp_path_factory.mktemp("reference")
    command = Command(folder, "run", str(write(folder, "steady", STEADY)), "--workers", "2")
    try:
        until(lambda: command.done() or command.process.poll() is not None, "the reference's first result")
        first = time.monotonic() - command.began
        assert command.ended() == 0, command.said()
        whole = time.monotonic() - command.began
    finally:
        command.kill()
    found = numbers(sqlite(folder), "steady")
    assert len(found) == STEADY["seeds"] + STEADY["search"]["trials"]
    assert all_closed(sqlite(folder), "steady")
    return Reference(found, first, whole)
