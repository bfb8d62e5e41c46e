"""Gates over time, where the final runs recorded them: of one validation sequence, after training."""

from typing import TYPE_CHECKING, Any

from gru_tf.analysis.report.figures.panels import Panel, Plate
from gru_tf.analysis.report.findings import Findings
from gru_tf.experiment.result import LayerReading, RunResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plate(findings: Findings) -> Plate:
    """A panel a task, cell and recurrent layer, of the first seed."""
    readings = [(r, reading) for r in looked_into(findings) for reading in r.diagnostics.after if reading.gates]  # type: ignore[union-attr]
    if not readings:
        return Plate((), "no run recorded its gates: set 'diagnostics: [gates]' in the experiment.")
    several = len({r.run.task.label for r, _ in readings}) > 1
    return Plate(tuple(_panel(r, reading, several) for r, reading in readings), drawn=lambda: _whole(readings))


def looked_into(findings: Findings) -> list[RunResult]:
    """Of each (task, cell) the first seed that has diagnostics."""
    results: list[RunResult] = []
    for task in findings.evidence.tasks:
        for cell in task.cells:
            with_any = [r for r in findings.finals(task.task, cell.cell) if r.diagnostics is not None]
            results += with_any[:1]
    return results


def place(result: RunResult, reading: LayerReading) -> str:
    """Cell, and its layer and direction where there are several."""
    inside = result.diagnostics
    several = inside is not None and len(inside.before) > 1
    return f"{result.run.cell.label} layer {reading.layer} {reading.direction}" if several else result.run.cell.label


def _panel(result: RunResult, reading: LayerReading, several: bool) -> Panel:
    def figure() -> "Figure":
        from gru_tf.training.diagnostics import figures

        return figures.draw_gates(reading.gates)

    task = f"{result.run.task.title}: " if several else ""
    return Panel(f"{task}{place(result, reading)}, seed {result.run.seed}", figure, wide=True)


def _whole(readings: list[Any]) -> "Figure":
    from gru_tf.training.diagnostics import figures

    tasks = {result.run.task.label for result, _ in readings}
    rows = {}
    for result, reading in readings:
        task = f"{result.run.task.title} · " if len(tasks) > 1 else ""
        rows[f"{task}{place(result, reading)}"] = reading.gates
    return figures.draw_gates(rows, title="Gates over one validation sequence, after training")
