"""Ranges that are widened where the best values lie at their end; nothing is trained, results are made up."""

import math
import random
from types import SimpleNamespace

import numpy as np
import pytest
from made_up_runs import Killed, Memory, conduct

from gru_tf.experiment import ranges
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.specs import Range, SearchSpec
from gru_tf.suite import coordinator, looks
from gru_tf.suite.tuning import Search
from gru_tf.suite.widening import TaskRanges

# Keras Tuner 1.4.8 calls deprecated names of threading
pytestmark = pytest.mark.filterwarnings(r"ignore:(currentThread|getName)\(\) is deprecated:DeprecationWarning")

RATES = {"low": 1e-3, "high": 1e-2, "sampling": "log"}
TASKS = [{"adding": {"length": 10}}, {"adding": {"length": 20}}]
LABELS = ["adding(length=10)", "adding(length=20)"]
CELLS, SEEDS, TRIALS = ["rnn", "gru"], 4, 8


def experiment(space=None, **fields):
    search = {"trials": TRIALS, "space": space or {"learning_rate": RATES}, **fields.pop("search", {})}
    usual = {"name": "wider", "question": "Which?", "tasks": TASKS, "cells": CELLS, "seeds": SEEDS, "model": {"units": 3}}
    return Experiment.model_validate({**usual, "search": search, **fields}, strict=False)


@pytest.fixture(autouse=True)
def _without_times(monkeypatch):
    monkeypatch.setenv("GRU_TF_TIMING", "no")
    monkeypatch.setattr(coordinator.publishing_libraries, "load", lambda: None)


def best_at(**optima):
    """The error of a run: the distance of its rate from the best of its cell, as logarithms; only on the first task."""

    def error(run):
        best = optima.get(run.cell.name, 3e-3) if run.task.options["length"] == 10 else 3e-3
        return 0.01 + abs(math.log(run.training.learning_rate / best))

    return error


def rates(runs, length=10):
    """Learning rates of the trials on one task, by cell and seed."""
    drawn = {}
    for run in runs:
        if run.purpose == "trial" and run.task.options["length"] == length:
            drawn.setdefault((run.cell.name, run.seed), []).append(run.training.learning_rate)
    return {place: sorted(values) for place, values in drawn.items()}


def done(one, metric, folder, **options):
    record = Memory(one)
    runs, _ = conduct(record, folder, metric, **options)
    return record, runs


def ends(record, task=LABELS[0], name="learning_rate"):
    axis = ranges.used(record.experiment, record.kept.values())[task][name]
    return axis.low, axis.high


def test_a_range_that_is_wide_enough_stays(tmp_path):
    record, runs = done(experiment(), best_at(), tmp_path)
    assert ends(record) == (1e-3, 1e-2)
    assert len(runs) == 2 * len(CELLS) * SEEDS * (TRIALS + 1)


@pytest.mark.parametrize(
    ("best", "expected"), [(2e-2, (1e-3, 3e-2)), (1.0, (1e-3, 9e-2)), (6e-4, (1e-3 / 3, 1e-2)), (1e-9, (1e-3 / 9, 1e-2))]
)
def test_it_is_widened_to_the_side_where_one_cell_chooses_its_end_for_all_cells_of_the_task(tmp_path, best, expected):
    """At most by two steps, and on the other task not at all."""
    record, runs = done(experiment(), best_at(gru=best), tmp_path)
    assert ends(record) == pytest.approx(expected)
    assert ends(record, LABELS[1]) == (1e-3, 1e-2)
    drawn = rates(runs)
    assert all(drawn["rnn", seed] == drawn["gru", seed] for cell, seed in drawn), "the same draws for all cells"
    assert len({tuple(values) for values in drawn.values()}) == SEEDS, "and others for each replicate"
    density = TRIALS / math.log(10)
    for values in drawn.values():
        assert len([value for value in values if 1e-3 <= value <= 1e-2]) == TRIALS
        assert len(values) == pytest.approx(density * math.log(expected[1] / expected[0]), abs=1)
    assert {len(values) for values in rates(runs, 20).values()} == {TRIALS}


