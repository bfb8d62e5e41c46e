"""Columns of a user's table, checked: names, numbers, groups, and which values are missing; messages name file, row, column.

Rows are numbered as a user finds them, from 1, by the labels of the frame's index, which count from 0 and stay with a row
when others are dropped or all are sorted.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import csv_lines, dialect
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import did_you_mean, several, shown

JOINT = "+"  # between the names of columns that identify something together
LARGEST = 1e150  # of numbers: the square of a larger one has no place in 64 bits


# ------------------------------------------------------------------------------------------------------------- names


def unique(names: Sequence[str], where: str) -> None:
    """Raise DatasetError where a column is there twice."""
    for place, name in enumerate(names):
        if name in names[:place]:
            first = names.index(name) + 1
            raise DatasetError(f"{where}: expected each column once. Received: '{name}' as column {first} and {place + 1}")


def named(names: Sequence[str], wanted: Sequence[str], where: str) -> None:
    """Raise DatasetError with the nearest name where one of `wanted` is not among `names`."""
    for name in wanted:
        if name not in names:
            near = did_you_mean(name, names)
            raise DatasetError(f"{where}: no column is called '{name}'.{near} Columns: {several(names)}")


def have(frame: Any, names: Sequence[str], where: str) -> None:
    """Check that a frame has these columns, and each column once.

    Raises:
        DatasetError: naming the column, the nearest name and the columns that there are.
    """
    there = [str(name) for name in frame.columns]
    unique(there, where)
    named(there, names, where)


def joined(frame: Any, names: Sequence[str]) -> Any:
    """The frame with a column "a+b" of columns a and b, whose values together are its own, in the place of these.

    Args:
        frame: with the columns a and b.
        names: those that are wanted; a part that is wanted itself stays.
    """
    for name in names:
        parts = name.split(JOINT)
        if name in frame.columns or len(parts) < 2 or not all(part in frame.columns for part in parts):
            continue
        whole = frame[parts[0]].astype("str")
        for part in parts[1:]:
            whole = whole + JOINT + frame[part].astype("str")
        gone = frame[parts].isna().any(axis=1)
        left = frame.drop(columns=[part for part in parts if part not in names])
        frame = left.assign(**{name: whole.mask(gone)})
    return frame


# -------------------------------------------------------------------------------------------------------------- rows


def row(where: str, label: int) -> str:
    """How messages name a row: "row 17 (line 18)" of a CSV file, else "row 17"; `label` counts from 0."""
    if not where.lower().endswith(csv_lines.SUFFIXES) or not Path(where).is_file():
        return f"row {label + 1}"
    # lines differ from rows by the header, and by breaks in quotes
    form = dialect.dialect(Path(where))
    for place, (line, _) in enumerate(csv_lines.lines(Path(where), mark=form.delimiter, quotes=form.quotes)):
        if place == label + form.begins:
            return f"row {label + 1} (line {line})"
    return f"row {label + 1}"


def at(frame: Any, name: str, where: str, place: int) -> str:
    """File, row and column in words; `place` is the row's place in the frame, from 0."""
    return f"{where}: {row(where, frame.index[place])}, column '{name}'"


# ------------------------------------------------------------------------------------------------------------ values


def numbers(frame: Any, name: str, where: str) -> Array:
    """(rows,) float64 of a column, NaN where a value is missing.

    Raises:
        DatasetError: naming row and column where a value is no number, or infinite.
    """
    import pandas

    column = frame[name]
    if pandas.api.types.is_datetime64_any_dtype(column.dtype):
        raise unlike(frame, name, where, 0, "a number")
    values: Array = pandas.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = np.isnan(values) & column.notna().to_numpy()
    if wrong.any() and column.dtype.kind not in "fiub":
        wrong &= ~column.astype(str).str.strip().isin(["", "NA", "NaN", "nan", "null"]).to_numpy()
    wrong |= np.isinf(values)
    if wrong.any():
        raise unlike(frame, name, where, int(wrong.argmax()), "a finite number")
    if (large := np.abs(values) > LARGEST).any():
        raise unlike(frame, name, where, int(large.argmax()), f"a number of at most {LARGEST:g}")
    return values


def unlike(frame: Any, name: str, where: str, place: int, expected: str) -> DatasetError:
    """The error for a value that is none of what was expected; `place` is the row's place in the frame, from 0."""
    value = frame[name].iloc[place]
    value = value.item() if isinstance(value, np.generic) else value
    received = shown(value if isinstance(value, (str, int, float)) else str(value))
    return DatasetError(f"{at(frame, name, where, place)}: expected {expected}. Received: {received}")


def groups(frame: Any, name: str, where: str) -> tuple[Array, list[str]]:
    """((rows,) int32 number of the group, names in the order of their first row) of a column.

    Raises:
        DatasetError: naming row and column where a group is missing.
    """
    import pandas

    codes, names = pandas.factorize(frame[name])
    gone = absent(frame[name])
    if gone.any():
        raise DatasetError(f"{at(frame, name, where, int(gone.argmax()))}: expected a group. Received: nothing")
    return codes.astype(np.int32), [str(value) for value in names]


def missing(frame: Any, names: Sequence[str]) -> Array:
    """(rows, columns) whether a value is missing, as `absent` of each."""
    return np.stack([absent(frame[name]) for name in names], axis=1)


def absent(column: Any) -> Array:
    """(rows,) whether a value of one column is missing; an empty text counts as missing."""
    gone: Array = column.isna().to_numpy()
    if column.dtype.kind == "O" or str(column.dtype) in ("str", "string"):
        gone = gone | (column.astype("str").str.strip() == "").to_numpy()
    return gone
