"""Score and cost: the test metric against parameters, training seconds and latency, with the Pareto front."""

from collections.abc import Callable, Sequence
from math import ceil, isfinite
from typing import Any

from gru_tf.analysis.evidence import CellEvidence, TaskEvidence
from gru_tf.analysis.report import cell_style
from gru_tf.analysis.report.figures import scales
from gru_tf.analysis.report.figures.panels import MUTED, Panel, Plate, light, painted
from gru_tf.analysis.report.findings import Findings, latency, middle, training_seconds
from gru_tf.experiment.result import RunResult, sign

Cost = Callable[[RunResult], float | None]
COSTS: dict[str, tuple[str, Cost]] = {
    "parameters": ("parameters", lambda result: result.parameters),
    "training time": ("seconds of training", training_seconds),
    "latency": ("ms per prediction batch", latency),
}

ALIKE = 0.05  # of the least: below that, a difference in size is what whole units leave of an equal budget


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Places of the points that no other one beats, by cost.

    Args:
        points: (cost, gain); one beats another that costs as much or more and gains as much or less, and not both equal.
    """
    best = [
        place
        for place, (cost, gain) in enumerate(points)
        if not any(c <= cost and g >= gain and (c < cost or g > gain) for c, g in points)
    ]
    return sorted(best, key=lambda place: points[place])


def plate(findings: Findings) -> Plate:
    """A panel a task and cost; costs that nothing recorded are named."""
    panels: list[Panel] = []
    without = dict.fromkeys(COSTS, 0)
    tasks = [task for task in findings.evidence.tasks if any(_tested(cell) for cell in task.cells)]
    for task in tasks:
        before = len(panels)
        for name in COSTS:
            points = _points(findings, task, name)
            if points:
                panels.append(_panel(findings, task, name, points, len(panels) == before))
            else:
                without[name] += 1
    absent = [name for name, count in without.items() if count and count == len(tasks)]
    missing = "" if tasks else "no final seed has finished."
    if tasks and absent:
        missing = f"These runs recorded no {' and no '.join(absent)}."
    across = len(COSTS) - len(absent) or 1
    return Plate(tuple(panels), missing, tuple(cell_style.styles(findings.experiment.cells).values()), across=across)


def _tested(cell: CellEvidence) -> bool:
    return cell.row.test is not None and isfinite(cell.row.test.mean)


def _cost(name: str, cell: CellEvidence, result: RunResult) -> float | None:
    """What a run cost; a batch where the task's networks were timed apart, the same for every seed."""
    return cell.row.predict_ms if name == "latency" and cell.row.timing else COSTS[name][1](result)


def _points(findings: Findings, task: TaskEvidence, name: str) -> dict[str, tuple[float, CellEvidence]]:
    """Cell → its median cost over seeds, of those that recorded one."""
    tested = [cell for cell in task.cells if _tested(cell)]
    costs = {c.cell: middle([_cost(name, c, r) for r in findings.finals(task.task, c.cell)]) for c in tested}
    return {label: (known, task.cell(label)) for label, known in costs.items() if known is not None}


def _panel(
    findings: Findings, task: TaskEvidence, name: str, points: dict[str, tuple[float, CellEvidence]], first: bool
) -> Panel:
    label = COSTS[name][0]

    def paint(axes: Any) -> None:
        styles = cell_style.styles(findings.experiment.cells)
        means = [(x, cell.row.test.mean) for x, cell in points.values() if cell.row.test]
        whole = name == "parameters"
        _front(axes, means, task.direction, whole and bool(alike([x for x, _ in means])))
        x_values, y_values = [], []
        for cell_label, (x, cell) in points.items():
            assert cell.row.test is not None  # noqa: S101, only of cells that were tested
            seeds = [(_cost(name, cell, r), r.test) for r in findings.finals(task.task, cell_label)]
            known = [(a, b) for a, b in seeds if a is not None and b is not None]
            axes.plot(*zip(*known, strict=True), **styles[cell_label].dots(ms=3.5, alpha=0.55, mew=0.5), zorder=2)
            mean, low, high = cell.row.test
            if isfinite(low):
                axes.plot([x, x], [low, high], color=styles[cell_label].colour, lw=1.2, zorder=3)
            axes.plot([x], [mean], **styles[cell_label].dots(ms=7), zorder=4)
            x_values += [x, *(a for a, _ in known)]
            y_values += [bound for bound in (mean, low, high, *(b for _, b in known)) if isfinite(bound) and bound > 0]
        light(axes)
        scales.amount(axes, "x", x_values, f"{label}{alike(x_values)}" if whole and len(points) > 1 else label, whole)
        scales.metric(axes, "y", f"test {task.metric}", task.direction, y_values, task.chance)

    return painted(f"{task.title}: {name}" if len(findings.evidence.tasks) > 1 else name, paint, first=first)


def alike(values: Sequence[float]) -> str:
    """What says that an equal budget gave the same to all, or nearly so where the axis makes much of the rest."""
    least, most = min(values), max(values)
    if least == most:
        return ", exactly the same for all"
    return (
        f", all within {ceil(1000 * (most - least) / least) / 10:.1f} % of each other"
        if most - least < ALIKE * least
        else ""
    )


def _front(axes: Any, points: Sequence[tuple[float, float]], direction: str, same: bool) -> None:
    """The front as steps, a ring around each cell on it; `same` where costs are as good as equal."""
    gains = [(0.0 if same else cost, sign(direction) * value) for cost, value in points]
    on = [points[place] for place in front(gains)]
    axes.plot(*zip(*on, strict=True), color=MUTED, lw=1, ls=(0, (1, 1.5)), drawstyle="steps-post", zorder=1)
    axes.plot(*zip(*on, strict=True), ls="", marker="o", ms=13, mfc="none", mec=MUTED, mew=1, zorder=1)
