"""`results.summary`: the table in eleven columns, with the verdicts of the evidence."""

import math

import pytest
from made_evidence import SCORES, experiment, results
from scipy import stats

from gru_tf.analysis.formats.summary_frame import summary_frame
from gru_tf.analysis.results import Results
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice


def test_one_row_a_cell_and_a_baseline_with_means_and_verdicts() -> None:
    one = experiment()
    kind = {"metric": "accuracy", "direction": "max", "chance": 0.1, "started": 0, "seconds": 1, "status": "finished"}
    runs = {name: one.run(one.tasks[0], Choice(name=name), 0, "baseline") for name in ("logistic", "rocket")}
    tests = {"logistic": (0.97, ""), "rocket": (None, "left out: too short")}
    others = [RunResult(run=runs[name], test=test, warning=why, **kind) for name, (test, why) in tests.items()]
    frame = Results(one, (*results(one), *others)).summary
    digits = frame[frame["task"] == "digits"].set_index("cell")
    assert list(digits.index) == ["rnn", "gru", "lstm", "logistic"], "what is left out has no row"
    for cell in ("rnn", "gru", "lstm"):
        assert digits.loc[cell, "value"] == pytest.approx(sum(SCORES["digits", cell]) / 4)
        assert digits.loc[cell, "low"] < digits.loc[cell, "value"] < digits.loc[cell, "high"]
        assert digits.loc[cell, "seeds"] == 4
    assert digits["verdict"].to_dict() == {
        "rnn": "worse",
        "gru": "best",
        "lstm": "inconclusive",
        "logistic": "better",
    }
    assert math.isnan(digits.loc["logistic", "low"])
    assert digits.loc["logistic", "value"] == 0.97
    assert stats.ttest_ind(SCORES["digits", "gru"], SCORES["digits", "rnn"], equal_var=False).pvalue < 0.01
    assert frame.shape[1] == 12


def test_an_experiment_without_results_has_a_row_a_cell() -> None:
    frame = summary_frame(Results(experiment(), ()).evidence)
    assert len(frame) == 6
    assert frame["value"].isna().all()
    assert set(frame["verdict"]) == {""}
