"""Paired comparisons: published worked examples, brute force, SciPy, and simulated experiments without a difference."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from gru_tf.analysis.statistics import paired

# Darwin's maize, crossed − self-fertilised in eighths of an inch; R. A. Fisher, The design of experiments, 1935, §16–21
DARWIN = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48])
# AUC of C4.5 and of C4.5 with a tuned m on 14 data sets; J. Demšar, JMLR 7, 2006, table 2
C45 = (0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.000, 0.940, 0.619, 0.972, 0.957)
C45_M = (0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.000, 0.962, 0.666, 0.981, 0.978)


def samples() -> list[np.ndarray]:
    """Differences of 2 to 9 seeds, some with ties and zeros."""
    found = [np.random.default_rng(n).normal(0.5, 1, n) for n in range(2, 10)]
    return [*found, np.array([1.0, -1.0, 2.0, 0.0, 2.0]), np.array([0.0, 0.0, 3.0])]


# --- published worked examples ---


def test_fisher_on_darwins_maize():
    """Fisher prints t = 2.148 and 4.970 %; of 32,768 changes of sign 863 a side are as large or larger: 5.267 %."""
    assert paired.t_test(DARWIN) == pytest.approx(0.04970, abs=1e-5)
    assert paired.permutation_test(DARWIN) == pytest.approx(2 * 863 / 32768, rel=1e-12)


def test_demsars_signed_ranks():
    """Demšar prints R+ = 93 and R− = 12 for it, with the ranks of the two zeros split, and a difference at 5 %."""
    difference = np.array(C45_M) - np.array(C45)
    assert paired.wilcoxon_test(difference) < 0.05
    ranks = stats.rankdata(np.abs(np.round(difference, 6)))
    zeros = ranks[difference == 0].sum() / 2
    assert (ranks[difference > 0].sum() + zeros, ranks[difference < 0].sum() + zeros) == (93, 12)


@pytest.mark.parametrize("difference", samples(), ids=lambda d: f"{len(d)} seeds, sum {d.sum():.2f}")
def test_every_change_of_sign(difference):
    sums = [
        abs(sum(s * d for s, d in zip(signs, difference, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(difference))
    ]
    expected = sum(s >= abs(difference.sum()) - 1e-9 for s in sums) / len(sums)
    assert paired.permutation_test(difference) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("difference", samples()[:8], ids=lambda d: f"{len(d)} seeds")
def test_scipy_gives_the_same(difference):
    assert paired.t_test(difference) == pytest.approx(stats.ttest_1samp(difference, 0).pvalue, rel=1e-9)
    found = stats.permutation_test((difference, 0 * difference), lambda a, b: np.mean(a - b), permutation_type="samples")
    assert paired.permutation_test(difference) == pytest.approx(found.pvalue, rel=1e-9)
    assert paired.wilcoxon_test(difference) == pytest.approx(stats.wilcoxon(difference, method="exact").pvalue, rel=1e-9)


def test_many_seeds_are_drawn_and_give_the_same_each_time():
    difference = np.random.default_rng(0).normal(0.4, 1, 30)
    found = paired.permutation_test(difference)
    assert found == paired.permutation_test(difference) != paired.permutation_test(difference, seed=1)
    assert found == pytest.approx(stats.ttest_1samp(difference, 0).pvalue, abs=0.01)


def test_the_probability_of_improvement_is_counted():
    assert paired.probability_of_improvement([1, 2, 3], [0, 2, 9]) == (1 + 1.5 + 2) / 9
    assert math.isnan(paired.probability_of_improvement([], [1.0]))


def test_the_effect_in_deviations():
    """Mean 2, deviation 1, three pairs: 2 · (1 − 3/7)."""
    assert paired.effect_size(np.array([1.0, 2.0, 3.0])) == pytest.approx(8 / 7)
    assert math.isnan(paired.effect_size(np.array([1.0, 2.0]))), "the factor is 0 for two: no effect would be invented"


# --- what is significant ---


def test_a_clear_difference_is_settled_and_named():
    scores = {"rnn": [0.1, 0.12, 0.11, 0.1], "lstm": [0.9, 0.91, 0.9, 0.92], "gru": [0.9, 0.92, 0.89, 0.92]}
    found = {(c.first, c.second): c for c in paired.compare_all(scores)}
    assert found["rnn", "lstm"].better == "lstm"
    assert found["rnn", "gru"].better == "gru"
    assert found["lstm", "gru"].better is None
    assert found["rnn", "gru"].comparisons == 3
    assert found["rnn", "gru"].t_holm == pytest.approx(
        max(3 * min(found["rnn", "gru"].t, found["rnn", "lstm"].t), 2 * found["rnn", "gru"].t), rel=1e-9
    )


@pytest.mark.parametrize("scores", [([0.5], [0.1]), ([], []), ([0.5] * 5, [0.1] * 5), ([0.5, math.nan], [0.1, 0.2])])
def test_too_little_settles_nothing(scores):
    """One seed, none, equal differences without a spread, one pair that both finished."""
    assert paired.compare_all({"rnn": scores[0], "gru": scores[1]})[0].significant is False


def test_a_seed_that_one_cell_did_not_finish_is_left_out():
    whole = paired.compare([0.1, 0.2, 0.4], [0.5, 0.7, 0.6])
    holed = paired.compare([0.1, math.nan, 0.2, 0.4, 0.3], [0.5, 0.9, 0.7, 0.6, math.nan])
    assert whole == holed
    assert holed.seeds == 3


def test_unequal_numbers_are_refused():
    with pytest.raises(ValueError, match="expected scores at the same seeds. Received: 2 and 1"):
        paired.compare([1.0, 2.0], [1.0])


NULLS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "skewed": lambda rng, shape: np.exp(rng.normal(size=shape)),
    "accuracy on 100 examples": lambda rng, shape: rng.binomial(100, 0.9, shape) / 100,
}


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("null", NULLS)
def test_without_a_difference_at_most_one_experiment_in_twenty_settles_anything(null, seeds):
    """1,000 experiments of three equal cells: any significant pair is an error; 5 % and two deviations of it allowed."""
    draws = NULLS[null](np.random.default_rng(seeds), (1000, 3, seeds))
    errors = sum(any(c.significant for c in paired.compare_all(dict(zip("abc", cells, strict=True)))) for cells in draws)
    assert errors <= 50 + 2 * math.sqrt(1000 * 0.05 * 0.95)


@pytest.mark.parametrize(("tasks", "seeds"), [(2, 3), (6, 5)])
def test_several_tasks_at_once_keep_the_level_too(tasks, seeds):
    """An experiment of several tasks is one experiment: corrected task by task, it would err more often."""
    draws = np.random.default_rng(tasks).normal(size=(1000, tasks, 3, seeds))
    named = [[dict(zip("abc", cells, strict=True)) for cells in found] for found in draws]
    errors = [any(c.significant for task in paired.compare_tasks(found) for c in task) for found in named]
    apart = [any(c.significant for task in found for c in paired.compare_all(task)) for found in named[:400]]
    assert sum(errors) <= 50 + 2 * math.sqrt(1000 * 0.05 * 0.95)
    assert sum(apart) > 20 + 2 * math.sqrt(400 * 0.05 * 0.95)


def test_tasks_are_corrected_for_one_another():
    scores = [{"rnn": [0.1, 0.2, 0.15], "gru": [0.9, 0.95, 0.8]}, {"rnn": [3.0, 3.1, 3.3], "gru": [3.2, 3.0, 3.1]}]
    (one,), (other,) = paired.compare_tasks(scores)
    assert [one.t_holm, other.t_holm] == pytest.approx(paired.holm([one.t, other.t]))
    assert one.comparisons == other.comparisons == 2


def test_without_the_correction_more_would_be_settled():
    draws = np.random.default_rng(5).normal(size=(1000, 3, 5))
    raw = sum(any(c.t <= 0.05 for c in paired.compare_all(dict(zip("abc", cells, strict=True)))) for cells in draws)
    assert raw > 50 + 2 * math.sqrt(1000 * 0.05 * 0.95)
