"""Arrays kept after the first parse of a data set's files, and mapped into memory from then on.

One file holds the arrays of one parse, in the cache folder of `gru_tf.data.datasets` under `parsed/`. Its name carries the
checksums of the source files and the version of the parser, so that other files or another parser never meet old arrays.
It begins with a line of JSON that gives each array's type, shape, place and CRC-32; the arrays follow, aligned.
Several processes that map the same file share its pages.
"""

import hashlib
import json
import math
import os
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.data.datasets import cache
from gru_tf.foundation import atomic_file
from gru_tf.foundation.array import Array

ALIGNMENT = 64  # bytes; as NumPy's own files, so that every type lies as the processor wants it
CHUNK = 1 << 22
Arrays = Mapping[str, Array]


def load(name: str, checksums: Sequence[str], version: int, parse: Callable[[], Arrays]) -> Arrays:
    """The arrays that `parse` gives, read-only and mapped from the cache; parsed where they are not there or damaged.

    Args:
        name: of the data set, for the file's name: letters, digits, "_" and "-".
        checksums: of everything that `parse` reads.
        version: of the parser; a changed parser must change it.
        parse: makes the arrays; what it raises passes through, and nothing is kept then.

    Warns:
        RuntimeWarning: where the cache cannot be written; the arrays are then in ordinary memory.
    """
    key = hashlib.sha256("\n".join([str(version), *checksums]).encode()).hexdigest()[:16]
    file = cache() / "parsed" / f"{name}-{key}.arrays"
    found = _mapped(file)
    if found is not None:
        return found
    arrays = {key: np.ascontiguousarray(array) for key, array in parse().items()}
    try:
        atomic_file.through(file, lambda neighbour: _save(neighbour, arrays))
    except OSError as error:
        message = f"{file}: cannot be written, {error.strerror}: the files are parsed again at every use"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
        for array in arrays.values():
            array.flags.writeable = False  # as a mapped one, whoever reads it
        return arrays
    return _mapped(file) or arrays


def _save(file: Path, arrays: Arrays) -> None:
    """The line of JSON, filled with spaces up to the alignment, then each array at a multiple of it."""
    entries: dict[str, dict[str, Any]] = {}
    end = 0  # relative to the end of the line
    for name, array in arrays.items():
        start = -(-end // ALIGNMENT) * ALIGNMENT
        crc = zlib.crc32(array.data.cast("B") if array.size else b"")
        entries[name] = {"dtype": array.dtype.str, "shape": array.shape, "start": start, "crc": crc}
        end = start + array.nbytes
    line = json.dumps({"arrays": entries, "bytes": end}).encode()
    with file.open("wb") as stream:
        stream.write(line.ljust(-(-(len(line) + 1) // ALIGNMENT) * ALIGNMENT - 1) + b"\n")
        first = stream.tell()
        for name, array in arrays.items():
            stream.seek(first + entries[name]["start"])
            array.tofile(stream)


def _mapped(file: Path) -> Arrays | None:
    """The arrays of a whole, undamaged file; None where there is none."""
    try:
        with file.open("rb") as stream:
            content = json.loads(stream.readline())
            first = stream.tell()
            if os.fstat(stream.fileno()).st_size != first + content["bytes"]:
                return None
            entries = content["arrays"]
            if not all(_whole(stream, first, entry) for entry in entries.values()):
                return None
        return {name: _map(file, first, entry) for name, entry in entries.items()}
    except (OSError, ValueError, KeyError, TypeError):  # no such file, no such line: it is made anew
        return None


def _size(entry: Mapping[str, Any]) -> int:
    return int(math.prod(entry["shape"]) * np.dtype(entry["dtype"]).itemsize)


def _whole(stream: Any, first: int, entry: Mapping[str, Any]) -> bool:
    """Whether an array has the CRC-32 that it was written with; read in parts, so that no memory is taken for it."""
    stream.seek(first + entry["start"])
    crc, left = 0, _size(entry)
    while left:
        part = stream.read(min(CHUNK, left))
        if not part:
            return False
        crc, left = zlib.crc32(part, crc), left - len(part)
    return bool(crc == entry["crc"])


def _map(file: Path, first: int, entry: Mapping[str, Any]) -> Array:
    shape = tuple(entry["shape"])
    if not _size(entry):  # nothing cannot be mapped
        return np.zeros(shape, entry["dtype"])
    return np.memmap(file, entry["dtype"], "r", first + entry["start"], shape)
