"""Two modes: published intervals of rates, brute force, and how often cells are called unreliable in simulation."""

import math
from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from gru_tf.analysis.statistics import unreliable
from gru_tf.analysis.statistics.unreliable import (
    failure_bound,
    is_unreliable,
    median_interval,
    modes_of,
    rate_difference,
    rates_test,
    success_rate,
)

SIZES = (5, 8, 13, 21, 34)


# --- rates ---


def test_newcombes_worked_examples():
    """R. G. Newcombe, Statistics in Medicine 17, 1998: Wilson's interval of 81 of 263, 15 of 148 and 0 of 20 (two-sided
    confidence intervals for the single proportion, method 3), and the difference of 56 of 70 and 48 of 80 (method 10)."""
    assert success_rate(81, 263)[1:] == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert success_rate(15, 148)[1:] == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert success_rate(0, 20)[1:] == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert rate_difference((56, 70), (48, 80)) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize(("wins", "runs"), [(15, 30), (0, 5), (5, 5), (33, 34)])
def test_wilson_and_clopper_are_statsmodels(wins, runs):
    assert success_rate(wins, runs)[1:] == pytest.approx(proportion_confint(wins, runs, method="wilson"), abs=1e-12)
    both = proportion_confint(runs - wins, runs, alpha=0.1, method="beta")[1]
    assert failure_bound(runs - wins, runs) == pytest.approx(both)


def test_no_failure_in_five_still_allows_45_percent():
    assert failure_bound(0, 5) == pytest.approx(1 - 0.05**0.2)
    assert failure_bound(0, 5) == pytest.approx(0.45, abs=0.001)
    assert failure_bound(5, 5) == failure_bound(0, 0) == 1
    assert stats.binom.cdf(2, 30, failure_bound(2, 30)) == pytest.approx(0.05)


def test_fishers_lady_tasting_tea():
    """R. A. Fisher, The design of experiments, 1935, §5–11: of eight cups, all right by chance in 1 of 70 one way."""
    assert rates_test((4, 4), (0, 4)) == pytest.approx(2 / 70)
    assert rates_test((3, 4), (1, 4)) == pytest.approx(34 / 70)
    assert math.isnan(rates_test((0, 0), (3, 4)))


def test_a_rate_of_more_than_all_is_refused():
    with pytest.raises(ValueError, match="expected 0 to 5 successes. Received: 6"):
        success_rate(6, 5)
    assert math.isnan(success_rate(0, 0).mean)


# --- median ---


@pytest.mark.parametrize("n", [6, 7, 10, 21, 34])
def test_the_medians_interval_is_the_closest_that_holds_it(n):
    """By the signs of all n values about the median: the interval misses it where too few lie on one side."""
    interval = median_interval(list(range(n)))
    below = int(interval.low)
    assert interval == ((n - 1) / 2, below, n - 1 - below)
    missed = 2 * sum(math.comb(n, k) for k in range(below + 1)) / 2**n
    closer = 2 * sum(math.comb(n, k) for k in range(below + 2)) / 2**n
    assert missed <= 0.05 < closer


def test_the_medians_published_interval():
    """Of ten values, the second and the ninth, as tables of the sign test print it: 97.9 %."""
    assert median_interval([46, 1, 2, 3, 4, 5, 6, 7, 8, 9])[1:] == (2, 9)


def test_five_values_have_no_interval_of_their_median():
    assert median_interval([1, 2, 3, 4, 5])[0] == 3
    assert math.isnan(median_interval([1, 2, 3, 4, 5]).low)
    assert math.isnan(median_interval([]).mean)
    assert median_interval([-math.inf, -math.inf, 1.0]).mean == -math.inf


# --- two groups ---


def parted(values):
    """The largest ratio by brute force over every way to put the values into two groups, whether neighbours or not."""
    best = 0.0
    for size in range(1, len(values)):
        for group in combinations(range(len(values)), size):
            inside = np.isin(np.arange(len(values)), group)
            within = sum(((part - part.mean()) ** 2).sum() for part in (values[inside], values[~inside]))
            best = max(best, ((values - values.mean()) ** 2).sum() / within - 1)
    return best


