"""Multi30k: what is an English caption of a picture in German?

Sentences are put into lower case and cut into words: letters and digits, with hyphens between them ("t-shirt"); an
apostrophe with what follows it ("'s"); and every other mark by itself. What is written is put together again, with no
space before a mark that closes. BLEU is sacrebleu's, tokenisation 13a, without regard to case, against the German file as
published: signature nrefs:1|case:lc|eff:no|tok:13a|smooth:exp.

In English 0 is padding and 1 any word that the vocabulary does not have; in German 0 is the end of a sentence and 1 such
a word, which is written as ⁇. All others are numbered from 2 by how often they come in the training sentences.

Worked example: "A little girl climbing into a wooden playhouse." is read as "a little girl climbing into a wooden playhouse
." and should be written as "ein kleines mädchen klettert in ein spielhaus aus holz ." and an end.
"""

import gzip
import re
import zlib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from gru_tf.data import array_cache, text_file
from gru_tf.data.datasets import DataFile, DatasetError, locate
from gru_tf.tasks import END, Array, Examples, Metric, Signature, Splits, Task
from gru_tf.tasks.language import _bleu

SENTENCES = {"train": 29_000, "validation": 1014, "test": 1000}
LANGUAGES = ("en", "de")
LONGEST = 40  # words of the longest English sentence
UNKNOWN, FIRST = 1, 2  # a word that the vocabulary does not have; the number of the most frequent one
UNREAD = "⁇"
VERSION = 1  # of the arrays that are kept
SHOWN = 8  # sentences of which translations are kept with a run
WORD = re.compile(r"\w+(?:-\w+)*|'\w+|[^\w\s]")
CLOSING, OPENING = re.compile(r" ([.,;:!?)“%]|'\w+)"), re.compile(r"([(„]) ")


def _file(name: str, size: int, sha256: str) -> DataFile:
    address = "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d/data/task1/raw/"
    return DataFile(f"multi30k/{name}.gz", f"{address}{name}.gz", sha256, size)


FILES = {
    ("train", "en"): _file("train.en", 568_929, "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f"),
    ("train", "de"): _file("train.de", 637_044, "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6"),
    ("validation", "en"): _file("val.en", 21_650, "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28"),
    ("validation", "de"): _file("val.de", 24_681, "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a"),
    ("test", "en"): _file("test_2016_flickr.en", 21_077, "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9"),
    ("test", "de"): _file("test_2016_flickr.de", 22_890, "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8"),
}


