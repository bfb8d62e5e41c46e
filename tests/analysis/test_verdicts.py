"""Claims: what can be claimed, each verdict by hand, and 1,000 simulated experiments in which nothing is true."""

import math
from copy import copy
from itertools import product
from typing import Any

import numpy as np
import pytest
from made_results import result
from pydantic import ValidationError
from scipy import stats

from gru_tf.analysis.evidence import gather
from gru_tf.analysis.published import beside
from gru_tf.analysis.statistics import holm, interval
from gru_tf.analysis.verdicts import Verdict, judge
from gru_tf.experiment import claim, yaml_file
from gru_tf.experiment.claim import Quantity
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice
from gru_tf.foundation.errors import UserError

CELLS = ["rnn", "lstm", {"gru": {"reset_after": False}}]
TASKS = ["digits", {"adding": {"length": 30}}]
GRU, ADDING = "gru(reset_after=False)", "adding(length=30)"


def experiment(*claims: str, **fields: Any) -> Experiment:
    """Two tasks, three cells, four seeds, and these claims."""
    usual = {"name": "mine", "question": "Which?", "tasks": TASKS, "cells": CELLS, "seeds": 4, "model": {"units": 4}}
    return Experiment.model_validate({**usual, "claims": list(claims), **fields})


def parsed(text: str, **fields: Any) -> claim.Claim:
    one = experiment(**fields)
    return claim.parse(text, one.cells, one.tasks)


def runs(one: Experiment, field: str, values: dict[tuple[int, int], list[Any]], **more: Any) -> list[RunResult]:
    """Final runs with this field: (task, cell) by place → one value a seed, None for a seed that is not there."""
    return [
        result(one, task, cell, one.seeds[place], **{field: value, **more})
        for (task, cell), of in values.items()
        for place, value in enumerate(of)
        if value is not None
    ]


def judged(one: Experiment, results: list[RunResult]) -> tuple[Verdict, ...]:
    return judge(gather(one, results), results)


# --- what can be claimed ---


@pytest.mark.parametrize(
    ("text", "left", "operator", "right", "tasks"),
    [
        ("gru.score > rnn.score on adding", (GRU, "score"), ">", ("rnn", "score"), (ADDING,)),
        (f"{GRU}.score>rnn.score on {ADDING}", (GRU, "score"), ">", ("rnn", "score"), (ADDING,)),
        ("gru(reset_after = false).score > rnn.score", (GRU, "score"), ">", ("rnn", "score"), ("digits", ADDING)),
        ("lstm.parameters <= 12_000", ("lstm", "parameters"), "<=", 12000.0, ("digits", ADDING)),
        ("lstm.test >= .5 on digits", ("lstm", "test"), ">=", 0.5, ("digits",)),
        ("  rnn.seconds_per_step <  3e-3 ", ("rnn", "seconds_per_step"), "<", 0.003, ("digits", ADDING)),
        ("rnn.test > rnn.chance on digits", ("rnn", "test"), ">", ("rnn", "chance"), ("digits",)),
        ("rnn.recurrent_parameters < rnn.parameters", ("rnn", "recurrent_parameters"), "<", ("rnn", "parameters"), None),
        ("rnn.score > -1", ("rnn", "score"), ">", -1.0, None),
    ],
)
def test_a_claim_is_understood(text, left, operator, right, tasks):
    found = parsed(text)
    assert found.left == Quantity(*left)
    assert found.operator == operator
    assert found.right == (Quantity(*right) if isinstance(right, tuple) else right)
    assert found.tasks == (tasks or ("digits", ADDING))


def test_a_label_is_meant_before_a_name():
    one = experiment(cells=["gru", *CELLS])
    assert claim.parse("gru.score > 0", one.cells, one.tasks).left.cell == "gru"


