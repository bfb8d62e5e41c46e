"""Dense layers by the kernels' matrix product, whose bits depend neither on the processor nor on threads."""

from typing import Any

import keras
import tensorflow as tf

from gru_tf.recurrent.kernel_path import under_xla
from gru_tf.recurrent.kernels import operations
from gru_tf.recurrent.portability import leaves_process


class HeldDense(keras.layers.Dense):
    """`keras.layers.Dense` with the same weights, for training; where the kernels cannot be used, the same computation too.

    TensorFlow's own product cuts long sums by the size of the processor's caches and the number of threads; the one by the
    weights is as long as a batch has steps.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """(…, features) → (…, units)."""
        if not _served(inputs):
            return super().call(inputs, training)
        rows = operations.product(tf.reshape(inputs, (-1, inputs.shape[-1])), self.kernel)
        rows = rows if self.bias is None else _plus(rows, tf.convert_to_tensor(self.bias))
        outputs = tf.reshape(rows, tf.concat([tf.shape(inputs)[:-1], (self.units,)], 0))
        outputs.set_shape((*inputs.shape[:-1], self.units))
        return outputs if self.activation is None else self.activation(outputs)


class HeldReversibleEmbedding(keras.layers.ReversibleEmbedding):
    """`keras.layers.ReversibleEmbedding` with the same weights, whose product on the way back is the kernels'."""

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        """(batch, T) tokens → (batch, T, width); with `reverse` (…, width) → (…, tokens)."""
        if not reverse or not _served(inputs):
            return super().call(inputs, reverse)
        rows = tf.reshape(inputs, (-1, inputs.shape[-1]))
        logits = operations.product(rows, tf.transpose(tf.convert_to_tensor(self.embeddings)))
        outputs = tf.reshape(logits, tf.concat([tf.shape(inputs)[:-1], (self.input_dim,)], 0))
        outputs.set_shape((*inputs.shape[:-1], self.input_dim))
        return outputs


def _served(inputs: Any) -> bool:
    """Whether the kernels' product can be taken, and is to be."""
    ours = isinstance(inputs, tf.Tensor) and inputs.dtype in (tf.float32, tf.float64)
    elsewhere = under_xla() or leaves_process() or bool(tf.config.list_logical_devices("GPU"))
    return ours and not elsewhere and not operations.why_not()


@tf.custom_gradient
def _plus(rows: Any, bias: Any) -> Any:
    """Rows (N, units) + bias (units,), whose gradient adds up one row after the other; Keras takes BiasAdd's, in threads."""
    return rows + bias, lambda upstream: (upstream, tf.reduce_sum(upstream, 0))
