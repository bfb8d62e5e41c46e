"""SST-2: is a sentence of a film review positive or negative?

Sentences are as published: lower case, words and punctuation marks separated by spaces, so a mark counts as a word.

Worked example, longest=4: the first training sentence begins "a stirring , funny" and is read as 4 1355 3 71, or as
4 1 3 71 with a vocabulary of 1,000, which leaves "stirring" out. Its label is 1.
"""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from gru_tf.data import array_cache, text_file, vocabulary
from gru_tf.data.datasets import DataFile, DatasetError, locate
from gru_tf.tasks import Array
from gru_tf.tasks.language._sentiment import Sentiment, Texts, numbered

ADDRESS = "https://raw.githubusercontent.com/clairett/pytorch-sentiment-classification/457ffd83de90a9d6d472d8ffc31bbffe40a8b236/data/SST2/"
LONGEST = 53  # words of the longest sentence
VERSION = 1  # of the arrays, as the cache keeps them


def _file(name: str, size: int, sha256: str) -> DataFile:
    return DataFile(f"sst2/{name}.tsv", f"{ADDRESS}{name}.tsv", sha256, size)


FILES = (
    _file("train", 720_259, "ec192f833a64da08f475488a77b0d0b47db47acd0f458bd18433fc793b569920"),
    _file("dev", 92_057, "eddea6b39e601dd4e7a672b53cc40fdf6019fa80522f351206c24340ca5d9359"),
    _file("test", 188_749, "831169c7e2e429d6026e1bdbb542f33b636e3e596caad9602ebc953c205928b7"),
)


class Sst2(Sentiment):
    """Classify a sentence; the published split of 6,920, 872 and 1,821 sentences, not GLUE's of 67,349 phrases.

    The split is the published one, so that scores are comparable: two test sentences are also training sentences.

    Args:
        vocabulary: its size, 0 for padding and 1 for unknown words included.
        longest: words to read of a sentence; the longest sentence has 53.
        read: which words of a longer sentence, the "first" or the "last".
        embedding: size of a word's embedding.
    """

    question: ClassVar[str] = "Is a sentence of a film review positive or negative?"
    reference: ClassVar[str] = (
        "R. Socher, A. Perelygin, J. Wu, J. Chuang, C. D. Manning, A. Ng, C. Potts, EMNLP 2013;"
        " files from github.com/clairett/pytorch-sentiment-classification"
    )
    licence: ClassVar[str] = "not stated"
    sizes: ClassVar[tuple[int, int, int]] = (6920, 872, 1821)

    longest: Annotated[int, Field(ge=1, le=LONGEST)] = LONGEST

    def arrays(self) -> array_cache.Arrays:
        """Words, lengths and labels of all sentences; raises DatasetError."""
        return array_cache.load("sst2", [file.sha256 for file in FILES], VERSION + 1000 * vocabulary.VERSION, _parse)

    def checksums(self) -> dict[str, str]:
        """Path and sha256 of the three files."""
        return {file.path: file.sha256 for file in FILES}


def read_sentences(path: Path) -> Texts:
    """Sentences and labels of a file of lines `sentence<TAB>label`, label 0 or 1.

    Raises:
        DatasetError: where the file or a line of it has another form.
    """
    sentences, labels = [], []
    for number, line in enumerate(text_file.lines(text_file.read(path)), start=1):
        sentence, tab, label = line.partition("\t")
        if not sentence.strip() or not tab or label not in ("0", "1"):
            raise DatasetError(f"{path}: line {number}: expected a sentence, a tab, and 0 or 1. Received: {line[-60:]!r}")
        sentences.append(sentence)
        labels.append(int(label))
    return sentences, labels


def _parse() -> dict[str, Array]:
    paths = [locate(file) for file in FILES]
    train, validation, test = map(read_sentences, paths)
    for path, split, size in zip(paths, (train, validation, test), Sst2.sizes, strict=True):
        if len(split[0]) != size:
            raise DatasetError(f"{path}: expected {size:,} sentences. Received: {len(split[0]):,}")
    return numbered(paths[0], (train, validation, test), standardize=None)


TASK = Sst2
