"""Running an experiment: what is done is never done again, a failure stops nothing, an interruption changes no number."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import yaml

import gru_tf
from gru_tf import suite
from gru_tf.analysis.answer import Line
from gru_tf.experiment import yaml_file
from gru_tf.foundation.errors import UserError
from gru_tf.suite import journal, looks, publishing, publishing_libraries
from gru_tf.suite.engine.serial import SerialEngine
from gru_tf.suite.tracking import Record, Store
from gru_tf.training import trainer

pytestmark = [
    # MLflow 3.17 asks SQLAlchemy 2.1 for a deprecated loader, and warns of its own type hints
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
    # Keras Tuner 1.4.8 calls deprecated names of threading; an oracle's folder ends with the oracle
    pytest.mark.filterwarnings(r"ignore:(currentThread|getName)\(\) is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Implicitly cleaning up .*gru-tf-oracle:ResourceWarning"),
]

TINY = {
    "question": "Which tiny network reads digits best?",
    "tasks": [{"digits": {"reading": "rows"}}],
    "cells": ["rnn", "gru"],
    "seeds": 2,
    "model": {"units": 5},
    "training": {"epochs": 10, "batch_size": 64, "jit": False},  # XLA would take longer to compile it than this takes
    "search": {"trials": 2, "shared": True, "space": {"learning_rate": [3e-3, 1e-2]}},
}
RUNS = 8
# One trial of each cell diverges, the other does not
STEEP = {
    **TINY,
    "training": {"epochs": 1, "batch_size": 64, "jit": False, "optimizer": "sgd", "clip_norm": None},
    "search": {"tuner": "grid", "trials": 2, "shared": True, "space": {"learning_rate": [1e-2, 1e38]}},
}


def write(folder, **changes):
    """An experiment file called tiny.yaml."""
    file = folder / "tiny.yaml"
    file.write_text(yaml.safe_dump({**TINY, **changes}))
    return file


def run(file, store, **options):
    """Results of the experiment, and the runs that were trained for them."""
    trained = []
    found = suite.run(file, store, workers=0, progress=lambda result, *_: trained.append(result), **options)
    return found, [result for result in trained if result is not None]


def numbers(found):
    """Fingerprint → everything of a run that must not depend on how it came about."""
    return {r.run.fingerprint: (r.status, r.validation, r.test, r.best_epoch, r.score) for r in found.runs}


def without_times(found):
    """The table, less what differs between two trainings of the same runs."""
    return [
        [getattr(row, name) for name in ("cell", "units", "parameters", "test", "settings", "seeds")]
        for row in found.table()
    ]


@pytest.fixture(scope="session")
def done(tmp_path_factory):
    """The tiny experiment, run once without interruption."""
    folder = tmp_path_factory.mktemp("done")
    store = f"sqlite:///{folder}/mlflow.db"
    found, trained = run(write(folder), store)
    return SimpleNamespace(folder=folder, store=store, found=found, trained=trained)


@pytest.fixture
def again(done, tmp_path):
    """A store of its own with the finished experiment in it."""
    shutil.copy(done.folder / "mlflow.db", tmp_path)
    return f"sqlite:///{tmp_path}/mlflow.db"


def test_an_experiment_runs_every_trial_and_every_seed_once(done):
    assert len(done.trained) == RUNS
    assert set(numbers(done.found)) == {r.run.fingerprint for r in done.trained}
    assert sorted((r.run.cell.name, r.run.purpose) for r in done.trained) == sorted(
        [(cell, purpose) for cell in ("rnn", "gru") for purpose in ("trial", "final") for _ in range(2)]
    )


def test_the_final_seeds_use_what_the_best_trial_by_validation_used(done):
    for cell in ("rnn", "gru"):
        runs = [r for r in done.found.runs if r.run.cell.name == cell]
        best = max((r for r in runs if r.run.purpose == "trial"), key=lambda r: r.validation)
        finals = [r for r in runs if r.run.purpose == "final"]
        assert {r.run.seed for r in finals} == {0, 1}
        assert {r.run.training.learning_rate for r in finals} == {best.run.training.learning_rate}
        assert all(r.test is not None for r in finals)


def test_claims_that_are_added_later_train_nothing_and_are_in_the_store(done, again, tmp_path):
    number = {"task": "digits", "cell": "gru", "value": 0.9, "tag": "read", "source": "A paper"}
    found, trained = run(write(tmp_path, claims=["gru.parameters > rnn.parameters"], published=[number]), again)
    assert trained == []
    assert numbers(found) == numbers(done.found)
    kept = gru_tf.results("tiny", again)
    assert kept.experiment == found.experiment
    assert (kept.experiment.claims, len(kept.experiment.published)) == (("gru.parameters > rnn.parameters",), 1)
    assert numbers(kept) == numbers(done.found)
    run(write(tmp_path), again)
    assert gru_tf.results("tiny", again).experiment.claims == (), "and taken away again"


def dumped(folder):
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        return list(connection.iterdump())


def test_a_finished_experiment_is_shown_anew_for_other_claims_alone(again, tmp_path, monkeypatch):
    shown = []

    def page(found, path):
        shown.append(found.experiment.claims)
        path.write_text(f"claims: {found.experiment.claims}")
        return path

    def answered(evidence):
        return (Line("", f"It claims {len(evidence.experiment.claims)}."),)

    monkeypatch.delenv(publishing_libraries.REPORT_SWITCH)
    monkeypatch.setattr(publishing.report, "write", page)
    monkeypatch.setattr(publishing, "answer", answered)
    before = dumped(tmp_path)
    run(write(tmp_path), again)
    assert (dumped(tmp_path), shown) == (before, []), "it is as it was: nothing is written"

    def interrupted(_):
        raise KeyboardInterrupt

    claim = "gru.parameters > rnn.parameters"
    with monkeypatch.context() as patch:
        patch.setattr(Record, "define", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(write(tmp_path, claims=[claim]), again)
    assert gru_tf.results("tiny", again).experiment.claims == ()
    for _ in range(2):
        found, trained = run(write(tmp_path, claims=[claim]), again)
        assert (trained, shown) == ([], [(claim,)] * 2), "stopped before its end it is done again, and then no more"
    client, parent = found.record.client, found.record.parent
    assert "It claims 1." in client.get_run(parent).data.tags["mlflow.note.content"]
    kept = client.download_artifacts(parent, publishing.REPORT, str(tmp_path))
    assert Path(kept).read_text() == f"claims: {(claim,)}"


def test_the_file_is_located_once_and_loaded_once(again, tmp_path, monkeypatch):
    calls = []
    for name in ("locate", "load"):
        method = getattr(yaml_file, name)
        monkeypatch.setattr(yaml_file, name, lambda given, _n=name, _m=method: calls.append(_n) or _m(given))
    run(write(tmp_path), again)
    assert calls == ["locate", "load"]


def test_results_are_those_of_the_run_from_the_store_alone(done):
    found = gru_tf.results("tiny", done.store)
    assert numbers(found) == numbers(done.found)
    assert found.table() == done.found.table()
    assert found.experiment == done.found.experiment


def test_running_again_trains_nothing(done, again, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "train", lambda *_: pytest.fail("trained again"))
    found, trained = run(write(tmp_path), again)
    assert trained == []
    assert found.table() == done.found.table()


def test_models_that_are_not_kept_are_gone_when_all_is_done(done):
    kept = [file for file in done.folder.rglob("*.keras") if "artifacts" not in file.parts]
    assert kept == []


def test_what_a_coordinator_killed_after_its_last_word_left_is_taken_away_but_no_result_that_waits(done, again, tmp_path):
    work = tmp_path / "work" / "tiny"
    work.mkdir(parents=True)
    (work / "0123456789abcdef.checkpoint").write_bytes(b"half a training")
    waiting = journal.keep(work, done.found.runs[0])
    run(write(tmp_path), again)
    assert journal.unconfirmed(work) == [waiting], "another store may be without it"
    journal.confirm(work, waiting)
    run(write(tmp_path), again)
    assert not work.exists()


def test_of_a_folder_of_the_users_that_is_called_so_nothing_else_is_taken_away(again, tmp_path):
    """A store in the folder where one works, and data of one's own in "work/tiny/": both have been seen."""
    work = tmp_path / "work" / "tiny"
    work.mkdir(parents=True)
    own = [work / name for name in ("tiny.csv", "model.keras", "notes.json", "0123456789abcdef.json")]
    (work / "more").mkdir()
    for file in [*own, work / "more" / "fedcba9876543210.keras"]:
        file.write_text("mine")
    (work / "0123456789abcdef.checkpoint").write_bytes(b"half a training")
    (work / ".writing-0123456789abcdef.keras").write_bytes(b"half a model")
    run(write(tmp_path), again)
    assert sorted(work.iterdir()) == sorted([*own, work / "more"])
    assert (work / "more" / "fedcba9876543210.keras").read_text() == "mine"


