"""One step of a Keras model by the fused CPU kernels and NumPy: microseconds, where a call of TensorFlow takes 0.4 ms."""

import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras.layers import GRUCell, LSTMCell, SimpleRNNCell  # at once: a program may put other classes in their place

from gru_tf.foundation.array import Array
from gru_tf.interchange import pointwise
from gru_tf.recurrent import kernels
from gru_tf.recurrent.cells import gru, gru_reset_before, lstm, rnn
from gru_tf.recurrent.kernels.step import CellStep

TYPES = ("float32", "float64")
# a subclass may compute something else
CELLS: dict[type, str] = {
    SimpleRNNCell: "rnn",
    rnn.RNNCell: "rnn",
    LSTMCell: "lstm",
    lstm.LSTMCell: "lstm",
    GRUCell: "gru",
    gru.GRUCell: "gru",
    gru_reset_before.GRUResetBeforeCell: "gru",
}
LARGE = 10**7  # multiplications in a step; below, starting a thread takes longer than it saves


class KernelStep:
    """The computation of one step of a model's layers, with the weights that they have when this is made.

    Args:
        layers: in order, without those that do nothing; `why_not` has no reason against them.
        rows: sequences side by side.
    """

    def __init__(self, layers: Sequence[Any], rows: int):
        parts = [_part(layer, rows) for layer in layers]
        self._parts = [part for part in parts if part is not None]
        self._dtype = None if isinstance(layers[0], keras.layers.Embedding) else layers[0].compute_dtype
        self._ends_in_state = isinstance(self._parts[-1], CellStep)

    def __call__(self, x: Array, states: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Output (rows, O) and new states for an input (rows, I), or token numbers (rows,), and states (rows, H)."""
        after: list[Array] = []
        if self._dtype is not None:
            x = np.ascontiguousarray(x, self._dtype)
        with np.errstate(all="ignore"):  # infinities and NaN go through, as in TensorFlow
            for part in self._parts:
                if isinstance(part, CellStep):
                    first = len(after)
                    after += part(x, states[first : first + part.states])
                    x = after[first]
                else:
                    x = part(x)
        return x.copy() if self._ends_in_state else x, after


def why_not(layers: Sequence[Any], dtype: str) -> str:
    """Why these layers are not computed by a `KernelStep`, in words; "" where they are.

    Args:
        layers: in order, without those that do nothing.
        dtype: of the input.
    """
    if keras.backend.backend() != "tensorflow":
        return f"Keras' backend is {keras.backend.backend()}"
    if reason := kernels.why_not() or _device():
        return reason
    if dtype not in TYPES and not isinstance(layers[0], keras.layers.Embedding):
        return f"inputs are {dtype}"
    for place, layer in enumerate(layers):
        if reason := _why_not(layer, place, layers[0].compute_dtype):
            return f"{type(layer).__name__} '{layer.name}': {reason}"
    return ""


def _device() -> str:
    import tensorflow as tf

    return "TensorFlow sees a GPU" if tf.config.list_logical_devices("GPU") else ""


def _why_not(layer: Any, place: int, dtype: str) -> str:
    cell = layer.cell if isinstance(layer, keras.layers.RNN) else None
    for each in (layer, cell or layer):
        computes, holds = each.compute_dtype, each.variable_dtype
        if computes not in TYPES or holds != computes:
            return f"computes in {computes} with weights in {holds}"
        if computes != dtype:
            return f"computes in {computes}, the first layer in {dtype}"
        if each.quantization_mode is not None:
            return f"is quantised to {each.quantization_mode}"
    if cell is not None:
        return _why_not_cell(cell)
    return "is not the first layer" if place and isinstance(layer, keras.layers.Embedding) else pointwise.why_not(layer)


def _why_not_cell(cell: Any) -> str:
    kind = CELLS.get(type(cell))
    if kind is None:
        return f"the kernels have no {type(cell).__name__}"
    if by_steps := getattr(cell, "by_steps", ""):
        return f"{by_steps}, the kernels have none"
    for argument, expected in (("activation", "tanh"), ("recurrent_activation", "sigmoid"))[: 1 if kind == "rnn" else 2]:
        name = pointwise.name_of(getattr(cell, argument))
        if name != expected:
            return f"{argument} is {name or 'a function of its own'}, not {expected}"
    return ""


def _part(layer: Any, rows: int) -> CellStep | pointwise.Function | None:
    return _step(layer.cell, rows) if isinstance(layer, keras.layers.RNN) else pointwise.function_of(layer)


def _step(cell: Any, rows: int) -> CellStep:
    kind = CELLS[type(cell)]
    if kind == "gru" and not cell.reset_after:
        kind = "gru, reset before"
    weights = [pointwise.array(cell, weight) for weight in (cell.kernel, cell.recurrent_kernel, cell.bias)]
    large = rows * (weights[0].size + weights[1].size) > LARGE
    convention = getattr(cell, "convention", "keep")
    return CellStep(kind, *weights, rows=rows, convention=convention, threads=_threads() if large else 1)


def _threads() -> int:
    """As many as TensorFlow uses within an operation."""
    import tensorflow as tf

    return int(tf.config.threading.get_intra_op_parallelism_threads()) or len(os.sched_getaffinity(0))
