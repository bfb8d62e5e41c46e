"""An experiment's scores as samples, and the one family of tests that they make; with looks and without."""

import math

import numpy as np
import pytest
from made_evidence import SCORES, experiment, results
from made_results import result
from scipy import stats

from gru_tf.analysis.course import course, family
from gru_tf.analysis.evidence import gather
from gru_tf.analysis.samples import task_samples
from gru_tf.analysis.statistics import holm
from gru_tf.analysis.statistics.spending import level_of, looks_until
from gru_tf.analysis.table import rows
from gru_tf.analysis.table_text import notes
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice
from gru_tf.foundation import option_spelling


def test_scores_are_turned_and_holes_keep_their_place():
    one = experiment()
    made = results(one, left_out={("digits", "gru", 1)})
    made = [
        r.model_copy(update={"status": "diverged", "test": None}) if (r.run.cell.name, r.run.seed) == ("rnn", 2) else r
        for r in made
    ]
    digits, adding = task_samples(one, made)
    assert digits.scores["gru"][0] == 0.9
    assert math.isnan(digits.scores["gru"][1])
    assert digits.scores["rnn"][2] == -math.inf
    assert adding.scores["lstm"] == [-x for x in SCORES["adding", "lstm"]], "an error: less is better"
    assert (digits.paired, adding.paired) == (False, True), "adding draws its data from the seed"
    assert (digits.chance, adding.chance) == (pytest.approx(0.1), pytest.approx(-0.17))
    assert (digits.margin, adding.margin) == (pytest.approx(0.009), pytest.approx(0.0017)), "1 % of the way"


def test_a_perplexity_has_its_margin_in_nats():
    """The way from a baseline of 1,000 to a perfect 1 is ln 1000 nats; 1 % of it, at a perplexity of 100."""
    one = experiment(tasks=["digits"], cells=["gru"], seeds=2)
    kind = {"metric": "perplexity", "direction": "min", "chance": 1000.0}
    made = [result(one, 0, 0, seed, test=100.0, score=900 / 999, **kind) for seed in (0, 1)]
    (samples,) = task_samples(one, made)
    assert samples.margin == pytest.approx(100 * math.expm1(0.01 * math.log(1000)))


def test_shares_of_one_are_tested_all_the_same():
    one = experiment(tasks=["digits"], cells=["rnn", "gru"], seeds=3)
    kind = {"metric": "accuracy", "direction": "max", "chance": 0.1}
    tests = {"rnn": [1.0, 0.98, 0.96], "gru": [1.0, 1.0, 0.98]}
    made = [
        result(one, 0, c, seed, test=t, test_examples=50, **kind)
        for c, of in enumerate(tests.values())
        for seed, t in enumerate(of)
    ]
    (pair,) = family(one, made).pairs[0]
    logits = [[math.log((50 * x + 0.5) / (50 - 50 * x + 0.5)) for x in of] for of in tests.values()]
    assert pair.p == pytest.approx(stats.ttest_ind(*logits, equal_var=False).pvalue)


def beside(one, name, test, task=0):
    run = one.run(one.tasks[task], Choice(name=name), 0, "baseline")
    fields = {"status": "finished", "metric": "accuracy", "direction": "max", "chance": 0.1, "started": 0, "seconds": 1}
    return RunResult(run=run, test=test, **fields)


def test_cells_baselines_tasks_and_claims_are_one_family():
    """Holm over twelve p-values: three pairs on each of two tasks, three cells against two baselines are six, less none."""
    one = experiment(claims=["gru.score > 0.5 on digits", "gru.score > lstm.score"])
    known = family(one, [*results(one), beside(one, "logistic", 0.88), beside(one, "nearest", 0.6)])
    flat = [pair for task in known.pairs for pair in task]
    assert len(flat) == 3 + 6 + 3
    p_values = [*(pair.p for pair in flat), *(test.p() for test, _ in known.claims)]
    assert [*(pair.p_holm for pair in flat), *(p for _, p in known.claims)] == pytest.approx(holm(p_values))
    assert {pair.comparisons for pair in flat} == {14}
    against = next(pair for pair in flat if (pair.first, pair.second) == ("gru", "logistic"))
    logits = np.log(np.array(SCORES["digits", "gru"]) / (1 - np.array(SCORES["digits", "gru"])))
    assert against.p == pytest.approx(stats.ttest_1samp(logits, math.log(0.88 / 0.12)).pvalue, rel=0.1)


# --- looks ---


def sequential(seeds, gap=0.0, at_most=13, claims=(), cells=("rnn", "gru")):
    """Accuracies of so many replicates, `gap` deviations apart."""
    looks = {"at_most": at_most, "minutes": None}
    one = experiment(tasks=["digits"], cells=list(cells), replicates=looks, claims=list(claims))
    rng = np.random.default_rng(7)
    kind = {"metric": "accuracy", "direction": "max", "chance": 0.1, "test_examples": 1000}
    tests = 0.8 + 0.01 * (rng.normal(size=(len(cells), at_most)) + gap * np.arange(len(cells))[:, None])
    return one, [
        result(one, 0, cell, seed, test=float(tests[cell, seed]), score=float(tests[cell, seed]), **kind)
        for cell in range(len(cells))
        for seed in range(seeds)
    ]


def test_before_the_first_look_nothing_is_tested():
    one, made = sequential(4, gap=9)
    known = course(one, made)
    assert (known.looks, known.wanted, known.running) == ((), 5, (("rnn", "gru"),))
    assert known.decisions[0].look is known.decisions[0].better is None
    evidence = gather(one, made)
    (pair,) = evidence.tasks[0].pairs
    assert (pair.counts, pair.verdict, evidence.tasks[0].first_look) == ((4, 4), "inconclusive", 5)
    assert all(math.isnan(p) for p in (pair.p, pair.p_holm, pair.p_equivalent, pair.p_equivalent_holm))


