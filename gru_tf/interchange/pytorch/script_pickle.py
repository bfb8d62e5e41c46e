"""The pickle in a TorchScript archive: modules, tensors and plain values, by an unpickler that imports and runs nothing.

It knows the operations that PyTorch writes, and has empty objects in the place of every class that the pickle names.
"""

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import ml_dtypes
import numpy as np

from gru_tf.foundation.errors import UserError, shown

SAVE = "torch.save(torch.jit.load(FILE).state_dict(), NEW) saves the tensors alone"
CLASSES = "__torch__"  # module of all classes that a program defines
OPERATIONS = (  # of pickles, as PyTorch writes them
    "PROTO", "GLOBAL", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET", "EMPTY_TUPLE", "NEWOBJ", "EMPTY_DICT", "EMPTY_LIST",
    "MARK", "BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3",
    "BINPERSID", "REDUCE", "NEWFALSE", "NEWTRUE", "NONE", "SETITEM", "SETITEMS", "APPEND", "APPENDS", "BUILD", "STOP",
)  # fmt: skip
STORAGES = {  # class → NumPy's type
    "FloatStorage": np.dtype("<f4"), "DoubleStorage": np.dtype("<f8"), "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16), "LongStorage": np.dtype("<i8"), "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"), "CharStorage": np.dtype("i1"), "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("bool"),
}  # fmt: skip
LISTS = ("build_intlist", "build_doublelist", "build_boollist", "build_tensorlist")
DEEPEST, MOST_AXES = 100, 16


class Storage(NamedTuple):  # a tuple, because a pickle can set the attributes of any object that it has
    """Numbers of an archive, not yet read; of the class in `STORAGES` that `kind` names."""

    key: str
    kind: str
    numbers: int


class View(NamedTuple):
    """A tensor in a storage, in numbers from its beginning."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True)
class Named:
    """A tensor of a module, or in a list that the module has."""

    name: str
    view: View
    listed: bool


def load(pickled: bytes) -> Any:
    """The pickle's object, of harmless ones: made anew for each file, so that none can change what another is read with."""

    class ScriptObject:
        """An object of any class of the program."""

        attributes: Any = None

        def __setstate__(self, state: Any) -> None:
            self.attributes = state

    def view(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> View:
        numbers = (offset, *shape, *strides)
        whole = all(type(n) is int and 0 <= n < 1 << 62 for n in numbers) and len(shape) == len(strides) <= MOST_AXES
        if not isinstance(storage, Storage) or not whole:
            raise UserError(f"expected a tensor's storage, offset, shape and strides. Received: {shown(numbers)}")
        return View(storage, offset, tuple(shape), tuple(strides))

    known: dict[tuple[str, str], Callable[..., Any]] = {
        ("torch._utils", "_rebuild_tensor_v2"): view,
        ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
        ("torch.jit._pickle", "restore_type_tag"): lambda value, *_: value,
        ("collections", "OrderedDict"): OrderedDict,
        **{("torch.jit._pickle", name): lambda values: values for name in LISTS},
    }

    class Unpickler(pickle._Unpickler):  # the one in Python, whose operations can be chosen
        dispatch: ClassVar = {code: run for code, run in pickle._Unpickler.dispatch.items() if bytes([code]) in _codes()}

        def find_class(self, module: str, name: str) -> Any:
            if module.split(".")[0] == CLASSES:
                return ScriptObject
            if module == "torch" and name in STORAGES:
                return name
            if (module, name) not in known:
                named = f"{module}.{name}"[:80]
                raise UserError(
                    f"expected modules and tensors; {SAVE}. Received: a pickle that names {named!r}, which is not loaded"
                    " because it may run code"
                )
            return known[module, name]

        def persistent_load(self, pid: Any) -> Storage:
            word, kind, key, _, count = pid
            plain = [type(each) for each in (word, kind, key, count)] == [str, str, str, int]
            if not plain or word != "storage" or kind not in STORAGES:
                raise UserError(f"expected a tensor's storage. Received: {shown(pid)}")
            return Storage(key, kind, count)

    return Unpickler(io.BytesIO(pickled)).load()


def _codes() -> set[bytes]:
    return {getattr(pickle, name) for name in OPERATIONS}


def walk(value: Any, path: str = "", above: tuple[int, ...] = (), listed: bool = False) -> Iterator[Named | None]:
    """All values in an object, a list or a dict: tensors, and None for others."""
    yield None
    if isinstance(value, View):
        yield Named(path, value, listed)
        return
    inner = getattr(value, "attributes", value)
    listed = isinstance(inner, list | tuple)
    if isinstance(inner, list | tuple):
        inner = {str(n): each for n, each in enumerate(inner)}
    if not isinstance(inner, Mapping) or id(value) in above:
        return
    if len(above) > DEEPEST:
        raise UserError(f"expected modules at most {DEEPEST} deep. Received: deeper ones")
    for key, each in inner.items():
        yield from walk(each, f"{path}.{key}" if path else str(key), (*above, id(value)), listed)
