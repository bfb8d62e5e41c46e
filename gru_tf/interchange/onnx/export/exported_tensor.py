"""A value in a graph that is being written, and the reason why something cannot be written."""

from dataclasses import dataclass
from typing import Any

import keras

KINDS = {"float": "FLOAT", "int": "INT64", "bool": "BOOL"}  # TensorProto.DataType of each kind
COMPUTED = ("float32", "float64")  # types of layers that a file of float32 computes


class NotExportedError(Exception):
    """Something that a layer or an operation is set to do and ONNX export does not write; the message says what."""


@dataclass(frozen=True)
class ExportedTensor:
    """A value in the graph.

    Args:
        name: in the file.
        shape: what Keras knows of it; None for a length that is free.
        kind: "float" (float32 in the file), "int" (int64) or "bool".
    """

    name: str
    shape: tuple[int | None, ...]
    kind: str = "float"

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)


def kind_of(dtype: Any) -> str:
    """The kind of a Keras dtype; raises NotExportedError for text, complex and 16-bit numbers."""
    name = keras.backend.standardize_dtype(dtype)
    if name == "bool" or name in COMPUTED:
        return "bool" if name == "bool" else "float"
    if "int" in name:
        return "int"
    raise NotExportedError(f"computes in {name}")
