"""MiniRocket: the share of a sequence in which each of many fixed convolutions exceeds a bias, and a ridge classifier.

A kernel has 9 weights, three of them 2 and six −1: 84 kernels in all. Each is used with several dilations d, spread
exponentially from 1 to the longest that fits, and in turn with and without zeros around the sequence. For each a bias b is a
quantile of the kernel's outputs for one training sequence:

    feature = (number of steps t with Σ_i w_i x_{t+(i−4)d} > b) / (number of steps)

Of several channels, each kernel and dilation adds up some drawn at random. Of a shorter sequence the steps after its end count
as zeros and are not counted; one so short that the kernel never fits without zeros has the feature 0. The ridge classifier
chooses its penalty by leave-one-out errors in training, as published.

Worked example, d = 1, kernel with its 2s at i = 3, 4, 5, around step t: outputs are
−x_{t−4} − x_{t−3} − x_{t−2} + 2 x_{t−1} + 2 x_t + 2 x_{t+1} − x_{t+2} − x_{t+3} − x_{t+4}.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np

from gru_tf.baselines.baseline import Baseline, FittedBaseline, ModelInputs, Settings, TrainingData, chosen, limited
from gru_tf.baselines.vectors import Standard
from gru_tf.foundation.array import Array
from gru_tf.tasks import Signature

WEIGHTS = np.array([[2.0 if i in twos else -1.0 for i in range(9)] for twos in combinations(range(9), 3)])  # (84, 9)
FEATURES = 9996  # as published: the multiple of 84 below 10,000
FEWEST = 840
DILATIONS = 32  # of a kernel, at the most
CHANNELS = 9  # added up by a kernel, at the most
WORK = 2.5e9  # features times steps of all training sequences
KEPT = 2500  # training sequences where there are more features than sequences
MANY = 10_000
GOLDEN = (np.sqrt(5) + 1) / 2


@dataclass(frozen=True)
class Kernels:
    """What turns sequences into features.

    Args:
        dilations: (D,).
        counts: (D,) biases of each kernel with that dilation.
        channels: for each dilation and kernel, those that it adds up, (D, 84) tuples.
        biases: (features,), dilation by dilation, kernel by kernel.
    """

    dilations: Array
    counts: Array
    channels: tuple[tuple[tuple[int, ...], ...], ...]
    biases: Array

    def features(self, sequences: Array, lengths: Array) -> Array:
        """(N, features) float32 of sequences (N, T, channels)."""
        shares = np.zeros((len(sequences), len(self.biases)), np.float32)
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length)
            shares[rows] = self._of_one_length(sequences[rows, :length])
        return shares

    def _of_one_length(self, sequences: Array) -> Array:
        shares, place = np.zeros((len(sequences), len(self.biases)), np.float32), 0
        for index, (dilation, count) in enumerate(zip(self.dilations, self.counts, strict=True)):
            outputs = convolved(sequences, int(dilation), self.channels[index])
            for kernel, output in enumerate(outputs):
                inner = inside(output, int(dilation), index, kernel)
                for bias in range(place, place + count):
                    if inner.shape[1]:
                        shares[:, bias] = np.count_nonzero(inner > self.biases[bias], axis=1) / inner.shape[1]
                place += count
        return shares


def convolved(sequences: Array, dilation: int, channels: tuple[tuple[int, ...], ...]) -> Array:
    """(84, N, T) outputs of all kernels, with zeros around sequences (N, T, channels)."""
    count, steps, _ = sequences.shape
    reach = 4 * dilation
    around = np.pad(sequences.astype(np.float32), ((0, 0), (reach, reach), (0, 0))).transpose(2, 0, 1)
    shifted = np.stack([around[:, :, i * dilation : i * dilation + steps] for i in range(9)])  # (9, channels, N, T)
    outputs = np.empty((len(WEIGHTS), count, steps), np.float32)
    whole = shifted.sum(0)
    for kernel, weights in enumerate(WEIGHTS):
        picked = list(channels[kernel])
        twos = sum(shifted[i][picked].sum(0) for i in np.flatnonzero(weights > 0))
        outputs[kernel] = 3 * twos - whole[picked].sum(0)  # −1 everywhere, and 3 more at the 2s
    return outputs


def inside(output: Array, dilation: int, index: int, kernel: int) -> Array:
    """Outputs (N, T) with zeros around the sequence, or those (N, T − 8 · dilation) that need none, in turn."""
    reach = 4 * dilation
    return output if (index + kernel) % 2 == 0 else output[:, reach : max(reach, output.shape[1] - reach)]


def fit_kernels(sequences: Array, lengths: Array, features: int, rng: np.random.Generator) -> Kernels:
    """Dilations by the longest training sequence, channels drawn, biases by quantiles of drawn training sequences."""
    each = features // len(WEIGHTS)
    most = min(each, DILATIONS)
    exponent = np.log2(max(1.0, (int(lengths.max()) - 1) / 8))
    values = np.logspace(0, exponent, most, base=2).astype(np.int64)
    dilations, shares = np.unique(values, return_counts=True)
    counts = (shares * each / most).astype(np.int64)
    for i in range(each - int(counts.sum())):  # what rounding left over
        counts[i % len(counts)] += 1
    channels = tuple(tuple(_channels(sequences.shape[2], rng) for _ in WEIGHTS) for _ in dilations)
    quantiles = (np.arange(1, each * len(WEIGHTS) + 1) * GOLDEN) % 1
    biases: list[Array] = []
    for index, (dilation, count) in enumerate(zip(dilations, counts, strict=True)):
        rows = rng.integers(len(sequences), size=len(WEIGHTS))
        for kernel, row in enumerate(rows):
            outputs = convolved(sequences[row : row + 1, : lengths[row]], int(dilation), channels[index])[kernel]
            inner = inside(outputs, int(dilation), index, kernel)
            place = sum(map(len, biases))
            biases.append(np.quantile(inner if inner.size else outputs, quantiles[place : place + count]))
    return Kernels(dilations, counts, channels, np.concatenate(biases).astype(np.float32))


def _channels(count: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Some of the channels: 2^u of them, u uniform from 0 to log2 of the most."""
    most = min(count, CHANNELS)
    size = int(2 ** rng.uniform(0, np.log2(most + 1)))
    return tuple(sorted(rng.choice(count, size, replace=False).tolist()))


