"""Missing values of a table: refused by row and column, dropped with their row, or filled with what is known."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own.columns import absent, at
from gru_tf.foundation.array import Array
from gru_tf.foundation.option_spelling import setting, spelled

Missing = Literal["refuse", "drop", "forward", "interpolate", "mean"]


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
    missing = {name: absent(frame[name]) for name in names}
    if not any(gone.any() for gone in missing.values()):
        return frame
    if how == "refuse":
        _refuse(frame, missing, where)
    if how == "drop":
        return _dropped(frame, missing, where)
    frame = frame.copy(deep=False)
    for name, gone in missing.items():
        if gone.any():
            frame[name] = _filled(frame[name].mask(gone), how, training, series)
            left = frame[name].isna().to_numpy()
            if left.any():
                raise _nothing_to_fill(frame, name, where, int(left.argmax()), how)
    return frame


def _refuse(frame: Any, missing: dict[str, Array], where: str) -> None:
    """Raise DatasetError with the place of the first missing value."""
    count = sum(int(gone.sum()) for gone in missing.values())
    first = {name: int(gone.argmax()) for name, gone in missing.items() if gone.any()}
    name = min(first, key=lambda name: first[name])
    others = f", as {count - 1:,} more" if count > 1 else ""
    raise DatasetError(
        f"{at(frame, name, where, first[name])}: expected a value. Received: nothing{others};"
        f" set {spelled('missing')} to drop, forward, interpolate or mean"
    )


def _dropped(frame: Any, missing: dict[str, Array], where: str) -> Any:
    whole = ~np.logical_or.reduce(list(missing.values()))
    if not whole.any():
        raise DatasetError(f"{where}: expected a row without missing values. Received: none of {len(frame):,}")
    return frame[whole]


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
    return DatasetError(f"{at(frame, name, where, place)}: expected {need}, for {setting('missing', how)}. Received: none")
