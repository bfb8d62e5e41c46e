"""Splits that each seed draws from a user's data: nothing of validation and test, and nothing later, is in training."""

import json
from typing import Any

import numpy as np
import own_labelled
import pandas
import pytest

from gru_tf.data.own.origins import by_origin
from gru_tf.experiment.experiment import Experiment, Run
from gru_tf.experiment.specs import Choice, ModelSpec, TrainingSpec
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Task, create
from gru_tf.training import trainer

COUNT, WINDOW, HORIZON = 60, 5, 2
SERIES = {"target": ("y",), "time": "t", "covariates": ("kind", "x"), "window": WINDOW, "horizon": HORIZON, "season": 4}
TRIPS = {"id": "trip", "order": "second", "label": "by", "features": ("speed", "place"), "group": "person"}
TEXTS = {"text": "said", "label": "mood", "group": "who"}
RNG = np.random.default_rng(0)


def series() -> pandas.DataFrame:
    """Two shops in a table, with a category that all parts have, and values that no other row has."""
    parts = []
    for shop in ("north", "south"):
        values = RNG.normal(10, 2, (COUNT, 2)).round(6)
        days = pandas.date_range("2020-01-01", periods=COUNT)
        kinds = np.resize(["a", "b", "c"], COUNT)
        parts.append(pandas.DataFrame({"shop": shop, "t": days, "y": values[:, 0], "x": values[:, 1], "kind": kinds}))
    return pandas.concat(parts, ignore_index=True)


TABLE = series()


def forecast(folder: Any, table: Any, name: str = "a.csv", **options: Any) -> Any:
    table.to_csv(folder / name, index=False)
    return create("forecast", {"path": str(folder / name), **SERIES, "group": "shop", "draws": "drawn", **options})


def content(task: Any) -> dict[str, Any]:
    """All of a task that comes from its data, as plain values."""
    parts = task.splits(np.random.default_rng(0))
    arrays = {
        f"{name} {field}": np.asarray(getattr(getattr(parts, name), field))
        for name in ("train", "validation", "test")
        for field in ("inputs", "targets", "lengths")
    }
    return arrays | {"encodings": json.dumps(task.encodings()), "chance": task.metric.chance}


def same(one: dict[str, Any], other: dict[str, Any], names: Any) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in names)


# --- rolling origins ---


def seed_of_each_origin(task: Any) -> dict[Any, int]:
    """Last moment of the test part → the first seed that draws it."""
    seeds: dict[Any, int] = {}
    for seed in range(200):
        seeds.setdefault(task.at(seed).recency, seed)
    return seeds


def test_nothing_leaks_at_any_origin(tmp_path):
    task = forecast(tmp_path, TABLE)
    seeds = seed_of_each_origin(task)
    assert sorted(seeds) == sorted(task.origins()) == sorted(TABLE.t.unique()[-len(seeds) :])
    assert len(seeds) > 8
    for number, (origin, seed) in enumerate(seeds.items()):
        known = content(task.at(seed))
        part = by_origin(TABLE.t.to_numpy(), 0.15, 0.2, seed)
        assert TABLE.t[part == 2].max() == origin
        changed = TABLE.assign(y=TABLE.y.where(part == 0, TABLE.y + 100), x=TABLE.x.where(part == 0, -TABLE.x))
        other = content(forecast(tmp_path, changed, f"held{number}.csv").at(seed))
        assert same(known, other, ["train inputs", "train targets"])
        first, second = (json.loads(each["encodings"]) for each in (known, other))
        assert all(first[key] == second[key] for key in ("encoding", "fill", "outputs"))
        assert not same(known, other, ["validation targets"])
        assert not same(known, other, ["test targets"])
        later = TABLE.assign(y=TABLE.y.where(part >= 0, TABLE.y + 100), kind=TABLE.kind.where(part >= 0, "later"))
        unseen = content(forecast(tmp_path, later, f"later{number}.csv").at(seed))
        assert same(known, unseen, known.keys() - {"encodings"})


