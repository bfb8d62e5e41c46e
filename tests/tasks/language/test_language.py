"""Tasks on texts beside files read in another way, Keras's own vocabulary, hand-counted texts, and broken files."""

import hashlib
import io
import lzma
import math
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from gru_tf.data import text_file, vocabulary
from gru_tf.data.datasets import DataFile, DatasetError, locate
from gru_tf.tasks import Task
from gru_tf.tasks.language import imdb, penn_treebank, sst2, tiny_shakespeare
from gru_tf.tasks.language._next_token import parts, unigram_nll
from gru_tf.tasks.language._sentiment import numbered
from gru_tf.tasks.language.imdb import Imdb, read_reviews
from gru_tf.tasks.language.penn_treebank import PennTreebank, read_characters, read_words
from gru_tf.tasks.language.sst2 import Sst2, read_sentences
from gru_tf.tasks.language.tiny_shakespeare import TinyShakespeare

RNG = np.random.default_rng(0)
NAMES = ("train", "validation", "test")


def text_of(examples, symbols):
    """The text that consecutive parts hold, and the one that their targets hold."""
    read = np.concatenate([row[:length] for row, length in zip(examples.inputs, examples.lengths, strict=True)])
    targets = examples.targets[examples.targets >= 0]
    return [symbols[i] for i in read], [symbols[i] for i in targets]


# ------------------------------------------------------------------------------------------------------ language models


def test_a_text_in_parts_by_hand():
    examples = parts(np.array([5, 6, 7, 8, 9], np.uint8), 2)
    assert examples.inputs.tolist() == [[5, 6], [7, 8], [9, 0]]
    assert examples.targets.tolist() == [[6, 7], [8, 9], [-1, -1]]
    assert examples.lengths.tolist() == [2, 2, 1]


def test_unigrams_by_hand():
    """Of three tokens, the targets of training are 1, 1, 0: shares 2/6, 3/6, 1/6. Those of the test text are 1 and 2."""
    nats = unigram_nll(np.array([2, 1, 1, 0]), np.array([0, 1, 2]), 3)
    assert nats == pytest.approx(-(math.log(3 / 6) + math.log(1 / 6)) / 2)


@pytest.mark.parametrize("level", ["characters", "words"])
def test_penn_treebank_is_its_files(level: str, needs_files: Callable[[Task], None]) -> None:
    """The characters are those of the files of words, read as Python reads text; the words stand in the same files."""
    task = PennTreebank.model_validate({"level": level})
    needs_files(task)
    texts = [locate(file).read_text() for file in penn_treebank.FILES["words"]]
    if level == "characters":
        texts = ["".join(line.strip().replace(" ", "_") + "\n" for line in text.splitlines()) for text in texts]
        symbols = sorted(set(texts[0]))
        expected = [list(text) for text in texts]
    else:
        expected = [[word for line in text.splitlines() for word in [*line.split(), "<eos>"]] for text in texts]
        counts = Counter(expected[0])
        symbols = sorted(counts, key=lambda word: (-counts[word], word))
    splits = task.splits(RNG)
    for name, text in zip(NAMES, expected, strict=True):
        read, targets = text_of(getattr(splits, name), symbols)
        assert read == text
        assert targets == text[1:]


def test_penn_treebank_chance_is_an_entropy(needs_files: Callable[[Task], None]) -> None:
    """By words, as Python counts them: perplexity is 2 to the bits."""
    task = PennTreebank(level="words")
    needs_files(task)
    train, _, test = (read_words(locate(file)) for file in penn_treebank.FILES["words"])
    counts = Counter(train[1:])
    bits = [-math.log2((counts[word] + 1) / (len(train) - 1 + 10_000)) for word in test[1:]]
    assert task.metric.chance == pytest.approx(2 ** (math.fsum(bits) / len(bits)), rel=1e-9)


def test_tiny_shakespeare_is_its_file_cut_at_80_and_90_percent(needs_files: Callable[[Task], None]) -> None:
    task = TinyShakespeare()
    needs_files(task)
    text = locate(tiny_shakespeare.FILE).read_text()
    cuts = {"train": text[:892_314], "validation": text[892_314:1_003_854], "test": text[1_003_854:]}
    splits = task.splits(RNG)
    for name, expected in cuts.items():
        assert "".join(text_of(getattr(splits, name), sorted(set(text)))[0]) == expected


