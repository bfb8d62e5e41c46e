"""From a user's table to the encoded rows of its series and the starts of their windows, and from new rows to windows."""

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns, frequency, memory_limit, missing_values, timestamps
from gru_tf.data.own.encoding import Encoding
from gru_tf.data.own.frequency import Frequency
from gru_tf.data.own.splits import TEST, TRAIN, VALIDATION
from gru_tf.tasks import Array
from gru_tf.tasks._windows import naive_errors
from gru_tf.tasks.own._missing import Completed, completed, with_typical
from gru_tf.tasks.own._rows import Rows, begins_of, counted, order_of, read_rows, wanted
from gru_tf.tasks.own._window_starts import expect_windows, window_starts, without_windows

if TYPE_CHECKING:
    from gru_tf.tasks.own.forecast import OwnForecast

VERSION = 2  # of what `series` makes, for arrays that are kept; see gru_tf.data.array_cache


class Series(BaseModel):
    """What is known of a user's series beside their rows.

    Args:
        encoding: of the targets, then the covariates.
        fill: column → what a missing value becomes with missing: mean; categories by name.
        naive: forecast that learns nothing → its mean squared error on the test split, standardised.
        frequency: the regular step of the times; None where there is none.
        rows: of the table.
        notes: what a user should know.
    """

    model_config = ConfigDict(frozen=True)

    encoding: Encoding
    fill: dict[str, float | str]
    naive: dict[str, float]
    frequency: Frequency | None
    rows: int
    notes: tuple[str, ...]


def series(task: "OwnForecast") -> dict[str, Array]:
    """The arrays that are kept of a task.

    Returns:
        "rows" (rows, columns) float32, series by series in order of time; the starts of the windows of "train",
        "validation" and "test"; and "said", the `Series` as JSON.

    Raises:
        DatasetError: one line naming file, row and column where the file cannot be read or is not as the options say.
    """
    where = " and ".join(task._paths())
    read, notes = _in_order(task, read_rows(task, where))
    found = frequency.estimate(read.moments, read.of) if task.time is not None else None
    if found is not None and found.gaps:
        notes.append(f"'{task.time}' steps by {found.words} with {found.gaps:,} gaps; windows count rows, not time.")
    whole = completed(task, read, where)
    _fit(whole, where)
    of, part = whole.rows.of, whole.rows.part
    rows, begins = whole.encoding.apply(whole.rows.frame, where), begins_of(of)
    starts = window_starts(task, begins, part, whole.made)
    expect_windows(task, where, of, part, whole.made, starts)
    notes += [*whole.notes, *without_windows(of, starts)]
    targets = rows[:, : len(task.target)]
    naive = naive_errors(targets, starts[TEST], task.horizon, task.season, begins[starts[TEST]])
    said = Series(
        encoding=whole.encoding, fill=whole.fill, naive=naive, frequency=found, rows=len(read.frame), notes=tuple(notes)
    )
    text = np.frombuffer(said.model_dump_json().encode(), np.uint8)
    return {"rows": rows, "train": starts[TRAIN], "validation": starts[VALIDATION], "test": starts[TEST], "said": text}


def _in_order(task: "OwnForecast", rows: Rows) -> tuple[Rows, list[str]]:
    """The rows by series, then time, and that they were not, where one would not expect it."""
    order = order_of(rows.moments, rows.of)
    if order is None:
        return rows, []
    told = [] if task.group is not None else [f"The rows were not in order of '{task.time}': they are sorted by it."]
    return rows.at(order), told


def _fit(whole: Completed, where: str) -> None:
    """Raise DatasetError where the encoded rows would not fit the memory."""
    count, inputs = len(whole.rows.frame), len(whole.encoding.names)
    if (needed := 2 * 4 * count * inputs) > memory_limit.LIMIT:
        raise DatasetError(
            f"{where}: expected inputs that fit {memory_limit.LIMIT / 1e9:g} GB of memory. Received: {count:,} rows of"
            f" {inputs} inputs, which need {needed / 1e9:.1f} GB: name fewer covariates"
        )


# ----------------------------------------------------------------------------------------------------------- new data


def last_windows(task: "OwnForecast", said: Series, frame: Any) -> tuple[Array, list[tuple[Any, Any]]]:
    """((series, window, columns) float32 of the last rows of each series, (group, last moment) of each).

    Raises:
        UserError: naming row and column where the frame is not as in training.
    """
    where = "the data"
    frame, moments, of, series = _new_rows(task, frame.reset_index(drop=True), where)
    names = [*task.target, *task.covariates]
    if task.missing == "mean":
        frame = with_typical(frame, names, said.fill)
    elif task.missing == "drop":
        kept = ~columns.missing(frame, names).any(1)
        frame, moments, of = frame[kept], moments[kept], of[kept]
    frame = missing_values.complete(frame, names, task.missing, where, series=of)
    rows = said.encoding.apply(frame, where)
    windows, ends = [], []
    for number in sorted(range(len(series)), key=lambda number: series[number]):
        places = np.flatnonzero(of == number)
        if len(places) < task.window:
            which = f" of {task.group} '{series[number]}'" if task.group is not None else ""
            raise DatasetError(f"{where}: expected at least {task.window} rows{which}, a window. Received: {len(places)}")
        windows.append(rows[places[-task.window :]])
        ends.append((frame[task.group].iloc[places[-1]] if task.group is not None else "", moments[places[-1]]))
    return np.stack(windows), ends


def _new_rows(task: "OwnForecast", frame: Any, where: str) -> tuple[Any, Array, Array, list[str]]:
    """The rows by series, then time; their moments, the number of the series of each, and the names of the series."""
    columns.have(frame, wanted(task), where)
    if not len(frame):
        raise DatasetError(f"{where}: expected at least {task.window} rows, a window. Received: none")
    moments = timestamps.times(frame, task.time, where, task.group) if task.time is not None else None
    of, series = np.zeros(len(frame), np.int32), [""]
    if task.group is not None:
        of, series = columns.groups(frame, task.group, where)
    moments = counted(of) if moments is None else moments
    order = np.lexsort((moments, of))
    frame, moments, of = frame.iloc[order], moments[order], of[order]
    numbers = {name: columns.numbers(frame, name, where) for name in task.target}
    return frame.assign(**numbers), moments, of, series