class Multi30k(Task):
    """Translate English sentences into German; the published split, tested on the 2016 Flickr set.

    The split is kept as published, so that scores compare: some English captions come in two parts of it.

    Args:
        source_vocabulary, target_vocabulary: numbers in all of each language, the two that are no word included.
        longest: words of a sentence that are read, and written, from its beginning; of training targets that are longer
            the rest is never seen. BLEU is counted against whole sentences.
        embedding: features of an embedded word, in either language.
        train_sentences: sentences to train on, the first so many; fewer for a laptop. None for all.
        beam: width of the beam search whose BLEU is recorded beside that of greedy decoding.
    """

    question: ClassVar[str] = "What is an English caption of a picture in German?"
    reference: ClassVar[str] = (
        "D. Elliott, S. Frank, K. Sima'an, L. Specia, Multi30K: multilingual English-German image descriptions, 2016;"
        " files from github.com/multi30k/dataset"
    )
    licence: ClassVar[str] = "not stated for the sentences; partly derived from Flickr30K, for research and education"

    source_vocabulary: Annotated[int, Field(ge=3)] = 5000
    target_vocabulary: Annotated[int, Field(ge=3)] = 6000
    longest: Annotated[int, Field(ge=1, le=LONGEST)] = LONGEST
    embedding: Annotated[int, Field(ge=1)] = 128
    train_sentences: Annotated[int, Field(ge=100, le=SENTENCES["train"])] | None = None
    beam: Annotated[int, Field(ge=1)] = 4

    @property
    def signature(self) -> Signature:
        """Up to `longest` English words in, as many German ones and an end out; known without the data."""
        return Signature(
            timesteps=self.longest,
            features=self.embedding,
            outputs=self.target_vocabulary,
            target="class",
            tokens=self.source_vocabulary,
            varying=True,
            decoded=self.longest + 1,
        )

    @property
    def metric(self) -> Metric:
        """BLEU of greedy decoding on the test split, from 0 to 100; perplexity is by word, the end included.

        Chance is the better of two answers that learn no translation: the English sentence itself, and one German
        sentence for all, the one of the training sentences that scores most as an answer to all of these. The first call
        reads the files.

        Raises:
            DatasetError: where a file is damaged or cannot be had.
        """
        chance, trivial = _chance()
        also: tuple[Literal["beam_bleu"], Literal["perplexity"]] = ("beam_bleu", "perplexity")
        return Metric("bleu", "max", chance=chance, solved=100.0, also=also, trivial=trivial, beam=self.beam)

    def splits(self, rng: np.random.Generator) -> Splits:
        """Inputs (N, T) int32, 0 behind the end; targets (N, T') int32, END and then −1 behind it; `rng` is not used.

        Raises:
            DatasetError: where a file is damaged or cannot be had.
        """
        arrays = _arrays()
        train, validation, test = (self._examples(arrays, split) for split in SENTENCES)
        return Splits(train, validation, test)

    def _examples(self, arrays: array_cache.Arrays, split: str) -> Examples:
        count = self.train_sentences if split == "train" else None
        inputs, lengths = self._padded(arrays, split, "en", self.source_vocabulary, count, 0)
        targets, ends = self._padded(arrays, split, "de", self.target_vocabulary, count, -1)
        targets = np.pad(targets, ((0, 0), (0, 1)), constant_values=-1)
        whole = arrays[f"{split}_de_lengths"][:count] <= self.longest
        targets[whole, ends[whole]] = END
        return Examples(inputs, targets[:, : int((targets >= 0).sum(1).max())], lengths)

    def _padded(
        self, arrays: array_cache.Arrays, split: str, language: str, vocabulary: int, count: int | None, nothing: int
    ) -> tuple[Array, Array]:
        lengths = arrays[f"{split}_{language}_lengths"]
        starts = (np.cumsum(lengths, dtype=np.int64) - lengths)[:count]
        kept = np.minimum(lengths[:count], self.longest).astype(np.int32)
        steps = np.arange(kept.max())
        real = steps < kept[:, None]
        found = np.full(real.shape, nothing, np.int32)
        found[real] = arrays[f"{split}_{language}"][(starts[:, None] + steps)[real]]
        found[found >= vocabulary] = UNKNOWN
        return found, kept

    def scored(self, split: Literal["validation", "test"], written: Array) -> float:
        """BLEU of what was written, (N, steps) numbers of German words, against the whole references of a split."""
        return _bleu.corpus(self.sentences(written), _text(_arrays()[f"{split}_de_text"]))

    def sentences(self, written: Array) -> list[str]:
        """Numbers of German words (N, steps) as sentences, each up to its first END."""
        words = np.array(["", UNREAD, *_text(_arrays()["words_de"])], object)
        return [joined(words[row[: _length(row)]].tolist()) for row in written]

    def shown(self, greedy: Array, beam: Array) -> str:
        """The first test sentences: English, reference, greedy and beam translation, and how BLEU is counted."""
        arrays = _arrays()
        names = ("source", "reference", "greedy", f"beam of {self.beam}")
        texts = (*(_text(arrays[f"test_{language}_text"]) for language in LANGUAGES), *map(self.sentences, (greedy, beam)))
        rows = ["\n".join(f"{name:<10} {text[i]}" for name, text in zip(names, texts, strict=True)) for i in range(SHOWN)]
        return "\n\n".join([f"BLEU: {_bleu.signature()}", *rows]) + "\n"

    def checksums(self) -> dict[str, str]:
        """Path and sha256 of the six files."""
        return {file.path: file.sha256 for file in FILES.values()}


