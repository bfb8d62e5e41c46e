"""Mistakes on the command line in one line: where, what was received, what was expected, the nearest name."""

import errno
import re

import typer

from gru_tf.commands import stopping
from gru_tf.foundation.errors import did_you_mean, mismatch

FULL = (errno.ENOSPC, errno.EDQUOT)
PLACES = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP}
CHOICES = re.compile(r"'(?P<received>.*)' is not one of (?P<valid>.+?)\.?$", re.DOTALL)


def sentence(error: typer.TyperException) -> str:
    """What is wrong with the arguments, and whose help has more; "" where the help was printed instead."""
    mistake = _of_a_value(error) or _line(error.format_message())
    context = getattr(error, "ctx", None)
    return f"{mistake} Try '{context.command_path if context else 'gru-tf'} --help'." if mistake else ""


def of_a_place(error: OSError) -> str:
    """What the system refuses of a file or a folder that was named, or of the disk; "" for any other failure."""
    place = _shortened(str(error.filename)) if error.filename else "the output"
    if error.errno in FULL:
        return f"{error.strerror}: {place}. {stopping.saved()}".strip()
    return f"{place}: {error.strerror}" if error.errno in PLACES and error.filename else ""


def _shortened(place: str, most: int = 200) -> str:
    return place if len(place) <= most else f"{place[:most]}…"


def _of_a_value(error: typer.TyperException) -> str:
    """The words of this project for one that has no valid value, "" for any other mistake."""
    from pydantic import ValidationError

    cause, parameter = error.__cause__, getattr(error, "param", None)
    if not isinstance(cause, ValidationError) or parameter is None:
        return ""
    where = parameter.opts[0] if parameter.opts[0].startswith("-") else (parameter.metavar or parameter.name.upper())
    if choice := CHOICES.search(cause.errors()[0]["msg"]):
        near = did_you_mean(choice["received"], re.findall(r"'([^']+)'", choice["valid"]))
        return _line(f"{where}: received '{choice['received']}', expected one of {choice['valid']}.{near}")
    return _line(f"{where}: {mismatch(cause.errors())}")


def _line(text: str) -> str:
    """One line that ends as a sentence does; "" stays what it is."""
    line = " ".join(text.split())
    return line if line.endswith((".", "?", "!")) or not line else f"{line}."
