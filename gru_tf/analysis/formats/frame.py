"""Every run of an experiment as a tidy pandas frame, one row a run, and the same frame back from CSV and JSON.

Rows stand in the experiment's order of tasks and cells, trials before final seeds. `COLUMNS` of
`gru_tf.analysis.formats.columns` says what each column is; `test_NAME` and `chance_NAME` follow where a task has further
test metrics. What a run has not got is missing: NA in the frame, an empty field in CSV, null in JSON; so is a number that is
not a number.
"""

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gru_tf.analysis.formats.columns import COLUMNS, REAL, TEXT, TIME, TRUTH, WHOLE, kind_of
from gru_tf.analysis.table import baseline_place
from gru_tf.analysis.table_text import task_names
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.result import RunResult
from gru_tf.foundation.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

INFINITE = {math.inf: "Infinity", -math.inf: "-Infinity"}  # in JSON, which has no number for them
MOST_STEPS = 48  # ahead, for each of which a frame has a column
Categories = Mapping[str, Sequence[str]]


def categories(experiment: Experiment) -> dict[str, list[str]]:
    """The values that the columns task and cell can have, in the experiment's order."""
    return {"task": list(task_names(experiment).values()), "cell": [cell.label for cell in experiment.cells]}


def baselines(results: Iterable[RunResult]) -> list[str]:
    """The names of the baselines that have a result, which the column cell has as well, behind the cells."""
    fitted = {result.run.cell.label for result in results if result.run.purpose == "baseline"}
    return sorted(fitted, key=baseline_place)


def frame(experiment: Experiment, results: Iterable[RunResult]) -> "pd.DataFrame":
    """The runs of an experiment, those of another one left out."""
    results = list(results)
    names, values, known = task_names(experiment), _values(_sorted(experiment, results)), categories(experiment)
    known["cell"] += baselines(results)
    return _typed({**values, "task": [names[label] for label in values["task"]]}, known)


def _sorted(experiment: Experiment, results: Sequence[RunResult]) -> list[RunResult]:
    labels = categories(experiment)["cell"] + baselines(results)
    pairs = [(task.label, label) for task in experiment.tasks for label in labels]
    places = {pair: place for place, pair in enumerate(pairs)}
    by_pair = [((result.run.task.label, result.run.cell.label), result) for result in results]
    keyed = [
        ((places[pair], result.run.purpose == "final", result.run.seed, result.started, result.run.fingerprint), result)
        for pair, result in by_pair
        if pair in places
    ]
    return [result for _, result in sorted(keyed, key=lambda pair: pair[0])]


def _values(results: Sequence[RunResult]) -> dict[str, list[Any]]:
    values = {column.name: [column.read(result) for result in results] for column in COLUMNS}
    for name in dict.fromkeys(name for result in results for name in result.more):
        values[f"test_{name}"] = [result.more.get(name) for result in results]
    steps = dict.fromkeys(step for result in results for step in result.parts.get("step", {}))
    for step in steps if len(steps) <= MOST_STEPS else ():
        of_step = [result.parts.get("step", {}).get(step, {}).get(result.metric) for result in results]
        values[f"test_step_{step}"] = of_step
    for name in dict.fromkeys(name for result in results for name in result.chances):
        values[f"chance_{name}"] = [result.chances.get(name) for result in results]
    return values


def _typed(values: Mapping[str, Iterable[Any]], known: Categories) -> "pd.DataFrame":
    """A frame of these columns, each of its kind; a column that is none of ours as pandas takes it."""
    import pandas as pd

    columns = {name: _column(kind_of(name), list(column), known.get(name)) for name, column in values.items()}
    return pd.DataFrame(columns)


def _column(kind: str | tuple[str, ...] | None, values: list[Any], known: Sequence[str] | None) -> Any:
    import pandas as pd

    if isinstance(kind, tuple):
        return pd.Categorical(values, categories=_checked(values, list(known or kind or dict.fromkeys(values))))
    if kind == TIME:
        return pd.Series(pd.to_datetime(values, unit="ms", utc=True).as_unit("ms"), dtype=TIME)
    if kind == TEXT:
        values = [_word(value) for value in values]
    if kind == REAL:
        values = [math.nan if value is None else float(value) for value in values]
    return pd.Series(values, dtype=kind)


def _checked(values: Iterable[Any], order: list[str]) -> list[str]:
    for value in dict.fromkeys(values):
        if value is not None and value not in order:
            near = did_you_mean(str(value), order)
            raise UserError(f"a run is of '{value}', which the experiment does not name.{near} It names: {', '.join(order)}")
    return order


def _word(value: Any) -> str | None:
    """Text, with true and false as YAML writes them; None for none."""
    return str(value).lower() if isinstance(value, bool) else str(value) if value not in (None, "") else None


def csv(runs: "pd.DataFrame") -> str:
    """The frame as CSV with a heading; every float in as many digits as give it back."""
    return str(runs.to_csv(index=False, lineterminator="\n"))


def read_csv(source: str | Path, experiment: Experiment | None = None) -> "pd.DataFrame":
    """The frame of a CSV file that `gru-tf results NAME --format csv` or the frame's own `to_csv(index=False)` wrote.

    Args:
        source: the file, or its text.
        experiment: whose tasks and cells, in their order, are the categories; those found in the file if None.

    Raises:
        UserError: for a task or cell that the experiment does not name.
    """
    import pandas as pd

    text = source if isinstance(source, str) and "\n" in source else Path(source).read_bytes().decode()
    raw = pd.read_csv(io.StringIO(text, newline=""), dtype=str, keep_default_na=False)
    values = {name: [_read(kind_of(name), field) for field in raw[name]] for name in raw}
    return _typed(values, categories(experiment) if experiment else {})


def _read(kind: str | tuple[str, ...] | None, field: str) -> Any:
    """The value of a field of CSV."""
    if field == "":
        return None
    if kind == TIME:
        return _milliseconds(field)
    if kind == TRUTH:
        return field == "True"
    return int(field) if kind == WHOLE else float(field) if kind == REAL else field


def _milliseconds(text: str) -> int:
    from datetime import datetime

    return round(1000 * datetime.fromisoformat(text).timestamp())


def records(runs: "pd.DataFrame") -> list[dict[str, Any]]:
    """The rows as JSON can have them: None for what is missing, text for times and what is infinite."""
    columns = {name: [_plain(value) for value in runs[name].astype(object)] for name in runs}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(value: Any) -> Any:
    import pandas as pd

    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return plain(value)


def plain(value: Any) -> Any:
    """A number as JSON can have it: None for one that is not a number, "Infinity" for what is infinite."""
    if isinstance(value, float):
        return None if math.isnan(value) else INFINITE.get(value, value)
    return value


def from_records(rows: Sequence[Mapping[str, Any]], known: Categories) -> "pd.DataFrame":
    """The frame whose `records` these are.

    Args:
        rows: a mapping a run, all with the same keys.
        known: the values of the columns task and cell, in their order, as `categories` gives them.
    """
    names = list(rows[0]) if rows else [column.name for column in COLUMNS]
    values = {name: [row[name] for row in rows] for name in names}
    if "started" in values:
        values["started"] = [_milliseconds(text) for text in values["started"]]
    return _typed(values, known)
