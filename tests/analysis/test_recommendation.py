"""The advice from results made by hand, each case with its answer worked out beforehand."""

import math

import numpy as np
import pytest
from made_timing import phase, timings
from scipy import stats

from gru_tf.analysis.evidence import gather
from gru_tf.analysis.recommendation import recommend
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult, Speed
from gru_tf.experiment.specs import Choice

CELLS = ["rnn", "lstm", "gru"]
STEP_MS = {"rnn": 1.0, "lstm": 2.0, "gru": 1.5}
FIELDS = {"name": "mine", "question": "Which one?", "tasks": ["digits"], "cells": CELLS, "model": {"parameters": 5000}}
TRIVIAL = "the value 12 months before"


def results(tests, metric="rmse", direction="min", chance=42.0, missing=(), diverged=()):
    """An experiment and its finals from cell → test metric of seeds 0, 1, …"""
    seeds = max(map(len, tests.values()))
    one = Experiment.model_validate({**FIELDS, "cells": list(tests), "seeds": seeds})
    found = []
    for cell in one.cells:
        step = STEP_MS[cell.name]
        speed = Speed(
            compile_seconds=3, train_seconds=2 * step, step_ms=step, step_ms_low=1, step_ms_high=2, samples_per_second=1
        )
        for seed, test in enumerate(tests[cell.name]):
            fields = {"status": "finished", "test": test, "speed": speed}
            if (cell.name, seed) in diverged:
                fields = {"status": "diverged", "error": "the loss was not finite in epoch 3"}
            if (cell.name, seed) not in missing:
                found.append(
                    RunResult(
                        run=one.run(one.tasks[0], cell, seed),
                        started=0,
                        seconds=1,
                        metric=metric,
                        direction=direction,
                        chance=chance,
                        units=24,
                        parameters=4999,
                        **fields,
                    )
                )
    return one, found


def advice(tests, **more):
    steps = more.pop("steps", STEP_MS)
    one, found = results(tests, **more)
    phases = timings(phase(one, noise=0.001, **steps))
    said = recommend(gather(one, found, phases), TRIVIAL, {cell: f"models:/{cell}" for cell in tests})
    return said, dict(said.lines)


FAR = {"rnn": [50, 52, 51, 53, 49], "lstm": [45, 46, 44, 45, 47], "gru": [38, 39, 37, 38, 39]}


def test_a_significant_answer():
    said, line = advice(FAR)
    assert (said.cell, said.nearest, said.significant) == ("gru", "gru", True)
    assert line["Recommended"] == "GRU with 24 units: test rmse 38.2 [37.2, 39.3]."
    lstm, rnn = (stats.ttest_ind(FAR[other], FAR["gru"], equal_var=False).confidence_interval() for other in ("lstm", "rnn"))
    assert line["How sure"] == (
        f"Significantly different from LSTM and RNN: over 5 seeds GRU's rmse is better than LSTM's by"
        f" 7.2 [{lstm.low:.1f}, {lstm.high:.1f}], p < 0.001, and better than RNN's by 12.8 [{rnn.low:.1f}, {rnn.high:.1f}],"
        " p < 0.001 (Welch's test; p is corrected for all comparisons (Holm), the 95 % intervals are not)."
    )
    assert line["Cost"] == (
        "4,999 parameters, 1.5 ms per training step (RNN 0.67× [0.67, 0.67], LSTM 1.33× [1.33, 1.33]),"
        " 3 s of training per seed."
    )
    assert line["Against the baseline"] == f"{TRIVIAL}: rmse 42. GRU is better; its interval excludes the baseline."
    assert line["Trained model"] == "models:/gru"
    assert str(said).splitlines()[0] == "Recommended: GRU with 24 units: test rmse 38.2 [37.2, 39.3]."


def test_more_is_better_for_accuracy():
    shares = {cell: [1 - v / 100 for v in values] for cell, values in FAR.items()}
    said, _ = advice(shares, metric="accuracy", direction="max", chance=0.1)
    assert (said.cell, said.significant) == ("gru", True)


