"""A line on a terminal that says what is waited for, and for how long."""

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


def spinner(console: Console, text: str) -> Progress:
    """What is waited for, once it is started, and gone when it is stopped; nothing where the console is no terminal."""
    columns = SpinnerColumn("line"), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    display = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    display.add_task(text, total=None)
    return display