def test_what_is_plain_is_decided_at_the_first_look():
    one, made = sequential(5, gap=9)
    known = course(one, made)
    assert (known.looks, known.wanted, known.running) == ((5,), None, ((),))
    (pair,) = gather(one, made).tasks[0].pairs
    assert (pair.better, pair.counts) == ("gru", (5, 5))
    assert pair.p_holm == pytest.approx(level_of(pair.p, 0, looks_until(13)))
    assert pair.p_holm > pair.p, "a look costs"


def test_what_is_open_goes_on_and_ends_at_the_last_look():
    one, made = sequential(5)
    assert course(one, made).wanted == 8
    one, made = sequential(13)
    known = course(one, made)
    assert (known.looks, known.wanted, known.used) == ((5, 8, 13), None, ({"rnn": 13, "gru": 13},))
    (pair,) = gather(one, made).tasks[0].pairs
    assert (pair.verdict, pair.counts) == ("inconclusive", (13, 13))


def test_a_cell_that_has_lost_is_dropped_and_its_further_runs_are_not_read():
    """rnn lies far behind two that are alike: it has five replicates, and a sixth changes nothing."""
    one, made = sequential(5, cells=("rnn", "gru", "lstm"))
    low = [r.model_copy(update={"test": r.test - 0.2}) if r.run.cell.name == "rnn" else r for r in made]
    known = course(one, low)
    assert known.running == (("gru", "lstm"),)
    assert known.used == ({"rnn": 5, "gru": 5, "lstm": 5},)
    row = {cell.cell: cell.row for cell in gather(one, low).tasks[0].cells}["rnn"]
    assert (row.seeds, row.wanted) == (5, 5)
    more = next(r for r in low if r.run.cell.name == "rnn")
    beyond = more.model_copy(update={"test": 0.9, "run": more.run.model_copy(update={"seed": 5})})
    assert {cell.cell: cell.row for cell in gather(one, [*low, beyond]).tasks[0].cells}["rnn"] == row
    again = course(one, [*low, beyond])
    assert (again.running, again.wanted, again.used) == (known.running, known.wanted, known.used)
    assert [(d.better, d.comparison.p) for d in again.decisions] == [(d.better, d.comparison.p) for d in known.decisions]


def test_what_is_open_after_a_look_is_noted_with_what_to_do():
    one, made = sequential(5)
    table = rows(one, made)
    assert [row.open for row in table] == [True, True]
    told = "Not decided: rnn, gru on digits after 5 replicates. To go on, raise 'replicates.minutes' and run it again."
    assert told in list(notes(one, table))
    one, made = sequential(13)
    assert [row.open for row in rows(one, made)] == [False, False], "all looks were taken"


def test_what_lets_a_comparison_go_on_is_named_as_its_reader_wrote_it():
    """An experiment on own data that comes from no file was compared: by the command, or in Python."""
    one, made = sequential(5)
    table = rows(one, made)
    own = one.model_copy(update={"tasks": (Choice(name="forecast", options={"path": "sold.csv"}),)})

    def raised(experiment):
        (line,) = (line for line in notes(experiment, table) if line.startswith("Not decided"))
        return line.partition("To go on, raise ")[2]

    assert raised(own) == "'minutes' ('replicates.minutes' in a file) and run it again."
    assert raised(own.read_from("sold.yaml")) == "'replicates.minutes' and run it again."
    with option_spelling.of_commands():
        assert raised(own) == "--minutes and run it again."


def test_a_cell_that_did_not_always_learn_is_noted_with_what_may_fail():
    one = experiment(tasks=["digits"], cells=["rnn", "gru"], seeds=5)
    kind = {"metric": "accuracy", "direction": "max", "chance": 0.1}
    tests = {0: [0.95, 0.85, 0.75, 0.62, 0.38], 1: [0.9, 0.91, 0.92, 0.9, 0.91]}
    made = [result(one, 0, c, seed, test=test, **kind) for c, of in tests.items() for seed, test in enumerate(of)]
    table = rows(one, made)
    assert (table[0].modes.successes, table[0].unreliable) == (4, False)
    some, none = 100 * stats.beta.ppf(0.95, 2, 4), 100 * (1 - 0.05 ** (1 / 5))  # Clopper and Pearson's
    said = list(notes(one, table))
    assert f"digits, rnn learned in 4 of 5 runs: a failure rate of up to {some:.0f} % remains possible" in "\n".join(said)
    assert f"In 5 runs no other cell failed: a failure rate of up to {none:.0f} % remains possible" in "\n".join(said)
    steady = list(notes(one, rows(one, [r for r in made if r.run.cell.name == "gru"])))
    assert f"None of 5 runs failed: a failure rate of up to {none:.0f} % remains possible" in "\n".join(steady)


def test_a_claim_that_is_open_keeps_its_cells_running():
    one, made = sequential(5, gap=9, claims=["gru.score > 0.885 on digits"])
    near = float(np.mean([r.score for r in made if r.run.cell.name == "gru"]))
    one = one.model_copy(update={"claims": (f"gru.score > {near:.6f} on digits",)})
    known = course(one, made)
    assert known.decisions[0].better == "gru"
    assert (known.running, known.wanted) == ((("gru",),), 8)


def test_a_fixed_number_of_seeds_has_no_course():
    with pytest.raises(ValueError, match="course: expected an experiment with 'replicates'"):
        course(experiment(), [])
    assert family(experiment(), []).course is None