MISTAKES = {
    "gru.scroe > rnn.score": "no quantity is called 'scroe'. Did you mean 'score'? Quantities: parameters,",
    "lsmt.score > rnn.score": f"the experiment has no cell called 'lsmt'. Did you mean 'lstm'? Cells: rnn, lstm, {GRU}",
    "gru.score > rnn.score on addnig": f"no task called 'addnig'. Did you mean 'adding'? Tasks: digits, {ADDING}",
    "gru.score > rnn": "received 'rnn', expected CELL.quantity. Quantities: parameters,",
    "gru.score = rnn.score": "expected 'CELL.quantity OP CELL.quantity', OP one of < > <= >=; the right may be a number",
    "gru is better": "received 'gru is better', expected 'CELL.quantity OP CELL.quantity'",
    "0.9 < gru.score": "received '0.9', expected CELL.quantity",
    "gru.parameters < lstm.seconds_per_step": "parameters is a count and seconds_per_step a time: expected two quantities",
    "gru.score > nan": "received 'nan', expected CELL.quantity",
    "gru.score > 1e999": "received '1e999', expected CELL.quantity",
    "gru.train_seconds < 0": "received 0, expected seconds above 0",
    "gru.test > rnn.test": "expected 'on TASK' after test, since each task has its own metric. Tasks: digits, adding",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_refused_when_the_file_is_read(tmp_path, text):
    file = tmp_path / "mine.yaml"
    one = "question: Which?\ntasks: [digits, adding: {length: 30}]\ncells: [rnn, lstm, gru: {reset_after: false}]\n"
    file.write_text(f"{one}model: {{units: 4}}\nclaims: [lstm.score > 0, {text!r}]\n")
    with pytest.raises(UserError) as refused:
        yaml_file.load(file)
    message = str(refused.value)
    assert message.startswith("mine.yaml: claims[1]: ")
    assert MISTAKES[text] in message
    assert "\n" not in message


def test_a_name_that_means_several_is_refused():
    with pytest.raises(ValidationError, match="the experiment has several cells called 'gru'. Cells: gru\\(reset_after"):
        experiment("gru.score > 0", cells=[{"gru": {"reset_after": False}}, {"gru": {"convention": "write"}}])


@pytest.mark.parametrize(
    ("given", "message"),
    [(3, "received 3, expected a list of claims"), (["rnn.score > 0"] * 2, "expected each claim once"), ([3], "string")],
)
def test_what_is_no_list_of_claims(given, message):
    with pytest.raises(ValidationError, match=message):
        experiment(claims=given)


@pytest.mark.parametrize(("given", "kept"), [("rnn.score > 0", ("rnn.score > 0",)), (None, ()), ([], ())])
def test_one_claim_or_none(given, kept):
    assert experiment(claims=given).claims == kept


def test_claims_and_published_numbers_change_no_fingerprint():
    """So a finished experiment stays finished when a claim is added to its file."""
    number = {"task": "adding", "cell": "gru", "value": 0.1, "tag": "read", "source": "A paper"}
    plain, claiming = experiment(), experiment("rnn.score > 0", published=[number])
    assert claiming.fingerprint == plain.fingerprint
    assert [r.fingerprint for r in claiming.runs()] == [r.fingerprint for r in plain.runs()]
    again = Experiment.model_validate_json(claiming.model_dump_json())
    assert again == claiming != plain


def test_a_claim_on_data_of_ones_own_holds_when_they_are_pinned():
    task = Choice(name="forecast", options={"path": "/a/b/mine.csv"})
    pinned = task.but(options={**task.options, "sha256": "0f"})
    for one in (task, pinned):
        for name in ("forecast", "forecast(path=mine.csv)"):
            assert claim.parse(f"rnn.score > 0 on {name}", [Choice(name="rnn")], [one]).tasks == (one.label,)


# --- counts ---

COUNTS = {(0, 1): 12_200, (0, 2): 11_950, (1, 1): 11_926, (1, 2): 11_957}  # (task, cell) → parameters


def counted(text: str, counts: dict[tuple[int, int], int] = COUNTS, **more: Any) -> Verdict:
    one = experiment(text)
    (found,) = judged(one, runs(one, "parameters", {pair: [count] for pair, count in counts.items()}, **more))
    return found


def test_counts_are_exact():
    found = counted("gru.parameters < lstm.parameters on digits")
    assert (found.verdict, found.difference, found.p) == ("supported", None, None)
    assert found.why == "11,950 against 12,200."
    found = counted("gru.parameters < lstm.parameters on adding")
    assert (found.verdict, found.why) == ("contradicted", "11,957 against 11,926.")


def test_a_count_is_claimed_of_every_task():
    found = counted("gru.parameters < lstm.parameters")
    assert (found.verdict, found.why) == ("contradicted", f"11,957 against 11,926 on {ADDING}.")
    found = counted("gru.parameters < 12000")
    assert (found.verdict, found.why) == (
        "supported",
        f"11,950 against 12,000 on digits, 11,957 against 12,000 on {ADDING}.",
    )
    assert counted("lstm.parameters <= 12200").verdict == "supported"
    assert counted("lstm.parameters < 12200").verdict == "contradicted"


def test_a_run_that_diverged_has_its_count_and_one_that_failed_before_it_had_none():
    assert counted("gru.parameters < lstm.parameters on digits", status="diverged").verdict == "supported"
    found = counted("gru.parameters < 12000", {(0, 2): 11_950})
    assert (found.verdict, found.why) == ("inconclusive", f"no run has a parameter count on {ADDING}.")
    assert counted("gru.parameters < 11000", {(0, 2): 11_950}).verdict == "contradicted", "wherever else it would hold"


# --- what is measured ---

SCORES = {(1, 0): [0.10, 0.14, 0.12, 0.11], (1, 2): [0.90, 0.95, 0.91, 0.93], (1, 1): [0.91, 0.93, 0.92, 0.93]}


def test_a_measured_claim_by_hand():
    one = experiment(
        "gru.score > rnn.score on adding", "gru.score < rnn.score on adding", "gru.score > lstm.score on adding"
    )
    results = runs(one, "score", SCORES)
    supported, contradicted, open_ = judged(one, results)
    raw = [stats.ttest_rel(SCORES[1, 2], SCORES[1, other]).pvalue for other in (0, 0, 1)]  # adding draws its data
    assert [supported.p, contradicted.p] == pytest.approx(holm(raw)[:2])
    assert (supported.verdict, contradicted.verdict, open_.verdict) == ("supported", "contradicted", "inconclusive")
    differences = [a - b for a, b in zip(SCORES[1, 2], SCORES[1, 0], strict=True)]
    assert supported.difference == pytest.approx(interval(differences))
    assert supported.why == "difference 0.805 [0.784, 0.826] over 4 replicates each, p < 0.001."
    assert supported.unit == ""
    assert "0.000 [-0.023, 0.023] over 4 replicates each" in open_.why


def test_values_are_compared_with_a_number():
    one = experiment("gru.score > 0.9 on adding", "gru.score > 0.5 on adding")
    near, far = judged(one, runs(one, "score", SCORES))
    assert (near.verdict, far.verdict) == ("inconclusive", "supported")
    raw = [stats.ttest_1samp(SCORES[1, 2], value).pvalue for value in (0.9, 0.5)]
    assert [near.p, far.p] == pytest.approx(holm(raw))
    assert near.why.endswith(f"over 4 replicates, p = {near.p:.2g}.")


def test_a_claim_over_tasks_is_of_the_mean_of_their_differences():
    """Welch's test on one task, pairs on the other; together with Satterthwaite's degrees of freedom, by hand."""
    one = experiment("gru.score > lstm.score")
    rng = np.random.default_rng(3)
    values = {key: list(0.5 + 0.03 * (key[1] == 2) + rng.normal(0, 0.02, 4)) for key in product((0, 1), (1, 2))}
    (found,) = judged(one, runs(one, "score", values))
    a, b = np.array(values[0, 2]), np.array(values[0, 1])
    pairs = np.array(values[1, 2]) - np.array(values[1, 1])
    squares = np.array([a.var(ddof=1) / 4, b.var(ddof=1) / 4, pairs.var(ddof=1) / 4]) / 4
    welch = (squares[0] + squares[1]) ** 2 / ((squares[0] ** 2 + squares[1] ** 2) / 3)
    freedom = squares.sum() ** 2 / ((squares[0] + squares[1]) ** 2 / welch + squares[2] ** 2 / 3)
    mean, error = (a.mean() - b.mean() + pairs.mean()) / 2, math.sqrt(squares.sum())
    assert found.p == pytest.approx(2 * stats.t.sf(mean / error, freedom))
    half = stats.t.ppf(0.975, freedom) * error
    assert found.difference == pytest.approx((mean, mean - half, mean + half))
    assert "over 4 replicates on each task" in found.why


def test_a_claim_about_two_cells_is_judged_as_the_table_judges_them():
    """On the logit of accuracies, in one family with the pairs of the table."""
    one = experiment("gru.score > rnn.score on digits", "rnn.test > gru.test on digits")
    tests = {(0, 0): [0.90, 0.93, 0.91, 0.94], (0, 1): [0.8, 0.7, 0.75, 0.8], (0, 2): [0.96, 0.97, 0.95, 0.96]}
    made = runs(one, "test", tests, metric="accuracy", direction="max", chance=0.1, test_examples=100)
    made = [r.model_copy(update={"score": (r.test - 0.1) / 0.9}) for r in made]
    evidence = gather(one, made)
    supported, contradicted = judge(evidence, made)
    logits = [[math.log((100 * x + 0.5) / (100 - 100 * x + 0.5)) for x in tests[0, cell]] for cell in (2, 0)]
    raw = stats.ttest_ind(*logits, equal_var=False).pvalue
    assert evidence.tasks[0].pair("rnn", GRU).p == pytest.approx(raw)
    assert (supported.verdict, contradicted.verdict) == ("supported", "contradicted")
    assert supported.p == contradicted.p == pytest.approx(3 * raw), "the smallest two of five are those of lstm"
    assert supported.difference.mean == pytest.approx(0.04 / 0.9)


def test_a_cell_that_sometimes_fails_is_claimed_by_how_often_it_learns():
    claims = ("gru.score > rnn.score on digits", "gru.score > rnn.score", "gru.test > 0.5 on digits")
    one = experiment(*claims, seeds=10)
    tests = {(0, 0): [0.95, 0.96, 0.1, 0.11, 0.1, 0.12, 0.1, 0.11, 0.1, 0.09], (0, 2): [0.9 + x / 1000 for x in range(10)]}
    made = runs(one, "test", tests, metric="accuracy", direction="max", chance=0.1)
    made = [r.model_copy(update={"score": (r.test - 0.1) / 0.9}) for r in made]
    made += runs(one, "score", {(1, 0): [0.1 + x / 100 for x in range(10)], (1, 2): [0.8 + x / 100 for x in range(10)]})
    on_one, over_both, number = judged(one, made)
    assert on_one.verdict == "supported"
    assert on_one.p == pytest.approx(stats.fisher_exact([[10, 0], [2, 8]]).pvalue * 3, rel=0.5), "corrected"
    assert " in how often they learn" in on_one.why
    assert over_both.verdict == "inconclusive"
    assert over_both.why.endswith("; but rnn sometimes fails, so that a mean is of two kinds of runs.")
    assert number.verdict == "supported", "gru is steady"


def test_a_claim_that_a_cell_is_worse_is_withheld_where_it_is_not_at_its_best():
    one = experiment("gru.score > rnn.score on digits", training={"epochs": 10})
    tests = {(0, 0): [0.5, 0.52, 0.51, 0.5], (0, 2): [0.96, 0.97, 0.95, 0.96]}
    made = runs(one, "test", tests, metric="accuracy", direction="max", chance=0.1)
    late = [r.model_copy(update={"score": r.test, "best_epoch": 9 if r.run.cell.name == "rnn" else 3}) for r in made]
    (found,) = judged(one, late)
    assert found.verdict == "inconclusive"
    assert found.why.endswith(
        "; withheld: rnn: best epoch among the last fifth of 10 in 4 of 4; allow more than 10 epochs with a patience."
    )
    (found,) = judged(one, [r.model_copy(update={"best_epoch": 12 - r.best_epoch}) for r in late])
    assert found.verdict == "supported", "gru, which could only gain"


def test_tests_and_chances_are_in_their_own_units():
    one = experiment("gru.test < gru.chance on adding")
    (found,) = judged(one, runs(one, "test", {(1, 2): [0.01, 0.02, 0.01, 0.02]}))  # chance is 0.2
    assert found.verdict == "supported"
    assert found.difference.mean == pytest.approx(-0.185)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, "no results for gru(reset_after=False).score on adding(length=30), rnn.score on adding(length=30)."),
        ({(1, 0): [0.1, 0.2]}, "no results for gru(reset_after=False).score on adding(length=30)."),
        ({(1, 0): [0.1], (1, 2): [0.9]}, "difference 0.8, from a single replicate."),
    ],
)
def test_where_runs_are_missing_nothing_is_settled(values, why):
    one = experiment("gru.score > rnn.score on adding")
    (found,) = judged(one, runs(one, "score", values))
    assert (found.verdict, found.p, found.why) == ("inconclusive", None, why)


