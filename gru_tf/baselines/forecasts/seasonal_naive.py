"""The seasonal naive forecast: every coming row is as the one a season before.

ŷ_{t+h} = y_{t+h−m(k+1)}, k = ⌊(h−1)/m⌋, for a season of m rows
"""

from typing import ClassVar

from gru_tf.baselines.baseline import Baseline, Settings, TrainingData
from gru_tf.baselines.forecasts._repeated import Repeated
from gru_tf.tasks import Signature


class SeasonalNaive(Baseline):
    """Repeats the last season of rows, which may lie before the window."""

    reference: ClassVar[str] = "R. J. Hyndman, G. Athanasopoulos, Forecasting: Principles and Practice, 3rd edition, 5.2"

    def grid(self, signature: Signature, training: TrainingData) -> tuple[Settings, ...]:
        """The season that the task states."""
        return ({"season": training.rows.season if training.rows is not None else 0},)

    def fit(self, signature: Signature, training: TrainingData, settings: Settings, seed: int) -> Repeated:
        """Nothing is learned."""
        return Repeated(season=int(settings["season"]))

    def why_not(self, signature: Signature, training: TrainingData) -> str:
        """Where there is no season, or rows of irregular times have none that counts in rows."""
        rows = training.rows
        if rows is None or rows.season < 2:
            return "the task states no season"
        return "" if rows.regular else "the times of the rows have gaps, so a season is not a number of rows"


BASELINE = SeasonalNaive()
