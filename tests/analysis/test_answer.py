"""The answer, a line a task: of evidence made by hand, with every doubt that it must name."""

import math
import re
from typing import Any

import numpy as np
import pytest
from made_evidence import experiment, results
from made_results import result
from made_timing import phase, timings
from scipy.stats import fisher_exact

from gru_tf.analysis.answer import answer
from gru_tf.analysis.evidence import gather
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice


def said(one: Experiment, found: list[RunResult], phases: Any = None) -> tuple[str, ...]:
    """The answer, held to what every answer must be: one line a task, short, and without what no reader understands."""
    lines = answer(gather(one, found, phases))
    for line in lines:
        text = str(line)
        assert text == (f"{line.task}: {line.text}" if line.task else line.text)
        assert line.verdict
        assert not text.endswith((".", ";", " "))
        assert "\n" not in text
        assert not {"nan", "None", "inf"} & set(text.replace(",", " ").replace(")", " ").replace("(", " ").split())
        assert words(text) <= 70
    return tuple(map(str, lines))


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
    found = [r for r in results(one) if r.run.task.name == "digits"]
    first, second = said(one, found, timings(phase(one, rnn=2.5, gru=2.0, lstm=3.0)))
    assert first.endswith("; GRU trains fastest (RNN 1.2×, LSTM 1.5×)")
    assert second == "No run has finished on adding; 12 of 24 seeds have not finished"


def test_one_task_settled_against_one_and_not_against_the_other():
    one = experiment(tasks=["digits"])
    (first,) = said(one, results(one))
    pairs = {(p.first, p.second): p for p in gather(one, results(one)).tasks[0].pairs}
    p = pairs["gru", "lstm"].p_holm
    assert first == (
        "digits: GRU leads (accuracy 0.905 [0.883, 0.924], 4 seeds); beats RNN (p < 0.001);"
        f" vs LSTM inconclusive (p = {p:.2g}); all clearly beat the baseline (0.1)"
    )


def test_two_that_are_the_same_within_the_margin_are_called_equivalent():
    """1 % of the way from 0.1 to 1 is 0.009: twenty seeds that scatter by a thousandth show it."""
    one = experiment(tasks=["digits"], seeds=20)
    noise = np.random.default_rng(0).normal(0, 0.001, (2, 20))
    near = scored(one, {"rnn": [0.5] * 10 + [0.51] * 10, "gru": list(0.9 + noise[0]), "lstm": list(0.9 + noise[1])})
    best = gather(one, near).tasks[0].best
    other = "lstm" if best == "gru" else "gru"
    (first,) = said(one, near)
    assert f"; beats RNN (p < 0.001); equivalent to {other.upper()} (within 0.009); " in first


def test_a_cell_that_sometimes_fails_is_called_unreliable():
    one = experiment(tasks=["digits"], cells=["rnn", "gru"], seeds=10)
    fails = [0.95, 0.96, 0.94, 0.95, 0.1, 0.95, 0.11, 0.96, 0.95, 0.1]
    (first,) = said(one, scored(one, {"rnn": fails, "gru": [0.9, 0.91, 0.92, 0.9, 0.91, 0.9, 0.91, 0.9, 0.92, 0.9]}))
    p = 2 * fisher_exact([[7, 3], [10, 0]]).pvalue  # the smaller of two p-values counts twice
    assert "RNN has the best median (accuracy median 0.95 [0.10, 0.96], 10 seeds); " in first, "its mean would be 0.697"
    assert f"; vs GRU inconclusive (p = {p:.2g}); RNN unreliable: it learned in 7 of 10 replicates; " in first


def test_a_difference_from_a_cell_that_is_not_at_its_best_is_withheld():
    """Of rnn, whose learning rate lies at the end of its range; that gru's does keeps no difference from counting."""
    space = {"trials": 3, "space": {"learning_rate": {"low": 1e-3, "high": 1e-2, "sampling": "log"}}}
    one = experiment(tasks=["digits"], cells=["rnn", "gru"], search=space)

    def chosen(cell: str) -> list[RunResult]:
        return [
            r.model_copy(update={"run": r.run.tuned({"learning_rate": 9.5e-3 if r.run.cell.name == cell else 3e-3})})
            for r in results(one)
        ]

    (first,) = said(one, chosen("rnn"))
    assert "; not called better than RNN (RNN: learning_rate at its range's upper end); " in first
    assert "beats" not in first
    (first,) = said(one, chosen("gru"))
    assert "; beats RNN (p < 0.001); " in first


