"""The file of a store in SQLite, whole or absent."""

from pathlib import Path

from filelock import FileLock
from mlflow.tracking import MlflowClient

from gru_tf import durable
from gru_tf.errors import UserError, did_you_mean


def make(file: Path) -> None:
    """A new store appears in one step: MLflow makes its tables one by one, and would refuse a part of them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(f"{file.name}.lock")):
        if not file.exists():
            durable.through(file, _make_tables)


def expect(file: Path) -> None:
    """The store is there.

    Raises:
        UserError: where it is not, with the nearest file beside it.
    """
    if not file.exists():
        near = did_you_mean(file.name, [other.name for other in file.parent.glob("*.db")])
        raise UserError(f"there is no store at {file}.{near or ' The first experiment makes it: gru-tf run NAME'}")


def _make_tables(file: Path) -> None:
    store = MlflowClient(f"sqlite:///{file}")._tracking_client.store
    store.search_experiments(max_results=1)
    store.engine.dispose()
