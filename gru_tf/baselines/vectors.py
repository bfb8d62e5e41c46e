"""Sequences as vectors: flattened, or summarised channel by channel."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from gru_tf.baselines.baseline import ModelInputs
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Signature

STATISTICS = ("mean", "deviation", "first", "last", "lowest", "highest")


def flattened(signature: Signature, inputs: ModelInputs) -> Array:
    """(N, timesteps · features) float64, step after step, scaled as the network scales its inputs; zeros after the end.

    Raises:
        UserError: where a sequence is longer than `timesteps`.
    """
    values = np.asarray(inputs.values)
    count, steps, features = values.shape
    if steps > signature.timesteps:
        place = int(np.argmax(inputs.lengths))
        raise UserError(
            f"sequence {place + 1}: expected at most {signature.timesteps:,} steps, the longest of training: the model reads"
            f" them as one vector. Received: {inputs.lengths[place]:,}"
        )
    vectors = np.zeros((count, signature.timesteps, features))
    vectors[:, :steps] = values
    return vectors.reshape(count, -1) * signature.scale


def summarised(signature: Signature, inputs: ModelInputs, statistics: int) -> Array:
    """(N, `statistics` · features) float64: the first of `STATISTICS`, each of every feature, over real steps alone."""
    values = np.asarray(inputs.values, np.float64) * signature.scale
    count, steps, _ = values.shape
    real = (np.arange(steps) < inputs.lengths[:, None])[..., None]
    lengths = inputs.lengths[:, None].astype(np.float64)
    mean = np.where(real, values, 0).sum(1) / lengths
    deviation = np.sqrt(np.where(real, np.square(values - mean[:, None]), 0).sum(1) / lengths)
    columns = [mean, deviation]
    if statistics > 2:
        columns += [values[:, 0], values[np.arange(count), inputs.lengths - 1]]
        columns += [np.where(real, values, np.inf).min(1), np.where(real, values, -np.inf).max(1)]
    return np.concatenate(columns[:statistics], axis=1)


@dataclass(frozen=True)
class Standard:
    """Each column less its mean and divided by its deviation; one that never changes stays at 0.

    Args:
        mean, deviation: (columns,) of the training vectors.
    """

    mean: Array
    deviation: Array

    @classmethod
    def fit(cls, vectors: Array) -> Self:
        """Of vectors (N, columns)."""
        deviation = vectors.std(0)
        return cls(vectors.mean(0), np.where(deviation > 0, deviation, 1.0))

    def __call__(self, vectors: Array) -> Array:
        """(N, columns) of vectors (N, columns)."""
        standardised: Array = (vectors - self.mean) / self.deviation
        return standardised
