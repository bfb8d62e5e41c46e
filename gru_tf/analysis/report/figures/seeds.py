"""Every seed as a point: the test metric of each final run, with mean and interval below."""

from math import isfinite
from typing import Any

from gru_tf.analysis.evidence import TaskEvidence
from gru_tf.analysis.report import cell_style
from gru_tf.analysis.report.figures import scales
from gru_tf.analysis.report.figures.panels import MUTED, Panel, Plate, light, painted
from gru_tf.analysis.report.findings import Findings

INK = "#333333"


def plate(findings: Findings) -> Plate:
    """A panel a task."""
    tasks = [
        task
        for task in findings.evidence.tasks
        if any(isfinite(test) for cell in task.cells for test in cell.tests.values())
    ]
    missing = "" if tasks else "no final seed has finished with a finite metric."
    return Plate(tuple(_panel(findings, task) for task in tasks), missing)


def _panel(findings: Findings, task: TaskEvidence) -> Panel:
    styles = cell_style.styles(findings.experiment.cells)

    def paint(axes: Any) -> None:
        values: list[float] = []
        for place, cell in enumerate(task.cells):
            tests = [value for value in cell.tests.values() if isfinite(value)]
            if not tests or cell.row.test is None:
                axes.text(0.01, place, "no finished seed", transform=axes.get_yaxis_transform(), va="center", color=MUTED)
                continue
            axes.plot(tests, [place - 0.12] * len(tests), **styles[cell.cell].dots(alpha=0.75))
            mean, low, high = cell.row.test
            if isfinite(low):
                axes.plot([low, high], [place + 0.2] * 2, color=INK, lw=1.2)
                axes.plot([mean], [place + 0.2], ls="", marker="|", ms=8, mew=1.6, color=INK)
            values += [*tests, *(bound for bound in (mean, low, high) if isfinite(bound) and bound > 0)]
        axes.set_ylim(len(task.cells) - 0.5, -0.6)
        axes.set_yticks(range(len(task.cells)), [cell.cell for cell in task.cells])
        light(axes, "x")
        scales.metric(axes, "x", f"test {task.metric}", task.direction, values, task.chance)

    return painted(task.title, paint, 0.9 + 0.42 * len(task.cells))
