"""Ranks and means over tasks: Demšar's worked example, printed tables, closed forms, a planted order."""

import math

import numpy as np
import pytest
from scipy.stats import trim_mean

from gru_tf.analysis.statistics import Interval, across
from gru_tf.analysis.statistics.across import critical_difference, interquartile_mean, ranks

CELLS = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
# AUC on 14 data sets; J. Demšar, Statistical comparisons of classifiers over multiple data sets, JMLR 7, 2006, table 6.
# On the last but one the paper ranks 0.975 before 0.975, by digits that it does not print: 0.9751 here.
AUC = np.array(
    [
        (0.763, 0.768, 0.771, 0.798),
        (0.599, 0.591, 0.590, 0.569),
        (0.954, 0.971, 0.968, 0.967),
        (0.628, 0.661, 0.654, 0.657),
        (0.882, 0.888, 0.886, 0.898),
        (0.936, 0.931, 0.916, 0.931),
        (0.661, 0.668, 0.609, 0.685),
        (0.583, 0.583, 0.563, 0.625),
        (0.775, 0.838, 0.866, 0.875),
        (1.000, 1.000, 1.000, 1.000),
        (0.940, 0.962, 0.965, 0.962),
        (0.619, 0.666, 0.614, 0.669),
        (0.972, 0.981, 0.9751, 0.975),
        (0.957, 0.978, 0.946, 0.970),
    ]
)


def test_demsars_example():
    """Mean ranks 3.143, 2.000, 2.893, 1.964; χ² = 9.28 without correction for ties; critical difference 1.25."""
    found = ranks(AUC, CELLS)
    assert found.mean == pytest.approx((3.143, 2.000, 2.893, 1.964), abs=5e-4)
    uncorrected = 12 * 14 / (4 * 5) * (sum(r * r for r in found.mean) - 4 * 25 / 4)
    assert uncorrected == pytest.approx(9.28, abs=0.01)
    assert found.chi_square > uncorrected, "ties shrink the ranks' spread, which SciPy corrects for"
    assert found.p < 0.05
    assert found.critical_difference == pytest.approx(1.25, abs=5e-3)
    assert found.cliques() == [("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5")]


@pytest.mark.parametrize(
    ("cells", "level", "q"),
    [(2, 0.05, 1.960), (3, 0.05, 2.343), (4, 0.05, 2.569), (5, 0.05, 2.728), (10, 0.05, 3.164), (4, 0.10, 2.291)],
)
def test_nemenyis_printed_quantiles(cells, level, q):
    """Demšar 2006, table 5."""
    assert critical_difference(cells, 1, level) / math.sqrt(cells * (cells + 1) / 6) == pytest.approx(q, abs=1e-3)


def test_the_posthoc_library_finds_the_same_pairs():
    """scikit-posthocs' Nemenyi p-values are below 5 % where ranks are further apart than the critical difference."""
    import scikit_posthocs

    scores = np.random.default_rng(3).normal(size=(20, 4)) + np.array([0, 0.5, 1, 2])
    found = ranks(scores, "abcd")
    p_values = scikit_posthocs.posthoc_nemenyi_friedman(scores).to_numpy()
    apart = np.abs(np.subtract.outer(found.mean, found.mean)) > found.critical_difference
    assert 0 < apart.sum() < 12
    assert (p_values < 0.05).tolist() == apart.tolist()


def test_groups_overlap_where_ranks_do():
    found = across.Ranks(("a", "b", "c", "d"), (1.0, 1.8, 2.6, 4.6), 10, 0.0, 1.0, 1.0)
    assert found.cliques() == [("a", "b"), ("b", "c")]


def test_a_cell_without_a_score_has_the_last_rank():
    assert ranks([[0.1, math.nan, 0.3], [0.2, math.nan, 0.1]], "abc").mean == (1.5, 3.0, 1.5)


@pytest.mark.parametrize("scores", [[[1.0, 2.0]], [[1.0, 2.0, 3.0]], [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]])
def test_too_little_gives_no_p_value(scores):
    found = ranks(scores, "abc"[: len(scores[0])])
    assert math.isnan(found.p)


def test_a_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"expected scores \(tasks, 2\)"):
        ranks([[1.0, 2.0, 3.0]], "ab")


def test_the_interquartile_mean_leaves_out_a_quarter_on_each_side():
    found = interquartile_mean([[0.0, 0.4], [0.5, 0.6], [0.7, 0.8], [0.9, 100.0]])
    assert found.mean == pytest.approx((0.5 + 0.6 + 0.7 + 0.8) / 4)
    assert found.low < found.mean < found.high
    assert found == interquartile_mean([[0.0, 0.4], [0.5, 0.6], [0.7, 0.8], [0.9, 100.0]])


def held(tasks, seeds, interval, experiments=500):
    """How often the interval of that many runs, on tasks of several difficulties, holds the mean of the middle half."""
    rng, level = np.random.default_rng(0), np.linspace(-1, 1, tasks)[:, None]
    found = [interval(level + rng.normal(size=(tasks, seeds))) for _ in range(experiments)]
    return np.mean([one.low <= 0 <= one.high for one in found])


@pytest.mark.parametrize(("tasks", "seeds"), [(2, 5), (4, 5), (4, 10)])
def test_its_interval_holds_the_truth(tasks, seeds):
    assert 0.93 <= held(tasks, seeds, interquartile_mean) <= 0.98


def test_a_plain_bootstrap_of_five_runs_would_not():
    rng = np.random.default_rng(1)

    def plain(scores):
        drawn = np.concatenate([runs[rng.integers(5, size=(500, 5))] for runs in scores], axis=1)
        return Interval(math.nan, *np.quantile(trim_mean(drawn, 0.25, axis=1), (0.025, 0.975)))

    assert held(4, 5, plain) < 0.93


def test_one_run_a_task_has_no_interval_and_none_is_refused():
    assert math.isnan(interquartile_mean([[0.1], [0.4]]).low)
    with pytest.raises(ValueError, match="at least one run"):
        interquartile_mean([[], []])