def test_a_task_without_results_keeps_a_claim_about_all_open():
    one = experiment("gru.score > rnn.score")
    (found,) = judged(one, runs(one, "score", SCORES))
    assert found.verdict == "inconclusive"
    assert found.why == f"no results for {GRU}.score on digits, rnn.score on digits."


def test_every_run_failed():
    one = experiment("gru.score > rnn.score on adding", "gru.parameters < lstm.parameters", "rnn.train_seconds < 3")
    nothing = {"status": "failed", "error": "no memory", "parameters": None, "speed": None}
    failed = [result(one, task, cell, seed, **nothing) for task in (0, 1) for cell in (0, 1, 2) for seed in range(4)]
    for found in judged(one, failed):
        assert (found.verdict, found.difference, found.p) == ("inconclusive", None, None)


def test_a_seed_that_diverged_is_left_out_and_counted():
    one = experiment("gru.score > rnn.score on adding")
    results = runs(one, "score", SCORES)
    diverged = [r.model_copy(update={"status": "diverged"}) if r.run.seed == 3 else r for r in results]
    (found,) = judged(one, diverged)
    assert "over 3 replicates each" in found.why


def test_a_trial_is_no_evidence():
    """Neither for a score nor for a count: a search may try other sizes."""
    one = experiment("gru.parameters < 12000 on digits")
    tried = result(one, 0, 2, 1000, "trial", parameters=9)
    assert judged(one, [tried])[0].verdict == "inconclusive"
    one = experiment("gru.score > rnn.score on adding")
    trials = [
        r.model_copy(update={"run": one.run(r.run.task, r.run.cell, 1000, "trial")}) for r in runs(one, "score", SCORES)
    ]
    assert judged(one, trials)[0].difference is None


