"""Arrays in a `.npz` file of unknown origin: no pickles, and only as many numbers as the file holds."""

import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, one_line, shown

MEMBER = ".npy"
LARGE, EXPANSION = 1 << 28, 100  # bytes that a file may always unpack to, and a multiple of its own
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def is_one(path: Path) -> bool:
    """Whether a file is a zip archive of arrays alone."""
    try:
        with zipfile.ZipFile(path) as archive:
            return has_names(archive.namelist())
    except (zipfile.BadZipFile, OSError, NotImplementedError, UnicodeError):
        return False


def has_names(names: list[str]) -> bool:
    """Whether a zip archive with these members is one."""
    return bool(names) and all(name.endswith(MEMBER) for name in names)


def read(path: Path) -> dict[str, Array]:
    """Name → array.

    Raises:
        UserError: for a file that is damaged, unpacks to far more than its size, holds a name twice or one that cannot be
            printed, or anything but numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check(path, members)
            return {member.filename.removesuffix(MEMBER): _array(archive, member) for member in members}
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"{path}: expected a complete .npz file. Received: {one_line(error)}") from None


def _check(path: Path, members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    for name, times in Counter(names).items():
        if not name.isprintable() or times > 1:
            received = "one twice" if name.isprintable() else "others"
            raise UserError(f"expected printable names, each once. Received: {received}, {ascii(name)[:80]}")
    unpacked, size = sum(member.file_size for member in members), path.stat().st_size
    if unpacked > max(LARGE, EXPANSION * size):
        raise UserError(f"expected numbers stored in the file. Received: {size:,} bytes that unpack to {unpacked:,}")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    with archive.open(member) as stream:
        shape, columns_first, dtype, header = _header(stream, member.filename)
        needed = int(np.prod([1, *shape], dtype=object)) * dtype.itemsize
        if needed != member.file_size - header:
            held = member.file_size - header
            raise UserError(f"{member.filename}: expected {needed:,} bytes for shape {shape}. Received: {held:,}")
        data = stream.read(needed)
    if len(data) != needed:
        raise UserError(f"{member.filename}: expected {needed:,} bytes for shape {shape}. Received: {len(data):,}")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if columns_first else "C")
    return np.ascontiguousarray(array.astype(dtype.newbyteorder("=")))


def _header(stream: Any, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether columns come first, type, and bytes before the numbers."""
    counted = _Counted(stream)
    version = np.lib.format.read_magic(counted)
    if version not in HEADERS:
        raise UserError(f"{name}: expected a header of version 1 or 2. Received: {shown(version)}")
    shape, columns_first, dtype = HEADERS[version](counted)
    if dtype.hasobject or dtype.kind not in "fiub" or dtype.subdtype is not None:
        raise UserError(f"{name}: expected numbers. Received: {'a pickle' if dtype.hasobject else dtype}")
    return shape, columns_first, dtype, counted.count


class _Counted:
    """A stream that counts the bytes that were read."""

    def __init__(self, stream: BinaryIO):
        self.stream, self.count = stream, 0

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(size)
        self.count += len(data)
        return data
