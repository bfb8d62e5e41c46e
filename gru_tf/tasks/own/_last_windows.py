"""New rows of a user's series, encoded as those of training were, and their last windows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns, local_time, missing_values, timestamps, wide_series
from gru_tf.data.own.encoding import Encoding
from gru_tf.data.own.frequency import BY_ROWS, Frequency, estimate, other_steps
from gru_tf.tasks import Array
from gru_tf.tasks.own._encoded_series import ForecastSeries
from gru_tf.tasks.own._known_ahead import ahead, future_rows
from gru_tf.tasks.own._known_ahead import places as places_of
from gru_tf.tasks.own._missing_values import with_typical
from gru_tf.tasks.own._options import ForecastOptions
from gru_tf.tasks.own._scaling import SeriesScales, of_rows
from gru_tf.tasks.own._table_rows import row_numbers, with_calendar

WHERE = "the data"  # what messages call them


class NewRows(NamedTuple):
    """New rows of one series or many, series by series in the order of their names, each in order of time.

    Args:
        frame: the rows.
        values: (rows, columns) float32, encoded as those of training.
        times: (rows,) the time of each; its number within its series where there is no column of times.
        ends: (series,) the row after the last of each series; names: of each; scale: of each.
    """

    frame: Any
    values: Array
    times: Array
    ends: Array
    names: tuple[str, ...]
    scale: SeriesScales


def new_rows(options: ForecastOptions, about: ForecastSeries, known: SeriesScales, frame: Any) -> NewRows:
    """The rows of a frame.

    Args:
        options: of the task.
        about: what is known of its series.
        known: their scales.
        frame: new rows, as `OwnForecast.prepare` takes them.

    Raises:
        UserError: naming row and column where the frame is not as in training, and a series with fewer rows than a window.
    """
    frame, times, series, names = _sorted_rows(options, about, frame.reset_index(drop=True))
    future = future_rows(options, frame, series, WHERE)
    coming, coming_series = frame[future], series[future]
    frame, times, series = frame[~future], times[~future], series[~future]
    if options.missing == "mean":
        frame = with_typical(frame, options.inputs, about.fill)
    elif options.missing == "drop":
        whole = ~columns.missing(frame, options.inputs).any(1)
        frame, times, series = frame[whole], times[whole], series[whole]
    frame = missing_values.complete(frame, options.inputs, options.missing, WHERE, series=series)
    numbers = sorted(range(len(names)), key=lambda number: names[number])
    places = [np.flatnonzero(series == number) for number in numbers]
    _expect_windows(options, [names[number] for number in numbers], places)
    scale = _scales(options, about, known, frame, series, names)
    values = about.encoding.apply(frame, WHERE)
    values[:, : len(options.target)] = scale.standardised(_in_units(options, frame), series)
    for own in places:
        _read_ahead(options, about, values, frame, times, own, coming[coming_series == series[own[0]]])
    order, ends = np.concatenate(places), np.cumsum([len(own) for own in places])
    ordered = SeriesScales(scale.centres[numbers], scale.spreads[numbers])
    return NewRows(frame.iloc[order], values[order], times[order], ends, tuple(names[n] for n in numbers), ordered)


def _read_ahead(
    options: ForecastOptions, about: ForecastSeries, values: Array, frame: Any, times: Array, own: Array, coming: Any
) -> None:
    """Put into the rows of one series what they read ahead, in place; `coming` are its rows that are forecast."""
    import pandas

    later = ahead(options, about.encoding, options.time is not None and about.frequency is not None)
    if not later.columns:
        return
    horizon, parts = options.horizon, []
    for column in later.columns:
        one = Encoding(columns=(column,))
        if not column.calendar:
            both = pandas.concat([frame[[column.name]].iloc[own], coming[[column.name]].iloc[:horizon]])
            parts.append(one.apply(both, WHERE)[horizon:])
            continue
        assert about.frequency is not None  # noqa: S101, as `ahead` says
        moments = np.concatenate([times[own], _following(about.frequency, times[own], horizon)])[horizon:]
        zone = about.times.zone if about.times is not None else None
        made = with_calendar(pandas.DataFrame(index=range(len(own))), moments, zone, [column.name], WHERE)
        parts.append(one.apply(made, WHERE))
    inputs = places_of(about.encoding, later)
    values[np.ix_(own, inputs)] = np.concatenate(parts, axis=1)


def _expect_windows(options: ForecastOptions, names: Sequence[str], places: Sequence[Array]) -> None:
    """Raise DatasetError where a series has fewer rows than a window."""
    for name, own in zip(names, places, strict=True):
        if len(own) < options.window:
            which = f" of {options.group} '{name}'" if options.group is not None else ""
            raise DatasetError(f"{WHERE}: expected at least {options.window} rows{which}, a window. Received: {len(own)}")


def _in_units(options: ForecastOptions, frame: Any) -> Array:
    """(rows, targets) float64."""
    return np.stack([frame[name].to_numpy(np.float64) for name in options.target], axis=1)


def _scales(
    options: ForecastOptions, about: ForecastSeries, known: SeriesScales, frame: Any, series: Array, names: Sequence[str]
) -> SeriesScales:
    """The scale of each new series: that of training, or of its own rows where training does not have it."""
    places = dict(zip(about.groups or ("",), range(len(known.centres)), strict=True))
    mean = np.array([column.mean for column in about.encoding.columns[: len(options.target)]])
    deviation = np.array([column.deviation for column in about.encoding.columns[: len(options.target)]])
    pairs = []
    for number, name in enumerate(names):
        if name in places:
            pairs.append((known.centres[places[name]], known.spreads[places[name]]))
        elif options.scale == "table":
            pairs.append((mean, deviation))
        else:
            centre, spread = of_rows(options.scale, _in_units(options, frame[series == number]))
            pairs.append((centre, np.where(spread > 0, spread, deviation)))
    centres, spreads = zip(*pairs, strict=True)
    return SeriesScales(np.stack(centres), np.stack(spreads))


class LastWindows(NamedTuple):
    """The last window of each series.

    Args:
        windows: (series, window, columns) float32.
        groups: (series,) the value of its group; "" without groups.
        times: (series · horizon,) those that follow each; None where the times of training have no regular step.
        scale: of each series.
    """

    windows: Array
    groups: list[Any]
    times: Array | None
    scale: SeriesScales


def last_windows(options: ForecastOptions, about: ForecastSeries, known: SeriesScales, frame: Any) -> LastWindows:
    """The last window of each series of a frame.

    Args:
        options: of the task.
        about: what is known of its series.
        known: their scales.
        frame: new rows.

    Raises:
        UserError: as `new_rows`, and where times are missing in a window, if training left such windows out.
    """
    new = new_rows(options, about, known, frame)
    if options.leaves_gaps_out:
        _expect_no_gap(options, about, new)
    windows = np.stack([new.values[end - options.window : end] for end in new.ends])
    groups = [new.frame[options.group].iloc[end - 1] if options.group is not None else "" for end in new.ends]
    if options.time is None or about.frequency is None:
        return LastWindows(windows, groups, None, new.scale)
    begins = np.append(0, new.ends[:-1])
    each = [new.times[begin:end] for begin, end in zip(begins, new.ends, strict=True)]
    times = np.concatenate([_following(about.frequency, own, options.horizon) for own in each])
    return LastWindows(windows, groups, times, new.scale)


def _following(step: Frequency, times: Array, horizon: int) -> Array:
    """(horizon,) the times after those of a series: by its own step where it keeps another than training; else unknown."""
    series = np.zeros(len(times), np.int32)
    if not len(other_steps(step, times, series)):
        return step.after(times[-1], horizon)
    own = estimate(times, series, step.zone)
    unknown = np.datetime64("NaT", "ns") if times.dtype.kind == "M" else np.nan
    return np.full(horizon, unknown) if own is None else own.after(times[-1], horizon)


def _expect_no_gap(options: ForecastOptions, about: ForecastSeries, new: NewRows) -> None:
    """Raise DatasetError where times are missing in the last window of a series."""
    step = about.frequency if options.time is not None else BY_ROWS
    if step is None:
        return
    series = np.repeat(np.arange(len(new.ends)), np.diff(np.append(0, new.ends)))
    breaks = step.breaks(new.times, series)
    for end, name in zip(new.ends, new.names, strict=True):
        gaps = np.flatnonzero(breaks[end - options.window + 1 : end])
        if len(gaps):
            which = f" of {options.group} '{name}'" if options.group is not None else ""
            place = end - options.window + int(gaps[-1])  # the row before the last gap
            moment = new.times[place]
            if about.times is not None:
                moment = local_time.local(np.array([moment]), about.times.zone)[0]
            after = f"times are missing after {timestamps.moment(moment)}" if options.time is not None else "rows dropped"
            by = f", by {step.words}," if options.time is not None else ""
            raise DatasetError(
                f"{WHERE}: expected the last {options.window} rows{which} to follow each other{by} without a gap, as in"
                f" training. Received: {after}; fill the gap, or set gaps to stretch in training"
            )


def _sorted_rows(options: ForecastOptions, about: ForecastSeries, frame: Any) -> tuple[Any, Array, Array, list[str]]:
    """The rows by series, then time; their times, the number of the series of each, and the names of the series."""
    if options.target[0] not in frame.columns:
        frame = wide_series.to_long(frame, options.layout, WHERE)
    frame = columns.joined(frame, options.columns)
    calendar = [column.name for column in about.encoding.columns if column.calendar]
    columns.have(frame, [name for name in options.columns if name not in calendar], WHERE)
    if not len(frame):
        raise DatasetError(f"{WHERE}: expected at least {options.window} rows, a window. Received: none")
    times = None
    if options.time is not None:
        zone, known = options.zone, about.times
        times, form = timestamps.read(
            frame, options.times, WHERE, options.group, order=options.dates, zone=zone, known=known
        )
        frame = with_calendar(frame, times, zone or (known.zone if known else form.zone), calendar, WHERE)
    series, names = np.zeros(len(frame), np.int32), [""]
    if options.group is not None:
        series, names = columns.groups(frame, options.group, WHERE)
    times = row_numbers(series) if times is None else times
    order = np.lexsort((times, series))
    frame, times, series = frame.iloc[order], times[order], series[order]
    numbers = {name: columns.numbers(frame, name, WHERE) for name in options.target}
    return frame.assign(**numbers), times, series, names
