"""Orthogonal initial values that no processor decides.

Keras draws a matrix of normal numbers and takes the Q of its decomposition QR by Eigen, which cuts its sums by the size of
the processor's first cache. Here the same numbers are orthogonalised in float64, one vector after the other (Gram-Schmidt,
modified), by NumPy's elementwise operations and sums and the kernels' matrix product, which round in one way everywhere:

    q_j = a_j / |a_j|,   a_i ← a_i − (q_j · a_i) q_j   for i > j.

This Q is the one whose R has a positive diagonal, as Keras' has: it differs from Keras' by rounding alone. Vectors of later
blocks are made orthogonal to a whole block of q_j at once, A ← A − (A Qᵀ) Q: a tenth of the time for large matrices.
"""

from typing import Any

import keras
import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.recurrent.kernels import operations
from gru_tf.recurrent.orthogonal_by_gate import OrthogonalByGate

BLOCK = 32


def hold(model: Any) -> None:
    """Draw the orthogonal recurrent kernels of a new model again, from the same seeds, whole or gate by gate."""
    for layer in model._flatten_layers():  # no public name gives the cells within layers
        initializer, kernel = getattr(layer, "recurrent_initializer", None), getattr(layer, "recurrent_kernel", None)
        if kernel is not None and isinstance(initializer, keras.initializers.Orthogonal):
            kernel.assign(orthogonal(kernel.shape, initializer.seed, initializer.gain))
        elif kernel is not None and isinstance(initializer, OrthogonalByGate):
            drawn = initializer.drawn(kernel.shape, len(layer.gates) if hasattr(layer, "gates") else None)
            blocks = [_orthogonalised(block, kernel.shape[0] == block.shape[0]) for block in drawn]
            kernel.assign(np.concatenate([np.float32(initializer.gain * block) for block in blocks], axis=1))


def orthogonal(shape: tuple[int, int], seed: Any, gain: float = 1.0) -> Array:
    """(rows, columns) float32 with orthonormal columns, or rows where they are fewer, times `gain`.

    Args:
        shape: rows and columns.
        seed: of the draw, as `keras.random.normal` takes it.
        gain: the factor.
    """
    rows, columns = shape
    drawn = keras.random.normal((max(shape), min(shape)), seed=seed, dtype="float32")
    return np.ascontiguousarray(gain * _orthogonalised(drawn, rows >= columns), np.float32)


def _orthogonalised(drawn: Any, upright: bool) -> Array:
    """Of normal numbers with no more columns than rows, their Q; not upright, its transpose."""
    vectors = keras.ops.convert_to_numpy(drawn).T.astype(np.float64)  # one after the other in memory
    for first in range(0, len(vectors), BLOCK):
        block, later = vectors[first : first + BLOCK], vectors[first + BLOCK :]
        _orthogonalise(block)
        if len(later):
            later -= _product(_product(later, block.T), block)
    values: Array = vectors.T if upright else vectors
    return values


def _orthogonalise(vectors: Array) -> None:
    for j in range(len(vectors)):
        q, later = vectors[j], vectors[j + 1 :]
        q /= np.sqrt(np.square(q).sum())
        later -= (later * q).sum(1)[:, None] * q


def _product(a: Array, b: Array) -> Array:
    """A b; without the kernels, whose absence a run's record says, as NumPy has it."""
    product: Array = a @ b if operations.why_not() else operations.product(a, b).numpy()
    return product
