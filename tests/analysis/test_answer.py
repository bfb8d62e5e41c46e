"""The answer in two sentences: of evidence made by hand, with every doubt that it must name."""

import math
import re
from typing import Any

import numpy as np
import pytest
from made_evidence import experiment, results
from made_results import result, speed

from gru_tf.analysis.answer import answer
from gru_tf.analysis.evidence import gather
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult


def said(one: Experiment, found: list[RunResult]) -> tuple[str, str]:
    """The answer, held to what every answer must be: two sentences, one line each."""
    first, second = answer(gather(one, found))
    for sentence in (first, second):
        assert sentence.endswith(".")
        assert not sentence.endswith("..")
        assert sentence[0].isupper() or sentence[0].isdigit()
        assert "\n" not in sentence
        assert not {"nan", "None", "inf"} & set(sentence.replace(",", " ").replace(")", " ").replace("(", " ").split())
    if len(one.tasks) <= 2:
        assert max(words(first), words(second)) <= (40 if len(one.tasks) == 1 else 47)
    return first, second


def words(sentence: str) -> int:
    """As they are read: "0.905 [0.884, 0.926]" is two, "p = 0.14 to 0.23" three."""
    return len(re.sub(r"(, (?=[\d.]+\])| (?=[=<] ))", "", sentence).replace("= ", "=").replace("< ", "<").split())


def test_words_are_counted_as_they_are_read():
    assert words("best, 0.905 [0.884, 0.926], or not (p = 0.14 to 0.23) (p < 0.001).") == 9


def scored(one: Experiment, tests: dict[str, list[float | None]], task: int = 0, **more: Any) -> list[RunResult]:
    """Accuracies of one task, chance 0.1, by cell; None for a seed that is not there."""
    kind = {"metric": "accuracy", "direction": "max", "chance": 0.1, **more}
    cells = [cell.label for cell in one.cells]
    return [
        result(one, task, cells.index(cell), one.seeds[place], test=test, score=(test - 0.1) / 0.9, **kind)
        for cell, of in tests.items()
        for place, test in enumerate(of)
        if test is not None
    ]


def test_one_of_two_tasks_has_run_and_its_steps_are_timed():
    one = experiment()
    steps = {"rnn": 2.5, "gru": 2.0, "lstm": 3.0}
    found = [r for r in results(one) if r.run.task.name == "digits"]
    timed = [r.model_copy(update={"speed": speed(steps[r.run.cell.name])}) for r in found]
    assert "gru has the shortest training step; 12 of 24 seeds have not finished." in said(one, timed)[1]


def test_one_task_settled_against_one_and_not_against_the_other():
    one = experiment(tasks=["digits"])
    first, second = said(one, results(one))
    pairs = {(p.first, p.second): p for p in gather(one, results(one)).tasks[0].pairs}
    p, needed = pairs["gru", "lstm"].p, gather(one, results(one)).tasks[0].needed[2]
    assert first == (
        "Over 4 seeds gru has the best test accuracy on digits, 0.905 [0.884, 0.926], significantly better than rnn"
        f" (p < 0.001), inconclusive against lstm (p = {p:.2g}); about {needed} seeds would be needed."
    )
    assert second.startswith("The baseline is clearly beaten by every cell (0.1); ")


def test_all_is_settled():
    one = experiment(tasks=["digits"], cells=["rnn", "gru"])
    first, _ = said(one, results(one))
    assert first.startswith("Over 4 seeds gru has ")
    assert first.endswith(" 0.905 [0.884, 0.926], significantly better than rnn (p < 0.001).")


