"""Missing values of a user's series: filled with what the training rows have, and which rows were filled."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns, missing_values
from gru_tf.data.own.calendar_features import FEATURES
from gru_tf.data.own.encoding import Encoding
from gru_tf.data.own.splits import TRAIN
from gru_tf.tasks import Array
from gru_tf.tasks.own._options import ForecastOptions
from gru_tf.tasks.own._table_rows import Rows


class Imputed(NamedTuple):
    """Which rows hold values that the file does not have.

    Args:
        targets: (rows,) whether a target was filled in.
        from_later: (rows,) whether a value was filled in from a later row.
    """

    targets: Array
    from_later: Array

    def any(self) -> bool:
        """Whether there is such a row."""
        return bool(self.targets.any() or self.from_later.any())


class Completed(NamedTuple):
    """Rows without missing values, and what was learned from the training rows.

    Args:
        rows: without those that are dropped.
        imputed: which of them were filled in.
        encoding: of the targets, then the covariates.
        fill: column → what a missing value becomes with missing: mean; categories by name.
        notes: what a user should know.
    """

    rows: Rows
    imputed: Imputed
    encoding: Encoding
    fill: dict[str, float | str]
    notes: list[str]


def complete(options: ForecastOptions, rows: Rows, where: str) -> Completed:
    """The rows with nothing missing, by the option `missing`.

    Raises:
        DatasetError: where there is nothing to fill with, or a target has no values in training, or only one.
    """
    names, training = options.inputs, rows.part == TRAIN
    absent = columns.missing(rows.frame, names)
    training_frame = rows.frame[training] if not training.all() else rows.frame
    for place, name in enumerate(options.target):
        _expect_changes(training_frame[name], name, where, bool(absent[training, place].all()))
    made = {name: FEATURES[name] for name in rows.calendar}
    encoding = Encoding.fit(rows.frame, names, training, where, made)
    fill = {name: _typical(training_frame[name], encoding, place) for place, name in enumerate(names)}
    if not absent.any():
        nowhere = np.zeros(len(rows.frame), bool)
        return Completed(rows, Imputed(nowhere, nowhere), encoding, fill, [])
    incomplete = np.asarray(absent.any(1))
    have = f"{int(incomplete.sum()):,} rows have" if incomplete.sum() > 1 else "1 row has"
    notes = [f"{have} missing values; missing: {options.missing}."]
    if options.missing == "drop":
        rows, absent = rows.select(~incomplete), absent[~incomplete]
    elif options.missing == "mean":
        rows = replace(rows, frame=with_typical(rows.frame, names, fill))
    else:
        frame = missing_values.complete(rows.frame, names, options.missing, where, training, rows.series)
        rows = replace(rows, frame=frame)
    targets = np.asarray(absent[:, : len(options.target)].any(1))
    interpolated = np.asarray(absent.any(1) & (options.missing == "interpolate"))
    return Completed(rows, Imputed(targets, interpolated), encoding, fill, notes)


def _expect_changes(values: Any, name: str, where: str, empty: bool) -> None:
    if empty:
        raise DatasetError(f"{where}: column '{name}': expected values in the training rows. Received: none")
    if values.min() == values.max():
        constant = f"{values.min():g} in each of {len(values):,} training rows"
        raise DatasetError(f"{where}: column '{name}': expected a target that changes. Received: {constant}")


def _typical(values: Any, encoding: Encoding, place: int) -> float | str:
    column = encoding.columns[place]
    return column.mean if column.kind == "number" else str(values.dropna().astype("str").str.strip().mode().iloc[0])


def with_typical(frame: Any, names: list[str], fill: dict[str, float | str]) -> Any:
    """The frame with the typical value of the training rows in the place of each missing one."""
    frame = frame.copy(deep=False)
    for place, absent in enumerate(columns.missing(frame, names).T):
        if absent.any():
            name = names[place]
            values = frame[name] if isinstance(fill[name], float) else frame[name].astype("str")
            frame[name] = values.mask(absent, fill[name])
    return frame
