"""The fused kernels as TensorFlow operations: a cell over all steps of a sequence, and its gradients.

The operations are those of source/tensorflow_operations.c. The first derivative is the hand-written one of the C files;
a second one is taken of the same equations in TensorFlow's operations (`loop`).
"""

import ctypes
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import tensorflow as tf

from gru_tf.foundation.errors import one_line
from gru_tf.recurrent.kernels import library
from gru_tf.recurrent.kernels.loop import loop
from gru_tf.recurrent.kernels.recurrence import Recurrence


@cache
def _operations() -> Any:
    """The operations' Python functions; the library is loaded once a process.

    Raises:
        RuntimeError: where the kernels cannot be used, with the reason.
    """
    file = str(library.operations())
    try:
        operations = tf.load_op_library(file)
        ctypes.CDLL(file).gru_tf_set_threads(_threads())
    except (OSError, AttributeError, tf.errors.OpError) as error:
        library.refuse(f"TensorFlow cannot load the operations: {one_line(str(error), 200)}")
        library.core()  # raises, with these words
    return operations


def why_not() -> str:
    """Why the operations cannot be used; "" where they can. What `gru_tf.recurrent.kernels.why_not` says, and tried."""
    with suppress(RuntimeError):  # its words are the reason
        _operations()
    return library.why_not()


def sequence(
    cell: str,
    inputs: Any,
    states: Sequence[Any],
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any,
    mask: Any = None,
    *,
    go_backwards: bool = False,
    return_sequences: bool = False,
    zero_output_for_mask: bool = False,
    convention: str = "keep",
    training: bool = False,
) -> tuple[Any, Any, list[Any]]:
    """All steps of a cell by the fused kernel of this processor.

    Args:
        cell: "rnn", "lstm", "gru" (reset after the product) or "gru, reset before".
        inputs: (batch, T, I), float32 or float64, which everything else is as well.
        states: [h], of an LSTM [h, c], each (batch, H).
        kernel: (I, G·H), the cell's gates in Keras' order.
        recurrent_kernel: (H, G·H).
        bias: (G·H,), of "gru" (2, 3H); or None.
        mask: (batch, T), in any form: a masked step carries the states; its output repeats the last real step's,
            or the initial state.
        go_backwards: whether steps are read from the last to the first; outputs come in the order of reading.
        return_sequences: whether each step's output is wanted, or the last one.
        zero_output_for_mask: whether a masked step's output is zero.
        convention: of a GRU, what a large z does: "keep" or "write".
        training: whether what the gradient needs is kept; if not, it is computed again where one is asked for.

    Returns:
        The last output (batch, H); all outputs (batch, T, H), or the last one (batch, 1, H); the last states.

    Raises:
        tensorflow.errors.InvalidArgumentError: for shapes that do not fit each other, when the operation runs.
    """
    recurrence = Recurrence(cell, mask, go_backwards, return_sequences, zero_output_for_mask, convention)
    inputs = tf.convert_to_tensor(inputs)
    nothing = tf.zeros((0,), inputs.dtype)
    h, c = (*states, nothing)[:2]
    arrays = [tf.convert_to_tensor(a, inputs.dtype) for a in (inputs, h, c, kernel, recurrent_kernel)]
    arrays.append(nothing if bias is None else tf.convert_to_tensor(bias, inputs.dtype))
    outputs, h, c = _differentiable(recurrence, training)(*arrays)
    batch, steps, units = inputs.shape[0], inputs.shape[1], recurrent_kernel.shape[0]
    outputs.set_shape((batch, steps, units) if return_sequences else (batch, units))
    h.set_shape((batch, units))
    last = outputs[:, -1] if return_sequences else outputs
    if cell == "lstm":
        c.set_shape((batch, units))
    return last, outputs if return_sequences else last[:, None], [h, c] if cell == "lstm" else [h]


