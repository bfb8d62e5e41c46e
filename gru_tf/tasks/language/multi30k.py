"""Multi30k: translate English picture captions into German, or German ones into English.

Sentences are converted to lower case and split into words: letters and digits, with hyphens between them ("t-shirt"); an
apostrophe with the letters after it ("'s"); and every other mark by itself. Words that the network writes are joined
again, with no space before a closing mark. BLEU is sacrebleu's, tokenisation 13a, case-insensitive, against the target
file as published: signature nrefs:1|case:lc|eff:no|tok:13a|smooth:exp. Or it is that of the words as they are numbered here,
against the words of the target file, nothing smoothed: signature nrefs:1|case:mixed|eff:no|tok:none|smooth:none.

In the source language 0 is padding and 1 any word outside the vocabulary; in the target language 0 is the end of a sentence
and 1 such a word, which is written as ⁇ and is no word of any reference. All others are numbered from 2 by how often they
occur in the training sentences.

Worked example: "A little girl climbing into a wooden playhouse." is read as "a little girl climbing into a wooden playhouse
." and should be written as "ein kleines mädchen klettert in ein spielhaus aus holz ." and an end.
"""

import gzip
import re
import zlib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from gru_tf.data import array_cache, text_file
from gru_tf.data.datasets import DataFile, DatasetError, locate
from gru_tf.data.vocabulary import UNKNOWN
from gru_tf.tasks import END, Array, Count, Examples, Metric, Signature, Splits, Task
from gru_tf.tasks._padding import cut_words
from gru_tf.tasks._text_arrays import to_array, to_text
from gru_tf.tasks.language import _bleu

