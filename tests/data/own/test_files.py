"""Files that a user brings: what is sound is read as pandas and NumPy read it, what is not ends in one line that says where.

One table holds every broken file, what reads it and the whole message.
"""

import gzip
import io
import pickle
import re
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns, files, frequency, memory_limit, missing_values, splits, timestamps
from gru_tf.data.own.encoding import Encoding
from gru_tf.data.own.frames import keep
from gru_tf.foundation.errors import UserError

Read = Callable[[Path], Any]


def table(path: Path) -> Any:
    return files.read_table(path)


def only(*names: str) -> Read:
    return lambda path: files.read_table(path, names)


def numbers(name: str) -> Read:
    return lambda path: columns.numbers(files.read_table(path), name, str(path))


def times(group: str | None = None) -> Read:
    return lambda path: timestamps.times(files.read_table(path), "t", str(path), group)


def complete(how: Any) -> Read:
    return lambda path: missing_values.complete(files.read_table(path), ["a", "b"], how, str(path))


def encoded(train: int) -> Read:
    """The column "a", fitted on the first rows."""

    def read(path: Path) -> Any:
        frame = files.read_table(path)
        return Encoding.fit(frame, ["a"], np.arange(len(frame)) < train, str(path)).apply(frame, str(path))

    return read


def parquet(frame: Any) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, write_page_checksum=True)
    return buffer.getvalue()


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


class Hostile:
    """Pickled, it raises whatever unpickles it: a test would end in that, not in the message."""

    def __reduce__(self) -> Any:
        return pytest.fail, ("unpickled",)


