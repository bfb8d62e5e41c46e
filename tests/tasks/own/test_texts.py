"""A user's own texts: numbered by the training texts alone, split without leaks, answered in words, refused in one line."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import own_labelled
import pandas
import pytest
from own_labelled import LATER, SAID, WORDS

from gru_tf.data.own import memory_limit
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Examples, Splits, create
from gru_tf.tasks.own import texts
from gru_tf.tasks.own.texts import Texts


def drawn(task: Texts) -> Splits:
    return task.splits(np.random.default_rng(0))


def parts(task: Texts) -> list[Examples]:
    splits = drawn(task)
    return [splits.train, splits.validation, splits.test]


def words_of(text: str) -> list[str]:
    """In lower case, without the only mark that the example texts have."""
    return text.lower().replace("!", "").split()


def read(task: Texts, examples: Examples) -> list[list[str | None]]:
    """The words that the numbers stand for; None for one that is unknown."""
    known = [None, None, *task.encodings()["words"]]
    sequences = zip(examples.inputs, examples.lengths, strict=True)
    return [[known[number] for number in row[:length]] for row, length in sequences]


@pytest.fixture(scope="module")
def said() -> Texts:
    return Texts(**SAID)


def test_texts_are_read_as_plain_python_reads_them(said: Texts) -> None:
    table = own_labelled.sentences()
    whole = {" ".join(words_of(text)): mood for text, mood in zip(table["said"], table["mood"], strict=True)}
    moods, seen = said.encodings()["classes"], 0
    for part in parts(said):
        for words, target in zip(read(said, part), part.targets, strict=True):
            if None not in words:
                assert whole[" ".join(map(str, words))] == moods[target]
                seen += 1
    assert seen > 80
    assert sum(map(len, parts(said))) == len(table)


def test_the_last_words_of_each_text_are_read_in_training_and_of_new_texts() -> None:
    task, whole = Texts(**SAID, longest=3, read="last"), Texts(**SAID)
    full = {" ".join(map(str, words)) for part in parts(whole) for words in read(whole, part)}
    ends = {" ".join(text.split()[-3:]) for text in full}
    starts = {" ".join(text.split()[:3]) for text in full}
    got = [" ".join(map(str, words)) for part in parts(task) for words in read(task, part)]
    assert set(got) <= ends
    assert not set(got) <= starts
    (word, other), know = task.encodings()["words"][:2], task.encodings()["words"]
    assert task.encodings()["read"] == "last"
    new = pandas.DataFrame({"said": [f"{word} {word} {other} {word} {other}", other]})
    prepared = task.prepare(new)
    assert prepared.lengths.tolist() == [3, 1]
    one, two = know.index(word) + 2, know.index(other) + 2
    assert prepared.inputs.tolist() == [[two, one, two], [two, 0, 0]]


def test_words_are_numbered_by_how_often_training_has_them(said: Texts) -> None:
    counts = Counter(word for words in read(said, drawn(said).train) for word in words)
    assert None not in counts
    assert set(said.encodings()["words"]) == set(counts) <= set(WORDS)
    often = [counts[word] for word in said.encodings()["words"]]
    assert often == sorted(often, reverse=True)
    assert said.signature.tokens == len(counts) + 2  # no weights for numbers that no word has


def test_a_small_vocabulary_and_short_texts_are_the_first_of_the_large(said: Texts) -> None:
    small = Texts(**SAID, vocabulary=7, longest=3)
    assert small.encodings()["words"] == said.encodings()["words"][:5]
    assert (small.signature.timesteps, small.signature.tokens) == (3, 7)
    assert max(part.inputs.max() for part in parts(small)) == 6


def test_values_are_scored_in_their_own_units() -> None:
    task = Texts(**{**SAID, **LATER, "kind": "value", "label": "mark"})
    later = own_labelled.sentences(8, 30)["mark"].to_numpy(float)
    about = task.encodings()
    train = drawn(task).train.targets[:, 0].astype(float) * about["deviation"] + about["mean"]
    assert task.metric.chance == pytest.approx(np.sqrt(np.mean((later - train.mean()) ** 2)), rel=1e-6)
    assert len(train) == 72  # of 90, a fifth to choose on


def test_chance_is_the_share_of_what_training_has_most(said: Texts) -> None:
    train, _, test = parts(said)
    usual = int(sum(train.targets) * 2 > len(train))
    assert said.metric.chance == pytest.approx((test.targets == usual).mean(), abs=1e-12)
    assert said.metric.trivial == f"the majority class ('{['down', 'up'][usual]}')"


def test_authors_are_in_one_split() -> None:
    """Three texts each; a short one may be several authors' and counts for none."""
    task = Texts(**{**SAID, "group": "who"}, embedding=2)
    table = own_labelled.sentences()
    authors: dict[str, set[int]] = {}
    for text, who in zip(table["said"], table["who"], strict=True):
        authors.setdefault(" ".join(words_of(text)), set()).add(who)
    owners = [[authors.get(" ".join(map(str, words)), set()) for words in read(task, part)] for part in parts(task)]
    sure = [{min(who) for who in part if len(who) == 1} for part in owners]
    assert sum(map(len, sure)) == len(set.union(*sure)) > 25


