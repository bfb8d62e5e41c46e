"""Prediction intervals of models on simulated series: they cover as much as they promise, and widen as they should."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gru_tf.baselines import fitting
from gru_tf.tasks import create

ROWS = 16_000


def simulated(name: str) -> np.ndarray:
    rng = np.random.default_rng(sum(map(ord, name)))
    noise, t = rng.standard_normal(ROWS), np.arange(ROWS)
    if name == "autoregression":
        values = np.zeros(ROWS)
        for step in range(1, ROWS):
            values[step] = 0.8 * values[step - 1] + noise[step]
        return values
    return {
        "noise": noise,
        "random walk": noise.cumsum(),
        "season": 10 * np.sin(2 * np.pi * t / 24) + noise,
        "trend with heavy tails": 0.01 * t + rng.standard_t(3, ROWS),
    }[name]


@pytest.mark.parametrize("model", ["naive", "ridge"])
@pytest.mark.parametrize("name", ["noise", "autoregression", "random walk", "season", "trend with heavy tails"])
def test_coverage_is_within_three_points(tmp_path: Path, name: str, model: str) -> None:
    pd.DataFrame({"y": simulated(name)}).to_csv(tmp_path / "y.csv", index=False)
    task = create("forecast", {"path": str(tmp_path / "y.csv"), "target": ("y",), "window": 6, "horizon": 2, "season": 24})
    fitted = fitting.fit(model, task, task.splits(np.random.default_rng(0)), 0)
    for level in (80, 95):
        assert 100 * fitted.evaluation.values[f"coverage_{level}"] == pytest.approx(level, abs=3)
    half = np.array([fitted.evaluation.radii[level] for level in ("80", "95")])
    assert (half[1] > half[0]).all()


def test_intervals_of_a_random_walk_widen_by_the_root_of_the_steps(tmp_path: Path) -> None:
    pd.DataFrame({"y": simulated("random walk")}).to_csv(tmp_path / "y.csv", index=False)
    task = create("forecast", {"path": str(tmp_path / "y.csv"), "target": ("y",), "window": 2, "horizon": 4})
    fitted = fitting.fit("naive", task, task.splits(np.random.default_rng(0)), 0)
    deviation = task.encodings()["outputs"][0]["deviation"]
    half = np.array(fitted.evaluation.radii["80"]) * deviation
    assert half == pytest.approx(1.2816 * np.sqrt([1, 2, 3, 4]), rel=0.08)
