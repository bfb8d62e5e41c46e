"""An experiment with `replicates` whose time ended before its first look: what 1 to 4 whole replicates say, and what not."""

import math
import statistics

import numpy as np
import own_files
import pytest
from scipy import stats

from gru_tf.analysis.answer import answer
from gru_tf.analysis.evidence import gather
from gru_tf.analysis.pairwise import Versus
from gru_tf.analysis.recommendation import recommend
from gru_tf.analysis.results import Results
from gru_tf.analysis.table import baseline_rows, rows
from gru_tf.analysis.table_text import notes
from gru_tf.analysis.verdicts import judge
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice

CELLS = ("rnn", "lstm", "gru")
FIELDS = {"name": "few", "question": "Which?", "tasks": ["digits"], "cells": list(CELLS), "model": {"units": 4}}
SEARCH = {"trials": 12, "space": {"learning_rate": [0.1, 0.2]}}
TESTS = {
    "rnn": (0.70, 0.74, 0.71, 0.69, 0.72),
    "lstm": (0.81, 0.80, 0.84, 0.83, 0.82),
    "gru": (0.90, 0.93, 0.91, 0.94, 0.92),
}
WHOLE = (1, 2, 3, 4)


def experiment(**fields):
    return Experiment.model_validate({**FIELDS, "replicates": {"minutes": 1}, **fields})


def result(one, name, seed, purpose="final", **changes):
    run = one.run(one.tasks[0], Choice(name=name), seed, purpose)
    usual = {"status": "finished", "metric": "accuracy", "direction": "max", "chance": 0.1, "units": 4, "parameters": 93}
    usual |= {"validation": 0.9, "test": 0.5, "score": 0.5, "test_examples": 360}
    return RunResult(**{"run": run, "started": 0.0, "seconds": 1.0, **usual, **changes})


def cut_short(whole, **fields):
    """So many whole replicates; one more of rnn, and another of gru: these were in time, their replicate was not."""
    one = experiment(**fields)
    counts = {"rnn": whole + 1, "lstm": whole, "gru": whole + 1}
    finals = [result(one, cell, seed, test=TESTS[cell][seed]) for cell in CELLS for seed in range(counts[cell])]
    return one, finals


@pytest.mark.parametrize("whole", WHOLE)
def test_what_is_not_whole_is_in_no_mean(whole):
    one, finals = cut_short(whole)
    table = {row.cell: row for row in rows(one, finals)}
    for cell, row in table.items():
        assert (row.seeds, row.wanted, row.open) == (whole, whole, True)
        assert row.test.mean == pytest.approx(statistics.fmean(TESTS[cell][:whole]))
        assert math.isnan(row.test.low) == (whole == 1)
    (task,) = gather(one, finals).tasks
    assert {cell.cell: len(cell.tests) for cell in task.cells} == dict.fromkeys(CELLS, whole)


@pytest.mark.parametrize("whole", WHOLE)
def test_differences_are_of_whole_replicates_and_untested(whole):
    one, finals = cut_short(whole)
    (task,) = gather(one, finals).tasks
    assert len(task.pairs) == 3
    for pair in task.pairs:
        assert pair.counts == (whole, whole)
        assert pair.verdict == "inconclusive"
        assert math.isnan(pair.p_holm)
        a, b = (np.array(TESTS[name][:whole]) for name in (pair.first, pair.second))
        assert pair.difference.mean == pytest.approx(a.mean() - b.mean())
        if whole > 1:
            interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
            assert tuple(pair.difference)[1:] == pytest.approx(tuple(interval))


@pytest.mark.parametrize("whole", WHOLE)
def test_every_form_says_that_nothing_is_decided(whole, tmp_path):
    one, finals = cut_short(whole, claims=["gru.score > rnn.score"])
    evidence, word = gather(one, finals), "replicate" if whole == 1 else "replicates"
    said = recommend(evidence, "the most frequent class")
    lines = dict(said.lines)
    assert (said.cell, said.significant) == ("gru", False)
    assert f"Not decided: {whole} {word}, and comparisons begin at 5; more may reverse the order" in lines["How sure"]
    assert "significan" not in lines["How sure"].replace("nothing is significant", "")
    (line,) = answer(evidence)
    assert line.verdict.startswith("GRU has the best mean")
    assert f"not decided ({whole} {word})" in line.verdict
    told = f"Not decided: rnn, lstm, gru on digits after {whole} {word}. To go on, raise 'replicates.minutes'"
    assert any(note.startswith(told) for note in notes(one, rows(one, finals)))
    assert "not decided, comparisons begin at 5 replicates" in repr(Versus(evidence, "gru", "rnn"))
    (verdict,) = judge(evidence, finals)
    assert (verdict.verdict, verdict.p) == ("inconclusive", None)
    assert f"over {whole} {word} each: not decided, comparisons begin at 5" in verdict.why
    results = Results(one, tuple(finals))
    for form in ("csv", "json", "markdown", "latex"):
        assert results.text(form)
    assert len(results.summary) == 3
    page = results.report(tmp_path / "page.html").read_text()
    assert f"Not decided: {whole} {word}, and comparisons begin at 5." in page


