"""Tensors of a TorchScript archive (`torch.jit.save`), read without its program and without PyTorch.

The archive's `data.pkl` is a pickle of module objects whose attributes are tensors, other modules and plain values. It is
read by an unpickler that knows the operations which PyTorch writes, tensors and empty objects in the place of every class:
nothing that the pickle names is imported, and the program in `code/` is not looked at.
"""

import pickle
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, counted, one_line, shown
from gru_tf.interchange.pytorch import script_pickle
from gru_tf.interchange.pytorch.script_pickle import SAVE, Named, View
from gru_tf.interchange.tensor import Tensor

SOURCE = "PyTorch TorchScript"
MOST_VALUES = 1_000_000
LARGE = 1 << 28  # bytes of the pickle


def is_one(path: Path) -> bool:
    """Whether a file is such an archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, NotImplementedError, UnicodeError):
        return False
    return _member(names, "constants.pkl") is not None and _member(names, "data.pkl") is not None


def _member(names: list[str], last: str) -> str | None:
    return next((name for name in names if name.count("/") == 1 and name.endswith(f"/{last}")), None)


def read(path: Path) -> dict[str, Tensor]:
    """Name → tensor, by the path of its module as in a state_dict.

    Raises:
        UserError: for an archive that is damaged, or whose pickle has anything but modules, tensors and plain values.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return dict(_Archive(archive).tensors())
    except UserError:
        raise
    except MemoryError:
        raise UserError("expected a TorchScript archive. Received: one that needs more memory than there is") from None
    except (
        zipfile.BadZipFile, zlib.error, pickle.UnpicklingError, OSError, EOFError, ValueError, LookupError, TypeError,
        AttributeError, RuntimeError, OverflowError,
    ) as error:  # an unpickler given arbitrary bytes raises whatever its last operation did  # fmt: skip
        received = f"{type(error).__name__}: {one_line(error)}"
        raise UserError(f"expected a complete TorchScript archive; {SAVE}. Received: {received}") from None


class _Archive:
    def __init__(self, archive: zipfile.ZipFile):
        self.archive = archive
        names = archive.namelist()
        pickled = _member(names, "data.pkl") or ""
        self.root = pickled.partition("/")[0]
        if names.count(pickled) != 1:
            raise UserError(f"expected one data.pkl. Received: {names.count(pickled)}")
        order = f"{self.root}/byteorder"
        if order in names and self._bytes(order, 16) != b"little":
            raise UserError(f"expected little-endian numbers. Received: {shown(self._bytes(order, 16))}")
        self.pickled = self._bytes(pickled, LARGE)

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """All in the module, by name; a list of a module's own tensors, as a GRU has it, is no further ones."""
        tensors: list[Named] = []
        for visited, named in enumerate(script_pickle.walk(script_pickle.load(self.pickled))):
            if visited >= MOST_VALUES:  # a pickle's objects may have each other as often as they like
                raise UserError(f"expected at most {MOST_VALUES:,} values. Received: more")
            if named is not None:
                tensors.append(named)
        own = {named.view for named in tensors if not named.listed}
        for named in tensors:
            if not (named.listed and named.view in own):
                yield named.name, self._tensor(named.name, named.view)

    def _bytes(self, name: str, most: int) -> bytes:
        member = self.archive.getinfo(name)
        if member.compress_type != zipfile.ZIP_STORED or member.file_size > most:
            raise UserError(f"{name}: expected at most {most:,} bytes, not compressed. Received: {member.file_size:,}")
        return self.archive.read(member)

    def _tensor(self, name: str, view: View) -> Tensor:
        storage = view.storage
        dtype = script_pickle.STORAGES[storage.kind]
        size = storage.numbers * dtype.itemsize
        stored = self.archive.getinfo(f"{self.root}/data/{storage.key}").file_size
        last = view.offset + sum((n - 1) * stride for n, stride in zip(view.shape, view.strides, strict=True))
        numbers = int(np.prod([1, *view.shape], dtype=object))
        if stored != size or numbers > storage.numbers or (numbers and last >= storage.numbers):
            expected = f"{numbers:,} numbers for shape {view.shape}"
            raise UserError(f"{name}: expected {expected}. Received: {counted(stored, 'byte')}")
        path = self.archive.filename

        def load() -> Array:
            with zipfile.ZipFile(str(path)) as archive:
                data = _Archive(archive)._bytes(f"{self.root}/data/{storage.key}", size)
            flat = np.frombuffer(data, dtype)[view.offset :]
            strides = [stride * dtype.itemsize for stride in view.strides]
            array = np.lib.stride_tricks.as_strided(flat, view.shape, strides) if numbers else np.empty(view.shape, "f4")
            narrow = dtype.itemsize < np.dtype("f4").itemsize
            return np.ascontiguousarray(array.astype(np.float32) if narrow else array)

        return Tensor(name, view.shape, dtype.name, load)
