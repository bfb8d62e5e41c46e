"""Whose sequences are: columns, or arrays, that have one value in each sequence and come again in others.

One person's sequences in training and in the test make a score that new persons do not give.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gru_tf.data.own import files
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import several
from gru_tf.suite.comparison.guess.columns import Inference, head, idle

GROUPS = (
    *("group", "subject", "person", "participant", "patient", "user", "speaker", "driver", "worker", "player", "animal"),
    *("env", "environment", "device", "machine", "engine", "unit", "site", "house", "household", "building", "station"),
    *("recording", "session", "who"),
)
ENDINGS = ("", "s", "_id", "_ids", "_no", "_nr", "_number", " id", "id")
SHOWN = 4  # names in a line


def called_group(name: str) -> bool:
    """Whether a name says whose something is, such as "subject" or "patient_id"."""
    return name.strip().lower() in {group + ending for group in GROUPS for ending in ENDINGS}


def constant_within(first: Any, identity: str, names: Sequence[str]) -> list[str]:
    """Those of the columns that have one value in each sequence of the first rows."""
    import pandas

    codes = pandas.factorize(first[identity])[0]
    order = np.argsort(codes, kind="stable")
    begins = np.flatnonzero(np.diff(codes[order], prepend=-2))
    lengths = np.diff(begins, append=len(codes))

    def constant(values: Array) -> bool:
        ordered = values[order]
        return bool((ordered == np.repeat(ordered[begins], lengths)).all())

    return [name for name in names if constant(_plain(first[name]))]


def _plain(column: Any) -> Array:
    import pandas

    values: Array = column.to_numpy() if column.dtype.kind in "iufb" else pandas.factorize(column)[0]
    return np.nan_to_num(values) if values.dtype.kind == "f" else values


def repeated(path: str, identity: str, names: Sequence[str]) -> list[str]:
    """Those of the columns that have one value in each sequence of the file, and fewer values than there are sequences."""
    if not names:
        return []
    frame = files.read_table(path, list(dict.fromkeys([identity, *names])))
    names = constant_within(frame, identity, names)
    firsts = frame.drop_duplicates(identity)
    return [name for name in names if 1 < firsts[name].nunique() < len(firsts)]


def of_columns(path: str, first: Any, identity: str, names: Sequence[str]) -> list[str]:
    """The columns that may say whose a sequence is: no fractions, one value a sequence, the same again in others."""
    whole = [name for name in names if first[name].dtype.kind != "f"]
    return repeated(path, identity, constant_within(first, identity, whole))


def of_arrays(arrays: Mapping[str, Array], inputs: str, label: str) -> list[str]:
    """The arrays (N,) that may say whose a sequence is: no fractions, the same value again in other sequences."""
    count = len(arrays[inputs]) if inputs in arrays else -1
    candidates = [n for n, a in arrays.items() if n not in (inputs, label, "lengths") and a.shape == (count,)]
    return [n for n in candidates if arrays[n].dtype.kind in "iuUSb" and 1 < len(np.unique(arrays[n])) < count]


def offered(path: str, options: Mapping[str, Any]) -> list[str]:
    """The columns or arrays of a file of sequences that may say whose they are.

    Args:
        path: of the file.
        options: of its task.
    """
    label = options.get("label")
    if files.form(path) == "arrays":
        return of_arrays(files.read_arrays(path), (options.get("features") or ("X",))[0], str(label or "y"))
    if files.form(path) != "table":
        return []
    first = head(path)
    used = {label, options.get("id"), options.get("order"), *idle(first)}
    return of_columns(path, first, options["id"], [str(name) for name in first.columns if name not in used])


def choose(candidates: Sequence[str], inferences: list[Inference]) -> str | None:
    """The one whose name says so; the others are listed."""
    named = next(iter(sorted(filter(called_group, candidates), key=_rank)), None)
    if named is not None:
        why = "it has one value a sequence, which comes again in others"
        inferences.append(Inference(f"each '{named}' is kept in one part: {why}", ("group",)))
    elif candidates:
        names = f"{several(list(candidates), SHOWN)} {'has' if len(candidates) == 1 else 'have'} one value a sequence"
        inferences.append(Inference(f"no groups, but {names}, which comes again: is it whose they are?", ("group",)))
    return named


def _rank(name: str) -> int:
    return next(place for place, group in enumerate(GROUPS) if name.strip().lower().startswith(group))
