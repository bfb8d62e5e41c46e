"""Intervals against SciPy, a closed form, tables, and simulated coverage."""

import math

import numpy as np
import pytest
from scipy import stats

from gru_tf.analysis.statistics import Interval, bootstrap_interval, holm, interval, mean_interval, t_test

SAMPLES = [np.random.default_rng(i).normal(3, 10.0 ** (i - 3), 2 + i).tolist() for i in range(8)]


@pytest.mark.parametrize("values", SAMPLES, ids=len)
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
def test_scipy_gives_the_same(values, confidence):
    expected = stats.t.interval(confidence, len(values) - 1, np.mean(values), stats.sem(values))
    found = mean_interval(values, confidence)
    assert found.mean == pytest.approx(math.fsum(values) / len(values), rel=1e-12)
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("values", SAMPLES[1:], ids=len)
def test_the_normal_interval_is_seen_to_be_another(values):
    normal = stats.norm.interval(0.95, np.mean(values), stats.sem(values))
    assert mean_interval(values).low < normal[0] - 1e-3 * (normal[1] - normal[0])


@pytest.mark.parametrize(("values", "half"), [([0.0, 2.0], math.tan(0.475 * math.pi)), ([1.0, 2.0, 3.0], None)])
def test_closed_forms(values, half):
    """With one degree of freedom t is Cauchy, quantile tan(π(p − ½)); with two it is (2p − 1)·sqrt(2 / (4p(1 − p)))."""
    if half is None:
        half = 0.95 * math.sqrt(2 / (4 * 0.975 * 0.025)) / math.sqrt(3)
    found = mean_interval(values)
    middle = sum(values) / len(values)
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half), rel=1e-12)


@pytest.mark.parametrize(("count", "quantile"), [(2, 12.706), (3, 4.303), (4, 3.182), (5, 2.776), (11, 2.228), (31, 2.042)])
def test_printed_tables(count, quantile):
    """Two-sided 95 % points of Student's t for n − 1 degrees of freedom, as printed in any table."""
    values = np.random.default_rng(count).normal(size=count)
    deviation = math.sqrt(sum((v - values.mean()) ** 2 for v in values) / (count - 1))
    found = mean_interval(values.tolist())
    assert (found.high - found.low) / 2 * math.sqrt(count) / deviation == pytest.approx(quantile, abs=6e-4)


def test_nist_zarr13():
    """NIST/SEMATECH handbook, 1.3.5.2 (data set ZARR13.DAT): n 195, mean 9.261460, s 0.022789, 9.258242 to 9.264679."""
    rng = np.random.default_rng(0).normal(size=195)
    values = 9.261460 + 0.022789 * (rng - rng.mean()) / rng.std(ddof=1)  # any sample with that mean and deviation
    found = mean_interval(values.tolist())
    assert found == pytest.approx((9.261460, 9.258242, 9.264679), abs=2e-6)


def coverage(interval, count: int) -> float:
    """Share of 4,000 samples of normal values, true mean 0, whose interval holds 0."""
    samples = np.random.default_rng(count).normal(size=(4000, count))
    bounds = [interval(sample.tolist()) for sample in samples]
    return sum(low <= 0 <= high for _, low, high in bounds) / len(bounds)


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_coverage(count):
    # four standard deviations of a share of 4,000 are 4 · sqrt(0.95 · 0.05 / 4000) = 0.014
    assert coverage(mean_interval, count) == pytest.approx(0.95, abs=0.014)


def test_coverage_is_able_to_fail():
    def normal(values):
        return (0.0, *stats.norm.interval(0.95, np.mean(values), stats.sem(values)))

    def population(values):
        mean, low, high = mean_interval(values)
        shrunk = math.sqrt(1 - 1 / len(values))  # np.std without ddof=1
        return mean, mean - (mean - low) * shrunk, mean + (high - mean) * shrunk

    assert coverage(normal, 3) < 0.92
    assert coverage(population, 3) < 0.93


def test_one_value_has_no_interval():
    found = mean_interval([0.5])
    assert found.mean == 0.5
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_equal_values_have_an_interval_of_no_width():
    assert mean_interval([0.25, 0.25, 0.25]) == Interval(0.25, 0.25, 0.25)


@pytest.mark.parametrize("values", [[math.nan, 1.0, 2.0], [math.inf, 1.0]])
def test_a_value_that_is_not_finite_has_no_interval(values):
    found = mean_interval(values)
    assert not math.isfinite(found.mean)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


@pytest.mark.parametrize("values", [[], (), np.array([])])
def test_no_value_is_refused(values):
    with pytest.raises(ValueError, match=r"^mean_interval: expected at least one value\. Received: none$"):
        mean_interval(values)


def test_sequences_of_any_kind():
    assert mean_interval([1.0, 2.0, 4.0]) == mean_interval((1.0, 2.0, 4.0)) == mean_interval(np.array([1.0, 2.0, 4.0]))


# --- the bootstrap ---

