"""A limit in minutes that is kept: when runs stop, in which order they come, what is cut, and what a later call makes of it.

Nothing is trained: an engine with a clock of its own has workers that take simulated seconds, and a store keeps results in
memory. What is expected follows from the seconds by hand.
"""

import zlib
from collections import Counter

import numpy as np
import own_files
import pytest
from made_up_runs import Killed, Memory, conduct_in

from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.suite import coordinator
from gru_tf.suite.coordinator import TimeUpError
from gru_tf.suite.time_limit import RunOrder, TimeLimit

# Keras Tuner 1.4.8 calls deprecated names of threading
pytestmark = pytest.mark.filterwarnings(r"ignore:(currentThread|getName)\(\) is deprecated:DeprecationWarning")

CELLS = ("rnn", "gru", "lstm")
TRIALS = 12
SEARCH = {"trials": TRIALS, "widen": False, "space": {"learning_rate": {"low": 1e-3, "high": 1e-1, "sampling": "log"}}}
TASK = {"adding": {"length": 10}}
SHOP = {"path": own_files.path("shop.csv"), "target": ["sales"], "time": "day", "window": 14, "split": "drawn"}
EVERY = {cell: [0, 1, 2, 3, 4] for cell in CELLS}
MEANS = {"rnn": 0.10, "gru": 0.05, "lstm": 0.07}  # so far apart that the first look decides


def experiment(seconds=None, tasks=(TASK,), **fields):
    minutes = None if seconds is None else seconds / 60
    usual = {"name": "limited", "question": "Which?", "tasks": list(tasks), "cells": list(CELLS), "model": {"units": 3}}
    usual |= {"search": SEARCH, "replicates": {"at_most": 5, "minutes": minutes}}
    return Experiment.model_validate({**usual, **fields}, strict=False)


def score(run):
    """An error that the run alone decides."""
    digits = zlib.crc32(run.fingerprint.encode())
    return float(MEANS.get(run.cell.name, 0.3) + 0.001 * np.random.default_rng(digits).normal())


class Workers:
    """Some workers that each take the first run of the smallest rank; what goes on at `cancel` ends without a result.

    Args:
        folder: of nothing.
        count: of workers.
        takes: run → seconds.
        lives: results after which the coordinator is killed; None for never.
        start: of the clock.
    """

    def __init__(self, folder, count=2, takes=lambda run: 10.0, lives=None, start=0.0):
        self.folder, self.count, self.takes, self.lives, self.clock = folder, count, takes, lives, start
        self.queue, self.going_on, self.ended, self.stopped = [], {}, [], []

    def submit(self, runs, rank=()):
        self.queue += [(rank, run) for run in runs]
        self._begin()

    def _begin(self):
        while self.queue and len(self.going_on) < self.count:
            place = min(range(len(self.queue)), key=lambda place: self.queue[place][0])
            _, run = self.queue.pop(place)
            self.going_on[run.fingerprint] = run, self.clock

    def cancel(self, runs):
        names = {run.fingerprint for run in runs}
        self.stopped += [run for name, (run, _) in self.going_on.items() if name in names]
        self.queue = [(rank, run) for rank, run in self.queue if run.fingerprint not in names]
        self.going_on = {name: one for name, one in self.going_on.items() if name not in names}
        return []

    def completed(self, timeout=None):
        if self.lives is not None and len(self.ended) >= self.lives:
            raise Killed
        self._begin()
        ends = sorted((began + self.takes(run), name) for name, (run, began) in self.going_on.items())
        if not ends or ends[0][0] > self.clock + timeout:
            self.clock += timeout
            return []
        self.clock, name = ends[0]
        run, began = self.going_on.pop(name)
        self.ended.append(run)
        value = score(run)
        result = RunResult(run=run, status="finished", validation=value, test=None if run.purpose == "trial" else value,
                           metric="mse", direction="min", chance=0.17, units=3, parameters=9,
                           started=began, seconds=self.clock - began)  # fmt: skip
        return [result]


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setenv("GRU_TF_TIMING", "no")
    monkeypatch.setattr(coordinator.publishing_libraries, "load", lambda: None)


def conduct(record, folder, progress=None, **options):
    engine = Workers(folder, **options)
    try:
        conduct_in(record, engine, progress)
    except (TimeUpError, Killed) as end:
        return engine, end
    return engine, None


def finals(record):
    """Cell → the seeds of its finals."""
    found = {cell: [] for cell in CELLS}
    for result in record.kept.values():
        if result.run.purpose == "final":
            found[result.run.cell.name].append(result.run.seed)
    return {cell: sorted(seeds) for cell, seeds in found.items()}


