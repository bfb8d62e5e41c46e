"""What a baseline is: a small grid of settings, a fit on the training split, and predictions from inputs alone.

A fitted model is asked with `ModelInputs`, which hold no target, so that no score can depend on a target that the model
has seen.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from gru_tf.foundation.array import Array
from gru_tf.foundation.catalogues import BASELINES as BASELINES
from gru_tf.tasks import Examples, ForecastRows, Signature, Splits, Task

Setting = bool | int | float | str
Settings = dict[str, Setting]


@dataclass(frozen=True)
class ModelInputs:
    """What a fitted model predicts from.

    Args:
        values: (N, T, I) numbers or (N, T) tokens, as `Examples.inputs`.
        lengths: (N,) real steps of each sequence.
        rows: of a forecast, those that its windows are cut from; a forecast may read the rows before its start alone.
        starts: (N,) first row to forecast of each window; None where there are no `rows`.
    """

    values: Array
    lengths: Array
    rows: ForecastRows | None = None
    starts: Array | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    def part(self, rows: slice) -> Self:
        """Those of some examples."""
        starts = None if self.starts is None else self.starts[rows]
        return replace(self, values=self.values[rows], lengths=self.lengths[rows], starts=starts)

    @classmethod
    def of_split(cls, splits: Splits, split: str, rows: ForecastRows | None = None) -> Self:
        """The inputs of "train", "validation", "test" or one of `splits.more`."""
        examples = splits.more[split] if split in splits.more else getattr(splits, split)
        starts = None if rows is None or split not in rows.starts else rows.starts[split]
        return cls(examples.inputs, examples.lengths, rows, starts)


class FittedBaseline(ABC):
    """A baseline that was fitted; it can be pickled.

    Attributes:
        size: numbers that it keeps, such as coefficients, the values of a tree's nodes, or the training examples.
    """

    size: int

    @abstractmethod
    def predict(self, inputs: ModelInputs) -> Array:
        """Float64 in the shape of a network's outputs, of which targets say what they are.

        Logarithms of the probabilities of classes, (N, classes) or (N, T, classes); values, (N, outputs); probabilities
        of ones, (N, T, outputs).
        """

    def surprise(self, inputs: ModelInputs, targets: Array) -> Array | None:
        """(N, T) −log of the probability that `predict` gives each target; None where `predict` is to be asked.

        For models of so many classes that all their probabilities would fill the memory; asked for a whole split at once.
        """
        return None

    def as_arrays(self) -> "FittedBaseline":
        """The same model without objects of other libraries, as `gru_tf.baselines.stored` writes it."""
        return self


@dataclass(frozen=True)
class TrainingData:
    """What a baseline may learn from.

    Args:
        examples: the training split.
        rows: of a forecast, all rows; those that it may learn from are `rows.training`.
        asked: how many sequences it is to predict in all, for those that take long to predict.
    """

    examples: Examples
    rows: ForecastRows | None = None
    asked: int = 0

    @classmethod
    def of_task(cls, task: Task, splits: Splits) -> Self:
        """The training split and, of a forecast, its rows."""
        asked = sum(map(len, (splits.validation or (), splits.test, *splits.more.values())))
        return cls(splits.train, task.rows_of(splits), asked)


class Baseline(ABC):
    """A kind of model; it has no state.

    Class attributes: `reference`, where it is described.
    """

    reference: ClassVar[str]

    @abstractmethod
    def grid(self, signature: Signature, training: TrainingData) -> tuple[Settings, ...]:
        """All settings that are tried, the simplest first; limits that the amount of data made necessary among them."""

    @abstractmethod
    def fit(self, signature: Signature, training: TrainingData, settings: Settings, seed: int) -> FittedBaseline:
        """The model with one of the settings of `grid`; all randomness comes from `seed`."""

    def why_not(self, signature: Signature, training: TrainingData) -> str:
        """Why it cannot be used on these data, in words; "" where it can."""
        return ""


def chosen(count: int, most: int, seed: int) -> Array:
    """The places of all of `count` examples, or of `most` of them, drawn without replacement, rising."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng([seed, count]).choice(count, most, replace=False))


def limited(count: int, most: int) -> Settings:
    """What the settings say where examples are left out: how many are used."""
    return {} if count <= most else {"examples": most}
