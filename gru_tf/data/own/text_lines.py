"""The first and the last lines of a file of text, and the fields of a line."""

import csv
import zlib
from pathlib import Path
from typing import NamedTuple

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import csv_lines

FIRST = 1 << 16  # bytes
LINES = 200  # of the first ones, without empty lines
LAST = 1 << 13  # bytes


class Lines(NamedTuple):
    """Of a file.

    Args:
        first: without empty ones and line breaks.
        numbers: of these lines in the file, from 0.
        last: as they stand, with line breaks; () where the file is compressed.
    """

    first: tuple[str, ...]
    numbers: tuple[int, ...]
    last: tuple[bytes, ...]


def read(path: Path) -> Lines:
    """The first lines and the last ones.

    Raises:
        DatasetError: where the file cannot be read.
    """
    try:
        with csv_lines.opened(path) as stream:
            block = stream.read(FIRST)
            more = len(block) == FIRST
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - LAST))
            end = stream.read()
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"{path}: cannot be read, {reason}; is it cut off?") from error
    text = block.decode("utf-8-sig", "replace")
    lines = text.splitlines()[: -1 if more else None]
    last = end.splitlines(keepends=True)
    compressed = path.name.lower().endswith(".gz")
    filled = [(number, line) for number, line in enumerate(lines) if line.strip()][:LINES]
    numbers, first = zip(*filled, strict=True) if filled else ((), ())
    return Lines(first, numbers, () if compressed else tuple(last))


def fields(line: str, delimiter: str) -> list[str]:
    """Of one line, by a delimiter, or by blanks where that is one."""
    if delimiter == " ":
        return [word.strip('"') for word in line.split()]
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return line.split(delimiter)
