"""Sequences of three forms of file, gathered into one: their steps one after another, and a label of each.

A long table has a row a step and a column that says which rows are one sequence; NPZ has arrays; `.ts` is that of the UCR
and UEA archives.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import files
from gru_tf.data.own.missing_values import Missing
from gru_tf.data.own.other_tables import ROW
from gru_tf.data.own.sequences import parts, wide
from gru_tf.data.own.sequences.arrays import of_arrays
from gru_tf.data.own.sequences.gathered import Columns, GatheredSequences
from gru_tf.data.own.sequences.table import of_table
from gru_tf.data.own.sequences.ts import of_series
from gru_tf.foundation.option_spelling import quoted

__all__ = ["Columns", "GatheredSequences", "as_many", "of_arrays", "of_series", "of_table", "of_wide", "read"]


def read(path: str, wanted: Columns, missing: Missing) -> GatheredSequences:
    """The sequences of the file at `path`.

    Args:
        path: of a table, NPZ or `.ts` file.
        wanted: which column or array holds what.
        missing: what happens to missing values of features; "mean" leaves them, since it needs the split.

    Raises:
        UserError: one line naming file, row and column where the file is not as the options say.
    """
    form = files.form(path)
    _applies(path, form, wanted, missing)
    if form == "series":
        return of_series(path)
    if form == "arrays":
        return of_arrays(parts.by_part(files.read_arrays(path))[wanted.part], path, wanted, missing)
    if wanted.layout == "wide":
        return of_wide(files.read_table(path), path, wanted, missing)
    needed = [wanted.id, wanted.order, wanted.label, wanted.group, *wanted.more, *wanted.features]
    names = [name for name in dict.fromkeys(needed) if name is not None]
    return of_table(files.read_table(path, names if wanted.features else None), path, wanted, missing)


def of_wide(frame: Any, where: str, wanted: Columns, missing: Missing, labels: bool = True) -> GatheredSequences:
    """The sequences of a wide table, a row each; see `read`. Where `labels` is false, those and groups are not looked at."""
    named = dict.fromkeys(name for name in (wanted.label, wanted.group, wanted.id) if name is not None)
    long = wide.to_long(frame, [name for name in named if labels or name in frame.columns], where, wanted.features)
    as_long = replace(wanted, id=wanted.id or ROW, order=None, features=(wide.VALUE,))
    return of_table(long, where, as_long, missing, labels)


def as_many(sequences: GatheredSequences, features: Sequence[str]) -> None:
    """Raise DatasetError where sequences have another number of features than those that a network learns from."""
    there = list(sequences.steps.columns)
    if len(there) != len(features):
        raise DatasetError(
            f"{sequences.where}: expected {len(features)} features, as in training: {', '.join(features)}. Received:"
            f" {len(there)}: {', '.join(there)}"
        )


def _applies(path: str, form: Literal["table", "arrays", "series"], wanted: Columns, missing: str) -> None:
    """Refuse options that a form of file does not have, and ask for those that it needs."""
    if form == "table":
        if wanted.layout == "wide" and (wanted.order or wanted.every):
            option = "order" if wanted.order else "window"
            raise DatasetError(f"{path}: expected no option '{option}' for a wide table. Received: one")
        for option, name in (("id", wanted.id), ("label", wanted.label)):
            if name is None and (option == "label" or wanted.layout == "long"):
                column = "the column that says which rows are one sequence" if option == "id" else "the column to predict"
                raise DatasetError(f"{path}: expected the option {quoted(option)}, {column}. Received: none")
        return
    options: dict[str, Any] = {"id": wanted.id, "order": wanted.order, "labels": ", ".join(wanted.more) or None}
    if form == "series":
        options |= {"label": wanted.label, "features": wanted.features or None, "group": wanted.group}
        options["missing"] = missing if missing != "refuse" else None
    for option, value in options.items():
        if value is not None:
            kind = "an .npz" if form == "arrays" else "a .ts"
            raise DatasetError(f"{path}: expected no option {quoted(option)} for {kind} file. Received: {value}")
