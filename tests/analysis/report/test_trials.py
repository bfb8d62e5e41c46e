"""Score against trials, against every subset of the trials."""

from itertools import combinations
from statistics import fmean

import pytest
from made_evidence import experiment
from made_results import result

from gru_tf.analysis.report.figures import trials
from gru_tf.analysis.report.findings import Findings
from gru_tf.suite import Results

SPACE = {"trials": 4, "space": {"learning_rate": {"low": 1e-4, "high": 1e-1, "sampling": "log"}}, "shared": False}


def searched(validation, direction="min", **search):
    """Trials of a cell, a list a search; None of one that diverged."""
    one = experiment(tasks=["digits"], cells=["gru"], seeds=len(validation), search=SPACE | search)
    made = []
    for seed, values in enumerate(validation):
        for place, value in enumerate(values):
            kind = {"metric": "nll", "direction": direction, "validation": value}
            fate = {} if value is not None else {"status": "diverged"}
            trial = result(one, 0, 0, 1000 + seed, "trial", **kind, **fate)
            made.append(trial.model_copy(update={"run": trial.run.tuned({"learning_rate": 1e-3 * (1 + place)})}))
    return Findings.from_results(Results(one, tuple(made)))


@pytest.mark.parametrize(("direction", "best"), [("min", min), ("max", max)])
def test_the_expected_best_is_that_of_every_subset(direction, best):
    validation = [[0.5, 0.2, 0.9, 0.4], [0.3, 0.6, 0.1, 0.8]]
    (curve,) = [trials._curve(searched(validation, direction), "digits", "gru")]
    for k, mean, _ in curve:
        exact = fmean(fmean(best(part) for part in combinations(values, k)) for values in validation)
        assert mean == pytest.approx(exact)
    assert [k for k, *_ in curve] == [1, 2, 3, 4]


def test_where_a_trial_diverged_the_curve_begins_where_one_of_so_many_did_not():
    """Of one trial nothing can be expected: it may be the one that diverged."""
    curve = trials._curve(searched([[0.5, None, 0.9, 0.4]]), "digits", "gru")
    assert [k for k, *_ in curve] == [2, 3, 4]
    assert curve[-1][1] == 0.4


def test_without_a_random_search_it_says_what_is_missing():
    nothing = Findings.from_results(Results(experiment(), ()))
    assert trials.plate(nothing).missing.startswith("no search")
    bayesian = searched([[0.5, 0.4, 0.3]], tuner="bayesian")
    assert "needs random trials; bayesian chooses each by those before it" in trials.plate(bayesian).missing
    assert "needs a search of 3 finished trials" in trials.plate(searched([[0.5, 0.4]])).missing
