"""The recommended model trained anew on all of the data: a ridge as scikit-learn has it, a network on all windows."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from sklearn.linear_model import Ridge

import gru_tf
from gru_tf.suite import coordinator
from gru_tf.suite.comparison.final import on_all_data
from gru_tf.training import refit

pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]
ROWS, WINDOW = 150, 6
SMALL = {"cells": ("gru",), "units": 3, "seeds": 2, "trials": 0, "epochs": 3, "workers": 0}


def walk() -> pandas.DataFrame:
    rng = np.random.default_rng(11)
    level = 100 + 5 * np.sin(np.arange(ROWS) / 3) + rng.standard_normal(ROWS)
    return pandas.DataFrame({"day": pandas.date_range("2023-01-01", periods=ROWS), "level": level})


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("final")
    walk().to_csv(folder / "walk.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(coordinator.SWITCH)
        options = {"target": "level", "time": "day", "window": WINDOW, "season": 0, "split": "fixed", **SMALL}
        return gru_tf.compare(folder / "walk.csv", store=f"sqlite:///{folder}/mlflow.db", final=True, **options)


def test_ridge_is_that_of_scikit_learn_on_every_window(answer: Any) -> None:
    predictor = answer.predictor("ridge")
    run = answer._models.run_of("ridge")
    final = on_all_data(predictor, run)
    (column,) = predictor.task.encodings()["encoding"]["columns"]
    scaled = (walk().level.to_numpy() - column["mean"]) / column["deviation"]
    windows = np.lib.stride_tricks.sliding_window_view(scaled, WINDOW + 1)
    windows = windows - windows[:, [WINDOW - 1]]
    model = Ridge(alpha=run.fitted.settings["alpha"]).fit(windows[:, :WINDOW], windows[:, WINDOW])
    last = scaled[-WINDOW:]
    expected = (last[-1] + model.predict((last - last[-1])[None])[0]) * column["deviation"] + column["mean"]
    assert final.predict(walk()).level[0] == pytest.approx(expected, rel=1e-6)
    assert predictor.predict(walk()).level[0] != pytest.approx(expected, rel=1e-7)


def test_a_network_learns_from_every_window_for_the_epochs_that_validation_chose(
    answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    inner = refit.train_on

    def recorded(run: Any, signature: Any, examples: Any, steps: Any, epochs: int) -> bool:
        seen.append((len(examples), epochs))
        return inner(run, signature, examples, steps, epochs)

    monkeypatch.setattr(refit, "train_on", recorded)
    predictor, run = answer.predictor("gru"), answer._models.run_of("gru")
    final = on_all_data(predictor, run)
    assert seen == [(ROWS - WINDOW, run.best_epoch + 1)]
    assert str(final).endswith(f"trained anew on all of the data for {run.best_epoch + 1} epochs") or run.best_epoch == 0
    assert final.predict(walk()).level[0] != predictor.predict(walk()).level[0]
    again = on_all_data(predictor, run)
    assert again.predict(walk()).level[0] == final.predict(walk()).level[0]


def test_the_predictor_in_the_store_is_the_final_one(answer: Any) -> None:
    assert "all of the data" in str(answer.predictor())
    kept = gru_tf.compared("walk", store=answer.store).predictor()
    assert str(kept) == str(answer.predictor())
    assert kept.predict(walk()).level[0] == pytest.approx(answer.predict(walk()).level[0], rel=1e-6)