def test_all_is_settled():
    one = experiment(tasks=["digits"], cells=["rnn", "gru"])
    (first,) = said(one, results(one))
    assert first.startswith("digits: GRU leads (accuracy 0.905 [0.883, 0.924], 4 seeds); beats RNN (p < 0.001); ")


def test_several_p_values_are_told_by_their_ends():
    one = experiment(tasks=["digits"])
    close = scored(one, {"rnn": [0.5, 0.8, 0.6, 0.93], "gru": [0.9, 0.91, 0.89, 0.92], "lstm": [0.89, 0.92, 0.90, 0.90]})
    low, high = sorted(pair.p_holm for pair in gather(one, close).tasks[0].pairs if "gru" in (pair.first, pair.second))
    assert f"; vs RNN and LSTM inconclusive (p = {low:.2g} to {high:.2g}); " in said(one, close)[0]
    far = scored(one, {"rnn": [0.5, 0.52, 0.51, 0.5], "gru": [0.9, 0.91, 0.89, 0.92], "lstm": [0.7, 0.82, 0.85, 0.8]})
    low, high = sorted(pair.p_holm for pair in gather(one, far).tasks[0].pairs if "gru" in (pair.first, pair.second))
    assert low < 0.001 < high
    assert f"; beats RNN and LSTM (p up to {high:.2g}); " in said(one, far)[0]


def test_a_best_mean_that_is_significantly_worse_says_so():
    """Pairs of a task that draws its data: one lucky seed more than the other has, and worse wherever both finished."""
    one = experiment(tasks=["adding"], cells=["rnn", "gru"], seeds=5)
    shares = {"rnn": [0.50, 0.61, 0.70, 0.80, 0.93], "gru": [0.55, 0.66, 0.752, 0.85, None]}
    found = scored(one, shares)
    pair = gather(one, found).tasks[0].pairs[0]
    assert (pair.better, pair.test) == ("gru", "paired")
    (first, *_) = said(one, found)
    assert first.startswith("adding: RNN has the best mean (accuracy ")
    assert ", 5 seeds); significantly worse than GRU (p " in first


def test_the_cost_is_named_with_the_fastest_first():
    one = experiment(tasks=["digits"], cells=["rnn", "gru"])
    assert said(one, results(one), timings(phase(one, rnn=5.0)))[0].endswith("; GRU trains fastest (RNN 2.5×)")


def test_who_does_not_beat_the_baseline_is_named():
    one = experiment(tasks=["adding"])
    assert said(one, results(one))[0].endswith("; only GRU and LSTM clearly beat the baseline (0.17)")
    bad = scored(experiment(tasks=["digits"]), {"rnn": [0.11, 0.05, 0.1, 0.12], "gru": [0.12, 0.04, 0.1, 0.11]})
    assert "; no cell clearly beats the baseline (0.1)" in said(experiment(tasks=["digits"]), bad)[0]


def beside(one: Experiment, task: int = 0, **tests: float) -> list[RunResult]:
    """Models without a recurrent network, with these accuracies."""
    fields = {"status": "finished", "metric": "accuracy", "direction": "max", "chance": 0.1, "started": 0, "seconds": 1}
    runs = {name: one.run(one.tasks[task], Choice(name=name), 0, "baseline") for name in tests}
    return [RunResult(run=runs[name], test=test, **fields) for name, test in tests.items()]


def test_the_best_model_without_a_recurrent_network_is_named_with_its_test():
    one = experiment(tasks=["digits"], cells=["rnn", "gru"])
    for tests, told in (
        ({"logistic": 0.97, "nearest": 0.8}, "digits: no network needed: logistic 0.97, beats GRU (p = "),
        ({"logistic": 0.7, "nearest": 0.8}, "; without a network: nearest 0.8, significantly worse than GRU (p = "),
        ({"logistic": 0.906}, "; without a network: logistic 0.906, ahead of GRU, inconclusive (p = "),
    ):
        (first,) = said(one, results(one) + beside(one, **tests))
        assert told in first


def test_a_model_without_a_network_stands_in_the_verdict_where_it_is_ahead():
    """Else behind it: who reads the first words alone must not miss that no network was needed."""
    one = experiment(tasks=["digits"], cells=["rnn", "gru"])
    (ahead,) = answer(gather(one, results(one) + beside(one, logistic=0.906)))
    (behind,) = answer(gather(one, results(one) + beside(one, logistic=0.8)))
    assert "logistic" in ahead.verdict
    assert "logistic" not in ahead.rest
    assert behind.rest.startswith("without a network: logistic 0.8, ")
    assert "logistic" not in behind.verdict


