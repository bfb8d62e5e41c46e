"""Baselines of a task whose seeds draw splits: a run a seed, as many as the cells have at each look, whatever is killed.

Nothing is trained: an engine makes results up, in an order of its own, and a store keeps them in memory.
"""

import random
import zlib

import made_results
import numpy as np
import own_files
import pytest
from made_up_runs import Killed, Memory, conduct

from gru_tf.analysis.results import Results
from gru_tf.experiment.experiment import Experiment
from gru_tf.suite import chosen_run, coordinator

# Keras Tuner 1.4.8 calls deprecated names of threading
pytestmark = pytest.mark.filterwarnings(r"ignore:(currentThread|getName)\(\) is deprecated:DeprecationWarning")

SHOP = {"path": own_files.path("shop.csv"), "target": ["sales"], "time": "day", "window": 14}
SEARCH = {"trials": 2, "space": {"learning_rate": {"low": 1e-3, "high": 1e-1, "sampling": "log"}}}
MEANS = {"rnn": 0.16, "gru": 0.05, "lstm": 0.05, "naive": 0.3, "ridge": 0.05}
LOOKS = (5, 8, 13, 21)


def experiment(split="drawn", **fields):
    usual = {
        "name": "drawn",
        "question": "Which?",
        "tasks": [{"forecast": {**SHOP, "split": split}}],
        "cells": ["rnn", "gru", "lstm"],
        "model": {"units": 3},
        "replicates": {"at_most": 21},
        "baselines": ["naive", "ridge"],
    }
    return Experiment.model_validate({**usual, **fields}, strict=False)


def score(run):
    """An error that the run alone decides, with a part that all runs of a split share."""
    name = f"{run.purpose} {run.cell.name} {run.seed} {run.training.learning_rate}"
    own = np.random.default_rng([zlib.crc32(name.encode())]).normal()
    shared = np.random.default_rng(run.seed if run.split_seed is None else run.split_seed).normal()
    return float(MEANS[run.cell.name] * np.exp(0.01 * own + 0.05 * shared))


@pytest.fixture(autouse=True)
def _with_baselines(monkeypatch):
    monkeypatch.setenv("GRU_TF_TIMING", "no")
    monkeypatch.delenv(coordinator.SWITCH)
    monkeypatch.setattr(coordinator.publishing_libraries, "load", lambda: None)


def seeds_of(record, purpose):
    """Cell, or baseline → its seeds."""
    seeds = {}
    for result in record.kept.values():
        if result.run.purpose == purpose:
            seeds.setdefault(result.run.cell.name, []).append(result.run.seed)
    return {name: sorted(own) for name, own in seeds.items()}


def test_baselines_have_as_many_runs_as_the_cells(tmp_path):
    record = Memory(experiment())
    trained, failed = conduct(record, tmp_path, score)
    assert not failed
    most = max(map(len, seeds_of(record, "final").values()))
    assert most in LOOKS
    assert most > LOOKS[0]
    assert seeds_of(record, "baseline") == {name: list(range(most)) for name in ("naive", "ridge")}
    assert len(trained) == len({run.fingerprint for run in trained}) == len(record.kept)


def test_the_time_of_the_next_look_has_that_of_its_baselines(tmp_path):
    """A run takes a second: a look that ends a moment too late is not begun."""
    whole = len(conduct(Memory(experiment(replicates={"at_most": 8})), tmp_path / "whole", score)[0])
    for seconds, most in ((whole - 0.1, 5), (whole + 0.1, 8)):
        record = Memory(experiment(replicates={"at_most": 8, "minutes": seconds / 60}))
        conduct(record, tmp_path / str(most), score)
        assert max(map(len, seeds_of(record, "baseline").values())) == most


def test_with_one_split_they_are_fitted_once(tmp_path):
    record = Memory(experiment("fixed"))
    conduct(record, tmp_path, score)
    assert seeds_of(record, "baseline") == {"naive": [0], "ridge": [0]}


def test_a_fixed_number_of_seeds_has_that_many(tmp_path):
    record = Memory(experiment(replicates=None, seeds=[4, 7]))
    conduct(record, tmp_path, score)
    assert seeds_of(record, "baseline") == {"naive": [4, 7], "ridge": [4, 7]}
    (task,) = Results(record.experiment, tuple(record.kept.values())).evidence.tasks
    assert {pair.test for pair in (*task.pairs, *task.against)} == {"resampled"}
    assert [model.row.seeds for model in task.baselines] == [2, 2]


def test_trials_have_the_split_of_the_seed_that_they_serve(tmp_path):
    record = Memory(experiment(search=SEARCH, replicates={"at_most": 5}))
    trained, _ = conduct(record, tmp_path, score)
    trials = [run for run in trained if run.purpose == "trial"]
    assert len(trials) >= 3 * 5 * 2
    assert all(run.split_seed == run.seed - 1000 for run in trials)
    assert all(run.split_seed is None for run in trained if run.purpose != "trial")
    fixed = Memory(experiment("fixed", search=SEARCH, replicates={"at_most": 5}))
    assert all(run.split_seed is None for run in conduct(fixed, tmp_path / "fixed", score)[0])


