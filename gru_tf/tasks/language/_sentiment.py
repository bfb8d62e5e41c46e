"""Sentiment of texts: words numbered by a vocabulary of the training texts, cut and padded."""

from abc import abstractmethod
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from gru_tf.data import array_cache, vocabulary
from gru_tf.data.datasets import DatasetError
from gru_tf.tasks import Array, Count, Examples, Metric, Signature, Splits, Task
from gru_tf.tasks._baselines import constant_accuracy
from gru_tf.tasks._padding import cut_words

Texts = tuple[list[str], list[int]]  # and their classes


class Sentiment(Task):
    """Classify a text as positive (1) or negative (0).

    Words are separated by white space and numbered from 2 by how often they occur in the training texts. 0 is padding; 1
    is any word outside the vocabulary, such as rare words and words of validation and test texts alone.

    Args:
        vocabulary: its size, padding and unknown words included: the most frequent words.
        longest: words to read of a text, from its beginning.
        embedding: size of a word's embedding.
    """

    sizes: ClassVar[tuple[int, int, int]]  # texts to train, validate and test on

    vocabulary: Annotated[int, Field(ge=3)] = 10_000
    longest: Count
    embedding: Count = 64

    @abstractmethod
    def arrays(self) -> array_cache.Arrays:
        """The arrays of `numbered`, mapped from the cache; raises DatasetError."""

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
        """Accuracy; the baseline is the majority class of the training split.

        Or a uniform guess, where that is better.

        The first call reads the files.

        Raises:
            DatasetError: where a file is damaged or unavailable.
        """
        chance, trivial = _chance(self)
        return Metric("accuracy", "max", chance=chance, solved=1.0, trivial=trivial)

    def splits(self, rng: np.random.Generator) -> Splits:
        """Inputs (N, T) int32, zeros after the end of each text, targets (N,) int32; `rng` is not used.

        T is that of the split's longest text, at most `longest`.

        Raises:
            DatasetError: where a file is damaged or unavailable.
        """
        arrays = self.arrays()
        train, validation, test = (self._examples(arrays, part) for part in self._parts())
        return Splits(train, validation, test)

    def _parts(self) -> list[slice]:
        ends = np.cumsum(self.sizes).tolist()
        return [slice(end - size, end) for end, size in zip(ends, self.sizes, strict=True)]

    def _examples(self, arrays: array_cache.Arrays, part: slice) -> Examples:
        inputs, lengths = cut_words(arrays["words"], arrays["lengths"], part, self.longest, self.vocabulary)
        return Examples(inputs, np.array(arrays["labels"][part]), lengths)


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
def _chance(task: Sentiment) -> tuple[float, str]:
    train, _, test = np.split(task.arrays()["labels"], np.cumsum(task.sizes)[:2])
    return constant_accuracy(train, test, 2)
