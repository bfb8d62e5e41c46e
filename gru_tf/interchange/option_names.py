"""How messages name the options of readers and writers: as Python arguments, or as options of the commands."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gru_tf.foundation import option_spelling
from gru_tf.foundation.errors import UserError, did_you_mean
from gru_tf.foundation.option_spelling import in_command

ANY = object()  # any value
RENAMED = {"scopes": "--scope", "every_step": "--last", "overwrite": "--force"}
NEGATIVE = {"embedding": "--no-embedding", "head": "--no-head", "reset_after": "--reset-before"}  # for False
PYTHON_ONLY = ("batch", "initial")


def flag(name: str, value: Any = ANY) -> str:
    """The command's option for an argument in Python: "--no-head" for head=False."""
    negative = NEGATIVE.get(name) if value is False else None
    return negative or RENAMED.get(name) or option_spelling.flag(name)


def where(name: str) -> str:
    """An option at the start of a message, as the place of the error."""
    return flag(name) if in_command() else name


def called(name: str, value: Any = ANY) -> str:
    """An option in a sentence, with a value: "`activation='relu'`", or "--activation relu"."""
    if not in_command():
        return f"`{name}`" if value is ANY else f"`{name}={value!r}`"
    return flag(name, value) if value is ANY or isinstance(value, bool) else f"{flag(name)} {value}"


def listed(names: Iterable[str]) -> str:
    """Options in one line, "none" where there are none."""
    if not in_command():
        return ", ".join(names) or "none"
    both = [(flag(name), NEGATIVE.get(name)) for name in names if name not in PYTHON_ONLY]
    return ", ".join(option for options in both for option in options if option) or "none"


def check(path: Path, options: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raise UserError for the first option that is not known for this kind of file."""
    for name, value in options.items():
        if name not in known:
            raise UserError(f"{path}: {_unknown(name, value, known)}")


def _unknown(name: str, value: Any, known: Sequence[str]) -> str:
    if in_command():  # an option of the command, but for another kind of file: no name is near
        return f"{flag(name, value)}: no option for a file of this kind. Options: {listed(known)}"
    return f"{name}: no option for a file of this kind.{did_you_mean(name, known)} Options: {listed(known)}"
