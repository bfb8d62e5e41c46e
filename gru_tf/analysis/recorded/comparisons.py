"""Every comparison that was made, as rows of CSV: each two cells, each cell and a model without a network, each claim."""

from gru_tf.analysis.evidence import TaskEvidence
from gru_tf.analysis.recorded.csv_tables import Line
from gru_tf.analysis.results import Results
from gru_tf.analysis.statistics.unpaired import SampleComparison
from gru_tf.analysis.verdicts import judge


def pairs(results: Results) -> list[Line]:
    """A row for each comparison of a task, a difference above 0 being for the first, whichever way the metric goes."""
    return [_pair(task, pair) for task in results.evidence.tasks for pair in (*task.pairs, *task.against)]


def _pair(task: TaskEvidence, pair: SampleComparison) -> Line:
    difference, low, high = pair.difference
    return {
        "task": task.task,
        "first": pair.first,
        "second": pair.second,
        "verdict": task.verdict(pair),
        "better": task.better(pair),
        "difference": difference,
        "low": low,
        "high": high,
        "margin": task.margin,
        "p": pair.p,
        "p_holm": pair.p_holm,
        "p_equivalent_holm": pair.p_equivalent_holm,
        "test": pair.test,
        "comparisons": pair.comparisons,
    }


def claims(results: Results) -> list[Line]:
    """A row for each claim of the experiment."""
    return [
        {
            "claim": one.text,
            "verdict": one.verdict,
            **dict(zip(("difference", "low", "high"), one.difference or (None,) * 3, strict=True)),
            "unit": one.unit,
            "p": one.p,
            "why": one.why,
        }
        for one in judge(results.evidence, results.runs)
    ]
