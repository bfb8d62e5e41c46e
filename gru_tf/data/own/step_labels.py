"""Labels at every step of sequences, such as a part of speech of each word or an activity of each second.

A step without a label has no target: its class is −1, its values are NaN. Of several values a step counts where all of
them are there.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns, labels
from gru_tf.data.own.labels import Labelled
from gru_tf.foundation.array import Array

NONE = -1  # the class of a step without a label


def label_columns(labelled: Labelled) -> list[str]:
    """The columns of the labels, that of groups left out."""
    return [str(name) for name in labelled.frame.columns if str(name) != labelled.group]


def classes(files: Sequence[Labelled]) -> tuple[list[Array], list[str]]:
    """Of each file (steps,) int32 the number of the class, −1 where there is no label; and the classes of the first file.

    Raises:
        DatasetError: naming file and row where there is no label at all, a class of a later file that the first does not
            have, or as `gru_tf.data.own.labels.classes` does.
    """
    numbers: list[Array] = []
    names: list[str] = []
    for labelled in files:
        _expect_one(labelled)
        there = np.flatnonzero(~columns.absent(labelled.frame[labelled.label]))
        if not len(there):
            raise _no_label(labelled)
        present = at_steps(labelled, there)
        if names:
            own = labels.known(present, names, files[0].where)
        else:
            own, names = labels.classes(present)
        whole = np.full(len(labelled), NONE, np.int32)
        whole[there] = own
        numbers.append(whole)
    return numbers, names


def values(files: Sequence[Labelled]) -> list[Array]:
    """Of each file (steps, labels) float64, NaN where there is no label.

    Raises:
        DatasetError: naming file, row and column where a label is no number, there is none at all, or files have different
            numbers of them.
    """
    of_files = []
    for labelled in files:
        names = label_columns(labelled)
        if len(names) != len(label_columns(files[0])):
            expected = f"{len(label_columns(files[0]))} labels at each step, as in {files[0].where}"
            raise DatasetError(f"{labelled.where}: expected {expected}. Received: {len(names)}")
        numbers = np.stack([labels.numbers(labelled, name) for name in names], axis=1)
        if np.isnan(numbers).any(1).all():
            raise _no_label(labelled)
        of_files.append(numbers)
    return of_files


def at_steps(labelled: Labelled, places: Array) -> Labelled:
    """Those of some steps alone."""
    return replace(labelled, frame=labelled.frame.iloc[places], row=lambda number: labelled.row(int(places[number])))


def _expect_one(labelled: Labelled) -> None:
    names = label_columns(labelled)
    if len(names) > 1:
        raise DatasetError(
            f"{labelled.where}: expected one label of classes at each step. Received: {len(names)}, {', '.join(names)};"
            " several are possible where they are values"
        )


def _no_label(labelled: Labelled) -> DatasetError:
    names = ", ".join(f"'{name}'" for name in label_columns(labelled))
    return DatasetError(f"{labelled.where}: column {names}: expected a label at one step at least. Received: none")
