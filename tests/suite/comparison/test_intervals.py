"""`intervals: quantile` of a comparison: planned, listed, refused; predicted from the store and from a folder alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gru_tf
from gru_tf import suite
from gru_tf.foundation.errors import UserError
from gru_tf.suite import comparison, coordinator
from gru_tf.suite.comparison import artifact, planning
from gru_tf.suite.comparison.predictor import Predictor
from gru_tf.suite.sizes import of_experiment
from gru_tf.tasks import create

pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]
SMALL: dict[str, Any] = {"cells": ("gru",), "units": 5, "seeds": 1, "trials": 0, "epochs": 6, "workers": 0}
ALONE = """
import sys, gru_tf
gru_tf.load_predictor(sys.argv[1]).predict(sys.argv[2]).to_csv(sys.argv[3], index=False)
"""
LOAD: dict[str, Any] = {"target": ("load", "heat"), "time": "time", "group": "place", "window": 24, "horizon": 2}


def loads(rows: int = 200) -> pd.DataFrame:
    """Two places of two columns, in units of their own, with noise that grows and falls over the day."""
    rng, hours = np.random.default_rng(5), pd.date_range("2024-03-30", periods=rows, freq="h")
    day = np.sin(2 * np.pi * np.arange(rows) / 24)
    parts = []
    for place, unit in (("a", 1), ("b", 300)):
        load, heat = (unit * (50 + 10 * day + (1.2 + day) * rng.standard_normal(rows)) for _ in range(2))
        parts.append(pd.DataFrame({"time": hours, "place": place, "load": load, "heat": heat / 10}))
    return pd.concat(parts)


def values(count: int = 150) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    speed = rng.standard_normal((count, 4))
    label = 10 * speed.mean(1) + rng.standard_normal(count)
    ids, steps = np.repeat(np.arange(count), 4), np.tile(np.arange(4), count)
    return pd.DataFrame({"id": ids, "t": steps, "speed": speed.ravel(), "label": np.repeat(label, 4)})


def texts(count: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    said = [" ".join(rng.choice(["good", "bad", "the", "day", "was"], 6)) for _ in range(count)]
    stars = [2.5 + 0.3 * (s.count("good") - s.count("bad")) + 0.1 * rng.standard_normal() for s in said]
    return pd.DataFrame({"text": said, "label": stars})


CASES = {
    "forecast": (loads, LOAD, "ridge"),
    "values": (values, {"label": "label", "id": "id", "order": "t"}, "ridge"),
    "texts": (texts, {"text": "text", "label": "label", "kind": "value"}, "bag_of_words"),
}


# --- what is planned ---


def planned(folder: Path, frame: pd.DataFrame, **options: Any) -> comparison.ComparisonPlan:
    frame.to_csv(folder / "mine.csv", index=False)
    return comparison.plan(folder / "mine.csv", **options)


@pytest.mark.parametrize("kind", CASES)
def test_quantiles_are_planned_and_listed(kind: str, tmp_path: Path) -> None:
    make, options, _ = CASES[kind]
    plan = planned(tmp_path, make(), intervals="quantile", **options)
    usual = planned(tmp_path, make(), **options)
    assert plan.experiment.model.quantiles
    (line,) = [text for text, named in plan.inferences if "intervals" in named]
    assert line.startswith("networks learn quantiles: the median, which is the forecast, and the ends of intervals of 80")
    assert not usual.experiment.model.quantiles
    assert not [text for text, named in usual.inferences if "intervals" in named]
    assert plan.experiment.fingerprint != usual.experiment.fingerprint
    same = planned(tmp_path, make(), intervals="conformal", **options)
    assert same.experiment.fingerprint == usual.experiment.fingerprint
    assert all(size.parameters for _, _, size in of_experiment(plan.experiment))


def test_budget_and_linear_path_count_every_level(tmp_path: Path) -> None:
    """Of 5 times the outputs: an LSTM of 16 units, and a linear path of at most a quarter of the parameters."""
    options = {**LOAD, "horizon": 24}
    plan, usual = (planned(tmp_path, loads(400), intervals=how, **options).experiment for how in ("quantile", "conformal"))
    least = 4 * 16 * (2 + 16 + 1) + 17 * 5 * 24 * 2
    assert plan.model.parameters == pytest.approx(least, rel=0.1)
    assert plan.model.parameters > usual.model.parameters
    steps = plan.search.axes["linear_path"][1]
    assert 4 * steps * 5 * 24 <= plan.model.parameters < 4 * (steps + 1) * 5 * 24


def test_the_written_file_means_the_same_runs(tmp_path: Path) -> None:
    plan = planned(tmp_path, loads(), intervals="quantile", **LOAD)
    planning.write(plan, tmp_path / "mine.yaml")
    assert "quantiles: true" in (tmp_path / "mine.yaml").read_text()
    again = suite.load(tmp_path / "mine.yaml")
    assert [run.fingerprint for run in again.runs()] == [run.fingerprint for run in plan.experiment.runs()]
    assert again.model == plan.experiment.model


REFUSED = [
    ("quantiles", r"^'?intervals'?: received 'quantiles', expected one of conformal, quantile\. Did you mean 'quantile'\?$"),
    ("none", r"^'?intervals'?: received 'none', expected one of conformal, quantile\."),
]


@pytest.mark.parametrize(("how", "words"), REFUSED)
def test_other_intervals_are_refused(how: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        planned(tmp_path, loads(), intervals=how, **LOAD)


@pytest.mark.parametrize("how", ["conformal", "quantile"])
def test_classes_have_none(how: str, tmp_path: Path) -> None:
    frame = values().assign(label=lambda frame: np.where(frame.id % 2 == 1, "slow", "fast"))
    with pytest.raises(UserError, match=f"intervals'?: received '{how}', expected it to be left out: classes have prob"):
        planned(tmp_path, frame, label="label", id="id", order="t", intervals=how)


# --- what predicts ---


@pytest.fixture(scope="module", params=list(CASES))
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    make, options, other = CASES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    make().to_csv(folder / "mine.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(coordinator.SWITCH)
        store = f"sqlite:///{folder}/mlflow.db"
        answer = gru_tf.compare(folder / "mine.csv", store=store, intervals="quantile", **{**SMALL, **options})
    return answer, make(), other, folder


def by_hand(predictor: Predictor, frame: pd.DataFrame, read: Any) -> dict[str, np.ndarray]:
    """Column → numbers, from the network's own outputs, example by example."""
    task = predictor.task
    inputs, lengths = task.prepare(frame)
    fed = [inputs, np.arange(inputs.shape[1]) < np.asarray(lengths)[:, None]][: len(predictor.model.inputs)]
    outputs = predictor.model.predict(fed if len(fed) > 1 else inputs, verbose=0).astype("float64")
    count = outputs.shape[1] // 5
    rows: dict[str, np.ndarray] = {name: np.zeros((len(outputs), count)) for name in ("", *ENDS)}
    for row, output in np.ndindex(len(outputs), count):
        point, *others = (outputs[row, block * count + output] for block in range(5))
        lowest, low, high, highest = sorted(others)
        rows[""][row, output] = point
        for level, (below, above) in {"80": (low, high), "95": (lowest, highest)}.items():
            added = predictor.radii[level][output]
            narrower = [rows[f"{end}_80"][row, output] if level == "95" else point for end in ("low", "high")]
            rows[f"low_{level}"][row, output] = min(below - added, point, narrower[0])
            rows[f"high_{level}"][row, output] = max(above + added, point, narrower[1])
    return {name: read(each) for name, each in rows.items()}