def test_several_p_values_are_told_by_their_ends():
    one = experiment(tasks=["digits"])
    close = scored(one, {"rnn": [0.5, 0.8, 0.6, 0.9], "gru": [0.9, 0.91, 0.89, 0.92], "lstm": [0.89, 0.92, 0.90, 0.90]})
    found = gather(one, close).tasks[0]
    low, high = sorted(pair.p for pair in found.pairs if "gru" in (pair.first, pair.second))
    most = max(n for pair, n in zip(found.pairs, found.needed, strict=True) if "gru" in (pair.first, pair.second))
    assert said(one, close)[0].endswith(
        f", inconclusive against rnn and lstm (p = {low:.2g} to {high:.2g}); about {most:,} seeds would be needed."
    )
    far = scored(one, {"rnn": [0.5, 0.52, 0.51, 0.5], "gru": [0.9, 0.91, 0.89, 0.92], "lstm": [0.7, 0.75, 0.76, 0.7]})
    low, high = sorted(pair.p for pair in gather(one, far).tasks[0].pairs if "gru" in (pair.first, pair.second))
    assert low < 0.001 < high
    assert said(one, far)[0].endswith(f", significantly better than rnn and lstm (p up to {high:.2g}).")


def test_of_what_no_number_of_seeds_is_known_to_settle_none_is_said():
    """Where one pair's differences are 0 on average nothing can be estimated, and the number is that of the others."""
    one = experiment(tasks=["digits"])
    found = scored(one, {"rnn": [0.9, 0.8, 0.6, 0.7], "gru": [0.91, 0.9, 0.92, 0.91], "lstm": [None, None, None, 0.905]})
    needed = max(filter(None, gather(one, found).tasks[0].needed))
    assert said(one, found)[0].endswith(f"; about {needed} seeds would be needed for 1 of these 2.")


def test_a_small_p_at_which_seeds_disagree_is_not_settled_and_says_why():
    one = experiment(tasks=["digits"], cells=["rnn", "gru"], seeds=5)
    gained = [0.1, 0.12, 0.11, 0.1, -0.003]
    found = scored(one, {"rnn": [0.5] * 5, "gru": [0.5 + gain for gain in gained]})
    pair = gather(one, found).tasks[0].pairs[0]
    assert pair.p <= 0.05
    assert not pair.significant
    assert f", inconclusive against rnn (p = {pair.p:.2g}, but seeds disagree)" in said(one, found)[0]


def test_a_best_mean_that_is_worse_where_both_finished_says_so():
    """One lucky seed more than the other: the mean is the best, the comparison is against it."""
    one = experiment(tasks=["digits"], cells=["rnn", "gru"], seeds=5)
    found = scored(one, {"rnn": [0.50, 0.51, 0.52, 0.53, 0.99], "gru": [0.55, 0.56, 0.571, 0.58, None]})
    pair = gather(one, found).tasks[0].pairs[0]
    assert pair.better == "gru"
    first, _ = said(one, found)
    assert first.startswith("Over 5 seeds rnn has the best test accuracy")
    assert first.endswith(", significantly worse at equal seeds than gru (p < 0.001).")


def test_the_cost_is_named_with_the_fastest_first():
    one = experiment(tasks=["digits"], cells=["rnn", "gru"])
    timed = [r.model_copy(update={"speed": speed(2.0 if r.run.cell.name == "gru" else 5.0)}) for r in results(one)]
    assert said(one, timed)[1].endswith("; gru has the shortest training step, 2 ms (rnn 2.5×).")


def timed(one: Experiment, steps: dict[tuple[str, str], list[float]]) -> list[RunResult]:
    """Milliseconds of a step by task and cell, a seed each."""
    places = {(task.name, cell.label): iter(steps[task.name, cell.label]) for task, cell in one.pairs()}
    return [r.model_copy(update={"speed": speed(next(places[r.run.task.name, r.run.cell.label]))}) for r in results(one)]


def test_a_step_that_is_not_shortest_at_every_seed_is_no_fact():
    one = experiment(tasks=["digits"])
    steps = {"rnn": [2.0, 2.0, 3.1, 2.0], "gru": [3.0, 3.0, 3.0, 3.0], "lstm": [4.0, 4.0, 4.0, 4.0]}
    found = timed(one, {("digits", cell): of for cell, of in steps.items()})
    assert gather(one, found).tasks[0].as_quick == ("gru",)
    assert said(one, found)[1].endswith(
        "; rnn has the shortest training step, 2 ms (gru 1.5×, lstm 2.0×; not in every seed against gru)."
    )


