"""Signed ranks over tasks: SciPy's exact test, statsmodels' correction, and a third cell that makes no difference."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from gru_tf.analysis.statistics.across import ranks
from gru_tf.analysis.statistics.signed_ranks import signed_ranks

CELLS = ("rnn", "lstm", "gru")


def test_every_pair_is_scipys_exact_test():
    table = np.random.default_rng(0).normal(size=(9, 3)) + np.array([0, 0.5, 2.0])
    pairs = signed_ranks(table, CELLS)
    assert [(one.first, one.second) for one in pairs] == [("rnn", "lstm"), ("rnn", "gru"), ("lstm", "gru")]
    columns = [(0, 1), (0, 2), (1, 2)]
    expected = [stats.wilcoxon(table[:, a], table[:, b], method="exact").pvalue for a, b in columns]
    assert [one.p for one in pairs] == pytest.approx(expected)
    assert [one.p_holm for one in pairs] == pytest.approx(list(multipletests(expected, method="holm")[1]))
    assert {one.better for one in pairs} == {None, "gru"}
    assert [(one.wins, one.losses) for one in pairs] == [
        ((table[:, a] > table[:, b]).sum(), (table[:, a] < table[:, b]).sum()) for a, b in columns
    ]


@pytest.mark.parametrize(
    ("tasks", "cells", "reachable"), [(5, 2, False), (6, 2, True), (6, 3, False), (7, 3, True), (8, 3, True)]
)
def test_how_many_tasks_could_decide(tasks, cells, reachable):
    table = np.arange(tasks * cells).reshape(tasks, cells) ** 1.1
    pairs = signed_ranks(table, CELLS[:cells])
    assert {one.reachable for one in pairs} == {reachable}
    assert pairs[0].least == pytest.approx(2 ** (1 - tasks) * len(pairs))
    assert (pairs[0].better is not None) == reachable


def test_a_third_cell_turns_mean_ranks_and_not_these():
    """Benavoli's point: rnn and lstm are the same throughout; where the third lies decides how far their ranks are apart."""
    rng = np.random.default_rng(1)
    two = np.c_[np.arange(12.0), np.arange(12.0) + 0.1]
    between, below = two.mean(1) + 0.001 * rng.normal(size=12), two.min(1) - 1
    apart = [ranks(np.c_[two, third], CELLS).mean for third in (between, below)]
    assert abs(apart[0][0] - apart[0][1]) == 2 * abs(apart[1][0] - apart[1][1])
    tests = [signed_ranks(np.c_[two, third], CELLS)[0] for third in (between, below)]
    assert tests[0].p == tests[1].p == signed_ranks(two, CELLS[:2])[0].p


def test_missing_scores_and_equal_ones():
    table = [[1.0, 1.0, math.nan], [2.0, 2.0, 1.0], [3.0, 3.0, 2.0]]
    pairs = signed_ranks(table, CELLS)
    assert math.isnan(pairs[0].p)
    assert pairs[0].better is None
    assert (pairs[1].wins, pairs[1].losses, pairs[1].p) == (2, 0, 0.5)
    assert math.isnan(signed_ranks([[math.nan, 1.0]], CELLS[:2])[0].median)
    with pytest.raises(ValueError, match=r"expected scores \(tasks, 2\)"):
        signed_ranks([[1.0, 2.0, 3.0]], CELLS[:2])
