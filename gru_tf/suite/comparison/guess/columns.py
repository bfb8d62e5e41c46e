"""A look at a table: its first rows, and which of its columns are times, numbers, prose or labels."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gru_tf.data.own import columns, csv_lines, csv_table, dialect, files, timestamps
from gru_tf.data.own.date_texts import DateOrder
from gru_tf.foundation.errors import UserError

TIMES = ("time", "timestamp", "date", "datetime", "day", "week", "month", "quarter", "year", "hour", "ds")
LABELS = ("label", "class", "target", "y", "category", "sentiment", "outcome")
ORDERS = ("order", "step", "t", "index", "position", *TIMES)
PROSE = ("text", "sentence", "review", "comment", "message", "document", "body")
ORDERS_OF_DATES: tuple[DateOrder, ...] = ("day-first", "month-first")
HALF = 0.5
WORDS = 3  # a column whose median text has more words is prose
SAMPLE = 1 << 20  # bytes of a CSV that are looked at
UNNAMED = re.compile(r"(Unnamed: \d+(_level_\d+)?|__index_level_\d+__|)")  # as pandas and a comma too many leave them
ROWS = 10_000  # of a Parquet file, likewise


class Inference(NamedTuple):
    """An option that was inferred, in words, and the options that override it."""

    text: str
    options: tuple[str, ...]


def head(path: str) -> Any:
    """The first rows of a table, with the types that its reader would give them.

    Raises:
        UserError: where the file cannot be read.
    """
    import pyarrow

    try:
        if files.layout() != "long" or not path.lower().endswith((*csv_lines.SUFFIXES, ".parquet")):
            return files.read_table(path)
        first = _parquet(path) if path.lower().endswith(".parquet") else _csv(path)
        names = [str(name) for name in first.schema.names]
    except (OSError, ValueError, StopIteration, pyarrow.ArrowException):
        return files.read_table(path)  # reads it, or says what is wrong with it
    columns.unique(names, path)
    return files.frame(pyarrow.Table.from_batches([first])) if first.num_rows else files.read_table(path)


def _csv(path: str) -> Any:
    from pyarrow import csv

    form = dialect.dialect(Path(path))
    if form.delimiter == dialect.BLANKS or form.footer:
        raise ValueError("not read block by block")
    names = list(form.names) or csv_lines.header(Path(path), form.delimiter, form.quotes)
    options = csv_table.arrow_options(form, names, None, breaks=True)
    options["read_options"].block_size = SAMPLE
    with csv.open_csv(path, **options) as reader:
        first = reader.read_next_batch()
    if any("binary" in str(field.type) for field in first.schema):
        raise ValueError("not UTF-8")
    return first


def _parquet(path: str) -> Any:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        return next(file.iter_batches(batch_size=ROWS))


def named(frame: Any, names: Sequence[str]) -> list[str]:
    """The columns with one of these names, in upper or lower case, in the order of `names`."""
    by_name = {str(column).strip().lower(): str(column) for column in frame.columns}
    return [by_name[name] for name in names if name in by_name]


def is_number(column: Any) -> bool:
    """Whether a column holds numbers; true or false are none."""
    import pandas

    return bool(pandas.api.types.is_numeric_dtype(column.dtype) and not pandas.api.types.is_bool_dtype(column.dtype))


def is_text(column: Any) -> bool:
    """Whether a column holds text."""
    import pandas

    return bool(pandas.api.types.is_string_dtype(column.dtype) or isinstance(column.dtype, pandas.CategoricalDtype))


def idle(frame: Any) -> list[str]:
    """The columns without a name that number the rows or hold nothing: saved indices, commas at the end of lines."""
    idle_columns = []
    for name in filter(lambda name: UNNAMED.fullmatch(name.strip()), map(str, frame.columns)):
        column = frame[name]
        numbers = column.dtype.kind in "iu" and column.is_unique
        if numbers or bool(column.isna().all()):
            idle_columns.append(name)
    return idle_columns


def numeric(frame: Any) -> list[str]:
    """The columns of numbers."""
    return [str(name) for name in frame.columns if is_number(frame[name])]


def times(frame: Any) -> list[str]:
    """The columns of times: dates, text that can be read as dates, or numbers under a name such as "year".

    Where there is none, those of text with digits under such a name, so that an error can tell why they cannot be read.
    """
    import pandas

    by_name = set(named(frame, TIMES))
    moments = []
    for name in map(str, frame.columns):
        column = frame[name]
        counts = is_number(column) and name in by_name
        if counts or pandas.api.types.is_datetime64_any_dtype(column.dtype) or (is_text(column) and _are_dates(column)):
            moments.append(name)
    return moments or [name for name in named(frame, TIMES) if is_text(frame[name]) and _digits(frame[name]).mean() > HALF]


def _digits(column: Any) -> Any:
    return column.dropna().astype("str").str.contains(r"\d")


def _are_dates(column: Any) -> bool:
    some = column.dropna().drop_duplicates().head(100)
    if not len(some) or not _digits(some).all():
        return False
    return any(_readable(some, order) for order in ORDERS_OF_DATES)  # which one is meant, the task asks


def _readable(column: Any, order: DateOrder) -> bool:
    try:
        timestamps.times(column.to_frame("times"), "times", "", order=order)
    except UserError:
        return False
    return True


def prose(frame: Any) -> list[str]:
    """The columns of prose: a few words or more in the median text, or a name that says so; those with such a name first."""
    texts = [str(name) for name in frame.columns if is_text(frame[name]) and not _are_dates(frame[name])]
    called = [name for name in named(frame, PROSE) if name in texts]
    counted = [n for n in texts if frame[n].dropna().astype("str").str.split().str.len().median() > WORDS]
    return list(dict.fromkeys([*called, *counted]))
