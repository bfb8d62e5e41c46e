"""From a user's table to the encoded rows of its series and the starts of their windows, and from new rows to windows."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from gru_tf.datasets import DatasetError
from gru_tf.own_data import columns, files, filling, memory, rhythm, timestamps
from gru_tf.own_data.encoding import Encoding
from gru_tf.own_data.rhythm import Rhythm
from gru_tf.own_data.shares import TEST, TRAIN, VALIDATION, by_time
from gru_tf.tasks import Array
from gru_tf.tasks._windows import naive_errors

if TYPE_CHECKING:
    from gru_tf.tasks.forecast import OwnForecast

VERSION = 2  # of what `series` makes, for arrays that are kept; see gru_tf.parsed


class Series(BaseModel):
    """What is known of a user's series beside their rows.

    Args:
        encoding: of the targets, then the covariates.
        fill: column → what a missing value becomes with missing: mean; categories by name.
        naive: forecast that learns nothing → its mean squared error on the test split, standardised.
        rhythm: the regular step of the times; None where there is none.
        rows: of the table.
        notes: what a user should know.
    """

    model_config = ConfigDict(frozen=True)

    encoding: Encoding
    fill: dict[str, float | str]
    naive: dict[str, float]
    rhythm: Rhythm | None
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
    frame, moments, of, part = _table(task, where)
    notes = []
    order = _order(moments, of)
    if order is not None:
        if task.group is None:
            notes.append(f"The rows were not in order of '{task.time}': they are sorted by it.")
        frame, moments, of, part = frame.iloc[order], moments[order], of[order], part[order]
    found = rhythm.of(moments, of) if task.time is not None else None
    if found is not None and found.gaps:
        notes.append(f"'{task.time}' steps by {found.words} with {found.gaps:,} gaps; windows count rows, not time.")
    table, of, part, seen, made = _completed(task, frame, of, part, where, notes)
    encoding, fill = seen
    if (needed := 2 * 4 * len(table) * len(encoding.names)) > memory.LIMIT:
        raise DatasetError(
            f"{where}: expected inputs that fit {memory.LIMIT / 1e9:g} GB of memory. Received: {len(table):,} rows of"
            f" {len(encoding.names)} inputs, which need {needed / 1e9:.1f} GB: name fewer covariates"
        )
    rows = encoding.apply(table, where)
    begins = _begins(of)
    starts = _starts(task, begins, part, made)
    _enough(task, where, of, part, made, starts)
    notes += _short(task, of, part, begins, starts)
    targets = rows[:, : len(task.target)]
    naive = naive_errors(targets, starts[TEST], task.horizon, task.season, begins[starts[TEST]])
    said = Series(encoding=encoding, fill=fill, naive=naive, rhythm=found, rows=len(frame), notes=tuple(notes))
    text = np.frombuffer(said.model_dump_json().encode(), np.uint8)
    return {"rows": rows, "train": starts[TRAIN], "validation": starts[VALIDATION], "test": starts[TEST], "said": text}


# ------------------------------------------------------------------------------------------------------------ reading


def _wanted(task: "OwnForecast") -> list[str]:
    return [name for name in (task.time, task.group) if name is not None] + [*task.target, *task.covariates]


def _table(task: "OwnForecast", where: str) -> tuple[Any, Array, Array, Array]:
    """The rows of both files, their moments, the number of the series of each, and the part it is in."""
    import pandas

    read = [_checked(task, files.read_table(path, _wanted(task)), path) for path in task._paths()]
    frame, moments = read[0]
    if len(read) == 1:
        of = _series_of(task, frame, where)
        moments = _counted(of) if moments is None else moments
        return frame, moments, of, by_time(moments, task.validation, task.test, where)
    first = len(frame)
    if moments is not None:
        _later(task, read)
        moments = np.concatenate([moments, read[1][1]])
    frame = pandas.concat([part for part, _ in read], ignore_index=True)
    of = _series_of(task, frame, where)
    moments = _counted(of) if moments is None else moments
    part = np.full(len(frame), TEST, np.int8)
    part[:first] = by_time(moments[:first], task.validation, 0, where)
    return frame, moments, of, part


def _checked(task: "OwnForecast", frame: Any, where: str) -> tuple[Any, Array | None]:
    """One file's columns as they should be, and its moments."""
    moments = timestamps.times(frame, task.time, where, task.group) if task.time is not None else None
    for name in task.target:
        frame[name] = columns.numbers(frame, name, where)
    if task.missing == "refuse":
        filling.complete(frame, [*task.target, *task.covariates], "refuse", where)
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
    if task.group is None:
        return np.zeros(len(frame), np.int32)
    return columns.groups(frame, task.group, where)[0]


def _counted(of: Array) -> Array:
    """(rows,) number of each row within its series: the moments where there is no time."""
    order = np.argsort(of, kind="stable")
    counted = np.empty(len(of), np.int64)
    counted[order] = np.arange(len(of)) - _begins(of[order])
    return counted


def _order(moments: Array, of: Array) -> Array | None:
    """By series, then time; None where the rows are so already."""
    rising = (of[1:] > of[:-1]) | ((of[1:] == of[:-1]) & (moments[1:] > moments[:-1]))
    return None if rising.all() else np.lexsort((moments, of))


