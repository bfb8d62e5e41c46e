"""The logistic sigmoid in NumPy, so that the equations of cells need no package beyond NumPy."""

import numpy as np

from gru_tf.foundation.array import Array


def sigmoid(a: Array) -> Array:
    """σ(a) = 1/(1 + e^−a) in the type of `a`, without overflow and within a few roundings of σ(a) also where it is tiny.

    e^−|a| never overflows; σ(a) = e^a/(1 + e^a) is taken for negative a.
    """
    e = np.exp(-np.abs(a))
    probability: Array = np.where(np.less(a, 0), e, 1) / (1 + e)
    return probability
