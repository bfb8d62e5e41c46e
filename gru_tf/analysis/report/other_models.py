"""The models without a recurrent network below the cells of a page's table, as text."""

from dataclasses import dataclass

from gru_tf.analysis.answer.beside import against
from gru_tf.analysis.evidence import CellEvidence, TaskEvidence
from gru_tf.analysis.table_text import centre
from gru_tf.analysis.wording import count

NONE = "–"
KIB = 1024


@dataclass(frozen=True)
class ModelLine:
    """One of them on one task."""

    name: str
    best: bool
    test: str
    verdict: str
    settings: str
    size: str
    disk: str


def lines(task: TaskEvidence) -> tuple[ModelLine, ...]:
    """All of a task, in its order."""
    return tuple(_line(task, model) for model in task.baselines)


def _line(task: TaskEvidence, model: CellEvidence) -> ModelLine:
    row = model.row
    settings = ", ".join(f"{name} {_short(value)}" for name, value in row.settings.items())
    return ModelLine(
        name=row.cell,
        best=model is task.best_baseline,
        test=(centre(row) if not row.fitted_once else f"{row.test.mean:.4g}") if row.test else NONE,
        verdict=_verdict(task, model),
        settings=settings or NONE,
        size=count(row.parameters),
        disk=f"{row.model_bytes / KIB:,.0f}" if row.model_bytes is not None else NONE,
    )


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _verdict(task: TaskEvidence, model: CellEvidence) -> str:
    failed = "; ".join(model.row.failures[:1])
    if model.row.test is None or not task.best:
        return failed or NONE
    return "; ".join(filter(None, (against(task, model.cell), failed)))
