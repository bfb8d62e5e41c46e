"""What tasks on classes of texts share: words numbered by a vocabulary of the training texts, cut and padded."""

from abc import abstractmethod
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from gru_tf.data import array_cache, vocabulary
from gru_tf.data.datasets import DatasetError
from gru_tf.tasks import Array, Examples, Metric, Signature, Splits, Task

Texts = tuple[list[str], list[int]]  # and their classes


class Opinions(Task):
    """Say of a text whether it is positive (1) or negative (0).

    Words are what white space separates, numbered from 2 by how often they come in the training texts. 0 is padding; 1
    is any word that the vocabulary does not have, as rare ones and words of validation and test texts only.

    Args:
        vocabulary: numbers in all, with those for padding and unknown: the most frequent words get the others.
        longest: words of a text that are read, from its beginning.
        embedding: features of an embedded word.
    """

    sizes: ClassVar[tuple[int, int, int]]  # texts to train, choose and test on

    vocabulary: Annotated[int, Field(ge=3)] = 10_000
    longest: Annotated[int, Field(ge=1)]
    embedding: Annotated[int, Field(ge=1)] = 64

    @abstractmethod
    def arrays(self) -> array_cache.Arrays:
        """What `numbered` gave, mapped from the cache; raises DatasetError."""

    @property
    def signature(self) -> Signature:
        """Up to `longest` words, 2 classes; known without the data."""
        return Signature(
            timesteps=self.longest,
            features=self.embedding,
            outputs=2,
            target="class",
            tokens=self.vocabulary,
            varying=True,
        )

    @property
    def metric(self) -> Metric:
        """Accuracy; chance is the share in the test split of the class most frequent in training.

        The first call reads the files.

        Raises:
            DatasetError: where a file is damaged or cannot be had.
        """
        return Metric("accuracy", "max", chance=_chance(self), solved=1.0)

    def splits(self, rng: np.random.Generator) -> Splits:
        """Inputs (N, T) int32 with zeros behind the end of each text, targets (N,) int32; `rng` is not used.

        T is that of the split's longest text, at most `longest`.

        Raises:
            DatasetError: where a file is damaged or cannot be had.
        """
        arrays = self.arrays()
        train, validation, test = (self._examples(arrays, rows) for rows in self._rows())
        return Splits(train, validation, test)

    def _rows(self) -> list[slice]:
        ends = np.cumsum(self.sizes).tolist()
        return [slice(end - size, end) for end, size in zip(ends, self.sizes, strict=True)]

    def _examples(self, arrays: array_cache.Arrays, rows: slice) -> Examples:
        lengths = arrays["lengths"]
        starts = np.cumsum(lengths, dtype=np.int64)[rows] - lengths[rows]
        kept = np.minimum(lengths[rows], self.longest).astype(np.int32)
        return Examples(self._inputs(arrays["words"], starts, kept), np.array(arrays["labels"][rows]), kept)

    def _inputs(self, words: Array, starts: Array, lengths: Array) -> Array:
        steps = np.arange(lengths.max())
        real = steps < lengths[:, None]
        inputs = np.zeros(real.shape, np.int32)
        inputs[real] = words[(starts[:, None] + steps)[real]]
        inputs[inputs >= self.vocabulary] = vocabulary.UNKNOWN
        return inputs


def numbered(path: Path, splits: tuple[Texts, Texts, Texts], standardize: vocabulary.Standardize) -> dict[str, Array]:
    """Arrays "words" (of all texts), "lengths" and "labels" (texts,), of training, validation and test texts.

    Args:
        path: named in errors.
        splits: texts and classes of each.
        standardize: as `vocabulary.number` takes it.

    Raises:
        DatasetError: where a text has no word.
    """
    texts = [text for split, _ in splits for text in split]
    labels = [label for _, split in splits for label in split]
    words, lengths = vocabulary.number(texts, len(splits[0][0]), standardize)
    empty = np.flatnonzero(lengths == 0)
    if len(empty):
        raise DatasetError(f"{path}: expected a word or more in every text. Received: {texts[empty[0]][:50]!r}")
    return {"words": words, "lengths": lengths, "labels": np.array(labels, np.int32)}


@cache
def _chance(task: Opinions) -> float:
    train, _, test = np.split(task.arrays()["labels"], np.cumsum(task.sizes)[:2])
    return float((test == np.bincount(train).argmax()).mean())
