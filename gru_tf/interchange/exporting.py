"""Export of a Keras model: the writer for a file's name, and no file overwritten unasked."""

import inspect
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import keras

from gru_tf.foundation.errors import UserError, did_you_mean, near_file
from gru_tf.interchange import error_prefix, float_twin, keras_model, option_names, readers, verification
from gru_tf.interchange.keras import legacy
from gru_tf.interchange.network import Network

WRITERS = {".onnx": "onnx", ".pt": "pytorch", ".pth": "pytorch", ".safetensors": "pytorch", ".tflite": "tensorflow.tflite"}
FOLDER = "tensorflow.saved_model"
OTHERS = {  # endings that are not written, with advice
    **dict.fromkeys((".keras", ".h5", ".hdf5"), "Keras itself writes those: model.save(…)"),
    ".pb": "a SavedModel is a folder, whose name has no ending",
}
OF_MODELS = (FOLDER, "tensorflow.tflite")  # writers that take any Keras model, not a network
OF_BOTH = ("onnx",)  # writers that take a network, and a Keras model that is none


def export_model(model: Any, path: str | Path, *, overwrite: bool = False, **options: Any) -> str:
    """Write a model for another runtime; returns a line on how the file was verified.

    ONNX takes sequential and functional models, and of a plain stack of recurrent layers its states; PyTorch takes plain
    stacks alone.

    `quantize="int8"` writes weights of eight-bit integers to ONNX and TFLite; the line has the error that they make, and
    the size. Of a model with layers quantised by Keras' `quantize("int8")` the integers are written without being asked
    for; they are floats in a PyTorch file, and in a SavedModel the layers are as they are.

    Token numbers are int64 in an ONNX file. In a SavedModel and a .tflite they are of the model's own type, int32 in an
    imported model; in endpoints for one step, int32.

    Args:
        model: a `keras.Model`, or the path of a .keras file.
        path: .onnx; .pt or .safetensors, a PyTorch state_dict; .tflite; a name without an ending for a SavedModel's folder.
        overwrite: whether an existing file may be replaced.
        options: of the writer.

    Raises:
        UserError: for an ending or a model that cannot be written, naming the layer, for ONNX all such layers; where the
            file already exists; where the runtime computes something else. Nothing is then written.
    """
    path = Path(path)
    if path.name in ("", ".."):
        raise UserError(f"{path}: expected the name of a file or of a new folder")
    name = _writer(path)
    if path.exists() and not overwrite:
        raise UserError(f"{path}: already exists; it is not overwritten without {option_names.called('overwrite', True)}")
    writer = readers.module(name, path)
    _check_options(path, writer, options)
    source = Path(model) if isinstance(model, (str, Path)) else None
    with nullcontext() if source is None else error_prefix.prefixed(source, path):
        model = model if source is None else load(source)
        if not isinstance(model, keras.Model):
            raise UserError(f"{path}: expected a keras.Model, or the path of one. Received: {type(model).__name__}")
        model, options, note = _in_floats(model, path, name, options)
        content = _content(model, name)
        _check_place(path, name == FOLDER)
        try:
            return f"{writer.write(content, path, **options)}{note}"
        except OSError as error:
            raise UserError(f"{path}: {error.strerror or error}") from error


def _in_floats(model: Any, path: Path, writer: str, options: dict[str, Any]) -> tuple[Any, dict[str, Any], str]:
    """What is written of a model with quantised layers, which a SavedModel alone holds: floats, if possible as integers."""
    if writer == FOLDER or not float_twin.is_quantised(model):
        return model, options, ""
    twin = float_twin.twin_of(model)
    chosen = options if writer == "pytorch" else {"quantize": "int8", **options}
    return twin, chosen, f"; {float_twin.compared(model, twin, path)}"


def _check_place(path: Path, folder: bool) -> None:
    """Refuse a place that cannot be written, before the framework fails with a message of its own."""
    if path.is_dir() and not folder:
        raise UserError(f"{path}: expected a file's name. Received: a folder")
    above = next(parent for parent in path.absolute().parents if parent.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise UserError(f"{path}: expected a place in a folder that can be written. Received: {above}")


def _content(model: Any, writer: str) -> Any:
    """What a writer takes: the model's network, or the model itself."""
    if writer in OF_MODELS:
        return model
    try:
        return _network(model)
    except UserError as error:
        if writer in OF_BOTH:
            return model
        raise UserError(f"{error}. Other models can be written to .onnx, or to a SavedModel's folder") from None


def _network(model: Any) -> Network:
    """The model's network; writers compare their file with it, so it must compute the same."""
    network = keras_model.network_of(model)
    for layer in network.layers:
        for name in (layer.activation, layer.recurrent_activation):
            if not hasattr(keras.activations, name):  # with which no layer can be built again
                raise UserError(f"{layer.name}: expected one of Keras' activations, such as tanh. Received: {name}")
    try:
        verification.check_network(model, network)
    except UserError as error:
        raise UserError(f"{error}; a layer of the model computes something else than its class name says") from None
    return network


def load(path: Path) -> Any:
    """The model in a .keras or .h5 file, without its optimizer; code in the file is not run.

    Raises:
        UserError: for a file that does not exist or is not a model.
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
        # compared without their dots, with which no ending is near
        near = did_you_mean(ending[1:], [known[1:] for known in WRITERS]).replace("'", "'.", 1)
        hint = f" {OTHERS[ending]}." if ending in OTHERS else near
        raise UserError(f"{path}: expected a name that ends in {', '.join(WRITERS)}, or has no ending for a folder.{hint}")
    return WRITERS[ending]


def _check_options(path: Path, writer: Any, options: dict[str, Any]) -> None:
    arguments = ("network", "model", "path", "folder")  # what is written, and where
    known = [name for name in inspect.signature(writer.write).parameters if name not in arguments]
    option_names.check(path, options, known)