def test_the_finals_take_the_best_of_all_trials_and_are_trained_once(tmp_path):
    record, runs = done(experiment(), best_at(gru=2e-2), tmp_path)
    finals = [run for run in runs if run.purpose == "final"]
    assert len(finals) == len({(run.task.label, run.cell.label, run.seed) for run in finals}) == 2 * len(CELLS) * SEEDS
    drawn = rates(runs)
    chosen = {
        run.seed: run.training.learning_rate for run in finals if run.cell.name == "gru" and run.task.label == LABELS[0]
    }
    for seed, rate in chosen.items():
        assert rate == min(drawn["gru", 1000 + seed], key=lambda value: abs(math.log(value / 2e-2)))
    assert any(rate > 1e-2 for rate in chosen.values())
    assert record.members == set(record.kept)


def test_half_of_the_replicates_of_a_cell_are_enough_and_fewer_are_not(tmp_path):
    def error(of):
        return lambda run: best_at(gru=2e-2 if run.seed % 1000 in of else 3e-3)(run)

    many = experiment(search={"trials": 80}, tasks=TASKS[:1])  # the best of few may lie farther from the end
    assert ends(done(many, error({0, 2}), tmp_path)[0])[1] > 1e-2
    assert ends(done(many, error({2}), tmp_path)[0]) == (1e-3, 1e-2)


@pytest.mark.parametrize(
    "search",
    [{"shared": True}, {"widen": False}, {"tuner": "bayesian", "trials": 3}],
    ids=["shared", "not asked", "bayesian"],
)
def test_others_keep_their_ranges(tmp_path, search):
    record, _ = done(experiment(search=search, tasks=TASKS[:1], seeds=1), best_at(gru=1.0), tmp_path)
    assert ends(record) == (1e-3, 1e-2)


def test_a_list_has_no_end_and_a_budget_is_the_users(tmp_path):
    space = {"learning_rate": [1e-3, 1e-2], "units": {"low": 2, "high": 40}}
    record, runs = done(experiment(space, tasks=TASKS[:1]), lambda run: 1 / run.model.units, tmp_path)
    assert len(runs) == len(CELLS) * SEEDS * (TRIALS + 1)
    assert ends(record, name="units") == (2, 40)


def test_two_axes_at_once_fill_the_corner(tmp_path):
    space = {"learning_rate": RATES, "dropout": {"low": 0.1, "high": 0.5}}

    def error(run):
        return 1 + abs(math.log(run.training.learning_rate)) / 100 - run.model.dropout / 100

    record, _ = done(experiment(space, tasks=TASKS[:1], search={"trials": 40}), error, tmp_path)
    (low, high), (least, most) = ends(record), ends(record, name="dropout")
    assert high > 1e-2
    assert most > 0.5
    trials = [(r.run.training.learning_rate, r.run.model.dropout) for r in record.kept.values() if r.run.purpose == "trial"]
    corner = [rate > 1e-2 and dropout > 0.5 for rate, dropout in trials]
    area = (most - 0.5) / (most - least) * math.log(high / 1e-2) / math.log(high / low)
    assert np.mean(corner) == pytest.approx(area, abs=0.07)


def test_diverged_trials_are_chosen_by_none(tmp_path):
    record, _ = done(experiment(tasks=TASKS[:1]), lambda run: None if run.purpose == "trial" else 0.1, tmp_path)
    assert ends(record) == (1e-3, 1e-2)


def test_later_replicates_are_drawn_from_the_same_ranges(monkeypatch, tmp_path):
    wanted = [6, None]
    monkeypatch.setattr(looks, "course", lambda *_: SimpleNamespace(wanted=wanted.pop(0), running=(("gru",),), decisions=()))
    one = experiment(tasks=TASKS[:1], seeds=6, replicates={"at_most": 6})
    _, runs = done(one, best_at(gru=2e-2, rnn=2e-2), tmp_path)
    drawn = rates(runs)
    assert [seed for cell, seed in sorted(drawn) if cell == "gru"] == [1000, 1001, 1002, 1003, 1004, 1005]
    assert ("rnn", 1005) not in drawn
    assert len({len(values) for values in drawn.values()}) == 1
    assert all(values[-1] > 1e-2 for values in drawn.values())