# --- published numbers ---


def test_published_numbers_stand_beside_ours():
    numbers = [
        {"task": "adding", "cell": "gru", "value": 0.03, "tag": "recalled", "source": "A paper"},
        {"task": ADDING, "cell": "rnn", "metric": "mae", "value": 1, "tag": "read", "source": "B paper", "differs": "T = 9"},
        {"task": "digits", "cell": "rnn", "value": 0.9, "tag": "quoted", "source": "C paper"},
    ]
    one = experiment(published=numbers)
    results = runs(one, "test", {(1, 2): [0.01, 0.03]}) + runs(one, "more", {(1, 0): [{"mae": 2.0}, {"mae": 4.0}]}, test=9.0)
    first, second, third = beside(one, results)
    assert (first.metric, first.cell, first.title) == ("mse", GRU, ADDING)
    half = 12.7062 * 0.01  # beyond the mean, so that the upper bound grows in proportion to it
    bounds = 0.02 * math.exp(-half / 0.02), 0.02 + (math.e - 1) * half
    assert first.ours == pytest.approx((0.02, *bounds), rel=1e-5), "an error is never below 0"
    assert first.difference == pytest.approx(-0.01)
    assert first.provenance == "recalled, as commonly cited; A paper"
    assert (second.metric, second.ours.mean, second.difference) == ("mae", 3.0, 2.0)
    assert second.provenance == "read in the source; B paper; their protocol: T = 9"
    assert (third.ours, third.difference, third.metric) == (None, None, "")
    assert beside(experiment(), results) == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "addign"}, r"published\[0\].task: the experiment has no task called 'addign'. Did you mean 'adding'?"),
        ({"cell": "gruu"}, r"published\[0\].cell: the experiment has no cell called 'gruu'. Did you mean 'gru'?"),
    ],
)
def test_published_of_what_is_not_there_is_refused(change, message):
    number = {"task": "adding", "cell": "gru", "value": 0.03, "tag": "read", "source": "A paper"}
    with pytest.raises(ValidationError, match=message):
        experiment(published=[{**number, **change}])


