"""The recurrences of the C files in TensorFlow's operations, step by step: what second derivatives are taken of."""

from typing import Any

import tensorflow as tf

from gru_tf.recurrent import masked_loop
from gru_tf.recurrent.kernels.recurrence import Recurrence


def loop(recurrence: Recurrence, inputs: Any, h: Any, c: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> list[Any]:
    """(outputs, h, c), shaped as the fused kernel's.

    Args:
        recurrence: what is computed.
        inputs: (batch, T, I).
        h: (batch, H).
        c: (batch, H); of another cell than the LSTM without elements, and returned as it is.
        kernel: (I, G·H).
        recurrent_kernel: (H, G·H).
        bias: (G·H,) or (2, G·H), or without elements.
    """
    step = _STEPS[recurrence.cell]

    def one(x: Any, states: Any) -> Any:
        new = step(recurrence, x, states, kernel, recurrent_kernel, _rows(bias, kernel))
        return new[0], new

    last, outputs, states = masked_loop.run(
        one,
        inputs,
        [h, c] if recurrence.cell == "lstm" else [h],
        go_backwards=recurrence.go_backwards,
        mask=recurrence.mask,
        zero_output_for_mask=recurrence.zero_output_for_mask,
        return_all_outputs=recurrence.return_sequences,
    )
    return [outputs if recurrence.return_sequences else last, states[0], states[1] if recurrence.cell == "lstm" else c]


def _rows(bias: Any, kernel: Any) -> list[Any]:
    """The input's bias and the state's."""
    none = tf.zeros(kernel.shape[1:], kernel.dtype)
    if bias.shape.rank == 2:
        return [bias[0], bias[1]]
    return [none if bias.shape[0] == 0 else bias, none]


def _rnn(_: Any, x: Any, states: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> list[Any]:
    return [tf.tanh(x @ kernel + bias[0] + states[0] @ recurrent_kernel)]


def _lstm(_: Any, x: Any, states: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> list[Any]:
    i, f, candidate, o = tf.split(x @ kernel + bias[0] + states[0] @ recurrent_kernel, 4, axis=-1)
    c = tf.sigmoid(f) * states[1] + tf.sigmoid(i) * tf.tanh(candidate)
    return [tf.sigmoid(o) * tf.tanh(c), c]


def _gru(recurrence: Recurrence, x: Any, states: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> list[Any]:
    h = states[0]
    x_z, x_r, x_h = tf.split(x @ kernel + bias[0], 3, axis=-1)
    if recurrence.cell == "gru":
        h_z, h_r, h_h = tf.split(h @ recurrent_kernel + bias[1], 3, axis=-1)
        candidate = tf.tanh(x_h + tf.sigmoid(x_r + h_r) * h_h)
    else:
        u_z, u_r, u_h = tf.split(recurrent_kernel, 3, axis=-1)
        h_z, h_r = h @ u_z, h @ u_r
        candidate = tf.tanh(x_h + (tf.sigmoid(x_r + h_r) * h) @ u_h)
    z = tf.sigmoid(x_z + h_z)
    return [z * h + (1 - z) * candidate if recurrence.convention == "keep" else (1 - z) * h + z * candidate]


_STEPS = {"rnn": _rnn, "lstm": _lstm, "gru": _gru, "gru, reset before": _gru}
