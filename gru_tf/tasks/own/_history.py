"""New rows of a user's series behind the rows that training had, for models that read a series from its beginning.

Worked example, training with the months up to 12:

    new rows   13 14 15     → 1 … 12 13 14 15
               11 12 13     → 1 … 10 11 12 13, with the new values of 11 and 12
               14 15 16     → 14 15 16: month 13 is missing, so what came before does not count
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gru_tf.data.own.frequency import Frequency
from gru_tf.tasks import Array, ForecastRows
from gru_tf.tasks.own._encoded_series import ForecastSeries
from gru_tf.tasks.own._last_windows import NewRows, new_rows
from gru_tf.tasks.own._options import ForecastOptions
from gru_tf.tasks.own._scaling import SeriesScales
from gru_tf.tasks.own._task import NewHistory


def history(
    options: ForecastOptions, about: ForecastSeries, arrays: Mapping[str, Array], known: ForecastRows, frame: object
) -> NewHistory:
    """The rows of training, followed by the new ones.

    Args:
        options: of the task.
        about: what is known of its series.
        arrays: its "times", those of `known`, and the scales of its series.
        known: the rows of training, validation and test.
        frame: new rows, as `OwnForecast.prepare` takes them.

    Raises:
        UserError: as `prepare`.
    """
    new = new_rows(options, about, SeriesScales.of_arrays(arrays), frame)
    targets, names = known.rows.shape[1], about.groups or ("",)
    firsts = np.unique(known.firsts)
    ends = dict(zip(names, np.append(firsts[1:], len(known.rows)), strict=True))
    begins = dict(zip(names, firsts, strict=True))
    order = [*names, *(name for name in new.names if name not in begins)]
    places = dict(zip(new.names, map(slice, np.append(0, new.ends[:-1]), new.ends), strict=True))
    values, times, whole = [], [], {}
    centres, spreads = [], []
    for name in order:
        of_training = slice(begins.get(name, 0), ends.get(name, 0))
        rows, moments = known.rows[of_training], arrays["times"][of_training]
        scale = (known.mean[of_training], known.deviation[of_training])
        if own := places.get(name):
            kept = _kept(options, about.frequency, moments, new.times[own])
            whole[name] = kept > 0 or _same_beginning(options, rows, moments, new, own)
            rows = np.concatenate([rows[:kept], new.values[own, :targets]])
            moments = np.concatenate([moments[:kept], new.times[own]])
            place = new.names.index(name)
            scale = (new.scale.centres[place], new.scale.spreads[place])
        values.append(rows)
        times.append(moments)
        centres.append(np.broadcast_to(scale[0], rows.shape))
        spreads.append(np.broadcast_to(scale[1], rows.shape))
    lengths = np.array([len(rows) for rows in values])
    after = dict(zip(order, np.cumsum(lengths), strict=True))
    series = np.repeat(np.arange(len(order)), lengths)
    joined = replace(
        known,
        rows=np.concatenate(values),
        firsts=np.repeat(np.cumsum(lengths) - lengths, lengths),
        training=np.zeros(len(series), bool),
        starts={},
        mean=np.concatenate(centres),
        deviation=np.concatenate(spreads),
        regular=known.regular and _regular(about.frequency, np.concatenate(times), series),
    )
    starts = np.array([after[name] for name in new.names])
    return NewHistory(joined, starts, np.array([whole[name] for name in new.names]), new.names)


def _kept(options: ForecastOptions, frequency: Frequency | None, known: Array, new: Array) -> int:
    """How many rows of training come before new ones, if nothing is missing between; without times none do."""
    if options.time is None or not len(known) or known.dtype != new.dtype:
        return 0
    before = int(np.searchsorted(known, new[0]))
    if before == len(known) and frequency is not None and frequency.after(known[-1], 1)[0] < new[0]:
        return 0
    return before


def _same_beginning(options: ForecastOptions, rows: Array, times: Array, new: NewRows, own: slice) -> bool:
    """Whether new rows begin with the first one of training: by its time, or without times by the values of both."""
    if options.time is not None:
        return len(times) > 0 and times.dtype == new.times.dtype and bool(times[0] == new.times[own.start])
    count = min(len(rows), own.stop - own.start)
    return count > 0 and np.array_equal(rows[:count], new.values[own.start : own.start + count, : rows.shape[1]])


def _regular(step: Frequency | None, times: Array, series: Array) -> bool:
    """Whether no row is missing between others; without times none is known to be."""
    return step is None or not step.breaks(times, series).any()
