"""Logistic regression on standardised vectors that are made of sequences."""

from dataclasses import dataclass

from gru_tf.baselines.baseline import FittedBaseline, ModelInputs
from gru_tf.baselines.sequences import _linear
from gru_tf.baselines.vectors import Standard, flattened, summarised
from gru_tf.foundation.array import Array
from gru_tf.tasks import Signature


def vectors_of(signature: Signature, inputs: ModelInputs, statistics: int) -> Array:
    """Flattened sequences, or the summaries that `statistics` counts; 0 for none."""
    return summarised(signature, inputs, statistics) if statistics else flattened(signature, inputs)


@dataclass(frozen=True)
class LogisticModel(FittedBaseline):
    """Logistic regression.

    Args:
        signature: of the task.
        statistics: as `vectors_of` has it.
        standard: of the vectors.
        weights: (columns + 1, classes).
    """

    signature: Signature
    statistics: int
    standard: Standard
    weights: Array

    @property
    def size(self) -> int:  # type: ignore[override]
        """Coefficients, and the means and deviations of the columns."""
        return self.weights.size + 2 * self.standard.mean.size

    def predict(self, inputs: ModelInputs) -> Array:
        """(N, classes) logarithms of probabilities."""
        vectors = self.standard(vectors_of(self.signature, inputs, self.statistics))
        return _linear.log_probabilities(vectors, self.weights)


def fitted(signature: Signature, inputs: ModelInputs, targets: Array, statistics: int, strength: float) -> LogisticModel:
    """A model of sequences and their classes (N,)."""
    vectors = vectors_of(signature, inputs, statistics)
    standard = Standard.fit(vectors)
    weights = _linear.coefficients(standard(vectors), targets, signature.outputs, strength)
    return LogisticModel(signature, statistics, standard, weights)
