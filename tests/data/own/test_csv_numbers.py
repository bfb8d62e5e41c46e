"""Columns of numbers of a CSV: published series as NumPy itself reads them, broken files named in one line."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gru_tf.data.datasets import DatasetError, locate
from gru_tf.data.own import csv_numbers
from gru_tf.tasks import Task, create
from gru_tf.tasks.forecasting import _forecast

CSV = '"Month","A","B"\n"1949-01",1,2\n"1949-02",3.5,-4e1\n'
SERIES = {"airline": {}, "sunspots": {}, "temperatures": {}, "ett": {"inputs": "all"}}


def read(path: Path, text: str | bytes) -> np.ndarray:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return csv_numbers.read(path, "Month", ("B", "A"))


@pytest.mark.parametrize("text", [CSV, "\ufeff" + CSV, CSV.replace("\n", "\r\n"), CSV.replace('"', "") + "\n"])
def test_columns_are_read_in_the_order_wanted(tmp_path: Path, text: str) -> None:
    assert read(tmp_path / "a.csv", text).tolist() == [[2, 1], [-40, 3.5]]


BROKEN = {
    "empty": ("", "expected a header line. Received: an empty file"),
    "only a header": ("Month,A,B\n", "expected at least one row after the header. Received: none"),
    "no such column": (CSV.replace('"B"', '"C"'), "no column is called 'B'. Columns: Month, A, C"),
    "a misspelt column": (
        CSV.replace('"Month"', '"Mnth"'),
        "no column is called 'Month'. Did you mean 'Mnth'? Columns: Mnth, A, B",
    ),
    "a column twice": (CSV.replace('"B"', '"A"'), "expected each column once. Received: 'A' as column 2 and 3"),
    "latin-1": (
        CSV.encode() + b"1949-03,\xfc,1\n",
        "line 4: expected UTF-8 text. Received: byte 0xfc at column 9 of it; save it as UTF-8",
    ),
    "cut off": (
        CSV + "1949-03,1",
        "row 3 (line 4): expected 3 fields, as in the header. Received: 2; is the line cut off?",
    ),
    "missing": (CSV + "1949-03,1,\n", "row 3 (line 4), column 'B': expected a finite number. Received: ''"),
    "NaN": (CSV + "1949-03,nan,1\n", "row 3 (line 4), column 'A': expected a finite number. Received: 'nan'"),
    "infinite": (CSV + "1949-03,1,inf\n", "row 3 (line 4), column 'B': expected a finite number. Received: 'inf'"),
    "a word": (CSV + "\n1949-03,one,1\n", "row 3 (line 5), column 'A': expected a finite number. Received: 'one'"),
    "the same time": (
        CSV + "1949-02,1,1\n",
        "row 3 (line 4), column 'Month': expected a time after 1949-02. Received: '1949-02'",
    ),
    "an earlier time": (
        CSV + "1948-12,1,1\n",
        "row 3 (line 4), column 'Month': expected a time after 1949-02. Received: '1948-12'",
    ),
    "no time": (CSV + ",1,1\n", "row 3 (line 4), column 'Month': expected a time after 1949-02. Received: ''"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named(tmp_path: Path, name: str) -> None:
    text, message = BROKEN[name]
    with pytest.raises(DatasetError) as caught:
        read(tmp_path / "a.csv", text)
    assert str(caught.value).removeprefix(f"{tmp_path / 'a.csv'}: ") == message


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"a\.csv: cannot be read, No such file"):
        csv_numbers.read(tmp_path / "a.csv", "Month", ("A",))


@pytest.mark.parametrize("name", SERIES)
def test_published_series_are_those_that_numpy_reads(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs_files: Callable[[Task], None]
) -> None:
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path))
    task = create(name, SERIES[name])
    needs_files(task)
    path = locate(task.file)
    header = path.read_text(encoding="utf-8").splitlines()[0].replace('"', "").split(",")
    places = [header.index(column) for column in task.columns]
    expected = np.loadtxt(path, delimiter=",", quotechar='"', skiprows=1, usecols=places, ndmin=2)
    for _ in range(2):  # as it is parsed, then from the cache
        rows = _forecast._rows(task.file, task.time, task.columns)
        assert rows.dtype == np.float64
        assert rows.shape == expected.shape
        assert rows.tobytes() == expected.tobytes()


def test_reading_a_published_series_imports_neither_arrow_nor_pandas(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    code = f"""
import sys
from pathlib import Path
import gru_tf.tasks.forecasting.ett
from gru_tf.data.own import csv_numbers
csv_numbers.read(Path({str(tmp_path / "a.csv")!r}), "Month", ("A",))
print(*{{"pyarrow", "pandas", "tensorflow"}} & sys.modules.keys())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
