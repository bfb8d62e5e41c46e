"""Wide tables, ids of two columns, lists and arrays by part: the values that reach a network, compared with the file's."""

import numpy as np
import pandas
import pytest
from refusals import refused

from gru_tf.data.own import files
from gru_tf.suite import comparison
from gru_tf.suite.comparison.guess import guess
from gru_tf.tasks import create

RNG = np.random.default_rng(4)
VALUES = RNG.normal(size=(40, 12)).round(3)
CLASSES = np.arange(40) % 2 + 1


def planned(path, **options):
    plan = comparison.plan(path, **options)
    return create(plan.guess.task, plan.guess.options)


def in_units(task, inputs):
    """The first feature as the file has it."""
    (column, *_) = task.encodings()["encoding"]["columns"]
    return np.asarray(inputs)[..., 0].astype(float) * column["deviation"] + column["mean"]


def rows_of(task):
    """All sequences of all parts, sorted, without padding."""
    parts = task.splits(np.random.default_rng(0))
    rows = []
    for part in (parts.train, parts.validation, parts.test):
        values = in_units(task, part.inputs)
        rows += [tuple(v[:length].round(3)) for v, length in zip(values, part.lengths, strict=True)]
    return sorted(rows)


def test_a_row_a_sequence_of_different_lengths(tmp_path):
    frame = pandas.DataFrame(np.column_stack([CLASSES, VALUES])).astype({0: int})
    frame.iloc[5, 9:] = np.nan
    frame.iloc[7, 4] = np.nan  # within a sequence: missing, not its end
    frame.to_csv(tmp_path / "a.tsv", sep="\t", header=False, index=False)
    refused(lambda: planned(tmp_path / "a.tsv"), "row 8 (line 8), column 'value': expected a value. Received: nothing")
    task = planned(tmp_path / "a.tsv", missing="forward")
    expected = [tuple(row.round(3)) for row in VALUES]
    expected[5] = expected[5][:8]
    expected[7] = (*expected[7][:3], expected[7][2], *expected[7][4:])
    assert rows_of(task) == sorted(expected)
    new = pandas.DataFrame(VALUES[:2], columns=[f"column{n}" for n in range(2, 14)])
    np.testing.assert_allclose(in_units(task, task.prepare(new).inputs), VALUES[:2], atol=1e-5)


@pytest.mark.parametrize("dated", [False, True])
def test_a_row_a_series(tmp_path, dated):
    values = RNG.normal(size=(6, 60)).cumsum(1).round(2)
    names = [f"{m:%Y-%m}" for m in pandas.date_range("2019-01-01", periods=60, freq="MS")] if dated else None
    frame = pandas.DataFrame(values, columns=names or [f"d_{n}" for n in range(1, 61)])
    frame.insert(0, "id", [f"s{n}" for n in range(6)])
    frame.to_csv(tmp_path / "m.csv", index=False)
    task = planned(tmp_path / "m.csv", window=4, relative=False, scaling="table")
    test = task.splits(np.random.default_rng(0)).test
    got = np.concatenate([in_units(task, test.inputs), in_units(task, np.asarray(test.targets)[..., None])], axis=1)
    windows = [row[start : start + 5] for row in values for start in range(60 - 12 - 4, 56)]
    np.testing.assert_allclose(got, windows, atol=1e-4)
    np.testing.assert_allclose(in_units(task, task.prepare(frame).inputs), values[:, -4:], atol=1e-4)
    answer = task.answer(np.zeros((6, 1)), frame)
    assert answer.series.tolist() == [f"s{n}" for n in range(6)]


def test_rows_of_different_lengths_end_at_the_same_step(tmp_path):
    values = RNG.normal(size=(6, 60)).cumsum(1).round(2)
    frame = pandas.DataFrame(values, columns=[f"V{n}" for n in range(2, 62)])
    frame.iloc[2, 50:] = np.nan
    frame.insert(0, "V1", [f"s{n}" for n in range(6)])
    frame.to_csv(tmp_path / "m.csv", index=False)
    task = planned(tmp_path / "m.csv", window=4, relative=False, scaling="table")
    assert not any("have no test window" in note for note in task.notes())
    test = task.splits(np.random.default_rng(0)).test
    targets = in_units(task, np.asarray(test.targets)[..., None])[:, 0].reshape(6, 12)
    np.testing.assert_allclose(targets[2], values[2, 38:50], atol=1e-4)
    np.testing.assert_allclose(targets[3], values[3, 48:60], atol=1e-4)