def hostile() -> bytes:
    """An NPZ as one who means harm would write it: the header of an array of objects, and a pickle."""
    body = io.BytesIO()
    np.lib.format.write_array_header_1_0(body, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("X.npy", body.getvalue() + pickle.dumps(Hostile()))
    return buffer.getvalue()


ZIPPED = gzip.compress(b"a,b\n" + b"1,2\n" * 20_000)
WHOLE = parquet(pandas.DataFrame({"a": np.random.default_rng(0).normal(size=1000)}))
ARRAYS = npz(X=np.arange(1000.0), y=np.arange(1000) % 7)
AB = "expected a time such as 2016-07-01 or 2016-07-01 13:00, as in other rows."
TEXT = ".csv, .tsv, .txt, .dat, .data, .csv.gz, .tsv.gz, .txt.gz, .dat.gz, .data.gz"
FORMS = f"{TEXT}, .parquet, .xlsx, .jsonl, .jsonl.gz, .npz, .ts"
TELL = "; set missing to drop, forward, interpolate or mean"
SERIES = "; for several series, set group to the column that identifies them"
WAYS = "expected a time that can be read in one way, such as 2016-07-01, not as day/month/year or month/day/year."

# Name of the case → file, its content, what reads it, and the message after the file's path.
BROKEN: dict[str, tuple[str, str | bytes, Read, str]] = {
    "no such form": ("x.doc", "", table, f": expected a file of one of the forms {FORMS}. Received: '.doc'"),
    "no table": ("x.npz", ARRAYS, table, ": expected a table, such as .csv, .tsv or .parquet. Received: '.npz'"),
    "no arrays": ("x.csv", "a\n1\n", files.read_arrays, ": expected arrays, .npz. Received: '.csv'"),
    "empty": ("x.csv", "", table, ": expected a header line. Received: an empty file"),
    "blank lines": ("x.csv", "\n\n", table, ": expected a header line. Received: an empty file"),
    "header only": ("x.csv", "a,b\n", table, ": expected at least one row after the header. Received: none"),
    "missing column": (
        "x.csv",
        "time,load\n1,2\n",
        only("time", "laod"),
        ": no column is called 'laod'. Did you mean 'load'? Columns: time, load",
    ),
    "a name twice": ("x.csv", "a,b,a\n1,2,3\n", only("b"), ": expected each column once. Received: 'a' as column 1 and 3"),
    "semicolons above commas": (
        "x.csv",
        "a;b\n1,2\n2,3\n3,4\n",
        table,
        ": line 1: expected columns separated by the same in all lines. Received: 'a;b', separated by ';', above lines that"
        " are not",
    ),
    "a comma at the end of rows": (
        "x.csv",
        "a,b\n1,2,\n",
        table,
        ": row 1 (line 2): expected 2 fields, as in the header. Received: 3; is a ',' at the end of the line?",
    ),
    "a number too large to be squared": (
        "x.csv",
        "a\n1\n1e160\n",
        numbers("a"),
        ": row 2 (line 3), column 'a': expected a number of at most 1e+150. Received: 1e+160",
    ),
    "numbers too close to be told apart": (
        "x.csv",
        "a\n1e-200\n2e-200\n",
        encoded(2),
        ": column 'a': expected numbers that differ by more than 64 bits can square",
    ),
    "a time too early": (
        "x.csv",
        "t\n1700-01-01\n1500-01-01\n",
        times(),
        ": row 2 (line 3), column 't': expected a time from 1678 to 2262. Received: '1500-01-01 00:00:00'",
    ),
    "a row too short": (
        "x.csv",
        "a,b,c\n1,2,3\n\n1,2\n",
        table,
        ": row 2 (line 4): expected 3 fields, as in the header. Received: 2; is the line cut off?",
    ),
    "a row too long": (
        "x.csv",
        'a,b\n"1\n2",2\n1,2,3\n',
        only("a"),
        ": row 2 (line 4): expected 2 fields, as in the header. Received: 3; is a ',' in a text without quotes?",
    ),
    "an open quote": (
        "x.csv",
        'a,b\n1,2\n2,"x, y\n3,4\n',
        only("a"),
        ": row 2: expected every quoted text to end. Received: a text that begins with '\"' and never ends; set quoting to"
        " none where quotes are characters as any other",
    ),
    "Latin-1": (
        "x.csv",
        "a,b\n1,x\n2,für\n".encode("latin-1"),
        table,
        ": line 3: expected UTF-8 text. Received: byte 0xfc at column 4 of it; save it as UTF-8",
    ),
    "a header in Latin-1": (
        "x.csv",
        "größe,b\n1,x\n".encode("latin-1"),
        table,
        ": line 1: expected UTF-8 text. Received: byte 0xf6 at column 3 of it; save it as UTF-8",
    ),
    "UTF-16": (
        "x.csv",
        "a,b\n1,2\n".encode("utf-16"),
        table,
        ": line 1: expected UTF-8 text. Received: byte 0xff at column 1 of it; save it as UTF-8",
    ),
    "cut gzip": (
        "x.csv.gz",
        ZIPPED[:-20],
        table,
        ": cannot be read, Compressed file ended before the end-of-stream marker was reached; is it cut off?",
    ),
    "no gzip": ("x.csv.gz", "a,b\n", table, ": cannot be read, Not a gzipped file (b'a,'); is it cut off?"),
    "cut Parquet": ("x.parquet", WHOLE[:-20], table, ": expected a whole Parquet file. Received: .*"),
    "empty Parquet": ("x.parquet", "", table, ": expected a whole Parquet file. Received: .*"),
    "spoilt Parquet": (
        "x.parquet",
        WHOLE[:200] + bytes(200) + WHOLE[400:],
        table,
        ": expected a whole Parquet file. Received: .*",
    ),
    "Parquet without rows": (
        "x.parquet",
        parquet(pandas.DataFrame({"a": np.zeros(0)})),
        table,
        ": expected at least one row. Received: none",
    ),
    "a column that Parquet lacks": (
        "x.parquet",
        WHOLE,
        only("b"),
        ": no column is called 'b'. Columns: a",
    ),
    "cut NPZ": ("x.npz", ARRAYS[:-30], files.read_arrays, ": expected a whole NPZ file. Received: .*; is it cut off?"),
    "empty NPZ": ("x.npz", "", files.read_arrays, ": expected a whole NPZ file. Received: .*; is it cut off?"),
    "no array": ("x.npz", npz(), files.read_arrays, ": expected at least one array. Received: none"),
    "spoilt NPZ": (
        "x.npz",
        ARRAYS[:1000] + bytes(100) + ARRAYS[1100:],
        files.read_arrays,
        ": array 'X': cannot be read. Received: Bad CRC-32 for file 'X.npy'",
    ),
    "pickled objects": (
        "x.npz",
        hostile(),
        files.read_arrays,
        ": array 'X': expected numbers or text. Received: Python objects, which are not loaded",
    ),
}
BROKEN |= {  # in columns
    "text among numbers": (
        "x.csv",
        "a,b\n1,2\n2,3\n\n3,abc\n",
        numbers("b"),
        ": row 3 (line 5), column 'b': expected a finite number. Received: 'abc'",
    ),
    "a comma as the point, and a point": (
        "x.tsv",
        "a\tb\n1.5\t2,5\n",
        numbers("b"),
        ": row 1 (line 2), column 'b': expected a finite number. Received: '2,5'",
    ),
    "infinite": (
        "x.csv",
        "a\n1\n-inf\n",
        numbers("a"),
        ": row 2 (line 3), column 'a': expected a finite number. Received: -inf",
    ),
    "too large for a number": (
        "x.parquet",
        parquet(pandas.DataFrame({"a": [1.0, np.inf]})),
        numbers("a"),
        ": row 2, column 'a': expected a finite number. Received: inf",
    ),
    "times for numbers": (
        "x.csv",
        "a\n2020-01-01\n",
        numbers("a"),
        ": row 1 (line 2), column 'a': expected a number. Received: '2020-01-01 00:00:00'",
    ),
    "no time": (
        "x.csv",
        "t,a\n2020-01-01,1\n,2\n",
        times(),
        ": row 2 (line 3), column 't': expected a time. Received: nothing",
    ),
    "what is no time": (
        "x.csv",
        "t\n2020-01-01\nsoon\n",
        times(),
        f": row 2 (line 3), column 't': {AB} Received: 'soon'",
    ),
    "an impossible day": (
        "x.csv",
        "t\n2021-02-28\n2021-02-29\n",
        times(),
        f": row 2 (line 3), column 't': {AB} Received: '2021-02-29'",
    ),
    "mixed forms": (
        "x.csv",
        "t\n13.02.2020\n14.02.2020\n2020-02-15\n",
        times(),
        f": row 3 (line 4), column 't': {AB} Received: '2020-02-15'",
    ),
    "day or month": (
        "x.csv",
        "t\n01/02/2020\n02/02/2020\n",
        times(),
        f": row 1 (line 2), column 't': {WAYS} Received: '01/02/2020'",
    ),
    "some with a zone": (
        "x.csv",
        "t\n2020-01-01T00:00:00Z\n2020-01-01 05:00:00\n",
        times(),
        ": row 2 (line 3), column 't': expected a time with a zone, as in the first row. Received: '2020-01-01 05:00:00'",
    ),
    "truth for times": (
        "x.csv",
        "t\ntrue\nfalse\n",
        times(),
        ": row 1 (line 2), column 't': expected a time. Received: true",
    ),
    "a time twice": (
        "x.csv",
        "t,a\n2020-01-01,1\n2020-01-02,2\n2020-01-01,3\n",
        times(),
        ": row 3 (line 4), column 't': expected each time once. Received: '2020-01-01 00:00:00', as in row 1 (line 2)"
        + SERIES,
    ),
    "a time twice in a group": (
        "x.csv",
        "t,g\n5,x\n5,y\n5,x\n",
        times("g"),
        ": row 3 (line 4), column 't': expected each time once of the same 'g'. Received: '5', as in row 1 (line 2)",
    ),
    "no group": (
        "x.csv",
        "t,g\n5,x\n5,\n6,\n",
        times("g"),
        ": row 2 (line 3), column 'g': expected a group. Received: nothing",
    ),
    "missing": (
        "x.csv",
        "a,b\n1,x\n2,\n,y\n",
        complete("refuse"),
        f": row 2 (line 3), column 'b': expected a value. Received: nothing, as 1 more{TELL}",
    ),
    "missing NaN": (
        "x.parquet",
        parquet(pandas.DataFrame({"a": [1.0, np.nan], "b": ["x", "y"]})),
        complete("refuse"),
        f": row 2, column 'a': expected a value. Received: nothing{TELL}",
    ),
    "nothing left": (
        "x.csv",
        "a,b\n1,\n,y\n",
        complete("drop"),
        ": expected a row without missing values. Received: none of 2",
    ),
    "nothing before": (
        "x.csv",
        "a,b\n,x\n1,y\n",
        complete("forward"),
        ": row 1 (line 2), column 'a': expected a value in an earlier row of the series, for missing: forward."
        " Received: none",
    ),
    "nothing after": (
        "x.csv",
        "a,b\n1,x\n,y\n",
        complete("interpolate"),
        ": row 2 (line 3), column 'a': expected a value before and after it in the series, for missing: interpolate."
        " Received: none",
    ),
    "too many categories": (
        "x.csv",
        "a\n" + "".join(f"k{i:03}\n" for i in range(101)),
        encoded(101),
        ": column 'a': expected numbers, or at most 100 categories. Received: 101 in the training rows, such as 'k000' and"
        " 'k001'",
    ),
    "a number that is none": (
        "x.csv",
        "a\n" + "".join(f"{i}\n" for i in range(30)) + "3O\n",
        encoded(20),
        ": row 31 (line 32), column 'a': expected a finite number. Received: '3O'",
    ),
    "no value to learn from": (
        "x.csv",
        "a,b\n,1\n,2\n3,3\n",
        encoded(2),
        ": column 'a': expected a value in the training rows. Received: none",
    ),
    "times as inputs": (
        "x.csv",
        "a\n2020-01-01\n",
        encoded(1),
        ": column 'a': expected numbers or categories. Received: times",
    ),
}


def written(folder: Path, name: str, content: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_ends_in_one_line(case: str, tmp_path: Path) -> None:
    name, content, read, words = BROKEN[case]
    file = written(tmp_path, name, content)
    with pytest.raises(UserError) as caught:
        read(file)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(file))
    received = message.removeprefix(str(file))
    assert re.fullmatch(re.escape(words).replace(r"\.\*", ".+"), received), received
    assert [found.name for found in tmp_path.iterdir()] == [name]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for read in (files.read_table, files.digest):
        with pytest.raises(DatasetError, match=r"none\.csv: no such file$"):
            read(tmp_path / "none.csv")


# -------------------------------------------------------------------------------------------------------- sound files

FRAME = pandas.DataFrame(
    {
        "whole": [1, 2, -3],
        "number": [0.5, 1e-3, 2.0],
        "some": [1.0, np.nan, 3.0],
        "text": ["a, b", 'say "x"', "two\nlines"],
        "truth": [True, False, True],
    }
)


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.csv.gz", "x.tsv.gz", "x.parquet"])
@pytest.mark.parametrize("wanted", [None, ["text", "whole"]])
def test_a_table_is_read_as_pandas_reads_it(name: str, wanted: list[str] | None, tmp_path: Path) -> None:
    file = tmp_path / name
    if name.endswith(".parquet"):
        FRAME.to_parquet(file)
    else:
        FRAME.to_csv(file, index=False, sep="\t" if ".tsv" in name else ",")
    pandas.testing.assert_frame_equal(files.read_table(file, wanted), FRAME[wanted or list(FRAME)])


def test_a_type_that_changes_late_in_a_file_is_that_of_the_whole_column(tmp_path: Path) -> None:
    """Beyond the first blocks that Arrow reads; a byte-order mark and Windows line ends besides."""
    file = written(tmp_path, "x.csv", "\ufeffa,b\r\n" + "1,2\r\n" * 700_000 + "1.5,x\r\n")
    frame = files.read_table(file)
    assert (frame.a.dtype, frame.b.iloc[-1], frame.b.iloc[0]) == (np.float64, "x", "2")
    with pytest.raises(DatasetError, match=r"row 700001 \(line 700002\), column 'b': .* Received: 'x'"):
        columns.numbers(frame, "b", str(file))


def test_arrays_are_read_as_numpy_reads_them(tmp_path: Path) -> None:
    file = written(tmp_path, "x.npz", npz(X=np.arange(6.0).reshape(2, 3), y=np.array(["a", "b"])))
    arrays = files.read_arrays(file)
    assert arrays.keys() == {"X", "y"}
    assert np.array_equal(arrays["X"], np.arange(6.0).reshape(2, 3))
    assert arrays["y"].tolist() == ["a", "b"]


def test_what_does_not_fit_the_memory_is_refused_with_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """50,000 rows of eight bytes a column, five times; a million numbers of eight bytes, twice."""
    monkeypatch.setattr(memory_limit, "LIMIT", 3_000_000)
    frame = pandas.DataFrame({"a": np.arange(50_000), "b": np.arange(50_000) / 3, "c": "some text"})
    for name in ("x.csv", "x.csv.gz", "x.parquet"):
        frame.to_parquet(tmp_path / name) if name == "x.parquet" else frame.to_csv(tmp_path / name, index=False)
        needs = r"expected data that fit 0\.003 GB of memory\. Received: about 0\.0040\d GB: name fewer columns"
        with pytest.raises(DatasetError, match=needs):
            files.read_table(tmp_path / name, ["a", "b"])
        assert len(files.read_table(tmp_path / name, ["a"])) == 50_000
    np.savez_compressed(tmp_path / "x.npz", X=np.zeros(1_000_000))
    with pytest.raises(DatasetError, match=r"Received: about 0\.016 GB"):
        files.read_arrays(tmp_path / "x.npz")


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    import hashlib

    one, two = written(tmp_path, "1.csv", "ab"), written(tmp_path, "2.csv", "c")
    assert files.digest(one) == hashlib.sha256(b"ab").hexdigest()[:16] == files.digest(one, None)
    pair = files.digest(one, two)
    written(tmp_path, "1.csv", "a"), written(tmp_path, "2.csv", "bc")  # the same bytes, cut elsewhere
    assert len({pair, files.digest(one, two), files.digest(one)}) == 3


# --------------------------------------------------------------------------------------------------- given in Python


def test_what_is_given_is_kept_once_by_its_content() -> None:
    path = keep(FRAME)
    assert keep(FRAME.copy()) == path == keep(FRAME.set_axis([5, 6, 7]))  # an index that counts is left out
    assert keep(FRAME.iloc[::-1]) != path
    pandas.testing.assert_frame_equal(files.read_table(path), FRAME)
    arrays = {"X": np.arange(6.0).reshape(3, 2), "y": np.array(["a", "bc", "d"], object)}
    kept = keep(arrays)
    assert keep(arrays) == kept
    assert files.read_arrays(kept)["y"].tolist() == ["a", "bc", "d"]
    assert not [file for file in path.parent.iterdir() if file.name.startswith(".")]


@pytest.mark.parametrize("index", [pandas.date_range("2020-01-01", periods=3), pandas.period_range("2020-01-01", periods=3)])
def test_an_index_of_times_becomes_a_column(index: Any) -> None:
    for name in (None, "day"):
        frame = files.read_table(keep(FRAME.set_axis(index.rename(name))))
        assert list(frame) == [name or "index", *FRAME]
        assert (frame[name or "index"] == pandas.date_range("2020-01-01", periods=3)).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([1, 2], "expected a pandas frame or arrays by name. Received: list"),
        (pandas.DataFrame({"a": [1, "x"]}), "the frame: expected columns of one type each. Received: .*column a"),
        (
            pandas.DataFrame([[1, 2]], columns=["a", "a"]),
            "the frame: expected each column once. Received: 'a' as column 1 and 2",
        ),
        (pandas.DataFrame({"a": []}), "the frame: expected at least one row. Received: none"),
        (pandas.Series([1.0]), "expected a pandas frame .* Received: Series; its to_frame\\(\\) makes one"),
        (FRAME.rename_axis(FRAME.columns[0]), "the frame with its index: expected each column once"),
        ({"X": [[[1, 2], [3]], [[4]]]}, "array 'X': expected sequences of numbers, each of as many features. Received: "),
        (pandas.DataFrame({"a": pandas.cut([1.0, 2.0], 2)}), "the frame: expected columns of one type each. Received: "),
        ({"X": np.array([{}], object)}, "array 'X': expected numbers or text of one type. Received: Python objects"),
        ({}, "the arrays: expected at least one. Received: none"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_leaves_nothing(
    given: Any, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=words):
        keep(given)
    assert not list(tmp_path.rglob("*.*"))


# ------------------------------------------------------------------------------------------------- columns and shares


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (["1949-01", "1949-02"], ["1949-01-01", "1949-02-01"]),
        (["2020-01-01", "2020-01-01 05:00"], ["2020-01-01", "2020-01-01T05:00"]),
        (["2020-10-25T02:30:00+02:00", "2020-10-25T02:30:00+01:00"], ["2020-10-25T00:30", "2020-10-25T01:30"]),
        (["13/02/2020 10:30", "01/03/2020 10:30"], ["2020-02-13T10:30", "2020-03-01T10:30"]),
        (["02/13/2020", "03/01/2020"], ["2020-02-13", "2020-03-01"]),
        (["13.02.2020", "01.03.2020"], ["2020-02-13", "2020-03-01"]),
        (["02/13/2020 11:30 PM", "03/01/2020 12:00 AM"], ["2020-02-13T23:30", "2020-03-01T00:00"]),
        (["20200213", "20200301"], ["2020-02-13", "2020-03-01"]),
        (["20200230", "20200301"], [20200230.0, 20200301.0]),
    ],
)
def test_times_are_read_in_the_one_form_that_fits_all(text: list[str], expected: list[Any], tmp_path: Path) -> None:
    moments = times()(written(tmp_path, "x.csv", "\n".join(["t", *text]) + "\n"))
    assert moments.tolist() == np.array(expected, float if isinstance(expected[0], float) else "datetime64[ns]").tolist()


