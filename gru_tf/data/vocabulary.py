"""Texts → numbers of their words, by the vocabulary that Keras's `TextVectorization` makes of some of them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np

from gru_tf.foundation import startup
from gru_tf.foundation.array import Array

PADDING, UNKNOWN = 0, 1  # no word, and a word that the vocabulary does not have
VERSION = 1  # of these numbers, for arrays that are kept; see gru_tf.data.array_cache
BATCH = 2500  # texts at once: bounds the memory
THREADS = 2  # a layer computes without Python's lock
Standardize = Literal["lower", "strip_punctuation", "lower_and_strip_punctuation"] | None


def load() -> None:
    """Import Keras, which `number` needs: it takes seconds, during which another thread may read the texts."""
    with startup.without_garbage_collection():
        import keras  # noqa: F401


def number(texts: Sequence[str], learned: int, standardize: Standardize) -> tuple[Array, Array]:
    """Words of all texts one after another (words,) int32, and how many each text has (texts,) int32.

    Words are what white space separates. Those of the first `learned` texts are numbered from 2, the most frequent first;
    any other is `UNKNOWN`. A smaller vocabulary of V numbers, as `max_tokens=V` makes it, follows by making every number
    from V on `UNKNOWN`.

    Args:
        texts: what is read.
        learned: how many of the first texts the vocabulary is made of.
        standardize: what is done to each text before: `TextVectorization`'s own names.
    """
    return learn(texts, learned, standardize)[:2]


def learn(texts: Sequence[str], learned: int, standardize: Standardize) -> tuple[Array, Array, list[str]]:
    """As `number`, and the words themselves, the one that is numbered 2 first."""
    import keras

    with keras.device("cpu"):
        layer = keras.layers.TextVectorization(standardize=standardize, ragged=True)
        layer.adapt(_batches(texts, learned))
        return *_numbers(layer, texts), layer.get_vocabulary(include_special_tokens=False)


def number_by(texts: Sequence[str], words: Sequence[str], standardize: Standardize) -> tuple[Array, Array]:
    """As `number`, by the words that `learn` found, or the first of them."""
    import keras

    with keras.device("cpu"):
        layer = keras.layers.TextVectorization(standardize=standardize, ragged=True, vocabulary=list(words))
        return _numbers(layer, texts)


def _batches(texts: Sequence[str], count: int) -> Iterator[Array]:
    return (np.array(texts[i : min(i + BATCH, count)], object) for i in range(0, count, BATCH))


def _numbers(layer: Any, texts: Sequence[str]) -> tuple[Array, Array]:
    with ThreadPoolExecutor(THREADS) as threads:
        chunks = list(threads.map(lambda batch: _flat(layer(batch)), _batches(texts, len(texts))))
    words, lengths = (np.concatenate(arrays) for arrays in zip(*chunks, strict=True))
    return words, lengths


def _flat(ragged: Any) -> tuple[Array, Array]:
    return ragged.flat_values.numpy().astype(np.int32), ragged.row_lengths().numpy().astype(np.int32)
