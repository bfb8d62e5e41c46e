"""What a command waits for, on the terminal at once: libraries and data take seconds, and silence looks like a fault."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from gru_tf.commands.console import console
from gru_tf.foundation import stage

if TYPE_CHECKING:
    from rich.progress import Progress


@contextmanager
def waiting(text: str, shown_on: Console | None = None) -> Iterator[None]:
    """Show what is waited for and for how long, until the end of the block; nothing where there is no terminal.

    What is said inside by `gru_tf.foundation.stage.say` follows it.

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
        with spinner(screen, text) as display, _staged(display, text):
            yield
        return
    with (
        os.fdopen(os.dup(2), "w") as terminal,  # what holds stderr back lets it spin
        spinner(Console(file=terminal), text) as display,
        _staged(display, text),
    ):
        yield


def _staged(display: "Progress", text: str) -> AbstractContextManager[None]:
    """Inside, what is said of the work follows the text."""
    return stage.heard(lambda detail: display.update(display.task_ids[0], description=f"{text}: {detail}"))
