"""A pipeline asks for its trials and takes what they chose; nothing is trained here, results are made up."""

import pytest

from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.suite.pipeline import CellOnTask

# Keras Tuner 1.4.8 calls deprecated names of threading; an oracle's folder ends with the oracle
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:(currentThread|getName)\(\) is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Implicitly cleaning up .*gru-tf-oracle:ResourceWarning"),
]

SEEDS, TRIALS = (0, 1, 5), 4


def experiment(**search):
    space = {"learning_rate": {"low": 1e-3, "high": 1e-1, "sampling": "log"}}
    return Experiment.model_validate(
        {
            "name": "tiny",
            "question": "Which?",
            "tasks": [{"adding": {"length": 10}}],
            "cells": ["rnn", "gru"],
            "seeds": SEEDS,
            "model": {"units": 3},
            "search": {"trials": TRIALS, "space": space, **search},
        },
        strict=False,
    )


def result(run, validation, status="finished"):
    return RunResult(run=run, status=status, started=0, seconds=1, metric="mse", direction="min", validation=validation)


def rate_of(run):
    return run.training.learning_rate


def conducted(experiment, validation, cell=0):
    """The trials and the final runs of one cell, each trial measured by a function of its run; None fails it."""
    pair = CellOnTask(experiment, experiment.tasks[0], experiment.cells[cell])
    asked = []
    while runs := pair.next():
        asked += runs
        for run in runs:
            value = validation(run)
            pair.results[run.fingerprint] = result(run, value, "finished" if value is not None else "diverged")
    assert pair.done()
    assert pair.expected() == len(asked)
    return [run for run in asked if run.purpose == "trial"], [run for run in asked if run.purpose == "final"], pair


def by_seed(runs):
    groups = {}
    for run in runs:
        groups.setdefault(run.seed, []).append(run)
    return groups


def test_each_final_seed_has_a_search_of_its_own():
    trials, finals, _ = conducted(experiment(), rate_of)
    groups = by_seed(trials)
    assert [len(runs) for runs in groups.values()] == [TRIALS] * len(SEEDS)
    assert list(groups) == [1000 + seed for seed in SEEDS]
    assert len({rate_of(run) for run in trials}) == len(trials), "two searches drew the same"
    assert [run.seed for run in finals] == list(SEEDS)
    for final in finals:
        assert rate_of(final) == min(map(rate_of, groups[1000 + final.seed]))


def test_all_cells_get_the_same_draws():
    draws = [[(run.seed, rate_of(run)) for run in conducted(experiment(), rate_of, cell)[0]] for cell in (0, 1)]
    assert draws[0] == draws[1]


def test_what_a_replicate_draws_depends_on_its_seed_alone():
    whole = by_seed(conducted(experiment(), rate_of)[0])
    part = experiment().model_copy(update={"seeds": (5,)})
    assert by_seed(conducted(part, rate_of)[0]) == {1005: whole[1005]}


def test_other_replicates_do_not_change_what_one_chooses():
    plain = conducted(experiment(), rate_of)[1]
    turned = conducted(experiment(), lambda run: -rate_of(run) if run.seed == 1001 else rate_of(run))[1]
    assert [a == b for a, b in zip(plain, turned, strict=True)] == [True, False, True]


def test_a_shared_search_serves_all_final_seeds():
    trials, finals, _ = conducted(experiment(shared=True), rate_of)
    assert [run.seed for run in trials] == [1000] * TRIALS
    assert [(run.seed, rate_of(run)) for run in finals] == [(seed, min(map(rate_of, trials))) for seed in SEEDS]


def test_a_replicate_of_which_no_trial_finished_takes_the_settings_of_the_file():
    own = experiment()
    finals = conducted(own, lambda run: None if run.seed == 1001 else rate_of(run))[1]
    assert [rate_of(run) == own.training.learning_rate for run in finals] == [False, True, False]


def test_the_best_model_is_that_of_the_best_replicate():
    pair = conducted(experiment(), lambda run: abs(run.seed - 1.2))[2]
    assert pair.best().run.seed == 1
    assert pair.best().run.purpose == "final"


def test_without_a_search_there_are_final_seeds_alone():
    plain = experiment().model_copy(update={"search": None})
    trials, finals, _ = conducted(plain, rate_of)
    assert (trials, [run.seed for run in finals]) == ([], list(SEEDS))
