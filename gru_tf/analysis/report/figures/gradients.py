"""How far back the loss's gradient reaches, where the final runs recorded it: before and after training."""

from typing import TYPE_CHECKING

from gru_tf.analysis.report.figures.gates import looked_into, place
from gru_tf.analysis.report.figures.panels import Panel, Plate
from gru_tf.analysis.report.findings import Findings
from gru_tf.experiment.result import LayerReading, Quartiles, RunResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Lines = dict[str, Quartiles]


def plate(findings: Findings) -> Plate:
    """Two panels a task, before and after training, on the same scale."""
    by_task: dict[str, list[RunResult]] = {}
    for result in looked_into(findings):
        by_task.setdefault(result.run.task.title, []).append(result)
    panels, every = [], {}
    for task, results in by_task.items():
        both = {when: _lines(results, when) for when in ("before", "after")}
        for when, lines in both.items():
            title = f"{when} training"
            title = f"{task}: {title}" if len(by_task) > 1 else title
            if any(both.values()):
                every[title] = lines
            if lines:
                panels.append(_panel(title, lines, _limits(both), first=when == "before"))
    missing = "" if panels else "no run recorded its gradients: set 'diagnostics: [gradients]' in the experiment."
    return Plate(tuple(panels), missing, drawn=lambda: _whole(every))


def _lines(results: list[RunResult], when: str) -> Lines:
    lines: Lines = {}
    for result in results:
        readings: tuple[LayerReading, ...] = getattr(result.diagnostics, when)
        lines |= {place(result, reading): reading.gradients["state"] for reading in readings if "state" in reading.gradients}
    return lines


def _limits(both: dict[str, Lines]) -> tuple[float, float]:
    """Of all norms of a task that are not 0, with room."""
    norms = [norm for lines in both.values() for line in lines.values() for norm in (*line.low, *line.high) if norm > 0]
    return (min(norms) / 2, max(norms) * 2) if norms else (0.1, 1.0)


def _panel(title: str, lines: Lines, limits: tuple[float, float], first: bool) -> Panel:
    def figure() -> "Figure":
        from gru_tf.training.diagnostics import figures

        drawn = figures.draw_gradients({"": lines})
        drawn.axes[0].set_ylim(*limits)
        return drawn

    return Panel(title, figure, first=first)


def _whole(every: dict[str, Lines]) -> "Figure":
    from gru_tf.training.diagnostics import figures

    return figures.draw_gradients(every, across=2)  # a task a line, before and after training
