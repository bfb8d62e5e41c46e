"""A whole sequence by this project's CPU kernels, for a layer whose cell they know."""

from typing import Any

import keras
from keras import ops

from gru_tf.recurrent.kernel_conditions import facts_of
from gru_tf.recurrent.kernel_path import under_xla, why_no_kernel

KERNELS = {"SimpleRNN": "rnn", "LSTM": "lstm", "GRU": "gru"}  # kind of layer → name of the kernel


def serves(layer: Any, sequences: Any, training: bool) -> bool:
    """Whether a fused kernel computes this call; `gru_tf.recurrent.kernel_path` has the conditions.

    Args:
        layer: a recurrent Keras layer.
        sequences: (batch, T, I).
        training: whether the call is a training step.
    """
    if keras.backend.backend() != "tensorflow" or why_no_kernel(facts_of(layer, training=training), under_xla()):
        return False
    import tensorflow as tf

    return isinstance(sequences, tf.Tensor) and sequences.dtype.name == layer.compute_dtype  # not ragged, not sparse


def compute(layer: Any, sequences: Any, states: list[Any], mask: Any, training: bool) -> tuple[Any, Any, list[Any]]:
    """All steps of a call that is served: (last output, outputs, last states), as `keras.layers.RNN.inner_loop`'s.

    Args:
        layer: whose cell has the weights.
        sequences: (batch, T, I).
        states: before the first step, each (batch, H).
        mask: (batch, T), true at real steps; or None.
        training: whether inputs are dropped out, and what the gradient needs is kept.
    """
    from gru_tf.recurrent.kernels import operations  # loads TensorFlow's part of the kernels

    cell, facts = layer.cell, facts_of(layer, training=training)
    if training and cell.dropout:
        sequences = sequences * ops.expand_dims(cell.get_dropout_mask(sequences[:, 0, :]), 1)
    return operations.sequence(
        KERNELS[facts.kind] if facts.reset_after else "gru, reset before",
        sequences,
        states,
        ops.convert_to_tensor(cell.kernel),
        ops.convert_to_tensor(cell.state_kernel(training) if hasattr(cell, "state_kernel") else cell.recurrent_kernel),
        None if cell.bias is None else ops.convert_to_tensor(cell.bias),
        mask,
        go_backwards=layer.go_backwards,
        return_sequences=layer.return_sequences,
        zero_output_for_mask=layer.zero_output_for_mask,
        convention=getattr(cell, "convention", "keep"),
        training=training,
    )
