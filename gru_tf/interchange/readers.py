"""The reader for a file, chosen by its content before its name; the options and files of that reader."""

import inspect
import zipfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from gru_tf.foundation import extras
from gru_tf.foundation.errors import UserError, did_you_mean, near_file
from gru_tf.interchange import hdf5_model, npz, option_names
from gru_tf.interchange.pytorch import stacks

BY_NAME = {  # by the ending of a file's name; its content is more important
    ".pt": "pytorch",
    ".pth": "pytorch",
    ".safetensors": "pytorch",
    ".onnx": "onnx",
    ".h5": "keras.legacy",
    ".hdf5": "keras.legacy",
    ".keras": "keras.legacy",
    ".npz": "named_weights",
    ".index": "tensorflow.tf1",
    ".meta": "tensorflow.tf1",
}
KINDS = (
    "a PyTorch state_dict (.pt, .safetensors), ONNX (.onnx), Keras (.h5, .keras, a SavedModel's folder), weights (.npz) or a"
    " TensorFlow 1 checkpoint"
)
LAYERS = ("keras_metadata.pb", "assets.extra/keras_config.json")  # of a SavedModel's folder that states its layers
HDF5, PICKLE = b"\x89HDF\r\n\x1a\n", b"\x80\x02"


def reader_for(path: Path) -> Any:
    """The module that reads the file.

    Raises:
        UserError: for a file that does not exist or is of an unknown kind, and where the module's packages are missing.
    """
    if str(path).startswith("models:"):
        raise UserError(f"{path}: expected a file. Received: a model in the registry, which gru-tf import reads")
    name = _by_content(path) or BY_NAME.get(path.suffix.lower())
    if name is None:
        near = did_you_mean(path.suffix, BY_NAME) if path.suffix else ""
        raise UserError(f"{path}: expected {KINDS}.{near} Received: a file of no known kind")
    return module(name, path)


def module(name: str, path: Path) -> Any:
    """A reader's or writer's module in this package; raises UserError where a package that it needs is not installed."""
    try:
        return import_module(f"gru_tf.interchange.{name}")
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in extras.OPTIONAL:
            raise
        raise UserError(f"{path}: {extras.absent(package)}") from None


def _by_content(path: Path) -> str | None:
    """The reader for the first bytes, or a checkpoint's other files; None where they do not tell."""
    if path.is_dir() or path.with_name(f"{path.name}.index").is_file():
        return "tensorflow.keras_saved_model" if any((path / name).is_file() for name in LAYERS) else "tensorflow.tf1"
    try:
        with path.open("rb") as stream:
            start = stream.read(9)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file{near_file(path, BY_NAME)}") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    if start.startswith(HDF5):
        return "named_weights" if hdf5_model.has_weights_alone(path) else "keras.legacy"
    if start.startswith(b"PK"):
        return _by_members(path)
    return "pytorch" if start.startswith(PICKLE) or start[8:9] == b"{" else None


def _by_members(path: Path) -> str | None:
    """The reader for a zip archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, UnicodeError):  # the last: names of members
        return None
    if "config.json" in names:
        return "keras.legacy"
    if npz.has_names(names):
        return "pytorch" if any(stacks.KEY.fullmatch(name.removesuffix(npz.MEMBER)) for name in names) else "named_weights"
    return "pytorch" if any(name.endswith("data.pkl") for name in names) else None


def read_with(reader: Any, path: Path, options: Mapping[str, Any]) -> Any:
    """Read the file with these options, which become an object where the reader has a class `Options`.

    Its function is `read_file` where the reader has one, because its `read` takes networks alone, else `read`.

    Raises:
        UserError: for an option that the reader does not have, and as its `read`.
    """
    kind, read = getattr(reader, "Options", None), getattr(reader, "read_file", reader.read)
    known = [name for name in inspect.signature(kind or read).parameters if name != "path"]
    option_names.check(path, options, known)
    return read(path, kind(**options)) if kind else read(path, **options)


def files(path: Path) -> Iterator[Path]:
    """All files that were read: one, or those of a checkpoint."""
    if path.is_file():
        yield path
        return
    parts = path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.name}.*")
    yield from sorted(file for file in parts if file.is_file())
