"""What results say, from results made by hand: pairs, ranks, what is open, and what is missing."""

import math

import pytest
from made_evidence import SCORES, experiment, results
from made_results import result

from gru_tf.analysis.evidence import Evidence, gather
from gru_tf.analysis.statistics.across import interquartile_mean


@pytest.fixture(scope="module")
def found() -> Evidence:
    return gather(experiment(), results(experiment()))


def test_pairs_are_oriented_by_the_metric(found):
    """More is better on digits, less on adding: the difference is for the better one on both."""
    for task, gain in (("digits", 0.3975), ("adding", 0.1525)):
        pair = next(p for p in found.task(task).pairs if (p.first, p.second) == ("rnn", "gru"))
        assert pair.difference.mean == pytest.approx(-gain)
        assert pair.better == "gru"


def test_the_best_and_what_is_open(found):
    assert found.task("digits").best == "gru"
    assert found.task("digits").inconclusive == ("lstm",)
    task = found.task("adding")
    assert task.best == "gru"
    assert task.pair("rnn", "gru").better == "gru"
    assert task.pair("lstm", "gru").verdict == "inconclusive"
    assert {pair.test for pair in task.pairs} == {"paired"}, "adding draws its data from the seed"
    assert {pair.test for pair in found.task("digits").pairs} == {"welch"}
    assert {pair.comparisons for one in found.tasks for pair in one.pairs} == {6}, "both tasks are one family"


def test_chance_is_beaten_from_the_right_side(found):
    assert [cell.beats_chance for cell in found.task("digits").cells] == [True] * 3
    assert [cell.beats_chance for cell in found.task("adding").cells] == [False, True, True], "rnn's interval holds 0.17"


def test_ranks_over_tasks(found):
    """gru first on both; rnn last on both: nothing that two tasks could show, and no mean ranks of fewer than ten."""
    assert found.ranks is None
    pairs = {(pair.first, pair.second): pair for pair in found.signed}
    assert [(pairs["rnn", c].wins, pairs["rnn", c].losses, pairs["rnn", c].reachable) for c in ("gru", "lstm")] == 2 * [
        (0, 2, False)
    ]
    assert gather(experiment(tasks=["digits"]), results(experiment(tasks=["digits"]))).signed == ()
    many = experiment(tasks=[{"adding": {"length": length}} for length in range(10, 20)])
    tests = {"rnn": 0.16, "gru": 0.02, "lstm": 0.03}
    made = [
        result(many, task, cell, test=tests[c.name], score=0.5, chance=0.17)
        for task in range(10)
        for cell, c in enumerate(many.cells)
    ]
    ranked = gather(many, made)
    assert ranked.ranks.mean == (3.0, 1.0, 2.0)
    assert ranked.signed == ()


def test_the_middle_half_of_the_scores(found):
    scores = sorted([(x - 0.1) / 0.9 for x in SCORES["digits", "gru"]] + [1 - x / 0.17 for x in SCORES["adding", "gru"]])
    assert found.middle["gru"].mean == pytest.approx(sum(scores[2:6]) / 4)


def test_the_middle_half_is_never_said_to_be_better_than_a_perfect_answer():
    one = experiment(tasks=["digits"])
    found = gather(one, [r.model_copy(update={"score": 0.8 + 0.066 * r.run.seed}) for r in results(one)])
    assert interquartile_mean([[0.8, 0.866, 0.932, 0.998]]).high > 1
    assert {middle.high for middle in found.middle.values()} == {1.0}
    assert all(middle.low < 0.8 < middle.mean for middle in found.middle.values())


def test_a_seed_that_is_missing_is_named_and_is_no_zero():
    one = experiment()
    holed = gather(one, results(one, left_out={("digits", "gru", 3)}))
    assert holed.missing == (("digits", "gru", 1),)
    assert holed.task("digits").cell("gru").tests.keys() == {0, 1, 2}
    pair = next(p for p in holed.task("digits").pairs if "gru" in (p.first, p.second))
    assert sorted(pair.counts) == [3, 4]
    assert holed.middle.keys() == {"rnn", "lstm"}, "a seed is still to come"


def test_a_seed_that_failed_counts_as_nothing_learned():
    one = experiment()
    whole, lost = results(one), {"status": "failed", "test": None, "score": None, "metric": "", "chance": None}
    for broken in ({3}, {0, 1, 2, 3}):
        of = [r.run.task.name == "digits" and r.run.cell.name == "gru" and r.run.seed in broken for r in whole]
        found = gather(one, [r.model_copy(update=lost) if gone else r for r, gone in zip(whole, of, strict=True)])
        scores = [(x - 0.1) / 0.9 for seed, x in enumerate(SCORES["digits", "gru"]) if seed not in broken]
        scores = sorted([*scores, *[0.0] * len(broken), *(1 - x / 0.17 for x in SCORES["adding", "gru"])])
        assert found.middle["gru"].mean == pytest.approx(sum(scores[2:6]) / 4)


def test_nothing_yet_invents_nothing():
    empty = gather(experiment(), [])
    assert [task.best for task in empty.tasks] == [None, None]
    assert (empty.ranks, empty.middle, empty.failures) == (None, {}, ())
    assert len(empty.missing) == 6
    assert all(cell.beats_chance is None for task in empty.tasks for cell in task.cells)


def test_every_run_failed():
    one = experiment(tasks=["digits"], cells=["gru"], seeds=1)
    failed = result(one, status="failed", error="no memory", metric="", chance=None)
    found = gather(one, [failed])
    assert found.tasks[0].best is None
    assert found.failures == (("digits", "gru", "seed 0 failed: no memory"),)


def test_one_seed_settles_nothing():
    one = experiment(seeds=1)
    found = gather(one, [r for r in results(experiment()) if r.run.seed == 0])
    assert all(not pair.significant for task in found.tasks for pair in task.pairs)
    assert math.isnan(found.tasks[0].cells[0].row.test.low)
    assert found.task("digits").inconclusive == ("rnn", "lstm")
