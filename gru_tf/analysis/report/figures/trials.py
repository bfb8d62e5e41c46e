"""Score against the number of trials: the best validation metric that a search of so many random trials expects to find.

J. Dodge and others, Show your work: improved reporting of experimental results, 2019 (arXiv 1909.03004). A curve that still
rises at its end says that a larger search would find better settings; curves that cross, that the order of the cells is one
of how much was searched.
"""

import math
from collections import defaultdict
from typing import Any

from gru_tf.analysis.evidence import TaskEvidence
from gru_tf.analysis.report import cell_style
from gru_tf.analysis.report.figures import scales
from gru_tf.analysis.report.figures.panels import Panel, Plate, light, painted
from gru_tf.analysis.report.findings import Findings
from gru_tf.analysis.statistics.tuning import expected_best
from gru_tf.experiment.result import sign

FEWEST = 3  # trials of a search, below which a curve shows nothing
Curve = list[tuple[int, float, float]]  # trials, mean, deviation between searches


def plate(findings: Findings) -> Plate:
    """A panel a task."""
    search = findings.experiment.search
    if search is None:
        return Plate((), "no search: every cell was trained with the settings in the file.")
    if search.tuner != "random":
        return Plate((), f"score against trials needs random trials; {search.tuner} chooses each by those before it.")
    panels = [_panel(findings, task, curves) for task in findings.evidence.tasks if (curves := _curves(findings, task))]
    missing = "" if panels else f"score against trials needs a search of {FEWEST} finished trials."
    return Plate(tuple(panels), missing, tuple(cell_style.styles(findings.experiment.cells).values()))


def _curves(findings: Findings, task: TaskEvidence) -> dict[str, Curve]:
    curves = {cell.cell: _curve(findings, task.task, cell.cell) for cell in task.cells}
    return {cell: curve for cell, curve in curves.items() if len(curve) >= FEWEST}


def _curve(findings: Findings, task: str, cell: str) -> Curve:
    """The mean over the searches of all replicates; a trial that diverged is worse than any other."""
    searches: dict[int, list[float]] = defaultdict(list)
    trials = findings.trials(task, cell)
    turn = next((sign(r.direction) for r in trials if r.status == "finished"), 1.0)
    for trial in trials:
        known = trial.status == "finished" and trial.validation is not None and math.isfinite(trial.validation)
        searches[trial.run.seed].append(turn * (trial.validation or 0.0) if known else -math.inf)
    expected = [expected_best(scores) for scores in searches.values()]
    points = []
    for k in range(min(map(len, expected), default=0)):
        means = [one[k].mean for one in expected if math.isfinite(one[k].mean)]
        if len(means) == len(expected):
            deviation = math.sqrt(sum(one[k].deviation ** 2 for one in expected) / len(expected))
            points.append((k + 1, turn * sum(means) / len(means), deviation))
    return points


def _panel(findings: Findings, task: TaskEvidence, curves: dict[str, Curve]) -> Panel:
    styles = cell_style.styles(findings.experiment.cells)

    def paint(axes: Any) -> None:
        for label, curve in curves.items():
            trials, means, deviations = zip(*curve, strict=True)
            low, high = ([m + k * d for m, d in zip(means, deviations, strict=True)] for k in (-1, 1))
            axes.fill_between(trials, low, high, color=styles[label].colour, alpha=0.12, lw=0)
            axes.plot(trials, means, **styles[label].dots(ms=3.5), zorder=3)
            axes.plot(trials, means, **styles[label].line(), zorder=2)
        light(axes)
        axes.locator_params(axis="x", integer=True, nbins=8)
        axes.set_xlabel("trials")
        values = [mean for curve in curves.values() for _, mean, _ in curve]
        scales.metric(axes, "y", f"best validation {task.metric}", task.direction, values, None)

    return painted(task.title, paint)