def test_more_seeds_train_only_the_new_ones(done, again, tmp_path):
    found, trained = run(write(tmp_path, seeds=3), again)
    assert [(r.run.purpose, r.run.seed) for r in trained] == [("final", 2)] * 2
    assert [(row.seeds, row.wanted) for row in found.table()] == [(3, 3)] * 2
    assert numbers(done.found).items() <= numbers(found).items()


def test_fewer_seeds_train_nothing_and_leave_the_others_out_of_the_table(again, tmp_path):
    found, trained = run(write(tmp_path, seeds=[1]), again)
    assert trained == []
    assert {r.run.seed for r in found.runs if r.run.purpose == "final"} == {1}
    assert [(row.seeds, row.wanted) for row in found.table()] == [(1, 1)] * 2


def test_a_changed_file_shows_only_runs_of_its_new_definition_and_changing_it_back_trains_nothing(done, again, tmp_path):
    found, trained = run(write(tmp_path, training={"epochs": 1, "batch_size": 64, "jit": False}), again)
    assert len(trained) == RUNS
    assert set(numbers(found)) == {r.run.fingerprint for r in trained}
    assert {r.run.training.epochs for r in found.runs} == {1}
    assert numbers(suite.results("tiny", again)) == numbers(found)
    assert found.earlier == suite.results("tiny", again).earlier == RUNS
    found, trained = run(write(tmp_path), again)
    assert trained == []
    assert found.table() == done.found.table()


