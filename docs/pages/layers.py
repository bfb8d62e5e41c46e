"""The table of public layers and cells in docs/reference/layers.md, the rest of which is written by hand."""

import ast
import re
from pathlib import Path

import gru_tf
from pages.docstrings import first, table
from pages.python_api import GROUPS

PAGE = Path(__file__).resolve().parents[1] / "reference" / "layers.md"
HEADING = "| name | what it is |\n"


def lines() -> list[str]:
    """The table: each public name of layers and cells, with the first sentence of its docstring."""
    return list(table(("name", "what it is"), [(f"`{name}`", _sentence(name)) for name in GROUPS["layers"].names]))


def current(text: str) -> str:
    """The page's text with the table as it is now."""
    before, heading, after = text.partition(HEADING)
    rest = re.sub(r"\A(?:\|.*\n)*", "", after)
    return f"{before}{chr(10).join(lines())}\n{rest}" if heading else text


def refresh() -> None:
    """Write the page where its table has changed."""
    text = PAGE.read_text(encoding="utf-8")
    if text != current(text):
        PAGE.write_text(current(text), encoding="utf-8")


def _sentence(name: str) -> str:
    """Read off the source, so that Keras need not be imported."""
    _, *folders = gru_tf._HOMES[name].split(".")
    source = Path(gru_tf.__file__).parent.joinpath(*folders).with_suffix(".py")
    nodes = ast.parse(source.read_text(encoding="utf-8")).body
    node = next(n for n in nodes if isinstance(n, ast.ClassDef | ast.FunctionDef) and n.name == name)
    return first(ast.get_docstring(node)).partition("\n")[0]
