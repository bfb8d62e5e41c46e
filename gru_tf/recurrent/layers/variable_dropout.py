"""Dropout whose rate is a variable of the compiled step."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


class VariableDropout(keras.layers.Layer):
    """Dropout whose rate is a variable, so that one compiled step serves every rate of a search.

    Used while training; the model that is kept has `keras.layers.Dropout` in its place.

    Args:
        rate: share of the values that is dropped, at first.
        noise_shape: as in `keras.layers.Dropout`: along an axis of length 1 all values are dropped or none, None is the
            input's length; (None, 1, None) drops the same numbers at all steps of a sequence. None for each value by itself.
        **kwargs: `name`, `dtype`.
    """

    def __init__(self, rate: float, noise_shape: Sequence[int | None] | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.noise_shape = noise_shape
        self.rate = self.add_weight(name="rate", initializer=keras.initializers.Constant(rate), trainable=False)
        self.seed_generator = keras.random.SeedGenerator(0)
        self.supports_masking = True  # as keras.layers.Dropout: which steps are real stays known behind it

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Inputs with a share `rate` of the values set to 0 and the others scaled by 1 / (1 − rate)."""
        if not training:
            return inputs
        return self.dropped(inputs, self.kept(ops.shape(inputs), inputs.dtype))

    def kept(self, shape: Any, dtype: Any = None) -> Any:
        """Which values of an array of this shape are kept, of length 1 where `noise_shape` has that; drawn at each call."""
        dtype = dtype or self.compute_dtype
        if self.noise_shape is not None:
            shape = tuple(of_input if own is None else own for own, of_input in zip(self.noise_shape, shape, strict=True))
        return keras.random.uniform(shape, dtype=dtype, seed=self.seed_generator) >= ops.cast(self.rate, dtype)

    def dropped(self, inputs: Any, kept: Any) -> Any:
        """The inputs where `kept`, scaled, and 0 elsewhere."""
        return ops.where(kept, inputs / (1 - ops.cast(self.rate, inputs.dtype)), ops.zeros_like(inputs))
