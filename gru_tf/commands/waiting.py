"""What a command waits for, on the terminal at once: libraries and data take seconds, and silence looks like a fault."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from gru_tf.commands.console import console


@contextmanager
def waiting(text: str, shown_on: Console | None = None) -> Iterator[None]:
    """Show what is waited for and for how long, until the end of the block; nothing where there is no terminal.

    Args:
        text: such as "importing TensorFlow".
        shown_on: standard output if None; standard error where output is data.
    """
    screen = console if shown_on is None else shown_on
    if not screen.is_terminal or (screen is console and not screen.file.isatty()):  # FORCE_COLOR makes no terminal of a file
        yield
        return
    from gru_tf.foundation.spinner import spinner

    if not screen.stderr:
        with spinner(screen, text):
            yield
        return
    with os.fdopen(os.dup(2), "w") as terminal, spinner(Console(file=terminal), text):  # what holds stderr back lets it spin
        yield
