"""What stands beside the table: the answer in two sentences, verdicts on claims, published numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from gru_tf import answer as answers
from gru_tf import claims
from gru_tf import published as numbers
from gru_tf.report import signs
from gru_tf.report.findings import Findings
from gru_tf.report.signs import Sign
from gru_tf.report.tables import NONE
from gru_tf.table import interval


@dataclass(frozen=True)
class Number:
    """A published number beside ours, as text."""

    cell: str
    sign: Sign | None
    task: str
    metric: str
    value: str
    tag: str
    ours: str
    difference: str
    source: str


def answer(findings: Findings) -> Sequence[str]:
    """The answer in two sentences."""
    return answers.answer(findings.evidence)


def verdicts(findings: Findings) -> Sequence[claims.Verdict]:
    """A verdict on each claim that the experiment states."""
    return claims.judge(findings.experiment, findings.runs)


def published(findings: Findings) -> list[Number]:
    """The published numbers that the experiment names."""
    looks = signs.of(findings.experiment.cells)
    return [_number(one, looks) for one in numbers.beside(findings.experiment, findings.runs)]


def _number(one: numbers.Beside, looks: dict[str, Sign]) -> Number:
    return Number(
        cell=one.cell,
        sign=looks.get(one.cell),
        task=one.title,
        metric=one.metric,
        value=f"{one.published.value:g}",
        tag=one.tag,
        ours=interval(one.ours) if one.ours else NONE,
        difference=NONE if one.difference is None else f"{one.difference:+.3g}".replace("-", "−", 1),
        source=one.source,
    )
