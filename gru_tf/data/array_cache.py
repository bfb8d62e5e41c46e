"""Arrays kept after the first parse of a data set's files, and mapped into memory from then on.

Each parse has a folder in the cache folder of `gru_tf.data.datasets`, under `parsed/`. Its name carries the checksums of the
source files and the version of the parser, so that other files or another parser never meet old arrays.

    parsed/mnist-0123456789abcdef/images.npy      as `np.save` writes it
                                  labels.npy
                                  manifest.json   {"arrays": {"images": {"size": …, "crc": …}, …}, "crc": …}

Each file is written in one step and the manifest last: arrays are there as a whole or not at all. Whatever does not have the
size and CRC-32 in the manifest is parsed again. Several processes that map the same file share its pages.
"""

import json
import os
import shutil
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gru_tf.data.datasets import cache
from gru_tf.foundation import atomic_file
from gru_tf.foundation.array import Array
from gru_tf.foundation.digest import sha256_of_text

CHUNK = 1 << 22  # bytes
MANIFEST = "manifest.json"
Arrays = Mapping[str, Array]


def load(name: str, checksums: Sequence[str], version: int, parse: Callable[[], Arrays]) -> Arrays:
    """The arrays that `parse` gives, read-only and mapped from the cache; parsed where they are absent or damaged.

    Args:
        name: of the data set, for the folder's name: letters, digits, "_" and "-"; likewise the names of the arrays.
        checksums: of everything that `parse` reads.
        version: of the parser; a changed parser must change it.
        parse: makes the arrays; what it raises passes through, and nothing is kept then.

    Warns:
        RuntimeWarning: where the cache cannot be written; the arrays are then in ordinary memory.
    """
    key = sha256_of_text("\n".join([str(version), *checksums]))[:16]
    folder = cache() / "parsed" / f"{name}-{key}"
    cached = _mapped(folder)
    if cached is not None:
        return cached
    arrays = {array: np.ascontiguousarray(values) for array, values in parse().items()}
    try:
        _save(folder, arrays)
    except OSError as error:
        message = f"{folder}: cannot be written, {error.strerror}: the files are parsed again at every use"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
        for values in arrays.values():
            values.flags.writeable = False  # as a mapped one, whoever reads it
        return arrays
    return _mapped(folder) or arrays


class _Summed:
    """A file that is being written, and the CRC-32 and size of what was written to it."""

    def __init__(self, stream: BinaryIO):
        self.stream, self.crc, self.size = stream, 0, 0

    def write(self, part: bytes) -> int:
        """Write and add up."""
        self.crc, self.size = zlib.crc32(part, self.crc), self.size + len(part)
        return self.stream.write(part)


def _save(folder: Path, arrays: Arrays) -> None:
    """Write arrays and manifest; OSError where that fails, which leaves nothing behind where there was nothing."""
    try:
        entries = {name: _save_array(folder / f"{name}.npy", array) for name, array in arrays.items()}
        manifest = {"arrays": entries, "crc": _checksum(entries)}
        atomic_file.write(folder / MANIFEST, json.dumps(manifest, indent=1).encode())
    except OSError:
        if not (folder / MANIFEST).exists():
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _save_array(file: Path, array: Array) -> dict[str, int]:
    """Write one array; size and CRC-32 are those of what was in memory, not of what the disk made of it."""
    entry: dict[str, int] = {}

    def save(neighbour: Path) -> None:
        with neighbour.open("wb") as stream:
            summed = _Summed(stream)
            np.save(summed, array, allow_pickle=False)
        entry.update(size=summed.size, crc=summed.crc)

    atomic_file.through(file, save)
    return entry


def _mapped(folder: Path) -> Arrays | None:
    """The arrays of a whole, undamaged folder; None where there is none."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        entries = manifest["arrays"]
        if manifest["crc"] != _checksum(entries):
            return None
        files = {name: folder / f"{name}.npy" for name in entries}
        if not all(_whole(files[name], **entry) for name, entry in entries.items()):
            return None
        return {name: np.load(file, mmap_mode="r", allow_pickle=False) for name, file in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # no such folder, or something else in its place
        return None


def _whole(file: Path, size: int, crc: int) -> bool:
    """Whether a file has the size and CRC-32 that it was written with; read in parts, so that no memory is taken for it."""
    received = 0
    with file.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size != size:
            return False
        while part := stream.read(CHUNK):
            received = zlib.crc32(part, received)
    return received == crc


def _checksum(entries: Mapping[str, Any]) -> int:
    """CRC-32 of the manifest's entries, so that none is missing or has another name."""
    return zlib.crc32(json.dumps(entries).encode())
