"""The store: everything of a run is in MLflow, comes back from it to the bit, and a torn record is no record."""

import json
import math
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, nullcontext, suppress
from importlib import import_module
from importlib.metadata import version
from types import SimpleNamespace

import keras
import mlflow
import numpy as np
import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from gru_tf import suite
from gru_tf.analysis import wording
from gru_tf.analysis.formats.summary import escaped
from gru_tf.experiment.result import RunResult, Speed
from gru_tf.experiment.specs import ModelSpec
from gru_tf.experiment.yaml_file import validate
from gru_tf.foundation import palette
from gru_tf.foundation.errors import UserError
from gru_tf.machine.speed.store import PREFIX
from gru_tf.recurrent import kernels
from gru_tf.recurrent.cells import CELLS as CELL_CATALOGUE
from gru_tf.recurrent.layers import recurrent
from gru_tf.recurrent.saved_models import StandIn
from gru_tf.suite.tracking import Record, Store, StoreError, answering, description, fields, heartbeat
from gru_tf.suite.tracking.model import _signature as signature_of
from gru_tf.suite.tracking.model import custom_objects
from gru_tf.suite.tracking.tags import BEAT, COORDINATOR, DEFINITION, HOST, RESULT
from gru_tf.tasks import Signature, create
from gru_tf.tasks.images.digits import Digits
from gru_tf.training.network.model import build
from gru_tf.training.network.resolution import resolve

pytestmark = [
    # MLflow 3.17 asks SQLAlchemy 2.1 for a deprecated loader, and warns of its own type hints
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
    # Keras Tuner 1.4.8 calls deprecated names of threading; an oracle's folder ends with the oracle
    pytest.mark.filterwarnings(r"ignore:(currentThread|getName)\(\) is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Implicitly cleaning up .*gru-tf-oracle:ResourceWarning"),
]

