"""Runs to failure: recognised by a column that counts down, each machine whole, a value at every step or at the end."""

import numpy as np
import pandas
import pytest
from refusals import refused

from gru_tf.suite import comparison
from gru_tf.tasks import create

UNITS = 30
RNG = np.random.default_rng(2)
LIVES = RNG.integers(40, 90, UNITS)


def engines(most=None):
    """A row a cycle; "heat" is the unit's number and its cycle, so that a row is known by it."""
    unit, cycle = np.repeat(np.arange(1, UNITS + 1), LIVES), np.concatenate([np.arange(1, life + 1) for life in LIVES])
    left = np.repeat(LIVES, LIVES) - cycle
    left = left if most is None else np.minimum(left, most)
    return pandas.DataFrame({"unit": unit, "cycle": cycle, "heat": unit * 1000.0 + cycle, "RUL": left})


def plan(tmp_path, frame, **options):
    frame.to_csv(tmp_path / "engines.csv", index=False)
    return comparison.plan(tmp_path / "engines.csv", **options)


def parts_of(planned):
    """[(heat (N, window), labels (N,))] of the three parts, in units of the file."""
    task = create(planned.guess.task, planned.guess.options)
    about = task.encodings()
    (heat,) = about["encoding"]["columns"]
    parts = task.splits(np.random.default_rng(0))
    return [
        (
            np.asarray(part.inputs)[..., 0].astype(float) * heat["deviation"] + heat["mean"],
            np.asarray(part.targets)[:, 0].astype(float) * about["deviation"] + about["mean"],
        )
        for part in (parts.train, parts.validation, parts.test)
    ]


@pytest.mark.parametrize("most", [None, 35])
@pytest.mark.parametrize("options", [{}, {"label": "RUL"}, {"label": "RUL", "id": "unit"}])
def test_every_window_has_the_life_that_remains_after_its_last_step(tmp_path, most, options):
    planned = plan(tmp_path, engines(most), **options)
    chosen = {name: planned.guess.options[name] for name in ("id", "order", "label", "window", "kind")}
    assert chosen == {"id": "unit", "order": "cycle", "label": "RUL", "window": 30, "kind": "value"}
    parts, units = parts_of(planned), []
    for heat, labels in parts:
        unit, cycle = np.divmod(np.rint(heat).astype(int), 1000)
        assert (unit == unit[:, :1]).all()
        assert (np.diff(cycle, axis=1) == 1).all()
        left = LIVES[unit[:, -1] - 1] - cycle[:, -1]
        np.testing.assert_allclose(labels, left if most is None else np.minimum(left, most), atol=1e-3)
        units.append(set(unit[:, 0]))
    assert sum(len(labels) for _, labels in parts) == (LIVES - 29).sum()
    assert set().union(*units) == set(range(1, UNITS + 1))
    assert sum(map(len, units)) == UNITS  # none in two parts
    assert len(units[2]) == pytest.approx(0.2 * UNITS, abs=2)


def test_a_countdown_is_no_forecast(tmp_path):
    refused(
        lambda: plan(tmp_path, engines(), target="RUL"),
        "column 'RUL' counts down to the end of each 'unit'",
        "(label RUL, id unit), or set kind to forecast",
    )
    assert plan(tmp_path, engines(), target="RUL", kind="forecast").guess.task == "forecast"


def test_a_class_at_every_step(tmp_path):
    frame = engines().assign(fails=lambda table: np.where(table.RUL < 10, "soon", "later")).drop(columns="RUL")
    planned = plan(tmp_path, frame, label="fails", id="unit", order="cycle")
    words = "'fails' changes within sequences: a label at every step, predicted at every step"
    assert (words, ("per_step",)) in planned.inferences
    assert planned.guess.kind == "class"
    assert planned.guess.options["per_step"] is True
    assert "window" not in planned.guess.options
    windowed = plan(tmp_path, frame, label="fails", id="unit", order="cycle", per_step=False)
    assert (windowed.guess.kind, windowed.guess.options["window"]) == ("class", 30)
    chosen = plan(tmp_path, frame, label="fails", id="unit", order="cycle", window=5)
    assert (chosen.guess.options["window"], "per_step" in chosen.guess.options) == (5, False)


def test_a_countdown_at_every_step_where_that_is_asked_for(tmp_path):
    planned = plan(tmp_path, engines(), label="RUL", id="unit", order="cycle", per_step=True)
    assert (planned.guess.kind, planned.guess.options["per_step"]) == ("value", True)
    assert create(planned.guess.task, planned.guess.options).signature.per_step


def test_a_value_that_only_the_last_row_has_is_that_of_the_sequence(tmp_path):
    frame = engines().assign(life=lambda table: (table.cycle * 1.0).where(table.RUL == 0)).drop(columns="RUL")
    planned = plan(tmp_path, frame, label="life", id="unit", order="cycle")
    assert "window" not in planned.guess.options
    for heat, labels in parts_of(planned):
        unit = np.rint(heat[:, 0]).astype(int) // 1000
        np.testing.assert_allclose(labels, LIVES[unit - 1], atol=1e-3)


def test_a_new_machine_is_predicted_by_its_last_steps(tmp_path):
    planned = plan(tmp_path, engines())
    task = create(planned.guess.task, planned.guess.options)
    new = engines().query("unit <= 2 and cycle <= 37").drop(columns="RUL")
    prepared = task.prepare(new)
    heat = task.encodings()["encoding"]["columns"][0]
    values = np.asarray(prepared.inputs)[..., 0].astype(float) * heat["deviation"] + heat["mean"]
    np.testing.assert_allclose(values, [[1000 + c for c in range(8, 38)], [2000 + c for c in range(8, 38)]], atol=1e-2)
    assert task.answer(np.zeros((2, 1)), new).unit.tolist() == [1, 2]


def test_a_column_that_falls_otherwise_is_no_countdown(tmp_path):
    frame = engines().assign(RUL=lambda table: RNG.normal(size=len(table)))
    refused(lambda: plan(tmp_path, frame), "cannot infer what to predict")


def test_no_window_crosses_from_one_machine_to_the_next(tmp_path):
    frame = engines().drop(columns="RUL")
    planned = plan(tmp_path, frame, target="heat", window=5, scaling="table")
    assert {name: planned.guess.options[name] for name in ("group", "time")} == {"group": "unit", "time": "cycle"}
    assert ("each 'unit' is a series, in the order of 'cycle'", ("group", "time")) in planned.inferences
    options = {**planned.guess.options, "relative": False}
    task = create(planned.guess.task, options)
    train = np.asarray(task.splits(np.random.default_rng(0)).train.inputs)[..., 0]
    assert np.abs(np.diff(train, axis=1)).max() < 100 / frame.heat.std()  # another unit is 1,000 away
    refused(lambda: plan(tmp_path, frame), "'cycle' counts the rows of each 'unit': a column may say what remains of each")


def test_machines_of_a_test_file_may_have_the_same_numbers(tmp_path):
    """As they have where each file counts from 1."""
    later = engines().query("unit <= 5").assign(heat=lambda table: table.heat + 0.5)
    later.to_csv(tmp_path / "later.csv", index=False)
    parts = parts_of(plan(tmp_path, engines(), test=tmp_path / "later.csv"))
    assert len(parts[2][1]) == (LIVES[:5] - 29).sum()
    assert len(parts[0][1]) + len(parts[1][1]) == (LIVES - 29).sum()
