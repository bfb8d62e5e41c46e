"""Your own texts: predict the class, or a value, of each text.

A table (CSV, TSV or Parquet) has a row for each text. Words are separated by white space and numbered from 2 by how often
they occur in the training texts. 0 is padding; 1 is any word outside the vocabulary, such as rare words and words of
validation and test texts alone, and stands for a text of punctuation only.

Worked example, text: said, label: mood, longest: 3, vocabulary: 4, which leaves "really" and "very" out:

    said                  mood
    Good, really good!    happy    → 2 1 2
    A very bad day        sad      → 1 1 3
"""

import re
import string
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns, files, splits
from gru_tf.data.own.labels import Labelled
from gru_tf.data.vocabulary import UNKNOWN, Standardize, learn, number_by
from gru_tf.foundation.option_spelling import spelled
from gru_tf.tasks import Array, Count, Examples, Signature, Splits
from gru_tf.tasks._padding import right_padded
from gru_tf.tasks.own._labelled_task import LabelledData, expect_to_fit_memory, json_array
from gru_tf.tasks.own._task import PreparedInputs

PUNCTUATION = re.compile(f"[{re.escape(string.punctuation)}]")
WORD_BYTES = 4  # of a word's number


class Texts(LabelledData):
    """Classify texts of a user's own, or predict a value of each.

    Args:
        kind: whether a label is one of several classes or a number.
        label: the column of labels.
        group: the column that says whose a text is; one author's, say, are never in two splits.
        validation: share to validate on; 0 for none, with `training.validation: none`.
        test: share to test on; not with `test_path`.
        split: by what: "group", "time" (the order of the file) or "random"; None: by group where there is one.
        draws: "fixed": the same ones test at all seeds; "drawn": each seed draws its own split.
        text: the column of texts.
        vocabulary: its size, padding and unknown words included: the most frequent words.
        longest: words to read of a text.
        read: which words of a longer text, the "first" or the "last".
        embedding: size of a word's embedding.
        lower: whether "Good" is the same word as "good"; punctuation is removed either way.
    """

    question: ClassVar[str] = "Which class or value does a text have?"
    unit: ClassVar[str] = "texts"

    label: str
    text: str
    vocabulary: Annotated[int, Field(ge=3)] = 10_000
    longest: Count = 200
    read: Literal["first", "last"] = "first"
    embedding: Count = 64
    lower: bool = True

    @property
    def signature(self) -> Signature:
        """Up to `longest` words, of those in the training texts and at most `vocabulary`; the classes or one value.

        Raises:
            UserError: where a file cannot be read or is not as the options say.
        """
        lengths = self.arrays()["lengths"]
        return Signature(
            timesteps=int(lengths.max()),
            features=self.embedding,
            outputs=self.outputs,
            target=self.kind,
            tokens=len(self.encodings()["words"]) + 2,
            weights=self.weights,
            varying=bool(lengths.min() < lengths.max()),
        )

    def splits(self, rng: np.random.Generator) -> Splits:
        """Inputs (N, T) int32, zeros after the end of each text; targets (N,) int32 or (N, 1) float32.

        T is that of the split's longest text, at most `longest`. `rng` is not used: `at` draws.

        Raises:
            UserError: where a file cannot be read or is not as the options say.
        """
        arrays = self.arrays()
        train, test = (self._examples(arrays, n) for n in (splits.TRAIN, splits.TEST))
        return Splits(train, self._examples(arrays, splits.VALIDATION) if self.validation else None, test)

    def prepare(self, frame: Any) -> PreparedInputs:
        """Inputs made from new texts: a frame with their column.

        Raises:
            UserError: naming the row where a text is missing.
        """
        texts = self._texts(frame.reset_index(drop=True), "the data")
        words, lengths = number_by(texts, self.encodings()["words"], self._standardize)
        words, lengths = self._cut(*_never_empty(words, lengths))
        return PreparedInputs(right_padded(words, lengths, np.int32), lengths)

    def answer(self, outputs: Array, frame: Any) -> Any:
        """A row for each text: the text, the label, and the probability of each class."""
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
        """The texts of a frame; raises DatasetError where one is missing or the column holds none."""
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
            options = "{}, {} and {}".format(*map(spelled, ("text", "label", "group")))
            raise DatasetError(f"{path}: expected different columns for {options}. Received: {', '.join(names)}")
        frame = files.read_table(path, names)

        def row(number: int) -> str:
            return f"{columns.row(path, number)}, column '{self.label}'"

        return self._texts(frame, path), Labelled(path, frame, self.label, self.group, row)

    def _parse(self) -> dict[str, Array]:
        parts = [self._read(path) for path in self.paths]
        texts = [text for part, _ in parts for text in part]
        same = np.split(self._same(texts), [len(parts[0][0])])[: len(parts)]
        when = np.arange(len(same[0]))
        targets, split, about = self._targets([labelled for _, labelled in parts], same, when)
        order = np.argsort(
            split % 4, kind="stable"
        )  # unused ones last; training texts first: the vocabulary is made of them
        learned = int((split == splits.TRAIN).sum())
        words, lengths, known = learn([texts[place] for place in order], learned, self._standardize)
        words, lengths = self._cut(*_never_empty(words, lengths))
        known = known[: self.vocabulary - 2]
        words[words >= len(known) + 2] = UNKNOWN
        expect_to_fit_memory(self.path, split[order], lengths, WORD_BYTES)
        about |= {"text": self.text, "words": known, "longest": self.longest, "lower": self.lower, "read": self.read}
        return {
            "words": words,
            "lengths": lengths,
            "targets": targets[order],
            "split": split[order],
            "about": json_array(about),
        }

    def _same(self, texts: Sequence[str]) -> Array:
        """(texts,) whole numbers, equal where two texts have the same words, of those that are read."""
        number: dict[str, int] = {}
        read = slice(-self.longest, None) if self.read == "last" else slice(self.longest)
        cleaned = (PUNCTUATION.sub("", text.lower() if self.lower else text).split()[read] for text in texts)
        return np.array([number.setdefault(" ".join(words), len(number)) for words in cleaned])

    def _cut(self, words: Array, lengths: Array) -> tuple[Array, Array]:
        """The first or the last `longest` words of each text."""
        starts = np.cumsum(lengths, dtype=np.int64) - lengths
        place = np.arange(len(words)) - np.repeat(starts, lengths)
        if self.read == "last":
            place = np.repeat(lengths, lengths) - 1 - place
        return words[place < self.longest], np.minimum(lengths, self.longest).astype(np.int32)


def _never_empty(words: Array, lengths: Array) -> tuple[Array, Array]:
    """With one word, an unknown one, for each text of punctuation only."""
    empty = np.flatnonzero(lengths == 0)
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    return np.insert(words, starts[empty], UNKNOWN), np.maximum(lengths, 1)


TASK = Texts
