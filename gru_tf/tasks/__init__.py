"""Tasks: data and a score, one file each, in folders by kind."""

from gru_tf.tasks.task import (
    END,
    TASKS,
    WRITTEN,
    Array,
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
    "Examples",
    "Metric",
    "MetricName",
    "Signature",
    "Splits",
    "Task",
    "create",
]
