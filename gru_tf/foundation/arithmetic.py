"""Settings that keep the processor out of a run's numbers, by their libraries' environment variables.

Libraries that choose among several forms of a computation when a program starts, by what the processor offers, round
differently in each. They read their variables when they are loaded, so `hold` must come before NumPy and TensorFlow.

* oneDNN, in TensorFlow: its matrix products are compiled for the processor, and on those with AVX-512 TensorFlow hands it
  further operations. Without it Eigen computes them, in code that was compiled once for all x86-64 processors.
* NumPy: exponentials, logarithms and others have forms of their own for AVX-512.
* OpenBLAS, in NumPy and SciPy: products and decompositions have a form for each family of processors, and are split among
  as many threads as there are cores. Sandy Bridge's runs wherever TensorFlow does.
"""

import os
import platform
import sys
from importlib.metadata import version

READERS = {
    "TF_ENABLE_ONEDNN_OPTS": "tensorflow",
    "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "tensorflow",
    "NPY_DISABLE_CPU_FEATURES": "numpy",
    "OPENBLAS_CORETYPE": "numpy",
    "OPENBLAS_NUM_THREADS": "numpy",
}
SERVED = ("Linux", "x86_64")

_late: list[str] = []  # variables that were set after their library was loaded


def settings() -> dict[str, str]:
    """Variable → value."""
    renamed = tuple(map(int, version("numpy").split(".")[:2])) >= (2, 4)
    older = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"
    values = ("0", "false", "X86_V4 AVX512_ICL AVX512_SPR" if renamed else older, "Sandybridge", "1")
    return dict(zip(READERS, values, strict=True))


def hold() -> None:
    """Set in this process, and so in those that it starts, whatever of the settings its user has not set.

    Elsewhere than on Linux on x86-64 nothing is set: the libraries do not know these names there.
    """
    if not _is_served():
        return
    for name, value in settings().items():
        if name not in os.environ:
            os.environ[name] = value
            if READERS[name] in sys.modules:
                _late.append(name)


def why_not_held() -> str:
    """The first setting that does not hold in this process, in words; "" where all do."""
    if not _is_served():
        return f"this is {platform.system()} on {platform.machine()}, and libraries are held on Linux on x86-64 alone"
    for name, value in settings().items():
        if os.environ.get(name) != value:
            received = f"{name} is {os.environ[name]!r}" if name in os.environ else f"{name} is not set"
            return f"{received}, expected {value!r} when Python starts"
        if name in _late:
            return f"{name} was set after {READERS[name]} was loaded"
    return ""


def of_a_process() -> dict[str, str]:
    """Variable → value for a process that another machine starts: this one's user's, or the settings."""
    return {name: os.environ.get(name, value) for name, value in settings().items()} if _is_served() else {}


def _is_served() -> bool:
    return (platform.system(), platform.machine()) == SERVED