@pytest.mark.parametrize(
    ("digits", "adding", "told"),
    [
        (3.0, 3.0, "on both tasks."),
        (3.0, 1.9, "on both tasks, in every seed on one task."),
        (1.9, 2.0, "on both tasks, but not in every seed."),
    ],
)
def test_on_how_many_tasks_a_step_is_shortest_at_every_seed(digits: float, adding: float, told: str):
    one = experiment(cells=["rnn", "gru"])
    steps = {(task.name, "rnn"): [2.0] * 4 for task in one.tasks}
    gru = {("digits", "gru"): [digits, 3.0, 3.0, 3.0], ("adding", "gru"): [adding, 3.0, 3.0, 3.0]}
    assert said(one, timed(one, steps | gru))[1].endswith(f"rnn has the shortest training step {told}")


def test_who_does_not_beat_the_baseline_is_named():
    one = experiment(tasks=["adding"])
    _, second = said(one, results(one))
    assert second.startswith("The baseline is clearly beaten by only gru and lstm (0.17); ")
    bad = scored(experiment(tasks=["digits"]), {"rnn": [0.11, 0.05, 0.1, 0.12], "gru": [0.12, 0.04, 0.1, 0.11]})
    assert said(experiment(tasks=["digits"]), bad)[1].startswith("No cell clearly beats the baseline (0.1); ")


def test_one_seed_settles_nothing():
    one = experiment(tasks=["digits"], seeds=1)
    first, second = said(one, [r for r in results(experiment(tasks=["digits"])) if r.run.seed == 0])
    assert first == "With one seed gru has the best test accuracy on digits, 0.9; one seed is inconclusive."
    assert second.startswith("The baseline is beaten, with one seed, by every cell (0.1); ")


def test_tasks_with_more_seeds_and_fewer_differ_in_the_answer():
    one = experiment(cells=["rnn", "gru"], seeds=3)
    found = scored(one, {"rnn": [0.5, 0.51, 0.52], "gru": [0.9, 0.91, 0.93]}) + scored(
        one, {"rnn": [0.05, None, None], "gru": [0.2, None, None]}, task=1
    )
    first, second = said(one, found)
    assert first.startswith("Over 3 seeds gru has the best test accuracy on digits, 0.913 [0.875, 0.951], significantly")
    told = "; with one of 3 gru has the best accuracy on adding, 0.2, inconclusive against rnn (too few common seeds)"
    assert told in first
    assert second.startswith(
        "The baseline is clearly beaten by every cell on digits (0.1)"
        " and beaten, with one seed, by only gru on adding (0.1); "
    )


def test_one_cell_has_nothing_to_be_compared_with():
    one = experiment(tasks=["digits"], cells=["gru"])
    first, second = said(one, results(one))
    assert first == "Over 4 seeds gru has a test accuracy of 0.905 [0.884, 0.926] on digits, with no other cell to compare."
    assert second == "The baseline is clearly beaten by gru (0.1)."


def test_equal_means_are_called_equal():
    one = experiment(tasks=["digits"])
    first, _ = said(one, scored(one, {"rnn": [1.0] * 4, "gru": [1.0] * 4, "lstm": [1.0] * 4}))
    assert first == (
        "Over 4 seeds rnn, gru and lstm have the same test accuracy on digits, 1.000, with no difference between them."
    )
    first, _ = said(one, scored(one, {"rnn": [0.5, 0.51, 0.52, 0.5], "gru": [1.0] * 4, "lstm": [1.0] * 4}))
    assert first == (
        "Over 4 seeds gru and lstm have the same test accuracy on digits, 1.000, significantly better than rnn (p < 0.001)."
    )


