"""A regressor of sequences in scikit-learn's way."""
# ruff: noqa: N803  (X is scikit-learn's name of the data)

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from gru_tf.foundation.errors import UserError, one_line
from gru_tf.training.estimators import _step_labels
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
            y: (N,) or (N, outputs) numbers; with `per_step` (N, T) or (N, T, outputs), or a list of N arrays of the steps of
                each sequence, NaN where a step has none.
            sample_weight: (N,) what each example counts, at least 0.

        Raises:
            UserError: for a parameter that is not possible, naming it; for a sequence that is not as the others.
            ValueError: as any of scikit-learn's regressors, of which `UserError` is one.
        """
        if self._expect_per_step():
            return self._fit_steps(X, y, sample_weight)
        y = np.asarray(validate_data(self, "no_validation", y, multi_output=True, y_numeric=True), np.float64)
        sequences = read(self, X, reset=True)
        counts, weights = counting(sequences, y, sample_weight)
        self._flat = y.ndim == 1
        values = y[counts].reshape(len(weights), -1)
        strata = np.zeros(len(values), np.int32)
        self._learn(sequences.part(counts), values, weights, strata, values.shape[1])
        return self

    def _fit_steps(self, X: Any, y: Any, sample_weight: Any) -> Self:
        sequences, labels, _, weights = self._of_steps(X, y, sample_weight)
        try:
            values = np.asarray(labels, np.float64)
        except (TypeError, ValueError) as error:
            raise UserError(f"y: expected numbers. Received: {one_line(error)}") from error
        if np.isinf(values).any():
            raise UserError("y: expected finite numbers, or NaN for a step without one. Received: infinity")
        self._flat = values.ndim == 1
        values = values.reshape(len(values), -1)
        targets = _step_labels.padded(values, sequences.lengths, 0)
        real = np.arange(targets.shape[1]) < sequences.lengths[:, None]
        targets[~real] = np.nan  # so that none counts in what scales them
        self._learn(sequences, targets, weights, np.zeros(len(weights), np.int32), values.shape[1])
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The coefficient of determination R², with `per_step` over all labelled steps."""
        if not self._expect_per_step():
            return float(super().score(X, y, sample_weight))
        from sklearn.metrics import r2_score

        labels, predicted, weights = self._score_steps(X, y, sample_weight)
        return float(r2_score(labels.astype(np.float64), predicted, sample_weight=weights))

    def predict(self, X: Any) -> Any:
        """(N,) or (N, outputs) float64 values, as those of `fit` were.

        Args:
            X: as in `fit`.

        Raises:
            ValueError: before `fit`, scikit-learn's `NotFittedError`; for other features than those of `fit`.
        """
        outputs = self._outputs(X)
        values = outputs * self._unit + self._middle
        values = np.asarray(values[..., 0] if self._flat else values)
        return _step_labels.as_given(values, self._read(X)) if self.per_step else values
