"""Docstrings as Markdown, in which this package writes them: the words before the first heading, and the arguments."""

import re
from collections.abc import Iterator, Sequence
from inspect import cleandoc

HEADINGS = r"\n(?:Args|Raises|Returns|Warns|Attributes|Example):\n"


def first(docstring: str | None) -> str:
    """A docstring up to its first heading, "Args:" or another."""
    return re.split(HEADINGS, cleandoc(docstring or ""))[0].strip()


def arguments(docstring: str | None) -> dict[str, str]:
    """Argument → its description in one line; "a, b: both" describes two."""
    descriptions: dict[str, str] = {}
    _, _, args = cleandoc(docstring or "").partition("\nArgs:\n")
    body = re.split(r"\n(?=\S)", args)[0]  # up to the next heading
    for entry in re.split(r"\n(?=    \S)", body):
        key, _, words = entry.strip().partition(": ")
        descriptions |= dict.fromkeys(key.split(", "), " ".join(words.split()))
    return descriptions


def prose(text: str) -> str:
    """Text in which "<" begins no tag, but for code: in backticks or indented."""
    return re.sub(r"(?m)(^    .*$|`[^`]*`)|<", lambda match: match[1] or "&lt;", text)


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table; a bar inside a cell is kept from ending it."""
    yield f"| {' | '.join(heading)} |"
    yield f"|{'---|' * len(heading)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
