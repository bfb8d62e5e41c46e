"""Turns a sequence round in time, as what a layer that reads backwards returns begins with the last step."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="gru_tf")
class ReverseTime(keras.layers.Layer):
    """(batch, T, …) → the same with its steps from the last to the first; a mask turns round with it."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, sequences: Any) -> Any:
        """The sequences from their last step on."""
        return ops.flip(sequences, axis=1)

    def compute_mask(self, _: Any, mask: Any = None) -> Any:
        """The mask from its last step on."""
        return None if mask is None else ops.flip(mask, axis=1)

    def compute_output_shape(self, shape: Any) -> Any:
        """That of the input."""
        return shape