def test_seeds_that_did_not_finish_are_counted():
    one = experiment(tasks=["digits"])
    holed = scored(one, {"rnn": [0.5, 0.51, 0.55, None], "gru": [0.9, 0.92, 0.92, 0.9], "lstm": [None, None, None, 0.6]})
    first, second = said(one, holed)
    assert ", significantly better than rnn (p < 0.001), " in first
    assert first.endswith(", inconclusive against lstm (too few common seeds).")
    assert second.startswith("The baseline is clearly beaten by only rnn and gru (0.1); ")
    assert second.endswith("; 4 of 12 seeds have not finished.")
    without = [result for result in holed if result.run.cell.name != "lstm"]
    assert " beaten by rnn and gru (0.1); " in said(one, without)[1], "of a cell without a seed nothing is known"


@pytest.mark.parametrize(
    ("digits", "adding", "told"),
    [
        (2, 5, ("Over 2 of 5 seeds gru has the best", "; over all 5 gru has the best")),
        (5, 2, ("Over 5 seeds gru has the best", "; over 2 of 5 gru has the best")),
        (2, 2, ("Over 2 of 5 seeds gru has the best", "; gru has the best")),
        (3, 2, ("Over 3 of 5 seeds gru has the best", "; over 2 of 5 gru has the best")),
        (5, 1, ("Over 5 seeds gru has the best", "; with one of 5 gru has the best")),
        (1, 1, ("With one of 5 seeds gru has the best", "; gru has the best")),
    ],
)
def test_a_best_mean_of_survivors_says_of_how_many_seeds(digits: int, adding: int, told: tuple[str, str]):
    """The other seeds diverged; `said` holds the words to their limits."""
    one = experiment(seeds=5)
    others = {"rnn": [0.5, 0.51, 0.52, 0.53, 0.52], "lstm": [0.5, 0.8, 0.6, 0.9, 0.7]}
    won = [0.95, 0.94, 0.96, 0.95, 0.97]
    found: list[RunResult] = []
    for task, left in enumerate((digits, adding)):
        found += scored(one, {**others, "gru": won[:left]}, task)
        lost = [result(one, task, 1, seed, status="diverged", metric="", chance=None) for seed in one.seeds[left:]]
        found += lost
    first, _ = said(one, found)
    assert first.startswith(told[0])
    assert told[1] in first
    assert ("would be needed" in first) == (digits == adding == 5)


def test_one_task_and_a_best_mean_of_survivors():
    one = experiment(tasks=["digits"], seeds=5)
    first, _ = said(one, scored(one, {"rnn": [0.5] * 5, "gru": [0.9, 0.91], "lstm": [0.5, 0.6, 0.5, 0.6, 0.7]}))
    assert first.startswith("Over 2 of 5 seeds gru has the best test accuracy on digits, 0.905 [")
    assert "would be needed" not in first, "first the seeds that were asked for"
    equal = scored(one, {"rnn": [0.75] * 5, "gru": [0.75] * 2, "lstm": [0.5, 0.6, 0.5, 0.6, 0.7]})
    assert said(one, equal)[0].startswith("Over 2 to 5 of 5 seeds rnn and gru have the same test accuracy")


def test_only_one_cell_has_finished():
    one = experiment(tasks=["digits"])
    first, _ = said(one, scored(one, {"gru": [0.9, 0.91]}))
    assert first.startswith("Over 2 of 4 seeds gru has ")
    assert first.endswith("], inconclusive: no other cell has finished.")


def test_nothing_has_finished_yet():
    assert said(experiment(), []) == (
        "No result yet: no final run has finished.",
        "24 final runs are still to come.",
    )


def test_every_run_failed():
    one = experiment(tasks=["digits"], cells=["gru"], seeds=2)
    lost = {"status": "failed", "metric": "", "chance": None}
    failed = [result(one, seed=seed, error=f"no memory {seed}. " + 300 * "x", **lost) for seed in (0, 1)]
    first, second = said(one, failed)
    assert first == "No result: no final run has finished, and 2 runs diverged or failed."
    assert second.startswith("The first was gru on digits: seed 0 failed: no memory 0. xxx")
    assert second.endswith("xxx….")
    assert len(second) < 250


def test_a_metric_that_is_no_number_is_no_answer():
    one = experiment(tasks=["digits"], cells=["gru"], seeds=1)
    first, second = said(one, [result(one, test=math.inf, metric="perplexity")])
    assert first == "No result: no finished run has a finite test metric."
    assert second == "No comparison with the baseline is possible: 1 final run is without a finite test metric."


