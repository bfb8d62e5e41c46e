"""Files that a user brings: tables as CSV or Parquet, arrays as NPZ. What is read is whole, and fits the memory.

A table's frame has the rows in the order of the file and their numbers from 0 as its index, by which messages name them
(`gru_tf.own_data.columns.row`). Columns of a CSV have the narrowest type that fits all rows: whole numbers, numbers, true
or false, dates, text; empty fields, NA, NaN and null among numbers are missing values.
"""

import csv
import functools
import hashlib
import io
import os
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gru_tf.datasets import DatasetError
from gru_tf.errors import UserError, several, shown
from gru_tf.own_data import columns as checks
from gru_tf.own_data import csv_lines

LIMIT = 4 * 10**9  # bytes that data may take in memory
SAMPLE = 1 << 20  # bytes, or a hundredth as many rows, from which the memory of a table is estimated
TABLE_COPIES = 5  # of a table in memory, at most, while it is read, checked, sorted and encoded; measured at 10 million rows
ARRAY_COPIES = 2  # of arrays, as they are and as inputs
DIGITS = 16  # of a checksum
CHUNK = 1 << 22
VALUE = re.compile(r"\s*[-+]?\d[\d.,:/ T+-]*\s*")  # a number, a date or a time
FORMS: dict[str, Literal["table", "arrays", "series"]] = {
    ".csv": "table",
    ".tsv": "table",
    ".csv.gz": "table",
    ".tsv.gz": "table",
    ".parquet": "table",
    ".npz": "arrays",
    ".ts": "series",
}
Array = np.ndarray[Any, np.dtype[Any]]
Given = str | os.PathLike[str]


def form(path: Given) -> Literal["table", "arrays", "series"]:
    """What a file holds, by its suffix.

    Raises:
        UserError: where the suffix is none of `FORMS`.
    """
    name = str(path).lower()
    for suffix, found in FORMS.items():
        if name.endswith(suffix):
            return found
    raise UserError(f"{path}: expected a file of one of the forms {', '.join(FORMS)}. Received: '{Path(path).suffix}'")


def digest(*paths: Given | None) -> str:
    """The first 16 hexadecimal digits of a file's sha256, or of several files' together; None is no file.

    Raises:
        DatasetError: where one cannot be read.
    """
    return _digest(tuple(_stamp(path) for path in paths if path is not None))