def test_fewer_tokens_are_the_first(needs_files: Callable[[Task], None]) -> None:
    few, whole = TinyShakespeare(train_tokens=1003), TinyShakespeare()
    needs_files(few)
    train, longer = few.splits(RNG).train, whole.splits(RNG).train
    assert train.lengths.sum() == 1003
    assert np.array_equal(train.inputs[:20], longer.inputs[:20])
    assert few.metric.chance > whole.metric.chance  # what is learned from few characters is worse


# ---------------------------------------------------------------------------------------------------------------- words


def by_keras(texts: list[str], learned: int, standardize: vocabulary.Standardize, size: int | None = None) -> Any:
    """The numbers of each text's words, by the layer."""
    layer = keras.layers.TextVectorization(max_tokens=size, standardize=standardize, ragged=True)
    layer.adapt(np.array(texts[:learned], object))
    return layer(np.array(texts, object)).to_list()


def by_number(texts: list[str], learned: int, standardize: vocabulary.Standardize, size: int | None = None) -> Any:
    words, lengths = vocabulary.number(texts, learned, standardize)
    assert words.dtype == lengths.dtype == np.int32
    words = np.where(words < (size or np.inf), words, vocabulary.UNKNOWN)
    return [part.tolist() for part in np.split(words, np.cumsum(lengths)[:-1])]


@pytest.mark.parametrize("size", [3, 5, 100])
@pytest.mark.parametrize("standardize", [None, "lower_and_strip_punctuation"])
def test_a_smaller_vocabulary_is_that_of_keras(size: int, standardize: vocabulary.Standardize) -> None:
    """Numbers from V on made unknown are what `TextVectorization(max_tokens=V)` gives."""
    texts = ["A b b, c c c", "d d d d a", "c d e! B b"]
    assert by_number(texts, 2, standardize, size) == by_keras(texts, 2, standardize, size)


@pytest.fixture(scope="module")
def unpacked(needs_files: Callable[[Task], None]) -> bytes:
    """The archive of reviews, decompressed once."""
    needs_files(Imdb())
    return lzma.decompress(locate(imdb.PACKED).read_bytes())


def test_many_texts_are_numbered_in_batches_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"w{i % 7} w{i % 3} x{i}" for i in range(11)]
    whole = vocabulary.number(texts, 8, None)
    monkeypatch.setattr(vocabulary, "BATCH", 3)
    assert all(map(np.array_equal, vocabulary.number(texts, 8, None), whole))


@pytest.mark.parametrize("limits", [{}, {"vocabulary": 1000, "longest": 10}])
def test_sst2_is_its_files(limits: dict[str, int], needs_files: Callable[[Task], None]) -> None:
    """Words and their ranks counted in Python; equally frequent words may stand in any order."""
    task = Sst2.model_validate(limits)
    needs_files(task)
    rows = [[line.split("\t") for line in locate(file).read_text().splitlines()] for file in sst2.FILES]
    counts = Counter(word for sentence, _ in rows[0] for word in sentence.split())
    frequency = dict(enumerate(sorted(counts.values(), reverse=True), start=2))
    splits, rare = task.splits(RNG), sorted(counts.values())[::-1][: task.vocabulary - 2][-1]
    for name, part in zip(NAMES, rows, strict=True):
        examples = getattr(splits, name)
        assert examples.targets.tolist() == [int(label) for _, label in part]
        for (sentence, _), numbers, length in zip(part, examples.inputs, examples.lengths, strict=True):
            words = sentence.split()[: task.longest]
            assert length == len(words)
            assert max(numbers) < task.vocabulary
            for word, number in zip(words, numbers[:length].tolist(), strict=True):
                assert counts[word] <= rare if number == 1 else counts[word] == frequency[number]
    assert task.metric.chance == 0.5  # a guess: training has more positive sentences, 909 of 1,821 in the test split


