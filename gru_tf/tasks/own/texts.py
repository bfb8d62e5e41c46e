"""Your own texts: which class, or what value, belongs to a text?

A table (CSV, TSV or Parquet) has a row a text. Words are what white space separates, numbered from 2 by how often they come
in the training texts. 0 is padding; 1 is any word that the vocabulary does not have, as rare ones and words of validation
and test texts only, and stands for a text that has no word but marks.

Worked example, text: said, label: mood, longest: 3, vocabulary: 4, which leaves "really" and "very" out:

    said                  mood
    Good, really good!    happy    → 2 1 2
    A very bad day        sad      → 1 1 3
"""

import re
import string
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns, files, splits
from gru_tf.data.own.labels import Labelled
from gru_tf.data.vocabulary import UNKNOWN, Standardize, learn, number_by
from gru_tf.tasks import Array, Examples, Signature, Splits
from gru_tf.tasks._padding import right_padded
from gru_tf.tasks.own._labelled import LabelledData, as_bytes, fits
from gru_tf.tasks.own._task import Prepared

MARKS = re.compile(f"[{re.escape(string.punctuation)}]")
WORD = 4  # bytes of its number


class Texts(LabelledData):
    """Classify texts of a user's own, or say a value of each.

    Args:
        kind: whether a label is one of several classes or a number.
        label: the column of labels.
        group: the column that says whose a text is; one author's, say, are never in two splits.
        validation: share to choose on.
        test: share to test on; not with `test_path`.
        text: the column of texts.
        vocabulary: numbers in all, with those for padding and unknown: the most frequent words get the others.
        longest: words of a text that are read, from its beginning.
        embedding: features of an embedded word.
        lower: whether "Good" is the same word as "good"; punctuation is left out either way.
    """

    question: ClassVar[str] = "Which class, or what value, belongs to a text?"
    unit: ClassVar[str] = "texts"

    label: str
    text: str
    vocabulary: Annotated[int, Field(ge=3)] = 10_000
    longest: Annotated[int, Field(ge=1)] = 200
    embedding: Annotated[int, Field(ge=1)] = 64
    lower: bool = True

    @property
    def signature(self) -> Signature:
        """Up to `longest` words out of those that training has, at most `vocabulary`; the classes or one value.

        Raises:
            UserError: where a file is not as it should be.
        """
        lengths = self.arrays()["lengths"]
        return Signature(
            timesteps=int(lengths.max()),
            features=self.embedding,
            outputs=self.outputs,
            target=self.kind,
            tokens=len(self.encodings()["words"]) + 2,
            varying=bool(lengths.min() < lengths.max()),
        )

    def splits(self, rng: np.random.Generator) -> Splits:
        """Inputs (N, T) int32 with zeros behind the end of each text; targets (N,) int32 or (N, 1) float32.

        T is that of the split's longest text, at most `longest`. `rng` is not used: the split is the same for every seed.

        Raises:
            UserError: where a file is not as it should be.
        """
        arrays = self.arrays()
        train, validation, test = (self._examples(arrays, n) for n in (splits.TRAIN, splits.VALIDATION, splits.TEST))
        return Splits(train, validation, test)

    def prepare(self, frame: Any) -> Prepared:
        """Inputs made of new texts: a frame with their column.

        Raises:
            UserError: naming the row where a text is missing.
        """
        texts = self._texts(frame.reset_index(drop=True), "the data")
        words, lengths = number_by(texts, self.encodings()["words"], self._standardize)
        words, lengths = self._cut(*_never_empty(words, lengths))
        return Prepared(right_padded(words, lengths, np.int32), lengths)

    def answer(self, outputs: Array, frame: Any) -> Any:
        """A row a text: the text, the label, and of classes the probability of each."""
        return self._answered(outputs, {self.text: frame[self.text].to_numpy()})

    @property
    def _standardize(self) -> Standardize:
        return "lower_and_strip_punctuation" if self.lower else "strip_punctuation"

    def _examples(self, arrays: Any, number: int) -> Examples:
        chosen = arrays["split"] == number
        lengths = np.array(arrays["lengths"][chosen])
        words = arrays["words"][np.repeat(chosen, arrays["lengths"])]
        return Examples(right_padded(words, lengths, np.int32), arrays["targets"][chosen], lengths)

    def _texts(self, frame: Any, where: str) -> list[str]:
        """The texts of a frame; raises DatasetError where one is missing or the column is none of texts."""
        columns.have(frame, [self.text], where)
        if str(frame[self.text].dtype) not in ("str", "string", "object", "category"):
            raise DatasetError(
                f"{where}: column '{self.text}': expected texts. Received: {frame[self.text].dtype}, such as"
                f" {frame[self.text].iloc[0]}"
            )
        absent = columns.missing(frame, [self.text])[:, 0]
        if absent.any():
            place = columns.row(where, frame.index[int(absent.argmax())])
            raise DatasetError(f"{where}: {place}, column '{self.text}': expected a text. Received: nothing")
        return [str(text) for text in frame[self.text]]

    def _read(self, path: str) -> tuple[list[str], Labelled]:
        names = [name for name in (self.text, self.label, self.group) if name is not None]
        if len(set(names)) < len(names):
            raise DatasetError(f"{path}: expected different columns for text, label and group. Received: {', '.join(names)}")
        frame = files.read_table(path, names)

        def row(number: int) -> str:
            return f"{columns.row(path, number)}, column '{self.label}'"

        return self._texts(frame, path), Labelled(path, frame, self.label, self.group, row)

    def _parse(self) -> dict[str, Array]:
        found = [self._read(path) for path in self._paths()]
        texts = [text for part, _ in found for text in part]
        same = np.split(self._same(texts), [len(found[0][0])])[: len(found)]
        targets, split, about = self._targets([labelled for _, labelled in found], same)
        order = np.argsort(split, kind="stable")  # training first: the vocabulary is theirs
        learned = int((split == splits.TRAIN).sum())
        words, lengths, known = learn([texts[place] for place in order], learned, self._standardize)
        words, lengths = self._cut(*_never_empty(words, lengths))
        known = known[: self.vocabulary - 2]
        words[words >= len(known) + 2] = UNKNOWN
        fits(self.path, split[order], lengths, WORD)
        about |= {"text": self.text, "words": known, "longest": self.longest, "lower": self.lower}
        return {
            "words": words,
            "lengths": lengths,
            "targets": targets[order],
            "split": split[order],
            "about": as_bytes(about),
        }

    def _same(self, texts: Sequence[str]) -> Array:
        """(texts,) whole numbers, equal where two texts have the same words as far as these are read."""
        number: dict[str, int] = {}
        read = (MARKS.sub("", text.lower() if self.lower else text).split()[: self.longest] for text in texts)
        return np.array([number.setdefault(" ".join(words), len(number)) for words in read])

    def _cut(self, words: Array, lengths: Array) -> tuple[Array, Array]:
        """The first `longest` words of each text."""
        starts = np.cumsum(lengths, dtype=np.int64) - lengths
        place = np.arange(len(words)) - np.repeat(starts, lengths)
        return words[place < self.longest], np.minimum(lengths, self.longest).astype(np.int32)


def _never_empty(words: Array, lengths: Array) -> tuple[Array, Array]:
    """Texts of nothing but marks hold one word, an unknown one."""
    empty = np.flatnonzero(lengths == 0)
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    return np.insert(words, starts[empty], UNKNOWN), np.maximum(lengths, 1)


TASK = Texts
