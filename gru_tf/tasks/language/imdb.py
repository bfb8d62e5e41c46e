"""IMDB: is a film review positive or negative?

Reviews are read in lower case, without punctuation marks and without the HTML tag "<br />" that their lines end in.

Worked example, longest=3: the first training review begins "Story of a man who has unnatural feelings" and is read as
the numbers of "story", "of" and "a", which are 63, 5 and 3; its label is 0.

`keras.datasets.imdb` has the same reviews, read otherwise. There "<br />" is the word "br"; a punctuation mark separates
words ("well-made" is two), where here it is left out ("wellmade"), but for the apostrophe, which there stays in "don't" and
here is left out; every review begins with a start token 1; a word outside the vocabulary is 2, and the most frequent word
is 4, so that a vocabulary of 20,000 has 19,996 words there and 19,998 here. Both count words over training reviews, which
are all 25,000 there; a test word that none of them has is skipped there, and unknown here. `pad_sequences` keeps the last
words of a review, as `read: last` does, and puts zeros in front of a short one, which Keras' example reads as words; here
they stand behind it and are masked.
"""

import io
import lzma
import re
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from gru_tf.data import array_cache, text_file, vocabulary
from gru_tf.data.datasets import DataFile, DatasetError, find, locate
from gru_tf.tasks import Array
from gru_tf.tasks.language._sentiment import Sentiment, Texts, numbered

LONGEST = 2459  # words of the longest review
TRAIN, VALIDATION, TEST = 10_000, 2_500, 12_500  # of each class
VERSION = 1  # of the arrays, as the cache keeps them
TAG = "<br />"
_NAME = re.compile(r"aclImdb/(train|test)/(neg|pos)/([0-9]+)_([0-9]+)\.txt")
_XZ = b"\xfd7zXZ\0"  # how a compressed archive begins

# The labelled reviews in one archive, as data folders have them. It is repacked and has no public address of its own.
PACKED = DataFile(
    "imdb/aclImdb_labelled.tar.xz",
    "https://github.com/dax44/AMLM",
    "7b859fe003e31a782d689b3dcf69b2c22d7e439952151ed80ad770d356c3f027",
    18_526_016,
)


def _repack(path: Path) -> None:
    """Replace an archive of the whole repository by one of its reviews, those of `val` back in `train`, uncompressed."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/data/")[2].replace("/val/", "/train/"): name for name in archive.namelist()}
            reviews = {name: archive.read(full) for name, full in names.items() if _NAME.fullmatch(name)}
    except zipfile.BadZipFile as error:
        raise ValueError(f"expected a zip archive: {error}") from error
    pack(path, reviews)


def pack(path: Path, reviews: dict[str, bytes]) -> None:
    """Write an uncompressed archive of files sorted by name, without dates and owners: the same bytes on any machine."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(reviews):
            entry = tarfile.TarInfo(name)
            entry.size = len(reviews[name])
            archive.addfile(entry, io.BytesIO(reviews[name]))


FETCHED = DataFile(
    "imdb/aclImdb_labelled.tar",
    "https://codeload.github.com/dax44/AMLM/zip/05fb2144cdac27a88f277b3969df58e2ae041af6",
    "a864b21b9af327f16ba7404b8a7d6eef2a187f11f735253a727715b06ea7202a",
    103_997_440,
    _repack,
)