EPOCHS, TRIALS, SEEDS, CELLS = 2, 2, 2, ("rnn", "gru")
TINY = {
    "question": "Which tiny network reads digits best?",
    "tasks": [{"digits": {"reading": "rows"}}],
    "cells": list(CELLS),
    "seeds": SEEDS,
    "model": {"units": 5},
    "training": {"epochs": EPOCHS, "batch_size": 64},
    "search": {"trials": TRIALS, "shared": True, "space": {"learning_rate": [3e-3, 1e-2]}},
}
OWN = {**TINY, "cells": ["gru"], "seeds": 1, "model": {"units": 4, "implementation": "custom"}, "search": None}
OWN |= {"training": {**TINY["training"], "jit": False}}  # the tiny ones are compiled by XLA; what is kept is the same
LIGHT = {**OWN, "cells": ["janet", "min_gru"], "model": {"units": 4}}  # cells that Keras does not have, as shipped
STORED = {"tiny": TINY, "own": OWN, "light": LIGHT}
# with 8 features and 10 classes: state × (features + state + biases), and the head
RECURRENT = {"rnn": 5 * (8 + 5 + 1), "gru": 3 * 5 * (8 + 5 + 2)}
HEAD = 10 * (5 + 1)


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """A store with three small experiments, what was told while they ran, and their children in MLflow."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('kept')}/mlruns/mlflow.db"
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Digits, "checksums", lambda self: {"digits.npz": "0123abcd"})  # digits come without a file
        for name, content in STORED.items():
            suite.run(validate({**content, "name": name}, name), uri, workers=0, progress=lambda r, *_: told.append(r))
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("tiny").experiment_id
    runs = client.search_runs([experiment])
    parent = next(run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    children = [run for run in runs if run is not parent]
    told = [result for result in told if result is not None]
    return SimpleNamespace(uri=uri, client=client, runs=runs, parent=parent, children=children, told=told)


@pytest.fixture(scope="session")
def blank(tmp_path_factory):
    """The file of an empty store; making one takes MLflow a second or two, copying it none."""
    file = tmp_path_factory.mktemp("blank") / "mlflow.db"
    Store(f"sqlite:///{file}")
    return file


@pytest.fixture
def empty(tmp_path, blank):
    """An empty store, and an experiment to write to it."""
    shutil.copy(blank, tmp_path / "mlflow.db")
    return Store(f"sqlite:///{tmp_path}/mlflow.db"), validate({**TINY, "name": "tiny"}, "tiny")


def stored_without(record, *keys):
    """The definition in the store as a version wrote it that did not know these keys of a search."""
    content = json.loads(record.experiment.model_dump_json())
    content["search"] = {key: value for key, value in content["search"].items() if key not in keys}
    record.client.set_tag(record.parent, DEFINITION, json.dumps(content))


def test_a_definition_of_before_has_no_range_that_was_widened(empty):
    store, experiment = empty
    record = store.open(experiment)
    assert store.find("tiny").experiment.search.widen
    stored_without(record, "widen")
    assert not store.find("tiny").experiment.search.widen


@pytest.mark.parametrize("shared", [True, False])
def test_a_definition_of_before_has_the_one_search_that_there_was(empty, shared):
    store, experiment = empty
    search = experiment.search.model_copy(update={"shared": shared})
    record = store.open(experiment.model_copy(update={"search": search}))
    assert store.find("tiny").experiment.search.shared is shared
    assert not record.outdated()
    stored_without(record, "shared")
    assert store.find("tiny").experiment.search.shared
    assert record.outdated() is not shared


def test_a_definition_that_is_none_is_reported(empty):
    store, experiment = empty
    record = store.open(experiment)
    for text in ("", "nothing", "[1]", '{"search": 3}', '{"search": {"trials": 0}}'):
        record.client.set_tag(record.parent, DEFINITION, text)
        assert record.outdated()
        with pytest.raises(UserError, match="'tiny' in .* was run by another version of gru_tf: "):
            store.find("tiny")


def result_of(experiment, seed=0, **changes):
    """A result as a worker would return it, without training."""
    task, cell = next(experiment.pairs())
    speed = Speed(compile_seconds=1, train_seconds=2, step_ms=3, step_ms_low=2, step_ms_high=4, samples_per_second=5)
    history = {"train_loss": [0.1 + 0.2, 0.3], "validation_accuracy": [1 / 3, 0.5]}
    values = {"status": "finished", "started": time.time(), "seconds": 1.25, "history": history, "speed": speed}
    values |= {"metric": "accuracy", "validation": 1 / 3, "test": 2 / 3, "chance": 0.075, "score": 0.1}
    return RunResult(run=experiment.run(task, cell, seed), **{**values, **changes})


def test_an_experiment_of_mlflow_for_each_experiment(kept):
    assert Store(kept.uri).names() == sorted(STORED)


def test_the_parent_is_the_experiment_and_the_children_are_its_trials_and_seeds(kept):
    tags = kept.parent.data.tags
    assert kept.parent.info.run_name == "tiny"
    assert TINY["question"] in tags["mlflow.note.content"]
    assert {child.data.tags["mlflow.parentRunId"] for child in kept.children} == {kept.parent.info.run_id}
    assert {run.info.status for run in kept.runs} == {"FINISHED"}
    found = sorted((c.data.params["cell"], c.data.params["purpose"], c.data.params["seed"]) for c in kept.children)
    finals = [(cell, "final", str(seed)) for cell in CELLS for seed in range(SEEDS)]
    assert found == sorted(finals + [(cell, "trial", "1000") for cell in CELLS] * TRIALS)


def test_a_record_needs_no_store_object_but_its_client_and_uri(empty):
    store, experiment = empty
    opened, result = store.open(experiment), result_of(experiment)
    record = Record(MlflowClient(store.uri), store.uri, experiment, opened.experiment_id, opened.parent)
    record.begin()
    record.write(result)
    record.end(failed=False)
    assert store.find("tiny").results().keys() == {result.run.fingerprint}
    assert opened.complete()


def test_names_of_the_runs_tell_them_apart(kept):
    names = [child.info.run_name for child in kept.children]
    assert len(set(names)) == len(names)
    seeds = [set(name.split(" · ")) for name in names if "seed" in name]
    assert {"gru", "digits(reading=rows)", "seed 1"} in seeds


def test_parameters_of_every_child(kept):
    for child in kept.children:
        params, cell = child.data.params, child.data.params["cell"]
        assert params["task"] == "digits(reading=rows)"
        assert (params["epochs"], params["batch_size"], params["optimizer"], params["layers"]) == ("2", "64", "adam", "1")
        assert float(params["learning_rate"]) in TINY["search"]["space"]["learning_rate"]
        assert params["resolved_units"] == "5"
        assert int(params["recurrent_parameters"]) == RECURRENT[cell]
        assert int(params["total_parameters"]) == RECURRENT[cell] + HEAD
        fused = not kernels.why_not()
        assert params["kernel_path"] == ("fused cpu" if fused else "xla while-loop")
        assert params["resolved_jit"] == str(not fused)
        assert child.data.tags.get("why_not_fused", "") == kernels.why_not()


def test_curves_of_every_child(kept):
    for child in kept.children:
        for name in ("train_loss", "validation_loss", "validation_accuracy"):
            points = kept.client.get_metric_history(child.info.run_id, name)
            assert sorted(point.step for point in points) == list(range(EPOCHS))
        best = max(p.value for p in kept.client.get_metric_history(child.info.run_id, "validation_accuracy"))
        assert child.data.metrics["best_validation_accuracy"] == best


def test_a_trial_has_no_test_metric_and_a_final_seed_has_one(kept):
    for child in kept.children:
        metrics, final = child.data.metrics, child.data.params["purpose"] == "final"
        assert ("test_accuracy" in metrics, "score" in metrics) == (final, final)
        assert metrics["chance_accuracy"] == 1 / 10
        if final:
            expected = (metrics["test_accuracy"] - 1 / 10) / (1 - 1 / 10)
            assert metrics["score"] == pytest.approx(expected, abs=1e-12)


def test_chance_on_a_further_split_stands_beside_its_metric():
    found = result_of(validate({**TINY, "name": "tiny"}, "tiny"), more={"longer_nll": 0.25}, chances={"longer_nll": 0.5})
    numbers = fields.numbers(RunResult.model_validate_json(found.model_dump_json()))
    assert (numbers["test_longer_nll"], numbers["chance_longer_nll"]) == (0.25, 0.5)


def test_speed_and_memory_of_every_child(kept):
    steps = math.ceil(1078 / 64)
    for child in kept.children:
        m = child.data.metrics
        assert 0 < m["step_ms_low"] <= m["step_ms"] <= m["step_ms_high"]
        assert m["samples_per_second"] == pytest.approx(1078 / steps / (m["step_ms"] / 1000))
        assert m["compile_seconds"] > 0
        assert m["train_seconds"] <= m["run_seconds"]
        assert 50 < m["peak_memory_mb"] < 20_000


def test_a_run_ends_when_its_training_ended_also_where_a_model_was_logged_later(kept):
    for child in kept.children:
        seconds = (child.info.end_time - child.info.start_time) / 1000
        assert seconds == pytest.approx(child.data.metrics["run_seconds"], abs=0.005)


def test_where_every_child_ran(kept):
    for child in kept.children:
        tags = child.data.tags
        assert tags["status"] == "finished"
        assert tags["error"] == ""
        for package in ("tensorflow", "keras", "keras-tuner", "mlflow", "numpy", "gru-tf"):
            assert tags[f"version.{package}"] == version(package)
        assert tags["version.python"] == sys.version.split()[0]
        assert tags["data.digits.npz"] == "0123abcd"
        assert tags["device"]
        assert tags["threads"].isdigit()
        assert tags["kernels"]
        assert "commit" in tags


def test_results_come_back_to_the_bit(kept):
    store = Store(kept.uri)
    found = {key: result for name in STORED for key, result in store.find(name).results().items()}
    assert len(kept.told) == len(found) == len(CELLS) * (TRIALS + SEEDS) + 3
    for result in kept.told:
        back = found[result.run.fingerprint]
        assert back == result.model_copy(update={"history": back.history, "losses": b""}), "which the store keeps apart"
    records = [store.find(name) for name in STORED]
    losses = {key: held for record in records for key, held in record.losses(record.results().values()).items()}
    assert {r.run.fingerprint: r.losses for r in kept.told if r.losses} == {key: h.tobytes() for key, h in losses.items()}


def test_curves_come_back_to_the_bit(kept):
    ids = {child.data.tags["gru_tf.fingerprint"]: child.info.run_id for child in kept.children}
    for result in kept.told[: len(ids)]:
        for name, values in result.history.items():
            points = kept.client.get_metric_history(ids[result.run.fingerprint], name)
            assert [p.value for p in sorted(points, key=lambda p: p.step)] == values
    store, names = Store(kept.uri), ("train_loss", "validation_loss")
    records = [store.find(name) for name in STORED]
    histories = {key: each for record in records for key, each in record.loss_histories(record.results().values()).items()}
    assert histories == {
        r.run.fingerprint: {name: r.history[name] for name in names} for r in kept.told if r.history.get("train_loss")
    }


PREDICT = """
import json, os, sys
import mlflow, numpy as np
models, x, y = json.loads(sys.argv[1]), np.load(sys.argv[2]), np.load(sys.argv[3])
print(json.dumps([float(np.mean(mlflow.pyfunc.load_model(m).predict(x).argmax(-1) == y)) for m in models]))
"""


@pytest.fixture(scope="session")
def best(kept):
    """(the registered model's address, its run) of every model in the store."""
    ids = [kept.client.get_experiment_by_name(name).experiment_id for name in STORED]
    logged = [run for run in kept.client.search_runs(ids) if "gru_tf.model" in run.data.tags]
    names = [entry.name for entry in kept.client.search_registered_models()]
    versions = {kept.client.get_model_version_by_alias(name, "best").run_id: f"models:/{name}@best" for name in names}
    return [(versions[run.info.run_id], run) for run in logged]


def test_only_the_best_seed_by_validation_of_each_cell_has_a_model(kept, best):
    finals = [r for r in kept.told if r.run.purpose == "final"]
    expected = set()
    for network in {(r.run.cell.name, r.run.model.implementation) for r in finals}:
        seeds = [r for r in finals if (r.run.cell.name, r.run.model.implementation) == network]
        expected.add(max(seeds, key=lambda r: r.validation).run.fingerprint)
    assert {run.data.tags["gru_tf.fingerprint"] for _, run in best} == expected
    assert len(expected) == len(CELLS) + 3


def test_the_models_load_in_a_fresh_process_and_predict_what_was_recorded(kept, best, tmp_path):
    test = create("digits", {"reading": "rows"}).splits(np.random.default_rng(0)).test
    np.save(tmp_path / "x.npy", test.inputs)
    np.save(tmp_path / "y.npy", test.targets)
    arguments = [json.dumps([address for address, _ in best]), str(tmp_path / "x.npy"), str(tmp_path / "y.npy")]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": kept.uri, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", PREDICT, *arguments]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    recorded = [run.data.metrics["test_accuracy"] for _, run in best]
    assert json.loads(done.stdout.splitlines()[-1]) == pytest.approx(recorded, abs=1e-6)
    assert len(set(recorded)) > 1  # one constant prediction for all would not pass


