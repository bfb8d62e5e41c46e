"""What stands beside the table: the answer in two sentences, verdicts on claims, published numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module, util
from typing import Any

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
    found: Sequence[str] = _asked("answer", "answer", findings.evidence)
    return found


def verdicts(findings: Findings) -> Sequence[Any]:
    """A verdict on each claim that the experiment states."""
    found: Sequence[Any] = _asked("claims", "judge", findings.experiment, findings.runs)
    return found


def published(findings: Findings) -> list[Number]:
    """The published numbers that the experiment names."""
    looks = signs.of(findings.experiment.cells)
    return [_number(one, looks) for one in _asked("published", "beside", findings.experiment, findings.runs)]


def _number(one: Any, looks: dict[str, Sign]) -> Number:
    return Number(
        cell=one.cell,
        sign=looks.get(one.cell),
        task=one.title,
        metric=one.metric,
        value=f"{one.published.value:g}",
        tag=one.published.tag,
        ours=interval(one.ours) if one.ours else NONE,
        difference=NONE if one.difference is None else f"{one.difference:+.3g}".replace("-", "−", 1),
        source=one.published.source,
    )


def _asked(module: str, function: str, *arguments: Any) -> Any:
    """What a function of this package says; nothing where the package has no such module."""
    if util.find_spec(f"gru_tf.{module}") is None:
        return ()
    return getattr(import_module(f"gru_tf.{module}"), function)(*arguments)
