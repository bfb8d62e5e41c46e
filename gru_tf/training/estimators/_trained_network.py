"""A trained network that predicts: rebuilt from its weights when it first does, so that it can be pickled."""

from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gru_tf.experiment.experiment import Run
from gru_tf.tasks import Array, Signature
from gru_tf.training import feeding
from gru_tf.training.estimators._training import generators_kept
from gru_tf.training.network.dense import HeldDense
from gru_tf.training.network.model import build
from gru_tf.training.network.resolution import resolve_run

BATCH = 256


class TrainedNetwork:
    """A network with its weights.

    Args:
        run: with cell and network.
        signature: of its examples.
        weights: of its trainable variables, in their order.
    """

    def __init__(self, run: Run, signature: Signature, weights: list[Array]):
        self.run, self.signature, self.weights = run, signature, weights

    def __getstate__(self) -> dict[str, Any]:
        return {"run": self.run, "signature": self.signature, "weights": self.weights}

    @cached_property
    def model(self) -> Any:
        """The `keras.Model`."""
        with generators_kept():
            model = build(resolve_run(self.run, self.signature), keras.layers.Dropout, dense=HeldDense)
        for variable, value in zip(model.trainable_variables, self.weights, strict=True):
            variable.assign(value)
        return model

    @cached_property
    def _outputs(self) -> Any:
        """The model as one traced function: Keras' `predict` sets a loop up for every call."""
        specs = [tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in self.model.inputs]
        model = self.model

        def called(*inputs: Any) -> Any:
            return model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)

        return tf.function(called, input_signature=specs, autograph=False)

    def outputs(self, inputs: Array, lengths: Array) -> Array:
        """(N, outputs) float64, or (N, T, outputs), of sequences (N, T, features) float32 with so many real steps (N,) each.

        What stands behind a sequence's last step means nothing.
        """
        parts = []
        for first in range(0, len(inputs), BATCH):
            part = slice(first, first + BATCH)
            fed = [inputs[part, : lengths[part].max()]]
            if len(self.model.inputs) > 1:
                fed.append(np.arange(fed[0].shape[1]) < lengths[part, None])
            outputs = self._outputs(*map(tf.constant, fed)).numpy()
            parts.append(feeding.padded(outputs, inputs.shape[1]) if self.signature.per_step else outputs)
        return np.concatenate(parts).astype(np.float64)
