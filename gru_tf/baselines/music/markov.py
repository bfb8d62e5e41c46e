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
        """(N, T, notes), 0.5 after the end of a piece."""
        history, real = histories(inputs, self.steps)
        predicted = np.full((*real.shape, self.probabilities.shape[1]), 0.5)
        predicted[real] = self.probabilities[history, np.arange(self.probabilities.shape[1])]
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
        history, real = histories(ModelInputs(examples.inputs, examples.lengths), k)
        sounds = np.asarray(examples.targets)[real].astype(np.float64)  # (steps, notes)
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


def histories(inputs: ModelInputs, steps: int) -> tuple[Array, Array]:
    """The last `steps` steps of each note up to each real step, the last in the lowest bit.

    Returns:
        (steps of all pieces, notes) int32, one piece after another; (N, T) which steps these are.
    """
    values = np.asarray(inputs.values)
    real = np.arange(values.shape[1]) < inputs.lengths[:, None]
    sounds, step = (values[real] > 0).astype(np.int32), np.nonzero(real)[1][:, None]
    history = sounds.copy()
    for back in range(1, min(steps, len(sounds))):
        history[back:] |= np.where(step[back:] >= back, sounds[:-back] << back, 0)
    return history, real


BASELINE = Markov()
