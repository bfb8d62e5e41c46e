"""A whole file of text as an Arrow table, each column in the narrowest type that fits all of its rows."""

import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns as checks
from gru_tf.data.own import csv_lines, dialect, memory_limit
from gru_tf.data.own.dialect import BLANKS, MISSING, Dialect
from gru_tf.foundation.errors import one_line

CHUNK = 1 << 22  # bytes that are read at once


def read(path: Path, columns: Sequence[str] | None) -> Any:
    """The columns of a CSV that are wanted, in that order, None for all; see `gru_tf.data.own.files.read_table`."""
    size, breaks = _size_and_quotes(path)
    form = dialect.dialect(path)
    names = list(form.names) or csv_lines.header(path, form.delimiter, form.quotes)
    checks.unique(names, str(path))
    checks.named(names, columns or (), str(path))
    wanted = list(columns if columns is not None else names)
    options = arrow_options(form, names, wanted, breaks)
    memory_limit.fits(path, memory_limit.TABLE_COPIES * _bytes(path, form, options, size))
    try:
        table = _blanks(path, form, wanted) if form.delimiter == BLANKS else _arrow(path, form, options)
    except (OSError, ValueError, UnicodeDecodeError) as error:  # Arrow's own errors are ValueErrors
        csv_lines.check_rows(path, names, form.delimiter, form.quotes, form.begins)
        raise DatasetError(f"{path}: cannot be read as CSV. Received: {one_line(error)}") from error
    if any("binary" in str(field.type) for field in table.schema):
        csv_lines.check_rows(path, names, form.delimiter, form.quotes, form.begins)
    if not table.num_rows:
        raise DatasetError(f"{path}: expected at least one row after the header. Received: none")
    return table


def texts(path: Path, column: str) -> Any:
    """A column as it is written, a pandas column of text; of a file that `read` has read."""
    import pyarrow
    from pyarrow import csv as arrow

    form = dialect.dialect(path)
    names = list(form.names) or csv_lines.header(path, form.delimiter, form.quotes)
    if form.delimiter == BLANKS:
        return _blanks(path, form, [column])[column].to_pandas().astype("str")
    options = arrow_options(form, names, [column], breaks=True)
    options["convert_options"] = arrow.ConvertOptions(include_columns=[column], column_types={column: pyarrow.string()})
    return _arrow(path, form, options)[column].to_pandas()


def arrow_options(form: Dialect, names: Sequence[str], wanted: Sequence[str] | None, breaks: bool) -> dict[str, Any]:
    """What Arrow's reader takes.

    Args:
        form: of the file.
        names: of all columns.
        wanted: those that are wanted, None for all.
        breaks: whether quoted texts may span lines, which takes longer to read.
    """
    from pyarrow import csv as arrow

    missing = [*arrow.ConvertOptions().null_values, *MISSING]
    own = {} if form.plain else {"skip_rows": form.skipped, "column_names": list(names)}
    quote = '"' if form.quotes else False
    mark = "," if form.delimiter == BLANKS else form.delimiter
    return {
        "read_options": arrow.ReadOptions(**own),
        "parse_options": arrow.ParseOptions(delimiter=mark, quote_char=quote, newlines_in_values=breaks and form.quotes),
        "convert_options": arrow.ConvertOptions(
            include_columns=wanted, null_values=missing, decimal_point=form.decimal, strings_can_be_null=False
        ),
    }


def _arrow(path: Path, form: Dialect, options: dict[str, Any]) -> Any:
    """The table, without what follows its last row."""
    import pyarrow
    from pyarrow import csv as arrow

    if not form.footer:
        return arrow.read_csv(str(path), **options)
    content = path.read_bytes()
    return arrow.read_csv(pyarrow.BufferReader(memoryview(content)[: len(content) - form.footer]), **options)


def _blanks(path: Path, form: Dialect, wanted: Sequence[str]) -> Any:
    """The table of a file whose fields are separated by one or more blanks, which Arrow does not read."""
    import pandas
    import pyarrow

    names = list(form.names) or csv_lines.header(path, form.delimiter)
    frame = pandas.read_csv(
        path,
        sep=r"\s+",
        header=None,
        names=names,
        skiprows=form.skipped,
        usecols=list(wanted),
        decimal=form.decimal,
        na_values=list(MISSING),
        index_col=False,
        encoding="utf-8-sig",
    )
    return pyarrow.Table.from_pandas(frame[list(wanted)], preserve_index=False)


def _size_and_quotes(path: Path) -> tuple[int, bool]:
    """Bytes of a file, uncompressed, and whether texts in it are quoted."""
    size = quotes = 0
    try:
        with csv_lines.opened(path) as stream:
            while part := stream.read(CHUNK):
                size, quotes = size + len(part), quotes + part.count(b'"')
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"{path}: cannot be read, {reason}; is it cut off?") from error
    return size, quotes > 0


def _bytes(path: Path, form: Dialect, options: dict[str, Any], size: int) -> int:
    """Memory that a CSV takes, from that of its first lines; 0 where these cannot be read, which reading will say."""
    from pyarrow import csv as arrow

    with csv_lines.opened(path) as stream:
        sample = stream.read(memory_limit.SAMPLE)
    if form.delimiter == BLANKS:
        return 8 * int(sample.count(b"\n")) * max(1, len(form.names)) * size // max(1, len(sample))
    sample = sample if len(sample) == size else sample[: sample.rfind(b"\n") + 1]
    try:
        return int(arrow.read_csv(io.BytesIO(sample), **options).nbytes * size / max(1, len(sample)))
    except ValueError:  # Arrow's own errors are ValueErrors
        return 0
