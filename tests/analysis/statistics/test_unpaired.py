"""Independent samples: Student's own data, SciPy, brute force over permutations, and what is degenerate."""

import math
import warnings
from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from gru_tf.analysis.statistics.means import in_pairs, welch
from gru_tf.analysis.statistics.unpaired import (
    TaskSamples,
    compare_family,
    compare_rates,
    compare_samples,
    compare_with_constant,
)

# Additional hours of sleep by two drugs; Student, The probable error of a mean, Biometrika 6, 1908. As two independent
# samples, the manual page of R's t.test prints t = −1.8608, df = 17.776, p = 0.07939, interval −3.3654832 to 0.2054832;
# in pairs t = −4.0621, p = 0.002833, interval −2.4598858 to −0.7001142
DRUG_1 = (0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0)
DRUG_2 = (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4)


def test_students_sleep_as_independent_samples():
    test = welch(DRUG_1, DRUG_2)
    assert test.mean / test.error == pytest.approx(-1.8608, abs=5e-5)
    assert test.freedom == pytest.approx(17.776, abs=5e-4)
    assert test.p() == pytest.approx(0.07939, abs=5e-6)
    assert test.interval()[1:] == pytest.approx((-3.3654832, 0.2054832), abs=5e-8)


def test_students_sleep_in_pairs():
    test = in_pairs(DRUG_1, DRUG_2)
    assert test.p() == pytest.approx(0.002833, abs=5e-7)
    assert test.interval()[1:] == pytest.approx((-2.4598858, -0.7001142), abs=5e-8)
    one = compare_samples(DRUG_1, DRUG_2, paired=True)
    assert (one.p, one.test, one.counts) == (test.p(), "paired", (10, 10))


@pytest.mark.parametrize("sizes", [(2, 2), (5, 5), (3, 34), (13, 8)])
def test_welch_is_scipys(sizes):
    rng = np.random.default_rng(sizes)
    a, b = rng.normal(0.5, 1, sizes[0]), rng.normal(0, 5, sizes[1])
    theirs, mine = stats.ttest_ind(a, b, equal_var=False), welch(a, b)
    assert mine.p() == pytest.approx(theirs.pvalue, rel=1e-10)
    assert mine.interval()[1:] == pytest.approx(tuple(theirs.confidence_interval()), rel=1e-10)
    assert mine.p_below(0.3) == pytest.approx(stats.ttest_ind(a - 0.3, b, equal_var=False, alternative="less").pvalue)
    assert stats.ttest_ind(a, b).pvalue != pytest.approx(mine.p(), rel=1e-3) or sizes == (5, 5)


def test_a_constant_is_students_test_of_one_sample():
    theirs, mine = stats.ttest_1samp(DRUG_1, 0.2), compare_with_constant(DRUG_1, 0.2, ("gru", "ridge"))
    assert mine.p == pytest.approx(theirs.pvalue, rel=1e-12)
    assert mine.difference[1:] == pytest.approx(np.array(theirs.confidence_interval()) - 0.2, rel=1e-12)
    assert (mine.counts, mine.test, mine.second) == ((10, 1), "constant", "ridge")


def permuted(a, b):
    """Two-sided p-value of the difference of means over all ways to divide the values."""
    values, observed = np.r_[a, b], abs(np.mean(a) - np.mean(b))
    ways = [list(way) for way in combinations(range(len(values)), len(a))]
    rest = values.sum()
    sums = np.array([values[way].sum() for way in ways])
    return np.mean(np.abs(sums / len(a) - (rest - sums) / len(b)) >= observed - 1e-9)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_without_spread_the_p_value_is_that_of_the_permutations(size):
    a, b = [0.9] * size, [0.8] * size
    assert welch(a, b).p() == pytest.approx(permuted(a, b))
    assert welch(a, b).p() == pytest.approx(2 / math.comb(2 * size, size))
    assert welch(a, b).interval() == pytest.approx((0.1, 0.1, 0.1))
    assert welch(a, a).p() == 1


def test_without_spread_and_unequal_counts_it_is_no_smaller():
    a, b = [0.9] * 3, [0.8] * 5
    assert 1 >= welch(a, b).p() >= permuted(a, b) > 0


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [
        ([], [], math.nan),
        ([1.0], [], math.nan),
        ([1.0], [2.0], math.nan),
        ([1.0], [2.0, 3.0, 4.0], math.nan),
        ([math.nan, math.inf], [1.0, 2.0], math.nan),
        ([0.1 + 0.2] * 3, [0.3] * 3, 1.0),  # they differ by rounding alone
        ([0.0] * 4, [0.0] * 4, 1.0),
    ],
)
def test_what_cannot_be_tested_gives_its_value_or_none_and_no_warning(first, second, p):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = compare_samples(first, second)
        back = one.seen_from("second")
    assert one.p == pytest.approx(p, nan_ok=True)
    assert not one.significant
    assert one.better is back.better is None


