"""A user's own sequences: read in three forms, split without leaks, scored, answered in words, and refused in one line."""

import csv
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import own_labelled
import pandas
import pytest
from own_labelled import SIGNS, SUMS, TRIPS

from gru_tf.data import ts_file
from gru_tf.data.own import memory_limit
from gru_tf.data.own.encoding import Encoding
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Examples, Splits, Task, create
from gru_tf.tasks._padding import right_padded
from gru_tf.tasks.own.sequences import Sequences
from gru_tf.tasks.series.ucr import Ucr

FEATURES = ["serial", "speed", "place"]
NUMERIC = ("serial", "speed", "weight")


def drawn(task: Task) -> Splits:
    return task.splits(np.random.default_rng(0))


def parts(task: Task) -> list[Examples]:
    splits = drawn(task)
    return [splits.train, splits.validation, splits.test]


def refusal(path: Path, **options: Any) -> str:
    """The one line, without the folder."""
    with pytest.raises(UserError) as caught:
        _ = create("sequences", {"path": str(path), **options}).metric
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{path.parent}/", "")


@pytest.fixture
def own_cache_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that was kept before is found."""
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path / "cache"))


# ------------------------------------------------------------------------------------------- what is read, in plain Python


def by_trip(path: str, columns: list[str]) -> dict[str, Any]:
    """Trip → its rows in order, and what stands in each of its rows."""
    with Path(path).open(newline="") as stream:
        rows = sorted(csv.DictReader(stream), key=lambda row: float(row["second"]))
    trips: dict[str, Any] = {}
    for row in rows:
        trip = trips.setdefault(
            row["trip"], {"steps": [], "by": row["by"], "person": row["person"], "weight": row["weight"]}
        )
        trip["steps"].append([float(row[name]) if name in NUMERIC else row[name] for name in columns])
    return trips


def trips_of(examples: Examples, task: Any) -> list[str]:
    """The trips' names, read off the numbers that only they have."""
    serial = task.encodings()["encoding"]["columns"][0]
    assert serial["name"] == "serial"
    return [f"t{round(number * serial['deviation'] + serial['mean'])}" for number in examples.inputs[:, 0, 0].astype(float)]


def encoded(rows: list[list[Any]], training: list[list[Any]]) -> Any:
    """Numbers standardised by the training rows, text as ones and zeros in the order of the alphabet."""
    made = []
    for place, value in enumerate(training[0]):
        column = [row[place] for row in training]
        if isinstance(value, str):
            made += [[float(row[place] == known) for row in rows] for known in sorted(set(column))]
        else:
            made.append([(row[place] - np.mean(column)) / np.std(column) for row in rows])
    return np.array(made).T


def test_a_table_is_read_as_plain_python_reads_it() -> None:
    task = Sequences(**{**TRIPS, "features": FEATURES})
    trips, splits = by_trip(TRIPS["path"], FEATURES), parts(task)
    training = [row for trip in trips_of(splits[0], task) for row in trips[trip]["steps"]]
    classes = sorted({trip["by"] for trip in trips.values()})
    assert task.encodings()["classes"] == classes
    seen = []
    for part in splits:
        for name, inputs, target, length in zip(trips_of(part, task), part.inputs, part.targets, part.lengths, strict=True):
            assert len(trips[name]["steps"]) == length
            assert inputs[:length] == pytest.approx(encoded(trips[name]["steps"], training), abs=1e-5)
            assert classes[target] == trips[name]["by"]
            seen.append(name)
    assert sorted(seen) == sorted(trips)
    usual = max(
        classes, key=lambda name: ([trips[t]["by"] for t in trips_of(splits[0], task)].count(name), -classes.index(name))
    )
    share = np.mean([trips[trip]["by"] == usual for trip in trips_of(splits[2], task)])
    assert task.metric.chance == pytest.approx(max(share, 1 / 3), abs=1e-12)
    assert task.metric.trivial == (f"the majority class ('{usual}')" if share > 1 / 3 else "a uniform guess")


def test_persons_are_in_one_split_and_every_split_has_every_class() -> None:
    task = Sequences(**{**TRIPS, "features": FEATURES})
    trips = by_trip(TRIPS["path"], FEATURES)
    persons = [{trips[trip]["person"] for trip in trips_of(part, task)} for part in parts(task)]
    assert sum(map(len, persons)) == len(set.union(*persons)) == 12
    assert all(set(part.targets) == {0, 1, 2} for part in parts(task))


def test_values_are_scored_in_their_own_units() -> None:
    task = Sequences(**{**TRIPS, "kind": "value", "label": "weight", "features": FEATURES})
    trips, (train, _, test) = by_trip(TRIPS["path"], FEATURES), parts(task)
    weights = {name: float(trip["weight"]) for name, trip in trips.items()}
    mean = np.mean([weights[trip] for trip in trips_of(train, task)])
    errors = [weights[trip] - mean for trip in trips_of(test, task)]
    assert task.metric.chance == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=1e-6)
    assert task.metric.value(float(np.mean(np.square(test.targets)))) == pytest.approx(task.metric.chance, rel=1e-6)
    assert task.metric.trivial == "the mean of the training labels (constant prediction)"


