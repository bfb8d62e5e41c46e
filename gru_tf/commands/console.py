"""The console that all commands print on, and how a line is printed as it is."""

from rich.console import Console

console = Console()


def print_line(console: Console, line: str, *, style: str | None = None, wrap: bool = False) -> None:
    """Print a line as it is: what rich takes for a style, an emoji or a number in it stays plain text.

    Args:
        console: where.
        line: without a line break.
        style: of the whole line.
        wrap: whether it is broken between words at the edge of the terminal; an address or a line of code must not be.
    """
    console.print(line, style=style, soft_wrap=not wrap, markup=False, emoji=False, highlight=False)
