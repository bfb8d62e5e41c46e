"""Docstrings as this package writes them, made what Sphinx reads: indented blocks, and names that go on in the next line."""

import re
from typing import Any

from sphinx.application import Sphinx

BEFORE_NAPOLEON = 400
SEVERAL = re.compile(r"    \S.*,$")  # names of arguments that the next line continues


def literal(lines: list[str]) -> list[str]:
    """The lines, with "::" before each block that is indented by four spaces after an empty line."""
    marked: list[str] = []
    inside = False
    for place, line in enumerate(lines):
        indented = line.startswith("    ")
        begins = indented and not inside and place > 1 and not lines[place - 1].strip()
        if begins and not re.match(r"\s|[*-] ", lines[place - 2]):
            marked += ["::", ""]
        inside = indented or (inside and not line.strip())
        marked.append(line)
    return marked


def joined(lines: list[str]) -> list[str]:
    """The lines, each argument with all of its names in one."""
    whole: list[str] = []
    for line in lines:
        if whole and SEVERAL.match(whole[-1]) and ": " not in whole[-1] and line.startswith("        "):
            whole[-1] += f" {line.strip()}"
        else:
            whole.append(line)
    return whole


def process(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """For autodoc, which wants its list changed in place."""
    lines[:] = joined(literal(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to autodoc, before it reads headings such as "Args:"."""
    app.connect("autodoc-process-docstring", process, priority=BEFORE_NAPOLEON)
    return {"parallel_read_safe": True}
