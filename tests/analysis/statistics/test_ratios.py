"""The ratio of two series of times: closed forms, brute force, and an interval that keeps its level under drifts."""

import math

import numpy as np
import pytest
import scipy.stats

from gru_tf.analysis.statistics.ratios import ratio
from gru_tf.foundation.block_interval import BLOCKS, log_ratio


def test_a_constant_ratio_is_known_exactly_whatever_the_machine_does():
    drift = np.exp(np.sin(np.arange(40)))
    assert ratio(3 * drift, 2 * drift) == pytest.approx((1.5, 1.5, 1.5))


def test_few_rounds_are_a_block_each_and_the_interval_is_student_s_of_the_logarithms():
    first, second = [1.0, 1.3, 0.9, 1.1, 1.2, 1.15], [0.8, 1.0, 0.95, 0.9, 1.1, 0.7]
    logs = [math.log(a / b) for a, b in zip(first, second, strict=True)]
    bounds = scipy.stats.t.interval(0.95, 5, np.mean(logs), scipy.stats.sem(logs))
    assert ratio(first, second) == pytest.approx(np.exp([np.mean(logs), *bounds]))


def test_many_rounds_are_ten_blocks_without_the_first_rounds_that_fill_none():
    rng = np.random.default_rng(3)
    first, second = rng.lognormal(0, 0.2, 37), rng.lognormal(0.1, 0.2, 37)
    means = []
    for block in range(BLOCKS):  # of three rounds, by hand; 7 of 37 are left out
        rounds = range(7 + 3 * block, 10 + 3 * block)
        means.append(sum(math.log(first[r]) - math.log(second[r]) for r in rounds) / 3)
    bounds = scipy.stats.t.interval(0.95, BLOCKS - 1, np.mean(means), scipy.stats.sem(means))
    assert ratio(first, second) == pytest.approx(np.exp([np.mean(means), *bounds]))


def test_the_other_way_round_it_is_the_reciprocal():
    rng = np.random.default_rng(0)
    first, second = rng.lognormal(0, 0.1, 23), rng.lognormal(0.3, 0.1, 23)
    mean, low, high = ratio(first, second)
    assert ratio(second, first) == pytest.approx((1 / mean, 1 / high, 1 / low))


def drifting(rng, rounds, share):
    """Logarithms around 0 of which each carries over this share of the one before."""
    noise = rng.normal(0, 0.1, rounds)
    for place in range(1, rounds):
        noise[place] += share * noise[place - 1]
    return noise


def test_the_interval_keeps_its_level_where_neighbouring_rounds_are_alike():
    rng, inside, naive, times = np.random.default_rng(1), 0, 0, 600
    for _ in range(times):
        first = np.exp(drifting(rng, 400, 0.7))
        mean, half = log_ratio(first, np.ones(400))
        inside += abs(mean) <= half
        low, high = scipy.stats.t.interval(0.95, 399, mean, scipy.stats.sem(np.log(first)))
        naive += low <= 0 <= high
    assert inside / times > 0.92
    assert naive / times < 0.7, "round by round as if independent, it would not: the test would see it"


def test_one_round_has_no_interval():
    mean, low, high = ratio([2.0], [1.0])
    assert mean == pytest.approx(2.0)
    assert math.isnan(low)
    assert math.isnan(high)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([], [], "at least one. Received: 0 and 0"),
        ([1.0, 2.0], [1.0], "Received: 2 and 1"),
        ([1.0, 0.0], [1.0, 1.0], "above 0. Received: 0"),
        ([1.0, math.nan], [1.0, 1.0], "above 0. Received: nan"),
        ([1.0, 1.0], [1.0, math.inf], "above 0. Received: inf"),
    ],
)
def test_what_is_no_pair_of_series_is_refused(first, second, message):
    with pytest.raises(ValueError, match=message):
        ratio(first, second)
