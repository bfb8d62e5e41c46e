"""A store in SQLite that is read without MLflow gives what MLflow's client gives, and leaves to it what is unusual."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from types import SimpleNamespace

import pytest
from made_results import experiment, result

from gru_tf.experiment.timing import NetworkTimes, Timing
from gru_tf.foundation.errors import UserError
from gru_tf.suite import stored_results
from gru_tf.suite.tracking import Store, reading
from gru_tf.suite.tracking.tags import MODEL, RESULT

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")

MINE = experiment(name="mine", diagnostics=True)


def written():
    """Results of every kind: two definitions, a trial, failures tried again, times that are equal."""
    for task in (0, 1):
        for cell in (0, 1):
            for seed in (0, 1, 2):
                yield result(MINE, task, cell, seed, started=1e9 + seed, test=0.1 + seed / 100, metric="mse")
    yield result(MINE, 0, 0, 0, "trial", started=1e9 + 5)
    for attempt in range(4):  # the same run at the same millisecond: MLflow's ids decide which is the last
        yield result(MINE, 1, 1, 7, started=1e9 + 9, error=f"attempt {attempt}", status="failed")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with all that reading has to tell apart."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('odd #folder')}/mlflow.db"
    opened = Store(uri)
    record = opened.open(MINE)
    record.begin()
    for one in written():
        record.write(one)
    fingerprints = list(record.ids)
    record.client.set_tag(record.ids[fingerprints[0]], MODEL, "models:/m-1")
    record.client.delete_run(record.ids[fingerprints[1]])
    record.client.set_tag(record.ids[fingerprints[2]], "gru_tf.experiment", "0123,4567")  # of an earlier definition
    record.client.delete_tag(record.ids[fingerprints[3]], RESULT)  # written in part
    record.client.set_tag(record.ids[fingerprints[4]], RESULT, '{"of": "another version"}')
    networks = {"gru": NetworkTimes(fingerprint=fingerprints[5], batch_size=8, train_ms=(2.0, 2.5))}
    record.write_timing([Timing(task=MINE.tasks[0].label, networks=networks, steps=3)])
    opened.open(experiment(name="deleted"))
    opened.client.delete_experiment(opened.client.get_experiment_by_name("deleted").experiment_id)
    opened.open(experiment(name="empty"))
    return SimpleNamespace(uri=uri, file=uri.removeprefix("sqlite:///"), record=record)


def by_the_client(store, name="mine"):
    return stored_results.of_record(Store(store.uri, make=False).find(name))


@pytest.mark.parametrize("name", ["mine", "empty"])
def test_it_is_what_mlflows_client_gives(store, name):
    light, theirs = stored_results.results(name, store.uri), by_the_client(store, name)
    assert isinstance(light.record, reading.StoredExperiment), "not by the client, which would agree with itself"
    assert light == theirs
    assert light.experiment.origin == theirs.experiment.origin
    assert light.earlier == theirs.earlier == (2 if name == "mine" else 0)
    assert [light.text(form) for form in ("csv", "json")] == [theirs.text(form) for form in ("csv", "json")]


def test_of_a_run_tried_again_the_last_is_read_also_at_equal_times(store):
    """The four attempts are in the store; the client names one of them, which is not always the one written last."""
    with closing(sqlite3.connect(store.file)) as connection:
        (count,) = connection.execute("SELECT COUNT(*) FROM tags WHERE value LIKE '%attempt%' AND key = 'error'").fetchone()
    assert count == 4
    failed = [run.error for run in stored_results.results("mine", store.uri).runs if run.status == "failed"]
    assert failed == [run.error for run in by_the_client(store).runs if run.status == "failed"]
    assert len(failed) == 1


def test_what_only_the_client_has_is_asked_of_it(store):
    light, theirs = stored_results.results("mine", store.uri), by_the_client(store)
    assert light.record.ids == theirs.record.ids
    assert light.record.models == theirs.record.models != {}
    assert light.record.validation_histories(light.runs) == theirs.record.validation_histories(theirs.runs)
    assert light.record.loss_histories(light.runs) == theirs.record.loss_histories(theirs.runs)
    assert light.record.record.left_out == theirs.record.left_out


def test_times_that_are_gone_are_none(store, monkeypatch):
    monkeypatch.setattr(reading.phases, "FILE", "gone.json")
    assert stored_results.results("mine", store.uri).timing is None


@pytest.mark.parametrize(
    ("name", "words"), [("mien", "no results of 'mien' in .*Did you mean 'mine'"), ("deleted", "no results of 'deleted'")]
)
def test_what_is_not_there_is_said_by_the_client(store, name, words):
    assert reading.find(name, store.uri) is None
    with pytest.raises(UserError, match=words):
        stored_results.results(name, store.uri)


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:1", "postgresql://one/two", "sqlite:///there.db?timeout=3", "sqlite:///%61.db"]
)
def test_any_other_store_is_left_to_the_client(uri):
    assert reading.find("mine", uri) is None


def test_a_file_that_is_none_is_left_to_the_client(tmp_path):
    (tmp_path / "notes.db").write_text("these are notes\n" * 100)
    assert reading.find("mine", f"sqlite:///{tmp_path}/notes.db") is None


def test_a_store_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="no store at .*absent.db"):
        reading.find("mine", f"sqlite:///{tmp_path}/absent.db")
    assert list(tmp_path.iterdir()) == []


def test_reading_leaves_nothing_behind_and_holds_nothing(store):
    before = os.stat(store.file).st_mtime_ns, sorted(os.listdir(os.path.dirname(store.file)))
    results = stored_results.results("mine", store.uri)
    with closing(sqlite3.connect(store.file, timeout=0)) as connection:
        connection.execute("BEGIN EXCLUSIVE")  # another writer may begin
        connection.rollback()
    assert (os.stat(store.file).st_mtime_ns, sorted(os.listdir(os.path.dirname(store.file)))) == before
    assert results.runs


def test_neither_mlflow_nor_keras_is_imported(store):
    code = (
        "import sys; import gru_tf; results = gru_tf.results('mine', sys.argv[1])\n"
        "print(len(results.runs), results.timing)\n"
        "print({'mlflow', 'sqlalchemy', 'pandas', 'keras', 'tensorflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, store.uri], capture_output=True, text=True, check=False)
    count, unwanted = done.stdout.splitlines()
    assert count.split()[0] == str(len(by_the_client(store).runs)), done.stderr
    assert unwanted == "set()"