GAPPY = pandas.DataFrame({"a": [1.0, None, 4.0, None, 9.0, 7.0], "b": ["x", "y", None, "y", "y", "z"]})


@pytest.mark.parametrize(
    ("how", "a", "b"),
    [
        ("drop", [1, 9, 7], ["x", "y", "z"]),
        ("forward", [1, 1, 4, 4, 9, 7], ["x", "y", "y", "y", "y", "z"]),
        ("interpolate", [1, 2.5, 4, 6.5, 9, 7], ["x", "y", "y", "y", "y", "z"]),
        ("mean", [1, 2.5, 4, 2.5, 9, 7], ["x", "y", "x", "y", "y", "z"]),  # of the first four rows; x before y where equal
    ],
)
def test_missing_values_by_hand(how: Any, a: list[float], b: list[str]) -> None:
    frame = (
        GAPPY if how != "mean" else GAPPY.assign(b=["x", "y", None, "x", "y", "z"]).assign(b=["x", "y", None, "y", "y", "z"])
    )
    training = np.arange(6) < 3
    filled = missing_values.complete(frame, ["a", "b"], how, "here", training)
    assert filled.a.tolist() == a
    assert filled.b.tolist() == b


def test_nothing_is_carried_from_one_series_to_another() -> None:
    frame = pandas.DataFrame({"a": [1.0, 2.0, None, 5.0]})
    with pytest.raises(DatasetError, match="here: row 3, column 'a': expected a value in an earlier row"):
        missing_values.complete(frame, ["a"], "forward", "here", series=np.array([0, 0, 1, 1]))