def test_without_a_significant_difference_the_cheaper_one():
    said, line = advice({**FAR, "lstm": [37, 39, 37, 39, 37]})
    assert (said.cell, said.significant) == (
        "gru",
        False,
    )  # lstm's mean is better, gru trains in 3/4 of the time
    assert line["How sure"].startswith(
        "Significantly different from RNN, inconclusive against LSTM: over 5 seeds GRU's rmse is worse than LSTM's by 0"
    )
    assert "Between GRU and LSTM there is no significant difference: GRU trains faster." in line["How sure"]
    assert line["How sure"].endswith("More replicates are needed to decide.")


def test_the_cheapest_is_not_taken_where_it_is_doubtful_beside_the_baseline():
    wide = {"rnn": [30, 46, 36, 42, 39], "lstm": [38, 40, 37, 39, 38], "gru": [36, 40, 37, 41, 38]}
    said, line = advice(wide, chance=42.0)  # of rnn's mean, 38.6, the interval is ± 7.5; of lstm's 38.4 it is ± 1.4
    assert said.cell == "gru"
    assert line["How sure"].startswith("Inconclusive against")
    assert "Between GRU and LSTM there is no significant difference" in line["How sure"]
    assert advice(wide, chance=60.0)[0].cell == "rnn", "all exclude it: the cheapest of the three"


def test_the_cheapest_is_not_taken_where_its_mean_is_far_from_the_best():
    said, line = advice({"rnn": [0.6, 0.98, 0.9], "gru": [0.93, 0.95, 0.94]}, metric="accuracy", direction="max", chance=0.1)
    assert (said.cell, said.significant) == ("gru", False)
    assert line["How sure"].startswith("Inconclusive against RNN: over 3 seeds GRU's accuracy is better than RNN's by 0.1")
    assert "faster" not in line["How sure"]


def test_times_that_overlap_make_nothing_cheaper():
    """A step of gru may be as long as one of lstm: the better mean is recommended."""
    said, line = advice({**FAR, "lstm": [37, 39, 37, 39, 37]}, steps={"gru": 2.0, "lstm": 2.0})
    assert said.cell == "lstm"
    assert (
        "Between LSTM and GRU there is no significant difference: LSTM has the best mean, and no other trains clearly"
        " faster." in line["How sure"]
    )


def test_without_a_timing_phase_nothing_is_cheaper():
    one, found = results({**FAR, "lstm": [37, 39, 37, 39, 37]})
    assert recommend(gather(one, found), TRIVIAL).cell == "lstm", "times of training are compared with nothing"


def test_one_seed_is_inconclusive_and_the_best_is_taken():
    said, line = advice({"rnn": [40.0], "gru": [39.0]})
    assert (said.cell, said.significant) == ("gru", False)
    assert line["Recommended"] == "GRU with 24 units: test rmse 39 [one seed]."
    assert line["How sure"] == (
        "Inconclusive: only one seed was compared, and another seed may reverse the order; run more seeds."
    )
    assert line["Against the baseline"] == f"{TRIVIAL}: rmse 42. GRU is better; one seed, no interval."


def with_others(one, found, **tests):
    """The results with those of baselines beside them: their test metrics."""
    one = one.model_copy(update={"tasks": (Choice(name="digits"),)})
    found = [r.model_copy(update={"run": r.run.model_copy(update={"task": one.tasks[0]})}) for r in found]
    for name, test in tests.items():
        run = one.run(one.tasks[0], Choice(name=name), 0, "baseline")
        fields = {"metric": found[0].metric, "direction": found[0].direction, "chance": found[0].chance}
        found.append(RunResult(run=run, status="finished", started=0, seconds=1, test=test, **fields))
    return one, found