def test_another_question_alone_trains_nothing(again, tmp_path):
    found, trained = run(write(tmp_path, question="Another one?"), again)
    assert (trained, found.experiment.question) == ([], "Another one?")


@pytest.fixture
def store(tmp_path):
    return f"sqlite:///{tmp_path}/mlflow.db"


def test_diverged_and_failed_runs_are_shown_and_stop_no_other(store, tmp_path, monkeypatch):
    trained_before = trainer.train

    def train(run, *rest):
        if (run.cell.name, run.seed) == ("gru", 1):
            raise RuntimeError("no memory\nleft")
        return trained_before(run, *rest)

    file = write(tmp_path, **STEEP)
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "train", train)
        found, trained = run(file, store)
    assert len(trained) == RUNS
    rnn, gru = found.table()
    assert [(row.seeds, row.wanted) for row in (rnn, gru)] == [(2, 2), (1, 2)]
    assert rnn.settings == gru.settings == {"learning_rate": 1e-2}
    assert [re.sub(r"epoch \d", "epoch", f) for f in rnn.failures] == ["a trial diverged: the loss was not finite in epoch"]
    assert len(gru.failures) == 2
    assert any(f.startswith("seed 1 failed: RuntimeError: no memory left (test_running.py:") for f in gru.failures)
    _tries_again_only_what_failed(file, store, numbers(found))


