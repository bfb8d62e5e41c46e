"""A layer that runs an mLSTM over many steps at once: chunk after chunk, and within a chunk by products of matrices."""

from typing import Any

import keras
from keras import ops

from gru_tf.recurrent import masked_loop
from gru_tf.recurrent.cells._exponential import in_range
from gru_tf.recurrent.cells.mlstm import MLSTMCell
from gru_tf.recurrent.chunked_memory import MatrixMemory, Stretch, last_real, remember
from gru_tf.recurrent.layers.rnn import RNN
from gru_tf.recurrent.linear_scan import SCOPE

CHUNK = 32  # steps at once
UNROLLED = 64  # chunks up to which they are written out one after the other, where their number is known


@keras.saving.register_keras_serializable(package="gru_tf")
class ChunkedMLSTM(RNN):
    """`gru_tf.RNN` over an `MLSTMCell`, in chunks of steps instead of step by step; see `gru_tf.recurrent.chunked_memory`.

    Weights, numbers, arguments and masks are those of `gru_tf.RNN`; with `unroll` it is that.

    Up to 2,048 steps, where their number is known while a graph is traced, there is no loop in it. On two CPU cores with H =
    64 and T = 256 or 1,024 it is 2.5 to 3 times as fast as the loop with one head, in training and inference (at T = 256 in
    training 1.3 times), and 1.2 to 1.4 times with four.

    Args:
        cell: an `MLSTMCell`.
        **options: those of `gru_tf.RNN`.

    Raises:
        ValueError: for another cell.
    """

    scans = True  # read by `gru_tf.recurrent.kernel_path`

    def __init__(self, cell: Any, **options: Any):
        if not isinstance(cell, MLSTMCell):
            raise ValueError(f"ChunkedMLSTM: expected `cell` to be an MLSTMCell. Received: cell={cell!r}")
        super().__init__(cell, **options)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool | None = False) -> Any:
        """(last output, outputs (batch, T, H), last states), in the order of reading."""
        if self.unroll:
            return super().inner_loop(sequences, initial_state, mask, training)
        x = ops.cast(sequences, self.cell.compute_dtype)
        real = ops.ones_like(x[..., 0], dtype="bool") if mask is None else mask
        if self.go_backwards:
            x, real = ops.flip(x, 1), ops.flip(real, 1)
        with keras.name_scope(SCOPE):
            read = self._packed(x, real, bool(training))
            steps = read.shape[1] if read.shape[1] is not None else ops.shape(read)[1]
            outputs, states = self._by_chunk(_in_chunks(read, steps), list(initial_state))
        outputs = ops.reshape(outputs, (ops.shape(outputs)[0], -1, self.cell.units))[:, :steps]
        if mask is not None and self.zero_output_for_mask:
            outputs = ops.where(real[..., None], outputs, ops.zeros_like(outputs))
        return outputs[:, -1], outputs, states

    def _by_chunk(self, chunks: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """Outputs (batch, chunks, L, H) and last states, of (batch, chunks, L, …)."""
        if chunks.shape[1] is None or chunks.shape[1] > UNROLLED:
            shape = (chunks.shape[2], self.cell.units)
            return masked_loop.run(self._chunk, chunks, states, output_shape=shape, return_all_outputs=True)[1:]
        outputs = []
        for at in range(chunks.shape[1]):
            output, states = self._chunk(chunks[:, at], states)
            outputs.append(output)
        return ops.stack(outputs, axis=1), states

    def _packed(self, x: Any, real: Any, training: bool) -> Any:
        """(batch, T, 4H + 2N + 1): what each step reads, side by side: q, k, v, o, ĩ, log f, and whether it is real."""
        q, k, v, o, a_i, log_f = self.cell.read_input(x, training)
        flat = [ops.reshape(a, ops.shape(o)) for a in (q, k, v)]
        return ops.concatenate([*flat, o, a_i, log_f, ops.cast(real, o.dtype)[..., None]], axis=-1)

    def _chunk(self, packed: Any, states: Any) -> tuple[Any, list[Any]]:
        """Outputs (batch, L, H) and states after the steps (batch, L, 4H + 2N + 1)."""
        cell, (dtype, most) = self.cell, in_range(self.cell.compute_dtype)
        units, heads, length = cell.units, cell.heads, packed.shape[1]
        parts = (heads, units // heads)
        cuts = [units, 2 * units, 3 * units, 4 * units, 4 * units + heads, 4 * units + 2 * heads]
        *qkv, o, a_i, log_f, flag = ops.split(packed, cuts, axis=-1)
        q, k, v = (ops.swapaxes(ops.reshape(a, (-1, length, *parts)), 1, 2) for a in qkv)
        a_i, log_f, real = (ops.swapaxes(a, 1, 2) for a in (a_i, log_f, flag > 0))
        h, c, n, m = (ops.cast(state, dtype) for state in states)
        before = MatrixMemory(ops.reshape(c, (-1, *parts, parts[1])), ops.reshape(n, (-1, *parts)), m)
        values, weight, measure, after = remember(Stretch(q, k, v, a_i, log_f, real), before, most)
        values, weight, measure = (ops.swapaxes(a, 1, 2) for a in (values, weight, measure))
        outputs = ops.concatenate([h[:, None], o * cell.read_memory(values, weight, measure)], axis=1)
        at = ops.swapaxes(last_real(real), 1, 2) + 1  # a step that is not real has the output of the one before
        outputs = ops.take_along_axis(outputs, at + ops.zeros_like(o, dtype=at.dtype), axis=1)
        pairs = zip((outputs[:, -1], *after), cell.state_sizes, strict=True)
        new = [ops.cast(ops.reshape(state, (-1, size)), cell.compute_dtype) for state, size in pairs]
        return ops.cast(outputs, cell.compute_dtype), new


def _in_chunks(packed: Any, steps: Any) -> Any:
    """(batch, T, …) → (batch, chunks, L, …) with steps that are not real at the end; chunks of one length."""
    batch, columns = ops.shape(packed)[0], packed.shape[-1]
    length = CHUNK if packed.shape[1] is None else -(-steps // -(-steps // CHUNK))
    missing = -steps % length
    if packed.shape[1] is None or missing:
        packed = ops.concatenate([packed, ops.zeros((batch, missing, columns), dtype=packed.dtype)], axis=1)
    return ops.reshape(packed, (batch, (steps + missing) // length, length, columns))
