"""A tracking server on PostgreSQL, killed in the middle, and one that goes away: nothing is lost, nothing is there twice."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from running import STEADY, Command, Reference, all_closed, numbers, stored, until, write
from servers import Mlflow, Postgres, free_port

from gru_tf.suite import journal

Start = Callable[..., Command]


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    cluster = Postgres()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.end()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[[str], Mlflow]]:
    started: list[Mlflow] = []

    def serve(backend: str) -> Mlflow:
        started.append(Mlflow(tmp_path / "server", backend))
        started[-1].start()
        return started[-1]

    yield serve
    for each in started:
        each.end()


def test_postgresql_and_a_killed_server(
    start: Start, tmp_path: Path, postgres: Postgres, server: Callable[[str], Mlflow], reference: Reference
) -> None:
    """kill -9 of the server in the middle of an experiment, twice; it comes back within the patience."""
    mlflow = server(postgres.uri)
    command = start("run", str(write(tmp_path, "steady", STEADY)), "--workers", "2", "--store", mlflow.uri)
    for kills, done in ((1, 2), (2, 8)):
        until(lambda done=done: command.done() >= done or command.process.poll() is not None, "results")
        mlflow.end()
        command.complains(kills)
        mlflow.start()
    assert command.ended() == 0, command.said()
    said = command.errors().splitlines()
    assert all(line.startswith("gru-tf: the ") for line in said), said
    assert said.count("gru-tf: the store responds again.") == 2
    assert numbers(mlflow.uri, "steady") == reference.numbers
    assert all_closed(mlflow.uri, "steady")
    with closing(psycopg2.connect(postgres.uri.replace("+psycopg2", ""))) as database, database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM runs WHERE lifecycle_stage = 'active'")
        assert cursor.fetchone() == (len(reference.numbers) + 1,)


def test_server_that_stays_away(start: Start, tmp_path: Path, server: Callable[[str], Mlflow], reference: Reference) -> None:
    """Said at once; training goes on; after the patience one line; the same command writes what waits, untrained."""
    mlflow = server(f"sqlite:///{tmp_path / 'server' / 'mlflow.db'}")
    file = str(write(tmp_path, "steady", STEADY))
    command = start("run", file, "--workers", "2", "--store", mlflow.uri)
    until(lambda: command.done() >= 7, "some results")  # two more are trained: no other run waits for the last trial now
    mlflow.end()
    clock = time.monotonic()
    command.complains()
    print(f"\nsaid after {time.monotonic() - clock:.1f} s")
    assert command.ended() == 2, command.said()
    last = command.errors().splitlines()[-1]
    waiting = re.search(r"(\d+) unsaved results? in .*steady; the same command stores them and continues$", last)
    assert waiting, last
    assert int(waiting[1]) >= 2

    mlflow.start()
    there = stored(mlflow.uri, "steady")
    kept = {result.run.fingerprint for result in journal.unconfirmed(tmp_path / "mlruns" / "work" / "steady")}
    assert len(kept) >= int(waiting[1])
    again = start("run", file, "--workers", "2", "--store", mlflow.uri)
    assert again.ended() == 0, again.said()
    assert numbers(mlflow.uri, "steady") == reference.numbers
    assert all_closed(mlflow.uri, "steady")
    # a result that the server took without saying so is in both
    assert again.done() == len(reference.numbers) - len(there | kept)
    print(f"{len(there)} stored, {len(kept)} waited, {len(there & kept)} of them in both, {again.done()} trained")


def test_server_that_never_was(start: Start, tmp_path: Path) -> None:
    """One line and exit code 2 before anything is trained."""
    uri = f"http://127.0.0.1:{free_port()}"
    command = start("run", str(write(tmp_path, "steady", STEADY)), "--store", uri)
    assert command.ended() == 2
    said = command.errors().splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"gru-tf: the tracking store {uri} does not respond: ")
