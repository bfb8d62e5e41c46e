"""The exception for a user's mistake, and the parts of its message: received, expected, and the nearest valid name."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
    "axis_type": "a list of values, or a mapping with low and high",
    "too_short": "at least one value",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:,}",
    "literal_error": "{expected}",
}
CODES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")  # that colour a terminal or move its cursor
YAML_WORDS = {"None": "null", "True": "true", "False": "false"}


class UserError(ValueError):
    """A mistake that the user can correct: one line with place, value received and value expected."""


def did_you_mean(received: str, valid: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the nearest of `valid`, or "" where none is near."""
    names = {name.lower(): name for name in valid}
    near = get_close_matches(received.lower(), list(names), n=1, cutoff=0.5)
    return f" Did you mean '{names[near[0]]}'?" if near else ""


def near_file(path: Path, endings: Iterable[str]) -> str:
    """Return ". Did you mean 'x.pt'?" for the file with one of these endings where `path` was looked for, or ""."""
    longest_first = sorted(endings, key=len, reverse=True)
    files: dict[str, list[str]] = {}
    try:
        for name in sorted(file.name for file in path.parent.iterdir()):
            if ending := _ending(name, longest_first):
                files.setdefault(name.lower().removesuffix(ending), []).append(name)
    except OSError:  # nor is there such a folder, or it is another's
        return ""
    ending = _ending(path.name, longest_first) or path.suffix.lower()  # left out: a common ending makes none near
    near = get_close_matches(path.name.lower().removesuffix(ending), list(files), n=1, cutoff=0.5)
    same = [name for stem in near for name in sorted(files[stem], key=lambda name: _ending(name, longest_first) != ending)]
    return f". Did you mean '{same[0]}'?" if same else ""


def cannot_read(path: Path, error: OSError, endings: Iterable[str] = ()) -> str:
    """The message that a file cannot be read, and why; where there is none, with the nearest name of the same endings."""
    if isinstance(error, FileNotFoundError):
        return f"{path}: no such file{near_file(path, tuple(endings) or (path.suffix,))}"
    return f"{path}: cannot be read, {error.strerror}"


def _ending(name: str, longest_first: Sequence[str]) -> str:
    """That of a file's name, "" where it has none of these."""
    return next((ending for ending in longest_first if name.lower().endswith(ending)), "")


def several(names: Sequence[str], most: int = 12) -> str:
    """Names in a line: the first ones, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def counted(number: Any, what: str) -> str:
    """A number of things, such as "2 layers" or "1 layer"."""
    digits = f"{number:,}" if isinstance(number, int) else number
    return f"{digits} {what}{'' if number == 1 else 's'}"


def shown(value: Any) -> str:
    """A received value as messages show it: in YAML's words, shortened where it is long."""
    text = repr(value)
    return YAML_WORDS.get(text, text if len(text) <= 60 else f"{text[:57]}…")


def one_line(error: BaseException | str, most: int = 200) -> str:
    """Another library's message in one line of at most `most` characters; the exception's name where there is none.

    Without what a terminal would obey, such as the colours of Keras' messages.
    """
    plain = "".join(letter for letter in CODES.sub("", str(error)) if letter.isprintable() or letter.isspace())
    return " ".join(plain.split())[:most] or type(error).__name__


def mismatch(branches: Sequence[Mapping[str, Any]]) -> str:
    """One value refused by pydantic in words, such as "received 0, expected at least 1.", without its path.

    Args:
        branches: its errors; several where the value may take several forms and has none of them.
    """
    first = branches[0]
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    words = list(dict.fromkeys(map(_expected, branches)))
    expected = " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
    near = did_you_mean(str(first["input"]), re.findall(r"'(\w+)'", expected)) if isinstance(first["input"], str) else ""
    return f"received {shown(first['input'])}, expected {expected}.{near}"


def _expected(error: Mapping[str, Any]) -> str:
    if error["type"] in EXPECTED:
        return EXPECTED[error["type"]].format(**error.get("ctx", {}))
    return str(error["msg"])
