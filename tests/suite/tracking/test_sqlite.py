"""A new store's file: made without waiting for the disk at each step, and synchronised like any other afterwards."""

import os
from contextlib import closing

import mlflow.store.db.utils
import pytest
import sqlalchemy
from filelock import FileLock

from gru_tf.foundation.errors import UserError
from gru_tf.suite.tracking import Store, address, sqlite

FULL = 2  # SQLite's default: each transaction waits for the disk


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
