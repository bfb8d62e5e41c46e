"""Learning curves: the validation metric by epoch, its median over seeds in the band from the worst to the best."""

import math
import statistics
from typing import Any

from gru_tf.analysis.evidence import TaskEvidence
from gru_tf.analysis.report import cell_style
from gru_tf.analysis.report.figures import scales
from gru_tf.analysis.report.figures.panels import Panel, Plate, light, painted
from gru_tf.analysis.report.findings import Findings


def plate(findings: Findings) -> Plate:
    """A panel a task."""
    panels = [_panel(findings, task, curves) for task in findings.evidence.tasks if (curves := _curves(findings, task))]
    missing = "" if panels else "no finished seed has a history of its epochs."
    return Plate(tuple(panels), missing, tuple(cell_style.styles(findings.experiment.cells).values()))


def bands(histories: list[list[float]]) -> list[tuple[float, float, float]]:
    """(lowest, median, highest) value of each epoch, for as long as at least half of the seeds trained."""
    bands_by_epoch = []
    for epoch in range(max(map(len, histories), default=0)):
        values = [history[epoch] for history in histories if epoch < len(history) and math.isfinite(history[epoch])]
        if not values or 2 * len(values) < len(histories):
            break
        bands_by_epoch.append((min(values), statistics.median(values), max(values)))
    return bands_by_epoch


def _curves(findings: Findings, task: TaskEvidence) -> dict[str, list[tuple[float, float, float]]]:
    """Cell → its band."""
    by_cell = {}
    for cell in task.cells:
        finals = findings.finals(task.task, cell.cell)
        histories = [history for r in finals if (history := r.history.get(f"validation_{r.metric}"))]
        if histories:
            by_cell[cell.cell] = bands(histories)
    return by_cell


def _panel(findings: Findings, task: TaskEvidence, curves: dict[str, list[tuple[float, float, float]]]) -> Panel:
    styles = cell_style.styles(findings.experiment.cells)

    def paint(axes: Any) -> None:
        for label, band in curves.items():
            epochs = range(1, len(band) + 1)
            low, middle, high = zip(*band, strict=True)
            axes.fill_between(epochs, low, high, color=styles[label].colour, alpha=0.16, lw=0)
            every = max(1, len(band) // 6)
            axes.plot(epochs, middle, **styles[label].dots(ms=3.5, markevery=every), zorder=3)
            axes.plot(epochs, middle, **styles[label].line(), zorder=2)
        light(axes)
        longest = max(map(len, curves.values()))
        axes.set_xlim(1 - 0.02 * longest, longest + 0.02 * longest)
        axes.locator_params(axis="x", integer=True, nbins=6)
        axes.set_xlabel("epoch")
        values = [value for band in curves.values() for triple in band for value in triple]
        scales.metric(axes, "y", f"validation {task.metric}", task.direction, values, None)

    return painted(task.title, paint)