def test_imdb_cuts_each_class_and_balances(needs_files: Callable[[Task], None]) -> None:
    task = Imdb()
    needs_files(task)
    splits = task.splits(RNG)
    assert [np.bincount(getattr(splits, name).targets).tolist() for name in NAMES] == [[n, n] for n in (10000, 2500, 12500)]
    assert splits.train.inputs[0, :3].tolist() == [63, 5, 3]  # "Story of a man", the example in the module
    assert splits.train.inputs.max() == 9999
    assert task.metric.chance == 0.5


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (PennTreebank, {"level": "bytes"}),
        (PennTreebank, {"timesteps": 1}),
        (PennTreebank, {"train_tokens": 999}),
        (TinyShakespeare, {"level": "characters"}),
        (Sst2, {"longest": 54}),
        (Sst2, {"vocabulary": 2}),
        (Imdb, {"longest": 0}),
        (Imdb, {"embedding": 0}),
    ],
)
def test_an_impossible_option_is_refused(kind: type[Task], options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate(options)


# --------------------------------------------------------------------------------------------------------- broken files

CHARACTERS, WORDS, SENTENCES = "a b _ \n c \n ", " a b \n c \n", "good film\t1\nbad one\t0\n"


def test_sound_files_are_read(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text(CHARACTERS)
    assert "".join(map(chr, read_characters(file))) == "ab_\nc\n"
    file.write_text(WORDS)
    assert read_words(file) == ["a", "b", "<eos>", "c", "<eos>"]
    for content in (SENTENCES, SENTENCES.rstrip("\n")):
        file.write_text(content)
        assert read_sentences(file) == (["good film", "bad one"], [1, 0])


@pytest.mark.parametrize("read", [read_characters, read_words, read_sentences])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "expected text. Received: an empty file"),
        (b" \n ", "expected text. Received: white space only"),
        (b"a b \nc \xe9 d", r"line 2: expected .* text. Received: byte 0xe9 at 7"),
        (WORDS.encode("utf-16"), r"line 1: expected .* text. Received: byte 0xff at 0"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, read: Callable[[Path], object], content: bytes, words: str) -> None:
    (tmp_path / "text.txt").write_bytes(content)
    with pytest.raises(DatasetError, match=f"text.txt: {words}") as refused:
        read(tmp_path / "text.txt")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("read", "content", "words"),
    [
        (read_characters, "a b _ \n cd", "line 2: expected a space after each character. Received: 'd'"),
        (read_characters, "a b _ \n c", "line 2: expected a space after each character. Received: the end of the file"),
        (read_words, WORDS[:-2], "expected a line end at the end. Received: ' a b .n c'"),
        (read_sentences, SENTENCES[:-2], "line 2: expected a sentence, a tab, and 0 or 1. Received: 'bad one.t'"),
        (read_sentences, "good film\t2\n", "line 1: expected a sentence"),
        (read_sentences, "good film 1\n", "line 1: expected a sentence"),
        (read_sentences, "good film\t1\n\t0\n", "line 2: expected a sentence"),
        (read_sentences, "good film\t1\n\nbad one\t0\n", "line 2: expected a sentence"),
    ],
)
def test_texts_of_another_form_are_refused(tmp_path: Path, read: Callable[[Path], object], content: str, words: str) -> None:
    (tmp_path / "text.txt").write_text(content)
    with pytest.raises(DatasetError, match=f"text.txt: {words}"):
        read(tmp_path / "text.txt")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="none.txt: no such file"):
        text_file.read(tmp_path / "none.txt")


def test_a_text_without_words_is_refused() -> None:
    texts = (["one", "!?"], [0, 1])
    with pytest.raises(DatasetError, match=r"a.tar: expected a word or more in every text. Received: '!\?'"):
        numbered(Path("a.tar"), (texts, texts, texts), "lower_and_strip_punctuation")


@pytest.mark.parametrize(
    ("module", "task", "contents", "words"),
    [
        (penn_treebank, PennTreebank(), [CHARACTERS], "expected 5,017,482 characters, and 50 .* Received: 6 and 5"),
        (penn_treebank, PennTreebank(level="words"), [WORDS], "expected 929,589 words, and 10,000 .* Received: 5 and 4"),
        (tiny_shakespeare, TinyShakespeare(), ["abba"], "expected 1,115,394 characters, 65 .* Received: 4, 2"),
        (sst2, Sst2(), [SENTENCES], "expected 6,920 sentences. Received: 2"),
    ],
)
def test_texts_of_another_size_are_refused(
    module, task: Task, contents: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text.txt").write_text(contents[0])
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "locate", lambda file: tmp_path / "text.txt")
    with pytest.raises(DatasetError, match=words):
        task.splits(RNG)


