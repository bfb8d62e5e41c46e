"""Guards of a search, at their limits; the expected best score by brute force over all draws."""

import math
from itertools import combinations, product

import numpy as np
import pytest

from gru_tf.analysis.statistics.tuning import expected_best, range_end, still_improving


@pytest.mark.parametrize(
    ("value", "end"), [(1e-3, "low"), (1.34e-3, "low"), (1.36e-3, None), (4e-3, None), (1.47e-2, None), (1.49e-2, "high")]
)
def test_within_ten_percent_of_a_logarithmic_range(value, end):
    """From 1e-3 to 2e-2 a tenth of the logarithm's range is a factor of 20^0.1 = 1.349."""
    assert range_end(value, 1e-3, 2e-2, logarithmic=True) == end


@pytest.mark.parametrize(("value", "end"), [(0.0, "low"), (0.05, "low"), (0.051, None), (0.449, None), (0.45, "high")])
def test_within_ten_percent_of_a_linear_range(value, end):
    assert range_end(value, 0.0, 0.5) == end


@pytest.mark.parametrize(
    "range_", [(0.6, 0.0, 0.5, False), (0.0, 0.0, 1.0, True), (1.0, 1.0, 1.0, False), (math.nan, 0, 1, False)]
)
def test_a_value_outside_is_refused(range_):
    with pytest.raises(ValueError, match="expected a value within"):
        range_end(*range_)


@pytest.mark.parametrize(
    ("best", "epochs", "late"),
    [
        ([13, 13, 1, 1], 15, True),  # the last fifth of 15 are 13, 14 and 15
        ([12, 12, 12, 13], 15, False),
        ([13, 1, 1], 15, False),
        ([3, 3, 1], 3, True),
        ([2, 2, 1], 3, False),
        ([1], 1, True),
        ([], 15, False),
    ],
)
def test_half_of_the_runs_in_the_last_fifth(best, epochs, late):
    assert still_improving(best, epochs) is late


def test_an_epoch_that_is_none_is_refused():
    with pytest.raises(ValueError, match="from 1 to 15. Received: 0"):
        still_improving([0, 3], 15)


def brute(scores, values, k, replace):
    """Mean and deviation of the value of the best score, over all draws of k trials."""
    draws = product(range(len(scores)), repeat=k) if replace else combinations(range(len(scores)), k)
    best = [values[max(draw, key=lambda i: scores[i])] for draw in draws]
    return np.mean(best), np.std(best)


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("tested", [False, True])
def test_the_expected_best_over_all_draws(replace, tested):
    rng = np.random.default_rng(0)
    scores, test = rng.normal(size=6), rng.normal(size=6)
    values = test if tested else scores
    curve = expected_best(scores, test if tested else None, replace)
    assert [point.trials for point in curve] == [1, 2, 3, 4, 5, 6]
    for point in curve:
        assert point[1:] == pytest.approx(brute(scores, values, point.trials, replace), abs=1e-12)


def test_without_replacement_it_is_unbiased_and_with_it_too_low():
    """The best of 8 of a normal distribution is 1.4236 on average (E. J. Gumbel, Statistics of extremes, 1958)."""
    rng = np.random.default_rng(1)
    searches = rng.normal(size=(4000, 10))
    means = [np.mean([expected_best(s, replace=replace)[7].mean for s in searches]) for replace in (False, True)]
    assert means[0] == pytest.approx(1.4236, abs=0.02)
    assert means[1] < 1.36


def test_ties_share():
    assert expected_best([1.0, 1.0, 0.0], [0.2, 0.8, 0.1])[2].mean == pytest.approx(0.5)
    assert expected_best([1.0, 1.0], [0.8, 0.2])[1].mean == expected_best([1.0, 1.0], [0.2, 0.8])[1].mean


def test_a_trial_that_diverged_is_chosen_where_there_is_no_other():
    curve = expected_best([-math.inf, 0.5, 0.7])
    assert math.isnan(curve[0].mean)
    assert curve[1].mean == pytest.approx((0.5 + 0.7 + 0.7) / 3)
    assert curve[2].mean == pytest.approx(0.7)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="none of them NaN"):
        expected_best([math.nan, 1.0])
    with pytest.raises(ValueError, match="expected 2 scores"):
        expected_best([0.0, 1.0], [1.0])
    assert expected_best([]) == []