def product(left: Any, right: Any, transposed_left: bool = False, transposed_right: bool = False) -> Any:
    """The matrix product (M, K) times (K, N), float32 or float64; differentiable as often as wanted.

    Each element is added up in one order, so that its bits depend neither on the processor nor on threads.

    Args:
        left: (M, K), or (K, M).
        right: (K, N), or (N, K).
        transposed_left: whether the left factor is the second of these.
        transposed_right: whether the right one is.

    Raises:
        tensorflow.errors.InvalidArgumentError: for shapes that do not fit each other, when the operation runs.
    """

    @tf.custom_gradient
    def run(left: Any, right: Any) -> Any:
        def gradient(upstream: Any) -> tuple[Any, Any]:
            by_left = (
                (right, upstream, transposed_right, True)
                if transposed_left
                else (upstream, right, False, not transposed_right)
            )
            by_right = (upstream, left, True, transposed_left) if transposed_right else (left, upstream, not transposed_left)
            return product(*by_left), product(*by_right)

        flags = {"transposed_left": int(transposed_left), "transposed_right": int(transposed_right)}
        out = _operations().gru_tf_matrix_product(left, right, **flags)
        out.set_shape((left.shape[int(transposed_left)], right.shape[1 - int(transposed_right)]))
        return out, gradient

    return run(tf.convert_to_tensor(left), tf.convert_to_tensor(right))


def _differentiable(recurrence: Recurrence, training: bool) -> Any:
    """(inputs, h, c, kernel, recurrent kernel, bias) → (outputs, h, c), with a gradient."""

    @tf.custom_gradient
    def run(*arrays: Any) -> Any:
        outputs, h, c, kept = _forward(recurrence, arrays, keep=training)

        def gradient(*upstream: Any) -> Any:
            known = kept if training else _forward(recurrence, arrays, keep=True)[3]
            return _gradient(recurrence, known)(*arrays, *upstream)

        return (outputs, h, c), gradient

    return run


def _forward(recurrence: Recurrence, arrays: Sequence[Any], keep: bool) -> Any:
    inputs, *rest = arrays
    return _operations().gru_tf_sequence(inputs, recurrence.mask_or_none(), *rest, keep=int(keep), **recurrence.attributes())


def _gradient(recurrence: Recurrence, kept: Any) -> Any:
    """(arrays …, gradients of outputs, h and c) → gradients of the arrays, with a gradient of its own."""

    @tf.custom_gradient
    def run(*values: Any) -> Any:
        arrays, upstream = values[:6], values[6:]

        def second(*upstream_of_gradients: Any) -> Any:
            return _second_gradient(recurrence, arrays, upstream, upstream_of_gradients)

        return _backward(recurrence, arrays, kept, upstream), second

    return run


def _backward(recurrence: Recurrence, arrays: Sequence[Any], kept: Any, upstream: Sequence[Any]) -> list[Any]:
    inputs, h, c, kernel, recurrent_kernel, bias = arrays
    mask, attributes, call = recurrence.mask_or_none(), {**recurrence.attributes(), "keep": 1}, _operations()
    deltas, d_h, d_c = call.gru_tf_sequence_backward(mask, h, c, recurrent_kernel, kept, *upstream, **attributes)
    by_weights = call.gru_tf_weight_gradient(inputs, mask, h, kept, deltas, bias, **attributes)
    by_inputs = call.gru_tf_input_gradient(kernel, deltas, **attributes)
    gradients = [by_inputs, d_h, d_c, *by_weights]
    for gradient, array in zip(gradients, arrays, strict=True):
        gradient.set_shape(array.shape)
    return gradients


def _second_gradient(recurrence: Recurrence, arrays: Any, upstream: Any, upstream_of_gradients: Any) -> Any:
    """Gradients of ⟨gradients of the arrays, `upstream_of_gradients`⟩ by the arrays and by `upstream`."""
    with tf.GradientTape() as outer:
        outer.watch([*arrays, *upstream])
        with tf.GradientTape() as inner:
            inner.watch(arrays)
            outputs = loop(recurrence, *arrays)
        first = inner.gradient(outputs, arrays, list(upstream), unconnected_gradients="zero")
    return outer.gradient(first, [*arrays, *upstream], list(upstream_of_gradients), unconnected_gradients="zero")


def _threads() -> int:
    """How many threads TensorFlow uses within an operation."""
    return int(tf.config.threading.get_intra_op_parallelism_threads()) or len(os.sched_getaffinity(0))
