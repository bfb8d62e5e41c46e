"""Replicates until it is decided: who goes on after each look, and that a kill at any moment changes nothing.

Nothing is trained: an engine makes results up, in an order of its own, and a store keeps them in memory.
"""

import random
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from made_up_runs import Killed, Memory
from made_up_runs import conduct as conduct_by

from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.wall_time import wall_time, wall_time_of_more
from gru_tf.suite import coordinator, looks

# Keras Tuner 1.4.8 calls deprecated names of threading
pytestmark = pytest.mark.filterwarnings(r"ignore:(currentThread|getName)\(\) is deprecated:DeprecationWarning")

SEARCH = {"trials": 2, "space": {"learning_rate": {"low": 1e-3, "high": 1e-1, "sampling": "log"}}}
MEANS = {"rnn": 0.16, "gru": 0.05, "lstm": 0.05, "mgu": 0.052}
SPREAD = 0.01


def experiment(**fields):
    usual = {
        "name": "until",
        "question": "Which?",
        "tasks": [{"adding": {"length": 10}}, {"adding": {"length": 20}}],
        "cells": ["rnn", "gru", "lstm"],
        "model": {"units": 3},
        "replicates": {"at_most": 34},
    }
    return Experiment.model_validate({**usual, **fields}, strict=False)


def score(run):
    """A test error that the run alone decides."""
    rng = np.random.default_rng([zlib.crc32(run.model_dump_json().encode())])
    return float(MEANS[run.cell.name] + SPREAD * rng.normal())


def conduct(record, folder, progress=None, **options):
    return conduct_by(record, folder, score, progress, **options)


@pytest.fixture(autouse=True)
def _without_times(monkeypatch):
    monkeypatch.setenv("GRU_TF_TIMING", "no")
    monkeypatch.setattr(coordinator.publishing_libraries, "load", lambda: None)


def replicates(record):
    """(task's length, cell) → its final seeds."""
    seeds = {}
    for result in record.kept.values():
        if result.run.purpose == "final":
            place = result.run.task.options["length"], result.run.cell.name
            seeds.setdefault(place, []).append(result.run.seed)
    return {place: sorted(own) for place, own in seeds.items()}


def scripted(monkeypatch, *wanted):
    """The looks go as this says: after each (replicates, cells of both tasks), then nothing is open."""
    script, asked = list(wanted), []

    def course(one, results):
        asked.append([result for result in results if result.run.purpose == "final"])
        replicates, cells = script.pop(0) if script else (None, ())
        return SimpleNamespace(wanted=replicates, running=(cells, cells[:1]), decisions=(SimpleNamespace(look=5),) * 2)

    monkeypatch.setattr(looks, "course", course)
    return asked


@pytest.mark.parametrize("search", [None, SEARCH, SEARCH | {"shared": True}], ids=["none", "own", "shared"])
def test_a_cell_goes_on_as_far_as_each_look_wants(monkeypatch, tmp_path, search):
    asked = scripted(monkeypatch, (8, ("gru", "lstm")), (13, ("lstm",)))
    record = Memory(experiment(search=search))
    trained, failed = conduct(record, tmp_path)
    counts = {place: len(seeds) for place, seeds in replicates(record).items()}
    assert counts == {(10, "rnn"): 5, (10, "gru"): 8, (10, "lstm"): 13, (20, "rnn"): 5, (20, "gru"): 8, (20, "lstm"): 13}
    assert all(seeds == list(range(len(seeds))) for seeds in replicates(record).values())
    assert [len(finals) for finals in asked] == [30, 30 + 9, 39 + 13]
    trials = 0 if search is None else 2 * 6 if search.get("shared") else 2 * len(asked[-1])
    assert len(trained) == len({run.fingerprint for run in trained}) == trials + len(asked[-1])
    assert not failed


def test_the_first_look_has_all_of_few(monkeypatch, tmp_path):
    scripted(monkeypatch)
    record = Memory(experiment(replicates={"at_most": 3, "seed": 4}))
    conduct(record, tmp_path)
    assert set(map(tuple, replicates(record).values())) == {(4, 5, 6)}


