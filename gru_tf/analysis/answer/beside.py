"""The best model without a recurrent network, beside the best cell: whether a network was needed at all."""

from collections.abc import Sequence

from gru_tf.analysis.evidence import TaskEvidence
from gru_tf.analysis.wording import listed


def others(tasks: Sequence[TaskEvidence]) -> str:
    """On which tasks a model without a recurrent network has a better metric than the best cell's mean; "" without any."""
    known = [task for task in tasks if task.best_baseline is not None]
    ahead = [task for task in known if task.best_baseline and task.is_ahead(task.best_baseline)]
    if not known:
        return ""
    if not ahead:
        models = listed([_named(task, len(tasks) > 1) for task in known])
        return f"no model without a recurrent network reaches the best cell's mean: {models}"
    return f"without a recurrent network, {listed([_named(task, len(tasks) > 1) for task in ahead])} {_verb(ahead)} ahead"


def _named(task: TaskEvidence, on_task: bool) -> str:
    model = task.best_baseline
    assert model is not None and model.row.test is not None  # noqa: S101, PT018, of a task with one
    return f"{model.cell}{f' on {task.title}' if on_task else ''} ({model.row.test.mean:.3g})"


def _verb(tasks: Sequence[TaskEvidence]) -> str:
    return "is" if len(tasks) == 1 else "are"
