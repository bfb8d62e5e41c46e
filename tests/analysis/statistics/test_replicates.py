"""Crossed replicates and examples: an analysis of variance by statsmodels, and data made from known parts."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from gru_tf.analysis.statistics.intervals import mean_interval
from gru_tf.analysis.statistics.means import welch
from gru_tf.analysis.statistics.replicates import crossed, crossed_difference


def made(rng, replicates=5, examples=40, of_replicates=0.5, of_examples=1.0, of_both=1.0):
    """(replicates, examples) losses about 0, from deviations of each part."""
    return (
        of_replicates * rng.normal(size=(replicates, 1))
        + of_examples * rng.normal(size=(1, examples))
        + of_both * rng.normal(size=(replicates, examples))
    )


def test_the_parts_are_those_of_an_analysis_of_variance():
    table = made(np.random.default_rng(0), 6, 15)
    rows = pd.DataFrame([(r, e, table[r, e]) for r in range(6) for e in range(15)], columns=["r", "e", "loss"])
    squares = anova_lm(ols("loss ~ C(r) + C(e)", rows).fit())["mean_sq"]
    parts = crossed(table)
    assert parts.interaction == pytest.approx(squares["Residual"] / 90)
    assert parts.replicates == pytest.approx((squares["C(r)"] - squares["Residual"]) / 90)
    assert parts.examples == pytest.approx((squares["C(e)"] - squares["Residual"]) / 90)
    assert parts.test.error**2 == pytest.approx(parts.replicates + parts.examples + parts.interaction)


def test_the_variance_is_that_of_the_mean_by_brute_force():
    """Over 4,000 tables with the deviations 0.5, 1 and 1: 0.25 / 5 + 1 / 40 + 1 / 200."""
    rng = np.random.default_rng(1)
    tables = [made(rng) for _ in range(4000)]
    truth = 0.25 / 5 + 1 / 40 + 1 / 200
    assert np.var([table.mean() for table in tables]) == pytest.approx(truth, rel=0.07)
    assert np.mean([crossed(table).test.error ** 2 for table in tables]) == pytest.approx(truth, rel=0.05)
    assert np.mean([np.var(t.mean(1), ddof=1) / 5 for t in tables]) < 0.75 * truth  # what replicates alone say


def covered(test, draw, runs=1500):
    rng = np.random.default_rng(2)
    return np.mean([not test(draw(rng)).excludes(0.0) for _ in range(runs)])


@pytest.mark.parametrize("parts", [(0.5, 1.0, 1.0), (0.05, 2.0, 0.5), (1.0, 0.1, 0.5)])
def test_its_interval_holds_the_mean_over_other_seeds_and_other_examples(parts):
    held = covered(lambda t: crossed(t).test.interval(), lambda rng: made(rng, 8, 40, *parts))
    assert 0.93 <= held <= 0.985


def test_that_of_replicates_alone_does_not():
    assert covered(lambda t: mean_interval(t.mean(1)), lambda rng: made(rng, 8, 40, 0.05, 2.0, 0.5)) < 0.5


def pair(rng, replicates=(5, 8), examples=60):
    """Two cells on the same examples, which are hard or easy for both, and a little more so for one."""
    shared = 3 * rng.normal(size=(1, examples))
    return tuple(shared + made(rng, n, examples, 0.3, 0.5, 1.0) for n in replicates)


def test_the_difference_of_two_cells_on_the_same_examples():
    rng = np.random.default_rng(3)
    pairs = [pair(rng) for _ in range(3000)]
    truth = 0.09 / 5 + 0.09 / 8 + 2 * 0.25 / 60 + 1 / 300 + 1 / 480
    assert np.var([a.mean() - b.mean() for a, b in pairs]) == pytest.approx(truth, rel=0.08)
    parts = [crossed_difference(a, b) for a, b in pairs]
    assert np.mean([one.test.error**2 for one in parts]) == pytest.approx(truth, rel=0.04)
    assert np.mean([one.examples for one in parts]) == pytest.approx(0.5 / 60, rel=0.15)
    assert np.mean([one.test.interval().excludes(0.0) for one in parts]) == pytest.approx(0.05, abs=0.014)
    assert np.mean([crossed(a).test.error ** 2 + crossed(b).test.error ** 2 for a, b in pairs]) > 5 * truth


def test_without_examples_parts_it_is_welchs():
    rng = np.random.default_rng(4)
    a, b = (np.repeat(rng.normal(size=(n, 1)), 30, axis=1) for n in (5, 9))
    mine, theirs = crossed_difference(a, b).test, welch(a[:, 0], b[:, 0])
    assert mine.mean == pytest.approx(theirs.mean)
    assert mine.error == pytest.approx(theirs.error)
    assert mine.freedom == pytest.approx(theirs.freedom)
    assert mine.p() == pytest.approx(stats.ttest_ind(a[:, 0], b[:, 0], equal_var=False).pvalue)


def test_tables_that_are_too_small_or_none():
    assert math.isnan(crossed([[1.0, 2.0]]).test.p())
    assert crossed([[1.0, 2.0]]).test.mean == 1.5
    assert math.isnan(crossed_difference([[1.0, 2.0]], [[1.0, 2.0], [1.0, 3.0]]).test.error)
    assert crossed([[1.0, 1.0], [1.0, 1.0]]).test.interval() == (1, 1, 1)
    for wrong in ([1.0, 2.0], [[1.0, math.nan]], [[]]):
        with pytest.raises(ValueError, match="expected finite losses"):
            crossed(wrong)
    with pytest.raises(ValueError, match="same test examples. Received: 2 and 3"):
        crossed_difference([[1.0, 2.0]] * 2, [[1.0, 2.0, 3.0]] * 2)
