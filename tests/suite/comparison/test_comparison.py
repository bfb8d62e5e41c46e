"""A comparison on a user's own data, from the file to the forecast: tiny, in this process, checked against NumPy."""

import errno
import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas
import pytest
import yaml

import gru_tf
from gru_tf import suite
from gru_tf.analysis import table_text
from gru_tf.foundation.errors import UserError
from gru_tf.suite import comparison
from gru_tf.suite.comparison import naming
from gru_tf.suite.engine import processes, worker_pool
from gru_tf.tasks import create

pytestmark = [
    # MLflow 3.17 asks SQLAlchemy 2.1 for a deprecated loader, and warns of its own type hints
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]

ROWS, WINDOW = 60, 4
SMALL = {"cells": ("rnn", "gru"), "units": 3, "seeds": 2, "trials": 0, "epochs": 2}
GIVEN = {"window": WINDOW, "season": 0, **SMALL}


def series(rows=ROWS, seed=0):
    """Days of a load that rises and swings."""
    rng, steps = np.random.default_rng(seed), np.arange(rows)
    load = 100 + 0.5 * steps + 8 * np.sin(steps) + rng.normal(0, 1, rows)
    return pandas.DataFrame({"day": pandas.date_range("2024-01-01", periods=rows), "load": load.round(3)})


