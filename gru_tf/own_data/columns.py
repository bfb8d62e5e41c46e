"""Columns of a user's table, checked: names, numbers, times, missing values. Every message names file, row and column.

Rows are numbered as a user finds them, from 1, by the labels of the frame's index, which count from 0 and stay with a row
when others are dropped or all are sorted.
"""

import csv
import functools
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gru_tf.datasets import DatasetError
from gru_tf.errors import did_you_mean, several, shown

Array = np.ndarray[Any, np.dtype[Any]]
Missing = Literal["refuse", "drop", "forward", "interpolate", "mean"]
FIRST, LAST = np.datetime64("1678"), np.datetime64("2262")  # years that 64 bits of nanoseconds hold
LARGEST = 1e150  # of numbers: the square of a larger one has no place in 64 bits
LONGEST = 1 << 30  # characters of a field; Python's csv would stop at 131,072
TEXT = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
DATES = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d/%m/%y", "%m/%d/%y")
WORDS = (
    ("%d", "day"),
    ("%m", "month"),
    ("%Y", "year"),
    ("%y", "year"),
    *((clock, "time") for clock in ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")),
)
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")


# ------------------------------------------------------------------------------------------------------------- names


def unique(names: Sequence[str], where: str) -> None:
    """Raise DatasetError where a column is there twice."""
    for place, name in enumerate(names):
        if name in names[:place]:
            first = names.index(name) + 1
            raise DatasetError(f"{where}: expected each column once. Received: '{name}' as column {first} and {place + 1}")


def named(names: Sequence[str], wanted: Sequence[str], where: str) -> None:
    """Raise DatasetError with the nearest name where one of `wanted` is not among `names`."""
    for name in wanted:
        if name not in names:
            near = did_you_mean(name, names)
            raise DatasetError(f"{where}: no column is called '{name}'.{near} Columns: {several(names)}")


def have(frame: Any, names: Sequence[str], where: str) -> None:
    """Check that a frame has these columns, and each column once.

    Raises:
        DatasetError: naming the column, the nearest name and the columns that there are.
    """
    there = [str(name) for name in frame.columns]
    unique(there, where)
    named(there, names, where)


# -------------------------------------------------------------------------------------------------------------- rows


def row(where: str, label: int) -> str:
    """How messages name a row: "row 17 (line 18)" of a CSV file, else "row 17"; `label` counts from 0."""
    if not where.lower().endswith(TEXT) or not Path(where).is_file():
        return f"row {label + 1}"
    for place, (line, _) in enumerate(lines(Path(where))):  # lines differ from rows by the header, and by breaks in quotes
        if place == label + 1:
            return f"row {label + 1} (line {line})"
    return f"row {label + 1}"


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


# ------------------------------------------------------------------------------------------------------------ values


def numbers(frame: Any, name: str, where: str) -> Array:
    """(rows,) float64 of a column, NaN where a value is missing.

    Raises:
        DatasetError: naming row and column where a value is no number, or infinite.
    """
    import pandas

    column = frame[name]
    if pandas.api.types.is_datetime64_any_dtype(column.dtype):
        raise _unlike(frame, name, where, 0, "a number")
    values: Array = pandas.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = np.isnan(values) & column.notna().to_numpy()
    if wrong.any() and column.dtype.kind not in "fiub":
        wrong &= ~column.astype(str).str.strip().isin(["", "NA", "NaN", "nan", "null"]).to_numpy()
    wrong |= np.isinf(values)
    if wrong.any():
        raise _unlike(frame, name, where, int(wrong.argmax()), "a finite number")
    if (large := np.abs(values) > LARGEST).any():
        raise _unlike(frame, name, where, int(large.argmax()), f"a number of at most {LARGEST:g}")
    return values


def at(frame: Any, name: str, where: str, place: int) -> str:
    """File, row and column in words; `place` is the row's place in the frame, from 0."""
    return f"{where}: {row(where, frame.index[place])}, column '{name}'"


def _unlike(frame: Any, name: str, where: str, place: int, expected: str) -> DatasetError:
    value = frame[name].iloc[place]
    value = value.item() if isinstance(value, np.generic) else value
    received = shown(value if isinstance(value, (str, int, float)) else str(value))
    return DatasetError(f"{at(frame, name, where, place)}: expected {expected}. Received: {received}")


def times(frame: Any, name: str, where: str, group: str | None = None) -> Array:
    """(rows,) the moments of a column: datetime64[ns] of dates, in UTC where they have a zone; float64 of numbers.

    Text is read as ISO 8601 ("2016-07-01 13:00"), else as the one of the usual forms that fits every row.

    Args:
        frame: with the column.
        name: of the column.
        where: what messages call the file.
        group: the column of independent series, in which the same moment may come again.

    Raises:
        DatasetError: naming row and column where a time is missing or cannot be read, some have a zone and some have not,
            day and month cannot be told apart, or a moment comes twice in a group (both rows).
    """
    import pandas

    column = frame[name]
    absent = _absent(column)
    if absent.any():
        place = int(absent.argmax())
        raise DatasetError(f"{at(frame, name, where, place)}: expected a time. Received: nothing")
    if pandas.api.types.is_bool_dtype(column.dtype):
        raise _unlike(frame, name, where, 0, "a time")
    if pandas.api.types.is_numeric_dtype(column.dtype):
        moments = _calendar(numbers(frame, name, where))
    elif pandas.api.types.is_datetime64_any_dtype(column.dtype):
        moments = _utc(column)
    else:
        moments = _read_times(frame, name, where)
    if moments.dtype.kind == "M":
        outside = (moments < FIRST) | (moments >= LAST)
        if outside.any():
            raise _unlike(frame, name, where, int(outside.argmax()), f"a time from {FIRST} to {LAST}")
        moments = moments.astype("datetime64[ns]")
    _once(frame, name, where, moments, group)
    return moments


def _calendar(values: Array) -> Array:
    """Dates where all numbers are such as 20160701; else the numbers."""
    import pandas

    if len(values) == 0 or not ((values >= 10**7) & (values < 10**8) & (values == np.round(values))).all():
        return values
    dates = pandas.to_datetime(pandas.Series(values.astype(np.int64).astype(str)), format="%Y%m%d", errors="coerce")
    return values if dates.isna().any() else _utc(dates)


def _utc(column: Any) -> Array:
    zone = getattr(column.dtype, "tz", None)
    plain = column.dt.tz_convert("UTC").dt.tz_localize(None) if zone else column
    moments: Array = plain.to_numpy()
    return moments


def _read_times(frame: Any, name: str, where: str) -> Array:
    import pandas

    text = frame[name].astype("str").str.strip()
    zoned = text.str.contains(r"\d(?:Z|[+-]\d{2}:?\d{2})$", regex=True).to_numpy()
    if zoned.any() and not zoned.all():
        place = int((zoned != zoned[0]).argmax())
        raise _unlike(frame, name, where, place, f"a time {'with' if zoned[0] else 'without'} a zone, as in the first row")
    iso = pandas.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
    if iso.notna().all():
        return _utc(iso)
    fitting = {form: moments for form in _forms() if (moments := _as(text, form)) is not None}
    read = list(fitting.values())
    if not read:
        raise _unlike(frame, name, where, _odd(text, iso), "a time such as 2016-07-01 or 2016-07-01 13:00, as in other rows")
    if any(not np.array_equal(read[0], other) for other in read[1:]):
        forms = " or ".join(functools.reduce(lambda form, word: form.replace(*word), WORDS, form) for form in fitting)
        raise _unlike(frame, name, where, 0, f"a time that can be read in one way, such as 2016-07-01, not as {forms}")
    return read[0]


def _forms() -> list[str]:
    return [date + clock for date in DATES for clock in CLOCKS]


def _as(text: Any, form: str) -> Array | None:
    """The moments by one form; None where a row has another."""
    import pandas

    if pandas.to_datetime(text.iloc[:1], format=form, errors="coerce").isna().any():
        return None
    found = pandas.to_datetime(text, format=form, errors="coerce")
    return None if found.isna().any() else _utc(found)


def _odd(text: Any, iso: Any) -> int:
    """The first row that no form reads that reads the most rows."""
    import pandas

    read = [iso, *(pandas.to_datetime(text, format=form, errors="coerce") for form in _forms())]
    best = max(read, key=lambda moments: int(moments.notna().sum()))
    return int(best.isna().to_numpy().argmax())


def _once(frame: Any, name: str, where: str, moments: Array, group: str | None) -> None:
    """No moment twice in a group."""
    if group is None and len(moments) > 1 and (moments[1:] > moments[:-1]).all():
        return
    keys = groups(frame, group, where)[0] if group is not None else np.zeros(len(moments), np.int32)
    order = np.lexsort((moments, keys))
    equal = (moments[order][1:] == moments[order][:-1]) & (keys[order][1:] == keys[order][:-1])
    if equal.any():
        first, second = sorted(order[[equal.argmax(), equal.argmax() + 1]])
        of = f" of the same '{group}'" if group is not None else ""
        hint = "" if group else "; of several series, say which column tells them apart: group"
        raise DatasetError(
            f"{at(frame, name, where, second)}: expected each time once{of}. Received:"
            f" {shown(str(frame[name].iloc[second]))}, as in {row(where, frame.index[first])}{hint}"
        )


def moment(value: Any) -> str:
    """A moment in words, without the zeros after its seconds."""
    return re.sub(r"\.?0+$", "", str(value)).replace("T", " ") if isinstance(value, np.datetime64) else str(value)


def groups(frame: Any, name: str, where: str) -> tuple[Array, list[str]]:
    """((rows,) int32 number of the group, names in the order of their first row) of a column.

    Raises:
        DatasetError: naming row and column where a group is missing.
    """
    import pandas

    codes, found = pandas.factorize(frame[name])
    absent = _absent(frame[name])
    if absent.any():
        place = int(absent.argmax())
        raise DatasetError(f"{at(frame, name, where, place)}: expected a group. Received: nothing")
    return codes.astype(np.int32), [str(value) for value in found]


# ---------------------------------------------------------------------------------------------------- missing values


def missing(frame: Any, names: Sequence[str]) -> Array:
    """(rows, columns) whether a value is missing; an empty text counts as missing."""
    return np.stack([_absent(frame[name]) for name in names], axis=1)


def _absent(column: Any) -> Array:
    absent: Array = column.isna().to_numpy()
    if column.dtype.kind == "O" or str(column.dtype) in ("str", "string"):
        absent = absent | (column.astype("str").str.strip() == "").to_numpy()
    return absent


def complete(
    frame: Any,
    names: Sequence[str],
    how: Missing,
    where: str,
    training: Array | None = None,
    series: Array | None = None,
) -> Any:
    """The frame without missing values in these columns.

    Args:
        frame: rows in the order in which they follow each other.
        names: columns that are looked at.
        how: "refuse" (name the first), "drop" the row, "forward" (the last value before), "interpolate" between the
            neighbours (text: the last before), or "mean" of the training rows (text: the most frequent there).
        where: what messages call the file.
        training: (rows,) whether a row may be learned from, for "mean"; None for all.
        series: (rows,) number of the series; nothing is carried from one to another. None for one series.

    Raises:
        DatasetError: naming row and column where a value is missing and is refused, or there is nothing to fill it with.
    """
    absent = {name: _absent(frame[name]) for name in names}
    if not any(gone.any() for gone in absent.values()):
        return frame
    if how == "refuse":
        _refuse(frame, absent, where)
    if how == "drop":
        kept = ~np.logical_or.reduce(list(absent.values()))
        if not kept.any():
            raise DatasetError(f"{where}: expected a row without missing values. Received: none of {len(frame):,}")
        return frame[kept]
    frame = frame.copy(deep=False)
    for name, gone in absent.items():
        if gone.any():
            frame[name] = _filled(frame[name].mask(gone), how, training, series)
            left = frame[name].isna().to_numpy()
            if left.any():
                raise _nothing_to_fill(frame, name, where, int(left.argmax()), how)
    return frame


def _refuse(frame: Any, absent: dict[str, Array], where: str) -> None:
    count = sum(int(gone.sum()) for gone in absent.values())
    first = {name: int(gone.argmax()) for name, gone in absent.items() if gone.any()}
    name = min(first, key=lambda name: first[name])
    others = f", as {count - 1:,} more" if count > 1 else ""
    raise DatasetError(
        f"{at(frame, name, where, first[name])}: expected a value. Received: nothing{others};"
        " say what to do: missing: drop, forward, interpolate or mean"
    )


def _filled(column: Any, how: str, training: Array | None, series: Array | None) -> Any:
    import pandas

    numeric = pandas.api.types.is_numeric_dtype(column.dtype) and not pandas.api.types.is_bool_dtype(column.dtype)
    keys = np.zeros(len(column), np.int32) if series is None else series
    if how == "mean":
        seen = column if training is None else column[training]
        if not seen.notna().any():
            return column
        return column.fillna(seen.mean() if numeric else seen.mode().iloc[0])
    if how == "interpolate" and numeric:
        parts = column.groupby(keys, sort=False)
        return parts.transform(lambda part: part.reset_index(drop=True).interpolate(limit_area="inside").to_numpy())
    return column.groupby(keys, sort=False).ffill()


def _nothing_to_fill(frame: Any, name: str, where: str, place: int, how: str) -> DatasetError:
    need = {
        "forward": "a value in an earlier row of the series",
        "interpolate": "a value before and after it in the series",
        "mean": "a value in the training rows",
    }[how]
    return DatasetError(f"{at(frame, name, where, place)}: expected {need}, for missing: {how}. Received: none")
