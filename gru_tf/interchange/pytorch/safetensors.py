"""Files of the safetensors format, which hold arrays and names and nothing that could run; no framework is needed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.interchange.pytorch.stacks import Tensor

TYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
PREFIX = 8  # bytes of the header's length, at the start


def looks_like(start: bytes) -> bool:
    """Whether a file that begins so is one: the length of a header, and a JSON object."""
    return start[PREFIX : PREFIX + 1] == b"{"


def read(path: Path) -> dict[str, Tensor]:
    """Name → entry; the library checks that the header and the lengths in it fit the file.

    Raises:
        UserError: where the library is not installed, and where the file is truncated or its header is wrong.
    """
    library = _library(path)
    try:
        content = library.deserialize(path.read_bytes())
    except library.SafetensorError as error:
        raise UserError(
            f"expected a whole safetensors file. Received: {str(error).partition(':')[2].strip() or error}"
        ) from None
    return {name: _tensor(name, given) for name, given in content}


def _tensor(name: str, given: Mapping[str, Any]) -> Tensor:
    shape = tuple(given["shape"])

    def load() -> Array:
        if given["dtype"] == "BF16":  # the upper half of a float32's bits
            upper = np.frombuffer(given["data"], "<u2").astype(np.uint32)
            return (upper << 16).view(np.float32).reshape(shape)
        found = np.frombuffer(given["data"], TYPES[given["dtype"]]).reshape(shape)
        return found.astype(np.float32) if found.dtype == np.float16 else found

    return Tensor(name, shape, TYPES.get(given["dtype"], given["dtype"]), load)


def write(arrays: Mapping[str, Array], path: Path) -> None:
    """Write arrays by name; raises UserError where the library is not installed."""
    _library(path)
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path, metadata={"format": "pt"})


def _library(path: Path) -> Any:
    try:
        import safetensors
    except ImportError:
        raise UserError(f"{path}: expected the package safetensors to be installed. Received: no such package") from None
    return safetensors
