"""Multinomial logistic regression on vectors, as several baselines need it.

p(k | x) = exp(w_k·x + b_k) / Σ_j exp(w_j·x + b_j), minimising Σ_n −log p(y_n | x_n) + |w|² / 2C
"""

import numpy as np

from gru_tf.foundation.array import Array

ITERATIONS = 200  # of L-BFGS; stopping at the limit is a further regularisation, and the same in each fit


def coefficients(vectors: Array, targets: Array, classes: int, strength: float) -> Array:
    """(columns + 1, classes), the last row added: by scikit-learn, with −inf added for classes that are not in `targets`.

    Args:
        vectors: (N, columns), an array or a sparse matrix.
        targets: (N,) from 0.
        classes: how many there are.
        strength: C.
    """
    from sklearn.linear_model import LogisticRegression

    weights = np.zeros((vectors.shape[1] + 1, classes))
    weights[-1] = -np.inf
    present = np.unique(targets)
    if len(present) == 1:
        weights[-1, present] = 0.0
        return weights
    model = LogisticRegression(C=strength, max_iter=ITERATIONS, tol=1e-4).fit(vectors, targets)
    both = np.concatenate([model.coef_, model.intercept_[:, None]], axis=1)
    if len(present) == 2:  # one function, of the second class against the first
        both = np.concatenate([np.zeros_like(both), both])
    weights[:, present] = both.T
    return weights


def log_probabilities(vectors: Array, weights: Array) -> Array:
    """(N, classes) for vectors (N, columns), an array or a sparse matrix, and the weights of `coefficients`."""
    scores = vectors @ weights[:-1] + weights[-1]
    scores = scores - scores.max(1, keepdims=True)
    logarithms: Array = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    return logarithms
