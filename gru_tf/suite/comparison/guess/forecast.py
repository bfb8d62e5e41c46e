"""The options of a forecast that the user left open: times, target, series, window, season, stride."""

from collections.abc import Mapping
from typing import Any

from gru_tf.data.own import columns, files
from gru_tf.foundation.errors import UserError, several, shown
from gru_tf.foundation.option_spelling import spelled
from gru_tf.suite.comparison.guess.columns import Inference, idle, is_number, named, numeric, times
from gru_tf.suite.comparison.guess.season import Steps, count, steps_of

LONGEST = 200  # steps of an inferred window
UNKNOWN = 24  # steps of an inferred window where no season is known
WINDOWS = 50_000  # that train, about
TRAINING = 0.65  # share of the time axis, what the task's defaults leave for training
SHOWN = 4  # names in a line

Options = Mapping[str, Any]


def guess(path: str, head: Any, chosen: Options, inferences: list[Inference]) -> tuple[dict[str, Any], str]:
    """The options of a forecast, and a summary of it in words; each inferred option is added to `inferences`.

    Raises:
        UserError: where a column is not there, or several could be meant.
    """
    columns.have(head, [*chosen.get("target", ()), *chosen.get("covariates", ()), *_one(chosen.get("group"))], path)
    time = _time(path, head, chosen, inferences)
    target = _target(path, head, chosen, time, inferences)
    group = chosen.get("group")
    steps = steps_of(path, time, group, target[0])
    if steps.repeated and group is None and time is not None:
        group = _group(path, head, time, {*target}, inferences)
        steps = steps_of(path, time, group, target[0])
    horizon, season = chosen.get("horizon", 1), chosen.get("season", steps.season)
    window = chosen["window"] if "window" in chosen else _window(steps, season, horizon, inferences)
    if "horizon" not in chosen:
        inferences.append(Inference(f"horizon: {count(horizon, steps.unit)} ahead", ("horizon",)))
    stride = chosen["stride"] if "stride" in chosen else _stride(steps, window, horizon, inferences)
    if "season" not in chosen:
        repeated = f"season: {count(season, steps.unit)}, repeated by the seasonal naive baseline"
        inferences.append(Inference(repeated if season else f"no season: {steps.why}", ("season",)))
    if "relative" not in chosen:
        inferences.append(Inference("predicts the change from the last value of the window", ("relative",)))
    _left_out(head, {*target, *_one(time), *_one(group)}, chosen, inferences)
    options = {"target": target, "time": time, "group": group, "covariates": chosen.get("covariates", ())}
    options |= {"window": window, "horizon": horizon, "season": season, "stride": stride}
    options |= {"relative": chosen.get("relative", True), "missing": chosen.get("missing")}
    of = f" in {steps.series} series" if group else ""
    ahead = f"{count(horizon, steps.unit)} ahead from windows of {count(window, steps.unit)}"
    summary = f"a forecast of {', '.join(target)}, {ahead} ({steps.rows:,} rows{of})"
    return {name: value for name, value in options.items() if value not in (None, ())}, summary


def _one(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)


def _time(path: str, head: Any, chosen: Options, inferences: list[Inference]) -> str | None:
    if "time" in chosen:
        columns.have(head, [chosen["time"]], path)
        return str(chosen["time"])
    candidates = [name for name in times(head) if name not in chosen.get("target", ())]
    if len(candidates) > 1:
        raise UserError(f"{path}: specify the column of times ({spelled('time')}). Candidates: {several(candidates)}")
    words = f"times: column '{candidates[0]}'" if candidates else "no column of times: rows in file order"
    inferences.append(Inference(words, ("time",)))
    return candidates[0] if candidates else None


def _target(path: str, head: Any, chosen: Options, time: str | None, inferences: list[Inference]) -> tuple[str, ...]:
    if chosen.get("target"):
        return tuple(chosen["target"])
    taken = {time, chosen.get("group"), *chosen.get("covariates", ()), *named(head, ("id",)), *idle(head)}
    candidates = [name for name in numeric(head) if name not in taken]
    if len(candidates) != 1:
        what = f"Candidates: {several(candidates)}" if candidates else _no_numbers(head, taken)
        raise UserError(f"{path}: specify the column to predict ({spelled('target')}). {what}")
    inferences.append(Inference(f"predicts '{candidates[0]}', the only other numeric column", ("target",)))
    return (candidates[0],)


def _no_numbers(head: Any, taken: set[Any]) -> str:
    """The columns that are left, each with a value, so that a decimal comma or a unit is seen."""
    left = [name for name in map(str, head.columns) if name not in taken]
    first = [head[name].dropna() for name in left]
    examples = [f"{c.name}, such as {shown(str(c.iloc[0]))}" if len(c) else f"{c.name}, all empty" for c in first]
    return f"No other column is numeric: {several(examples or list(map(str, head.columns)), SHOWN)}"


def _group(path: str, head: Any, time: str, taken: set[str], inferences: list[Inference]) -> str | None:
    """The one column that separates rows of the same time; None leaves it to the task to name two such rows."""
    candidates = []
    for name in map(str, head.columns):
        whole = not is_number(head[name]) or head[name].dtype.kind in "iu"
        if name == time or name in taken or not whole or head[name].isna().any():
            continue
        frame = files.read_table(path, [time, name])
        if not frame.duplicated().any() and frame[name].nunique() <= len(frame) // 2:
            candidates.append(name)
    if len(candidates) != 1:
        return None
    inferences.append(Inference(f"each '{candidates[0]}' is a series, because times repeat", ("group",)))
    return candidates[0]


def _window(steps: Steps, season: int, horizon: int, inferences: list[Inference]) -> int:
    """Two seasons where these are not too long, else one; at most a third of the training rows of the shortest series."""
    wanted = next((window for window in (2 * season, season) if 0 < window <= LONGEST), UNKNOWN)
    most = max(1, int(TRAINING * steps.shortest) // 3 - horizon + 1)
    window = min(wanted, most)
    why = {2 * season: " (two seasons)", season: " (one season)"}.get(window, "")
    why = " (a third of the training rows)" if window < wanted else why
    inferences.append(Inference(f"input window: {count(window, steps.unit)}{why}", ("window",)))
    return window


def _stride(steps: Steps, window: int, horizon: int, inferences: list[Inference]) -> int:
    windows = int(TRAINING * steps.rows) - steps.series * (window + horizon - 1)
    stride = max(1, -(-windows // WINDOWS))
    if stride > 1:
        inferences.append(
            Inference(f"trains on 1 in {stride} of {windows:,} windows, to have at most {WINDOWS:,}", ("stride",))
        )
    return stride


def _left_out(head: Any, used: set[str], chosen: Options, inferences: list[Inference]) -> None:
    left = [str(name) for name in head.columns if name not in {*used, *idle(head)}]
    if left and "covariates" not in chosen:
        inferences.append(Inference(f"not used as inputs: {several(left, SHOWN)}", ("covariates",)))
