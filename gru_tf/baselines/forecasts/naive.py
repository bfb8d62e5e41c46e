"""The naive forecast: every coming row is as the last.

ŷ_{t+h} = y_t
"""

from typing import ClassVar

from gru_tf.baselines.baseline import Baseline, Settings, TrainingData
from gru_tf.baselines.forecasts._repeated import Repeated
from gru_tf.tasks import Signature


class Naive(Baseline):
    """Repeats the last row; it has nothing to choose or to learn."""

    reference: ClassVar[str] = "R. J. Hyndman, G. Athanasopoulos, Forecasting: Principles and Practice, 3rd edition, 5.2"

    def grid(self, signature: Signature, training: TrainingData) -> tuple[Settings, ...]:
        """One, without settings."""
        return ({},)

    def fit(self, signature: Signature, training: TrainingData, settings: Settings, seed: int) -> Repeated:
        """A season of one row."""
        return Repeated(season=1)


BASELINE = Naive()