def test_one_set_of_sequences_is_the_same_in_three_forms(tmp_path: Path) -> None:
    sums = own_labelled.arrays()
    number = np.repeat(np.arange(40), sums["lengths"])
    real = np.arange(6) < sums["lengths"][:, None]
    table = pandas.DataFrame(sums["X"][real], columns=["a", "b"]).assign(n=number, sign=sums["sign"][number])
    table.to_csv(tmp_path / "a.csv", index=False, float_format="%.17g")
    table.to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.ts").write_text(own_labelled.in_ts([x[r] for x, r in zip(sums["X"], real, strict=True)], sums["sign"]))
    tasks = [
        Sequences(path=str(tmp_path / "a.csv"), id="n", label="sign"),
        Sequences(path=str(tmp_path / "a.parquet"), id="n", label="sign"),
        Sequences(path=str(tmp_path / "a.ts")),
        Sequences(path=SUMS["path"], label="sign"),
    ]
    for task in tasks[1:]:
        assert task.signature == tasks[0].signature
        for one, other in zip(parts(tasks[0]), parts(task), strict=True):
            assert np.array_equal(one.inputs, other.inputs)
            assert np.array_equal(one.targets, other.targets)
            assert np.array_equal(one.lengths, other.lengths)


def test_japanese_vowels_are_those_of_the_task_ucr(needs_files: Callable[[Task], None]) -> None:
    needs_files(Ucr())
    folders = [Path(folder) for folder in os.environ["GRU_TF_DATA"].split(os.pathsep) if folder]
    train, test = (
        next(str(folder / "ucr" / name) for folder in folders if (folder / "ucr" / name).is_file())
        for name in ("JapaneseVowels_TRAIN.ts", "JapaneseVowels_TEST.ts")
    )
    own, known = Sequences(path=train, test_path=test, validation=0.25), Ucr()
    assert own.signature == known.signature
    assert own.metric.chance == known.metric.chance
    for one, other in zip(parts(own), parts(known), strict=True):
        assert np.array_equal(one.inputs, other.inputs)
        assert np.array_equal(one.targets, other.targets)
        assert np.array_equal(one.lengths, other.lengths)
    tested = own.prepare(test)
    assert np.array_equal(tested.inputs, parts(own)[2].inputs)
    assert np.array_equal(tested.lengths, parts(own)[2].lengths)
    series = ts_file.read(Path(test))
    arrays = {"X": right_padded(series.values, series.lengths, np.float64), "lengths": series.lengths}
    assert np.array_equal(own.prepare(arrays).inputs, tested.inputs)
    with pytest.raises(UserError, match="expected 12 features, as in training: channel 1, .*Received: 1: X"):
        own.prepare({"X": np.zeros((2, 3))})


def test_an_npz_file_of_two_dimensions_has_one_feature(tmp_path: Path) -> None:
    inputs = np.arange(48, dtype=np.int32).reshape(12, 4)
    np.savez(tmp_path / "a.npz", X=inputs, y=np.arange(12) % 2 == 0)
    task = Sequences(path=str(tmp_path / "a.npz"))
    assert (task.signature.timesteps, task.signature.features, task.signature.varying) == (4, 1, False)
    assert task.encodings()["classes"] == ["False", "True"]


@pytest.mark.parametrize("kind", ["float16", "float32", "int8"])
def test_numbers_of_fewer_bits_are_the_same_inputs_and_nothing_is_warned_of(tmp_path: Path, kind: str) -> None:
    inputs = np.random.default_rng(0).integers(-9, 9, (12, 5, 2))
    for name in ("float64", kind):
        np.savez(tmp_path / f"{name}.npz", X=inputs.astype(name), y=np.arange(12) % 2)
    wide, narrow = (Sequences(path=str(tmp_path / f"{name}.npz")).arrays()["rows"] for name in ("float64", kind))
    np.testing.assert_array_equal(narrow, wide)


# --------------------------------------------------------------------------------------------------------- missing values

GAPS = "n,x,y\n" + "".join(
    f"{n},{x},{'a' if n % 2 else 'b'}\n" for n in range(8) for x in ([2 * n, "", 2 * n + 2] if n != 3 else [6, 7, 8])
)