def test_the_best_model_of_each_cell_is_registered(kept, best):
    found = {entry.name: entry.aliases for entry in kept.client.search_registered_models()}
    names = {f"gru-tf.{name}.digits-reading-rows.{cell}" for name, content in STORED.items() for cell in content["cells"]}
    assert found == {name: {"best": 1} for name in names}
    runs = {kept.client.get_model_version_by_alias(name, "best").run_id for name in names}
    assert runs == {run.info.run_id for _, run in best}


def test_what_the_dashboard_says_of_a_finished_experiment(kept):
    text = kept.parent.data.tags["mlflow.note.content"]
    assert kept.client.get_experiment(kept.parent.info.experiment_id).tags["mlflow.note.content"] == text
    found = wording.interval(suite.results("tiny", kept.uri).table()[1].test)
    assert f"| gru | 5 | {RECURRENT['gru'] + HEAD} | {escaped(found)} |" in text.replace("**", ""), "bold or not"
    (data,) = kept.parent.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("digits(reading=rows)", "0123abcd")
    for child in kept.children:
        (own,) = child.inputs.dataset_inputs
        read = "train, validation" + (", test" if child.data.params["purpose"] == "final" else "")
        assert (own.dataset, own.tags[0].value) == (data.dataset, read)
        assert child.data.tags["mlflow.runColor"] == palette.colour(child.data.params["cell"])


