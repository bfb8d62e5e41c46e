"""How messages name the options of readers and writers: as Python arguments, or as options of the commands."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from gru_tf.foundation.errors import UserError, did_you_mean

ANY = object()  # any value
RENAMED = {"scopes": "--scope", "every_step": "--last", "overwrite": "--force"}
NEGATIVE = {"embedding": "--no-embedding", "head": "--no-head", "reset_after": "--reset-before"}  # for False
PYTHON_ONLY = ("batch", "initial")
_OF_COMMANDS: ContextVar[bool] = ContextVar("of_commands", default=False)


@contextmanager
def of_commands() -> Iterator[None]:
    """Inside, messages name the options of `gru-tf import` and `gru-tf export`; elsewhere the arguments in Python."""
    before = _OF_COMMANDS.set(True)
    try:
        yield
    finally:
        _OF_COMMANDS.reset(before)


def flag(name: str, value: Any = ANY) -> str:
    """The command's option for an argument in Python: "--no-head" for head=False."""
    negative = NEGATIVE.get(name) if value is False else None
    return negative or RENAMED.get(name, f"--{name.replace('_', '-')}")


def where(name: str) -> str:
    """An option at the start of a message, as the place of the error."""
    return flag(name) if _OF_COMMANDS.get() else name


def called(name: str, value: Any = ANY) -> str:
    """An option in a sentence, with a value: "`activation='relu'`", or "--activation relu"."""
    if not _OF_COMMANDS.get():
        return f"`{name}`" if value is ANY else f"`{name}={value!r}`"
    return flag(name, value) if value is ANY or isinstance(value, bool) else f"{flag(name)} {value}"


def listed(names: Iterable[str]) -> str:
    """Options in one line, "none" where there are none."""
    if not _OF_COMMANDS.get():
        return ", ".join(names) or "none"
    both = [(flag(name), NEGATIVE.get(name)) for name in names if name not in PYTHON_ONLY]
    return ", ".join(option for options in both for option in options if option) or "none"


def check(path: Path, options: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raise UserError for the first option that is not known for this kind of file."""
    for name, value in options.items():
        if name not in known:
            raise UserError(f"{path}: {_unknown(name, value, known)}")


def _unknown(name: str, value: Any, known: Sequence[str]) -> str:
    if _OF_COMMANDS.get():  # an option of the command, but for another kind of file: no name is near
        return f"{flag(name, value)}: no option for a file of this kind. Options: {listed(known)}"
    return f"{name}: no option for a file of this kind.{did_you_mean(name, known)} Options: {listed(known)}"