def test_one_seed_settles_nothing():
    one = experiment(tasks=["digits"], seeds=1)
    (first,) = said(one, [r for r in results(experiment(tasks=["digits"])) if r.run.seed == 0])
    assert first == (
        "digits: GRU has the best mean (accuracy 0.9, one seed); vs RNN and LSTM inconclusive (one seed);"
        " all beat the baseline (0.1), with one seed"
    )


def test_tasks_with_more_seeds_and_fewer_differ_in_the_answer():
    one = experiment(cells=["rnn", "gru"], seeds=3)
    found = scored(one, {"rnn": [0.5, 0.51, 0.52], "gru": [0.9, 0.91, 0.93]}) + scored(
        one, {"rnn": [0.05, None, None], "gru": [0.2, None, None]}, task=1
    )
    first, second, third = said(one, found)
    assert first.startswith("digits: GRU leads (accuracy 0.913 [")
    assert first.endswith("], 3 seeds); beats RNN (p < 0.001); all clearly beat the baseline (0.1)")
    assert second == (
        "adding: GRU has the best mean (accuracy 0.2, one of 3 seeds); vs RNN inconclusive (one seed);"
        " only GRU beats the baseline (0.1), with one seed"
    )
    assert third == "4 of 12 seeds have not finished"


def test_one_cell_has_nothing_to_be_compared_with():
    one = experiment(tasks=["digits"], cells=["gru"])
    assert said(one, results(one)) == (
        "digits: GRU alone (accuracy 0.905 [0.883, 0.924], 4 seeds); no other cell to compare;"
        " GRU clearly beats the baseline (0.1)",
    )


def test_equal_means_are_called_equal():
    one = experiment(tasks=["digits"])
    (first,) = said(one, scored(one, {"rnn": [1.0] * 4, "gru": [1.0] * 4, "lstm": [1.0] * 4}))
    assert first.startswith("digits: RNN, GRU and LSTM tie (accuracy 1.000, 4 seeds); ")
    (first,) = said(one, scored(one, {"rnn": [0.5, 0.51, 0.52, 0.5], "gru": [1.0] * 4, "lstm": [1.0] * 4}))
    assert first.startswith("digits: GRU and LSTM lead (accuracy 1.000, 4 seeds); beat RNN (p < 0.001); ")


def test_nothing_is_said_of_two_with_equal_means_that_holds_for_one_of_them():
    one = experiment(tasks=["digits"], seeds=5)
    spread = [0.5, 1.0, 0.75, 0.625, 0.875]  # its mean is that of gru, and surely better than rnn it is not
    found = scored(one, {"rnn": [0.6, 0.605, 0.61, 0.6, 0.605], "gru": [0.75] * 5, "lstm": spread})
    pairs = {(p.first, p.second): p for p in gather(one, found).tasks[0].pairs}
    assert pairs["rnn", "gru"].better == "gru"
    p = pairs["rnn", "lstm"].p_holm
    (first,) = said(one, found)
    assert first.startswith(f"digits: GRU and LSTM lead (accuracy 0.750, 5 seeds); vs RNN inconclusive (p = {p:.2g}); ")


def test_ties_and_cells_without_a_result_are_no_wins_over_all_tasks():
    one = experiment(tasks=MANY[:4], seeds=2)
    found = scored(one, {"rnn": [1.0] * 2, "gru": [1.0] * 2, "lstm": [1.0] * 2})
    for task in (1, 2, 3):
        found += scored(one, {"rnn": [0.5, 0.501], "gru": [0.9, 0.901]}, task)
    assert said(one, found)[0].startswith(
        "4 tasks: GRU has the best mean on 3, the best mean is shared on 1; the best beats every other cell on none; "
    )


def test_seeds_that_did_not_finish_are_counted():
    one = experiment(tasks=["digits"])
    holed = scored(one, {"rnn": [0.5, 0.51, 0.55, None], "gru": [0.9, 0.92, 0.92, 0.9], "lstm": [None, None, None, 0.6]})
    first, second = said(one, holed)
    assert "; beats RNN (p " in first
    assert first.endswith("; vs LSTM inconclusive (too few seeds); only RNN and GRU clearly beat the baseline (0.1)")
    assert second == "4 of 12 seeds have not finished"
    without = [result for result in holed if result.run.cell.name != "lstm"]
    assert "; RNN and GRU clearly beat " in said(one, without)[0], "of a cell without a seed nothing is known"


