"""The options of a forecast that the user left open: times, target, series, window, season, stride."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, get_args

from gru_tf.analysis.wording import listed
from gru_tf.data.own import columns, files, time_columns
from gru_tf.data.own.calendar_features import FEATURES
from gru_tf.data.own.date_texts import DateOrder
from gru_tf.data.own.local_time import wrong_zone
from gru_tf.foundation.errors import UserError, several, shown
from gru_tf.foundation.option_spelling import spelled
from gru_tf.suite.comparison.guess import lifetimes
from gru_tf.suite.comparison.guess.columns import Inference, idle, is_number, named, numeric, times
from gru_tf.suite.comparison.guess.season import Steps, count, steps_of

LONGEST = 200  # steps of an inferred window
UNKNOWN = 24  # steps of an inferred window where no season is known
WINDOWS = 50_000  # that train, about
TRAINING = 0.65  # share of the time axis, what the task's defaults leave for training
SHOWN = 4  # names in a line
MOST_IDS = 8  # columns of which pairs are tried

Options = Mapping[str, Any]


def guess(path: str, head: Any, chosen: Options, inferences: list[Inference]) -> tuple[dict[str, Any], str]:
    """The options of a forecast, and a summary of it in words; each inferred option is added to `inferences`.

    Raises:
        UserError: where a column is not there, or several could be meant.
    """
    head = columns.joined(head, _one(chosen.get("group")))
    columns.have(head, [*chosen.get("target", ()), *_one(chosen.get("group"))], path)
    runs = lifetimes.counted(head) if not {"time", "group"} & chosen.keys() and not times(head) else None
    if runs is not None:
        inferences.append(Inference(f"each '{runs[0]}' is a series, in the order of '{runs[1]}'", ("group", "time")))
        chosen = {**chosen, "group": runs[0], "time": (runs[1],)}
    time = _time(path, head, chosen, inferences)
    if "known" in chosen:  # they are covariates as well
        both = dict.fromkeys([*chosen.get("covariates", ()), *chosen["known"]])
        chosen = {**chosen, "covariates": tuple(both)}
    covariates = [name for name in chosen.get("covariates", ()) if not time or name not in FEATURES]
    columns.have(head, covariates, f"{path}: {spelled('covariates')}")
    if "zone" in chosen and (wrong := wrong_zone(chosen["zone"])):
        raise UserError(f"{spelled('zone')}: {wrong}")
    if chosen.get("dates") not in (None, *get_args(DateOrder)):
        raise UserError(f"{spelled('dates')}: received '{chosen['dates']}', expected {' or '.join(get_args(DateOrder))}")
    reading = {"order": chosen.get("dates"), "zone": chosen.get("zone")}
    target = _target(path, head, chosen, time, inferences)
    group = chosen.get("group")
    steps = steps_of(path, time or None, group, target[0], reading)
    if steps.repeated and group is None:
        group = _group(path, head, time, {*target}, inferences)
        steps = steps_of(path, time, group, target[0], reading)
    if steps.step and not {"horizon", "window", "season"} <= chosen.keys():
        inferences.append(Inference(f"times step by {steps.step}", ("time",)))
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
    head = columns.joined(head, _one(group))
    _left_out(head, {*target, *time, *_one(group)}, chosen, inferences)
    options = {
        "target": target,
        "time": time[0] if len(time) == 1 else time,
        "group": group,
        "covariates": chosen.get("covariates", ()),
        "known": chosen.get("known", ()),
    }
    options |= {"window": window, "horizon": horizon, "season": season, "stride": stride}
    options |= {"relative": chosen.get("relative", True)}
    options |= {name: chosen.get(name) for name in ("missing", "zone", "dates", "gaps", "split", "layout", "quoting")}
    options |= {"backtest": chosen["backtest"], "draws": "drawn"} if chosen.get("backtest") else {}
    of = f" in {steps.series} series" if group else ""
    ahead = f"{count(horizon, steps.unit)} ahead from windows of {count(window, steps.unit)}"
    summary = f"a forecast of {', '.join(target)}, {ahead} ({steps.rows:,} rows{of})"
    return {name: value for name, value in options.items() if value not in (None, ())}, summary


def _one(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)


def _time(path: str, head: Any, chosen: Options, inferences: list[Inference]) -> tuple[str, ...]:
    """The columns of times: one, those of the parts of a time, or none."""
    if "time" in chosen:
        names = (chosen["time"],) if isinstance(chosen["time"], str) else tuple(chosen["time"])
        whole = [name for name in map(str, head.columns) if name.replace(" ", "") == ",".join(names).replace(" ", "")]
        columns.have(head, whole[:1] or names, f"{path}: {spelled('time')}")
        return tuple(whole[:1]) or names  # a name may have a comma in it
    parts = time_columns.recognised(head.drop(columns=list(chosen.get("target", ()))))
    if parts:
        inferences.append(Inference(f"times: columns {_quoted(parts)}, joined", ("time",)))
        return parts
    candidates = [name for name in times(head) if name not in chosen.get("target", ())]
    if len(candidates) > 1:
        raise UserError(f"{path}: specify the column of times ({spelled('time')}). Candidates: {several(candidates)}")
    words = f"times: column '{candidates[0]}'" if candidates else "no column of times: rows in file order"
    inferences.append(Inference(words, ("time",)))
    return tuple(candidates)


def _quoted(names: Sequence[str]) -> str:
    return listed([f"'{name}'" for name in names], "and")


def _target(path: str, head: Any, chosen: Options, time: Sequence[str], inferences: list[Inference]) -> tuple[str, ...]:
    if chosen.get("target"):
        return tuple(chosen["target"])
    taken = {*time, chosen.get("group"), *chosen.get("covariates", ()), *named(head, ("id",)), *idle(head)}
    candidates = [name for name in numeric(head) if name not in taken]
    if len(candidates) != 1:
        what = f"Candidates: {several(candidates)}" if candidates else _no_numbers(head, taken)
        several_series = f", or {spelled('layout')} columns where each is a series" if len(candidates) > 1 else ""
        raise UserError(f"{path}: specify the column to predict ({spelled('target')}){several_series}. {what}")
    inferences.append(Inference(f"predicts '{candidates[0]}', the only other numeric column", ("target",)))
    return (candidates[0],)


def _no_numbers(head: Any, taken: set[Any]) -> str:
    """The columns that are left, each with a value, so that a decimal comma or a unit is seen."""
    left = [name for name in map(str, head.columns) if name not in taken]
    first = [head[name].dropna() for name in left]
    examples = [f"{c.name}, such as {shown(str(c.iloc[0]))}" if len(c) else f"{c.name}, all empty" for c in first]
    return f"No other column is numeric: {several(examples or list(map(str, head.columns)), SHOWN)}"


def _group(path: str, head: Any, time: Sequence[str], taken: set[str], inferences: list[Inference]) -> str | None:
    """The one column that separates rows of the same time; None leaves it to the task to name two such rows."""
    others = [name for name in map(str, head.columns) if name not in time and name not in taken]
    whole = [n for n in others if (not is_number(head[n]) or head[n].dtype.kind in "iu") and not head[n].isna().any()]
    whole = [name for name in whole if not head.duplicated([*time, name]).any()]
    table, candidates = files.read_table(path, [*time, *whole]), []  # once, for all of them
    for name in whole:
        frame = table[[*time, name]]
        if not frame.duplicated().any() and frame[name].nunique() <= len(frame) // 2:
            candidates.append(name)
    if not candidates:
        pairs = [n for n in others if not is_number(head[n]) or head[n].dtype.kind in "iu"]
        candidates = _pairs(path, time, [name for name in pairs if head[name].nunique() <= len(head) // 2])
    if len(candidates) != 1:
        return None
    inferences.append(Inference(f"each '{candidates[0]}' is a series, because times repeat", ("group",)))
    return candidates[0]


def _pairs(path: str, time: Sequence[str], names: list[str]) -> list[str]:
    """The pairs of columns, such as "store+item", that separate rows of the same time where no column alone does."""
    if not 1 < len(names) <= MOST_IDS:
        return []
    table = files.read_table(path, [*time, *names])
    pairs = [list(pair) for pair in combinations(names, 2) if not table.duplicated([*time, *pair]).any()]
    return [columns.JOINT.join(pair) for pair in pairs[:1]]


def _window(steps: Steps, season: int, horizon: int, inferences: list[Inference]) -> int:
    """Two seasons where these are not too long, else one; at most a third of the training rows of the typical series."""
    wanted = next((window for window in (2 * season, season) if 0 < window <= LONGEST), UNKNOWN)
    most = max(1, int(TRAINING * steps.typical) // 3 - horizon + 1)
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
    used = {*used, *idle(head)}
    left = [str(name) for name in head.columns if name not in used]
    if left and "covariates" not in chosen:
        inferences.append(Inference(f"not used as inputs: {several(left, SHOWN)}", ("covariates",)))