@pytest.mark.parametrize(
    ("how", "middle"),
    [("forward", lambda n, mean: 2 * n), ("interpolate", lambda n, mean: 2 * n + 1), ("mean", lambda n, mean: mean)],
)
def test_missing_values_are_filled_as_told(tmp_path: Path, how: Any, middle: Callable[[int, float], float]) -> None:
    (tmp_path / "a.csv").write_text(GAPS)
    task = Sequences(path=str(tmp_path / "a.csv"), id="n", label="y", features=("x",), missing=how)
    column = task.encodings()["encoding"]["columns"][0]
    raw = [part.inputs[..., 0].astype(float) * column["deviation"] + column["mean"] for part in parts(task)]
    known = [value for rows in raw[0] for value in ((rows[0], rows[2]) if round(rows[0]) != 6 else rows)]
    for rows in np.concatenate(raw):
        n = round(rows[0] / 2)
        assert rows == pytest.approx([2 * n, 7 if n == 3 else middle(n, np.mean(known)), 2 * n + 2], abs=1e-5)


def test_steps_with_missing_values_are_dropped_as_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(GAPS)
    task = Sequences(path=str(tmp_path / "a.csv"), id="n", label="y", features=("x",), missing="drop")
    assert sorted(np.concatenate([part.lengths for part in parts(task)])) == [2] * 7 + [3]
    assert task.signature.varying


def test_missing_values_of_arrays_are_as_those_of_a_table(tmp_path: Path) -> None:
    inputs = np.random.default_rng(0).normal(size=(12, 4, 2))
    inputs[:, 1, 0] = np.nan
    inputs[5, 2, 1] = np.nan
    table = pandas.DataFrame(inputs.reshape(-1, 2), columns=["a", "b"]).assign(n=np.repeat(range(12), 4))
    table.assign(y=table.n % 2).to_parquet(tmp_path / "a.parquet")
    np.savez(tmp_path / "a.npz", X=inputs, y=np.arange(12) % 2)
    for how in ("drop", "forward", "interpolate", "mean"):
        one = Sequences(path=str(tmp_path / "a.parquet"), id="n", label="y", missing=how)
        other = Sequences(path=str(tmp_path / "a.npz"), missing=how)
        assert all(np.array_equal(a.inputs, b.inputs) for a, b in zip(parts(one), parts(other), strict=True))


# ------------------------------------------------------------------------------------------------------------- no leakage


def changed(tmp_path: Path, trips: set[str], gaps: bool) -> tuple[Path, Path]:
    """The table, and the same with other numbers in the rows of these trips."""
    frame = own_labelled.steps()
    if gaps:
        frame.loc[frame.index % 7 == 0, ["speed", "place"]] = None
    frame.to_parquet(tmp_path / "before.parquet")
    theirs = frame["trip"].isin(trips)
    frame["speed"] = frame["speed"].where(~theirs, frame["speed"] * 3 + 50)
    frame["place"] = frame["place"].where(~theirs, "bridge")
    frame["weight"] = frame["weight"].where(~theirs, frame["weight"] * 2)
    frame.to_parquet(tmp_path / "after.parquet")
    return tmp_path / "before.parquet", tmp_path / "after.parquet"


def check_no_leak(tmp_path: Path, held: str, **options: Any) -> None:
    """Validation or test sequences with other numbers leave every training array as it is, to the bit."""
    options = {**TRIPS, "features": FEATURES, **options}
    before = changed(tmp_path, set(), "missing" in options)[0]
    first = Sequences(**{**options, "path": str(before)})
    trips = set(trips_of(getattr(drawn(first), held), first))
    one, other = (Sequences(**{**options, "path": str(path)}) for path in changed(tmp_path, trips, "missing" in options))
    assert not np.array_equal(getattr(drawn(one), held).inputs, getattr(drawn(other), held).inputs)
    for name in ("inputs", "targets", "lengths"):
        assert np.array_equal(getattr(drawn(one).train, name), getattr(drawn(other).train, name))


VALUE = {"kind": "value", "label": "weight"}


@pytest.mark.parametrize("held", ["validation", "test"])
@pytest.mark.parametrize("options", [{}, {"missing": "mean"}, VALUE], ids=["class", "mean", "value"])
def test_what_is_held_back_changes_nothing_in_training(tmp_path: Path, held: str, options: dict[str, Any]) -> None:
    check_no_leak(tmp_path, held, **options)


@pytest.mark.usefixtures("own_cache_now")
def test_a_planted_leak_in_the_encoding_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Encoding.fit.__func__  # type: ignore[attr-defined]
    leaky = classmethod(lambda cls, frame, names, training, where: honest(cls, frame, names, training | True, where))
    monkeypatch.setattr(Encoding, "fit", leaky)
    with pytest.raises(AssertionError):
        check_no_leak(tmp_path, "test")


@pytest.mark.usefixtures("own_cache_now")
def test_a_planted_leak_in_the_labels_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gru_tf.tasks.own import _labelled_task

    monkeypatch.setattr(
        _labelled_task, "_mean_and_deviation", lambda values, labelled: (labelled.frame["weight"].mean(), 1.0)
    )
    with pytest.raises(AssertionError):
        check_no_leak(tmp_path, "test", **VALUE)