def tokens(sentence: str) -> list[str]:
    """The words of a sentence, in lower case, and its marks."""
    return WORD.findall(sentence.lower())


def joined(words: list[str]) -> str:
    """Words and marks as a sentence."""
    return OPENING.sub(r"\1", CLOSING.sub(r"\1", " ".join(words)))


def read_sentences(path: Path) -> list[str]:
    """The lines of a compressed file, none of which is empty; raises DatasetError."""
    try:
        content = gzip.decompress(path.read_bytes()) or b" "  # an empty file is one without a sentence
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path}: expected a gzip file. Received: {error or type(error).__name__}") from error
    lines = text_file.lines(text_file.decode(content, str(path)))
    empty = [number for number, line in enumerate(lines, start=1) if not tokens(line)]
    if empty:
        raise DatasetError(f"{path}: line {empty[0]}: expected a sentence. Received: {lines[empty[0] - 1]!r}")
    return lines


def numbered(sentences: list[list[str]], known: dict[str, int]) -> tuple[Array, Array]:
    """Numbers of all words one after another, UNKNOWN where there is none, and how many each sentence has; int32."""
    words = np.array([known.get(word, UNKNOWN) for sentence in sentences for word in sentence], np.int32)
    return words, np.array([len(sentence) for sentence in sentences], np.int32)


def vocabulary(sentences: list[list[str]]) -> list[str]:
    """All words, the most frequent first, equally frequent ones by spelling; the first is number `FIRST`."""
    counts = Counter(word for sentence in sentences for word in sentence)
    return sorted(counts, key=lambda word: (-counts[word], word))


def _arrays() -> array_cache.Arrays:
    return array_cache.load("multi30k", [file.sha256 for file in FILES.values()], VERSION, _parse)


def _parse() -> dict[str, Array]:
    texts = {key: _read(locate(file), SENTENCES[key[0]]) for key, file in FILES.items()}
    found: dict[str, Array] = {}
    for language in LANGUAGES:
        cut = {split: list(map(tokens, texts[split, language])) for split in SENTENCES}
        words = vocabulary(cut["train"])
        known = {word: number for number, word in enumerate(words, start=FIRST)}
        for split, sentences in cut.items():
            name = f"{split}_{language}"
            found[name], found[f"{name}_lengths"] = numbered(sentences, known)
            if split != "train":
                found[f"{name}_text"] = _bytes(texts[split, language])
        found[f"words_{language}"] = _bytes(words)
    # of words without their vocabulary's limit: the last language is the one that is written
    best = _bleu.best_constant(found["train_de"], found["train_de_lengths"])
    return found | {"constant": _bytes([texts["train", "de"][best]])}


def _read(path: Path, count: int) -> list[str]:
    sentences = read_sentences(path)
    if len(sentences) != count:
        raise DatasetError(f"{path}: expected {count:,} sentences. Received: {len(sentences):,}")
    return sentences


def _bytes(lines: list[str]) -> Array:
    return np.frombuffer("\n".join(lines).encode(), np.uint8)


def _text(array: Array) -> list[str]:
    return array.tobytes().decode().split("\n")


def _length(row: Array) -> int:
    ends = np.flatnonzero(row == END)
    return int(ends[0]) if len(ends) else len(row)


@cache
def _chance() -> tuple[float, str]:
    """BLEU on the test split of the better answer that learns no translation, and which one it is."""
    arrays = _arrays()
    references = _text(arrays["test_de_text"])
    (constant,) = _text(arrays["constant"])
    copied = _bleu.corpus(_text(arrays["test_en_text"]), references)
    same = _bleu.corpus([constant] * len(references), references)
    return max((copied, "the English sentence itself"), (same, f"always '{constant}'"))


TASK = Multi30k
