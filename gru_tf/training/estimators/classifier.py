"""A classifier of sequences in scikit-learn's way."""
# ruff: noqa: N803  (X is scikit-learn's name of the data)

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from gru_tf.tasks import Array
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
        validation_: places in `X` of the examples held out, without those that weigh nothing.

    Example:
        >>> model = gru_tf.SequenceClassifier("gru", units=16, random_state=0)
        >>> cross_val_score(model, X, y, groups=patients, cv=GroupKFold())
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on sequences and their classes.

        Args:
            X: (N, T), (N, T, F), or a list of arrays (T_i, F).
            y: (N,) labels, numbers or text.
            sample_weight: (N,) what each example counts, at least 0.

        Raises:
            UserError: for a parameter that is not possible, naming it; for a sequence that is not as the others.
            ValueError: as any of scikit-learn's classifiers, of which `UserError` is one.
        """
        y = np.asarray(validate_data(self, "no_validation", y))
        check_classification_targets(y)
        sequences = read(self, X, reset=True)
        counts, weights = counting(sequences, y, sample_weight)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        numbers = numbers[counts].astype(np.int32)
        self._learn(sequences.part(counts), numbers, weights, numbers, len(self.classes_))
        return self

    def predict_proba(self, X: Any) -> Array:
        """(N, classes) float64 probabilities, in the order of `classes_`.

        Args:
            X: as in `fit`.

        Raises:
            ValueError: before `fit`, scikit-learn's `NotFittedError`; for other features than those of `fit`.
        """
        logits = self._outputs(X)
        likelihoods = np.exp(logits - logits.max(1, keepdims=True))
        return np.asarray(likelihoods / likelihoods.sum(1, keepdims=True))

    def predict(self, X: Any) -> Array:
        """(N,) the likeliest label of each sequence; arguments and errors as of `predict_proba`."""
        likeliest = self.predict_proba(X).argmax(1)
        return np.asarray(self.classes_[likeliest])
