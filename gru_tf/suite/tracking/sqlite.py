"""The file of a store in SQLite: complete or absent, and of this version of MLflow."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy
from filelock import FileLock, Timeout
from mlflow.store.db.base_sql_model import Base
from mlflow.tracking import MlflowClient
from mlflow.version import VERSION

from gru_tf.foundation import atomic_file
from gru_tf.foundation.errors import UserError, several
from gru_tf.suite.tracking import address
from gru_tf.suite.tracking.address import SCHEME

PATIENCE = 60  # seconds for another process to create the store, which takes it 1 to 5
SILENT = 2  # seconds of it in which nothing is said


def make(file: Path, say: Callable[[str], None] | None = None) -> None:
    """Create a store in one step: MLflow creates its tables one by one, and would refuse a part of them.

    Args:
        file: of the store.
        say: called with a line where another process is waited for.

    Raises:
        UserError: where it is a link into a folder that does not exist, or another kind of database, where nothing can be
            written there, and where another process does not finish creating it.
    """
    if file.is_symlink():  # the store is where it leads
        file = file.resolve()
        if not file.parent.is_dir():
            raise UserError(f"the store is a link to {file}, but its folder does not exist; is the disk mounted?")
    address.expect_writable(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    with _alone(file, say):
        if not file.exists():
            atomic_file.through(file, _make_tables)
    _check(file)


@contextmanager
def _alone(file: Path, say: Callable[[str], None] | None) -> Iterator[None]:
    """Hold the lock under which a store is created; a wait for it is announced, and ends."""
    lock = FileLock(file.with_name(f"{file.name}.lock"))
    try:
        lock.acquire(timeout=SILENT)
    except Timeout:
        if say is not None:
            say(f"waiting for another process that creates the store: {lock.lock_file} is locked")
        try:
            lock.acquire(timeout=PATIENCE - SILENT)
        except Timeout as error:
            held = f"{lock.lock_file} has been locked by another process for {PATIENCE} s"
            raise UserError(f"{held}; wait for it to finish, or stop it") from error
    try:
        yield
    finally:
        lock.release()


def expect(file: Path) -> None:
    """Check that the store exists.

    Raises:
        UserError: where it does not exist, with the nearest file beside it, or is another kind of database.
    """
    address.expect(file)
    _check(file)


def _check(file: Path) -> None:
    """Refuse another program's database, into which MLflow would put its tables, and an older store, which it would migrate.

    Nothing is written, but what a killed writer left is rolled back, which takes more than read permission.
    """
    uri = f"{SCHEME}file:{quote(str(file.absolute()))}?mode=rw&uri=true"
    engine = sqlalchemy.create_engine(uri)
    try:
        there = set(sqlalchemy.inspect(engine).get_table_names())
    finally:
        engine.dispose()
    if not there or there.issuperset(Base.metadata.tables):
        return
    if "alembic_version" in there and "experiments" in there:
        raise UserError(
            f"{file}: expected a store of MLflow {VERSION}. Received: one of another version, which is left unchanged."
            f" Back it up, then run: mlflow db upgrade {SCHEME}{file}"
        )
    raise UserError(f"{file}: expected a store of MLflow. Received: a database of {several(sorted(there), 4)}")


def _make_tables(file: Path) -> None:
    with _unsynced(file):
        store = MlflowClient(f"{SCHEME}{file}")._tracking_client.store
        store.search_experiments(max_results=1)
        store.engine.dispose()


@contextmanager
def _unsynced(file: Path) -> Iterator[None]:
    """What is opened inside writes `file` without waiting for the disk: it counts once it is whole, on the disk and renamed.

    MLflow creates its tables in a thousand steps, each of which would wait: 1 to 5 seconds in all.
    """

    def hurry(connection: Any, _: Any) -> None:
        if not isinstance(connection, sqlite3.Connection):  # another thread's
            return
        if any(name and Path(name).resolve() == file.resolve() for *_, name in connection.execute("PRAGMA database_list")):
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA journal_mode = MEMORY")

    sqlalchemy.event.listen(sqlalchemy.engine.Engine, "connect", hurry)
    try:
        yield
    finally:
        sqlalchemy.event.remove(sqlalchemy.engine.Engine, "connect", hurry)