# ------------------------------------------------------------------------------------------------------------- no leakage


def check_no_leak(tmp_path: Path, held: str) -> None:
    """Other words in texts of validation and test leave every training array as it is, to the bit."""
    table = own_labelled.sentences()
    table["said"] = [f"word{row} {text}" for row, text in enumerate(table["said"])]  # each can be told by its first word
    table.to_csv(tmp_path / "before.csv", index=False)
    before = Texts(**{**SAID, "path": str(tmp_path / "before.csv")})
    trained = {words[0] for words in read(before, drawn(before).train)}
    rows = [row for row in range(len(table)) if f"word{row}" not in trained][:: 2 if held == "every second" else 1]
    table.loc[rows, "said"] = [f"word{row} quite quite new new films {row}" for row in rows]
    table.to_csv(tmp_path / "after.csv", index=False)
    after = Texts(**{**SAID, "path": str(tmp_path / "after.csv")})
    assert before.encodings() == after.encodings()
    one, two = drawn(before), drawn(after)
    assert not all(np.array_equal(getattr(one, name).inputs, getattr(two, name).inputs) for name in ("validation", "test"))
    for name in ("inputs", "targets", "lengths"):
        assert np.array_equal(getattr(one.train, name), getattr(two.train, name))


@pytest.mark.parametrize("held", ["every second", "all"])
def test_what_is_held_back_changes_nothing_in_training(tmp_path: Path, held: str) -> None:
    check_no_leak(tmp_path, held)


def test_a_planted_leak_in_the_vocabulary_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = texts.learn
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(texts, "learn", lambda words, learned, how: honest(words, len(words), how))
    with pytest.raises(AssertionError):
        check_no_leak(tmp_path, "all")


def same_texts(tmp_path: Path) -> Texts:
    """Ten texts three times each: in another case, with marks, and with other words behind the fourth."""
    kinds = ("a{} good film now", "A{} GOOD, film now...", "a{} good film now and here")
    rows = [(kind.format(n), "xy"[n % 2]) for n in range(10) for kind in kinds]
    pandas.DataFrame(rows, columns=["said", "mood"]).to_csv(tmp_path / "a.csv", index=False)
    return Texts(**{**SAID, "path": str(tmp_path / "a.csv")}, longest=4)


def check_same_texts_together(task: Texts) -> None:
    whose = [len(part) for part in parts(task)]
    assert whose == [18, 6, 6]
    different = [len(np.unique(part.targets * 10**6 + part.inputs[:, 0])) for part in parts(task)]
    assert different[0] == 6


def test_texts_that_are_the_same_as_far_as_they_are_read_are_in_one_split(tmp_path: Path) -> None:
    check_same_texts_together(same_texts(tmp_path))


def test_what_a_file_to_test_on_repeats_is_said(said: Texts) -> None:
    later = Texts(**{**SAID, **LATER})
    first, test = ([words_of(text) for text in own_labelled.sentences(*which)["said"]] for which in ((), (8, 30)))
    assert sum(words in first for words in test) == 2
    assert later.notes() == ("2 of the 30 texts of said_later.tsv are in said.tsv as well.",)
    assert said.notes() == ()


def test_same_texts_in_two_splits_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Texts, "_same", lambda self, texts: np.arange(len(texts)))
    with pytest.raises(AssertionError):
        check_same_texts_together(same_texts(tmp_path))


# ------------------------------------------------------------------------------------------------------ new data, answers


def test_new_texts_become_the_inputs_of_training(said: Texts) -> None:
    table = own_labelled.sentences()
    prepared = said.prepare(table[["said"]])
    known = [None, None, *said.encodings()["words"]]
    assert [[known[n] for n in row[:k]] for row, k in zip(prepared.inputs, prepared.lengths, strict=True)] == [
        [word if word in known else None for word in words_of(text)] for text in table["said"]
    ]
    answers = said.answer(np.tile([0.0, np.log(4)], (90, 1)), table)
    assert list(answers.columns) == ["said", "mood", "probability of down", "probability of up"]
    assert answers["probability of up"].tolist() == pytest.approx([0.8] * 90)
    assert set(answers["mood"]) == {"up"}
    assert json.loads(json.dumps(said.encodings())) == said.encodings()


def test_a_text_of_marks_or_unknown_words_is_one_of_unknown_words(said: Texts) -> None:
    prepared = said.prepare(pandas.DataFrame({"said": ["?!", "Xylophone", "GOOD film xylophone"]}, index=[5, 5, 5]))
    assert prepared.lengths.tolist() == [1, 1, 3]
    good, film = (said.encodings()["words"].index(word) + 2 for word in ("good", "film"))
    assert prepared.inputs.tolist() == [[1, 0, 0], [1, 0, 0], [good, film, 1]]
    assert prepared.inputs.dtype == np.int32


def test_case_may_matter(tmp_path: Path) -> None:
    same_texts(tmp_path)
    task = Texts(**{**SAID, "path": str(tmp_path / "a.csv")}, lower=False)
    assert {"good", "GOOD", "film", "now"} <= set(task.encodings()["words"])