ENDS = ("low_80", "high_80", "low_95", "high_95")


def test_ends_are_the_networks_own_quantiles_corrected(done: Any) -> None:
    answer, frame, _, _ = done
    predictor = answer.predictor("gru")
    assert set(predictor.radii) == {"80", "95"}
    told = answer.predict(frame, "gru")
    result = answer._models.run_of("gru")
    assert {level: list(each) for level, each in result.radii.items()} == predictor.radii
    for name in predictor.task.predicted:
        expected = by_hand(predictor, told_of(predictor, frame), lambda rows, n=name: in_units(predictor, rows, n, frame))
        np.testing.assert_allclose(told[name], expected[""], rtol=1e-5)
        for end in ENDS:
            np.testing.assert_allclose(told[f"{name}_{end}"], expected[end], rtol=1e-5, atol=1e-5)
        width = told[f"{name}_high_80"] - told[f"{name}_low_80"]
        assert (width >= 0).all()
        assert width.std() > 0.001 * width.mean(), "they are not of one width"


def told_of(predictor: Predictor, frame: pd.DataFrame) -> Any:
    from gru_tf.data.own import frames

    return predictor._of_task(frames.read(frame))


def in_units(predictor: Predictor, rows: np.ndarray, name: str, frame: pd.DataFrame) -> np.ndarray:
    """The outputs of a column in its units: by the file's own means, deviations and last values."""
    about = predictor.task.encodings()
    if "deviation" in about:
        return rows[:, 0] * about["deviation"] + about["mean"]
    place, read = predictor.task.target.index(name), []
    for row, (series, scales) in enumerate(about["scales"].items()):
        last = frame[frame.place == series][name].iloc[-1] if about["options"]["relative"] else scales[name]["mean"]
        read += [rows[row, ahead * 2 + place] * scales[name]["deviation"] + last for ahead in range(2)]
    return np.array(read)


