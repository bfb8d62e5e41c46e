"""What earlier versions wrote is read as it was: a store with its runs and models, and a `.keras` file of every layer."""

import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from places import ROOT

import gru_tf
from gru_tf.analysis.formats.columns import ASKED
from gru_tf.experiment.specs import ModelSpec, TrainingSpec, network, training
from gru_tf.foundation import addresses

ARCHIVE = ROOT / "tests" / "whole" / "written_before" / "before.zip"
SINCE = [(spec, name) for spec, names in ((ModelSpec, network.LATER), (TrainingSpec, training.LATER)) for name in names]
NEW = {ASKED.get(name, name): spec.model_fields[name].default for spec, name in SINCE}
NEW |= {"model_bytes": None, "updates": None, "solved": None}  # columns that there are since, with what it has in them
MOVED = "/STORE"  # what stands in the archive for the folder that the store lay in


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The archive, unpacked, with the store's own paths leading there."""
    folder = tmp_path_factory.mktemp("before")
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(folder)
    file, store = folder / "before.yaml", folder / "store"
    file.write_text(file.read_text().replace("trials: 2,", "trials: 2, shared: true,"))  # which no file had to say then
    database = sqlite3.connect(store / "mlflow.db")
    for (table,) in database.execute("select name from sqlite_master where type = 'table'").fetchall():
        for _, column, *_ in database.execute(f'pragma table_info("{table}")').fetchall():
            where = f'typeof("{column}") = \'text\' and instr("{column}", ?)'
            text = f'update "{table}" set "{column}" = replace("{column}", ?, ?) where {where}'  # noqa: S608, our own names
            database.execute(text, (MOVED, str(store), MOVED))
    database.commit()
    database.close()
    for model in store.rglob("MLmodel"):
        model.write_text(model.read_text().replace(MOVED, str(store)))
    return folder


@pytest.fixture(scope="module")
def store(folder):
    return f"sqlite:///{folder}/store/mlflow.db"


def in_a_new_process(code, *arguments, **variables):
    """What a program prints that has imported nothing yet."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", **variables}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_archive_is_small():
    assert ARCHIVE.stat().st_size <= 300 * 1024


def without_new(runs):
    """The runs without the columns that there were not then, which have what every run did then."""
    for run in runs:
        read = {name: run.get(name) for name in NEW}
        assert all(read[name] in (NEW[name], "" if NEW[name] is None else str(NEW[name])) for name in NEW), read
    return [{name: value for name, value in run.items() if name not in NEW} for run in runs]


def test_its_definition_is_read_as_it_was_meant(store):
    search = gru_tf.results("before", store).experiment.search
    assert (search.shared, search.widen) == (True, False)


def test_every_run_is_read_with_its_numbers_and_none_is_repeated(folder, store):
    trained = []
    results = gru_tf.run(folder / "before.yaml", store=store, workers=0, progress=lambda result, *_: trained.append(result))
    assert not any(trained)
    assert len(results.runs) == 24
    assert results.earlier == 0
    tables = [list(csv.DictReader(StringIO(text))) for text in (results.text("csv"), (folder / "results.csv").read_text())]
    assert without_new(tables[0]) == tables[1]
    before, now = json.loads((folder / "results.json").read_text()), json.loads(results.text("json"))
    assert without_new(now["runs"]) == before["runs"]
    assert {run["fingerprint"] for run in now["runs"]} == {run.run.fingerprint for run in results.runs}


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")  # MLflow's, of its own models
def test_one_run_that_is_missing_is_trained_and_gives_the_same_number(folder, store, tmp_path):
    """The counterpart: a store that lacks a run is noticed, so the test above is able to fail."""
    copy = shutil.copytree(folder / "store", tmp_path / "store")
    database = sqlite3.connect(copy / "mlflow.db")
    (run,) = database.execute(
        "select run_uuid from tags where key = 'gru_tf.result' and value like '%\"final\"%\"rnn\"%' limit 1"
    ).fetchone()
    before = gru_tf.results("before", store)
    (fingerprint,) = database.execute(
        "select value from tags where key = 'gru_tf.fingerprint' and run_uuid = ?", (run,)
    ).fetchone()
    database.execute("update runs set lifecycle_stage = 'deleted' where run_uuid = ?", (run,))
    parent = "select run_uuid from tags where key = 'gru_tf.kind' and value = 'experiment'"
    database.execute(f"update runs set status = 'RUNNING' where run_uuid in ({parent})")  # noqa: S608
    database.commit()
    database.close()
    trained = []
    uri = f"sqlite:///{copy}/mlflow.db"
    gru_tf.run(folder / "before.yaml", uri, workers=0, progress=lambda result, *_: trained.append(result))
    (anew,) = [result for result in trained if result]
    (old,) = [result for result in before.runs if result.run.fingerprint == fingerprint]
    assert anew.run == old.run
    assert anew.parameters == old.parameters
    assert anew.test == pytest.approx(old.test, rel=1e-4)  # another machine sums in another order


def test_registered_models_give_what_they_gave(folder, store):
    outputs = np.load(folder / "registered.npz")
    names = sorted({key.partition("|")[0] for key in outputs})
    code = """
import sys, json
import numpy as np, mlflow
data = np.load(sys.argv[1])
for name in sys.argv[2:]:
    model = mlflow.pyfunc.load_model(f"models:/{name}@best")
    got = np.asarray(model.predict(data[name + "|x"]))
    assert np.abs(got - data[name + "|y"]).max() < 1e-6, name
    assert np.abs(got).max() > 1e-3, name
print("same")
"""
    assert len(names) == 6
    variables = {"MLFLOW_TRACKING_URI": store, "MLFLOW_DISABLE_TELEMETRY": "true"}
    assert in_a_new_process(code, folder / "registered.npz", *names, **variables).endswith("same\n")


def test_a_keras_file_of_every_layer_gives_what_it_gave(folder):
    code = """
import sys
import gru_tf, keras, numpy as np
data = np.load(sys.argv[2])
model = keras.models.load_model(sys.argv[1])
assert np.abs(model.predict(data["inputs"], verbose=0) - data["outputs"]).max() < 1e-6
print(len(model._flatten_layers(include_self=False)))
"""
    assert int(in_a_new_process(code, folder / "layers.keras", folder / "layers.npz").split()[-1]) >= 12


def test_that_file_names_modules_that_have_moved(folder):
    """So it is one that a move could break."""
    with zipfile.ZipFile(folder / "layers.keras") as archive:
        config = archive.read("config.json").decode()
    for former in ("gru_tf.cells.gru", "gru_tf.layers.stack", "gru_tf.cells._parallel"):
        assert f'"module": "{former}"' in config
        assert not (ROOT / Path(*former.split("."))).with_suffix(".py").exists()
        assert addresses.current(former)
