"""Forecasts beside what came: the last test rows of a few series, by the best cell and the best model without recurrence."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from gru_tf.analysis.evidence import TaskEvidence
from gru_tf.analysis.report import cell_style
from gru_tf.analysis.report.figures.panels import Panel, Plate, light, painted
from gru_tf.analysis.report.findings import Findings
from gru_tf.tasks.evaluation import SampleForecast

TRUTH, OTHER = "#444444", "#767676"
LARGE, SMALL = 1e5, 1e-2  # numbers beyond are written with a power of ten


def plate(findings: Findings) -> Plate:
    """A panel for each series that is sample of each task."""
    panels = [panel for task in findings.evidence.tasks for panel in _panels(findings, task)]
    return Plate(tuple(panels))


def _panels(findings: Findings, task: TaskEvidence) -> list[Panel]:
    cell = _of(findings, task, "final", task.best)
    best = task.best_baseline
    other = _of(findings, task, "baseline", best.cell if best else None)
    label = best.cell if best else ""
    panels = []
    for number, sample in enumerate(cell):
        beside = next((each for each in other if each.series == sample.series), None)
        name = f"{sample.series}: {sample.target}" if sample.series else sample.target
        title = name if len(findings.evidence.tasks) == 1 else f"{task.title}, {name}"
        style = cell_style.styles(findings.experiment.cells)[str(task.best)]
        paint = partial(_paint, sample=sample, beside=beside, labels=(str(task.best), label), colour=style.colour)
        panels.append(painted(title, paint, first=number == 0))
    return panels


def _of(findings: Findings, task: TaskEvidence, purpose: str, label: str | None) -> Sequence[SampleForecast]:
    """The forecasts of the first run that has some."""
    runs = (r for r in findings.runs if r.run.purpose == purpose and r.run.task.label == task.task)
    return next((r.sample_forecasts for r in runs if r.run.cell.label == label and r.sample_forecasts), ())


def _paint(axes: Any, sample: SampleForecast, beside: SampleForecast | None, labels: tuple[str, str], colour: str) -> None:
    times = _times(sample.times)
    if sample.low:
        text = f"{sample.coverage} % interval"
        axes.fill_between(times, sample.low, sample.high, color=colour, alpha=0.18, lw=0, label=text)
    axes.plot(times, sample.truth, color=TRUTH, lw=1.1, label="what came")
    axes.plot(times, sample.forecast, color=colour, lw=1.3, label=labels[0])
    if beside is not None:
        axes.plot(_times(beside.times), beside.forecast, color=OTHER, lw=1, ls=(0, (3, 2)), label=labels[1])
    light(axes)
    ahead = "1 step ahead" if sample.horizon == 1 else f"1 to {sample.horizon} steps ahead"
    axes.set_xlabel(ahead)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), fontsize=7, frameon=False, ncols=4, columnspacing=1.0)
    if isinstance(sample.times[0], str):
        _dates(axes)
    largest = max(map(abs, sample.truth))
    if math.isfinite(largest) and (largest >= LARGE or largest < SMALL):
        axes.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))


def _times(times: Sequence[str | float]) -> Any:
    return np.array(times, "datetime64[s]") if isinstance(times[0], str) else np.array(times)


def _dates(axes: Any) -> None:
    """Few dates, short."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=2, maxticks=6)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
