"""The file of a store in SQLite, whole or absent."""

from pathlib import Path

from filelock import FileLock
from mlflow.tracking import MlflowClient

from gru_tf import durable


def make(file: Path) -> None:
    """A new store appears in one step: MLflow makes its tables one by one, and would refuse a part of them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(f"{file.name}.lock")):
        if not file.exists():
            durable.through(file, _make_tables)


def _make_tables(file: Path) -> None:
    store = MlflowClient(f"sqlite:///{file}")._tracking_client.store
    store.search_experiments(max_results=1)
    store.engine.dispose()