NUMBERS_OF_EVERY_RUN = {
    *("total_parameters", "recurrent_parameters", "peak_memory_mb", "run_seconds", "compile_seconds", "train_seconds"),
    *("step_ms", "step_ms_low", "step_ms_high", "samples_per_second", "train_loss", "validation_loss", "updates"),
}


def test_numbers_are_named_the_same_in_every_experiment_and_for_every_cell(kept):
    """So that one chart of the dashboard compares all: nothing but the metric's own name tells two tasks apart."""
    ids = [kept.client.get_experiment_by_name(name).experiment_id for name in STORED]
    metric = {"validation_accuracy", "best_validation_accuracy", "chance_accuracy"}
    for run in kept.client.search_runs(ids, "params.purpose != ''"):
        final = {"score", "test_accuracy"} if run.data.params["purpose"] == "final" else set()
        named = set(run.data.metrics) - {"predict_ms"}  # not of every version
        assert named == NUMBERS_OF_EVERY_RUN | metric | final
    measured = {
        PREFIX["train"],
        "samples_per_second",
        "compile_seconds",
        "peak_memory_mb",
        "total_parameters",
        "run_seconds",
    }
    assert measured <= NUMBERS_OF_EVERY_RUN, "what `gru-tf speed` measures too is called the same there"