def _stamp(path: Given) -> tuple[str, int, int]:
    """What tells that a file has not changed since it was read."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read, {error.strerror}") from error
    return str(path), found.st_size, found.st_mtime_ns


@functools.lru_cache(maxsize=64)
def _digest(stamps: tuple[tuple[str, int, int], ...]) -> str:
    total = hashlib.sha256()
    for place, (path, size, _) in enumerate(stamps):
        if place:
            total.update(f"\n{size}\n".encode())  # so that no other cut between two files gives the same
        try:
            with Path(path).open("rb") as stream:
                while part := stream.read(CHUNK):
                    total.update(part)
        except OSError as error:
            raise DatasetError(f"{path}: cannot be read, {error.strerror}") from error
    return total.hexdigest()[:DIGITS]


def read_table(path: Given, columns: Sequence[str] | None = None) -> Any:
    """The rows of a CSV, TSV or Parquet file as a pandas frame, numbered from 0.

    Args:
        path: of the file; a CSV is UTF-8 with a header line, quoted or not, compressed by gzip where it ends in ".gz".
        columns: those that are wanted, in that order; None for all. Others are not even converted.

    Raises:
        DatasetError: one line naming the file, and the row and column where there is one: it cannot be read, is empty, cut
            off, in another encoding or form, has no rows, lacks a column or has one twice, a row has more or fewer fields
            than the header, or it would take more memory than `LIMIT`, with what it would take.
    """
    if form(path) != "table":
        raise DatasetError(f"{path}: expected a table, .csv, .tsv or .parquet. Received: '{Path(path).suffix}'")
    _stamp(path)
    read = _parquet if str(path).lower().endswith(".parquet") else _csv
    return read(Path(path), columns)


# -------------------------------------------------------------------------------------------------------------- CSV


def _csv(path: Path, columns: Sequence[str] | None) -> Any:
    from pyarrow import csv as arrow

    size, quoted = _looked_through(path)
    names = header(path)
    checks.unique(names, str(path))
    checks.named(names, columns or (), str(path))
    wanted = list(columns if columns is not None else names)
    options = {
        "parse_options": arrow.ParseOptions(delimiter=csv_lines.delimiter(path), newlines_in_values=quoted),
        "convert_options": arrow.ConvertOptions(include_columns=wanted),
    }
    _fits(path, TABLE_COPIES * _csv_bytes(path, options, size))
    try:
        table = arrow.read_csv(str(path), **options)
    except (OSError, ValueError, UnicodeDecodeError) as error:  # Arrow's own errors are ValueErrors
        _say_where_it_broke(path, names)
        raise DatasetError(f"{path}: cannot be read as CSV. Received: {one_line(error)}") from error
    if any("binary" in str(field.type) for field in table.schema):
        _say_where_it_broke(path, names)
    if not table.num_rows:
        raise DatasetError(f"{path}: expected at least one row after the header. Received: none")
    return frame(table)


def header(path: Path) -> list[str]:
    """The names in the first line of a CSV that is not empty.

    Raises:
        DatasetError: where there is none, it is not UTF-8, is separated by something else or holds values, no names.
    """
    for names in _rows(path):
        if len(names) == 1 and (mark := next((mark for mark in ";\t|," if mark in names[0]), None)):
            by = "tabs" if mark == "\t" else f"'{mark}'"
            raise DatasetError(
                f"{path}: line 1: expected columns separated by ',' (or by tabs in a .tsv). Received: {shown(names[0])},"
                f" separated by {by}"
            )
        if all(map(VALUE.fullmatch, names)) and not all(name.strip().isdigit() for name in names):  # 0, 1, 2 are names
            raise DatasetError(f"{path}: line 1: expected a header, the columns' names. Received: {several(names)}")
        return names
    raise DatasetError(f"{path}: expected a header line. Received: an empty file")


def _rows(path: Path) -> Iterator[list[str]]:
    """The fields of each line that is not empty; only the header and, where reading failed, the reason is read so."""
    return (fields for _, fields in csv_lines.lines(path))


def _csv_bytes(path: Path, options: Mapping[str, Any], size: int) -> int:
    """Memory that a CSV takes, from that of its first lines; 0 where these cannot be read, which reading will say."""
    from pyarrow import csv as arrow

    with csv_lines.opened(path) as stream:
        sample = stream.read(SAMPLE)
    sample = sample if len(sample) == size else sample[: sample.rfind(b"\n") + 1]
    try:
        return int(arrow.read_csv(io.BytesIO(sample), **options).nbytes * size / max(1, len(sample)))
    except ValueError:  # Arrow's own errors are ValueErrors
        return 0


def _looked_through(path: Path) -> tuple[int, bool]:
    """Bytes of a CSV, uncompressed, and whether texts in it are quoted, which takes longer to read.

    Quotes are all closed, since one that is not would swallow the rows after it.
    """
    size = quotes = 0
    try:
        with csv_lines.opened(path) as stream:
            while part := stream.read(CHUNK):
                size, quotes = size + len(part), quotes + part.count(b'"')
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"{path}: cannot be read, {reason}; is it cut off?") from error
    if quotes % 2:
        _closed(path)
    return size, quotes > 0


def _closed(path: Path) -> None:
    row = 0  # the header, then the rows from 1
    try:
        for _ in csv_lines.lines(path, strict=True):
            row += 1
    except csv.Error as error:
        if "unexpected end" in str(error):
            never = "a text that begins with '\"' and never ends"
            raise DatasetError(f"{path}: row {row}: expected every quoted text to end. Received: {never}") from error


def _say_where_it_broke(path: Path, header: Sequence[str]) -> None:
    """Raise what is wrong with a CSV, by row and line; return where nothing is found."""
    try:
        row = 0
        for line, fields in csv_lines.lines(path):
            if row and len(fields) != len(header):
                cut = "is the line cut off?" if len(fields) < len(header) else "is a ',' in a text without quotes?"
                cut = "is a ',' at the end of the line?" if len(fields) == len(header) + 1 and not fields[-1] else cut
                cut = f"is {shown(header[0])} a header?" if len(header) == 1 else cut
                raise DatasetError(
                    f"{path}: row {row} (line {line}): expected {len(header)} field{'s' * (len(header) > 1)}, as in the"
                    f" header. Received: {len(fields)}; {cut}"
                )
            row += 1
    except csv.Error as error:
        raise DatasetError(f"{path}: row {row}: expected CSV. Received: {error}") from error


# ---------------------------------------------------------------------------------------------------------- Parquet


def _parquet(path: Path, columns: Sequence[str] | None) -> Any:
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(str(path), page_checksum_verification=True) as file:
            names = list(file.schema_arrow.names)
            checks.unique(names, str(path))
            checks.named(names, columns or (), str(path))
            wanted = list(columns if columns is not None else names)
            if not file.metadata.num_rows:
                raise DatasetError(f"{path}: expected at least one row. Received: none")
            first = next(file.iter_batches(batch_size=SAMPLE // 100, columns=wanted))
            _fits(path, TABLE_COPIES * int(first.nbytes / first.num_rows * file.metadata.num_rows))
            return frame(file.read(columns=wanted))[wanted]
    except UserError:
        raise
    except (OSError, ValueError) as error:  # Arrow's own errors are ValueErrors
        raise DatasetError(f"{path}: expected a whole Parquet file. Received: {one_line(error)}") from error


# -------------------------------------------------------------------------------------------------------------- NPZ


def read_arrays(path: Given) -> dict[str, Array]:
    """The arrays of an NPZ file by name. Pickled objects in it are refused and never loaded.

    Raises:
        DatasetError: one line naming file and array: it cannot be read, is cut off or damaged, has no arrays, one of
            objects, or would take more memory than `LIMIT`, with what it would take.
    """
    if form(path) != "arrays":
        raise DatasetError(f"{path}: expected arrays, .npz. Received: '{Path(path).suffix}'")
    _stamp(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if not members:
                raise DatasetError(f"{path}: expected at least one array. Received: none")
            _fits(Path(path), ARRAY_COPIES * sum(member.file_size for member in members))
            return {member.filename.removesuffix(".npy"): _array(path, archive, member) for member in members}
    except (OSError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path}: expected a whole NPZ file. Received: {one_line(error)}; is it cut off?") from error


def _array(path: Given, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    where = f"{path}: array '{member.filename.removesuffix('.npy')}'"
    try:
        with archive.open(member) as stream:
            array: Array = np.lib.format.read_array(stream, allow_pickle=False)
            while stream.read(CHUNK):  # the checksum of an entry is compared at its end
                pass
            return array
    except (ValueError, EOFError, OSError, zlib.error, RuntimeError, MemoryError, zipfile.BadZipFile) as error:
        if "allow_pickle" in str(error):
            raise DatasetError(
                f"{where}: expected numbers or text. Received: Python objects, which are not loaded"
            ) from error
        raise DatasetError(f"{where}: cannot be read. Received: {one_line(error)}") from error


def frame(table: Any) -> Any:
    """A pandas frame of an Arrow table, which is given up, column by column.

    Decimals become float64, and what pandas has noted of an index is passed over: its columns are columns.
    """
    import pyarrow

    fields = [
        field.with_type(pyarrow.float64()) if pyarrow.types.is_decimal(field.type) else field for field in table.schema
    ]
    if fields != list(table.schema):
        table = table.cast(pyarrow.schema(fields))
    return table.to_pandas(split_blocks=True, self_destruct=True, date_as_object=False, ignore_metadata=True)


def _fits(path: Path, needed: int) -> None:
    if needed > LIMIT:
        raise DatasetError(
            f"{path}: expected data that fit {LIMIT / 1e9:g} GB of memory. Received: about {needed / 1e9:.3g} GB:"
            " name fewer columns, keep numbers in fewer bytes (Parquet), or thin the rows out"
        )


def one_line(error: BaseException) -> str:
    """What another library says of a mistake, in one line."""
    return " ".join(str(error).split())[:200]
