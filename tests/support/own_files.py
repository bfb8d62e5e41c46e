"""Small files such as users bring, written once a session: tasks on own data are tested on them.

`path(name)` is an absolute path in a folder of this test process, written at first use and gone with the process; options
with such a path are shown by `shown`, which no folder is in, so that a test has the same id in every process.
"""

import atexit
import functools
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas

FILES: dict[str, Callable[[Path], object]] = {}  # name → what writes it; add yours with @file("name.csv")


def file(name: str) -> Callable[[Callable[[Path], object]], Callable[[Path], object]]:
    """Register what writes the file `name`; it must write the same at every call."""

    def register(write: Callable[[Path], object]) -> Callable[[Path], object]:
        FILES[name] = write
        return write

    return register


@functools.cache
def folder() -> Path:
    """This process's own, removed when it ends."""
    temporary = tempfile.TemporaryDirectory(prefix="gru_tf-own-")
    atexit.register(temporary.cleanup)
    return Path(temporary.name)


@functools.cache
def path(name: str) -> str:
    """Where the file `name` lies, as options take it."""
    FILES[name](folder() / name)
    return str(folder() / name)


def shown(options: Mapping[str, Any]) -> str:
    """Options in one line, files by name alone."""
    named = {key: Path(value).name if key in ("path", "test_path") else value for key, value in options.items()}
    return ", ".join(f"{key}={value!r}" for key, value in named.items())


@file("shop.csv")
def shop(file: Path) -> None:
    """400 days of one shop: sales with a weekly season, a temperature, and whether there was a market."""
    rng = np.random.default_rng(1)
    days = pandas.date_range("2021-03-01", periods=400)
    sales = 50 + 0.05 * np.arange(400) + 10 * np.sin(np.arange(400) * 2 * np.pi / 7) + rng.normal(0, 2, 400)
    weather = rng.choice(["dry", "rain", "snow"], 400)
    columns = {"day": days, "sales": sales.round(2), "temperature": rng.normal(15, 5, 400).round(1), "weather": weather}
    pandas.DataFrame(columns).to_csv(file, index=False)


@file("shops.parquet")
def shops(file: Path) -> None:
    """Three shops of 120, 90 and 150 days that end on the same day, in no order, with two columns to forecast."""
    rng = np.random.default_rng(2)
    parts = []
    for name, length in (("north", 120), ("south", 90), ("west", 150)):
        hours = pandas.date_range(end="2022-06-30", periods=length)
        values = rng.normal(0, 1, (length, 2)).cumsum(0).round(3)
        parts.append(pandas.DataFrame({"shop": name, "day": hours, "sales": values[:, 0], "visits": values[:, 1]}))
    frame = pandas.concat(parts)
    frame.iloc[rng.permutation(len(frame))].to_parquet(file, index=False)


@file("shop_later.csv")
def shop_later(file: Path) -> None:
    """The 60 days of the shop that follow."""
    rng = np.random.default_rng(3)
    steps = np.arange(400, 460)
    sales = 50 + 0.05 * steps + 10 * np.sin(steps * 2 * np.pi / 7) + rng.normal(0, 2, 60)
    columns = {
        "day": pandas.date_range("2022-04-05", periods=60),
        "sales": sales.round(2),
        "temperature": rng.normal(15, 5, 60).round(1),
        "weather": rng.choice(["dry", "rain"], 60),
    }
    pandas.DataFrame(columns).to_csv(file, index=False)
