"""From a user's table to the encoded rows of its series and the starts of their windows."""

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import frequency, memory_limit
from gru_tf.data.own.encoding import Encoding
from gru_tf.data.own.frequency import Frequency
from gru_tf.data.own.splits import TEST, TRAIN, VALIDATION
from gru_tf.data.own.time_form import TimeForm
from gru_tf.tasks import Array
from gru_tf.tasks._forecast_errors import naive_scale
from gru_tf.tasks._text_arrays import to_array
from gru_tf.tasks.own._giveaway import notes_on_giveaways
from gru_tf.tasks.own._known_ahead import ahead, places, read_ahead
from gru_tf.tasks.own._missing_values import Completed, complete
from gru_tf.tasks.own._naive import naive
from gru_tf.tasks.own._options import ForecastOptions
from gru_tf.tasks.own._scaling import SeriesScales, scales
from gru_tf.tasks.own._table_rows import Rows, first_rows, read_rows, sorted_order
from gru_tf.tasks.own._time_notes import notes_on_gaps, notes_on_times
from gru_tf.tasks.own._window_starts import expect_windows, notes_on_short_series, window_starts

VERSION = 7  # of what `encode` returns, as the cache keeps it; see gru_tf.data.array_cache
ABOUT = "said"  # the array of `ForecastSeries` as JSON, under the name that caches have it by


class ForecastSeries(BaseModel):
    """What is known of a user's series beside their rows.

    Args:
        encoding: of the targets, then the covariates.
        fill: column → what a missing value becomes with missing: mean; categories by name.
        naive: naive forecast → metric → its value on the test split.
        frequency: the regular step of the times; None where there is none.
        times: how the file writes them; None without a column of times.
        broken: whether times are missing between rows, or rows were dropped.
        rows: of the table.
        notes: what a user should know.
        groups: the name of each series, in the order of the rows; () where there is one.
    """

    model_config = ConfigDict(frozen=True)

    encoding: Encoding
    fill: dict[str, float | str]
    naive: dict[str, dict[str, float]]
    frequency: Frequency | None
    times: TimeForm | None
    broken: bool
    rows: int
    notes: tuple[str, ...]
    groups: tuple[str, ...]


def encode(options: ForecastOptions) -> dict[str, Array]:
    """The arrays of a user's series, as the cache keeps them.

    Returns:
        "rows" (rows, columns) float32, series by series in order of time; "firsts" (rows,), the first row of the series
        of each; "times" (rows,); the starts of the windows of "train", "validation" and "test"; "centres" and "spreads",
        (series, targets), by which targets are standardised; "naive_scale", (series, targets), the mean absolute error of
        the naive forecast in training; and `ABOUT`, the `ForecastSeries` as JSON.

    Raises:
        DatasetError: one line naming file, row and column where the file cannot be read or is not as the options say.
    """
    where = " and ".join(options.paths)
    table, notes = _sorted(options, read_rows(options, where))
    step = frequency.estimate(table.times, table.series, table.form.zone) if table.form is not None else frequency.BY_ROWS
    completed = complete(options, table, where)
    _expect_to_fit_memory(completed, where)
    series, imputed = completed.rows.series, completed.imputed
    notes += completed.encoding.unknown(completed.rows.frame)
    rows, firsts = completed.encoding.apply(completed.rows.frame, where), first_rows(series)
    values, scale = _targets(options, completed, firsts)
    rows[:, : len(options.target)] = scale.standardised(values, numbers := _numbers(firsts))
    notes_given = [*notes_on_giveaways(options, rows, completed.encoding.names, firsts, completed.rows.part == TRAIN)]
    later = ahead(options, completed.encoding, options.time is not None and step is not None)
    read_ahead(rows, firsts, places(completed.encoding, later), options.horizon)
    breaks = np.zeros(len(rows), bool) if step is None else step.breaks(completed.rows.times, series)
    starts = with_gaps = window_starts(options, firsts, completed.rows.part, imputed)
    if options.leaves_gaps_out and breaks.any():
        starts = window_starts(options, firsts, completed.rows.part, imputed, breaks)
    expect_windows(options, where, completed.rows, imputed, starts, with_gaps)
    groups = () if options.group is None else _groups(completed.rows.frame[options.group], firsts)
    names = dict(zip(np.unique(series).tolist(), groups or ("",), strict=True))
    notes += [*completed.notes, *notes_on_times(table, step, names)]
    notes += [*notes_on_gaps(options, step, breaks, starts, with_gaps), *notes_on_short_series(series, starts, names)]
    notes += notes_given
    steps = naive_scale(values, firsts, completed.rows.part == TRAIN, options.season)[np.unique(firsts)]
    about = ForecastSeries(
        encoding=completed.encoding,
        fill=completed.fill,
        naive=naive(options, values, firsts, starts[TEST], scale.centres[numbers], steps[numbers], scale.spreads[numbers]),
        frequency=None if options.time is None else step,
        times=table.form,
        broken=bool(breaks.any()),
        rows=len(table.frame),
        notes=tuple(notes),
        groups=groups,
    )
    text = to_array(about.model_dump_json())
    parts = {"train": starts[TRAIN], "validation": starts[VALIDATION], "test": starts[TEST]}
    scaled = {"centres": scale.centres, "spreads": scale.spreads, "naive_scale": steps}
    return {"rows": rows, "firsts": firsts, "times": completed.rows.times, **parts, **scaled, ABOUT: text}


def _targets(options: ForecastOptions, completed: Completed, firsts: Array) -> tuple[Array, SeriesScales]:
    """The targets (rows, targets) float64 in their units, and the scale of each series."""
    frame, columns = completed.rows.frame, completed.encoding.columns[: len(options.target)]
    values = np.stack([frame[name].to_numpy(np.float64) for name in options.target], axis=1)
    table = SeriesScales(np.array([[c.mean for c in columns]]), np.array([[c.deviation for c in columns]]))
    lengths = np.diff(np.append(np.unique(firsts), len(firsts)))
    return values, scales(options.scale, values, lengths, completed.rows.part == TRAIN, table, options.window)


def _numbers(firsts: Array) -> Array:
    """(rows,) number of the series of each row, in their order."""
    return np.cumsum(np.concatenate([[0], firsts[1:] != firsts[:-1]]))


def _groups(column: Any, firsts: Array) -> tuple[str, ...]:
    """The name of each series, in the order of the rows."""
    return tuple(str(column.iloc[first]) for first in np.unique(firsts))


def _sorted(options: ForecastOptions, rows: Rows) -> tuple[Rows, list[str]]:
    """The rows by series, then time; and a note that they were not, where one would expect it."""
    order = sorted_order(rows.times, rows.series)
    if order is None:
        return rows, []
    if options.group is not None or rows.form is None:
        return rows.select(order), []
    return rows.select(order), [f"The rows were not in order of {rows.form.words}: they are sorted by it."]


def _expect_to_fit_memory(completed: Completed, where: str) -> None:
    """Raise DatasetError where the encoded rows would not fit the memory."""
    count, inputs = len(completed.rows.frame), len(completed.encoding.names)
    if (needed := 2 * 4 * count * inputs) > memory_limit.LIMIT:
        raise DatasetError(
            f"{where}: expected inputs that fit {memory_limit.LIMIT / 1e9:g} GB of memory. Received: {count:,} rows of"
            f" {inputs} inputs, which need {needed / 1e9:.1f} GB: name fewer covariates"
        )
