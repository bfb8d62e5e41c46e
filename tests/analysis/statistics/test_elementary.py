"""What is computed without `scipy.stats` equals it to the bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gru_tf.analysis.statistics import elementary

few = st.lists(st.sampled_from([-2.0, 0.0, 0.1, 0.5, 3.0]) | st.floats(-1e9, 1e9), min_size=1, max_size=30)


@given(few)
def test_ranks_are_scipys_also_of_ties(values):
    assert elementary.average_ranks(values).tolist() == stats.rankdata(values).tolist()


@given(few, st.integers(1, 3))
def test_a_trimmed_mean_is_scipys(values, rows):
    assert elementary.trimmed_mean(np.asarray(values), 0.25) == stats.trim_mean(values, 0.25)
    several = np.array([np.roll(values, shift) for shift in range(rows)])
    assert elementary.trimmed_mean(several, 0.25, 1).tolist() == stats.trim_mean(several, 0.25, 1).tolist()


@pytest.mark.parametrize("runs", [1, 2, 5, 13, 100])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_wilsons_interval_is_scipys(runs, confidence):
    for successes in range(runs + 1):
        theirs = stats.binomtest(successes, runs).proportion_ci(confidence, method="wilson")
        assert elementary.wilson_interval(successes, runs, confidence) == (theirs.low, theirs.high)


@pytest.mark.parametrize("tail", [0.005, 0.025, 0.05, 0.25, 0.5])
def test_the_most_heads_below_a_tail_are_those_of_the_binomial_distribution(tail):
    for tosses in range(1, 80):
        heads = elementary.fair_coin_quantile(tail, tosses)
        assert heads < 0 or stats.binom.cdf(heads, tosses, 0.5) <= tail * (1 + 1e-12)
        assert stats.binom.cdf(heads + 1, tosses, 0.5) > tail * (1 - 1e-12)


def test_a_tail_of_many_tosses_is_exact_where_powers_of_two_exceed_what_a_float_holds():
    assert elementary.fair_coin_quantile(0.025, 5000) == int(stats.binom.ppf(0.025, 5000, 0.5)) - 1
