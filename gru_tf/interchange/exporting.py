"""A Keras model to where it must run: which writer, and nothing overwritten unasked."""

import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from gru_tf.foundation.errors import UserError, did_you_mean, near_file
from gru_tf.interchange import building, option_names, verification
from gru_tf.interchange.keras import legacy
from gru_tf.interchange.network import Network

WRITERS = {".onnx": "onnx", ".pt": "pytorch", ".pth": "pytorch", ".safetensors": "pytorch", ".tflite": "tensorflow.tflite"}
FOLDER = "tensorflow.saved_model"
OTHERS = {  # endings that are not written, and what to do instead
    **dict.fromkeys((".keras", ".h5", ".hdf5"), "Keras itself writes those: model.save(…)"),
    ".pb": "a SavedModel is a folder, whose name has no ending",
}
WHOLE = (FOLDER, "tensorflow.tflite")  # writers that take a Keras model of any kind, not a network


def export_model(model: Any, path: str | Path, *, overwrite: bool = False, **given: Any) -> str:
    """Write a model for another runtime, and say in a line how that was verified.

    Token numbers are int64 in an ONNX file. A SavedModel and a .tflite take the model's own type, int32 in an imported one;
    where they compute one step, int32.

    Args:
        model: a `keras.Model`, or the path of a .keras file.
        path: .onnx; .pt or .safetensors, a PyTorch state_dict; .tflite; a name without an ending, a SavedModel's folder.
        overwrite: whether a file that is there already may be replaced.
        given: options of the writer.

    Raises:
        UserError: for an ending or a model that cannot be written, naming the layer; where the file is there already; where
            the runtime gives something else. Nothing is then written.
    """
    path = Path(path)
    if path.name in ("", ".."):
        raise UserError(f"{path}: expected a name, of a file or of a new folder")
    name = _writer(path)
    if path.exists() and not overwrite:
        raise UserError(f"{path}: there already; it is not overwritten without {option_names.called('overwrite', True)}")
    try:
        writer = import_module(f"gru_tf.interchange.{name}")
    except ModuleNotFoundError as error:
        raise UserError(f"{path}: expected the package {error.name} to be installed. Received: no such package") from None
    _check_options(path, writer, given)
    source = Path(model) if isinstance(model, (str, Path)) else None
    with _naming(source, path):
        model = model if source is None else load(source)
        content = model if name in WHOLE else _network(model)
        _check_place(path, name == FOLDER)
        try:
            return str(writer.write(content, path, **given))
        except OSError as error:
            raise UserError(f"{path}: {error.strerror or error}") from error


@contextmanager
def _naming(source: Path | None, path: Path) -> Iterator[None]:
    """Refusals inside that name neither file begin with the model's, where it is one."""
    try:
        yield
    except UserError as error:
        if source is None or str(error).startswith((f"{source}: ", f"{path}: ")):
            raise
        raise UserError(f"{source}: {error}") from None


def _check_place(path: Path, folder: bool) -> None:
    """Refuse a place where nothing can be written, before the framework says so in words of its own."""
    if path.is_dir() and not folder:
        raise UserError(f"{path}: expected a file's name. Received: a folder")
    above = next(parent for parent in path.absolute().parents if parent.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise UserError(f"{path}: expected a place in a folder that can be written. Received: {above}")


def _network(model: Any) -> Network:
    """What the model computes; writers compare their file with this, so it must be the same."""
    network = building.network_of(model)
    try:
        verification.check_network(model, network)
    except UserError as error:
        raise UserError(f"{error}; a layer of the model is not what its class is called") from None
    return network


def load(path: Path) -> Any:
    """The model in a .keras file, without its optimiser; code in it is not run.

    Raises:
        UserError: where it is none.
    """
    if path.is_dir():
        raise UserError(f"{path}: expected a file saved by Keras, .keras or .h5. Received: a folder")
    if not path.is_file():
        raise UserError(f"{path}: no such file{near_file(path, ('.keras', '.h5', '.hdf5'))}")
    return legacy.read_model(path)


def _writer(path: Path) -> str:
    ending = path.suffix.lower()
    if not ending:
        return FOLDER
    if ending not in WRITERS:
        near = did_you_mean(ending[1:], [known[1:] for known in WRITERS]).replace("'", "'.", 1)  # a dot makes none near
        hint = f" {OTHERS[ending]}." if ending in OTHERS else near
        raise UserError(f"{path}: expected a name that ends in {', '.join(WRITERS)}, or in nothing for a folder.{hint}")
    return WRITERS[ending]


def _check_options(path: Path, writer: Any, given: dict[str, Any]) -> None:
    known = [name for name in inspect.signature(writer.write).parameters if name not in ("network", "model", "path")]
    for name, value in given.items():
        if name not in known:
            raise UserError(f"{path}: {option_names.unknown(name, value, known)}")