def _begins(of: Array) -> Array:
    """(rows,) the first row of the series of each row; series follow each other."""
    firsts = np.flatnonzero(np.concatenate([[True], of[1:] != of[:-1]]))
    return np.repeat(firsts, np.diff(np.append(firsts, len(of))))


# ----------------------------------------------------------------------------------------------------- missing values


def _completed(task: "OwnForecast", frame: Any, of: Array, part: Array, where: str, notes: list[str]) -> Any:
    """The complete rows with series and part of each, what training shows, and what was made up.

    The last is (rows, 2): whether a row's targets were, and whether it holds a value that follows from a later row.
    """
    names = [*task.target, *task.covariates]
    training = part == TRAIN
    absent = columns.missing(frame, names)
    seen = frame[training] if not training.all() else frame
    for place, name in enumerate(task.target):
        _changes(seen[name], name, where, bool(absent[training, place].all()))
    encoding = Encoding.fit(frame, names, training, where)
    fill = {name: _typical(seen[name], encoding, place) for place, name in enumerate(names)}
    if not absent.any():
        return frame, of, part, (encoding, fill), np.zeros((len(frame), 2), bool)
    gone = absent.any(1)
    rows = f"{int(gone.sum()):,} rows have" if gone.sum() > 1 else "1 row has"
    notes.append(f"{rows} missing values; missing: {task.missing}.")
    if task.missing == "drop":
        frame, of, part, absent = frame[~gone], of[~gone], part[~gone], absent[~gone]
    elif task.missing == "mean":
        frame = _with_typical(frame, names, fill)
    else:
        frame = filling.complete(frame, names, task.missing, where, training, of)
    made = np.stack([absent[:, : len(task.target)].any(1), absent.any(1) & (task.missing == "interpolate")], axis=1)
    return frame, of, part, (encoding, fill), made


def _changes(seen: Any, name: str, where: str, none: bool) -> None:
    if none:
        raise DatasetError(f"{where}: column '{name}': expected values in the training rows. Received: none")
    if seen.min() == seen.max():
        value = f"{seen.min():g} in each of {len(seen):,} training rows"
        raise DatasetError(f"{where}: column '{name}': expected a target that changes. Received: {value}")


def _typical(seen: Any, encoding: Encoding, place: int) -> float | str:
    column = encoding.columns[place]
    return column.mean if column.kind == "number" else str(seen.dropna().astype("str").str.strip().mode().iloc[0])


def _with_typical(frame: Any, names: list[str], fill: dict[str, float | str]) -> Any:
    frame = frame.copy(deep=False)
    for place, gone in enumerate(columns.missing(frame, names).T):
        if gone.any():
            name = names[place]
            kept = frame[name] if isinstance(fill[name], float) else frame[name].astype("str")
            frame[name] = kept.mask(gone, fill[name])
    return frame


# ------------------------------------------------------------------------------------------------------------ windows


def _starts(task: "OwnForecast", begins: Array, part: Array, made: Array) -> list[Array]:
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


def _enough(task: "OwnForecast", where: str, of: Array, part: Array, made: Array, starts: list[Array]) -> None:
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


def _short(task: "OwnForecast", of: Array, part: Array, begins: Array, starts: list[Array]) -> Iterator[str]:
    """Series that end before a part, begin in it, or are too short."""
    everyone = set(np.unique(of).tolist())
    for name, found in zip(("training", "validation", "test"), starts, strict=True):
        if missing := len(everyone - set(np.unique(of[found]).tolist())):
            yield f"{missing:,} of {len(everyone):,} series have no {name} window."


# ----------------------------------------------------------------------------------------------------------- new data


def last_windows(task: "OwnForecast", said: Series, frame: Any) -> tuple[Array, list[tuple[Any, Any]]]:
    """((series, window, columns) float32 of the last rows of each series, (group, last moment) of each).

    Raises:
        UserError: naming row and column where the frame is not as in training.
    """
    where = "the data"
    frame = frame.reset_index(drop=True)
    names = [*task.target, *task.covariates]
    columns.have(frame, _wanted(task), where)
    if not len(frame):
        raise DatasetError(f"{where}: expected at least {task.window} rows, a window. Received: none")
    moments = timestamps.times(frame, task.time, where, task.group) if task.time is not None else None
    of, series = np.zeros(len(frame), np.int32), [""]
    if task.group is not None:
        of, series = columns.groups(frame, task.group, where)
    moments = _counted(of) if moments is None else moments
    order = np.lexsort((moments, of))
    frame, moments, of = frame.iloc[order], moments[order], of[order]
    for name in task.target:
        frame = frame.assign(**{name: columns.numbers(frame, name, where)})
    if task.missing == "mean":
        frame = _with_typical(frame, names, said.fill)
    elif task.missing == "drop":
        kept = ~columns.missing(frame, names).any(1)
        frame, moments, of = frame[kept], moments[kept], of[kept]
    frame = filling.complete(frame, names, task.missing, where, series=of)
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
