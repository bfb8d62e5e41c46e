"""A summary of an experiment in Markdown for a dashboard: its question, the answer, a table a task."""

import re
from collections.abc import Mapping, Sequence

from gru_tf.analysis.answer import Line
from gru_tf.analysis.evidence import Evidence, TaskEvidence
from gru_tf.analysis.formats.markup import piped
from gru_tf.analysis.table_text import metric

LONGEST = 7_500  # characters; a tag of MLflow has room for 8,000


def markdown(
    evidence: Evidence, answer: Sequence[Line] = (), links: Mapping[str, str] | None = None, longest: int = LONGEST
) -> str:
    """The text.

    Args:
        evidence: what the results say.
        answer: its lines.
        links: what else there is to see, and its address.
        longest: characters that there is room for; tables that do not fit are left out, whole, and counted.
    """
    question = f"**{escaped(evidence.experiment.question)}**"
    link = " · ".join(f"[{text}]({address})" for text, address in (links or {}).items())
    blocks = list(filter(None, [question, *map(_line, answer), link]))
    tables = [_table(task) for task in evidence.tasks]
    for number, table in enumerate(tables):
        left = len(tables) - number
        if len("\n\n".join([*blocks, table, *([_more(evidence, left - 1)] if left > 1 else [])])) > longest:
            return "\n\n".join([*blocks, _more(evidence, left)])
        blocks.append(table)
    return "\n\n".join(blocks)


def _line(line: Line) -> str:
    """The task in bold, then what is said of it."""
    return f"**{escaped(line.task)}**: {escaped(line.text)}" if line.task else escaped(line.text)


def _more(evidence: Evidence, tables: int) -> str:
    return f"{tables} more {'table' if tables == 1 else 'tables'}: `gru-tf results {evidence.experiment.name}`"


def escaped(text: str) -> str:
    r"""Text that Markdown shows as it is: "gru\_reset\_before"."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", text)


def _table(task: TaskEvidence) -> str:
    block = [cell.row for cell in (*task.cells, *task.baselines) if not cell.row.left_out]
    measured = metric(block)
    return f"{escaped(task.title)}{f': {measured}' if measured else ''}\n\n{piped(block, escaped)}"