def test_an_encoding_by_hand_and_its_way_through_json() -> None:
    frame = pandas.DataFrame({"n": [1.0, 3.0, 100.0], "c": ["b ", "a", "b"], "t": [True, False, False], "k": [5, 5, 6]})
    fitted = Encoding.fit(frame, ["n", "c", "t", "k"], np.array([True, True, False]), "here")
    assert fitted.names == ("n", "c=a", "c=b", "t=False", "t=True", "k")
    expected = [[-1, 0, 1, 0, 1, 0], [1, 1, 0, 1, 0, 0], [98, 0, 1, 1, 0, 1]]  # n: mean 2, deviation 1; k: constant, by 1
    assert np.array_equal(
        Encoding.model_validate_json(fitted.model_dump_json()).apply(frame), np.array(expected, np.float32)
    )


def test_the_cut_is_one_moment_and_shares_are_of_moments() -> None:
    moments = np.array([3, 1, 2, 0, 9, 3, 1, 8, 9, 4])  # 0 1 2 3 4 8 9: seven
    parts = splits.by_time(moments, 0.3, 0.3)
    assert parts.tolist() == [1 if m in (3, 4) else 2 if m in (8, 9) else 0 for m in moments]
    assert splits.by_time(np.arange(144), 1 / 6, 0.25).tolist() == [0] * 84 + [1] * 24 + [2] * 36
    assert splits.by_time(np.arange(10), 0.2, 0).tolist() == [0] * 8 + [1] * 2
    with pytest.raises(
        DatasetError, match="here: expected at least 3 moments for training, validation and test. Received: 2"
    ):
        splits.by_time(np.arange(2), 0.1, 0.1, "here")


