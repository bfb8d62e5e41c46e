"""Validation alone chooses; the same arguments give the same numbers; no forecast reads the rows that it forecasts."""

import os
import pickle
import subprocess
import sys
from dataclasses import replace
from functools import cache
from typing import Any

import made_splits
import numpy as np
import own_files
import pytest

from gru_tf.baselines.baseline import BASELINES, ModelInputs
from gru_tf.baselines.fitting import BaselineFit, fit, why_not
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import TASKS, Splits, Task, create
from gru_tf.tasks.memory.adding import Adding
from gru_tf.tasks.own.forecast import OwnForecast

SHOP = {"path": own_files.path("shop.csv"), "target": ["sales"], "time": "day", "window": 14, "horizon": 3, "season": 7}
SHOPS = {"path": own_files.path("shops.parquet"), "target": ["sales", "visits"], "time": "day", "group": "shop"}
MADE = {
    **dict.fromkeys(("logistic", "summary", "nearest", "rocket", "boosting"), made_splits.classified()),
    **dict.fromkeys(("current_step", "sliding_window"), made_splits.stepwise()),
    "dtw": made_splits.warped(),
    "ridge": made_splits.valued(),
    "bag_of_words": made_splits.texts(),
    "ngram": made_splits.next_tokens(),
    "markov": made_splits.music(),
}


def splits_of(task: Task) -> Splits:
    return task.splits(np.random.default_rng(0))


@cache
def usual(name: str) -> BaselineFit:
    """Fitted to its made data with the seed 3."""
    return fit(name, MADE[name], MADE[name].data, seed=3)


def outcome(fitted: BaselineFit) -> tuple[Any, ...]:
    """All but times."""
    return fitted.settings, fitted.validation, fitted.test, fitted.more, fitted.size, fitted.bytes, fitted.tried


def test_every_baseline_is_tested_here() -> None:
    assert {*MADE, "naive", "seasonal_naive", "ets"} == set(BASELINES.names())


@pytest.mark.parametrize("name", MADE)
def test_the_test_split_chooses_nothing(name: str) -> None:
    """With its targets permuted the choice, the models and their predictions are the same, and the score is another."""
    task = MADE[name]
    targets = task.data.test.targets
    altered = made_splits.with_test_targets(task, targets[::-1].copy() if targets.ndim < 3 else 1 - targets)
    fitted, other = usual(name), fit(name, altered, altered.data, seed=3)
    assert (fitted.settings, fitted.validation, fitted.tried) == (other.settings, other.validation, other.tried)
    asked = made_splits.asked(task.data.test)
    assert np.array_equal(fitted.model.predict(asked), other.model.predict(asked))
    assert fitted.test != other.test


@pytest.mark.parametrize("name", MADE)
def test_the_choice_is_the_best_on_validation_and_the_same_twice(name: str) -> None:
    task, fitted = MADE[name], usual(name)
    values = [value for _, value in fitted.tried]
    best = max(values) if task.metric.direction == "max" else min(values)
    assert fitted.tried[values.index(best)] == (fitted.settings, fitted.validation)
    assert outcome(fit(name, task, task.data, seed=3)) == outcome(fitted)
    assert fitted.size > 0
    assert (fitted.losses.shape, fitted.weights.shape) == ((len(task.data.test),),) * 2


