"""Layers own time: a cell run over a sequence, stock or custom, in one or two directions; dropout between layers."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from gru_tf.cells import CellSpec


def recurrent(
    cell: CellSpec,
    units: int,
    options: Mapping[str, Any],
    implementation: str = "stock",
    bidirectional: bool = False,
    return_sequences: bool = False,
) -> Any:
    """A Keras layer, (batch, T, I) → (batch, H), or (batch, T, H) with return_sequences; 2H if bidirectional.

    Args:
        cell: what runs in it.
        units: H.
        options: the cell's own options.
        implementation: "stock" for Keras' layer, "custom" for `keras.layers.RNN` over this project's cell.
        bidirectional: whether a second layer reads backwards, its output concatenated.
        return_sequences: whether each step's output is returned, or the last one.

    Raises:
        UserError: where Keras has no stock layer with these options.
    """
    if implementation == "stock":
        layer = cell.layer(units, options, return_sequences=return_sequences)
    else:
        layer = keras.layers.RNN(cell.build(units, **options), return_sequences=return_sequences)
    return keras.layers.Bidirectional(layer) if bidirectional else layer


class VariableDropout(keras.layers.Layer):
    """Dropout whose rate is a variable, so that one compiled step serves every rate of a search.

    Used while training; the model that is kept has `keras.layers.Dropout` in its place.
    """

    def __init__(self, rate: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate = self.add_weight(name="rate", initializer=keras.initializers.Constant(rate), trainable=False)
        self.seed_generator = keras.random.SeedGenerator(0)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Inputs with a share `rate` of the values set to 0 and the others scaled by 1 / (1 − rate)."""
        if not training:
            return inputs
        rate = ops.cast(self.rate, inputs.dtype)
        drawn = keras.random.uniform(ops.shape(inputs), dtype=inputs.dtype, seed=self.seed_generator)
        return ops.where(drawn >= rate, inputs / (1 - rate), ops.zeros_like(inputs))