def test_values_that_are_not_finite_are_left_out():
    assert welch([*DRUG_1, math.nan], [math.inf, *DRUG_2]) == welch(DRUG_1, DRUG_2)
    one = compare_samples([1.0, math.nan, 3.0], [1.5, 2.0, 2.0], paired=True)
    assert one.counts == (2, 2)
    assert one.difference.mean == pytest.approx(0.25)


def test_pairs_need_equal_counts():
    with pytest.raises(ValueError, match="Received: 2 and 3"):
        compare_samples([1.0, 2.0], [1.0, 2.0, 3.0], paired=True)


def test_the_effect_is_delacres():
    """Cohen's d*s of the sleep data: −1.58 / √((3.200556 + 4.009) / 2) = −0.832; corrected by 1 − 3 / (4 · 17.776 − 1)."""
    assert compare_samples(DRUG_1, DRUG_2).effect == pytest.approx(-0.8321811 * (1 - 3 / (4 * 17.776473 - 1)), rel=1e-5)


def test_seen_from_the_other_side():
    one = compare_samples(DRUG_1, DRUG_2[:8], ("a", "b"))
    other = compare_samples(DRUG_2[:8], DRUG_1, ("b", "a"))
    back = one.seen_from("b")
    assert (back.first, back.counts) == ("b", (8, 10))
    assert back.difference == pytest.approx(other.difference)
    assert (back.effect, back.improvement) == pytest.approx((other.effect, other.improvement))
    with pytest.raises(ValueError, match="expected 'a' or 'b'"):
        one.seen_from("c")


def test_one_family_of_cells_baselines_tasks_and_claims():
    rng = np.random.default_rng(5)
    first = TaskSamples({c: rng.normal(i, 1, 6) for i, c in enumerate("abc")}, {"ridge": 3.0})
    second = TaskSamples({c: rng.normal(i, 1, 6) for i, c in enumerate("ab")}, paired=True)
    comparisons, claims = compare_family([first, second], [0.02, math.nan])
    assert [(c.first, c.second) for c in comparisons[0]] == [*combinations("abc", 2), *((c, "ridge") for c in "abc")]
    assert [c.test for c in comparisons[0]] == ["welch"] * 3 + ["constant"] * 3
    assert [c.test for c in comparisons[1]] == ["paired"]
    flat = [c for task in comparisons for c in task]
    assert {c.comparisons for c in flat} == {8}
    theirs = multipletests([*(c.p for c in flat), 0.02], method="holm")[1]
    assert [*(c.p_holm for c in flat), claims[0]] == pytest.approx(list(theirs), rel=1e-12)
    assert math.isnan(claims[1])
    assert first.compare("a", "b", replicates=3).counts == (3, 3)


def test_a_cell_that_fails_is_compared_by_its_rate():
    """0.99 at nine of ten replicates against a steady 0.9: a mean decides for none that learns less often.

    Else, of Welch's test and Fisher's, the smaller p-value counts, twice.
    """

    def twice(*p_values):
        return min(2 * min(p_values), 1)

    rng = np.random.default_rng(3)
    failing, steady = rng.normal(0.99, 0.003, 10), rng.normal(0.9, 0.003, 10)
    failing[4] = 0.1
    task = TaskSamples({"a": failing, "b": steady}, {"low": 0.3, "high": 0.95}, chance=0.1, margin=0.01)
    one = task.compare("a", "b")
    fisher = stats.fisher_exact([[9, 1], [10, 0]]).pvalue
    assert (one.unreliable, one.counts, one.verdict, one.test) == (True, (10, 10), "unreliable", "rates")
    assert one.p == twice(fisher) == 1
    certain = TaskSamples(task.scores, chance=0.1, transform=lambda score: math.log(score / (1 - score)) ** 9)
    assert np.mean(failing) > np.mean(steady)
    assert certain.compare("a", "b").p == 1, "however far ahead it is where it learns"
    assert math.isnan(one.p_equivalent)
    assert task.compare("a", "b", replicates=4).test == "welch"  # nothing has failed yet
    for name, constant, table in (("low", 0.3, [[9, 1], [0, 10]]), ("high", 0.95, [[9, 1], [10, 0]])):
        two = stats.fisher_exact(table).pvalue, stats.ttest_1samp(failing, constant).pvalue
        assert task.compare("a", name).p == pytest.approx(twice(*two))
    assert task.compare("b", "high").test == "constant"
    assert TaskSamples(task.scores).compare("a", "b").test == "welch"