def test_new_texts_of_another_form_are_refused(said: Texts) -> None:
    for frame, message in (
        ({"says": ["a"]}, r"the data: no column is called 'said'\. Did you mean 'says'\?"),
        ({"said": ["a", " "]}, r"the data: row 2, column 'said': expected a text\. Received: nothing"),
        ({"said": [1.5, 2.5]}, r"the data: column 'said': expected texts\. Received: float64, such as 1\.5"),
    ):
        with pytest.raises(UserError, match=message):
            said.prepare(pandas.DataFrame(frame))


# -------------------------------------------------------------------------------------------------------------- bad input

ROWS = [f'"so, {"good" if n % 2 else "bad"} {n}",{"xy"[n % 2]},p{n // 2}\n' for n in range(12)]
GOOD = "said,mood,who\n" + "".join(ROWS)


def edited(row: int, text: str) -> str:
    return "said,mood,who\n" + "".join(ROWS[: row - 1]) + text + "\n" + "".join(ROWS[row:])


BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "missing column": (GOOD, {"text": "sad"}, "no column is called 'sad'. Did you mean 'said'? Columns: said, mood, who"),
    "one column twice": (
        GOOD,
        {"label": "said"},
        "expected different columns for text, label and group. Received: said, said",
    ),
    "empty text": (edited(3, "  ,x,p1"), {}, "row 3 (line 4), column 'said': expected a text. Received: nothing"),
    "numbers": ("said,mood\n1,x\n2,y\n", {}, "column 'said': expected texts. Received: int64, such as 1"),
    "no label": (edited(3, "fine,,p1"), {}, "row 3 (line 4), column 'mood': expected a label. Received: nothing"),
    "one class only": (
        GOOD.replace(",y,", ",x,"),
        {},
        "row 1 (line 2), column 'mood': expected two classes or more. Received: 'x' here and everywhere",
    ),
    "a class of one": (
        edited(3, "fine,z,p1"),
        {},
        "row 3 (line 4), column 'mood': expected 3 different texts or more of each class, one for each split."
        " Received: 1 of 'z'",
    ),
    "text as values": (
        GOOD,
        {"kind": "value"},
        "row 1 (line 2), column 'mood': expected a finite number. Received: 'x'; if the labels are classes, set kind to"
        " class",
    ),
    "no group": (
        edited(3, "fine,x,"),
        {"group": "who"},
        "row 3 (line 4), column 'who': expected a group. Received: nothing",
    ),
    "a field too many": (
        edited(3, "so, good,x,p1"),
        {},
        "row 3 (line 4): expected 3 fields, as in the header. Received: 4; is a ',' in a text without quotes?",
    ),
}


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        _ = create("texts", {"path": str(path), "text": "said", "label": "mood", **options}).metric
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{path.parent}/", "")


@pytest.mark.parametrize("name", BAD)
def test_a_bad_table_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    content, options, message = BAD[name]
    (tmp_path / "a.csv").write_text(content)
    assert refusal(tmp_path / "a.csv", **options) == f"a.csv: {message}"


BAD_TESTS = {
    "other columns": ("text,mood\na,x\n", "no column is called 'said'. Columns: text, mood"),
    "a label of its own": (
        "said,mood\ngood,x\nbad,z\n",
        "row 2 (line 3), column 'mood': expected a class of a.csv: x, y. Received: 'z'",
    ),
    "one class": ("said,mood\ngood,x\nbad,x\n", "expected two classes or more to test on. Received: 'x' alone in 2"),
}


@pytest.mark.parametrize("name", BAD_TESTS)
def test_a_bad_file_to_test_on_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.csv").write_text(GOOD)
    (tmp_path / "b.csv").write_text(BAD_TESTS[name][0])
    assert refusal(tmp_path / "a.csv", test_path=str(tmp_path / "b.csv")) == f"b.csv: {BAD_TESTS[name][1]}"


@pytest.mark.parametrize("suffix", [".npz", ".ts"])
def test_what_is_no_table_is_refused(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").write_bytes(b"")
    assert (
        refusal(tmp_path / f"a{suffix}")
        == f"a{suffix}: expected a table, such as .csv, .tsv or .parquet. Received: '{suffix}'"
    )


@pytest.mark.parametrize("option", [{"vocabulary": 2}, {"longest": 0}, {"embedding": 0}, {"id": "n"}])
def test_impossible_options_are_refused(option: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"texts.{next(iter(option))}: "):
        create("texts", {**SAID, **option})


def test_texts_that_do_not_fit_the_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = "".join(f"w{n},{'xy'[n % 2]}\n" for n in range(200))
    (tmp_path / "a.csv").write_text(f"said,mood\n{short}{'word ' * 150},x\n")
    monkeypatch.setattr(memory_limit, "LIMIT", 20_000)  # fewer than 40 · 150 · 4 bytes, whichever split the long one is in
    assert " padded to the longest. Received: 201 of up to 150 steps of 4 bytes, " in refusal(tmp_path / "a.csv")