def test_a_model_takes_along_what_of_this_project_is_in_it():
    keras_own = keras.Sequential([keras.Input((3, 2)), keras.layers.Bidirectional(keras.layers.GRU(2))])
    assert custom_objects(keras_own) == {}
    scan = recurrent(CELL_CATALOGUE.find("min_gru"), 2, {}, bidirectional=True)
    found = custom_objects(keras.Sequential([keras.Input((3, 2)), scan]))
    assert {"gru_tf>MinGRUCell", "gru_tf>ParallelRNN", "gru_tf>positive"} <= set(found)
    assert not any(isinstance(value, StandIn) for value in found.values())


class TornError(Exception):
    """The process ended here."""


@pytest.mark.parametrize("call", range(7))
def test_a_record_torn_at_any_call_is_no_record_or_a_whole_one(empty, monkeypatch, call):
    store, experiment = empty
    record = store.open(experiment)
    record.begin()
    result, left = result_of(experiment), [call]
    with monkeypatch.context() as patch:
        for name in ("create_run", "log_inputs", "log_batch", "log_metric", "log_param", "set_tag", "set_terminated"):
            patch.setattr(MlflowClient, name, _tearing(getattr(MlflowClient, name), left))
        try:
            record.write(result)
        except TornError:
            assert left == [-1]
        else:
            assert call >= 5, "a record is written in several calls"
    found = store.find("tiny").results()
    assert [r.model_copy(update={"history": {}}) for r in found.values()] in ([], [_bare(result)])
    if not found:
        store.open(experiment).write(result)
        assert list(store.find("tiny").results().values()) == [_bare(result)]


def _bare(result):
    return result.model_copy(update={"history": {}})


def _tearing(method, left):
    def torn(*args, **kwargs):
        left[0] -= 1
        if left[0] < 0:
            raise TornError
        return method(*args, **kwargs)

    return torn


def _mute(method, left):
    """Does what it is asked; from the call `left` on it does not say so, once."""

    def asked(*args, **kwargs):
        done = method(*args, **kwargs)
        left[0] -= 1
        if left[0] == -1:
            raise MlflowException("the server went away")
        return done

    return asked


@pytest.mark.parametrize("call", range(5))
def test_a_result_that_the_server_took_without_saying_so_is_there_once(empty, monkeypatch, call):
    """Whichever of its answers is lost; the next result is not taken for this one."""
    store, experiment = empty
    record = store.open(experiment)
    record.begin()
    result, left = result_of(experiment), [call]
    with monkeypatch.context() as patch:
        for name in ("create_run", "log_inputs", "log_batch", "set_terminated"):
            patch.setattr(MlflowClient, name, _mute(getattr(MlflowClient, name), left))
        with pytest.raises(StoreError, match="the server went away"):
            record.write(result)
        record.write(result)
        record.write(result_of(experiment, seed=1))
    children = record.children.find()
    assert sorted(child.data.params["seed"] for child in children) == ["0", "1"]
    assert {child.info.status for child in children} == {"FINISHED"}
    assert store.find("tiny").results()[result.run.fingerprint] == _bare(result)


