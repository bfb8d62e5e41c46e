"""Tasks: data and a score, one file each, in folders by kind."""

from gru_tf.foundation.array import Array
from gru_tf.tasks.creation import create
from gru_tf.tasks.evaluation import Evaluation, Outputs, Tally
from gru_tf.tasks.forecast_rows import ForecastRows
from gru_tf.tasks.task import (
    END,
    FORECAST_BASELINES,
    TASKS,
    WRITTEN,
    Count,
    Examples,
    Metric,
    MetricName,
    Signature,
    Splits,
    Task,
)

__all__ = [
    "END",
    "FORECAST_BASELINES",
    "TASKS",
    "WRITTEN",
    "Array",
    "Count",
    "Evaluation",
    "Examples",
    "ForecastRows",
    "Metric",
    "MetricName",
    "Outputs",
    "Signature",
    "Splits",
    "Tally",
    "Task",
    "create",
]
