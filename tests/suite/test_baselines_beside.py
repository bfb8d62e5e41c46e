"""Baselines beside the cells of an experiment: fitted once, stored, and shown wherever the cells are."""

import json
import math
import re

import numpy as np
import pytest
import yaml

import gru_tf
from gru_tf.analysis.formats.json_document import read_json
from gru_tf.baselines.baseline import BASELINES
from gru_tf.commands import screen
from gru_tf.experiment.experiment import Experiment
from gru_tf.foundation.errors import UserError
from gru_tf.suite import coordinator, definitions, running, sizes
from gru_tf.tasks import create
from gru_tf.tasks.task import BASELINE_ORDER

pytestmark = [
    # MLflow 3.17 asks SQLAlchemy 2.1 for a deprecated loader, and warns of its own type hints
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]
NAMES = ["naive", "ridge"]


def definition(folder, **changes):
    rows = np.arange(150)
    values = 0.1 * rows + 3 * np.sin(rows / 2)
    (folder / "series.csv").write_text("value\n" + "\n".join(f"{value:.6f}" for value in values) + "\n")
    file = folder / "beside.yaml"
    task = {"path": str(folder / "series.csv"), "target": ["value"], "window": 8}
    content = {
        "question": "Is a network needed?",
        "tasks": [{"forecast": task}, {"adding": {"length": 4, "examples": 64}}],
        "cells": ["rnn", "gru"],
        "seeds": 2,
        "model": {"units": 3},
        "training": {"epochs": 1, "jit": False},
        "baselines": NAMES,
    }
    file.write_text(yaml.safe_dump(content | changes))
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("beside")


def run(file, store):
    trained = []
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(coordinator.SWITCH)
        results = running.run(file, store, workers=0, progress=lambda result, *_: trained.append(result))
    return results, [result for result in trained if result]


@pytest.fixture(scope="module")
def store(folder):
    return f"sqlite:///{folder}/mlflow.db"


@pytest.fixture(scope="module")
def done(folder, store):
    return run(definition(folder), store)


def test_each_is_fitted_once_to_the_task_that_it_fits(done):
    results, trained = done
    fitted = [result for result in trained if result.run.purpose == "baseline"]
    assert [(result.run.task.name, result.run.cell.name, result.run.seed) for result in fitted] == [
        ("forecast", name, 0) for name in NAMES
    ]
    assert len(trained) == 2 * 2 * 2 + len(NAMES) == len(results.runs)


def test_what_is_done_is_not_done_again(done, folder, store):
    results, trained = run(definition(folder), store)
    assert trained == []
    assert {r.run.fingerprint: r.test for r in results.runs} == {r.run.fingerprint: r.test for r in done[0].runs}


def test_another_baseline_trains_nothing_else(done, folder, store):
    results, trained = run(definition(folder, baselines=[*NAMES, "boosting"]), store)
    assert [result.run.cell.name for result in trained] == ["boosting"]
    assert [row.cell for row in results.table() if row.baseline] == [*NAMES, "boosting"]
    assert run(definition(folder), store)[1] == []


def test_the_table_has_them_below_the_cells_of_their_task(done):
    rows = done[0].table()
    assert [(row.cell, row.baseline) for row in rows] == [
        *(("rnn", False), ("gru", False), ("naive", True), ("ridge", True)),
        *(("rnn", False), ("gru", False)),
    ]
    ridge = rows[3]
    assert (ridge.units, ridge.step_ms, ridge.failures) == (None, None, ())
    assert math.isnan(ridge.test.low)
    text = done[0].text("markdown")
    line = next(line for line in text.splitlines() if line.strip("| *").startswith("ridge"))
    assert f"{ridge.test.mean:.3g}" in line
    assert "seed" not in line
    assert "Below the cells: models without a recurrent network" in text
    titles = [str(table.title) for table in screen.tables(done[0].experiment, rows)]
    assert len([title for title in titles if "further metrics" not in title]) == 2


def test_the_last_value_is_what_the_task_says_of_it(done):
    naive = next(row for row in done[0].table() if row.cell == "naive")
    task = create(done[0].experiment.tasks[0].name, done[0].experiment.tasks[0].options)
    assert naive.test.mean == pytest.approx(task.metric.chance, rel=1e-5)


def test_the_answer_says_that_no_network_was_needed(done):
    (line, *_) = gru_tf.analysis.answer.answer(done[0].evidence)
    assert re.search("(no network needed|without a network): ridge ", line.text)


