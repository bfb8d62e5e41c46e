"""Which cells may not be at their best, in sentences: the same in terminal, report and every format."""

from collections.abc import Iterator

from gru_tf.analysis.evidence import CellEvidence, Evidence, TaskEvidence
from gru_tf.analysis.guards import Mark


def marked(evidence: Evidence) -> dict[str, list[str]]:
    """Label of a task → a sentence on each mark of its cells; without the tasks that have none."""
    named = {task.task: [f"{task.title}, {text}" for _, text in sentences(task)] for task in evidence.tasks}
    return {label: texts for label, texts in named.items() if texts}


def sentences(task: TaskEvidence) -> Iterator[tuple[Mark, str]]:
    """Each mark of a task's cells with its sentence, which begins with the cell's label."""
    return ((mark, _sentence(cell, mark)) for cell in task.cells for mark in cell.marks)


def _sentence(cell: CellEvidence, mark: Mark) -> str:
    """What is wrong and what mends it; of a cell that has nothing to gain, that it needs no mending."""
    if cell.solves:
        return f"{cell.cell}: {mark.what}; there is little to gain, as its score is nearly perfect."
    return f"{cell.cell} may not be at its best: {mark.what}: {mark.mend}. Until then no cell is called better than it."
