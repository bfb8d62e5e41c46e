"""What is written to an ONNX file: a network, with its states, or any other Keras model."""

from pathlib import Path
from typing import Any

from gru_tf.foundation.errors import UserError
from gru_tf.interchange import int8_export, option_names
from gru_tf.interchange.network import Network
from gru_tf.interchange.onnx import writing
from gru_tf.interchange.onnx.export import write_model


def write(model: Network | Any, path: Path, *, initial: bool = False, quantize: str | None = None) -> str:
    """Write a network, see `writing.write`, or a Keras model that is none, see `export.write_model`.

    Args:
        model: what to write.
        path: of the file; an older one is replaced once the new one is verified.
        initial: of a network alone: whether the initial states are inputs.
        quantize: "int8" for weights of eight-bit integers; None for float32.

    Returns:
        A line that says how the file was verified.

    Raises:
        UserError: for what cannot be written, and where onnxruntime's results are not those of Keras.
    """
    int8_export.check(path, quantize)
    if isinstance(model, Network):
        return writing.write(model, path, initial=initial, quantize=quantize)
    if initial:
        option = option_names.called("initial", True)
        raise UserError(
            f"{path}: {option}: expected recurrent layers with an embedding or a scale and linear dense layers around them,"
            " whose states are known. Received: another model; make its states inputs, by `initial_state`, and outputs"
        )
    return write_model(model, path, quantize=quantize)
