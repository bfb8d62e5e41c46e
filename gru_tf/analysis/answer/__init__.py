"""The answer of an experiment in two sentences: the best cell and its significance; the baseline, cost, and missing seeds.

"Significant" is said of nothing but pairs of cells whose difference is significant in `gru_tf.analysis.evidence`.
"""

from gru_tf.analysis.answer import beside, few, many
from gru_tf.analysis.evidence import Evidence

FEW = 3  # tasks that get a clause each
LONGEST = 160  # characters of a failure's reason


def answer(evidence: Evidence) -> tuple[str, str]:
    """The best cell, with its significance; and what it is worth: against the baseline, in time, and what is missing.

    A table stands beside it and has every pair and every seed: up to `FEW` tasks get a clause each, more are counted.
    """
    tested = [task for task in evidence.tasks if task.best is not None]
    if not tested:
        return _nothing(evidence)
    if len(evidence.tasks) <= FEW:
        first, worth = few.finding(evidence.tasks, tested), few.baseline(tested)
    else:
        first, worth = many.finding(evidence, tested), many.baseline(evidence, tested)
    fastest = few.fastest(tested[0]) if len(evidence.tasks) == 1 else many.fastest(tested)
    second = "; ".join(filter(None, [worth, beside.others(tested), fastest, _gaps(evidence)]))
    return f"{first}.", f"{second[:1].upper()}{second[1:]}."


def _nothing(evidence: Evidence) -> tuple[str, str]:
    wanted = sum(cell.row.wanted for task in evidence.tasks for cell in task.cells)
    runs = f"{wanted:,} final {'run is' if wanted == 1 else 'runs are'}"
    if len(evidence.missing) < sum(len(task.cells) for task in evidence.tasks):
        return (
            "No result: no finished run has a finite test metric.",
            f"No comparison with the baseline is possible: {runs} without a finite test metric.",
        )
    if not evidence.failures:
        return (
            "No result yet: no final run has finished.",
            f"{runs} still to come.",
        )
    task, cell, what = evidence.failures[0]
    count = len(evidence.failures)
    return (
        f"No result: no final run has finished, and {count:,} {'run' if count == 1 else 'runs'} diverged or failed.",
        f"The first was {cell} on {task}: {_cut(what)}.",
    )


def _gaps(evidence: Evidence) -> str:
    wanted = sum(cell.row.wanted for task in evidence.tasks for cell in task.cells)
    missing = sum(count for *_, count in evidence.missing)
    return f"{missing:,} of {wanted:,} seeds have not finished" if missing else ""


def _cut(text: str) -> str:
    text = text.rstrip(".")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
