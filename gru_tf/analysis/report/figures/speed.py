"""Milliseconds of a training step by cell and by the kernel that computed it, with quartiles.

A point is what the timing phase measured, or where a task has none, a seed.
"""

from typing import Any, NamedTuple

import numpy as np

from gru_tf.analysis.evidence import TaskEvidence
from gru_tf.analysis.report import cell_style
from gru_tf.analysis.report.figures import scales
from gru_tf.analysis.report.figures.panels import MUTED, Panel, Plate, light, painted
from gru_tf.analysis.report.findings import Findings
from gru_tf.experiment.timing import Timing

APART = 0.17  # of a cell and of its kernel from the middle of their place: two lines of one label would not end alike


class StepTimes(NamedTuple):
    """Median and quartiles, over rounds or over epochs."""

    step_ms: float
    step_ms_low: float
    step_ms_high: float


def plate(findings: Findings) -> Plate:
    """A panel a task."""
    panels = [_panel(findings, task, times) for task in findings.evidence.tasks if (times := _times(findings, task))]
    return Plate(tuple(panels), "" if panels else "no finished seed has recorded its speed.")


def _timed(timing: Timing) -> dict[tuple[str, str], list[StepTimes]]:
    quartiles = {cell: np.quantile(network.train_ms, (0.5, 0.25, 0.75)) for cell, network in timing.timed.items()}
    return {(cell, timing.networks[cell].kernel_path): [StepTimes(*map(float, q))] for cell, q in quartiles.items()}


def _times(findings: Findings, task: TaskEvidence) -> dict[tuple[str, str], list[StepTimes]]:
    """(cell, kernel path) → its times: of the timing phase, or else of each seed."""
    if (timing := task.cells[0].row.timing) is not None:
        return _timed(timing)
    speeds: dict[tuple[str, str], list[StepTimes]] = {}
    for cell in task.cells:
        for result in findings.finals(task.task, cell.cell):
            if result.speed is not None:
                own = StepTimes(result.speed.step_ms, result.speed.step_ms_low, result.speed.step_ms_high)
                speeds.setdefault((cell.cell, result.kernel_path), []).append(own)
    return speeds


def _panel(findings: Findings, task: TaskEvidence, times: dict[tuple[str, str], list[StepTimes]]) -> Panel:
    styles = cell_style.styles(findings.experiment.cells)

    def paint(axes: Any) -> None:
        for place, ((label, _), speeds) in enumerate(times.items()):
            lines = [place + 0.5 * ((number + 0.5) / len(speeds) - 0.5) for number in range(len(speeds))]
            low, high = [s.step_ms_low for s in speeds], [s.step_ms_high for s in speeds]
            axes.hlines(lines, low, high, color=styles[label].colour, lw=1, alpha=0.6)
            axes.plot([s.step_ms for s in speeds], lines, **styles[label].dots(ms=4))
        axes.set_ylim(len(times) - 0.4, -0.6)
        axes.set_yticks([place - APART for place in range(len(times))], [label for label, _ in times])
        axes.set_yticks([place + APART for place in range(len(times))], [path for _, path in times], minor=True)
        light(axes, "x")
        axes.tick_params(axis="y", which="minor", labelcolor=MUTED)
        every = [value for speeds in times.values() for s in speeds for value in (s.step_ms, s.step_ms_low, s.step_ms_high)]
        scales.amount(axes, "x", [0.0, *every], "ms per training step, excluding compile time")
        axes.set_xlim(left=0)

    return painted(task.title, paint, 0.8 + 0.5 * len(times))
