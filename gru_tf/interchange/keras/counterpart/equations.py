"""Layers that TF-Keras does not have, by their equations; their classes are made when TF-Keras is imported."""

from functools import cache
from typing import Any

import tensorflow as tf


@cache
def reverse_time() -> Any:
    """The class for `gru_tf.recurrent.layers.reverse_time`: steps from the last to the first, and those of a mask."""
    import tf_keras

    class ReverseTimeCounterpart(tf_keras.layers.Layer):
        def __init__(self, **options: Any):
            super().__init__(**options)
            self.supports_masking = True

        def call(self, sequences: Any) -> Any:
            return tf.reverse(sequences, [1])

        def compute_mask(self, _: Any, mask: Any = None) -> Any:
            return None if mask is None else tf.reverse(mask, [1])

    return ReverseTimeCounterpart


@cache
def rms_normalization() -> Any:
    """The class for x · scale / √(mean(x²) + ε) along the last axis (Zhang and Sennrich 2019, arXiv 1910.07467)."""
    import tf_keras

    class RMSNormalizationCounterpart(tf_keras.layers.Layer):
        def __init__(self, *, axis: Any = -1, epsilon: float = 1e-6, **options: Any):
            super().__init__(**options)
            if axis not in (-1, [-1]):
                raise ValueError(f"expected the last axis. Received: {axis}")
            self.epsilon = epsilon

        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(name="scale", shape=(shape[-1],))

        def call(self, x: Any) -> Any:
            return x * self.scale / tf.sqrt(tf.reduce_mean(tf.square(x), axis=-1, keepdims=True) + self.epsilon)

    return RMSNormalizationCounterpart