def _tries_again_only_what_failed(file, store, before):
    found, trained = run(file, store)
    assert [(r.run.cell.name, r.run.seed, r.status) for r in trained] == [("gru", 1, "finished")]
    assert [(row.seeds, len(row.failures)) for row in found.table()] == [(2, 1), (2, 1)]
    assert {f: n for f, n in before.items() if n[0] != "failed"}.items() <= numbers(found).items()


def test_replicates_go_on_where_the_time_ended_them_and_are_then_complete(store, tmp_path, monkeypatch):
    def course(_, results):
        open_ = len([result for result in results if result.run.purpose == "final"]) < 7
        return SimpleNamespace(wanted=7 if open_ else None, running=(("rnn",),), decisions=())

    monkeypatch.setattr(looks, "course", course)
    changes = {**STEEP, "search": None, "cells": ["rnn"]}
    minutes = (1e-6, 1e-6, 60, 60, 90)
    trained = []
    for most in minutes:
        file = write(tmp_path, **changes, replicates={"at_most": 7, "minutes": most})
        file.write_text(file.read_text().replace("seeds: 2\n", ""))
        found, new = run(file, store)
        trained.append([r.run.seed for r in new])
        assert found.experiment.replicates.minutes == most == gru_tf.results("tiny", store).experiment.replicates.minutes
    assert trained == [[0], [], [1, 2, 3, 4, 5, 6], [], []], "the run that goes on in this process is completed"
    assert sorted(r.run.seed for r in found.runs) == list(range(7))


def test_time_that_ends_before_a_replicate_is_whole_is_said_in_a_line_and_more_goes_on_from_there(store, tmp_path):
    def limited(minutes):
        file = write(tmp_path, **{**STEEP, "search": None}, replicates={"at_most": 2, "minutes": minutes})
        file.write_text(file.read_text().replace("seeds: 2\n", ""))
        return file

    said = r"^tiny\.yaml: expected a whole replicate within 1e-06 minutes\. Received: 1 of 2 final runs\. What has ended"
    for _ in range(2):
        with pytest.raises(UserError, match=said):
            run(limited(1e-6), store)
        (kept,) = gru_tf.results("tiny", store).runs
        assert suite.finished(yaml_file.load(limited(1e-6)), store) is None
    found, trained = run(limited(60), store)
    assert len(trained) == 3
    assert kept.run.fingerprint not in {r.run.fingerprint for r in trained}
    assert len(found.runs) == 4


def test_a_search_whose_trials_all_diverge_leaves_the_experiment_s_own_settings(store, tmp_path):
    search = {"trials": 1, "shared": True, "space": {"learning_rate": [1e38]}}
    found, _ = run(write(tmp_path, **{**STEEP, "cells": ["rnn"], "seeds": 1, "search": search}), store)
    assert [(r.run.purpose, r.status) for r in found.runs] == [("trial", "diverged"), ("final", "finished")]
    assert found.runs[1].run.training.learning_rate == 1e-3


def test_what_is_impossible_is_refused_before_anything_is_trained(store, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "train", lambda *_: pytest.fail("trained"))
    for changes in ({"model": {"parameters": 20}}, {"cells": ["rnn", {"gru": {"reset_afterr": True}}]}):
        with pytest.raises(UserError, match=r"^tiny"):
            run(write(tmp_path, **changes), store)
    assert Store(store).names() == [], "and leaves no trace in the store"


def test_check_gives_the_networks(tmp_path):
    found = gru_tf.check(write(tmp_path))
    assert [(task.label, cell.label, size.units, size.parameters) for task, cell, size in found] == [
        ("digits(reading=rows)", "rnn", 5, 130),
        ("digits(reading=rows)", "gru", 5, 285),
    ]


