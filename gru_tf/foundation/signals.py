"""SIGTERM, as batch systems send it, stops a command as Ctrl-C does: finished runs stay, and the exit status says why."""

import signal
import types
from collections.abc import Iterator
from contextlib import contextmanager

ENDED_BY_SIGTERM = 128 + signal.SIGTERM  # as shells count
_received: list[int] = []  # of this process


def listen() -> None:
    """From now on SIGTERM raises KeyboardInterrupt, as Ctrl-C does; not where whoever started this process ignores it."""
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)


@contextmanager
def restored() -> Iterator[None]:
    """Give SIGTERM back to `listen` after the block, which may install a handler of its own that exits, as Ray does."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit:
        if before is _interrupt:
            _interrupt(signal.SIGTERM, None)
        raise
    finally:
        if before is _interrupt and signal.getsignal(signal.SIGTERM) is not before:
            signal.signal(signal.SIGTERM, before)


def status(interrupted: int) -> int:
    """The exit status of an interrupted command: SIGTERM's if that was received, else `interrupted`, Ctrl-C's."""
    return ENDED_BY_SIGTERM if _received else interrupted


def _interrupt(number: int, _: types.FrameType | None) -> None:
    if not _received:  # a second one must not interrupt the ending; ignored, it would be so by all that is started later
        _received.append(number)
        raise KeyboardInterrupt
