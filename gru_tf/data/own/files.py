"""Files that a user brings: tables as CSV or Parquet, arrays as NPZ. What is read is whole, and fits the memory.

A table's frame has the rows in the order of the file and their numbers from 0 as its index, by which messages name them
(`gru_tf.data.own.columns.row`). Columns of a CSV have the narrowest type that fits all rows: whole numbers, numbers, true
or false, dates, text; empty fields, NA, NaN and null among numbers are missing values.
"""

import contextlib
import functools
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns as checks
from gru_tf.data.own import csv_lines, csv_table, dialect, memory_limit, other_tables, wide_series
from gru_tf.data.own.wide_series import Layout
from gru_tf.foundation.array import Array
from gru_tf.foundation.digest import sha256_of_parts
from gru_tf.foundation.errors import UserError, cannot_read, one_line

DIGITS = 16  # of a checksum
CHUNK = 1 << 22  # bytes that are read at once
FORMS: dict[str, Literal["table", "arrays", "series"]] = {
    **dict.fromkeys(csv_lines.SUFFIXES, "table"),
    ".parquet": "table",
    ".xlsx": "table",
    ".jsonl": "table",
    ".jsonl.gz": "table",
    ".npz": "arrays",
    ".ts": "series",
}
FilePath = str | os.PathLike[str]


def form(path: FilePath) -> Literal["table", "arrays", "series"]:
    """What a file holds, by its suffix.

    Raises:
        UserError: where the suffix is none of `FORMS`.
    """
    name = str(path).lower()
    for suffix, kind in FORMS.items():
        if name.endswith(suffix):
            return kind
    raise UserError(f"{path}: expected a file of one of the forms {', '.join(FORMS)}. Received: '{Path(path).suffix}'")


def digest(*paths: FilePath | None) -> str:
    """The first 16 hexadecimal digits of a file's sha256, or of several files' together; None is no file.

    Raises:
        DatasetError: where one cannot be read.
    """
    return _digest(tuple(_stamp(path) for path in paths if path is not None))


def _stamp(path: FilePath) -> tuple[str, int, int]:
    """Path, size and time of the last change, which stay the same while a file does."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise DatasetError(cannot_read(Path(path), error, FORMS)) from error
    return str(path), status.st_size, status.st_mtime_ns


@functools.lru_cache(maxsize=64)
def _digest(stamps: tuple[tuple[str, int, int], ...]) -> str:
    # the size in between, so that no other cut between two files gives the same
    parts = [part for path, size, _ in stamps for part in (f"\n{size}\n".encode(), Path(path))]
    try:
        return sha256_of_parts(parts[1:])[:DIGITS]
    except OSError as error:
        raise DatasetError(cannot_read(Path(error.filename), error, FORMS)) from error


# ----------------------------------------------------------------------------------------------------------- tables


_LAYOUT: ContextVar[Layout] = ContextVar("layout", default="long")


@contextlib.contextmanager
def read_as(quoting: str | None = None, layout: Layout = "long") -> Iterator[None]:
    """Inside, quotes mean what the user chose, and tables with a row or a column a series are read as long ones.

    Raises:
        UserError: where `quoting` is none of its values.
    """
    before = _LAYOUT.set(layout)
    try:
        with dialect.quoted(quoting):
            yield
    finally:
        _LAYOUT.reset(before)


def layout() -> Layout:
    """How series lie in the tables that are read; see `read_as`."""
    return _LAYOUT.get()


def read_table(path: FilePath, columns: Sequence[str] | None = None) -> Any:
    """The rows of a table as a pandas frame, numbered from 0.

    A column that the file does not have, with a name such as "store+item", is made of those, which say together what
    belongs together.

    Args:
        path: of the file; a CSV is UTF-8 with a header line, quoted or not, compressed by gzip where it ends in ".gz".
        columns: those that are wanted, in that order; None for all. Others are not even converted.

    Raises:
        DatasetError: one line naming the file, and the row and column where there is one: it cannot be read, is empty, cut
            off, in another encoding or form, has no rows, lacks a column or has one twice, a row has more or fewer fields
            than the header, or it would take more memory than `memory_limit.LIMIT`, with what it would take.
    """
    if form(path) != "table":
        raise DatasetError(f"{path}: expected a table, such as .csv, .tsv or .parquet. Received: '{Path(path).suffix}'")
    _stamp(path)
    if _LAYOUT.get() != "long" or any(checks.JOINT in name for name in columns or ()):
        whole = wide_series.to_long(_read(path, None), _LAYOUT.get(), str(path))
        whole = whole if columns is None else checks.joined(whole, columns)
        checks.named([str(name) for name in whole.columns], columns or (), str(path))
        return whole if columns is None else whole[list(columns)]
    return _read(path, columns)


def _read(path: FilePath, columns: Sequence[str] | None) -> Any:
    if str(path).lower().endswith(".parquet"):
        return other_tables.without_lists(_parquet(Path(path), columns))
    if str(path).lower().endswith(csv_lines.SUFFIXES):
        return frame(csv_table.read(Path(path), columns))
    return other_tables.read(Path(path), columns)


def column_names(path: FilePath) -> list[str]:
    """The names of a table's columns; () of a Parquet file that cannot be read, which `read_table` says.

    Raises:
        DatasetError: where another file cannot be read.
    """
    from pyarrow import parquet

    if _LAYOUT.get() != "long" or not str(path).lower().endswith((".parquet", *csv_lines.SUFFIXES)):
        return [str(name) for name in read_table(path).columns]
    if not str(path).lower().endswith(".parquet"):
        form = dialect.dialect(Path(path))
        return list(form.names) or csv_lines.header(Path(path), form.delimiter, form.quotes)
    try:
        return list(parquet.read_schema(str(path)).names)
    except (OSError, ValueError):
        return []


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
            first = next(file.iter_batches(batch_size=memory_limit.SAMPLE // 100, columns=wanted))
            memory_limit.fits(path, memory_limit.TABLE_COPIES * int(first.nbytes / first.num_rows * file.metadata.num_rows))
            return frame(file.read(columns=wanted))[wanted]
    except UserError:
        raise
    except (OSError, ValueError) as error:  # Arrow's own errors are ValueErrors
        raise DatasetError(f"{path}: expected a whole Parquet file. Received: {one_line(error)}") from error


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


# ----------------------------------------------------------------------------------------------------------- arrays


def read_arrays(path: FilePath) -> dict[str, Array]:
    """The arrays of an NPZ file by name. Pickled objects in it are refused and never loaded.

    Raises:
        DatasetError: one line naming file and array: it cannot be read, is cut off or damaged, has no arrays, one of
            objects, or would take more memory than `memory_limit.LIMIT`, with what it would take.
    """
    if form(path) != "arrays":
        raise DatasetError(f"{path}: expected arrays, .npz. Received: '{Path(path).suffix}'")
    _stamp(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if not members:
                raise DatasetError(f"{path}: expected at least one array. Received: none")
            memory_limit.fits(Path(path), memory_limit.ARRAY_COPIES * sum(member.file_size for member in members))
            return {member.filename.removesuffix(".npy"): _array(path, archive, member) for member in members}
    except (OSError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path}: expected a whole NPZ file. Received: {one_line(error)}; is it cut off?") from error


def _array(path: FilePath, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
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
