"""What to do with a user's file: the kind of task and its options, each inference with the option that overrides it.

Only what the user left open is inferred, from the form of the file, the names and types of its columns (of its first rows)
and the values of the few columns that decide: times, groups, labels. What is ambiguous is an error with the candidates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from gru_tf.data.own import columns as checks
from gru_tf.data.own import csv_lines, dialect, files, time_columns
from gru_tf.data.own.calendar_features import FEATURES
from gru_tf.data.own.wide_series import SERIES, STEP, VALUE, Layout
from gru_tf.foundation.errors import UserError, did_you_mean, near_file, several
from gru_tf.foundation.option_spelling import spelled
from gru_tf.suite.comparison.guess import forecast, lifetimes, sentinels, sequences, wide
from gru_tf.suite.comparison.guess.columns import LABELS, Inference, head, named, prose, times
from gru_tf.suite.comparison.options import APART, COLUMNS, LISTS, only_of, options_of

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
        inferences: the options that were inferred.
    """

    kind: str
    task: str
    options: dict[str, Any]
    summary: str
    inferences: tuple[Inference, ...]


def guess(path: str, test: str | None, chosen: Mapping[str, Any]) -> Guess:
    """The task that a file and the options of the user call for; see `_guess`.

    Tables of series that are wide are read as long ones from then on.
    """
    layout = chosen.get("layout", "long")
    if layout not in get_args(Layout):
        near = did_you_mean(str(layout), get_args(Layout))
        raise UserError(f"{spelled('layout')}: received '{layout}', expected one of {', '.join(get_args(Layout))}.{near}")
    of_series = layout == "columns" or (layout == "wide" and not {"label", "features"} & chosen.keys())
    with files.read_as(chosen.get("quoting"), layout if of_series else "long"):
        return _guess(path, test, chosen)


def _guess(path: str, test: str | None, chosen: Mapping[str, Any]) -> Guess:
    """The task that a file and the options of the user call for.

    Args:
        path: of the file.
        test: of one with the same columns to test on, or None.
        chosen: option → value, without those left open; the names in `OPTIONS`, and "kind".

    Raises:
        UserError: where the file cannot be read, an option does not belong to the kind, or several could be meant.
    """
    for file in map(Path, filter(None, (path, test))):
        if file.exists() and not file.is_file():
            raise UserError(f"{file}: expected a file. Received: {'a folder' if file.is_dir() else 'something else'}")
    form = files.form(path)
    for file in map(Path, filter(None, (path, test))):
        if not file.exists():
            raise UserError(f"{file}: no such file{near_file(file, files.FORMS)}")
    if test is not None and _same(path, test):
        raise UserError(
            f"{test}: expected test data other than the training data. Received: the same content ({spelled('test')})"
        )
    first = head(path) if form == "table" else None
    if files.layout() == "long" and wide.is_of_series(first, chosen) and chosen.get("kind", "forecast") == "forecast":
        with files.read_as(chosen.get("quoting"), "wide"):
            return _guess(path, test, {"kind": "forecast", **chosen})
    inferences = [Inference(*remark) for remark in dialect.dialect(Path(path)).remarks] if _is_text(path) else []
    layout = files.layout()
    if layout != "long":
        known = {"target": (VALUE,), "group": SERIES, **({"time": STEP} if layout == "wide" else {})}
        each = f"each {'row' if layout == 'wide' else 'column of numbers'} is a series: read as columns {SERIES} and {VALUE}"
        inferences.append(Inference(each, ("layout",)))
        chosen = {"kind": "forecast", **known, **chosen, "layout": layout}
    if first is not None:
        sentinels.warn(first, inferences)
    kind = _kind(path, form, first, chosen, inferences)
    _check_options(kind, chosen)
    if first is not None:
        _check_columns(path, first, chosen)
    options = {name: value for name, value in chosen.items() if name not in APART}
    if kind == "forecast":
        task, (options, summary) = "forecast", forecast.guess(path, first, options, inferences)
    elif kind == "text":
        labels = None if chosen.get("kind") == "text" else chosen.get("kind")
        task, (options, summary) = "texts", sequences.guess_texts(path, first, labels, options, inferences)
    else:
        labels = chosen.get("kind")
        task, (options, summary) = "sequences", sequences.guess(path, form, first, labels, options, inferences)
        kind = str(options["kind"])
    return Guess(kind, task, {"path": path, **options, **({"test_path": test} if test else {})}, summary, tuple(inferences))


