"""A linear model of the current step and the steps before it: a window that slides along the sequence.

Logistic regression of a class, ridge regression of values, on the inputs of the last steps; see `_steps`. T. G. Dietterich,
Machine learning for sequential data: a review, 2002, calls it the sliding window method.
"""

from typing import ClassVar

from gru_tf.baselines.baseline import Baseline, Settings, TrainingData
from gru_tf.baselines.sequences import _steps
from gru_tf.tasks import Signature

WINDOWS = (3, 10, 30)


class SlidingWindow(Baseline):
    """By scikit-learn, on a window up to the current step."""

    reference: ClassVar[str] = "T. G. Dietterich, Machine learning for sequential data: a review, SSPR 2002; scikit-learn"

    def grid(self, signature: Signature, training: TrainingData) -> tuple[Settings, ...]:
        """The window, no longer than the longest sequence, and the penalty."""
        windows = tuple(window for window in WINDOWS if window <= signature.timesteps) or (signature.timesteps,)
        return _steps.grid(signature, training, windows)

    def fit(self, signature: Signature, training: TrainingData, settings: Settings, seed: int) -> _steps.StepModel:
        """On all labelled steps of training, or as many as there is time for."""
        return _steps.fitted(signature, training, settings, seed)


BASELINE = SlidingWindow()