def test_a_moved_folder_predicts_the_same_in_a_new_process(done: Any, tmp_path: Path) -> None:
    answer, frame, other, folder = done
    frame.to_csv(tmp_path / "new.csv", index=False)
    versions = {}
    for model in ("gru", other):
        place = answer.save(folder / f"saved-{model}", model).rename(tmp_path / model)
        versions[model] = json.loads((place / artifact.ABOUT).read_text())["version"]
        answer.predict(str(tmp_path / "new.csv"), model).to_csv(tmp_path / f"{model}.csv", index=False)
    assert versions == {"gru": 2, other: 1}, "a package that knows no quantiles refuses the first"
    (folder / "mine.csv").rename(folder / "gone.csv")
    try:
        for model in versions:
            command = [sys.executable, "-c", ALONE, str(tmp_path / model), str(tmp_path / "new.csv"), "out.csv"]
            subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=300)
            received, expected = (pd.read_csv(tmp_path / name) for name in ("out.csv", f"{model}.csv"))
            assert len([name for name in received if "_low_" in name]) >= 2
            pd.testing.assert_frame_equal(received, expected, rtol=1e-5)
    finally:
        (folder / "gone.csv").rename(folder / "mine.csv")


def test_a_baseline_goes_on_with_intervals_of_one_width(done: Any) -> None:
    answer, frame, other, _ = done
    predictor = answer.predictor(other)
    assert not predictor.quantiles
    told = answer.predict(frame, other)
    for name in predictor.task.predicted:
        half = (told[f"{name}_high_80"] - told[f"{name}_low_80"]) / 2
        np.testing.assert_allclose(told[f"{name}_low_80"] + half, told[name], rtol=1e-5, atol=1e-6)


def test_a_network_of_another_width_is_refused(done: Any) -> None:
    answer, frame, _, _ = done
    predictor = answer.predictor("gru")
    count = predictor.task.signature.outputs
    wrong = Predictor("gru", "", predictor.task, predictor.model, predictor.radii, quantiles=False)
    with pytest.raises(
        UserError, match=rf"^gru: expected outputs of the shape \(\d+, {count}\)\. Received: \(\d+, {5 * count}\)$"
    ):
        wrong.predict(frame)
    prepared = told_of(predictor, frame)
    with pytest.raises(UserError, match="^answer: expected outputs of the shape"):
        predictor.task.answer(np.zeros((len(predictor.outputs(prepared)), 5 * count)), prepared)


def test_what_the_blocks_are_lies_beside_the_model_in_the_store(done: Any) -> None:
    import mlflow

    answer, _, _, folder = done
    uri, result = answer._models.trained["gru"]
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    place = Path(mlflow.artifacts.download_artifacts(uri))
    signature = mlflow.models.Model.load(str(place)).signature
    mlflow.set_tracking_uri(None)
    kept = json.loads((place / "extra_files" / "encodings.json").read_text(encoding="utf-8"))
    assert kept.pop("quantiles") == [0.5, 0.1, 0.9, 0.025, 0.975]
    task = create(result.run.task.name, result.run.task.options)
    assert kept == json.loads(json.dumps(task.encodings()))
    (output,) = signature.outputs.inputs
    assert output.shape == (-1, 5 * task.signature.outputs)
    assert answer.model("gru").output_shape == (None, 5 * task.signature.outputs)


def test_from_the_store_it_predicts_the_same(done: Any) -> None:
    answer, frame, _, folder = done
    again = gru_tf.compared("mine", store=f"sqlite:///{folder}/mlflow.db")
    pd.testing.assert_frame_equal(again.predict(frame, "gru"), answer.predict(frame, "gru"))
    row = next(row for row in again.table() if row.cell == "gru")
    assert {"coverage_80", "coverage_95"} <= set(row.more)


def test_trained_anew_on_all_data_it_has_quantiles_too(done: Any) -> None:
    from gru_tf.suite.comparison.final import on_all_data

    answer, frame, _, _ = done
    predictor = answer.predictor("gru")
    final = on_all_data(predictor, answer._models.run_of("gru"))
    assert final.radii == predictor.radii
    assert final.model.output_shape == predictor.model.output_shape
    told, before = final.predict(frame), predictor.predict(frame)
    assert list(told) == list(before)
    name = predictor.task.predicted[0]
    assert (told[f"{name}_low_95"] <= told[f"{name}_low_80"]).all()
    assert not np.allclose(told[name], before[name])
