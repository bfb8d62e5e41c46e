"""A user's own data without a validation split: what trains, what tests, and a run of each kind."""

from pathlib import Path
from typing import Any

import numpy as np
import own_files
import pandas
import pytest

from gru_tf.baselines import fitting
from gru_tf.data.own import origins, splits
from gru_tf.experiment.experiment import Run
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import create
from gru_tf.training import baseline_run, trainer

SHOP = {"path": own_files.path("shop.csv"), "target": ["sales"], "time": "day", "window": 7, "stride": 3}
RECIPE = {"epochs": 2, "jit": False, "validation": "none", "select": "last"}


def run_of(task: str, options: dict[str, Any], cell: str = "gru", purpose: str = "final", **training: Any) -> Run:
    parts = {"purpose": purpose, "task": {task: options}, "cell": cell, "seed": 0, "model": {"units": 2}}
    return Run.model_validate({**parts, "training": {**RECIPE, **training}})


@pytest.fixture
def labelled(tmp_path: Path) -> dict[str, Any]:
    """60 sequences of 4 steps, of two classes and 20 persons."""
    rng = np.random.default_rng(0)
    number = np.repeat(np.arange(60), 4)
    table = {"n": number, "who": number % 20, "x": rng.normal(size=240), "y": np.where(number % 2, "odd", "even")}
    pandas.DataFrame(table).to_csv(tmp_path / "steps.csv", index=False)
    return {"path": str(tmp_path / "steps.csv"), "id": "n", "label": "y", "validation": 0.0}


@pytest.mark.parametrize(
    "more", [{}, {"group": "who"}, {"split": "time"}, {"draws": "drawn"}, {"group": "who", "draws": "drawn"}]
)
def test_sequences_train_or_test(labelled, more):
    whole = create("sequences", {**labelled, **more}).at(3).splits(np.random.default_rng(0))
    assert whole.validation is None
    assert (len(whole.train), len(whole.test)) == (48, 12) or more.get("draws")
    rows = {row.tobytes() for part in (whole.train, whole.test) for row in part.inputs}
    assert len(rows) == len(whole.train) + len(whole.test)
    assert len(rows) == 60 or more.get("split") == "time"
    assert set(np.unique(whole.train.targets)) == {0, 1} == set(np.unique(whole.test.targets))


def test_a_forecast_trains_up_to_its_test():
    with_one, without = (create("forecast", {**SHOP, "target": ("sales",), "validation": v}) for v in (0.15, 0.0))
    before, after = (task.splits(np.random.default_rng(0)) for task in (with_one, without))
    assert before.validation is not None
    assert after.validation is None
    np.testing.assert_array_equal(len(before.test), len(after.test))
    starts = without.arrays()["train"]
    assert starts.max() >= with_one.arrays()["validation"].max() - SHOP["stride"]
    assert starts.max() < without.arrays()["test"].min()
    assert "nothing validates" in without.split_in_words()


def test_runs_show_no_validation_and_no_interval(labelled):
    forecast = {**SHOP, "target": ("sales",), "validation": 0.0}
    for task, options in (("sequences", labelled), ("forecast", forecast)):
        result = trainer.train(run_of(task, options))
        assert (result.status, result.validation, result.radii) == ("finished", None, {})
        assert result.test is not None
        assert not [name for name in result.more if name.startswith("coverage")]
        with pytest.raises(UserError, match="expected none, with select: last"):
            trainer.train(run_of(task, options, validation="split", select="last"))
    joined = trainer.train(run_of("forecast", {**forecast, "validation": 0.15}))
    assert (joined.validation, joined.radii) == (None, {})


def test_a_baseline_with_nothing_to_choose_is_fitted_and_the_others_are_left_out(labelled):
    forecast = {**SHOP, "target": ("sales",), "validation": 0.0}
    task = create("forecast", forecast)
    data = task.splits(np.random.default_rng(0))
    naive = baseline_run.fit(run_of("forecast", forecast, "naive", "baseline"))
    assert naive.validation is None
    last = data.test.targets[:, 0]  # the change from the last value, which the naive forecast takes for 0
    assert naive.test == pytest.approx(task.metric.scale * np.sqrt(np.mean(last.astype(float) ** 2)), rel=1e-5)
    assert baseline_run.fit_again(naive) is not None
    assert "no validation split" in fitting.why_not("ridge", task, data)
    left_out = baseline_run.fit(run_of("forecast", forecast, "ridge", "baseline"))
    assert (left_out.test, left_out.validation) == (None, None)
    assert "no validation split" in left_out.warning


def test_shares_of_nothing_leave_nothing_out():
    moments = np.arange(20)
    assert np.bincount(splits.by_time(moments, 0.0, 0.2)).tolist() == [16, 0, 4]
    assert origins.ends(20, 0.0, 0.2) == range(14, 21)
    by_cutoff = origins.by_cutoff(moments, 0.0, 0.4, 2, 1)
    assert by_cutoff.tolist() == [splits.TRAIN] * 12 + [splits.TEST] * 4 + [splits.UNUSED] * 4
    part = splits.by_group(np.arange(20), np.arange(20) % 2, 0.0, 0.2, where="x")
    assert np.bincount(part, minlength=3).tolist() == [16, 0, 4]
