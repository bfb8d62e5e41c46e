"""Columns of a table as numbers for a network, by what the training rows show: standardised, or one place a category.

A category that the training rows do not have is unknown: it has none of the places, so that all of its inputs are 0. No
weight is then read that no training row has shaped.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns as checks
from gru_tf.foundation.array import Array
from gru_tf.foundation.errors import several

SHOWN = 3  # unknown categories in a sentence
CATEGORIES = 100  # more of them in a column are refused: each is an input of its own
NUMBERS = 0.9  # a text column of which so many values are numbers is one of numbers with mistakes in it


class EncodedColumn(BaseModel):
    """How one column becomes numbers.

    Args:
        name: of the column.
        kind: "number", standardised, "category", one input for each, or "cycle", the sine and cosine of its place in it.
        mean, deviation: of the training rows; 0 and 1 for categories. A constant column has deviation 1.
        categories: those of the training rows, sorted; none for numbers.
        period: of a cycle.
        calendar: whether it is made of the times, and no column of the file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Literal["number", "category", "cycle"]
    mean: float = 0.0
    deviation: float = 1.0
    categories: tuple[str, ...] = ()
    period: float = 0.0
    calendar: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its inputs, e.g. ("load",), ("day=Mon", "day=Tue") or ("sin hour", "cos hour")."""
        if self.kind == "cycle":
            return f"sin {self.name}", f"cos {self.name}"
        return (self.name,) if self.kind == "number" else tuple(f"{self.name}={value}" for value in self.categories)


class Encoding(BaseModel):
    """How columns become the inputs of a network; `model_dump_json` holds all of it.

    Args:
        columns: in the order of the inputs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[EncodedColumn, ...]

    @classmethod
    def fit(
        cls,
        frame: Any,
        columns: Sequence[str],
        training: Array,
        where: str,
        known: Mapping[str, EncodedColumn] | None = None,
    ) -> Self:
        """What the training rows show of these columns.

        Args:
            frame: with the columns; missing values are passed over.
            columns: names, in the order of the inputs.
            training: (rows,) bool.
            where: what messages call the file.
            known: name → how a column is encoded that needs no training rows, as those of the calendar.

        Raises:
            DatasetError: naming the column where it has no value in training, is one of times, has more than 100
                categories, or numbers with other text among them (naming the row).
        """
        seen = frame if training.all() else frame[training]
        known = known or {}
        return cls(columns=tuple(known.get(name) or _fit(frame, seen, name, where) for name in columns))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the inputs."""
        return tuple(name for column in self.columns for name in column.names)

    def apply(self, frame: Any, where: str = "the data") -> Array:
        """(rows, inputs) float32; a category that training did not have has 0 in all inputs of its column.

        Raises:
            DatasetError: naming row and column where a value is missing, or no number.
        """
        checks.have(frame, [column.name for column in self.columns], where)
        encoded = np.zeros((len(frame), len(self.names)), np.float32)
        first = 0
        for column in self.columns:
            place = slice(first, first + len(column.names))
            first = place.stop
            if column.kind == "number":
                encoded[:, place.start] = (_present(frame, column.name, where) - column.mean) / column.deviation
            elif column.kind == "cycle":
                angle = _present(frame, column.name, where) * (2 * np.pi / column.period)
                encoded[:, place] = np.stack([np.sin(angle), np.cos(angle)], axis=1)
            else:
                codes = _codes(frame, column, where)
                known = np.flatnonzero(codes >= 0)
                encoded[known, place.start + codes[known]] = 1
        return encoded

    def unknown(self, frame: Any) -> tuple[str, ...]:
        """A sentence for each column with categories that training did not have, which are then unknown."""
        sentences = []
        for column in (c for c in self.columns if c.kind == "category" and not c.calendar):
            texts = frame[column.name].dropna().astype("str").str.strip()
            rows = texts[~texts.isin([*column.categories, ""])]
            if len(rows):
                count = "1 row has" if len(rows) == 1 else f"{len(rows):,} rows have"
                names = several([f"'{name}'" for name in rows.unique()[:SHOWN]])
                sentences.append(f"'{column.name}': {count} a category that training did not have, unknown to it: {names}.")
        return tuple(sentences)


def _fit(frame: Any, seen: Any, name: str, where: str) -> EncodedColumn:
    import pandas

    dtype = seen[name].dtype
    if pandas.api.types.is_datetime64_any_dtype(dtype):
        raise DatasetError(f"{where}: column '{name}': expected numbers or categories. Received: times")
    if not seen[name].notna().any():
        raise DatasetError(f"{where}: column '{name}': expected a value in the training rows. Received: none")
    if pandas.api.types.is_numeric_dtype(dtype) and not pandas.api.types.is_bool_dtype(dtype):
        values = checks.numbers(seen, name, where)
        values = values[~np.isnan(values)]
        deviation = float(values.std())
        constant = values.min() == values.max()
        if not constant and deviation == 0:
            raise DatasetError(f"{where}: column '{name}': expected numbers that differ by more than 64 bits can square")
        return EncodedColumn(name=name, kind="number", mean=float(values.mean()), deviation=1.0 if constant else deviation)
    return EncodedColumn(name=name, kind="category", categories=_categories(frame, seen, name, where))


def _categories(frame: Any, seen: Any, name: str, where: str) -> tuple[str, ...]:
    import pandas

    categories = sorted(set(_texts(seen[name].dropna().unique())))
    numeric = pandas.to_numeric(pandas.Series(categories), errors="coerce").notna().mean()
    if numeric >= NUMBERS and not _is_category(seen[name]):
        checks.numbers(frame, name, where)  # says which row is no number
    if len(categories) > CATEGORIES:
        raise DatasetError(
            f"{where}: column '{name}': expected numbers, or at most {CATEGORIES} categories. Received:"
            f" {len(categories):,} in the training rows, such as '{categories[0]}' and '{categories[1]}'"
        )
    return tuple(categories)


def _is_category(column: Any) -> bool:
    return str(column.dtype) == "category"


def _texts(values: Any) -> list[str]:
    """Different values as categories are named; trimmed, so that 'a ' is no other one than 'a'."""
    return [str(value).strip() for value in values]


def _present(frame: Any, name: str, where: str) -> Array:
    values = checks.numbers(frame, name, where)
    absent = np.isnan(values)
    if absent.any():
        place = checks.at(frame, name, where, int(absent.argmax()))
        raise DatasetError(f"{place}: expected a number. Received: nothing")
    return values


def _codes(frame: Any, column: EncodedColumn, where: str) -> Array:
    import pandas

    values, different = pandas.factorize(frame[column.name])  # the few different ones are looked up, not all rows
    places = {category: place for place, category in enumerate(column.categories)}
    codes = np.array([*(places.get(text, -1) for text in _texts(different)), -1])[values]
    absent = checks.absent(frame[column.name]) if (codes < 0).any() else np.zeros(0, bool)
    if absent.any():
        place = checks.at(frame, column.name, where, int(absent.argmax()))
        raise DatasetError(f"{place}: expected a category. Received: nothing")
    return np.asarray(codes)
