"""A C compiler, if this machine has one, for the kernels' library built in other ways than it is shipped."""

import shutil
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from gru_tf.recurrent.kernels import compilation

NONE = "there is no C compiler: neither gcc, clang or cc nor the Python package ziglang"


@cache
def command():
    """Of the first compiler that is there; () where none is."""
    found = next(filter(None, map(shutil.which, ("gcc", "clang", "cc"))), None)
    if found:
        return (found,)
    return (sys.executable, "-m", "ziglang", "cc") if find_spec("ziglang") else ()


def level(march):
    """The option for a level of processor, as this compiler spells it."""
    return f"-march={march.replace('-', '_') if 'ziglang' in command() else march}"


def compiled(file, target, *options, real="float"):
    """The object file `target` of one C file, for one type of number."""
    return _run(target, *options, *compilation.TYPES[real], "-c", str(file))


def linked(objects, target):
    """The shared library `target` of these objects."""
    return _run(target, "-shared", *map(str, objects), "-lm")


def _run(target, *arguments):
    whole = [*command(), *compilation.FLAGS, *arguments, "-o", str(target)]
    done = subprocess.run(whole, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{target}: {done.stderr}"
    return Path(target)
