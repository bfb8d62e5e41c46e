"""What messages call the options of readers and writers: as a Python caller gives them, or as the commands have them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from gru_tf.foundation.errors import did_you_mean

ANY = object()  # whatever its value is
RENAMED = {"scopes": "--scope", "every_step": "--last", "overwrite": "--force"}
REFUSED = {"embedding": "--no-embedding", "head": "--no-head", "reset_after": "--reset-before"}  # given as False
OF_PYTHON = ("batch", "initial")  # no command has them
_OF_COMMANDS: ContextVar[bool] = ContextVar("of_commands", default=False)


@contextmanager
def of_commands() -> Iterator[None]:
    """Inside, messages have the options of `gru-tf import` and `gru-tf export`; elsewhere those of Python's functions."""
    before = _OF_COMMANDS.set(True)
    try:
        yield
    finally:
        _OF_COMMANDS.reset(before)


def flag(name: str, value: Any = ANY) -> str:
    """The command's option for one of Python: "--no-head" for head=False."""
    other = REFUSED.get(name) if value is False else None
    return other or RENAMED.get(name, f"--{name.replace('_', '-')}")


def where(name: str) -> str:
    """An option at the start of a message, as the place of the mistake."""
    return flag(name) if _OF_COMMANDS.get() else name


def called(name: str, value: Any = ANY) -> str:
    """An option in a sentence, with a value to give it: "`activation='relu'`", or "--activation relu"."""
    if not _OF_COMMANDS.get():
        return f"`{name}`" if value is ANY else f"`{name}={value!r}`"
    return flag(name, value) if value is ANY or isinstance(value, bool) else f"{flag(name)} {value}"


def listed(names: Iterable[str]) -> str:
    """Options in a line, "none" where there are none."""
    if not _OF_COMMANDS.get():
        return ", ".join(names) or "none"
    theirs = [name for name in names if name not in OF_PYTHON]
    return ", ".join(option for name in theirs for option in (flag(name), REFUSED.get(name)) if option) or "none"


def unknown(name: str, value: Any, known: Sequence[str]) -> str:
    """That a file of this kind has no such option, in words."""
    if _OF_COMMANDS.get():  # an option of the command, but of another kind of file: none is near
        return f"{flag(name, value)}: no option for a file of this kind. Options: {listed(known)}"
    return f"{name}: no option for a file of this kind.{did_you_mean(name, known)} Options: {listed(known)}"