def compare(data, store, **more):
    """The comparison, and the runs that were trained for it."""
    trained = []
    answer = gru_tf.compare(data, store=store, workers=0, progress=lambda run, *_: trained.append(run), **{**GIVEN, **more})
    return answer, [run for run in trained if run is not None]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A forecast compared once, with the files that it came from."""
    folder = tmp_path_factory.mktemp("done")
    file, store = folder / "load.csv", f"sqlite:///{folder}/mlflow.db"
    series().to_csv(file, index=False)
    answer, trained = compare(file, store)
    return SimpleNamespace(folder=folder, file=file, store=store, answer=answer, trained=trained)


def test_it_runs_every_seed_of_every_cell(done):
    assert [(run.run.cell.name, run.run.seed) for run in done.trained] == [("rnn", 0), ("rnn", 1), ("gru", 0), ("gru", 1)]
    assert all(run.status == "finished" for run in done.trained)
    assert [(row.title, row.cell, row.units, row.seeds) for row in done.answer.table()] == [
        ("load", "rnn", 3, 2),
        ("load", "gru", 3, 2),
    ]
    (task,) = done.answer.results.experiment.tasks
    assert {k: v for k, v in task.options.items() if k != "sha256"} == {
        "path": str(done.file),
        "target": ("load",),
        "time": "day",
        "window": WINDOW,
        "horizon": 1,
        "relative": True,
        "season": 0,
        "stride": 1,
    }


def test_it_lists_what_it_inferred_and_which_argument_overrides_it(done):
    assert done.answer.guess[:3] == (
        "times: column 'day' (override with time)",
        "predicts 'load', the only other numeric column (override with target)",
        "horizon: 1 day ahead (override with horizon)",
    )


def test_it_recommends(done):
    advice = done.answer.recommendation
    assert [heading for heading, _ in advice.lines] == [
        "Recommended",
        "How sure",
        "Cost",
        "Against the baseline",
        "Trained model",
    ]
    assert advice.nearest in ("rnn", "gru")
    assert re.match(r"models:/m-\w+ \((rnn|gru), seed [01], the best", dict(advice.lines)["Trained model"])
    page = re.sub(r"</th><td[^>]*>", ": ", done.answer._repr_html_()).replace("&#x27;", "'")
    assert str(advice).splitlines()[0] in page


def windows(frame):
    """Inputs (N, window, 1) and changes (N,), standardised by the first 65 % of the rows, in NumPy alone."""
    load = frame["load"].to_numpy()
    train = ROWS - round(0.15 * ROWS) - round(0.2 * ROWS)
    mean, deviation = load[:train].mean(), load[:train].std()
    scaled = (load - mean) / deviation
    starts = range(len(load) - WINDOW + 1)
    inputs = np.stack([scaled[start : start + WINDOW] - scaled[start + WINDOW - 1] for start in starts])
    return inputs[..., None].astype(np.float32), deviation


def test_the_model_is_the_one_that_was_tested(done):
    """The root mean squared error over the test rows, from the model in the store and the file alone."""
    model, best = done.answer.model(), done.answer._models.trained[done.answer.recommendation.nearest][1]
    inputs, deviation = windows(series())
    change = model.predict(inputs[:-1], verbose=0)[:, 0] * deviation  # the last window has nothing after it
    load = series()["load"].to_numpy()
    error = (load[WINDOW - 1 : -1] + change - load[WINDOW:])[-round(0.2 * ROWS) :]
    assert np.sqrt(np.mean(error**2)) == pytest.approx(best.test, rel=1e-4)
    finals = [r for r in done.trained if r.run.cell == best.run.cell]
    assert best.validation == min(r.validation for r in finals)


def test_a_network_predicts_in_the_units_of_the_file(done):
    nearest, later = done.answer.recommendation.nearest, series(ROWS + 9, seed=0).tail(WINDOW + 2)
    inputs, deviation = windows(pandas.concat([series(), later.tail(WINDOW)]))
    expected = later["load"].iloc[-1] + done.answer.model().predict(inputs[-1:], verbose=0)[0, 0] * deviation
    answer = done.answer.predict(later, nearest)
    assert answer["load"].tolist() == pytest.approx([expected], rel=1e-5)
    assert answer["day"].tolist() == [later["day"].iloc[-1] + pandas.Timedelta(days=1)]
    with pytest.raises(UserError, match="no column is called 'load'"):
        done.answer.predict(later.drop(columns="load"))
    with pytest.raises(UserError, match="the data: expected at least 4 rows, a window. Received: none"):
        done.answer.predict(later.iloc[:0])
    with pytest.raises(UserError, match="expected a pandas frame or arrays by name. Received: Series"):
        done.answer.predict(later["load"])
    assert done.answer.predict(later.set_index("day"), nearest)["load"].tolist() == answer["load"].tolist()
    later.to_csv(done.folder / "later.csv", index=False)
    assert done.answer.predict(done.folder / "later.csv", nearest)["load"].tolist() == answer["load"].tolist()


def test_what_the_inputs_are_lies_beside_the_model(done):
    import mlflow

    (uri, best) = done.answer._models.trained["gru"]
    mlflow.set_tracking_uri(done.store)
    folder = Path(mlflow.artifacts.download_artifacts(uri))
    mlflow.set_tracking_uri(None)  # which every process started from here would inherit
    kept = json.loads((folder / "extra_files" / "encodings.json").read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps(create(best.run.task.name, best.run.task.options).encodings()))
    assert "load" in kept["inputs"]


def test_from_the_store_it_is_the_same(done):
    again = gru_tf.compared("load", done.store)
    assert str(again.recommendation) == str(done.answer.recommendation)
    assert again.table() == done.answer.table()
    name = f"comparison = gru_tf.compared('load', store={done.store!r})"
    assert again.recommendation.cell is None, "two epochs learn nothing"
    network = "by the baseline; comparison.model() is the best network"
    assert again.lines() == (name, f"comparison.predict(new_rows)  # {network}")
    with pytest.raises(UserError, match="no results of 'loda'"):
        gru_tf.compared("loda", done.store)


def test_again_it_trains_nothing(done):
    answer, trained = compare(str(done.file), done.store)
    assert trained == []
    assert str(answer.recommendation) == str(done.answer.recommendation)


def test_changed_data_are_another_definition(done, tmp_path):
    file, store = tmp_path / "load.csv", f"sqlite:///{tmp_path}/mlflow.db"
    series().to_csv(file, index=False)
    one = {"cells": "gru", "seeds": 1}
    before, trained = compare(file, store, **one)
    assert len(trained) == 1
    series(seed=1).to_csv(file, index=False)
    after, trained = compare(file, store, **one)
    assert len(trained) == 1
    assert after.results.earlier == 1
    assert after.results.experiment.fingerprint != before.results.experiment.fingerprint
    assert len(before.predict(series())) == len(after.predict(series())) == 1, "each with its own model"


def plan(data, **more):
    return comparison.plan(data, **{**GIVEN, **more})


def test_a_written_experiment_has_the_same_runs(done, tmp_path, monkeypatch):
    made = plan(done.file, trials=3)
    file = tmp_path / "load.yaml"
    comparison.write(made, file)
    again = suite.load(file)
    assert again == made.experiment
    assert again.runs() == made.experiment.runs()
    assert list(yaml.safe_load(file.read_text())) == ["question", "tasks", "cells", "seeds", "model", "training", "search"]
    with pytest.raises(UserError, match="load.yaml: already exists"):
        comparison.write(made, file)
    with pytest.raises(UserError, match="expected a name that ends in .yaml"):
        comparison.write(made, tmp_path / "load")
    with pytest.raises(UserError, match="there is no folder .*no; the nearest that exists is "):
        comparison.write(made, tmp_path / "no" / "load.yaml")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "away.yaml")
    with pytest.raises(UserError, match="link.yaml: already exists"):
        comparison.write(made, tmp_path / "link.yaml")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(UserError, match="full.yaml: No space left on device"):
        comparison.write(made, tmp_path / "full.yaml")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["link.yaml", "load.yaml"], "no half file"


def test_a_frame_is_the_same_data_as_its_file(done):
    def arrays(made):
        (task,) = made.experiment.tasks
        splits = create(task.name, task.options).splits(np.random.default_rng(0))
        return [part for split in (splits.train, splits.test) for part in (split.inputs, split.targets)]

    from_frame = plan(series(), name="load")
    assert from_frame.experiment.question == plan(done.file).experiment.question
    for ours, theirs in zip(arrays(from_frame), arrays(plan(done.file)), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert plan(series(), name="load").experiment == from_frame.experiment, "kept by content: the same runs again"


def test_arrays_are_sequences():
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(40, 5, 2)), np.arange(40) % 2
    made = comparison.plan((inputs, labels), name="pair", **SMALL)
    assert made.guess.kind == "class"
    assert made.experiment.tasks == comparison.plan({"X": inputs, "y": labels}, name="b", **SMALL).experiment.tasks
    assert comparison.plan((inputs, labels + 0.5), name="pair", **SMALL).guess.kind == "value"
    with pytest.raises(UserError, match="expected a pandas frame or arrays by name. Received: list"):
        comparison.plan([1, 2, 3])


ARGUMENTS = {
    "a text": ({"window": "3"}, "window: expected a whole number. Received: '3'"),
    "a fraction": ({"seeds": 2.5}, "seeds: expected a whole number. Received: 2.5"),
    "no window": ({"window": 0}, "forecast.window: received 0, expected at least 1"),
    "no seeds": ({"seeds": 0}, "seeds: received 0, expected a count of at least 1"),
    "no epochs": ({"epochs": 0}, "epochs: received 0, expected at least 1"),
    "no batch": ({"batch_size": 0}, "batch_size: received 0, expected at least 1"),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_an_impossible_argument_is_refused_not_inferred(case):
    more, message = ARGUMENTS[case]
    with pytest.raises(UserError, match=re.escape(message)):
        plan(series(), **more)


def test_a_mistake_in_a_frame_names_no_file_that_the_user_has_not_made():
    frame = series()
    frame.loc[16, "load"] = np.nan
    with pytest.raises(UserError, match="^the data: row 17, column 'load': expected a value. Received: nothing"):
        plan(frame)


def test_names_and_counts_may_be_numbers_of_pandas_and_numpy():
    frame = series().set_axis([0, 1], axis=1)
    made = plan(frame, target=(1,), time=0, window=np.int64(5))
    assert {name: made.guess.options[name] for name in ("target", "time", "window")} == {
        "target": ("1",),
        "time": "0",
        "window": 5,
    }


NAMES = {
    ("a/load.csv.gz", None): "load",
    ("a/my load, 2024.csv", None): "my-load-2024",
    ("a/Vowels_TRAIN.ts", "a/Vowels_TEST.ts"): "Vowels",
    ("a/Vowels_TRAIN.ts", None): "Vowels_TRAIN",
    ("a/..csv", None): "data",
}


@pytest.mark.parametrize(("path", "test"), NAMES)
def test_names(path, test):
    assert naming.of_file(path, test) == NAMES[path, test]


# ------------------------------------------------------------------------------------------------------- the command


GIVEN_THERE = {**GIVEN, "cells": "rnn,gru", "workers": 0}
OPTIONS = [word for name, value in GIVEN_THERE.items() for word in (f"--{name}", str(value))]


def test_the_command_prints_settings_table_and_recommendation(main, done):
    code, shown, errors = main("compare", done.file, *OPTIONS, "--store", done.store)
    assert (code, errors) == (0, "")
    lines = [line.rstrip() for line in shown.splitlines()]
    assert lines[0] == "load: rnn or gru for a forecast of load, 1 day ahead from windows of 4 days (60 rows)?"
    assert re.fullmatch("times: column 'day' +--time", lines[2])
    assert "predicts the change from the last value of the window" in " ".join(shown.split())
    assert "4 of 4 runs are in the store already." in lines or "load: test rmse ↓" in lines
    rows = [line.split() for line in lines if line.startswith(("rnn ", "gru "))]
    assert [row[:2] for row in rows if row[-1].count("/") == 1] == [["rnn", "3"], ["gru", "3"]]
    assert "--absolute" in shown
    assert any(line.startswith("Recommended ") for line in lines)
    assert lines[-4:-2] == [f"  {line}" for line in done.answer.lines()]
    assert lines[-1] == "4 runs, all in the store already. Next: gru-tf report load, gru-tf ui load"
    ours = set(table_text.notes(done.answer.results.experiment, done.answer.table()))  # these run on, as in `run`
    notes = [line for line in lines if line in ours]
    assert len(notes) > 3
    assert max(len(line) for line in lines[1:-4] if line not in notes) <= 80


def test_what_is_finished_is_printed_before_anything_is_started(main, done, monkeypatch):
    """Neither workers nor MLflow: the answer is in the store."""
    for module in (processes, worker_pool.processes):
        monkeypatch.setattr(module, "start_server", lambda: pytest.fail("workers for nothing"))
    monkeypatch.setattr(suite, "run", lambda *_, **__: pytest.fail("nothing is left to run"))
    code, shown, errors = main("compare", done.file, *OPTIONS, "--store", done.store)
    assert (code, errors) == (0, "")
    assert "4 runs, all in the store already." in shown
    assert suite.finished(done.answer.results.experiment, done.store) == suite.results("load", done.store)
    other = done.answer.results.experiment.model_copy(update={"seeds": (0, 1, 2)})
    assert suite.finished(other, done.store) is None
    assert suite.finished(done.answer.results.experiment, f"sqlite:///{done.folder}/none.db") is None


def test_the_command_writes_the_experiment_and_stops(main, done, tmp_path):
    code, shown, errors = main("compare", done.file, *OPTIONS, "--write", "load.yaml")
    assert (code, errors) == (0, "")
    assert "Written: load.yaml. Run it with 'gru-tf run load.yaml'." in shown
    assert suite.load(tmp_path / "load.yaml") == done.answer.results.experiment
    assert {file.name for file in tmp_path.iterdir()} == {"load.yaml"}


MISTAKES = {
    "no file": (["gone.csv"], "gone.csv: no such file"),
    "no name": (["{file}", "--name", ""], "name: expected a valid file name"),
    "form": (["load.doc"], "load.doc: expected a file of one of the forms"),
    "column": (["{file}", "--target", "lod"], "no column is called 'lod'. Did you mean 'load'?"),
    "another kind's": (
        ["{file}", "--label", "load", "--window", "3"],
        "label: this option is for sequences and texts, but the data are read as a forecast.",
    ),
    "cell": (["{file}", "--cells", "grru"], "no cell is called 'grru'. Did you mean 'gru'?"),
    "window": (["{file}", "--window", "100"], "100"),
    "both": (["{file}", "--units", "3", "--parameters", "100"], "expected one of --units and --parameters. Received: both"),
    "number": (["{file}", "--seeds", "0"], "--seeds: received '0', expected at least 1."),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_before_anything_starts(main, done, tmp_path, mistake):
    arguments, message = MISTAKES[mistake]
    code, shown, errors = main("compare", *(a.replace("{file}", str(done.file)) for a in arguments), "--workers", "0")
    assert (code, shown) == (2, "")
    (line,) = errors.splitlines()
    assert line.startswith("gru-tf: ")
    assert message in line
    assert list(tmp_path.iterdir()) == []


def test_bad_values_are_named_by_row_and_column(main, tmp_path):
    frame = series()
    frame.loc[16, "load"] = np.nan
    frame.to_csv(tmp_path / "load.csv", index=False)
    code, _, errors = main("compare", "load.csv", "--workers", "0")
    assert code == 2
    assert "row 17 (line 18), column 'load'" in errors
    assert {file.name for file in tmp_path.iterdir()} == {"load.csv"}
