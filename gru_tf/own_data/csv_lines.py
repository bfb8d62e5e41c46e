"""A CSV file line by line: what separates its fields, where each row begins, and what is no text.

Only the header, and where reading failed the reason, is read so; whole tables are read by `gru_tf.own_data.csv_table`.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gru_tf.datasets import DatasetError

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
LONGEST = 1 << 30  # characters of a field; Python's csv would stop at 131,072


def delimiter(path: Path) -> str:
    """Between the fields of a line."""
    return "\t" if path.name.lower().removesuffix(".gz").endswith(".tsv") else ","


def opened(path: Path) -> Any:
    """The bytes of a file, uncompressed."""
    return gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb")


def lines(path: Path, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """(line on which it begins, fields) of the header and each row of a CSV file.

    Args:
        path: of the file, compressed where it ends in ".gz".
        strict: whether quotes must be closed, and be followed by the end of the field: else csv.Error.

    Raises:
        DatasetError: where the file is not UTF-8, naming line and byte, or is cut off.
    """
    csv.field_size_limit(LONGEST)
    try:
        with opened(path) as stream:
            reader = csv.reader(_decoded(path, stream), delimiter=delimiter(path), strict=strict)
            begins = 1
            for fields in reader:
                if fields:
                    yield begins, fields
                begins = reader.line_num + 1
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"{path}: cannot be read, {reason}") from error


def _decoded(path: Path, stream: io.BufferedIOBase) -> Iterator[str]:
    for number, line in enumerate(stream, start=1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DatasetError(
                f"{path}: line {number}: expected UTF-8 text. Received: byte 0x{line[error.start]:02x} at column"
                f" {error.start + 1} of it; save it as UTF-8"
            ) from error
        yield from re.split(r"(?<=\r)(?=[^\n])", text)  # lines may end in a carriage return alone
