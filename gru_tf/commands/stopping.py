"""What a command that is stopped has saved: of one that runs an experiment the finished runs, of another nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gru_tf.suite.progress.terminal import RunProgress

_runs: "list[RunProgress]" = []  # of this process: the display that counts its runs


@contextmanager
def watched(progress: "RunProgress") -> "Iterator[RunProgress]":
    """Show the display inside the block; what it has counted is what is saved."""
    _runs[:] = [progress]
    with progress:
        yield progress


def saved() -> str:
    """A sentence for whoever stopped the command, or whose disk is full; "" where there is nothing to continue."""
    if not _runs:
        return ""
    if not _runs[0].state.done:
        return "No run had finished yet."
    return "Finished work is saved; run the same command again to continue."
