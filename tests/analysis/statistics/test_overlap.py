"""Replicates whose splits overlap: the corrected resampled t test, scikit-learn's worked example, and a family by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import make_moons
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold
from sklearn.svm import SVC

from gru_tf.analysis.scores import bounded
from gru_tf.analysis.statistics.means import in_pairs, one_sample
from gru_tf.analysis.statistics.paired import holm
from gru_tf.analysis.statistics.sequential import follow
from gru_tf.analysis.statistics.unpaired import TaskSamples, compare_family, compare_samples

OVERLAP = 1 / 3


def by_hand(differences, overlap, null=0.0):
    """(mean, error, two-sided p) of the corrected test, term by term."""
    count = len(differences)
    mean = sum(differences) / count
    spread = sum((d - mean) ** 2 for d in differences) / (count - 1)
    error = math.sqrt((1 / count + overlap) * spread)
    return mean, error, 2 * stats.t.sf(abs(mean - null) / error, count - 1)


# --- one mean ---


@pytest.mark.slow
def test_scikit_learns_worked_example():
    """Statistical comparison of models using grid search, in scikit-learn's gallery: two kernels in ten times ten folds of
    100 moons, t = 0.750 and p = 0.227 on one side, in place of 2.611 and 0.005 without the correction."""
    x, y = make_moons(noise=0.352, random_state=1, n_samples=100)
    grid = [{"kernel": ["linear"]}, {"kernel": ["poly"], "degree": [2, 3]}, {"kernel": ["rbf"]}]
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    search = GridSearchCV(SVC(random_state=0), grid, scoring="roc_auc", cv=folds).fit(x, y)
    table = pd.DataFrame(search.cv_results_).sort_values("rank_test_score")
    best, second = table.filter(regex=r"split\d*_test_score").to_numpy()[:2]
    test = in_pairs(best, second, overlap=10 / 90)
    assert test.mean / test.error == pytest.approx(0.750, abs=5e-4)
    assert test.p_above(0.0) == pytest.approx(0.227, abs=5e-4)


def test_the_corrected_variance_is_nadeau_and_bengios():
    values = [0.1, 0.4, 0.2, 0.5]
    test = one_sample(values, overlap=10 / 90)
    assert test.error**2 == pytest.approx((1 / 4 + 1 / 9) * np.var(values, ddof=1))
    assert test.freedom == 3
    assert test.p() == pytest.approx(by_hand(values, 1 / 9)[2], rel=1e-12)


def test_correlated_splits_are_tested_at_their_level():
    """Splits correlated by tested / (tested + trained), the model behind the correction."""
    rng, share, level = np.random.default_rng(5), 0.2, []
    for _ in range(3000):
        values = math.sqrt(share) * rng.normal() + math.sqrt(1 - share) * rng.normal(size=10)
        level.append((one_sample(values, overlap=20 / 80).p() <= 0.05, stats.ttest_1samp(values, 0).pvalue <= 0.05))
    corrected, plain = np.mean(level, axis=0)
    assert corrected == pytest.approx(0.05, abs=0.012)
    assert plain > 0.2


def test_splits_that_cannot_be_tested():
    assert math.isnan(one_sample([], overlap=OVERLAP).mean)
    assert math.isnan(one_sample([0.5], overlap=OVERLAP).p())
    with pytest.raises(ValueError, match="an overlap of 0 or more. Received: -0.1"):
        one_sample([0.5, 0.6], overlap=-0.1)
    with pytest.raises(ValueError, match="expected pairs where splits overlap"):
        compare_samples([0.5, 0.6], [0.1, 0.2], overlap=OVERLAP)


def test_the_tables_interval_is_wider_by_the_overlap():
    """On the metric's own scale, and on its logarithm by the slope at the mean."""
    values = [0.31, 0.35, 0.29, 0.42, 0.33]
    mean, error, _ = by_hand(values, OVERLAP)
    half = stats.t.ppf(0.975, 4) * error
    assert bounded("unknown", values, overlap=OVERLAP) == pytest.approx((mean, mean - half, mean + half))
    low, high = mean * math.exp(-half / mean), mean * math.exp(half / mean)
    assert bounded("mse", values, overlap=OVERLAP) == pytest.approx((mean, low, high))
    assert bounded("mse", values).low > low


# --- a task ---


def samples(count=6, **options):
    """Two cells and a baseline whose splits are as hard for one as for another, by a common part."""
    rng = np.random.default_rng(3)
    split = rng.normal(0, 1, count)
    scores = {cell: split + shift + rng.normal(0, 0.1, count) for cell, shift in (("a", 0.0), ("b", 0.2))}
    baseline = split + 0.5 + rng.normal(0, 0.02, count)
    return TaskSamples(scores, paired=True, baselines={"ridge": baseline}, overlap=OVERLAP, margin=0.3, **options)


def test_a_family_is_the_corrected_test_of_every_pair():
    task = samples()
    known = {**task.scores, **task.baselines}
    pairs = [("a", "b"), ("a", "ridge"), ("b", "ridge")]
    assert task.pairs() == pairs
    (compared,), _ = compare_family([task])
    expected = [by_hand(known[first] - known[second], OVERLAP) for first, second in pairs]
    for one, (mean, error, p) in zip(compared, expected, strict=True):
        assert one.test == "resampled"
        assert one.counts == (6, 6)
        half = stats.t.ppf(0.975, 5) * error
        assert one.difference == pytest.approx((mean, mean - half, mean + half))
        assert one.p == pytest.approx(p, rel=1e-9)
        below, above = (stats.t.cdf((side * mean - 0.3) / error, 5) for side in (1, -1))
        assert one.p_equivalent == pytest.approx(max(below, above), rel=1e-9)
    assert [one.p_holm for one in compared] == pytest.approx(holm([p for _, _, p in expected]))


def test_without_the_overlap_it_would_be_more_certain():
    """So that the test above can fail; and pairs see what two samples do not, for their splits are the same."""
    task = samples()
    corrected = task.compare("a", "ridge").p
    first, second = task.scores["a"], task.baselines["ridge"]
    assert corrected > 5 * stats.ttest_rel(first, second).pvalue
    assert corrected < stats.ttest_ind(first, second, equal_var=False).pvalue / 5


def test_a_cell_that_was_dropped_is_compared_over_the_splits_that_both_have():
    task = samples(8)
    short = TaskSamples({"a": task.scores["a"][:5], "b": task.scores["b"]}, paired=True, overlap=OVERLAP)
    _, _, p = by_hand(task.scores["a"][:5] - task.scores["b"][:5], OVERLAP)
    assert short.compare("a", "b").p == pytest.approx(p, rel=1e-9)


def test_a_look_waits_for_the_baselines():
    """Fewer splits of a baseline than of the cells would be another test than the one with all of them."""
    task = samples(8)
    assert follow([task], 8).looks == (5, 8)
    short = TaskSamples(task.scores, paired=True, baselines={"ridge": task.baselines["ridge"][:6]}, overlap=OVERLAP)
    assert follow([short], 8).looks == (5,)