def test_one_thread_computes_also_where_no_library_was_loaded_before() -> None:
    """In a process of its own; without the limit a machine of several cores has more."""
    code = """
import made_splits
from threadpoolctl import threadpool_info
from gru_tf.baselines.baseline import BASELINES
from gru_tf.baselines.fitting import fit

boosting, threads = type(BASELINES.find("boosting")), []
original = boosting.fit

def watched(*arguments):
    model = original(*arguments)
    threads.append({each["num_threads"] for each in threadpool_info()})
    return model

boosting.fit = watched
task = made_splits.classified()
fit("boosting", task, task.data, 0)
assert threads and all(each == {1} for each in threads), threads
assert {"openmp", "blas"} <= {each["user_api"] for each in threadpool_info()}
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "3"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_another_validation_split_chooses_otherwise() -> None:
    """Pure noise to validate on: else the test above could not fail."""
    task = made_splits.valued()
    rng = np.random.default_rng(0)
    targets = rng.normal(0, 0.01, task.data.validation.targets.shape).astype(np.float32)
    noise = replace(task.data, validation=replace(task.data.validation, targets=targets))
    assert fit("ridge", task, noise, 0).settings != fit("ridge", task, task.data, 0).settings


@pytest.mark.parametrize("name", MADE)
def test_a_stored_model_predicts_the_same(name: str) -> None:
    model, asked = usual(name).model, made_splits.asked(MADE[name].data.test)
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(asked), model.predict(asked))


@pytest.mark.parametrize("name", MADE)
def test_refitting_learns_from_the_validation_split_too(name: str) -> None:
    task = MADE[name]
    fitted, again = usual(name), fit(name, task, task.data, 3, refit=True)
    assert (fitted.settings, fitted.validation) == (again.settings, again.validation)
    asked = made_splits.asked(task.data.test)
    assert not np.array_equal(fitted.model.predict(asked), again.model.predict(asked))


@pytest.mark.parametrize("options", [SHOP, {**SHOPS, "window": 10, "horizon": 4}], ids=["one series", "three series"])
@pytest.mark.parametrize("name", ["naive", "seasonal_naive", "ets", "ridge", "boosting"])
def test_no_forecast_reads_the_rows_that_it_forecasts(name: str, options: dict[str, Any]) -> None:
    task = OwnForecast(**{"season": 7, **options})
    splits = splits_of(task)
    fitted, rows = fit(name, task, splits, 0), task.forecast_rows()
    place = len(splits.test) // 2
    start = int(rows.starts["test"][place])
    changed = replace(rows, rows=np.concatenate([rows.rows[:start], rows.rows[start:] + 5]))
    one = slice(place, place + 1)
    known, other = (ModelInputs.of_split(splits, "test", each).part(one) for each in (rows, changed))
    assert np.array_equal(fitted.model.predict(known), fitted.model.predict(other))
    if name in ("naive", "seasonal_naive", "ets"):  # these read the rows before
        before = replace(rows, rows=np.concatenate([rows.rows[:start] * 1.5 + 5, rows.rows[start:]]), relative=False)
        absolute = replace(known, rows=replace(rows, relative=False))
        earlier = replace(known, rows=before)
        assert not np.array_equal(fitted.model.predict(absolute), fitted.model.predict(earlier))


@pytest.mark.parametrize("name", ["ets", "ridge"])
def test_refitting_a_forecast_learns_from_the_validation_rows(name: str) -> None:
    task = OwnForecast(**SHOP)
    splits, rows = splits_of(task), task.forecast_rows()
    asked = ModelInputs.of_split(splits, "test", rows)
    fitted, again = (fit(name, task, splits, 0, refit=refit) for refit in (False, True))
    assert fitted.settings == again.settings
    assert not np.allclose(fitted.model.predict(asked), again.model.predict(asked))


def test_rows_to_train_on_are_those_of_the_training_windows() -> None:
    task = OwnForecast(**{**SHOPS, "window": 10, "horizon": 4})
    rows = task.forecast_rows()
    for first in np.unique(rows.firsts):
        mine = rows.firsts == first
        starts = rows.starts["train"][np.isin(rows.starts["train"], np.flatnonzero(mine))]
        assert np.flatnonzero(mine & rows.training).tolist() == list(range(first, starts.max() + 4))
        tested = rows.starts["test"][np.isin(rows.starts["test"], np.flatnonzero(mine))]
        assert not rows.training[tested].any()
    assert not task.model_copy(update={"season": 7}).forecast_rows().training.all()


def test_a_baseline_that_does_not_fit_is_refused_in_words() -> None:
    task = made_splits.classified()
    with pytest.raises(UserError, match=r"ngram: it does not fit this kind of task; those that do: logistic, summary"):
        fit("ngram", task, task.data, 0)
    with pytest.raises(UserError, match="those that do: none"):
        fit("ridge", Adding(), splits_of(Adding()), 0)
    no_season = OwnForecast(**{**SHOP, "season": 0})
    assert why_not("seasonal_naive", no_season, splits_of(no_season)) == "the task states no season"


@pytest.mark.parametrize("name", BASELINES.names())
def test_what_is_too_much_is_left_out_with_a_reason_and_never_begun(name: str) -> None:
    """Of shapes alone: what a limit is made of is not there."""
    if name in ("naive", "seasonal_naive", "ets", "ngram", "markov", "bag_of_words", "current_step", "sliding_window"):
        pytest.skip("its time depends on the amount of data alone, of which it takes a part")
    kind: Any = "value" if name == "ridge" else "class"
    wide = made_splits.Signature(100_000, 1000, 300, kind)
    assert BASELINES.find(name).why_not(wide, made_splits.training(MADE[name]))


@pytest.mark.parametrize("name", TASKS.names())
def test_the_baselines_of_every_task_are_there(name: str) -> None:
    try:
        task = create(name, {})
    except UserError:
        pytest.skip("a task on a user's own files")
    assert set(task.baselines) <= set(BASELINES.names())
    assert bool(task.baselines) != (".memory." in TASKS.address(name) or name == "multi30k")


def test_examples_are_drawn_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gru_tf.baselines.sequences.logistic.WORK", 40 * 20 * 2 * 3)
    monkeypatch.setattr("gru_tf.baselines.sequences.logistic.LEAST", 10)
    task = made_splits.classified()
    one, same, other = (fit("logistic", task, task.data, seed) for seed in (0, 0, 1))
    assert one.settings["examples"] == 40
    asked = made_splits.asked(task.data.test)
    assert np.array_equal(one.model.predict(asked), same.model.predict(asked))
    assert not np.array_equal(one.model.predict(asked), other.model.predict(asked))
