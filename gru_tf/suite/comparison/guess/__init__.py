"""What to do with a user's file: the kind of task and its options, each guess with the option that says otherwise.

Only what the user left open is guessed, from the form of the file, the names and types of its columns (of its first rows)
and the values of the few columns that decide: times, groups, labels. What cannot be told is an error with the candidates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gru_tf.data.own import files
from gru_tf.foundation.errors import UserError, did_you_mean, near_file, several
from gru_tf.suite.comparison.guess import forecast, sequences
from gru_tf.suite.comparison.guess.columns import LABELS, Said, head, named, prose, times
from gru_tf.suite.comparison.options import only_of, options_of

KINDS = ("forecast", "class", "value", "text")
FORMS = {"forecast": "forecast", "class": "sequences", "value": "sequences", "text": "texts"}  # kind → form of its data
OPTIONS = {kind: options_of(form) for kind, form in FORMS.items()}
NAMES = {"forecast": "a forecast", "class": "sequences", "value": "sequences", "text": "texts"}


@dataclass(frozen=True)
class Guess:
    """A task for a file.

    Args:
        kind: "forecast", "class", "value" or "text".
        task: name in the catalogue; options: its own, without the checksum.
        summary: the task in words.
        said: what was guessed.
    """

    kind: str
    task: str
    options: dict[str, Any]
    summary: str
    said: tuple[Said, ...]


def guess(path: str, test: str | None, given: Mapping[str, Any]) -> Guess:
    """The task meant by a file and the options that were given.

    Args:
        path: of the file.
        test: of one with the same columns to test on, or None.
        given: option → value, without those left open; the names in `OPTIONS`, and "kind".

    Raises:
        UserError: where the file cannot be read, an option does not belong to the kind, or it cannot be told what is meant.
    """
    for file in map(Path, filter(None, (path, test))):
        if file.exists() and not file.is_file():
            raise UserError(f"{file}: expected a file. Received: {'a folder' if file.is_dir() else 'something else'}")
    form = files.form(path)
    for file in map(Path, filter(None, (path, test))):
        if not file.exists():
            raise UserError(f"{file}: no such file{near_file(file, files.FORMS)}")
    if test is not None and _same(path, test):
        raise UserError(f"{test}: expected another file to test on than the one to learn from. Received: the same (test)")
    first = head(path) if form == "table" else None
    said: list[Said] = []
    kind = _kind(path, form, first, given, said)
    _belonging(kind, given)
    options = {name: value for name, value in given.items() if name != "kind"}
    if kind == "forecast":
        task, (made, summary) = "forecast", forecast.guess(path, first, options, said)
    elif kind == "text":
        labels = None if given.get("kind") == "text" else given.get("kind")
        task, (made, summary) = "texts", sequences.guess_texts(path, first, labels, options, said)
    else:
        labels = given.get("kind")
        task, (made, summary) = "sequences", sequences.guess(path, form, first, labels, options, said)
        kind = str(made["kind"])
    return Guess(kind, task, {"path": path, **({"test_path": test} if test else {}), **made}, summary, tuple(said))


def _kind(path: str, form: str, first: Any, given: Mapping[str, Any], said: list[Said]) -> str:
    """One of `KINDS`; "class" stands for sequences of any kind until their labels have been seen."""
    asked = given.get("kind")
    if asked is not None and asked not in KINDS:
        raise UserError(f"kind: received '{asked}', expected one of {', '.join(KINDS)}.{did_you_mean(str(asked), KINDS)}")
    if form != "table":
        if asked in ("forecast", "text"):
            raise UserError(f"{path}: expected kind class or value for a file of sequences. Received: {asked}")
        return "class"
    if asked is not None:
        if asked == "forecast" or any(name in given for name in only_of("sequences")):
            return str(asked)
        texts = "text" in given or (prose(first) and ("label" in given or named(first, LABELS)))
        return "text" if texts else str(asked)  # texts too have classes or values
    for kind in ("text", "class", "forecast"):
        if any(name in given for name in only_of(FORMS[kind])):
            return kind
    return _from_columns(path, first, given, said)


def _from_columns(path: str, first: Any, given: Mapping[str, Any], said: list[Said]) -> str:
    words, labels, moments = prose(first), named(first, LABELS), times(first)
    if words and ("label" in given or labels):
        said.append(Said(f"texts with a label, as '{words[0]}' holds words", ("kind",)))
        return "text"
    if "label" in given or (labels and named(first, ("id",))):
        said.append(Said(f"sequences with a label, '{given.get('label') or labels[0]}'", ("kind",)))
        return "class"
    if moments:
        said.append(Said(f"a forecast, as '{moments[0]}' holds times", ("kind",)))
        return "forecast"
    raise UserError(
        f"{path}: expected to be told what to learn: a forecast (target), sequences (label and id) or texts (text and"
        f" label). Columns: {several(list(first.columns))}"
    )


def _same(path: str, test: str) -> bool:
    """Whether two files have the same content."""
    return Path(path).stat().st_size == Path(test).stat().st_size and files.digest(path) == files.digest(test)


def _belonging(kind: str, given: Mapping[str, Any]) -> None:
    for name in given:
        if name != "kind" and name not in OPTIONS[kind]:
            whose = list(dict.fromkeys(NAMES[other] for other in KINDS if name in OPTIONS[other]))
            raise UserError(
                f"{name}: an option of {' and '.join(whose)}, not of {NAMES[kind]}, which this is."
                f" Options of {NAMES[kind]}: {', '.join(OPTIONS[kind])}"
            )