def trials(runs, replicate=0):
    """Cell → how many trials of the search of a replicate."""
    return Counter(run.cell.name for run in runs if run.purpose == "trial" and run.seed == 1000 + replicate)


def replicate_of(run):
    return run.seed - 1000 if run.purpose == "trial" else run.seed


# --- the end ---


def test_without_a_limit_all_of_it_is_run(tmp_path):
    record = Memory(experiment())
    engine, end = conduct(record, tmp_path)
    assert (end, engine.stopped) == (None, [])
    assert engine.clock == 5 * 3 * 13 * 10 / 2 + 5, "195 runs of 10 seconds for two workers"
    assert finals(record) == EVERY


def test_at_the_limit_nothing_is_begun_and_what_goes_on_is_stopped(tmp_path):
    """A replicate is 39 runs, 195 seconds of two workers: 500 seconds have room for two."""
    record = Memory(experiment(500))
    engine, end = conduct(record, tmp_path)
    assert end is None
    assert engine.clock <= 500 + coordinator.PATIENCE
    assert {cell: seeds[:2] for cell, seeds in finals(record).items()} == {cell: [0, 1] for cell in CELLS}
    assert len(record.kept) == 2 * 50, "as many as fit"
    assert {result.status for result in record.kept.values()} == {"finished"}


def test_a_run_that_goes_on_at_the_limit_is_stopped_within_a_second(tmp_path):
    """Runs of 70 seconds, a limit of 1000: at 980 two of them are begun, and none of these ends."""
    record = Memory(experiment(1000, search=None))
    takes = lambda run: 70.0 if run.seed == 0 else 900.0  # noqa: E731
    engine, end = conduct(record, tmp_path, takes=takes)
    assert end is None
    assert 1000 <= engine.clock <= 1000 + coordinator.PATIENCE
    assert len(engine.stopped) == 2
    assert not {run.fingerprint for run in engine.stopped} & record.kept.keys()
    assert [len(seeds) for seeds in finals(record).values()] == [2, 1, 1]


def test_the_limit_counts_the_time_of_the_calls_before_and_no_pause(tmp_path):
    record = Memory(experiment(500))
    first, _ = conduct(record, tmp_path, lives=40)
    assert first.clock == 200
    second, end = conduct(record, tmp_path, start=1e6)
    assert end is None
    assert 290 <= second.clock - 1e6 <= 301, "what a kill trained in vain does not count"


def test_the_share_of_a_limit_that_is_used():
    limit = TimeLimit(1.0)
    runs = [experiment().runs()[0]] * 3
    spans = ((100.0, 10.0), (105.0, 10.0), (400.0, 9.0))
    results = [RunResult(run=run, status="finished", started=s, seconds=d) for run, (s, d) in zip(runs, spans, strict=True)]
    assert limit.used == 0
    for result in [*results] * 30:  # many of them, of the same time
        limit.add(result)
    assert limit.used == pytest.approx((15 + 9) / 60)


# --- the order ---


def test_replicates_come_one_after_the_other(tmp_path):
    record = Memory(experiment(1e6))
    engine, _ = conduct(record, tmp_path, count=1)
    places = [replicate_of(run) for run in engine.ended]
    assert places == sorted(places)
    assert len(places) == 5 * 39
    at_once, _ = conduct(Memory(experiment(1e6)), tmp_path / "more", count=6)
    last = {
        replicate: max(n for n, run in enumerate(at_once.ended) if replicate_of(run) == replicate) for replicate in (0, 1)
    }
    assert not any(replicate_of(run) == 2 for run in at_once.ended[: last[0]]), "what waits is the next one's alone"


def test_without_a_limit_the_order_is_as_it_was(tmp_path):
    """All trials of the first cell first: a worker need not compile another network."""
    engine, _ = conduct(Memory(experiment()), tmp_path, count=1)
    assert {run.cell.name for run in engine.ended[:60]} == {"rnn"}


def test_cells_take_turns_in_the_first_search(tmp_path):
    """However many trials have ended, no cell has more than twice as many as another, and one."""
    engine, _ = conduct(Memory(experiment(1e6)), tmp_path, count=1)
    had = Counter(dict.fromkeys(CELLS, 0))
    for run in [run for run in engine.ended if run.purpose == "trial"][:36]:
        had[run.cell.name] += 1
        assert max(had.values()) <= 2 * min(had.values()) + 1
    assert had == Counter(dict.fromkeys(CELLS, TRIALS))


