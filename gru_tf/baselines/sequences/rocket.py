"""MiniRocket: the share of a sequence in which each of many fixed convolutions exceeds a bias, and a ridge classifier.

A kernel has 9 weights, three of them 2 and six −1: 84 kernels in all. Each is used with several dilations d, spread
exponentially from 1 to the longest that fits, and in turn with and without zeros around the sequence. For each a bias b is a
quantile of the kernel's outputs for one training sequence:

    feature = (number of steps t with Σ_i w_i x_{t+(i−4)d} > b) / (number of steps)

Of several channels, each kernel and dilation adds up some drawn at random. Of a shorter sequence the steps after its end
are zeros and are not counted; one so short that the kernel never fits without zeros has the feature 0. The ridge classifier
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

TWOS = tuple(combinations(range(9), 3))  # where each of the 84 kernels has its 2s
WEIGHTS = np.array([[2.0 if i in twos else -1.0 for i in range(9)] for twos in TWOS])  # (84, 9)
FEATURES = 9996  # as published: the multiple of 84 below 10,000
FEWEST = 840
DILATIONS = 32  # of a kernel, at the most
CHANNELS = 9  # added up by a kernel, at the most
BLOCK = 1 << 16  # steps at once: they stay in a processor's cache
SECONDS = 7.0  # to make the training sequences' features, as `_step_seconds` estimates it
KEPT = 2500  # training sequences where there are more features than that
MANY = 5000
LEAST = 100  # training sequences, or all of them
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
        shares = np.empty((len(sequences), len(self.biases)), np.float32)
        rows = max(1, BLOCK // sequences.shape[1])
        for first in range(0, len(sequences), rows):
            part = slice(first, first + rows)
            shares[part] = self._of_block(np.asarray(sequences[part]), lengths[part])
        return shares

    def _of_block(self, sequences: Array, lengths: Array) -> Array:
        shares, place = np.empty((len(sequences), len(self.biases)), np.float32), 0
        steps = np.arange(sequences.shape[1])
        real = np.where((steps < lengths[:, None])[..., None], sequences, 0).astype(np.float32).transpose(2, 0, 1)
        for index, (dilation, count) in enumerate(zip(self.dilations.tolist(), self.counts.tolist(), strict=True)):
            convolution = Convolution(real, dilation)
            insides = [inside(steps, lengths, dilation, padded) for padded in (True, False)]
            masks = [np.where(there, np.float32(0), np.float32(-np.inf)) for there in insides]
            numbers = [np.maximum(there.sum(1), 1) for there in insides]
            for kernel, channels in enumerate(self.channels[index]):
                turn = (index + kernel) % 2
                outputs = convolution.outputs(kernel, channels)
                outputs += masks[turn]
                for bias in range(place, place + count):
                    shares[:, bias] = np.count_nonzero(outputs > self.biases[bias], axis=1) / numbers[turn]
                place += count
        return shares


class Convolution:
    """The kernels with one dilation, on sequences with zeros around them.

    Args:
        sequences: (channels, N, T) float32.
        dilation: steps between the weights of a kernel.
    """

    def __init__(self, sequences: Array, dilation: int) -> None:
        reach = 4 * dilation
        self._around = np.pad(sequences, ((0, 0), (0, 0), (reach, reach)))
        self._dilation, self._steps = dilation, sequences.shape[2]
        self._kept: tuple[tuple[int, ...], list[Array], Array] = ((), [], np.empty(0))

    def outputs(self, kernel: int, channels: tuple[int, ...]) -> Array:
        """(N, T) of the sum of some channels: −1 at all nine places, and 3 more at the 2s."""
        if self._kept[0] != channels:
            summed = self._around[list(channels)].sum(0)
            places = [summed[:, i * self._dilation :][:, : self._steps] for i in range(9)]
            self._kept = (channels, places, sum(places[1:], start=places[0]))
        _, places, whole = self._kept
        first, second, third = TWOS[kernel]
        outputs: Array = places[first] + places[second]
        outputs += places[third]
        outputs *= 3
        outputs -= whole
        return outputs


def inside(steps: Array, lengths: Array, dilation: int, padded: bool) -> Array:
    """(N, T) bool: which outputs count, all of a sequence's steps, or those at which no zeros around it are read."""
    reach = 0 if padded else 4 * dilation
    counted: Array = (steps >= reach) & (steps < lengths[:, None] - reach)
    return counted


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
    place = 0
    for index, (dilation, count) in enumerate(zip(dilations, counts, strict=True)):
        rows = rng.integers(len(sequences), size=len(WEIGHTS))
        for kernel, row in enumerate(rows):
            length = int(lengths[row])
            sequence = np.asarray(sequences[row, :length], np.float32).T[:, None]
            outputs = Convolution(sequence, int(dilation)).outputs(kernel, channels[index][kernel])[0]
            there = inside(np.arange(length), lengths[row : row + 1], int(dilation), (index + kernel) % 2 == 0)[0]
            drawn = outputs[there] if there.any() else outputs
            biases.append(np.quantile(drawn, quantiles[place : place + count]))
            place += int(count)
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
        both = np.column_stack([np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)])
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
        count = len(training.examples)
        enough = _limits(signature, count)[1] >= min(LEAST, count)
        return "" if enough else f"sequences of {signature.timesteps:,} steps take too long to convolve"


def _limits(signature: Signature, count: int) -> tuple[int, int]:
    """Features and training sequences: fewer features first, then fewer sequences."""
    features, used = FEATURES, min(count, KEPT)
    while features > FEWEST and _step_seconds(signature, features) * signature.timesteps * used > SECONDS:
        features = max(FEWEST, features // 2 // 84 * 84)
        used = min(count, KEPT if features > KEPT else MANY)
    most = int(SECONDS / (_step_seconds(signature, features) * signature.timesteps))
    return features, min(used, most)


def _step_seconds(signature: Signature, features: int) -> float:
    """Of all features for one step of a sequence: each comparison and each pass of a convolution take half a nanosecond."""
    passes = 6 if signature.features == 1 else 20
    return 5e-10 * (features + passes * 84 * min(features // 84, DILATIONS))


BASELINE = Rocket()