@pytest.mark.parametrize(
    ("digits", "adding", "told"),
    [
        (2, 5, ("2 of 5 seeds", "5 seeds")),
        (5, 2, ("5 seeds", "2 of 5 seeds")),
        (2, 2, ("2 of 5 seeds", "2 of 5 seeds")),
        (5, 1, ("5 seeds", "one of 5 seeds")),
    ],
)
def test_a_best_mean_of_survivors_says_of_how_many_seeds(digits: int, adding: int, told: tuple[str, str]):
    """The other seeds are still to come."""
    one = experiment(seeds=5)
    others = {"rnn": [0.5, 0.51, 0.52, 0.53, 0.52], "lstm": [0.5, 0.8, 0.6, 0.9, 0.7]}
    won = [0.95, 0.94, 0.96, 0.95, 0.97]
    found: list[RunResult] = []
    for task, left in enumerate((digits, adding)):
        found += scored(one, {**others, "gru": won[:left]}, task)
    sentences = said(one, found)
    for line, task, seeds in zip(sentences, ("digits", "adding"), told, strict=False):
        verb = "leads" if "beats RNN" in line else "has the best mean"
        assert line.startswith(f"{task}: GRU {verb} (accuracy 0.9")
        assert f", {seeds}); " in line


def test_one_task_and_a_best_mean_of_survivors():
    one = experiment(tasks=["digits"], seeds=5)
    first, _ = said(one, scored(one, {"rnn": [0.5] * 5, "gru": [0.9, 0.91], "lstm": [0.5, 0.6, 0.5, 0.6, 0.7]}))
    assert first.startswith("digits: GRU leads (accuracy 0.905 [")
    assert "], 2 of 5 seeds); " in first
    equal = scored(one, {"rnn": [0.75] * 5, "gru": [0.75] * 2, "lstm": [0.5, 0.6, 0.5, 0.6, 0.7]})
    assert said(one, equal)[0].startswith("digits: RNN and GRU lead (accuracy 0.750, 2 to 5 of 5 seeds); ")


def test_only_one_cell_has_finished():
    one = experiment(tasks=["digits"])
    first, _ = said(one, scored(one, {"gru": [0.9, 0.91]}))
    assert first.startswith("digits: GRU has the best mean (accuracy 0.9")
    assert "], 2 of 4 seeds); no other cell has finished; " in first


def test_nothing_has_finished_yet():
    assert said(experiment(), []) == (
        "No result yet: no final run has finished",
        "24 final runs are still to come",
    )


def test_every_run_failed():
    one = experiment(tasks=["digits"], cells=["gru"], seeds=2)
    lost = {"status": "failed", "metric": "", "chance": None}
    failed = [result(one, seed=seed, error=f"no memory {seed}. " + 300 * "x", **lost) for seed in (0, 1)]
    first, second = said(one, failed)
    assert first == "No result: no final run has finished, and 2 runs diverged or failed"
    assert second.startswith("The first was gru on digits: seed 0 failed: no memory 0. xxx")
    assert second.endswith("xxx…")
    assert len(second) < 250


def test_a_metric_that_is_no_number_is_no_answer():
    one = experiment(tasks=["digits"], cells=["gru"], seeds=1)
    first, second = said(one, [result(one, test=math.inf, metric="perplexity")])
    assert first == "No result: no finished run has a finite test metric"
    assert second == "No comparison with the baseline is possible: 1 final run is without a finite test metric"


def test_two_tasks_are_told_one_by_one():
    one = experiment()
    first, second = said(one, results(one), timings(phase(one), phase(one, 1)))
    assert first.startswith("digits: GRU leads (accuracy 0.905 [0.883, 0.924], 4 seeds); beats RNN")
    assert first.endswith("; RNN trains fastest (GRU 2.0×, LSTM 3.0×)")
    assert second.startswith("adding: GRU leads (mse 0.017")
    assert "; only GRU and LSTM clearly beat the baseline (0.17); " in second


MANY = [{"adding": {"length": length}} for length in range(10, 16)]


