"""Group sequential levels: published bounds, closed forms, brute-force integration, and simulated experiments."""

import math

import numpy as np
import pytest
from scipy.special import stdtr
from scipy.stats import multivariate_normal, norm

from gru_tf.analysis.statistics import spending
from gru_tf.analysis.statistics.spending import LOOKS, level_of, looks_until, nominal_levels, sequential_p, spent

KINDS = ("pocock", "obrien-fleming")
# Two-sided bounds of five equal looks at 5 %, as the manual of the R package ldbounds, after D. M. Reboussin and others,
# Computations for group sequential boundaries using the Lan-DeMets spending function method, 2000, prints them
PUBLISHED = {
    "pocock": (2.4380, 2.4268, 2.4101, 2.3966, 2.3859),
    "obrien-fleming": (4.8769, 3.3569, 2.6803, 2.2898, 2.0310),
}


@pytest.mark.parametrize("kind", KINDS)
def test_published_bounds(kind):
    levels = nominal_levels((1, 2, 3, 4, 5), 0.05, kind, fewer=0)
    assert norm.isf(np.array(levels) / 2) == pytest.approx(PUBLISHED[kind], abs=2e-4)
    assert norm.isf(np.array(nominal_levels((6, 7, 8, 9, 10), 0.05, kind, 5)) / 2) != pytest.approx(
        PUBLISHED[kind], abs=0.02
    )


@pytest.mark.parametrize("kind", KINDS)
def test_all_looks_together_reject_in_the_level_by_brute_force(kind):
    """The probability that no look rejects, by SciPy's multivariate normal distribution over the rectangle."""
    looks = (5, 8, 13)
    share = np.array([2, 5, 10]) / 10  # three replicates fewer
    correlation = np.sqrt(np.minimum.outer(share, share) / np.maximum.outer(share, share))
    edge = norm.isf(np.array(nominal_levels(looks, 0.05, kind)) / 2)
    inside = multivariate_normal(cov=correlation, maxpts=4_000_000, abseps=1e-8).cdf(edge, lower_limit=-edge)
    assert 1 - inside == pytest.approx(0.05, abs=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_level_is_spent_by_the_end_and_none_before(kind):
    assert spent(0, 0.05, kind) == 0
    assert spent(1, 0.05, kind) == pytest.approx(0.05, rel=1e-12)
    shares = [spent(look / 34, 0.05, kind) for look in LOOKS]
    assert shares == sorted(shares)
    assert nominal_levels(LOOKS, 0.05, kind)[0] == pytest.approx(shares[0], rel=1e-6)
    assert nominal_levels((13,), 0.05, kind) == pytest.approx((0.05,))


def test_the_spending_functions_are_lan_and_demets():
    assert spent(0.5) == pytest.approx(0.05 * math.log(1 + (math.e - 1) / 2))
    side = 2 - 2 * norm.cdf(norm.isf(0.025 / 2) / math.sqrt(0.5))
    assert spent(0.5, 0.05, "obrien-fleming") == pytest.approx(2 * side, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", [0.05, 0.05 / 6, 1e-3, 0.4])
def test_the_level_of_a_p_value_is_that_of_which_it_is_the_bound(kind, level):
    for look, nominal in enumerate(nominal_levels(LOOKS, level, kind)):
        assert level_of(nominal, look, LOOKS, kind) == pytest.approx(level, rel=5e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_levels_grow_with_the_p_value_down_to_the_smallest(kind):
    for look in range(5):
        levels = [level_of(p, look, LOOKS, kind) for p in (0, 1e-300, 1e-40, 1e-12, 1e-6, 0.01, 0.5, 0.99, 1)]
        assert levels == sorted(levels)
        assert (levels[0], levels[-1]) == (0, 1)
    assert math.isnan(level_of(math.nan, 0))


def test_the_sequential_p_value_never_grows_and_skips_what_could_not_be_tested():
    p = sequential_p([math.nan, 0.2, 0.004, 0.5])
    assert math.isnan(p[0])
    assert p[1] == level_of(0.2, 1)
    assert p[2] == p[3] == level_of(0.004, 2)
    with pytest.raises(ValueError, match="at most 5 looks"):
        sequential_p([0.1] * 6)


def test_one_side_has_half_of_the_level():
    for look, nominal in enumerate(nominal_levels(LOOKS, 0.1)):
        assert spending.one_sided_sequential_p(nominal / 2, look) == pytest.approx(0.05, rel=1e-3)


def test_looks():
    assert looks_until(34) == LOOKS
    assert looks_until(20) == (5, 8, 13, 20)
    assert looks_until(5) == (5,)
    assert looks_until(3) == (3,)
    with pytest.raises(ValueError, match="at least two"):
        looks_until(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spent(1.5), "share within 0 and 1"),
        (lambda: spent(0.5, 0.05, "haybittle"), "Received: 'haybittle'"),
        (lambda: nominal_levels((8, 5)), "growing"),
        (lambda: nominal_levels(()), "growing"),
        (lambda: nominal_levels((2, 5)), "more than 3 replicates"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- simulated experiments without a difference ---


def p_of(differences):
    """Student's paired test of each row."""
    n = differences.shape[1]
    return 2 * stdtr(n - 1, -np.abs(differences.mean(1)) / differences.std(1, ddof=1) * math.sqrt(n))


def rejected(runs, levels, looks=LOOKS):
    """Share of simulated experiments, without a difference, that some look calls significant: the paired test, which is
    the one that hangs together least from look to look."""
    data = np.random.default_rng(1).normal(size=(runs, looks[-1]))
    return np.mean(np.any([p_of(data[:, :n]) <= level for n, level in zip(looks, levels, strict=True)], axis=0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("looks", [LOOKS, (5, 8, 13)])
def test_five_looks_reject_wrongly_in_the_level(kind, looks):
    within = 3 * math.sqrt(0.05 * 0.95 / 20_000)
    assert rejected(20_000, nominal_levels(looks, 0.05, kind), looks) == pytest.approx(0.05, abs=within)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_five_looks_reject_wrongly_in_the_level_at_length(kind):
    for looks in (LOOKS, (5, 8, 13)):
        for level in (0.05, 0.05 / 6):
            wrong = rejected(400_000, nominal_levels(looks, level, kind), looks)
            assert wrong <= 1.03 * level + 3 * math.sqrt(level / 400_000)
            assert wrong >= 0.9 * level


def test_without_spending_they_would_in_three_times_as_many():
    assert rejected(20_000, [0.05] * 5) > 0.14
    assert rejected(200_000, nominal_levels(LOOKS, 0.05, "pocock", fewer=0)) > 0.0525  # and this is what `fewer` mends
