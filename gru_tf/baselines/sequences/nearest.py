"""The class of the nearest training sequence, by Euclidean distance or by dynamic time warping (DTW) within a band.

DTW(x, y)² = D_{T,U} with D_{i,j} = |x_i − y_j|² + min(D_{i−1,j}, D_{i,j−1}, D_{i−1,j−1}), D_{0,0} = 0

The path is kept to |i − j| ≤ band (Sakoe and Chiba), a share of the longest sequence; wider where two lengths differ by more.
All features are warped together. By Euclidean distance shorter sequences are followed by zeros; DTW compares real steps alone.
Features are as the networks have them.
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
EUCLIDEAN_WORK = 4e7  # numbers of all training sequences that are kept
DTW_WORK = 2.5e5  # cells in the band times training sequences: about 10 ms for each sequence to classify
DTW_ASKED = 400  # most training sequences by DTW
LEAST = 100  # training sequences, or all of them


@dataclass(frozen=True)
class NearestNeighbour(FittedBaseline):
    """Training sequences and their classes.

    Args:
        signature: of the task.
        examples: (N, timesteps, features), zeros after the end of each.
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
        return np.array(
            [
                warped_distances(one[:length], self.examples, self.lengths, self.band).argmin()
                for one, length in zip(steps, lengths, strict=True)
            ]
        )


def warped_distances(sequence: Array, others: Array, lengths: Array, band: int) -> Array:
    """(N,) squared DTW distances of a sequence (T, features) to others (N, U, features) of so many steps each.

    The recurrence runs along antidiagonals i + j = const, on which cells do not depend on each other, for all others at once.
    """
    count, longest = len(sequence), int(lengths.max())
    widths = np.maximum(band, np.abs(lengths - count))
    width = int(widths.max())
    edges = np.full((2, len(others), count + 1), np.inf)  # the last two antidiagonals, by i
    before, last = edges
    before[:, 0] = 0.0
    distances = np.full(len(others), np.inf)
    for diagonal in range(2, count + longest + 1):
        now = np.full_like(last, np.inf)
        low = max(1, diagonal - longest, -(-(diagonal - width) // 2))
        high = min(count, diagonal - 1, (diagonal + width) // 2)
        if low <= high:
            i = np.arange(low, high + 1)
            j = diagonal - i
            cost = np.square(sequence[i - 1] - others[:, j - 1]).sum(-1)
            inside = np.abs(i - j) <= widths[:, None]
            ways = np.minimum(np.minimum(last[:, i - 1], last[:, i]), before[:, i - 1])
            now[:, i] = np.where(inside, cost + ways, np.inf)
        ends = count + lengths == diagonal
        distances[ends] = now[ends, count]
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
        euclidean: Settings = {"distance": "euclidean", **limited(count, _most(signature, None))}
        return (
            euclidean,
            *(
                {"distance": "dtw", "band": band, **limited(count, _most(signature, band))}
                for band in BANDS
                if _most(signature, band) >= min(LEAST, count)
            ),
        )

    def fit(self, signature: Signature, training: TrainingData, settings: Settings, seed: int) -> NearestNeighbour:
        """Keeps the training sequences, or as many as there is time to compare with."""
        examples, share = training.examples, settings.get("band")
        band = None if share is None else float(share)
        rows = chosen(len(examples), _most(signature, band), seed)
        inputs = ModelInputs(examples.inputs[rows], examples.lengths[rows])
        steps = flattened(signature, inputs).reshape(len(rows), signature.timesteps, -1)
        width = None if band is None else math.ceil(band * signature.timesteps)
        return NearestNeighbour(signature, steps, inputs.lengths, np.asarray(examples.targets[rows]), width)

    def why_not(self, signature: Signature, training: TrainingData) -> str:
        """Where sequences are so long that few can be kept."""
        if _most(signature, None) >= min(LEAST, len(training.examples)):
            return ""
        return f"sequences of {signature.timesteps:,} steps of {signature.features:,} features are too long to compare"


def _most(signature: Signature, band: float | None) -> int:
    """Training sequences that are kept."""
    if band is None:
        return int(EUCLIDEAN_WORK / (signature.timesteps * signature.features))
    cells = signature.timesteps * (2 * math.ceil(band * signature.timesteps) + 1) * signature.features
    return min(DTW_ASKED, int(DTW_WORK / cells))


BASELINE = Nearest()
