"""Tables that are neither text nor Parquet: sheets of Excel, and JSON a line a row, whose lists are sequences.

{"id": 7, "x": [1.0, 1.5], "label": "a"}      id  x    label
{"id": 8, "x": [2.0], "label": "b"}           7   1.0  a
7   1.5  a
8   2.0  b
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns as checks
from gru_tf.data.own import memory_limit
from gru_tf.foundation import extras
from gru_tf.foundation.errors import one_line

ROW = "row"  # the column that numbers the rows, of which lists make several, where no other identifies them
COPIES = 10  # of a compressed sheet in memory, about


def read(path: Path, columns: Sequence[str] | None) -> Any:
    """The columns of the first sheet of an .xlsx file, or of a .jsonl file, as a pandas frame numbered from 0.

    Raises:
        DatasetError: as `gru_tf.data.own.files.read_table`.
        UserError: where what reads sheets is not installed.
    """
    memory_limit.fits(path, COPIES * path.stat().st_size)
    table = without_lists(_sheet(path) if path.name.lower().endswith(".xlsx") else _json(path))
    table = table.set_axis([str(name) for name in table.columns], axis=1)
    checks.unique(list(table.columns), str(path))
    checks.named(list(table.columns), columns or (), str(path))
    if not len(table):
        raise DatasetError(f"{path}: expected at least one row. Received: none")
    return table if columns is None else table[list(columns)]


def _sheet(path: Path) -> Any:
    import pandas

    extras.require("openpyxl", f"{path}: a sheet of Excel")
    try:
        table = pandas.read_excel(path, engine="openpyxl")
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path}: expected a whole .xlsx file. Received: {one_line(error)}") from error
    return table.dropna(how="all").reset_index(drop=True)


def _json(path: Path) -> Any:
    import pandas

    try:
        return pandas.read_json(path, lines=True, compression="infer")
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: expected an object in each line, as JSON. Received: {one_line(error)}") from error


def without_lists(table: Any) -> Any:
    """A row for each element of the lists, which are of one length in a row; its index stays that of the row."""
    lists = [name for name in table.columns if table[name].dtype == object and table[name].map(_is_list).all()]
    if not lists or not len(table):
        return table
    lengths = table[lists].map(len)
    uneven = lengths.ne(lengths.iloc[:, 0], axis=0).any(axis=1)
    if uneven.any():
        row = int(uneven.to_numpy().argmax())
        received = ", ".join(f"'{name}' {length}" for name, length in lengths.iloc[row].items())
        raise DatasetError(f"row {row + 1}: expected lists of one length. Received: {received}")
    if ROW not in table.columns and not any(table[name].is_unique for name in table.columns if name not in lists):
        table = table.assign(**{ROW: range(1, len(table) + 1)})
    table = table.explode(lists)
    return table.astype({name: table[name].infer_objects().dtype for name in lists})


def _is_list(value: Any) -> bool:
    return not isinstance(value, (str, bytes)) and hasattr(value, "__len__") and not hasattr(value, "keys")