def test_the_windows_are_those_of_a_loop_over_the_rows(tmp_path):
    task = forecast(tmp_path, TABLE)
    for origin, seed in seed_of_each_origin(task).items():
        drawn = task.at(seed)
        part = by_origin(TABLE.t.to_numpy(), 0.15, 0.2, seed)
        train = TABLE.y[part == 0]
        targets: list[list[float]] = [[], [], []]
        for shop in ("north", "south"):
            rows = TABLE[TABLE.shop == shop].y.to_numpy()
            parts = part[TABLE.shop == shop]
            for start in range(WINDOW, COUNT - HORIZON + 1):
                if parts[start] == parts[start + HORIZON - 1] >= 0:
                    change = rows[start : start + HORIZON] - rows[start - 1]
                    targets[parts[start]].append(change / train.std(ddof=0))
        splits = drawn.splits(np.random.default_rng(0))
        for examples, expected in zip((splits.train, splits.validation, splits.test), targets, strict=True):
            np.testing.assert_allclose(np.asarray(examples.targets), expected, rtol=1e-4, atol=1e-5)
        known = drawn.forecast_rows()
        assert len(known.rows) == (part >= 0).sum()
        assert known.deviation[0] == pytest.approx(train.std(ddof=0))
        assert pandas.Timestamp(origin) == TABLE.t[part == 2].max()


def test_seed_0_is_the_split_without_draws(tmp_path):
    drawn, fixed = (forecast(tmp_path, TABLE, draws=draws) for draws in ("drawn", "fixed"))
    one, other = content(drawn.at(0)), content(fixed.at(5))
    assert same(one, other, one.keys() - {"encodings"})
    assert fixed.at(5) is fixed
    assert not same(one, content(drawn.at(1)), ["train targets"])


# --- by group ---


LABELLED = {
    "sequences": (own_labelled.steps, TRIPS, "speed", "person", "trip"),
    "texts": (own_labelled.sentences, TEXTS, "said", "who", "said"),
}


@pytest.mark.parametrize("name", LABELLED)
@pytest.mark.parametrize("seed", range(1, 9))
def test_nothing_of_the_groups_that_are_held_out_is_in_training(tmp_path, name, seed):
    make, options, column, group, _ = LABELLED[name]
    frame = make()
    file = tmp_path / "a.csv"
    frame.to_csv(file, index=False)
    task = create(name, {"path": str(file), **options, "draws": "drawn"}).at(seed)
    assert isinstance(task, Task)
    known = content(task)
    held = _held_out(task, frame, group, column)
    changed = frame.copy()
    changed[column] = changed[column].where(
        ~held, changed[column] * 3 if name == "sequences" else "zebra " + changed[column]
    )
    changed.to_csv(file, index=False)
    other = content(create(name, {"path": str(file), **options, "draws": "drawn"}).at(seed))
    assert same(known, other, ["train inputs", "train targets", "train lengths"])
    learned = ("encoding", "words", "fills", "classes")
    first, second = (json.loads(each["encodings"]) for each in (known, other))
    assert [first.get(key) for key in learned] == [second.get(key) for key in learned]
    assert not same(known, other, ["test inputs"])


@pytest.mark.parametrize("name", LABELLED)
def test_each_seed_has_a_split_of_its_own_and_seed_0_the_fixed_one(tmp_path, name):
    make, options, *_ = LABELLED[name]
    make().to_csv(tmp_path / "a.csv", index=False)
    drawn, fixed = (create(name, {"path": str(tmp_path / "a.csv"), **options, "draws": s}) for s in ("drawn", "fixed"))
    known = [content(drawn.at(seed)) for seed in range(4)]
    tests = {each["test inputs"].tobytes() for each in known}
    assert len(tests) == 4
    assert same(known[0], content(fixed.at(2)), known[0].keys() - {"encodings"})
    assert same(known[1], content(drawn.at(3).at(1)), known[1].keys())


def _held_out(task: Any, frame: Any, group: str, column: str) -> Any:
    """(rows,) whether a row is none of training: a group is, if a value of it changes no training input."""
    train = task.splits(np.random.default_rng(0)).train
    if column == "said":
        words = task.encodings()["words"]
        texts = frame.said.str.lower().str.replace("!", "").str.split()
        place = {word: number + 2 for number, word in enumerate(words)}
        rows = {tuple(row[:length]) for row, length in zip(train.inputs, train.lengths, strict=True)}
        mine = np.array([tuple(place.get(word, 1) for word in text) in rows for text in texts])
    else:
        (speed,) = [one for one in task.encodings()["encoding"]["columns"] if one["name"] == "speed"]
        scaled = ((frame.speed - speed["mean"]) / speed["deviation"]).to_numpy(np.float32)
        mine = np.isin(scaled.round(4), np.asarray(train.inputs)[..., 0].round(4))
    return ~pandas.Series(mine).groupby(frame[group].to_numpy()).transform("all").to_numpy()