def test_a_kill_at_any_moment_changes_nothing(tmp_path):
    one, metric = experiment(seeds=3), best_at(gru=1.0, rnn=2e-4)
    whole, _ = done(one, metric, tmp_path)
    draw = random.Random(1)
    for _ in range(3):
        record, kills = Memory(one), 0
        while True:
            try:
                conduct(record, tmp_path, metric, seed=draw.randrange(1000), lives=draw.choice([20, 45, 90]))
                break
            except Killed:
                kills += 1
        assert kills
        assert {f: r.test for f, r in record.kept.items()} == {f: r.test for f, r in whole.kept.items()}


class Notes:
    """What the coordinator says, and how many runs it expects."""

    def __init__(self):
        self.lines, self.totals = [], []

    def note(self, text):
        self.lines.append(text)

    def __call__(self, result, done, total):
        self.totals.append(total)
        self.done = done


def test_it_says_so(tmp_path):
    notes = Notes()
    _, runs = done(experiment(), best_at(gru=2e-2), tmp_path, progress=notes)
    assert notes.lines == [
        "adding(length=10): learning_rate is drawn up to 0.03: the best values of gru lay at the end",
    ]
    assert notes.done == len(runs) == notes.totals[-1]
    assert notes.totals == sorted(notes.totals)


# --- ranges ---


STEPPED = [
    ("learning_rate", (1e-3, 1e-2, "log"), (0, 1), (1e-3, 3e-2)),
    ("learning_rate", (1e-3, 1e-2, "log"), (2, 2), (1e-3 / 9, 9e-2)),
    ("learning_rate", (0.2, 1.0, "linear"), (1, 0), (0.1, 1.0)),  # half of the way to 0, which is no rate
    ("learning_rate", (0.2, 1.0, "linear"), (0, 2), (0.2, 1.8)),
    ("dropout", (0.1, 0.5, "linear"), (1, 1), (0.0, 0.7)),
    ("dropout", (0.0, 0.8, "linear"), (2, 1), (0.0, 0.9)),
    ("dropout", (0.0, 0.8, "linear"), (0, 2), (0.0, 0.95)),
    ("batch_size", (4, 8, "linear"), (1, 1), (2, 10)),
    ("batch_size", (2, 3, "linear"), (2, 2), (1, 5)),
    ("batch_size", (4, 64, "log"), (2, 1), (1, 192)),
    ("clip_norm", (0.5, 5.0, "log"), (1, 1), (0.5 / 3, 15.0)),
]


@pytest.mark.parametrize(("name", "axis", "steps", "expected"), STEPPED)
def test_steps_go_as_far_as_a_value_is_possible(name, axis, steps, expected):
    low, high, sampling = axis
    after = ranges.widened(name, Range(low=low, high=high, sampling=sampling), *steps)
    assert (after.low, after.high) == pytest.approx(expected)
    experiment({name: after.model_dump()})  # is possible


def test_no_step_is_no_other_range():
    axis = Range(**RATES)
    assert ranges.widened("learning_rate", axis, 0, 0) == axis


def test_a_part_of_one_whole_number_is_drawn():
    search = SearchSpec(trials=4, space={"batch_size": {"low": 2, "high": 3}, "dropout": [0.0, 0.1]})
    wider = TaskRanges(search)
    wider._widen("batch_size", "low", ["gru"])
    wider._widen("batch_size", "high", ["gru"])
    drawn = [[trial["batch_size"] for trial in Search(added, "min").ask()] for added in wider.added]
    assert drawn == [[1, 1], [4, 4]]
    assert [added.trials for added in wider.added] == [4, 4]
    assert wider._widen("batch_size", "low", ["gru"]) == "", "no batch has fewer than one"


def test_an_experiment_that_is_widened_is_another_one():
    one, never = experiment(), experiment(search={"widen": False})
    assert one.fingerprint != never.fingerprint
    for search in ({"shared": True}, {"tuner": "grid"}):
        assert experiment(search=search).fingerprint == experiment(search={**search, "widen": False}).fingerprint
    assert experiment({"units": {"low": 2, "high": 9}}).search.wideable == {}
    bound = experiment(
        {"momentum": {"low": 0.3, "high": 0.9}}, training={"optimizer": "sgd", "momentum": 0.5, "nesterov": True}
    )
    assert bound.search.wideable == {}, "a step further is 0, which Nesterov's cannot be"