class Imdb(Sentiment):
    """Classify a film review.

    The published 25,000 test reviews are the test split. Of the published 25,000 training reviews, each class's last
    2,500 by number (10000 to 12499) are by default the validation split, and the first 10,000 train. The test split is
    the published one, so that scores are comparable, although it shares some reviews with training.

    Args:
        vocabulary: its size, 0 for padding and 1 for unknown words included.
        longest: words to read of a review; the longest review has 2,459.
        read: which words of a longer review, the "first" or the "last".
        embedding: size of a word's embedding.
        validation: share of each class's published training reviews to validate on, the last by number. 0 trains on all
            25,000, with no validation split: for protocols that look at the published test reviews alone.
    """

    question: ClassVar[str] = "Is a film review positive or negative?"
    reference: ClassVar[str] = (
        "A. L. Maas, R. E. Daly, P. T. Pham, D. Huang, A. Y. Ng, C. Potts, ACL 2011; files from github.com/dax44/AMLM"
    )
    licence: ClassVar[str] = "not stated; its authors ask for a citation of their paper"
    sizes: ClassVar[tuple[int, int, int]] = (2 * TRAIN, 2 * VALIDATION, 2 * TEST)

    longest: Annotated[int, Field(ge=1, le=LONGEST)] = 200
    validation: Annotated[float, Field(ge=0, lt=1)] = VALIDATION / TEST

    @property
    def held(self) -> int:
        """Reviews of each class to validate on."""
        return round(self.validation * TEST)

    def counts(self) -> tuple[int, int, int]:
        """Reviews to train, validate and test on."""
        return 2 * (TEST - self.held), 2 * self.held, 2 * TEST

    @model_validator(mode="after")
    def _reviews_in_each(self) -> Self:
        if self.held == TEST or (self.validation > 0 and self.held == 0):
            raise ValueError(
                f"received validation {self.validation:g} of {TEST:,} reviews of each class, {self.held:,} of them,"
                " expected some in training and, but for 0, in validation."
            )
        return self

    def arrays(self) -> array_cache.Arrays:
        """Words, lengths and labels of all reviews; raises DatasetError."""
        others = [] if self.held == VALIDATION else [f"validation {self.held}"]
        parse = partial(_parse, self.held)
        return array_cache.load("imdb", [PACKED.sha256, *others], VERSION + 1000 * vocabulary.VERSION, parse)

    def checksums(self) -> dict[str, str]:
        """Path and sha256 of the archive: of the repacked one, which has the same reviews as the fetched one."""
        return {PACKED.path: PACKED.sha256}


def read_reviews(path: Path) -> dict[tuple[str, str], list[str]]:
    """Reviews in the order of their numbers, by part ("train" or "test") and class ("neg" or "pos").

    Raises:
        DatasetError: where the file is no archive, is truncated, or a review of it is empty or in another encoding.
    """
    content = _unpacked(path)
    reviews: dict[tuple[str, str], list[tuple[int, str]]] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            entries = archive.getmembers()
    except tarfile.TarError as error:
        raise DatasetError(f"{path}: expected an archive of reviews. Received: {type(error).__name__}: {error}") from error
    for entry in entries:
        name, end = _NAME.fullmatch(entry.name), entry.offset_data + entry.size
        if name is not None:
            text = text_file.decode(content[entry.offset_data : end], f"{path}: {entry.name}").replace(TAG, " ")
            reviews.setdefault((name[1], name[2]), []).append((int(name[3]), text))
    return {key: [text for _, text in sorted(numbered_texts)] for key, numbered_texts in reviews.items()}


def _unpacked(path: Path) -> bytes:
    """The content of an archive, read at once: other threads run meanwhile, and entries are quick to reach."""
    try:
        content = path.read_bytes()
        return lzma.decompress(content) if content.startswith(_XZ) else content
    except (OSError, lzma.LZMAError) as error:
        raise DatasetError(f"{path}: expected an archive of reviews. Received: {type(error).__name__}: {error}") from error


def _parse(held: int) -> dict[str, Array]:
    """The arrays with so many reviews of each class to validate on."""
    path = find(PACKED) or locate(FETCHED)
    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(read_reviews, path)
        vocabulary.load()
        reviews = reading.result()
    for part in ("train", "test"):
        for kind in ("neg", "pos"):
            count = len(reviews.get((part, kind), []))
            if count != TEST:
                raise DatasetError(f"{path}: expected {TEST:,} reviews in {part}/{kind}. Received: {count:,}")
    return numbered(
        path,
        (
            _both(reviews, "train", slice(TEST - held)),
            _both(reviews, "train", slice(TEST - held, None)),
            _both(reviews, "test", slice(None)),
        ),
        standardize="lower_and_strip_punctuation",
    )


def _both(reviews: dict[tuple[str, str], list[str]], part: str, places: slice) -> Texts:
    negative, positive = reviews[part, "neg"][places], reviews[part, "pos"][places]
    return negative + positive, [0] * len(negative) + [1] * len(positive)


TASK = Imdb