def test_a_course_that_wants_no_more_than_there_is_would_never_end(monkeypatch, tmp_path):
    scripted(monkeypatch, (5, ("gru",)))
    with pytest.raises(ValueError, match="expected the results of 5 replicates"):
        conduct(Memory(experiment()), tmp_path)


class Progress:
    """What the coordinator says."""

    def __init__(self):
        self.lines, self.counts = [], []

    def look(self, text):
        self.lines.append(text)

    def __call__(self, result, done, total):
        self.counts.append((done, total))


def test_progress_counts_up_to_the_current_look(monkeypatch, tmp_path):
    scripted(monkeypatch, (8, ("gru",)), (13, ("gru",)))
    record, progress = Memory(experiment(search=SEARCH)), Progress()
    conduct(record, tmp_path, progress)
    assert progress.lines == [
        "look 1 of 5: 5 replicates",
        "look 2 of 5: 8 replicates, 2 of 2 pairs decided",
        "look 3 of 5: 13 replicates, 2 of 2 pairs decided",
    ]
    first = 6 * 5 * 3
    ends = (first, first + 2 * 3 * 3, first + 2 * 8 * 3)
    assert progress.counts == [
        (0, first),
        *((done, next(end for end in ends if done <= end)) for done in range(1, ends[-1] + 1)),
    ]
    again = Progress()
    scripted(monkeypatch, (8, ("gru",)), (13, ("gru",)), (21, ("gru",)))
    conduct(record, tmp_path, again)
    assert again.lines == ["look 4 of 5: 21 replicates, 2 of 2 pairs decided"]
    assert again.counts[0] == (ends[-1], ends[-1] + 2 * 8 * 3)


def test_what_is_plain_ends_after_five_and_what_is_alike_goes_on(tmp_path):
    record = Memory(experiment(tasks=[{"adding": {"length": 10}}], cells=["rnn", "gru", "mgu"]))
    conduct(record, tmp_path)
    counts = {cell: len(seeds) for (_, cell), seeds in replicates(record).items()}
    assert counts["rnn"] == 5
    assert counts["gru"] == counts["mgu"] > 5


@pytest.mark.parametrize(("search", "attempts"), [(None, 20), (SEARCH, 2)], ids=["seeds", "searches"])
def test_a_kill_at_any_moment_changes_nothing(tmp_path, search, attempts):
    """Killed again and again at random, going on with what the store has and in another order, to the same runs."""
    one = experiment(search=search, replicates={"at_most": 21}, cells=["rnn", "gru", "mgu"])
    whole = Memory(one)
    conduct(whole, tmp_path / "whole")
    assert len({len(seeds) for seeds in replicates(whole).values()}) > 1, "no look decided anything"
    draw = random.Random(7)
    for attempt in range(attempts):
        record, kills = Memory(one), 0
        while True:
            try:
                conduct(record, tmp_path / str(attempt), seed=draw.randrange(1000), lives=draw.choice([3, 17, 60]))
                break
            except Killed:
                kills += 1
        assert kills
        assert {f: r.test for f, r in record.kept.items()} == {f: r.test for f, r in whole.kept.items()}
        assert record.members == whole.members


def test_a_kill_between_looks_takes_the_same_looks_again(monkeypatch, tmp_path):
    record = Memory(experiment())
    asked = scripted(monkeypatch, (8, ("gru",)), (13, ("gru",)))
    with pytest.raises(Killed):
        conduct(record, tmp_path, lives=31)
    again = scripted(monkeypatch, (8, ("gru",)), (13, ("gru",)))
    trained, _ = conduct(record, tmp_path, seed=3)
    assert len(trained) == 6 + 10 - 1
    assert {r.run.fingerprint for r in again[0]} == {r.run.fingerprint for r in asked[0]}, "of later ones nothing is seen"


def test_a_replicate_that_fails_is_one_and_is_tried_again_by_the_next_call(tmp_path):
    record = Memory(experiment(cells=["rnn", "gru"]))
    _, failed = conduct(record, tmp_path, failing={("gru", 2)})
    assert failed
    assert {place: len(seeds) for place, seeds in replicates(record).items()} == dict.fromkeys(replicates(record), 5)
    trained, failed = conduct(record, tmp_path)
    assert not failed
    assert [(run.cell.name, run.seed) for run in trained] == [("gru", 2)] * 2


