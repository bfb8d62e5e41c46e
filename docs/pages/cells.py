"""The page of cells: equations, options and source of each, from the docstring of its module."""

import ast
import re
from collections.abc import Iterator
from itertools import zip_longest

from gru_tf.commands import listing
from gru_tf.recurrent.cells import CELLS
from pages.docstrings import prose, table

HEAD = """# Cells

What `cells:` of an experiment and `--cells` of `gru-tf compare` take: a name, with options in braces where it has any, as in
`gru: {reset_after: false}`. The Keras classes are described under [layers and cells](python/layers.md). x is a row of I
features, h a row of H units, σ the logistic function, ∘ a product number by number.
"""


def page() -> str:
    """The whole text."""
    return "\n".join([HEAD, *(line for name in CELLS.names() for line in _section(name))])


def _section(name: str) -> Iterator[str]:
    words = ast.get_docstring(CELLS.parsed(name)) or ""
    yield from (f"## {name}", "", re.sub(r"(?m)(?:^    .+\n)+", _closer, prose(words)), "")
    rows = [option.partition(": ")[::2] for option in filter(None, listing.cell_options(name).split("; "))]
    if rows:
        yield from table(("option", "values, default first"), [(f"`{key}`", _values(values)) for key, values in rows])
        yield ""


def _closer(block: re.Match[str]) -> str:
    """Equations, names and sources in columns as wide as they need, so that more of them fit beside the sidebars."""
    lines = [re.split(r" {3,}", line.strip()) for line in block[0].splitlines()]
    widths = [max(len(part) for part in column) for column in zip_longest(*lines, fillvalue="")]
    padded = ("  ".join(part.ljust(width) for part, width in zip(line, widths, strict=False)) for line in lines)
    return "".join(f"    {line.rstrip()}\n" for line in padded)


def _values(values: str) -> str:
    return ", ".join(f"`{value}`" for value in values.split(" | "))
