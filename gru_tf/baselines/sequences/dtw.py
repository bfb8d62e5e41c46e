"""The class of the nearest training sequence by dynamic time warping (DTW) without a window: the archives' benchmark.

DTW(x, y)² = D_{T,U} with D_{i,j} = |x_i − y_j|² + min(D_{i−1,j}, D_{i,j−1}, D_{i−1,j−1}), D_{0,0} = 0

over all paths. It has no setting, so that it needs no validation split: publications' "1-NN DTW (w = 100)". A window is
chosen by `nearest`.
"""

from typing import ClassVar

import numpy as np

from gru_tf.baselines.baseline import Baseline, ModelInputs, Settings, TrainingData
from gru_tf.baselines.sequences.nearest import NearestNeighbour
from gru_tf.baselines.vectors import flattened
from gru_tf.tasks import Signature

WORK = 6e8  # cells times features, of all pairs of training sequences and sequences to classify


class Dtw(Baseline):
    """One nearest neighbour by unconstrained DTW."""

    reference: ClassVar[str] = (
        "H. A. Dau and others, The UCR time series archive, arXiv 1810.07758, 2018; H. Sakoe, S. Chiba, IEEE Transactions on"
        " Acoustics, Speech, and Signal Processing 26(1), 1978"
    )

    def grid(self, signature: Signature, training: TrainingData) -> tuple[Settings, ...]:
        """One: every path is allowed."""
        return ({"band": "none"},)

    def fit(self, signature: Signature, training: TrainingData, settings: Settings, seed: int) -> NearestNeighbour:
        """Keeps all training sequences."""
        examples = training.examples
        steps = flattened(signature, ModelInputs(np.asarray(examples.inputs), examples.lengths))
        known = steps.reshape(len(steps), signature.timesteps, -1).astype(np.float32)
        return NearestNeighbour(signature, known, examples.lengths, np.asarray(examples.targets), signature.timesteps)

    def why_not(self, signature: Signature, training: TrainingData) -> str:
        """Where all pairs take too long to compare."""
        cells = float(signature.timesteps) ** 2 * signature.features * len(training.examples) * max(1, training.asked)
        return "" if cells <= WORK else f"{cells:,.0f} pairs of steps are too many to compare without a window"


BASELINE = Dtw()
