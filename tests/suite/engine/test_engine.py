"""Engines: the same runs give the same bits anywhere, and the death of a worker is one failed run."""

import os
import signal
import time

import psutil
import pytest

from gru_tf.experiment.yaml_file import validate
from gru_tf.foundation import environment
from gru_tf.suite.engine import processes
from gru_tf.suite.engine.serial import SerialEngine
from gru_tf.suite.engine.worker_pool import LocalEngine

TINY = {
    "name": "tiny",
    "question": "Where does it run?",
    "tasks": [{"digits": {"reading": "rows"}}],
    "cells": ["rnn", "gru"],
    "seeds": 2,
    "model": {"units": 5, "dropout": 0.1},
    "training": {"epochs": 2, "batch_size": 64},
}


def runs(cell, seeds, **training):
    """Final runs of one cell."""
    content = {**TINY, "cells": [cell], "seeds": seeds, "training": {"batch_size": 64, **training}}
    return validate(content, "tiny").runs()


def results(engine, count):
    """So many results, in the order of their runs' fingerprints."""
    found = []
    while len(found) < count:
        found += engine.completed()
    return sorted(found, key=lambda r: r.run.fingerprint)


def numbers(result):
    """What must not depend on where a run took place."""
    return result.run, result.status, result.history, result.best_epoch, result.validation, result.test


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The results of the same runs from worker processes and from this process."""
    wanted = validate(TINY, "tiny").runs()
    folder = tmp_path_factory.mktemp("models")
    with LocalEngine(folder / "local", workers=2, threads=1) as engine:
        engine.submit(wanted)
        local = results(engine, len(wanted))
        processes = workers()
    with SerialEngine(folder / "serial") as engine:
        engine.submit(wanted)
        serial = results(engine, len(wanted))
    return local, serial, processes


def workers():
    """The worker processes: the fork server's children."""
    servers = [p for p in living(psutil.Process().children()) if any("forkserver" in part for part in p.cmdline())]
    return [worker for server in servers for worker in living(server.children())]


def living(processes):
    """Those that have not ended: one that nobody has asked for its end yet is still listed, and has no command."""
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def until(condition, seconds):
    """Wait for the condition; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_workers_and_this_process_give_the_same_bits(both):
    local, serial, _ = both
    assert [numbers(r) for r in local] == [numbers(r) for r in serial]
    assert {r.status for r in local} == {"finished"}
    assert len({r.test for r in local}) > 1  # a constant would not pass


def test_models_lie_where_the_results_say(both):
    for result in (*both[0], *both[1]):
        assert os.path.getsize(result.model_file) > 1000


def test_there_were_as_many_workers_as_asked_for_and_none_is_left(both):
    assert len(both[2]) == 2
    until(lambda: not living(both[2]), 60)


def test_threads_are_those_asked_for(both):
    assert {r.environment["threads"] for r in both[0]} == {1}


def test_a_worker_that_is_killed_costs_one_run_and_the_others_go_on(tmp_path):
    (first,), (long,), others = runs("rnn", [7]), runs("rnn", [8], epochs=100_000), runs("rnn", 2, epochs=1)
    with LocalEngine(tmp_path, workers=1, threads=2) as engine:
        engine.submit([first])
        (warm,) = results(engine, 1)
        engine.submit([long, *others])
        until(lambda: all(future.running() for future in engine.futures), 60)
        (worker,) = workers()
        worker.kill()
        (killed,) = engine.completed()
        rest = results(engine, 2)
    assert (warm.status, warm.environment["threads"]) == ("finished", 2)
    assert (killed.run, killed.status) == (long, "failed")
    assert "worker process was killed" in killed.error
    assert "\n" not in killed.error
    assert sorted(r.run.fingerprint for r in rest) == sorted(run.fingerprint for run in others)
    assert {r.status for r in rest} == {"finished"}


def test_an_exception_in_a_worker_is_a_failed_result_that_says_why(tmp_path):
    (run,) = runs("rnn", [0])
    broken = run.model_copy(update={"task": run.task.model_copy(update={"name": "digitz"})})
    with SerialEngine(tmp_path) as engine:
        engine.submit([broken])
        (result,) = engine.completed()
    assert result.status == "failed"
    assert "UserError" in result.error
    assert "Did you mean 'digits'?" in result.error
    assert result.test is None


def test_a_function_is_called_in_an_idle_worker_and_not_beside_runs(tmp_path):
    with LocalEngine(tmp_path, workers=2) as engine:
        pid = engine.call(os.getpid).result()
        assert pid in {worker.pid for worker in workers()}
        with pytest.raises(ZeroDivisionError):
            engine.call(divmod, 1, 0).result()
        engine.submit(runs("rnn", [3], epochs=1))
        with pytest.raises(ValueError, match=r"^call: expected an idle engine\. Received: 1 runs"):
            engine.call(os.getpid)
    assert SerialEngine(tmp_path).call(divmod, 7, 2).result() == (3, 1)
    with pytest.raises(ZeroDivisionError):
        SerialEngine(tmp_path).call(divmod, 1, 0).result()


def test_leaving_early_stops_a_run_in_the_middle(tmp_path):
    with LocalEngine(tmp_path, workers=1) as engine:
        engine.submit(runs("rnn", [8], epochs=100_000))
        until(lambda: [w for w in workers() if w.cpu_times().user > 1], 180)
        (worker,) = workers()
        clock = time.monotonic()
    until(lambda: not living([worker]), 10)
    assert time.monotonic() - clock < 30


def test_available_cores_follow_the_process_s_affinity():
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system has no affinity")
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert environment.cores() == 1
        assert len(processes.devices(None)) == max(1, len(processes.gpus()))
    finally:
        os.sched_setaffinity(0, before)


def test_the_server_leaves_ctrl_c_to_the_command_while_it_imports(monkeypatch):
    """It ended in a traceback of its own on the terminal, in the first seconds, when a slip of the hand is noticed."""
    seen = []
    monkeypatch.setattr(processes.forkserver, "ensure_running", lambda: seen.append(signal.getsignal(signal.SIGINT)))
    before = signal.getsignal(signal.SIGINT)
    processes.start_server()
    assert (seen, signal.getsignal(signal.SIGINT)) == ([signal.SIG_IGN], before)
