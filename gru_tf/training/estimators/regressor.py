"""A regressor of sequences in scikit-learn's way."""
# ruff: noqa: N803  (X is scikit-learn's name of the data)

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from gru_tf.tasks import Array
from gru_tf.training.estimators._sequence_estimator import SequenceEstimator, counting
from gru_tf.training.estimators._sequences import read


class SequenceRegressor(RegressorMixin, SequenceEstimator):
    """One recurrent network from a sequence to one value or several, with scikit-learn's interface.

    Sequences and parameters are those of `SequenceClassifier`; `validation_fraction` is of all examples, and with `scaling`
    "standard" the targets are standardised by those of training as well. Predictions are in the targets' units.

    Attributes:
        history_: "train_loss" and "validation_loss", mean squared errors of the standardised targets, by epoch.

    The other attributes are those of `SequenceClassifier`, without `classes_`.

    Example:
        >>> model = gru_tf.SequenceRegressor("lstm", units=32, random_state=0).fit(sequences, values)
        >>> model.predict(sequences[:3])
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on sequences and their values.

        Args:
            X: (N, T), (N, T, F), or a list of arrays (T_i, F).
            y: (N,) or (N, outputs) numbers.
            sample_weight: (N,) what each example counts, at least 0.

        Raises:
            UserError: for a parameter that is not possible, naming it; for a sequence that is not as the others.
            ValueError: as any of scikit-learn's regressors, of which `UserError` is one.
        """
        y = np.asarray(validate_data(self, "no_validation", y, multi_output=True, y_numeric=True), np.float64)
        sequences = read(self, X, reset=True)
        counts, weights = counting(sequences, y, sample_weight)
        self._flat = y.ndim == 1
        values = y[counts].reshape(len(weights), -1)
        strata = np.zeros(len(values), np.int32)
        self._learn(sequences.part(counts), values, weights, strata, values.shape[1])
        return self

    def predict(self, X: Any) -> Array:
        """(N,) or (N, outputs) float64 values, as those of `fit` were.

        Args:
            X: as in `fit`.

        Raises:
            ValueError: before `fit`, scikit-learn's `NotFittedError`; for other features than those of `fit`.
        """
        outputs = self._outputs(X)
        values = outputs * self._unit + self._middle
        return np.asarray(values[:, 0] if self._flat else values)
