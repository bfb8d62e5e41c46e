"""The end that a batch system asks for: SIGTERM stops a command as Ctrl-C does, with what is done kept and said."""

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
    """What is called inside may take SIGTERM for itself and exit at it, as Ray does; then it is ours again, if it was."""
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
    """The exit status of an interrupted command: SIGTERM's if that was it, else Ctrl-C's, which is given."""
    return ENDED_BY_SIGTERM if _received else interrupted


def _interrupt(number: int, _: types.FrameType | None) -> None:
    if not _received:  # a second one must not interrupt the ending; ignored, it would be so by all that is started later
        _received.append(number)
        raise KeyboardInterrupt