def test_a_column_a_series(tmp_path):
    values = RNG.normal(size=(60, 3)).cumsum(0).round(2)
    frame = pandas.DataFrame(values, columns=["n", "m", "s"])
    frame.insert(0, "day", pandas.date_range("2024-01-01", periods=60))
    frame.to_csv(tmp_path / "m.csv", index=False)
    refused(lambda: planned(tmp_path / "m.csv"), "specify the column to predict (target), or layout columns where each is")
    task = planned(tmp_path / "m.csv", layout="columns", window=4, relative=False, scaling="table")
    assert task.answer(np.zeros((3, 1)), frame).series.tolist() == ["m", "n", "s"]
    np.testing.assert_allclose(in_units(task, task.prepare(frame).inputs), values[-4:, [1, 0, 2]].T, atol=1e-4)


def test_two_columns_tell_the_series_apart(tmp_path):
    days = pandas.date_range("2024-01-01", periods=50)
    keys = [(store, item) for store in "AB" for item in (1, 2, 3)]
    parts = [pandas.DataFrame({"day": days, "store": s, "item": i, "sold": 100.0 * i + np.arange(50)}) for s, i in keys]
    frame = pandas.concat(parts, ignore_index=True)
    frame.to_csv(tmp_path / "a.csv", index=False)
    task = planned(tmp_path / "a.csv", target="sold", window=3, relative=False, scaling="table")
    assert task.group == "store+item"
    answer = task.answer(np.zeros((6, 1)), frame)
    assert answer["store+item"].tolist() == ["A+1", "A+2", "A+3", "B+1", "B+2", "B+3"]
    np.testing.assert_allclose(in_units(task, task.prepare(frame).inputs)[1], [247, 248, 249], atol=1e-3)


def test_lists_of_different_lengths_in_python():
    lists = [list(row[: 6 + n % 5]) for n, row in enumerate(VALUES)]
    task = planned({"X": lists, "y": CLASSES})
    assert rows_of(task) == sorted(tuple(np.round(row, 3)) for row in lists)
    objects = np.empty(40, object)
    objects[:] = [np.asarray(row) for row in lists]
    assert rows_of(planned({"X": objects, "y": CLASSES})) == rows_of(task)


def test_arrays_by_part_test_on_their_own(tmp_path):
    arrays = {"x_train": VALUES[:20], "y_train": CLASSES[:20], "x_val": VALUES[20:30], "y_val": CLASSES[20:30]}
    np.savez(tmp_path / "a.npz", **arrays, x_test=VALUES[30:], y_test=CLASSES[30:])
    task = planned(tmp_path / "a.npz")
    parts = task.splits(np.random.default_rng(0))
    np.testing.assert_allclose(in_units(task, parts.test.inputs), VALUES[30:], atol=1e-5)
    assert np.asarray(parts.test.targets).tolist() == (CLASSES[30:] - 1).tolist()
    assert len(parts.train) + len(parts.validation) == 30


@pytest.mark.parametrize("labels", [np.eye(3)[np.arange(40) % 3], (np.arange(40) % 3)[:, None], np.arange(40) % 3 == 1])
def test_labels_of_other_shapes(labels):
    task = planned({"X": VALUES, "y": labels})
    parts = task.splits(np.random.default_rng(0))
    pairs = set()
    for part in (parts.train, parts.validation, parts.test):
        for row, target in zip(in_units(task, part.inputs), part.targets, strict=True):
            place = int(np.abs(VALUES - row).sum(1).argmin())
            pairs.add((place % 3, task.encodings()["classes"][int(target)]))
    expected = {(0, "False"), (1, "True"), (2, "False")} if labels.ndim == 1 else {(0, "0"), (1, "1"), (2, "2")}
    assert pairs == expected


def test_a_file_is_read_as_often_however_many_columns_it_has(tmp_path, monkeypatch):
    """Columns with one value in each sequence, each of which was once a reading of the file."""
    reads = []
    usual = files.read_table
    monkeypatch.setattr(files, "read_table", lambda *args: reads.append(args) or usual(*args))
    trip = np.repeat(np.arange(20), 3)
    counts = []
    for columns in (2, 60):
        frame = pandas.DataFrame({f"c{n}x": (trip * (n + 3)) % 7 for n in range(columns)})
        frame.assign(id=trip, x=RNG.normal(size=60), label=trip % 2).to_csv(tmp_path / f"{columns}.csv", index=False)
        guess(str(tmp_path / f"{columns}.csv"), None, {})
        counts.append(len(reads))
        reads.clear()
    assert counts[0] == counts[1]
