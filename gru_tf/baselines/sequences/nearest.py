"""The class of the nearest training sequence, by Euclidean distance or by dynamic time warping (DTW) within a band.

DTW(x, y)² = D_{T,U} with D_{i,j} = |x_i − y_j|² + min(D_{i−1,j}, D_{i,j−1}, D_{i−1,j−1}), D_{0,0} = 0

The path is kept to |i − j| ≤ band (Sakoe and Chiba), a share of the longest sequence; wider where two lengths differ by
more. All features are warped together. By Euclidean distance shorter sequences are followed by zeros; DTW compares real
steps alone. Features are as the networks have them.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gru_tf.baselines.baseline import Baseline, FittedBaseline, ModelInputs, Settings, TrainingData, chosen, limited
from gru_tf.baselines.vectors import flattened
from gru_tf.foundation.array import Array
from gru_tf.tasks import Signature

BANDS = (0.05, 0.1, 0.2)  # shares of the longest sequence
EUCLIDEAN_WORK = 8e10  # multiplications of numbers of training sequences and of sequences to classify
DTW_WORK = 3e8  # cells in the band times features, of all pairs of these
AT_ONCE = 1 << 18  # numbers of an antidiagonal
LEAST = 100  # training sequences, or all of them


@dataclass(frozen=True)
class NearestNeighbour(FittedBaseline):
    """Training sequences and their classes.

    Args:
        signature: of the task.
        examples: (N, timesteps, features) float32, zeros after the end of each.
        lengths, targets: (N,).
        band: most steps between two that are compared; None for Euclidean distance.
    """

    signature: Signature
    examples: Array
    lengths: Array
    targets: Array
    band: int | None

    @property
    def size(self) -> int:  # type: ignore[override]
        """Numbers of the real steps of all training sequences, and their classes."""
        return int(self.lengths.sum()) * self.signature.features + len(self.targets)

    def predict(self, inputs: ModelInputs) -> Array:
        """(N, classes): the nearest sequence's class has twice the probability of each other, after Laplace's rule."""
        vectors = flattened(self.signature, inputs)
        nearest = self._by_euclid(vectors) if self.band is None else self._by_warping(vectors, inputs.lengths)
        classes = self.signature.outputs
        logarithms = np.full((len(vectors), classes), -math.log(classes + 1))
        logarithms[np.arange(len(vectors)), self.targets[nearest]] += math.log(2)
        return logarithms

    def _by_euclid(self, vectors: Array) -> Array:
        known = self.examples.reshape(len(self.examples), -1).astype(np.float64)
        squares = np.square(known).sum(1)
        return np.concatenate(
            [(squares - 2 * (part @ known.T)).argmin(1) for part in np.array_split(vectors, -(-len(vectors) // 1000))]
        )

    def _by_warping(self, vectors: Array, lengths: Array) -> Array:
        assert self.band is not None  # noqa: S101, called with a band only
        steps = vectors.reshape(len(vectors), self.signature.timesteps, -1)
        known = self.examples.astype(np.float64)
        once = max(1, AT_ONCE // (len(known) * (self.band + 1) * self.signature.features))
        parts = (slice(first, first + once) for first in range(0, len(steps), once))
        return np.concatenate(
            [warped_distances(steps[p], lengths[p], known, self.lengths, self.band).argmin(1) for p in parts]
        )


def warped_distances(sequences: Array, lengths: Array, others: Array, other_lengths: Array, band: int) -> Array:
    """(M, N) squared DTW distances of sequences (M, T, features) from others (N, U, features), of so many steps each.

    The recurrence runs along antidiagonals i + j = const, on which cells do not depend on each other, for all pairs at once.
    """
    both = lengths[:, None].astype(np.int64) + other_lengths
    widths = np.maximum(band, np.abs(lengths[:, None].astype(np.int64) - other_lengths))
    count, longest, width = int(lengths.max()), int(other_lengths.max()), int(widths.max())
    before, last = (np.full((*both.shape, count + 1), np.inf) for _ in range(2))  # of two antidiagonals, by i
    before[..., 0] = 0.0
    distances = np.full(both.shape, np.inf)
    for diagonal in range(2, int(both.max()) + 1):
        now = np.full_like(last, np.inf)
        low = max(1, diagonal - longest, -(-(diagonal - width) // 2))
        high = min(count, diagonal - 1, (diagonal + width) // 2)
        if low <= high:
            i = np.arange(low, high + 1)
            j = diagonal - i
            cost = np.square(sequences[:, None, i - 1] - others[None, :, j - 1]).sum(-1)
            outside = np.abs(i - j) > widths[..., None]
            here, left = slice(low, high + 1), slice(low - 1, high)
            cost += np.minimum(np.minimum(last[..., left], last[..., here]), before[..., left])
            now[..., here] = np.where(outside, np.inf, cost)
        rows, columns = np.nonzero(both == diagonal)
        distances[rows, columns] = now[rows, columns, lengths[rows]]
        before, last = last, now
    return distances


class Nearest(Baseline):
    """One nearest neighbour."""

    reference: ClassVar[str] = (
        "H. Sakoe, S. Chiba, IEEE Transactions on Acoustics, Speech, and Signal Processing 26(1), 1978;"
        " A. Bagnall, J. Lines, A. Bostrom, J. Large, E. Keogh, Data Mining and Knowledge Discovery 31(3), 2017"
    )

    def grid(self, signature: Signature, training: TrainingData) -> tuple[Settings, ...]:
        """Euclidean distance, and DTW by the width of its band where sequences are few and short enough."""
        count = len(training.examples)
        euclidean: Settings = {"distance": "euclidean", **limited(count, _most(signature, training, None))}
        return (
            euclidean,
            *(
                {"distance": "dtw", "band": band, **limited(count, _most(signature, training, band))}
                for band in BANDS
                if _most(signature, training, band) >= min(LEAST, count)
            ),
        )

    def fit(self, signature: Signature, training: TrainingData, settings: Settings, seed: int) -> NearestNeighbour:
        """Keeps the training sequences, or as many as there is time to compare with."""
        examples, share = training.examples, settings.get("band")
        band = None if share is None else float(share)
        rows = chosen(len(examples), _most(signature, training, band), seed)
        inputs = ModelInputs(examples.inputs[rows], examples.lengths[rows])
        steps = flattened(signature, inputs).reshape(len(rows), signature.timesteps, -1)
        width = None if band is None else math.ceil(band * signature.timesteps)
        return NearestNeighbour(
            signature, steps.astype(np.float32), inputs.lengths, np.asarray(examples.targets[rows]), width
        )

    def why_not(self, signature: Signature, training: TrainingData) -> str:
        """Where sequences are so long that few can be kept."""
        if _most(signature, training, None) >= min(LEAST, len(training.examples)):
            return ""
        return f"sequences of {signature.timesteps:,} steps of {signature.features:,} features are too long to compare"


def _most(signature: Signature, training: TrainingData, band: float | None) -> int:
    """Training sequences that are kept."""
    numbers, asked = signature.timesteps * signature.features, max(1, training.asked)
    if band is None:
        return int(EUCLIDEAN_WORK / (numbers * asked))
    return int(DTW_WORK / (numbers * (2 * math.ceil(band * signature.timesteps) + 1) * asked))


BASELINE = Nearest()
