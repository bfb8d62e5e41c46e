"""A label at every step of a user's own sequences: targets, split, scores, baselines and answers, against plain Python."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from sklearn import metrics

from gru_tf.baselines import scoring
from gru_tf.baselines.baseline import ModelInputs, TrainingData
from gru_tf.baselines.fitting import fit
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Outputs, create
from gru_tf.tasks.own.sequences import Sequences

RNG = np.random.default_rng(3)
OPTIONS: dict[str, Any] = {"id": "walk", "order": "second", "features": ("x",), "per_step": True}


def table(folder: Path, count: int = 60) -> Path:
    """Walks of 1 to 9 steps, in no order; "x" tells walk and step; a tenth of the steps has no label."""
    rows = []
    for walk in range(count):
        for second in range(int(RNG.integers(1, 10))):
            x = 100 * walk + second
            on = ["path", "street", "bridge"][(walk + second) % 3] if RNG.random() > 0.1 else ""
            height = f"{x / 7:.3f}" if RNG.random() > 0.1 else ""
            rows.append((f"w{walk}", 10 * second, x, on, height, f"{-2.0 * second:.1f}", f"p{walk // 4}"))
    RNG.shuffle(rows)
    path = folder / "walks.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([("walk", "second", "x", "on", "height", "depth", "person"), *rows])
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return table(tmp_path_factory.mktemp("walks"))


def rows_of(path: Path) -> dict[int, dict[str, str]]:
    """The number "x" → its row."""
    with path.open(newline="") as stream:
        return {int(row["x"]): row for row in csv.DictReader(stream)}


def numbers(task: Any, inputs: Any) -> Any:
    """(N, T) the "x" of each step, from what standardised it."""
    (column,) = task.encodings()["encoding"]["columns"]
    return np.rint(inputs[..., 0].astype(float) * column["deviation"] + column["mean"]).astype(int)


def parts(task: Any) -> list[Any]:
    splits = task.splits(np.random.default_rng(0))
    return [splits.train, splits.validation, splits.test]


def test_every_step_has_its_own_class_or_none(path: Path) -> None:
    task = Sequences(path=str(path), label="on", **OPTIONS)
    rows, classes, seen = rows_of(path), task.encodings()["classes"], []
    assert classes == ["bridge", "path", "street"]
    for part in parts(task):
        assert part.targets.dtype == np.int32
        for x, target, length in zip(numbers(task, part.inputs), part.targets, part.lengths, strict=True):
            assert (np.diff(x[:length]) == 1).all()
            labels = [rows[number]["on"] for number in x[:length]]
            assert [classes[t] if t >= 0 else "" for t in target[:length]] == labels
            assert (target[length:] == -1).all()
            seen += x[:length].tolist()
    assert sorted(seen) == sorted(rows)


def test_several_values_at_each_step_count_where_all_are_there(path: Path) -> None:
    task = Sequences(path=str(path), kind="value", label="height", labels=("depth",), **OPTIONS)
    rows, about = rows_of(path), task.encodings()
    train = parts(task)[0]
    x = [numbers(task, train.inputs)[n, :length] for n, length in enumerate(train.lengths)]
    known = [rows[number] for number in np.concatenate(x) if rows[number]["height"]]
    for place, name in enumerate(("height", "depth")):
        column = [float(row[name]) for row in known]
        assert about["mean"][place] == pytest.approx(np.mean(column))
        assert about["deviation"][place] == pytest.approx(np.std(column))
    for part in parts(task):
        for steps, target, length in zip(numbers(task, part.inputs), part.targets, part.lengths, strict=True):
            for number, values in zip(steps[:length], target[:length], strict=True):
                row = rows[number]
                expected = [float(row[name] or "nan") for name in ("height", "depth")]
                np.testing.assert_allclose(values * about["deviation"] + about["mean"], expected, rtol=1e-4, atol=1e-3)
        there = scoring.counted(task.signature, part)
        assert there.sum() == sum(bool(rows[n]["height"]) for n in numbers(task, part.inputs)[there]) < part.lengths.sum()
    assert task.predicted == ("height", "depth")


def test_persons_are_in_one_part_and_the_last_walks_test(path: Path, tmp_path: Path) -> None:
    task = Sequences(path=str(path), label="on", group="person", **OPTIONS)
    persons = [set((numbers(task, part.inputs)[:, 0] // 400).tolist()) for part in parts(task)]
    assert sum(map(len, persons)) == len(set.union(*persons)) == 15
    frame = pandas.read_csv(path).sort_values("x")
    frame.to_csv(tmp_path / "ordered.csv", index=False)
    later = Sequences(path=str(tmp_path / "ordered.csv"), label="on", split="time", **OPTIONS)
    first = [numbers(later, part.inputs)[:, 0] // 100 for part in parts(later)]
    assert first[0].max() < first[1].min() <= first[1].max() < first[2].min()


def labelled(task: Any, part: Any, outputs: Any) -> tuple[list[int], Any]:
    """Classes and scores of the labelled steps, one by one."""
    true, scores = [], []
    for target, output, length in zip(part.targets, outputs, part.lengths, strict=True):
        for step in range(length):
            if target[step] >= 0:
                true.append(int(target[step]))
                scores.append(output[step])
    return true, np.array(scores)


def test_metrics_are_of_labelled_steps_alone(path: Path) -> None:
    task = Sequences(path=str(path), label="on", measure="macro_f1", class_weights="balanced", **OPTIONS)
    train, validation, test = parts(task)
    outputs = {
        part: RNG.normal(size=(len(each), task.signature.timesteps, 3)) for part, each in (("v", validation), ("t", test))
    }
    true, scores = labelled(task, test, outputs["t"])
    measured = task.measured("test", outputs["t"])
    assert measured["accuracy"] == pytest.approx(np.mean(scores.argmax(1) == true))
    assert measured["macro_f1"] == pytest.approx(metrics.f1_score(true, scores.argmax(1), average="macro"))
    assert measured["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(true, scores.argmax(1)))
    confusion = task.evaluated(Outputs(outputs["v"], outputs["t"])).parts["class"]
    assert sum(sum(row.values()) for row in confusion.values()) == len(true)
    counts = np.bincount(train.targets[train.targets >= 0], minlength=3)
    assert task.weights == pytest.approx(counts.sum() / (3 * counts))
    majority = int(counts.argmax())
    assert task.metric.chance == pytest.approx(
        metrics.f1_score(true, np.full(len(true), majority), labels=[0, 1, 2], average="macro")
    )


def test_the_accuracy_of_chance_is_that_of_the_most_frequent_label(path: Path) -> None:
    task = Sequences(path=str(path), label="on", **OPTIONS)
    train, _, test = parts(task)
    counts = np.bincount(train.targets[train.targets >= 0])
    there = test.targets[test.targets >= 0]
    assert task.metric.chance == pytest.approx(max(np.mean(there == counts.argmax()), 1 / 3))


def test_errors_of_values_are_in_their_own_units_and_by_label(path: Path) -> None:
    one = Sequences(path=str(path), kind="value", label="height", **OPTIONS)
    rows, test = rows_of(path), parts(one)[2]
    truth = [float(rows[n]["height"]) for n in numbers(one, test.inputs)[scoring.counted(one.signature, test)]]
    mean = one.encodings()["mean"][0]
    assert one.metric.chance == pytest.approx(np.sqrt(np.mean(np.square(np.array(truth) - mean))), rel=1e-4)
    two = Sequences(path=str(path), kind="value", label="height", labels=("depth",), **OPTIONS)
    _, validation, test = parts(two)
    zeros = [np.zeros((len(part), two.signature.timesteps, 2)) for part in (validation, test)]
    evaluation = two.evaluated(Outputs(*zeros))
    there = scoring.counted(two.signature, test)
    for place, name in enumerate(("height", "depth")):
        column = [float(rows[n][name]) for n in numbers(two, test.inputs)[there]]
        off = np.array(column) - two.encodings()["mean"][place]
        assert evaluation.parts["label"][name]["rmse"] == pytest.approx(np.sqrt(np.mean(off**2)), rel=1e-4)
    assert "1" not in two.encodings()["labels"]


def test_answers_come_in_the_order_of_the_rows(path: Path) -> None:
    task = Sequences(path=str(path), label="on", **OPTIONS)
    frame = pandas.read_csv(path).query("x < 1000").drop(columns="on").sample(frac=1, random_state=1)
    prepared = task.prepare(frame)
    x = numbers(task, prepared.inputs)
    outputs = np.eye(3)[x % 3] * 9
    answer = task.answer(outputs, frame)
    assert answer.walk.tolist() == frame.walk.tolist()
    assert answer.second.tolist() == frame.second.tolist()
    assert answer.on.tolist() == [["bridge", "path", "street"][number % 3] for number in frame.x]
    with pytest.raises(UserError, match="expected outputs of the shape"):
        task.answer(outputs[:, :-1], frame)


def test_a_step_that_is_dropped_has_no_prediction(path: Path) -> None:
    task = Sequences(path=str(path), label="on", missing="drop", **OPTIONS)
    frame = pandas.read_csv(path).query("x < 1000").drop(columns="on").reset_index(drop=True)
    frame.loc[5, "x"] = None
    prepared = task.prepare(frame)
    answer = task.answer(np.zeros((*prepared.inputs.shape[:2], 3)), frame)
    assert len(answer) == len(frame)
    assert answer.on.isna().tolist() == [row == 5 for row in range(len(frame))]


@pytest.mark.parametrize("several", [False, True])
def test_arrays_have_a_label_for_each_step(tmp_path: Path, several: bool) -> None:
    inputs, lengths = RNG.normal(size=(30, 5, 2)), RNG.integers(1, 6, 30)
    lengths[0] = 5
    values = np.cumsum(inputs, 1)
    y = values if several else np.where(values[..., 0] > 0, "up", "down")
    np.savez(tmp_path / "a.npz", X=inputs, y=y, lengths=lengths, who=np.arange(30) // 3)
    kind = "value" if several else "class"
    task = Sequences(path=str(tmp_path / "a.npz"), kind=kind, group="who", per_step=True)
    about, count = task.encodings(), 0
    for part in parts(task):
        real = np.arange(part.inputs.shape[1]) < part.lengths[:, None]
        count += real.sum()
        for row, target, length in zip(part.inputs, part.targets, part.lengths, strict=True):
            scale = about["encoding"]["columns"]
            own = row[:length] * [c["deviation"] for c in scale] + [c["mean"] for c in scale]
            sums = np.cumsum(own, 0)
            if several:
                np.testing.assert_allclose(target[:length] * about["deviation"] + about["mean"], sums, atol=1e-4)
            else:
                assert [about["classes"][t] for t in target[:length]] == ["up" if s > 0 else "down" for s in sums[:, 0]]
    assert count == lengths.sum()
    answer = task.answer(np.zeros((2, 5, 2)), {"X": inputs[:2], "lengths": lengths[:2]})
    assert len(answer) == lengths[:2].sum()
    assert answer.step.tolist() == [*range(1, lengths[0] + 1), *range(1, lengths[1] + 1)]


# ----------------------------------------------------------------------------------------------------------- baselines


def flat(part: Any, window: int) -> tuple[Any, Any]:
    """Vectors of the last steps, the current first, and targets, of the labelled steps one by one."""
    vectors, targets = [], []
    for inputs, target, length in zip(part.inputs.astype(float), part.targets, part.lengths, strict=True):
        for step in range(length):
            if target[step] >= 0:
                before = [inputs[step - back] if step >= back else np.zeros(inputs.shape[1]) for back in range(window)]
                vectors.append(np.concatenate(before))
                targets.append(target[step])
    return np.array(vectors), np.array(targets)


def test_baselines_are_scikit_learns_on_the_steps_up_to_each(path: Path) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    task = Sequences(path=str(path), label="on", **OPTIONS)
    splits = task.splits(np.random.default_rng(0))
    for name in task.baselines:
        fitted = fit(name, task, splits, 0)
        window, strength = fitted.settings["window"], fitted.settings["C"]
        assert (window == 1) == (name == "current_step")
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))
        model.fit(*flat(splits.train, window))
        vectors, targets = flat(splits.test, window)
        assert fitted.test == pytest.approx(model.score(vectors, targets), abs=0.02)
        predicted = fitted.model.predict(ModelInputs(splits.test.inputs, splits.test.lengths))
        own = predicted[scoring.counted(task.signature, splits.test)]
        np.testing.assert_allclose(np.exp(own), model.predict_proba(vectors), atol=0.02)


def test_a_window_solves_a_copy_from_two_steps_before_and_the_current_step_does_not(tmp_path: Path) -> None:
    rows = []
    for walk in range(60):
        x = RNG.normal(size=8)
        rows += [(walk, t, x[t], 5 + 3 * x[t - 2] if t > 1 else None) for t in range(8)]
    pandas.DataFrame(rows, columns=["walk", "second", "x", "y"]).to_csv(tmp_path / "copy.csv", index=False)
    task = Sequences(path=str(tmp_path / "copy.csv"), kind="value", label="y", **OPTIONS)
    splits = task.splits(np.random.default_rng(0))
    assert fit("sliding_window", task, splits, 0).test < 0.01
    assert fit("current_step", task, splits, 0).test > 0.8 * task.metric.chance


def test_steps_after_the_current_one_are_not_read(path: Path) -> None:
    task = Sequences(path=str(path), label="on", **OPTIONS)
    splits = task.splits(np.random.default_rng(0))
    from gru_tf.baselines.sequences.sliding_window import BASELINE

    model = BASELINE.fit(task.signature, TrainingData(splits.train), {"window": 3, "C": 1.0}, 0)
    inputs = np.array(splits.test.inputs)
    before = model.predict(ModelInputs(inputs, splits.test.lengths))
    inputs[:, 4:] += 5
    after = model.predict(ModelInputs(inputs, splits.test.lengths))
    assert np.array_equal(before[:, :4], after[:, :4])
    assert np.abs(before[:, 4:] - after[:, 4:]).max() > 0.01


# ------------------------------------------------------------------------------------------------------------ refusals

REFUSED = [
    ({"label": "on", "window": 3}, "received both per_step and window"),
    ({"label": "on", "layout": "wide", "order": None, "id": None}, "received both per_step and layout: wide"),
    ({"label": "on", "labels": ("height",)}, "received labels beside kind: class"),
    ({"label": "height", "labels": ("depth",), "kind": "value", "per_step": False}, "received labels without per_step"),
    ({"label": "on", "kind": "value"}, "column 'on': expected a finite number"),
    ({"label": "height", "labels": ("x",), "kind": "value"}, "expected inputs beside the column of 'labels'. Received: 'x'"),
    ({"label": "height", "labels": ("height",), "kind": "value"}, "expected two columns for 'label' and 'labels"),
    ({"label": "nothing"}, "column 'nothing': expected a label at one step at least. Received: none"),
    ({"label": "same"}, "expected two classes or more. Received: 'a' here and everywhere"),
    ({"label": "once"}, "expected a label at one step of the"),
    ({"label": "constant", "kind": "value"}, "expected labels that differ. Received: 3 at every step of training"),
    ({"label": "on", "per_step": False}, "for a label at every step, specify per_step"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=[words[:40] for _, words in REFUSED])
def test_refusals_are_one_line(path: Path, tmp_path: Path, options: dict[str, Any], words: str) -> None:
    frame = pandas.read_csv(path)
    frame["nothing"], frame["same"], frame["constant"] = "", "a", 3
    walk = frame.walk[frame.second == 10].iloc[0]
    frame["once"] = np.where(frame.walk == walk, np.where(frame.second > 0, "a", "b"), "")
    frame.to_csv(tmp_path / "more.csv", index=False)
    with pytest.raises(UserError) as caught:
        _ = create("sequences", {"path": str(tmp_path / "more.csv"), **OPTIONS, **options}).metric
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
