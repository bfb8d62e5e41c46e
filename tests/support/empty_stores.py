"""Stores of MLflow that begin as a copy of an empty one, in place of the sixty migrations by which MLflow creates each."""

import functools
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy


def copy(patch: pytest.MonkeyPatch, utils: Any) -> None:
    """Let `mlflow.store.db.utils` copy, and read once which revision is the newest: reading it imports every migration."""
    patch.setattr(utils, "_initialize_tables", copied(utils._initialize_tables))
    patch.setattr(utils, "_get_latest_schema_revision", functools.cache(utils._get_latest_schema_revision))


def copied(initialize: Callable[[Any], None]) -> Callable[[Any], None]:
    """MLflow's `_initialize_tables(engine)`, run once, in memory; an empty SQLite file becomes a copy of what that made.

    What differs between stores, such as the place of the artifacts, MLflow fills in when its tables are there. Other
    databases, and files that hold something, are left to MLflow.
    """

    @functools.cache
    def empty() -> sqlite3.Connection:
        copy = sqlite3.connect(":memory:", check_same_thread=False)
        engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.StaticPool)
        initialize(engine)
        with engine.connect() as connection:
            connection.connection.driver_connection.backup(copy)
        engine.dispose()
        return copy

    @functools.wraps(initialize)
    def tables(engine: Any) -> None:
        with engine.connect() as connection:
            database = connection.connection.driver_connection
            if isinstance(database, sqlite3.Connection) and not sqlalchemy.inspect(connection).get_table_names():
                connection.rollback()
                empty().backup(database)
                return
        initialize(engine)

    return tables


def original(function: Callable[..., Any]) -> Callable[..., Any]:
    """MLflow's own function, whether or not it was replaced by a copying one."""
    return getattr(function, "__wrapped__", function)
