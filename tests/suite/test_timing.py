"""The timing phase: in one idle worker of each engine, kept with the parent run, and never in the way of results."""

import json
import operator
import os
import signal
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path

import pytest
import yaml

from gru_tf import suite
from gru_tf.experiment.timing import NetworkTimes, Timing
from gru_tf.suite import publishing, timing
from gru_tf.suite.engine.serial import SerialEngine
from gru_tf.suite.engine.worker_pool import LocalEngine
from gru_tf.suite.tracking import Record, Store, StoreError

pytestmark = [
    # MLflow 3.17 asks SQLAlchemy 2.1 for a deprecated loader, and warns of its own type hints
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]
TINY = {
    "question": "Which tiny network is the quicker one?",
    "tasks": [{"digits": {"reading": "rows"}}],
    "cells": ["rnn", "gru(reset_after=False)"],
    "seeds": 2,
    "model": {"units": 5},
    "training": {"epochs": 1, "batch_size": 64, "jit": False},
}
CELLS = ["rnn", {"gru": {"reset_after": False}}]
TASK, GRU = "digits(reading=rows)", "gru(reset_after=False)"


def write(folder, **changes):
    file = folder / "tiny.yaml"
    file.write_text(yaml.safe_dump({**TINY, "cells": CELLS, **changes}))
    return file


@pytest.fixture
def store(tmp_path):
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def brief(monkeypatch):
    """Timing is on, and takes its five rounds."""
    monkeypatch.setenv(timing.SWITCH, "yes")
    monkeypatch.setattr(timing, "SECONDS", 0.0)


@pytest.fixture
def made(monkeypatch):
    """Timing is on, and measures nothing: the times are made up. Its list has the runs of each call."""
    calls = []

    def measure(runs, seconds):
        calls.append((runs, seconds))
        return phase_of(runs)

    monkeypatch.setenv(timing.SWITCH, "yes")
    monkeypatch.setattr(timing, "measure", measure)
    return calls


def phase_of(runs, path="fused cpu", **fields):
    """Six rounds; every further cell takes a millisecond more."""
    series = {"train_cpu_ms": (1.0,) * 6, "predict_ms": (0.5,) * 6, "predict_cpu_ms": (0.25,) * 6}
    networks = {
        run.cell.label: NetworkTimes(
            fingerprint=run.fingerprint, batch_size=64, kernel_path=path, train_ms=(place + 1.0,) * 6, **series
        )
        for place, run in enumerate(runs)
    }
    machine = {"load_before": (1.5, 1.0, 1.0), "load_after": (2.5, 1.0, 1.0), "cores": 2, "steps": 34}
    return Timing(task=runs[0].task.label, networks=networks, **machine, **fields)


def run(folder, store, progress=None, engine=SerialEngine, **changes):
    return suite.run(write(folder, **changes), store, engine=engine, progress=progress)


def path_of(results):
    """What the recurrence of all runs was computed by."""
    (path,) = {result.kernel_path for result in results.runs}
    return path


@pytest.mark.parametrize(
    "engine",
    [SerialEngine, lambda folder: LocalEngine(folder, workers=2)],
    ids=["in this process", "in a worker"],
)
def test_the_networks_of_the_first_seed_are_timed_and_kept_with_the_parent_run(tmp_path, store, brief, engine):
    results = run(tmp_path, store, engine=engine)
    ((task, found),) = results.timing.items()
    assert (task, found.rounds, found.steps, found.error) == (TASK, 5, 34, "")
    first = {r.run.cell.label: r.run.fingerprint for r in results.runs if r.run.seed == 0}
    assert {cell: network.fingerprint for cell, network in found.timed.items()} == first
    record = Store(store).find("tiny")
    assert suite.results("tiny", store).timing == results.timing == {TASK: record.timing()[0]}
    metrics = record.client.get_run(record.parent).data.metrics
    assert metrics["digits-reading-rows.rnn.step_ms"] == found.networks["rnn"].step_ms
    assert metrics["digits-reading-rows.gru-reset_after-False.step_ms"] == found.networks[GRU].step_ms
    assert [file.path for file in record.client.list_artifacts(record.parent)] == ["timing.json"]
    assert record.complete()
    for row in results.table():
        assert (row.step_ms, row.timing) == (found.networks[row.cell].step_ms, found)
        assert row.model_bytes > 4 * row.parameters


