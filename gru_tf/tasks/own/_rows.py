"""The rows of a user's table of series: read, checked, of which series and in which part each is, and in what order."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from gru_tf.data.datasets import DatasetError
from gru_tf.data.own import columns, files, missing_values, timestamps
from gru_tf.data.own.splits import TEST, by_time
from gru_tf.tasks import Array

if TYPE_CHECKING:
    from gru_tf.tasks.own.forecast import OwnForecast


@dataclass(frozen=True)
class Rows:
    """Rows of one series or many.

    Args:
        frame: targets, covariates and group, without the column of times.
        moments: (rows,) when each is; its number within its series where there is no time.
        of: (rows,) int32 number of its series.
        part: (rows,) int8, as in `gru_tf.data.own.splits`.
    """

    frame: Any
    moments: Array
    of: Array
    part: Array

    def at(self, places: Array) -> Self:
        """Those at these places, in this order, or those of a mask."""
        return type(self)(self.frame.iloc[places], self.moments[places], self.of[places], self.part[places])


def wanted(task: "OwnForecast") -> list[str]:
    """The columns that are read."""
    return [name for name in (task.time, task.group) if name is not None] + [*task.target, *task.covariates]


def read_rows(task: "OwnForecast", where: str) -> Rows:
    """The rows of both files, in the order of the files.

    Raises:
        DatasetError: naming file, row and column where these are not as the options say.
    """
    import pandas

    read = [_checked(task, files.read_table(path, wanted(task)), path) for path in task._paths()]
    frame, moments = read[0]
    if len(read) == 1:
        of = _series_of(task, frame, where)
        moments = counted(of) if moments is None else moments
        return Rows(frame, moments, of, by_time(moments, task.validation, task.test, where))
    first = len(frame)
    if moments is not None:
        _later(task, read)
        moments = np.concatenate([moments, read[1][1]])
    frame = pandas.concat([part for part, _ in read], ignore_index=True)
    of = _series_of(task, frame, where)
    moments = counted(of) if moments is None else moments
    part = np.full(len(frame), TEST, np.int8)
    part[:first] = by_time(moments[:first], task.validation, 0, where)
    return Rows(frame, moments, of, part)


def _checked(task: "OwnForecast", frame: Any, where: str) -> tuple[Any, Array | None]:
    """One file's columns as they should be, and its moments."""
    moments = timestamps.times(frame, task.time, where, task.group) if task.time is not None else None
    for name in task.target:
        frame[name] = columns.numbers(frame, name, where)
    if task.missing == "refuse":
        missing_values.complete(frame, [*task.target, *task.covariates], "refuse", where)
    return frame if task.time is None else frame.drop(columns=task.time), moments


def _later(task: "OwnForecast", read: list[tuple[Any, Any]]) -> None:
    """The second file's rows are all later than the first's."""
    (_, before), (frame, after) = read
    if before.dtype != after.dtype:
        raise DatasetError(
            f"{task.test_path}: column '{task.time}': expected times as in {task.path}. Received: another kind"
        )
    if (early := after <= before.max()).any():
        row = columns.row(task.test_path or "", frame.index[int(early.argmax())])
        raise DatasetError(
            f"{task.test_path}: {row}, column '{task.time}': expected a time after the last of {task.path},"
            f" {timestamps.moment(before.max())}. Received: {timestamps.moment(after[early.argmax()])}"
        )


def _series_of(task: "OwnForecast", frame: Any, where: str) -> Array:
    """(rows,) int32 number of the series of each row."""
    if task.group is None:
        return np.zeros(len(frame), np.int32)
    return columns.groups(frame, task.group, where)[0]


def counted(of: Array) -> Array:
    """(rows,) number of each row within its series: the moments where there is no time."""
    order = np.argsort(of, kind="stable")
    counted = np.empty(len(of), np.int64)
    counted[order] = np.arange(len(of)) - begins_of(of[order])
    return counted


def order_of(moments: Array, of: Array) -> Array | None:
    """By series, then time; None where the rows are so already."""
    rising = (of[1:] > of[:-1]) | ((of[1:] == of[:-1]) & (moments[1:] > moments[:-1]))
    return None if rising.all() else np.lexsort((moments, of))


def begins_of(of: Array) -> Array:
    """(rows,) the first row of the series of each row; series follow each other."""
    firsts = np.flatnonzero(np.concatenate([[True], of[1:] != of[:-1]]))
    return np.repeat(firsts, np.diff(np.append(firsts, len(of))))
