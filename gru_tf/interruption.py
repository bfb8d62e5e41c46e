"""The end that a batch system asks for: SIGTERM stops a command as Ctrl-C does, with what is done kept and said."""

import signal
import types

ENDED_BY_SIGTERM = 128 + signal.SIGTERM  # as shells count
_received: list[int] = []  # of this process


def listen() -> None:
    """From now on SIGTERM raises KeyboardInterrupt, as Ctrl-C does; not where whoever started this process ignores it."""
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)


def status(interrupted: int) -> int:
    """The exit status of an interrupted command: SIGTERM's if that was it, else Ctrl-C's, which is given."""
    return ENDED_BY_SIGTERM if _received else interrupted


def _interrupt(number: int, _: types.FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not interrupt the ending; SIGKILL can
    _received.append(number)
    raise KeyboardInterrupt
