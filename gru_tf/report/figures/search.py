"""What the search tried: the validation metric against each hyperparameter, and how much each one mattered."""

import math
from collections import Counter
from typing import Any

from gru_tf.evidence import TaskEvidence
from gru_tf.report import signs
from gru_tf.report.figures import scales
from gru_tf.report.figures.plate import MUTED, Panel, Plate, light, painted
from gru_tf.report.findings import Findings
from gru_tf.run_result import RunResult
from gru_tf.specs import Range
from gru_tf.statistics.importance import Importance, importance, standings

Axis = Range | tuple[Any, ...]


def plate(findings: Findings) -> Plate:
    """A panel of importances where there are trials enough, then one a task and hyperparameter."""
    search = findings.experiment.search
    if search is None:
        return Plate((), "nothing was searched: every cell was trained with the settings of the file.")
    panels = [
        _slice(findings, task, name, axis, first=number == 0)
        for task in findings.evidence.tasks
        for number, (name, axis) in enumerate(search.axes.items())
        if any(_tried(findings, task, cell.cell) for cell in task.cells)
    ]
    if not panels:
        return Plate((), "no trial of the search has finished.")
    found = weigh(findings)
    if found is not None and not found.silent:
        panels.insert(0, _importances(found))
    return Plate(tuple(panels), "", tuple(signs.of(findings.experiment.cells).values()), across=min(3, len(search.axes)))


def weigh(findings: Findings) -> Importance | None:
    """Importance of each hyperparameter over all trials, each by its standing among those of its task and cell."""
    search = findings.experiment.search
    settings: dict[str, list[float]] = {name: [] for name in search.axes} if search else {}
    standing: list[float] = []
    for task in findings.evidence.tasks:
        for cell in task.cells:
            tried = _tried(findings, task, cell.cell)
            sign = 1 if tried and tried[0].direction == "max" else -1
            standing += standings([sign * (r.validation or 0.0) for r in tried])
            for name in settings:
                settings[name] += [_number(search.axes[name], _setting(r, name)) for r in tried]  # type: ignore[union-attr]
    return importance(settings, standing)


def _tried(findings: Findings, task: TaskEvidence, cell: str) -> list[RunResult]:
    """The trials with a validation metric."""
    found = findings.trials(task.task, cell)
    return [r for r in found if r.status == "finished" and r.validation is not None and math.isfinite(r.validation)]


def _setting(result: RunResult, name: str) -> Any:
    run = result.run
    return getattr(run.model if hasattr(run.model, name) else run.training, name)


def _number(axis: Axis, value: Any) -> float:
    """A setting as a number that a forest can split: a range's value, or the place in a list."""
    return float(value) if isinstance(axis, Range) else float(axis.index(value))


def _importances(found: Importance) -> Panel:
    order = sorted(range(len(found.names)), key=lambda i: -found.means[i])

    def paint(axes: Any) -> None:
        lines = range(len(order))
        means, deviations = [found.means[i] for i in order], [found.deviations[i] for i in order]
        axes.barh(lines, means, xerr=deviations, color="#8FA3B5", ecolor="#333333", height=0.55, error_kw={"lw": 1})
        axes.axvline(0, color=MUTED, lw=0.8)
        axes.set_yticks(lines, [found.names[i] for i in order])
        axes.set_ylim(len(order) - 0.4, -0.6)
        light(axes, "x")
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel("R² lost when shuffled")

    return painted(f"importance, from {found.trials} trials", paint, 0.9 + 0.4 * len(order))


def _slice(findings: Findings, task: TaskEvidence, name: str, axis: Axis, first: bool) -> Panel:
    looks = signs.of(findings.experiment.cells)

    def paint(axes: Any) -> None:
        values: list[float] = []
        for rank, cell in enumerate(task.cells):
            tried = _tried(findings, task, cell.cell)
            shift = 0.0 if isinstance(axis, Range) else 0.24 * ((rank + 0.5) / len(task.cells) - 0.5) * 2
            points = [(_number(axis, _setting(r, name)) + shift, float(r.validation or 0)) for r in tried]
            if points:
                axes.plot(*zip(*points, strict=True), **looks[cell.cell].dots(ms=4.5, alpha=0.8))
                best = (max if tried[0].direction == "max" else min)(points, key=lambda point: point[1])
                axes.plot(*best, ls="", marker="o", ms=10, mfc="none", mec=MUTED, mew=1)
            values += [value for _, value in points]
        light(axes)
        _along(axes, name, axis)
        direction = next(r.direction for c in task.cells for r in _tried(findings, task, c.cell))
        metric = next(r.metric for c in task.cells for r in _tried(findings, task, c.cell))
        scales.metric(axes, "y", f"validation {metric}", direction, values, None)

    several = len(findings.evidence.tasks) > 1
    return painted(f"{task.title}: {name}" if several else name, paint, first=first)


def _along(axes: Any, name: str, axis: Axis) -> None:
    """The hyperparameter's own axis: its range, or its values by name."""
    if not isinstance(axis, Range):
        axes.set_xticks(range(len(axis)), ["none" if value is None else str(value) for value in axis])
        axes.set_xlim(-0.5, len(axis) - 0.5)
    elif axis.sampling == "log":
        axes.set_xscale("log")
        axes.set_xlim(axis.low * (axis.low / axis.high) ** 0.04, axis.high * (axis.high / axis.low) ** 0.04)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(lambda value, _: "")
    else:
        margin = 0.04 * (axis.high - axis.low)
        axes.set_xlim(axis.low - margin, axis.high + margin)
    axes.set_xlabel(name)


def ended_badly(findings: Findings) -> Counter[str]:
    """Trials that diverged or failed, by cell."""
    return Counter(
        result.run.cell.label for result in findings.runs if result.run.purpose == "trial" and result.status != "finished"
    )
