"""The kernels' plain C library called from NumPy, without TensorFlow in the process."""

import ctypes
import platform
import sys
from ctypes import c_int64, c_void_p
from pathlib import Path

import numpy as np
from sequence_equations import GATES, Arrays, Result

from gru_tf.recurrent.kernels.declarations import CELLS, Product, Sequence, function


def processor_has(*flags):
    """Whether this machine is Linux on x86-64 and its processor has these."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    found = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    return set(flags) <= set(found.split())


def is_served():
    """Whether this machine is one that a fast build is made for."""
    return processor_has("avx2", "fma")


def empty(shape, dtype):
    """An array of its own, whose numbers show if nobody writes them, and which ends where its memory ends."""
    return np.full(shape, np.nan, dtype) if np.dtype(dtype).kind == "f" else np.zeros(shape, dtype)


class Core:
    """The functions of one library, called with the arrays of `sequence_equations`.

    Args:
        library: a `ctypes.CDLL`, or a path.
        threads: how many to use at the most.
        allocate: `(shape, dtype) → array`, for everything that the library reads and writes.
    """

    def __init__(self, library, threads=1, allocate=empty):
        self.library = ctypes.CDLL(str(library)) if not isinstance(library, ctypes.CDLL) else library
        self.threads, self.allocate = threads, allocate

    def function(self, name, dtype):
        """An exported function for this type, declared as one that takes a sequence."""
        return function(self.library, name, str(dtype))

    def elementwise(self, name, x):
        """tanh or sigmoid of an array."""
        call, y = self.function(name, x.dtype), self.allocate(x.shape, x.dtype)
        call.argtypes, call.restype = [c_void_p, c_void_p, c_int64], None
        call(x.ctypes.data, y.ctypes.data, x.size)
        return y

    def product(self, left, right, transposed=(False, False)):
        """The matrix product of two arrays; the library is given those that are `transposed` so."""
        given = []
        for array, turned in zip((left, right), transposed, strict=True):
            given.append(self.allocate(array.shape[::-1] if turned else array.shape, array.dtype))
            given[-1][...] = array.T if turned else array
        out = self.allocate((len(left), right.shape[1]), left.dtype)
        sizes, addresses = (*left.shape, right.shape[1]), (array.ctypes.data for array in (*given, out))
        product = Product(*sizes, *addresses, *transposed, self.threads)
        assert self.function("product", left.dtype)(ctypes.byref(product)) == 0, "product: no memory"
        return out

    def forward(self, layer, arrays, keep=False, packed=False):
        """The layer's result; with `keep` also the call, for `gradient`; with `packed` from weights packed beforehand."""
        call = _Call(self, layer, arrays)
        if packed:
            return call.packed()
        call.forward(keep)
        return (call.result(), call) if keep else call.result()

    def gradient(self, layer, arrays, d_outputs, d_states, d_last=None):
        """As `sequence_equations.gradient`; None among `d_states` where there is none."""
        _, call = self.forward(layer, arrays, keep=True)
        d_outputs = np.array(d_outputs)
        if d_last is not None:  # the last output is a view of the outputs
            d_outputs[:, -1] += d_last
        return call.gradient(d_outputs, d_states)


class _Call:
    """One sequence, and the arrays behind its pointers."""

    def __init__(self, core, layer, arrays):
        self.core, self.layer, self.given = core, layer, arrays
        self.dtype = arrays.inputs.dtype
        batch, steps, features = arrays.inputs.shape
        self.units = arrays.states[0].shape[1]
        self.sequence = Sequence(
            *(batch, steps, features, self.units),
            *(CELLS.index(layer.cell), layer.convention == "write", layer.go_backwards),
            *(layer.return_sequences, layer.zero_output_for_mask, core.threads),
        )
        self.arrays = {}
        self._give("inputs", arrays.inputs)
        for name, state in zip(("h0", "c0"), arrays.states, strict=False):
            self._give(name, state)
        self._give("kernel", arrays.kernel)
        self._give("recurrent_kernel", arrays.recurrent_kernel)
        if arrays.bias is not None:
            rows = arrays.bias.reshape(-1, GATES[layer.cell] * self.units)
            for name, row in zip(("bias", "recurrent_bias"), rows, strict=False):
                self._give(name, row)
        if arrays.mask is not None:
            self._give("mask", arrays.mask.astype("uint8"))

    def _give(self, name, values):
        self._room(name, values.shape, values.dtype)[...] = values

    def _room(self, name, shape, dtype=None):
        array = self.arrays[name] = self.core.allocate(shape, dtype or self.dtype)
        assert array.flags.c_contiguous
        setattr(self.sequence, name, array.ctypes.data)
        return array

    def _run(self, name):
        assert self.core.function(name, self.dtype)(ctypes.byref(self.sequence)) == 0, f"{name}: no memory"

    def _size(self, name):
        return self.core.function(name, self.dtype)(ctypes.byref(self.sequence))

    def forward(self, keep):
        s = self.sequence
        for name in ("h_last", "c_last")[: len(self.given.states)]:
            self._room(name, (s.batch, s.units))
        self._room("outputs", (s.batch, s.steps if s.every_step else 1, s.units))
        if keep:
            self._room("kept", (self._size("kept_size"),))
        self._run("forward")

    def packed(self):
        """The result, twice, from weights that are packed once."""
        pack, free = self.core.function("pack", self.dtype), self.core.library.gru_tf_free
        free.restype, free.argtypes = None, [c_void_p]
        self.sequence.packed = pack(ctypes.byref(self.sequence))
        assert self.sequence.packed, "pack: no memory"
        for name in ("kernel", "recurrent_kernel", "bias", "recurrent_bias"):  # they are not read again
            setattr(self.sequence, name, None)
        found = []
        for _ in range(2):
            self.forward(keep=False)
            found.append(self.result())
        free(self.sequence.packed)
        return found

    def result(self):
        states = [self.arrays[name] for name in ("h_last", "c_last")[: len(self.given.states)]]
        outputs = self.arrays["outputs"]
        return Result(outputs[:, -1] if outputs.shape[1] else states[0], outputs, states)

    def gradient(self, d_outputs, d_states, by_inputs=True):
        """Everything by itself: deltas first, then weights and inputs from them."""
        self._give("d_outputs", np.asarray(d_outputs, self.dtype))
        for name, d_state in zip(("d_h_last", "d_c_last"), d_states, strict=False):
            if d_state is not None:
                self._give(name, np.asarray(d_state, self.dtype))
        self._room("deltas", (self._size("deltas_size"),))
        d_states = [self._like(name) for name in ("h0", "c0")[: len(self.given.states)]]
        self._run("backward")
        d_kernels = [self._like(name) for name in ("kernel", "recurrent_kernel")]
        d_biases = [self._like(name) for name in ("bias", "recurrent_bias") if name in self.arrays]
        self._run("weight_gradient")
        d_inputs = self._like("inputs") if by_inputs else None
        if by_inputs:
            self._run("input_gradient")
        d_bias = np.concatenate(d_biases).reshape(self.given.bias.shape) if d_biases else None
        return Arrays(d_inputs, d_states, *d_kernels, d_bias)

    def _like(self, name):
        return self._room(f"d_{name}", self.arrays[name].shape)
