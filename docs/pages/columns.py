"""The page of columns: what is known of a run, as `results.frame` and CSV have it."""

from gru_tf.analysis.formats.columns import COLUMNS, RunColumn
from pages.docstrings import prose, table

KINDS = {"Int64": "whole number", "float64": "number", "boolean": "true or false", "string": "text"}
HEAD = """# Columns of the runs

One line a run, trials and final seeds: of `results.frame`, of `gru-tf results NAME --format csv`, and of `runs` in the JSON
document. [Results in other forms](results.md) says how they are read, and which quantity has which name where.
"""
MORE = (
    "`test_…`, `chance_…`",
    "number",
    "further metrics and metrics on further splits, as `test_mae`; where a task has them",
)


def page() -> str:
    """The whole text."""
    rows = [(f"`{column.name}`", kind(column), prose(column.meaning)) for column in COLUMNS]
    return "\n".join([HEAD, *table(("column", "type", "what"), [*rows, MORE]), ""])


def kind(column: RunColumn) -> str:
    """The type in words, or the categories."""
    if isinstance(column.kind, str):
        return KINDS.get(column.kind, "time, UTC")
    return ", ".join(column.kind) or "category"
