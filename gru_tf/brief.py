"""An experiment in brief, in Markdown: its question, the answer, a table a task; what a dashboard shows beside it."""

import re
from collections.abc import Iterable, Mapping, Sequence

from gru_tf.evidence import Evidence, TaskEvidence
from gru_tf.table import Row, interval

LONGEST = 7_500  # characters; a tag of MLflow has room for 8,000
COLUMNS = ("cell", "units", "parameters", "mean [95 % interval]", "chance", "ms/step", "seeds", "failed")
ARROWS = {"max": "↑", "min": "↓"}


def markdown(
    evidence: Evidence, answer: Sequence[str] = (), links: Mapping[str, str] | None = None, longest: int = LONGEST
) -> str:
    """The text.

    Args:
        evidence: what the results say.
        answer: its sentences.
        links: what else there is to see, and its address.
        longest: characters that there is room for; tables that do not fit are left out, whole, and counted.
    """
    question = f"**{escaped(evidence.experiment.question)}**"
    link = " · ".join(f"[{text}]({address})" for text, address in (links or {}).items())
    blocks = list(filter(None, [question, *map(escaped, answer), link]))
    tables = [_table(task) for task in evidence.tasks]
    for number, table in enumerate(tables):
        left = len(tables) - number
        if len("\n\n".join([*blocks, table, *([_more(evidence, left - 1)] if left > 1 else [])])) > longest:
            return "\n\n".join([*blocks, _more(evidence, left)])
        blocks.append(table)
    return "\n\n".join(blocks)


def _more(evidence: Evidence, tables: int) -> str:
    return f"{tables} more: `gru-tf results {evidence.experiment.name}`"


def escaped(text: str) -> str:
    r"""Text that Markdown shows as it is: "gru\_reset\_before"."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", text)


def _table(task: TaskEvidence) -> str:
    metric = f": test {task.metric} {ARROWS[task.direction]}" if task.metric else ""
    lines = [_line(COLUMNS), _line(["---", *["---:"] * (len(COLUMNS) - 1)])]
    return "\n".join([f"{escaped(task.title)}{metric}", "", *lines, *(_line(_row(cell.row)) for cell in task.cells)])


def _row(row: Row) -> list[str]:
    found = [
        row.cell,
        "–" if row.units is None else f"{row.units:,}",
        "–" if row.parameters is None else f"{row.parameters:,}",
        "–" if row.test is None else interval(row.test),
        "–" if row.chance is None else f"{row.chance:.3g}",
        "–" if row.step_ms is None else f"{row.step_ms:.2f}",
        f"{row.seeds}/{row.wanted}",
        str(len(row.failures)),
    ]
    return list(map(escaped, found))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
