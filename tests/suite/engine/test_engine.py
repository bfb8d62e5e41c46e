"""Engines: the same runs give the same bits anywhere, and the death of a worker is one failed run."""

import os
import signal
import time
from concurrent.futures import Future

import psutil
import pytest

from gru_tf.experiment.result import RunResult
from gru_tf.experiment.yaml_file import validate
from gru_tf.foundation import environment
from gru_tf.suite import journal
from gru_tf.suite.engine import processes, serial
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


def test_what_is_cancelled_stops_at_once_and_leaves_no_result_while_the_rest_goes_on(tmp_path):
    (long,), (waiting,), others = (
        runs("rnn", [8], epochs=100_000),
        runs("rnn", [9], epochs=100_000),
        runs("rnn", 2, epochs=1),
    )
    with LocalEngine(tmp_path, workers=1) as engine:
        engine.submit([long, waiting], (0, 0))
        until(lambda: [w for w in workers() if w.cpu_times().user > 1], 180)
        (worker,) = workers()
        assert engine.cancel([long, waiting]) == []
        until(lambda: not living([worker]), 10)
        engine.submit(others, (1, 0))
        rest = results(engine, 2)
        assert (engine.queue, engine.futures) == ([], {})
        assert engine.call(divmod, 7, 2).result() == (3, 1), "the engine is idle and whole"
    assert sorted(r.run.fingerprint for r in rest) == sorted(run.fingerprint for run in others)
    assert {r.status for r in rest} == {"finished"}
    assert {r.run.fingerprint for r in journal.unconfirmed(tmp_path)} == {run.fingerprint for run in others}


def test_a_result_that_has_come_is_given_when_its_run_is_cancelled(tmp_path):
    """One that its worker has kept on disk in the moment before it was ended is forgotten: no call must find it later."""
    (quick,), (long,) = runs("rnn", [0], epochs=1), runs("rnn", [8], epochs=100_000)
    with LocalEngine(tmp_path, workers=1) as engine:
        engine.submit([quick])
        until(lambda: all(future.done() for future in engine.futures), 180)
        (result,) = engine.cancel([quick])
        assert (result.run, result.status) == (quick, "finished")
        engine.submit([long])
        journal.keep(tmp_path, result.model_copy(update={"run": long}))
        assert engine.cancel([long]) == []
    assert [r.run for r in journal.unconfirmed(tmp_path)] == [quick]


def test_in_this_process_what_waits_is_cancelled_and_the_smallest_rank_comes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(serial, "work", lambda run, _: (run, 0.0))
    monkeypatch.setattr(serial, "_import_quietly", lambda: None)
    first, second, third, fourth = runs("rnn", 4)
    engine = SerialEngine(tmp_path)
    engine.submit([second, fourth], (1, 0))
    engine.submit([first, third], (0, 5))
    assert engine.completed() == [first]
    assert engine.cancel([fourth, first]) == []
    assert [*engine.completed(), *engine.completed(), *engine.queue] == [third, second]


class Begun:
    """A pool whose runs never end by themselves."""

    active = True

    def __init__(self, *_):
        self.runs = []

    def schedule(self, _, args, timeout):
        future = Future()
        self.runs.append((args[0], future))
        return future

    def stop(self):
        """Nothing goes on."""

    join = stop


def begun(engine):
    """The run of each worker."""
    return [worker.run for worker in engine.workers]


def end(worker):
    """Let its run end."""
    run, future = worker.pool.runs[-1]
    future.set_result((RunResult(run=run, status="finished", started=0.0, seconds=1.0), 0.0))


@pytest.fixture
def pools(tmp_path, monkeypatch):
    """An engine of two workers without processes."""
    monkeypatch.setattr(processes, "start_server", lambda: None)
    monkeypatch.setattr(processes, "pool", Begun)
    with LocalEngine(tmp_path, workers=2) as engine:
        yield engine


def test_without_ranks_a_worker_stays_with_its_network(pools):
    rnn, gru, lstm = (runs(cell, 3) for cell in ("rnn", "gru", "lstm"))
    pools.submit([*rnn, *gru, *lstm])
    assert begun(pools) == [rnn[0], gru[0]]
    for expected in ([rnn[1], gru[0]], [rnn[2], gru[0]], [lstm[0], gru[0]]):
        end(pools.workers[0])
        pools.completed()
        assert begun(pools) == expected


def test_a_rank_comes_before_what_a_worker_has_compiled_and_a_worker_stays_with_its_network_within_one(pools):
    (rnn, later), gru, lstm = (runs(cell, count) for cell, count in (("rnn", 2), ("gru", 3), ("lstm", 2)))
    pools.submit([rnn, gru[0]], (0, 0))
    pools.submit([later], (0, 3))
    pools.submit([gru[1], lstm[0], lstm[1], gru[2]], (0, 1))
    for place, expected in ((0, lstm[0]), (1, gru[1]), (0, lstm[1]), (1, gru[2]), (0, later)):
        end(pools.workers[place])
        pools.completed()
        assert begun(pools)[place] == expected


def test_a_free_worker_leaves_the_next_replicate_until_the_caller_has_had_its_turn(pools):
    (first, second, final), later = runs("rnn", 3), runs("gru", 4)
    pools.submit([first, second], (0, 1))
    pools.submit(later, (1, 1))
    end(pools.workers[0])
    pools.completed()
    assert begun(pools) == [None, second]
    pools.submit([final], (0, 0))
    assert begun(pools) == [final, second]
    end(pools.workers[1])
    pools.completed()
    assert begun(pools) == [final, None]
    pools.completed(timeout=0)
    assert begun(pools) == [final, later[0]], "nothing came: it goes on"


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
