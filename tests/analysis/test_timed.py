"""What the timing phase decides: times in the table, claims, the recommended cell; task by task, and nothing pooled."""

import json
import math

import numpy as np
import pytest
from made_evidence import experiment, results
from made_timing import MS, ROUNDS, phase, series, timings

from gru_tf.analysis.answer import answer
from gru_tf.analysis.evidence import gather
from gru_tf.analysis.recommendation.rule import select
from gru_tf.analysis.report.figures import speed
from gru_tf.analysis.report.findings import Findings
from gru_tf.analysis.results import Results
from gru_tf.analysis.statistics.ratios import ratio
from gru_tf.analysis.table_text import notes, timed
from gru_tf.analysis.verdicts import judge
from gru_tf.experiment.timing import of_runs


def judged_by(one, phases):
    return judge(gather(one, results(one), phases), results(one))


def test_the_table_has_the_medians_of_the_phase_and_says_so():
    one = experiment()
    found = Results(one, tuple(results(one)), timing=timings(phase(one, noise=0.2, without=("lstm",))))
    own, (adding, *_) = (
        {r.cell: r for r in found.table() if r.task == "digits"},
        [r for r in found.table() if r.task == "adding"],
    )
    assert own["gru"].step_ms == np.median(found.timing["digits"].networks["gru"].train_ms) != 2.0
    assert own["gru"].predict_ms == np.median(found.timing["digits"].networks["gru"].predict_ms)
    assert own["lstm"].step_ms is None, "times from training itself are not put beside the others"
    assert adding.step_ms == 2.0, "a task without a phase has those of training"
    assert timed(found.table()) == (
        "timed after training, the networks in turn, on 1 of 2 tasks; machine load 0.5 to 1.8 on 2 cores"
    )
    assert any("timed after training" in note for note in notes(one, found.table()))
    assert timed(Results(one, tuple(results(one))).table()) == "excluding compile time"


@pytest.mark.parametrize(
    ("claim", "verdict", "low", "high"),
    [
        ("rnn.seconds_per_step < gru.seconds_per_step on digits", "supported", -53, -47),
        ("gru.predict_seconds < rnn.predict_seconds on digits", "contradicted", 92, 112),
        ("gru.seconds_per_step < lstm.seconds_per_step on digits", "inconclusive", -3, 3),
        ("gru.seconds_per_step < 0.003 on digits", "supported", -34, -32),
        ("gru.seconds_per_step > 0.003 on digits", "contradicted", -34, -32),
    ],
)
def test_a_claim_is_decided_by_the_interval_of_the_ratio(claim, verdict, low, high):
    one = experiment(claims=[claim])
    (judged,) = judged_by(one, timings(phase(one, noise=0.03, lstm=2.0)))
    assert (judged.verdict, judged.unit, judged.p) == (verdict, "%", None)
    assert low < judged.difference.low < judged.difference.mean < judged.difference.high < high
    assert judged.why.endswith("%, timed in 20 rounds.") or judged.why.endswith("on digits, timed in 20 rounds.")


def test_a_claim_on_several_tasks_is_not_pooled():
    """Twice as fast on one task and twice as slow on the other is no tie."""
    one = experiment(claims=["gru.seconds_per_step < lstm.seconds_per_step", "gru.seconds_per_step > rnn.seconds_per_step"])
    first, second = judged_by(one, timings(phase(one, 0, lstm=4.0), phase(one, 1, lstm=1.0)))
    assert (first.verdict, first.difference) == ("contradicted", None)
    assert "on digits" in first.why
    assert "on adding" in first.why
    assert second.verdict == "supported"
    (half,) = judged_by(one.model_copy(update={"claims": one.claims[1:]}), timings(phase(one, 0)))
    assert half.verdict == "inconclusive"
    assert "no time of gru.seconds_per_step on adding" in half.why


def test_a_claim_on_a_cell_that_could_not_be_timed_does_not_fall_back_on_training():
    one = experiment(claims=["gru.seconds_per_step < lstm.seconds_per_step on digits"])
    (judged,) = judged_by(one, timings(phase(one, without=("lstm",))))
    assert (judged.verdict, judged.difference) == ("inconclusive", None)
    assert judged.why == "no time of lstm.seconds_per_step on digits."


