"""What stands beside the table: the answer, verdicts on claims, published numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from gru_tf.analysis import answer as answers
from gru_tf.analysis import published as numbers
from gru_tf.analysis.report import cell_style
from gru_tf.analysis.report.cell_style import CellStyle
from gru_tf.analysis.report.findings import Findings
from gru_tf.analysis.report.tables import NONE
from gru_tf.analysis.verdicts import Verdict, judge


@dataclass(frozen=True)
class Number:
    """A published number beside ours, as text."""

    cell: str
    style: CellStyle | None
    task: str
    metric: str
    value: str
    tag: str
    ours: str
    difference: str
    verdict: str
    why: str
    source: str


def answer(findings: Findings) -> Sequence[answers.Line]:
    """The answer, a line a task."""
    return answers.answer(findings.evidence)


def verdicts(findings: Findings) -> Sequence[Verdict]:
    """A verdict on each claim that the experiment states."""
    return judge(findings.evidence, findings.runs)


def published(findings: Findings) -> list[Number]:
    """The published numbers that the experiment names."""
    styles = cell_style.styles(findings.experiment.cells)
    return [_number(one, styles) for one in numbers.beside(findings.experiment, findings.runs)]


def _number(one: numbers.Beside, styles: dict[str, CellStyle]) -> Number:
    return Number(
        cell=one.cell,
        style=styles.get(one.cell),
        task=one.title,
        metric=one.metric,
        value=one.published.printed,
        tag=one.tag,
        ours=one.ours_text,
        difference=NONE if one.difference is None else f"{one.difference:+.3g}".replace("-", "−", 1),
        verdict=str(one.verdict),
        why=one.verdict.why,
        source=one.source,
    )
