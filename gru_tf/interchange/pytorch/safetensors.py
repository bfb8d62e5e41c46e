"""Files of the safetensors format: arrays and names, no code. No framework is needed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from gru_tf.foundation import extras
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.interchange.tensor import Tensor

DTYPES = {  # the format's name → NumPy's; bfloat16 is no type of NumPy's own
    "F16": np.dtype("float16"), "BF16": np.dtype(ml_dtypes.bfloat16), "F32": np.dtype("float32"), "F64": np.dtype("float64"),
}  # fmt: skip
HALF = 2  # bytes of a float16 or bfloat16, which float32 holds exactly
PREFIX = 8  # bytes of the header's length, at the start


def looks_like(start: bytes) -> bool:
    """Whether a file with this start is one: the length of a header, then a JSON object."""
    return start[PREFIX : PREFIX + 1] == b"{"


def read(path: Path) -> dict[str, Tensor]:
    """Name → entry, by name: such files are not in the order of a program, and the library returns them in a random one.

    The library checks that the header and the lengths in it fit the file.

    Raises:
        UserError: if the library is not installed, and if the file is truncated or its header is wrong.
    """
    library = _library(path)
    try:
        content = library.deserialize(path.read_bytes())
    except library.SafetensorError as error:
        raise UserError(
            f"expected a complete safetensors file. Received: {str(error).partition(':')[2].strip() or error}"
        ) from None
    return {name: _tensor(name, entry) for name, entry in sorted(content, key=lambda named: named[0])}


def _tensor(name: str, entry: Mapping[str, Any]) -> Tensor:
    """An entry as the library gives it: shape, dtype (the format's name) and data (bytes)."""
    shape, own = tuple(entry["shape"]), entry["dtype"]

    def load() -> Array:
        array = np.frombuffer(entry["data"], DTYPES[own]).reshape(shape)
        return array.astype(np.float32) if array.itemsize == HALF else array

    return Tensor(name, shape, DTYPES[own].name if own in DTYPES else own, load)


def write(arrays: Mapping[str, Array], path: Path) -> None:
    """Write arrays by name; raises UserError if the library is not installed."""
    _library(path)
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path, metadata={"format": "pt"})


def _library(path: Path) -> Any:
    return extras.require("safetensors", f"{path}: this format")