def test_json_keeps_them_apart_from_the_cells(done):
    content = json.loads(done[0].text("json"))
    assert (content["cells"], content["baselines"]) == (["rnn", "gru"], NAMES)
    assert [entry["cell"] for entry in content["table"]] == ["rnn", "gru"] * 2
    assert [entry["cell"] for entry in content["other_models"]] == NAMES
    frame = read_json(done[0].text("json"))
    others = frame[frame.purpose == "baseline"]
    assert list(others.cell) == NAMES
    assert others[["learning_rate", "budget_units", "epochs"]].isna().all(axis=None)
    assert frame.equals(done[0].frame)


def test_the_report_has_a_table_of_them(done, tmp_path):
    page = done[0].report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count('<th scope="col">without recurrence</th>') == 1
    assert "ahead of" in page[page.index("without recurrence") :]


def test_results_are_read_without_asking_the_tasks_which_may_read_their_data(done, store, monkeypatch):
    monkeypatch.setattr(Experiment, "baseline_runs", None)
    results = gru_tf.results("beside", store)
    assert [row.cell for row in results.table() if row.baseline] == NAMES
    assert json.loads(results.text("json"))["baselines"] == NAMES
    assert list(results.frame[results.frame.purpose == "baseline"].cell) == NAMES


def test_all_have_a_place_among_each_other():
    assert sorted(BASELINE_ORDER) == sorted(BASELINES.names())


def test_none_are_fitted_where_none_are_asked_for(folder):
    experiment = definitions.load(definition(folder, baselines=False))
    assert experiment.baseline_runs() == []
    assert definitions.load(definition(folder, baselines=True)).baseline_runs() != []


@pytest.mark.parametrize(
    ("received", "message"),
    [
        (["rigde"], "rigde"),
        (["markov"], "'markov' fits no task. Those that do: "),
        (["ridge", "ridge"], "expected each baseline once. Received: 'ridge' 2 times"),
        (3, "received 3, expected true, false, or a list of names"),
    ],
)
def test_impossible_ones_are_refused(folder, received, message):
    with pytest.raises(UserError, match="baselines") as refused:
        sizes.check(definition(folder, baselines=received))
    assert message in str(refused.value)


def test_all_is_the_same_experiment_as_before_there_were_any(folder):
    content = yaml.safe_load(definition(folder).read_text())
    plain, every, some = (
        Experiment.model_validate({"name": "beside", **content, "baselines": which}, strict=False)
        for which in (True, True, NAMES)
    )
    assert plain.fingerprint == every.fingerprint != some.fingerprint


def test_the_store_has_the_losses_of_every_test_example(done, store, folder):
    """Of the forecast, whose test split is the same at every seed; of the adding problem, drawn by each seed, none."""
    results = gru_tf.results("beside", store)
    kept = results.record.losses(results.runs)
    tested = [run for run in results.runs if run.run.task.name == "forecast"]
    assert kept.keys() == {run.run.fingerprint for run in tested}
    task = create("forecast", tested[0].run.task.options)
    count = len(task.splits(np.random.default_rng(0)).test)
    for run in tested:
        each = kept[run.run.fingerprint]
        assert (each.dtype, each.shape) == (np.float32, (count,))
        assert task.metric.value(each.mean(dtype=np.float64)) == pytest.approx(run.test, rel=1e-6)
    assert all(run.losses == b"" for run in results.runs), "they are in no tag"
    assert results.record.losses([run for run in results.runs if run not in tested]) == {}


@pytest.mark.parametrize(
    ("content", "received"),
    [(b"", "no array"), (b"\x80\x04N.", "no array"), (np.zeros(3), "float64 of the shape (3,)")],
)
def test_a_damaged_file_of_losses_is_named(done, store, folder, content, received):
    results = gru_tf.results("beside", store)
    run = next(run for run in results.runs if run.losses_kept)
    (file,) = folder.rglob(f"{results.record.ids[run.run.fingerprint]}/artifacts/losses.npy")
    whole = file.read_bytes()
    try:
        np.save(file, content) if isinstance(content, np.ndarray) else file.write_bytes(content)
        with pytest.raises(UserError, match="losses.npy: expected 30 losses of ") as refused:
            results.record.losses(results.runs)
        assert received in str(refused.value)
    finally:
        file.write_bytes(whole)


def test_a_result_of_an_earlier_version_has_none(done):
    run = next(run for run in done[0].runs if run.losses_kept)
    assert done[0].record.losses([run.model_copy(update={"losses_kept": 0})]) == {}
