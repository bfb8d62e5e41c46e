"""Which reader a file is for, by its content before its name, and what that reader takes and reads."""

import inspect
import zipfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from gru_tf.foundation.errors import UserError, did_you_mean, near_file
from gru_tf.interchange import option_names

BY_NAME = {  # by what a file's name ends in; its content goes before
    ".pt": "pytorch",
    ".pth": "pytorch",
    ".safetensors": "pytorch",
    ".onnx": "onnx",
    ".h5": "keras.legacy",
    ".hdf5": "keras.legacy",
    ".keras": "keras.legacy",
    ".index": "tensorflow.tf1",
    ".meta": "tensorflow.tf1",
}
KINDS = "a PyTorch state_dict (.pt, .safetensors), ONNX (.onnx), Keras (.h5, .keras) or a TensorFlow 1 checkpoint"
HDF5, PICKLE = b"\x89HDF\r\n\x1a\n", b"\x80\x02"


def reader_for(path: Path) -> Any:
    """The module that reads the file.

    Raises:
        UserError: for a file that is not there, or of no known kind, and where the module's packages are not installed.
    """
    if str(path).startswith("models:"):
        raise UserError(f"{path}: expected a file. Received: a model of the registry; gru-tf import reads it")
    name = _by_content(path) or BY_NAME.get(path.suffix.lower())
    if name is None:
        near = did_you_mean(path.suffix, BY_NAME) if path.suffix else ""
        raise UserError(f"{path}: expected {KINDS}.{near} Received: a file of no known kind")
    try:
        return import_module(f"gru_tf.interchange.{name}")
    except ModuleNotFoundError as error:
        raise UserError(f"{path}: expected the package {error.name} to be installed. Received: no such package") from None


def _by_content(path: Path) -> str | None:
    """The reader that the first bytes, or a checkpoint's other files, call for; None where they say nothing."""
    if path.is_dir() or path.with_name(f"{path.name}.index").is_file():
        return "tensorflow.tf1"
    try:
        with path.open("rb") as stream:
            start = stream.read(9)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file{near_file(path, BY_NAME)}") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    if start.startswith(HDF5):
        return "keras.legacy"
    if start.startswith(b"PK"):
        return _by_members(path)
    return "pytorch" if start.startswith(PICKLE) or start[8:9] == b"{" else None


def _by_members(path: Path) -> str | None:
    """Of a zip archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, UnicodeError):  # the last of members' names
        return None
    if "config.json" in names:
        return "keras.legacy"
    return "pytorch" if any(name.endswith("data.pkl") for name in names) else None


def given_to(reader: Any, path: Path, given: dict[str, Any]) -> dict[str, Any]:
    """What the reader takes beside the path: `given` as its `Options`, where it has a class of them, or as it is."""
    kind = getattr(reader, "Options", None)
    known = [name for name in inspect.signature(kind or reader.read).parameters if name != "path"]
    for name, value in given.items():
        if name not in known:
            raise UserError(f"{path}: {option_names.unknown(name, value, known)}")
    return {"options": kind(**given)} if kind else given


def files(path: Path) -> Iterator[Path]:
    """All that were read: one, or those of a checkpoint."""
    if path.is_file():
        yield path
        return
    found = path.glob("*") if path.is_dir() else path.parent.glob(f"{path.name}.*")
    yield from sorted(file for file in found if file.is_file())