def test_a_published_number_says_what_is_wrong_with_it(tmp_path):
    file = tmp_path / "mine.yaml"
    head = "question: Which?\ntasks: [digits]\ncells: [gru]\nmodel: {units: 4}\n"
    for change, message in {
        "tag: reed": (
            "published[0].tag: received 'reed', expected 'read', 'quoted', 'recalled' or 'computed'. Did you mean 'read'?"
        ),
        "tga: read": "published[0].tga: no such field. Did you mean 'tag'?",
    }.items():
        file.write_text(f"{head}published: [{{task: digits, cell: gru, value: 0.9, source: A paper, {change}}}]\n")
        with pytest.raises(UserError) as refused:
            yaml_file.load(file)
        assert str(refused.value).startswith(f"mine.yaml: {message}")


# --- simulated experiments in which no claim is true or false ---

NULLS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "skewed": lambda rng, shape: np.exp(rng.normal(size=shape)),
    "accuracy on 100 examples": lambda rng, shape: rng.binomial(100, 0.9, shape) / 100,
}
LABELS = ("rnn", "lstm", "gru")
CLAIMS = ["gru.score > lstm.score", "gru.score > rnn.score on adding", "lstm.score < rnn.score on digits"]


class Simulated:
    """An experiment whose final runs are made once, and given other scores each time."""

    def __init__(self, claims: list[str], seeds: int):
        self.one = experiment(*claims, tasks=["digits", "adding"], cells=list(LABELS), seeds=seeds)
        self.runs = [result(self.one, task, cell, seed) for task in (0, 1) for cell in (0, 1, 2) for seed in range(seeds)]
        self.shape = (2, 3, seeds)

    def judged(self, scores: Any) -> tuple[Verdict, ...]:
        """The verdicts on scores (tasks, cells, seeds)."""
        found = [r.model_copy(update={"score": float(s)}) for r, s in zip(self.runs, np.ravel(scores), strict=True)]
        return judge(gather(self.one, found), found)

    def alone(self, text: str) -> "Simulated":
        """The same runs with one claim."""
        other = copy(self)
        other.one = self.one.but(claims=[text])
        return other