class Bare:
    """An engine of two methods and no more."""

    def __init__(self, folder):
        self.folder, self.inner = folder, SerialEngine(folder)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        pass

    def submit(self, runs):
        self.inner.submit(runs)

    def completed(self, timeout=None):
        return self.inner.completed(timeout)


def test_beside_an_engine_of_two_methods_a_process_of_its_own_measures(tmp_path, store, brief):
    results = run(tmp_path, store, engine=Bare)
    assert set(results.timing[TASK].timed) == {"rnn", GRU}
    assert results.timing[TASK].threads == 1


def test_a_finished_experiment_is_not_timed_again_nor_one_that_never_was(tmp_path, store, made, monkeypatch):
    monkeypatch.setenv(timing.SWITCH, "no")
    assert run(tmp_path, store).timing is None
    monkeypatch.setenv(timing.SWITCH, "yes")
    assert run(tmp_path, store).timing is None
    assert made == []


@pytest.mark.parametrize("changes", [{"timing": False}, {"cells": ["rnn"]}], ids=["off", "one cell"])
def test_nothing_is_timed_where_it_is_switched_off_or_there_is_nothing_to_compare(tmp_path, store, made, changes):
    assert run(tmp_path, store, **changes).timing is None
    assert made == []


def test_the_switch_is_in_no_fingerprint(tmp_path):
    on, off = (suite.load(write(tmp_path, timing=value)) for value in (True, False))
    assert on != off
    assert on.fingerprint == off.fingerprint
    assert [r.fingerprint for r in on.runs()] == [r.fingerprint for r in off.runs()]


def test_times_of_other_networks_are_not_those_of_this_definition(tmp_path, store, made, monkeypatch):
    first = run(tmp_path, store)
    assert first.timing
    monkeypatch.setenv(timing.SWITCH, "no")
    other = run(tmp_path, store, model={"units": 6})
    assert other.timing is None
    assert Store(store).find("tiny").timing() == tuple(first.timing.values()), "they are there, and of the other definition"


def test_a_kill_between_the_last_run_and_the_times_costs_the_times_alone(tmp_path, store, made, monkeypatch):
    """Training is done, and the coordinator stops before anything of the phase is kept; the next call measures."""
    monkeypatch.setattr(Record, "write_timing", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, store)
    assert suite.results("tiny", store).timing is None
    monkeypatch.undo()
    monkeypatch.setenv(timing.SWITCH, "yes")
    monkeypatch.setattr(timing, "measure", lambda runs, _: phase_of(runs))
    trained = []
    results = run(tmp_path, store, progress=lambda result, *_: trained.append(result))
    assert trained == [None], "no run is trained again"
    assert set(results.timing[TASK].networks) == {"rnn", GRU}


KILLED = """
import os, signal, sys
from gru_tf import suite
from gru_tf.suite import timing
from gru_tf.suite.engine.serial import SerialEngine

timing.measure = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
suite.run(sys.argv[1], sys.argv[2], engine=SerialEngine)
"""


