"""The trials of a search: what they were given, how they ended, and which hyperparameter mattered."""

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from gru_tf.analysis.statistics.importance import Importance, importance, standings
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Range

if TYPE_CHECKING:
    from gru_tf.analysis.report.findings import Findings

Axis = Range | tuple[Any, ...]


def weigh(findings: "Findings") -> Importance | None:
    """Importance of each hyperparameter over all trials, each by its standing among those of its task and cell."""
    search = findings.experiment.search
    settings: dict[str, list[float]] = {name: [] for name in search.axes} if search else {}
    standing: list[float] = []
    for task in findings.evidence.tasks:
        for cell in task.cells:
            tried = finished(findings, task.task, cell.cell)
            sign = 1 if tried and tried[0].direction == "max" else -1
            standing += standings([sign * (r.validation or 0.0) for r in tried])
            for name in settings:
                settings[name] += [number(search.axes[name], setting(r, name)) for r in tried]  # type: ignore[union-attr]
    return importance(settings, standing)


def finished(findings: "Findings", task: str, cell: str) -> list[RunResult]:
    """The trials with a validation metric."""
    found = findings.trials(task, cell)
    return [r for r in found if r.status == "finished" and r.validation is not None and math.isfinite(r.validation)]


def setting(result: RunResult, name: str) -> Any:
    """A hyperparameter's value in a run."""
    run = result.run
    return getattr(run.model if hasattr(run.model, name) else run.training, name)


def number(axis: Axis, value: Any) -> float:
    """A setting as a number that a forest can split: a range's value, or the place in a list."""
    return float(value) if isinstance(axis, Range) else float(axis.index(value))


def ended_badly(findings: "Findings") -> Counter[str]:
    """Trials that diverged or failed, by cell."""
    return Counter(
        result.run.cell.label for result in findings.runs if result.run.purpose == "trial" and result.status != "finished"
    )
