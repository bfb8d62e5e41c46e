"""What classifier and regressor of sequences share: reading, weighing, holding out and scaling examples."""
# ruff: noqa: N803  (X is scikit-learn's name of the data)

from typing import Any, Literal

import numpy as np
from sklearn.utils.validation import _check_sample_weight, check_consistent_length, check_is_fitted

from gru_tf.foundation.errors import UserError, shown
from gru_tf.tasks import Array, Examples, Signature
from gru_tf.training.estimators import _step_labels
from gru_tf.training.estimators._network import NetworkEstimator
from gru_tf.training.estimators._sequences import JoinedSequences, expect_like, read
from gru_tf.training.estimators._training import Weighted

SCALINGS = {"standard": True, None: False}


class SequenceEstimator(NetworkEstimator):
    """One network from sequences to a class or values each."""

    def __init__(
        self,
        cell: str = "gru",
        *,
        units: int = 32,
        parameters: int | None = None,
        options: dict[str, Any] | None = None,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        epochs: int = 50,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        patience: int | None = None,
        validation_fraction: float = 0.1,
        scaling: Literal["standard"] | None = "standard",
        random_state: Any = None,
        per_step: bool = False,
    ):
        self.cell = cell
        self.units = units
        self.parameters = parameters
        self.options = options
        self.layers = layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.scaling = scaling
        self.random_state = random_state
        self.per_step = per_step

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _learn(self, sequences: JoinedSequences, targets: Array, weights: Array, strata: Array, outputs: int) -> None:
        """Scale, hold out a part, train.

        Args:
            sequences: all that count.
            targets: (N,) int32 classes or (N, outputs) values in their units; at every step (N, T) classes, −1 where there
                is none, or (N, T, outputs) values, NaN where there is none.
            weights: (N,) above 0.
            strata: (N,) numbers; validation has its share of the examples of each.
            outputs: of the network.
        """
        kind: Literal["class", "value"] = "class" if targets.dtype.kind == "i" else "value"
        scaled, share, seed = self._expect_scaling(SCALINGS), self._expect_share(), self._seed()
        run = self._run(seed)
        self.validation_ = np.flatnonzero(_held_out(strata, share, seed))
        training = np.setdiff1d(np.arange(len(targets)), self.validation_)
        self._form, self._features = sequences.form, sequences.features
        part = sequences.part(training)
        self._centre, self._spread = _scale(scaled, part.steps, np.repeat(weights[training], part.lengths))
        if kind == "value":
            self._middle, self._unit = _scale(scaled, *_labelled(targets[training], weights[training]))
            targets = ((targets - self._middle) / self._unit).astype(np.float32)
        inputs = sequences.padded(self._centre, self._spread)
        varying, over_time = sequences.form == "list", self.per_step
        signature = Signature(inputs.shape[1], sequences.features, outputs, kind, varying=varying, per_step=over_time)

        def weighted(chosen: Array) -> Weighted:
            return Weighted(Examples(inputs[chosen], targets[chosen], sequences.lengths[chosen]), weights[chosen])

        held = weighted(self.validation_) if len(self.validation_) else None
        self._train(run, signature, weighted(training), held)

    def _outputs(self, X: Any) -> Array:
        """(N, outputs) float64 of the network."""
        sequences = self._read(X)
        return self._network.outputs(sequences.padded(self._centre, self._spread), sequences.lengths)

    def _read(self, X: Any) -> JoinedSequences:
        """Sequences to predict, like those of the fit."""
        check_is_fitted(self)
        sequences = read(self, X, reset=False)
        expect_like(self, type(self).__name__, self._form, self._features, sequences)
        return sequences

    def _expect_per_step(self) -> bool:
        """`per_step`, true or false."""
        if not isinstance(self.per_step, (bool, np.bool_)):
            raise UserError(f"{type(self).__name__}: per_step: received {shown(self.per_step)}, expected True or False")
        return bool(self.per_step)

    def _of_steps(self, X: Any, y: Any, sample_weight: Any) -> tuple[JoinedSequences, Array, Array, Array]:
        """Sequences, labels of their steps one after another, whether each is there, and weights of the sequences.

        Sequences that weigh nothing are left out, and those without a label: held out, they would show no loss.
        """
        sequences = read(self, X, reset=True)
        labels = _step_labels.joined(y, sequences)
        counts, weights = counting(sequences, np.zeros(len(sequences.lengths)), sample_weight)
        there = ~_step_labels.missing(labels)
        labelled = np.logical_or.reduceat(there, np.cumsum(sequences.lengths) - sequences.lengths)
        weights, counts = weights[labelled[counts]], counts & labelled
        if not counts.any():
            raise UserError("y: expected a label at one step at least. Received: none")
        steps = np.repeat(counts, sequences.lengths)
        return sequences.part(counts), labels[steps], there[steps], weights / weights.mean()

    def _score_steps(self, X: Any, y: Any, sample_weight: Any) -> tuple[Array, Array, Array]:
        """Labels, predictions and weights of the labelled steps."""
        sequences = self._read(X)
        labels = _step_labels.joined(y, sequences)
        there = ~_step_labels.missing(labels)
        predicted = np.concatenate(list(self.predict(X)))
        counts, weights = counting(sequences, np.zeros(len(sequences.lengths)), sample_weight)
        every = np.zeros(len(counts), np.float32)
        every[counts] = weights
        return labels[there], predicted[there], np.repeat(every, sequences.lengths)[there]


