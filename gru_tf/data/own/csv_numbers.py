"""Columns of numbers of a CSV in order of time, for small files: Arrow and pandas take a second to import."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns as checks
from gru_tf.data.own import csv_lines
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import shown

VERSION = 1  # of this reader, for arrays that are kept; see gru_tf.data.array_cache


def read(path: Path, time: str, columns: Sequence[str]) -> Array:
    """The values (rows, columns) float64, in the order of the file.

    Args:
        path: of a UTF-8 file, quoted or not.
        time: the column that must rise from row to row; compared as text, so it must be of the form 2016-07-01.
        columns: those of the values, in the order wanted.

    Raises:
        DatasetError: one line naming the file, and the row and column where there is one: it cannot be read, is empty or
            not UTF-8, lacks a column or has one twice, or a row is cut off, has a value that is no finite number, or a time
            not after the one before.
    """
    values = list(_values(path, time, columns))
    if not values:
        raise DatasetError(f"{path}: expected at least one row after the header. Received: none")
    return np.array(values)


def _values(path: Path, time: str, columns: Sequence[str]) -> Iterator[list[float]]:
    names = csv_lines.header(path)
    checks.unique(names, str(path))
    checks.named(names, [time, *columns], str(path))
    places, when, before = [names.index(name) for name in columns], names.index(time), ""
    rows = csv_lines.lines(path)
    next(rows)  # the header
    for number, (line, fields) in enumerate(rows, start=1):
        if len(fields) != len(names):
            csv_lines.check_rows(path, names)
        if fields[when] <= before:
            raise _unlike(path, number, line, time, f"a time after {before}", fields[when])
        before = fields[when]
        values = [_number(fields[place]) for place in places]
        for name, place, value in zip(columns, places, values, strict=True):
            if not math.isfinite(value):
                raise _unlike(path, number, line, name, "a finite number", fields[place])
        yield values


def _number(text: str) -> float:
    """NaN where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _unlike(path: Path, row: int, line: int, column: str, expected: str, text: str) -> DatasetError:
    return DatasetError(f"{path}: row {row} (line {line}), column '{column}': expected {expected}. Received: {shown(text)}")