SENTENCES = {"train": 29_000, "validation": 1014, "test": 1000}
LANGUAGES = ("en", "de")
NAMES = {"en": "English", "de": "German"}
LONGEST, MOST = 40, 44  # words of the longest English sentence, and of the longest of all
FIRST = UNKNOWN + 1  # the number of the most frequent word
UNREAD = "⁇"
VERSION = 2  # of the arrays, as the cache keeps them
SAMPLES = 8  # sentences whose translations are stored with a run
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
    """Translate sentences; the published split, tested on the 2016 Flickr set.

    The split is the published one, so that scores are comparable: some English captions occur in two parts of it.

    Args:
        direction: from English into German, "en-de", or from German into English, "de-en".
        source_vocabulary, target_vocabulary: size for each language, the two numbers that are no word included.
        minimum_count: in place of these two, as many words as occur so often in the training sentences; null for sizes.
        reverse_source: whether the words of what is read come in reverse order (Sutskever and others 2014).
        bleu: of texts by sacrebleu's tokenisation, "13a", or of the "words" that are numbered here, not smoothed.
        longest: words to read, and to write, of a sentence, from its beginning; the rest of longer training targets is
            never used. BLEU is computed against whole sentences.
        embedding: size of a word's embedding, in either language.
        train_sentences: sentences to train on, the first ones; fewer for a laptop. None for all.
        beam: width of the beam search whose BLEU is recorded beside that of greedy decoding.
    """

    question: ClassVar[str] = "What is the translation of a picture caption, English or German, into the other language?"
    reference: ClassVar[str] = (
        "D. Elliott, S. Frank, K. Sima'an, L. Specia, Multi30K: multilingual English-German image descriptions, 2016;"
        " files from github.com/multi30k/dataset"
    )
    licence: ClassVar[str] = "not stated for the sentences; partly derived from Flickr30K, for research and education"
    packages: ClassVar[tuple[str, ...]] = ("sacrebleu",)

    direction: Literal["en-de", "de-en"] = "en-de"
    source_vocabulary: Annotated[int, Field(ge=3)] = 5000
    target_vocabulary: Annotated[int, Field(ge=3)] = 6000
    minimum_count: Count | None = None
    reverse_source: bool = False
    bleu: Literal["13a", "words"] = "13a"
    longest: Annotated[int, Field(ge=1, le=MOST)] = LONGEST
    embedding: Count = 128
    train_sentences: Annotated[int, Field(ge=100, le=SENTENCES["train"])] | None = None
    beam: Count = 4

    @model_validator(mode="after")
    def _one_vocabulary(self) -> Self:
        sizes = [name for name in ("source_vocabulary", "target_vocabulary") if name in self.model_fields_set]
        if self.minimum_count is not None and sizes:
            raise ValueError(
                f"expected no '{sizes[0]}' together with 'minimum_count', from which it follows. Received:"
                f" {getattr(self, sizes[0])}"
            )
        return self

    @property
    def languages(self) -> tuple[str, str]:
        """Of what is read, and of what is written."""
        source, target = self.direction.split("-")
        return source, target

    @property
    def vocabularies(self) -> tuple[int, int]:
        """Sizes for source and target language, the two numbers that are no word included.

        Raises:
            DatasetError: with `minimum_count`, where a file is damaged or unavailable.
        """
        if self.minimum_count is None:
            return self.source_vocabulary, self.target_vocabulary
        source, target = (_frequent(language, self.minimum_count) for language in self.languages)
        return FIRST + source, FIRST + target

    @property
    def signature(self) -> Signature:
        """Up to `longest` words in, as many and an end out; known without the data but for `minimum_count`."""
        source, target = self.vocabularies
        return Signature(
            timesteps=self.longest,
            features=self.embedding,
            outputs=target,
            target="class",
            tokens=source,
            varying=True,
            decoded=self.longest + 1,
        )

    @property
    def metric(self) -> Metric:
        """BLEU of greedy decoding on the test split, from 0 to 100; perplexity is by word, the end included.

        The baseline is the better of two that learn no translation: the sentence itself, copied, and one sentence for all,
        the training sentence with the highest BLEU as the translation of all of them. The first call reads the files.

        Raises:
            DatasetError: where a file is damaged or unavailable.
        """
        chance, trivial = _best_without_learning(*self.languages, self.bleu == "words")
        also: tuple[Literal["beam_bleu"], Literal["perplexity"]] = ("beam_bleu", "perplexity")
        return Metric("bleu", "max", chance=chance, solved=100.0, also=also, trivial=trivial, beam=self.beam)

    def splits(self, rng: np.random.Generator) -> Splits:
        """Inputs (N, T) int32, 0 after the end; targets (N, T') int32, END and then −1 after it; `rng` is not used.

        Raises:
            DatasetError: where a file is damaged or unavailable.
        """
        arrays = _arrays()
        train, validation, test = (self._examples(arrays, split) for split in SENTENCES)
        return Splits(train, validation, test)

    def _examples(self, arrays: array_cache.Arrays, split: str) -> Examples:
        part = slice(self.train_sentences if split == "train" else None)
        source, target = ((arrays[f"{split}_{name}"], arrays[f"{split}_{name}_lengths"]) for name in self.languages)
        known, written = self.vocabularies
        inputs, lengths = cut_words(*source, part, self.longest, known)
        if self.reverse_source:
            inputs = reversed_words(inputs, lengths)
        targets, ends = cut_words(*target, part, self.longest, written, padding=-1)
        targets = np.pad(targets, ((0, 0), (0, 1)), constant_values=-1)
        complete = target[1][part] <= self.longest
        targets[complete, ends[complete]] = END
        return Examples(inputs, targets[:, : int((targets >= 0).sum(1).max())], lengths)

    def scored(self, split: Literal["validation", "test"], written: Array) -> float:
        """BLEU of the sentences written, (N, steps) numbers of words, against the whole references of a split."""
        references = _lines(_arrays()[f"{split}_{self.languages[1]}_text"])
        if self.bleu == "words":
            return _bleu.of_words(self._words(written), list(map(tokens, references)))
        return _bleu.corpus(self.sentences(written), references)

    def sentences(self, written: Array) -> list[str]:
        """Numbers of words (N, steps) as sentences, each up to its first END."""
        return list(map(joined, self._words(written)))

    def _words(self, written: Array) -> list[list[str]]:
        words = np.array(["", UNREAD, *_lines(_arrays()[f"words_{self.languages[1]}"])], object)
        return [words[row[: _length(row)]].tolist() for row in written]

    def sample_text(self, greedy: Array, beam: Array) -> str:
        """The first test sentences: source, reference, greedy and beam translation, and how BLEU is computed."""
        arrays = _arrays()
        names = ("source", "reference", "greedy", f"beam of {self.beam}")
        published = (_lines(arrays[f"test_{language}_text"]) for language in self.languages)
        texts = (*published, *map(self.sentences, (greedy, beam)))
        rows = ["\n".join(f"{name:<10} {text[i]}" for name, text in zip(names, texts, strict=True)) for i in range(SAMPLES)]
        return "\n\n".join([f"BLEU: {_bleu.signature(self.bleu == 'words')}", *rows]) + "\n"

    def checksums(self) -> dict[str, str]:
        """Path and sha256 of the six files."""
        return {file.path: file.sha256 for file in FILES.values()}