def _labelled(targets: Array, weights: Array) -> tuple[Array, Array]:
    """Values (rows, outputs) of the steps that have all of them, and their weights; of whole sequences as they are."""
    if targets.ndim == 2:
        return targets, weights
    there = np.isfinite(targets).all(-1)
    return targets[there], np.broadcast_to(weights[:, None], there.shape)[there]


def _scale(scaled: bool, values: Array, weights: Array) -> tuple[Array, Array]:
    """Weighted mean and deviation (columns,) of rows; the deviation of a column that never changes is 1.

    They are zeros and ones where numbers are to stay as they are.
    """
    if not scaled:
        return np.zeros(values.shape[1]), np.ones(values.shape[1])
    mean = np.average(values, axis=0, weights=weights)
    deviation = np.sqrt(np.average(np.square(values - mean), axis=0, weights=weights))
    constant = deviation <= 10 * np.finfo(values.dtype).eps * np.abs(mean)
    return mean, np.where(constant, 1.0, deviation)


def counting(sequences: JoinedSequences, y: Array, sample_weight: Any) -> tuple[Array, Array]:
    """(N,) bool whether an example weighs more than 0, and (N,) float32 the weights of those that do."""
    check_consistent_length(sequences.lengths, y)
    if sample_weight is None:
        return np.ones(len(y), bool), np.ones(len(y), np.float32)
    weights = _check_sample_weight(sample_weight, y, dtype=np.float64, ensure_non_negative=True)
    if not weights.any():
        raise ValueError("sample_weight: expected a weight above 0. Received: zeros")
    weights = (weights / weights.mean()).astype(np.float32)
    return weights > 0, weights[weights > 0]


def _held_out(strata: Array, share: float, seed: int) -> Array:
    """(N,) bool: of each stratum a share, drawn by the seed; at least one example, and of each stratum never all."""
    rng, held = np.random.default_rng(seed), np.zeros(len(strata), bool)
    if share == 0:
        return held
    for stratum in np.unique(strata):
        places = rng.permutation(np.flatnonzero(strata == stratum))
        held[places[: min(round(share * len(places)), len(places) - 1)]] = True
    if not held.any():
        numbers, counts = np.unique(strata, return_counts=True)
        held[rng.choice(np.flatnonzero(strata == numbers[counts.argmax()]))] = len(strata) > len(numbers)
    return held