def test_two_tasks_are_told_one_by_one():
    one = experiment()
    first, second = said(one, results(one))
    assert first.startswith("Over 4 seeds gru has the best test accuracy on digits, 0.905 [0.884, 0.926], significantly")
    assert "; gru has the best test mse on adding, 0.017" in first
    found = gather(one, results(one)).tasks
    needed = [n for task in found for pair, n in zip(task.pairs, task.needed, strict=True) if pair.first == "gru"]
    assert first.endswith(f"; about {max(needed)} seeds would be needed.")
    assert second.startswith(
        "The baseline is clearly beaten by every cell on digits (0.1)"
        " and by only gru and lstm on adding (0.17); rnn has the shortest training step on both tasks"
    )


def test_a_task_that_has_nothing_yet_is_named():
    one = experiment()
    first, second = said(one, [r for r in results(one) if r.run.task.name == "digits"])
    assert first.endswith(" seeds would be needed; no run has finished on adding.")
    assert second.endswith("; 12 of 24 seeds have not finished.")


MANY = [{"adding": {"length": length}} for length in range(10, 16)]


def many(best: list[str], holes: int = 0) -> tuple[str, str]:
    """Six tasks, on each of which this cell is better by far."""
    one = experiment(tasks=MANY)
    noise = np.random.default_rng(0).normal(0, 0.004, (6, 3, 4))
    found: list[RunResult] = []
    for task, winner in enumerate(best):
        cells = {c: list((0.9 if c == winner else 0.5) + noise[task, i]) for i, c in enumerate(("rnn", "gru", "lstm"))}
        found += scored(one, cells, task)
    return said(one, found[: len(found) - holes])


def test_many_tasks_are_counted_with_mean_ranks():
    first, second = many(["gru"] * 4 + ["lstm"] * 2)
    assert first.startswith(
        "Of 6 tasks, gru has the best mean on 4 and lstm on 2, significantly better than every other cell on 6 of them; mean"
    )
    assert "; mean ranks are gru " in first
    assert "(Friedman p = " in first
    assert second.startswith("Every cell clearly beats the baseline on all 6 tasks; ")


def test_many_tasks_of_which_one_is_unfinished_have_no_ranks():
    first, second = many(["gru"] * 6, holes=4)
    assert first.endswith("; no mean ranks: some cell has no score on some task.")
    assert " beaten by rnn on 6, gru on 6 and lstm on 5 of 6 tasks; " in second
    assert second.endswith("; 4 of 72 seeds have not finished.")
    first, second = many(["gru"] * 5 + ["lstm"], holes=2)
    assert first.startswith("Of 6 tasks, gru has the best mean on 5 and lstm on 1 (on 1 from 2 of 4 seeds), ")
    first, second = many(["gru"] * 6, holes=12)
    assert "very cell clearly beats the baseline on all 5 tasks with a result; " in second


def test_many_tasks_and_one_cell():
    one = experiment(tasks=MANY, cells=["gru"])
    first, _ = said(one, scored(one, {"gru": [0.9, 0.91]}, task=2))
    assert first == "On 1 of 6 tasks gru has finished; there is no other cell to compare it with."


def test_without_a_difference_at_most_one_answer_in_twenty_settles_anything():
    """Experiments of three equal cells on two tasks: "significantly better" is then an error."""
    one = experiment(tasks=MANY[:2], seeds=3)
    made = [r for task in (0, 1) for r in scored(one, dict.fromkeys(("rnn", "gru", "lstm"), [0.5] * 3), task)]
    errors = 0
    for draw in np.random.default_rng(3).normal(0.5, 0.05, (300, len(made))):
        found = [r.model_copy(update={"test": float(test)}) for r, test in zip(made, draw, strict=True)]
        errors += "significantly" in answer(gather(one, found))[0]
    assert errors <= 15 + 2 * math.sqrt(300 * 0.05 * 0.95)
