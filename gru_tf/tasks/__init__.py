"""Tasks: data and a score, one file each, in folders by kind."""

from gru_tf.foundation.array import Array
from gru_tf.tasks.task import (
    END,
    TASKS,
    WRITTEN,
    Count,
    Examples,
    Metric,
    MetricName,
    Signature,
    Splits,
    Task,
    create,
)

__all__ = [
    "END",
    "TASKS",
    "WRITTEN",
    "Array",
    "Count",
    "Examples",
    "Metric",
    "MetricName",
    "Signature",
    "Splits",
    "Task",
    "create",
]