def most(experiments: int) -> float:
    """Errors among so many at 5 %, and two deviations of that."""
    return experiments * 0.05 + 2 * math.sqrt(experiments * 0.05 * 0.95)


@pytest.mark.parametrize(("null", "seeds"), [("normal", 3), ("normal", 5), ("skewed", 5), ("accuracy on 100 examples", 3)])
def test_without_a_difference_at_most_one_experiment_in_twenty_settles_a_claim(null, seeds):
    """Three claims, on one task and on both; any that is called supported or contradicted is an error."""
    simulated = Simulated(CLAIMS, seeds)
    draws = NULLS[null](np.random.default_rng(seeds), (1000, *simulated.shape))
    found = [simulated.judged(scores) for scores in draws]
    assert sum(any(v.verdict != "inconclusive" for v in verdicts) for verdicts in found) <= most(1000)
    if null == "normal":
        covered = np.mean([v.difference.low <= 0 <= v.difference.high for verdicts in found for v in verdicts])
        assert 0.93 <= covered <= 0.97


def test_one_claim_at_a_time_would_err_more_often():
    """The same claims, each judged by itself: what the correction is for."""
    simulated = Simulated(CLAIMS, 5)
    alone = [simulated.alone(text) for text in CLAIMS]
    draws = NULLS["normal"](np.random.default_rng(5), (400, *simulated.shape))
    errors = sum(any(s.judged(scores)[0].verdict != "inconclusive" for s in alone) for scores in draws)
    assert errors > most(400)


def test_a_true_claim_is_found():
    """Two deviations between cells, five seeds, two tasks: nearly always supported, never contradicted."""
    simulated = Simulated(["lstm.score > rnn.score"], 5)
    draws = np.random.default_rng(0).normal(size=(200, *simulated.shape)) + np.array([0, 2, 0])[:, None]
    verdicts = [simulated.judged(scores)[0].verdict for scores in draws]
    assert verdicts.count("supported") > 180
    assert "contradicted" not in verdicts


def test_a_claim_of_a_difference_within_the_margin_says_so():
    one = experiment("lstm.score > rnn.score on digits", tasks=["digits"], cells=["rnn", "lstm"], seeds=5)
    levels = {0: [0.95, 0.9501, 0.9502, 0.95, 0.9501], 1: [0.953, 0.9531, 0.953, 0.9529, 0.9531]}
    made = [
        result(one, 0, cell, seed, test=t, score=(t - 0.1) / 0.9, metric="accuracy", direction="max", chance=0.1)
        for cell, of in levels.items()
        for seed, t in enumerate(of)
    ]
    (verdict,) = judged(one, made)
    assert verdict.verdict == "supported"
    assert verdict.why.endswith("; a small one: both are equivalent within 0.009.")
    far = [
        r.model_copy(update={"test": r.test - 0.05, "score": r.score - 0.05}) if r.run.cell.name == "rnn" else r
        for r in made
    ]
    assert "equivalent" not in judged(one, far)[0].why
