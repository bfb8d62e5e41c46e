"""A covariate that holds the target's future is warned of; one that only helps is not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gru_tf.tasks import create


def notes(folder: Path, covariate: np.ndarray, values: np.ndarray, horizon: int = 2) -> list[str]:
    pd.DataFrame({"load": values, "other": covariate}).to_csv(folder / "load.csv", index=False)
    options = {"path": str(folder / "load.csv"), "target": ("load",), "covariates": ("other",), "window": 5}
    task = create("forecast", {**options, "horizon": horizon})
    return [note for note in task.notes() if "gives" in note]


def load(rows: int = 400) -> np.ndarray:
    rng = np.random.default_rng(1)
    return 100 + 20 * np.sin(2 * np.pi * np.arange(rows) / 24) + rng.standard_normal(rows).cumsum()


@pytest.mark.parametrize("ahead", [1, 2])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_the_target_of_later_rows_is_warned_of(tmp_path: Path, ahead: int, noise: float) -> None:
    values = load()
    later = np.append(values[ahead:], [0.0] * ahead) * 3 + 7 + noise * np.random.default_rng(2).standard_normal(len(values))
    (note,) = notes(tmp_path, later, values)
    assert f"'other' gives 'load' away {ahead} row{'s' * (ahead > 1)} ahead, almost exactly" in note


def test_a_row_beyond_the_horizon_gives_nothing_away(tmp_path: Path) -> None:
    values = np.random.default_rng(4).standard_normal(400)
    assert notes(tmp_path, np.append(values[3:], [0.0] * 3), values, horizon=2) == []


def test_a_covariate_that_helps_is_none(tmp_path: Path) -> None:
    values, rng = load(), np.random.default_rng(3)
    for covariate in (
        values + rng.standard_normal(400),  # another sensor
        values,
        np.append(values[0], values[:-1]),  # yesterday's value
        np.sin(2 * np.pi * np.arange(400) / 24),
        np.arange(400.0),
        np.append(values[1:], 0.0) + 5 * rng.standard_normal(400),  # a forecast of a weather service
        np.full(400, 3.0),
    ):
        assert notes(tmp_path, covariate, values) == []
