"""Replicates until it is known: against a rule written out anew, after a restart, and in simulated experiments."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from gru_tf.analysis.statistics.intervals import Interval
from gru_tf.analysis.statistics.sequential import FurtherTest, follow
from gru_tf.analysis.statistics.spending import LOOKS, nominal_levels
from gru_tf.analysis.statistics.unpaired import SampleComparison, TaskSamples

CELLS = ("rnn", "lstm", "gru")


def made(seed, means, spread=1.0, replicates=34, **options):
    rng = np.random.default_rng(seed)
    scores = {cell: rng.normal(mean, spread, replicates).tolist() for cell, mean in zip(CELLS, means, strict=False)}
    return TaskSamples(scores, **options)


def verdicts(course):
    return {(d.task, d.comparison.first, d.comparison.second): (d.look, d.better, d.equivalent) for d in course.decisions}


@pytest.mark.parametrize("seed", range(8))
def test_one_pair_is_decided_at_the_first_look_below_its_bound(seed):
    task = made(seed, (0.7, 0.0))
    a, b = (np.array(task.scores[cell]) for cell in ("rnn", "lstm"))
    below = [
        n
        for n, level in zip(LOOKS, nominal_levels(), strict=True)
        if stats.ttest_ind(a[:n], b[:n], equal_var=False).pvalue <= level
    ]
    (decision,) = follow([task]).decisions
    assert decision.look == (below[0] if below else None)
    assert (decision.comparison.p_holm <= 0.05) == bool(below)


def by_hand(tasks, level=0.05):
    """Maurer and Bretz's procedure with equal shares, nothing dropped: (task, pair) → look, by bounds in place of p-values.

    While a hypothesis falls, the others share the level anew and every look so far is compared with its new bound.
    """
    tests = {}
    for number, task in enumerate(tasks):
        for first, second in task.pairs():
            a, b = np.array(task.scores[first]), np.array(task.scores[second])
            tests[number, first, second] = [stats.ttest_ind(a[:n], b[:n], equal_var=False).pvalue for n in LOOKS]
    decided = {}
    for look, n in enumerate(LOOKS):
        while len(decided) < len(tests):
            bounds = nominal_levels(LOOKS, level / (len(tests) - len(decided)))
            left = {key: p for key, p in tests.items() if key not in decided}
            falls = [key for key, p in left.items() if any(p[j] <= bounds[j] for j in range(look + 1))]
            if not falls:
                break
            decided |= dict.fromkeys(falls, n)
    return decided


@pytest.mark.parametrize("seed", range(12))
def test_a_family_is_decided_as_by_hand(seed):
    tasks = [made(seed, (0.0, 0.9, 1.4)), made(100 + seed, (0.0, 0.0, 0.7))]
    full = follow(tasks)
    expected = by_hand(tasks)
    assert expected, "the examples are to decide something"
    decided = {(d.task, d.comparison.first, d.comparison.second): d.look for d in full.decisions if d.look}
    assert decided == expected


def test_it_is_the_same_after_a_restart():
    """By the scores up to any look, what is decided is what the whole history says was decided by then."""
    tasks = [made(3, (0.0, 0.9, 1.6), margin=0.5), made(4, (0.0, 0.0, 1.2), margin=0.9)]
    whole = verdicts(follow(tasks))
    assert len({look for look, *_ in whole.values()}) > 2
    for replicates in LOOKS:
        cut = [replace(t, scores={c: s[: replicates + 2] for c, s in t.scores.items()}) for t in tasks]
        course = follow(cut)
        assert course.looks[-1] <= replicates
        for pair, (look, better, equivalent) in verdicts(course).items():
            by_now = whole[pair][0] is not None and whole[pair][0] <= course.looks[-1]
            assert (look, better, equivalent) == (whole[pair] if by_now else (None, None, False))


def test_what_a_dropped_cell_scores_later_is_not_looked_at():
    task = made(0, (0.0, 9.0, 9.3))
    course = follow([replace(task, scores={c: s[:5] for c, s in task.scores.items()})])
    assert course.running == (("lstm", "gru"),)
    assert course.wanted == 8
    other = replace(task, scores=task.scores | {"rnn": [*task.scores["rnn"][:5], *[50.0] * 29]})
    short = replace(task, scores=task.scores | {"rnn": task.scores["rnn"][:5]})
    assert follow([task]) == follow([other]) == follow([short])


def test_a_look_waits_for_all_that_run():
    task = made(1, (0.0, 0.0, 0.0))
    short = replace(task, scores=task.scores | {"gru": task.scores["gru"][:7]})
    course = follow([short])
    assert (course.looks, course.wanted) == ((5,), 8)
    assert course.running == (CELLS,)
    nothing = follow([replace(task, scores=dict.fromkeys(CELLS, ()))])
    assert (nothing.looks, nothing.wanted) == ((), 5)
    assert all(math.isnan(d.comparison.p_holm) and d.verdict == "inconclusive" for d in nothing.decisions)


def test_the_end():
    course = follow([made(1, (0.0, 0.0, 0.0))])
    assert (course.looks, course.wanted, course.running) == (LOOKS, None, ((),))
    decided = follow([made(1, (0.0, 50.0, 90.0))])
    assert (decided.looks, decided.wanted, decided.running) == ((5,), None, ((),))
    assert {d.better for d in decided.decisions} == {"lstm", "gru"}
    assert follow([made(1, (0.0, 0.0))], at_most=6).looks == (5, 6)


def test_a_cell_that_lost_may_be_dropped_before_its_order_among_the_losers_is_known():
    task = made(0, (9.0, 0.0, 0.1))
    pairs, best = follow([task], keep="pairs"), follow([task], keep="best")
    assert pairs.looks == LOOKS
    assert best.looks == (5,)
    assert [d.better for d in best.decisions] == ["rnn", "rnn", None]
    lost_to_ridge = replace(made(2, (0.0, 0.0)), constants={"ridge": 50.0})
    assert follow([lost_to_ridge], keep="best").looks == LOOKS  # which of the two is better is still asked


def test_claims_are_of_the_family_and_hold_their_cells():
    task = made(0, (0.0, 50.0))
    alone = follow([task])
    claim = FurtherTest([0.4, 0.3, 0.2, 0.2, 0.3], [(0, "lstm")])
    course = follow([task], further=[claim])
    assert course.looks == LOOKS
    assert alone.looks == (5,)
    assert course.decisions[0].comparison.p_holm == pytest.approx(2 * alone.decisions[0].comparison.p_holm)
    assert 0.05 < course.further[0] <= 1
    sure = follow([task], further=[replace(claim, p_values=[1e-9])])
    assert (sure.looks, sure.further[0] < 1e-6) == ((5,), True)


def test_failed_replicates_and_untested_pairs_count_as_asked():
    """A pair that cannot be tested yet is of the family, or the first look would decide at too large a level."""
    task = made(0, (0.0, 50.0))
    broken = replace(task, scores=task.scores | {"gru": [math.nan] * 34})
    one, *others = follow([broken]).decisions
    assert one.comparison.p_holm == pytest.approx(3 * follow([task]).decisions[0].comparison.p_holm)
    assert all(math.isnan(other.comparison.p_holm) for other in others)


def test_equivalence_ends_a_pair():
    course = follow([made(0, (0.0, 0.0), spread=0.001, margin=0.01)])
    assert course.looks == (5,)
    assert course.decisions[0].verdict == "equivalent"
    assert course.decisions[0].comparison.p_equivalent_holm <= 0.05


# --- what looks say one after the other, scripted ---


def scripted(by_pair, looks, cells="ABC", **options):
    """A course whose comparisons are (difference, p, p of equivalence, whether one fails), by pair and look."""

    def compare(task, first, second, replicates):
        mean, p, same, fails = by_pair[first + second][replicates]
        margins = Interval(mean, mean - 1, mean + 1)
        how = "rates" if fails else "welch"
        return SampleComparison(first, second, (replicates,) * 2, margins, p, same, 0, 0.5, how, unreliable=fails)

    scores = {cell: [0.0] * looks for cell in cells}
    course = follow([TaskSamples(scores, margin=0.1, **options)], 34, compare=compare)
    return {one.comparison.first + one.comparison.second: one for one in course.decisions}, course


OPEN, DECIDED = (0.1, 0.5, 0.9, False), (5.0, 1e-9, 0.9, False)


def test_an_order_that_turns_round_is_not_decided_by_what_it_was():
    """A is ahead at the first look, not quite surely; at the second B is, while Holm asks for less as others are decided."""
    others = {"AC": {5: OPEN, 8: DECIDED}, "BC": {5: OPEN, 8: DECIDED}}
    first = {5: (1.0, 0.004, 0.9, False)}
    turned, _ = scripted({"AB": first | {8: (-0.5, 0.6, 0.9, False)}} | others, 8)
    assert (turned["AB"].better, turned["AB"].comparison.better, turned["AB"].look) == (None, None, None)
    assert turned["AB"].comparison.p_holm > 0.5
    still, _ = scripted({"AB": first | {8: (0.5, 0.6, 0.9, False)}} | others, 8)
    assert still["AB"].better == still["AB"].comparison.better == "A"


def test_an_equivalence_of_before_a_failure_does_not_count():
    others = {"AC": {5: OPEN, 8: (0.0, 0.5, 1e-9, False)}, "BC": {5: OPEN, 8: (0.0, 0.5, 1e-9, False)}}
    fails, _ = scripted({"AB": {5: (0.01, 0.5, 0.004, False), 8: (0.6, 1e-6, math.nan, True)}} | others, 8)
    assert (fails["AB"].better, fails["AB"].equivalent, fails["AB"].comparison.verdict) == ("A", False, "better")
    steady, _ = scripted({"AB": {5: (0.01, 0.5, 0.004, False), 8: (0.01, 0.5, 0.9, False)}} | others, 8)
    assert steady["AB"].comparison.verdict == "equivalent"


def test_a_claim_that_turns_round_begins_anew():
    samples = [TaskSamples({"a": [0.0, 0.1, 0.2, 0.1] * 2, "b": [0.1, 0.0, 0.1, 0.2] * 2})]
    ahead, turned, unknown = ([1.0, 0.5], [1.0, -0.5], [])
    p = [follow(samples, further=[FurtherTest([0.02, 0.9], [], signs)]).further[0] for signs in (ahead, turned, unknown)]
    assert p[0] == p[2] < 0.3
    assert p[1] > 0.9


def test_over_splits_of_the_same_data_no_cell_is_dropped_before_the_others():
    """C has lost; its mean would be of five splits, beside those of eight."""
    looks = {"AB": {5: OPEN, 8: OPEN}, "AC": {5: DECIDED, 8: DECIDED}, "BC": {5: DECIDED, 8: DECIDED}}
    assert scripted(looks, 5)[1].running == (("A", "B"),)
    assert scripted(looks, 5, paired=True, overlap=0.3)[1].running == (("A", "B", "C"),)
    done = {"AB": {5: DECIDED}, "AC": {5: DECIDED}, "BC": {5: DECIDED}}
    assert scripted(done, 5, paired=True, overlap=0.3)[1].running == ((),)


# --- simulated experiments ---


def wrong(runs, tasks=2, shift=(0.0, 0.0, 0.0), seed=0, **options):
    """Share of experiments with a verdict that is not so, and replicates a cell and task that they spend."""
    errors, spent = 0, []
    for run in range(runs):
        samples = [made((seed, run, number), shift, **options) for number in range(tasks)]
        course = follow(samples)
        for decision in course.decisions:
            a, b = (shift[CELLS.index(name)] for name in (decision.comparison.first, decision.comparison.second))
            false = decision.better is not None and (a == b or (decision.better == decision.comparison.first) != (a > b))
            if false or (decision.equivalent and abs(a - b) >= samples[0].margin):
                errors += 1
                break
        spent.append(course.looks[-1])
    return errors / runs, np.mean(spent)


def test_the_family_wise_error_in_short():
    runs = 250
    error, spent = wrong(runs)
    assert error <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
    assert spent > 33


@pytest.mark.slow
@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.0, 0.0, 3.0)])
def test_the_family_wise_error_at_length(shift):
    runs = 3000
    error, _ = wrong(runs, tasks=1, shift=shift)
    assert error <= 0.05 + 2.6 * math.sqrt(0.05 * 0.95 / runs)
    assert error >= 0.02


@pytest.mark.slow
def test_a_difference_of_the_margin_is_called_equivalent_in_at_most_five_percent():
    runs = 2000
    error, _ = wrong(runs, tasks=1, shift=(0.0, 1.0), margin=1.0)
    assert 0.02 <= error <= 0.05 + 2.6 * math.sqrt(0.05 * 0.95 / runs)


def test_looking_without_spending_would_be_seen(monkeypatch):
    monkeypatch.setattr("gru_tf.analysis.statistics.sequential.level_of", lambda p, *_: p)
    assert wrong(300, tasks=1)[0] > 0.09
