"""A Markov chain of each note: whether it sounds next, by whether it sounded in its own last k steps.

p_k(h) = (c_1(h) + m p_{k−1}(h')) / (c(h) + m)          p_0 = (c_1 + 1) / (c + 2)

c(h) is how often a note had the last k steps h in training, and c_1(h) how often it sounded next; h' is h without its
earliest step, and m says how much p_{k−1} counts. Before a piece begins no note sounds. Notes do not see each other.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gru_tf.baselines.baseline import Baseline, FittedBaseline, ModelInputs, Settings, TrainingData
from gru_tf.foundation.array import Array
from gru_tf.tasks import Signature

STEPS = (1, 2, 4, 8)
WEIGHTS = (1.0, 10.0)


@dataclass(frozen=True)
class NoteChain(FittedBaseline):
    """The probability of every note after every last steps of its own.

    Args:
        steps: k.
        probabilities: (2^k, notes), the last step in the lowest bit.
    """

    steps: int
    probabilities: Array

    @property
    def size(self) -> int:  # type: ignore[override]
        """Probabilities."""
        return self.probabilities.size

    def predict(self, inputs: ModelInputs) -> Array:
        """(N, T, notes)."""
        history = histories(np.asarray(inputs.values), self.steps)
        predicted: Array = self.probabilities[history, np.arange(self.probabilities.shape[1])]
        return predicted


class Markov(Baseline):
    """A chain of order k for each note."""

    reference: ClassVar[str] = (
        "A. A. Markov, 1913; D. J. C. MacKay, L. C. Bauman Peto, Natural Language Engineering 1(3), 1995"
    )

    def grid(self, signature: Signature, training: TrainingData) -> tuple[Settings, ...]:
        """The order k and the weight m."""
        return tuple({"steps": k, "weight": m} for k in STEPS for m in WEIGHTS)

    def fit(self, signature: Signature, training: TrainingData, settings: Settings, seed: int) -> NoteChain:
        """Counts."""
        examples, k = training.examples, int(settings["steps"])
        inputs, targets = np.asarray(examples.inputs), np.asarray(examples.targets)
        real = np.arange(targets.shape[1]) < examples.lengths[:, None]
        sounds = targets[real].astype(np.float64)  # (steps, notes)
        history = histories(inputs, k)[real]
        probability = (sounds.sum(0, keepdims=True) + 1) / (len(sounds) + 2)
        notes, weight = sounds.shape[1], float(settings["weight"])
        place = (history * notes + np.arange(notes)).ravel()
        counts, ones = (np.bincount(place, each, notes << k).reshape(-1, notes) for each in (None, sounds.ravel()))
        for order in range(1, k + 1):
            shape = (-1, 1 << order, notes)  # histories that differ in earlier steps alone are added up
            of_order, ones_of_order = counts.reshape(shape).sum(0), ones.reshape(shape).sum(0)
            shorter = np.tile(probability, (2, 1))
            probability = (ones_of_order + weight * shorter) / (of_order + weight)
        return NoteChain(k, probability)


def histories(rolls: Array, steps: int) -> Array:
    """(N, T, notes) int32: the last `steps` steps of each note up to each step, the last in the lowest bit."""
    history = np.zeros(rolls.shape, np.int32)
    for back in range(min(steps, rolls.shape[1])):
        history[:, back:] |= (rolls[:, : rolls.shape[1] - back] > 0).astype(np.int32) << back
    return history


BASELINE = Markov()