def test_a_file_whose_test_text_has_a_new_word_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {"ptb.train.txt": WORDS, "ptb.valid.txt": WORDS, "ptb.test.txt": " a new b c \n"}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(penn_treebank, "locate", lambda file: tmp_path / Path(file.path).name)
    monkeypatch.setitem(penn_treebank.TOKENS, "words", (5, 5, 5))
    monkeypatch.setitem(penn_treebank.VOCABULARY, "words", 4)
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DatasetError, match=r"ptb.test.txt: expected 5 words, and 4 different .* Received: 5 and 5"):
        PennTreebank(level="words").splits(RNG)


# -------------------------------------------------------------------------------------------------- archives of reviews

REVIEWS = {f"aclImdb/{part}/{kind}/{i}_{7 * i}.txt": f"{part} {kind}<br />{i} é" for part in ("train", "test")
           for kind in ("neg", "pos") for i in (10, 0, 9)}  # fmt: skip


def archive(path: Path, reviews: dict[str, bytes]) -> bytes:
    imdb.pack(path, reviews)
    return path.read_bytes()


@pytest.mark.parametrize("compress", [bytes, lzma.compress])
def test_reviews_come_in_the_order_of_their_numbers(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    content = archive(tmp_path / "a", {name: text.encode() for name, text in REVIEWS.items()} | {"aclImdb/README": b"\xff"})
    (tmp_path / "a").write_bytes(compress(content))
    reviews = read_reviews(tmp_path / "a")
    assert set(reviews) == {(part, kind) for part in ("train", "test") for kind in ("neg", "pos")}
    assert reviews["test", "pos"] == ["test pos 0 é", "test pos 9 é", "test pos 10 é"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda content: b"", "expected an archive of reviews. Received: ReadError: empty"),
        (lambda content: b"no archive" * 100, "expected an archive of reviews"),
        (lambda content: content[:520], "expected an archive of reviews. Received: ReadError: unexpected end"),
        (lambda content: lzma.compress(content)[:-20], "expected an archive of reviews. Received: LZMAError"),
        (lambda content: content.replace("é".encode(), b"\xff\xff"), r"a: aclImdb/.*_0.txt: line 1: expected utf-8 text"),
    ],
)
def test_a_damaged_archive_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes], words: str) -> None:
    content = archive(tmp_path / "a", {name: text.encode() for name, text in REVIEWS.items()})
    (tmp_path / "a").write_bytes(damage(content))
    with pytest.raises(DatasetError, match=words) as refused:
        read_reviews(tmp_path / "a")
    assert str(tmp_path / "a") in str(refused.value)


def test_an_archive_with_too_few_reviews_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive(tmp_path / "a", {name: text.encode() for name, text in REVIEWS.items()})
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(imdb, "find", lambda file: tmp_path / "a")
    with pytest.raises(DatasetError, match="a: expected 12,500 reviews in train/neg. Received: 3"):
        Imdb().splits(RNG)


def test_what_is_fetched_becomes_the_stated_archive(unpacked: bytes, tmp_path: Path) -> None:
    """A repository with the reviews, a fifth of those for training in `val`, is repacked to the stated checksum."""
    with tarfile.open(fileobj=io.BytesIO(unpacked)) as packed, zipfile.ZipFile(tmp_path / "a", "w") as repository:
        for entry in packed:
            number = entry.name.rpartition("/")[2].partition("_")[0]
            name = entry.name.replace("/train/", "/val/") if number.isdigit() and int(number) % 5 == 0 else entry.name
            content = packed.extractfile(entry)
            assert content is not None
            repository.writestr(f"AMLM-05fb214/data/{name}", content.read())
    convert(imdb.FETCHED, tmp_path / "a")
    assert (tmp_path / "a").stat().st_size == imdb.FETCHED.bytes
    assert hashlib.sha256((tmp_path / "a").read_bytes()).hexdigest() == imdb.FETCHED.sha256


def convert(file: DataFile, path: Path) -> None:
    assert file.convert is not None
    file.convert(path)


def test_what_is_fetched_and_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"not found")
    with pytest.raises(ValueError, match="expected a zip archive"):
        convert(imdb.FETCHED, tmp_path / "a")