@pytest.mark.usefixtures("own_cache_now")
def test_a_planted_leak_in_missing_values_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gru_tf.tasks.own import sequences

    honest = sequences._fills
    monkeypatch.setattr(sequences, "_fills", lambda steps, training: honest(steps, training | True))
    with pytest.raises(AssertionError):
        check_no_leak(tmp_path, "test", missing="mean")


def copies(tmp_path: Path) -> Sequences:
    """Thirty sequences of which twenty are copies of five."""
    rng = np.random.default_rng(0)
    inputs = np.concatenate([rng.normal(size=(10, 3, 2)), np.repeat(rng.normal(size=(5, 3, 2)), 4, axis=0)])
    np.savez(tmp_path / "a.npz", X=inputs[rng.permutation(30)], y=np.arange(30) % 2)
    return Sequences(path=str(tmp_path / "a.npz"))


def check_copies_together(task: Sequences) -> None:
    contents = [{steps.tobytes() for steps in part.inputs} for part in parts(task)]
    assert sum(map(len, contents)) == len(set.union(*contents)) == 15


def test_copies_of_a_sequence_are_in_one_split(tmp_path: Path) -> None:
    check_copies_together(copies(tmp_path))


def test_what_a_file_to_test_on_repeats_is_said(tmp_path: Path) -> None:
    first = copies(tmp_path)
    inputs = np.load(first.path)["X"][[3, 7, 9]]
    inputs[2, 1, 1] += 1
    np.savez(tmp_path / "b.npz", X=inputs, y=[0, 1, 1])
    task = Sequences(path=first.path, test_path=str(tmp_path / "b.npz"))
    assert task.notes() == ("2 of the 3 sequences of b.npz are in a.npz as well.",)
    assert first.notes() == ()


@pytest.mark.usefixtures("own_cache_now")
def test_copies_in_two_splits_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gru_tf.data.own.sequences.GatheredSequences.content", lambda self: np.arange(len(self.lengths)))
    with pytest.raises(AssertionError):
        check_copies_together(copies(tmp_path))


# ------------------------------------------------------------------------------------------------------- files that change


@pytest.mark.parametrize("name", ["sequences", "ucr"])
def test_a_changed_file_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for part in ("path", "test_path"):
        (tmp_path / f"{part}.ts").write_text(Path(SIGNS[part]).read_text())
    options = {part: str(tmp_path / f"{part}.ts") for part in ("path", "test_path")}
    pinned = {**options, **create(name, options).pinned()}
    assert create(name, pinned).pinned() == {"sha256": pinned["sha256"]}
    (tmp_path / "test_path.ts").write_text(Path(SIGNS["test_path"]).read_text() + "1,2:3,4:high\n")
    assert create(name, options).pinned() != {"sha256": pinned["sha256"]}
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path / "nothing kept"))
    for read in (lambda task: task.pinned(), lambda task: task.signature):
        with pytest.raises(UserError, match=r"path\.ts and test_path\.ts changed since .* expected " + pinned["sha256"]):
            read(create(name, pinned))


def test_a_published_set_has_nothing_to_pin() -> None:
    assert Ucr().pinned() == {}
    with pytest.raises(UserError, match="received sha256 without path"):
        create("ucr", {"sha256": "0" * 16})


def test_what_was_kept_is_read_where_the_file_is_not(tmp_path: Path) -> None:
    """As by a worker on another machine; a run carries the checksum."""
    path = tmp_path / "a.npz"
    path.write_bytes(Path(SUMS["path"]).read_bytes())
    task = create("sequences", {**SUMS, "path": str(path)})
    pinned = create("sequences", {**SUMS, "path": str(path), **task.pinned()})
    before = drawn(pinned).train.inputs
    path.unlink()
    assert np.array_equal(drawn(pinned).train.inputs, before)


# ------------------------------------------------------------------------------------------------------ new data, answers


def test_new_steps_become_the_inputs_of_training() -> None:
    task = Sequences(**{**TRIPS, "features": FEATURES})
    frame = own_labelled.steps()
    prepared = task.prepare(frame.drop(columns=["by", "person", "weight"]))
    names = list(dict.fromkeys(frame["trip"]))
    for part in parts(task):
        for name, inputs, length in zip(trips_of(part, task), part.inputs, part.lengths, strict=True):
            assert prepared.lengths[names.index(name)] == length
            assert np.array_equal(prepared.inputs[names.index(name)][:length], inputs[:length])
    answers = task.answer(np.tile([0.0, np.log(3), -np.inf], (60, 1)), frame)
    assert list(answers.columns) == ["trip", "by", *(f"probability of {name}" for name in ("bicycle", "foot", "tram"))]
    assert list(answers["trip"]) == names
    assert set(answers["by"]) == {"foot"}
    assert answers.iloc[0, 2:].tolist() == pytest.approx([0.25, 0.75, 0])
    assert json.loads(json.dumps(task.encodings())) == task.encodings()


