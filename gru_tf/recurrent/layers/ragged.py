"""Ragged tensors of TensorFlow as padded sequences and their mask."""

from typing import Any

import keras
from keras import ops


def is_ragged(value: Any) -> bool:
    """Whether it is a ragged tensor."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return isinstance(value, tf.RaggedTensor)


def padded(sequences: Any, mask: Any) -> tuple[Any, Any]:
    """Sequences (batch, T, …) and their mask (batch, T); of a ragged tensor zeros stand behind each row's last step.

    Raises:
        ValueError: for a ragged tensor with a mask beside it, or one that is ragged elsewhere than in time.
    """
    if not is_ragged(sequences):
        return sequences, mask
    if mask is not None:
        raise ValueError("Expected no mask beside a ragged tensor, whose rows say how long they are.")
    if sequences.ragged_rank != 1:
        shape = tuple(sequences.shape)
        raise ValueError(f"Expected sequences that are ragged in time alone. Received: shape={shape}")
    return sequences.to_tensor(), mask_of(sequences)


def mask_of(sequences: Any) -> Any:
    """(batch, T), true at the steps that a ragged tensor has."""
    lengths = ops.cast(sequences.row_lengths(), "int32")
    return ops.arange(ops.cast(sequences.bounding_shape()[1], "int32")) < ops.expand_dims(lengths, 1)
