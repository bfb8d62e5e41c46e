"""A series of numbers over time from a CSV file: a header line, a column of times and columns of values."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import cannot_read

VERSION = 1  # of this reader, for arrays that are kept; see gru_tf.data.array_cache


def read(path: Path, time: str, columns: Sequence[str]) -> Array:
    """The values (rows, columns) float64, in the order of the file.

    Args:
        path: of a UTF-8 file, quoted or not.
        time: the column that must rise from row to row; compared as text, so it must be of the form 2016-07-01.
        columns: those of the values, in the order wanted.

    Raises:
        DatasetError: one line naming file, line and column where the file cannot be read, is empty or not UTF-8, lacks
            a column, or a row is cut off, has a value that is no finite number, or a time not after the one before.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DatasetError(cannot_read(path, error)) from error
    except UnicodeDecodeError as error:
        line, byte = error.object[: error.start].count(b"\n") + 1, error.object[error.start]
        raise DatasetError(f"{path}: line {line}: expected UTF-8 text. Received: byte 0x{byte:02x}") from error
    rows = csv.reader(io.StringIO(text, newline=""))
    places = _places(path, next(rows, []), [time, *columns])
    values = list(_values(path, rows, [time, *columns], places))
    if not values:
        raise DatasetError(f"{path}: expected at least one row after the header. Received: none")
    return np.array(values)


def _places(path: Path, header: Sequence[str], wanted: Sequence[str]) -> list[int]:
    if not header:
        raise DatasetError(f"{path}: expected a header line with {', '.join(wanted)}. Received: an empty file")
    missing = [name for name in wanted if name not in header]
    if missing:
        raise DatasetError(f"{path}: line 1: expected the column '{missing[0]}'. Received: {', '.join(header)}")
    return [header.index(name) for name in wanted]


def _values(path: Path, rows: Any, names: Sequence[str], places: Sequence[int]) -> Iterator[list[float]]:
    before = ""
    for row in rows:
        if not row:
            continue
        where = f"{path}: line {rows.line_num}"
        if len(row) <= max(places):
            least = max(places) + 1
            raise DatasetError(f"{where}: expected {least} values or more. Received: {len(row)}; is the line cut off?")
        time, *texts = [row[place] for place in places]
        if time <= before:
            raise DatasetError(f"{where}, column {names[0]}: expected a time after {before}. Received: {time or 'nothing'}")
        before = time
        yield [_number(where, name, text) for name, text in zip(names[1:], texts, strict=True)]


def _number(where: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DatasetError(f"{where}, column {name}: expected a finite number. Received: {text.strip() or 'nothing'}")
    return value
