"""Missing values of a user's series: what training shows, what is filled with it, and which rows were made up."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns, missing_values
from gru_tf.data.own.encoding import Encoding
from gru_tf.data.own.splits import TRAIN
from gru_tf.tasks import Array
from gru_tf.tasks.own._rows import Rows

if TYPE_CHECKING:
    from gru_tf.tasks.own.forecast import OwnForecast


class Completed(NamedTuple):
    """Rows without missing values, and what training shows.

    Args:
        rows: without those that are dropped.
        made: (rows, 2) whether a row's targets were made up, and whether it holds a value that follows from a later row.
        encoding: of the targets, then the covariates.
        fill: column → what a missing value becomes with missing: mean; categories by name.
        notes: what a user should know.
    """

    rows: Rows
    made: Array
    encoding: Encoding
    fill: dict[str, float | str]
    notes: list[str]


def completed(task: "OwnForecast", rows: Rows, where: str) -> Completed:
    """The rows with nothing missing, by the option `missing`.

    Raises:
        DatasetError: where there is nothing to fill with, or a target has no values in training or but one.
    """
    names, training = [*task.target, *task.covariates], rows.part == TRAIN
    absent = columns.missing(rows.frame, names)
    seen = rows.frame[training] if not training.all() else rows.frame
    for place, name in enumerate(task.target):
        _changes(seen[name], name, where, bool(absent[training, place].all()))
    encoding = Encoding.fit(rows.frame, names, training, where)
    fill = {name: _typical(seen[name], encoding, place) for place, name in enumerate(names)}
    if not absent.any():
        return Completed(rows, np.zeros((len(rows.frame), 2), bool), encoding, fill, [])
    gone = np.asarray(absent.any(1))
    have = f"{int(gone.sum()):,} rows have" if gone.sum() > 1 else "1 row has"
    notes = [f"{have} missing values; missing: {task.missing}."]
    if task.missing == "drop":
        rows, absent = rows.at(~gone), absent[~gone]
    elif task.missing == "mean":
        rows = replace(rows, frame=with_typical(rows.frame, names, fill))
    else:
        rows = replace(rows, frame=missing_values.complete(rows.frame, names, task.missing, where, training, rows.of))
    made = np.stack([absent[:, : len(task.target)].any(1), absent.any(1) & (task.missing == "interpolate")], axis=1)
    return Completed(rows, made, encoding, fill, notes)


def _changes(seen: Any, name: str, where: str, none: bool) -> None:
    if none:
        raise DatasetError(f"{where}: column '{name}': expected values in the training rows. Received: none")
    if seen.min() == seen.max():
        value = f"{seen.min():g} in each of {len(seen):,} training rows"
        raise DatasetError(f"{where}: column '{name}': expected a target that changes. Received: {value}")


def _typical(seen: Any, encoding: Encoding, place: int) -> float | str:
    column = encoding.columns[place]
    return column.mean if column.kind == "number" else str(seen.dropna().astype("str").str.strip().mode().iloc[0])


def with_typical(frame: Any, names: list[str], fill: dict[str, float | str]) -> Any:
    """The frame with what training shows in the place of missing values."""
    frame = frame.copy(deep=False)
    for place, gone in enumerate(columns.missing(frame, names).T):
        if gone.any():
            name = names[place]
            kept = frame[name] if isinstance(fill[name], float) else frame[name].astype("str")
            frame[name] = kept.mask(gone, fill[name])
    return frame
