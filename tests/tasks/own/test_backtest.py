"""A rolling-origin backtest against loops written out: parts, naive forecasts, ridge by scikit-learn, the table's mean."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

import gru_tf
from gru_tf.baselines import fitting
from gru_tf.data.own.origins import by_cutoff
from gru_tf.foundation.errors import UserError
from gru_tf.suite import coordinator
from gru_tf.tasks import create
from gru_tf.tasks.own.forecast import OwnForecast

ROWS, WINDOW, CUTOFFS = 120, 5, 4
TESTED = round(0.2 * ROWS) // CUTOFFS
VALIDATED = round(0.15 * ROWS)


def walk() -> np.ndarray:
    return 50 + np.random.default_rng(3).standard_normal(ROWS).cumsum()


def task(folder: Path, **options: object) -> OwnForecast:
    days = pd.date_range("2024-01-01", periods=ROWS)
    pd.DataFrame({"day": days, "load": walk()}).to_csv(folder / "load.csv", index=False)
    chosen = {"target": ("load",), "time": "day", "window": WINDOW, "backtest": CUTOFFS, "draws": "drawn"}
    made = create("forecast", {"path": str(folder / "load.csv"), **chosen, **options})
    assert isinstance(made, OwnForecast)
    return made


def ends() -> list[int]:
    return [ROWS - number * TESTED for number in range(CUTOFFS)]


def test_parts_follow_each_other_and_know_what_came_before() -> None:
    parts = np.stack([by_cutoff(np.arange(ROWS), 0.15, 0.2, CUTOFFS, number) for number in range(CUTOFFS)])
    tested = [np.flatnonzero(part == 2).tolist() for part in parts]
    assert sorted(row for each in tested for row in each) == list(range(ROWS - CUTOFFS * TESTED, ROWS))
    for part, end in zip(parts, ends(), strict=True):
        assert part.tolist() == [0] * (end - TESTED - VALIDATED) + [1] * VALIDATED + [2] * TESTED + [-1] * (ROWS - end)


def test_the_worked_example() -> None:
    first, second = (by_cutoff(np.arange(10), 0.1, 0.4, 2, number).tolist() for number in (0, 1))
    assert first == [0] * 7 + [1] + [2, 2]
    assert second == [0] * 5 + [1] + [2, 2] + [-1, -1]


def test_naive_forecasts_by_a_loop(tmp_path: Path) -> None:
    own, values = task(tmp_path), walk()
    for seed in range(2 * CUTOFFS):  # seeds take the cut-offs in turn
        end = ends()[seed % CUTOFFS]
        errors = [(values[t] - values[t - 1]) ** 2 for t in range(end - TESTED, end)]
        assert own.at(seed).naive_scores()["last value"] == pytest.approx(np.sqrt(np.mean(errors)), rel=1e-6)


def test_ridge_by_a_loop(tmp_path: Path) -> None:
    own, values = task(tmp_path), walk()
    for seed, end in enumerate(ends()):
        drawn = own.at(seed)
        fitted = fitting.fit("ridge", drawn, drawn.splits(np.random.default_rng(0)), seed)
        train = values[: end - TESTED - VALIDATED]
        scaled = (values - train.mean()) / train.std()
        rows = [(scaled[t - WINDOW : t] - scaled[t - 1], scaled[t] - scaled[t - 1]) for t in range(WINDOW, ROWS)]
        inputs, targets = np.array([x for x, _ in rows]), np.array([y for _, y in rows])
        known = len(train) - WINDOW
        model = Ridge(alpha=fitted.settings["alpha"]).fit(inputs[:known], targets[:known])
        asked = slice(end - TESTED - WINDOW, end - WINDOW)
        off = (model.predict(inputs[asked]) - targets[asked]) * train.std()
        assert fitted.test == pytest.approx(np.sqrt(np.mean(off**2)), rel=1e-4)


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")
def test_the_table_is_over_the_cutoffs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = task(tmp_path)
    monkeypatch.delenv(coordinator.SWITCH)
    small = {"cells": ("gru",), "units": 2, "trials": 0, "epochs": 1, "workers": 0, "window": WINDOW, "season": 0}
    store = f"sqlite:///{tmp_path}/mlflow.db"
    answer = gru_tf.compare(tmp_path / "load.csv", target="load", time="day", backtest=CUTOFFS, store=store, **small)
    (gru, *others) = answer.table()
    assert (gru.seeds, gru.wanted) == (CUTOFFS, CUTOFFS)
    naive = next(row for row in others if row.cell == "naive")
    assert naive.test is not None
    expected = [own.at(seed).naive_scores()["last value"] for seed in range(CUTOFFS)]
    assert naive.test.mean == pytest.approx(np.mean(expected), rel=1e-5)
    assert any(
        line.startswith("backtest: 4 cut-offs, one a seed, test parts that end between 2024-") for line in answer.guess
    )


def test_what_leaves_no_cutoffs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="received backtest 4, expected draws: drawn beside it"):
        task(tmp_path, draws="fixed")
    with pytest.raises(UserError, match="expected at least 16 moments for 2 cut-offs. Received: 10"):
        by_cutoff(np.arange(10), 0.5, 1.0, 2, 1)
    with pytest.raises(UserError, match="backtest: received with draws fixed, expected one of them"):
        gru_tf.suite.comparison.plan(tmp_path / "load.csv", target="load", time="day", backtest=3, draws="fixed")
