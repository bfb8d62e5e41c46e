"""Entries of a list on the terminal, in a module that imports no results: listing is to be fast."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text


def grid(named: Iterable[tuple[str, str, str]]) -> Table:
    """Names with a line each, and their options below."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column()
    for name, line, options in named:
        grid.add_row(Text(f"  {name}"), Text(line))
        if options:
            grid.add_row("", Text(options, style="dim"))
    return grid