# --- minutes ---


def final(started, seconds):
    run = experiment().runs()[0]
    return RunResult(run=run, status="finished", started=started, seconds=seconds)


def test_wall_time_counts_runs_at_once_once_and_pauses_not_at_all():
    assert wall_time([]) == 0
    assert wall_time([final(100, 10), final(105, 10), final(106, 2)]) == 15
    assert wall_time([final(500, 7), final(100, 10), final(110, 5)]) == 22
    assert wall_time([final(100, 10), final(100, 10)]) == 10


def test_wall_time_by_brute_force():
    rng = np.random.default_rng(0)
    spans = [
        (int(start), int(length)) for start, length in zip(rng.integers(0, 200, 30), rng.integers(0, 12, 30), strict=True)
    ]
    covered = {second for start, length in spans for second in range(start, start + length)}
    assert wall_time([final(float(start), float(length)) for start, length in spans]) == len(covered)


def test_no_look_is_begun_that_would_not_end_in_time(monkeypatch, tmp_path):
    def counts(minutes, folder):
        scripted(monkeypatch, (8, ("gru",)), (13, ("gru",)), (21, ("gru",)))
        record = Memory(experiment(replicates={"minutes": minutes}))
        conduct(record, tmp_path / folder)  # a second a run, one after the other
        return max(map(len, replicates(record).values()))

    assert counts(30 / 60, "a") == 5
    assert counts(35.9 / 60, "b") == 5, "6 more runs take a second each"
    assert counts(36 / 60, "c") == 8
    assert counts(45.9 / 60, "d") == 8
    assert counts(46 / 60, "e") == 13
    assert counts(60, "f") == 21


@pytest.mark.parametrize("shared", [True, False])
def test_a_search_of_its_own_is_part_of_what_a_replicate_takes(monkeypatch, tmp_path, shared):
    """30 seeds with 2 trials each, or for 6 pairs of them; then 6 with 2 trials each, or none."""
    ends = 30 + 12 + 6 if shared else 90 + 18

    def count(minutes, folder):
        scripted(monkeypatch, (8, ("gru",)))
        record = Memory(experiment(replicates={"minutes": minutes}, search=SEARCH | {"shared": shared}))
        conduct(record, tmp_path / folder)
        return max(map(len, replicates(record).values()))

    assert count((ends - 0.1) / 60, "a") == 5
    assert count((ends + 0.1) / 60, "b") == 8


def test_more_replicates_take_as_long_as_those_so_far_by_as_many_at_once():
    run = experiment().runs()[0]
    pair = run.task.label, run.cell.label
    trial = run.model_copy(update={"purpose": "trial"})
    own = [RunResult(run=one, status="finished", started=0, seconds=seconds) for one, seconds in ((trial, 4), (run, 6))]
    assert wall_time_of_more(own, {pair: 3}) == pytest.approx(3 * (4 + 6) / (10 / 6))
    assert wall_time_of_more(own, {}) == wall_time_of_more([], {}) == 0


def test_more_minutes_go_on_where_it_was_and_a_kill_gives_no_time_back(monkeypatch, tmp_path):
    script = ((8, ("gru",)), (13, ("gru",)), (21, ("gru",)))
    record = Memory(experiment(replicates={"minutes": 40 / 60}))
    scripted(monkeypatch, *script)
    with pytest.raises(Killed):
        conduct(record, tmp_path, lives=33)
    scripted(monkeypatch, *script)
    trained, _ = conduct(record, tmp_path, seed=5)
    assert len(trained) == 3
    assert max(map(len, replicates(record).values())) == 8, "36 seconds are spent, and 10 more would be too many"
    record.experiment = experiment(replicates={"minutes": 46 / 60})
    scripted(monkeypatch, *script)
    assert len(conduct(record, tmp_path, seed=9)[0]) == 10
    scripted(monkeypatch, *script)
    assert conduct(record, tmp_path, seed=10)[0] == []
