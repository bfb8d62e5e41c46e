"""From a user's table to the encoded rows of its series and the starts of their windows."""

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import frequency, memory_limit
from gru_tf.data.own.encoding import Encoding
from gru_tf.data.own.frequency import Frequency
from gru_tf.data.own.splits import TEST, TRAIN, VALIDATION
from gru_tf.tasks import Array
from gru_tf.tasks._baselines import naive_errors
from gru_tf.tasks._text_arrays import to_array
from gru_tf.tasks.own._missing_values import Completed, complete
from gru_tf.tasks.own._options import ForecastOptions
from gru_tf.tasks.own._table_rows import Rows, first_rows, read_rows, sorted_order
from gru_tf.tasks.own._window_starts import expect_windows, notes_on_short_series, window_starts

VERSION = 4  # of what `encode` returns, as the cache keeps it; see gru_tf.data.array_cache
ABOUT = "said"  # the array of `ForecastSeries` as JSON, under the name that caches have it by


class ForecastSeries(BaseModel):
    """What is known of a user's series beside their rows.

    Args:
        encoding: of the targets, then the covariates.
        fill: column → what a missing value becomes with missing: mean; categories by name.
        naive: naive forecast → its mean squared error on the test split, standardised.
        frequency: the regular step of the times; None where there is none.
        rows: of the table.
        notes: what a user should know.
        groups: the name of each series, in the order of the rows; () where there is one.
    """

    model_config = ConfigDict(frozen=True)

    encoding: Encoding
    fill: dict[str, float | str]
    naive: dict[str, float]
    frequency: Frequency | None
    rows: int
    notes: tuple[str, ...]
    groups: tuple[str, ...]


def encode(options: ForecastOptions) -> dict[str, Array]:
    """The arrays of a user's series, as the cache keeps them.

    Returns:
        "rows" (rows, columns) float32, series by series in order of time; "firsts" (rows,), the first row of the series
        of each; "times" (rows,); the starts of the windows of "train", "validation" and "test"; and `ABOUT`, the
        `ForecastSeries` as JSON.

    Raises:
        DatasetError: one line naming file, row and column where the file cannot be read or is not as the options say.
    """
    where = " and ".join(options.paths)
    table, notes = _sorted(options, read_rows(options, where))
    step = frequency.estimate(table.times, table.series) if options.time is not None else None
    if step is not None and step.gaps:
        notes.append(f"'{options.time}' steps by {step.words} with {step.gaps:,} gaps; windows count rows, not time.")
    completed = complete(options, table, where)
    _expect_to_fit_memory(completed, where)
    series, imputed = completed.rows.series, completed.imputed
    rows, firsts = completed.encoding.apply(completed.rows.frame, where), first_rows(series)
    starts = window_starts(options, firsts, completed.rows.part, imputed)
    expect_windows(options, where, completed.rows, imputed, starts)
    notes += [*completed.notes, *notes_on_short_series(series, starts)]
    targets = rows[:, : len(options.target)]
    naive = naive_errors(targets, starts[TEST], options.horizon, options.season, firsts[starts[TEST]])
    about = ForecastSeries(
        encoding=completed.encoding,
        fill=completed.fill,
        naive=naive,
        frequency=step,
        rows=len(table.frame),
        notes=tuple(notes),
        groups=() if options.group is None else _groups(completed.rows.frame[options.group], firsts),
    )
    text = to_array(about.model_dump_json())
    parts = {"train": starts[TRAIN], "validation": starts[VALIDATION], "test": starts[TEST]}
    return {"rows": rows, "firsts": firsts, "times": completed.rows.times, **parts, ABOUT: text}


def _groups(column: Any, firsts: Array) -> tuple[str, ...]:
    """The name of each series, in the order of the rows."""
    return tuple(str(column.iloc[first]) for first in np.unique(firsts))


def _sorted(options: ForecastOptions, rows: Rows) -> tuple[Rows, list[str]]:
    """The rows by series, then time; and a note that they were not, where one would expect it."""
    order = sorted_order(rows.times, rows.series)
    if order is None:
        return rows, []
    notes = [] if options.group is not None else [f"The rows were not in order of '{options.time}': they are sorted by it."]
    return rows.select(order), notes


def _expect_to_fit_memory(completed: Completed, where: str) -> None:
    """Raise DatasetError where the encoded rows would not fit the memory."""
    count, inputs = len(completed.rows.frame), len(completed.encoding.names)
    if (needed := 2 * 4 * count * inputs) > memory_limit.LIMIT:
        raise DatasetError(
            f"{where}: expected inputs that fit {memory_limit.LIMIT / 1e9:g} GB of memory. Received: {count:,} rows of"
            f" {inputs} inputs, which need {needed / 1e9:.1f} GB: name fewer covariates"
        )
