"""A C compiler, if this machine has one, and the core library built with it in other ways than it is shipped."""

import shutil
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from gru_tf.recurrent import kernels

SOURCE = Path(kernels.__path__[0], "source")
FLAGS = ("-std=gnu11", "-fPIC", "-ffp-contract=off", "-fvisibility=hidden")
UNITS = ("sequence.c", "weights.c")  # compiled once for each type of number
TYPES = {"float32": ("-DREAL=float",), "float64": ("-DREAL=double", "-DREAL_IS_DOUBLE")}


@cache
def compiler():
    """The command of the first compiler found, or None: gcc before clang, and `ziglang` as a module of Python."""
    for name in ("gcc", "clang", "cc"):
        if found := shutil.which(name):
            return (found,)
    return (sys.executable, "-m", "ziglang", "cc") if find_spec("ziglang") else None


def compiled(unit, target, *flags, source=SOURCE):
    """The object file `target` of one C file."""
    command = [*compiler(), *FLAGS, *flags, "-c", str(Path(source, unit)), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
    return Path(target)


def linked(objects, target):
    """The shared library `target` of these objects."""
    command = [*compiler(), "-shared", *map(str, objects), "-o", str(target), "-lpthread", "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
    return Path(target)


def built(folder, *flags, types=tuple(TYPES), source=SOURCE):
    """The core library in this folder, with these flags and for these types."""
    objects = [compiled("threads.c", Path(folder, "threads.o"), *flags, source=source)]
    for dtype in types:
        for unit in UNITS:
            target = Path(folder, f"{unit}.{dtype}.o")
            objects.append(compiled(unit, target, *flags, *TYPES[dtype], source=source))
    return linked(objects, Path(folder, "core.so"))
