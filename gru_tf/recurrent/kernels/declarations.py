"""What source/kernels.h declares, for ctypes; no TensorFlow is needed."""

import ctypes
from ctypes import c_int, c_int32, c_int64, c_void_p
from typing import Any

CELLS = ("rnn", "lstm", "gru", "gru, reset before")  # in the order of kernels.h
GATES = {"rnn": 1, "lstm": 4, "gru": 3, "gru, reset before": 3}
TYPES = {"float32": "float", "float64": "double"}  # of arrays → of the functions' names
RESULTS = {"kept_size": c_int64, "deltas_size": c_int64, "pack": c_void_p}  # of all others an int, 0 where all went well

_SIZES = ("batch", "steps", "features", "units")
_OPTIONS = ("cell", "write", "backwards", "every_step", "zero_masked", "threads")
_POINTERS = (
    *("inputs", "mask", "h0", "c0", "kernel", "recurrent_kernel", "bias", "recurrent_bias", "packed"),
    *("outputs", "h_last", "c_last", "kept", "d_outputs", "d_h_last", "d_c_last", "deltas", "d_h0", "d_c0"),
    *("d_kernel", "d_recurrent_kernel", "d_bias", "d_recurrent_bias", "d_inputs"),
)


class Sequence(ctypes.Structure):
    """`GruTfSequence`: sizes, options and the addresses of arrays; whoever fills it in keeps the arrays."""

    _fields_ = (
        *((name, c_int64) for name in _SIZES),
        *((name, c_int32) for name in _OPTIONS),
        *((name, c_void_p) for name in _POINTERS),
    )


class Product(ctypes.Structure):
    """`GruTfProduct`: sizes, the addresses of three matrices, which factors lie transposed, and threads."""

    _fields_ = (
        *((name, c_int64) for name in ("rows", "depth", "columns")),
        *((name, c_void_p) for name in ("left", "right", "out")),
        *((name, c_int32) for name in ("transposed_left", "transposed_right", "threads")),
    )


def function(core: ctypes.CDLL, name: str, dtype: str) -> Any:
    """One of the library's functions of a `Sequence`, or "product", of a `Product`, for numbers of a type.

    Args:
        core: the library.
        name: without "gru_tf_" and the type, such as "forward".
        dtype: "float32" or "float64".
    """
    exported = core[f"gru_tf_{name}_{TYPES[dtype]}"]  # by index: an object of its own, whose types nobody else sets
    taken = Product if name == "product" else Sequence
    exported.argtypes, exported.restype = [ctypes.POINTER(taken)], RESULTS.get(name, c_int)
    return exported
