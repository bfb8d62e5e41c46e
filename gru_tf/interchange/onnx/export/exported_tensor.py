"""A value in a graph that is being written, and the reason why something cannot be written."""

from dataclasses import dataclass
from typing import Any

import keras

KINDS = {"float": "FLOAT", "int": "INT64", "bool": "BOOL"}  # TensorProto.DataType of each kind
COMPUTED = ("float32", "float64")  # types of layers that a file of float32 computes
OF_DTYPES = {**dict.fromkeys(COMPUTED, "float"), "int32": "int", "int64": "int", "bool": "bool"}


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
    """The kind of a Keras dtype; raises NotExportedError for those that a file's types cannot stand for.

    Text, complex and 16-bit numbers have none, and small whole numbers begin again from the lowest where int64 does not.
    """
    name = keras.backend.standardize_dtype(dtype)
    if name not in OF_DTYPES:
        raise NotExportedError(f"computes in {name}")
    return OF_DTYPES[name]
