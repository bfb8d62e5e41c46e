"""ONNX files as bytes: parsed, checked for what they must not hold, their arrays taken out.

Nothing is loaded by the onnx library on its own account: external data are read here, from files beside the model alone.
"""

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, several, shown

Proto = Any  # a message of the onnx library
FLOATS = {1: "float32", 10: "float16", 11: "float64"}
TYPES = {**FLOATS, 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool"}  # TensorProto.DataType → NumPy
OLDEST = 7  # the opset in which GRU, LSTM and RNN got their present form
DIGITS = 20  # no file has more bytes
OWN = ("", "ai.onnx")  # names of the standard's own domain


def library() -> Any:
    """The onnx package.

    Raises:
        UserError: where it is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise UserError("an ONNX file needs the onnx package: pip install 'gru-tf[interchange]'") from None
    return onnx


def load(path: Path) -> Proto:
    """The file's ModelProto, as it stands: external data stay where they are.

    Raises:
        UserError: where it cannot be read, is no ONNX file, is cut off, or needs functions or an opset not known here.
    """
    onnx = library()
    from google.protobuf.message import DecodeError

    try:
        model = onnx.ModelProto.FromString(path.read_bytes())
    except DecodeError:
        raise UserError(f"{path}: expected an ONNX file. Received: bytes that are none, or a file that is cut off") from None
    except OSError as error:
        raise UserError(f"{path}: expected a readable ONNX file. Received: {error.strerror}") from None
    if not model.graph.node or not model.ir_version:
        raise UserError(f"{path}: expected an ONNX file. Received: a message without nodes")
    if model.functions:
        raise UserError(
            f"{path}: expected nodes of the ONNX standard. Received: functions of the file's own,"
            f" {several([f.name for f in model.functions], 3)}; put their nodes in their place with onnx.inliner first"
        )
    if model.graph.sparse_initializer:
        raise UserError(f"{path}: expected dense weights. Received: sparse ones")
    if opset(model) < OLDEST:
        raise UserError(f"{path}: expected opset {OLDEST} or later. Received: {opset(model)}; see onnx.version_converter")
    return model


def opset(model: Proto) -> int:
    """Version of the standard's operators that the file is written in, 0 where it does not say."""
    return max((int(entry.version) for entry in model.opset_import if entry.domain in OWN), default=0)


def stored(model: Proto, path: Path) -> int:
    """Bytes of the file and of the files beside it that its arrays lie in.

    Raises:
        UserError: where arrays claim more of those than there is.
    """
    there: int = sum(file.stat().st_size for file in beside(model, path))
    claimed = sum(math.prod(t.dims) * np.dtype(TYPES.get(t.data_type, "int8")).itemsize for t in _outside(model))
    if there and claimed > 2 * there:  # some arrays may share bytes
        raise UserError(
            f"{path}: expected external data of at most {there:,} bytes, as its files have. Received: {claimed:,}"
        )
    return int(model.ByteSize()) + there


def beside(model: Proto, path: Path) -> list[Path]:
    """The files in the model's folder that arrays lie in."""
    entries = (entry for tensor in _outside(model) for entry in tensor.external_data if entry.key == "location")
    found = {_file(entry.value, path) for entry in entries}
    return sorted(file for file in found if file is not None and os.path.isfile(file))


def _outside(model: Proto) -> list[Proto]:
    """The arrays that do not lie in the model's file."""
    return [tensor for tensor in tensors(model.graph) if tensor.data_location == tensor.EXTERNAL]


def tensors(graph: Proto) -> list[Proto]:
    """All arrays of a graph: weights, and those in nodes."""
    return [*graph.initializer, *(each.t for node in graph.node for each in node.attribute if each.HasField("t"))]


def array(tensor: Proto, path: Path) -> Array:
    """The numbers of a TensorProto, also where they lie in a file beside the model.

    Raises:
        UserError: for a type without numbers, a shape that does not fit the bytes, or external data elsewhere.
    """
    name = TYPES.get(tensor.data_type)
    if name is None:
        kind = library().TensorProto.DataType.Name(tensor.data_type) if tensor.data_type else "none"
        raise UserError(
            f"{path}: array '{tensor.name}': expected type {', '.join(TYPES.values())}. Received: {kind.lower()}"
        )
    dims = tuple(tensor.dims)
    size = math.prod(dims) * np.dtype(name).itemsize
    if any(dim < 0 for dim in dims):
        raise UserError(f"{path}: array '{tensor.name}': expected a shape. Received: {list(dims)}")
    if tensor.data_location == tensor.EXTERNAL:
        return np.frombuffer(_beside(tensor, path, size), np.dtype(name).newbyteorder("<")).reshape(dims).astype(name)
    if tensor.raw_data and len(tensor.raw_data) != size:
        expected = f"{size:,} bytes for shape {list(dims)}"
        raise UserError(f"{path}: array '{tensor.name}': expected {expected}. Received: {len(tensor.raw_data):,}")
    try:
        return np.asarray(library().numpy_helper.to_array(tensor)).astype(name)
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: array '{tensor.name}': expected {size:,} bytes of numbers. Received: {error}") from None


def _beside(tensor: Proto, path: Path, size: int) -> bytes:
    """The bytes of external data: of a plain file in the model's folder, links followed, and of nowhere else."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    file = _file(location, path)
    where = f"{path}: external data of array '{tensor.name}'"
    inside = not Path(location).is_absolute() and ".." not in Path(location).parts and "\\" not in location
    if not location or not inside or file is None:
        raise UserError(f"{where}: expected a file in the model's own folder. Received: location {shown(location)}")
    if not os.path.isfile(file):  # which, unlike Path's, says no to names too long
        raise UserError(f"{where}: expected the file {shown(location)} beside the model. Received: no such file")
    offset, length = (_whole(entries.get(key), default) for key, default in (("offset", 0), ("length", size)))
    there = file.stat().st_size
    if offset is None or length != size or offset + size > there:
        raise UserError(
            f"{where}: expected {size:,} bytes for shape {list(tensor.dims)} within '{location}' of"
            f" {there:,}. Received: offset {shown(entries.get('offset', 0))}, length {shown(entries.get('length', size))}"
        )
    with file.open("rb") as stream:
        stream.seek(offset)
        return bytes(stream.read(size))


def _file(location: str, path: Path) -> Path | None:
    """Where this name in the model's folder leads, links followed; None where that is elsewhere or can be no file's name."""
    folder = path.parent.resolve()
    try:
        file = (folder / location).resolve()
    except (OSError, ValueError):
        return None
    return file if file.is_relative_to(folder) else None


def _whole(text: str | None, default: int) -> int | None:
    """A count of bytes written as text; None where it is none."""
    return default if text is None else int(text) if text.isdecimal() and len(text) < DIGITS else None


def attributes(node: Proto) -> dict[str, Any]:
    """Attributes of a node by name: numbers, texts, lists of them, and tensors as messages; graphs as None."""
    fields = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"}
    found = {each.name: getattr(each, fields[each.type]) if each.type in fields else None for each in node.attribute}
    return {name: _plain(value) for name, value in found.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (int, float)) or value is None or hasattr(value, "dims"):
        return value
    return [_plain(each) for each in value]