def test_new_arrays_become_the_inputs_of_training() -> None:
    task, sums = Sequences(**SUMS), own_labelled.arrays()
    prepared = task.prepare({"X": sums["X"], "lengths": sums["lengths"]})
    truth = {
        steps[:length].tobytes() for part in parts(task) for steps, length in zip(part.inputs, part.lengths, strict=True)
    }
    assert truth == {steps[:length].tobytes() for steps, length in zip(prepared.inputs, prepared.lengths, strict=True)}
    about = task.encodings()
    outputs = (sums["y"][:, None] - about["mean"]) / about["deviation"]
    answers = task.answer(outputs, {"X": sums["X"], "lengths": sums["lengths"]})
    assert answers["y"].to_numpy() == pytest.approx(sums["y"])
    assert answers["sequence"].tolist() == list(range(1, 41))
    with pytest.raises(UserError, match=r"the data: expected 2 features, as in training: X\[0\], X\[1\]\. Received: 1: X"):
        task.prepare({"X": sums["X"][..., 0]})


def test_new_steps_of_another_form_are_refused() -> None:
    task, frame = Sequences(**{**TRIPS, "features": FEATURES}), own_labelled.steps()
    with pytest.raises(UserError, match=r"the data: no column is called 'speed'\. Did you mean 'spee'\?"):
        task.prepare(frame.rename(columns={"speed": "spee"}))


# -------------------------------------------------------------------------------------------------------------- bad input

HEAD = "n,t,x,y,who\n"
ROWS = [f"{n},{t},{n * 10 + t},{'ab'[n % 2]},p{n // 2}\n" for n in range(12) for t in range(2)]
GOOD = HEAD + "".join(ROWS)
OPTIONS: dict[str, Any] = {"id": "n", "order": "t", "label": "y", "features": ["x"]}


def edited(row: int, text: str) -> str:
    """The good table with another row, counted from 1."""
    return HEAD + "".join(ROWS[: row - 1]) + text + "\n" + "".join(ROWS[row:])


