"""A new store's file: made without waiting for the disk at each step, and synchronised like any other afterwards."""

import os
import sqlite3
from contextlib import closing

import empty_stores
import mlflow.store.db.utils
import pytest
import sqlalchemy
from filelock import FileLock

from gru_tf.foundation.errors import UserError
from gru_tf.suite.tracking import Store, address, sqlite

FULL = 2  # SQLite's default: each transaction waits for the disk


@pytest.fixture(autouse=True)
def stores_are_copies(monkeypatch):
    """Here they are not."""
    for name in ("_initialize_tables", "_get_latest_schema_revision"):
        monkeypatch.setattr(mlflow.store.db.utils, name, empty_stores.original(getattr(mlflow.store.db.utils, name)))


def levels(file):
    """How a new connection to a file synchronises, as SQLAlchemy opens it."""
    engine = sqlalchemy.create_engine(f"sqlite:///{file}")
    with closing(engine.connect()) as connection:
        level = connection.exec_driver_sql("PRAGMA synchronous").scalar()
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    engine.dispose()
    return level, mode


def test_only_the_file_that_is_being_made_is_not_synchronised_and_only_until_it_is_made(tmp_path):
    made, other = tmp_path / "made.db", tmp_path / "other.db"
    with sqlite._unsynced(made):
        assert levels(made) == (0, "memory")
        assert levels(other) == (FULL, "delete")
    assert levels(made) == levels(other) == (FULL, "delete")


def test_a_new_store_waits_for_the_disk_when_it_is_whole_and_not_at_each_of_mlflows_steps(tmp_path, monkeypatch):
    seen, initialize, sync = [], mlflow.store.db.utils._initialize_tables, os.fsync

    def initialized(engine):
        with engine.connect() as connection:
            seen.append(connection.exec_driver_sql("PRAGMA synchronous").scalar())
        initialize(engine)

    monkeypatch.setattr("mlflow.store.tracking.sqlalchemy_store.mlflow.store.db.utils._initialize_tables", initialized)
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append("synchronised") or sync(handle))
    store = Store(f"sqlite:///{tmp_path}/mlflow.db")
    assert seen[:2] == [0, "synchronised"]
    assert levels(tmp_path / "mlflow.db") == (FULL, "delete")
    assert store.names() == []


def test_a_store_that_could_not_be_made_leaves_no_listener(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "MlflowClient", lambda uri: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        sqlite.make(tmp_path / "mlflow.db")
    assert not list(tmp_path.glob("*.db"))
    assert levels(tmp_path / "next.db") == (FULL, "delete")


def test_a_place_that_takes_no_file_is_refused_at_once(tmp_path, monkeypatch):
    """Also /proc, of which root's permissions say that it can be written; nothing is left in what can be."""
    for uri in ("sqlite:////proc/none.db", "sqlite:////proc/none/mlflow.db"):
        with pytest.raises(UserError, match=r"^store sqlite:////proc/.*: /proc is not writable: "):
            address.expect_writable_store(uri)
    address.expect_writable_store(f"sqlite:///{tmp_path}/new/mlflow.db")
    address.expect_writable_store("http://127.0.0.1:9")
    assert not list(tmp_path.iterdir())


def test_who_waits_for_a_store_that_another_creates_says_so_and_does_not_wait_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "SILENT", 0.1)
    monkeypatch.setattr(sqlite, "PATIENCE", 0.3)
    file, said = tmp_path / "mlflow.db", []
    with FileLock(f"{file}.lock"), pytest.raises(UserError, match=r"mlflow\.db\.lock has been locked by another process"):
        sqlite.make(file, said.append)
    assert said == [f"waiting for another process that creates the store: {file}.lock is locked"]
    assert not file.exists()


def content(file):
    """Every table, index and row of a database, and how the file is laid out; the moment when it was made apart."""
    with closing(sqlite3.connect(file)) as database:
        database.execute("UPDATE experiments SET creation_time = 0, last_update_time = 0")
        layout = [database.execute(f"PRAGMA {name}").fetchone() for name in ("page_size", "encoding", "user_version")]
        lines = "\n".join(database.iterdump()).splitlines()
        return layout, sorted(line.strip(", \t") for line in lines)  # MLflow creates indexes and constraints in any order


def test_the_copies_that_other_tests_begin_with_are_what_mlflow_creates(tmp_path, monkeypatch):
    Store(f"sqlite:///{tmp_path}/created.db")
    empty_stores.copy(monkeypatch, mlflow.store.db.utils)
    for name in ("first", "second"):
        Store(f"sqlite:///{tmp_path}/{name}.db")
        assert content(tmp_path / f"{name}.db") == content(tmp_path / "created.db")
    assert any("alembic_version" in line for line in content(tmp_path / "first.db")[1])


def test_a_database_that_holds_something_is_left_to_mlflow(tmp_path):
    """Such as a part of its tables."""
    seen = []
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/other.db")
    tables = empty_stores.copied(lambda engine: seen.append(str(engine.url)))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE part (number INTEGER)")
    tables(engine)
    assert seen == [f"sqlite:///{tmp_path}/other.db"]
    engine.dispose()