@pytest.mark.parametrize("n", [3, 5, 9])
def test_the_ratio_is_the_largest_over_all_groups(n):
    values = np.sort(np.random.default_rng(n).normal(size=n))
    assert unreliable._between_over_within(values[None]).max() == pytest.approx(parted(values))


def called(n, draw, chance=0.1, runs=3000):
    rng = np.random.default_rng(n)
    return np.mean([is_unreliable(draw(rng, n), chance) for _ in range(runs)])


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("mean", "spread"), [(0.9, 0.03), (0.12, 0.05), (0.5, 0.3)])
def test_normal_scores_are_called_so_in_at_most_one_percent(n, mean, spread):
    """Far above the baseline, beside it, and scattered from one end to the other."""
    assert called(n, lambda rng, n: rng.normal(mean, spread, n)) <= 0.01 + 3 * math.sqrt(0.01 / 3000)


@pytest.mark.parametrize("n", SIZES)
def test_skewed_scores_that_do_not_reach_the_baseline_are_not(n):
    assert called(n, lambda rng, n: 0.95 - 0.02 * rng.exponential(1, n)) <= 0.01


def fails(share):
    return lambda rng, n: np.where(rng.random(n) < share, rng.normal(0.15, 0.05, n), rng.normal(0.95, 0.02, n))


def test_one_failure_in_ten_is_noticed_as_soon_as_it_happens():
    rates = [called(n, fails(0.1)) for n in SIZES]
    assert all(rate >= 0.93 * (1 - 0.9**n) for rate, n in zip(rates, SIZES, strict=True))
    assert all(a < b for a, b in pairwise(rates))
    assert rates[3] > 0.85  # by 21 replicates


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_so_is_a_cell_that_mostly_fails_or_mostly_succeeds(share):
    assert called(13, fails(share)) > 0.95


def test_a_gap_alone_and_a_low_score_alone_are_not_enough():
    rng = np.random.default_rng(0)
    near = np.r_[rng.normal(0.95, 0.001, 9), 0.85]  # a clear gap, and far from the baseline
    modes = modes_of(near, 0.1)
    assert modes.p < 0.001
    assert not modes.unreliable
    spread = rng.uniform(0.12, 0.95, 20)  # some scores near the baseline, and no gap
    assert spread.min() < modes_of(spread, 0.1).threshold
    assert not modes_of(spread, 0.1).unreliable


def test_modes_of_a_cell_that_fails():
    scores = [0.99, 0.98, 0.1, 0.99, 0.97, 0.98, 0.12, 0.99, 0.98, math.nan]
    modes = modes_of(scores, 0.1)
    assert modes.unreliable
    assert (modes.successes, modes.runs) == (7, 9)
    assert modes.threshold == pytest.approx((0.1 + 0.98) / 2)
    assert modes.rate == success_rate(7, 9)
    assert modes.failure_bound == failure_bound(2, 9)
    assert modes.median == median_interval(sorted(scores[:-1]))
    assert modes.middle.mean == pytest.approx(np.mean(sorted(scores[:-1])[2:7]))


def test_a_run_that_diverged_is_a_failure():
    modes = modes_of([0.9, 0.91, -math.inf, 0.92, 0.9], 0.1)
    assert (modes.unreliable, modes.successes, modes.runs) == (True, 4, 5)
    assert math.isnan(modes.middle.mean)
    assert modes_of([-math.inf] * 5, 0.1).successes == 0
    assert modes_of([-math.inf] * 5, 0.1).unreliable


@pytest.mark.parametrize("scores", [[], [0.9], [0.9, 0.1], [0.9] * 5, [math.nan] * 3])
def test_too_little_to_be_two_groups(scores):
    modes = modes_of(scores, 0.1)
    assert not modes.unreliable
    assert modes.runs == sum(not math.isnan(score) for score in scores)


def test_scores_without_spread_in_either_group_are_the_clearest():
    assert is_unreliable([1.0, 1.0, 1.0, 1.0, 0.1], 0.1)
    assert not is_unreliable([1.0, 1.0, 1.0, 1.0, 0.99], 0.1)
