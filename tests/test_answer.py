"""The answer in two sentences: of evidence made by hand, with every doubt that it must name."""

import math
from typing import Any

import numpy as np
from test_evidence import experiment, results
from test_table import result, speed

from gru_tf.answer import answer
from gru_tf.evidence import gather
from gru_tf.experiment import Experiment
from gru_tf.run_result import RunResult


def said(one: Experiment, found: list[RunResult]) -> tuple[str, str]:
    """The answer, held to what every answer must be: two sentences, one line each."""
    first, second = answer(gather(one, found))
    for sentence in (first, second):
        assert sentence.endswith(".")
        assert not sentence.endswith("..")
        assert sentence[0].isupper() or sentence[0].isdigit()
        assert "\n" not in sentence
        assert not {"nan", "None", "inf"} & set(sentence.replace(",", " ").replace(")", " ").replace("(", " ").split())
    return first, second


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


def test_one_task_settled_against_one_and_not_against_the_other():
    one = experiment(tasks=["digits"])
    first, second = said(one, results(one))
    pairs = {(p.first, p.second): p for p in gather(one, results(one)).tasks[0].pairs}
    needed = gather(one, results(one)).tasks[0].needed[2]
    assert first == (
        "On digits gru has the best test accuracy, 0.905 [0.884, 0.926] over 4 seeds: settled against rnn (p < 0.001),"
        f" not settled against lstm (p = {pairs['gru', 'lstm'].p:.2g}; about {needed} seeds would settle it)."
    )
    assert second.startswith("The trivial answer has 0.1: rnn, gru and lstm are better over the whole interval; ")


def test_all_is_settled():
    one = experiment(tasks=["digits"], cells=["rnn", "gru"])
    first, _ = said(one, results(one))
    assert first.endswith("over 4 seeds: settled against rnn (p < 0.001).")


def test_the_cost_is_named_with_the_fastest_first():
    one = experiment(tasks=["digits"], cells=["rnn", "gru"])
    timed = [r.model_copy(update={"speed": speed(2.0 if r.run.cell.name == "gru" else 5.0)}) for r in results(one)]
    assert said(one, timed)[1].endswith("; a training step is shortest with gru, 2 ms (rnn 2.5 times that).")


def test_who_does_not_beat_the_trivial_answer_is_named():
    one = experiment(tasks=["adding"])
    _, second = said(one, results(one))
    assert second.startswith(
        "The trivial answer has 0.17: gru and lstm are better over the whole interval, rnn is not shown to be; "
    )
    bad = scored(experiment(tasks=["digits"]), {"rnn": [0.11, 0.05, 0.1, 0.12], "gru": [0.12, 0.04, 0.1, 0.11]})
    assert "The trivial answer has 0.1: no cell is shown to be better" in said(experiment(tasks=["digits"]), bad)[1]


def test_one_seed_settles_nothing():
    one = experiment(tasks=["digits"], seeds=1)
    first, second = said(one, [r for r in results(experiment(tasks=["digits"])) if r.run.seed == 0])
    assert first == "On digits gru has the best test accuracy, 0.9 with one seed: not settled: one seed settles nothing."
    assert second.startswith("The trivial answer has 0.1: rnn, gru and lstm are better at the one seed; ")


def test_one_cell_has_nothing_to_be_compared_with():
    one = experiment(tasks=["digits"], cells=["gru"])
    first, second = said(one, results(one))
    assert (
        first
        == "On digits gru has a test accuracy of 0.905 [0.884, 0.926] over 4 seeds; it was compared with no other cell."
    )
    assert second == "The trivial answer has 0.1: gru is better over the whole interval."


def test_equal_means_are_called_equal():
    one = experiment(tasks=["digits"])
    first, _ = said(one, scored(one, {"rnn": [1.0] * 4, "gru": [1.0] * 4, "lstm": [1.0] * 4}))
    assert first == (
        "On digits rnn, gru and lstm have the same test accuracy, 1.000 over 4 seeds, which settles nothing between them."
    )
    first, _ = said(one, scored(one, {"rnn": [0.5, 0.51, 0.52, 0.5], "gru": [1.0] * 4, "lstm": [1.0] * 4}))
    assert first == (
        "On digits gru and lstm have the same test accuracy, 1.000 over 4 seeds: settled against rnn (p < 0.001)."
    )