@pytest.mark.parametrize(("search", "attempts"), [(None, 12), (SEARCH, 2)], ids=["seeds", "searches"])
def test_a_kill_at_any_moment_changes_nothing(tmp_path, search, attempts):
    """Killed again and again at random, going on with what the store has and in another order, to the same runs."""
    one = experiment(search=search)
    whole = Memory(one)
    conduct(whole, tmp_path / "whole", score)
    draw = random.Random(5)
    for attempt in range(attempts):
        record, kills = Memory(one), 0
        while True:
            try:
                conduct(record, tmp_path / str(attempt), score, seed=draw.randrange(1000), lives=draw.choice([3, 11, 40]))
                break
            except Killed:
                kills += 1
        assert kills
        assert {f: r.test for f, r in record.kept.items()} == {f: r.test for f, r in whole.kept.items()}
        assert record.members == whole.members
    both = [Results(one, tuple(each.kept.values())).evidence for each in (record, whole)]
    first, second = ({(pair.first, pair.second): pair for pair in each.tasks[0].against} for each in both)
    assert first == second


def test_a_baseline_that_fails_at_a_seed_is_left_out_of_its_pairs(tmp_path):
    record = Memory(experiment(replicates={"at_most": 5}))
    _, failed = conduct(record, tmp_path, score, failing={("ridge", 2)})
    assert failed
    (task,) = Results(record.experiment, tuple(record.kept.values())).evidence.tasks
    assert {pair.second: pair.counts for pair in task.against} == {"naive": (5, 5), "ridge": (4, 4)}
    ridge = next(model.row for model in task.baselines if model.cell == "ridge")
    assert (ridge.seeds, ridge.wanted, ridge.failures) == (4, 5, ("seed 2: baseline failed: no",))


# --- splits that are harder than others ---


def on_uneven_splits(tmp_path, hard=10.0, diverged=()):
    """Evidence where every third split is harder, for the naive forecast as for all others."""
    record = Memory(experiment(replicates=None, seeds=list(range(8)), cells=["rnn", "gru"]))
    conduct(record, tmp_path, score)

    def made(result):
        times = hard if result.run.seed % 3 == 0 else 1.0
        chance, test = 0.2 * times, result.test * times
        if (result.run.cell.name, result.run.seed) in diverged:
            return result.model_copy(update={"status": "diverged", "test": None, "score": None, "chance": chance})
        return result.model_copy(update={"test": test, "chance": chance, "score": 1 - test / chance})

    (task,) = Results(record.experiment, tuple(map(made, record.kept.values()))).evidence.tasks
    return task


def test_a_hard_split_is_no_failure_to_learn(tmp_path):
    task = on_uneven_splits(tmp_path)
    pair = task.pair("gru", "rnn")
    assert (task.verdict(pair), task.better(pair), pair.test, pair.unreliable) == ("better", "gru", "resampled", False)
    assert [cell.row.unreliable for cell in task.cells] == [False, False]
    assert [cell.row.modes for cell in task.cells] == [None, None]


def test_whether_the_baseline_is_beaten_is_asked_split_by_split(tmp_path):
    """Each is 20 % better than the naive forecast, or more, on every split; the means over all splits overlap with it."""
    rnn = on_uneven_splits(tmp_path).cell("rnn")
    assert rnn.row.test.high > rnn.row.chance
    assert rnn.beats_chance


def test_a_run_that_diverged_is_as_good_as_its_splits_naive_forecast(tmp_path):
    task, without = on_uneven_splits(tmp_path, diverged=[("gru", 3)]), on_uneven_splits(tmp_path)
    pair, other = task.pair("gru", "rnn"), without.pair("gru", "rnn")
    assert pair.counts == other.counts == (8, 8), "it is not left out"
    assert pair.difference.mean < other.difference.mean


# --- which run predicts ---


def finals(tmp_path, seeds, split="drawn"):
    record = Memory(experiment(split, replicates=None, seeds=seeds, cells=["gru"], baselines=False))
    conduct(record, tmp_path, score)
    return list(record.kept.values())


def test_the_newest_split_predicts_and_seed_0_has_it(tmp_path):
    results = finals(tmp_path, [3, 0, 5, 9])
    assert chosen_run.kept_of(results).run.seed == 0
    task = results[0].run.drawn_task()
    others = [result for result in results if result.run.seed != 0]
    ends = {result.run.seed: task.at(result.run.seed).recency for result in others}
    assert len(set(ends.values())) > 1
    assert chosen_run.kept_of(others).run.seed == max(ends, key=lambda seed: ends[seed])
    assert chosen_run.kept_of([]) is None


def test_with_one_split_the_best_on_validation_predicts(tmp_path):
    results = finals(tmp_path, [3, 0, 5, 9], "fixed")
    assert chosen_run.kept_of(results) == min(results, key=lambda result: result.validation)
    assert chosen_run.kept_of(results).run.seed != 0


def test_where_nothing_is_validated_the_first_seed_predicts():
    one = made_results.experiment(tasks=["digits"], cells=["gru"], seeds=[4, 2, 7])
    made = [made_results.result(one, seed=s, validation=0.1 * s, test=0.5, direction="max") for s in one.seeds]
    assert chosen_run.kept_of(made).run.seed == 7
    assert chosen_run.kept_of([r.model_copy(update={"validation": None}) for r in made]).run.seed == 2