@pytest.mark.parametrize(("ago", "refused"), [(5.0, True), (heartbeat.LIFETIME + 5.0, False)])
def test_a_coordinator_on_another_machine_is_respected_while_it_gives_signs_of_life(empty, ago, refused):
    store, experiment = empty
    store.open(experiment).begin()
    record = store.open(experiment)
    for tag, value in ((HOST, "elsewhere"), (COORDINATOR, "ada on elsewhere"), (BEAT, str(time.time() - ago))):
        store.client.set_tag(record.parent, tag, value)
    with pytest.raises(UserError, match="tiny is already being run by ada on elsewhere") if refused else nullcontext():
        record.begin()


def test_a_long_run_keeps_every_epoch_and_losses_that_are_not_finite(empty):
    store, experiment = empty
    losses = [*np.random.default_rng(0).random(1199).tolist(), math.nan]
    history = {"train_loss": losses, "validation_loss": [math.inf]}
    result = result_of(experiment, status="diverged", error="the loss was not finite", history=history, test=None)
    record = store.open(experiment)
    record.begin()
    record.write(result)
    (run_id,) = record.ids.values()
    points = store.client.get_metric_history(run_id, "train_loss")
    assert [p.value for p in sorted(points, key=lambda p: p.step)] == pytest.approx(losses, abs=0, nan_ok=True)
    assert store.client.get_run(run_id).info.status == "FAILED"
    assert list(store.find("tiny").results().values()) == [_bare(result)]


def test_a_run_tried_again_takes_the_place_of_its_failure(empty):
    store, experiment = empty
    record = store.open(experiment)
    record.begin()
    failed = result_of(experiment, status="failed", error="no memory", started=1000.0)
    for result in (failed, result_of(experiment, started=2000.0)):
        record.write(result)
    assert [r.status for r in store.find("tiny").results().values()] == ["finished"]


def test_an_experiment_that_was_only_opened_is_known_and_empty(empty):
    store, experiment = empty
    store.open(experiment)
    found = store.find("tiny")
    assert found.experiment == experiment
    assert found.results() == {}


def test_an_experiment_and_a_result_of_any_length_come_back(empty):
    """MLflow cuts a tag at 8,000 characters: what was trained on a table of 400 columns could not be read any more."""
    store, experiment = empty
    columns = [f"temperature of room {number}" for number in range(600)]
    task = {"forecast": {"path": "wide.csv", "target": ["load"], "covariates": columns, "window": 8, "horizon": 1}}
    wide = validate({**TINY, "name": "tiny", "tasks": [task]}, "tiny")
    record = store.open(wide)
    record.begin()
    record.write(result := result_of(wide))
    found = store.find("tiny")
    assert found.experiment == wide
    assert not found.outdated()
    (back,) = found.results().values()
    assert back == result.model_copy(update={"history": {}})
    assert record.children.taken(result) == record.ids[result.run.fingerprint]
    store.open(experiment).begin()
    assert store.find("tiny").experiment == experiment, "and a short one after it"


def test_a_result_of_another_version_is_trained_again(empty):
    """It ended every command on this experiment in a traceback."""
    store, experiment = empty
    record = store.open(experiment)
    record.write(result := result_of(experiment))
    store.client.set_tag(record.ids[result.run.fingerprint], RESULT, '{"run": {}, "of": "another version"}')
    assert record.results() == {}
    assert record.left_out == 1
    record.write(result)
    assert list(record.results().values()) == [_bare(result)]


def test_a_store_whose_writer_was_killed_in_the_middle_is_read(empty, tmp_path):
    """It has a journal to be rolled back, which takes more than the right to read."""
    store, _ = empty
    file = store.uri.removeprefix("sqlite:///")
    dying = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('PRAGMA cache_size = 1'); c.execute('BEGIN IMMEDIATE');"
        "[c.execute('INSERT INTO experiment_tags VALUES (?, ?, 0)', (str(i), 'x' * 4000)) for i in range(200)];"
        "os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", dying, file], check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (9, b"")
    assert os.path.getsize(f"{file}-journal") > 0
    assert Store(store.uri, make=False).names() == []
    assert not os.path.exists(f"{file}-journal")


