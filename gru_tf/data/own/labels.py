"""Labels of sequences and texts as targets: classes by number, or values standardised by those of training."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns, splits
from gru_tf.data.own.origins import by_origin
from gru_tf.data.own.overlap import Overlap
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import several
from gru_tf.foundation.option_spelling import spelled

CLASSES = 100  # more different numbers than these are values, not classes


SplitBy = Literal["time", "group", "random"]


class Classes(NamedTuple):
    """Of each sequence.

    Args:
        numbers: (N,) of its class; not read where there are no names.
        names: of the classes; None for values.
    """

    numbers: Array
    names: list[str] | None


class SplitShares(NamedTuple):
    """Of the parts of a split.

    Args:
        validation: share of the validation split; 0 for none.
        test: share of the test split; 0 where another file is the test split.
        unit: what they are, for errors.
        draw: number of the draw, 0 for none.
    """

    validation: float
    test: float
    unit: str = "sequences"
    draw: int = 0


@dataclass(frozen=True)
class Labelled:
    """The labels of one file, one of each sequence or text.

    Args:
        where: the file's path, as messages call it.
        frame: (N rows) with the column of labels and, where there is one, that of groups; its index numbers the rows of
            the file from 0.
        label, group: names of these columns; None for no group.
        row: the words for the place of a label in the file, given its number from 0, e.g. "row 3 (line 4), column 'y'".
    """

    where: str
    frame: Any
    label: str
    group: str | None
    row: Callable[[int], str]

    def __len__(self) -> int:
        return len(self.frame)


def ordered(names: Iterable[str]) -> list[str]:
    """The different names in the order of their numbers where all are numbers, else of the alphabet."""
    different = {str(name) for name in names}
    try:
        return sorted(different, key=lambda name: (float(name), name))
    except ValueError:
        return sorted(different)


def classes(labelled: Labelled) -> tuple[Array, list[str]]:
    """((N,) int32 number of the class, the classes' names in order).

    Raises:
        DatasetError: naming file and row where a label is missing, there is one class only, or there are more than 100
            different numbers.
    """
    codes, names = _coded(labelled)
    order = ordered(names)
    if len(order) < 2:
        raise DatasetError(
            f"{labelled.where}: {labelled.row(0)}: expected two classes or more. Received: '{order[0]}' here and everywhere"
        )
    if len(order) > CLASSES and labelled.frame[labelled.label].dtype.kind in "fiu":
        raise DatasetError(
            f"{labelled.where}: {labelled.row(0)}: expected at most {CLASSES} classes. Received: {len(order):,} different"
            f" numbers; to predict the number itself, set {spelled('kind')} to value"
        )
    return _renumbered(codes, names, order), order


def known(labelled: Labelled, order: list[str], trained: str) -> Array:
    """(N,) int32 number of the class in `order`, the classes of the file `trained`.

    Raises:
        DatasetError: naming file and row where a label is missing or is none of these classes.
    """
    codes, names = _coded(labelled)
    unseen = np.isin(codes, [number for number, name in enumerate(names) if name not in order])
    if unseen.any():
        first = int(unseen.argmax())
        raise DatasetError(
            f"{labelled.where}: {labelled.row(first)}: expected a class of {trained}: {several(order)}."
            f" Received: '{names[codes[first]]}'"
        )
    return _renumbered(codes, names, order)


def values(labelled: Labelled) -> Array:
    """(N,) float64 of labels that are numbers.

    Raises:
        DatasetError: naming file and row where one is missing, no number or infinite.
    """
    _complete(labelled)
    return numbers(labelled, labelled.label)


def numbers(labelled: Labelled, name: str) -> Array:
    """(N,) float64 of a column of labels, NaN where one is missing.

    Raises:
        DatasetError: naming file and row where one is no number or infinite.
    """
    try:
        return columns.numbers(labelled.frame, name, labelled.where)
    except DatasetError as error:
        raise DatasetError(f"{error}; if the labels are classes, set {spelled('kind')} to class") from error


def separate(one: Labelled, other: Labelled) -> None:
    """Raise DatasetError where a group of one file is in the other as well: it would lie in two splits."""
    if one.group is None:
        return
    shared = other.frame[one.group].isin(one.frame[one.group]).to_numpy()
    if shared.any():
        first = int(shared.argmax())
        raise DatasetError(
            f"{other.where}: {columns.row(other.where, other.frame.index[first])}, column '{one.group}': expected a group"
            f" that {one.where} does not have. Received: '{other.frame[one.group].iloc[first]}'"
        )


def split(
    labelled: Labelled,
    content: Array,
    classes: Classes,
    shares: SplitShares,
    by: SplitBy = "random",
    order: Array | None = None,
    shared: Overlap | None = None,
) -> tuple[Array, int]:
    """((N,) int8, the split of each; how many groups are kept whole).

    By group and at random each class is shared out evenly, with groups and equal content whole; see `splits.by_group`. By
    time the last ones test; those that share steps with one in a later part belong to none.

    Args:
        labelled: labels and groups.
        content: (N,) whole numbers, equal where sequences are equal.
        classes: of each.
        shares: of the parts.
        by: what tells the parts apart.
        order: (N,) when each is, or its place; that in the file if None.
        shared: which share steps.

    Raises:
        DatasetError: as `splits.by_group` and `splits.by_time` do, and where a group is missing.
    """
    if by == "time":
        return _by_time(labelled, classes, shares, np.arange(len(content)) if order is None else order, shared), 0
    keys, unit = content, f"different {shares.unit}"
    alike = np.unique(content, return_inverse=True)[1].reshape(-1)
    if by == "group" and labelled.group is None:
        if shared is None or shared.examined < shared.count:
            raise DatasetError(f"{labelled.where}: split by group: expected a group, a column or an array. Received: none")
        recordings = shared.recordings()
        whole, keys, unit = int(recordings.max()) + 1, splits.joined(recordings, alike), "recordings"
    elif labelled.group is not None:
        absent = columns.missing(labelled.frame, [labelled.group])[:, 0]
        if absent.any():
            place = columns.row(labelled.where, labelled.frame.index[int(absent.argmax())])
            raise DatasetError(f"{labelled.where}: {place}, column '{labelled.group}': expected a group. Received: nothing")
        groups = columns.groups(labelled.frame, labelled.group, labelled.where)[0]
        whole, keys, unit = int(groups.max()) + 1, splits.joined(groups, alike), f"groups (column '{labelled.group}')"
    else:
        whole = int(alike.max()) + 1
    part = splits.by_group(
        keys,
        classes.numbers if classes.names else None,
        shares.validation,
        shares.test,
        where=labelled.where,
        row=labelled.row,
        names=classes.names or (),
        unit=unit,
        draw=shares.draw,
    )
    return part, whole


def _by_time(labelled: Labelled, classes: Classes, shares: SplitShares, order: Array, shared: Overlap | None) -> Array:
    """(N,) int8: the last ones test; without those that share steps with one in a later part."""
    if shares.test:
        part = by_origin(order, shares.validation, shares.test, shares.draw, labelled.where)
    else:
        part = splits.by_time(order, shares.validation, 0, labelled.where)
    part = part if shared is None else shared.without_shared(part, splits.UNUSED)
    numbers, names = (classes.numbers, classes.names) if classes.names else (np.zeros(len(part), np.intp), None)
    used = part != splits.UNUSED
    wanted = [splits.TRAIN, *([splits.VALIDATION] if shares.validation else []), *([splits.TEST] if shares.test else [])]
    splits.complete(part, numbers, wanted, labelled.where, labelled.row, names or (), used)
    return part


def _coded(labelled: Labelled) -> tuple[Array, list[str]]:
    """((N,) number of the name, names in the order in which they come)."""
    import pandas

    _complete(labelled)
    codes, uniques = pandas.factorize(labelled.frame[labelled.label])
    names = [_name(value) for value in uniques]
    place = {name: number for number, name in enumerate(dict.fromkeys(names))}  # ' a' and 'a' are one
    return np.array([place[name] for name in names])[codes], list(place)


def _name(value: Any) -> str:
    """As a class is called: 3 and 3.0 are one."""
    whole = isinstance(value, (float, np.floating)) and float(value).is_integer()
    return str(int(value)) if whole else str(value).strip()


def _renumbered(codes: Array, names: list[str], order: list[str]) -> Array:
    place = {name: number for number, name in enumerate(order)}
    return np.array([place.get(name, -1) for name in names], np.int32)[codes]


def _complete(labelled: Labelled) -> None:
    absent = columns.missing(labelled.frame, [labelled.label])[:, 0]
    if absent.any():
        raise DatasetError(f"{labelled.where}: {labelled.row(int(absent.argmax()))}: expected a label. Received: nothing")
