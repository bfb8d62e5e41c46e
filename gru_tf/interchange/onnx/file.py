"""ONNX files as bytes: parsed, checked for what they must not hold, and their arrays read.

The onnx library opens no files: external data are read here, and only from the model's own folder.
"""

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.foundation import extras
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
        UserError: if it is not installed.
    """
    return extras.require("onnx", "an ONNX file")


def load(path: Path) -> Proto:
    """The file's ModelProto, without its external data.

    Raises:
        UserError: if it cannot be read, is no ONNX file, is truncated, or needs functions or an opset that is not supported.
    """
    onnx = library()
    from google.protobuf.message import DecodeError

    try:
        model = onnx.ModelProto.FromString(path.read_bytes())
    except DecodeError:
        raise UserError(f"{path}: expected an ONNX file. Received: other content, or a truncated file") from None
    except OSError as error:
        raise UserError(f"{path}: expected a readable ONNX file. Received: {error.strerror}") from None
    if not model.graph.node or not model.ir_version:
        raise UserError(f"{path}: expected an ONNX file. Received: a message without nodes")
    _check_names(model.graph, path)
    if model.functions:
        raise UserError(
            f"{path}: expected nodes of the ONNX standard. Received: functions of the file's own,"
            f" {several([f.name for f in model.functions], 3)}; inline them with onnx.inliner first"
        )
    if model.graph.sparse_initializer:
        raise UserError(f"{path}: expected dense weights. Received: sparse weights")
    if opset(model) < OLDEST:
        advice = (
            f"export it again with opset_version={OLDEST} or later, as onnx.version_converter does not convert such nodes"
        )
        raise UserError(f"{path}: expected opset {OLDEST} or later. Received: {opset(model)}; {advice}")
    return model


def _check_names(graph: Proto, path: Path) -> None:
    """Refuse names that are no texts, which the library returns as bytes."""
    nodes = (text for node in graph.node for text in (node.name, node.op_type, node.domain, *node.input, *node.output))
    others = (each.name for each in (*graph.input, *graph.output, *graph.initializer))
    wrong = next((text for text in (*nodes, *others) if not isinstance(text, str)), None)
    if wrong is not None:
        raise UserError(f"{path}: expected names in UTF-8. Received: {shown(wrong)}")


def opset(model: Proto) -> int:
    """Version of the standard's operators in the file, 0 if it has none."""
    return max((int(entry.version) for entry in model.opset_import if entry.domain in OWN), default=0)


def stored_bytes(model: Proto, path: Path) -> int:
    """Bytes of the file and of the files beside it that hold its arrays.

    Raises:
        UserError: if arrays claim more bytes than those files have.
    """
    available: int = sum(file.stat().st_size for file in external_files(model, path))
    claimed = sum(math.prod(t.dims) * np.dtype(TYPES.get(t.data_type, "int8")).itemsize for t in _external(model))
    if available and claimed > 2 * available:  # some arrays may share bytes
        raise UserError(
            f"{path}: expected external data of at most {available:,} bytes, the size of its files. Received: {claimed:,}"
        )
    return int(model.ByteSize()) + available


def external_files(model: Proto, path: Path) -> list[Path]:
    """The files in the model's folder that hold its external data."""
    entries = (entry for tensor in _external(model) for entry in tensor.external_data if entry.key == "location")
    files = {_file(entry.value, path) for entry in entries}
    return sorted(file for file in files if file is not None and os.path.isfile(file))


def _external(model: Proto) -> list[Proto]:
    """The arrays that are not stored in the model's file."""
    return [tensor for tensor in tensors(model.graph) if tensor.data_location == tensor.EXTERNAL]


def tensors(graph: Proto) -> list[Proto]:
    """All arrays of a graph: weights, and those in nodes."""
    return [*graph.initializer, *(each.t for node in graph.node for each in node.attribute if each.HasField("t"))]


def is_half(graph: Proto) -> bool:
    """Whether inputs, outputs or arrays are float16."""
    declared = [each.type.tensor_type.elem_type for each in (*graph.input, *graph.output)]
    return any(FLOATS.get(kind) == "float16" for kind in (*declared, *(tensor.data_type for tensor in tensors(graph))))


def read_array(tensor: Proto, path: Path) -> Array:
    """The numbers of a TensorProto, also from a file beside the model.

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
        return np.frombuffer(_external_data(tensor, path, size), np.dtype(name).newbyteorder("<")).reshape(dims).astype(name)
    if tensor.raw_data and len(tensor.raw_data) != size:
        expected = f"{size:,} bytes for shape {list(dims)}"
        raise UserError(f"{path}: array '{tensor.name}': expected {expected}. Received: {len(tensor.raw_data):,}")
    try:
        return np.asarray(library().numpy_helper.to_array(tensor)).astype(name)
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: array '{tensor.name}': expected {size:,} bytes of numbers. Received: {error}") from None


def _external_data(tensor: Proto, path: Path, size: int) -> bytes:
    """The bytes of external data, from a plain file in the model's folder, links followed, and from nowhere else."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    file = _file(location, path)
    where = f"{path}: external data of array '{tensor.name}'"
    inside = not Path(location).is_absolute() and ".." not in Path(location).parts and "\\" not in location
    if not location or not inside or file is None:
        raise UserError(f"{where}: expected a file in the model's own folder. Received: location {shown(location)}")
    if not os.path.isfile(file):  # unlike Path's, false for names that are too long
        raise UserError(f"{where}: expected the file {shown(location)} beside the model. Received: no such file")
    offset, length = (_byte_count(entries.get(key), default) for key, default in (("offset", 0), ("length", size)))
    available = file.stat().st_size
    if offset is None or length != size or offset + size > available:
        raise UserError(
            f"{where}: expected {size:,} bytes for shape {list(tensor.dims)} within the {available:,} of '{location}'."
            f" Received: offset {shown(entries.get('offset', 0))}, length {shown(entries.get('length', size))}"
        )
    with file.open("rb") as stream:
        stream.seek(offset)
        return bytes(stream.read(size))


def _file(location: str, path: Path) -> Path | None:
    """The file of that name in the model's folder, links followed; None if it is elsewhere or the name is invalid."""
    folder = path.parent.resolve()
    try:
        file = (folder / location).resolve()
    except (OSError, ValueError):
        return None
    return file if file.is_relative_to(folder) else None


def _byte_count(text: str | None, default: int) -> int | None:
    """A number of bytes written as text; None if it is none."""
    return default if text is None else int(text) if text.isdecimal() and len(text) < DIGITS else None


def attributes(node: Proto) -> dict[str, Any]:
    """Attributes of a node by name: numbers, texts, lists of them, and tensors as messages; graphs as None."""
    fields = {1: "f", 2: "i", 3: "s", 4: "t", 6: "floats", 7: "ints", 8: "strings"}
    values = {each.name: getattr(each, fields[each.type]) if each.type in fields else None for each in node.attribute}
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (int, float)) or value is None or hasattr(value, "dims"):
        return value
    return [_plain(each) for each in value]
