"""Logistic regression on a summary of each channel: mean and deviation, or also first, last, lowest and highest value.

Statistics are of a sequence's real steps, in whatever order these are but for the first and the last.
"""

from typing import ClassVar

import numpy as np

from gru_tf.baselines.baseline import Baseline, ModelInputs, Settings, TrainingData, chosen, limited
from gru_tf.baselines.sequences._classifier import LogisticModel, fitted
from gru_tf.baselines.vectors import STATISTICS
from gru_tf.tasks import Signature

STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
WORK = 3e7  # sequences times numbers of a summary times classes, and sequences times the numbers of a sequence
LEAST = 100  # training sequences, or all of them


class Summary(Baseline):
    """Multinomial logistic regression by scikit-learn, on standardised summaries."""

    reference: ClassVar[str] = (
        "A. Nanopoulos, R. Alcock, Y. Manolopoulos, Feature-based classification of time-series data, 2001"
    )

    def grid(self, signature: Signature, training: TrainingData) -> tuple[Settings, ...]:
        """Two statistics or all six, and C."""
        some = limited(len(training.examples), _most(signature))
        counts = (2, len(STATISTICS))
        return tuple({"statistics": n, "C": strength, **some} for n in counts for strength in STRENGTHS)

    def fit(self, signature: Signature, training: TrainingData, settings: Settings, seed: int) -> LogisticModel:
        """On as many training sequences as time allows."""
        examples = training.examples
        rows = chosen(len(examples), _most(signature), seed)
        inputs = ModelInputs(examples.inputs[rows], examples.lengths[rows])
        return fitted(
            signature, inputs, np.asarray(examples.targets[rows]), int(settings["statistics"]), float(settings["C"])
        )

    def why_not(self, signature: Signature, training: TrainingData) -> str:
        """Where there are too many channels and classes."""
        if _most(signature) >= min(LEAST, len(training.examples)):
            return ""
        return f"{signature.features:,} features of {signature.outputs:,} classes take too long to fit"


def _most(signature: Signature) -> int:
    summary = len(STATISTICS) * signature.features * signature.outputs
    return int(WORK / max(summary, signature.timesteps * signature.features))


BASELINE = Summary()
