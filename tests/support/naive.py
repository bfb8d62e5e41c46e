"""Naive forecasts, from the file alone: rows in plain Python, independent of how tasks cut windows."""

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas

# Task → file, columns, rows that train, end of the rows that validate and test, steps of a season.
FILES: dict[str, tuple[str, list[str], int, int, int, int]] = {
    "Ett": ("ett/ETTh1.csv", ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"], 8640, 11520, 14400, 24),
    "Airline": ("series/airline-passengers.csv", ["Passengers"], 84, 108, 144, 12),
    "Sunspots": ("series/monthly-sunspots.csv", ["Sunspots"], 1404, 1872, 2820, 132),
    "Temperatures": ("series/daily-min-temperatures.csv", ["Temp"], 1825, 2555, 3650, 365),
}


def table(task: Any) -> Any:
    """(rows, columns) float64 of the columns that a task forecasts, standardised by the training rows."""
    name, columns, train, *_ = FILES[type(task).__name__]
    if getattr(task, "target", "all") == "OT":
        columns = ["OT"]
    folders = [Path(folder) for folder in os.environ["GRU_TF_DATA"].split(os.pathsep) if folder]
    file = next(folder / name for folder in folders if (folder / name).is_file())
    with file.open(newline="") as stream:
        rows = np.array([[float(row[column]) for column in columns] for row in csv.DictReader(stream)])
    return (rows - rows[:train].mean(0)) / rows[:train].std(0)


def forecasts(task: Any) -> dict[str, Any]:
    """Name → the forecast of each test window, (N, horizon · columns), relative where the task's targets are."""
    rows = table(task)
    _, _, _, first, end, season = FILES[type(task).__name__]
    last_value, seasonal = [], []
    for start in range(first, end - task.horizon + 1):
        base = rows[start - 1] if task.relative else 0.0
        last_value.append(np.concatenate([rows[start - 1] - base for _ in range(task.horizon)]))
        before = rows[start - season : start]
        seasonal.append(np.concatenate([before[step % season] - base for step in range(task.horizon)]))
    return {"last value": np.array(last_value), "seasonal naive": np.array(seasonal)}


def better(task: Any, targets: Any) -> Any:
    """The forecast with the smaller squared error."""
    return min(forecasts(task).values(), key=lambda predicted: float(np.mean((predicted - targets) ** 2)))


def covers(task: Any) -> bool:
    """Whether a task is a forecast."""
    return type(task).__name__ in FILES or type(task).__name__ == "OwnForecast"


def best(task: Any, targets: Any) -> Any:
    """The naive forecast with the smallest squared error on the test split."""
    if type(task).__name__ in FILES:
        return better(task, targets)
    named = own_forecasts(task)
    assert np.allclose(named.pop("truth"), targets, atol=1e-5), "windows, their order or their scale"
    return min(named.values(), key=lambda predicted: float(np.mean((predicted - targets) ** 2)))


def own_rows(task: Any) -> list[Any]:
    """A frame for each series of a user's file, in order of time, with "part": 0 to train, 1 to validate, 2 to test."""
    read = [
        pandas.read_parquet(f) if f.endswith(".parquet") else pandas.read_csv(f) for f in (task.path, task.test_path) if f
    ]
    moments = sorted(set(read[0][task.time]))
    tested = 0 if task.test_path else round(task.test * len(moments))
    validated = round(task.validation * len(moments))
    for frame in read:
        frame["part"] = [int(t in moments[len(moments) - tested - validated :]) for t in frame[task.time]]
        if task.test_path is None:
            frame.loc[frame[task.time].isin(moments[len(moments) - tested :]), "part"] = 2
    if task.test_path:
        read[1]["part"] = 2
    frame = pandas.concat(read)
    names = [None] if task.group is None else list(dict.fromkeys(frame[task.group]))
    return [(frame if name is None else frame[frame[task.group] == name]).sort_values(task.time) for name in names]


def own_forecasts(task: Any) -> dict[str, Any]:
    """As `forecasts`, with the mean of the training rows, and the values themselves: "truth"."""
    series, columns = own_rows(task), list(task.target)
    train = np.concatenate([frame[columns][frame.part == 0].to_numpy(float) for frame in series])
    windows: dict[str, list[Any]] = {"truth": [], "last value": [], "training mean": []}
    for frame in series:
        rows, part = (frame[columns].to_numpy(float) - train.mean(0)) / train.std(0), frame.part.to_numpy()
        for start in range(task.window, len(rows) - task.horizon + 1):
            if part[start] != 2:
                continue
            base = rows[start - 1] if task.relative else 0.0
            ahead = range(start, start + task.horizon)
            windows["truth"].append(np.concatenate([rows[row] - base for row in ahead]))
            windows["last value"].append(np.concatenate([rows[start - 1] - base for _ in ahead]))
            windows["training mean"].append(np.concatenate([0 * rows[0] - base for _ in ahead]))
            if task.season:
                before = [start - task.season + step % task.season for step in range(task.horizon)]
                forecast = [rows[row if row >= 0 else start - 1] - base for row in before]
                windows.setdefault("seasonal naive", []).append(np.concatenate(forecast))
    return {name: np.array(array) for name, array in windows.items()}