def test_a_model_without_a_recurrent_network_that_is_better_is_recommended():
    said = recommend(gather(*with_others(*results(FAR), logistic=31.25, nearest=35.0)), TRIVIAL)
    line = dict(said.lines)
    assert (said.cell, said.nearest, said.other, said.significant) == (None, "gru", "logistic", True)
    assert line["Recommended"] == (
        "logistic, without a recurrent network: test rmse 31.25, beats GRU (p < 0.001)."
        " The best network, GRU with 24 units: test rmse 38.2 [37.2, 39.3]."
    )
    assert line["Without recurrence"] == (
        "logistic 31.25, nearest 35. Predictions from the store use logistic; GRU's network is kept as well."
    )


def test_one_that_is_no_better_is_named_and_not_recommended():
    said = recommend(gather(*with_others(*results(FAR), logistic=38.2, nearest=55.0)), TRIVIAL)
    assert (said.cell, said.other) == ("gru", None)
    assert dict(said.lines)["Without recurrence"] == "logistic 38.2, nearest 55: none is ahead of the mean of GRU."


def test_where_nothing_beats_the_baseline_but_such_a_model_does():
    said = recommend(gather(*with_others(*results(FAR, chance=30.0), logistic=20.0)), TRIVIAL)
    assert (said.cell, said.other) == (None, "logistic")


def test_one_that_is_better_than_the_networks_and_worse_than_the_baseline_is_not_recommended():
    said = recommend(gather(*with_others(*results(FAR, chance=30.0), logistic=35.0)), TRIVIAL)
    assert (said.cell, said.other) == (None, None)
    assert dict(said.lines)["Recommended"].startswith(f"the baseline ({TRIVIAL})")
    assert dict(said.lines)["Without recurrence"] == "logistic 35: none is ahead of the baseline."


def test_where_no_cell_beats_it_the_baseline():
    said, line = advice(FAR, chance=30.0)
    assert (said.cell, said.nearest) == (None, "gru")
    assert line["Recommended"] == (
        f"the baseline ({TRIVIAL}): its test rmse is 30, and no cell does better. GRU has 38.2 [37.2, 39.3]."
    )
    assert line["Against the baseline"] == f"{TRIVIAL}: rmse 30. GRU is no better; its interval excludes the baseline."


@pytest.mark.parametrize(
    ("chance", "said"),
    [
        (38.5, f"{TRIVIAL}: rmse 38.5. GRU is better; its interval includes the baseline."),
        (38.0, f"{TRIVIAL}: rmse 38. GRU is no better; its interval includes the baseline."),
        (38.2, f"{TRIVIAL}: rmse 38.2. GRU is no better; its interval includes the baseline."),
    ],
)
def test_an_interval_that_includes_the_baseline(chance, said):
    assert advice(FAR, chance=chance)[1]["Against the baseline"] == said


def test_intervals_stay_in_the_metric_s_range():
    _, line = advice({"gru": [0.7, 1.0, 1.0]}, metric="accuracy", direction="max", chance=0.1)
    assert line["Recommended"].endswith("test accuracy 0.90 [0.28, 1.00].")  # by the logit
    _, line = advice({"gru": [0.1, 1.0, 4.0]}, chance=9.0)
    assert line["Recommended"].endswith("test rmse 1.7 [0.1, 10.4].")  # 1.7 + (e − 1) 5.1
    _, line = advice({"gru": [1.1, 2.0, 5.0]}, metric="perplexity", chance=9.0)
    assert line["Recommended"].endswith("test perplexity 2.7 [1.2, 11.4].")


def test_seeds_that_did_not_finish_are_said_and_not_compared():
    said, line = advice(FAR, diverged=[("rnn", 0), ("rnn", 1)])
    assert said.cell == "gru"
    assert "GRU learned more often than RNN by 1.00 [0.39, 1.00], p = 0.032 (" in line["How sure"], "2 of 5 diverged"
    assert "GRU's rmse is better than LSTM's by 7.2 [" in line["How sure"]
    assert line["How sure"].endswith("Seeds that did not finish: RNN 2 of 5.")


def test_a_cell_that_never_finished():
    said, line = advice(FAR, diverged=[("gru", seed) for seed in range(5)], chance=60.0)
    assert said.cell == "lstm"
    assert "GRU 5 of 5" in line["How sure"]


