"""The best model without a recurrent network, beside the best cell: whether a network was needed at all."""

from collections.abc import Sequence

from gru_tf.analysis.evidence import TaskEvidence
from gru_tf.analysis.wording import cell_name, listed, p_value


def best(task: TaskEvidence) -> str:
    """Of one task: "without a network: ridge 15.3, ahead of RNN, inconclusive (p = 0.2)"; "" where no such model fits it."""
    model = task.best_baseline
    if model is None or model.row.test is None or task.best is None:
        return ""
    text = f"{model.cell} {model.row.test.mean:.3g}, {against(task, model.cell)}"
    return f"no network needed: {text}" if is_better(task) else f"without a network: {text}"


def is_better(task: TaskEvidence) -> bool:
    """Whether that model is significantly better than the best cell."""
    model = task.best_baseline
    pair = task.pair(model.cell, task.best or "") if model else None
    return pair is not None and model is not None and task.better(pair) == model.cell


def is_ahead(task: TaskEvidence) -> bool:
    """Whether its value is better than the best cell's mean, however surely."""
    return task.best_baseline is not None and bool(task.is_ahead(task.best_baseline))


def against(task: TaskEvidence, model: str) -> str:
    """What a model without a recurrent network is beside the best cell, in words."""
    cell, name = task.best or "", cell_name(task.best or "")
    pair = task.pair(model, cell)
    if pair is None or not pair.p_holm >= 0:
        ahead = task.is_ahead(next(one for one in task.baselines if one.cell == model))
        return f"{'ahead of' if ahead else 'behind'} {name}, untested"
    p = p_value(pair.p_holm)
    verdict = task.verdict(pair)
    if verdict == "better":
        return f"beats {name} ({p})" if pair.better == model else f"significantly worse than {name} ({p})"
    if verdict == "equivalent":
        return f"equivalent to {name}"
    side = "equal to" if pair.difference.mean == 0 else "ahead of" if pair.difference.mean > 0 else "behind"
    if verdict == "withheld":
        return f"{side} {name}, which may not be at its best ({task.cell(cell).marks[0].short})"
    return f"{side} {name}, inconclusive ({p})"


def others(tasks: Sequence[TaskEvidence]) -> str:
    """Of many tasks: on how many a model without a recurrent network is better than the best cell, and on how many ahead."""
    known = [(task, model) for task in tasks if (model := task.best_baseline) is not None]
    ahead = [(task, model.cell) for task, model in known if task.is_ahead(model)]
    if not known:
        return ""
    if not ahead:
        return f"no model without a network reaches the best cell's mean on any of {_tasks(len(known))}"
    sure = sum(is_better(task) for task, _ in ahead)
    names = listed(list(dict.fromkeys(name for _, name in ahead)))
    significantly = f", significantly on {sure or 'none'}"
    return f"without a network, {names} {_verb(ahead)} ahead on {len(ahead)} of {_tasks(len(known))}{significantly}"


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count} tasks"


def _verb(ahead: Sequence[tuple[TaskEvidence, str]]) -> str:
    return "is" if len({name for _, name in ahead}) == 1 else "are"
