"""The search: the validation metric against each hyperparameter, and how much each one mattered."""

from typing import Any

from gru_tf.analysis.evidence import TaskEvidence
from gru_tf.analysis.report import cell_style
from gru_tf.analysis.report.figures import scales
from gru_tf.analysis.report.figures.panels import MUTED, Panel, Plate, light, painted
from gru_tf.analysis.report.findings import Axis, Findings, number, setting
from gru_tf.analysis.statistics.importance import Importance
from gru_tf.experiment.result import sign
from gru_tf.experiment.specs import Range

DENSE = 100.0  # times between the ends of a logarithmic axis from which powers of ten are ticks enough


def plate(findings: Findings) -> Plate:
    """A panel of importances where there are trials enough, then one a task and hyperparameter."""
    search = findings.experiment.search
    if search is None:
        return Plate((), "no search: every cell was trained with the settings in the file.")
    panels = [
        _slice(findings, task, name, axis, first=place == 0)
        for task in findings.evidence.tasks
        for place, (name, axis) in enumerate(search.axes.items())
        if any(findings.finished_trials(task.task, cell.cell) for cell in task.cells)
    ]
    if not panels:
        return Plate((), "no trial of the search has finished.")
    importance = findings.importance
    if importance is not None and not importance.silent:
        panels.insert(0, _importances(importance))
    return Plate(
        tuple(panels), "", tuple(cell_style.styles(findings.experiment.cells).values()), across=min(3, len(search.axes))
    )


def _importances(importance: Importance) -> Panel:
    order = sorted(range(len(importance.names)), key=lambda i: -importance.means[i])

    def paint(axes: Any) -> None:
        lines = range(len(order))
        means, deviations = [importance.means[i] for i in order], [importance.deviations[i] for i in order]
        axes.barh(lines, means, xerr=deviations, color="#8FA3B5", ecolor="#333333", height=0.55, error_kw={"lw": 1})
        axes.axvline(0, color=MUTED, lw=0.8)
        axes.set_yticks(lines, [importance.names[i] for i in order])
        axes.set_ylim(len(order) - 0.4, -0.6)
        light(axes, "x")
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel("R² lost when shuffled")

    return painted(f"importance, from {importance.trials} trials", paint, 0.9 + 0.4 * len(order))


def _slice(findings: Findings, task: TaskEvidence, name: str, axis: Axis, first: bool) -> Panel:
    styles = cell_style.styles(findings.experiment.cells)

    def paint(axes: Any) -> None:
        values: list[float] = []
        direction = next(r.direction for c in task.cells for r in findings.finished_trials(task.task, c.cell))
        for rank, cell in enumerate(task.cells):
            tried = findings.finished_trials(task.task, cell.cell)
            shift = 0.0 if isinstance(axis, Range) else 0.24 * ((rank + 0.5) / len(task.cells) - 0.5) * 2
            points = [(number(axis, setting(r, name)) + shift, float(r.validation or 0)) for r in tried]
            if points:
                axes.plot(*zip(*points, strict=True), **styles[cell.cell].dots(ms=4.5, alpha=0.8))
                best = max(points, key=lambda point: sign(direction) * point[1])
                axes.plot(*best, ls="", marker="o", ms=10, mfc="none", mec=MUTED, mew=1)
            values += [value for _, value in points]
        light(axes)
        _along(axes, name, axis)
        metric = next(r.metric for c in task.cells for r in findings.finished_trials(task.task, c.cell))
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
        axes.xaxis.set_major_locator(_decades(axis.high / axis.low))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(lambda value, _: "")
    else:
        margin = 0.04 * (axis.high - axis.low)
        axes.set_xlim(axis.low - margin, axis.high + margin)
    axes.set_xlabel(name)


def _decades(ratio: float) -> Any:
    """Ticks at powers of ten, and at two and five times these where there is room."""
    from matplotlib.ticker import LogLocator

    return LogLocator(subs=(1.0, 2.0, 5.0) if ratio < DENSE else (1.0,))