def test_what_a_person_wrote_of_an_experiment_stays(empty):
    """Another program may have one of this name, or somebody wrote in the dashboard."""
    store, experiment = empty
    number = store.client.create_experiment("tiny")
    store.client.set_experiment_tag(number, "mlflow.note.content", "My notes of three months.")
    mine = store.client.create_run(number, run_name="mine").info.run_id
    record = store.open(experiment)
    record.begin()
    record.end(failed=False)
    assert store.client.get_experiment(number).tags["mlflow.note.content"] == "My notes of three months."
    assert TINY["question"] in store.client.get_run(record.parent).data.tags["mlflow.note.content"]
    assert store.client.get_run(mine).info.status == "RUNNING"
    store.client.set_experiment_tag(number, "mlflow.note.content", "")
    for word in ("first", "second"):
        description.note(record, word)
        assert store.client.get_experiment(number).tags["mlflow.note.content"] == word


@pytest.mark.parametrize("steps", range(4))
def test_a_description_of_ours_is_taken_for_ours_wherever_its_writer_was_killed(empty, monkeypatch, steps):
    store, experiment = empty
    record = store.open(experiment)
    description.note(record, "first")
    left = iter(range(steps))

    def dying(method):
        def inner(*given):
            if next(left, None) is None:
                raise KeyboardInterrupt
            method(*given)

        return inner

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        for name in ("set_experiment_tag", "set_tag"):
            patch.setattr(record.client, name, dying(getattr(record.client, name)))
        description.note(record, "second")
    description.note(record, "third")
    assert store.client.get_experiment(record.experiment_id).tags["mlflow.note.content"] == "third"
    store.client.set_experiment_tag(record.experiment_id, "mlflow.note.content", "third, and my own thoughts")
    description.note(record, "fourth")
    assert store.client.get_experiment(record.experiment_id).tags["mlflow.note.content"] == "third, and my own thoughts"


def test_an_experiment_deleted_in_the_dashboard_is_said_to_be(empty):
    store, experiment = empty
    record = store.open(experiment)
    record.begin()
    store.client.delete_experiment(record.experiment_id)
    with pytest.raises(UserError, match="no results of 'tiny'"):
        store.find("tiny")
    with pytest.raises(UserError, match=f"'tiny' was deleted .* mlflow experiments restore -x {record.experiment_id}"):
        store.open(experiment)


def test_a_misspelt_name_is_answered_with_the_nearest(kept):
    with pytest.raises(UserError, match=r"no results of 'tinny' in .*\. Did you mean 'tiny'\?"):
        Store(kept.uri).find("tinny")
    with pytest.raises(UserError, match=r"no results of '' in .*\. To produce some: gru-tf run NAME$"):
        Store(kept.uri).find("")


def test_using_a_store_leaves_mlflow_s_default_alone(kept):
    assert kept.uri not in (os.environ.get("MLFLOW_TRACKING_URI"), mlflow.get_tracking_uri())


def test_a_server_that_does_not_answer_is_named_soon():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    clock = time.monotonic()
    with pytest.raises(
        UserError, match=f"^the tracking store {address} does not respond: Connection refused. Is the server"
    ):
        Store(address)
    assert time.monotonic() - clock < 15


def test_a_database_without_its_driver_is_named_with_the_package():
    line = r"^the tracking store mysql://there/x does not respond: its driver is not installed, MySQLdb; for PostgreSQL: pip"
    with pytest.raises(UserError, match=line), answering("mysql://there/x"):
        import_module("MySQLdb")


def test_another_package_that_is_missing_is_no_driver():
    """Such as boto3, for artifacts: trying again would not bring it."""
    with pytest.raises(ModuleNotFoundError, match="no_such_package"), answering("sqlite:///x.db"):
        import_module("no_such_package")


