"""Two one-sided tests: statsmodels', the interval of 90 %, and how often a margin's difference passes for none."""

import math

import numpy as np
import pytest
from statsmodels.stats.weightstats import ttost_ind

from gru_tf.analysis.statistics.equivalence import equivalence_test, margin_of
from gru_tf.analysis.statistics.means import in_pairs, one_sample, welch


@pytest.mark.parametrize("margin", [0.2, 0.5, 3.0])
def test_it_is_statsmodels(margin):
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.1, 0.5, 9), rng.normal(0, 1, 14)
    assert equivalence_test(welch(a, b), margin) == pytest.approx(ttost_ind(a, b, -margin, margin, usevar="unequal")[0])


def test_it_holds_where_the_interval_of_90_percent_lies_within_the_margin():
    rng = np.random.default_rng(0)
    decided = []
    for _ in range(300):
        test = welch(rng.normal(0, 1, 10), rng.normal(0, 1, 12))
        interval = test.interval(0.9)
        decided.append(equivalence_test(test, 0.9) <= 0.05)
        assert decided[-1] == (interval.low > -0.9 and interval.high < 0.9)
    assert 30 < sum(decided) < 270


def wrong(difference, margin=1.0, runs=6000):
    rng = np.random.default_rng(4)
    samples = zip(rng.normal(difference, 0.4, (runs, 8)), rng.normal(0, 0.6, (runs, 8)), strict=True)
    return np.mean([equivalence_test(welch(a, b), margin) <= 0.05 for a, b in samples])


def test_a_difference_of_the_margin_is_called_equivalent_in_five_percent():
    assert wrong(1.0) == pytest.approx(0.05, abs=0.009)
    assert wrong(-1.0) == pytest.approx(0.05, abs=0.009)
    assert wrong(0.0) > 0.9


def test_without_spread():
    """Of 2 × 5 values the exact one-sided p-value is 1 / C(10, 5)."""
    assert equivalence_test(welch([0.9] * 5, [0.9] * 5), 0.01) == pytest.approx(1 / 252)
    assert equivalence_test(welch([0.9] * 5, [0.95] * 5), 0.01) > 0.9
    assert equivalence_test(in_pairs([0.9] * 5, [0.9] * 5), 0.01) == pytest.approx(2**-5)
    assert equivalence_test(one_sample([0.9] * 5, 0.91), 0.01) == 0.5


def test_too_few_values_or_no_margin():
    assert math.isnan(equivalence_test(welch([1.0], [1.0, 2.0]), 0.1))
    assert math.isnan(equivalence_test(welch([1.0, 3.0], [1.0, 2.0]), math.nan))
    with pytest.raises(ValueError, match="above 0"):
        equivalence_test(welch([1.0, 3.0], [1.0, 2.0]), 0.0)


def test_margins():
    assert margin_of(0.1, 1.0) == pytest.approx(0.009)  # accuracy among ten classes
    assert margin_of(0.9, 0.0) == pytest.approx(0.009)  # and its error rate
    assert margin_of(math.log(100), 0.0) == pytest.approx(0.046, abs=1e-4)
    assert margin_of(100.0, 1.0, logarithm=True) == pytest.approx(margin_of(math.log(100), 0.0))
    assert math.isnan(margin_of(0.5, 0.5))
    assert math.isnan(margin_of(math.nan, 1.0))
    assert math.isnan(margin_of(3.0, 0.0, logarithm=True))
