"""Logistic regression on the flattened sequence: steps in a fixed order, nothing known of time.

Each column is standardised by the training sequences; shorter sequences are followed by zeros.
"""

from typing import ClassVar

import numpy as np

from gru_tf.baselines.baseline import Baseline, ModelInputs, Settings, TrainingData, chosen, limited
from gru_tf.baselines.sequences._classifier import LogisticModel, fitted
from gru_tf.tasks import Signature

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
WORK = 6e7  # sequences times columns times classes
LEAST = 100  # training sequences, or all of them


class Logistic(Baseline):
    """Multinomial logistic regression by scikit-learn."""

    reference: ClassVar[str] = "D. R. Cox, Journal of the Royal Statistical Society B 20(2), 1958; scikit-learn"

    def grid(self, signature: Signature, training: TrainingData) -> tuple[Settings, ...]:
        """C, by factors of ten."""
        some = limited(len(training.examples), _most(signature))
        return tuple({"C": strength, **some} for strength in STRENGTHS)

    def fit(self, signature: Signature, training: TrainingData, settings: Settings, seed: int) -> LogisticModel:
        """On the drawn training sequences where there are too many."""
        examples = training.examples
        rows = chosen(len(examples), _most(signature), seed)
        inputs = ModelInputs(examples.inputs[rows], examples.lengths[rows])
        return fitted(signature, inputs, np.asarray(examples.targets[rows]), 0, float(settings["C"]))

    def why_not(self, signature: Signature, training: TrainingData) -> str:
        """Where a sequence is too long for one vector."""
        if _most(signature) >= min(LEAST, len(training.examples)):
            return ""
        width = signature.timesteps * signature.features
        return f"{width:,} columns, steps times features, of {signature.outputs:,} classes take too long to fit"


def _most(signature: Signature) -> int:
    return int(WORK / (signature.timesteps * signature.features * signature.outputs))


BASELINE = Logistic()
