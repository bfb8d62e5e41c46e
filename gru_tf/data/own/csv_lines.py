"""A CSV file line by line: its header, where each row begins, and what is wrong with it, by row and line.

Whole tables are read by `gru_tf.data.own.csv_table`, which is faster and says less of where it fails.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gru_tf.data.datasets import DatasetError
from gru_tf.foundation.errors import several, shown
from gru_tf.foundation.option_spelling import spelled

PLAIN = (".csv", ".tsv", ".txt", ".dat", ".data")
SUFFIXES = (*PLAIN, *(f"{suffix}.gz" for suffix in PLAIN))
LONGEST = 1 << 30  # characters of a field; Python's csv would stop at 131,072
VALUE = re.compile(r"\s*[-+]?\d[\d.,:/ T+-]*\s*")  # a number, a date or a time


def delimiter(path: Path) -> str:
    """Between the fields of a line."""
    return "\t" if path.name.lower().removesuffix(".gz").endswith(".tsv") else ","


def opened(path: Path) -> Any:
    """The bytes of a file, uncompressed."""
    return gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb")


def lines(path: Path, strict: bool = False, mark: str | None = None, quotes: bool = True) -> Iterator[tuple[int, list[str]]]:
    """(line on which it begins, fields) of the header and each row of a CSV file.

    Args:
        path: of the file, compressed where it ends in ".gz".
        strict: whether quotes must be closed, and be followed by the end of the field: else csv.Error.
        mark: between fields, a blank for one or more; that of the file's form if None.
        quotes: whether a '"' has its usual meaning.

    Raises:
        DatasetError: where the file is not UTF-8, naming line and byte, or is cut off.
    """
    csv.field_size_limit(LONGEST)
    try:
        with opened(path) as stream:
            text, begins = _decoded(path, stream), 1
            if mark == " ":
                yield from (
                    (number, [word.strip('"') for word in line.split()])
                    for number, line in enumerate(text, start=1)
                    if line.strip()
                )
                return
            form: Any = {"quoting": csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE, "strict": strict}
            reader = csv.reader(text, delimiter=mark or delimiter(path), **form)
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
        if "\r" in text:  # lines may end in a carriage return alone
            yield from re.split(r"(?<=\r)(?=[^\n])", text)
        else:
            yield text


def header(path: Path, mark: str | None = None, quotes: bool = True) -> list[str]:
    """The names in the first line of a CSV that is not empty.

    Raises:
        DatasetError: where there is none, it is not UTF-8, is separated by something else or holds values, no names.
    """
    for _, names in lines(path, mark=mark, quotes=quotes):
        if len(names) == 1 and (other := next((other for other in ";\t|," if other in names[0]), None)):
            by = "tabs" if other == "\t" else f"'{other}'"
            raise DatasetError(
                f"{path}: line 1: expected columns separated by the same in all lines. Received: {shown(names[0])},"
                f" separated by {by}, above lines that are not"
            )
        if all(map(VALUE.fullmatch, names)) and not all(name.strip().isdigit() for name in names):  # 0, 1, 2 are names
            raise DatasetError(f"{path}: line 1: expected a header, the columns' names. Received: {several(names)}")
        return names
    raise DatasetError(f"{path}: expected a header line. Received: an empty file")


def spanning(path: Path, mark: str, begins: int) -> list[tuple[int, int]]:
    """(row, line) of each row with a quoted text that goes on in the next line.

    Args:
        path: of the file.
        mark: between fields.
        begins: lines before the first row.

    Raises:
        DatasetError: naming the row where a quoted text begins that never ends: it would take in the rows after it.
    """
    row, rows = 1 - begins, []  # the header, then the rows from 1
    try:
        for line, fields in lines(path, strict=True, mark=mark):
            if any("\n" in field or "\r" in field for field in fields):
                rows.append((row, line))
            row += 1
    except csv.Error as error:
        never = "a text that begins with '\"' and never ends"
        wrong = never if "unexpected end" in str(error) else "a text that goes on after its last '\"'"
        raise DatasetError(
            f"{path}: row {row}: expected every quoted text to end. Received: {wrong};"
            f" set {spelled('quoting')} to none where quotes are characters as any other"
        ) from error
    return rows


def check_rows(path: Path, header: Sequence[str], mark: str | None = None, quotes: bool = True, begins: int = 1) -> None:
    """Raise DatasetError for the first row of a CSV with a wrong number of fields; return where all are right."""
    try:
        row = 1 - begins
        for line, fields in lines(path, mark=mark, quotes=quotes):
            if row > 0 and len(fields) != len(header):
                hint = "is the line cut off?" if len(fields) < len(header) else "is a ',' in a text without quotes?"
                hint = "is a ',' at the end of the line?" if len(fields) == len(header) + 1 and not fields[-1] else hint
                hint = f"is {shown(header[0])} a header?" if len(header) == 1 else hint
                raise DatasetError(
                    f"{path}: row {row} (line {line}): expected {len(header)} field{'s' * (len(header) > 1)}, as in the"
                    f" header. Received: {len(fields)}; {hint}"
                )
            row += 1
    except csv.Error as error:
        raise DatasetError(f"{path}: row {row}: expected CSV. Received: {error}") from error
