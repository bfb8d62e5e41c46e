"""How messages name an option: `batch_size`, as in Python and YAML, or `--batch-size`, as the command that runs has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_OF_COMMANDS: ContextVar[bool] = ContextVar("of_commands", default=False)


@contextmanager
def of_commands() -> Iterator[None]:
    """Inside, messages name the options of the command that runs; elsewhere the arguments in Python."""
    before = _OF_COMMANDS.set(True)
    try:
        yield
    finally:
        _OF_COMMANDS.reset(before)


def in_command() -> bool:
    """Whether whoever reads the messages wrote a command."""
    return _OF_COMMANDS.get()


def flag(name: str) -> str:
    """The command's option for an argument in Python: "--batch-size"."""
    return f"--{name.replace('_', '-')}"


def spelled(name: str) -> str:
    """An option as whoever reads the message wrote it: "batch_size", or "--batch-size"."""
    return flag(name) if in_command() else name


def quoted(name: str) -> str:
    """The same among other words: "'batch_size'", or "--batch-size"."""
    return flag(name) if in_command() else f"'{name}'"


def setting(name: str, value: object) -> str:
    """An option with its value: "missing: drop", or "--missing drop"."""
    return f"{flag(name)} {value}" if in_command() else f"{name}: {value}"
