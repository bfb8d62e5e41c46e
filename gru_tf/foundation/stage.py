"""What long work is doing just now, for whoever shows it: the work says it, and knows nothing of a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_listener: ContextVar[Callable[[str], object] | None] = ContextVar("listener", default=None)


def say(text: str) -> None:
    """Say what is being done, such as "comparing with onnxruntime 1.32.0, batch of 3"; nothing where none listens."""
    listener = _listener.get()
    if listener is not None:
        listener(text)


@contextmanager
def heard(listener: Callable[[str], object]) -> Iterator[None]:
    """Inside, `listener` gets what is said."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
