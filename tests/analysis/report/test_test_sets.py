"""Replicates crossed with test examples, on the page: against a plain simulation of both."""

import math

import numpy as np
import pytest
from made_evidence import experiment
from made_results import result

from gru_tf.analysis.report.test_sets import other_test_sets
from gru_tf.analysis.statistics.replicates import crossed


def runs(table, metric="accuracy", form=float, scale=1.0):
    one = experiment(tasks=["digits"], seeds=len(table))
    kind = {"metric": metric, "direction": "max" if metric == "accuracy" else "min", "chance": 0.1}
    held = [np.asarray(row, "<f4") for row in table]
    return [
        result(one, 0, 0, seed, test=scale * form(float(row.mean(dtype=float))), losses=row.tobytes(), **kind)
        for seed, row in enumerate(held)
    ]


def test_shares_and_errors_are_the_interval_of_both_factors():
    hits = (np.random.default_rng(0).random((5, 200)) < 0.9).astype(float)
    mean, low, high = other_test_sets(runs(hits))
    assert (mean, low, high) == pytest.approx(crossed(hits).test.interval(), rel=1e-6)
    assert low < np.mean(hits) - 1.9 * math.sqrt(0.09 / 1000)


def test_a_root_and_an_exponential_are_taken_of_the_mean_s_bounds():
    squares = np.random.default_rng(1).exponential(1.0, (4, 100))
    bounds = crossed(np.asarray(squares, "<f4")).test.interval()
    known = other_test_sets(runs(squares, "rmse", math.sqrt, scale=12.5))
    assert known == pytest.approx([12.5 * math.sqrt(bound) for bound in bounds], rel=1e-5)
    known = other_test_sets(runs(squares, "perplexity", math.exp))
    assert known == pytest.approx([math.exp(bound) for bound in bounds], rel=1e-5)


def test_it_holds_what_other_test_sets_give():
    """Examples of unequal difficulty: the interval over replicates alone misses the mean of all far more often."""
    rng, held, alone = np.random.default_rng(2), 0, 0
    for _ in range(300):
        difficulty = rng.beta(0.8, 0.2, 150)  # mean 0.8 over all examples that there could be
        hits = (rng.random((6, 150)) < difficulty).astype(float)
        _, low, high = other_test_sets(runs(hits))
        held += low <= 0.8 <= high
        means = hits.mean(1)
        half = 2.571 * means.std(ddof=1) / math.sqrt(6)
        alone += abs(means.mean() - 0.8) <= half
    assert held >= 0.9 * 300
    assert alone < 0.7 * 300


def test_without_losses_or_replicates_there_is_none():
    assert other_test_sets([]) is None
    hits = np.ones((1, 10))
    assert other_test_sets(runs(hits)) is None
    assert other_test_sets([r.model_copy(update={"losses": b""}) for r in runs(np.ones((3, 10)))]) is None
