"""Wide tables of sequences: a row a sequence, columns that count the steps, and a label before or after them."""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from gru_tf.data.own.wide_series import identity
from gru_tf.foundation.errors import UserError, several
from gru_tf.foundation.option_spelling import spelled
from gru_tf.suite.comparison.guess.columns import LABELS, Inference, is_number, is_text, named, numeric

LEAST = 8  # columns of steps
SHARE = 0.9  # of the columns, those that count
CLASSES = 50  # of an inferred label, at most
DATED = re.compile(r"\d{4}-\d{1,2}(-\d{1,2})?([ T].*)?")
COUNTING = re.compile(r"(.*?)(\d+)(?:\.0)?")


def steps(head: Any) -> list[str]:
    """The columns of numbers that are called by the same word and numbers that go on, such as t1, t2, t3."""
    counting: dict[str, list[tuple[int, str]]] = {}
    for name in numeric(head):
        match = COUNTING.fullmatch(name.strip())
        if match:
            counting.setdefault(match[1], []).append((int(match[2]), name))
    longest: list[tuple[int, str]] = sorted(max(counting.values(), key=lambda names: len(list(names)), default=[]))
    regular = {b - a for (a, _), (b, _) in pairwise(longest)} == {1}
    return [name for _, name in longest] if regular and len(longest) >= LEAST else []


def is_wide(head: Any, chosen: Mapping[str, Any]) -> bool:
    """Whether a table has a row a sequence, as far as the user has not said."""
    if "layout" in chosen:
        return bool(chosen["layout"] == "wide")
    if {"id", "order", "features", "window"} & chosen.keys() or head is None:
        return False
    return _count(head)


def _count(head: Any) -> bool:
    """Whether most columns of numbers count."""
    counting = steps(head)
    return len(counting) >= LEAST and len(counting) >= SHARE * (len(numeric(head)) - 1)


def is_of_series(head: Any, chosen: Mapping[str, Any]) -> bool:
    """Whether a table has a row a series to forecast: columns that count, or are called by dates, and a name of each row."""
    if {"label", "layout", "target", "time", "id", "text"} & chosen.keys() or head is None or named(head, LABELS):
        return False
    numbers = numeric(head)
    dated = sum(bool(DATED.fullmatch(name)) for name in numbers) >= max(LEAST, SHARE * len(numbers))
    return (dated or _count(head)) and identity(head) is not None


def labels(head: Any, chosen: Mapping[str, Any]) -> list[str]:
    """The columns that may be the label: of such a name, of text, or the first or last of few whole numbers."""
    if "label" in chosen:
        return [chosen["label"]]
    counting = steps(head)
    called = [name for name in named(head, LABELS) if name not in counting]
    others = [str(name) for name in head.columns if str(name) not in counting]
    texts = [name for name in others if is_text(head[name]) and 1 < head[name].nunique() <= len(head) // 2]
    if called or texts:
        return called[:1] or texts
    return [name for name in dict.fromkeys(map(str, (head.columns[0], head.columns[-1]))) if _is_class(head[name])]


def _is_class(column: Any) -> bool:
    """Whether a column has few whole numbers, each several times."""
    if not is_number(column) or column.isna().any():
        return False
    values, counts = np.unique(column.to_numpy(), return_counts=True)
    return bool((values == np.round(values)).all() and 1 < len(values) <= CLASSES and counts.min() > 1)


def guess(path: str, head: Any, chosen: Mapping[str, Any], inferences: list[Inference]) -> dict[str, Any]:
    """Layout, label and features of a wide table; each is added to `inferences`.

    Raises:
        UserError: where no column, or several, could be the label.
    """
    candidates = labels(head, chosen)
    if len(candidates) != 1:
        what = f"Candidates: {several(candidates)}" if candidates else f"Columns: {several(list(map(str, head.columns)))}"
        raise UserError(f"{path}: specify the column of the labels ({spelled('label')}). {what}")
    (label,) = candidates
    options: dict[str, Any] = {"layout": "wide", "label": label}
    if "label" not in chosen:
        inferences.append(Inference(f"label: column '{label}'", ("label",)))
    if "layout" not in chosen:
        inferences.append(Inference("each row is one sequence, a column a step", ("layout",)))
    if "features" not in chosen:
        used = {label, chosen.get("group"), chosen.get("id")}
        counting = steps(head)
        names = [n for n in counting if n not in used] or [n for n in numeric(head) if n not in used]
        left = [str(name) for name in head.columns if str(name) not in {*names, *used}]
        but = f"; left out: {several(left)}" if left else ""
        if left:
            options["features"] = tuple(names)
        inferences.append(Inference(f"{len(names)} steps, {names[0]} to {names[-1]}{but}", ("features",)))
    return options
