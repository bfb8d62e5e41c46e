"""A predictor in a folder: in an empty one, without store, cache and file of training, it predicts the same numbers."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import gru_tf
from gru_tf.foundation.errors import UserError
from gru_tf.suite import coordinator
from gru_tf.suite.comparison import artifact, naming
from gru_tf.suite.comparison.answer import Comparison
from gru_tf.suite.tracking import description

pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]
SMALL = {"cells": ("gru",), "units": 4, "seeds": 1, "trials": 0, "epochs": 2, "workers": 0}
ALONE = """
import sys, pandas, gru_tf
for predictor in sys.argv[2:]:
    gru_tf.load_predictor(predictor).predict(sys.argv[1]).to_csv(predictor + ".csv", index=False)
    assert "mlflow" not in sys.modules, predictor
"""


def series(rows: int = 160) -> pandas.DataFrame:
    rng, hours = np.random.default_rng(5), pandas.date_range("2024-03-30", periods=rows, freq="h")
    load = 50 + 10 * np.sin(2 * np.pi * np.arange(rows) / 24) + rng.standard_normal(rows)
    return pandas.concat(
        [pandas.DataFrame({"time": hours, "place": p, "load": f * load}) for p, f in (("a", 1), ("b", 300))]
    )


def trips() -> pandas.DataFrame:
    rng = np.random.default_rng(6)
    rows = []
    for number in range(60):
        kind, steps = number % 2, rng.integers(4, 9)
        values = rng.standard_normal(steps) + 2 * kind
        kinds = rng.choice(["x", "y"], steps)
        rows += [(number, t, v, c, ("slow", "fast")[kind]) for t, (v, c) in enumerate(zip(values, kinds, strict=True))]
    return pandas.DataFrame(rows, columns=["id", "t", "speed", "road", "label"])


def texts() -> pandas.DataFrame:
    rng = np.random.default_rng(7)
    words = {"happy": ["good", "fine", "sun"], "sad": ["bad", "rain", "grey"]}
    moods = [list(words)[n % 2] for n in range(60)]
    said = [" ".join(rng.choice([*words[mood], "the", "day", "was"], 6)) for mood in moods]
    return pandas.DataFrame({"text": said, "label": moods})


def values() -> pandas.DataFrame:
    frame = trips().drop(columns="label")
    return frame.assign(label=frame.groupby("id").speed.transform("mean") * 10)


LOAD = {"target": "load", "time": "time", "group": "place"}
CASES = {
    "forecast": (
        series,
        {"target": "load", "time": "time", "group": "place", "window": 24, "horizon": 2},
        ("gru", "ets", "ridge"),
    ),
    "classes": (trips, {"label": "label", "id": "id", "order": "t"}, ("gru", "logistic")),
    "values": (values, {"label": "label", "id": "id", "order": "t"}, ("gru", "ridge")),
    "texts": (texts, {"text": "text", "label": "label"}, ("gru", "bag_of_words")),
}


@pytest.fixture(scope="module", params=list(CASES))
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    make, options, models = CASES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    make().to_csv(folder / "mine.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(coordinator.SWITCH)
        answer = gru_tf.compare(folder / "mine.csv", store=f"sqlite:///{folder}/mlflow.db", **{**SMALL, **options})
    return answer, make(), models, folder


def alone(folder: Path, new: Path, predictors: list[Path]) -> list[pandas.DataFrame]:
    """What another process predicts by each of the predictors, in a folder of theirs alone, with an empty cache."""
    environment = {
        **os.environ,
        "GRU_TF_CACHE": str(folder / "cache"),
        "MLFLOW_TRACKING_URI": "sqlite:////nowhere/mlflow.db",
    }
    command = [sys.executable, "-c", ALONE, str(new), *map(str, predictors)]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, timeout=300)
    return [pandas.read_csv(f"{predictor}.csv") for predictor in predictors]


def test_a_moved_predictor_predicts_the_same(done: Any, tmp_path: Path) -> None:
    answer, frame, models, folder = done
    new = tmp_path / "new.csv"
    frame.drop(columns="label", errors="ignore").to_csv(new, index=False)
    expected = {}
    for model in models:
        answer.save(folder / f"saved-{model}", model).rename(tmp_path / model)
        expected[model] = answer.predict(str(new), model)
    (folder / "mine.csv").rename(folder / "gone.csv")
    try:
        received = alone(tmp_path, new, [tmp_path / model for model in models])
        for model, got in zip(models, received, strict=True):
            expected[model].to_csv(tmp_path / "expected.csv", index=False)
            pandas.testing.assert_frame_equal(got, pandas.read_csv(tmp_path / "expected.csv"), rtol=1e-6)
    finally:
        (folder / "gone.csv").rename(folder / "mine.csv")


def test_rows_of_training_are_in_it_only_where_its_model_reads_them(done: Any, tmp_path: Path) -> None:
    answer, _, models, _ = done
    for model in models:
        with np.load(answer.save(tmp_path / model, model) / artifact.TASK) as arrays:
            name = "words" if "words" in arrays else "rows"
            assert (len(arrays[name]) > 0) == (model == "ets"), model


def test_the_store_keeps_the_predictor_and_needs_no_file(done: Any, tmp_path: Path) -> None:
    answer, frame, _, folder = done
    new = tmp_path / "new.csv"
    frame.to_csv(new, index=False)
    expected = answer.predict(str(new))
    (folder / "mine.csv").rename(folder / "gone.csv")
    try:
        again = gru_tf.compared("mine", store=f"sqlite:///{folder}/mlflow.db")
        pandas.testing.assert_frame_equal(again.predict(str(new)), expected)
    finally:
        (folder / "gone.csv").rename(folder / "mine.csv")


def test_what_was_kept_is_no_answer_to_further_replicates(done: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, *_ = done
    final = next(run for run in answer.results.runs if run.is_finished_final)
    more = final.model_copy(update={"run": final.run.model_copy(update={"seed": 7})})
    went_on = Comparison(replace(answer.results, runs=(*answer.results.runs, more)), answer.store)
    monkeypatch.setattr(artifact, "load", lambda folder: pytest.fail(f"{folder} was read"))
    assert answer.is_kept, "seen without reading the model"
    assert not went_on.is_kept
    made = went_on.predictor()
    assert str(made) == str(answer.predictor(went_on.recommendation.cell or went_on.recommendation.other)), "made anew"


def test_intervals_have_the_widths_of_the_errors_on_validation(done: Any) -> None:
    answer, frame, models, _ = done
    predictor = answer.predictor(models[0])
    told = predictor.predict(frame.drop(columns="label", errors="ignore"))
    names = predictor.task.predicted
    if not names:
        assert not [name for name in told if "_low_" in name]
        return
    (name,) = names
    assert set(predictor.radii) == ({"80", "95"} if name == "load" else {"80"}), "12 errors are too few for 95 %"
    for level in predictor.radii:
        half = (told[f"{name}_high_{level}"] - told[f"{name}_low_{level}"]) / 2
        np.testing.assert_allclose(told[f"{name}_low_{level}"] + half, told[name], rtol=1e-5)
        assert (half > 0).all()
    if "place" in told:  # each series has intervals of its own size
        by_place = (told.load_high_80 - told.load_low_80).groupby(told.place).mean()
        assert by_place["b"] == pytest.approx(300 * by_place["a"], rel=0.01)


def test_a_folder_that_is_there_is_not_overwritten(done: Any, tmp_path: Path) -> None:
    answer, _, models, _ = done
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="already exists; expected a new folder"):
        answer.save(tmp_path, models[0])
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_what_is_no_predictor_is_refused(done: Any, tmp_path: Path) -> None:
    answer, _, models, _ = done
    with pytest.raises(UserError, match=r"expected the folder of a predictor, with predictor\.json"):
        gru_tf.load_predictor(tmp_path)
    place = answer.save(tmp_path / "saved", models[0])
    about = json.loads((place / artifact.ABOUT).read_text())
    (place / artifact.ABOUT).write_text(json.dumps(about | {"version": 9}))
    with pytest.raises(UserError, match="expected version 1 or 2 of a predictor. Received: 9"):
        gru_tf.load_predictor(place)
    (place / artifact.ABOUT).write_text(json.dumps(about | {"task": "digits"}))
    with pytest.raises(UserError, match="expected a whole predictor"):
        gru_tf.load_predictor(place)
    (place / artifact.ABOUT).write_text(json.dumps(about))
    (place / artifact.TASK).write_bytes((place / artifact.TASK).read_bytes()[:100])
    with pytest.raises(UserError, match="expected a whole predictor"):
        gru_tf.load_predictor(place)


# ------------------------------------------------------------------------------------------------------------- names


def test_files_of_one_name_in_two_folders_are_told_apart(done: Any, tmp_path: Path) -> None:
    _, _, _, folder = done
    store = f"sqlite:///{folder}/mlflow.db"
    here = str(folder / "mine.csv")
    assert naming.told_apart(here, None, store) == ("mine", ())
    (tmp_path / "north").mkdir()
    shutil.copy(here, tmp_path / "north/mine.csv")
    other = str(tmp_path / "north/mine.csv")
    assert naming.told_apart(other, None, store)[0] == "mine", "the same content, elsewhere"
    Path(other).write_text(Path(here).read_text() + "\n")
    name, (inference,) = naming.told_apart(other, None, store)
    assert name == "north-mine"
    assert inference.text == f"name: 'north-mine', as 'mine' is the comparison of {here}"
    assert naming.told_apart(other, None, f"sqlite:///{tmp_path}/none.db") == ("mine", ())


# --------------------------------------------------------------------------------------------------- forms of new data


def test_data_of_another_form_are_refused_in_a_line(done: Any) -> None:
    answer, _, models, _ = done
    predictor = answer.predictor(models[0])
    for data in (np.arange(60.0), {"X": np.zeros((1, 48, 1))}, (np.zeros(3), np.zeros(3))):
        with pytest.raises(UserError, match="the data: expected a table with the columns .*Received: arrays"):
            predictor.predict(data)


def test_values_alone_are_the_target_of_a_series_without_times(tmp_path: Path) -> None:
    values = series().load.to_numpy()[:120]
    pandas.DataFrame({"load": values}).to_csv(tmp_path / "load.csv", index=False)
    options = {"target": "load", "window": 8, "season": 0}
    answer = gru_tf.compare(tmp_path / "load.csv", store=f"sqlite:///{tmp_path}/mlflow.db", **{**SMALL, **options})
    expected = answer.predict(pandas.DataFrame({"load": values}))
    pandas.testing.assert_frame_equal(answer.predict(values), expected)


def test_a_model_of_an_earlier_answer_beside_it_is_not_taken(done: Any, tmp_path: Path) -> None:
    """As a store has it that kept another recommendation before: files of other names stay there."""
    answer, frame, models, _ = done
    network, baseline = (answer.save(tmp_path / model, model) for model in (models[0], models[1]))
    shutil.copy(baseline / artifact.BASELINE, network / artifact.BASELINE)
    shutil.copy(network / artifact.NETWORK, baseline / artifact.NETWORK)
    new = frame.drop(columns="label", errors="ignore")
    for folder, model in ((network, models[0]), (baseline, models[1])):
        pandas.testing.assert_frame_equal(gru_tf.load_predictor(folder).predict(new), answer.predict(new, model), rtol=1e-5)


@pytest.mark.parametrize("lives", [1, 2])
def test_one_that_was_kept_in_part_is_none(done: Any, monkeypatch: pytest.MonkeyPatch, lives: int) -> None:
    answer, *_ = done
    folder, written = description.folder, []

    def killed(*arguments: Any, **options: Any) -> None:
        if len(written) == lives:
            raise KeyboardInterrupt
        written.append(folder(*arguments, **options))

    assert answer.is_kept
    monkeypatch.setattr(description, "folder", killed)
    with pytest.raises(KeyboardInterrupt):
        answer.keep()
    assert not answer.is_kept
    monkeypatch.setattr(description, "folder", folder)
    assert answer.keep() == ""
    assert answer.is_kept