# Spatial perception of 26 children, test A; B. Efron, R. Tibshirani, An introduction to the bootstrap, 1993, table 14.1
SPATIAL = (48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41)


@pytest.mark.parametrize(("method", "low", "high"), [("percentile", 100.8, 233.9), ("BCa", 115.8, 259.6)])
def test_efron_and_tibshirani(method, low, high):
    """Their 90 % intervals of the variance, table 14.2, from 2,000 resamples: about ±5 of chance in each bound."""
    found = bootstrap_interval(SPATIAL, 0.90, method, np.var)
    assert found.mean == pytest.approx(171.5, abs=0.05)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6)


def test_the_bootstrap_repeats_itself():
    assert bootstrap_interval(SPATIAL) == bootstrap_interval(SPATIAL) != bootstrap_interval(SPATIAL, seed=1)
    assert bootstrap_interval([2.0, 2.0, 2.0]) == (2.0, 2.0, 2.0)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, math.nan]])
def test_the_bootstrap_of_too_little_is_refused(values):
    with pytest.raises(ValueError, match="at least two finite values"):
        bootstrap_interval(values)


def test_a_few_seeds_take_student_and_many_the_bootstrap():
    few, many = (2 * SPATIAL)[:39], (2 * SPATIAL)[:40]
    assert interval(few) == mean_interval(few)
    assert interval(many) == bootstrap_interval(many) != mean_interval(many)
    assert math.isnan(interval([1.0, math.nan] * 25).low)


@pytest.mark.parametrize("count", [3, 5, 10, 39, 40, 80])
def test_the_interval_covers_at_its_level(count):
    """1,000 samples: between 93 and 97 of 100 intervals hold the true mean."""
    samples = np.random.default_rng(count).normal(3, 2, (1000, count))
    held = sum(low <= 3 <= high for _, low, high in (interval(s.tolist(), resamples=999) for s in samples)) / 1000
    assert 0.93 <= held <= 0.97


def test_a_bootstrap_of_five_values_would_not():
    samples = np.random.default_rng(5).normal(size=(300, 5))
    held = sum(low <= 0 <= high for _, low, high in (bootstrap_interval(s.tolist(), resamples=999) for s in samples))
    assert held / 300 < 0.92


def test_cut_to_where_the_mean_can_lie():
    assert Interval(0.95, 0.867, 1.033).within(0, 1) == (0.95, 0.867, 1.0)
    assert not Interval(0.95, 0.867, 1.0).excludes(0.9)
    assert Interval(0.95, 0.867, 1.0).excludes(0.1)
    assert not Interval(0.95, math.nan, math.nan).excludes(0.1)


PAIRS = [np.random.default_rng(i).normal(0.5, 1, 2 + i).tolist() for i in range(7)]


@pytest.mark.parametrize("differences", PAIRS, ids=len)
def test_scipy_gives_the_same_p(differences):
    other = np.random.default_rng(9).normal(size=len(differences))
    expected = stats.ttest_rel(other + differences, other).pvalue
    assert t_test(differences) == pytest.approx(expected, rel=1e-9)


def test_p_in_closed_form():
    """With one degree of freedom t is Cauchy: P(|t| > x) = 1 − (2/π)·atan(x); differences 1 and 3 have t = 2."""
    assert t_test([1.0, 3.0]) == pytest.approx(1 - 2 / math.pi * math.atan(2), rel=1e-12)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([], math.nan),
        ([1.0], math.nan),
        ([1.0, math.inf], math.nan),
        ([2.0] * 2, 0.5),
        ([-3.0] * 5, 1 / 16),
        ([0.0] * 3, 1.0),
    ],
)
def test_p_where_there_is_no_t(differences, p):
    assert t_test(differences) == pytest.approx(p, nan_ok=True)


FAMILIES = [np.random.default_rng(i).uniform(0, 0.2, i).tolist() for i in range(1, 9)]


@pytest.mark.parametrize("p_values", [*FAMILIES, [0.01, 0.04, 0.03, 0.005], [0.5, 0.9, 0.5]], ids=len)
def test_statsmodels_gives_the_same_adjusted_p(p_values):
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    assert holm(p_values) == pytest.approx(multitest.multipletests(p_values, method="holm")[1], rel=1e-12)


def test_holm_by_hand():
    """Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1: 0.02, 0.03, 0.06, 0.04; none below the one before it: 0.06."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([math.nan, 0.04, 0.03]) == pytest.approx([math.nan, 0.06, 0.06], nan_ok=True)
    assert holm([]) == []


def test_holm_keeps_the_family_wise_error():
    """Of 3,000 families of three true hypotheses at most 0.05 have one refused; without a correction 0.14 have."""
    p = np.random.default_rng(0).uniform(size=(3000, 3))
    assert np.mean([min(holm(row)) < 0.05 for row in p]) == pytest.approx(0.05, abs=0.016)
    assert np.mean(p.min(1) < 0.05) > 0.12
