"""A quote alone in its line takes no rows away: it is a character, or what it takes in is named; the user may choose."""

import csv
import io

import numpy as np
import pytest
from refusals import refused

from gru_tf.data.own import dialect, files, quotes
from gru_tf.suite import comparison
from gru_tf.tasks import create

COUNT = 300


def messages(suffix="tsv", quoted=(20, 47, 111)):
    """Rows of which three begin with a quote that nothing closes, as messages have them."""
    mark = "\t" if suffix == "tsv" else ","
    texts = [f"message number {n} is here" for n in range(COUNT)]
    for place in quoted:
        texts[place] = f'"{texts[place]}'
    rows = [f"{'ham' if n % 3 else 'spam'}{mark}{text}" for n, text in enumerate(texts)]
    return f"label{mark}text\n" + "\n".join(rows) + "\n", texts


@pytest.mark.parametrize("suffix", ["tsv", "csv", "txt"])
def test_every_line_is_a_row_where_a_quote_is_not_closed(tmp_path, suffix):
    text, texts = messages(suffix)
    (tmp_path / f"a.{suffix}").write_text(text)
    assert files.read_table(tmp_path / f"a.{suffix}").text.tolist() == texts
    plan = comparison.plan(tmp_path / f"a.{suffix}", text="text", label="label")
    line = "quotes are read as characters, since 3 lines have an odd number of them: 300 rows, a line each"
    assert (line, ("quoting",)) in plan.inferences
    parts = create(plan.guess.task, plan.guess.options).splits(np.random.default_rng(0))
    assert len(parts.train) + len(parts.validation) + len(parts.test) == COUNT


def test_two_lines_with_a_quote_each_lose_no_row(tmp_path):
    """An even number of them in the file: the second would close the first."""
    text, texts = messages(quoted=(20, 47))
    (tmp_path / "a.tsv").write_text(text)
    assert len(list(csv.reader(io.StringIO(text), delimiter="\t"))) == 1 + COUNT - 27  # as it is usually read
    assert files.read_table(tmp_path / "a.tsv").text.tolist() == texts


def test_texts_that_span_lines_are_whole_and_named(tmp_path):
    rows = [("a", "one"), ("b", 'two\nlines of "it"'), ("a", "three"), ("b", "four\n\nfive")]
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("label", "text"), *rows])
    assert files.read_table(tmp_path / "a.csv").text.tolist() == [text for _, text in rows]
    remarks = dialect.dialect(tmp_path / "a.csv").remarks
    assert remarks == (("2 quoted texts span lines, the first in row 2 (line 3)", ("quoting",)),)


def test_the_user_chooses_what_a_quote_means(tmp_path):
    text, _ = messages(quoted=(20, 47))
    (tmp_path / "a.tsv").write_text(text)
    options = {"path": str(tmp_path / "a.tsv"), "text": "text", "label": "label"}
    for quoting, count in (("none", COUNT), (None, COUNT)):
        parts = create("texts", {**options, "quoting": quoting}).splits(np.random.default_rng(0))
        assert len(parts.train) + len(parts.validation) + len(parts.test) == count
    refused(
        lambda: create("texts", {**options, "quoting": "standard"}).splits(np.random.default_rng(0)),
        "row 21: expected every quoted text to end. Received: a text that goes on after its last '\"'; set quoting to none",
    )
    wrong = "quoting: received 'nome', expected one of standard, none"
    refused(lambda: comparison.plan(options["path"], quoting="nome"), wrong)


def test_errors_count_rows_as_they_are_read(tmp_path):
    text, _ = messages(quoted=(20, 47))
    lines = text.splitlines()
    (tmp_path / "a.tsv").write_text("\n".join([*lines[:100], "\tno label", *lines[100:]]) + "\n")
    task = create("texts", {"path": str(tmp_path / "a.tsv"), "text": "text", "label": "label"})
    refused(lambda: task.signature, "row 100 (line 101), column 'label': expected a label. Received: nothing")


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
def test_an_open_quote_is_found_wherever_the_file_is_cut_into_parts(chunk, tmp_path, monkeypatch):
    monkeypatch.setattr(quotes, "CHUNK", chunk)
    rng, file = np.random.default_rng(chunk), tmp_path / "some.csv"
    for _ in range(300):
        content = bytes(rng.choice(list(b'a"\n,\r'), rng.integers(0, 15)).tolist())
        file.write_bytes(content)
        assert quotes._any_open(file) == any(line.count(b'"') % 2 for line in content.split(b"\n")), content