def test_which_engine_trains(tmp_path):
    plain = suite.load(write(tmp_path))
    assert isinstance(suite.engine_for(plain, workers=0)(tmp_path), SerialEngine)
    assert isinstance(suite.engine_for(plain, "serial", workers=2)(tmp_path), SerialEngine)
    assert len(suite.engine_for(plain, workers=3)(tmp_path).devices) == 3
    with pytest.raises(
        UserError, match=r"^no engine is called 'seriall'\. Did you mean 'serial'\? Engines: local, serial, ray$"
    ):
        suite.engine_for(plain, "seriall")


def test_runs_that_are_timed_have_the_machine_to_themselves(tmp_path):
    timed = {"model": {"units": 5, "budget": "seconds"}, "training": {**TINY["training"], "seconds": 1.0}, "search": None}
    experiment = suite.load(write(tmp_path, **timed))
    assert len(suite.engine_for(experiment)(tmp_path).devices) == 1
    for name, workers in (("local", 2), ("ray", None)):
        with pytest.raises(UserError, match=r"^tiny.yaml: with 'model.budget: seconds' runs train one at a time"):
            suite.engine_for(experiment, name, workers)


# Ctrl-C is heard, also where pytest itself was started with it ignored; and after two runs it waits for its interruption:
# the other six would else be done before, where this process is slow to look
COMMAND = """
import signal, time
from gru_tf.commands.main import main
from gru_tf.suite.progress.terminal import RunProgress

def unhurried(self, result, done, total, show=RunProgress.__call__):
    show(self, result, done, total)
    if done == 2:
        time.sleep(100)

RunProgress.__call__ = unhurried
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
main()
"""


def members(group):
    """Processes of the group that are alive."""
    found = []
    for process in psutil.process_iter(["pid", "status"]):
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


@pytest.fixture
def started(store, tmp_path):
    """`gru-tf run` with two workers in a process group of its own, after its second result."""
    output, errors = tmp_path / "output.txt", tmp_path / "errors.txt"
    command = [sys.executable, "-c", COMMAND, "run", str(write(tmp_path)), "--store", store, "--workers", "2"]
    with output.open("w") as out, errors.open("w") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, process_group=0)
    try:
        until(lambda: "   2/8 " in output.read_text() or process.poll() is not None, 240)
        assert process.poll() is None, errors.read_text()
        yield SimpleNamespace(process=process, errors=errors)
    finally:
        for left in members(process.pid):
            left.kill()
        process.wait()


def until(condition, seconds):
    """Wait for the condition; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def _kill_group(process):
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def _kill_coordinator(process):
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def _ctrl_c(process):
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) == 130


def _terminate_group(process):
    os.killpg(process.pid, signal.SIGTERM)  # as `timeout` does
    assert process.wait(60) == 128 + signal.SIGTERM


def _terminate_coordinator(process):
    process.terminate()
    assert process.wait(60) == 128 + signal.SIGTERM


@pytest.mark.parametrize("end", [_kill_group, _kill_coordinator, _ctrl_c, _terminate_group, _terminate_coordinator])
def test_an_interrupted_experiment_goes_on_and_ends_with_the_same_bits(done, started, store, tmp_path, end):
    end(started.process)
    until(lambda: not members(started.process.pid), 30)  # workers end with their coordinator
    said = started.errors.read_text().strip()
    if end not in (_kill_group, _kill_coordinator):
        assert said == "gru-tf: stopped. Finished work is saved; run the same command again to continue."
    kept = numbers(suite.results("tiny", store))
    assert 2 <= len(kept) < RUNS
    assert kept.items() <= numbers(done.found).items()
    found, trained = run(write(tmp_path), store)
    assert len(trained) <= RUNS - len(kept), "a run that its worker finished is in the journal"
    assert numbers(found) == numbers(done.found)
    assert without_times(found) == without_times(done.found)
