"""The answer of an experiment in sentences: a line a task, or two where there are many tasks.

A line says which cell is best, whom it is better than, equivalent to or undecided against, the best model without a
recurrent network, and what the cells cost. "Significant" is said of nothing but pairs whose difference is significant in
`gru_tf.analysis.evidence`.
"""

from collections.abc import Sequence

from gru_tf.analysis.answer import beside, few, many
from gru_tf.analysis.evidence import Evidence
from gru_tf.analysis.wording import listed

FEW = 3  # tasks that get a clause each
LONGEST = 160  # characters of a failure's reason


def answer(evidence: Evidence) -> tuple[str, ...]:
    """A sentence for each of up to `FEW` tasks, and one of what is missing; of more, two in which they are counted."""
    tested = [task for task in evidence.tasks if task.best is not None]
    if not tested:
        return _nothing(evidence)
    if len(evidence.tasks) > FEW:
        parts = [many.baseline(evidence, tested), beside.others(tested), many.fastest(tested), _gaps(evidence)]
        return f"{many.finding(evidence, tested)}.", _sentence(parts)
    lines = [
        _sentence([finding, few.baseline(task), beside.best(task), few.fastest(task)])
        for task, finding in zip(tested, few.finding(tested), strict=True)
    ]
    return (*lines, *filter(None, [_sentence([_nowhere(evidence), _gaps(evidence)])]))


def _sentence(parts: Sequence[str]) -> str:
    text = "; ".join(filter(None, parts))
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _nowhere(evidence: Evidence) -> str:
    nothing = [task.title for task in evidence.tasks if task.best is None]
    return f"no run has finished on {listed(nothing)}" if nothing else ""


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
