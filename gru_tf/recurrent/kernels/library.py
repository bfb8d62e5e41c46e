"""Loads the library of this processor."""

import ctypes
from functools import cache
from pathlib import Path

BUILT = Path(__file__).parent / "built"


@cache
def core() -> ctypes.CDLL:
    """The library."""
    return ctypes.CDLL(str(BUILT / "kernels-x86-64-v3.so"), mode=ctypes.RTLD_GLOBAL)