# --- what a task says of itself ---


OPTIONS: dict[str, dict[str, Any]] = {"forecast": SERIES, "sequences": TRIPS, "texts": TEXTS}


@pytest.mark.parametrize("name", OPTIONS)
def test_whether_seeds_draw_is_known_without_the_file(name):
    drawn = create(name, {"path": "none.csv", **OPTIONS[name], "draws": "drawn"})
    fixed = create(name, {"path": "none.csv", **OPTIONS[name]})
    assert drawn.draws_data
    assert drawn.at(3).draws_data
    assert not fixed.draws_data
    assert fixed.overlap == 0
    assert drawn.overlap == pytest.approx(0.2 / 0.575 if name == "forecast" else 0.2 / 0.6)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_file_to_test_on_leaves_nothing_to_draw(name):
    with pytest.raises(UserError, match=f"{name}: received both draws: drawn and test_path, expected one"):
        create(name, {"path": "a.csv", "test_path": "b.csv", **OPTIONS[name], "draws": "drawn"})
    with pytest.raises(UserError, match=r"draws: received 'drwn', expected 'fixed' or 'drawn'"):
        create(name, {"path": "a.csv", **OPTIONS[name], "draws": "drwn"})


def run(path: str, **fields: Any) -> Run:
    options = {"path": path, **{k: v for k, v in SERIES.items() if k != "season"}, "group": "shop", "draws": "drawn"}
    usual = {"purpose": "final", "cell": Choice(name="gru"), "seed": 2, "model": ModelSpec(units=2)}
    training = TrainingSpec(epochs=1, jit=False)
    return Run(**{**usual, "task": Choice(name="forecast", options=options), "training": training, **fields})


def test_a_run_trains_on_the_split_of_its_seed_and_a_trial_on_that_of_its_search(tmp_path):
    task = forecast(tmp_path, TABLE, season=0)
    final, trial = run(task.path), run(task.path, purpose="trial", seed=1002, split_seed=2)
    assert final.drawn_task().metric == trial.drawn_task().metric == task.at(2).metric
    assert task.at(2).metric != task.at(1002).metric
    results = [trainer.train(one) for one in (final, trial, run(task.path, seed=3))]
    assert [result.chance for result in results] == [task.at(seed).metric.chance for seed in (2, 2, 3)]
    assert results[0].losses_kept == 0, "each seed has other test examples"
    assert results[0].test_examples == len(task.at(2).splits(np.random.default_rng(0)).test)


# --- what was there before ---


FORECAST = {"path": "a.csv", "sha256": "0123456789abcdef", "target": ["y"], "window": 5}
BEFORE = {  # computed by the version before tasks had the option
    "run": "7d15cdf9b5790f6a",
    "baseline": "51dca8ecb4271b95",
    "experiment": "285b602522042305",
}


def test_fingerprints_of_runs_without_the_option_are_those_of_before():
    one = Experiment.model_validate(
        {
            "name": "mine",
            "question": "Which?",
            "tasks": [{"forecast": FORECAST}],
            "cells": ["gru"],
            "model": {"units": 4},
            "search": {"trials": 2, "space": {"learning_rate": [0.1, 0.2]}},
        },
        strict=False,
    )
    (task,), (cell,) = one.tasks, one.cells
    baseline = one.run(task, Choice(name="ridge"), 0, "baseline")
    trial = one.run(task, cell, 1000, "trial")
    assert {"run": trial.fingerprint, "baseline": baseline.fingerprint, "experiment": one.fingerprint} == BEFORE


def test_a_shared_search_has_no_splits_to_draw():
    content = {
        "name": "mine",
        "question": "Which?",
        "tasks": [{"forecast": {**FORECAST, "draws": "drawn"}}],
        "cells": ["gru"],
        "model": {"units": 4},
        "search": {"trials": 2, "space": {"learning_rate": [0.1, 0.2]}, "shared": True},
    }
    with pytest.raises(ValueError, match=r"search.shared: received true, expected false beside draws: drawn"):
        Experiment.model_validate(content, strict=False)
