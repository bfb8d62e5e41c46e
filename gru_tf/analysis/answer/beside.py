"""The best model without a recurrent network, beside the best cell: whether a network was needed at all."""

from collections.abc import Sequence

from gru_tf.analysis.evidence import TaskEvidence
from gru_tf.analysis.wording import listed, p_value


def best(task: TaskEvidence) -> str:
    """Of one task: "without a recurrent network, ridge has 15.3, significantly better than rnn (p < 0.001)"."""
    model = task.best_baseline
    if model is None or model.row.test is None or task.best is None:
        return ""
    return f"without a recurrent network, {model.cell} has {model.row.test.mean:.3g}, {against(task, model.cell)}"


def against(task: TaskEvidence, model: str) -> str:
    """What a model without a recurrent network is beside the best cell, in words."""
    cell = task.best or ""
    pair = task.pair(model, cell)
    if pair is None or not pair.p_holm >= 0:
        ahead = task.is_ahead(next(one for one in task.baselines if one.cell == model))
        return f"{'ahead of' if ahead else 'behind'} {cell}, untested"
    p = p_value(pair.p_holm)
    verdict = task.verdict(pair)
    if verdict == "better":
        return f"significantly {'better' if pair.better == model else 'worse'} than {cell} ({p})"
    if verdict == "equivalent":
        return f"equivalent to {cell}"
    side = "equal to" if pair.difference.mean == 0 else "ahead of" if pair.difference.mean > 0 else "behind"
    if verdict == "withheld":
        return f"{side} {cell}, which may not be at its best ({task.cell(cell).marks[0].short})"
    return f"{side} {cell}, not significantly ({p})"


def others(tasks: Sequence[TaskEvidence]) -> str:
    """Of many tasks: on how many a model without a recurrent network is better than the best cell, and on how many ahead."""
    known = [(task, model) for task in tasks if (model := task.best_baseline) is not None]
    ahead = [(task, model.cell) for task, model in known if task.is_ahead(model)]
    if not known:
        return ""
    if not ahead:
        return f"no model without a recurrent network reaches the best cell's mean on any of {_tasks(len(known))}"
    sure = [(task, name) for task, name in ahead if (pair := task.pair(name, task.best or "")) and task.better(pair) == name]
    names = listed(list(dict.fromkeys(name for _, name in ahead)))
    significantly = f", significantly on {len(sure) or 'none'}"
    return (
        f"without a recurrent network, {names} {_verb(ahead)} ahead on {len(ahead)} of {_tasks(len(known))}{significantly}"
    )


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count} tasks"


def _verb(ahead: Sequence[tuple[TaskEvidence, str]]) -> str:
    return "is" if len({name for _, name in ahead}) == 1 else "are"
