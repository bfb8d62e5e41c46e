"""Where the windows of a user's series start, part by part; a window never crosses into another series or part."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own.splits import TEST, TRAIN, VALIDATION
from gru_tf.tasks import Array

if TYPE_CHECKING:
    from gru_tf.tasks.own.forecast import OwnForecast


def window_starts(task: "OwnForecast", begins: Array, part: Array, made: Array) -> list[Array]:
    """The starts of the windows of each part, rising."""
    window, horizon = task.window, task.horizon
    count = max(0, len(begins) - window - horizon + 1)
    starts, lasts = slice(window, window + count), slice(window + horizon - 1, window + horizon - 1 + count)
    first = np.arange(count)  # rows that are seen first
    fits = (begins[lasts] <= first) & (part[starts] == part[lasts])
    if made.any():
        before = np.concatenate([[0], np.cumsum(made[:, 0])])
        fits &= before[lasts.start + 1 :][:count] == before[starts]
        fits &= ~made[window - 1 :, 1][:count]
    train, validation, test = (np.flatnonzero(fits & (part[starts] == n)) for n in (TRAIN, VALIDATION, TEST))
    train = train[(train - begins[starts][train]) % task.stride == 0]
    return [found + window for found in (train, validation[:: task.stride], test)]


def expect_windows(task: "OwnForecast", where: str, of: Array, part: Array, made: Array, starts: list[Array]) -> None:
    """Raise DatasetError where a part has no window: how many rows it takes, or how many the parts have."""
    empty = [name for name, found in zip(("training", "validation", "test"), starts, strict=True) if not len(found)]
    if not empty:
        return
    longest = int(np.bincount(of).max())
    series = "" if task.group is None else f" in a series ('{task.group}')"
    needed = _needed(task)
    left_out = f", of which {int(made[:, 0].sum()):,} have no target" if made[:, 0].any() else ""
    asked = f"a window of {task.window:,} and a horizon of {task.horizon:,} rows"
    shares = f"a share of {task.validation:g} to validate and {task.test:g} to test"
    if task.test_path is None and longest < needed:
        raise DatasetError(
            f"{where}: expected at least {needed:,} rows{series} for {asked}, with {shares}. Received: {longest:,}{left_out}"
            f"{_instead(task, longest) if task.group is None and not made.any() else ''}"
        )
    counts = ", ".join(
        f"{int((part == number).sum()):,} to {name}" for number, name in enumerate(("train", "validate", "test"))
    )
    raise DatasetError(f"{where}: expected rows for {asked} in the {empty[0]} part. Received: {counts}{left_out}")


def _needed(task: "OwnForecast") -> int:
    """The fewest rows of one series that give each part a window."""
    shares = (task.validation, task.test)
    for rows in range(task.window + 3 * task.horizon, 2**40):
        parts = [max(1, round(share * rows)) for share in shares]
        if min(parts) >= task.horizon and rows - sum(parts) >= task.window + task.horizon:
            return rows
    return math.inf  # type: ignore[return-value]


def _instead(task: "OwnForecast", rows: int) -> str:
    """The longest window that so many whole rows have room for; else the longest horizon, with a window that fits it."""
    parts = [max(1, round(share * rows)) for share in (task.validation, task.test)]
    train = rows - sum(parts)
    if min(parts) >= task.horizon and train > task.horizon:
        return f"; they have room for a window of up to {train - task.horizon:,}"
    horizon = min(*parts, train - 1)
    if horizon < 1:
        return ""
    window = min(task.window, train - horizon)
    return f"; they have room for a horizon of up to {horizon:,} with a window of {window:,}"


def without_windows(of: Array, starts: list[Array]) -> Iterator[str]:
    """Series that end before a part, begin in it, or are too short."""
    everyone = set(np.unique(of).tolist())
    for name, found in zip(("training", "validation", "test"), starts, strict=True):
        if missing := len(everyone - set(np.unique(of[found]).tolist())):
            yield f"{missing:,} of {len(everyone):,} series have no {name} window."
