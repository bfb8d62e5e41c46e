"""A whole CSV as an Arrow table, each column in the narrowest type that fits all of its rows."""

import io
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns as checks
from gru_tf.data.own import csv_lines, memory_limit
from gru_tf.foundation.errors import one_line

CHUNK = 1 << 22  # bytes that are read at once


def read(path: Path, columns: Sequence[str] | None) -> Any:
    """The columns of a CSV that are wanted, in that order, None for all; see `gru_tf.data.own.files.read_table`."""
    from pyarrow import csv as arrow

    size, quoted = _size_and_quotes(path)
    names = csv_lines.header(path)
    checks.unique(names, str(path))
    checks.named(names, columns or (), str(path))
    wanted = list(columns if columns is not None else names)
    options = {
        "parse_options": arrow.ParseOptions(delimiter=csv_lines.delimiter(path), newlines_in_values=quoted),
        "convert_options": arrow.ConvertOptions(include_columns=wanted),
    }
    memory_limit.fits(path, memory_limit.TABLE_COPIES * _bytes(path, options, size))
    try:
        table = arrow.read_csv(str(path), **options)
    except (OSError, ValueError, UnicodeDecodeError) as error:  # Arrow's own errors are ValueErrors
        csv_lines.check_rows(path, names)
        raise DatasetError(f"{path}: cannot be read as CSV. Received: {one_line(error)}") from error
    if any("binary" in str(field.type) for field in table.schema):
        csv_lines.check_rows(path, names)
    if not table.num_rows:
        raise DatasetError(f"{path}: expected at least one row after the header. Received: none")
    return table


def _size_and_quotes(path: Path) -> tuple[int, bool]:
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
        csv_lines.check_quotes(path)
    return size, quotes > 0


def _bytes(path: Path, options: Mapping[str, Any], size: int) -> int:
    """Memory that a CSV takes, from that of its first lines; 0 where these cannot be read, which reading will say."""
    from pyarrow import csv as arrow

    with csv_lines.opened(path) as stream:
        sample = stream.read(memory_limit.SAMPLE)
    sample = sample if len(sample) == size else sample[: sample.rfind(b"\n") + 1]
    try:
        return int(arrow.read_csv(io.BytesIO(sample), **options).nbytes * size / max(1, len(sample)))
    except ValueError:  # Arrow's own errors are ValueErrors
        return 0
