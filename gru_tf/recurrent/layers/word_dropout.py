"""Dropout of whole words: wherever a word that is dropped stands in a sequence, its embedding is zero.

    m_v ~ Bernoulli(1 − p) for each word v and sequence;   x_t = m_{w_t} E_{w_t} / (1 − p)

the matrix E with rows dropped, as Gal and Ghahramani (2016, arXiv 1512.05287, sec. 4.2) have it.
"""

from typing import Any

import keras
from keras import ops

from gru_tf.recurrent.layers.variable_dropout import VariableDropout


class WordDropout(VariableDropout):
    """Drops words of embedded sequences; its rate is a variable, and while nothing is trained it does nothing.

    Args:
        rate: share of the words that is dropped, at first.
        tokens: how many words there are.
        **kwargs: `name`, `dtype`.
    """

    def __init__(self, rate: float, tokens: int, **kwargs: Any):
        super().__init__(rate, **kwargs)
        self.tokens = tokens

    def call(self, inputs: Any, words: Any, training: bool | None = None) -> Any:  # type: ignore[override]
        """Embedded (batch, T, I) and their words (batch, T) → (batch, T, I)."""
        if not training:
            return inputs
        rate = ops.cast(self.rate, inputs.dtype)
        shape = (ops.shape(words)[0], self.tokens)
        drawn = keras.random.uniform(shape, dtype=inputs.dtype, seed=self.seed_generator)
        kept = ops.expand_dims(ops.take_along_axis(drawn, words, axis=1) >= rate, -1)
        return ops.where(kept, inputs / (1 - rate), ops.zeros_like(inputs))
