"""Where the windows of a user's series start, part by part; a window never crosses into another series or part."""

import functools
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own.frequency import Frequency
from gru_tf.data.own.splits import SPLITS, TEST, TRAIN, VALIDATION
from gru_tf.foundation.errors import several
from gru_tf.foundation.option_spelling import spelled
from gru_tf.tasks import Array
from gru_tf.tasks.own._missing_values import Completed, Imputed
from gru_tf.tasks.own._options import ForecastOptions
from gru_tf.tasks.own._table_rows import Rows

NAMED = 4  # series in a line


class WindowStarts(NamedTuple):
    """The windows of a user's series.

    Args:
        starts: of each part, the first row to forecast of each window; with_gaps: the same with windows that cross a gap.
        breaks: (rows,) whether times are missing before a row.
    """

    starts: list[Array]
    with_gaps: list[Array]
    breaks: Array


def cut_windows(
    options: ForecastOptions, completed: Completed, firsts: Array, step: Frequency | None, where: str
) -> WindowStarts:
    """The windows of completed rows; those across a gap are left out where the options say so.

    Raises:
        DatasetError: where a part has none.
    """
    rows, imputed = completed.rows, completed.imputed
    breaks = np.zeros(len(firsts), bool) if step is None else step.breaks(rows.times, rows.series)
    starts = with_gaps = window_starts(options, firsts, rows.part, imputed)
    if options.leaves_gaps_out and breaks.any():
        starts = window_starts(options, firsts, rows.part, imputed, breaks)
    expect_windows(options, where, rows, imputed, starts, with_gaps)
    return WindowStarts(starts, with_gaps, breaks)


def window_starts(
    options: ForecastOptions, first_rows: Array, part: Array, imputed: Imputed, breaks: Array | None = None
) -> list[Array]:
    """The starts of the windows of each part, rising.

    Args:
        options: window, horizon and stride.
        first_rows: (rows,) the first row of the series of each row.
        part: (rows,) int8, as in `gru_tf.data.own.splits`.
        imputed: rows that were filled in: no target is one of them, and no window ends before the row it was filled from.
        breaks: (rows,) whether rows are missing before a row: no window has one inside, or its targets; None: none counts.
    """
    window, horizon = options.window, options.horizon
    count = max(0, len(first_rows) - window - horizon + 1)
    starts, lasts = slice(window, window + count), slice(window + horizon - 1, window + horizon - 1 + count)
    first = np.arange(count)  # first input row
    fits = (first_rows[lasts] <= first) & (part[starts] == part[lasts])
    if imputed.any():
        before = np.concatenate([[0], np.cumsum(imputed.targets)])
        fits &= before[lasts.start + 1 :][:count] == before[starts]
        fits &= ~imputed.from_later[window - 1 :][:count]
    if breaks is not None:
        before = np.cumsum(breaks)
        fits &= before[lasts] == before[:count]
    train, validation, test = (np.flatnonzero(fits & (part[starts] == n)) for n in (TRAIN, VALIDATION, TEST))
    train = train[(train - first_rows[starts][train]) % options.stride == 0]
    return [places + window for places in (train, validation[:: options.stride], test)]


def expect_windows(
    options: ForecastOptions, where: str, rows: Rows, imputed: Imputed, starts: list[Array], with_gaps: list[Array]
) -> None:
    """Raise DatasetError where a part has no window: how many rows it takes, or how many the parts have.

    Args:
        options: of the task.
        where: what messages call the file.
        rows: of the table.
        imputed: rows that were filled in.
        starts: of the windows of each part.
        with_gaps: the same with the windows in which times are missing.
    """
    wanted = [number for number in (TRAIN, VALIDATION, TEST) if number != VALIDATION or options.validation]
    empty = [SPLITS[number] for number in wanted if not len(starts[number])]
    if not empty:
        return
    if all(len(with_gaps[number]) for number in wanted):
        instead = f"set {spelled('gaps')} to stretch to count rows, not time, or choose a shorter window"
        raise DatasetError(
            f"{where}: expected {options.window + options.horizon:,} rows without a gap in time in the {empty[0]} part, a"
            f" window and a horizon. Received: none; {instead}"
        )
    longest = int(np.bincount(rows.series).max())
    needed = _fewest_rows(options)
    untargeted = int(imputed.targets.sum())
    without = f", of which {untargeted:,} have no target" if untargeted else ""
    size = f"a window of {options.window:,} and a horizon of {options.horizon:,} rows"
    if options.test_path is None and longest < needed:
        series = "" if options.group is None else f" in a series ('{options.group}')"
        shares = f"a share of {options.validation:g} to validate and {options.test:g} to test"
        instead = _largest_that_fits(options, longest) if options.group is None and not imputed.any() else ""
        raise DatasetError(
            f"{where}: expected at least {needed:,} rows{series} for {size}, with {shares}."
            f" Received: {longest:,}{without}{instead}"
        )
    counts = ", ".join(
        f"{int((rows.part == number).sum()):,} to {name}" for number, name in enumerate(("train", "validate", "test"))
    )
    raise DatasetError(f"{where}: expected rows for {size} in the {empty[0]} part. Received: {counts}{without}")


def _fewest_rows(options: ForecastOptions) -> int:
    """The fewest rows of one series that give each part a window."""
    shares = [share for share in (options.validation, options.test) if share]
    for rows in range(options.window + 3 * options.horizon, 2**40):
        parts = [max(1, round(share * rows)) for share in shares]
        if min(parts) >= options.horizon and rows - sum(parts) >= options.window + options.horizon:
            return rows
    return math.inf  # type: ignore[return-value]


def _largest_that_fits(options: ForecastOptions, rows: int) -> str:
    """The longest window that so many whole rows have room for; else the longest horizon, with a window that fits it."""
    parts = [max(1, round(share * rows)) for share in (options.validation, options.test) if share]
    train = rows - sum(parts)
    if min(parts) >= options.horizon and train > options.horizon:
        return f"; they have room for a window of up to {train - options.horizon:,}"
    horizon = min(*parts, train - 1)
    if horizon < 1:
        return ""
    window = min(options.window, train - horizon)
    return f"; they have room for a horizon of up to {horizon:,} with a window of {window:,}"


def notes_on_short_series(series: Array, starts: list[Array], names: Mapping[int, str]) -> Iterator[str]:
    """Which series have no window in a part, or in any: they end before it, begin in it, or are too short."""
    everyone = np.unique(series)
    absent = [np.setdiff1d(everyone, series[places]) for places in starts]
    nowhere = functools.reduce(np.intersect1d, absent)
    there = [(part, missing) for part, missing, places in zip(SPLITS, absent, starts, strict=True) if len(places)]
    parts = {f"{part} window": np.setdiff1d(missing, nowhere) for part, missing in there}
    for what, missing in ({"window": nowhere} | parts).items():
        if len(missing):
            have = "has" if len(missing) == 1 else "have"
            yield f"{len(missing):,} of {len(everyone):,} series {have} no {what}: {named(missing, names)}."


def named(numbers: Array, names: Mapping[int, str]) -> str:
    """The first few series by name."""
    return several([f"'{names[number]}'" for number in numbers.tolist()], NAMED)