def test_one_cell_alone():
    said, line = advice({"gru": FAR["gru"]})
    assert (said.cell, said.significant) == ("gru", False)
    assert line["How sure"] == "GRU is the only cell with results, so there is no comparison."


def test_nothing_finished():
    said, line = advice({"gru": [1.0, 2.0]}, diverged=[("gru", 0), ("gru", 1)])
    assert (said.cell, said.nearest, said.significant) == (None, None, False)
    assert line == {
        "Recommended": "no recommendation: no run has finished.",
        "Why": "Seeds that did not finish: GRU 2 of 2.",
    }


def test_cells_without_a_common_seed():
    said, line = advice({"rnn": [40.0, 40.0], "gru": [39.0, 39.0]}, missing=[("rnn", 0), ("gru", 1)])
    assert said.cell == "gru"
    assert line["How sure"].startswith("Inconclusive: only one seed was compared")


def test_a_model_that_the_store_lacks():
    one, found = results(FAR)
    assert dict(recommend(gather(one, found), TRIVIAL).lines)["Trained model"] == "none in the store."


def test_several_tasks_are_refused():
    one = Experiment.model_validate({**FIELDS, "tasks": ["adding", "digits"]})
    with pytest.raises(ValueError, match="expected an experiment of one task. Received: 2 tasks"):
        recommend(gather(one, []), TRIVIAL)


def test_comparisons_are_signed_and_corrected():
    """Welch's p-values by SciPy, on the logarithms of an error; of two cells that are equal p is 1."""

    def pairs(tests, direction, **more):
        return gather(*results(tests, direction=direction, **more)).tasks[0].pairs

    tests = {"rnn": [2.0, 4.0, 3.0], "lstm": [1.0, 1.1, 1.2], "gru": [1.0, 1.1, 1.2]}
    up = pairs({cell: tests[cell] for cell in ("rnn", "gru")}, "max")[0]
    assert (up.first, up.difference.mean, up.counts) == ("rnn", pytest.approx(1.9), (3, 3))
    p = stats.ttest_ind(*(np.log(tests[cell]) for cell in ("rnn", "gru")), equal_var=False).pvalue
    assert up.p == up.p_holm == pytest.approx(p)
    turned = up.seen_from("gru")
    assert (turned.first, turned.difference) == ("gru", (-up.difference.mean, -up.difference.high, -up.difference.low))
    down = pairs(tests, "min")
    assert [pair.difference.mean for pair in down] == pytest.approx([-1.9, -1.9, 0.0])
    assert [pair.p_holm for pair in down] == pytest.approx([3 * p, 3 * p, 1.0])
    apart = pairs({"rnn": [2.0, 4.0], "gru": [1.0, 1.0]}, "max", missing=[("rnn", 1), ("gru", 0)])
    assert apart[0].difference.mean == 1.0, "seeds need not be the same"
    assert math.isnan(apart[0].p)


def test_cells_that_are_equal_at_every_seed():
    said, line = advice({cell: [1.0, 1.0, 1.0] for cell in CELLS}, metric="accuracy", direction="max", chance=0.5)
    assert (said.cell, said.significant) == ("rnn", False)
    assert "RNN has the best mean, as do LSTM and GRU, and no other trains clearly faster." in line["How sure"]
    two = {"rnn": [0.9, 0.7, 0.8], "gru": [0.9, 0.7, 0.8], "lstm": [0.1, 0.1, 0.2]}
    _, line = advice(two, metric="accuracy", direction="max", chance=0.3)
    assert "RNN has the best mean, as does GRU, and" in line["How sure"]


def test_a_cell_that_equals_the_baseline_is_said_to():
    said, line = advice({"gru": [1.0, 1.0], "rnn": [1.0, 1.0]}, metric="accuracy", direction="max", chance=1.0)
    assert said.cell is None
    assert line["Against the baseline"] == f"{TRIVIAL}: accuracy 1. RNN has the same at every seed."