def many(best: list[str], holes: int = 0) -> tuple[str, ...]:
    """Tasks, on each of which this cell is better by far."""
    one = experiment(tasks=[{"adding": {"length": length}} for length in range(10, 10 + len(best))])
    noise = np.random.default_rng(0).normal(0, 0.004, (len(best), 3, 4))
    found: list[RunResult] = []
    for task, winner in enumerate(best):
        cells = {c: list((0.9 if c == winner else 0.5) + noise[task, i]) for i, c in enumerate(("rnn", "gru", "lstm"))}
        found += scored(one, cells, task)
    return said(one, found[: len(found) - holes])


def test_many_tasks_are_counted_and_ten_of_them_ranked():
    first, *lines = many(["gru"] * 8 + ["lstm"] * 2)
    assert first.startswith(
        "10 tasks: GRU has the best mean on 8, LSTM on 2; the best beats every other cell on 10; mean ranks GRU "
    )
    assert " (Friedman p = " in first
    assert first.endswith("; all clearly beat the baseline on all 10 tasks")
    assert [line.partition(" (accuracy")[0] for line in lines] == [
        f"adding(length={length}): {'GRU' if length < 18 else 'LSTM'} leads" for length in range(10, 20)
    ]
    assert "no mean ranks: some cell has no score on some task" in many(["gru"] * 10, holes=4)[0]


def test_fewer_than_ten_tasks_are_judged_pair_by_pair():
    """Wilcoxon's signed ranks: seven of seven is the fewest that three pairs allow, at 3 × 2⁻⁶ = 0.047."""
    assert "; over all tasks, GRU beats RNN and GRU beats LSTM (p = 0.047); " in many(["gru"] * 7)[0]
    assert "; over all tasks, no cell is significantly better; " in many(["gru"] * 4 + ["lstm"] * 3)[0]
    assert "; over all tasks, so few tasks cannot show that a cell is better; " in many(["gru"] * 5)[0]


def test_many_tasks_of_which_one_is_unfinished():
    first, *_, last = many(["gru"] * 6, holes=4)
    assert first.endswith(" beaten by RNN on 6, GRU on 6, LSTM on 5 of 6 tasks")
    assert last == "4 of 72 seeds have not finished"
    first, *_ = many(["gru"] * 5 + ["lstm"], holes=2)
    assert first.startswith("6 tasks: GRU has the best mean on 5, LSTM on 1 (on 1 from 2 of 4 seeds); ")
    first, *lines, last = many(["gru"] * 6, holes=12)
    assert "; all clearly beat the baseline on all 5 tasks with a result" in first
    assert len(lines) == 5
    assert last == "No run has finished on adding(length=15); 12 of 72 seeds have not finished"


def test_on_how_many_of_many_tasks_a_step_is_shortest():
    one = experiment(tasks=MANY[:4], cells=["rnn", "gru"])
    found = [r for task in range(4) for r in scored(one, {"rnn": [0.5, 0.51], "gru": [0.9, 0.91]}, task)]
    alike = timings(*(phase(one, task, noise=0.3, gru=1.0) for task in range(3)), phase(one, 3))
    assert said(one, found, alike)[0].endswith("; RNN trains fastest on all 4 tasks, clearly on one task")
    clear = said(one, found, timings(*(phase(one, task) for task in range(4))))
    assert clear[0].endswith("; RNN trains fastest on all 4 tasks")


def test_many_tasks_and_one_cell():
    one = experiment(tasks=MANY, cells=["gru"])
    first, second, _ = said(one, scored(one, {"gru": [0.9, 0.91]}, task=2))
    assert first.startswith("6 tasks: GRU has finished on 1; no other cell to compare; ")
    assert second.startswith("adding(length=12): GRU alone (accuracy 0.905 ")


def test_without_a_difference_at_most_one_answer_in_twenty_settles_anything():
    """Experiments of three equal cells on two tasks: "beats" is then an error."""
    one = experiment(tasks=MANY[:2], seeds=3)
    made = [r for task in (0, 1) for r in scored(one, dict.fromkeys(("rnn", "gru", "lstm"), [0.5] * 3), task)]
    errors = 0
    for draw in np.random.default_rng(3).normal(0.5, 0.05, (300, len(made))):
        found = [r.model_copy(update={"test": float(test)}) for r, test in zip(made, draw, strict=True)]
        errors += any(re.search("beats [A-Z]|significantly", line.verdict) for line in answer(gather(one, found)))
    assert errors <= 15 + 2 * math.sqrt(300 * 0.05 * 0.95)
