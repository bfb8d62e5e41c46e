"""From a user's table to the encoded rows of its series and the starts of their windows."""

from typing import Any, NamedTuple

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
from gru_tf.tasks.own._window_starts import cut_windows, notes_on_short_series

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
    table, order_notes = _sorted(options, read_rows(options, where))
    step = frequency.estimate(table.times, table.series, table.form.zone) if table.form is not None else frequency.BY_ROWS
    completed = complete(options, table, where)
    _expect_to_fit_memory(completed, where)
    encoded = _encoded(options, completed, where, options.time is not None and step is not None)
    windows = cut_windows(options, completed, encoded.firsts, step, where)
    series, part = completed.rows.series, completed.rows.part
    groups = () if options.group is None else _groups(completed.rows.frame[options.group], encoded.firsts)
    names = dict(zip(np.unique(series).tolist(), groups or ("",), strict=True))
    notes = [
        *order_notes,
        *completed.encoding.unknown(completed.rows.frame),
        *completed.notes,
        *notes_on_times(table, step, names),
        *notes_on_gaps(options, step, windows.breaks, windows.starts, windows.with_gaps),
        *notes_on_short_series(series, windows.starts, names),
        *encoded.giveaways,
    ]
    beginnings, scale = np.unique(encoded.firsts), encoded.scale
    steps = naive_scale(encoded.values, encoded.firsts, part == TRAIN, options.season)[beginnings]
    of_rows = _numbers(encoded.firsts)
    about = ForecastSeries(
        encoding=completed.encoding,
        fill=completed.fill,
        naive=naive(
            options,
            encoded.values,
            encoded.firsts,
            windows.starts[TEST],
            scale.centres[of_rows],
            steps[of_rows],
            scale.spreads[of_rows],
        ),
        frequency=None if options.time is None else step,
        times=table.form,
        broken=bool(windows.breaks.any()),
        rows=len(table.frame),
        notes=tuple(notes),
        groups=groups,
    )
    parts = {name: windows.starts[number] for name, number in (("train", TRAIN), ("validation", VALIDATION), ("test", TEST))}
    scaled = {"centres": scale.centres, "spreads": scale.spreads, "naive_scale": steps}
    rows = {"rows": encoded.rows, "firsts": encoded.firsts, "times": completed.rows.times}
    return {**rows, **parts, **scaled, ABOUT: to_array(about.model_dump_json())}


class _Encoded(NamedTuple):
    """Rows as networks read them.

    Args:
        rows: (rows, columns) float32; values: (rows, targets) float64 in their units.
        scale: of the targets of each series.
        firsts: (rows,) the first row of the series of each.
        giveaways: notes on covariates that give a target away.
    """

    rows: Array
    values: Array
    scale: SeriesScales
    firsts: Array
    giveaways: tuple[str, ...]


def _encoded(options: ForecastOptions, completed: Completed, where: str, regular: bool) -> _Encoded:
    rows, firsts = completed.encoding.apply(completed.rows.frame, where), first_rows(completed.rows.series)
    values, scale = _targets(options, completed, firsts)
    rows[:, : len(options.target)] = scale.standardised(values, _numbers(firsts))
    # before covariates that are known ahead are moved: one that is ahead of its target gives it away
    giveaways = tuple(notes_on_giveaways(options, rows, completed.encoding.names, firsts, completed.rows.part == TRAIN))
    read_ahead(rows, firsts, places(completed.encoding, ahead(options, completed.encoding, regular)), options.horizon)
    return _Encoded(rows, values, scale, firsts, giveaways)


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
