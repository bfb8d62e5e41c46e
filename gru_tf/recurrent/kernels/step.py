"""One step of a cell by the fused kernels, from NumPy arrays and without TensorFlow: what streaming calls.

A step takes a few microseconds, so what can be done once is done at construction: the weights are packed in the library's
own order, and a `Sequence` of one step is filled in but for the addresses of a call's arrays.
"""

import ctypes
import weakref
from collections.abc import Sequence as Several
from typing import Any

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.recurrent.kernels import library
from gru_tf.recurrent.kernels.declarations import CELLS, GATES, TYPES, Sequence, function


class CellStep:
    """A cell with the weights that it is given, which it copies; `step(x, states)` may be called by any number of threads.

    Args:
        cell: "rnn", "lstm", "gru" (reset after the product) or "gru, reset before".
        kernel: (I, G·H), float32 or float64, which everything else is as well; the cell's gates in Keras' order.
        recurrent_kernel: (H, G·H).
        bias: (G·H,), of "gru" (2, 3H); or None.
        rows: sequences side by side.
        convention: of a GRU, what a large z does: "keep" or "write".
        threads: how many to use at the most.

    Raises:
        RuntimeError: where the kernels cannot be used, with the reason.
        ValueError: for arrays that do not fit each other.
        MemoryError: where there is no room for the weights.
    """

    def __init__(
        self,
        cell: str,
        kernel: Any,
        recurrent_kernel: Any,
        bias: Any = None,
        *,
        rows: int = 1,
        convention: str = "keep",
        threads: int = 1,
    ):
        core = library.core()
        weights = _weights(cell, kernel, recurrent_kernel, bias)
        features, units = weights["kernel"].shape[0], weights["recurrent_kernel"].shape[0]
        self.dtype = weights["kernel"].dtype
        self.states = 2 if cell == "lstm" else 1
        self._input, self._state = (rows, features), (rows, units)
        self._call = Sequence(rows, 1, features, units, CELLS.index(cell), convention == "write", threads=threads)
        self._forward = function(core, "forward", str(self.dtype))
        packed = _packed(core, self._call, weights)
        self._call.packed = packed
        free = core["gru_tf_free"]
        free.argtypes, free.restype = [ctypes.c_void_p], None
        weakref.finalize(self, free, packed)

    def __call__(self, x: Array, states: Several[Array]) -> list[Array]:
        """The states after the step, [h] or [h, c], in new arrays (rows, H); h is the output as well.

        Args:
            x: (rows, I).
            states: those before the step, as they are returned.

        Raises:
            ValueError: for another number of states, or an array of another shape or type, not contiguous, or read-only.
            MemoryError: where the library finds no room.
        """
        if len(states) != self.states:
            raise ValueError(f"CellStep: expected {self.states} states. Received: {len(states)}")
        call = Sequence.from_buffer_copy(self._call)  # of this call alone: other threads may be in theirs
        call.inputs = self._address(x, self._input)
        call.h0 = self._address(states[0], self._state)
        after = [np.empty(self._state, self.dtype) for _ in states]
        call.outputs = call.h_last = self._address(after[0], self._state)
        if self.states == 2:
            call.c0, call.c_last = (self._address(array, self._state) for array in (states[1], after[1]))
        if self._forward(call):
            raise MemoryError("the fused kernels found no memory for a step")
        return after

    def _address(self, array: Array, shape: tuple[int, int]) -> int:
        """Where the numbers lie, which the library will take as they are."""
        if array.shape != shape or array.dtype != self.dtype or not array.flags.carray:
            received = f"{array.dtype} of shape {array.shape}" + (
                "" if array.flags.carray else ", not contiguous or read-only"
            )
            raise ValueError(f"CellStep: expected {self.dtype} of shape {shape}. Received: {received}")
        # in a quarter of the time of array.ctypes.data; NumPy's stubs do not say that arrays are buffers
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]


def _weights(cell: str, kernel: Any, recurrent_kernel: Any, bias: Any) -> dict[str, Array]:
    """The arrays by their names in a `Sequence`, contiguous.

    Raises:
        ValueError: where they do not fit the cell and each other.
    """
    if cell not in CELLS:
        raise ValueError(f"CellStep: expected a cell of {', '.join(CELLS)}. Received: {cell!r}")
    kernel, recurrent_kernel = np.asarray(kernel), np.asarray(recurrent_kernel)
    units = recurrent_kernel.shape[0] if recurrent_kernel.ndim else 0
    columns = GATES[cell] * units
    expected = {"kernel": (*kernel.shape[:1], columns), "recurrent_kernel": (units, columns)}
    arrays = {"kernel": kernel, "recurrent_kernel": recurrent_kernel}
    if bias is not None:
        expected["bias"], arrays["bias"] = (2, columns) if cell == "gru" else (columns,), np.asarray(bias)
    for name, array in arrays.items():
        if array.shape != expected[name] or not array.size or array.dtype != kernel.dtype or str(array.dtype) not in TYPES:
            received = f"{array.dtype} of shape {array.shape}"
            types = "float32 or float64, all weights the same"
            raise ValueError(f"CellStep: {cell}: expected {name} of shape {expected[name]}, {types}. Received: {received}")
    if cell == "gru" and bias is not None:
        arrays["bias"], arrays["recurrent_bias"] = arrays["bias"]
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _packed(core: ctypes.CDLL, call: Sequence, weights: dict[str, Array]) -> int:
    """The address of the weights as the library reads them: a copy, of memory for `gru_tf_free`.

    Raises:
        MemoryError: where there is none.
    """
    with_weights = Sequence.from_buffer_copy(call)
    for name, array in weights.items():
        setattr(with_weights, name, array.ctypes.data)
    packed = function(core, "pack", str(weights["kernel"].dtype))(with_weights)
    if not packed:
        raise MemoryError("the fused kernels found no memory for the weights")
    return int(packed)
