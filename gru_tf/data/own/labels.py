"""Labels of sequences and texts as targets: classes by number, or values standardised by those of training."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns, splits
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import several

CLASSES = 100  # more different numbers than these are values, not classes


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
    found = {str(name) for name in names}
    try:
        return sorted(found, key=lambda name: (float(name), name))
    except ValueError:
        return sorted(found)


def classes(found: Labelled) -> tuple[Array, list[str]]:
    """((N,) int32 number of the class, the classes' names in order).

    Raises:
        DatasetError: naming file and row where a label is missing, there is one class only, or there are more than 100
            different numbers.
    """
    codes, names = _coded(found)
    order = ordered(names)
    if len(order) < 2:
        raise DatasetError(
            f"{found.where}: {found.row(0)}: expected two classes or more. Received: '{order[0]}' here and everywhere"
        )
    if len(order) > CLASSES and found.frame[found.label].dtype.kind in "fiu":
        raise DatasetError(
            f"{found.where}: {found.row(0)}: expected at most {CLASSES} classes. Received: {len(order):,} different numbers;"
            " to foretell the number itself, say kind: value"
        )
    return _renumbered(codes, names, order), order


def known(found: Labelled, order: list[str], trained: str) -> Array:
    """(N,) int32 number of the class in `order`, the classes of the file `trained`.

    Raises:
        DatasetError: naming file and row where a label is missing or is none of these classes.
    """
    codes, names = _coded(found)
    unseen = np.isin(codes, [number for number, name in enumerate(names) if name not in order])
    if unseen.any():
        first = int(unseen.argmax())
        raise DatasetError(
            f"{found.where}: {found.row(first)}: expected a class of {trained}: {several(order)}."
            f" Received: '{names[codes[first]]}'"
        )
    return _renumbered(codes, names, order)


def values(found: Labelled) -> Array:
    """(N,) float64 of labels that are numbers.

    Raises:
        DatasetError: naming file and row where one is missing, no number or infinite.
    """
    _complete(found)
    try:
        return columns.numbers(found.frame, found.label, found.where)
    except DatasetError as error:
        raise DatasetError(f"{error}; where labels are classes, say kind: class") from error


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
    found: Labelled,
    content: Array,
    numbers: Array,
    names: list[str] | None,
    validation: float,
    test: float,
    unit: str = "sequences",
) -> Array:
    """(N,) int8, the split of each: by class, with groups and equal content whole; see `shares.by_group`.

    Args:
        found: labels and groups.
        content: (N,) whole numbers, equal where sequences are equal.
        numbers: (N,) classes; not read where there are no `names`.
        names: of the classes; None for values.
        validation: share to choose on.
        test: share to test on; 0 where another file tests.
        unit: what they are, for errors.

    Raises:
        DatasetError: as `shares.by_group` does, and where a group is missing.
    """
    keys, unit = content, f"different {unit}"
    if found.group is not None:
        absent = columns.missing(found.frame, [found.group])[:, 0]
        if absent.any():
            place = columns.row(found.where, found.frame.index[int(absent.argmax())])
            raise DatasetError(f"{found.where}: {place}, column '{found.group}': expected a group. Received: nothing")
        alike = np.unique(content, return_inverse=True)[1].reshape(-1)
        keys = splits.joined(columns.groups(found.frame, found.group, found.where)[0], alike)
        unit = f"groups (column '{found.group}')"
    return splits.by_group(
        keys,
        numbers if names else None,
        validation,
        test,
        where=found.where,
        row=found.row,
        names=names or (),
        unit=unit,
    )


def _coded(found: Labelled) -> tuple[Array, list[str]]:
    """((N,) number of the name, names in the order in which they come)."""
    import pandas

    _complete(found)
    codes, uniques = pandas.factorize(found.frame[found.label])
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


def _complete(found: Labelled) -> None:
    absent = columns.missing(found.frame, [found.label])[:, 0]
    if absent.any():
        raise DatasetError(f"{found.where}: {found.row(int(absent.argmax()))}: expected a label. Received: nothing")