def test_seeds_that_did_not_finish_are_counted():
    one = experiment(tasks=["digits"])
    holed = scored(one, {"rnn": [0.5, 0.51, 0.55, None], "gru": [0.9, 0.92, 0.92, 0.9], "lstm": [None, None, None, 0.6]})
    first, second = said(one, holed)
    assert ": settled against rnn (p < 0.001), " in first
    assert first.endswith(", not settled against lstm (too few seeds that both finished).")
    assert second.endswith("; 4 of 12 seeds have not finished.")


def test_only_one_cell_has_finished():
    one = experiment(tasks=["digits"])
    first, _ = said(one, scored(one, {"gru": [0.9, 0.91]}))
    assert first.endswith("over 2 seeds: not settled: no other cell has finished.")


def test_nothing_has_finished_yet():
    assert said(experiment(), []) == (
        "Nothing is known yet: no final run has finished.",
        "24 final runs are to come, and the trivial answer will stand beside them.",
    )


def test_every_run_failed():
    one = experiment(tasks=["digits"], cells=["gru"], seeds=2)
    lost = {"status": "failed", "metric": "", "chance": None}
    failed = [result(one, seed=seed, error=f"no memory {seed}. " + 300 * "x", **lost) for seed in (0, 1)]
    first, second = said(one, failed)
    assert first == "Nothing is known: no final run has finished, and 2 runs diverged or failed."
    assert second.startswith("The first of them is gru on digits, seed 0 failed: no memory 0. xxx")
    assert second.endswith("xxx….")
    assert len(second) < 250


def test_a_metric_that_is_no_number_is_no_answer():
    one = experiment(tasks=["digits"], cells=["gru"], seeds=1)
    first, second = said(one, [result(one, test=math.inf, metric="perplexity")])
    assert first == "Nothing is known: no finished run has a finite test metric."
    assert second == "So nothing can be set against the trivial answer; 1 final run is without a number."


def test_two_tasks_are_told_one_by_one():
    one = experiment()
    first, second = said(one, results(one))
    digits, adding = first.removesuffix(".").split("; on adding ")
    assert digits.startswith("On digits gru has the best test accuracy, 0.905")
    assert adding.startswith("gru has the best test mse, 0.017")
    assert second.startswith(
        "The trivial answer has 0.1 on digits and 0.17 on adding: on digits rnn, gru and lstm are better"
    )
    assert "on adding gru and lstm are better over the whole interval, rnn is not shown to be" in second


def test_a_task_that_has_nothing_yet_is_named():
    one = experiment()
    first, second = said(one, [r for r in results(one) if r.run.task.name == "digits"])
    assert first.endswith("; on adding nothing has finished.")
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
        "Of 6 tasks the best mean is that of gru on 4 and lstm on 2, and against every other cell that is"
    )
    assert " settled on 6 of them; mean ranks are gru " in first
    assert "(Friedman p = " in first
    assert second.startswith(
        "The trivial answer is beaten by the whole interval of rnn on 6, gru on 6 and lstm on 6 of 6 tasks"
    )


def test_many_tasks_of_which_one_is_unfinished_have_no_ranks():
    first, second = many(["gru"] * 6, holes=4)
    assert first.endswith("; mean ranks are not known, for some cell has no score on some task.")
    assert second.endswith("4 of 72 seeds have not finished.")


def test_many_tasks_and_one_cell():
    one = experiment(tasks=MANY, cells=["gru"])
    first, _ = said(one, scored(one, {"gru": [0.9, 0.91]}, task=2))
    assert first == "On 1 of 6 tasks gru has finished; it was compared with no other cell."


def test_without_a_difference_at_most_one_answer_in_twenty_settles_anything():
    """Experiments of three equal cells on two tasks: "settled against" is then an error."""
    one = experiment(tasks=MANY[:2], seeds=3)
    made = [r for task in (0, 1) for r in scored(one, dict.fromkeys(("rnn", "gru", "lstm"), [0.5] * 3), task)]
    errors = 0
    for draw in np.random.default_rng(3).normal(0.5, 0.05, (300, len(made))):
        found = [r.model_copy(update={"test": float(test)}) for r, test in zip(made, draw, strict=True)]
        errors += " settled against" in answer(gather(one, found))[0].replace("not settled", "open")
    assert errors <= 15 + 2 * math.sqrt(300 * 0.05 * 0.95)
