"""Chooses the C library of this processor and loads it, without TensorFlow.

The environment variable GRU_TF_KERNELS is "off" to do without, or names what is loaded in place of the best build for this
processor: another build, such as "x86-64-v3", or a folder of libraries that were compiled otherwise (`make sanitize`).
"""

import ctypes
import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gru_tf.recurrent.kernels import compilation

VARIABLE = "GRU_TF_KERNELS"
LEVELS = {"x86-64-v4": 4, "x86-64-v3": 3}  # what `gru_tf_processor_level` says; "generic" runs anywhere
WANTS = {"x86-64-v4": "AVX-512 (F, BW, CD, DQ, VL)", "x86-64-v3": "AVX2 and fused multiply-add"}
AGAIN = "`make` or `pip install .` builds it again"
ANEW = "delete gru_tf/recurrent/kernels/built and install gru-tf again, with `make` or pip"


@dataclass(frozen=True)
class Found:
    """What was loaded.

    Args:
        build: its name; "" where nothing was.
        core: the library.
        folder: where it lies.
        why_not: the reason where nothing was loaded.
    """

    build: str = ""
    core: ctypes.CDLL | None = None
    folder: Path = compilation.BUILT
    why_not: str = ""


class UnusableError(Exception):
    """The libraries cannot be used here, and why."""


def why_not() -> str:
    """Why the fused kernels cannot be used in this process; "" where they can.

    Whatever is wrong with the libraries becomes words: layers then do without them.
    """
    if os.environ.get(VARIABLE) == "off":
        return f"{VARIABLE}=off"
    return _refused[0] if _refused else _found().why_not


def build() -> str:
    """The name of the build that is used: "x86-64-v4", "x86-64-v3" or "generic"; "" where `why_not` says a reason."""
    return "" if why_not() else _found().build


def core() -> ctypes.CDLL:
    """The library, whose symbols libraries loaded later find.

    Raises:
        RuntimeError: where it cannot be used, with the reason.
    """
    library, reason = _found().core, why_not()
    if reason or library is None:
        raise RuntimeError(f"the fused kernels cannot be used: {reason}")
    return library


def operations() -> Path:
    """The file of TensorFlow's operations that belongs to `core()`.

    Raises:
        RuntimeError: where the kernels cannot be used, with the reason.
    """
    core()
    return _found().folder / compilation.OPERATIONS


def refuse(reason: str) -> None:
    """Give up the kernels for the rest of the process, because TensorFlow cannot load the operations, say."""
    _refused.append(reason)


_refused: list[str] = []


@cache  # two threads may load at the same time: the system gives both the same library, and nothing is locked at a fork
def _found() -> Found:
    try:
        return _load(os.environ.get(VARIABLE, ""))
    except UnusableError as error:
        return Found(why_not=str(error))
    except Exception as error:  # whatever it is, everything works without the kernels
        words = str(error).replace(f"{compilation.BUILT}{os.sep}", "")  # records of runs are shared, folders are private
        return Found(why_not=f"the library cannot be loaded: {type(error).__name__}: {words}")


def _load(wanted: str) -> Found:
    folder = Path(wanted) if os.sep in wanted else compilation.BUILT
    about = _about(folder)
    name = _choose(folder, about, "" if os.sep in wanted else wanted)
    _intact(folder, about, compilation.OPERATIONS)
    # For all that is loaded later: the operations look its functions up.
    return Found(name, ctypes.CDLL(str(_intact(folder, about, compilation.library(name))), mode=ctypes.RTLD_GLOBAL), folder)


def _about(folder: Path) -> dict[str, Any]:
    """What was built, if it was built for this machine from the sources that are here."""
    try:
        about = compilation.about(folder)
    except FileNotFoundError:
        raise UnusableError(f"no library was built; {AGAIN}") from None
    if about["why_not"]:
        raise UnusableError(about["why_not"])
    if about["machine"] != platform.machine():
        raise UnusableError(f"the library was built for {about['machine']}, and this is {platform.machine()}; {AGAIN}")
    if about["sources"] != compilation.digest():
        raise UnusableError(f"the C sources have changed since the library was built; {AGAIN}")
    return about


def _choose(folder: Path, about: dict[str, Any], wanted: str) -> str:
    """The name of the build to load."""
    builds = compilation.BUILDS[platform.machine()]
    if wanted and wanted not in builds:
        raise UnusableError(f"{VARIABLE}: received {wanted!r}, expected off, a folder or one of {', '.join(builds)}")
    level = ctypes.CDLL(str(_intact(folder, about, compilation.PROCESSOR))).gru_tf_processor_level()
    if wanted and level < LEVELS.get(wanted, 0):
        raise UnusableError(f"{VARIABLE}={wanted}, but this processor has no {WANTS[wanted]}")
    if wanted or platform.machine() != "x86_64":
        return wanted or "generic"
    built = about["libraries"]
    fitting = [name for name, needed in LEVELS.items() if level >= needed and compilation.library(name) in built]
    if not fitting:  # the generic build computes each fused multiply-add in software there, slower than TensorFlow
        raise UnusableError(f"this processor has no {WANTS['x86-64-v3']}")
    return fitting[0]


def _intact(folder: Path, about: dict[str, Any], name: str) -> Path:
    """A library's file, as it was built: the process would die of one that was cut off."""
    found, built = compilation.sha256(folder / name), about["libraries"].get(name)
    if not found:
        raise UnusableError(f"{name} is missing; {ANEW}")
    if found != built:
        raise UnusableError(f"{name} is not the file that was built; {ANEW}")
    return folder / name
