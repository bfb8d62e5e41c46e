"""The options of sequences and of texts that the user left open: label, id, order, and whether labels are classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gru_tf.data.own import columns, files
from gru_tf.foundation.errors import UserError, did_you_mean, several
from gru_tf.suite.comparison.guess.columns import LABELS, ORDERS, Said, idle, is_text, named, prose, times

CLASSES = 20  # whole numbers of more values than these are values, not classes
SHOWN = 4  # names in a line
FEW = 1_000  # values of a column that may give a label away
IDS = ("id", "sequence", "series", "case", "sample", "recording", "session")

Given = Mapping[str, Any]


def guess(path: str, form: str, head: Any, kind: str | None, given: Given, said: list[Said]) -> tuple[dict[str, Any], str]:
    """The options of sequences with a label, and they in words; each guess is added to `said`.

    Args:
        path: of the file.
        form: of the file: "table", "arrays" or "series".
        head: its first rows where it is a table.
        kind: "class" or "value" where the user says.
        given: the options that the user says.
        said: guesses so far.

    Raises:
        UserError: where a column or array is not there, or several could be meant.
    """
    found = dict(given)
    if form == "table":
        columns.have(head, [given[name] for name in ("label", "id", "order", "group") if name in given], path)
        found |= _columns(path, head, given, said)
        labels = files.read_table(path, [found["label"]])[found["label"]]
        _giveaway(path, head, found, said)
    elif form == "arrays":
        labels = _array(path, given)
    if form == "series":
        found["kind"] = kind or "class"
        if kind is None:
            said.append(Said("labels are classes, as most .ts files have them", ("kind",)))
    else:
        found["kind"] = kind or _kind_of(np.asarray(labels), str(found.get("label", "y")), said)
    named = f", '{found['label']}'" if "label" in found else ""
    each = f" of each '{found['id']}'" if "id" in found else ""
    return found, f"the {found['kind']} of a sequence{named}{each}"


def guess_texts(path: str, head: Any, kind: str | None, given: Given, said: list[Said]) -> tuple[dict[str, Any], str]:
    """The options of texts with a label, and they in words; each guess is added to `said`.

    Raises:
        UserError: where a column is not there, or several could be meant.
    """
    columns.have(head, [given[name] for name in ("text", "label", "group") if name in given], path)
    found = dict(given)
    if "text" not in found:
        found["text"] = _only(path, "text", [name for name in prose(head) if name != given.get("label")], head)
        said.append(Said(f"'{found['text']}' has the texts", ("text",)))
    if "label" not in found:
        found["label"] = _label(path, head, {found["text"], given.get("group")}, said)
    labels = files.read_table(path, [found["label"]])[found["label"]]
    found["kind"] = kind or _kind_of(np.asarray(labels), found["label"], said)
    return found, f"the {found['kind']} of a text, '{found['label']}' of '{found['text']}'"


def _columns(path: str, head: Any, given: Given, said: list[Said]) -> dict[str, Any]:
    """Label, id and order of a table with a row a step."""
    found: dict[str, Any] = {}
    taken = {value for value in given.values() if isinstance(value, str)} | set(given.get("features", ()))
    if "label" not in given:
        found["label"] = _label(path, head, taken, said)
        taken.add(found["label"])
    if "id" not in given:
        ids = [name for name in _ids(head) if name not in taken]
        found["id"] = _only(path, "id", ids, head)
        taken.add(found["id"])
        said.append(Said(f"rows of the same '{found['id']}' are one sequence", ("id",)))
    if "order" not in given:
        orders = [name for name in dict.fromkeys([*named(head, ORDERS), *times(head)]) if name not in taken]
        if orders:
            found["order"] = orders[0]
        said.append(Said(f"ordered by '{orders[0]}'" if orders else "steps in the order of the rows", ("order",)))
    if "features" not in given:
        left = [str(name) for name in head.columns if name not in {*taken, *found.values(), *idle(head)}]
        if left and idle(head):
            found["features"] = tuple(left)
        but = "; not the row numbers or blanks without a name" if idle(head) else ""
        said.append(Said(f"inputs: {several(left, SHOWN)}{but}", ("features",)))
    return found


def _giveaway(path: str, head: Any, found: Given, said: list[Said]) -> None:
    """Say which guessed inputs tell the label by themselves: one value in a sequence, one label of each value."""
    if not said or said[-1].options != ("features",) or found["label"] not in head.columns:
        return
    used = {found.get(name) for name in ("label", "id", "order", "group")} | {*idle(head)}
    for name in (str(name) for name in head.columns if name not in used and head[name].nunique() <= FEW):
        frame = files.read_table(path, [found["id"], name, found["label"]]).drop_duplicates()
        pairs = frame[[name, found["label"]]].drop_duplicates()
        told = len(pairs) == pairs[name].nunique() <= len(frame) // 2 and pairs[found["label"]].nunique() > 1
        if told and frame[found["id"]].is_unique:
            said.append(Said(f"'{name}', an input, gives '{found['label']}' away: leave it out?", ("features",)))


def _ids(head: Any) -> list[str]:
    """Columns called so, or ending so, as "patient_id" does."""
    ending = [str(name) for name in head.columns if str(name).lower().endswith(("_id", " id"))]
    return list(dict.fromkeys([*named(head, IDS), *ending]))[:1] or []


def _label(path: str, head: Any, taken: set[Any], said: list[Said]) -> str:
    called = [name for name in named(head, LABELS) if name not in taken]
    rest = [str(name) for name in head.columns if name not in {*taken, *idle(head)}]
    texts = [name for name in rest if is_text(head[name])]
    found = called[:1] or (rest if len(rest) == 1 else texts)
    name = _only(path, "label", found, head)
    said.append(Said(f"'{name}' is the label", ("label",)))
    return name


def _only(path: str, option: str, found: list[str], head: Any) -> str:
    if len(found) == 1 or (found and option == "text"):
        return found[0]
    names = f"Candidates: {several(found)}" if found else f"Columns: {several(list(map(str, head.columns)))}"
    what = {"label": "has the labels", "id": "says which rows are one sequence", "text": "has the texts"}[option]
    raise UserError(f"{path}: expected to be told which column {what} ({option}). {names}")


def _array(path: str, given: Given) -> Any:
    arrays, name = files.read_arrays(path), str(given.get("label", "y"))
    if name not in arrays:
        near = did_you_mean(name, arrays)
        raise UserError(f"{path}: expected an array '{name}' with the labels (label).{near} Arrays: {', '.join(arrays)}")
    return arrays[name]


def _kind_of(labels: Any, name: str, said: list[Said]) -> str:
    """The kind "class" for text, truth values and few whole numbers; else "value"."""
    numbers = labels.dtype.kind in "iuf"
    kept = labels[np.isfinite(labels)] if labels.dtype.kind == "f" else labels
    values = len(np.unique(kept.astype(float) if numbers else kept.astype(str)))
    whole = not numbers or bool(np.all(kept == np.round(kept)))
    kind = "class" if not numbers or (whole and values <= CLASSES) else "value"
    why = f"{values} classes" if kind == "class" else f"{values:,} different numbers: a value, no class"
    said.append(Said(f"'{name}' has {why}", ("kind",)))
    return kind