@pytest.mark.slow
def test_kill_9_while_it_measures_loses_no_run(tmp_path, store, made):
    command = [sys.executable, "-c", KILLED, write(tmp_path), store]
    done = subprocess.run(command, env={**os.environ, timing.SWITCH: "yes"}, cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGKILL
    trained = []
    results = run(tmp_path, store, progress=lambda result, *_: trained.append(result))
    assert trained == [None]
    assert len(results.runs) == 4
    assert len(made) == 1


def test_a_task_that_was_timed_before_the_stop_is_not_timed_again(tmp_path, store, made, monkeypatch):
    adding = {"adding": {"length": 5, "examples": 90, "validation_examples": 20, "test_examples": 30, "longer": 1}}
    tasks = [*TINY["tasks"], adding]
    monkeypatch.setattr(timing, "checked", lambda found, _: found)  # which kernel computes differs from machine to machine
    monkeypatch.setattr(publishing, "publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, store, tasks=tasks)
    assert [runs[0].task.name for runs, _ in made] == ["digits", "adding"]
    monkeypatch.undo()
    monkeypatch.setenv(timing.SWITCH, "yes")
    again = []
    monkeypatch.setattr(timing, "measure", lambda *given: again.append(given))
    assert [label.partition("(")[0] for label in run(tmp_path, store, tasks=tasks).timing] == ["digits", "adding"]
    assert again == []


@pytest.mark.parametrize(
    "engine", [SerialEngine, lambda folder: LocalEngine(folder, workers=1)], ids=["in this process", "in a worker"]
)
def test_an_error_is_a_line_and_a_reason_and_spoils_nothing(tmp_path, store, brief, monkeypatch, capsys, engine):
    monkeypatch.setattr(timing, "measure", operator.sub)  # runs less seconds, which a worker can import
    results = run(tmp_path, store, engine=engine)
    assert (results.timing, len(results.runs)) == (None, 4)
    record = Store(store).find("tiny")
    reason = "TypeError: unsupported operand type(s) for -: 'list' and 'float'"
    assert record.timing()[0].error == reason
    assert record.complete()
    line = f"gru-tf: {TASK}: the networks were not timed: {reason}. Results are not affected\n"
    assert capsys.readouterr().err == line
    assert all(row.step_ms for row in results.table()), "the times of training are shown where there are no others"


def test_a_worker_that_dies_is_a_reason(tmp_path, store, brief, monkeypatch):
    monkeypatch.setattr(LocalEngine, "call", lambda self, *_, call=LocalEngine.call: call(self, os._exit, 3))
    assert run(tmp_path, store, engine=lambda folder: LocalEngine(folder, workers=1)).timing is None
    record = Store(store).find("tiny")
    assert "ProcessExpired" in record.timing()[0].error
    assert record.complete()


def test_one_that_never_ends_is_given_up(tmp_path, store, brief, monkeypatch):
    endless = Future()
    monkeypatch.setattr(SerialEngine, "call", lambda *_: endless)
    monkeypatch.setattr(timing, "PATIENCE", 0.01)
    monkeypatch.setattr(timing, "LIMIT", 0.05)
    assert run(tmp_path, store).timing is None
    assert endless.cancelled()
    assert Store(store).find("tiny").timing()[0].error == "it exceeded the limit of 0.05 s"


def test_a_network_that_another_kernel_trained_is_not_compared(tmp_path, store, made):
    results = run(tmp_path, store)
    runs = [r for r in results.runs if r.run.seed == 0]
    measured = phase_of([r.run for r in runs], path_of(results))
    assert timing.checked(measured, runs) == measured
    other = [runs[0], runs[1].model_copy(update={"kernel_path": "cudnn"})]
    cut = timing.checked(measured, other)
    assert set(cut.timed) == {runs[0].run.cell.label}
    assert list(timing.reasons(cut)) == [
        f"{runs[1].run.cell.label} was not timed: trained by the cudnn kernel, here the {path_of(results)} kernel computes"
    ]


def test_a_cell_without_a_finished_seed_is_left_out_and_the_next_seed_stands_in_for_a_lost_one(tmp_path, store, made):
    steep = {"epochs": 1, "batch_size": 64, "jit": False, "optimizer": "sgd", "clip_norm": None, "learning_rate": 1e38}
    assert run(tmp_path, store, training=steep).timing is None  # all diverged
    assert made == []


def test_progress_hears_of_it_if_it_listens(tmp_path, store, made):
    def progress(*_):
        """Of runs; a function that hears nothing of the timing phase is `progress` as well, in other tests."""

    heard = []
    progress.timing = lambda *given: heard.append(given)
    run(tmp_path, store, progress=progress)
    assert heard[0] == (TASK, 0.0, 60.0)


def test_where_the_file_is_gone_the_times_of_training_are_shown(tmp_path, store, made):
    results = run(tmp_path, store)
    record = Store(store).find("tiny")
    uri = record.client.get_run(record.parent).info.artifact_uri
    file = Path(uri.removeprefix("file://")) / "timing.json"
    assert len(json.loads(file.read_text())) == 1
    file.unlink()
    assert results.timing
    assert suite.results("tiny", store).timing is None
    assert all(row.step_ms for row in suite.results("tiny", store).table())


def test_a_store_that_refuses_for_a_while_is_asked_again(tmp_path, store, made, monkeypatch):
    refusals, method = [1], Record.write_timing

    def refusing(self, timings):
        if refusals.pop() if refusals else 0:
            raise StoreError("the tracking store there does not respond")
        return method(self, timings)

    monkeypatch.setattr(Record, "write_timing", refusing)
    assert run(tmp_path, store).timing
    assert refusals == []