def _kind(path: str, form: str, first: Any, chosen: Mapping[str, Any], inferences: list[Inference]) -> str:
    """One of `KINDS`; "class" stands for sequences of any kind until their labels have been seen."""
    requested = chosen.get("kind")
    if requested is not None and requested not in KINDS:
        near = did_you_mean(str(requested), KINDS)
        raise UserError(f"{spelled('kind')}: received '{requested}', expected one of {', '.join(KINDS)}.{near}")
    if form != "table":
        if requested in ("forecast", "text"):
            raise UserError(
                f"{path}: expected {spelled('kind')} class or value for a file of sequences. Received: {requested}"
            )
        return "class"
    if requested is not None:
        if requested == "forecast" or any(name in chosen for name in only_of("sequences")):
            return str(requested)
        texts = "text" in chosen or (prose(first) and ("label" in chosen or named(first, LABELS)))
        return "text" if texts else str(requested)  # texts have classes or values as well
    for kind in ("text", "class", "forecast"):
        if any(name in chosen for name in only_of(FORMS[kind])):
            if kind == "forecast":
                lifetimes.expect_no_forecast(path, first, chosen.get("target", ()))
            return kind
    return _from_columns(path, first, chosen, inferences)


def _from_columns(path: str, first: Any, chosen: Mapping[str, Any], inferences: list[Inference]) -> str:
    if wide.is_wide(first, chosen) and wide.labels(first, chosen):
        return "class"
    words, labels, moments = prose(first), named(first, LABELS), times(first) or time_columns.recognised(first)
    if words and ("label" in chosen or labels):
        inferences.append(Inference(f"texts with a label, because '{words[0]}' holds words", ("kind",)))
        return "text"
    if words and (few := sequences.beside_text(first, words[0])):
        why = f"'{words[0]}' holds words and '{few}', the only other column, few values"
        inferences.append(Inference(f"texts with a label, because {why}", ("kind",)))
        return "text"
    if "label" in chosen or (labels and sequences.ids(first)):
        inferences.append(Inference(f"sequences with a label, '{chosen.get('label') or labels[0]}'", ("kind",)))
        return "class"
    if runs := lifetimes.lifetimes(first):
        why = f"'{runs.label}' counts down to the end of each '{runs.id}'"
        inferences.append(Inference(f"runs to failure: {why}, a value at every step", ("kind", "label", "id")))
        return "class"
    if moments:
        inferences.append(Inference(f"a forecast, because '{moments[0]}' holds times", ("kind",)))
        return "forecast"
    target, label, sequence, text = map(spelled, ("target", "label", "id", "text"))
    machines = lifetimes.counted(first)
    each = "'{1}' counts the rows of each '{0}': a column may say what remains of each"
    life = f"; {each.format(*machines)}" if machines else ""
    raise UserError(
        f"{path}: cannot infer what to predict. Specify {target} (for a forecast), {label} and {sequence} (for sequences),"
        f" or {text} and {label} (for texts){life}. Columns: {several(list(first.columns))}"
    )


def _is_text(path: str) -> bool:
    return path.lower().endswith(csv_lines.SUFFIXES)


def _same(path: str, test: str) -> bool:
    """Whether two files have the same content."""
    return Path(path).stat().st_size == Path(test).stat().st_size and files.digest(path) == files.digest(test)


def _check_columns(path: str, first: Any, chosen: Mapping[str, Any]) -> None:
    """Raise DatasetError for a column that the table does not have, naming the option that wants it.

    Inputs of the calendar are no columns, and a column of times may have a comma in its name: forecasts look at these.
    """
    for option in COLUMNS:
        if option in chosen and option != "time":
            wanted = chosen[option] if option in LISTS else [chosen[option]]
            wanted = [name for name in wanted if option not in ("covariates", "known") or name not in FEATURES]
            names = list(map(str, checks.joined(first, wanted).columns))
            checks.named(names, wanted, f"{path}: {spelled(option)}")


def _check_options(kind: str, chosen: Mapping[str, Any]) -> None:
    for name in chosen:
        if name != "kind" and name not in OPTIONS[kind]:
            whose = list(dict.fromkeys(NAMES[other] for other in KINDS if name in OPTIONS[other]))
            raise UserError(
                f"{spelled(name)}: this option is for {' and '.join(whose)}, but the data are read as {NAMES[kind]}."
                f" Options for {NAMES[kind]}: {', '.join(map(spelled, OPTIONS[kind]))}"
            )
