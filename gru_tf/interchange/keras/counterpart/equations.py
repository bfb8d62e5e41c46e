"""Layers that TF-Keras does not have, by their equations."""

from typing import Any

import tensorflow as tf
import tf_keras


class ReverseTimeCounterpart(tf_keras.layers.Layer):
    """`gru_tf.recurrent.layers.reverse_time`: steps from the last to the first, and those of a mask."""

    def __init__(self, **options: Any):
        super().__init__(**options)
        self.supports_masking = True

    def call(self, sequences: Any) -> Any:
        """The sequences from their last step on."""
        return tf.reverse(sequences, [1])

    def compute_mask(self, _: Any, mask: Any = None) -> Any:
        """The mask from its last step on."""
        return None if mask is None else tf.reverse(mask, [1])


class RMSNormalizationCounterpart(tf_keras.layers.Layer):
    """x · scale / √(mean(x²) + ε) along the last axis (Zhang and Sennrich 2019, arXiv 1910.07467)."""

    def __init__(self, *, axis: Any = -1, epsilon: float = 1e-6, **options: Any):
        super().__init__(**options)
        if axis not in (-1, [-1]):
            raise ValueError(f"expected the last axis. Received: {axis}")
        self.epsilon = epsilon

    def build(self, shape: Any) -> None:
        """The scale, (features,)."""
        self.scale = self.add_weight(name="scale", shape=(shape[-1],))

    def call(self, x: Any) -> Any:
        """The same shape."""
        return x * self.scale / tf.sqrt(tf.reduce_mean(tf.square(x), axis=-1, keepdims=True) + self.epsilon)