def test_a_file_that_is_no_store_is_refused_and_kept(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("these are notes\n" * 100)
    with pytest.raises(UserError, match=r"^the tracking store sqlite:///.*notes.txt does not respond: "):
        Store(f"sqlite:///{file}")
    assert file.read_text() == "these are notes\n" * 100


@pytest.mark.parametrize("uri", ["nonsense://there", "sqlite:////proc/none/mlflow.db"])
def test_an_address_that_cannot_be_is_refused(uri):
    with pytest.raises(UserError, match=uri):
        Store(uri)


def test_a_program_that_goes_to_another_folder_has_the_store_of_that_folder(blank, tmp_path, monkeypatch):
    """A notebook's `%cd`: MLflow goes on with what it has opened under the same URI."""
    experiment = validate({**TINY, "name": "tiny"}, "tiny")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        shutil.copy(blank, tmp_path / name / "near.db")
        monkeypatch.chdir(tmp_path / name)
        store = Store("sqlite:///near.db")
        assert store.names() == []
        store.open(experiment)
        assert store.names() == ["tiny"]


def tables(file):
    with closing(sqlite3.connect(file)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@pytest.mark.parametrize("make", [True, False])
def test_a_database_of_another_program_is_refused_and_kept(tmp_path, make):
    file = tmp_path / "shop.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE customers (name)")
    with pytest.raises(UserError, match=r"shop.db: expected a store of MLflow\. Received: a database of customers$"):
        Store(f"sqlite:///{file}", make)
    assert tables(file) == {"customers"}


def test_a_store_of_another_version_of_mlflow_is_not_changed_unasked(blank, tmp_path):
    """MLflow makes the tables that are missing, and what the older version wrote can then be read by none but the newer."""
    file = shutil.copy(blank, tmp_path / "older.db")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE logged_model_tags")
        connection.execute("UPDATE alembic_version SET version_num = '0584bdc529eb'")  # MLflow 2.22's
        connection.commit()
    before = tables(file)
    with pytest.raises(UserError, match=rf"one of another version, which is left unchanged\. .*mlflow db upgrade .*{file}$"):
        Store(f"sqlite:///{file}", make=False)
    assert tables(file) == before


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///:memory:", "sqlite:///~/mlflow.db"])
def test_a_store_that_would_be_lost_or_lie_in_a_folder_called_tilde_is_refused(uri, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^store: expected .* Received: sqlite:"):
        Store(uri)
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_a_store_that_is_not_there_stays_a_link(blank, tmp_path):
    """To a disk that is not mounted, for one: a file in the link's place would be another, empty store for ever."""
    link, disk = tmp_path / "mlflow.db", tmp_path / "disk"
    link.symlink_to(disk / "mlflow.db")
    with pytest.raises(
        UserError, match=r"a link to .*disk/mlflow.db, but its folder does not exist; is the disk mounted\?$"
    ):
        Store(f"sqlite:///{link}")
    assert [file.name for file in tmp_path.iterdir() if not file.name.endswith(".lock")] == ["mlflow.db"]
    disk.mkdir()
    shutil.copy(blank, disk)
    Store(f"sqlite:///{link}")
    assert link.is_symlink()


TOKENS = {"timesteps": 9, "features": 3, "outputs": 7, "target": "class", "tokens": 7}
NUMBERS = np.array([[1, 2, 3], [4, 5, 0]], "int32")
REAL = np.array([[True, True, True], [True, True, False]])


@pytest.mark.parametrize(
    ("signature", "given", "taken"),
    [
        (Signature(**TOKENS, varying=True), {"sequence": NUMBERS, "mask": REAL}, [NUMBERS, REAL]),
        (Signature(**TOKENS), NUMBERS, NUMBERS),
    ],
)
def test_a_network_of_tokens_predicts_through_mlflow_what_its_record_says_it_takes(signature, given, taken, tmp_path):
    network = build(resolve(ModelSpec(units=3), signature, CELL_CATALOGUE.find("gru"), {}))
    mlflow.tensorflow.save_model(network, tmp_path / "m", signature=signature_of(network), pip_requirements=["keras"])
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "m"))
    np.testing.assert_allclose(loaded.predict(given), network(taken), atol=1e-6)
    wrong = {**given, "sequence": NUMBERS * 0.5} if isinstance(given, dict) else NUMBERS * 0.5
    with pytest.raises(mlflow.MlflowException, match="float64 does not match expected dtype int32"):
        loaded.predict(wrong)
