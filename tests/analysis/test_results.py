"""Results and what a store keeps apart from them."""

import numpy as np
from made_results import experiment, result

from gru_tf import suite
from gru_tf.analysis.results import Results
from gru_tf.experiment.result import Diagnostics

INSIDE = Diagnostics(before=(), after=(), examples=2, inputs=[[0.0]], seconds=0.1)


class OneStore:
    """Has a history of each run but those of seed 2, and remembers of which runs the inside was read."""

    def __init__(self):
        self.read = []

    def validation_histories(self, results):
        return {r.run.fingerprint: [float(r.run.seed), 0.5] for r in results if r.run.seed != 2}

    def losses(self, results):
        return {result.run.fingerprint: np.array([0.25, 0.75], "<f4") for result in results}

    def sample_forecasts(self, result):
        return ()

    def diagnostics(self, result):
        self.read.append((result.run.task.name, result.run.cell.name, result.run.seed))
        return INSIDE


def test_the_suite_gives_the_same_class():
    assert suite.Results is Results


def test_without_a_store_they_are_whole():
    results = Results(experiment(), ())
    assert results.in_full() is results


def test_a_store_adds_every_history_and_the_inside_of_the_first_seed_that_finished():
    one, store = experiment(tasks=["adding"], diagnostics=True), OneStore()
    runs = [result(one, cell=cell, seed=seed, test=0.1) for cell in (0, 1) for seed in (2, 1, 0)]
    runs[2] = result(one, cell=0, seed=0, status="diverged", error="not finite")
    trial = result(one, seed=1000, purpose="trial", validation=0.1)
    whole = Results(one, (*runs, trial), record=store).in_full()
    histories = {(r.run.cell.name, r.run.seed): r.history for r in whole.runs}
    assert histories["gru", 1] == histories["lstm", 1] == {"validation_mse": [1.0, 0.5]}
    assert histories["gru", 2] == histories["gru", 0] == histories["gru", 1000] == {}
    assert sorted(store.read) == [("adding", "gru", 1), ("adding", "lstm", 0)]
    kept = {(r.run.cell.name, r.run.seed) for r in whole.runs if r.losses == np.array([0.25, 0.75], "<f4").tobytes()}
    assert kept == {("gru", 1), ("gru", 2), ("lstm", 0), ("lstm", 1), ("lstm", 2)}, "of finished final runs"
    inside = {(r.run.cell.name, r.run.seed) for r in whole.runs if r.diagnostics is INSIDE}
    assert inside == {("gru", 1), ("lstm", 0)}


def test_the_inside_is_not_read_of_runs_that_did_not_look():
    one, store = experiment(tasks=["adding"]), OneStore()
    Results(one, (result(one, test=0.1),), record=store).in_full()
    assert store.read == []