def test_ranks_by_hand():
    one = experiment()
    order = RunOrder(one)
    searched = [one.run(one.tasks[0], one.cells[0], 1000 + seed, "trial").tuned({"learning_rate": 0.001 * (k + 1)})
                for seed in (0, 3) for k in range(9)]  # fmt: skip
    fits = [one.run(one.tasks[0], one.cells[0], seed, "baseline") for seed in (0, 2)]
    order.add([*searched, *one.runs(), *fits])
    assert [order.rank(run) for run in searched[:9]] == [(0, n) for n in (0, 1, 2, 2, 3, 3, 3, 3, 4)]
    assert {order.rank(run) for run in searched[9:]} == {(3, 1)}
    assert [order.rank(run) for run in one.runs()[:5]] == [(place, 0) for place in range(5)]
    assert [order.rank(run) for run in fits] == [(0, 1), (2, 1)]


def test_baselines_of_a_replicate_come_before_the_next_replicate(tmp_path, monkeypatch):
    monkeypatch.delenv(coordinator.SWITCH)
    record = Memory(experiment(1e6, [{"forecast": SHOP}], baselines=["naive", "ridge"]))
    engine, _ = conduct(record, tmp_path, count=1)
    places = [run.split_seed if run.purpose == "trial" else run.seed for run in engine.ended]
    assert places == sorted(places)
    assert sum(run.purpose == "baseline" for run in engine.ended) == 10


# --- the cut ---


