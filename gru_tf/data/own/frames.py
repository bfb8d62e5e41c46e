"""Data from a user: a path, or frames and arrays in Python, which are stored as files in the cache, named by content."""

import secrets
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from gru_tf.data.datasets import cache
from gru_tf.data.own import columns as checks
from gru_tf.data.own import files
from gru_tf.foundation import atomic_file
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import UserError, one_line


def located(data: Any) -> str:
    """The absolute path of data to learn from; frames, arrays by name and a pair (X, y) are stored first.

    Raises:
        UserError: where they cannot be stored.
    """
    if isinstance(data, (str, Path)):
        return str(Path(data).expanduser().absolute())
    if isinstance(data, tuple) and len(data) == 2:
        data = {"X": data[0], "y": data[1]}
    return str(keep(data))


def read(data: Any) -> Any:
    """New data as a trained task takes them: arrays by name, a pandas frame, or the path of a `.ts` file.

    Args:
        data: the same, an array or a pair (X, y), or the path of a file, which is read; a `.ts` file is read as its task
            reads it.

    Raises:
        UserError: where they are none of these, or the file cannot be read.
    """
    if isinstance(data, (np.ndarray, tuple)):
        data = {"X": data[0] if isinstance(data, tuple) else data}
    if isinstance(data, Mapping):
        return _as_arrays(data)
    if not isinstance(data, (str, Path)):
        return table(data)
    match files.form(data):
        case "arrays":
            return files.read_arrays(data)
        case "table":
            return files.read_table(data)
    return str(data)


def keep(data: Any) -> Path:
    """Write a pandas frame as Parquet, or arrays by name as NPZ, into the cache, named by content; the file's path.

    A frame's index becomes columns where it has names or times, and is left out where it only counts.

    Raises:
        UserError: where a column or an array cannot be written: objects, or names that are there twice.
    """
    return _keep_arrays(data) if isinstance(data, Mapping) else _keep_frame(data)


def table(data: Any) -> Any:
    """A pandas frame with its index as columns where that has names or times, periods as their first moments.

    Raises:
        UserError: where it is no frame, or has a name twice.
    """
    import pandas

    if not isinstance(data, pandas.DataFrame):
        way = next((f"; its {way}() makes one" for way in ("to_frame", "to_pandas") if hasattr(data, way)), "")
        raise UserError(f"expected a pandas frame or arrays by name. Received: {type(data).__name__}{way}")
    index = data.index
    checks.unique([str(name) for name in data.columns], "the frame")
    checks.unique([str(name) for name in (*index.names, *data.columns) if name is not None], "the frame with its index")
    named = any(name is not None for name in index.names)
    frame = data.reset_index(drop=not named and not isinstance(index, (pandas.DatetimeIndex, pandas.PeriodIndex)))
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    periods = [name for name in frame.columns if isinstance(frame[name].dtype, pandas.PeriodDtype)]
    return frame.assign(**{name: frame[name].dt.to_timestamp() for name in periods})


def _keep_frame(data: Any) -> Path:
    import pyarrow
    from pyarrow import parquet

    frame = table(data)
    if not len(frame):
        raise UserError("the frame: expected at least one row. Received: none")
    try:
        arrow = pyarrow.Table.from_pandas(frame, preserve_index=False)
        arrow = arrow.replace_schema_metadata()  # pandas notes its version there: the content would have another name
        return _stored(".parquet", lambda file: parquet.write_table(arrow, file, write_page_checksum=True))
    except UserError:
        raise
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        raise UserError(f"the frame: expected columns of one type each. Received: {one_line(error)}") from error


def _keep_arrays(arrays: Mapping[str, Any]) -> Path:
    plain = _as_arrays(arrays)
    if not plain:
        raise UserError("the arrays: expected at least one. Received: none")
    for name, array in plain.items():
        if array.dtype.hasobject:
            if not all(isinstance(value, str) for value in array.ravel()):
                raise UserError(f"array '{name}': expected numbers or text of one type. Received: Python objects")
            plain[name] = array.astype(np.str_)
    return _stored(".npz", lambda file: _save_arrays(file, plain))


def _as_arrays(data: Mapping[str, Any]) -> dict[str, Array]:
    """Arrays by name; sequences of different lengths are padded, with an array "lengths" beside them."""
    arrays: dict[str, Array] = {}
    for name, values in data.items():
        parts = _ragged(values)
        if parts is None:
            arrays[str(name)] = _as_array(str(name), values)
        else:
            lengths = np.array([len(part) for part in parts])
            padded = np.zeros((len(parts), int(lengths.max()), *parts[0].shape[1:]))
            padded[np.arange(padded.shape[1]) < lengths[:, None]] = np.concatenate(parts)
            arrays |= {str(name): padded, "lengths": lengths}
    return arrays


def _ragged(values: Any) -> list[Array] | None:
    """The sequences of a list of them, where their lengths differ; None of anything else."""
    if not isinstance(values, (list, tuple)) and not (isinstance(values, np.ndarray) and values.dtype == object):
        return None
    try:
        parts = [np.asarray(part, np.float64) for part in values]
    except (TypeError, ValueError):
        return None
    alike = len({(part.ndim, part.shape[1:]) for part in parts}) == 1 and parts[0].ndim in (1, 2)
    return parts if alike and len({len(part) for part in parts}) > 1 and all(map(len, parts)) else None


def _as_array(name: str, values: Any) -> Array:
    try:
        return np.asarray(values)
    except ValueError as error:
        way = "expected sequences of numbers, each of as many features"
        raise UserError(f"array '{name}': {way}. Received: {one_line(error)}") from error


def _save_arrays(file: Path, arrays: Mapping[str, Array]) -> None:
    """As numpy.savez, but for the time of day that it notes: the same arrays are the same bytes."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)


def _stored(suffix: str, save: Any) -> Path:
    """Write a file, then name it by its content: whole or absent, and one file however often the same data come."""
    folder = cache() / "given"
    written = folder / f".given-{secrets.token_hex(8)}{suffix}"
    try:
        atomic_file.through(written, save)
        final = folder / f"{files.digest(written)}{suffix}"
        written.replace(final)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written, {error.strerror}: set GRU_TF_CACHE to another folder") from error
    finally:
        with suppress(OSError):  # a cache that is no folder
            written.unlink(missing_ok=True)
    return final
