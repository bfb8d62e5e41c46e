"""The address of a store: its URI, and of one in SQLite its file; without MLflow."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from gru_tf.experiment import files
from gru_tf.foundation.errors import UserError, did_you_mean, shown

SCHEME = "sqlite:///"


def default_uri() -> str:
    """MLFLOW_TRACKING_URI if it is set, else SQLite at ./mlruns/mlflow.db."""
    return os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlruns/mlflow.db"


def checked(uri: str) -> str:
    """The URI, unless it is a bare path: MLflow takes that for a folder of its old kind, which it no longer serves."""
    if "://" in uri or uri.partition(":")[0] in ("databricks", "databricks-uc", "uc"):
        return uri
    file = Path(uri) if Path(uri).suffix else Path(uri) / "mlflow.db"
    raise UserError(f"store: expected a tracking URI. Received: {uri or shown(uri)}. Did you mean 'sqlite:///{file}'?")


def file_of(uri: str) -> Path | None:
    """The file of a store in SQLite; None of another store.

    Raises:
        UserError: where it is none: in memory, or below a "~", which SQLite takes for a folder's name.
    """
    if not uri.startswith("sqlite:"):
        return None
    name = uri.removeprefix(SCHEME).partition("?")[0]
    if uri.rstrip("/") == "sqlite:" or ":memory:" in name:
        raise UserError(
            f"store: expected a file, {SCHEME}FILE; one in memory is lost when the process ends. Received: {uri}"
        )
    if name.startswith("~"):
        near = f". Did you mean '{SCHEME}{Path(name).expanduser()}'?" if name.startswith("~/") else ""
        raise UserError(f"store: expected a path without '~'. Received: {uri}{near}")
    return Path(name)


def absolute(uri: str) -> str:
    """The same store from every folder: MLflow caches stores by URI, also after a program has changed its folder."""
    file = file_of(uri)
    if file is None or "?" in str(here := file.absolute()):  # it would end the path
        return uri
    return f"{SCHEME}{here}{''.join(uri.partition('?')[1:])}"


def expect(file: Path) -> None:
    """Check that a store in SQLite is there.

    Raises:
        UserError: where there is no such file, with the nearest one beside it.
    """
    if not file.exists():
        near = did_you_mean(file.name, [other.name for other in file.parent.glob("*.db")])
        raise UserError(f"no store at {file}.{near or ' The first experiment creates it: gru-tf run NAME'}")


def no_results(name: str, uri: str, known: Iterable[str]) -> str:
    """The message that a store has no experiment of a name: the nearest one that it has, or how to run it."""
    near = did_you_mean(name, [other for other in known if other != name])
    run = name if name in files.names() else "NAME"
    return f"no results of '{name}' in {uri}.{near if run == 'NAME' and near else f' To produce some: gru-tf run {run}'}"


def expect_writable(file: Path) -> None:
    """Check that a store in SQLite can be written, or created; leaves nothing behind.

    Raises:
        UserError: where its folder, or the nearest one above it that exists, takes no files, or the file no changes.
    """
    file = file.resolve()
    folder = next(above for above in file.parents if above.exists())
    place = folder
    try:
        with tempfile.TemporaryFile(dir=folder):  # permissions alone do not say it: mounted read-only, /proc, a full disk
            pass
        if file.is_file():
            place = file
            with file.open("r+b"):
                pass
    except OSError as error:
        raise UserError(f"store {SCHEME}{file}: {place} is not writable: {error.strerror}") from error


def expect_writable_store(uri: str | None) -> None:
    """The same of any store, without MLflow: one on a server is not asked."""
    file = file_of(checked(default_uri() if uri is None else uri))
    if file is not None:
        expect_writable(file)
