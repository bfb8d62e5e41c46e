"""A classifier of sequences in scikit-learn's way."""
# ruff: noqa: N803  (X is scikit-learn's name of the data)

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Array
from gru_tf.training.estimators import _step_labels
from gru_tf.training.estimators._sequence_estimator import SequenceEstimator, counting
from gru_tf.training.estimators._sequences import read


class SequenceClassifier(ClassifierMixin, SequenceEstimator):
    """One recurrent network that tells the class of a sequence, with scikit-learn's interface.

    Sequences `X` are (N, T) numbers, one at each step; (N, T, F), F numbers at each step; or a list of N arrays (T_i, F) of
    their own lengths. Those of a list are padded at their ends and masked: padding changes no prediction.

    Args:
        cell: a name of the catalogue, such as "gru", "lstm", "rnn", "mgu" or "min_gru".
        units: size of each layer's state.
        parameters: budget of weights, from which the units follow, in place of `units`; None for `units`.
        options: the cell's own, such as `{"reset_after": False}` for "gru".
        layers: depth of the stack.
        bidirectional: whether a second direction reads the sequence backwards.
        dropout: share of each layer's output that is dropped in training, in [0, 1).
        epochs: passes over the training examples.
        batch_size: sequences a step.
        learning_rate: of Adam.
        patience: epochs without a lower validation loss before training stops; None to train all epochs. It needs a
            `validation_fraction`.
        validation_fraction: share of each class that is held out, and chooses the epoch whose weights are kept; 0 to train
            on all and keep the last epoch's.
        scaling: "standard" to subtract each feature's mean over all training steps, and divide by its deviation; None for
            numbers as they are.
        random_state: a seed, with which fits give the same numbers again; a `RandomState`; None for another each time.
        per_step: whether every step has a label: `y` is then an array (N, T), or a list of N arrays (T_i,), None, NaN or ""
            where a step has none, and predictions have the same form. Validation is drawn from all sequences alike.

    Attributes:
        classes_: (classes,) the labels, sorted.
        n_features_in_: columns of a table (N, T), else F.
        feature_names_in_: the columns of a frame whose names are strings.
        history_: "train_loss" and "validation_loss", mean cross-entropies in nats, by epoch.
        n_iter_: epochs trained.
        best_epoch_: the one whose weights were kept, from 1.
        units_: size of each layer's state.
        parameters_: weights of the whole network.
        model_: the trained `keras.Model`; it takes sequences as scaled by `scaling`.
        validation_: places in `X` of the examples held out, without those that weigh nothing, or with `per_step` have no
            label.

    Example:
        >>> model = gru_tf.SequenceClassifier("gru", units=16, random_state=0)
        >>> cross_val_score(model, X, y, groups=patients, cv=GroupKFold())
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on sequences and their classes.

        Args:
            X: (N, T), (N, T, F), or a list of arrays (T_i, F).
            y: (N,) labels, numbers or text; with `per_step` those of each step.
            sample_weight: (N,) what each example counts, at least 0.

        Raises:
            UserError: for a parameter that is not possible, naming it; for a sequence that is not as the others.
            ValueError: as any of scikit-learn's classifiers, of which `UserError` is one.
        """
        if self._expect_per_step():
            return self._fit_steps(X, y, sample_weight)
        y = np.asarray(validate_data(self, "no_validation", y))
        check_classification_targets(y)
        sequences = read(self, X, reset=True)
        counts, weights = counting(sequences, y, sample_weight)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        numbers = numbers[counts].astype(np.int32)
        self._learn(sequences.part(counts), numbers, weights, numbers, len(self.classes_))
        return self

    def _fit_steps(self, X: Any, y: Any, sample_weight: Any) -> Self:
        sequences, labels, there, weights = self._of_steps(X, y, sample_weight)
        if labels.ndim != 1:
            raise UserError(f"y: expected one class at each step. Received: {labels.shape[1]}")
        known = _plain(labels[there])
        check_classification_targets(known)
        self.classes_, places = np.unique(known, return_inverse=True)
        numbers = np.full(len(labels), -1, np.int32)
        numbers[there] = places
        targets = _step_labels.padded(numbers, sequences.lengths, -1)
        self._learn(sequences, targets, weights, np.zeros(len(weights), np.int32), len(self.classes_))
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The accuracy, with `per_step` over all labelled steps."""
        if not self._expect_per_step():
            return float(super().score(X, y, sample_weight))
        labels, predicted, weights = self._score_steps(X, y, sample_weight)
        return float(np.average(labels.astype(predicted.dtype) == predicted, weights=weights))

    def predict_proba(self, X: Any) -> Any:
        """(N, classes) float64 probabilities, in the order of `classes_`; with `per_step` of each step, as `y` was.

        Args:
            X: as in `fit`.

        Raises:
            ValueError: before `fit`, scikit-learn's `NotFittedError`; for other features than those of `fit`.
        """
        logits = self._outputs(X)
        likelihoods = np.exp(logits - logits.max(-1, keepdims=True))
        shares = np.asarray(likelihoods / likelihoods.sum(-1, keepdims=True))
        return _step_labels.as_given(shares, self._read(X)) if self.per_step else shares

    def predict(self, X: Any) -> Any:
        """(N,) the likeliest label of each sequence; arguments and errors as of `predict_proba`."""
        if self.per_step:
            return _step_labels.as_given(self.classes_[self._outputs(X).argmax(-1)], self._read(X))
        likeliest = self.predict_proba(X).argmax(1)
        return np.asarray(self.classes_[likeliest])


def _plain(labels: Array) -> Array:
    """Labels that stood in objects beside None, as numbers or texts; as they are where they are some of both."""
    texts = {isinstance(label, str) for label in labels} if labels.dtype.kind == "O" else {True, False}
    return labels if len(texts) > 1 else np.array(labels.tolist())
