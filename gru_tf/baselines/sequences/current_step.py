"""A linear model of the current step alone: what can be said of it without any other.

Logistic regression of a class, ridge regression of values, on the inputs of the step; see `_steps`.
"""

from typing import ClassVar

from gru_tf.baselines.baseline import Baseline, Settings, TrainingData
from gru_tf.baselines.sequences import _steps
from gru_tf.tasks import Signature


class CurrentStep(Baseline):
    """By scikit-learn, on the current step."""

    reference: ClassVar[str] = (
        "D. R. Cox, Journal of the Royal Statistical Society B 20(2), 1958; A. E. Hoerl, R. W. Kennard, Technometrics"
        " 12(1), 1970; scikit-learn"
    )

    def grid(self, signature: Signature, training: TrainingData) -> tuple[Settings, ...]:
        """The penalty."""
        return _steps.grid(signature, training, (1,))

    def fit(self, signature: Signature, training: TrainingData, settings: Settings, seed: int) -> _steps.StepModel:
        """On all labelled steps of training, or as many as there is time for."""
        return _steps.fitted(signature, training, settings, seed)


BASELINE = CurrentStep()