@dataclass(frozen=True)
class RocketModel(FittedBaseline):
    """MiniRocket's features and a linear function of them.

    Args:
        signature: of the task.
        kernels: of the features.
        standard: of the features.
        coefficients: (features + 1, classes); the last row is added.
    """

    signature: Signature
    kernels: Kernels
    standard: Standard
    coefficients: Array

    @property
    def size(self) -> int:  # type: ignore[override]
        """Coefficients, biases, means and deviations of the features."""
        return self.coefficients.size + 3 * len(self.kernels.biases)

    def predict(self, inputs: ModelInputs) -> Array:
        """(N, classes), by softmax of the ridge classifier's outputs, which are no estimates of probabilities."""
        features = self.kernels.features(np.asarray(inputs.values), inputs.lengths)
        scores = self.standard(features) @ self.coefficients[:-1] + self.coefficients[-1]
        scores = scores - scores.max(1, keepdims=True)
        logarithms: Array = scores - np.log(np.exp(scores).sum(1, keepdims=True))
        return logarithms


class Rocket(Baseline):
    """MiniRocket in NumPy, and scikit-learn's ridge classifier."""

    reference: ClassVar[str] = "A. Dempster, D. F. Schmidt, G. I. Webb, MiniRocket, KDD 2021, arXiv 2012.08791"

    def grid(self, signature: Signature, training: TrainingData) -> tuple[Settings, ...]:
        """One: the number of features, which is as published where the amount of data allows."""
        features, most = _limits(signature, len(training.examples))
        return ({"features": features, **limited(len(training.examples), most)},)

    def fit(self, signature: Signature, training: TrainingData, settings: Settings, seed: int) -> RocketModel:
        """Kernels by the training sequences, the penalty by leave-one-out among them."""
        from sklearn.linear_model import RidgeClassifierCV

        examples = training.examples
        rows = chosen(len(examples), _limits(signature, len(examples))[1], seed)
        sequences, lengths = np.asarray(examples.inputs[rows]), examples.lengths[rows]
        targets = np.asarray(examples.targets[rows])
        rng = np.random.default_rng([seed, len(rows)])
        kernels = fit_kernels(sequences, lengths, int(settings["features"]), rng)
        features = kernels.features(sequences, lengths)
        standard = Standard.fit(features)
        model = RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)).fit(standard(features), targets)
        both = np.concatenate([model.coef_, np.atleast_1d(model.intercept_)[:, None]], axis=1)
        weights = np.zeros((len(kernels.biases) + 1, signature.outputs))
        weights[-1] = -np.inf  # a class that is not in training
        weights[:, model.classes_] = np.concatenate([-both, both]).T if len(both) == 1 else both.T
        return RocketModel(signature, kernels, standard, weights)

    def why_not(self, signature: Signature, training: TrainingData) -> str:
        """Where sequences are shorter than a kernel, or too long for the fewest features."""
        if training.examples.lengths.max() < 9:
            return f"sequences of {training.examples.lengths.max()} steps are shorter than a kernel, which has 9"
        if len(np.unique(training.examples.targets)) < 2:
            return "training has one class alone"
        features, most = _limits(signature, len(training.examples))
        return "" if features >= FEWEST and most >= 50 else f"sequences of {signature.timesteps:,} steps are too long"


def _limits(signature: Signature, count: int) -> tuple[int, int]:
    """Features and training sequences: fewer features first, then fewer sequences."""
    steps = signature.timesteps
    affordable = int(WORK / (steps * count)) // 84 * 84
    if affordable >= FEATURES and count <= KEPT:
        return FEATURES, count
    features = min(FEATURES, max(FEWEST, affordable))
    most = min(count, int(WORK / (steps * features)), MANY if features <= 2 * FEWEST else KEPT)
    return features, most


BASELINE = Rocket()