def test_the_first_search_ends_where_half_of_the_time_is_used(tmp_path):
    """Trials of 30 seconds: 36 of them are 540 seconds of two workers, half of the limit is 250."""
    notes = []
    progress = type("Progress", (), {"note": notes.append, "__call__": lambda *_: None})()
    record = Memory(experiment(500))
    engine, end = conduct(record, tmp_path, progress, takes=lambda run: 30.0)
    assert end is None
    had = trials([result.run for result in record.kept.values()])
    assert sum(had.values()) == 2 * (250 // 30)
    assert max(had.values()) <= 2 * min(had.values()) + 1
    assert [run.purpose for run in engine.stopped[:2]] == ["trial", "trial"]
    first = [result.run for result in record.kept.values() if result.run.purpose == "final" and result.run.seed == 0]
    assert {run.cell.name: run.cut_search for run in first} == {cell: (had[cell], TRIALS) for cell in CELLS}
    assert sorted(notes) == sorted(
        f"search of {cell} cut after {had[cell]} of {TRIALS} trials by 'minutes'" for cell in CELLS
    )
    for run in first:  # trained with the best of its cell's trials, which is found here by hand
        own = [r for r in record.kept.values() if r.run.purpose == "trial" and r.run.cell == run.cell and r.run.seed == 1000]
        assert run.training == min(own, key=lambda r: r.validation).run.training
    later = [run for run in engine.ended if run.purpose == "trial" and replicate_of(run) > 0]
    assert later, "the next replicate is begun, and its search is whole unless the time is over"


def test_a_cell_without_a_trial_takes_the_settings_of_the_experiment(tmp_path):
    record = Memory(experiment(400))
    takes = lambda run: 1000.0 if (run.purpose, run.cell.name) == ("trial", "lstm") else 10.0  # noqa: E731
    _, end = conduct(record, tmp_path, takes=takes)
    assert end is None
    (run,) = [r.run for r in record.kept.values() if (r.run.purpose, r.run.cell.name, r.run.seed) == ("final", "lstm", 0)]
    assert (run.training, run.cut_search) == (record.experiment.training, (0, TRIALS))


def test_a_search_that_ends_in_time_is_not_cut(tmp_path):
    record = Memory(experiment(500))
    conduct(record, tmp_path)
    assert all(result.run.cut_search is None for result in record.kept.values())


def test_what_is_cut_stays_cut_with_more_time_and_no_run_is_repeated(tmp_path):
    record = Memory(experiment(500))
    conduct(record, tmp_path, takes=lambda run: 30.0)
    before = dict(record.kept)
    record.experiment = experiment(1e6)
    engine, end = conduct(record, tmp_path, takes=lambda run: 30.0, start=1e7)
    assert end is None
    assert not {run.fingerprint for run in engine.ended} & before.keys(), "nothing is repeated"
    assert finals(record) == EVERY, "one final a seed"
    assert not trials(engine.ended), "the first search asks for no more"
    assert trials(engine.ended, 3) == Counter(dict.fromkeys(CELLS, TRIALS)), "the others are whole"
    assert {f: record.kept[f].test for f in before} == {f: before[f].test for f in before}


@pytest.mark.parametrize("left_out", ["minutes", "nothing"])
def test_a_kill_after_the_cut_decides_the_same(tmp_path, left_out):
    """Killed at each result after the first final; the next call has the time that is left, or no limit."""
    whole = Memory(experiment(1e4))
    takes = lambda run: 400.0 if run.purpose == "trial" else 10.0  # noqa: E731, 24 of 36 trials in 5,000 seconds
    uncut, _ = conduct(whole, tmp_path, takes=takes)
    first = next(n for n, run in enumerate(uncut.ended) if run.purpose == "final")
    chosen = {r.run.fingerprint for r in whole.kept.values() if r.run.purpose == "final" and r.run.seed == 0}
    assert sum(trials(uncut.ended).values()) == 24
    for lives in range(first + 1, first + 9):
        record = Memory(experiment(1e4))
        _, end = conduct(record, tmp_path, takes=takes, lives=lives)
        assert isinstance(end, Killed)
        record.experiment = experiment(None if left_out == "minutes" else 1e4)
        conduct(record, tmp_path, takes=takes, start=1e6)
        got = [r.run for r in record.kept.values() if r.run.purpose == "final" and r.run.seed == 0]
        assert {run.fingerprint for run in got} == chosen, lives
        assert len(got) == 3
        assert trials([r.run for r in record.kept.values()]) == trials(uncut.ended)


def test_a_kill_before_the_cut_or_its_first_final_leaves_nothing_twice(tmp_path):
    for lives in range(3, 30, 3):
        record = Memory(experiment(500))
        _, end = conduct(record, tmp_path, takes=lambda run: 30.0, lives=lives)
        assert isinstance(end, Killed)
        _, end = conduct(record, tmp_path, takes=lambda run: 30.0, start=1e6)
        assert end is None
        assert all(len(seeds) == len(set(seeds)) for seeds in finals(record).values())
        assert all(seeds[:1] == [0] for seeds in finals(record).values())


def test_failed_trials_do_not_look_like_a_cut(tmp_path):
    """A call after one with a failed trial tries it again, as ever: the search had an answer from it when it ended."""
    record = Memory(experiment())
    conduct(record, tmp_path)
    trial = next(r for r in record.kept.values() if r.run.purpose == "trial" and r.run.seed == 1000)
    record.kept[trial.run.fingerprint] = trial.model_copy(update={"status": "failed"})
    engine, _ = conduct(record, tmp_path, start=1e6)
    assert [run.fingerprint for run in engine.ended] == [trial.run.fingerprint]


# --- ranges that are widened ---


def narrow(seconds=None, **fields):
    """Where a larger rate is better, searches of so many trials choose one near the end, so that ranges are widened."""
    axis = {"low": 1e-3, "high": 1e-2, "sampling": "log"}
    return experiment(seconds, search={"trials": TRIALS, "space": {"learning_rate": axis}}, **fields)


def widened(record):
    return sum(r.run.purpose == "trial" for r in record.kept.values()) > 5 * 3 * TRIALS


def falling(run):
    """The larger the rate, the better."""
    return 0.2 - run.training.learning_rate


def test_in_time_ranges_are_widened_as_without_a_limit(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "score", falling)
    free, limited = Memory(narrow()), Memory(narrow(1e6))
    conduct(free, tmp_path)
    conduct(limited, tmp_path)
    assert widened(free)
    assert free.kept.keys() == limited.kept.keys()


def test_half_of_the_time_settles_the_ranges_for_good(tmp_path, monkeypatch):
    """180 trials are 900 seconds of two workers; half of 1,200 comes before, and what follows is widened by no call."""
    monkeypatch.setitem(globals(), "score", falling)
    record = Memory(narrow(1200))
    engine, end = conduct(record, tmp_path)
    assert end is None
    assert not widened(record)
    early = [n for n, run in enumerate(engine.ended) if run.purpose == "final"]
    assert 120 <= early[0] < 180, "final seeds begin before all trials are there"
    assert all(r.run.cut_search is None for r in record.kept.values()), "the first search was whole"
    conduct(record, tmp_path, start=1e6)
    record.experiment = narrow(1e6)
    conduct(record, tmp_path, start=2e6)
    assert not widened(record)
    assert finals(record) == EVERY


def test_a_kill_among_widened_final_seeds_widens_again(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "score", falling)
    whole = Memory(narrow())
    engine, _ = conduct(whole, tmp_path)
    first = next(n for n, run in enumerate(engine.ended) if run.purpose == "final")
    record = Memory(narrow())
    conduct(record, tmp_path, lives=first + 3)
    conduct(record, tmp_path, start=1e6)
    assert record.kept.keys() == whole.kept.keys()


# --- no whole replicate ---


def test_without_a_whole_replicate_no_answer_is_given_and_more_time_goes_on(tmp_path):
    record = Memory(experiment(100))
    engine, end = conduct(record, tmp_path, takes=lambda run: 60.0)
    assert isinstance(end, TimeUpError)
    received = "Received: 0 trials, 0 of 3 final runs. What has ended is kept"
    more = "with a larger 'replicates.minutes' the same call goes on from there"
    assert str(end) == f"limited: expected a whole replicate within 1.66667 minutes. {received}: {more}"
    record = Memory(experiment(200))
    _, end = conduct(record, tmp_path, takes=lambda run: 60.0)
    assert "Received: 2 trials, 2 of 3 final runs." in str(end)
    before = set(record.kept)
    record.experiment = experiment(2000)
    engine, end = conduct(record, tmp_path, takes=lambda run: 60.0, start=1e6)
    assert end is None
    assert not {run.fingerprint for run in engine.ended} & before
    assert [seeds[0] for seeds in finals(record).values()] == [0, 0, 0]


def test_a_replicate_without_its_baselines_is_not_whole(tmp_path, monkeypatch):
    monkeypatch.delenv(coordinator.SWITCH)
    record = Memory(experiment(300, [{"forecast": SHOP}], baselines=["naive", "ridge"], search=None))
    takes = lambda run: 400.0 if run.cell.name == "ridge" else 10.0  # noqa: E731
    _, end = conduct(record, tmp_path, takes=takes)
    assert isinstance(end, TimeUpError)
    assert "3 of 3 final runs, 1 of 2 baselines. What has ended is kept" in str(end)


def test_a_call_whose_time_is_over_begins_nothing(tmp_path):
    record = Memory(experiment(500))
    conduct(record, tmp_path)
    record.experiment = experiment(100)
    engine, end = conduct(record, tmp_path, start=1e6)
    assert (end, engine.ended, engine.going_on) == (None, [], {})


@pytest.mark.parametrize("search", [{"tuner": "bayesian"}, {}], ids=["bayesian", "random"])
@pytest.mark.parametrize("seconds", [None, 1e5])
@pytest.mark.parametrize("tasks", [1, 2])
def test_a_search_that_was_not_cut_is_not_cut_by_a_kill(tmp_path, search, seconds, tasks):
    """Final seeds of one cell or task begin while others are still searched for."""
    lengths = [{"adding": {"length": 10 * (n + 1)}} for n in range(tasks)]
    fields = {"tasks": lengths, "search": SEARCH | search | {"trials": 4}, "replicates": {"at_most": 2}}
    fields["replicates"] |= {} if seconds is None else {"minutes": seconds / 60}
    takes = lambda run: 10.0 + 30.0 * (run.cell.name == "lstm")  # noqa: E731
    whole = Memory(experiment(**fields))
    uncut, _ = conduct(whole, tmp_path, takes=takes)
    first = next(n for n, run in enumerate(uncut.ended) if run.purpose == "final")
    for lives in range(first + 1, min(first + 6, len(uncut.ended))):
        record = Memory(experiment(**fields))
        _, end = conduct(record, tmp_path, takes=takes, lives=lives)
        assert isinstance(end, Killed)
        conduct(record, tmp_path, takes=takes, start=1e6)
        assert set(record.kept) == set(whole.kept), lives
        assert not any(result.run.cut_search for result in record.kept.values())


def test_what_an_earlier_definition_took_is_no_time_of_this_one(tmp_path):
    """36 runs of 10 s of two cells in two workers; then a third cell, whose 18 runs take 90 s."""
    fields = {"search": SEARCH | {"trials": 5}, "replicates": {"at_most": 3, "minutes": 200 / 60}}
    record = Memory(experiment(cells=["rnn", "gru"], **fields))
    conduct(record, tmp_path)
    assert finals(record) == {"rnn": [0, 1, 2], "gru": [0, 1, 2], "lstm": []}
    record.trained.clear()  # for the definition that follows
    record.members.clear()
    record.experiment = experiment(**fields)
    engine, end = conduct(record, tmp_path, start=1e6)
    assert end is None
    assert len(engine.ended) == 18
    assert not any(result.run.cut_search for result in record.kept.values())


def test_what_was_stopped_has_taken_time(tmp_path):
    """Trials of 400 s in a search that all share: cut after 300 of 600 s, so that final seeds have the other half."""
    search = SEARCH | {"trials": 4, "shared": True}
    record = Memory(experiment(600, search=search))
    engine, _ = conduct(record, tmp_path, takes=lambda run: 400.0 if run.purpose == "trial" else 90.0)
    assert engine.clock <= 600 + 1