BAD_TABLES: dict[str, tuple[str, dict[str, Any], str]] = {
    "no id": (
        GOOD,
        {"id": None},
        "expected the option 'id', the column that says which rows are one sequence. Received: none",
    ),
    "no label": (
        GOOD,
        {"label": None},
        "expected the option 'label', the column to predict. Received: none",
    ),
    "missing column": (GOOD, {"label": "yy"}, "no column is called 'yy'. Did you mean 'y'? Columns: n, t, x, y, who"),
    "one column twice": (GOOD, {"order": "n"}, "expected two columns for 'id' and 'order'. Received: 'n'"),
    "the label among the inputs": (
        GOOD,
        {"features": ("x", "y")},
        "expected inputs beside the column of 'label'. Received: 'y' among features",
    ),
    "no feature": (
        "n,t,y\n0,0,a\n",
        {"features": []},
        "expected a column of features beside n, t, y. Received: none",
    ),
    "no id in a row": (
        edited(4, ",1,11,b,p0"),
        {},
        "row 4 (line 5), column 'n': expected the name of a sequence. Received: nothing",
    ),
    "label changes": (
        edited(4, "1,1,11,a,p0"),
        {},
        "row 4 (line 5), column 'y': expected the same in every row of n '1': 'b', as in row 3 (line 4). Received: 'a'"
        "; for a label at every step, specify per_step",
    ),
    "label changes to nothing": (
        edited(4, "1,1,11,,p0"),
        {"group": "who"},
        "row 4 (line 5), column 'y': expected the same in every row of n '1': 'b', as in row 3 (line 4). Received: ''"
        "; for a label at every step, specify per_step",
    ),
    "group changes": (
        edited(4, "1,1,11,b,p3"),
        {"group": "who"},
        "row 4 (line 5), column 'who': expected the same in every row of n '1': 'p0', as in row 3 (line 4). Received: 'p3'",
    ),
    "no group": (
        edited(3, "1,0,10,b,").replace("1,1,11,b,p0", "1,1,11,b,"),
        {"group": "who"},
        "row 3 (line 4), column 'who': expected a group. Received: nothing",
    ),
    "no label in a sequence": (
        edited(1, "0,0,0,,p0").replace("0,1,1,a,p0", "0,1,1,,p0"),
        {},
        "row 1 (line 2), column 'y': expected a label. Received: nothing",
    ),
    "order twice": (
        edited(4, "1,0,11,b,p0"),
        {},
        "row 4 (line 5), column 't': expected each time once of the same 'n'. Received: '0', as in row 3 (line 4)",
    ),
    "one class only": (
        GOOD.replace(",b,", ",a,"),
        {},
        "row 1 (line 2), column 'y': expected two classes or more. Received: 'a' here and everywhere",
    ),
    "a class with one sequence": (
        edited(4, "1,1,11,c,p0").replace("1,0,10,b,p0", "1,0,10,c,p0"),
        {},
        "row 3 (line 4), column 'y': expected 3 different sequences or more of each class, one for each split."
        " Received: 1 of 'c'",
    ),
    "a class in two groups": (
        HEAD + "".join(f"{n},{t},{n * 10 + t},{'a' if n < 4 else 'b'},p{n // 2}\n" for n in range(12) for t in range(2)),
        {"group": "who"},
        "row 1 (line 2), column 'y': expected 3 groups (column 'who') or more of each class, one for each split."
        " Received: 2 of 'a'",
    ),
    "too few": (
        HEAD + "".join(ROWS[:4]),
        {"kind": "value", "label": "x", "features": ["t"], "order": None, "id": "y"},
        "row 2 (line 3), column 'x': expected the same in every row of y 'a': '0', as in row 1 (line 2). Received: '1'"
        "; for a label at every step, specify per_step",
    ),
    "too few sequences": (
        "n,x,y\n0,1,5\n1,2,6\n",
        {"kind": "value", "order": None},
        "expected 3 different sequences or more, one for each split. Received: 2",
    ),
    "NaN": (
        edited(4, "1,1,,b,p0"),
        {},
        "row 4 (line 5), column 'x': expected a value. Received: nothing; set missing to drop, forward, interpolate or mean",
    ),
    "infinite": (edited(4, "1,1,inf,b,p0"), {}, "row 4 (line 5), column 'x': expected a finite number. Received: inf"),
    "a word": (edited(4, "1,1,eleven,b,p0"), {}, "row 4 (line 5), column 'x': expected a finite number. Received: 'eleven'"),
    "nothing before": (
        edited(3, "1,0,,b,p0"),
        {"missing": "forward"},
        "row 3 (line 4), column 'x': expected a value in an earlier row of the series, for missing: forward. Received: none",
    ),
    "many numbers as classes": (
        "n,x,y\n" + "".join(f"{n},1,{n}.5\n" for n in range(150)),
        {"order": None},
        "row 1 (line 2), column 'y': expected at most 100 classes. Received: 150 different numbers; to predict the number"
        " itself, set kind to value",
    ),
    "text as values": (
        GOOD,
        {"kind": "value"},
        "row 1 (line 2), column 'y': expected a finite number. Received: 'a'; if the labels are classes, set kind to class",
    ),
    "one value": (
        GOOD.replace(",a,", ",3,").replace(",b,", ",3,"),
        {"kind": "value"},
        "row 1 (line 2), column 'y': expected labels that differ. Received: 3 in every training sequence",
    ),
    "times as features": (
        "n,x,y\n" + "".join(f"{n},2021-03-0{n},{'ab'[n % 2]}\n" for n in range(1, 9)),
        {"order": None},
        "column 'x': expected numbers or categories. Received: times",
    ),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_bad_table_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    content, options, message = BAD_TABLES[name]
    (tmp_path / "a.csv").write_text(content)
    assert refusal(tmp_path / "a.csv", **{**OPTIONS, **options}) == f"a.csv: {message}"


def test_the_good_table_is_taken(tmp_path: Path) -> None:
    """Else what is refused would prove nothing."""
    (tmp_path / "a.csv").write_text(GOOD)
    assert Sequences(path=str(tmp_path / "a.csv"), **OPTIONS).signature.timesteps == 2


LATER = "".join(f"{n},{t},{n * 10 + t},{'ab'[n % 2]},q{n}\n" for n in range(4) for t in range(2))
BAD_TESTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "other columns": ("n,t,z,y\n0,0,1,a\n", {}, "no column is called 'x'. Columns: n, t, z, y"),
    "a class of its own": (
        HEAD + LATER + "7,0,1,c,q9\n",
        {},
        "row 9 (line 10), column 'y': expected a class of a.csv: a, b. Received: 'c'",
    ),
    "one class": (
        HEAD + LATER.replace(",b,", ",a,"),
        {},
        "expected two classes or more to test on. Received: 'a' alone in 4",
    ),
    "a person of training": (
        HEAD + LATER.replace("q2", "p3"),
        {"group": "who"},
        "row 5 (line 6), column 'who': expected a group that a.csv does not have. Received: 'p3'",
    ),
    "words for numbers": (
        HEAD + LATER.replace(",21,", ",many,"),
        {},
        "row 6 (line 7), column 'x': expected a finite number. Received: 'many'",
    ),
}


@pytest.mark.parametrize("name", BAD_TESTS)
def test_a_bad_file_to_test_on_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    content, options, message = BAD_TESTS[name]
    (tmp_path / "a.csv").write_text(GOOD)
    (tmp_path / "b.csv").write_text(content)
    options = {**OPTIONS, **options, "test_path": str(tmp_path / "b.csv")}
    assert refusal(tmp_path / "a.csv", **options) == f"b.csv: {message}"