def test_times_of_training_are_compared_with_nothing():
    """Runs share a machine: without a phase a claim about times is open, and says what would decide it."""
    one = experiment(claims=["gru.score > rnn.score", "gru.parameters <= lstm.parameters"])
    assert judged_by(one, timings(phase(one))) == judged_by(one, None)
    step = experiment(claims=["gru.seconds_per_step < lstm.seconds_per_step on digits"])
    (judged,) = judged_by(step, None)
    assert (judged.verdict, judged.difference, judged.p) == ("inconclusive", None, None)
    assert judged.why == "the networks have not been timed side by side."
    (judged,) = judged_by(step.model_copy(update={"timing": False}), None)
    assert judged.why == "the networks were not timed side by side (timing: false, or a single cell)."
    for phases in (None, timings(phase(one), phase(one, 1))):
        (judged,) = judged_by(experiment(claims=["gru.train_seconds <= lstm.train_seconds"]), phases)
        assert judged.verdict == "inconclusive"
        assert "seconds_per_step and predict_seconds are timed side by side" in judged.why


def test_without_a_phase_no_cell_is_called_the_quickest():
    one = experiment(tasks=["digits"])
    evidence = gather(one, results(one))
    assert (evidence.tasks[0].quickest, evidence.tasks[0].as_quick) == (None, ())
    assert "train" not in " ".join(map(str, answer(evidence)))


@pytest.mark.parametrize(
    ("ms", "noise", "pick"),
    [({}, 0.0, "gru"), ({"lstm": 1.9}, 0.01, "lstm"), ({"lstm": 1.9}, 0.3, "gru"), ({"lstm": 2.1}, 0.01, "gru")],
    ids=["slower", "surely faster", "perhaps faster", "surely slower"],
)
def test_of_two_that_do_not_differ_the_surely_faster_is_recommended(ms, noise, pick):
    one = experiment(tasks=["digits"])
    (task,) = gather(one, results(one), timings(phase(one, noise=noise, **ms))).tasks
    selection = select(task)
    assert selection.candidates == ("gru", "lstm")
    assert selection.cell.cell == pick
    a, b = (series(MS["gru"], noise, 1), series(ms.get("lstm", 3.0), noise, 2))
    assert task.step_ratio("gru", "lstm") == pytest.approx(ratio(a, b))


def test_what_is_perhaps_as_quick_is_named():
    one = experiment(tasks=["digits"])
    evidence = gather(one, results(one), timings(phase(one, noise=0.3, gru=1.05, lstm=9.0)))
    (task,) = evidence.tasks
    assert {task.quickest, *task.as_quick} == {"rnn", "gru"}
    assert "; RNN not clearly slower)" in str(answer(evidence)[0]) or "; GRU not clearly slower)" in str(answer(evidence)[0])
    (sure,) = gather(one, results(one), timings(phase(one))).tasks
    assert (sure.quickest, sure.as_quick) == ("rnn", ())


def test_json_has_medians_circumstances_and_ratios():
    one = experiment()
    given = phase(one, noise=0.05, without=("lstm",))
    content = json.loads(Results(one, tuple(results(one)), timing=timings(given)).text("json"))
    (told,) = content["timing"]
    assert (told["task"], told["rounds"], told["load_after"], told["cores"]) == ("digits", ROUNDS, [1.75, 1.0, 1.0], 2)
    cells = {cell["cell"]: cell for cell in told["cells"]}
    assert cells["gru"]["seconds_per_step"] == pytest.approx(np.median(given.networks["gru"].train_ms) / 1000)
    assert cells["lstm"]["seconds_per_step"] is None
    (pair,) = told["ratios"]
    assert (pair["first"], pair["second"]) == ("rnn", "gru")
    assert pair["train"]["mean"] == pytest.approx(
        math.exp(np.mean(np.log(given.networks["rnn"].train_ms)) - np.mean(np.log(given.networks["gru"].train_ms)))
    )
    rows = {(row["task"], row["cell"]): row for row in content["table"]}
    assert rows["digits", "gru"]["seconds_per_step"] == cells["gru"]["seconds_per_step"]
    assert rows["digits", "lstm"]["predict_seconds"] is None


def test_the_figure_of_speed_shows_the_rounds():
    one = experiment()
    found = Results(one, tuple(results(one)), timing=timings(phase(one, noise=0.2)))
    findings = Findings.from_results(found)
    digits, adding = found.evidence.tasks
    (gru,) = speed._times(findings, digits)["gru", "fused cpu"]
    assert gru == pytest.approx(np.quantile(found.timing["digits"].networks["gru"].train_ms, (0.5, 0.25, 0.75)))
    assert len(speed._times(findings, adding)["gru", "while-loop"]) == 4, "a mark a seed"


def test_times_of_other_runs_are_left_out():
    one = experiment()
    given = phase(one)
    gru = given.networks["gru"].fingerprint
    assert set(of_runs([given], {gru})["digits"].networks) == {"gru"}
    assert of_runs([given], {"another"}) is None
    assert of_runs([phase(one, without=MS)], {gru}) is None, "no time at all is no timing"
    assert of_runs([], {gru}) is None
