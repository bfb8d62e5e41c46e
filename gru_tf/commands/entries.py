"""Entries of a list on the terminal, in a module that imports no results: listing is to be fast."""

from collections.abc import Iterable

from rich.text import Text

from gru_tf.commands import fitted


def grid(named: Iterable[tuple[str, str, str]]) -> fitted.FittedTable:
    """Names with a line each, and their options below."""
    table = fitted.grid()
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for name, line, options in named:
        table.add_row(Text(f"  {name}"), Text(line))
        if options:
            table.add_row("", Text(options, style="dim"))
    return table
