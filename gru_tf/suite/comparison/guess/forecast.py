"""The options of a forecast that the user left open: times, target, series, window, season, stride."""

from collections.abc import Mapping
from typing import Any

from gru_tf.data.own import columns, files
from gru_tf.foundation.errors import UserError, several, shown
from gru_tf.suite.comparison.guess.columns import Said, idle, is_number, named, numeric, times
from gru_tf.suite.comparison.guess.season import Steps, count, steps_of

LONGEST = 200  # steps of a window that is guessed
UNKNOWN = 24  # steps of a window where no season is known
WINDOWS = 50_000  # that train, about
TRAINING = 0.65  # share of the time axis, what the task's defaults leave for training
SHOWN = 4  # names in a line

Given = Mapping[str, Any]


def guess(path: str, head: Any, given: Given, said: list[Said]) -> tuple[dict[str, Any], str]:
    """The options of a forecast, and it in words; each guess is added to `said`.

    Raises:
        UserError: where a column is not there, or several could be meant.
    """
    columns.have(head, [*given.get("target", ()), *given.get("covariates", ()), *_one(given.get("group"))], path)
    time = _time(path, head, given, said)
    target = _target(path, head, given, time, said)
    group = given.get("group")
    steps = steps_of(path, time, group, target[0])
    if steps.repeated and group is None and time is not None:
        group = _group(path, head, time, {*target}, said)
        steps = steps_of(path, time, group, target[0])
    horizon, season = given.get("horizon", 1), given.get("season", steps.season)
    window = given["window"] if "window" in given else _window(steps, season, horizon, said)
    if "horizon" not in given:
        said.append(Said(f"{count(horizon, steps.unit)} ahead", ("horizon",)))
    stride = given["stride"] if "stride" in given else _stride(steps, window, horizon, said)
    if "season" not in given:
        words = f"a season of {count(season, steps.unit)}" if season else f"no season: {steps.why}"
        said.append(Said(f"{words}; the trivial answer repeats it" if season else words, ("season",)))
    if "relative" not in given:
        said.append(Said("cells foretell the change from a window's last value", ("relative",)))
    _left_out(head, {*target, *_one(time), *_one(group)}, given, said)
    found = {"target": target, "time": time, "group": group, "covariates": given.get("covariates", ())}
    found |= {"window": window, "horizon": horizon, "season": season, "stride": stride}
    found |= {"relative": given.get("relative", True), "missing": given.get("missing")}
    of = f" in {steps.series} series" if group else ""
    ahead = f"{count(horizon, steps.unit)} ahead from windows of {count(window, steps.unit)}"
    summary = f"a forecast of {', '.join(target)}, {ahead} ({steps.rows:,} rows{of})"
    return {name: value for name, value in found.items() if value not in (None, ())}, summary


def _one(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)


def _time(path: str, head: Any, given: Given, said: list[Said]) -> str | None:
    if "time" in given:
        columns.have(head, [given["time"]], path)
        return str(given["time"])
    found = [name for name in times(head) if name not in given.get("target", ())]
    if len(found) > 1:
        raise UserError(f"{path}: expected to be told which column has the times (time). Candidates: {several(found)}")
    said.append(Said(f"'{found[0]}' has the times" if found else "no times: rows as the file has them", ("time",)))
    return found[0] if found else None


def _target(path: str, head: Any, given: Given, time: str | None, said: list[Said]) -> tuple[str, ...]:
    if given.get("target"):
        return tuple(given["target"])
    taken = {time, given.get("group"), *given.get("covariates", ()), *named(head, ("id",)), *idle(head)}
    found = [name for name in numeric(head) if name not in taken]
    if len(found) != 1:
        what = f"Candidates: {several(found)}" if found else _no_numbers(head, taken)
        raise UserError(f"{path}: expected to be told which column to foretell (target). {what}")
    said.append(Said(f"'{found[0]}' is foretold, the one other column of numbers", ("target",)))
    return (found[0],)


def _no_numbers(head: Any, taken: set[Any]) -> str:
    """The columns that are left, each with a value, so that a decimal comma or a unit is seen."""
    left = [name for name in map(str, head.columns) if name not in taken]
    first = [head[name].dropna() for name in left]
    told = [f"{c.name}, such as {shown(str(c.iloc[0]))}" if len(c) else f"{c.name}, all empty" for c in first]
    return f"No other holds numbers: {several(told or list(map(str, head.columns)), SHOWN)}"


def _group(path: str, head: Any, time: str, taken: set[str], said: list[Said]) -> str | None:
    """The one column that tells apart rows of the same time; None leaves it to the task to name two such rows."""
    found = []
    for name in map(str, head.columns):
        whole = not is_number(head[name]) or head[name].dtype.kind in "iu"
        if name == time or name in taken or not whole or head[name].isna().any():
            continue
        frame = files.read_table(path, [time, name])
        if not frame.duplicated().any() and frame[name].nunique() <= len(frame) // 2:
            found.append(name)
    if len(found) != 1:
        return None
    said.append(Said(f"each '{found[0]}' is a series, as times come again", ("group",)))
    return found[0]


def _window(steps: Steps, season: int, horizon: int, said: list[Said]) -> int:
    """Two seasons where these are not too long, else one; at most a third of the training rows of the shortest series."""
    wished = next((window for window in (2 * season, season) if 0 < window <= LONGEST), UNKNOWN)
    most = max(1, int(TRAINING * steps.shortest) // 3 - horizon + 1)
    window = min(wished, most)
    why = {2 * season: ", two seasons", season: ", one season"}.get(window, "")
    why = ", a third of the training rows" if window < wished else why
    said.append(Said(f"windows of {count(window, steps.unit)}{why}", ("window",)))
    return window


def _stride(steps: Steps, window: int, horizon: int, said: list[Said]) -> int:
    windows = int(TRAINING * steps.rows) - steps.series * (window + horizon - 1)
    stride = max(1, -(-windows // WINDOWS))
    if stride > 1:
        said.append(Said(f"one in {stride} of {windows:,} windows trains, at most {WINDOWS:,}", ("stride",)))
    return stride


def _left_out(head: Any, used: set[str], given: Given, said: list[Said]) -> None:
    left = [str(name) for name in head.columns if name not in {*used, *idle(head)}]
    if left and "covariates" not in given:
        said.append(Said(f"not among the inputs: {several(left, SHOWN)}", ("covariates",)))
