"""Sentiment of texts: words numbered by a vocabulary of the training texts, cut and padded."""

from abc import abstractmethod
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal

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
        longest: words to read of a text.
        read: which words of a longer text, the "first" or the "last".
        embedding: size of a word's embedding.
    """

    sizes: ClassVar[tuple[int, int, int]]  # texts to train, validate and test on

    vocabulary: Annotated[int, Field(ge=3)] = 10_000
    longest: Count
    read: Literal["first", "last"] = "first"
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
        train, validation, test = self.parts()
        held = self._examples(arrays, validation) if validation.stop > validation.start else None
        return Splits(self._examples(arrays, train), held, self._examples(arrays, test))

    def counts(self) -> tuple[int, int, int]:
        """Texts to train, validate and test on."""
        return self.sizes

    def parts(self) -> list[slice]:
        """The texts of each part of the split, in the order of `arrays`."""
        ends = np.cumsum(self.counts()).tolist()
        return [slice(end - size, end) for end, size in zip(ends, self.counts(), strict=True)]

    def _examples(self, arrays: array_cache.Arrays, part: slice) -> Examples:
        last = self.read == "last"
        inputs, lengths = cut_words(arrays["words"], arrays["lengths"], part, self.longest, self.vocabulary, last=last)
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
    train, _, test = (task.arrays()["labels"][part] for part in task.parts())
    return constant_accuracy(train, test, 2)