@pytest.mark.parametrize(
    ("moments", "words", "gaps", "following"),
    [
        (pandas.date_range("2020-01-31", periods=5, freq="h"), "1 h", 0, ["2020-01-31T05", "2020-01-31T06"]),
        (pandas.date_range("2020-01-31", periods=9, freq="D").delete([3, 6]), "1 d", 2, ["2020-02-09", "2020-02-10"]),
        (
            pandas.date_range("2019-11-15", periods=4, freq="MS") + pandas.Timedelta("14D"),
            "month (day 15)",
            0,
            ["2020-04-15", "2020-05-15"],
        ),
        (np.array([0.0, 2.5, 5.0, 10.0]), "2.5", 1, [12.5, 15.0]),
    ],
)
def test_the_regular_step_of_times(moments: Any, words: str, gaps: int, following: list[Any]) -> None:
    values = moments.to_numpy().astype("datetime64[ns]") if isinstance(moments, pandas.DatetimeIndex) else moments
    step = frequency.estimate(values, np.zeros(len(values), int))
    assert step is not None
    assert (step.words, step.gaps) == (words, gaps)
    assert step.after(values[-1], 2).tolist() == np.array(following, values.dtype).tolist()


def test_times_without_a_regular_step_have_none() -> None:
    assert frequency.estimate(np.array([0.0, 1.0, 3.0, 7.0, 20.0]), np.zeros(5, int)) is None
    assert frequency.estimate(np.array([0.0, 1.0]), np.array([0, 1])) is None