NUMBERS = np.arange(96.0).reshape(12, 4, 2)
CLASSES = np.arange(12) % 2
TAIL, INFINITE, HOLE = NUMBERS.copy(), NUMBERS.copy(), NUMBERS.copy()
TAIL[3, 2:], INFINITE[3, 2, 1], HOLE[3, 0, 1] = np.nan, np.inf, np.nan
BAD_ARRAYS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no X": ({"x": NUMBERS, "y": CLASSES}, {}, "no array is called 'X'. Did you mean 'x'? Arrays: x, y"),
    "no label": ({"X": NUMBERS, "Y": CLASSES}, {"label": "target"}, "no array is called 'target'. Arrays: X, Y"),
    "two features": (
        {"X": NUMBERS, "y": CLASSES},
        {"features": ["X", "y"]},
        "expected one array of features. Received: X, y",
    ),
    "text": (
        {"X": np.array([["a"]]), "y": CLASSES},
        {},
        "array 'X': expected numbers (sequences, steps) or (sequences, steps, features), at least one. Received: <U1 (1, 1)",
    ),
    "four dimensions": (
        {"X": NUMBERS[None], "y": CLASSES},
        {},
        "array 'X': expected numbers (sequences, steps) or (sequences, steps, features), at least one."
        " Received: float64 (1, 12, 4, 2)",
    ),
    "complex labels": (
        {"X": NUMBERS, "y": np.arange(12) + 1j},
        {},
        "array 'y': expected numbers or text. Received: complex128",
    ),
    "numbers too large to be squared": (
        {"X": NUMBERS * 0 + 1e160, "y": CLASSES},
        {},
        "row 1 of array 'X', step 1, feature 1: expected a finite number of at most 1e+150. Received: 1e+160",
    ),
    "fewer labels": (
        {"X": NUMBERS, "y": CLASSES[:11]},
        {},
        "array 'y': expected one value for each of the 12 sequences of 'X', (12,). Received: (11,)",
    ),
    "length 0": (
        {"X": NUMBERS, "y": CLASSES, "lengths": np.array([4] * 11 + [0])},
        {},
        "row 12 of array 'lengths': expected a whole number from 1 to 4, the steps of 'X'. Received: 0",
    ),
    "length 5": (
        {"X": NUMBERS, "y": CLASSES, "lengths": np.array([4, 5] + [4] * 10)},
        {},
        "row 2 of array 'lengths': expected a whole number from 1 to 4, the steps of 'X'. Received: 5",
    ),
    "half a length": (
        {"X": NUMBERS, "y": CLASSES, "lengths": np.full(12, 2.5)},
        {},
        "row 1 of array 'lengths': expected a whole number from 1 to 4, the steps of 'X'. Received: 2.5",
    ),
    "NaN at the end": (
        {"X": TAIL, "y": CLASSES},
        {},
        "row 4 of array 'X': expected numbers up to step 4, its last. Received: NaN from step 3 on; if that is padding, add"
        " an array 'lengths' (12,) with 2 here",
    ),
    "NaN": (
        {"X": HOLE, "y": CLASSES},
        {},
        "row 4 of array 'X', step 1, feature 2: expected a finite number. Received: nan; set missing to drop,"
        " forward, interpolate or mean",
    ),
    "NaN with nothing before": (
        {"X": HOLE, "y": CLASSES},
        {"missing": "forward"},
        "row 4 of array 'X', step 1, feature 2: expected a finite number. Received: nan; there is no value to fill it"
        " with for missing: forward",
    ),
    "infinite": (
        {"X": INFINITE, "y": CLASSES},
        {"missing": "mean"},
        "row 4 of array 'X', step 3, feature 2: expected a finite number. Received: inf",
    ),
    "one class": (
        {"X": NUMBERS, "y": CLASSES * 0},
        {},
        "row 1 of array 'y': expected two classes or more. Received: '0' here and everywhere",
    ),
    "a class of one": (
        {"X": NUMBERS, "y": np.array(["u", "v"] * 5 + ["v", "w"])},
        {},
        "row 12 of array 'y': expected 3 different sequences or more of each class, one for each split. Received: 1 of 'w'",
    ),
    "a column": ({"X": NUMBERS, "y": CLASSES}, {"id": "n"}, "expected no option 'id' for an .npz file. Received: n"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_bad_arrays_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    arrays, options, message = BAD_ARRAYS[name]
    np.savez(tmp_path / "a.npz", **arrays)
    assert refusal(tmp_path / "a.npz", **options) == f"a.npz: {message}"


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (str(self.path), "w")


def test_pickled_objects_are_refused_and_never_loaded(tmp_path: Path) -> None:
    trap = np.empty(2, object)
    trap[:] = [Trap(tmp_path / "sprung"), None]
    np.savez(tmp_path / "a.npz", X=trap, y=CLASSES)
    expected = "a.npz: array 'X': expected numbers or text. Received: Python objects, which are not loaded"
    assert refusal(tmp_path / "a.npz") == expected
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("X.npy", pickle.dumps(Trap(tmp_path / "sprung")))
    assert refusal(tmp_path / "b.npz").startswith("b.npz: array 'X': cannot be read. Received: ")
    assert not (tmp_path / "sprung").exists()
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung"))).close()
    assert (tmp_path / "sprung").exists()  # the trap works


SERIES = "@data\n" + "".join(f"{n},{n + 1}:{n},{n}:{'ab'[n % 2]}\n" for n in range(12))
BAD_SERIES: dict[str, tuple[str, str | None, dict[str, Any], str]] = {
    "a class only to test on": (
        SERIES,
        "@data\n1,2:1,2:a\n1,2:3,4:c\n",
        {},
        "b.ts: line 3: expected a class of a.ts: a, b. Received: 'c'",
    ),
    "other channels": (
        SERIES,
        "@data\n1,2:a\n1,2:b\n",
        {},
        "b.ts: expected 2 features, as in training: channel 1, channel 2. Received: 1: channel 1",
    ),
    "one class": (
        SERIES.replace(":b", ":a"),
        None,
        {},
        "a.ts: line 2: expected two classes or more. Received: 'a' here and everywhere",
    ),
    "a class of one": (
        SERIES + "1,2:3,4:c\n",
        None,
        {},
        "a.ts: line 14: expected 3 different sequences or more of each class, one for each split. Received: 1 of 'c'",
    ),
    "channels of two lengths": (
        SERIES + "1,2:3:a\n",
        None,
        {},
        "a.ts: line 14: expected channels of equal length. Received: 2 steps in channel 1, 1 in channel 2",
    ),
    "a label": (SERIES, None, {"label": "y"}, "a.ts: expected no option 'label' for a .ts file. Received: y"),
    "missing": (SERIES, None, {"missing": "drop"}, "a.ts: expected no option 'missing' for a .ts file. Received: drop"),
    "values": (
        SERIES,
        None,
        {"kind": "value"},
        "a.ts: row 1, column 'label': expected a finite number. Received: 'a'; if the labels are classes, set kind to class",
    ),
}


@pytest.mark.parametrize("name", BAD_SERIES)
def test_bad_series_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    content, test, options, message = BAD_SERIES[name]
    (tmp_path / "a.ts").write_text(content)
    if test is not None:
        (tmp_path / "b.ts").write_text(test)
        options = {**options, "test_path": str(tmp_path / "b.ts")}
    assert refusal(tmp_path / "a.ts", **options) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"validation": 0.5, "test": 0.5},
            "received shares of 0.5 to validate and 0.5 to test, expected less than 1 together",
        ),
        ({"test": 0.2, "test_path": "b.ts"}, "received both test_path and test, expected one"),
        ({"kind": "classes"}, r"kind: received 'classes', expected 'class' or 'value'\. Did you mean 'class'\?"),
        ({"validation": -0.1}, "validation: received -0.1, expected at least 0"),
        ({"lable": "y"}, r"sequences\.lable: no such option\. Did you mean 'label'\?"),
        ({"path": "a.doc"}, r"a\.doc: expected a file of one of the forms \.csv"),
        ({"path": "none.csv", "id": "n", "label": "y"}, r"none\.csv: no such file$"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        _ = create("sequences", {"path": "a.ts", **options}).signature


def test_sequences_that_do_not_fit_the_memory_are_refused_with_what_they_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of 4,000 steps among 59 of 2. It trains: 36 · 4,000 · 4 bytes, and 24 · 2 · 4 for the others."""
    rows = ["n,x,y\n"] + [f"{n},{step % 7 + n},{'ab'[n % 2]}\n" for n in range(60) for step in range(4000 if n == 0 else 2)]
    (tmp_path / "a.csv").write_text("".join(rows))
    monkeypatch.setattr(memory_limit, "LIMIT", 500_000)
    message = refusal(tmp_path / "a.csv", id="n", label="y")
    assert message == (
        "a.csv: expected sequences that fit 0.0005 GB of memory, padded to the longest. Received: 60 of up to 4,000 steps of"
        " 4 bytes, 0.000576 GB: cut the longest into parts, or name fewer features"
    )


def test_nothing_is_kept_of_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRU_TF_CACHE", str(tmp_path / "cache"))
    (tmp_path / "a.csv").write_text(BAD_TABLES["infinite"][0])
    refusal(tmp_path / "a.csv", **OPTIONS)
    assert not list((tmp_path / "cache").rglob("*.npy"))