def tokens(sentence: str) -> list[str]:
    """The words of a sentence, in lower case, and its punctuation marks."""
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


def reversed_words(inputs: Array, lengths: Array) -> Array:
    """(N, T) with the real steps of each row in reverse order, and the padding behind them as it is."""
    place = np.arange(inputs.shape[1])
    back = np.where(place < lengths[:, None], lengths[:, None] - 1 - place, place)
    return np.take_along_axis(inputs, back, axis=1)


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
    arrays: dict[str, Array] = {}
    for language in LANGUAGES:
        tokenised = {split: list(map(tokens, texts[split, language])) for split in SENTENCES}
        words = vocabulary(tokenised["train"])
        known = {word: number for number, word in enumerate(words, start=FIRST)}
        for split, sentences in tokenised.items():
            name = f"{split}_{language}"
            arrays[name], arrays[f"{name}_lengths"] = numbered(sentences, known)
            if split != "train":
                arrays[f"{name}_text"] = to_array("\n".join(texts[split, language]))
        arrays[f"words_{language}"] = to_array("\n".join(words))
    for language in LANGUAGES:  # of all words, beyond the limit of the vocabulary
        best = _bleu.best_constant(arrays[f"train_{language}"], arrays[f"train_{language}_lengths"])
        arrays[f"constant_{language}"] = to_array(texts["train", language][best])
    return arrays


def _read(path: Path, count: int) -> list[str]:
    sentences = read_sentences(path)
    if len(sentences) != count:
        raise DatasetError(f"{path}: expected {count:,} sentences. Received: {len(sentences):,}")
    return sentences


def _lines(array: Array) -> list[str]:
    return to_text(array).split("\n")


def _length(row: Array) -> int:
    ends = np.flatnonzero(row == END)
    return int(ends[0]) if len(ends) else len(row)


def _frequent(language: str, count: int) -> int:
    """Words that occur as often in the training sentences."""
    return int((np.bincount(_arrays()[f"train_{language}"])[FIRST:] >= count).sum())


@cache
def _best_without_learning(source: str, target: str, of_words: bool) -> tuple[float, str]:
    """BLEU on the test split of the better baseline that learns no translation, and its name."""
    arrays = _arrays()
    references = _lines(arrays[f"test_{target}_text"])
    (constant,) = _lines(arrays[f"constant_{target}"])
    copies, same = _lines(arrays[f"test_{source}_text"]), [constant] * len(references)
    if of_words:
        copied, always = (_bleu.of_words(*(list(map(tokens, texts)) for texts in (a, references))) for a in (copies, same))
    else:
        copied, always = (_bleu.corpus(a, references) for a in (copies, same))
    return max((copied, f"the {NAMES[source]} sentence, copied"), (always, f"always '{constant}'"))


TASK = Multi30k
