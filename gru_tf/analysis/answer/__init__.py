"""The answer of an experiment in two sentences: what was found and how sure that is; the trivial answer, cost, and gaps.

"Settled" is said of nothing but pairs of cells that `gru_tf.analysis.evidence` holds to be settled.
"""

from gru_tf.analysis.answer import few, many
from gru_tf.analysis.evidence import Evidence

FEW = 3  # tasks that are told one by one
LONGEST = 160  # characters of a failure's reason


def answer(evidence: Evidence) -> tuple[str, str]:
    """What was found, with its certainty; and what it is worth: against the trivial answer, in time, and what is missing.

    A table stands beside it and has every pair and every seed: up to `FEW` tasks get a clause each, more are counted.
    """
    tested = [task for task in evidence.tasks if task.best is not None]
    if not tested:
        return _nothing(evidence)
    if len(evidence.tasks) <= FEW:
        first, worth = few.found(evidence.tasks, tested), few.trivial(tested)
    else:
        first, worth = many.found(evidence, tested), many.trivial(evidence, tested)
    fastest = few.fastest(tested[0]) if len(evidence.tasks) == 1 else many.fastest(tested)
    second = "; ".join(filter(None, [worth, fastest, _gaps(evidence)]))
    return f"{first}.", f"{second[:1].upper()}{second[1:]}."


def _nothing(evidence: Evidence) -> tuple[str, str]:
    wanted = sum(cell.row.wanted for task in evidence.tasks for cell in task.cells)
    runs = f"{wanted:,} final {'run is' if wanted == 1 else 'runs are'}"
    if len(evidence.missing) < sum(len(task.cells) for task in evidence.tasks):
        return (
            "Nothing is known: no finished run has a finite test metric.",
            f"So nothing can be set against the trivial answer; {runs} without a number.",
        )
    if not evidence.failures:
        return (
            "Nothing is known yet: no final run has finished.",
            f"{runs} to come, and the trivial answer will stand beside them.",
        )
    task, cell, what = evidence.failures[0]
    count = len(evidence.failures)
    return (
        f"Nothing is known: no final run has finished, and {count:,} {'run' if count == 1 else 'runs'} diverged or failed.",
        f"The first of them is {cell} on {task}, {_cut(what)}.",
    )


def _gaps(evidence: Evidence) -> str:
    wanted = sum(cell.row.wanted for task in evidence.tasks for cell in task.cells)
    missing = sum(count for *_, count in evidence.missing)
    return f"{missing:,} of {wanted:,} seeds have not finished" if missing else ""


def _cut(text: str) -> str:
    text = text.rstrip(".")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