def test_without_a_whole_replicate_rows_are_as_far_as_they_go():
    one = experiment()
    finals = [result(one, cell, 0, test=TESTS[cell][0]) for cell in CELLS[:2]]
    assert [(row.seeds, row.wanted) for row in rows(one, finals)] == [(1, 5), (1, 5), (0, 5)]
    assert gather(one, finals).tasks[0].pairs == ()


@pytest.mark.parametrize("fitted", WHOLE)
def test_a_replicate_without_its_baselines_is_not_whole(fitted):
    shop = {"path": own_files.path("shop.csv"), "target": ["sales"], "time": "day", "window": 14, "split": "drawn"}
    one, kind = experiment(tasks=[{"forecast": shop}]), {"metric": "mse", "direction": "min", "chance": 0.3}
    finals = [result(one, cell, seed, test=1 - TESTS[cell][seed], **kind) for cell in CELLS for seed in range(4)]
    counts = {"naive": fitted, "ridge": 4}
    fits = [result(one, name, seed, "baseline", test=0.2, **kind) for name, count in counts.items() for seed in range(count)]
    table = rows(one, [*finals, *fits])
    assert {row.seeds for row in table} == {fitted}
    assert {row.seeds for row in baseline_rows(one, [*finals, *fits], table)} == {fitted}
    (task,) = gather(one, [*finals, *fits]).tasks
    assert {pair.counts for pair in (*task.pairs, *task.against)} == {(fitted, fitted)}
    assert recommend(gather(one, [*finals, *fits]), "the value before").lines


def test_a_look_that_was_not_completed_changes_nothing():
    """6 replicates of two cells and 7 of the third: the look at 5 has been taken, the next is of 8."""
    one = experiment(claims=["gru.test < 0.5"])
    rng = np.random.default_rng(3)
    tests = {cell: 0.8 + 0.02 * rng.normal(size=7) for cell in CELLS}
    counts = {"rnn": 6, "lstm": 6, "gru": 7}
    made = [(cell, seed, float(tests[cell][seed])) for cell in CELLS for seed in range(counts[cell])]
    finals = [result(one, cell, seed, test=test, score=(test - 0.1) / 0.9) for cell, seed, test in made]
    five = [r for r in finals if r.run.seed < 5]
    assert rows(one, finals) == rows(one, five)
    known, before = (gather(one, each).tasks[0].pairs for each in (finals, five))
    assert [(pair.counts, pair.difference, pair.p) for pair in known] == [((5, 5), b.difference, b.p) for b in before]
    assert judge(gather(one, finals), finals) == judge(gather(one, five), five)


def test_a_search_that_was_cut_is_noted():
    one = experiment(search=SEARCH)
    cut = {"rnn": None, "lstm": (5, 12), "gru": (0, 12)}
    made = [result(one, cell, 0, test=TESTS[cell][0]) for cell in CELLS]
    runs = [r.run.model_copy(update={"cut_search": cut[r.run.cell.name]}) for r in made]
    finals = [r.model_copy(update={"run": run}) for r, run in zip(made, runs, strict=True)]
    said = list(notes(one, rows(one, finals)))
    assert "digits, search of lstm cut after 5 of 12 trials by 'minutes': the first replicate has the best of these." in said
    own = "the first replicate has the experiment's own settings."
    assert f"digits, search of gru cut after 0 of 12 trials by 'minutes': {own}" in said
    assert any(note.startswith("Every cell tuned equally, but for what the time ended: 12 random trials") for note in said)
    assert not any("search of rnn" in note for note in said)
    assert "search of lstm cut after 5 of 12 trials" in Results(one, tuple(finals)).text("markdown")
    fingerprints = {r.run.cell.name: r.run.fingerprint for r in finals}
    assert fingerprints == {run.cell.name: run.fingerprint for run in experiment(search=SEARCH).runs() if run.seed == 0}
