"""The last of a line: what the cells of a task cost beside one another."""

from gru_tf.analysis.evidence import TaskEvidence
from gru_tf.analysis.wording import cell_name, cell_names


def fastest(task: TaskEvidence) -> str:
    """The cell with the shortest training step, and how many times as long the others' are, each by its median."""
    steps = {cell.cell: cell.row.step_ms for cell in task.cells if cell.row.step_ms is not None}
    if task.quickest is None:
        return ""
    first, *others = sorted(steps, key=lambda cell: steps[cell])
    close = task.as_quick
    if len(close) == len(others):
        return "no clear difference in training speed"
    ratios = ", ".join(f"{cell_name(cell)} {steps[cell] / steps[first]:.1f}×" for cell in others)
    doubt = f"; {cell_names(close)} not clearly slower" if close else ""
    return f"{cell_name(first)} trains fastest ({ratios}{doubt})"