def test_one_that_sometimes_fails_may_be_worse_all_the_same():
    """Errors of a hundredth, one of them a sixth like the baseline's, against a hundred-thousandth: no rates are needed."""
    some, always = [-0.02, -0.022, -0.019, -0.167, -math.inf], [-1.8e-5, -2e-5, -1.7e-5, -1.9e-5, -1.8e-5]
    logs = TaskSamples({"a": some, "b": always}, chance=-0.167, transform=lambda score: -math.log(-score))
    one = logs.compare("a", "b")
    counted = [*some[:4], -0.167]  # a run that diverged has the baseline's score
    welch = stats.ttest_ind(np.log(np.negative(counted)), np.log(np.negative(always)), equal_var=False).pvalue
    assert (one.test, one.unreliable, one.counts) == ("welch", True, (5, 5))
    assert one.p == pytest.approx(2 * welch)
    assert one.p < 0.001


def test_a_run_that_diverged_is_a_failure_and_a_missing_one_is_none():
    one = compare_rates([1.0, -math.inf, math.nan], [1.0, 1.0, 1.0], 0.5)
    assert one.counts == (2, 3)
    assert one.difference.mean == pytest.approx(0.5 - 1)
    assert math.isnan(compare_rates([], [1.0, 2.0], 0.5).p)


def test_equivalence_is_corrected_by_itself_and_asked_where_neither_is_better():
    rng = np.random.default_rng(1)
    same, other = rng.normal(0, 0.002, (3, 13)), rng.normal(0.5, 0.002, 13)
    task = TaskSamples({"a": same[0], "b": same[1], "c": same[2], "d": other}, margin=0.01)
    comparisons = {(c.first, c.second): c for c in compare_family([task], [0.9])[0][0]}
    theirs = multipletests([c.p_equivalent for c in comparisons.values()], method="holm")[1]
    assert [c.p_equivalent_holm for c in comparisons.values()] == pytest.approx(list(theirs))
    assert {pair for pair, c in comparisons.items() if c.equivalent} == {("a", "b"), ("a", "c"), ("b", "c")}
    assert {c.better for c in comparisons.values() if not c.equivalent} == {"d"}


def test_a_difference_within_the_margin_is_no_better_however_sure_it_is():
    rng = np.random.default_rng(2)
    task = TaskSamples({"a": 0.5 + rng.normal(0, 1e-4, 8), "b": 0.501 + rng.normal(0, 1e-4, 8)}, margin=0.01)
    one = compare_family([task])[0][0][0]
    assert one.p_holm < 1e-6
    assert (one.verdict, one.better, one.equivalent) == ("equivalent", None, True)
    narrow = compare_family([TaskSamples(task.scores, margin=5e-4)])[0][0][0]
    assert (narrow.verdict, narrow.better) == ("better", "b")


def test_what_is_larger_on_one_scale_and_smaller_on_the_other_is_neither():
    """Nine of ten errors far below 0.01, and one far above, against 0.01: by the logarithm smaller, by the mean larger."""
    rng = np.random.default_rng(4)
    a, b = np.append(np.exp(rng.normal(-9, 0.1, 9)), 0.12), np.exp(rng.normal(-4.6, 0.1, 10))
    assert np.mean(a) > np.mean(b)
    assert stats.ttest_ind(np.log(a), np.log(b), equal_var=False).pvalue < 1e-3
    assert compare_samples(a, b, transform=math.log).p == 1
    assert compare_with_constant(a, 0.01, transform=math.log).p == 1
    assert compare_samples(a[:9], b, transform=math.log).p < 1e-3


def test_a_scale_is_for_the_test_alone():
    rng = np.random.default_rng(6)
    a, b = np.exp(rng.normal(0, 1, 9)), np.exp(rng.normal(1, 1, 9))
    plain, scaled = compare_samples(a, b), compare_samples(a, b, transform=math.log)
    assert scaled.p == pytest.approx(stats.ttest_ind(np.log(a), np.log(b), equal_var=False).pvalue)
    assert scaled.difference == plain.difference
    assert plain.p != scaled.p
    assert compare_with_constant(a, 4.0, transform=math.log).p == pytest.approx(
        stats.ttest_1samp(np.log(a), math.log(4)).pvalue
    )
    with pytest.raises(ValueError, match="Received: none of 1"):
        compare_samples([1.0, 0.5], [0.5, 0.6], transform=lambda x: math.inf if x == 1 else x)


def simulated(size, spread, test, runs=1500):
    """How often `test` calls equal means different, at 5 %, by samples of `size` and `spread`."""
    rng = np.random.default_rng(0)
    return np.mean([test(rng.normal(0, spread[0], size[0]), rng.normal(0, spread[1], size[1])) <= 0.05 for _ in range(runs)])


def test_the_level_holds_where_students_does_not():
    """Few values with a large spread against many with a small one: Student's test of equal variances fails."""
    size, spread = (5, 20), (4.0, 1.0)
    assert simulated(size, spread, lambda a, b: welch(a, b).p()) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1500)
    assert simulated(size, spread, lambda a, b: stats.ttest_ind(a, b).pvalue) > 0.2