def test_an_index_and_decimals_of_a_parquet_file_are_columns_of_numbers(tmp_path: Path) -> None:
    frame = pandas.DataFrame(
        {"price": [Decimal("1.25"), Decimal("2.50")], "day": pandas.date_range("2020-01-01", periods=2)}
    )
    frame.set_index("day").to_parquet(tmp_path / "x.parquet")
    table = files.read_table(tmp_path / "x.parquet")
    assert table["price"].tolist() == [1.25, 2.5]
    assert table["price"].dtype == np.float64
    assert table["day"].tolist() == frame["day"].tolist()
    assert files.read_table(tmp_path / "x.parquet", ["day"]).columns.tolist() == ["day"]


def test_periods_are_their_first_moments() -> None:
    frame = pandas.DataFrame({"month": pandas.period_range("2020-01", periods=2, freq="M"), "a": [1.0, 2.0]})
    for form in (frame, frame.set_index("month")):
        assert files.read_table(keep(form))["month"].tolist() == [pandas.Timestamp(2020, 1, 1), pandas.Timestamp(2020, 2, 1)]


def test_lines_may_end_in_carriage_returns_alone(tmp_path: Path) -> None:
    frame = files.read_table(written(tmp_path, "x.csv", "a,b\r1,x\r2,y\r"))
    assert frame["a"].tolist() == [1, 2]
    assert columns.row(str(tmp_path / "x.csv"), 1) == "row 2 (line 3)"


def test_a_cache_that_is_no_folder_is_named(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("mine")
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError, match=r"cache/given: cannot be written, .*: set GRU_TF_CACHE to another folder$"):
        keep({"X": np.zeros(3)})
    assert (tmp_path / "cache").read_text() == "mine"
