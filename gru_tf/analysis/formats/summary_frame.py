"""The table of results as a pandas frame of a few columns: what `results.frame`, a row a run, is summed up in."""

import math
from typing import TYPE_CHECKING

from gru_tf.analysis.evidence import CellEvidence, Evidence, TaskEvidence
from gru_tf.analysis.table_text import task_names

if TYPE_CHECKING:
    import pandas as pd

BEST = "best"


def summary_frame(evidence: Evidence) -> "pd.DataFrame":
    """One row a task and cell, and below the cells of each task one a baseline that was fitted.

    Columns: task, cell, metric, statistic ("mean", or "median" of a cell that sometimes fails), value, low, high (its 95 %
    interval), baseline (the naive prediction's metric), verdict (of the row's model beside the best cell), parameters,
    step_ms (a training step), seeds. What is not known is NaN.
    """
    import pandas as pd

    names = task_names(evidence.experiment)
    rows = [
        {"task": names[task.task], **_row(task, model)}
        for task in evidence.tasks
        for model in (*task.cells, *task.baselines)
        if not model.row.left_out
    ]
    return pd.DataFrame(rows).astype({"parameters": "Int64", "seeds": "Int64"})


def _row(task: TaskEvidence, model: CellEvidence) -> dict[str, object]:
    row, middle = model.row, model.row.middle
    value, low, high = middle if middle is not None else (math.nan, math.nan, math.nan)
    fixed = row.fitted_once
    return {
        "cell": model.cell,
        "metric": task.metric,
        "statistic": "median" if row.is_median else "mean",
        "value": value,
        "low": math.nan if fixed else low,
        "high": math.nan if fixed else high,
        "baseline": math.nan if row.chance is None else row.chance,
        "verdict": _verdict(task, model),
        "parameters": row.parameters,
        "step_ms": math.nan if row.step_ms is None else row.step_ms,
        "seeds": None if fixed else row.seeds,
    }


def _verdict(task: TaskEvidence, model: CellEvidence) -> str:
    """Beside the best cell: "better", "worse", "equivalent", "inconclusive", "withheld"; "" where there is no test of it."""
    if model.cell == task.best:
        return BEST
    pair = task.pair(model.cell, task.best or "")
    if pair is None or not pair.p_holm >= 0:
        return ""
    verdict = task.verdict(pair)
    if verdict == "better":
        return "better" if pair.better == model.cell else "worse"
    return "inconclusive" if verdict == "unreliable" else verdict
