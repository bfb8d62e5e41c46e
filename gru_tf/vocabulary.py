"""Texts → numbers of their words, those that Keras's `TextVectorization` gives, without Keras.

Keras's layer would take twice as long, and as long again to import. The numbers are its own, word for word, as the tests
compare: it lowers A to Z alone, drops ASCII's punctuation, cuts at ASCII's white space, and of equally frequent words puts
the one later in the order of their UTF-8 bytes first.
"""

import string
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np

PADDING, UNKNOWN = 0, 1  # no word, and a word that the vocabulary does not have
FIRST = 2  # the number of the most frequent word
VERSION = 1  # of these numbers, for arrays that are kept; see gru_tf.parsed
BATCH = 2500  # texts at once: bounds the memory
Array = np.ndarray[Any, np.dtype[Any]]
Standardize = Literal["lower", "strip_punctuation", "lower_and_strip_punctuation"] | None

_PUNCTUATION = string.punctuation.encode()
_RESERVED = b"[UNK]"  # Keras's own word for UNKNOWN: it never gets another number


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
    places: defaultdict[bytes, int] = defaultdict()  # each word → its place among those met, in the order of meeting them
    places.default_factory = places.__len__
    parts, counts = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    for start in range(0, len(texts), BATCH):
        words = [_words(text, standardize) for text in texts[start : start + BATCH]]
        counts.append(np.fromiter(map(len, words), np.int32, len(words)))
        flat = chain.from_iterable(words)
        parts.append(np.fromiter(map(places.__getitem__, flat), np.int32, int(counts[-1].sum())))
    found, lengths = np.concatenate(parts), np.concatenate(counts)
    frequency = np.bincount(found[: lengths[:learned].sum()], minlength=len(places))
    return _numbers(list(places), frequency)[found], lengths


def _words(text: str, standardize: Standardize) -> list[bytes]:
    content = text.encode()
    if standardize in ("lower", "lower_and_strip_punctuation"):
        content = content.lower()
    if standardize in ("strip_punctuation", "lower_and_strip_punctuation"):
        content = content.translate(None, _PUNCTUATION)
    return content.split()


def _numbers(words: Sequence[bytes], frequency: Array) -> Array:
    """The number of each word: by its rank where it was learned, else `UNKNOWN`."""
    known = (place for place, word in enumerate(words) if frequency[place] and word != _RESERVED)
    ranked = sorted(known, key=lambda place: (frequency[place], words[place]), reverse=True)
    numbers = np.full(len(words), UNKNOWN, np.int32)
    numbers[ranked] = np.arange(FIRST, FIRST + len(ranked))
    return numbers
