"""HDF5 files of unknown origin: only numbers stored in the file itself are read, and only as many as are stored.

HDF5 can point out of the file (external and soft links, external storage, virtual data sets), at itself (groups within
themselves), at code (filters loaded from a plugin), and can declare arrays that it does not hold. Keras writes none of
these, so a file with any of them is refused as a whole before an array is read.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, takewhile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, one_line, several, shown

BUILT_IN = {1, 2, 3, 32000}  # filters: deflate, shuffle, fletcher32, lzf; all others may be plugins
LARGE = 1 << 28  # bytes: more than that must be stored, not only declared
EXPANSION = 1000  # deflate can reach 1,032
MOST_NESTED = 64  # groups in groups


@dataclass(frozen=True, eq=False)
class Contents:
    r"""A file that has been checked.

    Args:
        where: the file, for messages.
        file: the open file.
        arrays: path → data set, all of the file; "\" in files written on Windows becomes "/".
        groups: path → group, the root's is "".
    """

    where: str
    file: Any
    arrays: Mapping[str, Any] = field(default_factory=dict)
    groups: Mapping[str, Any] = field(default_factory=dict)

    def text(self, name: str, group: str = "") -> str | None:
        """An attribute that is text, or None where it is absent."""
        value = self._attribute(name, group)
        return None if value is None else self._decoded(value, name, group)

    def names(self, name: str, group: str) -> list[str] | None:
        """An attribute that is a list of names, or None; Keras splits a long one into name0, name1 and so on."""
        parts = [self._attribute(name, group)]
        if parts[0] is None:
            parts = list(takewhile(_exists, (self._attribute(f"{name}{n}", group) for n in count())))
        return [self._decoded(text, name, group) for part in parts for text in np.ravel(part)] if parts else None

    def array(self, path: str) -> Array:
        """The numbers at this path.

        Raises:
            UserError: where there are none, or the file is truncated.
        """
        if path not in self.arrays:
            near = several([known for known in self.arrays if known.split("/")[0] == path.split("/")[0]] or [*self.arrays])
            raise UserError(f"{self.where}: {path}: expected an array. Received: none; there are {near or 'no arrays'}")
        try:
            return np.asarray(self.arrays[path][()])
        except (OSError, RuntimeError, ValueError, MemoryError) as error:
            raise UserError(f"{self.where}: {path}: expected readable numbers. Received: {one_line(error)}") from None

    def inside(self, group: str) -> "Contents":
        """What is in a group, by paths from there; nothing where there is no such group."""
        start = f"{group}/"
        arrays = {path.removeprefix(start): array for path, array in self.arrays.items() if path.startswith(start)}
        groups = {path.removeprefix(start): each for path, each in self.groups.items() if path.startswith(start)}
        own = {"": self.groups[group]} if group in self.groups else {}
        return Contents(self.where, self.file, arrays, own | groups)

    def elements(self) -> int:
        """How many numbers there are in all arrays together."""
        return sum(int(array.size) for array in self.arrays.values())

    def _attribute(self, name: str, group: str) -> Any:
        attributes = self.groups[group].attrs if group in self.groups else {}
        try:
            return attributes.get(name)
        except (OSError, RuntimeError, TypeError, ValueError, MemoryError) as error:
            raise UserError(
                f"{self.where}: {group or '/'}: expected attribute {name}. Received: {one_line(error)}"
            ) from None

    def _decoded(self, value: Any, name: str, group: str) -> str:
        value = value.item() if isinstance(value, np.generic) else value
        try:
            text = value.decode("utf-8") if isinstance(value, bytes) else value
        except UnicodeDecodeError:
            text = None
        if not isinstance(text, str):
            raise UserError(f"{self.where}: {group or '/'}: expected attribute {name} to be text. Received: {shown(value)}")
        return text


def is_hdf5(path: Path) -> bool:
    """Whether a file begins like an HDF5 file."""
    import h5py

    return bool(h5py.is_hdf5(path))


@contextmanager
def open_checked(source: Path | BinaryIO, where: str) -> Iterator[Contents]:
    """Open a file for reading, and check all of it first.

    Args:
        source: a file, or its bytes.
        where: its name, for messages.

    Raises:
        UserError: for a file that is not HDF5, is truncated, or contains anything but groups and arrays of numbers.
    """
    import h5py

    try:
        file = h5py.File(source, "r")
    except (OSError, RuntimeError) as error:
        raise UserError(f"{where}: expected a complete HDF5 file. Received: {one_line(error)}") from None
    with file:
        try:
            contents = _check_all(file, where)
        except UserError:
            raise
        except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"{where}: expected a complete HDF5 file. Received: {one_line(error)}") from None
        yield contents


def _check_all(file: Any, where: str) -> Contents:
    """The contents of a file all of whose groups and arrays have passed."""
    import h5py

    arrays: dict[str, Any] = {}
    groups: dict[str, Any] = {"": file}
    seen = {h5py.h5o.get_info(file.id).addr}
    left = [("", file)]
    declared, stored = 0, 0  # bytes of all arrays so far
    while left:
        path, group = left.pop()
        for name in group:
            inner = f"{path}/{name}".lstrip("/").replace("\\", "/")
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise UserError(f"{where}: {inner}: expected members of the file itself. Received: {type(link).__name__}")
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if not isinstance(item, h5py.Group | h5py.Dataset) or address in seen or inner.count("/") > MOST_NESTED:
                kind = "a group" if isinstance(item, h5py.Group) else "an array"
                known = isinstance(item, h5py.Group | h5py.Dataset)
                received = f"{kind} twice, or too deep" if known else type(item).__name__
                raise UserError(f"{where}: {inner}: expected groups and arrays. Received: {received}")
            seen.add(address)
            if isinstance(item, h5py.Dataset):
                declared, stored = declared + item.nbytes, stored + _check_array(item, inner, where)
                if declared > LARGE and declared > EXPANSION * stored:
                    received = f"{declared:,} bytes declared and {stored:,} stored"
                    raise UserError(f"{where}: {inner}: expected numbers stored in the file. Received: {received}")
                arrays[inner] = item
                continue
            groups[inner] = item
            left.append((inner, item))
    return Contents(where, file, arrays, groups)


def _check_array(item: Any, path: str, where: str) -> int:
    """The bytes that an array takes in the file; refuse one that is stored elsewhere, is not numeric, or needs a plugin."""
    received = ""
    plist = item.id.get_create_plist()
    filters = [plist.get_filter(n)[0] for n in range(plist.get_nfilters())]
    if item.external:
        received = f"storage in another file, {item.external[0][0]}"
    elif item.is_virtual:
        received = "a view of other files"
    elif item.shape is None or item.dtype.kind not in "fiub":
        received = f"type {item.dtype}"
    elif unknown := set(filters) - BUILT_IN:
        received = f"filter {min(unknown)}, which is not part of HDF5"
    if received:
        raise UserError(f"{where}: {path}: expected numbers stored in the file. Received: {received}")
    return int(item.id.get_storage_size())


def _exists(attribute: Any) -> bool:
    return attribute is not None
